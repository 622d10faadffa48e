//! Pods (`ValidatePodSpec` of `pkg/apis/core/validation`): what containers, volumes and claims ask of each other.

use super::super::names;
use super::super::structure::{DUPLICATE_ITEM, Walk};
use super::{At, field, holds, inner, is_there, items, text};
use crate::manifest::{Data, Map, Value};
use std::collections::{HashMap, HashSet};

/// `ValidatePodSpec`.
pub(super) fn spec(walk: &mut Walk, map: &Map) {
    let host_network = holds(map, "hostNetwork");
    let mut volumes: HashMap<&str, &Map> = HashMap::new();
    for volume in items(map, "volumes").iter().filter_map(Value::as_map) {
        volumes.insert(text(volume, "name"), volume);
    }
    let claims: Vec<&str> =
        items(map, "resourceClaims").iter().filter_map(|claim| claim.get("name").and_then(Value::as_str)).collect();
    let mut called = HashSet::new();
    let mut ports = HashSet::new();
    walk.each(map, "containers", |walk, container| {
        unique(walk, container, &mut called);
        host_ports(walk, container, host_network, &mut ports);
        mounted(walk, container, &volumes);
        claimed(walk, container, &claims);
    });
    walk.each(map, "initContainers", |walk, container| {
        unique(walk, container, &mut called);
        // They run one after another.
        host_ports(walk, container, host_network, &mut HashSet::new());
        mounted(walk, container, &volumes);
        claimed(walk, container, &claims);
        if text(container, "restartPolicy") != "Always" {
            let probes = ["lifecycle", "livenessProbe", "readinessProbe", "startupProbe"];
            walk.refuse_set(container, &probes, "in an init container without `restartPolicy: Always`");
        }
    });
    for part in ["containers", "initContainers"] {
        walk.each(map, part, |walk, container| {
            for probe in ["livenessProbe", "startupProbe"] {
                let success = inner(container, probe).and_then(|probe| probe.get("successThreshold"));
                if success.and_then(Value::as_i64).is_some_and(|success| success > 1) {
                    walk.below(probe, |walk| walk.refuse("successThreshold", "must be 1"));
                }
            }
        });
    }
    let servers = inner(map, "dnsConfig").is_some_and(|dns| holds(dns, "nameservers"));
    if text(map, "dnsPolicy") == "None" && !servers {
        walk.refuse_all("must have `dnsConfig.nameservers` where `dnsPolicy` is `None`");
    }
    walk.each(map, "topologySpreadConstraints", |walk, constraint| {
        if is_there(constraint, "minDomains") && text(constraint, "whenUnsatisfiable") != "DoNotSchedule" {
            walk.refuse("minDomains", "must not be set unless `whenUnsatisfiable` is `DoNotSchedule`");
        }
    });
}

/// Containers and init containers have different names.
fn unique<'v>(walk: &mut Walk, container: &'v Map, called: &mut HashSet<&'v str>) {
    let name = text(container, "name");
    if !name.is_empty() && !called.insert(name) {
        walk.below("name", |walk| {
            let message = format!("{} is the name of another container of the pod", field(&walk.pointer));
            walk.problem(DUPLICATE_ITEM, At::Value, message, None);
        });
    }
}

/// A port of the host is taken once; on the host's network it is the container's.
fn host_ports<'v>(
    walk: &mut Walk,
    container: &'v Map,
    host_network: bool,
    taken: &mut HashSet<(&'v str, &'v str, i64)>,
) {
    walk.each(container, "ports", |walk, port| {
        let number = |name: &str| port.get(name).and_then(Value::as_i64).unwrap_or(0);
        let host = match number("hostPort") {
            0 if host_network => number("containerPort"),
            port => port,
        };
        if host == 0 {
            return;
        }
        let protocol = if text(port, "protocol").is_empty() { "TCP" } else { text(port, "protocol") };
        if !taken.insert((protocol, text(port, "hostIP"), host)) {
            let message = format!("{} takes the host's port {host} a second time", field(&walk.pointer));
            walk.problem(DUPLICATE_ITEM, At::Value, message, None);
        }
        if host_network && host != number("containerPort") {
            walk.refuse("hostPort", "must be the `containerPort` where `hostNetwork` is true");
        }
    });
}

/// What is mounted is a volume of the pod.
fn mounted(walk: &mut Walk, container: &Map, volumes: &HashMap<&str, &Map>) {
    let privileged = inner(container, "securityContext").is_some_and(|context| holds(context, "privileged"));
    let devices: HashSet<&str> = items(container, "volumeDevices")
        .iter()
        .filter_map(|device| device.get("name").and_then(Value::as_str))
        .collect();
    let unknown = |walk: &mut Walk, name: &str| {
        walk.refuse("name", &format!("must be the name of a volume of the pod, got {name:?}"));
    };
    walk.each(container, "volumeMounts", |walk, mount| {
        let name = text(mount, "name");
        if !volumes.contains_key(name) && !walk.claims.iter().any(|claim| claim == name) {
            unknown(walk, name);
        } else if devices.contains(name) {
            walk.refuse("name", "must not stand in `volumeDevices` as well");
        }
        if text(mount, "mountPropagation") == "Bidirectional" && !privileged {
            walk.refuse("mountPropagation", "must not be `Bidirectional` in a container that is not privileged");
        }
    });
    walk.each(container, "volumeDevices", |walk, device| {
        let name = text(device, "name");
        match volumes.get(name) {
            Some(volume) if is_there(volume, "persistentVolumeClaim") || is_there(volume, "ephemeral") => {}
            Some(_) => walk.refuse("name", "must be a volume of a claim: block devices come from no other"),
            None if walk.claims.iter().any(|claim| claim == name) => {}
            None => unknown(walk, name),
        }
    });
}

/// What devices a container asks for are claims of the pod, each once.
fn claimed(walk: &mut Walk, container: &Map, known: &[&str]) {
    let Some(resources) = inner(container, "resources") else { return };
    let mut seen: Vec<(&str, &str)> = Vec::new();
    walk.below("resources", |walk| {
        walk.each(resources, "claims", |walk, claim| {
            let (name, request) = (text(claim, "name"), text(claim, "request"));
            if !known.contains(&name) {
                walk.refuse("name", &format!("must be a claim of the pod's `resourceClaims`, got {name:?}"));
            }
            let overlaps = |(other, asked): &(&str, &str)| {
                *other == name && (asked.is_empty() || request.is_empty() || *asked == request)
            };
            if seen.iter().any(overlaps) {
                let message = format!("{} asks for what another item asks for", field(&walk.pointer));
                walk.problem(DUPLICATE_ITEM, At::Value, message, None);
            }
            seen.push((name, request));
        });
    });
}

/// `validateEnvVarValueFrom`: a text or a source.
pub(super) fn variable(walk: &mut Walk, map: &Map) {
    if holds(map, "value") && is_there(map, "valueFrom") {
        walk.refuse("valueFrom", "must not be set where `value` is");
    }
}

/// The fields of a pod that a variable may hold.
const FOR_VARIABLES: [&str; 9] = [
    "metadata.name",
    "metadata.namespace",
    "metadata.uid",
    "spec.nodeName",
    "spec.serviceAccountName",
    "status.hostIP",
    "status.hostIPs",
    "status.podIP",
    "status.podIPs",
];
/// The fields of a pod that a file may hold.
const FOR_FILES: [&str; 5] =
    ["metadata.name", "metadata.namespace", "metadata.labels", "metadata.annotations", "metadata.uid"];
/// The resources of a container that a variable or file may hold.
const RESOURCES: [&str; 6] = [
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.ephemeral-storage",
];

/// `validateEnvVarValueFrom`: the sources that are paths.
pub(super) fn variable_source(walk: &mut Walk, map: &Map) {
    paths(walk, map, &FOR_VARIABLES);
}

/// `validateDownwardAPIVolumeFile`.
pub(super) fn downward_file(walk: &mut Walk, map: &Map) {
    paths(walk, map, &FOR_FILES);
    if let Some(resource) = inner(map, "resourceFieldRef") {
        walk.below("resourceFieldRef", |walk| walk.refuse_unset(resource, &["containerName"], "in a volume"));
    }
}

fn paths(walk: &mut Walk, map: &Map, fields: &[&str]) {
    if let Some(reference) = inner(map, "fieldRef") {
        let path = text(reference, "fieldPath");
        let key = |part: &str| Some(path.strip_prefix(part)?.strip_prefix("['")?.strip_suffix("']")?.to_owned());
        let wrong = match (key("metadata.labels"), key("metadata.annotations")) {
            (Some(label), _) => names::qualified(&label),
            (_, Some(annotation)) => names::qualified(&annotation.to_lowercase()),
            _ if fields.contains(&path) => None,
            _ => Some(format!("must be one of {}, or a label or annotation by its key", fields.join(", "))),
        };
        if let Some(why) = wrong {
            walk.below("fieldRef", |walk| walk.refuse("fieldPath", &why));
        }
    }
    if let Some(reference) = inner(map, "resourceFieldRef") {
        let resource = text(reference, "resource");
        let huge = resource.starts_with("requests.hugepages-") || resource.starts_with("limits.hugepages-");
        if !huge && !RESOURCES.contains(&resource) {
            let message = format!("must be one of {}", RESOURCES.join(", "));
            walk.below("resourceFieldRef", |walk| walk.refuse("resource", &message));
        }
    }
}

/// The volumes that a StatefulSet makes for its pods.
pub(in crate::validate) fn claim_templates(object: &Value) -> Vec<String> {
    let templates = object.path(&["spec", "volumeClaimTemplates"]).map(|templates| &templates.data);
    let Some(Data::List(templates)) = templates else { return Vec::new() };
    let name = |template: &Value| template.path(&["metadata", "name"]).and_then(Value::as_str).map(str::to_owned);
    templates.iter().filter_map(name).collect()
}
