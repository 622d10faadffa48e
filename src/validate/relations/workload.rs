//! Workloads (`pkg/apis/{apps,batch}/validation`).

use super::super::structure::Walk;
use super::{inner, is_there, items, text};
use crate::manifest::{Data, Map, Value};

fn pod(map: &Map) -> Option<&Map> {
    inner(inner(map, "template")?, "spec")
}

/// `ValidatePodTemplateSpecForReplicaSet` and its like: pods of these run for good.
pub(super) fn always_restarted(walk: &mut Walk, map: &Map) {
    let Some(pod) = pod(map) else { return };
    walk.below("template", |walk| {
        walk.below("spec", |walk| {
            if !matches!(text(pod, "restartPolicy"), "" | "Always") {
                walk.refuse("restartPolicy", "must be `Always`: these pods run for good");
            }
            walk.refuse_set(pod, &["activeDeadlineSeconds"], "here: these pods run for good");
        });
    });
}

/// What an integer or percentage comes to; absent is `otherwise`.
fn share(map: &Map, name: &str, otherwise: i64) -> i64 {
    match map.get(name).map(|value| &value.data) {
        Some(Data::Number(number)) => number.as_i64().unwrap_or(1),
        Some(Data::String(text)) => text.trim_end_matches('%').parse().unwrap_or(1),
        _ => otherwise,
    }
}

/// `ValidateDeploymentStrategy`.
pub(super) fn deployment_strategy(walk: &mut Walk, map: &Map) {
    if text(map, "type") == "Recreate" {
        walk.refuse_set(map, &["rollingUpdate"], "where `type` is `Recreate`");
    } else if let Some(rolling) = inner(map, "rollingUpdate")
        && share(rolling, "maxSurge", 25) == 0
        && share(rolling, "maxUnavailable", 25) == 0
    {
        walk.below("rollingUpdate", |walk| walk.refuse("maxUnavailable", "must not be 0 where `maxSurge` is 0"));
    }
}

/// `ValidateRollingUpdateDaemonSet`.
pub(super) fn rolling_daemons(walk: &mut Walk, map: &Map) {
    match (share(map, "maxSurge", 0) != 0, share(map, "maxUnavailable", 1) != 0) {
        (true, true) => walk.refuse("maxSurge", "must not be set where `maxUnavailable` is not 0"),
        (false, false) => walk.refuse("maxUnavailable", "must not be 0 where `maxSurge` is 0"),
        _ => {}
    }
}

/// `ValidateStatefulSetSpec`: `rollingUpdate` goes with its type.
pub(super) fn stateful_strategy(walk: &mut Walk, map: &Map) {
    if text(map, "type") == "OnDelete" {
        walk.refuse_set(map, &["rollingUpdate"], "where `type` is `OnDelete`");
    }
}

/// `ValidateJobSpec`.
pub(super) fn job(walk: &mut Walk, map: &Map) {
    let Some(pod) = pod(map) else { return };
    let restart = text(pod, "restartPolicy");
    if !matches!(restart, "OnFailure" | "Never") {
        walk.below("template", |walk| {
            walk.below("spec", |walk| match restart {
                "" => walk.refuse_all("must have a `restartPolicy`: `OnFailure` or `Never`"),
                _ => walk.refuse("restartPolicy", "must be `OnFailure` or `Never` in a Job"),
            });
        });
    }
    if text(map, "completionMode") == "Indexed" {
        walk.refuse_unset_pointer(map, "completions", "where `completionMode` is `Indexed`");
    }
    let Some(policy) = inner(map, "podFailurePolicy") else { return };
    let all = ["containers", "initContainers"].into_iter().flat_map(|part| items(pod, part));
    let known: Vec<&str> = all.filter_map(|container| container.get("name").and_then(Value::as_str)).collect();
    walk.below("podFailurePolicy", |walk| {
        if restart == "OnFailure" {
            walk.refuse_all("needs pods with `restartPolicy: Never`");
        }
        walk.each(policy, "rules", |walk, rule| {
            let Some(codes) = inner(rule, "onExitCodes") else { return };
            walk.below("onExitCodes", |walk| {
                if is_there(codes, "containerName") && !known.contains(&text(codes, "containerName")) {
                    walk.refuse("containerName", "must be the name of a container of the pod");
                }
                let zero = items(codes, "values").iter().any(|code| code.as_i64() == Some(0));
                if text(codes, "operator") == "In" && zero {
                    walk.refuse("values", "must not hold 0 with the operator `In`");
                }
                let values: Vec<i64> = items(codes, "values").iter().filter_map(Value::as_i64).collect();
                if values.windows(2).any(|pair| pair[0] > pair[1]) {
                    walk.refuse("values", "must be in ascending order");
                }
            });
        });
    });
}

impl Walk {
    /// Reports a field that must be there, even as zero.
    fn refuse_unset_pointer(&mut self, map: &Map, name: &str, why: &str) {
        if !is_there(map, name) {
            self.refuse_all(&format!("must have `{name}` {why}"));
        }
    }
}
