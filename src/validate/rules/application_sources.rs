//! `application-sources`: an Argo CD Application whose source cannot be one.
//!
//! The schema of the definition takes each field by itself; Argo CD then reports `InvalidSpecError` or "multiple
//! application sources defined" and syncs nothing.

use super::{Check, Rule};
use crate::finding::{Finding, Severity};
use crate::manifest::{Object, Value};
use crate::schema::Catalog;
use crate::validate::Subject;
use crate::validate::message::{names, path};
use crate::validate::problem::{At, Problem};

pub(super) const RULE: Rule = Rule {
    id: "application-sources",
    severity: Severity::Warning,
    about: "an Argo CD Application has no source, or one of two kinds",
    check: Check::Object(check),
};

/// Each makes another tool render the source.
const TOOLS: [&str; 4] = ["helm", "kustomize", "directory", "plugin"];

fn check(subject: &Subject<'_>, _: &Catalog, findings: &mut Vec<Finding>) {
    let object = subject.object;
    let pointer = match (object.type_key().group.as_str(), object.kind()) {
        ("argoproj.io", "Application") => "/spec",
        ("argoproj.io", "ApplicationSet") => "/spec/template/spec",
        _ => return,
    };
    let Some(spec) = object.value().at(pointer) else { return };
    let mut report = |pointer: &str, message: String, hint: &str| {
        let problem = Problem::new(RULE.id, At::Key, pointer, message).hint(Some(hint.to_owned()));
        findings.push(problem.finding(object, RULE.severity));
    };
    let given = |field: &str| spec.get(field).filter(|value| !value.is_null());
    let sources = given("sources").and_then(Value::as_list).unwrap_or_default();
    match given("source") {
        // `sourceHydrator` is a source of its own, and a template may be completed by its generators.
        None if sources.is_empty() && given("sourceHydrator").is_none() && object.kind() == "Application" => {
            let message = format!("`{}` has neither `source` nor `sources`", path(pointer));
            report(pointer, message, "say which repository the application comes from");
        }
        Some(_) if !sources.is_empty() => {
            let message = "`source` and `sources` are both set: Argo CD reads `sources` alone".to_owned();
            report(&format!("{pointer}/source"), message, "move it into `sources`, or remove one of the two");
        }
        Some(source) => one(object, source, &format!("{pointer}/source"), &mut report),
        None => {}
    }
    for (index, source) in sources.iter().enumerate() {
        one(object, source, &format!("{pointer}/sources/{index}"), &mut report);
    }
}

fn one(object: &Object, source: &Value, pointer: &str, report: &mut impl FnMut(&str, String, &str)) {
    let filled = |field: &str| {
        source.get(field).is_some_and(|value| match (value.as_map(), value.as_str()) {
            (Some(map), _) => !map.is_empty(),
            (_, Some(text)) => !text.is_empty(),
            _ => false,
        })
    };
    let tools: Vec<&str> = TOOLS.into_iter().filter(|tool| filled(tool)).collect();
    if let [_, second, ..] = tools.as_slice() {
        let message = format!("one source has {}: Argo CD renders it with one tool", names(tools.iter().copied()));
        report(&format!("{pointer}/{second}"), message, "leave the one that the path is made for");
    }
    if filled("chart") && filled("path") {
        let message =
            "`chart` and `path` are both set: a source is a chart of a Helm repository, or a path of a Git one";
        report(&format!("{pointer}/path"), message.to_owned(), "remove one of the two");
    }
    // In a template a generator may fill what is not there.
    let empty = !(filled("chart") || filled("path") || filled("ref")) && object.kind() == "Application";
    if empty && filled("repoURL") {
        let message = format!("`{}` has neither `path` nor `chart`", path(pointer));
        report(pointer, message, "add `path: .` for the root of the repository");
    }
}
