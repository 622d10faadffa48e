//! `absent-role`: a binding to a role or account that nothing makes, which grants nothing.

use super::{Check, Rule};
use crate::finding::Severity;
use crate::manifest::{Object, Value};
use crate::validate::Verdict;
use crate::validate::whole::{Whole, list};

pub(super) const RULE: Rule = Rule {
    id: "absent-role",
    severity: Severity::Warning,
    about: "a binding names a Role, or something near a ClusterRole or ServiceAccount of the render, that nothing makes",
    check: Check::Whole(check),
};

/// The roles for people that every cluster has; those of its parts begin with `system:`.
const BUILT_IN: [&str; 4] = ["admin", "cluster-admin", "edit", "view"];

fn check(whole: &Whole<'_>, verdict: &mut Verdict) {
    let is_binding = |object: &&&Object| {
        object.api_version() == "rbac.authorization.k8s.io/v1" && object.kind().ends_with("RoleBinding")
    };
    for binding in whole.objects.iter().filter(is_binding) {
        let text = |pointer: &str| binding.value().at(pointer).and_then(Value::as_str);
        let rule = (RULE.id, RULE.severity);
        let name = text("/roleRef/name").unwrap_or_default();
        match text("/roleRef/kind") {
            Some("Role") if !name.is_empty() && whole.find("Role", name, binding.namespace()).is_none() => {
                verdict.absent.push(whole.absent(rule, binding, "/roleRef/name", "Role", name));
            }
            // Operators and clusters bring roles along: an unknown one is a slip only beside one that is nearly it.
            Some("ClusterRole")
                if !BUILT_IN.contains(&name)
                    && !name.starts_with("system:")
                    && whole.find("ClusterRole", name, None).is_none()
                    && whole.meant("ClusterRole", name).is_some() =>
            {
                verdict.absent.push(whole.absent(rule, binding, "/roleRef/name", "ClusterRole", name));
            }
            _ => {}
        }
        for (index, subject) in list(binding.value().get("subjects")).iter().enumerate() {
            let text = |field: &str| subject.get(field).and_then(Value::as_str);
            let (Some("ServiceAccount"), Some(name)) = (text("kind"), text("name")) else { continue };
            let namespace = text("namespace").or(binding.namespace());
            let slip = whole.find("ServiceAccount", name, namespace).is_none()
                && name != "default"
                && whole.meant("ServiceAccount", name).is_some();
            if slip {
                let pointer = format!("/subjects/{index}/name");
                verdict.absent.push(whole.absent(rule, binding, &pointer, "ServiceAccount", name));
            }
        }
    }
}
