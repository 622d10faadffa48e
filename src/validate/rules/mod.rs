//! The rules that judge objects beyond their schema: one file a rule, named by its id.
//!
//! Adding one is a file here, a line in [`RULES`], and a folder of fixtures under `tests/cases/validate/`.

mod cluster_scoped_namespace;
mod config_key;
mod duplicate_object;
mod metadata;
mod missing_name;
mod selector_mismatch;

use super::Subject;
use crate::finding::{Finding, Severity};
use crate::schema::Catalog;

/// A rule.
pub struct Rule {
    /// Kebab-case; the name of its file, of its fixtures and of its anchor in the docs.
    pub id: &'static str,
    /// What a finding of it weighs by default: an error where the API server refuses the object by itself.
    pub severity: Severity,
    /// What it finds, as a sentence for the list of rules.
    pub about: &'static str,
    check: Check,
}

/// What a rule looks at.
#[derive(Clone, Copy)]
enum Check {
    /// One object alone.
    Object(fn(&Subject<'_>, &Catalog, &mut Vec<Finding>)),
    /// All objects of a unit.
    Set(fn(&[Subject<'_>], &Catalog, &mut Vec<Finding>)),
    /// Nothing by itself: `structure` and `kinds` report it.
    Elsewhere,
}

/// Every rule, by id.
pub const RULES: [Rule; 14] = [
    elsewhere("cel", Severity::Error, "a CEL rule of the kind's definition does not hold"),
    cluster_scoped_namespace::RULE,
    config_key::RULE,
    elsewhere(
        "crd-schema",
        Severity::Error,
        "a CustomResourceDefinition has a schema or versions that the server refuses",
    ),
    elsewhere("duplicate-list-item", Severity::Error, "two items of a list have the key by which the server merges it"),
    duplicate_object::RULE,
    metadata::RULE,
    missing_name::RULE,
    elsewhere("not-evaluated", Severity::Warning, "a check that the server makes was not made here"),
    elsewhere("not-served", Severity::Error, "the server does not serve this version of the kind"),
    elsewhere("schema", Severity::Error, "a value has a type, form or size that the server refuses, or is missing"),
    selector_mismatch::RULE,
    elsewhere("unknown-field", Severity::Error, "a field that the server does not know"),
    elsewhere("unknown-kind", Severity::Error, "a kind that the server does not have, or that no schema is known for"),
];

/// A rule that falls out of looking up the kind and walking its schema.
const fn elsewhere(id: &'static str, severity: Severity, about: &'static str) -> Rule {
    Rule { id, severity, about, check: Check::Elsewhere }
}

/// Runs the rules that look at one object.
pub(super) fn judge_object(subject: &Subject<'_>, catalog: &Catalog, findings: &mut Vec<Finding>) {
    for rule in &RULES {
        if let Check::Object(check) = rule.check {
            check(subject, catalog, findings);
        }
    }
}

/// Runs the rules that look at all objects of a unit.
pub(super) fn judge_set(subjects: &[Subject<'_>], catalog: &Catalog, findings: &mut Vec<Finding>) {
    for rule in &RULES {
        if let Check::Set(check) = rule.check {
            check(subjects, catalog, findings);
        }
    }
}
