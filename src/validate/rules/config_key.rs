//! `config-key`: a key of a ConfigMap or Secret that cannot be a file name.
//!
//! The server refuses it (apimachinery, `IsConfigMapKey`), and a key that stands in `data` and in the other map.

use super::{Check, Rule};
use crate::finding::{Finding, Severity};
use crate::manifest::{Map, Value, value::escape_token};
use crate::schema::Catalog;
use crate::validate::Subject;
use crate::validate::message::quote;
use crate::validate::problem::{At, Problem};

pub(super) const RULE: Rule = Rule {
    id: "config-key",
    severity: Severity::Error,
    about: "a key of a ConfigMap or Secret has a form that the server refuses",
    check: Check::Object(check),
};

fn check(subject: &Subject<'_>, _: &Catalog, findings: &mut Vec<Finding>) {
    let object = subject.object;
    let maps: &[&str] = match (object.api_version(), object.kind()) {
        ("v1", "ConfigMap") => &["data", "binaryData"],
        // What `stringData` holds goes over `data`; both are looked at together.
        ("v1", "Secret") => &["data", "stringData"],
        _ => return,
    };
    for map in maps {
        for key in object.value().get(map).and_then(Value::as_map).into_iter().flat_map(Map::keys) {
            let key = key.as_str();
            let pointer = format!("/{map}/{}", escape_token(key));
            if let Some(reason) = refuses(key) {
                let message = format!("key {} {reason}", quote(key));
                findings.push(Problem::new(RULE.id, At::Key, &pointer, message).finding(object, RULE.severity));
            } else if *map == "binaryData" && object.value().path(&["data", key]).is_some() {
                let message = format!("key {} stands in `data` as well", quote(key));
                let mut problem = Problem::new(RULE.id, At::Key, &pointer, message);
                problem.related = Some((format!("/data/{}", escape_token(key)), "its value there"));
                findings.push(problem.finding(object, RULE.severity));
            }
        }
    }
}

fn refuses(key: &str) -> Option<&'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    match key {
        "." => Some("must not be `.`"),
        _ if key.starts_with("..") => Some("must not start with `..`"),
        _ if key.len() > 253 => Some("must be at most 253 bytes long"),
        _ if key.is_empty() || !key.bytes().all(allowed) => Some("must hold only letters, digits, `-`, `_` and `.`"),
        _ => None,
    }
}
