//! What an environment shall have, resolved against what the server serves.

use super::inventory::ApplySetId;
use crate::cluster::{Discovery, ResourceKind, Target};
use crate::commit::CommitId;
use crate::finding::Finding;
use crate::manifest::{Object, TypeKey, Value};
use crate::unit::Unit;
use std::collections::{BTreeMap, BTreeSet};

/// The objects of one environment at one commit.
#[derive(Debug, Clone)]
pub struct Desired {
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
    /// Its kind is defined by a CRD of the same set and not served yet.
    pub(super) kind_to_come: bool,
    /// Its namespace is made by the same set and not there yet.
    pub(super) namespace_to_come: bool,
}

/// Resolves every object: its kind as the server serves it, its namespace, its owner.
///
/// # Errors
/// Everything that cannot be sent, as findings: kinds the server does not serve, objects without a name, objects that
/// two units claim, namespaces that are neither there nor in the set.
pub(super) fn resolve(
    desired: &Desired,
    discovery: &Discovery,
    namespaces: &BTreeSet<String>,
    default_namespace: &str,
) -> Result<Vec<Item>, Vec<Finding>> {
    let to_come = definitions(desired);
    let made: BTreeSet<&str> =
        all(desired).filter(|(_, object)| is_namespace(object)).filter_map(|(_, o)| o.name()).collect();
    let mut findings = Vec::new();
    let mut items = Vec::new();
    let mut owners: BTreeMap<(String, String, Option<String>, String), usize> = BTreeMap::new();
    for (index, object) in all(desired) {
        let unit = &desired.units[index].unit;
        let mut wrong = |rule: &'static str, message: String, hint: Option<&str>| {
            let mut finding = Finding::error(rule, message).about(object.reference());
            finding.place = super::plan::place(object);
            finding.environments.push(unit.environment.clone());
            finding.unit = Some(unit.name.clone());
            finding.hint = hint.map(str::to_owned);
            findings.push(finding);
        };
        let reference = object.reference();
        let Some(name) = object.name() else {
            let hint = "give it a `metadata.name`: what has a generated name cannot be applied twice";
            wrong("missing-name", format!("`{}` of `{}` has no name", object.kind(), unit.name), Some(hint));
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
                wrong("kind-not-served", message, Some(hint));
                continue;
            }
        };
        let namespace = kind.namespaced.then(|| object.namespace().unwrap_or(default_namespace).to_owned());
        let namespace_to_come = match &namespace {
            Some(namespace) if namespaces.contains(namespace) => false,
            Some(namespace) if made.contains(namespace.as_str()) => true,
            Some(namespace) => {
                let hint = "make it by a Namespace object of this environment";
                wrong(
                    "namespace-missing",
                    format!("the namespace `{namespace}` of `{reference}` does not exist"),
                    Some(hint),
                );
                continue;
            }
            None => false,
        };
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
            wrong("owned-twice", message, Some("an object has one owner: leave it in one of them"));
            continue;
        }
        let target = Target { kind, namespace: namespace.clone(), name: name.to_owned() };
        let object = sent(object, &ApplySetId::of(unit), namespace.as_deref());
        items.push(Item { unit: index, target, object, kind_to_come, namespace_to_come });
    }
    if findings.is_empty() { Ok(items) } else { Err(findings) }
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
/// writes (`status`, `resourceVersion`, …), which copies of live objects carry.
fn sent(object: &Object, set: &ApplySetId, namespace: Option<&str>) -> Object {
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
    object
}
