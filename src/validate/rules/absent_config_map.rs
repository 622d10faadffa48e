//! `absent-config-map`: pods that read a ConfigMap, or a key of one, that nothing makes.
//!
//! The server takes them and the kubelet starts no container (`CreateContainerConfigError`).

use super::{Check, Rule};
use crate::finding::Severity;
use crate::validate::Verdict;
use crate::validate::whole::{Whole, absent_keys};

pub(super) const RULE: Rule = Rule {
    id: "absent-config-map",
    severity: Severity::Warning,
    about: "a pod reads a ConfigMap, or a key of one, that nothing makes",
    check: Check::Whole(check),
};

/// What Kubernetes, OpenShift and Istio put into every namespace.
const EVERYWHERE: [&str; 3] = ["kube-root-ca.crt", "openshift-service-ca.crt", "istio-ca-root-cert"];

fn check(whole: &Whole<'_>, verdict: &mut Verdict) {
    for pods in &whole.pods {
        for named in pods.names() {
            if named.kind != "ConfigMap" || EVERYWHERE.contains(&named.name) {
                continue;
            }
            match whole.find("ConfigMap", named.name, pods.object.namespace()) {
                Some(made) => {
                    let maps = ["data", "binaryData"];
                    absent_keys((RULE.id, RULE.severity), pods, &named, made, &maps, &mut verdict.findings);
                }
                None => {
                    let rule = (RULE.id, RULE.severity);
                    verdict.absent.push(whole.absent(rule, pods.object, &named.pointer, named.kind, named.name));
                }
            }
        }
    }
}
