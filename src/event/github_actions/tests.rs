//! Payloads as GitHub and Gitea send them, read into events.
#![allow(clippy::unwrap_used)]
use super::*;
use serde_json::json;

fn surroundings(event: &str, payload: &str) -> Surroundings {
    let variables = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_EVENT_NAME", event),
        ("GITHUB_API_URL", "https://api.github.com/"),
        ("GITHUB_SERVER_URL", "https://github.com"),
        ("GITHUB_REPOSITORY", "acme/shop"),
        ("GITHUB_RUN_ID", "7"),
        ("GITHUB_SHA", "1111111111111111111111111111111111111111"),
        ("GITHUB_TOKEN", "ghs_planted"),
    ];
    let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Surroundings { variables, payload: Some(payload.to_owned()) }
}

const PULL: &str = r#"{"action": "synchronize", "pull_request": {"number": 4, "merged": false,
    "head": {"sha": "2222222222222222222222222222222222222222", "ref": "change", "repo": {"full_name": "acme/shop"}},
    "base": {"ref": "main", "repo": {"full_name": "acme/shop"}}}}"#;

fn pull(payload: &str) -> PullRequestEvent {
    match Event::detect(&surroundings("pull_request", payload)).unwrap().trigger {
        Trigger::PullRequest(pull) => pull,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_head_of_a_pull_request_comes_from_the_payload_and_not_from_the_test_merge() {
    let pull = pull(PULL);
    assert_eq!(pull.head.as_str(), "2".repeat(40));
    assert_eq!((pull.number, pull.action), (4, PullRequestAction::Changed));
    assert!(!pull.from_fork);
}

#[test]
fn a_foreign_or_deleted_head_repository_is_a_fork() {
    assert!(pull(&PULL.replacen("acme/shop", "mallory/shop", 1)).from_fork);
    assert!(pull(&PULL.replacen(r#"{"full_name": "acme/shop"}"#, "null", 1)).from_fork);
}

#[test]
fn closing_tells_a_merge_from_a_rejection() {
    let closed = PULL.replace("synchronize", "closed");
    assert_eq!(pull(&closed).action, PullRequestAction::Closed);
    assert_eq!(pull(&closed.replace(r#""merged": false"#, r#""merged": true"#)).action, PullRequestAction::Merged);
}

#[test]
fn gitea_is_told_from_github_although_it_sets_the_same_variables() {
    let mut gitea =
        surroundings("push", r#"{"ref": "refs/heads/env/dev", "after": "3333333333333333333333333333333333333333"}"#);
    gitea.variables.insert("GITEA_ACTIONS".into(), "true".into());
    let event = Event::detect(&gitea).unwrap();
    assert_eq!(event.host.as_ref().unwrap().kind, HostKind::Gitea);
    assert!(matches!(event.trigger, Trigger::Push { branch, .. } if branch == "env/dev"));
    assert!(!format!("{:?}", event.host).contains("planted"));
}

#[test]
fn a_deleted_branch_has_no_head() {
    let payload = format!(r#"{{"ref": "refs/heads/old", "after": "{}"}}"#, "0".repeat(40));
    let event = Event::detect(&surroundings("push", &payload)).unwrap();
    assert_eq!(event.trigger, Trigger::Push { branch: "old".into(), after: None });
}

#[test]
fn a_payload_that_lacks_what_it_must_have_is_named() {
    let failure = Event::detect(&surroundings("pull_request", "{}")).unwrap_err();
    assert!(failure.message().contains("`pull_request` event lacks"), "{failure}");
    assert!(Event::detect(&surroundings("pull_request", "not json")).is_err());
}

#[test]
fn outside_of_a_ci_a_person_sits_at_a_terminal() {
    assert_eq!(Event::detect(&Surroundings::default()).unwrap().trigger, Trigger::Terminal);
}

/// A pull request's payload with what surrounds the facts on GitHub: the same words in other places.
fn full(action: &str, change: impl FnOnce(&mut Value)) -> Value {
    let repository = |name: &str| json!({"full_name": name, "default_branch": "main", "fork": false, "private": true});
    let mut payload = json!({
        "action": action,
        "number": 4,
        "pull_request": {
            "number": 4, "state": "open", "draft": false, "merged": false, "merged_by": null, "merge_commit_sha": "9".repeat(40),
            "title": "Serve web", "user": {"login": "ada", "type": "User"}, "mergeable": null,
            "head": {"label": "acme:change", "ref": "change", "sha": "2".repeat(40), "repo": repository("acme/shop")},
            "base": {"label": "acme:main", "ref": "main", "sha": "3".repeat(40), "repo": repository("acme/shop")},
        },
        "repository": repository("acme/shop"),
        "sender": {"login": "grace", "type": "User"},
    });
    change(&mut payload);
    payload
}

fn read(name: &str, payload: &Value) -> Trigger {
    Event::detect(&surroundings(name, &payload.to_string())).unwrap().trigger
}

#[test]
fn every_action_of_a_pull_request_is_known_or_asks_for_nothing() {
    let action = |action: &str, merged: bool| match read(
        "pull_request",
        &full(action, |payload| payload["pull_request"]["merged"] = json!(merged)),
    ) {
        Trigger::PullRequest(pull) => pull.action,
        other => panic!("{other:?}"),
    };
    for changed in ["opened", "reopened", "synchronize", "ready_for_review", "edited"] {
        assert_eq!(action(changed, false), PullRequestAction::Changed, "{changed}");
    }
    assert_eq!(action("closed", true), PullRequestAction::Merged);
    assert_eq!(action("closed", false), PullRequestAction::Closed);
    for other in ["labeled", "assigned", "converted_to_draft", "locked", "review_requested", "enqueued", "", "new-one"]
    {
        assert_eq!(action(other, false), PullRequestAction::Other, "{other}");
    }
}

#[test]
fn a_draft_is_reviewed_as_any_other() {
    let draft = full("opened", |payload| payload["pull_request"]["draft"] = json!(true));
    assert!(
        matches!(read("pull_request", &draft), Trigger::PullRequest(pull) if pull.action == PullRequestAction::Changed)
    );
}

#[test]
fn a_closed_pull_request_of_the_target_event_is_privileged_and_names_the_branch_that_it_went_to() {
    let closed = full("closed", |payload| {
        payload["pull_request"]["merged"] = json!(true);
        payload["pull_request"]["base"]["ref"] = json!("env/prod");
        payload["pull_request"]["head"]["ref"] = json!("mergeline/promote/prod");
    });
    let Trigger::PullRequest(pull) = read("pull_request_target", &closed) else { panic!("{closed}") };
    assert!(pull.privileged && !pull.from_fork);
    assert_eq!((pull.action, pull.base_branch.as_str()), (PullRequestAction::Merged, "env/prod"));
    assert_eq!(pull.head.as_str(), "2".repeat(40), "neither the test merge nor the base");
}

#[test]
fn a_fork_is_told_by_the_head_repository_alone() {
    let fork = |change: fn(&mut Value)| {
        let payload = full("opened", |payload| change(&mut payload["pull_request"]["head"]["repo"]));
        matches!(read("pull_request", &payload), Trigger::PullRequest(pull) if pull.from_fork)
    };
    assert!(!fork(|_| {}));
    assert!(fork(|repository| *repository = Value::Null), "the fork is deleted");
    assert!(fork(|repository| repository["full_name"] = json!("mallory/shop")));
    assert!(fork(|repository| repository["full_name"] = json!("acme/shop-two")));
    // A repository that is a fork itself has pull requests of its own.
    assert!(!fork(|repository| repository["fork"] = json!(true)));
}

fn commented(change: impl FnOnce(&mut Value)) -> Value {
    let mut payload = json!({
        "action": "created",
        "issue": {"number": 7, "state": "open", "user": {"login": "mergeline[bot]"}, "pull_request": {"url": "https://api.github.com/x"}},
        "comment": {"body": "/mergeline land", "user": {"login": "ada", "type": "User"},
                    "created_at": "2026-03-04T10:00:00Z", "author_association": "OWNER"},
        "sender": {"login": "ada", "type": "User"},
    });
    change(&mut payload);
    payload
}

#[test]
fn a_comment_carries_its_author_its_command_and_its_time() {
    let expected = Trigger::Comment {
        pull_request: 7,
        author: "ada".to_owned(),
        asked: Asked::of("/mergeline land"),
        written_at: Some("2026-03-04T10:00:00Z".parse().unwrap()),
    };
    assert_eq!(read("issue_comment", &commented(|_| {})), expected);
}

#[test]
fn only_new_comments_of_people_on_pull_requests_are_read() {
    let other = |change: fn(&mut Value)| matches!(read("issue_comment", &commented(change)), Trigger::Other(_));
    assert!(other(|payload| payload["action"] = json!("edited")));
    assert!(other(|payload| payload["action"] = json!("deleted")));
    assert!(other(|payload| drop(payload["issue"].as_object_mut().unwrap().remove("pull_request"))));
    assert!(other(|payload| payload["comment"]["user"]["type"] = json!("Bot")));
    // Gitea says it beside the issue, and has null where there is none.
    assert!(other(|payload| payload["issue"]["pull_request"] = Value::Null));
    assert!(!other(|payload| {
        payload["issue"]["pull_request"] = Value::Null;
        payload["is_pull"] = json!(true);
    }));
}

#[test]
fn a_push_names_its_branch_and_a_tag_asks_for_nothing() {
    let push = |reference: &str| json!({"ref": reference, "before": "0".repeat(40), "after": "3".repeat(40), "forced": true, "base_ref": null});
    assert!(
        matches!(read("push", &push("refs/heads/env/dev")), Trigger::Push { branch, after: Some(_) } if branch == "env/dev")
    );
    assert!(matches!(read("push", &push("refs/tags/v1")), Trigger::Other(_)));
}

#[test]
fn the_clock_a_hand_and_the_queue_are_told_apart() {
    assert_eq!(read("schedule", &json!({"schedule": "*/15 * * * *"})), Trigger::Schedule);
    assert_eq!(read("workflow_dispatch", &json!({"inputs": null, "ref": "refs/heads/main"})), Trigger::Dispatch);
    let queue = json!({"action": "checks_requested", "merge_group": {"head_sha": "4".repeat(40), "base_ref": "refs/heads/main"}});
    assert!(
        matches!(read("merge_group", &queue), Trigger::Other(name) if name.contains("a merge queue is not reviewed"))
    );
}
