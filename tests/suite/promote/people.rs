//! What people do to promotions and branches, and how it is respected.

use super::stage::{Button, CONFIGURATION, ENVIRONMENTS, Stage, app};
use mergeline::finding::Finding;
use mergeline::host::PullRequestState;
use mergeline::run::Reconciled;

fn file(path: &str, text: &str) -> (String, String) {
    (path.to_owned(), text.to_owned())
}

fn next<'a>(done: &'a Reconciled, environment: &str) -> &'a str {
    let row = done.board.iter().find(|row| row.environment == environment).unwrap();
    row.next.as_deref().unwrap_or_default()
}

fn findings<'a>(done: &'a Reconciled, rule: &str) -> Vec<&'a Finding> {
    done.report.findings.iter().filter(|finding| finding.rule == rule).collect()
}

/// Everything of version 1 is everywhere.
async fn settle(stage: &Stage) {
    stage.run().await;
    stage.merge(stage.promotion("prod").await.number, Button::Merge).await;
    stage.run().await;
}

pub(super) async fn a_release_that_changes_nothing_for_prod_opens_no_pull_request(stage: &Stage) {
    settle(stage).await;
    let head = stage.head("env/prod");
    stage.release("web", "1.1", &["dev", "staging"]);
    let done = stage.run().await;
    assert!(stage.open("prod").await.is_empty());
    assert_eq!(stage.head("env/prod"), head);
    assert_eq!(next(&done, "prod"), "");
    let release = done.board[2].release.as_ref().unwrap();
    assert_eq!(release.1, "Bring web 1.1", "prod counts as having it");
}

pub(super) async fn a_newer_release_updates_the_open_pull_request(stage: &Stage) {
    settle(stage).await;
    stage.release("web", "1.1", &ENVIRONMENTS);
    stage.run().await;
    let first = stage.promotion("prod").await;
    stage.release("web", "1.2", &ENVIRONMENTS);
    stage.run().await;
    let second = stage.promotion("prod").await;
    assert_eq!(second.number, first.number);
    assert_eq!((first.title.as_str(), second.title.as_str()), ("prod: web 1.0 → 1.1", "prod: web 1.0 → 1.2"));
    assert_ne!(second.head, first.head);
    assert_eq!(stage.comments(second.number).len(), 1);
}

/// Approvals are kept: its head does not move.
pub(super) async fn a_release_that_brings_prod_the_same_leaves_the_open_pull_request(stage: &Stage) {
    settle(stage).await;
    stage.release("web", "1.1", &ENVIRONMENTS);
    stage.run().await;
    let first = stage.promotion("prod").await;
    stage.commit("main", &[file("README.md", "# The shop\n")], "Say what it is");
    stage.run().await;
    assert_eq!(stage.promotion("prod").await, first);
    stage.merge(first.number, Button::Merge).await;
    stage.run().await;
    assert!(stage.cluster("prod").contains("web:1.1"));
}

pub(super) async fn a_closed_pull_request_rejects_that_release_and_no_newer_one(stage: &Stage) {
    settle(stage).await;
    stage.release("web", "1.1", &ENVIRONMENTS);
    stage.run().await;
    let rejected = stage.promotion("prod").await;
    stage.close(rejected.number);
    let done = stage.run().await;
    assert!(stage.open("prod").await.is_empty());
    assert!(next(&done, "prod").contains("rejected"), "{}", next(&done, "prod"));
    // The same content under another release is the same promotion.
    stage.commit("main", &[file("README.md", "# The shop\n")], "Say what it is");
    stage.run().await;
    assert!(stage.open("prod").await.is_empty());
    stage.release("web", "1.2", &ENVIRONMENTS);
    stage.run().await;
    let newer = stage.promotion("prod").await;
    assert!(newer.number > rejected.number);
    assert_eq!(newer.title, "prod: web 1.0 → 1.2");
}

/// We closed it because it had become idle: that is no rejection.
pub(super) async fn a_release_that_came_back_is_proposed_again(stage: &Stage) {
    settle(stage).await;
    stage.release("web", "1.1", &ENVIRONMENTS);
    stage.run().await;
    let first = stage.promotion("prod").await;
    stage.release("web", "1.0", &ENVIRONMENTS);
    stage.run().await;
    assert!(stage.open("prod").await.is_empty());
    let closed = stage.pulls().await.into_iter().find(|pull| pull.number == first.number).unwrap();
    assert_eq!(closed.state, PullRequestState::Closed);
    assert!(stage.comments(first.number).iter().any(|comment| comment.contains("has what this promotion would bring")));
    stage.release("web", "1.1", &ENVIRONMENTS);
    stage.run().await;
    assert_eq!(stage.promotion("prod").await.title, "prod: web 1.0 → 1.1");
}

pub(super) async fn an_edited_promotion_is_left_alone(stage: &Stage) {
    settle(stage).await;
    stage.release("web", "1.1", &ENVIRONMENTS);
    stage.run().await;
    let branch = "mergeline/promote/prod";
    let path = "web/default/Deployment.apps-web.yaml";
    let text = stage.file(branch, path).unwrap().replace("web:1.1", "web:1.1-hotfix");
    let edit = stage.commit(branch, &[file(path, &text)], "Fix it here");
    stage.release("web", "1.2", &ENVIRONMENTS);
    let done = stage.run().await;
    assert_eq!(stage.head(branch), edit);
    assert_eq!(findings(&done, "promotion-edited").len(), 1);
    // Merged, it is a hand edit of the environment: shown, not applied.
    stage.merge(stage.promotion("prod").await.number, Button::Merge).await;
    let done = stage.run().await;
    assert_eq!(findings(&done, "environment-edited").len(), 1);
    assert!(!stage.cluster("prod").contains("hotfix"));
    // Brought into the default branch, it is a release like any other, and promotion goes on.
    stage.release("web", "1.1-hotfix", &ENVIRONMENTS);
    stage.run().await;
    assert!(stage.cluster("prod").contains("hotfix"));
    stage.release("web", "1.3", &ENVIRONMENTS);
    stage.run().await;
    assert_eq!(stage.promotion("prod").await.title, "prod: web 1.1-hotfix → 1.3");
}

pub(super) async fn a_hand_edit_of_an_environment_blocks_with_the_exact_paths(stage: &Stage) {
    settle(stage).await;
    let path = "web/default/Deployment.apps-web.yaml";
    let good = stage.file("env/prod", path).unwrap();
    let trailers = format!("Promotion-Environment: prod\nPromotion-Release: {}\n", stage.head("main"));
    // It claims to be a promotion.
    let message = format!("prod: web changed\n\n{trailers}");
    let edit = stage.commit("env/prod", &[file(path, &good.replace("web:1.0", "web:evil"))], &message);
    stage.release("api", "1.1", &ENVIRONMENTS);
    let done = stage.run().await;
    let found = findings(&done, "environment-edited");
    assert_eq!(found.len(), 1);
    assert!(found[0].message.ends_with(&format!("differs in `{path}`")), "{}", found[0].message);
    assert_eq!(stage.head("env/prod"), edit);
    assert!(!stage.cluster("prod").contains("evil"));
    assert!(stage.evidence("prod").await.is_none());
    assert!(stage.open("prod").await.is_empty());
    // Taken back, all goes on.
    stage.commit("env/prod", &[file(path, &good)], "Take it back");
    let done = stage.run().await;
    assert!(findings(&done, "environment-edited").is_empty(), "{:?}", done.report.findings);
    assert_eq!(stage.promotion("prod").await.title, "prod: api 1.0 → 1.1");
}

/// Its subtree is kept from the branch, so the branch's own edit comes out of the render again.
pub(super) async fn a_hand_edit_is_not_believed_while_its_unit_fails_to_render(stage: &Stage) {
    settle(stage).await;
    let release = stage.commit("main", &[file("apps/web/prod/all.yaml", "kind: [\n")], "Break web in prod");
    let path = "web/default/Deployment.apps-web.yaml";
    let bad = stage.file("env/prod", path).unwrap().replace("web:1.0", "web:evil");
    stage.commit("env/prod", &[file(path, &bad)], "Edit");
    let forged = format!("Edit\n\nPromotion-Environment: prod\nPromotion-Release: {release}\n");
    stage.commit("env/prod", &[], &forged);
    let done = stage.run().await;
    assert!(!stage.cluster("prod").contains("evil"));
    assert_eq!(findings(&done, "environment-edited").len(), 1, "{:?}", done.report.findings);
}

pub(super) async fn a_unit_that_fails_to_render_holds_every_landing(stage: &Stage) {
    settle(stage).await;
    let heads = ENVIRONMENTS.map(|environment| stage.head(&format!("env/{environment}")));
    let broken = ["staging", "prod"].map(|environment| file(&format!("apps/web/{environment}/all.yaml"), "kind: [\n"));
    let mut files = broken.to_vec();
    files.push(app("api", "staging", "1.1"));
    stage.commit("main", &files, "Break web, bring api 1.1");
    let done = stage.run().await;
    let promotion = stage.promotion("staging").await;
    assert!(promotion.body.contains("web failed to render"), "{}", promotion.body);
    assert!(next(&done, "staging").contains("web failed to render and keeps its former state"), "{:?}", done.board);
    assert!(
        stage.file("mergeline/promote/staging", "web/default/Deployment.apps-web.yaml").unwrap().contains("web:1.0")
    );
    assert_eq!(stage.head("env/staging"), heads[1]);
    // dev follows by itself, and its own landing is held as well.
    let dev = stage.head("env/dev");
    stage.commit("main", &[file("apps/web/dev/all.yaml", "kind: [\n"), app("api", "dev", "1.1")], "Break web in dev");
    let done = stage.run().await;
    assert_eq!(stage.head("env/dev"), dev);
    assert!(next(&done, "dev").contains("web failed to render"), "{:?}", done.board);
    assert_eq!(done.report.verdict, mergeline::report::Verdict::Fail);
}

pub(super) async fn a_gate_that_cannot_be_judged_holds_the_landing_and_says_so(stage: &Stage) {
    stage.configure(&CONFIGURATION.replace("land: auto", "land: auto, gates: {soak: 1h}"));
    let done = stage.run().await;
    assert!(next(&done, "staging").contains("`gates.soak` is not supported yet"), "{:?}", done.board);
    assert!(stage.promotion("staging").await.body.contains("soak"));
    assert!(stage.cluster("staging").is_empty());
    assert_eq!(findings(&done, "not-supported").len(), 1);
}

pub(super) async fn a_removed_environment_closes_its_orphan_and_keeps_its_branch(stage: &Stage) {
    stage.run().await;
    let orphan = stage.promotion("prod").await.number;
    let head = stage.head("env/prod");
    let without: String =
        CONFIGURATION.lines().filter(|line| !line.contains("prod:")).map(|l| format!("{l}\n")).collect();
    stage.configure(&without);
    stage.run().await;
    assert!(stage.open("prod").await.is_empty());
    assert!(stage.comments(orphan).iter().any(|comment| comment.contains("has no environment `prod` any more")));
    assert_eq!(stage.head("env/prod"), head);
    assert_eq!(stage.writes_of_a_run().await, Vec::<String>::new());
    // Configured again, it is proposed again: nobody rejected it.
    stage.configure(CONFIGURATION);
    stage.run().await;
    assert!(stage.promotion("prod").await.number > orphan);
}

pub(super) async fn an_environment_that_moves_to_another_branch_leaves_no_promotion_behind(stage: &Stage) {
    stage.run().await;
    let old = stage.promotion("prod").await.number;
    stage.configure(&CONFIGURATION.replace("env/prod", "live/prod"));
    stage.run().await;
    let now = stage.promotion("prod").await;
    assert_ne!(now.number, old);
    assert_eq!(now.base_branch, "live/prod");
    assert_eq!(stage.writes_of_a_run().await, Vec::<String>::new());
}

/// Policy is that of the default branch.
pub(super) async fn a_configuration_that_is_only_proposed_has_no_effect(stage: &Stage) {
    settle(stage).await;
    stage.git_person(&["push", "--quiet", &stage.remote(), "HEAD:refs/heads/change"]);
    let eager = CONFIGURATION.replace("needs: [staging]", "needs: [staging], land: auto");
    stage.commit("change", &[file("mergeline.yaml", &eager)], "Land prod by itself");
    stage.release("web", "1.1", &ENVIRONMENTS);
    stage.run().await;
    assert!(!stage.cluster("prod").contains("web:1.1"));
    assert_eq!(stage.open("prod").await.len(), 1);
}
