//! `absent-service-account`: pods that run as a ServiceAccount that nothing makes.
//!
//! The server takes the workload and refuses its pods: "error looking up service account".

use super::{Check, Rule};
use crate::finding::Severity;
use crate::validate::Verdict;
use crate::validate::whole::Whole;

pub(super) const RULE: Rule = Rule {
    id: "absent-service-account",
    severity: Severity::Warning,
    about: "a pod runs as a ServiceAccount that nothing makes",
    check: Check::Whole(check),
};

fn check(whole: &Whole<'_>, verdict: &mut Verdict) {
    for pods in &whole.pods {
        for named in pods.names().into_iter().filter(|named| named.kind == "ServiceAccount") {
            // Every namespace has one of this name.
            if named.name != "default" && whole.find(named.kind, named.name, pods.object.namespace()).is_none() {
                let rule = (RULE.id, RULE.severity);
                verdict.absent.push(whole.absent(rule, pods.object, &named.pointer, named.kind, named.name));
            }
        }
    }
}
