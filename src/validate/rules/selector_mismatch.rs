//! `selector-mismatch`: a workload whose selector does not select its own pods.
//!
//! The server refuses it: "`selector` does not match template `labels`" (Kubernetes, pkg/apis/apps/validation).

use super::{Check, Rule};
use crate::finding::{Finding, Severity};
use crate::manifest::{Map, Value};
use crate::schema::Catalog;
use crate::validate::Subject;
use crate::validate::message::quote;
use crate::validate::problem::{At, Problem};

pub(super) const RULE: Rule = Rule {
    id: "selector-mismatch",
    severity: Severity::Error,
    about: "a workload's selector does not match the labels of its pod template",
    check: Check::Object(check),
};

fn check(subject: &Subject<'_>, _: &Catalog, findings: &mut Vec<Finding>) {
    let object = subject.object;
    let labels = object.value().path(&["spec", "template", "metadata", "labels"]).and_then(Value::as_map);
    let selector = object.value().path(&["spec", "selector"]).filter(|selector| !selector.is_null());
    let mut report = |pointer: &str, message: String| {
        let mut problem = Problem::new(RULE.id, At::Key, pointer, message);
        // The labels are what the message compares with; where none are, the template.
        let labels = ["/spec/template/metadata/labels", "/spec/template/metadata", "/spec/template"];
        problem.related = labels
            .into_iter()
            .find(|pointer| object.value().at(pointer).is_some())
            .map(|pointer| (pointer.to_owned(), "the labels of the pod template"));
        findings.push(problem.finding(object, RULE.severity));
    };
    match (object.api_version(), object.kind()) {
        ("apps/v1", "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet") => {
            let Some(selector) = selector else { return };
            let (wanted, expressions) = (selector.get("matchLabels"), selector.get("matchExpressions"));
            let wanted = wanted.and_then(Value::as_map);
            let expressions = expressions.and_then(Value::as_list).unwrap_or_default();
            if wanted.is_none_or(Map::is_empty) && expressions.is_empty() {
                report("/spec/selector", "`spec.selector` is empty, which the server refuses".to_owned());
                return;
            }
            missing(wanted, labels, "/spec/selector/matchLabels", &mut report);
            for (index, expression) in expressions.iter().enumerate() {
                if let Some(message) = unmatched(expression, labels) {
                    report(&format!("/spec/selector/matchExpressions/{index}"), message);
                }
            }
        }
        // Without a selector the server takes the labels of the template.
        ("v1", "ReplicationController") => {
            missing(selector.and_then(Value::as_map), labels, "/spec/selector", &mut report);
        }
        _ => {}
    }
}

fn missing(wanted: Option<&Map>, labels: Option<&Map>, pointer: &str, report: &mut impl FnMut(&str, String)) {
    for (key, value) in wanted.into_iter().flatten() {
        let Some(value) = value.as_str() else { continue };
        let has = labels.and_then(|labels| labels.get(key.as_str())).and_then(Value::as_str);
        if has != Some(value) {
            let what = has.map_or_else(|| "no such label".to_owned(), quote);
            let message = format!(
                "`spec.selector` wants the label `{}` to be {}, the pod template has {what}",
                key.as_str(),
                quote(value)
            );
            report(&format!("{pointer}/{}", crate::manifest::value::escape_token(key.as_str())), message);
        }
    }
}

/// Why an expression does not hold for the labels; `None` when it does or when the schema has refused it.
fn unmatched(expression: &Value, labels: Option<&Map>) -> Option<String> {
    let key = expression.get("key")?.as_str()?;
    let has = labels.and_then(|labels| labels.get(key)).and_then(Value::as_str);
    let values: Vec<&str> =
        expression.get("values").and_then(Value::as_list).into_iter().flatten().filter_map(Value::as_str).collect();
    let operator = expression.get("operator")?.as_str()?;
    let holds = match operator {
        "In" => has.is_some_and(|value| values.contains(&value)),
        "NotIn" => has.is_none_or(|value| !values.contains(&value)),
        "Exists" => has.is_some(),
        "DoesNotExist" => has.is_none(),
        _ => true,
    };
    let said = has.map_or_else(|| "no such label".to_owned(), quote);
    let wanted = values.iter().map(|value| quote(value)).collect::<Vec<_>>().join(", ");
    (!holds).then(|| {
        let wanted = if wanted.is_empty() { String::new() } else { format!(" {wanted}") };
        format!("`spec.selector` wants the label `{key}` {operator}{wanted}, the pod template has {said}")
    })
}
