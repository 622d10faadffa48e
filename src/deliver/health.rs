//! Whether a live object is healthy. Pure; decided by what each controller documents of its status.
//!
//! A status that is older than the spec is in progress, and so is an object of a built-in kind that its controller must
//! speak about and has not. Differs from kstatus where users found its answers early: a Job is healthy when it
//! completed, and a failed Pod is failed. A custom resource whose controller says nothing counts as healthy: whether one
//! will ever speak is not known here.

use crate::manifest::{Object, Value};

/// The health of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Health {
    /// As desired.
    Healthy,
    /// On its way; what is waited for.
    InProgress(String),
    /// Will not get there by waiting; why.
    Failed(String),
}

impl Health {
    fn wait(why: impl Into<String>) -> Self {
        Self::InProgress(why.into())
    }

    fn failed(why: impl Into<String>) -> Self {
        Self::Failed(why.into())
    }
}

/// Judges a live object.
#[must_use]
pub fn health(live: &Object) -> Health {
    if live.value().path(&["metadata", "deletionTimestamp"]).is_some_and(|stamp| !stamp.is_null()) {
        return Health::wait("it is being deleted");
    }
    let generation = number(live, &["metadata", "generation"]);
    let observed = number(live, &["status", "observedGeneration"]);
    if let (Some(generation), Some(observed)) = (generation, observed)
        && observed < generation
    {
        return Health::wait("its controller has not seen the newest change yet");
    }
    let type_key = live.type_key();
    match (type_key.group.as_str(), type_key.kind.as_str()) {
        ("apps", "Deployment") => deployment(live),
        ("apps", "StatefulSet") => stateful_set(live),
        ("apps", "DaemonSet") => daemon_set(live),
        ("apps", "ReplicaSet") | ("", "ReplicationController") => replica_set(live),
        ("batch", "Job") => job(live),
        ("", "Pod") => pod(live),
        ("", "PersistentVolumeClaim") => claim(live),
        ("", "Namespace") => phase(live, "Active"),
        ("", "Service") => service(live),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => definition(live),
        ("apiregistration.k8s.io", "APIService") => when_true(live, "Available"),
        ("policy", "PodDisruptionBudget") => when_observed(live),
        _ => by_conditions(live),
    }
}

fn number(live: &Object, path: &[&str]) -> Option<i64> {
    live.value().path(path).and_then(Value::as_i64)
}

fn status(live: &Object, field: &str) -> i64 {
    number(live, &["status", field]).unwrap_or(0)
}

/// One condition of `status.conditions`: its status, reason and message.
struct Condition<'a> {
    status: &'a str,
    reason: &'a str,
    message: &'a str,
}

fn condition<'a>(live: &'a Object, name: &str) -> Option<Condition<'a>> {
    let conditions = live.value().path(&["status", "conditions"])?.as_list()?;
    let text = |value: &'a Value, key| value.get(key).and_then(Value::as_str).unwrap_or_default();
    let found = conditions.iter().find(|condition| text(condition, "type") == name)?;
    Some(Condition { status: text(found, "status"), reason: text(found, "reason"), message: text(found, "message") })
}

impl Condition<'_> {
    fn words(&self) -> String {
        match (self.reason, self.message) {
            ("", "") => "without a reason".to_owned(),
            (reason, "") => reason.to_owned(),
            ("", message) => message.to_owned(),
            (reason, message) => format!("{reason}: {message}"),
        }
    }
}

fn observed(live: &Object) -> bool {
    number(live, &["status", "observedGeneration"]).is_some()
}

fn when_observed(live: &Object) -> Health {
    if observed(live) { Health::Healthy } else { Health::wait("its controller has not seen it yet") }
}

fn deployment(live: &Object) -> Health {
    if let Some(progress) = condition(live, "Progressing")
        && progress.reason == "ProgressDeadlineExceeded"
    {
        return Health::failed(progress.words());
    }
    if !observed(live) {
        return Health::wait("its controller has not seen it yet");
    }
    if live.value().path(&["spec", "paused"]).and_then(Value::as_bool) == Some(true) {
        return Health::Healthy;
    }
    let wanted = number(live, &["spec", "replicas"]).unwrap_or(1);
    let (updated, all, available) =
        (status(live, "updatedReplicas"), status(live, "replicas"), status(live, "availableReplicas"));
    if updated < wanted {
        Health::wait(format!("{updated} of {wanted} replicas are updated"))
    } else if all > updated {
        Health::wait(format!("{} old replicas are still there", all - updated))
    } else if available < wanted {
        Health::wait(format!("{available} of {wanted} replicas are available"))
    } else {
        Health::Healthy
    }
}

fn stateful_set(live: &Object) -> Health {
    if !observed(live) {
        return Health::wait("its controller has not seen it yet");
    }
    let wanted = number(live, &["spec", "replicas"]).unwrap_or(1);
    let ready = status(live, "readyReplicas");
    if ready < wanted {
        return Health::wait(format!("{ready} of {wanted} replicas are ready"));
    }
    let strategy = live.value().path(&["spec", "updateStrategy", "type"]).and_then(Value::as_str);
    if strategy == Some("OnDelete") {
        return Health::Healthy;
    }
    let partition = number(live, &["spec", "updateStrategy", "rollingUpdate", "partition"]).unwrap_or(0);
    let (updated, expected) = (status(live, "updatedReplicas"), (wanted - partition).max(0));
    if updated < expected {
        return Health::wait(format!("{updated} of {expected} replicas are updated"));
    }
    let revision = |field| live.value().path(&["status", field]).and_then(Value::as_str);
    if partition == 0 && revision("currentRevision") != revision("updateRevision") {
        return Health::wait("the update is not finished");
    }
    Health::Healthy
}

fn daemon_set(live: &Object) -> Health {
    if !observed(live) {
        return Health::wait("its controller has not seen it yet");
    }
    let wanted = status(live, "desiredNumberScheduled");
    let updated = status(live, "updatedNumberScheduled");
    let on_delete = live.value().path(&["spec", "updateStrategy", "type"]).and_then(Value::as_str) == Some("OnDelete");
    if updated < wanted && !on_delete {
        return Health::wait(format!("{updated} of {wanted} pods are updated"));
    }
    let available = status(live, "numberAvailable");
    if available < wanted {
        return Health::wait(format!("{available} of {wanted} pods are available"));
    }
    Health::Healthy
}

fn replica_set(live: &Object) -> Health {
    if let Some(failure) = condition(live, "ReplicaFailure")
        && failure.status == "True"
    {
        return Health::failed(failure.words());
    }
    if !observed(live) {
        return Health::wait("its controller has not seen it yet");
    }
    let wanted = number(live, &["spec", "replicas"]).unwrap_or(1);
    let available = status(live, "availableReplicas");
    if available < wanted {
        return Health::wait(format!("{available} of {wanted} replicas are available"));
    }
    Health::Healthy
}

fn job(live: &Object) -> Health {
    for failing in ["Failed", "FailureTarget"] {
        if let Some(failed) = condition(live, failing)
            && failed.status == "True"
        {
            return Health::failed(failed.words());
        }
    }
    if live.value().path(&["spec", "suspend"]).and_then(Value::as_bool) == Some(true) {
        return Health::Healthy;
    }
    match condition(live, "Complete") {
        Some(complete) if complete.status == "True" => Health::Healthy,
        _ => Health::wait(format!("{} of its pods have succeeded", status(live, "succeeded"))),
    }
}

fn pod(live: &Object) -> Health {
    let phase = live.value().path(&["status", "phase"]).and_then(Value::as_str).unwrap_or("Unknown");
    let statuses = live.value().path(&["status", "containerStatuses"]).and_then(Value::as_list).unwrap_or_default();
    for container in statuses {
        let reason = container.path(&["state", "waiting", "reason"]).and_then(Value::as_str).unwrap_or_default();
        let bad = ["Err", "Invalid"].iter().any(|prefix| reason.starts_with(prefix))
            || ["Error", "BackOff"].iter().any(|suffix| reason.ends_with(suffix));
        if bad {
            let name = container.get("name").and_then(Value::as_str).unwrap_or_default();
            return Health::failed(format!("container `{name}` waits: {reason}"));
        }
    }
    match phase {
        "Succeeded" => Health::Healthy,
        "Failed" => Health::failed("it failed"),
        "Running" => when_true(live, "Ready"),
        other => Health::wait(format!("its phase is {other}")),
    }
}

fn claim(live: &Object) -> Health {
    match live.value().path(&["status", "phase"]).and_then(Value::as_str) {
        Some("Bound") => Health::Healthy,
        Some("Lost") => Health::failed("its volume is lost"),
        other => Health::wait(format!("its phase is {}", other.unwrap_or("unknown"))),
    }
}

fn phase(live: &Object, wanted: &str) -> Health {
    match live.value().path(&["status", "phase"]).and_then(Value::as_str) {
        Some(phase) if phase == wanted => Health::Healthy,
        other => Health::wait(format!("its phase is {}", other.unwrap_or("unknown"))),
    }
}

fn service(live: &Object) -> Health {
    let balanced = live.value().path(&["spec", "type"]).and_then(Value::as_str) == Some("LoadBalancer");
    let ingress = live.value().path(&["status", "loadBalancer", "ingress"]).and_then(Value::as_list);
    if balanced && ingress.is_none_or(<[Value]>::is_empty) {
        return Health::wait("its load balancer has no address yet");
    }
    Health::Healthy
}

fn definition(live: &Object) -> Health {
    if let Some(names) = condition(live, "NamesAccepted")
        && names.status == "False"
    {
        return Health::failed(names.words());
    }
    when_true(live, "Established")
}

fn when_true(live: &Object, name: &str) -> Health {
    match condition(live, name) {
        Some(found) if found.status == "True" => Health::Healthy,
        Some(found) => Health::wait(format!("it is not {name}: {}", found.words())),
        None => Health::wait(format!("it does not say {name} yet")),
    }
}

/// Anything else: what its own conditions say, in the words that most controllers use.
fn by_conditions(live: &Object) -> Health {
    if let Some(stalled) = condition(live, "Stalled")
        && stalled.status == "True"
    {
        return Health::failed(stalled.words());
    }
    if let Some(reconciling) = condition(live, "Reconciling")
        && reconciling.status == "True"
    {
        return Health::wait(reconciling.words());
    }
    match condition(live, "Ready") {
        Some(ready) if ready.status == "True" => Health::Healthy,
        Some(ready) => Health::wait(format!("it is not Ready: {}", ready.words())),
        None => Health::Healthy,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::manifest::{Source, yaml};

    fn judge(text: &str) -> Health {
        let source = Source::new("live.yaml", text);
        let reading = yaml::read(&source, yaml::Dialect::Kubectl, &yaml::Budget::default());
        health(&Object::new(reading.documents.into_iter().next().unwrap()).unwrap())
    }

    fn deployment(generation: i64, observed: i64, updated: i64, available: i64) -> Health {
        judge(&format!(
            "{{apiVersion: apps/v1, kind: Deployment, metadata: {{generation: {generation}}}, spec: {{replicas: 2}}, \
             status: {{observedGeneration: {observed}, replicas: 2, updatedReplicas: {updated}, availableReplicas: {available}}}}}"
        ))
    }

    #[test]
    fn a_deployment_is_healthy_only_once_its_newest_spec_is_rolled_out() {
        assert_eq!(deployment(2, 2, 2, 2), Health::Healthy);
        assert!(matches!(deployment(3, 2, 2, 2), Health::InProgress(_)));
        assert!(matches!(deployment(2, 2, 1, 2), Health::InProgress(_)));
        assert!(matches!(deployment(2, 2, 2, 1), Health::InProgress(_)));
        let unseen = judge("{apiVersion: apps/v1, kind: Deployment, metadata: {generation: 1}, spec: {replicas: 0}}");
        assert!(matches!(unseen, Health::InProgress(_)), "{unseen:?}");
    }

    #[test]
    fn a_deadline_that_passed_is_a_failure_with_the_controllers_words() {
        let live = "{apiVersion: apps/v1, kind: Deployment, metadata: {generation: 1}, status: {observedGeneration: 1, \
                    conditions: [{type: Progressing, status: 'False', reason: ProgressDeadlineExceeded, message: timed out}]}}";
        assert_eq!(judge(live), Health::Failed("ProgressDeadlineExceeded: timed out".into()));
    }

    #[test]
    fn a_job_is_healthy_when_it_completed_and_not_when_it_started() {
        let job = |rest: &str| judge(&format!("{{apiVersion: batch/v1, kind: Job, {rest}}}"));
        assert!(matches!(job("status: {active: 1}"), Health::InProgress(_)));
        assert_eq!(job("status: {conditions: [{type: Complete, status: 'True'}]}"), Health::Healthy);
        assert!(matches!(job("status: {conditions: [{type: Failed, status: 'True'}]}"), Health::Failed(_)));
        assert_eq!(job("spec: {suspend: true}"), Health::Healthy);
    }

    #[test]
    fn a_pod_that_backs_off_or_failed_is_failed() {
        let pod = |rest: &str| judge(&format!("{{apiVersion: v1, kind: Pod, status: {{{rest}}}}}"));
        let waiting = "phase: Running, containerStatuses: [{name: web, state: {waiting: {reason: CrashLoopBackOff}}}]";
        assert!(matches!(pod(waiting), Health::Failed(_)));
        assert!(matches!(pod("phase: Failed"), Health::Failed(_)));
        assert!(matches!(pod("phase: Pending"), Health::InProgress(_)));
    }

    #[test]
    fn definitions_and_claims_speak_for_themselves() {
        let crd = "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, status: {conditions: \
                   [{type: NamesAccepted, status: 'False', reason: Conflict}]}}";
        assert!(matches!(judge(crd), Health::Failed(_)));
        assert!(matches!(judge("{apiVersion: v1, kind: PersistentVolumeClaim}"), Health::InProgress(_)));
    }

    #[test]
    fn what_has_no_conditions_is_as_desired_once_it_is_there() {
        assert_eq!(judge("{apiVersion: v1, kind: ConfigMap}"), Health::Healthy);
        let unready = "{apiVersion: x.io/v1, kind: Widget, status: {conditions: [{type: Ready, status: 'False', reason: Booting}]}}";
        assert!(matches!(judge(unready), Health::InProgress(_)));
    }
}
