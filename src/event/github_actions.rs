//! GitHub Actions, and Gitea's and Forgejo's Actions, which set the same variables.
//!
//! Decided by the host's own documentation of default variables and webhook payloads. `GITHUB_SHA` is never taken for
//! the head of a pull request: on GitHub it is the test merge, on Gitea the head.

use super::{Event, PullRequestAction, PullRequestEvent, Surroundings, Trigger};
use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use crate::host::address::{Address, HostKind};
use crate::secret::Secret;
use serde_json::Value;

/// Reads the event that `GITHUB_EVENT_NAME` names from the payload.
pub(super) fn read(surroundings: &Surroundings, kind: HostKind) -> Result<Event> {
    let name = surroundings.required("GITHUB_EVENT_NAME")?;
    let payload: Value = match &surroundings.payload {
        Some(text) => serde_json::from_str(text)
            .map_err(|error| Failure::usage("the event payload is not JSON").because(error))?,
        None => Value::Null,
    };
    Ok(Event {
        trigger: trigger(name, &payload)?,
        host: Some(address(surroundings, kind)?),
        actor: surroundings.get("GITHUB_ACTOR").map(str::to_owned),
        run_url: run_url(surroundings),
    })
}

fn address(surroundings: &Surroundings, kind: HostKind) -> Result<Address> {
    let token = ["MERGELINE_TOKEN", "GITHUB_TOKEN", "GITEA_TOKEN"].into_iter().find_map(|name| surroundings.get(name));
    Ok(Address {
        kind,
        api_url: surroundings.required("GITHUB_API_URL")?.trim_end_matches('/').to_owned(),
        web_url: surroundings.required("GITHUB_SERVER_URL")?.trim_end_matches('/').to_owned(),
        repository: surroundings.required("GITHUB_REPOSITORY")?.to_owned(),
        token: token.map(Secret::new),
        job: None,
    })
}

fn run_url(surroundings: &Surroundings) -> Option<String> {
    let server = surroundings.get("GITHUB_SERVER_URL")?.trim_end_matches('/');
    let repository = surroundings.get("GITHUB_REPOSITORY")?;
    let run = surroundings.get("GITHUB_RUN_ID")?;
    Some(format!("{server}/{repository}/actions/runs/{run}"))
}

fn trigger(name: &str, payload: &Value) -> Result<Trigger> {
    Ok(match name {
        "pull_request" => Trigger::PullRequest(pull_request(name, payload, false)?),
        "pull_request_target" => Trigger::PullRequest(pull_request(name, payload, true)?),
        "push" => push(payload)?,
        "issue_comment" => comment(payload)?,
        "schedule" => Trigger::Schedule,
        "workflow_dispatch" | "repository_dispatch" => Trigger::Dispatch,
        other => Trigger::Other(other.to_owned()),
    })
}

fn pull_request(name: &str, payload: &Value, privileged: bool) -> Result<PullRequestEvent> {
    let pull = &payload["pull_request"];
    let text = |pointer: &str| {
        pull.pointer(pointer).and_then(Value::as_str).map(str::to_owned).ok_or_else(|| lacks(name, pointer))
    };
    let action = match payload["action"].as_str().unwrap_or_default() {
        "opened" | "reopened" | "synchronize" | "synchronized" | "ready_for_review" | "edited" => {
            PullRequestAction::Changed
        }
        "closed" if pull["merged"].as_bool() == Some(true) => PullRequestAction::Merged,
        "closed" => PullRequestAction::Closed,
        _ => PullRequestAction::Other,
    };
    let head_repository = pull.pointer("/head/repo/full_name").and_then(Value::as_str);
    let base_repository = pull.pointer("/base/repo/full_name").and_then(Value::as_str);
    let head = text("/head/sha")?;
    Ok(PullRequestEvent {
        number: pull["number"].as_u64().ok_or_else(|| lacks(name, "/number"))?,
        action,
        head: CommitId::parse(&head).map_err(|error| lacks(name, "/head/sha").because(error))?,
        head_branch: text("/head/ref")?,
        base_branch: text("/base/ref")?,
        // A deleted fork has no repository any more: foreign, as nothing says that it is ours.
        from_fork: head_repository.is_none() || head_repository != base_repository,
        privileged,
    })
}

fn push(payload: &Value) -> Result<Trigger> {
    let reference = payload["ref"].as_str().ok_or_else(|| lacks("push", "/ref"))?;
    let Some(branch) = reference.strip_prefix("refs/heads/") else {
        return Ok(Trigger::Other(format!("push of `{reference}`")));
    };
    let after = payload["after"].as_str().and_then(|sha| CommitId::parse(sha).ok()).filter(|id| !id.is_zero());
    Ok(Trigger::Push { branch: branch.to_owned(), after })
}

fn comment(payload: &Value) -> Result<Trigger> {
    let issue = &payload["issue"];
    if issue.get("pull_request").is_none_or(Value::is_null) && payload["is_pull"].as_bool() != Some(true) {
        return Ok(Trigger::Other("comment on an issue".to_owned()));
    }
    if payload["action"].as_str() != Some("created") {
        return Ok(Trigger::Other("edited or deleted comment".to_owned()));
    }
    let number = issue["number"].as_u64().ok_or_else(|| lacks("issue_comment", "/issue/number"))?;
    let body = payload.pointer("/comment/body").and_then(Value::as_str).unwrap_or_default();
    Ok(Trigger::Comment { pull_request: number, body: body.to_owned() })
}

fn lacks(event: &str, pointer: &str) -> Failure {
    Failure::usage(format!("the payload of the `{event}` event lacks `{pointer}`"))
        .hint("check that `GITHUB_EVENT_PATH` names the payload that the CI wrote")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

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
        let mut gitea = surroundings(
            "push",
            r#"{"ref": "refs/heads/env/dev", "after": "3333333333333333333333333333333333333333"}"#,
        );
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
}
