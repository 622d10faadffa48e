//! `duplicate-object`: two objects of one unit that are the same object in the cluster, where the last one applied wins.

use super::{Check, Rule};
use crate::finding::{Finding, Severity};
use crate::manifest::ObjectKey;
use crate::schema::Catalog;
use crate::validate::Subject;
use crate::validate::problem::{At, Problem, place};
use std::collections::HashMap;

pub(super) const RULE: Rule = Rule {
    id: "duplicate-object",
    severity: Severity::Error,
    about: "two objects of one unit have the same group, kind, namespace and name",
    check: Check::Set(check),
};

fn check(subjects: &[Subject<'_>], catalog: &Catalog, findings: &mut Vec<Finding>) {
    let mut seen: HashMap<ObjectKey, &Subject<'_>> = HashMap::with_capacity(subjects.len());
    let mut scopes: HashMap<(&str, &str), bool> = HashMap::new();
    for subject in subjects {
        let mut key = subject.object.key();
        if key.name.is_empty() {
            continue;
        }
        // The server clears the namespace of a cluster-scoped object.
        if key.namespace.is_some() {
            let kind = (subject.object.api_version(), subject.object.kind());
            let cluster = || catalog.is_namespaced(&key.group, &key.kind) == Some(false);
            if *scopes.entry(kind).or_insert_with(cluster) {
                key.namespace = None;
            }
        }
        let Some(first) = seen.get(&key) else {
            seen.insert(key, subject);
            continue;
        };
        let message = format!("{key} is defined twice in this unit");
        let problem = Problem::new(RULE.id, At::Value, "/metadata/name", message);
        let hint = "remove one of them, or give it another name or namespace".to_owned();
        let mut finding = problem.hint(Some(hint)).finding(subject.object, RULE.severity);
        if let Some(origin) = first.object.value().origin_at("/metadata/name") {
            finding = finding.related(place(first.object, origin), "first defined here");
        }
        findings.push(finding);
    }
}
