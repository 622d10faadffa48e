//! `broad-access`: somebody gets the rights of a cluster administrator, or any right on anything of an API group.

use super::{Check, Edit, Found, Risk, group, text};
use crate::finding::Severity;
use crate::manifest::{Object, Value};

pub(super) const RISK: Risk = Risk {
    id: "broad-access",
    severity: Severity::Warning,
    about: "a binding to `cluster-admin`, or a role with wildcards, is new",
    check: Check::Edit(check),
};

/// Roles that may do as good as everything.
const MIGHTY: [&str; 2] = ["cluster-admin", "admin"];

fn check(edit: &Edit<'_>, found: &mut Found<'_>) {
    let Some(after) = edit.after.filter(|object| group(object) == "rbac.authorization.k8s.io") else { return };
    match after.kind() {
        "ClusterRoleBinding" | "RoleBinding" => {
            let role = text(after, &["roleRef", "name"]).unwrap_or_default();
            let everywhere = after.kind() == "ClusterRoleBinding";
            if !MIGHTY.contains(&role) || (role == "admin" && !everywhere) {
                return;
            }
            let known = |who: &Value| {
                let same_role = |object: &&Object| text(object, &["roleRef", "name"]) == Some(role);
                edit.former().filter(same_role).is_some_and(|former| subjects(former).contains(who))
            };
            for (at, who) in subjects(after).iter().enumerate().filter(|(_, who)| !known(who)) {
                let word = |key: &str| who.get(key).and_then(Value::as_str).unwrap_or_default();
                let name = match word("namespace") {
                    "" => word("name").to_owned(),
                    namespace => format!("{namespace}/{}", word("name")),
                };
                let reach = if everywhere { "in the whole cluster" } else { "in its namespace" };
                found.at(
                    after,
                    &format!("/subjects/{at}"),
                    format!("{} `{name}` becomes `{role}` {reach}", word("kind")),
                );
            }
        }
        "ClusterRole" | "Role" => {
            let rules = after.value().get("rules").and_then(Value::as_list).unwrap_or_default();
            let former = edit.former().and_then(|former| former.value().get("rules")).and_then(Value::as_list);
            for (at, rule) in rules.iter().enumerate().filter(|(_, rule)| is_wild(rule)) {
                if former.is_some_and(|former| former.contains(rule)) {
                    continue;
                }
                let resources = named(rule, "resources", "every resource");
                let verbs = named(rule, "verbs", "every verb");
                let groups = named(rule, "apiGroups", "every API group");
                found
                    .at(
                        after,
                        &format!("/rules/{at}"),
                        format!("`rules[{at}]` allows {verbs} on {resources} of {groups}"),
                    )
                    .hint = Some("name the resources and verbs that are needed".to_owned());
            }
        }
        _ => {}
    }
}

fn subjects(binding: &Object) -> &[Value] {
    binding.value().get("subjects").and_then(Value::as_list).unwrap_or_default()
}

fn has_star(rule: &Value, key: &str) -> bool {
    let items = rule.get(key).and_then(Value::as_list).unwrap_or_default();
    items.iter().any(|item| item.as_str() == Some("*"))
}

/// The items of a list as words; `all` where one of them is a wildcard.
fn named(rule: &Value, key: &str, all: &str) -> String {
    let items = rule.get(key).and_then(Value::as_list).unwrap_or_default();
    if has_star(rule, key) {
        return all.to_owned();
    }
    let word = |item: &str| if item.is_empty() { "the core group".to_owned() } else { format!("`{item}`") };
    items.iter().filter_map(Value::as_str).map(word).collect::<Vec<_>>().join(", ")
}

/// Any verb, or any resource with a verb that writes.
fn is_wild(rule: &Value) -> bool {
    const WRITES: [&str; 9] =
        ["create", "update", "patch", "delete", "deletecollection", "escalate", "bind", "impersonate", "*"];
    let verbs = rule.get("verbs").and_then(Value::as_list).unwrap_or_default();
    let writes = verbs.iter().filter_map(Value::as_str).any(|verb| WRITES.contains(&verb));
    has_star(rule, "verbs") || (has_star(rule, "resources") && writes)
}
