//! Releases on their way over a bad network: GitHub's stub loses answers, and nothing is done twice.

use super::github::GitHub;
use super::stage::{Button, ENVIRONMENTS, Stage};
use mergeline_lab::stub::{Fault, Injection, Request};
use std::collections::HashSet;
use std::sync::Mutex;

/// True of each request once.
fn first_time() -> impl Fn(&Request) -> bool + Send {
    let seen = Mutex::new(HashSet::new());
    move |request| seen.lock().unwrap().insert((request.method.clone(), request.path.clone(), request.body.clone()))
}

/// What is on the host, without commits and numbers: those tell when something was done.
async fn end(stage: &Stage, github: &mergeline_lab::GitHub) -> String {
    let mut text = String::new();
    for pull in stage.pulls().await.iter().rev() {
        text += &format!("#{} {:?} {} {:?}\n", pull.number, pull.state, pull.title, pull.labels);
        for (_, author, body) in github.comments("acme/shop", pull.number) {
            text += &format!("  {author}: {}\n", body.lines().next().unwrap_or_default());
        }
        for (context, state, author) in github.statuses("acme/shop", pull.head.as_str()) {
            text += &format!("  {context} {state} {author}\n");
        }
    }
    for environment in ENVIRONMENTS {
        let head = stage.head_of(&format!("env/{environment}"));
        let states: Vec<_> = github.deployments("acme/shop", environment).into_iter().map(|(_, it)| it).collect();
        text += &format!("{environment}: {states:?} {:?}\n", github.statuses("acme/shop", &head));
    }
    text
}

async fn two_releases(stage: &Stage) {
    stage.run().await;
    stage.merge(stage.promotion("prod").await.number, Button::Merge).await;
    stage.release("web", "1.1", &ENVIRONMENTS);
    stage.run().await;
}

#[tokio::test]
async fn a_lost_answer_to_every_write_makes_nothing_twice() {
    let Some(calm) = GitHub::new() else { return };
    let (calm_stub, calm) = (calm.stub(), Stage::hosted(calm));
    two_releases(&calm).await;
    let wanted = end(&calm, calm_stub.service()).await;
    assert!(wanted.contains("[[\"success\", \"inactive\"], [\"success\"]]"), "{wanted}");
    let Some(lossy) = GitHub::new() else { return };
    let (stub, lossy) = (lossy.stub(), Stage::hosted(lossy));
    let first = first_time();
    stub.inject(Injection::next(Fault::DropAfter).matching(move |it| it.is_write() && first(it)).always());
    two_releases(&lossy).await;
    stub.calm();
    let lost = stub.log().iter().filter(|entry| entry.fault.is_some()).count();
    assert!(lost > 12, "{lost}");
    assert_eq!(end(&lossy, stub.service()).await, wanted);
    assert_eq!(lossy.writes_of_a_run().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_setting_that_forbids_pull_requests_is_named_and_everything_else_is_done() {
    let Some(rig) = GitHub::new() else { return };
    let (stub, stage) = (rig.stub(), Stage::hosted(rig));
    stub.service().let_jobs_create_pull_requests("acme/shop", false);
    let done = stage.try_run().await.unwrap();
    let failure = done.failure.unwrap();
    assert_eq!(failure.kind().exit_code(), 4);
    let hints = failure.hints().join(" ");
    assert!(hints.contains("Allow GitHub Actions to create and approve pull requests"), "{failure:?}");
    assert!(stage.cluster("dev").contains("web:1.0"));
    assert_ne!(stage.head_of("env/staging"), "");
    stub.service().let_jobs_create_pull_requests("acme/shop", true);
    stage.run().await;
    assert!(stage.cluster("staging").contains("web:1.0"));
}

#[tokio::test]
async fn a_required_status_holds_a_landing_until_it_is_good() {
    let Some(rig) = GitHub::new() else { return };
    let (stub, stage) = (rig.stub(), Stage::hosted(rig));
    stub.service().require_status("acme/shop", "env/staging", "security/scan");
    stub.service().allow_merge_methods("acme/shop", &["squash"]);
    let done = stage.run().await;
    let staging = done.board.iter().find(|row| row.environment == "staging").unwrap();
    assert!(staging.next.as_deref().unwrap_or_default().contains("security/scan"), "{staging:?}");
    assert!(!stage.cluster("staging").contains("web:1.0"));
    let head = stage.promotion("staging").await.head;
    stub.service().post_status("acme/shop", "scanner", head.as_str(), "security/scan", "success");
    stage.run().await;
    assert!(stage.cluster("staging").contains("web:1.0"));
}
