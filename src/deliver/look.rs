//! Looks at the cluster and judges: everything that is known before the first write. Writes nothing.

use super::act::{Ancestry, Options};
use super::desired::{Desired, Item, find_namespaces, resolve};
use super::inventory::{
    ApplySetId, ENVIRONMENT, Entry, Inventory, NAMESPACE, PART_OF, config_maps, environment_label, field_manager,
    namespace_target,
};
use super::lease;
use super::order;
use super::plan::{self, Allowed, Fate, Leaver};
use super::preflight::{AT_ONCE, Answer, Ground, Judged, Live, key_of, preflight, uid};
use super::wait::{scope, scopes_by_namespace};
use crate::cluster::{Cluster, Discovery, ResourceKind, Scope};
use crate::commit::CommitId;
use crate::diff::redact::Redactor;
use crate::failure::{Failure, FailureKind, Result};
use crate::finding::Finding;
use crate::manifest::{Object, ObjectKey, Value};
use futures::stream::StreamExt;
use std::collections::{BTreeMap, BTreeSet};

/// How many ApplySets one selector names; more are selected by the label alone, and sorted out here.
const SELECTED: usize = 60;

/// Everything that is known before the first write.
pub(super) struct Prepared<'a> {
    pub(super) desired: &'a Desired,
    pub(super) options: &'a Options,
    pub(super) inventories: Vec<Inventory>,
    pub(super) judged: Vec<Judged>,
    pub(super) leavers: Vec<Leaver>,
    pub(super) live: Live,
    pub(super) findings: Vec<Finding>,
    pub(super) redactor: Redactor,
    pub(super) selector: String,
    /// What is to be recorded of each member whose apply is done: here, of those that need none.
    pub(super) notes: BTreeMap<ObjectKey, Entry>,
    /// The newest commit whose delivery was begun.
    begun: Option<CommitId>,
}

/// Looks and judges. What a `former` look judged holds for what has not changed since.
///
/// # Errors
/// Remote when the cluster fails; refused when the commit is no descendant of the last one, or when a brake holds.
pub(super) async fn prepare<'a>(
    cluster: &dyn Cluster,
    desired: &'a Desired,
    ancestry: Ancestry<'_>,
    options: &'a Options,
    former: Option<&Prepared<'_>>,
) -> Result<Prepared<'a>> {
    let discovery = cluster.discover().await?;
    let inventories = inventories(cluster, desired).await?;
    let begun = lease::begun(cluster, &desired.repository, &desired.environment).await?;
    descends(desired, &inventories, begun.as_ref(), ancestry)?;
    let allowed = Allowed { empty: options.allow_empty, protected: options.allow_protected };
    plan::brake(desired, &inventories, allowed)?;

    let mut redactor = options.redactor.clone();
    desired.units.iter().for_each(|unit| redactor.learn(&unit.objects));
    let units = desired.units.iter().map(|unit| &unit.unit).chain(inventories.iter().map(|inventory| &inventory.unit));
    let (managers, sets): (BTreeSet<String>, BTreeSet<String>) = units
        .map(|unit| {
            (field_manager(&desired.repository, unit), ApplySetId::of(&desired.repository, unit).as_str().to_owned())
        })
        .unzip();
    let selector = selector(&sets);
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
        notes: BTreeMap::new(),
        begun,
    };
    let (mut items, findings) = resolve(desired, &discovery, &options.default_namespace);
    prepared.findings = findings;
    items.sort_by_cached_key(|item| order::key(&item.target));
    prepared.live = members(cluster, &items, &prepared.inventories, &discovery, &prepared.selector, &sets).await?;
    let secrets: Vec<Object> = prepared.live.members.values().filter(|live| live.is_secret()).cloned().collect();
    prepared.redactor.learn(&secrets);
    let existing = namespaces(cluster, &items, &prepared.live).await?;
    prepared.findings.extend(find_namespaces(desired, &mut items, &existing));
    if prepared.is_refused() {
        return Ok(prepared);
    }
    let family = managers.union(&sets).cloned().collect();
    let units: Vec<(String, &Inventory)> = desired
        .units
        .iter()
        .map(|unit| {
            (field_manager(&desired.repository, &unit.unit), inventory_of(&prepared.inventories, &unit.unit.name))
        })
        .collect();
    let former = former.map(|former| {
        let judged = former.judged.iter().map(|judged| (key_of(&judged.item.target), judged));
        (&former.live, judged.collect::<BTreeMap<_, _>>())
    });
    let ground = Ground { live: &prepared.live, units, family, former };
    prepared.judged = preflight(cluster, &items, &ground).await?;
    prepared.leavers = plan::leavers(&items, &prepared.inventories, &prepared.live, &discovery, allowed);
    missing_members(cluster, &mut prepared).await?;
    super::prune::guard(cluster, &discovery, &mut prepared.leavers, &prepared.live).await?;
    prepared.findings =
        prepared.judged.iter().flat_map(|judged| plan::refusals(desired, judged, &prepared.redactor)).collect();
    prepared.notes = prepared.unchanged();
    Ok(prepared)
}

fn inventory_of<'a>(inventories: &'a [Inventory], unit: &str) -> &'a Inventory {
    let found = inventories.iter().find(|inventory| inventory.unit.name == unit);
    found.expect("because each listed unit has an inventory, if an empty one")
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
    let labels = format!(
        "{ENVIRONMENT}={},app.kubernetes.io/managed-by=mergeline",
        environment_label(&desired.repository, &desired.environment)
    );
    let scope = Scope { namespace: Some(NAMESPACE.to_owned()), labels: Some(labels) };
    let mut found = Vec::new();
    for parent in cluster.list(&config_maps(), &scope).await? {
        let inventory = Inventory::read(&parent).map_err(|unreadable| {
            Failure::refused(unreadable.to_string())
                .hint("nothing was changed, since what belongs to the unit is not known; restore the ConfigMap, or delete it to begin anew without pruning")
        })?;
        if inventory.unit.environment == desired.environment && inventory.repository == desired.repository {
            found.push(inventory);
        }
    }
    for unit in &desired.units {
        if !found.iter().any(|inventory| inventory.unit.name == unit.unit.name) {
            found.push(Inventory::empty(&desired.repository, &unit.unit));
        }
    }
    Ok(found)
}

/// Only a descendant of every commit that was applied, or whose delivery was begun, is applied.
fn descends(
    desired: &Desired,
    inventories: &[Inventory],
    begun: Option<&CommitId>,
    ancestry: Ancestry<'_>,
) -> Result<()> {
    let applied = inventories.iter().filter_map(|inventory| inventory.commit.as_ref());
    for last in applied.chain(begun).collect::<BTreeSet<_>>() {
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
fn selector(sets: &BTreeSet<String>) -> String {
    if sets.len() > SELECTED {
        return PART_OF.to_owned();
    }
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    format!("{PART_OF} in ({})", sets.join(","))
}

/// Which of the namespaces that the set names exist. One where a member lives does; others are asked for one by one,
/// since a credential may see no others, and taken to be there when it may not see even that: the dry run will tell.
async fn namespaces(cluster: &dyn Cluster, items: &[Item], live: &Live) -> Result<BTreeSet<String>> {
    let named: BTreeSet<&String> = items.iter().filter_map(|item| item.target.namespace.as_ref()).collect();
    let inhabited: BTreeSet<&str> = live.members.keys().filter_map(|key| key.namespace.as_deref()).collect();
    let asking = named.into_iter().map(async |name| {
        if inhabited.contains(name.as_str()) {
            return Ok(Some(name.clone()));
        }
        match cluster.get(&namespace_target(name)).await {
            Ok(found) => Ok(found.map(|_| name.clone())),
            Err(failure) if failure.kind() == FailureKind::Usage => Ok(Some(name.clone())),
            Err(failure) => Err(failure),
        }
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
    sets: &BTreeSet<String>,
) -> Result<Live> {
    let mut kinds: BTreeMap<ResourceKind, BTreeSet<Option<&str>>> = BTreeMap::new();
    for item in items.iter().filter(|item| !item.kind_to_come) {
        kinds.entry(item.target.kind.clone()).or_default().insert(item.target.namespace.as_deref());
    }
    for entry in inventories.iter().flat_map(|inventory| inventory.entries.values()) {
        let kind = plan::kind_of(entry, discovery);
        if !kind.plural.is_empty() {
            kinds.entry(kind).or_default().insert(entry.namespace.as_deref());
        }
    }
    let listing = kinds.iter().map(async |(kind, namespaces)| {
        match cluster.list(kind, &scope(namespaces.iter().copied(), selector)).await {
            Err(failure) if failure.kind() == FailureKind::Usage => {
                let Some(scopes) = scopes_by_namespace(namespaces, selector) else { return Err(failure) };
                let mut all = Vec::new();
                for scope in &scopes {
                    all.extend(cluster.list(kind, scope).await?);
                }
                Ok(all)
            }
            answer => answer,
        }
    });
    let lists: Vec<_> = futures::stream::iter(listing).buffer_unordered(AT_ONCE).collect().await;
    let mut live = Live::default();
    for list in lists {
        let ours = list?.into_iter().filter(|object| object.label(PART_OF).is_some_and(|set| sets.contains(set)));
        live.members.extend(ours.map(|object| (object.key(), object)));
    }
    Ok(live)
}

impl Prepared<'_> {
    /// Says whether something stands against the first write.
    pub(super) fn is_refused(&self) -> bool {
        !self.findings.is_empty()
    }

    /// Says whether anything in the cluster would change: objects, inventories, or the newest commit begun.
    pub(super) fn writes(&self) -> bool {
        let applies = self.judged.iter().any(|judged| !matches!(judged.answer, Answer::Unchanged));
        let prunes = self.leavers.iter().any(|leaver| !matches!(leaver.fate, Fate::Kept(_)));
        let records = (0..self.inventories.len()).any(|index| {
            let (has, shall_have) = (&self.inventories[index], self.exact(index, &BTreeSet::new()));
            has.entries != shall_have || (has.version.is_none() && !shall_have.is_empty()) || self.is_left(index)
        });
        let holds_something = !self.judged.is_empty() || self.inventories.iter().any(|has| has.version.is_some());
        let begins = holds_something && self.begun.as_ref() != Some(&self.desired.commit);
        applies || prunes || records || begins
    }

    /// Says whether an inventory is one of a unit that left with all that it had.
    pub(super) fn is_left(&self, index: usize) -> bool {
        let inventory = &self.inventories[index];
        let listed = self.desired.units.iter().any(|unit| unit.unit.name == inventory.unit.name);
        !listed && inventory.entries.is_empty()
    }

    /// The position of a unit's inventory.
    pub(super) fn inventory_of(&self, unit: usize) -> usize {
        let name = &self.desired.units[unit].unit.name;
        let found = self.inventories.iter().position(|inventory| inventory.unit.name == *name);
        found.expect("because each listed unit has an inventory, if an empty one")
    }

    /// What a unit has *and* shall have: what is written before anything else, so that whatever happens then is known
    /// to the next run. Nothing is claimed that the run is about to change: no digest of a member that is applied anew
    /// (else a kill, then a step back, would find the old digest and keep the new content), and no UID that may not be
    /// the one of the object to come (the label decides then).
    pub(super) fn union(&self, index: usize) -> BTreeMap<ObjectKey, Entry> {
        let mut union = self.inventories[index].entries.clone();
        for judged in self.judged.iter().filter(|judged| self.inventory_of(judged.item.unit) == index) {
            let key = key_of(&judged.item.target);
            let live = self.live.members.get(&key).and_then(uid);
            let entry = union.entry(key).or_insert_with(|| Entry::of(&judged.item.target));
            if !matches!(judged.answer, Answer::Unchanged) || entry.uid.as_deref() != live {
                let uid = entry.uid.take().filter(|uid| Some(uid.as_str()) == live);
                *entry = Entry { uid, ..Entry::of(&judged.item.target) };
            }
        }
        union
    }

    /// What a unit has after all that is noted is done, and after the `forgotten` members have left.
    pub(super) fn exact(&self, index: usize, forgotten: &BTreeSet<(usize, ObjectKey)>) -> BTreeMap<ObjectKey, Entry> {
        let has = &self.inventories[index].entries;
        let mut exact = BTreeMap::new();
        let mut elsewhere = BTreeSet::new();
        for judged in &self.judged {
            let key = key_of(&judged.item.target);
            if self.inventory_of(judged.item.unit) == index {
                let entry = self.notes.get(&key).or_else(|| has.get(&key)).cloned();
                exact.insert(key, entry.unwrap_or_else(|| Entry::of(&judged.item.target)));
            } else if self.notes.contains_key(&key) {
                elsewhere.insert(key);
            }
        }
        for (key, entry) in has {
            if !forgotten.contains(&(index, key.clone())) && !elsewhere.contains(key) {
                exact.entry(key.clone()).or_insert_with(|| entry.clone());
            }
        }
        exact
    }

    /// Notes of the members that need no apply.
    fn unchanged(&self) -> BTreeMap<ObjectKey, Entry> {
        let unchanged = self.judged.iter().filter(|judged| matches!(judged.answer, Answer::Unchanged));
        unchanged
            .filter_map(|judged| {
                let key = key_of(&judged.item.target);
                let entry = self.note(judged, self.live.members.get(&key)?);
                Some((key, entry))
            })
            .collect()
    }

    /// What is recorded of a member that is as desired.
    pub(super) fn note(&self, judged: &Judged, live: &Object) -> Entry {
        let Item { unit, target, object, digest, .. } = &judged.item;
        Entry {
            uid: uid(live).map(str::to_owned),
            sent: (!object.is_secret()).then(|| digest.clone()),
            owned: super::compare::owned(
                live,
                &field_manager(&self.desired.repository, &self.desired.units[*unit].unit),
            ),
            ..Entry::of(target)
        }
    }

    /// The version of the parent as the server told it last.
    pub(super) fn version_of(written: &Object) -> Option<String> {
        written.value().path(&["metadata", "resourceVersion"]).and_then(Value::as_str).map(str::to_owned)
    }
}
