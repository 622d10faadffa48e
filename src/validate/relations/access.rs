//! Who may do what: RBAC, access reviews, flow schemas (`pkg/apis/{rbac,authorization,flowcontrol}/validation`).

use super::super::structure::Walk;
use super::{holds, inner, is_there, text};
use crate::manifest::Map;

/// The group of RBAC's own kinds.
const RBAC: &str = "rbac.authorization.k8s.io";

/// A rule is about resources or about addresses.
pub(super) fn rule(walk: &mut Walk, map: &Map) {
    if !holds(map, "nonResourceURLs") {
        walk.refuse_unset(map, &["apiGroups", "resources"], "where it has no `nonResourceURLs`");
    } else if ["apiGroups", "resources", "resourceNames"].iter().any(|name| holds(map, name)) {
        walk.refuse("nonResourceURLs", "must stand in a rule of their own, not beside resources");
    }
}

/// A Role knows no addresses.
pub(super) fn role(walk: &mut Walk, map: &Map) {
    walk.each(map, "rules", |walk, rule| {
        if holds(rule, "nonResourceURLs") {
            walk.refuse("nonResourceURLs", "must stand in a ClusterRole");
        }
    });
}

/// Groups of the role and of the subjects.
pub(super) fn binding(walk: &mut Walk, map: &Map) {
    if let Some(role) = inner(map, "roleRef") {
        walk.below("roleRef", |walk| {
            // An absent group is filled in.
            if holds(role, "apiGroup") && text(role, "apiGroup") != RBAC {
                walk.refuse("apiGroup", &format!("must be `{RBAC}`"));
            }
        });
    }
    walk.each(map, "subjects", |walk, subject| {
        let group = text(subject, "apiGroup");
        match text(subject, "kind") {
            "ServiceAccount" => {
                if !group.is_empty() {
                    walk.refuse("apiGroup", "must be empty for a ServiceAccount");
                }
                if let Some(why) = super::super::names::subdomain(text(subject, "name")) {
                    walk.refuse("name", &why);
                }
            }
            // An absent group is filled in.
            "User" | "Group" if !group.is_empty() && group != RBAC => {
                walk.refuse("apiGroup", &format!("must be `{RBAC}`"));
            }
            _ => {}
        }
    });
}

/// A review asks of a resource or of an address.
pub(super) fn review(walk: &mut Walk, map: &Map) {
    match (is_there(map, "resourceAttributes"), is_there(map, "nonResourceAttributes")) {
        (true, true) => walk.refuse("nonResourceAttributes", "must not be set beside `resourceAttributes`"),
        (false, false) => walk.refuse_all("must have `resourceAttributes` or `nonResourceAttributes`"),
        _ => {}
    }
}

/// A subject has the field of its kind alone.
pub(super) fn flow_subject(walk: &mut Walk, map: &Map) {
    let kind = text(map, "kind");
    for (of, name) in [("User", "user"), ("Group", "group"), ("ServiceAccount", "serviceAccount")] {
        match (kind == of, is_there(map, name)) {
            (true, false) => walk.refuse_all(&format!("must have `{name}`, as its kind is `{kind}`")),
            (false, true) => walk.refuse(name, &format!("must not be set where the kind is `{kind}`")),
            _ => {}
        }
    }
}

/// Rules without any resource or address say nothing.
pub(super) fn flow_rules(walk: &mut Walk, map: &Map) {
    if !holds(map, "resourceRules") && !holds(map, "nonResourceRules") {
        walk.refuse_all("must have `resourceRules` or `nonResourceRules`");
    }
    walk.each(map, "resourceRules", |walk, rule| {
        if !holds(rule, "clusterScope") && !holds(rule, "namespaces") {
            walk.refuse_all("must have `namespaces`, or `clusterScope: true`");
        }
    });
}
