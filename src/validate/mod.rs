//! Objects → findings: what the API server of a version would refuse, and what it would take and should not be.
//!
//! Owns the judgement of single objects and of the objects of one unit; a change between two is judged in `diff/risk`.
//! It reads nothing and asks no server. What it cannot judge it counts ([`Verdict::unchecked`]) and says.
//!
//! Decided by what kube-apiserver does with `fieldValidation=Strict` and with server-side apply, which is how objects are
//! delivered (DESIGN §4, Judging): `error` means that it refuses the object by itself.

mod format;
mod kinds;
mod message;
mod problem;
pub mod rules;
mod structure;
mod whole;

pub use whole::Absent;

use crate::finding::{Finding, Severity};
use crate::manifest::{Object, TypeKey};
use crate::schema::{Catalog, KindSchema, Lookup};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

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
    let judged: Vec<(Vec<Finding>, Lookup<'_>)> = objects
        .par_iter()
        .map(|object| {
            let lookup = catalog.lookup(&object.type_key());
            let mut findings = kinds::judge(object, &lookup, catalog);
            if let Lookup::Known(kind) = &lookup {
                findings.extend(structure::judge(object, kind, options.strict));
            }
            let kind = if let Lookup::Known(kind) = &lookup { Some(*kind) } else { None };
            rules::judge_object(&Subject { object, kind }, catalog, &mut findings);
            (findings, lookup)
        })
        .collect();
    let mut verdict = Verdict::default();
    let (mut unknown, mut with_cel) = (BTreeMap::new(), BTreeMap::new());
    let mut subjects = Vec::with_capacity(objects.len());
    for (object, (findings, lookup)) in objects.iter().zip(judged) {
        verdict.findings.extend(findings);
        let mut kind = None;
        match lookup {
            Lookup::Known(known) => {
                verdict.checked += 1;
                kind = Some(known);
                if known.cel_rules > 0 {
                    with_cel.entry(&known.type_key).or_insert((object, known, 0)).2 += 1;
                }
            }
            Lookup::Unknown(_) => unknown.entry(object.type_key()).or_insert((object, 0, UNKNOWN)).1 += 1,
            // Refused above, with a finding for each.
            Lookup::OtherVersion(_) | Lookup::NoSuchKind(_) => {
                unknown.entry(object.type_key()).or_insert((object, 0, NOT_SERVED)).1 += 1;
            }
        }
        subjects.push(Subject { object, kind });
    }
    rules::judge_set(&subjects, catalog, &mut verdict.findings);
    if options.whole {
        rules::judge_whole(&subjects, &mut verdict);
    }
    for (type_key, (first, count, reason)) in unknown {
        if reason == UNKNOWN {
            verdict.findings.extend(kinds::unknown(first, count, catalog, options.unknown));
        }
        verdict.unchecked.push(Unchecked { type_key, count, reason: reason.to_owned() });
    }
    verdict
        .findings
        .extend(with_cel.values().map(|(first, kind, count)| kinds::cel_not_evaluated(first, kind, *count)));
    verdict
}

/// Why an object of an unknown group is not checked.
const UNKNOWN: &str = "no schema is known for its group";
/// Why an object is not checked whose kind the version does not have.
const NOT_SERVED: &str = "this Kubernetes version does not serve it";

impl Unknown {
    fn severity(self) -> Option<Severity> {
        match self {
            Self::Warn => Some(Severity::Warning),
            Self::Fail => Some(Severity::Error),
            Self::Ignore => None,
        }
    }
}
