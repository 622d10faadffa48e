//! From a file to its objects: lists are taken apart, and what is no object is said.
//!
//! Decided by kubectl's resource builder: a `List` stands for its items, and the items of a typed list (`ConfigMapList`)
//! take apiVersion and kind from it where they have none.

use super::object::{NotAnObject, Object};
use super::source::Source;
use super::value::{Data, Value};
use super::yaml::{Budget, Dialect, read};
use crate::finding::Finding;
use std::sync::Arc;

/// The objects of a file in order, with everything that is wrong with it. `List` items keep their own places.
///
/// A document or item that is no object is a `not-an-object` error; all rules of [`read`] apply.
#[must_use]
pub fn objects(source: &Arc<Source>, dialect: Dialect, budget: &Budget) -> (Vec<Object>, Vec<Finding>) {
    let reading = read(source, dialect, budget);
    let mut findings = reading.findings;
    let mut objects = Vec::new();
    for document in reading.documents {
        expand(document, &mut objects, &mut findings, budget);
    }
    (objects, findings)
}

/// Takes one document apart: the object that it is, the items of a list, or a finding.
pub(crate) fn expand(mut value: Value, objects: &mut Vec<Object>, findings: &mut Vec<Finding>, budget: &Budget) {
    let Some(items) = take_items(&mut value) else {
        return match Object::new_or_back(value) {
            Ok(object) => objects.push(object),
            Err((value, why)) => {
                if findings.len() <= budget.findings {
                    findings.push(not_an_object(&value, &why));
                }
            }
        };
    };
    let typed = value.get("kind").and_then(Value::as_str).and_then(|kind| kind.strip_suffix("List"));
    let typed = typed.filter(|kind| !kind.is_empty()).map(|kind| (kind.to_owned(), value.get("apiVersion").cloned()));
    for mut item in items {
        if let (Some((kind, api_version)), Data::Map(map)) = (&typed, &mut item.data) {
            // A typed list of the API server leaves them out of its items.
            if map.get("kind").is_none() && map.get("apiVersion").is_none() {
                map.insert("kind".into(), kind.as_str().into());
                map.insert("apiVersion".into(), api_version.clone().unwrap_or_else(Value::null));
            }
        }
        expand(item, objects, findings, budget);
    }
}

/// The items of a list; `None` for everything else.
fn take_items(value: &mut Value) -> Option<Vec<Value>> {
    let kind = value.get("kind").and_then(Value::as_str)?;
    if !kind.ends_with("List") || value.get("apiVersion").and_then(Value::as_str).is_none() {
        return None;
    }
    let plain = kind == "List";
    match &mut value.get_mut("items").map(|items| &mut items.data) {
        Some(Data::List(items)) => Some(std::mem::take(items)),
        Some(Data::Null) | None if plain => Some(Vec::new()),
        _ => None,
    }
}

fn not_an_object(value: &Value, why: &NotAnObject) -> Finding {
    let finding = Finding::error("not-an-object", format!("this is no Kubernetes object: {why}"));
    // Never quoted: what has no kind may well be a Secret.
    finding
        .at(value.origin.as_ref().map(super::source::Origin::place_without_excerpt))
        .hint("every document needs `apiVersion` and `kind`; keep other YAML out of the folders that hold manifests")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> (Vec<String>, Vec<String>) {
        let (objects, findings) = objects(&Source::new("a.yaml", text), Dialect::Kubectl, &Budget::default());
        let line = |object: &Object| object.value().origin.as_ref().and_then(|origin| origin.place().line);
        let objects = objects.iter().map(|object| format!("{}:{:?}", object.reference(), line(object)));
        let findings = findings.iter().map(|finding| {
            format!("{} {}", finding.rule, finding.place.as_ref().map(ToString::to_string).unwrap_or_default())
        });
        (objects.collect(), findings.collect())
    }

    #[test]
    fn lists_are_taken_apart_with_their_places() {
        let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  metadata: {name: a}\n\
            - apiVersion: v1\n  kind: List\n  items:\n  - {apiVersion: v1, kind: Pod, metadata: {generateName: b-}}\n";
        assert_eq!(told(text).0, ["Pod a:Some(4)", "Pod b-*:Some(10)"]);
        let typed = "apiVersion: apps/v1\nkind: DeploymentList\nitems:\n- metadata: {name: a}\n";
        let (found, findings) = told(typed);
        assert_eq!((found, findings), (vec!["Deployment a:Some(4)".into()], vec![]));
        assert_eq!(told("{apiVersion: v1, kind: List}"), (vec![], vec![]));
        assert_eq!(told("{apiVersion: x/v1, kind: AllowList, metadata: {name: a}}").0.len(), 1);
    }

    #[test]
    fn what_is_no_object_is_said_and_nothing_is_not() {
        let text =
            "a: 1\n---\n# only a comment\n---\nnull\n---\n- x\n---\n{apiVersion: v1, kind: List, items: [null]}\n";
        let expected = ["not-an-object a.yaml:1:1", "not-an-object a.yaml:7:1", "not-an-object a.yaml:9:38"];
        let (found, findings) = told(text);
        assert_eq!((found, findings), (vec![], expected.map(String::from).to_vec()));
    }
}
