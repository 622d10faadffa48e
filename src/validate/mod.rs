//! Objects → findings: what the API server of a version would refuse, and what it would take and should not be.
//!
//! Owns the judgement of single objects and of the objects of one unit; a change between two is judged in `diff/risk`.
//! It reads nothing and asks no server. What it cannot judge it counts ([`Verdict::unchecked`]) and says.
//!
//! Decided by what kube-apiserver does with `fieldValidation=Strict` and with server-side apply, which is how objects are
//! delivered (DESIGN §4, Judging): `error` means that it refuses the object by itself.

mod asked;
mod cel;
mod defaults;
mod definition;
mod form;
mod format;
mod kinds;
mod message;
mod names;
mod problem;
mod relations;
pub mod rules;
mod stream;
mod structure;
mod tally;
mod whole;

pub use stream::{Part, Stream};
pub use whole::Absent;

use crate::finding::{Finding, Severity};
use crate::manifest::{Object, ObjectKey, TypeKey};
use crate::schema::{Catalog, KindSchema, Lookup};
use std::collections::HashMap;
use std::sync::Arc;
use tally::Tally;

/// How strict the judgement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Fields that the server does not know are errors; else they are passed over, as kubeconform does by default.
    pub strict: bool,
    /// What an object of an unknown group weighs.
    pub unknown: Unknown,
    /// The objects are all that a unit renders: what they refer to is looked for among them.
    pub whole: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { strict: true, unknown: Unknown::Warn, whole: true }
    }
}

/// What an object weighs that no schema is known for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unknown {
    /// A warning for each kind.
    Warn,
    /// An error for each kind.
    Fail,
    /// Only counted.
    Ignore,
}

/// What came out.
#[derive(Debug, Default)]
pub struct Verdict {
    /// In order of the objects; within one by place in the schema.
    pub findings: Vec<Finding>,
    /// How many objects were judged by a schema.
    pub checked: usize,
    /// The objects that were not, by kind.
    pub unchecked: Vec<Unchecked>,
    /// What the objects refer to and do not hold: a finding each, unless something else makes it.
    pub absent: Vec<Absent>,
    /// How many CEL rules were not evaluated on objects that have them.
    pub rules_not_evaluated: usize,
}

/// Objects of one kind that were not judged by a schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unchecked {
    /// Their type.
    pub type_key: TypeKey,
    /// How many.
    pub count: usize,
    /// Why, as a sentence.
    pub reason: String,
}

/// An object with what is known of its kind.
pub struct Subject<'a> {
    /// The object.
    pub object: &'a Object,
    /// Its kind's schema, when one is known.
    pub kind: Option<&'a Arc<KindSchema>>,
}

/// Judges the objects of one unit against `catalog`, which must know the definitions that are rendered with them
/// ([`Catalog::add_definitions`]).
///
/// The order of findings depends on the order of objects alone; objects are judged in parallel.
#[must_use]
pub fn validate(objects: &[Object], catalog: &Catalog, options: &Options) -> Verdict {
    validate_change(objects, &[], catalog, options)
}

/// The same, for objects that replace `before`: rules of a schema that compare with the former object (`oldSelf`) are
/// evaluated for those that were there.
#[must_use]
pub fn validate_change(objects: &[Object], before: &[Object], catalog: &Catalog, options: &Options) -> Verdict {
    let former: HashMap<ObjectKey, &Object> = before.iter().map(|object| (object.key(), object)).collect();
    let (mut tally, kinds) = Tally::of(objects, &former, catalog, options);
    let subjects: Vec<Subject<'_>> = objects.iter().zip(kinds).map(|(object, kind)| Subject { object, kind }).collect();
    let mut verdict = Verdict { findings: std::mem::take(&mut tally.findings), ..Verdict::default() };
    rules::judge_set(&subjects, catalog, &mut verdict.findings);
    if options.whole {
        rules::judge_whole(&subjects, &mut verdict);
    }
    tally.finish(&mut verdict, catalog, options);
    verdict
}

/// What is found in one object alone.
#[derive(Default)]
struct Judged {
    findings: Vec<Finding>,
    /// CEL rules that were not evaluated, with the reason.
    not_evaluated: Vec<(String, String)>,
}

fn judge(
    object: &Object,
    former: Option<&Object>,
    lookup: &Lookup<'_>,
    catalog: &Catalog,
    options: &Options,
    steps: u64,
) -> Judged {
    let mut judged = Judged { findings: kinds::judge(object, lookup, catalog), ..Judged::default() };
    let kind = if let Lookup::Known(kind) = lookup { Some(*kind) } else { None };
    if let Some(kind) = kind {
        let value = defaults::filled(kind.root(), object.value());
        let problems = structure::judge(object, &value, kind, options.strict);
        // The server asks its rules only of what has the right structure.
        if problems.is_empty() && kind.cel_rules > 0 {
            let former = former.filter(|former| former.api_version() == object.api_version());
            let former = former.map(|former| defaults::filled(kind.root(), former.value()));
            let ruled = cel::judge(kind.root(), &value, former.as_deref(), steps);
            judged.not_evaluated = ruled.not_evaluated;
            judged.findings.extend(ruled.problems.into_iter().map(|problem| problem.finding(object, Severity::Error)));
        }
        judged.findings.extend(problems.into_iter().map(|problem| problem.finding(object, Severity::Error)));
        if definition::is_definition(object) {
            let problems = definition::judge(object, kind.root(), catalog);
            judged.findings.extend(problems.into_iter().map(|problem| problem.finding(object, Severity::Error)));
        }
    }
    rules::judge_object(&Subject { object, kind }, catalog, &mut judged.findings);
    judged
}

impl Unknown {
    fn severity(self) -> Option<Severity> {
        match self {
            Self::Warn => Some(Severity::Warning),
            Self::Fail => Some(Severity::Error),
            Self::Ignore => None,
        }
    }
}
