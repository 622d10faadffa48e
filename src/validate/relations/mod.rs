//! Relations between fields that the server's hand-written validation asks for: what one field holds decides what another may.
//!
//! A relation is a function by the definition that it is about, so that it holds wherever the type stands (a pod's in every
//! workload). It is asked of a value whose structure is right, and says only what kube-apiserver 1.36.3 was seen to refuse.
//! What asks one field alone is in the table of `schema` (`asked.txt`).
//!
//! Decided by `pkg/apis/*/validation` of `k8s.io/kubernetes`.

mod access;
mod network;
mod pod;
mod policy;
mod quantities;
mod storage;
mod workload;

pub(super) use pod::claim_templates;

use super::message::{field, names};
use super::problem::At;
use super::structure::{SCHEMA, Walk};
use crate::manifest::{Data, Map, Value};

/// Asks a relation of the map that stands where the walk is.
pub(super) type Relation = fn(&mut Walk, &Map);

/// The relation of a definition (`io.k8s.api.core.v1.Toleration`).
pub(super) fn of(definition: &str) -> Option<Relation> {
    if let Some(kind) = definition.strip_prefix("io.k8s.apimachinery.pkg.apis.meta.v1.") {
        return (kind == "LabelSelectorRequirement").then_some(values_of as Relation);
    }
    if definition == "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIServiceSpec" {
        return Some(policy::api_service);
    }
    let (group, rest) = definition.strip_prefix("io.k8s.api.")?.split_once('.')?;
    let (_, kind) = rest.split_once('.')?;
    match group {
        "core" => match kind {
            "PodSpec" => Some(pod::spec),
            "EnvVar" => Some(pod::variable),
            "EnvVarSource" => Some(pod::variable_source),
            "DownwardAPIVolumeFile" => Some(pod::downward_file),
            "ResourceRequirements" => Some(quantities::requirements),
            "Toleration" => Some(toleration),
            "NodeSelectorTerm" => Some(node_term),
            "ServiceSpec" => Some(network::service),
            "EndpointSubset" => Some(network::subset),
            "Secret" => Some(storage::secret),
            "PersistentVolumeClaimSpec" => Some(storage::claim),
            "LimitRangeItem" => Some(quantities::limit_range),
            "ResourceQuotaSpec" => Some(quantities::quota),
            "ScopedResourceSelectorRequirement" => Some(values_of),
            _ => None,
        },
        "apps" => match kind {
            "DeploymentSpec" | "ReplicaSetSpec" | "DaemonSetSpec" => Some(workload::always_restarted),
            "DeploymentStrategy" => Some(workload::deployment_strategy),
            "RollingUpdateDaemonSet" => Some(workload::rolling_daemons),
            "StatefulSetUpdateStrategy" => Some(workload::stateful_strategy),
            _ => None,
        },
        "batch" => match kind {
            "JobSpec" => Some(workload::job),
            _ => None,
        },
        "networking" => match kind {
            "IngressSpec" => Some(network::ingress),
            "HTTPIngressPath" => Some(network::ingress_path),
            "IngressClassParametersReference" => Some(network::class_parameters),
            "NetworkPolicyPort" => Some(network::policy_port),
            "NetworkPolicyPeer" => Some(network::policy_peer),
            "ServiceCIDRSpec" => Some(network::service_cidr),
            _ => None,
        },
        "discovery" if kind == "EndpointSlice" => Some(network::endpoint_slice),
        "rbac" => match kind {
            "PolicyRule" => Some(access::rule),
            "Role" => Some(access::role),
            "RoleBinding" | "ClusterRoleBinding" => Some(access::binding),
            _ => None,
        },
        "authorization" => match kind {
            "SubjectAccessReviewSpec" | "SelfSubjectAccessReviewSpec" => Some(access::review),
            _ => None,
        },
        "flowcontrol" => match kind {
            "Subject" => Some(access::flow_subject),
            "PolicyRulesWithSubjects" => Some(access::flow_rules),
            "PriorityLevelConfigurationSpec" => Some(policy::priority_level),
            "LimitResponse" => Some(policy::limit_response),
            _ => None,
        },
        "autoscaling" => match kind {
            "HorizontalPodAutoscalerSpec" => Some(policy::autoscaler),
            "MetricSpec" => Some(policy::metric),
            _ => None,
        },
        "admissionregistration" => match kind {
            "Mutation" => Some(policy::mutation),
            "ValidatingAdmissionPolicySpec" | "MutatingAdmissionPolicySpec" => Some(policy::admission),
            "RuleWithOperations" | "NamedRuleWithOperations" => Some(policy::operations),
            _ => None,
        },
        _ => None,
    }
}

/// The text of a field; empty where it is absent.
fn text<'v>(map: &'v Map, name: &str) -> &'v str {
    map.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// The items of a field; none where it is absent.
fn items<'v>(map: &'v Map, name: &str) -> &'v [Value] {
    map.get(name).and_then(Value::as_list).unwrap_or_default()
}

/// The map in a field.
fn inner<'v>(map: &'v Map, name: &str) -> Option<&'v Map> {
    map.get(name).and_then(Value::as_map)
}

/// Says whether Go has a pointer there: anything but absence.
fn is_there(map: &Map, name: &str) -> bool {
    map.get(name).is_some_and(|value| !value.is_null())
}

/// Says whether a field holds more than the zero value of a text, list, map, number or flag.
fn holds(map: &Map, name: &str) -> bool {
    map.get(name).is_some_and(|value| match &value.data {
        Data::Null => false,
        Data::Bool(flag) => *flag,
        Data::Number(number) => number.as_f64() != 0.0,
        Data::String(text) => !text.is_empty(),
        Data::List(items) => !items.is_empty(),
        Data::Map(map) => !map.is_empty(),
    })
}

impl Walk {
    /// Reports a field that is there, or what stands around it where it is absent.
    fn refuse(&mut self, name: &str, message: &str) {
        self.below(name, |walk| {
            let message = format!("{} {message}", field(&walk.pointer));
            walk.problem(SCHEMA, At::Value, message, None);
        });
    }

    /// Reports the map itself.
    fn refuse_all(&mut self, message: &str) {
        let message = format!("{} {message}", field(&self.pointer));
        self.problem(SCHEMA, At::Key, message, None);
    }

    /// Reports fields that must not be set, given why.
    fn refuse_set(&mut self, map: &Map, fields: &[&str], why: &str) {
        for name in fields.iter().filter(|name| is_there(map, name)) {
            self.refuse(name, &format!("must not be set {why}"));
        }
    }

    /// Reports fields that must hold something, given why.
    fn refuse_unset(&mut self, map: &Map, fields: &[&str], why: &str) {
        for name in fields.iter().filter(|name| !holds(map, name)) {
            let message = format!("{} must have {} {why}", field(&self.pointer), names([*name]));
            self.problem(SCHEMA, At::Key, message, None);
        }
    }

    /// Goes through the items of a field that are maps.
    fn each<'v>(&mut self, map: &'v Map, name: &str, mut go: impl FnMut(&mut Self, &'v Map)) {
        self.below(name, |walk| {
            for (index, item) in items(map, name).iter().enumerate() {
                if let Some(item) = item.as_map() {
                    walk.below(&index.to_string(), |walk| go(walk, item));
                }
            }
        });
    }
}

/// How many values an operator goes with: `ValidateLabelSelectorRequirement` of apimachinery,
/// `validateScopedResourceSelectorRequirement` of core.
fn values_of(walk: &mut Walk, map: &Map) {
    let operator = text(map, "operator");
    match operator {
        "In" | "NotIn" => walk.refuse_unset(map, &["values"], &format!("with the operator `{operator}`")),
        "Exists" | "DoesNotExist" if holds(map, "values") => {
            walk.refuse("values", &format!("must be empty with the operator `{operator}`"));
        }
        "Gt" | "Lt" if items(map, "values").len() != 1 => {
            walk.refuse("values", &format!("must hold one value with the operator `{operator}`"));
        }
        _ => {}
    }
}

/// `ValidateNodeSelectorTerm` of core.
fn node_term(walk: &mut Walk, map: &Map) {
    walk.each(map, "matchExpressions", values_of);
    walk.each(map, "matchFields", |walk, term| {
        if !matches!(text(term, "operator"), "In" | "NotIn") {
            walk.refuse("operator", "must be `In` or `NotIn` for a field");
        } else if items(term, "values").len() != 1 {
            walk.refuse("values", "must hold one value for a field");
        }
        if text(term, "key") != "metadata.name" {
            walk.refuse("key", "must be `metadata.name`, the only field that nodes are selected by");
        }
    });
}

/// `ValidateTolerations` of core.
fn toleration(walk: &mut Walk, map: &Map) {
    let operator = text(map, "operator");
    if !holds(map, "key") && operator != "Exists" {
        walk.refuse_all("must have a `key`, or the operator `Exists`, which tolerates every taint");
    }
    if is_there(map, "tolerationSeconds") && text(map, "effect") != "NoExecute" {
        walk.refuse_all("must have the effect `NoExecute` where `tolerationSeconds` is set");
    }
    match operator {
        "" | "Equal" => {
            if let Some(why) = super::names::label_value(text(map, "value")) {
                walk.refuse("value", &why);
            }
        }
        "Exists" if holds(map, "value") => walk.refuse("value", "must be empty with the operator `Exists`"),
        // Since 1.35, where the cluster switches it on.
        "Exists" | "Lt" | "Gt" => {}
        _ => walk.refuse("operator", "must be `Equal` or `Exists`"),
    }
}
