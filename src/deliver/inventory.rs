//! What a unit has in its cluster: an ApplySet parent with its entries.
//!
//! Conforms to ApplySet (KEP-3659): the parent is a ConfigMap with the label `applyset.kubernetes.io/id`, members carry
//! `applyset.kubernetes.io/part-of`, so that kubectl and others can list them and refuse to touch them. The ConfigMap's
//! data holds more than the specification asks for: the UID of each member and digests, for cheap no-op runs.

use crate::cluster::{ResourceKind, Target};
use crate::commit::CommitId;
use crate::manifest::value::map;
use crate::manifest::{Map, Object, ObjectKey, TypeKey, Value};
use crate::unit::Unit;
use base64::Engine;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// The namespace of inventories and leases.
pub const NAMESPACE: &str = "mergeline-system";

/// The label of members.
pub(super) const PART_OF: &str = "applyset.kubernetes.io/part-of";
const ID: &str = "applyset.kubernetes.io/id";
const TOOLING: &str = "applyset.kubernetes.io/tooling";
const KINDS: &str = "applyset.kubernetes.io/contains-group-kinds";
const NAMESPACES: &str = "applyset.kubernetes.io/additional-namespaces";
/// The environment that a parent belongs to; a label, so that the parents of one are listed by one request.
pub(super) const ENVIRONMENT: &str = "mergeline.dev/environment";
const UNIT: &str = "mergeline.dev/unit";
const REPOSITORY: &str = "mergeline.dev/repository";
/// The newest commit that was applied, on parents; or whose delivery was begun, on leases.
pub(super) const COMMIT: &str = "mergeline.dev/commit";

/// The kind of parents.
pub(super) fn config_maps() -> ResourceKind {
    let type_key = TypeKey::new("v1", "ConfigMap");
    ResourceKind { type_key, plural: "configmaps".into(), namespaced: true, verbs: Vec::new() }
}

/// Where a namespace is.
pub(super) fn namespace_target(name: &str) -> Target {
    let type_key = TypeKey::new("v1", "Namespace");
    let kind = ResourceKind { type_key, plural: "namespaces".into(), namespaced: false, verbs: Vec::new() };
    Target { kind, namespace: None, name: name.to_owned() }
}

/// The id of a unit's ApplySet.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ApplySetId(String);

impl ApplySetId {
    /// `applyset-<base64url(sha256(name.namespace.kind.group))>-v1` of the unit's parent, as KEP-3659 has it.
    #[must_use]
    pub fn of(repository: &str, unit: &Unit) -> Self {
        let digest = Sha256::digest(format!("{}.{NAMESPACE}.ConfigMap.", parent_name(repository, unit)));
        Self(format!("applyset-{}-v1", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest)))
    }

    /// The text of the label.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The name of a unit's parent: readable, and unique by a digest, since names had to be changed to be legal and several
/// repositories may deliver to one cluster.
pub(super) fn parent_name(repository: &str, unit: &Unit) -> String {
    let legal: String = format!("{}-{}", unit.environment, unit.name)
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' })
        .take(180)
        .collect();
    format!("mergeline-{}-{}", legal.trim_matches('-'), short_digest(&[repository, &unit.environment, &unit.name]))
}

/// The field manager of a unit: `mergeline/ENV/UNIT@` and a digest that tells repositories apart which call their
/// environments and units alike. At most 128 characters, which is what the API server takes.
#[must_use]
pub fn field_manager(repository: &str, unit: &Unit) -> String {
    let readable: String = format!("mergeline/{}/{}", unit.environment, unit.name).chars().take(100).collect();
    format!("{readable}@{}", short_digest(&[repository, &unit.environment, &unit.name]))
}

/// Eight hexadecimal digits that stand for some texts together.
pub(super) fn short_digest(parts: &[&str]) -> String {
    Sha256::digest(parts.join("\n")).iter().take(4).map(|byte| format!("{byte:02x}")).collect()
}

/// One member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) namespace: Option<String>,
    pub(super) name: String,
    /// The UID it had when it was last applied; absent before its first apply.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) uid: Option<String>,
    /// Digest of what Git then had. Never of a Secret: whoever reads inventories may not read those.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) sent: Option<String>,
    /// Digest of which fields the unit's manager then owned on the server.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(super) owned: Option<String>,
}

impl Entry {
    pub(super) fn of(target: &Target) -> Self {
        let key = target.kind.type_key.clone();
        Self {
            group: key.group,
            version: key.version,
            kind: key.kind,
            namespace: target.namespace.clone(),
            name: target.name.clone(),
            uid: None,
            sent: None,
            owned: None,
        }
    }

    /// The identity of the object.
    pub(super) fn key(&self) -> ObjectKey {
        ObjectKey {
            group: self.group.clone(),
            kind: self.kind.clone(),
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }
}

/// The inventory of one unit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Inventory {
    /// The repository that the unit is delivered from.
    pub(super) repository: String,
    pub(super) unit: Unit,
    pub(super) entries: BTreeMap<ObjectKey, Entry>,
    /// The commit that was applied last.
    pub(super) commit: Option<CommitId>,
    /// `metadata.resourceVersion` of the parent; `None` when there is none yet.
    pub(super) version: Option<String>,
}

/// Why a parent cannot be read: nothing is pruned on doubt.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the inventory `{NAMESPACE}/{name}` cannot be read: {why}")]
pub(super) struct Unreadable {
    name: String,
    why: String,
}

impl Inventory {
    pub(super) fn empty(repository: &str, unit: &Unit) -> Self {
        Self {
            repository: repository.to_owned(),
            unit: unit.clone(),
            entries: BTreeMap::new(),
            commit: None,
            version: None,
        }
    }

    /// Reads a parent.
    pub(super) fn read(parent: &Object) -> Result<Self, Unreadable> {
        let name = parent.name().unwrap_or_default().to_owned();
        let unreadable = |why: String| Unreadable { name: name.clone(), why };
        let annotation = |key: &str| parent.annotation(key).ok_or_else(|| unreadable(format!("it lacks `{key}`")));
        let unit = Unit {
            environment: annotation(ENVIRONMENT)?.to_owned(),
            name: annotation(UNIT)?.to_owned(),
            path: String::new(),
        };
        let text = parent.value().path(&["data", "entries"]).and_then(Value::as_str).unwrap_or("[]");
        let entries: Vec<Entry> = serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?;
        let version = parent.value().path(&["metadata", "resourceVersion"]).and_then(Value::as_str);
        Ok(Self {
            repository: annotation(REPOSITORY)?.to_owned(),
            unit,
            entries: entries.into_iter().map(|entry| (entry.key(), entry)).collect(),
            commit: parent.annotation(COMMIT).and_then(|text| CommitId::parse(text).ok()),
            version: version.map(str::to_owned),
        })
    }

    /// The parent as it is written. The specification's annotations are derived from the entries.
    pub(super) fn parent(&self) -> Object {
        let lines: Vec<String> = self
            .entries
            .values()
            .map(|entry| serde_json::to_string(entry).expect("because an entry is plain text"))
            .collect();
        // One entry a line: a person can read it, and a diff of two versions shows what changed.
        let entries = if lines.is_empty() { "[]".to_owned() } else { format!("[\n{}\n]", lines.join(",\n")) };
        let kinds: BTreeSet<String> =
            self.entries
                .values()
                .map(|entry| {
                    if entry.group.is_empty() { entry.kind.clone() } else { format!("{}.{}", entry.kind, entry.group) }
                })
                .collect();
        let namespaces: BTreeSet<&str> = self
            .entries
            .values()
            .filter_map(|entry| entry.namespace.as_deref())
            .filter(|name| *name != NAMESPACE)
            .collect();
        let join = |items: Vec<&str>| items.join(",");
        let mut annotations = map([
            (TOOLING, Value::from(concat!("mergeline/v", env!("CARGO_PKG_VERSION")))),
            (KINDS, join(kinds.iter().map(String::as_str).collect()).into()),
            (NAMESPACES, join(namespaces.into_iter().collect()).into()),
            (ENVIRONMENT, self.unit.environment.as_str().into()),
            (REPOSITORY, self.repository.as_str().into()),
            (UNIT, self.unit.name.as_str().into()),
        ]);
        if let Some(commit) = &self.commit {
            annotations.set(COMMIT, commit.as_str());
        }
        let labels = map([
            (ID, ApplySetId::of(&self.repository, &self.unit).as_str()),
            ("app.kubernetes.io/managed-by", "mergeline"),
            (ENVIRONMENT, &environment_label(&self.repository, &self.unit.environment)),
        ]);
        let mut metadata =
            map([("name", Value::from(parent_name(&self.repository, &self.unit))), ("namespace", NAMESPACE.into())]);
        metadata.set("labels", labels);
        metadata.set("annotations", annotations);
        if let Some(version) = &self.version {
            metadata.set("resourceVersion", version.as_str());
        }
        let mut data = Map::new();
        data.insert("entries".into(), entries.into());
        let fields = [
            ("apiVersion", Value::from("v1")),
            ("kind", "ConfigMap".into()),
            ("metadata", metadata),
            ("data", data.into()),
        ];
        Object::new(map(fields)).expect("because it has a type")
    }
}

/// The label that names an environment of a repository: its name as far as it is legal in label values and object names,
/// and a digest that makes it unique.
pub(super) fn environment_label(repository: &str, environment: &str) -> String {
    let legal: String = environment
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' })
        .take(40)
        .collect();
    let digest = short_digest(&[repository, environment]);
    match legal.trim_matches('-') {
        "" => digest,
        legal => format!("{legal}-{digest}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn unit() -> Unit {
        Unit { environment: "prod".into(), name: "web".into(), path: "apps/web".into() }
    }

    fn entry(kind: &str, group: &str, namespace: Option<&str>) -> Entry {
        Entry {
            group: group.into(),
            version: "v1".into(),
            kind: kind.into(),
            namespace: namespace.map(str::to_owned),
            name: "web".into(),
            uid: Some("1".into()),
            sent: None,
            owned: None,
        }
    }

    #[test]
    fn the_id_is_that_of_the_specification() {
        // echo -n 'NAME.mergeline-system.ConfigMap.' | openssl dgst -sha256 -binary | basenc --base64url | tr -d =
        let id = ApplySetId::of("acme/shop", &unit());
        assert!(id.as_str().starts_with("applyset-") && id.as_str().ends_with("-v1"), "{id:?}");
        assert_eq!(id.as_str().len(), "applyset-".len() + 43 + "-v1".len());
        assert!(id.as_str().len() <= 63, "a label value");
    }

    #[test]
    fn what_is_written_is_read_back() {
        let entries = [entry("Deployment", "apps", Some("shop")), entry("Namespace", "", None)];
        let inventory = Inventory {
            repository: "acme/shop".into(),
            unit: Unit { path: String::new(), ..unit() },
            entries: entries.into_iter().map(|entry| (entry.key(), entry)).collect(),
            commit: CommitId::parse(&"a".repeat(40)).ok(),
            version: Some("7".into()),
        };
        let parent = inventory.parent();
        assert_eq!(Inventory::read(&parent), Ok(inventory));
        assert_eq!(parent.annotation(KINDS), Some("Deployment.apps,Namespace"));
        assert_eq!(parent.annotation(NAMESPACES), Some("shop"));
    }

    #[test]
    fn a_parent_that_cannot_be_read_is_doubt_and_not_an_empty_inventory() {
        let mut parent = Inventory::empty("acme/shop", &unit()).parent();
        parent.value_mut().get_mut("data").unwrap().set("entries", "[{");
        assert!(Inventory::read(&parent).is_err());
    }

    #[test]
    fn names_that_fold_to_the_same_text_have_parents_of_their_own() {
        let one = Unit { name: "a_b".into(), ..unit() };
        let two = Unit { name: "a.b".into(), ..unit() };
        assert_ne!(parent_name("acme/shop", &one), parent_name("acme/shop", &two));
        assert_ne!(parent_name("acme/shop", &one), parent_name("acme/bar", &one));
        assert!(parent_name("acme/shop", &one).starts_with("mergeline-prod-a-b-"));
        assert_ne!(environment_label("acme/shop", "prod"), environment_label("acme/bar", "prod"));
        assert!(field_manager("acme/shop", &Unit { name: "x".repeat(300), ..one }).len() <= 128);
    }
}
