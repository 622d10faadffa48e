//! Scaling, priority, admission and aggregation (`pkg/apis/{autoscaling,flowcontrol,admissionregistration}/validation`,
//! `kube-aggregator`).

use super::super::structure::Walk;
use super::{holds, inner, is_there, items, text};
use crate::manifest::{Map, Value};

/// `validateHorizontalPodAutoscalerSpec`.
pub(super) fn autoscaler(walk: &mut Walk, map: &Map) {
    let number = |name: &str| map.get(name).and_then(Value::as_i64);
    let most = number("maxReplicas").unwrap_or(0);
    if most < 1 {
        walk.refuse("maxReplicas", "must be at least 1");
    } else if number("minReplicas").is_some_and(|least| most < least) {
        walk.refuse("maxReplicas", "must not be less than `minReplicas`");
    }
}

/// `validateMetricSpec`: the source of the type, and its target.
pub(super) fn metric(walk: &mut Walk, map: &Map) {
    let sources = [
        ("Object", "object"),
        ("Pods", "pods"),
        ("Resource", "resource"),
        ("External", "external"),
        ("ContainerResource", "containerResource"),
    ];
    let kind = text(map, "type");
    for (of, name) in sources {
        match (kind == of, is_there(map, name)) {
            (true, false) => walk.refuse_all(&format!("must have `{name}`, as its type is `{kind}`")),
            (false, true) => walk.refuse(name, &format!("must not be set where the type is `{kind}`")),
            _ => {}
        }
        let Some(target) = inner(map, name).and_then(|source| inner(source, "target")) else { continue };
        let set = |name: &str| is_there(target, name);
        walk.below(name, |walk| {
            walk.below("target", |walk| match name {
                "pods" if !set("averageValue") => walk.refuse_all("must have an `averageValue`"),
                "object" | "external" if !set("value") && !set("averageValue") => {
                    walk.refuse_all("must have a `value` or an `averageValue`");
                }
                "external" if set("value") && set("averageValue") => {
                    walk.refuse("value", "must not be set where `averageValue` is");
                }
                "resource" | "containerResource" if !set("averageUtilization") && !set("averageValue") => {
                    walk.refuse_all("must have an `averageUtilization` or an `averageValue`");
                }
                "resource" | "containerResource" if set("averageUtilization") && set("averageValue") => {
                    walk.refuse("averageValue", "must not be set where `averageUtilization` is");
                }
                _ => {}
            });
        });
    }
}

/// `ValidatePriorityLevelConfigurationSpec`.
pub(super) fn priority_level(walk: &mut Walk, map: &Map) {
    match text(map, "type") {
        "Exempt" => walk.refuse_set(map, &["limited"], "where `type` is `Exempt`"),
        "Limited" => {
            walk.refuse_set(map, &["exempt"], "where `type` is `Limited`");
            if !is_there(map, "limited") {
                walk.refuse_all("must have `limited`, as its type is `Limited`");
            }
        }
        _ => {}
    }
}

/// `ValidateLimitResponse`.
pub(super) fn limit_response(walk: &mut Walk, map: &Map) {
    match text(map, "type") {
        "Reject" => walk.refuse_set(map, &["queuing"], "where `type` is `Reject`"),
        "Queue" if !is_there(map, "queuing") => walk.refuse_all("must have `queuing`, as its type is `Queue`"),
        _ => {}
    }
}

/// `ValidateAPIService`.
pub(super) fn api_service(walk: &mut Walk, map: &Map) {
    if holds(map, "insecureSkipTLSVerify") && holds(map, "caBundle") {
        walk.refuse("insecureSkipTLSVerify", "must not be true where `caBundle` is set");
    }
    if !is_there(map, "service") {
        let set: Vec<&str> =
            ["caBundle", "insecureSkipTLSVerify"].into_iter().filter(|name| holds(map, name)).collect();
        walk.refuse_set(map, &set, "without a `service`");
    }
}

/// `validateValidatingAdmissionPolicySpec`, `validateMutatingAdmissionPolicySpec`.
pub(super) fn admission(walk: &mut Walk, map: &Map) {
    let Some(constraints) = inner(map, "matchConstraints") else { return };
    walk.below("matchConstraints", |walk| walk.refuse_unset(constraints, &["resourceRules"], "in a policy"));
}

/// `validateMutation`.
pub(super) fn mutation(walk: &mut Walk, map: &Map) {
    let kind = text(map, "patchType");
    for (of, name) in [("JSONPatch", "jsonPatch"), ("ApplyConfiguration", "applyConfiguration")] {
        let there = is_there(map, name);
        match inner(map, name) {
            _ if kind != of && there => walk.refuse(name, &format!("must not be set where `patchType` is `{kind}`")),
            _ if kind == of && !there => walk.refuse_all(&format!("must have `{name}`, as `patchType` is `{kind}`")),
            Some(patch) if text(patch, "expression").trim().is_empty() => {
                walk.below(name, |walk| walk.refuse_all("must have an `expression`"));
            }
            _ => {}
        }
    }
}

/// `validateRuleWithOperations`: `*` stands alone.
pub(super) fn operations(walk: &mut Walk, map: &Map) {
    for name in ["operations", "apiGroups", "apiVersions"] {
        let items = items(map, name);
        if items.len() > 1 && items.iter().any(|item| item.as_str() == Some("*")) {
            walk.refuse(name, "must not hold anything beside `*`");
        }
    }
    for name in ["apiVersions", "resources"] {
        if items(map, name).iter().any(|item| item.as_str() == Some("")) {
            walk.refuse(name, "must not hold an empty text");
        }
    }
}
