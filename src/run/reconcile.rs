//! The loop: promote, deliver, look again, until nothing is left that may be done now.

use super::delivery::{DeliveryOptions, deliver_one};
use super::session::{Session, Tip, catalogs};
use crate::commit::CommitId;
use crate::config::Config;
use crate::diff::Redactor;
use crate::failure::{Failure, Result};
use crate::finding::{Finding, Severity};
use crate::promote::{self, Delivery, Outcome, Renderings, Scene};
use crate::render::RenderOptions;
use crate::report::board::Row;
use crate::report::{FailOn, Report, merge_findings};
use crate::schema::Catalogs;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

/// How a reconciliation is carried out.
#[derive(Debug, Clone, Default)]
pub struct ReconcileOptions {
    /// The environments that may be acted on; empty for all.
    pub only: Vec<String>,
    /// The pull request, at a head, that a person who may merge it asked to land.
    pub asked: Option<(u64, CommitId)>,
    /// Decide and say, write nothing.
    pub dry_run: bool,
    /// Apply what has landed. Without, only branches and pull requests move.
    pub deliver: bool,
    /// The Kubernetes version that a person asked for.
    pub kubernetes: Option<String>,
    /// From which severity on findings fail the run; `None` for the configuration's.
    pub fail_on: Option<FailOn>,
    /// How deliveries are carried out.
    pub delivery: DeliveryOptions,
}

/// What a reconciliation came to.
pub struct Reconciled {
    /// Everything found, decided and done.
    pub report: Report,
    /// Where each environment stands.
    pub board: Vec<Row>,
    /// The first failure of the world in an environment; the others went as far as they could.
    pub failure: Option<Failure>,
}

/// How often a lost lease is answered by looking again.
const OVERTAKEN: usize = 5;

/// Brings every environment as far as it may go now.
///
/// # Errors
/// Usage when the configuration cannot be used; remote when the host fails, or a branch keeps moving.
pub async fn reconcile(session: &Session, options: &ReconcileOptions, tell: &dyn Fn(&str)) -> Result<Reconciled> {
    let begun = Instant::now();
    let branch = session.facts.default_branch.clone();
    let mut collected = Collected::default();
    let mut attempted: BTreeSet<(String, String)> = BTreeSet::new();
    let mut overtaken = 0;
    let mut rounds = 0;
    let mut renderings = Renderings::default();
    loop {
        rounds += 1;
        // The tip is read in every round: a push that came meanwhile is the next round's release.
        let heads = session.heads_now()?;
        let tip = session.tip(&heads, &branch)?;
        let config = usable(&tip)?;
        known(config, &options.only)?;
        let catalogs = catalogs(options.kubernetes.as_deref(), Some(config))?;
        collected.kubernetes = Some(catalogs.versions(config.environments().map(|(name, _)| name)));
        let (render, redactor) = (session.render_options(Some(config)), session.redactor(Some(config)));
        let at_hand = AtHand { heads: &heads, config, render: &render, catalogs: &catalogs, redactor: &redactor };
        let scene = Scene {
            only: &options.only,
            asked: options.asked.as_ref(),
            dry_run: options.dry_run,
            ..scene(session, &at_hand)
        };
        let outcome = promote::reconcile(&scene, &mut renderings).await?;
        let (changed, lost) = (outcome.changed, outcome.overtaken);
        let deliveries = outcome.deliveries.clone();
        collected.take(outcome, config, tell);
        let mut delivered = false;
        if options.deliver {
            for delivery in deliveries {
                let key = (delivery.environment.clone(), delivery.commit.to_string());
                if attempted.insert(key) {
                    delivered |= collected.deliver(session, config, &delivery, options, tell).await;
                }
            }
        }
        if lost {
            overtaken += 1;
            if overtaken > OVERTAKEN {
                return Err(Failure::remote("a branch kept moving while this run was planning")
                    .hint("other runs are at work; nothing is lost, and the next run goes on"));
            }
        } else if options.dry_run || !(changed || delivered) {
            let fail_on = options.fail_on.unwrap_or_else(|| fail_on(config));
            return Ok(collected.finish(session, fail_on, begun, &tip));
        }
        // Each environment is begun, brought forward and delivered once for a release; releases may come meanwhile.
        if rounds >= 10 * (1 + config.environments().count()) {
            return Err(Failure::remote(format!("this run did not come to rest after {rounds} rounds")).hint(
                "something undoes what it does, or releases come faster than they are delivered; the next run goes on",
            ));
        }
    }
}

/// The configuration of a tip, or why there is nothing to work with.
///
/// # Errors
/// Usage, with the first thing that is wrong and its place.
pub fn usable(tip: &Tip) -> Result<&Config> {
    if let Some(finding) = tip.broken.iter().find(|finding| finding.severity == Severity::Error) {
        let place = finding.place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
        let mut failure = Failure::usage(format!("{place}{}", finding.message));
        if let Some(hint) = &finding.hint {
            failure = failure.hint(hint.clone());
        }
        return Err(failure);
    }
    tip.config.as_ref().ok_or_else(|| {
        Failure::usage(format!("there is no `{}` at {}", crate::config::PATH, tip.commit.short()))
            .hint("environments are configured there; without it, pull requests are reviewed and nothing is delivered")
    })
}

fn known(config: &Config, only: &[String]) -> Result<()> {
    match only.iter().find(|name| config.environment(name).is_none()) {
        Some(name) => Err(super::delivery::unknown_environment(config, name)),
        None => Ok(()),
    }
}

/// The configuration's threshold.
#[must_use]
pub fn fail_on(config: &Config) -> FailOn {
    match config.model().review.fail_on {
        crate::config::FailOn::Error => FailOn::Error,
        crate::config::FailOn::Warning => FailOn::Warning,
        crate::config::FailOn::Never => FailOn::Never,
    }
}

#[derive(Default)]
struct Collected {
    operations: Vec<crate::operation::Operation>,
    /// Of the last round: an earlier round's may be mended since.
    findings: Vec<Finding>,
    delivery_findings: Vec<Finding>,
    changes: crate::diff::ChangeSet,
    board: Vec<Row>,
    environments: Vec<String>,
    failure: Option<Failure>,
    /// Of the last round, as the findings.
    promotion_failure: Option<Failure>,
    kubernetes: Option<String>,
}

impl Collected {
    fn take(&mut self, mut outcome: Outcome, config: &Config, tell: &dyn Fn(&str)) {
        for operation in &outcome.operations {
            let reason = operation.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
            tell(&format!("{} {}{reason}", operation.verb, operation.target));
        }
        self.promotion_failure = None;
        if let Some(failure) = outcome.failure.take() {
            tell(&failure.to_string());
            self.promotion_failure = Some(failure);
        }
        self.operations.extend(outcome.operations);
        self.findings = outcome.findings;
        self.findings.extend(config.unsupported());
        for change in outcome.changes.changes {
            let same = |known: &crate::diff::Change| {
                known.environment == change.environment && known.unit == change.unit && known.object == change.object
            };
            match self.changes.changes.iter_mut().find(|known| same(known)) {
                Some(known) => *known = change,
                None => self.changes.changes.push(change),
            }
        }
        self.board = outcome.states;
        self.environments = config.environments().map(|(name, _)| name.to_owned()).collect();
    }

    /// Delivers one environment; a failure is kept, and the others go on. Says whether it is delivered now.
    async fn deliver(
        &mut self,
        session: &Session,
        config: &Config,
        delivery: &Delivery,
        options: &ReconcileOptions,
        tell: &dyn Fn(&str),
    ) -> bool {
        let name = &delivery.environment;
        tell(&format!("deliver {} to {name}", delivery.commit.short()));
        let delivering = DeliveryOptions { dry_run: options.dry_run, ..options.delivery.clone() };
        match deliver_one(session, config, delivery, &delivering).await {
            Ok(delivered) => {
                tell(&format!("{name}: {}/{} healthy", delivered.healthy, delivered.total));
                self.operations.extend(delivered.operations);
                self.delivery_findings.extend(delivered.findings);
                delivered.delivered
            }
            Err(failure) => {
                tell(&format!("{name}: {failure}"));
                self.failure.get_or_insert(failure);
                false
            }
        }
    }

    fn finish(self, session: &Session, fail_on: FailOn, begun: Instant, tip: &Tip) -> Reconciled {
        let mut report = Report::new("run");
        let findings = self.findings.into_iter().chain(self.delivery_findings).collect();
        report.findings = merge_findings(findings, &self.environments);
        report.changes = self.changes;
        report.operations = self.operations;
        report.environments = self.environments;
        report.head = Some(tip.commit.clone());
        report.kubernetes = self.kubernetes;
        report.links = session.links.clone();
        report.elapsed = begun.elapsed();
        Reconciled {
            report: report.judged(fail_on),
            board: self.board,
            failure: self.failure.or(self.promotion_failure),
        }
    }
}

/// What a pass works with beside the session.
struct AtHand<'a> {
    heads: &'a BTreeMap<String, CommitId>,
    config: &'a Config,
    render: &'a RenderOptions,
    catalogs: &'a Catalogs,
    redactor: &'a Redactor,
}

/// What a pass looks at, in every environment and without a write.
fn scene<'a>(session: &'a Session, at_hand: &AtHand<'a>) -> Scene<'a> {
    let AtHand { heads, config, render, catalogs, redactor } = *at_hand;
    Scene {
        repository: &session.repository,
        remote: &session.remote,
        heads,
        host: session.host.as_ref(),
        facts: &session.facts,
        config,
        default_branch: &session.facts.default_branch,
        render,
        catalogs,
        grants: &session.grants,
        only: &[],
        asked: None,
        dry_run: true,
        links: &session.links,
        redactor,
    }
}

/// Applies one environment as a person asked: the head of its branch if it is attested, else the default branch's.
///
/// # Errors
/// Usage when the environment or its kubeconfig is not there; refused when the head is no render of a release.
pub async fn apply(session: &Session, environment: &str, options: &ReconcileOptions) -> Result<Report> {
    let begun = Instant::now();
    let branch = session.facts.default_branch.clone();
    let heads = session.heads_now()?;
    let tip = session.tip(&heads, &branch)?;
    let config = usable(&tip)?;
    let Some(settings) = config.environment(environment) else {
        return Err(super::delivery::unknown_environment(config, environment));
    };
    let delivery = match &settings.branch {
        None => Delivery { environment: environment.to_owned(), commit: tip.commit.clone(), rendered: false },
        Some(_) => {
            let catalogs = catalogs(options.kubernetes.as_deref(), Some(config))?;
            let only = [environment.to_owned()];
            let (render, redactor) = (session.render_options(Some(config)), session.redactor(Some(config)));
            let at_hand = AtHand { heads: &heads, config, render: &render, catalogs: &catalogs, redactor: &redactor };
            let scene = Scene { only: &only, ..scene(session, &at_hand) };
            let outcome = promote::reconcile(&scene, &mut Renderings::default()).await?;
            attested(environment, outcome)?
        }
    };
    let delivering = DeliveryOptions { dry_run: options.dry_run, ..options.delivery.clone() };
    let delivered = deliver_one(session, config, &delivery, &delivering).await?;
    let mut report = Report::new("apply");
    report.environments = vec![environment.to_owned()];
    report.findings = merge_findings(delivered.findings, &report.environments);
    report.operations = delivered.operations;
    report.head = Some(delivery.commit.clone());
    report.links = session.links.clone();
    report.elapsed = begun.elapsed();
    Ok(report.judged(options.fail_on.unwrap_or_else(|| fail_on(config))))
}

fn attested(environment: &str, outcome: Outcome) -> Result<Delivery> {
    let Some(head) = outcome.heads.get(environment) else {
        if let Some(failure) = outcome.failure {
            return Err(failure);
        }
        return Err(Failure::usage(format!("`{environment}` has no branch on the remote yet"))
            .hint("`mergeline promote` begins it"));
    };
    if head.seed {
        return Err(Failure::usage(format!("nothing has been released to `{environment}` yet"))
            .hint("`mergeline promote` brings the first release"));
    }
    if head.attested.is_none() {
        let edited = outcome.findings.iter().find(|finding| finding.rule == "environment-edited");
        let why = edited.map_or_else(
            || format!("the head {} of `{environment}` is the render of no release", head.commit.short()),
            |finding| finding.message.clone(),
        );
        return Err(Failure::refused(why).hint("nothing was applied: only what a release renders to is"));
    }
    Ok(Delivery { environment: environment.to_owned(), commit: head.commit.clone(), rendered: true })
}
