//! GitLab CI: predefined variables alone, there is no payload.
//!
//! Decided by <https://docs.gitlab.com/ci/variables/predefined_variables/> and
//! <https://docs.gitlab.com/ci/pipelines/merge_request_pipelines/>. `CI_COMMIT_SHA` is the head of a merge request only in
//! a detached pipeline: in merged-results pipelines and merge trains it is the test merge, and
//! `CI_MERGE_REQUEST_SOURCE_BRANCH_SHA` is the head, which in turn is empty elsewhere.

use super::{Event, PullRequestAction, PullRequestEvent, Surroundings, Trigger};
use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use crate::host::address::{Address, HostKind, Job, ReportOnly};
use crate::secret::Secret;

/// Reads the event from the job's variables.
pub(super) fn read(surroundings: &Surroundings) -> Result<Event> {
    let trigger = trigger(surroundings)?;
    Ok(Event {
        host: Some(address(surroundings, &trigger)?),
        trigger,
        actor: surroundings.get("GITLAB_USER_LOGIN").map(str::to_owned),
        run_url: surroundings.get("CI_JOB_URL").or_else(|| surroundings.get("CI_PIPELINE_URL")).map(str::to_owned),
    })
}

fn trigger(surroundings: &Surroundings) -> Result<Trigger> {
    let source = surroundings.required("CI_PIPELINE_SOURCE")?;
    // A child pipeline of a merge request's has its variables too.
    if surroundings.get("CI_MERGE_REQUEST_IID").is_some() {
        return Ok(Trigger::PullRequest(merge_request(surroundings)?));
    }
    Ok(match source {
        "merge_request_event" => return Err(lacks("CI_MERGE_REQUEST_IID")),
        "push" => match (surroundings.get("CI_COMMIT_TAG"), surroundings.get("CI_COMMIT_BRANCH")) {
            (Some(tag), _) => Trigger::Other(format!("push of the tag `{tag}`")),
            (None, None) => return Err(lacks("CI_COMMIT_BRANCH")),
            (None, Some(branch)) => Trigger::Push {
                branch: branch.to_owned(),
                after: Some(commit(surroundings, "CI_COMMIT_SHA")?).filter(|id| !id.is_zero()),
            },
        },
        "schedule" => Trigger::Schedule,
        // By hand, over the API, or by another pipeline: somebody asked for it.
        "web" | "api" | "trigger" | "pipeline" | "parent_pipeline" | "chat" => Trigger::Dispatch,
        other => Trigger::Other(other.to_owned()),
    })
}

fn merge_request(surroundings: &Surroundings) -> Result<PullRequestEvent> {
    let number = surroundings.required("CI_MERGE_REQUEST_IID")?;
    let number = number.parse().map_err(|_| wrong("CI_MERGE_REQUEST_IID", number))?;
    let source_sha = surroundings.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA").is_some();
    let head = match surroundings.get("CI_MERGE_REQUEST_EVENT_TYPE") {
        _ if source_sha => "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA",
        None | Some("detached") => "CI_COMMIT_SHA",
        // The commit at hand is a merge: without the other variable, the head is not known.
        Some(_) => "CI_MERGE_REQUEST_SOURCE_BRANCH_SHA",
    };
    Ok(PullRequestEvent {
        number,
        action: PullRequestAction::Changed,
        head: commit(surroundings, head)?,
        head_branch: surroundings.required("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME")?.to_owned(),
        base_branch: surroundings.required("CI_MERGE_REQUEST_TARGET_BRANCH_NAME")?.to_owned(),
        from_fork: is_from_fork(surroundings),
        privileged: false,
    })
}

/// The pipeline of a fork's merge request runs in the fork, or, when a member starts it there, in the target project. A
/// source that is not named is foreign, as nothing says that it is ours.
fn is_from_fork(surroundings: &Surroundings) -> bool {
    let source = surroundings.get("CI_MERGE_REQUEST_SOURCE_PROJECT_ID");
    let differs = |name: &str| surroundings.get(name).is_some_and(|id| Some(id) != source);
    source.is_none() || differs("CI_MERGE_REQUEST_PROJECT_ID") || differs("CI_PROJECT_ID")
}

fn address(surroundings: &Surroundings, trigger: &Trigger) -> Result<Address> {
    let is_request = matches!(trigger, Trigger::PullRequest(_));
    let target = |name: &str| surroundings.get(name).filter(|_| is_request);
    let project = match target("CI_MERGE_REQUEST_PROJECT_PATH") {
        Some(path) => path,
        None => surroundings.required("CI_PROJECT_PATH")?,
    };
    let given = ["MERGELINE_TOKEN", "GITLAB_TOKEN"].into_iter().find_map(|name| surroundings.get(name));
    let own = surroundings.get("CI_JOB_TOKEN");
    let from_fork = matches!(trigger, Trigger::PullRequest(pull) if pull.from_fork);
    let report_only = match (from_fork, given) {
        // The fork's own variables are no business of ours, and nothing is written for it.
        (true, _) => Some(ReportOnly {
            why: "the merge request comes from a fork: its reports are all that is written".to_owned(),
            hint: "see the reports of this job; the merge request's page shows them".to_owned(),
        }),
        (false, None) => Some(ReportOnly { why: JOB_TOKEN.to_owned(), hint: TOKEN_HINT.to_owned() }),
        (false, Some(_)) => None,
    };
    let token = if report_only.is_some() { own } else { given };
    let elsewhere =
        target("CI_MERGE_REQUEST_PROJECT_ID").is_some_and(|id| surroundings.get("CI_PROJECT_ID") != Some(id));
    let clone_url = target("CI_MERGE_REQUEST_PROJECT_URL").filter(|_| elsewhere);
    let pipeline = surroundings.get("CI_PIPELINE_ID").and_then(|id| id.parse().ok());
    Ok(Address {
        kind: HostKind::GitLab,
        api_url: surroundings.required("CI_API_V4_URL")?.trim_end_matches('/').to_owned(),
        web_url: surroundings.required("CI_SERVER_URL")?.trim_end_matches('/').to_owned(),
        repository: project.to_owned(),
        token: token.map(Secret::new),
        job: Some(Job {
            report_only,
            default_branch: surroundings.get("CI_DEFAULT_BRANCH").map(str::to_owned),
            clone_url: clone_url.map(|url| format!("{}.git", url.trim_end_matches('/'))),
            pipeline: surroundings.get("CI_COMMIT_SHA").map(str::to_owned).zip(pipeline),
        }),
    })
}

/// <https://docs.gitlab.com/ci/jobs/ci_job_token/#job-token-access>
const JOB_TOKEN: &str = "`CI_JOB_TOKEN` may not comment on merge requests, post statuses or push";
const TOKEN_HINT: &str = "make a project access token (Settings > Access tokens; role Developer for reviews, Maintainer for \
                          environments; scopes `api` and `write_repository`) and put it into the masked CI/CD variable \
                          `MERGELINE_TOKEN`";

fn commit(surroundings: &Surroundings, name: &str) -> Result<CommitId> {
    let text = surroundings.get(name).ok_or_else(|| lacks(name))?;
    CommitId::parse(text).map_err(|error| wrong(name, text).because(error))
}

fn lacks(name: &str) -> Failure {
    Failure::usage(format!("the job's environment lacks `{name}`"))
        .hint("jobs that run a script of their own must pass the predefined variables on")
}

fn wrong(name: &str, value: &str) -> Failure {
    Failure::usage(format!("`{name}` is `{value}`, which cannot be read"))
}

#[cfg(test)]
mod tests;
