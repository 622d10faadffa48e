//! What only a real host has: CI files on environment branches, and requests to count.

use super::github::GitHub;
use super::stage::{Button, Stage};

const WORKFLOW: &str = "on: {push: {branches: [main, 'env/**']}}\njobs: {it: {runs-on: nowhere, steps: [{uses: mergeline/mergeline@v1}]}}\n";
const PATH: &str = ".gitea/workflows/mergeline.yaml";

#[tokio::test]
async fn environment_branches_carry_the_ci_file_byte_for_byte_and_it_is_no_change() {
    let Some(stage) = Stage::gitea() else { return };
    stage.commit("main", &[(PATH.to_owned(), WORKFLOW.to_owned())], "Call Mergeline");
    stage.run().await;
    for branch in ["env/dev", "env/staging", "mergeline/promote/prod"] {
        assert_eq!(stage.file(branch, PATH).as_deref(), Some(WORKFLOW), "{branch}");
    }
    assert!(!stage.cluster("dev").contains("nowhere"));
    stage.merge(stage.promotion("prod").await.number, Button::Merge).await;
    stage.run().await;
    assert!(stage.cluster("prod").contains("web:1.0"));
    stage.commit("main", &[(PATH.to_owned(), format!("# newer\n{WORKFLOW}"))], "Say more");
    assert_eq!(stage.writes_of_a_run().await, Vec::<String>::new());
}

/// The budget of a run that finds nothing to do is six requests; the wait for a person costs one more.
#[tokio::test]
async fn a_run_with_nothing_to_do_costs_six_requests() {
    let Some(stage) = Stage::gitea() else { return };
    let place = stage.rig();
    stage.run().await;
    place.take_requests();
    assert_eq!(stage.writes_of_a_run().await, Vec::<String>::new());
    assert_eq!(place.take_requests(), 7);
    stage.merge(stage.promotion("prod").await.number, Button::Merge).await;
    stage.run().await;
    place.take_requests();
    assert_eq!(stage.writes_of_a_run().await, Vec::<String>::new());
    assert_eq!(place.take_requests(), 6);
}

/// A job's own token may not write workflows: none are carried, and nothing is refused because of them.
#[tokio::test]
async fn with_a_jobs_token_of_github_no_workflow_is_carried() {
    let Some(stage) = Stage::github() else { return };
    let path = ".github/workflows/mergeline.yml";
    stage.commit("main", &[(path.to_owned(), WORKFLOW.to_owned())], "Call Mergeline");
    stage.run().await;
    for branch in ["env/dev", "env/staging", "mergeline/promote/prod"] {
        assert_eq!(stage.file(branch, path), None, "{branch}");
    }
    assert!(stage.cluster("dev").contains("web:1.0"));
}

/// With an App's token they are, so that a person's merge starts a run.
#[tokio::test]
async fn with_an_apps_token_of_github_the_workflow_is_carried() {
    let Some(rig) = GitHub::as_app() else { return };
    let stage = Stage::hosted(rig);
    let path = ".github/workflows/mergeline.yml";
    stage.commit("main", &[(path.to_owned(), WORKFLOW.to_owned())], "Call Mergeline");
    stage.run().await;
    for branch in ["env/dev", "env/staging", "mergeline/promote/prod"] {
        assert_eq!(stage.file(branch, path).as_deref(), Some(WORKFLOW), "{branch}");
    }
}

/// As on Gitea: the question who the token acts as is one of them.
#[tokio::test]
async fn a_run_with_nothing_to_do_costs_six_requests_on_github() {
    let Some(stage) = Stage::github() else { return };
    stage.run().await;
    stage.merge(stage.promotion("prod").await.number, Button::Merge).await;
    stage.run().await;
    stage.rig().take_requests();
    assert_eq!(stage.writes_of_a_run().await, Vec::<String>::new());
    assert_eq!(stage.rig().take_requests(), 6);
}

/// GitLab's CI file is one at the root, and every token that may push may write it.
#[tokio::test]
async fn on_gitlab_the_ci_file_is_carried_and_a_run_with_nothing_to_do_costs_six_requests() {
    let stage = Stage::gitlab();
    let text = "include:\n  - component: $CI_SERVER_FQDN/mergeline/mergeline/mergeline@v1\n";
    stage.commit("main", &[(".gitlab-ci.yml".to_owned(), text.to_owned())], "Call Mergeline");
    stage.run().await;
    for branch in ["env/dev", "env/staging", "mergeline/promote/prod"] {
        assert_eq!(stage.file(branch, ".gitlab-ci.yml").as_deref(), Some(text), "{branch}");
    }
    stage.merge(stage.promotion("prod").await.number, Button::Merge).await;
    stage.run().await;
    stage.commit("main", &[(".gitlab-ci.yml".to_owned(), format!("# newer\n{text}"))], "Say more");
    stage.rig().take_requests();
    assert_eq!(stage.writes_of_a_run().await, Vec::<String>::new());
    assert_eq!(stage.rig().take_requests(), 6);
}
