//! What a promotion pull request says: title, body, verdict and comment.

use super::decide::{Environment, Head};
use super::observe::{Observed, Scene};
use super::outcome::{Outcome, done_or_same};
use crate::commit::CommitId;
use crate::diff::ChangeSet;
use crate::failure::Result;
use crate::finding::Finding;
use crate::git::CommitInfo;
use crate::host::{PullRequest, Status, StatusGrant, StatusState};
use crate::operation::{Operation, OperationStatus, Verb};
use crate::report::markdown::{self, escape};
use crate::report::{FailOn, Report, Verdict, merge_findings, status};
use crate::trust::PromoteGrant;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The images that change: name, old tag, new tag; each once.
pub(super) fn images(changes: &ChangeSet) -> Vec<(String, String, String)> {
    let mut found = BTreeSet::new();
    for image in changes.changes.iter().flat_map(|change| &change.images) {
        let (Some(before), Some(after)) = (&image.before, &image.after) else { continue };
        let (old_name, old) = split_tag(before.as_str());
        let (name, new) = split_tag(after.as_str());
        if old_name == name {
            let short = name.rsplit('/').next().unwrap_or(name);
            found.insert((short.to_owned(), old.to_owned(), new.to_owned()));
        }
    }
    found.into_iter().collect()
}

/// Name and tag (or digest) of an image; a port of the registry is no tag.
fn split_tag(image: &str) -> (&str, &str) {
    if let Some((name, digest)) = image.split_once('@') {
        return (name.rsplit_once(':').filter(|(_, tag)| !tag.contains('/')).map_or(name, |(name, _)| name), digest);
    }
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, tag),
        _ => (image, "latest"),
    }
}

/// The units that change, by name.
pub(super) fn units(changes: &ChangeSet) -> Vec<String> {
    let names: BTreeSet<&str> = changes.changes.iter().map(|change| change.unit.as_str()).collect();
    names.into_iter().map(str::to_owned).collect()
}

/// The review of a promotion: the rendered change, the same in every run.
pub(super) fn report(
    scene: &Scene<'_>,
    environment: &str,
    findings: &[Finding],
    changes: &ChangeSet,
    head: Option<&Head>,
    commit: &CommitId,
) -> Report {
    let environments = vec![environment.to_owned()];
    let mut report = Report::new("review");
    report.findings = merge_findings(findings.to_vec(), &environments);
    report.changes = changes.clone();
    report.head = Some(commit.clone());
    report.base = head.map(|head| head.commit.clone());
    report.links = scene.links.clone();
    report.environments = environments;
    report.judged(FailOn::Error)
}

/// What the body is made of.
pub(super) struct Text<'a> {
    pub(super) environment: &'a Environment,
    pub(super) title: &'a str,
    pub(super) release: &'a CommitId,
    pub(super) base: Option<&'a CommitId>,
    /// The release that the environment has.
    pub(super) has: Option<&'a CommitId>,
    pub(super) waiting: &'a [String],
    pub(super) report: &'a Report,
}

/// How many commits are listed before the rest is counted.
const COMMITS: usize = 20;

impl Text<'_> {
    /// The body: what and why, the commits it carries, the gates, what changes, and how to say no.
    pub(super) fn body(&self, scene: &Scene<'_>) -> Result<String> {
        let limits = scene.host.limits();
        let release = scene.repository.commit(self.release)?;
        let name = escape::name(&self.environment.name);
        let mut body = format!(
            "Brings release {} ({}) to **{name}**.\n\n",
            commit_link(scene, self.release),
            escape::text(scene.redactor.text(release.subject()).as_str())
        );
        body += "| | |\n|---|---|\n";
        for need in &self.environment.needs {
            let _ = writeln!(body, "| {} | delivered ✓ |", escape::name(need));
        }
        match self.waiting {
            [] => body += "| landing | by itself |\n",
            waiting => {
                let _ = writeln!(body, "| waits until | {} |", escape::text(&waiting.join(", then ")));
            }
        }
        if let Some(base) = self.base {
            let _ = writeln!(body, "| from | {} |", escape::code(base.short()));
        }
        body += "\n";
        body += &self.commits(scene)?;
        let foot = format!(
            "\n<sub>Close this pull request to reject the release for {name}; a newer one is proposed again. \
             To undo it after it landed, revert the change on the default branch.</sub>\n"
        );
        let room = limits.body.saturating_sub(body.len() + foot.len() + 64);
        body += &markdown::change_summary(self.report, room, limits.unit);
        body += &foot;
        let _ = self.title;
        Ok(body)
    }

    /// The commits of the default branch since the release that the environment has.
    fn commits(&self, scene: &Scene<'_>) -> Result<String> {
        let Some(has) = self.has else { return Ok(String::new()) };
        // Deepens a shallow clone as far as the list needs, so that every run lists the same.
        scene.repository.ensure_history(scene.remote, has, self.release)?;
        let commits: Vec<CommitInfo> = scene.repository.commits_between(has, self.release)?;
        let mut text = String::new();
        for commit in commits.iter().take(COMMITS) {
            let _ = writeln!(
                text,
                "- {} {} ({})",
                commit_link(scene, &commit.id),
                escape::text(scene.redactor.text(commit.subject()).as_str()),
                escape::text(scene.redactor.text(&commit.author.name).as_str())
            );
        }
        if commits.len() > COMMITS {
            let _ = writeln!(text, "- and {} more", commits.len() - COMMITS);
        }
        if !text.is_empty() {
            text.push('\n');
        }
        Ok(text)
    }
}

fn commit_link(scene: &Scene<'_>, commit: &CommitId) -> String {
    match &scene.links.commit {
        Some(template) => escape::link(commit.short(), &template.replace("{commit}", commit.as_str())),
        None => escape::code(commit.short()),
    }
}

/// Posts the comment and the verdict of a promotion that a job opened. The verdict comes last: once it stands, by
/// whichever of our runs, all is said.
pub(super) async fn publish(
    scene: &Scene<'_>,
    observed: &Observed,
    grant: &PromoteGrant,
    pull: &PullRequest,
    report: &Report,
    commit: &CommitId,
    outcome: &mut Outcome,
) -> Result<()> {
    let posted = scene.host.statuses(commit).await?;
    if posted.iter().any(|posted| posted.status.context == CONTEXT && observed.is_own(posted)) {
        return Ok(());
    }
    let limits = scene.host.limits();
    if let Some(comment) = scene.grants.review_of(pull.number, commit) {
        let body = markdown::comment(report, &limits);
        let ensured = scene.host.ensure_comment(&comment, "review", Some(&body)).await?;
        let target = format!("comment on pull request #{}", pull.number);
        let key = format!("comment/{}@{commit}", pull.number);
        record(outcome, Operation::planned(Verb::Comment, key, target), done_or_same(ensured));
    }
    let state = if report.verdict == Verdict::Fail { StatusState::Failure } else { StatusState::Success };
    let description = status::description(report, &limits);
    let status = Status { context: CONTEXT.to_owned(), state, description, url: Some(pull.url.clone()) };
    let ensured = scene.host.ensure_status(&StatusGrant::Promotion(grant, commit), &status).await?;
    let target = format!("{CONTEXT} on {}", commit.short());
    record(outcome, Operation::planned(Verb::Status, format!("review@{commit}"), target), done_or_same(ensured));
    Ok(())
}

/// The context of a review's verdict.
const CONTEXT: &str = "mergeline/review";

fn record(outcome: &mut Outcome, operation: Operation, status: OperationStatus) {
    if status == OperationStatus::Done {
        outcome.record(operation, status, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_told_from_ports_and_digests() {
        assert_eq!(
            split_tag("registry.example.com:5000/shop/web:1.27.0"),
            ("registry.example.com:5000/shop/web", "1.27.0")
        );
        assert_eq!(split_tag("registry.example.com:5000/shop/web"), ("registry.example.com:5000/shop/web", "latest"));
        assert_eq!(split_tag("web:1@sha256:abc"), ("web", "sha256:abc"));
    }
}
