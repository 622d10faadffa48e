//! `definition-tightened`: a CustomResourceDefinition no longer takes what it took.
//!
//! Stored objects stay as they are until somebody writes them; then the server refuses them (Kubernetes documentation,
//! "Versions in CustomResourceDefinitions"). A version that is stored and goes away makes the update itself refused
//! ("must have at least one version that is in status.storedVersions").

use super::{Check, Edit, Found, Risk};
use crate::finding::Severity;
use crate::manifest::value::escape_token;
use crate::manifest::{Object, Value};

pub(super) const RISK: Risk = Risk {
    id: "definition-tightened",
    severity: Severity::Warning,
    about: "a CustomResourceDefinition drops a version or refuses what it took",
    check: Check::Edit(check),
};

/// Schemas are deeper than this only when made to be.
const DEEPEST: usize = 64;
/// More than this are counted: the definition was rewritten.
const MOST: usize = 12;

fn check(edit: &Edit<'_>, found: &mut Found<'_>) {
    let Some((before, after)) = edit.kept().filter(|(_, after)| after.kind() == "CustomResourceDefinition") else {
        return;
    };
    for key in ["scope", "group"] {
        let value = |object: &Object| object.value().path(&["spec", key]).cloned();
        if value(before).is_some() && value(before) != value(after) {
            found.at(after, &format!("/spec/{key}"), format!("`spec.{key}` of a definition cannot be changed"));
        }
    }
    for version in versions(before) {
        let name = name(version);
        let Some((at, kept)) = versions(after).iter().enumerate().find(|(_, it)| self::name(it) == name) else {
            found.at(after, "/spec/versions", format!("version `{name}` goes away")).hint =
                Some("objects stored in it must be migrated before it is dropped".to_owned());
            continue;
        };
        let pointer = format!("/spec/versions/{at}");
        let flag = |of: &Value, key: &str| of.get(key).and_then(Value::as_bool).unwrap_or(false);
        if flag(version, "served") && !flag(kept, "served") {
            found.at(after, &format!("{pointer}/served"), format!("version `{name}` is no longer served"));
        }
        if flag(version, "storage") && !flag(kept, "storage") {
            found.at(after, &format!("{pointer}/storage"), format!("version `{name}` is no longer the one stored"));
        }
        let (Some(old), Some(new)) =
            (version.path(&["schema", "openAPIV3Schema"]), kept.path(&["schema", "openAPIV3Schema"]))
        else {
            continue;
        };
        let mut tighter = Vec::new();
        compare(old, new, &format!("{pointer}/schema/openAPIV3Schema"), "", 0, &mut tighter);
        let rest = tighter.len().saturating_sub(MOST);
        for (pointer, message) in tighter.into_iter().take(MOST) {
            found.at(after, &pointer, format!("{name}: {message}"));
        }
        if rest > 0 {
            found.at(after, &pointer, format!("{name}: {rest} more fields are tightened"));
        }
    }
}

fn versions(definition: &Object) -> &[Value] {
    definition.value().path(&["spec", "versions"]).and_then(Value::as_list).unwrap_or_default()
}

fn name(version: &Value) -> &str {
    version.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// Collects what `new` refuses that `old` took, with pointers into the definition.
fn compare(old: &Value, new: &Value, pointer: &str, path: &str, depth: usize, tighter: &mut Vec<(String, String)>) {
    if depth > DEEPEST {
        return;
    }
    let here = if path.is_empty() { "the object".to_owned() } else { format!("`{}`", path.trim_start_matches('.')) };
    let mut say = |key: &str, message: String| tighter.push((format!("{pointer}/{key}"), message));
    let word = |of: &Value, key: &str| of.get(key).and_then(Value::as_str).map(str::to_owned);
    if let (Some(was), Some(is)) = (word(old, "type"), word(new, "type"))
        && was != is
        && !(was == "integer" && is == "number")
    {
        say("type", format!("{here} becomes {is}, was {was}"));
    }
    let strings = |of: &Value, key: &str| -> Vec<String> {
        let items = of.get(key).and_then(Value::as_list).unwrap_or_default();
        items
            .iter()
            .map(|item| item.as_str().map_or_else(|| crate::diff::text::flow(&item.data), str::to_owned))
            .collect()
    };
    let (had, has) = (strings(old, "required"), strings(new, "required"));
    for field in has.iter().filter(|field| !had.contains(field)) {
        let defaulted = new.path(&["properties", field.as_str(), "default"]).is_some();
        if !defaulted {
            say("required", format!("`{}` becomes required", format!("{path}.{field}").trim_start_matches('.')));
        }
    }
    let (had, has) = (strings(old, "enum"), strings(new, "enum"));
    if !has.is_empty() {
        let gone: Vec<&String> = had.iter().filter(|value| !has.contains(value)).collect();
        if had.is_empty() {
            say("enum", format!("{here} takes listed values only"));
        } else if !gone.is_empty() {
            let gone: Vec<String> = gone.into_iter().map(|value| format!("`{value}`")).collect();
            say("enum", format!("{here} no longer takes {}", gone.join(", ")));
        }
    }
    let number = |of: &Value, key: &str| match of.get(key).map(|value| &value.data) {
        Some(crate::manifest::Data::Number(number)) => Some(number.as_f64()),
        _ => None,
    };
    for (key, lower) in [
        ("minimum", true),
        ("minLength", true),
        ("minItems", true),
        ("minProperties", true),
        ("maximum", false),
        ("maxLength", false),
        ("maxItems", false),
        ("maxProperties", false),
    ] {
        let Some(is) = number(new, key) else { continue };
        let tighter = match number(old, key) {
            None => true,
            Some(was) => {
                if lower {
                    is > was
                } else {
                    is < was
                }
            }
        };
        if tighter {
            say(key, format!("`{key}` of {here} becomes {is}"));
        }
    }
    for key in ["pattern", "format"] {
        if let Some(is) = word(new, key)
            && word(old, key).as_deref() != Some(&is)
        {
            say(key, format!("{here} gets a new {key}"));
        }
    }
    let rules = |of: &Value| of.get("x-kubernetes-validations").and_then(Value::as_list).unwrap_or_default().to_vec();
    let known: Vec<Option<String>> = rules(old).iter().map(|rule| word(rule, "rule")).collect();
    for rule in rules(new).iter().filter(|rule| !known.contains(&word(rule, "rule"))) {
        let message = word(rule, "message").or_else(|| word(rule, "rule")).unwrap_or_default();
        say("x-kubernetes-validations", format!("{here} gets a new rule: {message}"));
    }
    let fields = |of: &Value| of.get("properties").and_then(Value::as_map).cloned();
    let open = new.get("x-kubernetes-preserve-unknown-fields").and_then(Value::as_bool) == Some(true);
    if let Some(was) = fields(old) {
        let is = fields(new).unwrap_or_default();
        for (key, child) in &was {
            let path = format!("{path}.{}", key.as_str());
            match is.get(key.as_str()) {
                Some(now) => {
                    let pointer = format!("{pointer}/properties/{}", escape_token(key.as_str()));
                    compare(child, now, &pointer, &path, depth + 1, tighter);
                }
                None if !open => tighter.push((
                    format!("{pointer}/properties"),
                    format!("`{}` goes away: its values are dropped", path.trim_start_matches('.')),
                )),
                None => {}
            }
        }
    }
    for (key, sign) in [("items", "[]"), ("additionalProperties", "{}")] {
        if let (Some(was), Some(is)) = (old.get(key), new.get(key))
            && was.as_map().is_some()
            && is.as_map().is_some()
        {
            compare(was, is, &format!("{pointer}/{key}"), &format!("{path}{sign}"), depth + 1, tighter);
        }
    }
}
