//! Carries promotion out: one pass over the environments in the order of the graph.
//!
//! A pass does all that may be done on what was seen; whoever calls it looks again until nothing changes. Pushes are
//! leased: a branch that moved meanwhile is no error here, the next pass sees it.

use super::decide::{self, Blocker, Candidate, Decision, Environment, Head, Proposal, Upstream, candidate, decide};
use super::message::{Trailers, commit_message, environment_of, promotion_branch, title};
use super::observe::{BareHead, Observed, Scene, bare_head, claim, delivery_context, is_ours, observe, seen};
use super::proposal;
use super::rendering::{RenderedRelease, Renderings};
use crate::commit::CommitId;
use crate::config::{Land, Secrets};
use crate::diff::redact::Redactor;
use crate::diff::{self, ChangeSet};
use crate::failure::{Failure, Result};
use crate::finding::Finding;
use crate::git::{BranchUpdate, CommitDraft, Pushed};
use crate::host::marker::same_text;
use crate::host::{Ensured, Landing, PullRequestDraft, Status, StatusGrant, StatusState};
use crate::operation::{Operation, OperationStatus, Verb};
use crate::render::layout;
use crate::report::board::Row;
use crate::unit::Unit;
use std::collections::BTreeMap;

/// The message of the empty commit that every environment branch begins with.
const SEED: &str = "Begin an environment branch

Rendered manifests are committed here by Mergeline; nothing is merged into this branch.";

/// An environment's head that shall be applied to its cluster now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The environment.
    pub environment: String,
    /// The head of its branch, or of the default branch where it has none.
    pub commit: CommitId,
    /// The environment has a branch, so the commit's tree is laid out by [`crate::render::layout`].
    pub rendered: bool,
}

/// What one pass did and saw.
#[derive(Default)]
pub struct Outcome {
    /// Something was written that another pass may build on.
    pub changed: bool,
    /// A lease was lost: another run moved a branch meanwhile.
    pub overtaken: bool,
    /// What was done, or is planned in a dry run.
    pub operations: Vec<Operation>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What the proposed promotions change.
    pub changes: ChangeSet,
    /// Heads that wait to be applied.
    pub deliveries: Vec<Delivery>,
    /// The heads of the environments' branches.
    pub heads: BTreeMap<String, Head>,
    /// Where each environment stands, in the order of the configuration.
    pub states: Vec<Row>,
    /// The first failure in an environment; the others went as far as they could.
    pub failure: Option<Failure>,
}

impl Outcome {
    pub(super) fn record(&mut self, operation: Operation, status: OperationStatus, reason: impl Into<Option<String>>) {
        self.changed |= status == OperationStatus::Done;
        self.operations.push(operation.with(status, reason));
    }
}

/// One pass: looks once, then does what may be done in every environment. `renderings` is kept from pass to pass.
///
/// # Errors
/// When the remote or the host cannot be looked at. What fails in one environment, or what policy forbids there, is
/// [`Outcome::failure`].
pub async fn reconcile(scene: &Scene<'_>, renderings: &mut Renderings) -> Result<Outcome> {
    let observed = observe(scene).await?;
    let order = scene
        .config
        .order()
        .map_err(|cycle| Failure::usage(format!("`needs` of the environments form a cycle: {}", cycle.join(" → "))))?;
    let mut pass = Pass { scene, observed, renderings, upstreams: Vec::new() };
    let mut outcome = Outcome::default();
    for name in order {
        if let Err(failure) = pass.environment(name, &mut outcome).await {
            outcome.failure.get_or_insert(failure);
        }
    }
    if let Err(failure) = pass.orphans(&mut outcome).await {
        outcome.failure.get_or_insert(failure);
    }
    let position = |name: &str| scene.config.environments().position(|(known, _)| known == name);
    outcome.states.sort_by_key(|state| position(&state.environment));
    Ok(outcome)
}

pub(super) struct Pass<'a> {
    pub(super) scene: &'a Scene<'a>,
    pub(super) observed: Observed,
    pub(super) renderings: &'a mut Renderings,
    upstreams: Vec<Upstream>,
}

/// A candidate with what it was made from.
pub(super) struct Prepared {
    pub(super) candidate: Candidate,
    pub(super) rendered: std::rc::Rc<RenderedRelease>,
    changes: ChangeSet,
    title: String,
}

/// What an environment has, and what it could have next.
#[derive(Clone, Copy)]
struct Standing<'a> {
    /// Its branch's head as Git has it.
    bare: Option<&'a BareHead>,
    /// The head with what is known of it.
    head: Option<&'a Head>,
    /// The candidate.
    prepared: Option<&'a Prepared>,
}

impl Pass<'_> {
    async fn environment(&mut self, name: &str, outcome: &mut Outcome) -> Result<()> {
        let settings = self.scene.config.environment(name).expect("because the order lists configured names");
        let Some(branch) = settings.branch.clone() else {
            self.straight(name, settings.cluster.is_some(), outcome);
            return Ok(());
        };
        let environment = Environment {
            name: name.to_owned(),
            branch: branch.clone(),
            needs: settings.needs.clone(),
            lands_by_itself: settings.land() == Land::Auto,
            unknown_gates: settings.unsupported_gates().into_iter().map(str::to_owned).collect(),
        };
        let has_cluster = settings.cluster.is_some();
        let mut bare = self.scene.heads.get(&branch).map(|head| bare_head(self.scene, name, head)).transpose()?;
        let release = candidate(&environment, &self.observed.release, &self.upstreams, |a, b| {
            self.scene.repository.ensure_ancestry(self.scene.remote, a, b).unwrap_or(false)
        });
        let prepared = match &release {
            Ok(release) => Some(self.prepare(&environment, release, bare.as_ref())?),
            Err(_) => None,
        };
        let head = match &mut bare {
            Some(bare) => Some(self.head(&environment, bare, prepared.as_ref()).await?),
            None => None,
        };
        if let Some(head) = &head {
            outcome.heads.insert(name.to_owned(), head.clone());
        }
        let mut state = self.state(name, head.as_ref());
        if let Some(prepared) = &prepared {
            outcome.findings.extend(prepared.rendered.findings.iter().cloned());
        }
        let decision = match &prepared {
            Some(prepared) => self.decision(&environment, bare.as_ref(), head.as_ref(), prepared).await?,
            None if head.as_ref().is_some_and(|head| head.attested.is_none() && !head.seed) => {
                Decision::Blocked(Blocker::HumanEdit)
            }
            None => Decision::Wait(release.as_ref().err().cloned().unwrap_or_default()),
        };
        self.upstreams.push(Upstream {
            name: name.to_owned(),
            delivered: decide::delivered(head.as_ref(), prepared.as_ref().map(|prepared| &prepared.candidate)),
        });
        // A head that is about to be replaced need not be applied any more.
        let replaced = matches!(decision, Decision::Follow { .. });
        if let Some(head) = head.as_ref().filter(|head| head.attested.is_some() && !head.seed && !replaced)
            && !head.delivered
        {
            self.deliver(name, has_cluster, head, outcome).await?;
        }
        let standing = Standing { bare: bare.as_ref(), head: head.as_ref(), prepared: prepared.as_ref() };
        let acted = self.act(&environment, decision, standing, &mut state, outcome).await;
        if let Err(failure) = &acted {
            state.next = Some(failure.message().to_owned());
        }
        outcome.states.push(state);
        acted
    }

    async fn decision(
        &self,
        environment: &Environment,
        bare: Option<&BareHead>,
        head: Option<&Head>,
        prepared: &Prepared,
    ) -> Result<Decision> {
        let (name, branch) = (&environment.name, &environment.branch);
        let candidate = &prepared.candidate;
        if let Some(attested) = head.and_then(|head| head.attested.as_ref())
            && *attested != candidate.release
            && self.scene.repository.ensure_ancestry(self.scene.remote, &candidate.release, attested)?
        {
            let (has, offered) = (attested.short(), candidate.release.short());
            return Ok(Decision::Wait(format!(
                "it has {has}, which is newer than {offered} of {}",
                environment.needs.join(", ")
            )));
        }
        // Only a proposal, and the closing of a stale one, need to know what stands on the host.
        Ok(match decide(environment, head, &decide::Seen::default(), candidate) {
            Decision::Propose(_) => {
                let seen = seen(self.scene, &self.observed, name, branch, bare, candidate).await?;
                decide(environment, head, &seen, candidate)
            }
            Decision::Covered { .. } => {
                Decision::Covered { close: self.observed.open_promotion(name, branch).map(|pull| pull.number) }
            }
            other => other,
        })
    }

    /// An environment without a branch follows the default branch straight into its cluster.
    fn straight(&mut self, name: &str, has_cluster: bool, outcome: &mut Outcome) {
        let release = self.observed.release.clone();
        let delivered = !has_cluster || self.observed.is_delivered(name, &release);
        let mut state = self.state(name, None);
        state.release = Some(self.described(&release));
        let delivery = self.observed.delivery(name, &release);
        state.delivered_at = delivery.map(|posted| posted.posted_at);
        state.healthy = delivery.and_then(|posted| super::observe::healthy(&posted.status.description));
        outcome.states.push(state);
        if !delivered && self.scene.acts_on(name) {
            let delivery = Delivery { environment: name.to_owned(), commit: release.clone(), rendered: false };
            outcome.deliveries.push(delivery);
        }
        self.upstreams.push(Upstream { name: name.to_owned(), delivered: delivered.then_some(release) });
    }

    fn described(&self, release: &CommitId) -> (CommitId, String) {
        let subject = self.scene.repository.commit(release).map(|info| info.subject().to_owned());
        (release.clone(), subject.unwrap_or_default())
    }

    fn state(&self, name: &str, head: Option<&Head>) -> Row {
        let delivery = head.and_then(|head| self.observed.delivery(name, &head.commit));
        let delivery = delivery.filter(|posted| posted.status.state != StatusState::Pending);
        Row {
            environment: name.to_owned(),
            release: head.and_then(|head| head.attested.as_ref()).map(|release| self.described(release)),
            delivered_at: delivery.map(|posted| posted.posted_at),
            healthy: delivery.and_then(|posted| super::observe::healthy(&posted.status.description)),
            next: None,
        }
    }

    /// Renders a release for the environment and makes the commit that would land it.
    fn prepare(&mut self, environment: &Environment, release: &CommitId, head: Option<&BareHead>) -> Result<Prepared> {
        let former = head.map(|head| &head.commit);
        let tip = self.observed.release.clone();
        let rendered = self.renderings.release(self.scene, &environment.name, release, former, &tip)?;
        let changes = self.changes(&environment.name, head, &rendered)?;
        let subject = self.scene.repository.commit(release)?;
        let limit = self.scene.host.limits().title;
        let first = head.is_none_or(|head| head.seed);
        let changed = (!first).then(|| (proposal::images(&changes), proposal::units(&changes)));
        let title = title(&environment.name, changed.as_ref().map(|(images, units)| (&images[..], &units[..])), limit);
        let trailers = Trailers { environment: environment.name.clone(), release: release.clone() };
        let (parents, time) = match head {
            Some(head) => {
                let parent = self.scene.repository.commit(&head.commit)?;
                (vec![head.commit.clone()], subject.committed_at.max(parent.committed_at))
            }
            None => (Vec::new(), subject.committed_at),
        };
        let commit = self.scene.repository.write_commit(&CommitDraft {
            tree: rendered.tree.clone(),
            parents,
            message: commit_message(&title, subject.subject(), &trailers),
            time,
        })?;
        let candidate = Candidate {
            release: release.clone(),
            tree: rendered.content.as_str().to_owned(),
            commit,
            failed_units: rendered.failed.clone(),
        };
        Ok(Prepared { candidate, rendered, changes, title })
    }

    fn changes(&self, environment: &str, head: Option<&BareHead>, rendered: &RenderedRelease) -> Result<ChangeSet> {
        let before = match head {
            Some(head) => layout::read(&self.scene.repository.tree(&head.commit)?)?.units,
            None => Vec::new(),
        };
        let gone = before.iter().filter(|unit| !rendered.units.iter().any(|now| now.name == unit.name));
        let mut redactor = Redactor::new();
        before.iter().chain(&rendered.units).for_each(|unit| redactor.learn(&unit.objects));
        let mut changes = ChangeSet::default();
        for name in rendered.units.iter().chain(gone).map(|unit| &unit.name) {
            let objects = |units: &[layout::LaidOutUnit]| {
                units.iter().find(|unit| unit.name == *name).map(|unit| unit.objects.clone()).unwrap_or_default()
            };
            let unit =
                Unit { environment: environment.to_owned(), name: name.clone(), path: layout::unit_folder(name) };
            let (before, after) = (objects(&before), objects(&rendered.units));
            let catalog = self.scene.catalogs.of(environment);
            changes.changes.extend(diff::diff(&unit, &before, &after, Some(catalog), &redactor));
        }
        Ok(changes)
    }

    /// An attested head that nobody delivered yet: applied where there is a cluster; where others pull the branch,
    /// landed counts as delivered and only the evidence is posted.
    async fn deliver(&mut self, name: &str, has_cluster: bool, head: &Head, outcome: &mut Outcome) -> Result<()> {
        if !self.scene.acts_on(name) {
            return Ok(());
        }
        if has_cluster {
            let delivery = Delivery { environment: name.to_owned(), commit: head.commit.clone(), rendered: true };
            outcome.deliveries.push(delivery);
            return Ok(());
        }
        let context = delivery_context(name);
        let key = format!("{context}@{}", head.commit);
        let operation = Operation::planned(Verb::Status, key, format!("{context} on {}", head.commit.short()));
        if self.scene.dry_run {
            outcome.record(operation, OperationStatus::Planned, None);
            return Ok(());
        }
        let grant = self.scene.grants.apply(name, &head.commit).map_err(Failure::refused)?;
        let description = "landed; this environment pulls its branch".to_owned();
        let status = Status { context, state: StatusState::Success, description, url: None };
        let ensured = self.scene.host.ensure_status(&StatusGrant::Delivery(&grant), &status).await?;
        outcome.record(operation, done_or_same(ensured), None);
        Ok(())
    }

    async fn act(
        &mut self,
        environment: &Environment,
        decision: Decision,
        standing: Standing<'_>,
        state: &mut Row,
        outcome: &mut Outcome,
    ) -> Result<()> {
        let Standing { bare, head, prepared } = standing;
        let name = &environment.name;
        let brings = !matches!(decision, Decision::Covered { .. }) && self.scene.acts_on(name);
        if let Some(prepared) = prepared.filter(|_| brings) {
            self.judge_secrets(name, prepared, outcome)?;
        }
        match decision {
            Decision::Seed => {
                let commit = self.scene.repository.write_root_commit(SEED)?;
                state.next = Some("its branch is begun".to_owned());
                let update = BranchUpdate { branch: environment.branch.clone(), new: Some(commit), expected: None };
                self.push(name, update, "begin the branch with an empty commit", outcome)?;
            }
            Decision::Follow { expected } => {
                let prepared = prepared.expect("because only a candidate can be followed");
                state.next = Some(format!("{} is rendered", prepared.candidate.release.short()));
                let new = Some(prepared.candidate.commit.clone());
                let update = BranchUpdate { branch: environment.branch.clone(), new, expected: Some(expected) };
                outcome.changes.changes.extend(prepared.changes.changes.iter().cloned());
                self.push(name, update, &prepared.title, outcome)?;
            }
            Decision::Propose(proposed) => {
                let prepared = prepared.expect("because only a candidate can be proposed");
                outcome.changes.changes.extend(prepared.changes.changes.iter().cloned());
                self.propose(environment, &proposed, head, prepared, state, outcome).await?;
            }
            Decision::Covered { close: Some(number) } if self.scene.acts_on(name) => {
                let why = "the environment has what this promotion would bring";
                self.close(name, number, why, outcome).await?;
            }
            Decision::Covered { .. } => {}
            Decision::Wait(why) => state.next = Some(why),
            Decision::Blocked(blocker) => {
                let (why, finding) = self.blocked(environment, blocker, bare, prepared)?;
                state.next = Some(why);
                outcome.findings.extend(finding);
            }
        }
        Ok(())
    }

    /// A rendered Secret is committed only as far as the default branch already shows its value, and a finding says so.
    fn judge_secrets(&self, name: &str, prepared: &Prepared, outcome: &mut Outcome) -> Result<()> {
        let settings = self.scene.config.environment(name);
        let refuse = settings.is_some_and(|settings| settings.secrets == Secrets::Refuse);
        for unit in &prepared.rendered.units {
            for secret in unit.objects.iter().filter(|object| object.is_secret()) {
                let reference = secret.reference();
                if refuse {
                    return Err(Failure::refused(format!(
                        "`{reference}` of the unit `{}` would be committed to the branch of `{name}`, and `secrets: refuse` forbids it",
                        unit.name
                    ))
                    .hint("encrypt it, or let an operator in the cluster make it"));
                }
                let message =
                    format!("`{reference}` is committed to the branch of `{name}` as the default branch shows it");
                let mut finding = Finding::info("secret-in-branch", message).about(reference);
                finding.environments.push(name.to_owned());
                finding.unit = Some(unit.name.clone());
                finding.place = secret.value().origin.as_ref().map(crate::manifest::Origin::place_without_excerpt);
                outcome.findings.push(finding);
            }
        }
        Ok(())
    }

    /// Pushes with a lease, and says whether the branch is there now. One that moved is left for the next pass.
    fn push(&self, name: &str, update: BranchUpdate, what: &str, outcome: &mut Outcome) -> Result<bool> {
        if !self.scene.acts_on(name) {
            return Ok(false);
        }
        let new = update.new.as_ref().map_or("nothing", CommitId::short).to_owned();
        let key = format!("{}@{}", update.branch, update.new.as_ref().map_or("", CommitId::as_str));
        let operation = Operation::planned(Verb::Push, key, format!("branch {} to {new}", update.branch));
        if self.scene.dry_run {
            outcome.record(operation, OperationStatus::Planned, what.to_owned());
            return Ok(true);
        }
        let grant = self.scene.grants.promote(name).map_err(Failure::refused)?;
        Ok(match self.scene.repository.push(&grant, self.scene.remote, &[update])? {
            Pushed::Done => {
                outcome.record(operation, OperationStatus::Done, what.to_owned());
                true
            }
            Pushed::Moved { branch, .. } => {
                outcome.overtaken = true;
                let why = format!("another run moved {branch} meanwhile");
                outcome.record(operation, OperationStatus::Skipped, why);
                false
            }
        })
    }

    async fn propose(
        &mut self,
        environment: &Environment,
        proposed: &Proposal,
        head: Option<&Head>,
        prepared: &Prepared,
        state: &mut Row,
        outcome: &mut Outcome,
    ) -> Result<()> {
        let name = &environment.name;
        // A promotion that stands may name an older release which brings the very same.
        let info = self.scene.repository.commit(&proposed.commit)?;
        let release = claim(name, &info.message).unwrap_or_else(|| prepared.candidate.release.clone());
        let short = release.short();
        let waiting = proposed.waiting.join(", then ");
        if !self.scene.acts_on(name) {
            state.next = Some(format!("{short} waits for a run that may act on it"));
            return Ok(());
        }
        let from = promotion_branch(name);
        if proposed.push {
            let new = Some(proposed.commit.clone());
            let update = BranchUpdate { branch: from.clone(), new, expected: proposed.expected.clone() };
            if !self.push(name, update, &prepared.title, outcome)? {
                return Ok(());
            }
        }
        let report =
            proposal::report(self.scene, name, &prepared.rendered.findings, &prepared.changes, head, &proposed.commit);
        let text = proposal::Text {
            environment,
            title: &prepared.title,
            release: &release,
            base: head.map(|head| &head.commit),
            has: head.and_then(|head| head.attested.as_ref()),
            waiting: &proposed.waiting,
            report: &report,
        };
        let draft = PullRequestDraft {
            head_branch: from,
            base_branch: environment.branch.clone(),
            title: prepared.title.clone(),
            body: text.body(self.scene)?,
            labels: Vec::new(),
        };
        let key = format!("promotion/{name}@{}", proposed.commit);
        let target = format!("promotion to {name}");
        if self.scene.dry_run {
            let operation = Operation::planned(Verb::Propose, key, target);
            outcome.record(operation, OperationStatus::Planned, prepared.title.clone());
            state.next =
                Some(if waiting.is_empty() { format!("{short} lands") } else { format!("{short}: {waiting}") });
            return Ok(());
        }
        let grant = self.scene.grants.promote(name).map_err(Failure::refused)?;
        // One that was seen as it shall be needs no call.
        let standing = self
            .observed
            .open_promotion(name, &environment.branch)
            .filter(|pull| !proposed.push && pull.title == draft.title && same_text(&pull.body, &draft.body));
        let (ensured, pull) = match standing {
            Some(pull) => (Ensured::Unchanged, pull.clone()),
            None => self.scene.host.ensure_pull_request(&grant, &draft).await?,
        };
        let operation = Operation::planned(Verb::Propose, key, format!("pull request #{} to {name}", pull.number));
        if ensured != Ensured::Unchanged {
            outcome.record(operation, OperationStatus::Done, prepared.title.clone());
        }
        // No workflow starts for a pull request that a job opened: its verdict and comment are posted here.
        proposal::publish(self.scene, &self.observed, &grant, &pull, &report, &proposed.commit, outcome).await?;
        state.next = Some(if waiting.is_empty() {
            format!("{short} in #{}", pull.number)
        } else {
            format!("{short} in #{}: {waiting}", pull.number)
        });
        if proposed.land {
            let operation = Operation::planned(
                Verb::Land,
                format!("land/{name}@{}", proposed.commit),
                format!("pull request #{} into {}", pull.number, environment.branch),
            );
            match self.scene.host.land(&grant, pull.number, &proposed.commit).await? {
                Landing::Landed(_) | Landing::AlreadyMerged => {
                    outcome.record(operation, OperationStatus::Done, prepared.title.clone());
                }
                Landing::HeadMoved => {
                    outcome.overtaken = true;
                    outcome.record(operation, OperationStatus::Skipped, "its head moved meanwhile".to_owned());
                }
                Landing::Refused(why) => {
                    state.next = Some(format!("{short} in #{}: the host holds it: {why}", pull.number));
                    outcome.record(operation, OperationStatus::Skipped, format!("the host holds it: {why}"));
                }
            }
        }
        Ok(())
    }

    async fn close(&self, name: &str, number: u64, why: &str, outcome: &mut Outcome) -> Result<()> {
        let operation =
            Operation::planned(Verb::Close, format!("close/{name}#{number}"), format!("pull request #{number}"));
        if self.scene.dry_run {
            outcome.record(operation, OperationStatus::Planned, why.to_owned());
            return Ok(());
        }
        let grant = self.scene.grants.promote(name).map_err(Failure::refused)?;
        let ensured = self.scene.host.close_pull_request(&grant, number, why).await?;
        outcome.record(operation, done_or_same(ensured), why.to_owned());
        // Left behind, its head would look like one that a person rejected.
        let branch = promotion_branch(name);
        let expected = self.scene.heads.get(&branch).cloned();
        if let Some(head) = &expected
            && is_ours(&self.scene.repository.commit(head)?)
        {
            self.push(name, BranchUpdate { branch, new: None, expected }, "its pull request is closed", outcome)?;
        }
        Ok(())
    }

    /// Promotions of environments that the configuration does not have any more, or has on another branch.
    async fn orphans(&self, outcome: &mut Outcome) -> Result<()> {
        for pull in &self.observed.open {
            let Some(name) = environment_of(&pull.head_branch) else { continue };
            let why = match self.scene.config.environment(name) {
                None if self.scene.only.is_empty() => format!(
                    "the configuration has no environment `{name}` any more; its branch and cluster stay as they are"
                ),
                Some(settings) if settings.branch.as_ref() != Some(&pull.base_branch) && self.scene.acts_on(name) => {
                    format!("`{name}` is not on the branch `{}` any more, which stays as it is", pull.base_branch)
                }
                _ => continue,
            };
            self.close(name, pull.number, &why, outcome).await?;
        }
        Ok(())
    }

    fn blocked(
        &self,
        environment: &Environment,
        blocker: Blocker,
        head: Option<&BareHead>,
        prepared: Option<&Prepared>,
    ) -> Result<(String, Option<Finding>)> {
        let name = &environment.name;
        Ok(match blocker {
            Blocker::Rejected => ("its promotion was closed by a person: this release is rejected".to_owned(), None),
            Blocker::EditedPromotion => {
                let from = promotion_branch(name);
                let message = format!("`{from}` holds a commit that is not Mergeline's: it is left alone");
                let hint = format!("merge its pull request, or delete `{from}` to have it made anew");
                let finding = Finding::warning("promotion-edited", message).hint(hint);
                ("its promotion was edited by a person".to_owned(), Some(in_environment(finding, name)))
            }
            Blocker::HumanEdit => {
                let head = head.expect("because only a head can be edited");
                let finding = self.edited(environment, head, prepared)?;
                ("somebody changed its branch by hand".to_owned(), Some(finding))
            }
        })
    }
}

pub(super) fn in_environment(mut finding: Finding, name: &str) -> Finding {
    finding.environments.push(name.to_owned());
    finding
}

pub(super) fn done_or_same(ensured: Ensured) -> OperationStatus {
    match ensured {
        Ensured::Unchanged | Ensured::Unsupported => OperationStatus::Skipped,
        Ensured::Created | Ensured::Updated | Ensured::Removed => OperationStatus::Done,
    }
}
