//! `cluster-scoped-namespace`: a namespace on an object of a kind that has none.
//!
//! kube-apiserver 1.36 takes it and clears the field, by create and by apply: a warning, for who reads the file expects
//! an object per namespace and gets one for the cluster.

use super::{Check, Rule};
use crate::finding::{Finding, Severity};
use crate::schema::Catalog;
use crate::validate::Subject;
use crate::validate::problem::{At, Problem};

pub(super) const RULE: Rule = Rule {
    id: "cluster-scoped-namespace",
    severity: Severity::Warning,
    about: "a namespace is set on a cluster-scoped object, which the server drops",
    check: Check::Object(check),
};

fn check(subject: &Subject<'_>, _: &Catalog, findings: &mut Vec<Finding>) {
    let object = subject.object;
    if subject.kind.is_some_and(|kind| !kind.namespaced) && object.namespace().is_some() {
        let message = format!("{} is cluster-scoped: the server drops `metadata.namespace`", object.kind());
        let problem = Problem::new(RULE.id, At::Key, "/metadata/namespace", message);
        findings.push(problem.hint(Some("remove the namespace".to_owned())).finding(object, RULE.severity));
    }
}
