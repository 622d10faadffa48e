//! `metadata`: names, labels and annotations that the server refuses.
//!
//! Labels and annotations by apimachinery's `IsQualifiedName` and `IsValidLabelValue`. Names by kind, as kube-apiserver
//! 1.36.3 answered for each: most are DNS subdomains. Kinds with a form of their own (CustomResourceDefinition, APIService,
//! IPAddress, StorageVersion, CertificateSigningRequest) are left to the server.

use super::{Check, Rule};
use crate::finding::{Finding, Severity};
use crate::manifest::{Map, Object, Value, value::escape_token};
use crate::schema::Catalog;
use crate::validate::Subject;
use crate::validate::message::quote;
use crate::validate::problem::{At, Problem};

pub(super) const RULE: Rule = Rule {
    id: "metadata",
    severity: Severity::Error,
    about: "a name, label or annotation has a form that the server refuses",
    check: Check::Object(check),
};

/// All keys and values of the annotations together (apimachinery, `TotalAnnotationSizeLimitB`).
const MOST_ANNOTATION_BYTES: usize = 256 * 1024;

fn check(subject: &Subject<'_>, _: &Catalog, findings: &mut Vec<Finding>) {
    let object = subject.object;
    let mut report = |pointer: &str, at: At, message: String| {
        findings.push(Problem::new(RULE.id, at, pointer, message).finding(object, RULE.severity));
    };
    if let (Some(name), Some(form)) = (object.name(), name_form(object))
        && let Some(reason) = form.refuses(name)
    {
        report("/metadata/name", At::Value, format!("`metadata.name` {reason}, got {}", quote(name)));
    }
    labels(object, "/metadata/labels", &mut report);
    if is_workload(object) {
        labels(object, "/spec/template/metadata/labels", &mut report);
    }
    let Some(annotations) = object.value().at("/metadata/annotations").and_then(Value::as_map) else { return };
    let mut bytes = 0;
    for (key, value) in annotations {
        bytes += key.as_str().len() + value.as_str().map_or(0, str::len);
        // The server lowers the case of annotation keys before it looks at them.
        if let Some(reason) = qualified(&key.as_str().to_lowercase()) {
            let pointer = format!("/metadata/annotations/{}", escape_token(key.as_str()));
            report(&pointer, At::Key, format!("annotation key {} {reason}", quote(key.as_str())));
        }
    }
    if bytes > MOST_ANNOTATION_BYTES {
        let message = format!("annotations hold {bytes} bytes, the server takes {MOST_ANNOTATION_BYTES}");
        report("/metadata/annotations", At::Key, message);
    }
}

fn labels(object: &Object, pointer: &str, report: &mut impl FnMut(&str, At, String)) {
    let none = Map::new();
    let said = |text: &str| if object.is_secret() { String::new() } else { format!(" {}", quote(text)) };
    for (key, value) in object.value().at(pointer).and_then(Value::as_map).unwrap_or(&none) {
        let pointer = format!("{pointer}/{}", escape_token(key.as_str()));
        if let Some(reason) = qualified(key.as_str()) {
            report(&pointer, At::Key, format!("label key {} {reason}", quote(key.as_str())));
        }
        let Some(text) = value.as_str() else { continue };
        if text.len() > 63 {
            report(&pointer, At::Value, format!("label value{} is longer than 63 bytes", said(text)));
        } else if !text.is_empty() && !is_name_part(text) {
            report(&pointer, At::Value, format!("label value{} {NAME_PART}", said(text)));
        }
    }
}

/// The workloads whose pod template the server judges with them.
fn is_workload(object: &Object) -> bool {
    match object.api_version() {
        "apps/v1" => matches!(object.kind(), "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet"),
        "batch/v1" => object.kind() == "Job",
        "v1" => object.kind() == "ReplicationController",
        _ => false,
    }
}

/// What the server takes as a name.
#[derive(Clone, Copy)]
enum NameForm {
    /// A DNS subdomain of at most this many bytes.
    Subdomain(usize),
    /// A DNS label.
    Label,
    /// Anything that fits into a URL path.
    PathSegment,
}

fn name_form(object: &Object) -> Option<NameForm> {
    let key = object.type_key();
    match (key.group.as_str(), key.kind.as_str()) {
        ("apiextensions.k8s.io" | "apiregistration.k8s.io" | "internal.apiserver.k8s.io", _)
        | ("authentication.k8s.io" | "authorization.k8s.io" | "certificates.k8s.io", _)
        | ("networking.k8s.io", "IPAddress")
        | ("", "Binding" | "ComponentStatus")
        | ("coordination.k8s.io", "LeaseCandidate") => None,
        ("", "Namespace" | "Service") | ("apps", "StatefulSet") => Some(NameForm::Label),
        ("", "Event") | ("policy", "PodDisruptionBudget") | ("rbac.authorization.k8s.io", _) => {
            Some(NameForm::PathSegment)
        }
        // Eleven characters are left for the name of the Job.
        ("batch", "CronJob") => Some(NameForm::Subdomain(52)),
        _ => Some(NameForm::Subdomain(253)),
    }
}

impl NameForm {
    fn refuses(self, name: &str) -> Option<String> {
        match self {
            Self::PathSegment if name.contains(['/', '%']) || name == "." || name == ".." => {
                Some("must fit into a URL path: no `/`, no `%`".to_owned())
            }
            Self::PathSegment => None,
            Self::Label if name.len() > 63 => Some("must be at most 63 bytes long".to_owned()),
            Self::Label if !is_label(name) => Some(
                "must hold only lower-case letters, digits and `-`, and begin and end with a letter or digit"
                    .to_owned(),
            ),
            Self::Subdomain(most) if name.len() > most => Some(format!("must be at most {most} bytes long")),
            Self::Subdomain(_) if !is_subdomain(name) => Some(
                "must hold only lower-case letters, digits, `-` and `.`, and begin and end with a letter or digit"
                    .to_owned(),
            ),
            Self::Label | Self::Subdomain(_) => None,
        }
    }
}

const NAME_PART: &str = "must hold only letters, digits, `-`, `_` and `.`, and begin and end with a letter or digit";

/// Why `[prefix/]name` is refused (apimachinery, `IsQualifiedName`).
fn qualified(key: &str) -> Option<String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if name.contains('/') {
        return Some("must have at most one `/`".to_owned());
    }
    if let Some(prefix) = prefix
        && (prefix.is_empty() || prefix.len() > 253 || !is_subdomain(prefix))
    {
        return Some("must have a DNS subdomain before the `/`".to_owned());
    }
    if name.len() > 63 {
        return Some("must have a name of at most 63 bytes".to_owned());
    }
    (!is_name_part(name)).then(|| NAME_PART.to_owned())
}

fn is_name_part(text: &str) -> bool {
    let ends = |c: u8| c.is_ascii_alphanumeric();
    let inner = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    is_made_of(text, ends, inner)
}

fn is_label(text: &str) -> bool {
    let lower = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    is_made_of(text, lower, |c| lower(c) || c == b'-')
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_made_of(text: &str, ends: impl Fn(u8) -> bool, inner: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    ends(*first) && ends(*last) && bytes.iter().all(|byte| inner(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each was put to kube-apiserver 1.36.3.
    #[test]
    fn keys_and_names_are_what_the_server_takes() {
        assert!(qualified("a.b/x").is_none() && qualified("A").is_none());
        for key in ["a b", "", "a/b/c", "A_b.c/x", "/x", "a/"] {
            assert!(qualified(key).is_some(), "{key}");
        }
        for (name, taken) in
            [("Bad_Name", false), ("a.b", true), ("1a", true), ("a..b", false), ("a:b", false), ("-a", false)]
        {
            assert_eq!(NameForm::Subdomain(253).refuses(name).is_none(), taken, "{name}");
        }
        assert!(NameForm::Label.refuses("a.b").is_some());
        assert!(NameForm::PathSegment.refuses("a:b").is_none() && NameForm::PathSegment.refuses("a/b").is_some());
    }
}
