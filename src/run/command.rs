//! One run for one event: what the Action and the component call.

use super::reconcile::{ReconcileOptions, reconcile};
use super::session::{Session, Tip};
use crate::commit::CommitId;
use crate::config::Config;
use crate::event::Trigger;
use crate::failure::{Failure, Result};
use crate::git::CommitTree;
use crate::intent::Intent;
use crate::report::Report;
use crate::report::board::Row;
use crate::review::{self, Configuration, Input, RenderedInput, Side};
use std::time::Instant;

/// What a run came to.
pub struct Ran {
    /// Everything found, decided and done.
    pub report: Report,
    /// Where each environment stands, when this run looked.
    pub board: Vec<Row>,
    /// Why there was nothing to do, when there was nothing.
    pub nothing: Option<String>,
    /// A failure of the world that the run went around as far as it could.
    pub failure: Option<Failure>,
}

impl Ran {
    pub(super) fn nothing(why: impl Into<String>) -> Self {
        let why = why.into();
        Self { report: Report::new("run"), board: Vec::new(), nothing: Some(why), failure: None }
    }

    fn report(report: Report) -> Self {
        Self { report, board: Vec::new(), nothing: None, failure: None }
    }
}

/// Reads the intent of the event and carries it out.
///
/// # Errors
/// As the use cases say; see [`crate::failure::FailureKind`].
pub async fn run(session: &Session, options: &ReconcileOptions, tell: &dyn Fn(&str)) -> Result<Ran> {
    let heads = session.heads()?;
    let default = session.facts.default_branch.clone();
    if heads.is_empty() {
        return Ok(Ran::nothing("the repository has no branch yet"));
    }
    let tip = session.tip(&heads, &default)?;
    match Intent::of(&session.event, &session.grants, &default, tip.config.as_ref()) {
        Intent::Nothing(why) if tip.broken.is_empty() => match undeliverable(session, tip.config.as_ref()) {
            Some(failure) => Err(failure),
            None => Ok(Ran::nothing(why)),
        },
        Intent::Nothing(_) => super::usable(&tip).map(|_| Ran::nothing("")),
        Intent::Review { number, head, base_branch } => {
            let base = session.tip(&heads, &base_branch)?;
            let review = Reviewed { number, head: &head, default: &tip, base: &base, base_branch: &base_branch };
            review_pull_request(session, options, &review, tell).await
        }
        Intent::Chat { number, asked, written_at } => {
            super::chat::answer(session, options, number, &asked, written_at, &tip, tell).await
        }
        Intent::Reconcile => {
            let done = reconcile(session, options, tell).await?;
            Ok(Ran { report: done.report, board: done.board, nothing: None, failure: done.failure })
        }
    }
}

/// Why a run that should deliver cannot, where its credential is good for reports alone: passing it over in silence
/// would look like a delivery.
fn undeliverable(session: &Session, config: Option<&Config>) -> Option<Failure> {
    let report_only = session.event.host.as_ref()?.report_only()?;
    let is_request = matches!(session.event.trigger, Trigger::PullRequest(_));
    let delivers = config?.environments().any(|(_, it)| it.branch.is_some() || it.cluster.is_some());
    (delivers && !is_request).then(|| {
        Failure::usage(format!("environments are configured, and this run cannot deliver: {}", report_only.why))
            .hint(report_only.hint.clone())
    })
}

/// A pull request under review.
struct Reviewed<'a> {
    number: u64,
    head: &'a CommitId,
    /// The tip of the default branch.
    default: &'a Tip,
    /// The tip of the branch that it goes to.
    base: &'a Tip,
    base_branch: &'a str,
}

async fn review_pull_request(
    session: &Session,
    options: &ReconcileOptions,
    reviewed: &Reviewed<'_>,
    tell: &dyn Fn(&str),
) -> Result<Ran> {
    let begun = Instant::now();
    let Reviewed { number, head, default, base, base_branch } = *reviewed;
    match session.event.host.as_ref().and_then(|host| host.report_only()) {
        Some(report_only) => {
            tell(&format!("nothing is written to #{number}: {}", report_only.why));
            tell(&format!("hint: {}", report_only.hint));
        }
        None => {
            let pull = session.host.pull_request(number).await?;
            if pull.head != *head {
                let (now, then) = (pull.head.short(), head.short());
                let why = format!("the head of #{number} is {now} by now, and this run is about {then}");
                return Ok(Ran::nothing(why));
            }
        }
    }
    let environment = default.config.as_ref().and_then(|config| config.environment_of_branch(base_branch));
    let mut report = match environment {
        Some(environment) => review_promotion(session, options, environment, head, default, base)?,
        None => review_change(session, options, head, base)?,
    };
    report.elapsed = begun.elapsed();
    if let Some(grant) = session.grants.review().filter(|_| !options.dry_run) {
        let url = session.event.run_url.as_deref();
        let operations = review::publish(session.host.as_ref(), grant, &report, url).await?;
        report.operations.extend(operations);
    }
    Ok(Ran::report(report))
}

/// Reviews a change of sources: base is the merge-base, policy is that of the target branch's tip.
fn review_change(session: &Session, options: &ReconcileOptions, head: &CommitId, base: &Tip) -> Result<Report> {
    let merge_base = session.repository.ensure_history(&session.remote, &base.commit, head)?;
    let head_tree = session.repository.tree(head)?;
    let configuration = match (&base.config, Config::load(&head_tree)?) {
        (Some(config), _) => Configuration::Trusted(Box::new(config.clone())),
        (None, crate::config::Loaded::Config(config)) => Configuration::FromHead(config),
        (None, _) => Configuration::None,
    };
    let base_tree = merge_base.as_ref().map(|commit| session.repository.tree(commit)).transpose()?;
    review::review(&Input {
        base: base_tree.as_ref().map(|tree| side(tree, merge_base.as_ref())),
        head: side(&head_tree, Some(head)),
        configuration,
        environments: options.only.clone(),
        render: session.render.clone(),
        kubernetes: options.kubernetes.clone(),
        strictness: review::Strictness::default(),
        fail_on: options.fail_on,
        links: session.links.clone(),
        download: &crate::download::Web::new(),
        secrets: session.secret_variables(),
    })
}

fn side<'a>(tree: &'a CommitTree, commit: Option<&CommitId>) -> Side<'a> {
    Side { tree, commit: commit.cloned() }
}

/// Reviews a change of an environment branch: both sides are rendered already.
fn review_promotion(
    session: &Session,
    options: &ReconcileOptions,
    environment: &str,
    head: &CommitId,
    default: &Tip,
    base: &Tip,
) -> Result<Report> {
    let merge_base = session.repository.ensure_history(&session.remote, &base.commit, head)?;
    let before = session.repository.tree(merge_base.as_ref().unwrap_or(&base.commit))?;
    let after = session.repository.tree(head)?;
    let policy = session.repository.tree(&default.commit)?;
    review::review_rendered(&RenderedInput {
        environment: environment.to_owned(),
        base: Some(side(&before, merge_base.as_ref())),
        head: side(&after, Some(head)),
        config: default.config.as_ref(),
        policy: Some(&policy),
        kubernetes: options.kubernetes.clone(),
        fail_on: options.fail_on,
        links: session.links.clone(),
        download: &crate::download::Web::new(),
        secrets: session.secret_variables(),
    })
}
