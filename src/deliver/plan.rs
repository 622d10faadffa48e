//! From what the cluster has and what the server says to what shall be done. Pure.

use super::desired::{Desired, Item};
use super::inventory::{ApplySetId, Entry, Inventory, PART_OF};
use super::order;
use super::preflight::{Answer, Judged, Live, key_of, uid};
use super::refusal;
use crate::cluster::{Discovery, ResourceKind, Target};
use crate::diff::redact::Redactor;
use crate::failure::{Failure, Result};
use crate::finding::Finding;
use crate::manifest::{Object, ObjectKey, TypeKey, keep};
use crate::operation::{Operation, Verb};
use std::collections::{BTreeMap, BTreeSet};

/// What becomes of a member that left Git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is deleted if it still has this UID.
    Delete(String),
    /// It is gone already.
    Gone,
    /// It stays, and stays in the inventory; why.
    Kept(String),
    /// It is not ours any more: it stays and is forgotten; why.
    Foreign(String),
}

/// A member that left Git.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Leaver {
    /// Position of its inventory.
    pub(super) inventory: usize,
    pub(super) entry: Entry,
    pub(super) target: Target,
    pub(super) fate: Fate,
}

/// What a person allowed beyond the brakes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Allowed {
    pub(super) empty: bool,
    pub(super) protected: bool,
}

/// Namespaces that belong to the cluster.
const SYSTEM: [&str; 5] = ["default", "kube-system", "kube-public", "kube-node-lease", super::inventory::NAMESPACE];

/// The brake for empty sets: an environment that renders to nothing, or a listed unit that does, deletes nothing
/// without a person's word.
pub(super) fn brake(desired: &Desired, inventories: &[Inventory], allowed: Allowed) -> Result<()> {
    if allowed.empty {
        return Ok(());
    }
    let held: usize = inventories.iter().map(|inventory| inventory.entries.len()).sum();
    let nothing = desired.units.iter().all(|unit| unit.objects.is_empty());
    let environment = &desired.environment;
    let refusal = |what: String| {
        Err(Failure::refused(what)
            .hint("nothing was changed; if it is meant, run `mergeline apply` once with `--allow-empty`"))
    };
    if held > 0 && nothing {
        return refusal(format!("`{environment}` renders to no objects at all, and {held} would be deleted"));
    }
    for unit in desired.units.iter().filter(|unit| unit.objects.is_empty()) {
        let inventory = inventories.iter().find(|inventory| inventory.unit.name == unit.unit.name);
        let held = inventory.map_or(0, |inventory| inventory.entries.len());
        if held > 0 {
            let name = &unit.unit.name;
            return refusal(format!(
                "the unit `{name}` of `{environment}` renders to no objects, and {held} would be deleted"
            ));
        }
    }
    Ok(())
}

/// Every member that left Git, with its fate, in the order of pruning.
pub(super) fn leavers(
    items: &[Item],
    inventories: &[Inventory],
    live: &Live,
    discovery: &Discovery,
    allowed: Allowed,
) -> Vec<Leaver> {
    let wanted: BTreeSet<ObjectKey> = items.iter().map(|item| key_of(&item.target)).collect();
    let inhabited: BTreeSet<&str> = items.iter().filter_map(|item| item.target.namespace.as_deref()).collect();
    let staying: BTreeSet<&str> = wanted.iter().filter_map(|key| live.members.get(key)).filter_map(uid).collect();
    let mut leavers = Vec::new();
    for (index, inventory) in inventories.iter().enumerate() {
        let set = ApplySetId::of(&inventory.repository, &inventory.unit);
        for (key, entry) in inventory.entries.iter().filter(|(key, _)| !wanted.contains(*key)) {
            let target = Target {
                kind: kind_of(entry, discovery),
                namespace: entry.namespace.clone(),
                name: entry.name.clone(),
            };
            let mut fate = fate(entry, live.members.get(key), &set, &staying, discovery, allowed);
            let is_namespace = entry.group.is_empty() && entry.kind == "Namespace";
            if is_namespace && matches!(fate, Fate::Delete(_)) && inhabited.contains(entry.name.as_str()) {
                fate = Fate::Kept("objects of this environment live in it".to_owned());
            }
            leavers.push(Leaver { inventory: index, entry: entry.clone(), target, fate });
        }
    }
    let mut order: Vec<ObjectKey> = leavers.iter().map(|leaver| leaver.entry.key()).collect();
    order::sort_for_prune(&mut order);
    let position: BTreeMap<&ObjectKey, usize> = order.iter().enumerate().map(|(at, key)| (key, at)).collect();
    leavers.sort_by_key(|leaver| position.get(&leaver.entry.key()).copied());
    leavers
}

/// The kind as the server serves it now: the recorded version may be gone.
pub(super) fn kind_of(entry: &Entry, discovery: &Discovery) -> ResourceKind {
    let type_key = TypeKey { group: entry.group.clone(), version: entry.version.clone(), kind: entry.kind.clone() };
    let served = discovery.find(&type_key).or_else(|| discovery.preferred(&entry.group, &entry.kind));
    served.cloned().unwrap_or(ResourceKind {
        type_key,
        plural: String::new(),
        namespaced: entry.namespace.is_some(),
        verbs: Vec::new(),
    })
}

fn fate(
    entry: &Entry,
    live: Option<&Object>,
    set: &ApplySetId,
    staying: &BTreeSet<&str>,
    discovery: &Discovery,
    allowed: Allowed,
) -> Fate {
    let kind = kind_of(entry, discovery);
    if kind.plural.is_empty() {
        // The CRD is gone, and every object of it with it; or its API service does not answer.
        let unavailable = discovery.unavailable.iter().any(|group| *group == kind.type_key.api_version());
        return if unavailable { Fate::Kept("its API service does not answer".to_owned()) } else { Fate::Gone };
    }
    let Some(live) = live else { return Fate::Gone };
    match live.label(PART_OF) {
        Some(owner) if owner == set.as_str() => {}
        Some(owner) => return Fate::Foreign(format!("it belongs to {owner} now")),
        None => return Fate::Foreign(format!("somebody removed its label `{PART_OF}`")),
    }
    let Some(uid) = uid(live) else { return Fate::Kept("the server tells no UID".to_owned()) };
    if entry.uid.as_deref().is_some_and(|recorded| recorded != uid) {
        return Fate::Foreign("somebody deleted it and made it anew".to_owned());
    }
    if staying.contains(uid) {
        return Fate::Foreign("it was applied under another group".to_owned());
    }
    if let Some(annotation) = keep::kept_by(live) {
        return Fate::Kept(format!("its annotation `{annotation}` keeps it"));
    }
    if entry.group.is_empty() && entry.kind == "Namespace" && SYSTEM.contains(&entry.name.as_str()) {
        return Fate::Kept("it belongs to the cluster".to_owned());
    }
    if keep::is_protected(&entry.group, &entry.kind) && !allowed.protected {
        return Fate::Kept(format!("a {} is deleted only on a person's word (`--allow-protected`)", entry.kind));
    }
    Fate::Delete(uid.to_owned())
}

/// The operation for one object.
pub(super) fn operation(desired: &Desired, judged: &Judged) -> Operation {
    let Item { unit, target, object, .. } = &judged.item;
    let environment = &desired.environment;
    let unit = &desired.units[*unit].unit.name;
    let key = key_of(target);
    let operation = Operation::planned(Verb::Apply, format!("apply/{environment}/{unit}/{key}"), {
        format!("{} in {environment}", object.reference())
    });
    let left = match judged.left.as_slice() {
        [] => String::new(),
        left => format!(", {} left to its controller", left.join(", ")),
    };
    let reason = match &judged.answer {
        Answer::Create => "create".to_owned(),
        Answer::Update if !judged.former.is_empty() => {
            format!("update, taken over from {}{left}", judged.former.join(", "))
        }
        Answer::Update if judged.force => format!("update, taking over fields that others changed{left}"),
        Answer::Update => format!("update{left}"),
        Answer::Unchanged => format!("unchanged{left}"),
        Answer::Deferred(why) => format!("not judged before: {why}"),
        Answer::Refused(_) => "refused by the server".to_owned(),
        Answer::Owned(owner) => format!("owned by {owner}"),
    };
    Operation { reason: Some(reason), ..operation }
}

/// The findings for an object that the server refuses or that another one owns.
pub(super) fn refusals(desired: &Desired, judged: &Judged, redactor: &Redactor) -> Vec<Finding> {
    let object = &judged.item.object;
    let reference = redactor.reference(&object.reference());
    let mut findings = match &judged.answer {
        Answer::Refused(rejection) => refusal::refused(object, rejection, redactor),
        Answer::Owned(owner) => {
            vec![
                Finding::error("owned-by-another", format!("`{reference}` is owned by `{owner}`"))
                    .hint("an object has one owner: take it out of there first, or out of here"),
            ]
        }
        _ => Vec::new(),
    };
    for finding in &mut findings {
        finding.place = finding.place.take().or_else(|| refusal::place(object));
        finding.object = Some(reference.clone());
        finding.environments.push(desired.environment.clone());
        finding.unit = Some(desired.units[judged.item.unit].unit.name.clone());
    }
    findings
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::commit::CommitId;
    use crate::deliver::DesiredUnit;
    use crate::manifest::Value;
    use crate::manifest::value::map;
    use crate::unit::Unit;

    fn unit() -> Unit {
        Unit { environment: "dev".into(), name: "web".into(), path: String::new() }
    }

    fn entry(kind: &str, name: &str) -> Entry {
        Entry {
            group: String::new(),
            version: "v1".into(),
            kind: kind.into(),
            namespace: (kind != "Namespace").then(|| "shop".into()),
            name: name.into(),
            uid: Some("uid-1".into()),
            sent: None,
            owned: None,
        }
    }

    fn inventory(entries: &[Entry]) -> Inventory {
        let entries = entries.iter().map(|entry| (entry.key(), entry.clone())).collect();
        Inventory { entries, ..Inventory::empty("acme/shop", &unit()) }
    }

    fn discovery() -> Discovery {
        let kinds = ["ConfigMap", "Namespace"].map(|kind| ResourceKind {
            type_key: TypeKey::new("v1", kind),
            plural: format!("{}s", kind.to_lowercase()),
            namespaced: kind != "Namespace",
            verbs: vec![],
        });
        Discovery { kinds: kinds.to_vec(), unavailable: vec![] }
    }

    fn live(entry: &Entry, labels: Value, annotations: Value, uid: &str) -> Live {
        let metadata = map([
            ("name", Value::from(entry.name.as_str())),
            ("uid", uid.into()),
            ("labels", labels),
            ("annotations", annotations),
        ]);
        let object = Object::new(map([
            ("apiVersion", Value::from("v1")),
            ("kind", entry.kind.as_str().into()),
            ("metadata", metadata),
        ]));
        Live { members: BTreeMap::from([(entry.key(), object.unwrap())]) }
    }

    fn ours() -> Value {
        map([(PART_OF, ApplySetId::of("acme/shop", &unit()).as_str())])
    }

    fn fate_of(entry: &Entry, live: &Live, allowed: Allowed) -> Fate {
        let leavers = leavers(&[], &[inventory(std::slice::from_ref(entry))], live, &discovery(), allowed);
        leavers.into_iter().next().unwrap().fate
    }

    #[test]
    fn a_member_that_left_git_is_deleted_by_its_uid() {
        let entry = entry("ConfigMap", "old");
        let live = live(&entry, ours(), map([("a", "b")]), "uid-1");
        assert_eq!(fate_of(&entry, &live, Allowed::default()), Fate::Delete("uid-1".into()));
        assert_eq!(fate_of(&entry, &Live::default(), Allowed::default()), Fate::Gone);
    }

    #[test]
    fn what_is_not_ours_any_more_is_forgotten_and_not_deleted() {
        let entry = entry("ConfigMap", "old");
        for (labels, uid) in
            [(map([(PART_OF, "applyset-other-v1")]), "uid-1"), (map([("a", "b")]), "uid-1"), (ours(), "uid-2")]
        {
            let live = live(&entry, labels, map([("a", "b")]), uid);
            assert!(matches!(fate_of(&entry, &live, Allowed::default()), Fate::Foreign(_)));
        }
    }

    #[test]
    fn markers_and_protected_kinds_are_kept() {
        let config = entry("ConfigMap", "old");
        let marked =
            live(&config, ours(), map([("argocd.argoproj.io/sync-options", "Validate=false, Prune=false")]), "uid-1");
        assert!(matches!(fate_of(&config, &marked, Allowed { protected: true, empty: true }), Fate::Kept(_)));
        let namespace = entry("Namespace", "shop");
        let plain = live(&namespace, ours(), map([("a", "b")]), "uid-1");
        assert!(matches!(fate_of(&namespace, &plain, Allowed::default()), Fate::Kept(_)));
        let allowed = Allowed { protected: true, empty: false };
        assert!(matches!(fate_of(&namespace, &plain, allowed), Fate::Delete(_)));
        let system = entry("Namespace", "kube-system");
        let plain = live(&system, ours(), map([("a", "b")]), "uid-1");
        assert!(matches!(fate_of(&system, &plain, allowed), Fate::Kept(_)));
    }

    #[test]
    fn an_empty_unit_stops_the_run_and_a_removed_one_does_not() {
        let held = [inventory(&[entry("ConfigMap", "a")])];
        let commit = CommitId::parse(&"a".repeat(40)).unwrap();
        let other = DesiredUnit {
            unit: Unit { name: "db".into(), ..unit() },
            objects: vec![Object::new(map([("apiVersion", "v1"), ("kind", "ConfigMap")])).unwrap()],
        };
        let empty = DesiredUnit { unit: unit(), objects: vec![] };
        let desired = |units: Vec<DesiredUnit>| Desired {
            repository: "acme/shop".into(),
            environment: "dev".into(),
            commit: commit.clone(),
            units,
        };
        assert!(brake(&desired(vec![empty.clone(), other.clone()]), &held, Allowed::default()).is_err());
        assert!(brake(&desired(vec![other]), &held, Allowed::default()).is_ok());
        assert!(brake(&desired(vec![]), &held, Allowed::default()).is_err());
        assert!(brake(&desired(vec![empty]), &held, Allowed { empty: true, protected: false }).is_ok());
    }
}
