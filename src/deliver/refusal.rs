//! From a server's refusal to findings: one for each cause, on the line of the field that the server names. Pure.
//!
//! Servers name fields in three ways: the causes of an `Invalid` status (`spec.containers[0].image`), the paths of
//! structured merges in the message of a 500 without causes (`.spec.containers[name="web"].image`, how servers up to
//! 1.36 answer wrong types, unknown fields and duplicate keys), and the quoted paths of strict decoding. Messages may
//! quote values and whole diffs: diffs are cut, values are redacted, and those of Secrets are left out.

use crate::cluster::Rejection;
use crate::diff::redact::Redactor;
use crate::finding::{Finding, Place};
use crate::manifest::value::escape_token;
use crate::manifest::{Data, Object, Value};

/// How much of a quoted value is shown.
const QUOTE: usize = 80;

/// A server's refusal as findings, each at the field that the server names.
pub(super) fn refused(object: &Object, rejection: &Rejection, redactor: &Redactor) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    for Complaint { field, why } in complaints(rejection, object.is_secret()) {
        let words = redactor.text(&why);
        let message = match field.as_str() {
            "" => format!("the server refuses it: {words}"),
            field => format!("the server refuses `{}`: {words}", redactor.text(field.trim_start_matches('.'))),
        };
        let mut finding = Finding::error("server-refused", message);
        if is_immutable(&why) {
            finding = finding.hint(
                "immutable: delete the object and let the next run make it anew; Mergeline does not recreate objects by itself",
            );
        }
        if let Some(pointer) = pointer(object, &field) {
            finding.place = place_at(object, &pointer);
            finding.pointer = Some(pointer);
        }
        if !findings.contains(&finding) {
            findings.push(finding);
        }
    }
    findings
}

/// The sentence of an operation that the server refused.
pub(super) fn sentence(object: &Object, rejection: &Rejection, redactor: &Redactor) -> String {
    let complaints = complaints(rejection, object.is_secret());
    let words = complaints.iter().map(|Complaint { field, why }| match field.as_str() {
        "" => why.clone(),
        field => format!("{}: {why}", field.trim_start_matches('.')),
    });
    redactor.text(&words.collect::<Vec<_>>().join("; ")).to_string()
}

/// Where a person can mend an object: its own first place. Secrets show no text.
pub(super) fn place(object: &Object) -> Option<Place> {
    let origin = object.value().origin.as_ref()?;
    Some(if object.is_secret() { origin.place_without_excerpt() } else { origin.place() })
}

fn place_at(object: &Object, pointer: &str) -> Option<Place> {
    // A misplaced field is mended at its key; within a list there is only the value.
    let origin = object.value().key_origin_at(pointer).or_else(|| object.value().origin_at(pointer))?;
    Some(if object.is_secret() { origin.place_without_excerpt() } else { origin.place() })
}

/// One field with what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Complaint {
    /// As the server writes it; empty when it names none.
    field: String,
    why: String,
}

fn complaints(rejection: &Rejection, secret: bool) -> Vec<Complaint> {
    let said = |field: &str, why: &str| Complaint { field: field.to_owned(), why: tidy(why, secret) };
    if !rejection.causes.is_empty() {
        return rejection.causes.iter().map(|cause| said(&cause.field, &cause.message)).collect();
    }
    if let Some((_, what)) = rejection.message.split_once("failed to create typed patch object (")
        && let Some((_, errors)) = what.split_once("): ")
    {
        let lines = errors.strip_prefix("errors:").unwrap_or(errors).lines().map(str::trim);
        return lines
            .filter(|line| !line.is_empty())
            .map(|line| match split_path(line) {
                Some((field, why)) => said(field, why),
                None => said("", line),
            })
            .collect();
    }
    if let Some((_, errors)) = rejection.message.split_once("strict decoding error: ") {
        let one = |error: &str| match error.split_once('"') {
            Some((what, field)) => said(field.trim_end_matches('"'), what.trim()),
            None => said("", error),
        };
        return errors.split("\", ").map(one).collect();
    }
    vec![said("", &rejection.message)]
}

/// `.spec.containers[name="a: b"].image: expected string` at the colon that ends the path.
fn split_path(line: &str) -> Option<(&str, &str)> {
    if !line.starts_with('.') {
        return None;
    }
    let mut quoted = false;
    let mut depth = 0_i32;
    for (at, character) in line.char_indices() {
        match character {
            '"' => quoted = !quoted,
            '[' if !quoted => depth += 1,
            ']' if !quoted => depth -= 1,
            ':' if !quoted && depth == 0 && line[at..].starts_with(": ") => {
                return Some((&line[..at], &line[at + 2..]));
            }
            _ => {}
        }
    }
    None
}

/// A message without the diff that some kinds append, and without what it quotes where that is long or secret.
fn tidy(message: &str, secret: bool) -> String {
    let first = message.lines().next().unwrap_or_default().trim();
    for quoting in ["Invalid value: ", "Unsupported value: ", "Duplicate value: ", "Too long: "] {
        let Some((before, rest)) = first.split_once(quoting) else { continue };
        // The reason comes after the last colon that is not part of the value.
        let (value, why) = match rest.strip_prefix('"') {
            Some(text) => match end_of_quote(text) {
                Some(end) => (&rest[..end + 2], rest[end + 2..].strip_prefix(": ").unwrap_or_default()),
                None => (rest, ""),
            },
            None => rest.rsplit_once(": ").unwrap_or((rest, "")),
        };
        if !secret && value.len() <= QUOTE {
            break;
        }
        let what = quoting.trim_end_matches(": ");
        return match why {
            "" => format!("{before}{what}"),
            why => format!("{before}{what}: {why}"),
        };
    }
    first.to_owned()
}

/// Where a Go-quoted text ends, from behind its first quote.
fn end_of_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, character)| match character {
        _ if escaped => {
            escaped = false;
            None
        }
        '\\' => {
            escaped = true;
            None
        }
        '"' => Some(at),
        _ => None,
    })
}

/// Says whether the server means that the live object cannot be changed this way at all. Each kind has its own words.
fn is_immutable(why: &str) -> bool {
    [
        "is immutable",
        "are immutable",
        "may not be changed",
        "may not change once set",
        "can not be changed once set",
        "cannot change roleRef",
        "spec for fields other than",
        "may not change fields other than",
        "updates to parameters are forbidden",
        "updates to provisioner are forbidden",
        "updates to reclaimPolicy are forbidden",
    ]
    .iter()
    .any(|words| why.contains(words))
}

/// The JSON pointer of a field as a server names it, as far as the object has it.
pub(super) fn pointer(object: &Object, field: &str) -> Option<String> {
    let (mut value, mut rest, mut pointer) = (object.value(), field, String::new());
    while !rest.is_empty() {
        let Some((step, next, after)) = step(value, rest) else { break };
        pointer = format!("{pointer}/{}", escape_token(&step));
        (value, rest) = (next, after);
    }
    (!pointer.is_empty()).then_some(pointer)
}

/// Takes one step of a field's path: the step, the value there, and the rest of the path.
fn step<'a, 'f>(value: &'a Value, path: &'f str) -> Option<(String, &'a Value, &'f str)> {
    if let Some(inner) = path.strip_prefix('[') {
        let end = end_of_bracket(inner)?;
        let (key, rest) = (&inner[..end], &inner[end + 1..]);
        let list = match &value.data {
            Data::Map(map) => return map.get(key).map(|next| (key.to_owned(), next, rest)),
            Data::List(list) => list,
            _ => return None,
        };
        let at = match key.parse::<usize>() {
            Ok(at) => at,
            Err(_) => list.iter().position(|item| is_item(item, key))?,
        };
        return list.get(at).map(|next| (at.to_string(), next, rest));
    }
    let path = path.strip_prefix('.').unwrap_or(path);
    let Data::Map(map) = &value.data else { return None };
    // Keys may hold dots: the longest that fits.
    let fits = |key: &str| {
        path.strip_prefix(key).filter(|rest| rest.is_empty() || rest.starts_with('.') || rest.starts_with('['))
    };
    let keys = map.iter().filter_map(|(key, next)| Some((key.as_str(), next, fits(key.as_str())?)));
    keys.max_by_key(|(key, ..)| key.len()).map(|(key, next, rest)| (key.to_owned(), next, rest))
}

fn end_of_bracket(inner: &str) -> Option<usize> {
    let mut quoted = false;
    inner.char_indices().find_map(|(at, character)| {
        quoted ^= character == '"';
        (character == ']' && !quoted).then_some(at)
    })
}

/// Says whether a list item is `name="web",port=80`, or, in a set, `="value"`.
fn is_item(item: &Value, keys: &str) -> bool {
    let is = |value: Option<&Value>, text: &str| {
        let text = text.trim_matches('"');
        value.is_some_and(|value| {
            value.as_str() == Some(text) || value.as_i64().is_some_and(|number| number.to_string() == text)
        })
    };
    keys.split(',').filter_map(|pair| pair.split_once('=')).all(|(key, text)| match key {
        "" => is(Some(item), text),
        // A key that the server filled in (`protocol="TCP"`) is not in the file.
        key => item.get(key).is_none() || is(item.get(key), text),
    }) && keys.contains('=')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cluster::Cause;
    use crate::manifest::yaml::{Budget, Dialect};
    use crate::manifest::{Source, objects};

    const WEB: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels:
    app.kubernetes.io/name: web
spec:
  replicas: three
  template:
    spec:
      containers:
        - name: web
          imge: web:1
          ports:
            - containerPort: 80
";

    fn object(text: &str) -> Object {
        objects(&Source::new("web.yaml", text), Dialect::Kubectl, &Budget::default()).0.remove(0)
    }

    fn rejection(message: &str, causes: &[(&str, &str)]) -> Rejection {
        let cause = |(field, message): &(&str, &str)| Cause {
            field: (*field).to_owned(),
            reason: "FieldValueInvalid".to_owned(),
            message: (*message).to_owned(),
        };
        let causes = causes.iter().map(cause).collect();
        Rejection { code: 422, reason: "Invalid".to_owned(), message: message.to_owned(), causes }
    }

    fn lines(text: &str, rejection: &Rejection) -> Vec<(Option<u32>, String)> {
        let findings = refused(&object(text), rejection, &Redactor::new());
        findings.into_iter().map(|finding| (finding.place.and_then(|place| place.line), finding.message)).collect()
    }

    #[test]
    fn a_typed_patch_that_fails_names_the_field_and_its_line() {
        let one = "failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): .spec.replicas: expected \
                   numeric (int or float), got string";
        let want = "the server refuses `spec.replicas`: expected numeric (int or float), got string";
        assert_eq!(lines(WEB, &rejection(one, &[])), [(Some(8), want.to_owned())]);
        let two = "failed to create typed patch object (shop/web; apps/v1, Kind=Deployment): errors:\n  \
                   .spec.template.spec.containers[name=\"web\"].imge: field not declared in schema\n  \
                   .spec.template.spec.containers[name=\"web\"].ports: duplicate entries for key \
                   [containerPort=80,protocol=\"TCP\"]";
        let found: Vec<Option<u32>> = lines(WEB, &rejection(two, &[])).into_iter().map(|(line, _)| line).collect();
        assert_eq!(found, [Some(13), Some(14)]);
    }

    #[test]
    fn strict_decoding_names_its_fields() {
        let message = "strict decoding error: unknown field \"spec.template.spec.containers[0].imge\", unknown field \
                       \"spec.replicas\"";
        let want = [
            (Some(13), "the server refuses `spec.template.spec.containers[0].imge`: unknown field".to_owned()),
            (Some(8), "the server refuses `spec.replicas`: unknown field".to_owned()),
        ];
        assert_eq!(lines(WEB, &rejection(message, &[])), want);
    }

    #[test]
    fn keys_with_dots_and_list_keys_are_found() {
        let web = object(WEB);
        let at = |field| pointer(&web, field);
        assert_eq!(at("metadata.labels.app.kubernetes.io/name").unwrap(), "/metadata/labels/app.kubernetes.io~1name");
        assert_eq!(at("metadata.labels[app.kubernetes.io/name]").unwrap(), "/metadata/labels/app.kubernetes.io~1name");
        let port = ".spec.template.spec.containers[name=\"web\"].ports[containerPort=80,protocol=\"TCP\"].hostPort";
        assert_eq!(at(port).unwrap(), "/spec/template/spec/containers/0/ports/0");
        assert_eq!(at("status"), None);
    }

    #[test]
    fn diffs_are_cut_and_each_cause_is_a_finding() {
        let diff = "Forbidden: spec is immutable after creation except resources.requests\n  core.PersistentVolume\
                    ClaimSpec{\n-  StorageClassName: &\"fast\",\n";
        let found = refused(&object(WEB), &rejection("long", &[("spec", diff)]), &Redactor::new());
        assert_eq!(
            found[0].message,
            "the server refuses `spec`: Forbidden: spec is immutable after creation except resources.requests"
        );
        assert!(found[0].hint.as_ref().unwrap().starts_with("immutable: delete"));
        assert_eq!(found[0].place.as_ref().unwrap().line, Some(7));
        let causes = [("spec.replicas", "Invalid value: -1: must be greater than or equal to 0"), ("spec", "Required")];
        assert_eq!(lines(WEB, &rejection("long", &causes)).len(), 2);
    }

    #[test]
    fn values_that_are_long_or_secret_are_left_out() {
        let long = format!("Invalid value: {{\"matchLabels\":{{\"a\":\"{}\"}}}}: field is immutable", "x".repeat(90));
        assert_eq!(tidy(&long, false), "Invalid value: field is immutable");
        assert_eq!(tidy("Invalid value: \"hun: ter2\": must be short", true), "Invalid value: must be short");
        assert_eq!(tidy("Invalid value: \"a\\\"b: c\": why", true), "Invalid value: why");
        assert_eq!(tidy("Invalid value: -1: must be positive", false), "Invalid value: -1: must be positive");
        let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ntype: hunter2\n";
        let refusal = rejection("m", &[("type", "Invalid value: \"hunter2\": field is immutable")]);
        let found = refused(&object(secret), &refusal, &Redactor::new()).remove(0);
        assert!(!format!("{found:?}").contains("hunter2"), "{found:?}");
    }
}
