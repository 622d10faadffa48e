//! `disruption`: budgets and autoscalers that go away, or that fight with what is set beside them.
//!
//! A budget that allows no disruption blocks every node drain (Kubernetes documentation, "Specifying a Disruption
//! Budget"); `spec.replicas` in a manifest resets at each delivery what an autoscaler has set.

use super::workload::{pod_labels, selects};
use super::{Check, Edit, Found, Risk, Scene, group, text};
use crate::finding::Severity;
use crate::manifest::{Data, Object, Value};

pub(super) const RISK: Risk = Risk {
    id: "disruption",
    severity: Severity::Warning,
    about: "a disruption budget goes away or blocks every drain, or an autoscaler conflicts with what is set",
    check: Check::Unit(check),
};

fn check(scene: &Scene<'_>, found: &mut Found<'_>) {
    for edit in &scene.edits {
        match (edit.before, edit.after) {
            (Some(budget), None) if is_budget(budget) => budget_goes(budget, scene, found),
            (former, Some(budget)) if is_budget(budget) => budget_blocks(former, budget, scene, found),
            (_, Some(scaler)) if is_scaler(scaler) => scaler_conflicts(edit, scaler, scene, found),
            (former, Some(workload)) if replicas(workload).is_some() => {
                let new = former.is_none_or(|former| replicas(former) != replicas(workload));
                if new && scene.after.iter().any(|other| is_scaler(other) && targets(other, workload)) {
                    fights(workload, found);
                }
            }
            _ => {}
        }
    }
}

fn is_budget(object: &Object) -> bool {
    group(object) == "policy" && object.kind() == "PodDisruptionBudget"
}

fn is_scaler(object: &Object) -> bool {
    group(object) == "autoscaling" && object.kind() == "HorizontalPodAutoscaler"
}

fn replicas(object: &Object) -> Option<i64> {
    matches!(object.kind(), "Deployment" | "StatefulSet" | "ReplicaSet" | "Rollout")
        .then(|| object.value().path(&["spec", "replicas"]).and_then(Value::as_i64))
        .flatten()
}

/// Says whether an autoscaler is for this workload.
fn targets(scaler: &Object, workload: &Object) -> bool {
    let reference = |key: &str| text(scaler, &["spec", "scaleTargetRef", key]);
    scaler.namespace() == workload.namespace()
        && reference("kind") == Some(workload.kind())
        && reference("name") == workload.name()
}

/// The workloads whose pods a budget is about.
fn guarded<'a>(budget: &'a Object, scene: &'a Scene<'_>) -> impl Iterator<Item = &'a Object> {
    let selector = budget.value().path(&["spec", "selector", "matchLabels"]);
    scene.after.iter().filter(move |object| {
        object.namespace() == budget.namespace() && selector.is_some_and(|it| selects(it, pod_labels(object)))
    })
}

fn budget_goes(budget: &Object, scene: &Scene<'_>, found: &mut Found<'_>) {
    if let Some(workload) = guarded(budget, scene).next() {
        let workload = workload.reference();
        found.gone(
            budget,
            format!("the disruption budget of `{workload}` goes away: a drain may stop all its pods at once"),
        );
    }
}

fn budget_blocks(former: Option<&Object>, budget: &Object, scene: &Scene<'_>, found: &mut Found<'_>) {
    let limit = |object: &Object, key: &str| object.value().path(&["spec", key]).map(|value| value.data.clone());
    if former
        .is_some_and(|it| ["minAvailable", "maxUnavailable"].iter().all(|key| limit(it, key) == limit(budget, key)))
    {
        return;
    }
    let is = |data: &Data, number: i64, text: &str| match data {
        Data::Number(it) => it.as_i64() == Some(number),
        Data::String(it) => it == text,
        _ => false,
    };
    if limit(budget, "maxUnavailable").is_some_and(|it| is(&it, 0, "0%")) {
        found.at(budget, "/spec/maxUnavailable", "this budget allows no disruption: every node drain waits for ever");
    }
    let Some(least) = limit(budget, "minAvailable") else { return };
    let blocked = guarded(budget, scene).find(|workload| {
        let count = replicas(workload);
        is(&least, -1, "100%")
            || matches!((&least, count), (Data::Number(least), Some(count)) if least.as_i64().is_some_and(|it| it >= count) && count > 0)
    });
    if let Some(workload) = blocked {
        let message = format!(
            "`minAvailable` is not below the replicas of `{}`: every node drain waits for ever",
            workload.reference()
        );
        found.at(budget, "/spec/minAvailable", message);
    }
}

fn scaler_conflicts(edit: &Edit<'_>, scaler: &Object, scene: &Scene<'_>, found: &mut Found<'_>) {
    let bound = |object: &Object, key: &str| object.value().path(&["spec", key]).and_then(Value::as_i64);
    let (least, most) = (bound(scaler, "minReplicas"), bound(scaler, "maxReplicas"));
    if let (Some(least), Some(most)) = (least, most)
        && least == most
        && edit.former().is_none_or(|former| bound(former, "minReplicas") != bound(former, "maxReplicas"))
    {
        found.at(
            scaler,
            "/spec/maxReplicas",
            format!("the autoscaler can no longer scale: from {least} to {most} replicas"),
        );
    }
    if edit.former().is_none()
        && let Some(workload) = scene.after.iter().find(|it| targets(scaler, it) && replicas(it).is_some())
    {
        fights(workload, found);
    }
}

fn fights(workload: &Object, found: &mut Found<'_>) {
    found
        .at(workload, "/spec/replicas", "`spec.replicas` is set here and by an autoscaler: each delivery resets it")
        .hint = Some("leave `spec.replicas` out where an autoscaler sets it".to_owned());
}
