//! GitHub Actions, and Gitea's and Forgejo's Actions, which set the same variables.
//!
//! Decided by the host's own documentation of default variables and webhook payloads. `GITHUB_SHA` is never taken for
//! the head of a pull request: on GitHub it is the test merge, on Gitea the head.

use super::chat::Asked;
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
        // The queue's branch holds what was reviewed in its pull requests, and lands as a push: nothing is judged twice.
        "merge_group" => Trigger::Other(
            "merge_group (a merge queue is not reviewed: leave `mergeline/review` out of its required checks)"
                .to_owned(),
        ),
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
    let text = |pointer: &str| payload.pointer(pointer).and_then(Value::as_str);
    // Bots relay what others write.
    if text("/comment/user/type") == Some("Bot") {
        return Ok(Trigger::Other("comment by a bot".to_owned()));
    }
    let asked = Asked::of(text("/comment/body").unwrap_or_default());
    let author = text("/comment/user/login").ok_or_else(|| lacks("issue_comment", "/comment/user/login"))?;
    Ok(Trigger::Comment {
        pull_request: issue["number"].as_u64().ok_or_else(|| lacks("issue_comment", "/issue/number"))?,
        author: author.to_owned(),
        asked,
        written_at: text("/comment/created_at").and_then(|time| time.parse().ok()),
    })
}

fn lacks(event: &str, pointer: &str) -> Failure {
    Failure::usage(format!("the payload of the `{event}` event lacks `{pointer}`"))
        .hint("check that `GITHUB_EVENT_PATH` names the payload that the CI wrote")
}

#[cfg(test)]
mod tests;
