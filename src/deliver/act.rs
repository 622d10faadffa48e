//! Carries a delivery out: look, judge, and only then write.

use super::desired::{Desired, Item};
use super::health::Health;
use super::inventory::{Inventory, NAMESPACE, config_maps, field_manager, namespace_target};
use super::lease::{Lease, Patience};
use super::look::{Prepared, prepare};
use super::order::{self, Wave};
use super::plan::{self, Fate, Leaver};
use super::preflight::{AT_ONCE, Answer, Judged, key_of, uid};
use super::refusal;
use super::wait::{Seen, wait};
use crate::cluster::{ApplyOptions, Cluster, Rejection, Target, Verdict};
use crate::commit::CommitId;
use crate::diff::Redactor;
use crate::failure::{Failure, Result};
use crate::finding::Finding;
use crate::manifest::value::map;
use crate::manifest::{Object, ObjectKey, Value};
use crate::operation::{Operation, OperationStatus, Verb};
use crate::trust::ApplyGrant;
use futures::stream::StreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How a delivery is carried out.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long to wait for health.
    pub timeout: Duration,
    /// Let an environment or unit that renders to nothing delete all that it has.
    pub allow_empty: bool,
    /// Let objects of protected kinds be pruned.
    pub allow_protected: bool,
    /// Names this run in the lease, and no other one that may run at the same time: a run that finds its own name there
    /// goes on with the lease.
    pub identity: String,
    /// The namespace of namespaced objects that name none.
    pub default_namespace: String,
    /// What masks, besides what the objects themselves teach it.
    pub redactor: Redactor,
}

/// What came of a delivery.
#[derive(Debug, Clone, Default)]
pub struct Delivered {
    /// The plan with what became of each step, in the order in which they run.
    pub operations: Vec<Operation>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// How many objects are healthy.
    pub healthy: usize,
    /// Of how many.
    pub total: usize,
    /// Everything is applied and healthy.
    pub delivered: bool,
    /// The cluster was written to.
    pub changed: bool,
}

/// Says whether one commit is an ancestor of another or the same; an error when that cannot be known.
pub type Ancestry<'a> = &'a (dyn Fn(&CommitId, &CommitId) -> Result<bool> + Send + Sync);

/// Delivers an environment, or only plans it when there is no grant.
///
/// # Errors
/// Remote when the cluster fails or another run holds the lease for too long; refused when the commit is no descendant
/// of the last applied one, or when a brake holds. What the server says about single objects is in the findings.
pub async fn deliver(
    cluster: &dyn Cluster,
    grant: Option<&ApplyGrant>,
    desired: &Desired,
    ancestry: Ancestry<'_>,
    options: &Options,
) -> Result<Delivered> {
    let first = prepare(cluster, desired, ancestry, options, None).await?;
    let Some(grant) = grant else { return Ok(first.planned()) };
    if grant.environment() != desired.environment || *grant.commit() != desired.commit {
        return Err(Failure::bug("a delivery was asked for with the grant of another one"));
    }
    if first.is_refused() {
        return Ok(first.planned());
    }
    if !first.writes() {
        return first.settle(cluster).await;
    }
    ensure_namespace(cluster, grant).await?;
    let patience = Patience { limit: options.timeout };
    let lease = Lease::take(cluster, grant, &desired.repository, &options.identity, &patience).await?;
    let delivering = async {
        // Looked at anew under the lease: what was seen before it may be another run's past.
        let prepared = prepare(cluster, desired, ancestry, options, Some(&first)).await?;
        if prepared.is_refused() {
            return Ok(prepared.planned());
        }
        if !prepared.writes() {
            return prepared.settle(cluster).await;
        }
        Run { cluster, grant, lease: &lease, prepared }.run().await
    };
    // The lease is renewed beside the work, and the work is dropped where it stands when the lease is lost.
    let result = tokio::select! {
        result = delivering => result,
        lost = lease.keep(cluster, grant) => match lost {
            Err(lost) => Err(lost),
            Ok(never) => match never {},
        },
    };
    let released = lease.release(cluster, grant).await;
    let delivered = result?;
    released?;
    Ok(delivered)
}

/// The namespace of inventories and leases: the one write that comes before the lease, since the lease lives in it.
async fn ensure_namespace(cluster: &dyn Cluster, grant: &ApplyGrant) -> Result<()> {
    let target = namespace_target(NAMESPACE);
    if cluster.get(&target).await?.is_some() {
        return Ok(());
    }
    let metadata =
        map([("name", Value::from(NAMESPACE)), ("labels", map([("app.kubernetes.io/managed-by", "mergeline")]))]);
    let fields = [("apiVersion", Value::from("v1")), ("kind", "Namespace".into()), ("metadata", metadata)];
    let object = Object::new(map(fields)).expect("because it has a type");
    let options = ApplyOptions { field_manager: "mergeline".to_owned(), force: true };
    match cluster.apply(grant, &target, &object, &options).await? {
        Ok(_) => Ok(()),
        Err(rejection) => Err(Failure::remote(format!(
            "cannot make the namespace `{NAMESPACE}` for inventories and leases: {}",
            rejection.message
        ))
        .hint(format!("make it once with more rights: `kubectl create namespace {NAMESPACE}`"))),
    }
}

impl Prepared<'_> {
    /// The plan, not run.
    fn planned(self) -> Delivered {
        let mut operations: Vec<Operation> = Vec::new();
        for judged in &self.judged {
            let operation = plan::operation(self.desired, judged);
            let status = match judged.answer {
                Answer::Unchanged => OperationStatus::Skipped,
                Answer::Refused(_) | Answer::Owned(_) => OperationStatus::Failed,
                _ => OperationStatus::Planned,
            };
            operations.push(Operation { status, ..operation });
        }
        operations.extend(self.leavers.iter().map(|leaver| self.prune_operation(leaver)));
        let total = self.judged.len();
        let findings = self.findings.into_iter().chain(kept(self.desired, &self.leavers)).collect();
        Delivered { operations, findings, healthy: 0, total, delivered: false, changed: false }
    }

    fn prune_operation(&self, leaver: &Leaver) -> Operation {
        let Desired { environment, .. } = self.desired;
        let unit = &self.inventories[leaver.inventory].unit.name;
        let key = leaver.entry.key();
        let target = match &key.namespace {
            Some(namespace) => format!("{} {namespace}/{} in {environment}", key.kind, key.name),
            None => format!("{} {} in {environment}", key.kind, key.name),
        };
        let operation = Operation::planned(Verb::Prune, format!("prune/{environment}/{unit}/{key}"), target);
        match &leaver.fate {
            Fate::Delete(_) => operation.with(OperationStatus::Planned, "left Git".to_owned()),
            Fate::Gone => operation.with(OperationStatus::Skipped, "it is gone already".to_owned()),
            Fate::Kept(why) | Fate::Foreign(why) => operation.with(OperationStatus::Skipped, why.clone()),
        }
    }

    /// Nothing to write: only health is still asked for.
    async fn settle(self, cluster: &dyn Cluster) -> Result<Delivered> {
        let targets: Vec<&Target> = self.judged.iter().map(|judged| &judged.item.target).collect();
        let seen = wait(cluster, &targets, &self.live.members, &self.selector, self.options.timeout).await?;
        let mut verdict = Delivered::default();
        self.verdict(&seen, &mut verdict);
        let mut delivered = self.planned();
        delivered.findings.append(&mut verdict.findings);
        Ok(Delivered { operations: delivered.operations, findings: delivered.findings, ..verdict })
    }

    /// Counts health and says who is not.
    fn verdict(&self, seen: &Seen, delivered: &mut Delivered) {
        delivered.total = seen.len();
        delivered.healthy = seen.values().filter(|health| **health == Health::Healthy).count();
        for judged in &self.judged {
            let (word, why) = match seen.get(&key_of(&judged.item.target)) {
                None | Some(Health::Healthy) => continue,
                Some(Health::InProgress(why)) => ("is not healthy yet", why),
                Some(Health::Failed(why)) => ("failed", why),
            };
            let reference = self.redactor.reference(&judged.item.object.reference());
            let message = format!("`{reference}` {word}: {}", self.redactor.text(why));
            let mut finding = Finding::error("unhealthy", message).about(reference);
            finding.place = refusal::place(&judged.item.object);
            finding.environments.push(self.desired.environment.clone());
            finding.unit = Some(self.desired.units[judged.item.unit].unit.name.clone());
            delivered.findings.push(finding);
        }
        let failed = delivered.operations.iter().any(|operation| operation.status == OperationStatus::Failed);
        delivered.delivered = delivered.healthy == delivered.total && !failed;
    }
}

/// A warning for each member that left Git and stays all the same.
fn kept(desired: &Desired, leavers: &[Leaver]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for leaver in leavers {
        let (Fate::Kept(why) | Fate::Foreign(why)) = &leaver.fate else { continue };
        let key = leaver.entry.key();
        let mut finding = Finding::warning("prune-held", format!("`{key}` left Git and stays in the cluster: {why}"));
        finding.environments.push(desired.environment.clone());
        findings.push(finding);
    }
    findings
}

/// A delivery under its lease.
struct Run<'a> {
    cluster: &'a dyn Cluster,
    grant: &'a ApplyGrant,
    lease: &'a Lease,
    prepared: Prepared<'a>,
}

impl Run<'_> {
    async fn run(mut self) -> Result<Delivered> {
        let mut delivered = Delivered { changed: true, ..Delivered::default() };
        self.lease.begin(self.cluster, self.grant).await?;
        for index in 0..self.prepared.inventories.len() {
            let union = self.prepared.union(index);
            if union != self.prepared.inventories[index].entries {
                let commit = self.prepared.inventories[index].commit.clone();
                self.write_inventory(index, union, commit).await?;
            }
        }
        let mut broken: BTreeSet<usize> = BTreeSet::new();
        for wave in [Wave::Foundations, Wave::Supplies, Wave::Workloads, Wave::Gatekeepers] {
            self.wave(wave, &mut broken, &mut delivered).await?;
        }
        let sound = self.prepared.judged.iter().filter(|judged| !broken.contains(&judged.item.unit));
        let targets: Vec<&Target> = sound.map(|judged| &judged.item.target).collect();
        let seen = self.wait(&targets, self.prepared.options.timeout).await?;
        self.prepared.verdict(&seen, &mut delivered);
        let forgotten = self.prune(&mut delivered).await?;
        self.record_exact(&forgotten, &mut delivered).await?;
        Ok(delivered)
    }

    async fn wait(&self, targets: &[&Target], limit: Duration) -> Result<Seen> {
        // Nothing is known of what was just applied.
        wait(self.cluster, targets, &BTreeMap::new(), &self.prepared.selector, limit).await
    }

    async fn write_inventory(
        &mut self,
        index: usize,
        entries: BTreeMap<ObjectKey, super::inventory::Entry>,
        commit: Option<CommitId>,
    ) -> Result<()> {
        let inventory = Inventory { entries, commit, ..self.prepared.inventories[index].clone() };
        let parent = inventory.parent();
        let name = parent.name().unwrap_or_default().to_owned();
        let target = Target { kind: config_maps(), namespace: Some(NAMESPACE.to_owned()), name };
        self.lease.hold(self.cluster, self.grant).await?;
        match self.cluster.replace(self.grant, &target, &parent).await? {
            Ok(written) => {
                self.prepared.inventories[index] = Inventory { version: Prepared::version_of(&written), ..inventory };
                Ok(())
            }
            Err(rejection) => Err(Failure::remote(format!(
                "cannot write the inventory of `{}`: {}",
                inventory.unit, rejection.message
            ))
            .hint("nothing more was written; run again")),
        }
    }

    async fn wave(&mut self, wave: Wave, broken: &mut BTreeSet<usize>, delivered: &mut Delivered) -> Result<()> {
        let in_wave = |judged: &&Judged| {
            let key = &judged.item.target.kind.type_key;
            order::wave(&key.group, &key.kind) == wave
        };
        let judged: Vec<Judged> = self.prepared.judged.iter().filter(in_wave).cloned().collect();
        let desired = self.prepared.desired;
        let run = &*self;
        let sending = judged.iter().map(async |judged| {
            let unchanged = matches!(judged.answer, Answer::Unchanged);
            let held = broken.contains(&judged.item.unit);
            let verdict = match unchanged || held {
                true => None,
                false => Some(run.send(judged).await),
            };
            (judged, held, verdict)
        });
        // In order within the wave's ranks: `buffered` starts them in the order of the plan.
        let answers: Vec<_> = futures::stream::iter(sending).buffered(AT_ONCE).collect().await;
        let mut foundations = Vec::new();
        let mut failed: BTreeSet<usize> = BTreeSet::new();
        for (judged, held, verdict) in answers {
            let operation = plan::operation(desired, judged);
            let reason = operation.reason.clone();
            let operation = match verdict.transpose()? {
                None if held => {
                    operation.with(OperationStatus::Skipped, "an object of its unit was refused".to_owned())
                }
                None => operation.with(OperationStatus::Skipped, reason),
                Some(Ok(object)) => {
                    let note = self.prepared.note(judged, &object);
                    self.prepared.notes.insert(key_of(&judged.item.target), note);
                    foundations.push(&judged.item.target);
                    operation.with(OperationStatus::Done, reason)
                }
                Some(Err(rejection)) => {
                    failed.insert(judged.item.unit);
                    delivered.findings.extend(self.refused(judged, &rejection));
                    let words = refusal::sentence(&judged.item.object, &rejection, &self.prepared.redactor);
                    operation.with(OperationStatus::Failed, words)
                }
            };
            delivered.operations.push(operation);
        }
        broken.extend(failed);
        if wave == Wave::Foundations && !foundations.is_empty() {
            self.wait_for_foundations(&foundations).await?;
        }
        Ok(())
    }

    /// Namespaces and definitions must be ready before anything that lives in them is sent.
    async fn wait_for_foundations(&self, targets: &[&Target]) -> Result<()> {
        let limit = self.prepared.options.timeout.min(Duration::from_secs(60));
        for (key, health) in &self.wait(targets, limit).await? {
            if let Health::Failed(why) | Health::InProgress(why) = health {
                return Err(Failure::remote(format!("`{key}` did not become ready: {why}")).hint(
                    "what comes after it was not sent; the inventory knows all of it, and one more run goes on",
                ));
            }
        }
        Ok(())
    }

    fn refused(&self, judged: &Judged, rejection: &Rejection) -> Vec<Finding> {
        let answered = Judged { answer: Answer::Refused(rejection.clone()), ..judged.clone() };
        plan::refusals(self.prepared.desired, &answered, &self.prepared.redactor)
    }

    /// Applies one object. What could not be judged before because its kind or namespace was to come is asked for once
    /// more while the server still gets used to them.
    async fn send(&self, judged: &Judged) -> Result<Verdict> {
        let Item { unit, target, object, kind_to_come, namespace_to_come, .. } = &judged.item;
        let field_manager = field_manager(&self.prepared.desired.repository, &self.prepared.desired.units[*unit].unit);
        let options = ApplyOptions { field_manager, force: judged.force };
        let mut tries = if *kind_to_come || *namespace_to_come { 25 } else { 0 };
        loop {
            self.lease.hold(self.cluster, self.grant).await?;
            match self.cluster.apply(self.grant, target, object, &options).await? {
                Err(rejection) if rejection.code == 404 && tries > 0 => {
                    tries -= 1;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Ok(applied) if !judged.former.is_empty() => return self.give_up(judged, applied).await,
                verdict => return Ok(verdict),
            }
        }
    }

    /// Lets the units that had the object before give up what they own of it: the fields that only they had go, and a
    /// field that leaves Git later goes then.
    async fn give_up(&self, judged: &Judged, applied: Object) -> Result<Verdict> {
        let Target { kind, namespace, name } = &judged.item.target;
        let mut metadata = map([("name", name.as_str())]);
        if let Some(namespace) = namespace {
            metadata.set("namespace", namespace.as_str());
        }
        let fields = [
            ("apiVersion", Value::from(kind.type_key.api_version())),
            ("kind", kind.type_key.kind.as_str().into()),
            ("metadata", metadata),
        ];
        let nothing = Object::new(map(fields)).expect("because it has a type");
        let mut verdict = Ok(applied);
        for former in &judged.former {
            let options = ApplyOptions { field_manager: former.clone(), force: false };
            self.lease.hold(self.cluster, self.grant).await?;
            verdict = self.cluster.apply(self.grant, &judged.item.target, &nothing, &options).await?;
            if verdict.is_err() {
                break;
            }
        }
        Ok(verdict)
    }

    /// Deletes what left Git, only after all that stays is healthy, and says what may be forgotten: what is gone, and
    /// what is not ours any more.
    async fn prune(&mut self, delivered: &mut Delivered) -> Result<BTreeSet<(usize, ObjectKey)>> {
        let leavers = &self.prepared.leavers;
        delivered.findings.extend(kept(self.prepared.desired, leavers));
        let healthy = delivered.delivered;
        let mut forgotten = BTreeSet::new();
        // Waves go one after the other: what lives in a namespace goes before it.
        let wave = |leaver: &Leaver| order::wave(&leaver.entry.group, &leaver.entry.kind);
        for leavers in leavers.chunk_by(|one, other| wave(one) == wave(other)) {
            let run = &*self;
            let deleting = leavers.iter().map(async |leaver| (leaver, run.delete(leaver, healthy).await));
            let answers: Vec<_> = futures::stream::iter(deleting).buffered(AT_ONCE).collect().await;
            for (leaver, answer) in answers {
                let (operation, forget) = answer?;
                if operation.status == OperationStatus::Failed {
                    delivered.delivered = false;
                }
                delivered.operations.push(operation);
                if forget {
                    forgotten.insert((leaver.inventory, leaver.entry.key()));
                }
            }
        }
        Ok(forgotten)
    }

    /// Deletes one member if that is its fate. Says whether it may be forgotten: not before it is gone, since a finalizer
    /// may hold it.
    async fn delete(&self, leaver: &Leaver, healthy: bool) -> Result<(Operation, bool)> {
        let operation = self.prepared.prune_operation(leaver);
        let uid = match &leaver.fate {
            Fate::Kept(_) => return Ok((operation, false)),
            Fate::Gone | Fate::Foreign(_) => return Ok((operation, true)),
            Fate::Delete(_) if !healthy => {
                let why = "nothing is pruned before all that stays is healthy".to_owned();
                return Ok((operation.with(OperationStatus::Skipped, why), false));
            }
            Fate::Delete(uid) => uid,
        };
        self.lease.hold(self.cluster, self.grant).await?;
        if let Err(rejection) = self.cluster.delete(self.grant, &leaver.target, uid).await? {
            let words = self.prepared.redactor.text(&rejection.message).to_string();
            return Ok((operation.with(OperationStatus::Failed, words), false));
        }
        let left = self.cluster.get(&leaver.target).await?;
        let gone = left.as_ref().and_then(super::preflight::uid) != Some(uid);
        let why = if gone { "left Git" } else { "left Git; the cluster is still clearing it away" };
        Ok((operation.with(OperationStatus::Done, why.to_owned()), gone))
    }

    /// Writes what each unit has now, also when not all went well. A unit that is gone with all it had leaves no
    /// inventory behind.
    async fn record_exact(
        &mut self,
        forgotten: &BTreeSet<(usize, ObjectKey)>,
        delivered: &mut Delivered,
    ) -> Result<()> {
        for index in 0..self.prepared.inventories.len() {
            let exact = self.prepared.exact(index, forgotten);
            let inventory = &self.prepared.inventories[index];
            let operation = Operation::planned(
                Verb::Record,
                format!("record/{}/{}", self.prepared.desired.environment, inventory.unit.name),
                format!("inventory of {}", inventory.unit),
            );
            let has = exact.len();
            if exact != inventory.entries {
                let commit = Some(self.prepared.desired.commit.clone());
                self.write_inventory(index, exact, commit).await?;
                delivered.operations.push(operation.clone().with(OperationStatus::Done, format!("{has} members")));
            }
            if self.prepared.is_left(index) {
                self.forget(index).await?;
                delivered.operations.push(operation.with(OperationStatus::Done, "the unit is gone".to_owned()));
            }
        }
        Ok(())
    }

    async fn forget(&self, index: usize) -> Result<()> {
        let name = self.prepared.inventories[index].parent().name().unwrap_or_default().to_owned();
        let target = Target { kind: config_maps(), namespace: Some(NAMESPACE.to_owned()), name };
        if let Some(parent) = self.cluster.get(&target).await?
            && let Some(uid) = uid(&parent)
        {
            self.lease.hold(self.cluster, self.grant).await?;
            self.cluster.delete(self.grant, &target, uid).await?.ok();
        }
        Ok(())
    }
}
