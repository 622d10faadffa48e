//! `mergeline run` in a job: which events do something, which do nothing, and which are refused.

use super::hosted::{BRANCHES, Hosted, Local, pull_request};

const SHOP: &str = "acme/shop";
const URL: &str = "http://127.0.0.1:1";

/// A pull request that breaks a manifest, from a branch or a fork, and a clone that can be a job about it.
fn with_pull_request(fork: Option<&str>) -> (Hosted, Local, String) {
    let (mut hosted, local) = Hosted::local(BRANCHES);
    let wrong = "{apiVersion: v1, kind: ConfigMap, metadata: {name: web}, data: {version: 1}}\n";
    hosted.clone.write("web/map.yaml", wrong);
    let head = hosted.clone.commit("change").to_string();
    let reference = match fork {
        Some(owner) => format!("HEAD:refs/forks/{owner}/change"),
        None => "HEAD:refs/heads/change".to_owned(),
    };
    hosted.clone.git(&["push", "--quiet", "origin", &reference]);
    local.open("change", fork);
    // The host is the embedded one; all else is as a job of Gitea has it.
    hosted.set("MERGELINE_HOST", format!("local={}", local.host.folder().display()));
    (hosted, local, head)
}

#[test]
fn a_pull_request_from_a_fork_is_judged_and_nothing_is_written() {
    let (mut hosted, local, head) = with_pull_request(Some("mallory"));
    let before = local.everything();
    hosted.as_job("pull_request", &pull_request("opened", 1, &head, "change", "mallory/shop", SHOP), SHOP, URL);
    let said = hosted.run(&["run"]).exits(1);
    assert!(said.out.contains("web/map.yaml:1:"), "{}", said.out);
    assert!(before == local.everything());
}

#[test]
fn a_pull_request_of_the_repository_gets_its_comment_once() {
    let (mut hosted, local, head) = with_pull_request(None);
    hosted.as_job("pull_request", &pull_request("opened", 1, &head, "change", SHOP, SHOP), SHOP, URL);
    hosted.once(&["run"]).exits(1);
    assert_eq!(local.host.comments(1).unwrap().len(), 1);
    let commented = local.everything();
    hosted.run(&["run"]).exits(1);
    assert!(commented == local.everything());
}

#[test]
fn an_event_about_a_former_head_is_superseded() {
    let (mut hosted, local, head) = with_pull_request(None);
    hosted.push("change", &[("web/other.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: other}}\n")]);
    hosted.as_job("pull_request", &pull_request("opened", 1, &head, "change", SHOP, SHOP), SHOP, URL);
    // The embedded host takes note of a push to a pull request when it is next asked about that.
    hosted.once(&["run"]).exits(0);
    assert_eq!(local.host.comments(1).unwrap().len(), 0);
    let before = local.everything();
    assert!(!before.keys().any(|path| path.to_str().unwrap().contains("/statuses/")));
    let said = hosted.run(&["run"]).exits(0);
    assert!(said.err.contains("nothing to do: the head of #1 is"), "{}", said.err);
    assert!(before == local.everything());
}

#[test]
fn events_that_ask_for_nothing_do_nothing_and_say_why() {
    let (mut hosted, local, head) = with_pull_request(None);
    let before = local.everything();
    let pull = |action: &str| pull_request(action, 1, &head, "change", SHOP, SHOP);
    let comment = r#"{"action": "created", "issue": {"number": 1, "pull_request": {}}, "comment": {"body": "> /mergeline land", "user": {"login": "ada"}}}"#;
    let push = |branch: &str| format!(r#"{{"ref": "refs/heads/{branch}", "after": "{head}"}}"#);
    let deleted = format!(r#"{{"ref": "refs/heads/change", "after": "{}"}}"#, "0".repeat(40));
    let cases = [
        ("pull_request_target", pull("opened"), "with the target repository's rights"),
        ("pull_request_target", pull("synchronize"), "with the target repository's rights"),
        ("pull_request", pull("labeled"), "nothing about the pull request's content changed"),
        ("pull_request", pull("closed"), "closed without a merge"),
        ("issue_comment", comment.to_owned(), "the comment gives no command"),
        ("issue_comment", r#"{"action": "created", "issue": {"number": 2}}"#.to_owned(), "comment on an issue"),
        ("release", "{}".to_owned(), "`release` asks for nothing"),
        ("push", push("feature"), "`feature` is neither the default branch nor an environment's"),
        ("push", deleted, "the branch was deleted"),
        ("push", r#"{"ref": "refs/tags/v1"}"#.to_owned(), "refs/tags/v1"),
    ];
    for (event, payload, why) in cases {
        hosted.as_job(event, &payload, SHOP, URL);
        let said = hosted.run(&["run"]).exits(0);
        assert!(said.err.contains("nothing to do: ") && said.err.contains(why), "{event} {payload}: {}", said.err);
    }
    assert!(before == local.everything());
}

#[test]
fn a_payload_that_cannot_be_read_is_wrong_usage() {
    let (mut hosted, local, _head) = with_pull_request(None);
    let before = local.everything();
    let zero = pull_request("opened", 1, "not-a-commit", "change", SHOP, SHOP);
    let cases = [
        ("pull_request", "{", "the event payload is not JSON"),
        ("pull_request", "{}", "lacks `/head/sha`"),
        ("pull_request", zero.as_str(), "`/head/sha`"),
        ("push", "{}", "lacks `/ref`"),
    ];
    for (event, payload, why) in cases {
        hosted.as_job(event, payload, SHOP, URL);
        let said = hosted.run(&["run"]).exits(2);
        assert!(said.err.contains(why), "{event} {payload}: {}", said.err);
    }
    hosted.set("GITHUB_EVENT_PATH", hosted.path("nowhere.json"));
    let said = hosted.run(&["run"]).exits(2);
    assert!(said.err.contains("cannot read the event payload"), "{}", said.err);
    hosted.variables.remove("GITHUB_EVENT_NAME");
    hosted.variables.remove("GITHUB_EVENT_PATH");
    let said = hosted.run(&["run"]).exits(2);
    assert!(said.err.contains("the CI's environment lacks `GITHUB_EVENT_NAME`"), "{}", said.err);
    assert!(before == local.everything());
}
