//! `absent-backend`: an Ingress that routes to a Service or port that nothing makes.
//!
//! The server takes it; the ingress controller answers 503 or drops the Ingress.

use super::{Check, Rule};
use crate::finding::Severity;
use crate::manifest::{Object, Value};
use crate::validate::Verdict;
use crate::validate::problem::{At, Problem};
use crate::validate::whole::{Whole, list};

pub(super) const RULE: Rule = Rule {
    id: "absent-backend",
    severity: Severity::Warning,
    about: "an Ingress routes to a Service or port that nothing makes",
    check: Check::Whole(check),
};

fn check(whole: &Whole<'_>, verdict: &mut Verdict) {
    let is_ingress = |object: &&&Object| object.kind() == "Ingress" && object.api_version() == "networking.k8s.io/v1";
    for ingress in whole.objects.iter().filter(is_ingress) {
        backend(whole, ingress, "/spec/defaultBackend", verdict);
        for (rule, rules) in list(ingress.value().at("/spec/rules")).iter().enumerate() {
            for index in 0..list(rules.path(&["http", "paths"])).len() {
                backend(whole, ingress, &format!("/spec/rules/{rule}/http/paths/{index}/backend"), verdict);
            }
        }
    }
}

fn backend(whole: &Whole<'_>, ingress: &Object, pointer: &str, verdict: &mut Verdict) {
    let at = |field: &str| ingress.value().at(&format!("{pointer}/service/{field}"));
    let Some(name) = at("name").and_then(Value::as_str).filter(|name| !name.is_empty()) else { return };
    let (number, port) = (at("port/number").and_then(Value::as_i64), at("port/name").and_then(Value::as_str));
    // The load balancer controller of AWS reads actions from annotations under this port.
    if port == Some("use-annotation") {
        return;
    }
    let Some(service) = whole.find("Service", name, ingress.namespace()) else {
        let pointer = format!("{pointer}/service/name");
        verdict.absent.push(whole.absent((RULE.id, RULE.severity), ingress, &pointer, "Service", name));
        return;
    };
    let ports = list(service.value().at("/spec/ports"));
    let has = ports.iter().any(|it| {
        let same_number = number.is_some() && it.get("port").and_then(Value::as_i64) == number;
        let same_name = port.is_some() && it.get("name").and_then(Value::as_str) == port;
        same_number || same_name
    });
    // Without ports it is a name for something else, or of another group that opens its own.
    if has || ports.is_empty() || (number.is_none() && port.is_none()) || service.api_version() != "v1" {
        return;
    }
    let said = |port: &Value| {
        let number = port.get("port").and_then(Value::as_i64).map(|number| number.to_string());
        let name = port.get("name").and_then(Value::as_str).map(|name| format!("`{name}`"));
        name.into_iter().chain(number).collect::<Vec<_>>().join(" ")
    };
    let wanted = port.map_or_else(|| number.unwrap_or_default().to_string(), |name| format!("`{name}`"));
    let message = format!("the Service `{name}` has no port {wanted}");
    let hint = format!("it has {}", ports.iter().map(said).collect::<Vec<_>>().join(", "));
    let pointer = format!("{pointer}/service/port");
    let problem = Problem::new(RULE.id, At::Value, &pointer, message).hint(Some(hint));
    verdict.findings.push(problem.finding(ingress, RULE.severity));
}
