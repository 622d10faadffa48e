//! Writing a review to its pull request: one comment, edited in place, one check with its annotations where the host has
//! such things, and one commit status. The status comes last: it is what a branch may require.

use super::{Report, remarks};
use crate::failure::Result;
use crate::finding::{Finding, Severity};
use crate::host::{Annotation, AnnotationLevel, Check, Ensured, Host, Limits, Status, StatusGrant, StatusState};
use crate::operation::{Operation, OperationStatus, Verb};
use crate::report::counted;
use crate::report::visible::visible;
use crate::report::{LineFinding, Verdict, markdown, status};
use crate::trust::CommentGrant;
use std::time::Duration;

/// The topic of the review comment.
pub const TOPIC: &str = "review";

/// The context of the review's commit status.
pub const CONTEXT: &str = "mergeline/review";

/// The name of the review's check. It is not the status's context: a rule that requires that one means one thing.
const CHECK: &str = "Mergeline";

/// How many findings a check shows beside their lines: one call of GitHub's takes as many, and more would bury the change.
const SHOWN: usize = 50;

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

    let state = if report.verdict == Verdict::Fail { StatusState::Failure } else { StatusState::Success };
    let mut operations = vec![comment];
    let mut beside = Vec::new();
    if report.remarks.is_some() {
        let told = remarks::told(host, report);
        let target = format!("{} beside lines of pull request #{number}", counted(told.len(), "remark"));
        let operation = Operation::planned(Verb::Comment, format!("remarks/{number}@{commit}"), target);
        match remarks::write(host, grant, report, &told).await {
            Ok(Ensured::Unsupported) => {}
            Ok(posted) => {
                if posted != Ensured::Unchanged || !told.is_empty() {
                    operations.push(outcome(operation, posted));
                }
                beside = told;
            }
            // The comment has all that they say: the verdict does not wait for them.
            Err(failure) => operations.push(operation.with(OperationStatus::Skipped, failure.to_string())),
        }
    }
    if let Some(most) = limits.check {
        let check = check(report, state, &Limits { comment: most.saturating_sub(200), ..limits }, run_url, &beside);
        let posted = host.ensure_check(&StatusGrant::Review(grant), &check).await?;
        if posted != Ensured::Unsupported {
            let target = format!("{CHECK} on {}", commit.short());
            operations.push(outcome(Operation::planned(Verb::Check, format!("check@{commit}"), target), posted));
        }
    }

    let status = Status {
        context: CONTEXT.to_owned(),
        state,
        description: status::description(report, &limits),
        url: run_url.map(str::to_owned),
    };
    let posted = host.ensure_status(&StatusGrant::Review(grant), &status).await?;
    let target = format!("{CONTEXT} on {}", commit.short());
    let status = outcome(Operation::planned(Verb::Status, format!("review@{commit}"), target), posted);
    operations.push(status);
    Ok(operations)
}

/// The review as a check: the comment's text as its summary, and each finding on a line that the pull request shows as an
/// annotation, unless it is told there by a remark.
fn check(report: &Report, state: StatusState, limits: &Limits, url: Option<&str>, beside: &[&LineFinding]) -> Check {
    let timeless = Report { elapsed: Duration::ZERO, ..report.clone() };
    let mut findings: Vec<&Finding> = report.findings.iter().collect();
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let shown = |finding: &&Finding| {
        let place = finding.place.as_ref().and_then(|place| Some((place.path.as_str(), place.line?)));
        place.is_some_and(|(path, line)| report.lines.as_ref().is_none_or(|lines| lines.is_shown(path, line)))
            && beside.iter().all(|it| it.finding != **finding)
    };
    let mut annotations: Vec<Annotation> = findings.into_iter().filter(shown).filter_map(annotation).collect();
    let all = annotations.len();
    annotations.truncate(SHOWN);
    let mut summary = markdown::comment(&timeless, limits);
    if all > SHOWN {
        summary += &format!("\n\n{SHOWN} of the {all} findings on lines of the pull request are shown beside them.\n");
    }
    Check {
        name: CHECK.to_owned(),
        state,
        title: status::description(report, limits),
        summary,
        annotations,
        url: url.map(str::to_owned),
    }
}

fn annotation(finding: &Finding) -> Option<Annotation> {
    let place = finding.place.as_ref()?;
    let mut message = finding.message.clone();
    if let Some(hint) = &finding.hint {
        message += &format!("\nhint: {hint}");
    }
    Some(Annotation {
        path: place.path.clone(),
        line: place.line?,
        column: place.column,
        level: match finding.severity {
            Severity::Error => AnnotationLevel::Failure,
            Severity::Warning => AnnotationLevel::Warning,
            Severity::Info => AnnotationLevel::Notice,
        },
        title: visible(&finding.rule).into_owned(),
        message: visible(&message).into_owned(),
    })
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
