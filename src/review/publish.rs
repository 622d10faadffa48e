//! Writing a review to its pull request: one comment, edited in place, and one commit status.

use super::Report;
use crate::failure::Result;
use crate::host::{Ensured, Host, Status, StatusGrant, StatusState};
use crate::operation::{Operation, OperationStatus, Verb};
use crate::report::{Verdict, markdown, status};
use crate::trust::CommentGrant;
use std::time::Duration;

/// The topic of the review comment.
pub const TOPIC: &str = "review";

/// The context of the review's commit status.
pub const CONTEXT: &str = "mergeline/review";

/// Makes the pull request say what the review says, and gives what was done.
///
/// Where nothing changes and nothing is wrong, no comment is made; one that is there says so. The comment tells no time, so
/// that looking again at the same commit writes nothing. `run_url` is the page of the CI job.
///
/// # Errors
/// The host's failures.
pub async fn publish(
    host: &dyn Host,
    grant: &CommentGrant,
    report: &Report,
    run_url: Option<&str>,
) -> Result<Vec<Operation>> {
    let limits = host.limits();
    let number = grant.pull_request();
    let silent = report.changes.is_empty() && report.findings.is_empty() && report.withheld.is_empty();
    let body = markdown::comment(&Report { elapsed: Duration::ZERO, ..report.clone() }, &limits);
    let posted = match silent {
        true => host.amend_comment(grant, TOPIC, &body).await?,
        false => host.ensure_comment(grant, TOPIC, Some(&body)).await?,
    };
    let commit = grant.head();
    let target = format!("comment on pull request #{number}");
    let comment = Operation::planned(Verb::Comment, format!("comment/{number}@{commit}"), target);
    let comment = outcome(comment, posted);

    let status = Status {
        context: CONTEXT.to_owned(),
        state: if report.verdict == Verdict::Fail { StatusState::Failure } else { StatusState::Success },
        description: status::description(report, &limits),
        url: run_url.map(str::to_owned),
    };
    let posted = host.ensure_status(&StatusGrant::Review(grant), &status).await?;
    let target = format!("{CONTEXT} on {}", commit.short());
    let status = outcome(Operation::planned(Verb::Status, format!("review@{commit}"), target), posted);
    Ok(vec![comment, status])
}

fn outcome(operation: Operation, ensured: Ensured) -> Operation {
    let (status, reason) = match ensured {
        Ensured::Unchanged => (OperationStatus::Skipped, "nothing to write"),
        Ensured::Created => (OperationStatus::Done, "created"),
        Ensured::Updated => (OperationStatus::Done, "updated"),
        Ensured::Removed => (OperationStatus::Done, "removed"),
        Ensured::Unsupported => (OperationStatus::Skipped, "this host has no such thing"),
    };
    operation.with(status, reason.to_owned())
}
