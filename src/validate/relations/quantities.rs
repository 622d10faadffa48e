//! Amounts of resources: requests and limits, limit ranges, quotas (`pkg/apis/core/validation`, `pkg/apis/core/helper`).

use super::super::names;
use super::super::structure::Walk;
use super::{holds, inner, items, text};
use crate::manifest::{Data, Map, Value};
use crate::schema::Quantity;

/// Resources that the server knows by a bare name, besides those that are counted.
const MEASURED: [&str; 11] = [
    "cpu",
    "memory",
    "ephemeral-storage",
    "storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
];

/// Resources that are counted.
const COUNTED: [&str; 9] = [
    "pods",
    "resourcequotas",
    "services",
    "replicationcontrollers",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
];

/// `IsStandardResourceName`, and its names of huge pages.
fn is_standard(name: &str) -> bool {
    MEASURED.contains(&name)
        || COUNTED.contains(&name)
        || name.starts_with("hugepages-")
        || name.starts_with("requests.hugepages-")
}

fn amount(value: &Value) -> Option<Quantity> {
    match &value.data {
        Data::String(text) => Quantity::parse(text),
        Data::Number(number) => Quantity::parse(number.literal()),
        _ => None,
    }
}

fn amounts(map: &Map) -> impl Iterator<Item = (&str, Quantity)> {
    map.iter().filter_map(|(key, value)| Some((key.as_str(), amount(value)?)))
}

/// `IsNativeResource`.
fn is_native(name: &str) -> bool {
    !name.contains('/') || name.contains("kubernetes.io/")
}

/// `IsExtendedResourceName`.
fn is_extended(name: &str) -> bool {
    !is_native(name) && !name.starts_with("requests.") && names::qualified(&format!("requests.{name}")).is_none()
}

/// `validateResourceName`, and what a bare name may be.
fn name_refused(name: &str, bare: impl Fn(&str) -> bool) -> Option<String> {
    if let Some(why) = names::qualified(name) {
        return Some(why);
    }
    (!name.contains('/') && !bare(name))
        .then(|| "must be a resource that Kubernetes knows, or have a domain".to_owned())
}

fn in_container(name: &str) -> bool {
    matches!(name, "cpu" | "memory" | "ephemeral-storage") || name.starts_with("hugepages-")
}

/// `ValidateResourceQuantityValue`.
fn amount_refused(name: &str, amount: Quantity) -> Option<&'static str> {
    if amount.is_negative() {
        return Some("must not be negative");
    }
    (!amount.is_whole_in_thousandths() && (COUNTED.contains(&name) || is_extended(name)))
        .then_some("must be an integer")
}

/// `ValidateContainerResourceRequirements`.
pub(super) fn requirements(walk: &mut Walk, map: &Map) {
    let limits = inner(map, "limits");
    // Claims of storage have the same type in older versions, and pods have it as a whole.
    let of_container = walk.pointer.ends_with("/resources")
        && walk.pointer.rsplit('/').nth(2).is_some_and(|list| matches!(list, "containers" | "initContainers"));
    if !of_container {
        return;
    }
    for part in ["limits", "requests"] {
        let Some(amounts_of) = inner(map, part) else { continue };
        walk.below(part, |walk| {
            for (name, amount) in amounts(amounts_of) {
                let extended = name.contains('/') && !is_native(name) && !is_extended(name);
                let wrong = name_refused(name, in_container)
                    .or_else(|| extended.then(|| "must be the name of an extended resource".to_owned()))
                    .or_else(|| amount_refused(name, amount).map(str::to_owned));
                if let Some(why) = wrong {
                    walk.refuse(name, &why);
                }
            }
        });
    }
    let Some(requests) = inner(map, "requests") else { return };
    walk.below("requests", |walk| {
        for (name, request) in amounts(requests) {
            let limit = limits.and_then(|limits| limits.get(name)).filter(|limit| !limit.is_null());
            let overcommitted = is_native(name) && !name.starts_with("hugepages-");
            match limit.and_then(amount) {
                Some(limit) if !overcommitted && limit != request => walk.refuse(name, "must be equal to its limit"),
                Some(limit) if request > limit => walk.refuse(name, "must not be greater than its limit"),
                None if limit.is_none() && !overcommitted => walk.refuse(name, "must have a limit of the same amount"),
                _ => {}
            }
        }
    });
}

/// `ValidateLimitRange`.
pub(super) fn limit_range(walk: &mut Walk, map: &Map) {
    let kind = text(map, "type");
    if !kind.contains('/') && !matches!(kind, "Pod" | "Container" | "PersistentVolumeClaim") {
        walk.refuse("type", "must be `Pod`, `Container` or `PersistentVolumeClaim`, or have a domain");
    }
    let parts = ["max", "min", "default", "defaultRequest", "maxLimitRequestRatio"];
    for part in parts {
        if kind == "Pod" && part.starts_with("default") && holds(map, part) {
            walk.refuse(part, "must not be set where `type` is `Pod`");
            continue;
        }
        let bare = |name: &str| match kind {
            "Pod" | "Container" => in_container(name),
            _ => is_standard(name),
        };
        let Some(of) = inner(map, part) else { continue };
        walk.below(part, |walk| {
            for name in of.keys() {
                if let Some(why) = name_refused(name.as_str(), bare) {
                    walk.refuse(name.as_str(), &why);
                }
            }
        });
    }
    let of = |part: &str, name: &str| inner(map, part).and_then(|part| part.get(name)).and_then(amount);
    // Each of the first must not be greater than the same of the second.
    let orders = [
        ("min", "max"),
        ("min", "defaultRequest"),
        ("defaultRequest", "max"),
        ("defaultRequest", "default"),
        ("min", "default"),
        ("default", "max"),
    ];
    for (low, high) in orders.into_iter().filter(|(low, high)| kind != "Pod" || (*low, *high) == ("min", "max")) {
        let Some(lows) = inner(map, low) else { continue };
        for (name, amount) in amounts(lows) {
            if of(high, name).is_some_and(|most| amount > most) {
                walk.below(low, |walk| walk.refuse(name, &format!("must not be greater than in `{high}`")));
            }
        }
    }
    let stored = ["min", "max"].iter().any(|part| inner(map, part).is_some_and(|part| part.contains_key("storage")));
    if kind == "PersistentVolumeClaim" && !stored {
        walk.refuse_all("must have `min.storage` or `max.storage`");
    }
}

/// `ValidateResourceQuotaSpec`.
pub(super) fn quota(walk: &mut Walk, map: &Map) {
    let bare = |name: &str| is_standard(name) && name != "storage";
    if let Some(hard) = inner(map, "hard") {
        walk.below("hard", |walk| {
            for (name, amount) in amounts(hard) {
                let wrong = name_refused(name, bare).or_else(|| amount_refused(name, amount).map(str::to_owned));
                if let Some(why) = wrong {
                    walk.refuse(name, &why);
                }
            }
        });
    }
    let known = [
        "Terminating",
        "NotTerminating",
        "BestEffort",
        "NotBestEffort",
        "PriorityClass",
        "CrossNamespacePodAffinity",
        "VolumeAttributesClass",
    ];
    walk.below("scopes", |walk| {
        for (index, scope) in items(map, "scopes").iter().enumerate() {
            if scope.as_str().is_some_and(|scope| !known.contains(&scope)) {
                walk.refuse(&index.to_string(), &format!("must be one of {}", known.join(", ")));
            }
        }
    });
    let Some(selector) = inner(map, "scopeSelector") else { return };
    walk.below("scopeSelector", |walk| {
        walk.each(selector, "matchExpressions", |walk, term| {
            let scope = text(term, "scopeName");
            if !known.contains(&scope) {
                walk.refuse("scopeName", &format!("must be one of {}", known.join(", ")));
            } else if !matches!(scope, "PriorityClass" | "VolumeAttributesClass") && text(term, "operator") != "Exists"
            {
                walk.refuse("operator", &format!("must be `Exists` for the scope `{scope}`"));
            }
        });
    });
}
