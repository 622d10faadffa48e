//! `network-policy`: what kept traffic out goes away, or lets everything in.

use super::workload::{pod_labels, selects};
use super::{Check, Found, Risk, Scene, group};
use crate::finding::Severity;
use crate::manifest::{Object, Value};

pub(super) const RISK: Risk = Risk {
    id: "network-policy",
    severity: Severity::Warning,
    about: "a NetworkPolicy goes away or comes to let everything through",
    check: Check::Unit(check),
};

fn check(scene: &Scene<'_>, found: &mut Found<'_>) {
    for edit in &scene.edits {
        let policy = |object: Option<&'_ Object>| {
            object.is_some_and(|it| group(it) == "networking.k8s.io" && it.kind() == "NetworkPolicy")
        };
        match (edit.before, edit.after) {
            (Some(before), None) if policy(edit.before) => {
                let selector = before.value().path(&["spec", "podSelector", "matchLabels"]);
                let all = selector.and_then(Value::as_map).is_none_or(crate::manifest::Map::is_empty);
                let left = scene.after.iter().find(|object| {
                    object.namespace() == before.namespace()
                        && pod_labels(object).is_some_and(|labels| {
                            all || selector.is_some_and(|selector| selects(selector, Some(labels)))
                        })
                });
                if let Some(workload) = left {
                    let message = format!(
                        "the NetworkPolicy `{}` goes away: it guarded `{}`",
                        before.name().unwrap_or_default(),
                        workload.reference()
                    );
                    found.gone(before, message);
                }
            }
            (before, Some(after)) if policy(edit.after) => {
                for (key, peers, word) in [("ingress", "from", "from anywhere"), ("egress", "to", "to anywhere")] {
                    let former = before.filter(|_| !edit.replaced);
                    if let (Some(former), Some(at)) = (former, open(after, key, peers))
                        && open(former, key, peers).is_none()
                    {
                        let message = format!("the NetworkPolicy comes to let traffic through {word}");
                        found.at(after, &format!("/spec/{key}/{at}"), message);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The rule that names neither a peer nor a port: it lets everything through.
fn open(policy: &Object, key: &str, peers: &str) -> Option<usize> {
    let rules = policy.value().path(&["spec", key]).and_then(Value::as_list)?;
    let none = |rule: &Value, key: &str| rule.get(key).and_then(Value::as_list).is_none_or(<[Value]>::is_empty);
    rules.iter().position(|rule| none(rule, peers) && none(rule, "ports"))
}
