//! The writes of a pass: pushes with a lease, pull requests opened, landed and closed, and the evidence of a delivery.

use super::act::Pass;
use super::decide::{Environment, Head, Proposal};
use super::message::{environment_of, promotion_branch};
use super::observe::{claim, delivery_context, is_ours};
use super::outcome::{Delivery, Outcome, done_or_same};
use super::prepare::Prepared;
use super::proposal;
use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use crate::git::{BranchUpdate, Pushed};
use crate::host::marker::same_text;
use crate::host::{Ensured, Landing, PullRequestDraft, Status, StatusGrant, StatusState};
use crate::operation::{Operation, OperationStatus, Verb};
use crate::report::board::Row;
use crate::report::markdown::escape;

impl Pass<'_> {
    /// An attested head that nobody delivered yet: applied where there is a cluster; where others pull the branch,
    /// landed counts as delivered and only the evidence is posted.
    pub(super) async fn deliver(
        &mut self,
        name: &str,
        has_cluster: bool,
        head: &Head,
        outcome: &mut Outcome,
    ) -> Result<()> {
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

    /// Pushes with a lease, and says whether the branch is there now. One that moved is left for the next pass.
    pub(super) fn push(&self, name: &str, update: BranchUpdate, what: &str, outcome: &mut Outcome) -> Result<bool> {
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

    pub(super) async fn propose(
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

    pub(super) async fn close(&self, name: &str, number: u64, why: &str, outcome: &mut Outcome) -> Result<()> {
        let operation =
            Operation::planned(Verb::Close, format!("close/{name}#{number}"), format!("pull request #{number}"));
        if self.scene.dry_run {
            outcome.record(operation, OperationStatus::Planned, why.to_owned());
            return Ok(());
        }
        let grant = self.scene.grants.promote(name).map_err(Failure::refused)?;
        let ensured = self.scene.host.close_pull_request(&grant, number, &escape::message(why)).await?;
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
    pub(super) async fn orphans(&self, outcome: &mut Outcome) -> Result<()> {
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
}
