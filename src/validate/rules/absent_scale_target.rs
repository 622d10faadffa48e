//! `absent-scale-target`: a HorizontalPodAutoscaler that scales a workload that nothing makes.

use super::{Check, Rule};
use crate::finding::Severity;
use crate::manifest::Value;
use crate::validate::Verdict;
use crate::validate::whole::Whole;

pub(super) const RULE: Rule = Rule {
    id: "absent-scale-target",
    severity: Severity::Warning,
    about: "a HorizontalPodAutoscaler scales a workload that nothing makes",
    check: Check::Whole(check),
};

fn check(whole: &Whole<'_>, verdict: &mut Verdict) {
    for scaler in whole.objects.iter().filter(|object| object.kind() == "HorizontalPodAutoscaler") {
        let text = |field: &str| scaler.value().path(&["spec", "scaleTargetRef", field]).and_then(Value::as_str);
        // Custom resources may be made by other custom resources.
        let kind = match text("kind") {
            Some("Deployment") => "Deployment",
            Some("StatefulSet") => "StatefulSet",
            Some("ReplicaSet") => "ReplicaSet",
            _ => continue,
        };
        let Some(name) = text("name") else { continue };
        if whole.find(kind, name, scaler.namespace()).is_none() {
            let rule = (RULE.id, RULE.severity);
            verdict.absent.push(whole.absent(rule, scaler, "/spec/scaleTargetRef/name", kind, name));
        }
    }
}
