//! `immutable-field`: a field changes that the server lets nobody change.
//!
//! The server refuses the update, and so does the delivery's preflight: nothing is applied until the object is deleted
//! and created anew. Decided by kube-apiserver's update validation (`pkg/apis/*/validation`), per kind.

use super::{Check, Edit, Found, Risk, group, text};
use crate::finding::Severity;
use crate::manifest::{Object, Value};
use crate::schema::Quantity;

pub(super) const RISK: Risk = Risk {
    id: "immutable-field",
    severity: Severity::Warning,
    about: "a field changes that the server does not let change",
    check: Check::Edit(check),
};

/// A field that does not change, and what making the object anew means.
struct Fixed {
    field: &'static str,
    effect: &'static str,
}

const POD_STOPS: &str = "its pods stop while it is made anew";

fn check(edit: &Edit<'_>, found: &mut Found<'_>) {
    let Some((before, after)) = edit.kept() else { return };
    // A generated name is another object: nothing of it is changed.
    if before.name() != after.name() {
        return;
    }
    let mut say = |pointer: &str, effect: &str| {
        let path = pointer.trim_start_matches('/').replace('/', ".");
        let message = format!("`{path}` of a {} cannot be changed: the server refuses the update", after.kind());
        found.at(after, pointer, message).hint = Some(format!("delete it so that it is created anew; {effect}"));
    };
    for Fixed { field, effect } in fixed(after) {
        if differs(before, after, field) {
            say(field, effect);
        }
    }
    match (group(after), after.kind()) {
        ("apps", "StatefulSet") => {
            let open = [
                "replicas",
                "ordinals",
                "template",
                "updateStrategy",
                "revisionHistoryLimit",
                "persistentVolumeClaimRetentionPolicy",
                "minReadySeconds",
            ];
            for key in changed_keys(before, after, "/spec").into_iter().filter(|key| !open.contains(&key.as_str())) {
                say(&format!("/spec/{key}"), "its pods stop meanwhile, its claims stay");
            }
        }
        ("", "Secret" | "ConfigMap") if before.value().get("immutable").and_then(Value::as_bool) == Some(true) => {
            for field in ["/data", "/binaryData", "/stringData", "/immutable"] {
                if differs(before, after, field) {
                    say(field, "whoever mounts it must be restarted");
                }
            }
        }
        ("", "Pod") => {
            for key in changed_keys(before, after, "/spec") {
                match key.as_str() {
                    "containers" | "initContainers" if same_but_images(before, after, &key) => {}
                    "tolerations" if only_grows(before, after, "/spec/tolerations") => {}
                    "activeDeadlineSeconds" if only_falls(before, after, "/spec/activeDeadlineSeconds") => {}
                    key => say(&format!("/spec/{key}"), "what it does stops meanwhile"),
                }
            }
        }
        ("", "PersistentVolume") => {
            const OPEN: [&str; 7] = [
                "capacity",
                "accessModes",
                "persistentVolumeReclaimPolicy",
                "claimRef",
                "storageClassName",
                "mountOptions",
                "volumeAttributesClassName",
            ];
            for key in changed_keys(before, after, "/spec") {
                let first = key == "nodeAffinity" && before.value().at("/spec/nodeAffinity").is_none();
                if !first && !OPEN.contains(&key.as_str()) {
                    say(&format!("/spec/{key}"), "claims bound to it lose their storage");
                }
            }
        }
        ("batch", "Job") if differs(before, after, "/spec/completions") => {
            // An indexed Job may change how much it does, together with how much at once.
            let number = |object: &Object, key: &str| object.value().path(&["spec", key]).and_then(Value::as_i64);
            let indexed = text(after, &["spec", "completionMode"]) == Some("Indexed");
            if !(indexed && number(after, "completions") == number(after, "parallelism")) {
                say("/spec/completions", "its work starts again");
            }
        }
        ("", "Service") if text(before, &["spec", "type"]) == Some("LoadBalancer") => {
            let stays = text(after, &["spec", "type"]) == Some("LoadBalancer");
            if stays && differs(before, after, "/spec/loadBalancerClass") {
                say("/spec/loadBalancerClass", "its address changes");
            }
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            for version in stored_and_gone(before, after) {
                let message =
                    format!("the version `{version}` is stored and cannot go away: the server refuses the update");
                found.at(after, "/spec/versions", message).hint =
                    Some("store another version first and migrate the objects".to_owned());
            }
        }
        ("", "PersistentVolumeClaim") => {
            for key in changed_keys(before, after, "/spec") {
                match key.as_str() {
                    "resources" => shrinks(before, after, found),
                    "volumeAttributesClassName" => {}
                    // The binder fills it in where the manifest is silent.
                    "volumeName" if before.value().at("/spec/volumeName").is_none() => {}
                    key => say_claim(after, key, found),
                }
            }
        }
        _ => {}
    }
}

fn say_claim(after: &Object, key: &str, found: &mut Found<'_>) {
    let message = format!("`spec.{key}` of a PersistentVolumeClaim cannot be changed: the server refuses the update");
    found.at(after, &format!("/spec/{key}"), message).hint =
        Some("make another claim and copy the data: deleting this one may delete its volume".to_owned());
}

/// A claim grows, and never shrinks.
fn shrinks(before: &Object, after: &Object, found: &mut Found<'_>) {
    const STORAGE: &str = "/spec/resources/requests/storage";
    let size = |object: &Object| {
        let value = object.value().at(STORAGE)?;
        Quantity::parse(&crate::diff::text::scalar(&value.data))?.exact()
    };
    if let (Some(was), Some(is)) = (size(before), size(after))
        && is < was
    {
        found.at(after, STORAGE, "a PersistentVolumeClaim cannot shrink: the server refuses the update").hint =
            Some("make another claim and copy the data".to_owned());
    }
}

fn differs(before: &Object, after: &Object, pointer: &str) -> bool {
    let of = |object: &Object| object.value().at(pointer).filter(|value| !value.is_null()).cloned();
    of(before) != of(after)
}

/// Says whether the containers of a Pod differ in their images alone.
fn same_but_images(before: &Object, after: &Object, list: &str) -> bool {
    let without = |object: &Object| -> Vec<Value> {
        let mut items = object.value().path(&["spec", list]).and_then(Value::as_list).unwrap_or_default().to_vec();
        for item in &mut items {
            if let Some(image) = item.get_mut("image") {
                *image = Value::from("");
            }
        }
        items
    };
    without(before) == without(after)
}

fn only_grows(before: &Object, after: &Object, pointer: &str) -> bool {
    let items = |object: &Object| object.value().at(pointer).and_then(Value::as_list).unwrap_or_default().to_vec();
    items(before).iter().all(|item| items(after).contains(item))
}

fn only_falls(before: &Object, after: &Object, pointer: &str) -> bool {
    let number = |object: &Object| object.value().at(pointer).and_then(Value::as_i64);
    match (number(before), number(after)) {
        (Some(was), Some(is)) => is <= was,
        (None, Some(_)) => true,
        (_, None) => false,
    }
}

/// The versions of a definition that were stored and are there no more.
fn stored_and_gone(before: &Object, after: &Object) -> Vec<String> {
    let versions = |object: &Object| -> Vec<Value> {
        object.value().path(&["spec", "versions"]).and_then(Value::as_list).unwrap_or_default().to_vec()
    };
    let name = |version: &Value| version.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let kept: Vec<String> = versions(after).iter().map(name).collect();
    let stored = |version: &&Value| version.get("storage").and_then(Value::as_bool) == Some(true);
    versions(before).iter().filter(stored).map(name).filter(|name| !kept.contains(name)).collect()
}

/// The keys of the map at `pointer` whose values differ.
fn changed_keys(before: &Object, after: &Object, pointer: &str) -> Vec<String> {
    let keys = |object: &Object| -> Vec<String> {
        let map = object.value().at(pointer).and_then(Value::as_map);
        map.into_iter().flatten().map(|(key, _)| key.as_str().to_owned()).collect()
    };
    let mut all = keys(after);
    for key in keys(before) {
        if !all.contains(&key) {
            all.push(key);
        }
    }
    all.retain(|key| differs(before, after, &format!("{pointer}/{}", crate::manifest::value::escape_token(key))));
    all
}

/// The fields that are fixed for this kind. A field that the manifest leaves out before *and* after is not looked at.
fn fixed(object: &Object) -> Vec<Fixed> {
    let of = |fields: &[&'static str], effect: &'static str| -> Vec<Fixed> {
        fields.iter().map(|field| Fixed { field, effect }).collect()
    };
    match (group(object), object.kind()) {
        ("apps", "Deployment" | "DaemonSet" | "ReplicaSet") => of(&["/spec/selector"], POD_STOPS),
        ("batch", "Job") => of(
            &[
                "/spec/selector",
                "/spec/template",
                "/spec/completionMode",
                "/spec/podFailurePolicy",
                "/spec/backoffLimitPerIndex",
                "/spec/successPolicy",
                "/spec/managedBy",
            ],
            "its work starts again",
        ),
        ("", "Service") => of(&["/spec/clusterIP", "/spec/clusterIPs"], "its address changes"),
        ("", "Secret") => of(&["/type"], "whoever mounts it must be restarted"),
        ("rbac.authorization.k8s.io", "RoleBinding" | "ClusterRoleBinding") => {
            of(&["/roleRef"], "its subjects lose the role for that moment")
        }
        ("storage.k8s.io", "StorageClass") => of(
            &["/provisioner", "/parameters", "/reclaimPolicy", "/volumeBindingMode"],
            "volumes that exist keep what they were made with",
        ),
        ("storage.k8s.io", "VolumeAttributesClass") => {
            of(&["/driverName", "/parameters"], "volumes keep what they have")
        }
        ("scheduling.k8s.io", "PriorityClass") => {
            of(&["/value", "/preemptionPolicy"], "pods that run keep their priority")
        }
        ("networking.k8s.io", "IngressClass") => {
            of(&["/spec/controller"], "its Ingresses lose their class for that moment")
        }
        ("node.k8s.io", "RuntimeClass") => of(&["/handler"], "pods that name it do not start for that moment"),
        ("", "ResourceQuota") => of(&["/spec/scopes", "/spec/scopeSelector"], "its limits do not hold for that moment"),
        ("apps", "ControllerRevision") => of(&["/data"], "what it was made for cannot go back to it"),
        ("discovery.k8s.io", "EndpointSlice") => of(&["/addressType"], "its addresses are gone for that moment"),
        ("storage.k8s.io", "CSIDriver") => of(
            &["/spec/attachRequired", "/spec/volumeLifecycleModes"],
            "volumes of the driver cannot be mounted meanwhile",
        ),
        ("storage.k8s.io", "CSIStorageCapacity") => {
            of(&["/storageClassName", "/nodeTopology"], "the scheduler does not see it for that moment")
        }
        ("networking.k8s.io", "ServiceCIDR") => of(&["/spec/cidrs"], "Services keep their addresses"),
        ("resource.k8s.io", "ResourceClaim" | "ResourceClaimTemplate") => {
            of(&["/spec"], "pods that use it must be made anew")
        }
        ("apiextensions.k8s.io", "CustomResourceDefinition") => of(
            &["/spec/scope", "/spec/group", "/spec/names/kind", "/spec/names/plural"],
            "every object of the kind goes with it",
        ),
        _ => Vec::new(),
    }
}
