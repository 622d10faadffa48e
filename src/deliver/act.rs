//! Carries a delivery out: look, judge, and only then write.

use super::compare::digest;
use super::desired::{Desired, Item, resolve};
use super::health::Health;
use super::inventory::{ApplySetId, ENVIRONMENT, Entry, Inventory, NAMESPACE, PART_OF, environment_label};
use super::lease::{Lease, Patience};
use super::order::{self, Wave};
use super::plan::{self, Allowed, Fate, Leaver};
use super::preflight::{AT_ONCE, Answer, Judged, Live, key_of, preflight, uid};
use super::wait::{Seen, scope, wait};
use crate::cluster::{ApplyOptions, Cluster, Discovery, Rejection, ResourceKind, Scope, Target, Verdict};
use crate::commit::CommitId;
use crate::diff::redact::Redactor;
use crate::failure::{Failure, Result};
use crate::finding::Finding;
use crate::manifest::value::map;
use crate::manifest::{Object, ObjectKey, TypeKey, Value};
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
    /// Names this run in the lease.
    pub identity: String,
    /// The namespace of namespaced objects that name none.
    pub default_namespace: String,
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
    let Some(grant) = grant else { return Ok(prepare(cluster, desired, ancestry, options).await?.planned()) };
    if grant.environment() != desired.environment || *grant.commit() != desired.commit {
        return Err(Failure::bug("a delivery was asked for with the grant of another one"));
    }
    let mut lease: Option<Lease> = None;
    loop {
        // Looked at anew under the lease: what was seen before it may be another run's past.
        let prepared = prepare(cluster, desired, ancestry, options).await;
        let prepared = match (prepared, lease.take()) {
            (Ok(prepared), held) => {
                if prepared.is_refused() || !prepared.writes() {
                    if let Some(held) = held {
                        held.release(cluster, grant).await?;
                    }
                    return if prepared.is_refused() { Ok(prepared.planned()) } else { prepared.settle(cluster).await };
                }
                if let Some(held) = held {
                    let mut run = Run { cluster, grant, lease: held, redactor: prepared.redactor.clone(), prepared };
                    let result = run.run().await;
                    let released = run.lease.release(cluster, grant).await;
                    let delivered = result?;
                    released?;
                    return Ok(delivered);
                }
                prepared
            }
            (Err(failure), Some(held)) => {
                held.release(cluster, grant).await?;
                return Err(failure);
            }
            (Err(failure), None) => return Err(failure),
        };
        drop(prepared);
        ensure_namespace(cluster, grant).await?;
        let patience = Patience { limit: options.timeout };
        lease = Some(Lease::take(cluster, grant, &options.identity, &patience).await?);
    }
}

/// Everything that is known before the first write.
struct Prepared<'a> {
    desired: &'a Desired,
    options: &'a Options,
    inventories: Vec<Inventory>,
    judged: Vec<Judged>,
    leavers: Vec<Leaver>,
    live: Live,
    findings: Vec<Finding>,
    redactor: Redactor,
    selector: String,
}

async fn prepare<'a>(
    cluster: &dyn Cluster,
    desired: &'a Desired,
    ancestry: Ancestry<'_>,
    options: &'a Options,
) -> Result<Prepared<'a>> {
    let discovery = cluster.discover().await?;
    let inventories = inventories(cluster, desired).await?;
    descends(desired, &inventories, ancestry)?;
    let allowed = Allowed { empty: options.allow_empty, protected: options.allow_protected };
    plan::brake(desired, &inventories, allowed)?;

    let mut redactor = Redactor::new();
    desired.units.iter().for_each(|unit| redactor.learn(&unit.objects));
    let selector = selector(desired, &inventories);
    let mut prepared = Prepared {
        desired,
        options,
        inventories,
        judged: Vec::new(),
        leavers: Vec::new(),
        live: Live::default(),
        findings: Vec::new(),
        redactor,
        selector,
    };
    let namespaces = namespaces(cluster, desired, &options.default_namespace).await?;
    let mut items = match resolve(desired, &discovery, &namespaces, &options.default_namespace) {
        Ok(items) => items,
        Err(findings) => {
            prepared.findings = findings;
            return Ok(prepared);
        }
    };
    items.sort_by_cached_key(|item| order::key(&item.target));
    prepared.live = members(cluster, &items, &prepared.inventories, &discovery, &prepared.selector).await?;
    let entries: BTreeMap<ObjectKey, Entry> =
        prepared.inventories.iter().flat_map(|inventory| inventory.entries.clone()).collect();
    let managers: Vec<String> = desired.units.iter().map(|unit| unit.unit.field_manager()).collect();
    prepared.judged = preflight(cluster, &items, &prepared.live, &entries, &managers).await?;
    prepared.leavers = plan::leavers(&items, &prepared.inventories, &prepared.live, &discovery, allowed);
    missing_members(cluster, &mut prepared).await?;
    prepared.findings =
        prepared.judged.iter().filter_map(|judged| plan::refusal(desired, judged, &prepared.redactor)).collect();
    Ok(prepared)
}

/// A member that its label does not find may have lost the label: it is looked up by name before it counts as gone.
async fn missing_members(cluster: &dyn Cluster, prepared: &mut Prepared<'_>) -> Result<()> {
    for leaver in prepared.leavers.iter_mut().filter(|leaver| leaver.fate == Fate::Gone) {
        if leaver.target.kind.plural.is_empty() {
            continue;
        }
        if cluster.get(&leaver.target).await?.is_some() {
            leaver.fate = Fate::Foreign(format!("somebody removed its label `{PART_OF}`"));
        }
    }
    Ok(())
}

/// The inventories of the environment's units, and of units that it had.
async fn inventories(cluster: &dyn Cluster, desired: &Desired) -> Result<Vec<Inventory>> {
    let labels =
        format!("{ENVIRONMENT}={},app.kubernetes.io/managed-by=mergeline", environment_label(&desired.environment));
    let scope = Scope { namespace: Some(NAMESPACE.to_owned()), labels: Some(labels) };
    let mut found = Vec::new();
    for parent in cluster.list(&config_maps(), &scope).await? {
        let inventory = Inventory::read(&parent).map_err(|unreadable| {
            Failure::refused(unreadable.to_string())
                .hint("nothing was changed, since what belongs to the unit is not known; restore the ConfigMap, or delete it to begin anew without pruning")
        })?;
        if inventory.unit.environment == desired.environment {
            found.push(inventory);
        }
    }
    for unit in &desired.units {
        if !found.iter().any(|inventory| inventory.unit.name == unit.unit.name) {
            found.push(Inventory::empty(&unit.unit));
        }
    }
    Ok(found)
}

fn config_maps() -> ResourceKind {
    let type_key = TypeKey { group: String::new(), version: "v1".into(), kind: "ConfigMap".into() };
    ResourceKind { type_key, plural: "configmaps".into(), namespaced: true, verbs: Vec::new() }
}

fn namespace_kind() -> ResourceKind {
    let type_key = TypeKey { group: String::new(), version: "v1".into(), kind: "Namespace".into() };
    ResourceKind { type_key, plural: "namespaces".into(), namespaced: false, verbs: Vec::new() }
}

fn namespace_target(name: &str) -> Target {
    Target { kind: namespace_kind(), namespace: None, name: name.to_owned() }
}

/// Only a descendant of the last applied commit is applied.
fn descends(desired: &Desired, inventories: &[Inventory], ancestry: Ancestry<'_>) -> Result<()> {
    for last in inventories.iter().filter_map(|inventory| inventory.commit.as_ref()) {
        if *last != desired.commit && !ancestry(last, &desired.commit)? {
            return Err(Failure::refused(format!(
                "`{}` has {} applied, which is not an ancestor of {}",
                desired.environment,
                last.short(),
                desired.commit.short()
            ))
            .hint("nothing was changed: an older or unrelated commit never replaces a newer one; bring the branch forward instead"));
        }
    }
    Ok(())
}

/// Selects the members of every unit that the environment has or had.
fn selector(desired: &Desired, inventories: &[Inventory]) -> String {
    let units = desired.units.iter().map(|unit| &unit.unit).chain(inventories.iter().map(|inventory| &inventory.unit));
    let sets: BTreeSet<ApplySetId> = units.map(ApplySetId::of).collect();
    let sets: Vec<&str> = sets.iter().map(ApplySetId::as_str).collect();
    format!("{PART_OF} in ({})", sets.join(","))
}

/// Which of the namespaces that the set names exist. Asked one by one: a credential may see no others.
async fn namespaces(cluster: &dyn Cluster, desired: &Desired, default: &str) -> Result<BTreeSet<String>> {
    let objects = desired.units.iter().flat_map(|unit| &unit.objects);
    let named: BTreeSet<&str> = objects.map(|object| object.namespace().unwrap_or(default)).collect();
    let asking = named.into_iter().map(async |name| {
        let found = cluster.get(&namespace_target(name)).await?;
        Ok::<_, Failure>(found.map(|_| name.to_owned()))
    });
    let answers: Vec<_> = futures::stream::iter(asking).buffer_unordered(AT_ONCE).collect().await;
    answers.into_iter().filter_map(Result::transpose).collect()
}

/// The live members of the environment, by one list for each kind that it has or had.
async fn members(
    cluster: &dyn Cluster,
    items: &[Item],
    inventories: &[Inventory],
    discovery: &Discovery,
    selector: &str,
) -> Result<Live> {
    let mut kinds: BTreeMap<ResourceKind, BTreeSet<Option<String>>> = BTreeMap::new();
    for item in items.iter().filter(|item| !item.kind_to_come) {
        kinds.entry(item.target.kind.clone()).or_default().insert(item.target.namespace.clone());
    }
    for entry in inventories.iter().flat_map(|inventory| inventory.entries.values()) {
        let kind = plan::kind_of(entry, discovery);
        if !kind.plural.is_empty() {
            kinds.entry(kind).or_default().insert(entry.namespace.clone());
        }
    }
    let listing = kinds.iter().map(async |(kind, namespaces)| {
        let scope = scope(namespaces.iter().map(Option::as_deref), selector);
        cluster.list(kind, &scope).await
    });
    let lists: Vec<_> = futures::stream::iter(listing).buffer_unordered(AT_ONCE).collect().await;
    let mut live = Live::default();
    for list in lists {
        live.members.extend(list?.into_iter().map(|object| (object.key(), object)));
    }
    Ok(live)
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
    fn is_refused(&self) -> bool {
        !self.findings.is_empty()
    }

    /// Says whether anything in the cluster would change.
    fn writes(&self) -> bool {
        let applies = self.judged.iter().any(|judged| !matches!(judged.answer, Answer::Unchanged));
        let prunes = self.leavers.iter().any(|leaver| !matches!(leaver.fate, Fate::Kept(_)));
        let unknown = self.judged.iter().any(|judged| !self.is_recorded(&judged.item));
        applies || prunes || unknown
    }

    fn is_recorded(&self, item: &Item) -> bool {
        let unit = &self.desired.units[item.unit].unit.name;
        let inventory = self.inventories.iter().find(|inventory| inventory.unit.name == *unit);
        inventory.is_some_and(|inventory| inventory.entries.contains_key(&key_of(&item.target)))
    }

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
        let seen = wait(cluster, &targets, &self.selector, self.options.timeout).await?;
        let desired = self.desired;
        let mut delivered = self.planned();
        verdict(desired, &targets_of(&seen), &mut delivered);
        Ok(delivered)
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

fn targets_of(seen: &Seen) -> Vec<(&ObjectKey, &Health)> {
    seen.iter().map(|(key, (_, health))| (key, health)).collect()
}

/// Counts health and says who is not.
fn verdict(desired: &Desired, states: &[(&ObjectKey, &Health)], delivered: &mut Delivered) {
    delivered.total = states.len();
    delivered.healthy = states.iter().filter(|(_, health)| **health == Health::Healthy).count();
    for (key, health) in states {
        let (word, why) = match health {
            Health::Healthy => continue,
            Health::InProgress(why) => ("is not healthy yet", why),
            Health::Failed(why) => ("failed", why),
        };
        let mut finding = Finding::error("unhealthy", format!("`{key}` {word}: {why}"));
        finding.environments.push(desired.environment.clone());
        delivered.findings.push(finding);
    }
    let failed = delivered.operations.iter().any(|operation| operation.status == OperationStatus::Failed);
    delivered.delivered = delivered.healthy == delivered.total && !failed;
}

/// A delivery under its lease.
struct Run<'a> {
    cluster: &'a dyn Cluster,
    grant: &'a ApplyGrant,
    lease: Lease,
    prepared: Prepared<'a>,
    redactor: Redactor,
}

impl Run<'_> {
    async fn run(&mut self) -> Result<Delivered> {
        let mut delivered = Delivered { changed: true, ..Delivered::default() };
        self.record_union().await?;
        let mut broken: BTreeSet<usize> = BTreeSet::new();
        for wave in [Wave::Foundations, Wave::Supplies, Wave::Workloads, Wave::Gatekeepers] {
            self.lease.renew(self.cluster, self.grant).await?;
            self.wave(wave, &mut broken, &mut delivered).await?;
        }
        let seen = self.health(&broken).await?;
        for (key, (object, _)) in &seen {
            if let Some(object) = object {
                self.remember(key, object);
            }
        }
        verdict(self.prepared.desired, &targets_of(&seen), &mut delivered);
        self.prune(&mut delivered).await?;
        self.record_exact(&mut delivered).await?;
        Ok(delivered)
    }

    /// Writes what each unit has *and* shall have, before anything else: whatever happens then is known to the next run.
    async fn record_union(&mut self) -> Result<()> {
        for index in 0..self.prepared.inventories.len() {
            let unit = self.prepared.inventories[index].unit.name.clone();
            let mut union = self.prepared.inventories[index].clone();
            for judged in &self.prepared.judged {
                if self.prepared.desired.units[judged.item.unit].unit.name == unit {
                    let entry = Entry::of(&judged.item.target);
                    union.entries.entry(entry.key()).or_insert(entry);
                }
            }
            if union.entries.len() != self.prepared.inventories[index].entries.len() || union.version.is_none() {
                self.write_inventory(index, union).await?;
            }
        }
        Ok(())
    }

    async fn write_inventory(&mut self, index: usize, inventory: Inventory) -> Result<()> {
        let parent = inventory.parent();
        let target = Target {
            kind: config_maps(),
            namespace: Some(NAMESPACE.to_owned()),
            name: parent.name().unwrap_or_default().to_owned(),
        };
        match self.cluster.replace(self.grant, &target, &parent).await? {
            Ok(written) => {
                let version = written.value().path(&["metadata", "resourceVersion"]).and_then(Value::as_str);
                self.prepared.inventories[index] = Inventory { version: version.map(str::to_owned), ..inventory };
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
        let mut foundations = Vec::new();
        let (cluster, grant, desired) = (self.cluster, self.grant, self.prepared.desired);
        let sending = judged.iter().map(async |judged| {
            let unchanged = matches!(judged.answer, Answer::Unchanged);
            let held = broken.contains(&judged.item.unit);
            let verdict = match unchanged || held {
                true => None,
                false => Some(send(cluster, grant, desired, judged).await),
            };
            (judged, held, verdict)
        });
        // In order within the wave's ranks: `buffered` starts them in the order of the plan.
        let answers: Vec<_> = futures::stream::iter(sending).buffered(AT_ONCE).collect().await;
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
                    self.applied(judged, &object);
                    foundations.push(judged.item.target.clone());
                    operation.with(OperationStatus::Done, reason)
                }
                Some(Err(rejection)) => {
                    failed.insert(judged.item.unit);
                    delivered.findings.push(self.refused(judged, &rejection));
                    let words = self.redactor.text(&rejection.message).to_string();
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
    async fn wait_for_foundations(&self, targets: &[Target]) -> Result<()> {
        let targets: Vec<&Target> = targets.iter().collect();
        let limit = self.prepared.options.timeout.min(Duration::from_secs(60));
        let seen = wait(self.cluster, &targets, &self.prepared.selector, limit).await?;
        for (key, (_, health)) in &seen {
            if let Health::Failed(why) | Health::InProgress(why) = health {
                return Err(Failure::remote(format!("`{key}` did not become ready: {why}")).hint(
                    "what comes after it was not sent; the inventory knows all of it, and one more run goes on",
                ));
            }
        }
        Ok(())
    }

    fn refused(&self, judged: &Judged, rejection: &Rejection) -> Finding {
        let answered = Judged { answer: Answer::Refused(rejection.clone()), ..judged.clone() };
        let finding = plan::refusal(self.prepared.desired, &answered, &self.redactor);
        finding.unwrap_or_else(|| Finding::error("server-refused", rejection.reason.clone()))
    }

    fn applied(&mut self, judged: &Judged, object: &Object) {
        let key = key_of(&judged.item.target);
        self.remember(&key, object);
        let sent = digest(&judged.item.object);
        for inventory in &mut self.prepared.inventories {
            if let Some(entry) = inventory.entries.get_mut(&key) {
                entry.sent = Some(sent.clone());
                entry.version.clone_from(&judged.item.target.kind.type_key.version);
            }
        }
    }

    /// Notes the last that was seen of a member, so that the next run can tell that nothing changed.
    fn remember(&mut self, key: &ObjectKey, object: &Object) {
        for inventory in &mut self.prepared.inventories {
            if let Some(entry) = inventory.entries.get_mut(key) {
                entry.uid = uid(object).map(str::to_owned);
                entry.live = Some(digest(object));
            }
        }
    }

    async fn health(&mut self, broken: &BTreeSet<usize>) -> Result<Seen> {
        self.lease.renew(self.cluster, self.grant).await?;
        let sound = self.prepared.judged.iter().filter(|judged| !broken.contains(&judged.item.unit));
        let targets: Vec<Target> = sound.map(|judged| judged.item.target.clone()).collect();
        let deadline = tokio::time::Instant::now() + self.prepared.options.timeout;
        // In slices, so that the lease is renewed while waiting.
        loop {
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            let slice = left.min(Duration::from_secs(20));
            let targets: Vec<&Target> = targets.iter().collect();
            let seen = wait(self.cluster, &targets, &self.prepared.selector, slice).await?;
            let pending = seen.values().any(|(_, health)| matches!(health, Health::InProgress(_)));
            if !pending || left <= slice {
                return Ok(seen);
            }
            self.lease.renew(self.cluster, self.grant).await?;
        }
    }

    /// Deletes what left Git, only after all that stays is healthy.
    async fn prune(&mut self, delivered: &mut Delivered) -> Result<()> {
        let leavers = self.prepared.leavers.clone();
        if !leavers.is_empty() {
            self.lease.renew(self.cluster, self.grant).await?;
        }
        delivered.findings.extend(kept(self.prepared.desired, &leavers));
        for leaver in &leavers {
            let operation = self.prepared.prune_operation(leaver);
            let key = leaver.entry.key();
            let (operation, forget) = match &leaver.fate {
                Fate::Kept(_) => (operation, false),
                Fate::Gone | Fate::Foreign(_) => (operation, true),
                Fate::Delete(_) if !delivered.delivered => {
                    let why = "nothing is pruned before all that stays is healthy".to_owned();
                    (operation.with(OperationStatus::Skipped, why), false)
                }
                Fate::Delete(uid) => match self.cluster.delete(self.grant, &leaver.target, uid).await? {
                    Ok(()) => (operation.with(OperationStatus::Done, "left Git".to_owned()), true),
                    Err(rejection) => {
                        let words = self.redactor.text(&rejection.message).to_string();
                        (operation.with(OperationStatus::Failed, words), false)
                    }
                },
            };
            if operation.status == OperationStatus::Failed {
                delivered.delivered = false;
            }
            delivered.operations.push(operation);
            if forget {
                self.prepared.inventories[leaver.inventory].entries.remove(&key);
            }
        }
        Ok(())
    }

    /// Writes what each unit has now. A unit that is gone with all it had leaves no inventory behind.
    async fn record_exact(&mut self, delivered: &mut Delivered) -> Result<()> {
        self.lease.renew(self.cluster, self.grant).await?;
        for index in 0..self.prepared.inventories.len() {
            let mut inventory = self.prepared.inventories[index].clone();
            inventory.commit = Some(self.prepared.desired.commit.clone());
            let listed = self.prepared.desired.units.iter().any(|unit| unit.unit.name == inventory.unit.name);
            let operation = Operation::planned(
                Verb::Record,
                format!("record/{}/{}", self.prepared.desired.environment, inventory.unit.name),
                format!("inventory of {}", inventory.unit),
            );
            if inventory.entries.is_empty() && !listed && delivered.delivered {
                self.forget(&inventory).await?;
                delivered.operations.push(operation.with(OperationStatus::Done, "the unit is gone".to_owned()));
                continue;
            }
            let members = inventory.entries.len();
            self.write_inventory(index, inventory).await?;
            delivered.operations.push(operation.with(OperationStatus::Done, format!("{members} members")));
        }
        Ok(())
    }

    async fn forget(&self, inventory: &Inventory) -> Result<()> {
        let name = inventory.parent().name().unwrap_or_default().to_owned();
        let target = Target { kind: config_maps(), namespace: Some(NAMESPACE.to_owned()), name };
        if let Some(parent) = self.cluster.get(&target).await?
            && let Some(uid) = uid(&parent)
        {
            self.cluster.delete(self.grant, &target, uid).await?.ok();
        }
        Ok(())
    }
}

/// Applies one object. What could not be judged before because its kind or namespace was to come is asked for once more
/// while the server still gets used to them.
async fn send(cluster: &dyn Cluster, grant: &ApplyGrant, desired: &Desired, judged: &Judged) -> Result<Verdict> {
    let Item { unit, target, object, kind_to_come, namespace_to_come } = &judged.item;
    let field_manager = desired.units[*unit].unit.field_manager();
    let options = ApplyOptions { field_manager, force: judged.force };
    let mut tries = if *kind_to_come || *namespace_to_come { 25 } else { 0 };
    loop {
        let verdict = cluster.apply(grant, target, object, &options).await?;
        match verdict {
            Err(rejection) if rejection.code == 404 && tries > 0 => {
                tries -= 1;
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            verdict => return Ok(verdict),
        }
    }
}
