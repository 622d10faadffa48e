//! How lists and maps of a kind merge: whole, by key, or as sets.
//!
//! Decided by the `x-kubernetes-list-type`, `-list-map-keys` and `-map-type` extensions of the API server's OpenAPI.
//! For built-in kinds the well-known ones stand in a table here; for custom resources the CRD's own schema is read.
//! What neither names is a granular map or an atomic list, which is the server's rule too.

use super::fields::{Path, Step};
use crate::manifest::{TypeKey, Value};

/// How a list merges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ListShape {
    /// As one value.
    Atomic,
    /// Item by item; the keys in the order of their names, some with the value that an absent one stands for.
    Keyed(Vec<(String, Option<&'static str>)>),
    /// Member by member.
    Set,
}

/// What decides the shapes of one kind.
#[derive(Debug, Clone, Copy)]
pub(super) enum Typing<'a> {
    /// A kind that the server knows by itself.
    BuiltIn(&'a TypeKey),
    /// A custom resource with its version's OpenAPI schema.
    Custom(Option<&'a Value>),
}

/// Ends of field paths (list items left out) whose lists merge by key: end, keys. `protocol` defaults to TCP.
const KEYED: &[(&str, &[&str])] = &[
    ("metadata.ownerReferences", &["uid"]),
    ("status.conditions", &["type"]),
    ("status.addresses", &["type"]),
    ("spec.containers", &["name"]),
    ("spec.initContainers", &["name"]),
    ("spec.ephemeralContainers", &["name"]),
    ("spec.volumes", &["name"]),
    ("spec.imagePullSecrets", &["name"]),
    ("spec.hostAliases", &["ip"]),
    ("spec.topologySpreadConstraints", &["topologyKey", "whenUnsatisfiable"]),
    ("spec.schedulingGates", &["name"]),
    ("spec.resourceClaims", &["name"]),
    ("ontainers.ports", &["containerPort", "protocol"]),
    ("ontainers.env", &["name"]),
    ("ontainers.volumeMounts", &["mountPath"]),
    ("ontainers.volumeDevices", &["devicePath"]),
    ("ontainers.resources.claims", &["name"]),
];

/// The same for one kind only: kind, whole path, keys.
const KEYED_OF_KIND: &[(&str, &str, &[&str])] = &[
    ("Service", "spec.ports", &["port", "protocol"]),
    ("ServiceAccount", "secrets", &["name"]),
    ("MutatingWebhookConfiguration", "webhooks", &["name"]),
    ("ValidatingWebhookConfiguration", "webhooks", &["name"]),
    ("ValidatingAdmissionPolicy", "spec.matchConditions", &["name"]),
    ("ValidatingAdmissionPolicy", "spec.variables", &["name"]),
];

/// Ends of field paths whose maps are atomic.
const ATOMIC_MAPS: &[&str] = &[
    "spec.nodeSelector",
    "nodeSelectorTerms",
    "labelSelector",
    "namespaceSelector",
    "podSelector",
    "objectSelector",
    "requiredDuringSchedulingIgnoredDuringExecution",
    "valueFrom.configMapKeyRef",
    "valueFrom.fieldRef",
    "valueFrom.resourceFieldRef",
    "valueFrom.secretKeyRef",
    "envFrom",
    "secretRef",
    "configMapRef",
    "spec.claimRef",
    "spec.dataSource",
    "roleRef",
    "involvedObject",
];

/// Kinds whose `spec.selector` is no atomic map.
const GRANULAR_SELECTOR: &[&str] = &["CertificateSigningRequest"];

fn names(path: &[Step]) -> Vec<&str> {
    let fields = path.iter().filter_map(|step| match step {
        Step::Field(name) => Some(name.as_str()),
        Step::Item(_) | Step::Member(_) => None,
    });
    fields.collect()
}

/// `ontainers.ports` ends `spec.template.spec.initContainers.ports`: only whole names count after the first.
fn ends_with(path: &str, end: &str) -> bool {
    path.ends_with(end)
        && (path.len() == end.len() || end.starts_with("ontainers") || path[..path.len() - end.len()].ends_with('.'))
}

fn keyed(keys: &[&str]) -> ListShape {
    let key = |name: &&str| ((*name).to_owned(), (*name == "protocol").then_some("TCP"));
    ListShape::Keyed(keys.iter().map(key).collect())
}

impl Typing<'_> {
    /// How the list at `path` merges.
    pub(super) fn list(&self, path: &[Step]) -> ListShape {
        let joined = names(path).join(".");
        match joined.as_str() {
            "metadata.finalizers" => return ListShape::Set,
            "metadata.ownerReferences" => return keyed(&["uid"]),
            _ => {}
        }
        match self {
            Self::BuiltIn(kind) => {
                let of_kind = KEYED_OF_KIND.iter().find(|(of, at, _)| *of == kind.kind && *at == joined);
                let anywhere = KEYED.iter().find(|(end, _)| ends_with(&joined, end));
                match (of_kind, anywhere) {
                    (Some((_, _, keys)), _) | (None, Some((_, keys))) => keyed(keys),
                    (None, None) => ListShape::Atomic,
                }
            }
            Self::Custom(schema) => {
                let Some(node) = schema.and_then(|schema| schema_at(schema, path)) else { return ListShape::Atomic };
                match node.get("x-kubernetes-list-type").and_then(Value::as_str) {
                    Some("map") => {
                        let keys = node.get("x-kubernetes-list-map-keys").and_then(Value::as_list).unwrap_or_default();
                        let mut keys: Vec<_> =
                            keys.iter().filter_map(Value::as_str).map(|key| (key.to_owned(), None)).collect();
                        keys.sort();
                        ListShape::Keyed(keys)
                    }
                    Some("set") => ListShape::Set,
                    _ => ListShape::Atomic,
                }
            }
        }
    }

    /// Says whether the map at `path` is one value.
    pub(super) fn map_is_atomic(&self, path: &[Step]) -> bool {
        let joined = names(path).join(".");
        if joined.is_empty() || joined.starts_with("metadata") {
            return false;
        }
        match self {
            Self::BuiltIn(kind) => {
                let selector = joined == "spec.selector" && !GRANULAR_SELECTOR.contains(&kind.kind.as_str());
                selector || ATOMIC_MAPS.iter().any(|end| ends_with(&joined, end))
            }
            Self::Custom(schema) => schema
                .and_then(|schema| schema_at(schema, path))
                .and_then(|node| node.get("x-kubernetes-map-type"))
                .is_some_and(|kind| kind.as_str() == Some("atomic")),
        }
    }

    /// The step that leads to an item of the list at `path`; `None` when an item lacks its keys.
    pub(super) fn item_step(shape: &ListShape, item: &Value) -> Option<Step> {
        match shape {
            ListShape::Atomic => None,
            ListShape::Set => Some(Step::Member(super::fields::json_text(item))),
            ListShape::Keyed(keys) => {
                let pair = |(key, default): &(String, Option<&'static str>)| {
                    let value = item.get(key).cloned().or_else(|| default.map(Value::from))?;
                    Some((key.clone(), super::fields::json_text(&value)))
                };
                keys.iter().map(pair).collect::<Option<Vec<_>>>().map(Step::Item)
            }
        }
    }
}

/// The schema node of a path in a structural schema.
fn schema_at<'a>(schema: &'a Value, path: &[Step]) -> Option<&'a Value> {
    path.iter().try_fold(schema, |node, step| match step {
        Step::Field(name) => node
            .path(&["properties", name])
            .or_else(|| node.get("additionalProperties").filter(|any| any.as_map().is_some())),
        Step::Item(_) | Step::Member(_) => node.get("items"),
    })
}

/// A path with one more step.
pub(super) fn below(path: &[Step], step: Step) -> Path {
    let mut path = path.to_vec();
    path.push(step);
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Path {
        text.split('.').map(|name| Step::Field(name.to_owned())).collect()
    }

    #[test]
    fn pod_lists_merge_by_key_wherever_the_template_is() {
        let kind = TypeKey::new("apps/v1", "Deployment");
        let typing = Typing::BuiltIn(&kind);
        assert_eq!(typing.list(&path("spec.template.spec.initContainers.env")), keyed(&["name"]));
        assert_eq!(
            typing.list(&path("spec.template.spec.containers.ports")),
            ListShape::Keyed(vec![("containerPort".into(), None), ("protocol".into(), Some("TCP"))])
        );
        assert_eq!(typing.list(&path("spec.template.spec.containers.args")), ListShape::Atomic);
        assert!(typing.map_is_atomic(&path("spec.selector")));
        assert!(!typing.map_is_atomic(&path("spec.template.metadata.labels")));
    }
}
