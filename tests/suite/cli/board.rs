//! `status`, `promote` and `apply` where everything is well: what is printed, and what is not written.

use super::hosted::{BRANCHES, Hosted, kubeconfig};

#[test]
fn the_board_is_printed_in_each_format_and_writes_nothing() {
    let (hosted, local) = Hosted::local(BRANCHES);
    hosted.once(&["promote"]).exits(0);
    let before = local.everything();
    let board = hosted.run(&["status", "-o", "json"]).exits(0).json();
    let rows = board["environments"].as_array().or(board.as_array()).unwrap();
    assert_eq!(rows.len(), 2, "{board:#}");
    let said = hosted.run(&["status", "-o", "markdown"]).exits(0);
    assert!(said.out.contains('|') && said.out.contains("dev") && said.out.contains("prod"), "{}", said.out);
    let said = hosted.run(&["status"]).exits(0);
    assert!(said.out.contains("dev") && said.out.contains("prod"), "{}", said.out);
    let said = hosted.run(&["status", "-o", "github"]).exits(2);
    assert!(said.err.contains("has no format `github`"), "{}", said.err);
    assert!(before == local.everything());
}

#[test]
fn a_dry_promotion_writes_nothing_and_a_second_one_changes_nothing() {
    let (hosted, local) = Hosted::local(BRANCHES);
    let before = local.everything();
    let report = hosted.run(&["promote", "--dry-run", "-o", "json"]).exits(0).json();
    let operations = report["operations"].as_array().unwrap();
    assert!(!operations.is_empty() && operations.iter().all(|it| it["status"] == "planned"), "{report:#}");
    assert!(before == local.everything());
    hosted.once(&["promote"]).exits(0);
    let promoted = local.everything();
    assert!(before != promoted);
    let report = hosted.run(&["promote", "-o", "json"]).exits(0).json();
    let done = |it: &&serde_json::Value| it["status"] == "done";
    assert_eq!(report["operations"].as_array().unwrap().iter().find(done), None, "{report:#}");
    assert!(promoted == local.everything());
}

#[test]
fn a_dry_apply_prints_the_verdict_on_each_object_and_writes_nothing() {
    let (mut hosted, local) = Hosted::local(super::hosted::DIRECT);
    let cluster = hosted.path("cluster.json");
    hosted.set("DEV_KUBECONFIG", kubeconfig(&format!("memory://{}", cluster.display()), "x"));
    let before = local.everything();
    let said = hosted.run(&["apply", "dev", "--dry-run"]).exits(0);
    assert!(said.out.contains("ConfigMap") && said.out.contains("web"), "{}", said.out);
    assert!(before == local.everything());
    assert!(!cluster.exists() || !std::fs::read_to_string(&cluster).unwrap().contains("\"web\""));
    hosted.once(&["apply", "dev"]).exits(0);
    assert!(std::fs::read_to_string(&cluster).unwrap().contains("\"web\""));
    let applied = local.everything();
    let report = hosted.run(&["apply", "dev", "-o", "json"]).exits(0).json();
    let done = |it: &&serde_json::Value| it["status"] == "done";
    assert_eq!(report["operations"].as_array().unwrap().iter().find(done), None, "{report:#}");
    assert!(applied == local.everything());
}
