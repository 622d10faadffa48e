//! `missing-name`: an object without `metadata.name` and `metadata.generateName`.

use super::{Check, Rule};
use crate::finding::{Finding, Severity};
use crate::schema::Catalog;
use crate::validate::Subject;
use crate::validate::problem::{At, Problem};

pub(super) const RULE: Rule = Rule {
    id: "missing-name",
    severity: Severity::Error,
    about: "an object has neither a name nor a `generateName`",
    check: Check::Object(check),
};

/// Their objects are questions that are answered, not kept: they need no name.
const QUESTIONS: [&str; 2] = ["authentication.k8s.io", "authorization.k8s.io"];

fn check(subject: &Subject<'_>, _: &Catalog, findings: &mut Vec<Finding>) {
    let object = subject.object;
    let named = object.name().is_some() || object.generate_name().is_some();
    // What is of no known kind may be a tool's configuration that looks like an object.
    if named || subject.kind.is_none() || QUESTIONS.contains(&object.type_key().group.as_str()) {
        return;
    }
    // A name that is there and no string was reported by the schema.
    let said = object.value().path(&["metadata", "name"]);
    if said.is_some_and(|name| !name.is_null() && name.as_str().is_none()) {
        return;
    }
    let pointer = if said.is_some() { "/metadata/name" } else { "/metadata" };
    let message = format!("{} has no `metadata.name`", object.kind());
    let hint = "every object needs a name, or a `generateName` where it is created and not applied".to_owned();
    findings.push(Problem::new(RULE.id, At::Key, pointer, message).hint(Some(hint)).finding(object, RULE.severity));
}
