//! What controllers and kubelets would say of an object: a healthy status at once, or never for the stuck ones.
//!
//! No pods or replica sets are made; only the status that health looks at is written.

use super::State;
use crate::cluster::ResourceKind;
use crate::manifest::Value;
use crate::manifest::value::map;

fn condition(kind: &str, status: &str, reason: &str, now: &str) -> Value {
    map([("type", kind), ("status", status), ("lastTransitionTime", now), ("reason", reason), ("message", "")])
}

fn conditions(list: &[(&str, &str, &str)], now: &str) -> Value {
    list.iter().map(|(kind, status, reason)| condition(kind, status, reason, now)).collect::<Vec<_>>().into()
}

/// The status that `object` gets; `None` when nothing writes one for its kind.
pub(super) fn status_of(kind: &ResourceKind, object: &Value, stuck: bool, now: &str) -> Option<Value> {
    let number = |path: &[&str]| object.path(path).and_then(Value::as_i64);
    let generation = number(&["metadata", "generation"]).unwrap_or(1);
    let observed = ("observedGeneration", Value::from(generation));
    let wanted = number(&["spec", "replicas"]).unwrap_or(1);
    let ready = if stuck { 0 } else { wanted };
    let status = match (kind.type_key.group.as_str(), kind.type_key.kind.as_str()) {
        ("apps", "Deployment") => {
            let (available, reason, done) = match stuck {
                true => ("False", "MinimumReplicasUnavailable", "ReplicaSetUpdated"),
                false => ("True", "MinimumReplicasAvailable", "NewReplicaSetAvailable"),
            };
            let conditions = conditions(&[("Available", available, reason), ("Progressing", "True", done)], now);
            map([
                observed,
                ("replicas", wanted.into()),
                ("updatedReplicas", wanted.into()),
                ("readyReplicas", ready.into()),
                ("availableReplicas", ready.into()),
                ("unavailableReplicas", (wanted - ready).into()),
                ("conditions", conditions),
            ])
        }
        ("apps", "StatefulSet") => map([
            observed,
            ("replicas", Value::from(wanted)),
            ("readyReplicas", ready.into()),
            ("availableReplicas", ready.into()),
            ("currentReplicas", wanted.into()),
            ("updatedReplicas", wanted.into()),
            ("currentRevision", format!("revision-{generation}").into()),
            ("updateRevision", format!("revision-{generation}").into()),
        ]),
        ("apps", "ReplicaSet") => map([
            observed,
            ("replicas", Value::from(wanted)),
            ("fullyLabeledReplicas", wanted.into()),
            ("readyReplicas", ready.into()),
            ("availableReplicas", ready.into()),
        ]),
        ("apps", "DaemonSet") => {
            let ready = i64::from(!stuck);
            map([
                observed,
                ("currentNumberScheduled", Value::from(1)),
                ("desiredNumberScheduled", 1.into()),
                ("updatedNumberScheduled", 1.into()),
                ("numberMisscheduled", 0.into()),
                ("numberReady", ready.into()),
                ("numberAvailable", ready.into()),
                ("numberUnavailable", (1 - ready).into()),
            ])
        }
        ("batch", "Job") if stuck => map([("active", Value::from(1)), ("startTime", now.into())]),
        ("batch", "Job") => {
            let reached = "CompletionsReached";
            map([
                ("succeeded", number(&["spec", "completions"]).unwrap_or(1).into()),
                ("startTime", Value::from(now)),
                ("completionTime", now.into()),
                (
                    "conditions",
                    conditions(&[("SuccessCriteriaMet", "True", reached), ("Complete", "True", reached)], now),
                ),
            ])
        }
        ("", "Pod") => {
            let flag = if stuck { "False" } else { "True" };
            let phase = if stuck { "Pending" } else { "Running" };
            let all = [("PodScheduled", "True", ""), ("Initialized", "True", ""), ("Ready", flag, "")];
            map([observed, ("phase", Value::from(phase)), ("conditions", conditions(&all, now))])
        }
        ("", "PersistentVolumeClaim") => map([("phase", if stuck { "Pending" } else { "Bound" })]),
        ("", "PersistentVolume") => map([("phase", if stuck { "Pending" } else { "Available" })]),
        ("", "Service") => {
            let balanced = object.path(&["spec", "type"]).and_then(Value::as_str) == Some("LoadBalancer") && !stuck;
            let ingress = balanced.then(|| vec![map([("ip", "192.0.2.1")])]);
            map([("loadBalancer", ingress.map_or_else(|| map::<&str, Value>([]), |list| map([("ingress", list)])))])
        }
        ("policy", "PodDisruptionBudget") => map([
            observed,
            ("currentHealthy", Value::from(i64::from(!stuck))),
            ("desiredHealthy", 1.into()),
            ("disruptionsAllowed", 0.into()),
            ("expectedPods", 1.into()),
        ]),
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            let (flag, reason) = if stuck { ("False", "Installing") } else { ("True", "InitialNamesAccepted") };
            let names = object.path(&["spec", "names"]).cloned().unwrap_or_else(Value::null);
            let all = [("NamesAccepted", "True", "NoConflicts"), ("Established", flag, reason)];
            map([("conditions", conditions(&all, now)), ("acceptedNames", names)])
        }
        ("apiregistration.k8s.io", "APIService") => {
            let (flag, reason) = if stuck { ("False", "ServiceNotFound") } else { ("True", "Passed") };
            map([("conditions", conditions(&[("Available", flag, reason)], now))])
        }
        _ => return None,
    };
    Some(status)
}

impl State {
    /// What exists in every namespace: its default account and the certificate authority's certificate.
    pub(super) fn furnish_namespace(&mut self, namespace: &str) {
        let account = map([("apiVersion", "v1"), ("kind", "ServiceAccount")]);
        let mut authority = map([("apiVersion", "v1"), ("kind", "ConfigMap")]);
        authority.set("data", map([("ca.crt", "")]));
        for (name, mut object) in [("default", account), ("kube-root-ca.crt", authority)] {
            object.set("metadata", map([("name", name), ("namespace", namespace)]));
            self.write_as_controller(&object);
        }
    }
}
