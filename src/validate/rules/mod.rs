//! The rules that judge objects beyond their schema: one file a rule, named by its id.
//!
//! Adding one is a file here, a line in [`RULES`], and a folder of fixtures under `tests/cases/validate/`.

mod absent_backend;
mod absent_claim;
mod absent_config_map;
mod absent_role;
mod absent_scale_target;
mod absent_secret;
mod absent_service_account;
mod application_sources;
mod budget_selector;
mod cluster_scoped_namespace;
mod config_key;
mod duplicate_object;
mod metadata;
mod missing_name;
mod selector_mismatch;
mod service_selector;

pub(super) use duplicate_object::{Named, NamesSeen, named};

use super::whole::Whole;
use super::{Subject, Verdict};
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
    /// All objects of a unit, and what they ask of each other.
    Whole(fn(&Whole<'_>, &mut Verdict)),
    /// Nothing by itself: `structure` and `kinds` report it.
    Elsewhere,
}

/// Every rule, by id.
pub const RULES: [Rule; 26] = [
    absent_backend::RULE,
    absent_claim::RULE,
    absent_config_map::RULE,
    absent_role::RULE,
    absent_scale_target::RULE,
    absent_secret::RULE,
    absent_service_account::RULE,
    application_sources::RULE,
    budget_selector::RULE,
    elsewhere("cel", Severity::Error, "a CEL rule of the kind's definition does not hold"),
    cluster_scoped_namespace::RULE,
    config_key::RULE,
    elsewhere(
        "crd-schema",
        Severity::Error,
        "a CustomResourceDefinition has a schema or versions that the server refuses",
    ),
    elsewhere("deprecated-api", Severity::Warning, "an API that Kubernetes is going to remove"),
    elsewhere("duplicate-list-item", Severity::Error, "two items of a list have the key by which the server merges it"),
    duplicate_object::RULE,
    metadata::RULE,
    missing_name::RULE,
    elsewhere("not-evaluated", Severity::Warning, "a check that the server makes was not made here"),
    elsewhere("not-served", Severity::Error, "the server does not serve this version of the kind"),
    elsewhere("removed-api", Severity::Error, "an API that Kubernetes no longer serves"),
    elsewhere("schema", Severity::Error, "a value has a type, form or size that the server refuses, or is missing"),
    selector_mismatch::RULE,
    service_selector::RULE,
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

/// Runs the rules on what the objects of a unit ask of each other.
pub(super) fn judge_whole(subjects: &[Subject<'_>], verdict: &mut Verdict) {
    let whole = Whole::of(subjects);
    for rule in &RULES {
        if let Check::Whole(check) = rule.check {
            check(&whole, verdict);
        }
    }
}
