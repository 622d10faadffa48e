//! `absent-claim`: pods that mount a PersistentVolumeClaim that nothing makes, and stay pending.

use super::{Check, Rule};
use crate::finding::Severity;
use crate::manifest::Value;
use crate::validate::Verdict;
use crate::validate::whole::{Whole, list};

pub(super) const RULE: Rule = Rule {
    id: "absent-claim",
    severity: Severity::Warning,
    about: "a pod mounts a PersistentVolumeClaim that nothing makes",
    check: Check::Whole(check),
};

fn check(whole: &Whole<'_>, verdict: &mut Verdict) {
    for pods in &whole.pods {
        for named in pods.names().into_iter().filter(|named| named.kind == "PersistentVolumeClaim") {
            let made = whole.find(named.kind, named.name, pods.object.namespace()).is_some();
            if !made && !of_stateful_set(whole, named.name) {
                let rule = (RULE.id, RULE.severity);
                verdict.absent.push(whole.absent(rule, pods.object, &named.pointer, named.kind, named.name));
            }
        }
    }
}

/// Says whether a StatefulSet makes the claim: `TEMPLATE-NAME-NUMBER`.
fn of_stateful_set(whole: &Whole<'_>, claim: &str) -> bool {
    let Some((stem, number)) = claim.rsplit_once('-') else { return false };
    let sets = whole.objects.iter().filter(|object| object.kind() == "StatefulSet");
    number.bytes().all(|byte| byte.is_ascii_digit())
        && sets.into_iter().any(|set| {
            let templates = list(set.value().at("/spec/volumeClaimTemplates")).iter();
            let mut names =
                templates.filter_map(|template| template.path(&["metadata", "name"]).and_then(Value::as_str));
            names.any(|name| Some(stem) == set.name().map(|set| format!("{name}-{set}")).as_deref())
        })
}
