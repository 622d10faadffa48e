//! `scaled-to-zero`: a workload that ran stops.

use super::{Check, Edit, Found, Risk};
use crate::finding::Severity;
use crate::manifest::{Object, Value};

pub(super) const RISK: Risk = Risk {
    id: "scaled-to-zero",
    severity: Severity::Warning,
    about: "the replicas of a workload become 0",
    check: Check::Edit(check),
};

fn check(edit: &Edit<'_>, found: &mut Found<'_>) {
    let Some((before, after)) = edit.kept() else { return };
    if !matches!(after.kind(), "Deployment" | "StatefulSet" | "ReplicaSet" | "Rollout" | "ReplicationController") {
        return;
    }
    // Left out means 1 to the server.
    let replicas = |object: &Object| object.value().path(&["spec", "replicas"]).map_or(Some(1), Value::as_i64);
    if let (Some(was), Some(0)) = (replicas(before), replicas(after))
        && was > 0
    {
        found.at(after, "/spec/replicas", format!("`spec.replicas` becomes 0, was {was}: all its pods stop"));
    }
}
