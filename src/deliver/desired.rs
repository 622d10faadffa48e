//! What an environment shall have, resolved against what the server serves.

use super::compare::digest;
use super::inventory::ApplySetId;
use crate::cluster::{Discovery, ResourceKind, Target};
use crate::commit::CommitId;
use crate::finding::Finding;
use crate::manifest::{Object, TypeKey, Value};
use crate::unit::Unit;
use std::collections::{BTreeMap, BTreeSet};

/// The annotation with the digest of a Secret.
pub(super) const DIGEST: &str = "mergeline.dev/digest";

/// The objects of one environment at one commit.
#[derive(Debug, Clone)]
pub struct Desired {
    /// The repository that they come from, `owner/name`: several may deliver to one cluster.
    pub repository: String,
    /// The environment.
    pub environment: String,
    /// The commit whose bytes these are.
    pub commit: CommitId,
    /// Its units. A unit that is listed with no objects is empty on purpose or by accident: the brake decides.
    pub units: Vec<DesiredUnit>,
}

/// The objects of one unit.
#[derive(Debug, Clone)]
pub struct DesiredUnit {
    /// The unit.
    pub unit: Unit,
    /// Its objects.
    pub objects: Vec<Object>,
}

/// One object on its way to the server.
#[derive(Debug, Clone)]
pub(super) struct Item {
    /// Position of its unit in [`Desired::units`].
    pub(super) unit: usize,
    /// Where it goes.
    pub(super) target: Target,
    /// What is sent: the object with the label of its ApplySet.
    pub(super) object: Object,
    /// Digest of what Git has.
    pub(super) digest: String,
    /// Its kind is defined by a CRD of the same set and not served yet.
    pub(super) kind_to_come: bool,
    /// Its namespace is made by the same set and not there yet.
    pub(super) namespace_to_come: bool,
}

/// Resolves every object: its kind as the server serves it, its namespace, its owner. With it, everything that cannot
/// be sent, as findings: kinds the server does not serve, objects without a name, objects that two units claim.
pub(super) fn resolve(desired: &Desired, discovery: &Discovery, default_namespace: &str) -> (Vec<Item>, Vec<Finding>) {
    let to_come = definitions(desired);
    let mut findings = Vec::new();
    let mut items = Vec::new();
    let mut owners: BTreeMap<(String, String, Option<String>, String), usize> = BTreeMap::new();
    for (index, object) in all(desired) {
        let unit = &desired.units[index].unit;
        let mut wrong = |rule, message, hint: &str| findings.push(wrong(unit, object, rule, message, hint));
        let reference = object.reference();
        let Some(name) = object.name() else {
            let hint = "give it a `metadata.name`: what has a generated name cannot be applied twice";
            wrong("missing-name", format!("`{}` of `{}` has no name", object.kind(), unit.name), hint);
            continue;
        };
        let key = object.type_key();
        let (kind, kind_to_come) = match (discovery.find(&key), to_come.get(&key)) {
            (Some(kind), _) => (kind.clone(), false),
            (None, Some(kind)) => (kind.clone(), true),
            (None, None) => {
                let unavailable = discovery.unavailable.iter().any(|group| *group == key.api_version());
                let (message, hint) = match unavailable {
                    true => (
                        format!("the API service of `{}` does not answer", key.api_version()),
                        "run again once it does",
                    ),
                    false => (
                        format!("the server serves no `{}` in `{}`", key.kind, key.api_version()),
                        "install its CustomResourceDefinition first, or bring it in the same environment",
                    ),
                };
                wrong("kind-not-served", message, hint);
                continue;
            }
        };
        let namespace = kind.namespaced.then(|| object.namespace().unwrap_or(default_namespace).to_owned());
        let identity = (key.group.clone(), key.kind.clone(), namespace.clone(), name.to_owned());
        if let Some(other) = owners.insert(identity, index) {
            let message = match other == index {
                true => format!("`{reference}` stands twice in the unit `{}`", unit.name),
                false => {
                    format!(
                        "`{reference}` is claimed by two units: `{}` and `{}`",
                        desired.units[other].unit.name, unit.name
                    )
                }
            };
            wrong("owned-twice", message, "an object has one owner: leave it in one of them");
            continue;
        }
        let target = Target { kind, namespace: namespace.clone(), name: name.to_owned() };
        let (object, digest) = sent(object, &ApplySetId::of(&desired.repository, unit), namespace.as_deref());
        items.push(Item { unit: index, target, object, digest, kind_to_come, namespace_to_come: false });
    }
    (items, findings)
}

/// Marks the items whose namespace the set makes; those whose namespace is neither there nor in the set are findings.
pub(super) fn find_namespaces(desired: &Desired, items: &mut [Item], existing: &BTreeSet<String>) -> Vec<Finding> {
    let made: BTreeSet<&str> =
        all(desired).filter(|(_, object)| is_namespace(object)).filter_map(|(_, o)| o.name()).collect();
    let mut findings = Vec::new();
    for item in items {
        let Some(namespace) = item.target.namespace.as_ref().filter(|name| !existing.contains(*name)) else { continue };
        item.namespace_to_come = made.contains(namespace.as_str());
        if !item.namespace_to_come {
            let message = format!("the namespace `{namespace}` of `{}` does not exist", item.object.reference());
            let hint = "make it by a Namespace object of this environment";
            findings.push(wrong(&desired.units[item.unit].unit, &item.object, "namespace-missing", message, hint));
        }
    }
    findings
}

fn wrong(unit: &Unit, object: &Object, rule: &'static str, message: String, hint: &str) -> Finding {
    let mut finding = Finding::error(rule, message).about(object.reference()).hint(hint);
    finding.place = super::refusal::place(object);
    finding.environments.push(unit.environment.clone());
    finding.unit = Some(unit.name.clone());
    finding
}

fn all(desired: &Desired) -> impl Iterator<Item = (usize, &Object)> {
    desired.units.iter().enumerate().flat_map(|(index, unit)| unit.objects.iter().map(move |object| (index, object)))
}

fn is_namespace(object: &Object) -> bool {
    object.kind() == "Namespace" && object.api_version() == "v1"
}

/// The kinds that CRDs of the set define.
fn definitions(desired: &Desired) -> BTreeMap<TypeKey, ResourceKind> {
    let mut kinds = BTreeMap::new();
    for (_, object) in all(desired) {
        if object.type_key().group != "apiextensions.k8s.io" || object.kind() != "CustomResourceDefinition" {
            continue;
        }
        let text = |path: &[&str]| object.value().path(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        let versions = object.value().path(&["spec", "versions"]).and_then(Value::as_list).unwrap_or_default();
        let served = versions.iter().filter(|version| version.get("served").and_then(Value::as_bool) == Some(true));
        for version in served {
            let type_key = TypeKey {
                group: text(&["spec", "group"]),
                version: version.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
                kind: text(&["spec", "names", "kind"]),
            };
            let kind = ResourceKind {
                type_key: type_key.clone(),
                plural: text(&["spec", "names", "plural"]),
                namespaced: text(&["spec", "scope"]) == "Namespaced",
                verbs: Vec::new(),
            };
            kinds.insert(type_key, kind);
        }
    }
    kinds
}

/// The object as it is sent: labelled as a member of its ApplySet, in its namespace, and without what only the server
/// writes (`status`, `resourceVersion`, …), which copies of live objects carry. With it, the digest of it all; that of a
/// Secret is kept on the Secret itself, where only those read it who may read the Secret.
fn sent(object: &Object, set: &ApplySetId, namespace: Option<&str>) -> (Object, String) {
    let mut object = object.clone();
    let value = object.value_mut();
    value.remove("status");
    if value.get("metadata").is_none_or(|metadata| metadata.as_map().is_none()) {
        value.set("metadata", crate::manifest::Map::new());
    }
    if let Some(metadata) = value.get_mut("metadata") {
        for written in ["managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink"] {
            metadata.remove(written);
        }
        match namespace {
            Some(namespace) => metadata.set("namespace", namespace),
            None => drop(metadata.remove("namespace")),
        }
        if metadata.get("labels").is_none_or(|labels| labels.as_map().is_none()) {
            metadata.set("labels", crate::manifest::Map::new());
        }
        if let Some(labels) = metadata.get_mut("labels") {
            labels.set(super::inventory::PART_OF, set.as_str());
        }
    }
    let digest = digest(&object);
    if object.is_secret()
        && let Some(metadata) = object.value_mut().get_mut("metadata")
    {
        if metadata.get("annotations").is_none_or(|annotations| annotations.as_map().is_none()) {
            metadata.set("annotations", crate::manifest::Map::new());
        }
        if let Some(annotations) = metadata.get_mut("annotations") {
            annotations.set(DIGEST, digest.as_str());
        }
    }
    (object, digest)
}
