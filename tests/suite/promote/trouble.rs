//! Runs that die, race, or are refused.

use super::stage::{Button, CONFIGURATION, ENVIRONMENTS, Place, Stage};
use mergeline::failure::FailureKind;
use std::collections::BTreeSet;

#[tokio::test]
async fn a_run_that_dies_after_any_write_is_made_good_by_the_next_one() {
    let whole = Stage::local();
    let wanted = whole.writes_of_a_run().await;
    let end = whole.everything();
    assert!(wanted.len() > 12, "{wanted:#?}");
    for count in 1..=wanted.len() {
        let stage = Stage::local();
        stage.ledger.die_after(count);
        drop(stage.try_run().await);
        assert_eq!(stage.ledger.writes(), wanted[..count], "a dead run wrote");
        stage.ledger.revive();
        stage.run().await;
        let place = format!("died after write {count} ({})", wanted[count - 1]);
        assert_same(&stage.everything(), &end, &place);
        // What the dead run had done was not done again.
        let done = stage.ledger.writes();
        assert_eq!(done.len(), wanted.len(), "{place}: {done:#?}");
        let set = |writes: &[String]| writes.iter().cloned().collect::<BTreeSet<_>>();
        assert_eq!(set(&done), set(&wanted), "{place}");
    }
}

/// Names the first line that differs.
fn assert_same(one: &str, other: &str, what: &str) {
    let (one, other) = (on_the_host(one), on_the_host(other));
    let differ = one.lines().zip(other.lines()).find(|(one, other)| one != other);
    assert!(differ.is_none() && one.lines().count() == other.lines().count(), "{what}: {differ:#?}");
}

/// Refs, pull requests, comments, statuses and deployments; a cluster counts its requests.
fn on_the_host(everything: &str) -> &str {
    everything.split("CLUSTER ").next().unwrap()
}

#[tokio::test]
async fn two_runs_from_two_clones_make_the_same_commits() {
    let stage = Stage::local();
    let twin = Stage::local();
    twin.shallow.set(true);
    for stage in [&stage, &twin] {
        stage.run().await;
        stage.release("web", "1.1", &ENVIRONMENTS);
        stage.run().await;
    }
    assert_same(&stage.everything(), &twin.everything(), "whole and shallow");
}

#[tokio::test]
async fn a_lost_lease_is_answered_by_looking_again() {
    let stage = Stage::local();
    stage.run().await;
    stage.release("web", "1.1", &ENVIRONMENTS);
    let session = stage.session().await.unwrap();
    // This run has looked, and another one is faster.
    session.heads().unwrap();
    stage.release("web", "1.2", &ENVIRONMENTS);
    stage.run().await;
    let options = stage.options.borrow().clone();
    let done = mergeline::run::reconcile(&session, &options, &|_| {}).await.unwrap();
    assert!(done.failure.is_none(), "{:?}", done.failure);
    assert!(stage.cluster("dev").contains("web:1.2"));
    assert_eq!(stage.promotion("prod").await.title, "prod: first release");
    assert!(stage.file("mergeline/promote/prod", "web/default/Deployment.apps-web.yaml").unwrap().contains("web:1.2"));
}

#[tokio::test]
async fn a_refused_secret_stops_its_environment_before_anything_is_pushed() {
    let stage = Stage::local();
    stage.configure(&CONFIGURATION.replace("land: auto", "land: auto, secrets: refuse"));
    let secret =
        "apiVersion: v1\nkind: Secret\nmetadata: {name: key, namespace: default}\nstringData: {key: hunter2}\n";
    stage.commit("main", &[("apps/web/staging/key.yaml".to_owned(), secret.to_owned())], "Add a secret");
    let done = stage.try_run().await.unwrap();
    let failure = done.failure.unwrap();
    assert_eq!(failure.kind(), FailureKind::Refused);
    assert!(failure.message().contains("`secrets: refuse`"), "{failure}");
    assert!(!failure.to_string().contains("hunter2"));
    assert_eq!(stage.head_of("mergeline/promote/staging"), "");
    // The others go on, and a run for another environment is none of this one's business.
    assert!(stage.cluster("dev").contains("web:1.0"));
    stage.options.borrow_mut().only = vec!["dev".to_owned()];
    stage.run().await;
}

#[tokio::test]
async fn a_forbidden_pull_request_names_the_setting_and_everything_else_is_done() {
    let stage = Stage::local();
    stage.forbid_pull_requests(true);
    let done = stage.try_run().await.unwrap();
    let failure = done.failure.unwrap();
    assert_eq!(failure.kind(), FailureKind::Remote);
    assert!(failure.hints().iter().any(|hint| hint.contains("jobs-may-create-pull-requests")), "{failure:?}");
    assert!(stage.cluster("dev").contains("web:1.0"));
    assert_ne!(stage.head_of("env/staging"), "");
    let staging = done.board.iter().find(|row| row.environment == "staging").unwrap();
    assert!(staging.next.as_deref().unwrap().contains("forbids"), "{staging:?}");
    stage.forbid_pull_requests(false);
    stage.run().await;
    assert!(stage.cluster("staging").contains("web:1.0"));
}

#[tokio::test]
async fn a_protected_branch_is_a_clear_failure_and_the_others_go_on() {
    let stage = Stage::local();
    stage.run().await;
    let Place::Local(host) = &stage.place else { unreachable!() };
    let hook = host.repository_path().join("hooks/update");
    std::fs::write(&hook, "#!/bin/sh\n[ \"$1\" != refs/heads/env/dev ] || { echo protected branch >&2; exit 1; }\n")
        .unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    stage.release("web", "1.1", &ENVIRONMENTS);
    stage.merge(stage.promotion("prod").await.number, Button::Merge).await;
    let done = stage.try_run().await.unwrap();
    let failure = done.failure.unwrap();
    assert_eq!(failure.kind(), FailureKind::Remote);
    assert!(failure.message().contains("`env/dev`"), "{failure}");
    assert!(failure.hints().iter().any(|hint| hint.contains("branch protection")), "{failure:?}");
    assert!(stage.cluster("prod").contains("web:1.0"), "prod is no worse off");
}

#[tokio::test]
async fn a_run_for_one_environment_leaves_the_others() {
    let stage = Stage::local();
    stage.options.borrow_mut().only = vec!["dev".to_owned()];
    stage.run().await;
    assert!(stage.cluster("dev").contains("web:1.0"));
    assert_eq!(stage.head_of("env/staging"), "");
    assert!(stage.pulls().await.is_empty());
    stage.options.borrow_mut().only = vec!["staging".to_owned()];
    stage.run().await;
    assert!(stage.cluster("staging").contains("web:1.0"));
    assert_eq!(stage.head_of("env/prod"), "");
}

#[tokio::test]
async fn a_release_waits_for_every_environment_that_is_needed() {
    let stage = Stage::local();
    let both = CONFIGURATION
        .replace("needs: [dev], land: auto", "")
        .replace(", }", "}")
        .replace("needs: [staging]", "needs: [dev, staging], land: auto");
    stage.configure(&both);
    stage.options.borrow_mut().only = vec!["dev".to_owned(), "prod".to_owned()];
    let done = stage.run().await;
    assert_eq!(done.board[2].next.as_deref(), Some("staging has delivered nothing yet"));
    stage.options.borrow_mut().only.clear();
    stage.run().await;
    assert!(stage.cluster("prod").contains("web:1.0"));
    // An environment that is needed now and has less is no reason to go back.
    stage.options.borrow_mut().only = vec!["dev".to_owned()];
    let head = stage.head("env/prod");
    stage.release("web", "1.1", &ENVIRONMENTS);
    stage.run().await;
    assert_eq!(stage.head("env/prod"), head);
    stage.options.borrow_mut().only.clear();
    stage.run().await;
    assert!(stage.cluster("prod").contains("web:1.1"));
}

#[tokio::test]
async fn environments_without_a_branch_or_without_a_cluster_are_delivered_too() {
    let stage = Stage::local();
    stage.configure(
        "version: 1
environments:
  dev: {source: apps/*/dev, cluster: {kubeconfig: {env: DEV_KUBECONFIG}}}
  staging: {source: apps/*/staging, branch: env/staging, needs: [dev], land: auto}
  prod: {source: apps/*/prod, branch: env/prod, cluster: {kubeconfig: {env: PROD_KUBECONFIG}}, needs: [staging], land: auto}
",
    );
    stage.run().await;
    assert!(stage.cluster("dev").contains("web:1.0"));
    let evidence = stage.evidence("staging").await.unwrap();
    assert!(evidence.status.description.contains("pulls its branch"), "{evidence:?}");
    assert!(stage.cluster("prod").contains("web:1.0"));
    assert_eq!(stage.writes_of_a_run().await, Vec::<String>::new());
}
