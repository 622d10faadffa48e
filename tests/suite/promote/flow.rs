//! Releases on their way.

use super::stage::{Button, ENVIRONMENTS, Stage};
use mergeline::host::StatusState;

/// Everything that is delivered carries our own verdict on the branch's head.
async fn assert_delivered(stage: &Stage, environment: &str, image: &str) {
    let posted = stage.evidence(environment).await.unwrap_or_else(|| panic!("no verdict on env/{environment}"));
    assert_eq!(posted.status.state, StatusState::Success, "{posted:?}");
    assert!(stage.cluster(environment).contains(image), "{environment} lacks {image}");
}

pub(super) async fn one_run_brings_a_release_to_dev_and_staging_and_proposes_it_to_prod(stage: &Stage) {
    let done = stage.run().await;
    for environment in ["dev", "staging"] {
        assert_delivered(stage, environment, "example.com/web:1.0").await;
    }
    assert!(stage.cluster("prod").is_empty());
    let promotion = stage.promotion("prod").await;
    assert_eq!(promotion.base_branch, "env/prod");
    assert_eq!(promotion.title, "prod: first release");
    assert!(promotion.body.contains("a person merges it"), "{}", promotion.body);
    assert_eq!(stage.comments(promotion.number).len(), 1);
    assert_eq!(done.board.iter().map(|row| row.environment.as_str()).collect::<Vec<_>>(), ENVIRONMENTS);
    let next = done.board[2].next.as_deref().unwrap();
    assert!(next.contains(&format!("in #{}: a person merges it", promotion.number)), "{next}");
    assert_eq!(done.board[1].healthy, Some((2, 2)));
}

pub(super) async fn a_second_run_writes_nothing(stage: &Stage) {
    stage.run().await;
    let before = stage.everything();
    assert_eq!(stage.writes_of_a_run().await, Vec::<String>::new());
    assert_eq!(stage.everything(), before);
    // Nor once a person merged and all is delivered.
    stage.merge(stage.promotion("prod").await.number, Button::Merge).await;
    stage.run().await;
    let before = stage.everything();
    assert_eq!(stage.writes_of_a_run().await, Vec::<String>::new());
    assert_eq!(stage.everything(), before);
}

async fn a_merge_is_recognised(stage: &Stage, button: Button) {
    stage.run().await;
    for version in ["1.1", "1.2"] {
        stage.merge(stage.promotion("prod").await.number, button).await;
        stage.run().await;
        assert!(stage.open("prod").await.is_empty());
        stage.release("web", version, &ENVIRONMENTS);
        stage.run().await;
        let promotion = stage.promotion("prod").await;
        assert!(promotion.title.contains(&format!("→ {version}")), "{}", promotion.title);
        let listed = format!("Bring web {version}");
        assert!(promotion.body.contains(&listed), "{}", promotion.body);
    }
    stage.merge(stage.promotion("prod").await.number, button).await;
    stage.run().await;
    assert_delivered(stage, "prod", "example.com/web:1.2").await;
}

pub(super) async fn a_merge_commit_is_recognised_and_applied(stage: &Stage) {
    a_merge_is_recognised(stage, Button::Merge).await;
}

pub(super) async fn a_squash_is_recognised_and_applied(stage: &Stage) {
    a_merge_is_recognised(stage, Button::Squash).await;
}

pub(super) async fn a_rebase_is_recognised_and_applied(stage: &Stage) {
    a_merge_is_recognised(stage, Button::Rebase).await;
}

/// The trailers may be gone from a squash, and its tree is not the candidate's any more.
pub(super) async fn a_squashed_release_is_still_known_when_the_next_one_comes(stage: &Stage) {
    stage.run().await;
    stage.merge(stage.promotion("prod").await.number, Button::Squash).await;
    stage.release("web", "1.1", &ENVIRONMENTS);
    let done = stage.run().await;
    assert_delivered(stage, "prod", "example.com/web:1.0").await;
    assert!(done.report.findings.iter().all(|finding| finding.rule != "environment-edited"), "{:?}", done.report);
    assert_eq!(stage.promotion("prod").await.title, "prod: web 1.0 → 1.1");
}

async fn a_merge_behind_newer_releases_is_recognised(stage: &Stage, button: Button, newer: &[&str]) {
    stage.shallow.set(true);
    stage.run().await;
    stage.merge(stage.promotion("prod").await.number, button).await;
    for version in newer {
        stage.release("web", version, &ENVIRONMENTS);
    }
    stage.run().await;
    assert_delivered(stage, "prod", "example.com/web:1.0").await;
    assert_eq!(stage.promotion("prod").await.title, format!("prod: web 1.0 → {}", newer[newer.len() - 1]));
}

/// The job's clone ends one commit above the release that was merged: it is known by name, and not there.
pub(super) async fn a_release_right_below_the_end_of_a_shallow_clone_is_recognised(stage: &Stage) {
    a_merge_behind_newer_releases_is_recognised(stage, Button::Merge, &["1.1"]).await;
}

pub(super) async fn a_squashed_release_far_below_a_shallow_clone_is_recognised(stage: &Stage) {
    a_merge_behind_newer_releases_is_recognised(stage, Button::Squash, &["1.1", "1.2", "1.3"]).await;
}

pub(super) async fn a_shallow_clone_proposes_what_a_whole_one_does(stage: &Stage) {
    stage.run().await;
    stage.merge(stage.promotion("prod").await.number, Button::Merge).await;
    stage.run().await;
    for version in ["1.1", "1.2", "1.3"] {
        stage.release("web", version, &ENVIRONMENTS);
    }
    stage.run().await;
    let proposed = stage.promotion("prod").await;
    stage.shallow.set(true);
    assert_eq!(stage.writes_of_a_run().await, Vec::<String>::new());
    assert_eq!(stage.promotion("prod").await, proposed);
}
