//! The workflow that `mergeline init` writes and the README shows, run by GitHub's runner against GitHub as it answers.
//!
//! Nothing of Mergeline is called by hand: people push, open, merge and comment, and GitHub's events do the rest.

use super::stage::{Ran, SHOP, Stage};
use serde_json::json;

const MIB: usize = 1 << 20;

/// The runs of one event; there is exactly one.
#[track_caller]
fn only(runs: Vec<Ran>, event: &str) -> Ran {
    let events: Vec<&str> = runs.iter().map(|ran| ran.event.as_str()).collect();
    assert_eq!(events, [event]);
    runs.into_iter().next().unwrap()
}

#[test]
fn a_change_goes_from_pull_request_to_production_by_events_of_github_alone() {
    let Some(mut stage) = Stage::set() else { return };

    // The first push releases to dev and staging, and proposes prod.
    stage.push("main", "Open the shop");
    let ran = only(stage.run(), "push").went_well();
    assert_eq!(ran.job.outputs["verdict"], "pass", "{}", ran.job.log);
    for environment in ["dev", "staging"] {
        let head = stage.head(&format!("env/{environment}")).unwrap();
        assert_eq!(stage.status(&head, &format!("mergeline/{environment}")).as_deref(), Some("success"));
        let (delivered, states) = stage.github().deployments(SHOP, environment).pop().unwrap();
        assert_eq!((delivered, states.last().map(String::as_str)), (head, Some("success")));
        assert!(stage.cluster(environment).contains("web:1.27.0"), "{environment}");
    }
    assert!(stage.file("env/dev", ".github/workflows/mergeline.yml").is_none(), "a job may not write workflows");
    let first = stage.promotion("prod").unwrap();
    assert!(stage.head("env/prod").is_some() && stage.github().deployments(SHOP, "prod").is_empty());
    // No workflow starts for what a job does: the run has posted the promotion's comment and status itself.
    assert_eq!(stage.github().comments(SHOP, first).len(), 1);
    let proposed = stage.head("mergeline/promote/prod").unwrap();
    assert_eq!(stage.status(&proposed, "mergeline/review").as_deref(), Some("success"));

    // The merge button wakes a run by `pull_request_target`; the branch's own push starts none.
    stage.github().merge(SHOP, "grace", first, "merge").unwrap();
    only(stage.run(), "pull_request_target").went_well();
    let head = stage.head("env/prod").unwrap();
    assert_eq!(stage.status(&head, "mergeline/prod").as_deref(), Some("success"));
    assert!(stage.cluster("prod").contains("web:1.27.0"));

    // A pull request: one comment, a check run, a status, a summary, outputs; all on the head and not on the test merge.
    stage.write_web("1.28.0", "2");
    let head = stage.push("change", "Serve web 1.28.0");
    let number = stage.github().open_pull(SHOP, "ada", "change", "main", "Serve web 1.28.0", "");
    let ran = only(stage.run(), "pull_request").went_well();
    let comments = stage.github().comments(SHOP, number);
    assert_eq!(comments.len(), 1, "{comments:#?}");
    assert_eq!(comments[0].1, "github-actions[bot]");
    assert!(comments[0].2.contains("1.28.0") && comments[0].2.contains("dev, staging, prod"), "{}", comments[0].2);
    assert_eq!(stage.status(&head, "mergeline/review").as_deref(), Some("success"));
    let checks = stage.github().checks(SHOP, &head);
    assert_eq!(checks.iter().map(|(_, conclusion, _)| conclusion.as_str()).collect::<Vec<_>>(), ["success"]);
    assert_eq!((ran.job.outputs["verdict"].as_str(), ran.job.outputs["changes"].as_str()), ("pass", "3"));
    assert!(ran.job.outputs["report"].ends_with("mergeline-report.json"));
    assert!(ran.job.outputs["report-html"].ends_with("mergeline-report.html"));
    assert!(ran.job.summary.contains("1.28.0") && ran.job.summary.len() <= MIB);

    // A typo: the same comment, a failing status, and a check with the exact lines.
    stage.write_web("1.28.0", "two");
    let typo = stage.push("change", "Slip");
    let ran = only(stage.run(), "pull_request").failed();
    let again = stage.github().comments(SHOP, number);
    assert_eq!((again.len(), again[0].0), (1, comments[0].0));
    assert!(again[0].2.contains("apps/web/overlays/dev/web.yaml:5"), "{}", again[0].2);
    assert_eq!(stage.status(&typo, "mergeline/review").as_deref(), Some("failure"));
    let checks = stage.github().checks(SHOP, &typo);
    assert!(
        checks.iter().any(|(_, conclusion, annotations)| conclusion == "failure" && *annotations == 3),
        "{checks:?}"
    );
    // The check shows them on the lines; the log's own annotations would show each one twice.
    assert_eq!(ran.job.annotations, []);
    assert_eq!((ran.job.outputs["verdict"].as_str(), ran.job.outputs["errors"].as_str()), ("fail", "3"));
    stage.write_web("1.28.0", "2");
    stage.push("change", "Mend the slip");
    only(stage.run(), "pull_request").went_well();

    // Merged by a person: the push delivers, and the closing finds nothing left to do.
    stage.github().merge(SHOP, "ada", number, "merge").unwrap();
    let runs = stage.run();
    let mut events: Vec<&str> = runs.iter().map(|ran| ran.event.as_str()).collect();
    events.sort_unstable();
    assert_eq!(events, ["pull_request_target", "push"]);
    runs.into_iter().for_each(|ran| drop(ran.went_well()));
    assert!(stage.cluster("staging").contains("web:1.28.0") && stage.cluster("prod").contains("web:1.27.0"));

    // Landed by a comment of somebody who may merge; nobody else is obeyed.
    let second = stage.promotion("prod").unwrap();
    assert_ne!(second, first);
    stage.github().comment(SHOP, "eve", second, "/mergeline land");
    let ran = only(stage.run(), "issue_comment").failed();
    assert!(ran.job.annotations.iter().any(|it| it.message.contains("may not write")), "{}", ran.job.log);
    assert_eq!(ran.job.outputs["verdict"], "error");
    stage.github().comment(SHOP, "ada", second, "/mergeline land");
    only(stage.run(), "issue_comment").went_well();
    assert!(stage.cluster("prod").contains("web:1.28.0"));
    assert_eq!(stage.status(&stage.head("env/prod").unwrap(), "mergeline/prod").as_deref(), Some("success"));
    let answers = stage.github().comments(SHOP, second);
    assert!(answers.iter().any(|(_, _, body)| body.contains("Landed.")), "{answers:#?}");

    // The clock and a hand find nothing to do, and nothing is written.
    let before = (stage.stub.writes(), mergeline_lab::stub::references(&stage.github().bare_path(SHOP)));
    stage.run_by_itself("schedule", &json!({"schedule": "*/15 * * * *"})).went_well();
    stage.run_by_itself("workflow_dispatch", &json!({"inputs": null, "ref": "refs/heads/main"})).went_well();
    let after = (stage.stub.writes(), mergeline_lab::stub::references(&stage.github().bare_path(SHOP)));
    assert!(before == after, "{:#?}", stage.stub.log().iter().filter(|it| it.is_write()).collect::<Vec<_>>());
}

#[test]
fn a_setting_that_forbids_jobs_to_open_pull_requests_is_named_and_all_else_is_done() {
    let Some(mut stage) = Stage::set() else { return };
    stage.github().let_jobs_create_pull_requests(SHOP, false);
    stage.push("main", "Open the shop");
    let ran = only(stage.run(), "push").failed();
    let named = |text: &str| text.contains("Allow GitHub Actions to create and approve pull requests");
    assert!(ran.job.annotations.iter().any(|it| it.level == "error" && named(&it.message)), "{}", ran.job.log);
    assert!(named(&ran.job.summary) && ran.job.outputs["verdict"] == "error", "{}", ran.job.summary);
    assert!(stage.cluster("dev").contains("web:1.27.0"));

    // Allowed now, the clock's next run does the rest.
    stage.github().let_jobs_create_pull_requests(SHOP, true);
    stage.run_by_itself("schedule", &json!({"schedule": "*/15 * * * *"})).went_well();
    assert!(stage.cluster("staging").contains("web:1.27.0"));
    assert!(stage.promotion("prod").is_some());
}

#[test]
fn a_pull_request_of_a_fork_is_judged_with_a_token_that_only_reads() {
    let Some(mut stage) = Stage::set() else { return };
    stage.push("main", "Open the shop");
    stage.run().into_iter().for_each(|ran| drop(ran.went_well()));
    stage.github().publish(SHOP);
    let fork = stage.github().fork(SHOP, "mallory");
    stage.write_web("1.28.0", "two");
    stage.push_to(&fork, "mallory", "change", "Serve web 1.28.0");
    stage.run();
    let number = stage.github().open_pull(SHOP, "mallory", "mallory:change", "main", "Serve web 1.28.0", "");
    let before = stage.stub.writes();
    let ran = only(stage.run(), "pull_request").failed();
    assert_eq!(stage.stub.writes(), before);
    assert!(stage.github().comments(SHOP, number).is_empty());
    assert!(ran.job.annotations.iter().any(|it| it.properties.get("line").is_some_and(|line| line == "5")));
    assert!(ran.job.summary.contains("replicas"), "{}", ran.job.summary);
    assert_eq!(ran.job.outputs["verdict"], "fail");
}
