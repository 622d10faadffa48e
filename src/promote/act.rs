//! Carries promotion out: one pass over the environments in the order of the graph.
//!
//! A pass does all that may be done on what was seen; whoever calls it looks again until nothing changes. Pushes are
//! leased: a branch that moved meanwhile is no error here, the next pass sees it.

use super::decide::{self, Blocker, Decision, Environment, Head, Upstream, candidate, decide};
use super::message::promotion_branch;
use super::observe::{BareHead, Observed, Scene, bare_head, observe, seen};
use super::outcome::{Delivery, Outcome};
use super::prepare::Prepared;
use super::rendering::Renderings;
use crate::config::Land;
use crate::failure::{Failure, Result};
use crate::finding::Finding;
use crate::git::BranchUpdate;
use crate::host::StatusState;
use crate::report::board::Row;

/// The message of the empty commit that every environment branch begins with.
const SEED: &str = "Begin an environment branch

Rendered manifests are committed here by Mergeline; nothing is merged into this branch.";

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
    Ok(outcome.redacted(scene.redactor))
}

pub(super) struct Pass<'a> {
    pub(super) scene: &'a Scene<'a>,
    pub(super) observed: Observed,
    pub(super) renderings: &'a mut Renderings,
    upstreams: Vec<Upstream>,
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
