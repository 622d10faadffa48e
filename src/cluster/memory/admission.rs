//! What the server adds to an object, and what it refuses to have changed.
//!
//! Defaults: only those that other parts of this crate look at (health, inventories, Secrets); a full set would need
//! the schemas. Immutable fields: those of the common kinds, with the server's words. Field types and unknown fields are
//! not checked: the memory cluster has no schemas. The diffs that the server appends to some sentences are left out.

use super::fields::json_text;
use crate::cluster::{Cause, ResourceKind};
use crate::manifest::value::map;
use crate::manifest::{Data, Value};

fn default_to(value: &mut Value, path: &[&str], default: impl Into<Value>) {
    let Some((last, parents)) = path.split_last() else { return };
    let mut node = value;
    for key in parents {
        if node.get(key).is_none() {
            node.set(key, map::<&str, Value>([]));
        }
        let Some(next) = node.get_mut(key) else { return };
        node = next;
    }
    if node.get(last).is_none_or(Value::is_null) {
        node.set(last, default);
    }
}

/// Fills in what the server fills in. `serial` numbers the addresses that it hands out.
pub(super) fn default_fields(kind: &ResourceKind, object: &mut Value, live: Option<&Value>, serial: u64) {
    match kind.type_key.kind.as_str() {
        "Namespace" => {
            let name = object.path(&["metadata", "name"]).cloned().unwrap_or_else(Value::null);
            default_to(object, &["metadata", "labels", "kubernetes.io/metadata.name"], name);
            default_to(object, &["spec", "finalizers"], vec![Value::from("kubernetes")]);
            default_to(object, &["status", "phase"], "Active");
        }
        "Secret" => {
            default_to(object, &["type"], "Opaque");
        }
        "Service" => {
            default_to(object, &["spec", "type"], "ClusterIP");
            default_protocols(object, &["spec", "ports"]);
            let kind = object.path(&["spec", "type"]).and_then(Value::as_str).unwrap_or_default();
            if kind != "ExternalName" {
                let fresh = format!("10.0.{}.{}", serial / 250 % 250, serial % 250 + 1);
                let kept = live.and_then(|live| live.path(&["spec", "clusterIP"])).cloned();
                default_to(object, &["spec", "clusterIP"], kept.unwrap_or_else(|| fresh.into()));
                let address = object.path(&["spec", "clusterIP"]).cloned().unwrap_or_else(Value::null);
                default_to(object, &["spec", "clusterIPs"], vec![address]);
            }
        }
        "Deployment" | "StatefulSet" | "ReplicaSet" => default_to(object, &["spec", "replicas"], 1),
        "Job" => {
            default_to(object, &["spec", "parallelism"], 1);
            default_to(object, &["spec", "completions"], 1);
            default_to(object, &["spec", "backoffLimit"], 6);
        }
        "CronJob" => {
            default_to(object, &["spec", "suspend"], false);
        }
        "StorageClass" => {
            default_to(object, &["reclaimPolicy"], "Delete");
            default_to(object, &["volumeBindingMode"], "Immediate");
        }
        _ => {}
    }
    for containers in ["containers", "initContainers"] {
        for spec in [&["spec", "template", "spec"][..], &["spec"], &["spec", "jobTemplate", "spec", "template", "spec"]]
        {
            let path = [spec, &[containers]].concat();
            let Some(containers) = at_mut(object, &path).and_then(Value::as_list_mut) else { continue };
            containers.iter_mut().for_each(|container| default_protocols(container, &["ports"]));
        }
    }
}

fn at_mut<'a>(value: &'a mut Value, path: &[&str]) -> Option<&'a mut Value> {
    path.iter().try_fold(value, |value, key| value.get_mut(key))
}

fn default_protocols(value: &mut Value, path: &[&str]) {
    let Some(ports) = at_mut(value, path).and_then(Value::as_list_mut) else { return };
    ports.iter_mut().for_each(|port| default_to(port, &["protocol"], "TCP"));
}

/// Why a field may not change.
enum Words {
    /// `Invalid value: …: field is immutable`.
    Immutable,
    /// `Forbidden: …`.
    Forbidden(&'static str),
    /// `Invalid value: …: …`.
    Invalid(&'static str),
}

/// Kind, field, words. A field that was absent before may be set where the rule says so.
const FIXED: &[(&str, &str, Words)] = &[
    ("Deployment", "spec.selector", Words::Immutable),
    ("DaemonSet", "spec.selector", Words::Immutable),
    ("ReplicaSet", "spec.selector", Words::Immutable),
    ("Job", "spec.selector", Words::Immutable),
    ("Job", "spec.template", Words::Immutable),
    ("Job", "spec.completions", Words::Immutable),
    ("Job", "spec.completionMode", Words::Immutable),
    ("Secret", "type", Words::Immutable),
    ("StorageClass", "parameters", Words::Immutable),
    ("StorageClass", "provisioner", Words::Immutable),
    ("StorageClass", "reclaimPolicy", Words::Immutable),
    ("StorageClass", "volumeBindingMode", Words::Immutable),
    ("RoleBinding", "roleRef", Words::Invalid("cannot change roleRef")),
    ("ClusterRoleBinding", "roleRef", Words::Invalid("cannot change roleRef")),
    ("PriorityClass", "value", Words::Forbidden("may not be changed in an update.")),
    ("RuntimeClass", "handler", Words::Immutable),
    ("IngressClass", "spec.controller", Words::Immutable),
    ("CustomResourceDefinition", "spec.scope", Words::Immutable),
    ("CustomResourceDefinition", "spec.group", Words::Immutable),
    ("CustomResourceDefinition", "spec.names.kind", Words::Immutable),
    ("CustomResourceDefinition", "spec.names.plural", Words::Immutable),
];

const STATEFUL_SET: &str = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', \
    'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
const STATEFUL_SET_MUTABLE: &[&str] = &[
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
];
const CLAIM: &str = "spec is immutable after creation except resources.requests and volumeAttributesClassName for \
    bound claims";

/// What an update changes that may not change.
pub(super) fn immutable_changes(kind: &ResourceKind, old: &Value, new: &Value) -> Vec<Cause> {
    let name = kind.type_key.kind.as_str();
    let mut causes = Vec::new();
    for (_, field, words) in FIXED.iter().filter(|(of, ..)| *of == name) {
        let path: Vec<&str> = field.split('.').collect();
        let (before, after) = (old.path(&path), new.path(&path));
        if before == after || before.is_none_or(Value::is_null) {
            continue;
        }
        let got = after.map_or_else(
            || "null".to_owned(),
            |after| match *field {
                "roleRef" => role_ref(after),
                _ => json_text(after),
            },
        );
        let (reason, message) = match words {
            Words::Immutable => ("FieldValueInvalid", format!("Invalid value: {got}: field is immutable")),
            Words::Invalid(why) => ("FieldValueInvalid", format!("Invalid value: {got}: {why}")),
            Words::Forbidden(why) => ("FieldValueForbidden", format!("Forbidden: {why}")),
        };
        causes.push(Cause { field: (*field).to_owned(), reason: reason.to_owned(), message });
    }
    let forbidden = |field: &str, why: &str| Cause {
        field: field.to_owned(),
        reason: "FieldValueForbidden".to_owned(),
        message: format!("Forbidden: {why}"),
    };
    match name {
        "Service" => {
            let address = |value: &Value| value.path(&["spec", "clusterIP"]).and_then(Value::as_str).map(str::to_owned);
            if let (Some(before), Some(after)) = (address(old), address(new))
                && before != after
                && !before.is_empty()
            {
                causes.push(Cause {
                    field: "spec.clusterIPs[0]".to_owned(),
                    reason: "FieldValueInvalid".to_owned(),
                    message: format!("Invalid value: [\"{after}\"]: may not change once set"),
                });
            }
        }
        "StatefulSet" if spec_without(old, STATEFUL_SET_MUTABLE) != spec_without(new, STATEFUL_SET_MUTABLE) => {
            causes.push(forbidden("spec", STATEFUL_SET));
        }
        "PersistentVolumeClaim" => {
            let bound = old.path(&["status", "phase"]).and_then(Value::as_str) == Some("Bound");
            let mutable: &[&str] = if bound { &["resources", "volumeAttributesClassName"] } else { &["volumeName"] };
            if spec_without(old, mutable) != spec_without(new, mutable) {
                causes.push(forbidden("spec", CLAIM));
            }
        }
        "PersistentVolume" => {
            let mutable = PERSISTENT_VOLUME_MUTABLE;
            if spec_without(old, mutable) != spec_without(new, mutable) {
                causes.push(forbidden("spec.persistentvolumesource", VOLUME));
            }
        }
        "Pod" if pod_without_mutable(old) != pod_without_mutable(new) => causes.push(forbidden("spec", POD)),
        "ConfigMap" | "Secret" if old.get("immutable").and_then(Value::as_bool) == Some(true) => {
            let why = "field is immutable when `immutable` is set";
            for field in ["immutable", "data", "binaryData"] {
                if old.get(field) != new.get(field) {
                    causes.push(forbidden(field, why));
                }
            }
        }
        _ => {}
    }
    causes
}

const VOLUME: &str = "spec.persistentvolumesource is immutable after creation";
const PERSISTENT_VOLUME_MUTABLE: &[&str] =
    &["accessModes", "capacity", "claimRef", "mountOptions", "persistentVolumeReclaimPolicy", "storageClassName"];
const POD: &str = "pod updates may not change fields other than `spec.containers[*].image`,\
    `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing \
    tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

fn pod_without_mutable(pod: &Value) -> Option<Value> {
    let mut spec = spec_without(pod, &["activeDeadlineSeconds", "tolerations"])?;
    for containers in ["containers", "initContainers"] {
        for container in spec.get_mut(containers).and_then(Value::as_list_mut).into_iter().flatten() {
            container.remove("image");
        }
    }
    Some(spec)
}

/// As the server prints a role reference: with the names of its own type.
fn role_ref(value: &Value) -> String {
    let names = [("APIGroup", "apiGroup"), ("Kind", "kind"), ("Name", "name")];
    let field = |(name, key): (&'static str, &str)| Some((name, value.get(key)?.clone()));
    json_text(&map(names.into_iter().filter_map(field)))
}

fn spec_without(object: &Value, fields: &[&str]) -> Option<Value> {
    let mut spec = object.get("spec").cloned()?;
    fields.iter().for_each(|field| drop(spec.remove(field)));
    Some(spec)
}

/// What a new or changed object breaks: the few rules that people break most and that need no schema.
pub(super) fn broken_rules(kind: &ResourceKind, object: &Value) -> Vec<Cause> {
    let cause = |field: &str, reason: &str, message: String| Cause {
        field: field.to_owned(),
        reason: reason.to_owned(),
        message,
    };
    let required = |field: &str| cause(field, "FieldValueRequired", "Required value".to_owned());
    let mut causes = Vec::new();
    let name = object.path(&["metadata", "name"]).and_then(Value::as_str).unwrap_or_default();
    if kind.type_key.group != "rbac.authorization.k8s.io" && !is_subdomain(name) {
        causes.push(cause("metadata.name", "FieldValueInvalid", format!("Invalid value: \"{name}\": {SUBDOMAIN}")));
    }
    if matches!(kind.type_key.kind.as_str(), "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet")
        && kind.type_key.group == "apps"
    {
        let selector = object.path(&["spec", "selector"]);
        if selector.is_none() {
            causes.push(required("spec.selector"));
        }
        let labels = object.path(&["spec", "template", "metadata", "labels"]);
        let wanted = selector.and_then(|selector| selector.get("matchLabels")).and_then(Value::as_map);
        let matches = wanted.is_none_or(|wanted| {
            wanted.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key.as_str())) == Some(value))
        });
        if selector.is_none() || !matches {
            let got = labels.map_or_else(|| "null".to_owned(), json_text);
            let why = "`selector` does not match template `labels`";
            let message = format!("Invalid value: {got}: {why}");
            causes.push(cause("spec.template.metadata.labels", "FieldValueInvalid", message));
        }
    }
    let template: &[&str] = match kind.type_key.kind.as_str() {
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" => &["spec", "template", "spec"],
        "CronJob" => &["spec", "jobTemplate", "spec", "template", "spec"],
        "Pod" => &["spec"],
        _ => return causes,
    };
    let at = template.join(".");
    let containers = object.path(template).and_then(|spec| spec.get("containers")).and_then(Value::as_list);
    if containers.is_none_or(<[Value]>::is_empty) {
        causes.push(required(&format!("{at}.containers")));
    }
    for (index, container) in containers.unwrap_or_default().iter().enumerate() {
        for field in ["name", "image"] {
            if container.get(field).and_then(Value::as_str).is_none_or(str::is_empty) {
                causes.push(required(&format!("{at}.containers[{index}].{field}")));
            }
        }
    }
    causes
}

const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', \
    and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is \
    '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

fn is_subdomain(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label)
}

/// The value without nulls in maps, as the server's types have no place for them.
pub(super) fn drop_nulls(value: &Value) -> Value {
    match &value.data {
        Data::Map(entries) => {
            let kept = entries.iter().filter(|(_, child)| !child.is_null());
            Data::Map(kept.map(|(key, child)| (key.clone(), drop_nulls(child))).collect()).into()
        }
        Data::List(items) => items.iter().map(drop_nulls).collect::<Vec<_>>().into(),
        other => other.clone().into(),
    }
}
