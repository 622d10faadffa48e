//! Where a kind keeps its pods.

use crate::manifest::{Object, Value};

/// The pod template's specification with its pointer; of a Pod, its own.
pub(super) fn pod(object: &Object) -> Option<(&'static str, &Value)> {
    let pointer = match object.kind() {
        "Pod" if object.api_version() == "v1" => "/spec",
        "CronJob" => "/spec/jobTemplate/spec/template/spec",
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Job" | "Rollout" | "ReplicationController" => {
            "/spec/template/spec"
        }
        _ => return None,
    };
    object.value().at(pointer).map(|value| (pointer, value))
}

/// The labels of the pods that a workload makes.
pub(super) fn pod_labels(object: &Object) -> Option<&Value> {
    let (pointer, _) = pod(object)?;
    let pointer = pointer.strip_suffix("/spec").unwrap_or_default();
    object.value().at(&format!("{pointer}/metadata/labels"))
}

/// Each container with its pointer and name.
pub(super) fn containers(object: &Object) -> impl Iterator<Item = (String, &str, &Value)> {
    pod(object).into_iter().flat_map(|(pointer, spec)| {
        ["initContainers", "containers"].into_iter().flat_map(move |list| {
            let items = spec.get(list).and_then(Value::as_list).unwrap_or_default();
            items.iter().enumerate().map(move |(at, item)| {
                let name = item.get("name").and_then(Value::as_str).unwrap_or_default();
                (format!("{pointer}/{list}/{at}"), name, item)
            })
        })
    })
}

/// The container of this name.
pub(super) fn container<'a>(object: &'a Object, name: &str) -> Option<&'a Value> {
    containers(object).find(|(_, of, _)| *of == name).map(|(_, _, item)| item)
}

/// Says whether a label selector of equalities (`{app: web}`) holds for `labels`.
pub(super) fn selects(selector: &Value, labels: Option<&Value>) -> bool {
    let wanted = selector.as_map();
    wanted.is_some_and(|wanted| {
        !wanted.is_empty()
            && wanted.iter().all(|(key, value)| labels.and_then(|labels| labels.get(key.as_str())) == Some(value))
    })
}
