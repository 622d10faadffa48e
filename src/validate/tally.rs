//! What is found in single objects, and what is said once for all objects of a kind.

use super::{Judged, Options, Unchecked, Verdict, cel, judge, kinds};
use crate::finding::Finding;
use crate::manifest::{Object, ObjectKey, TypeKey};
use crate::schema::{Catalog, KindSchema, Lookup};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Why an object of an unknown group is not checked.
const UNKNOWN: &str = "no schema is known for its group";
/// Why an object is not checked whose kind the version does not have.
const NOT_SERVED: &str = "this Kubernetes version does not serve it";
/// So many objects are judged by one thread at a time: fewer are not worth a hand-over.
const TOGETHER: usize = 16;

/// What was found in objects so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// In order of the objects.
    pub(super) findings: Vec<Finding>,
    checked: usize,
    /// By kind: the first object, how many there are, and why they are not checked.
    unknown: BTreeMap<TypeKey, (Object, usize, &'static str)>,
    /// By kind: the first object, the CEL rules that were not evaluated, and on how many objects.
    with_cel: BTreeMap<TypeKey, (Object, Rules, usize)>,
}

/// CEL rules, each with the reason why it was not evaluated.
type Rules = BTreeSet<(String, String)>;

impl Tally {
    /// Judges objects, some at a time; gives the kind of each that is known.
    pub(super) fn of<'c>(
        objects: &[Object],
        former: &HashMap<ObjectKey, &Object>,
        catalog: &'c Catalog,
        options: &Options,
    ) -> (Self, Vec<Option<&'c Arc<KindSchema>>>) {
        let steps = cel::steps_each(objects.len());
        let judged: Vec<(Judged, Lookup<'c>)> = objects
            .par_iter()
            .with_min_len(TOGETHER)
            .map(|object| {
                let lookup = catalog.lookup(&object.type_key());
                let former = if former.is_empty() { None } else { former.get(&object.key()).copied() };
                (judge(object, former, &lookup, catalog, options, steps), lookup)
            })
            .collect();
        let mut tally = Self::default();
        let kinds = objects.iter().zip(judged).map(|(object, (judged, lookup))| tally.add(object, judged, &lookup));
        let kinds = kinds.collect();
        (tally, kinds)
    }

    fn add<'c>(&mut self, object: &Object, judged: Judged, lookup: &Lookup<'c>) -> Option<&'c Arc<KindSchema>> {
        self.findings.extend(judged.findings);
        let why = match lookup {
            Lookup::Known(known) => {
                self.checked += 1;
                if !judged.not_evaluated.is_empty() {
                    let new = || (object.clone(), Rules::new(), 0);
                    let (_, rules, count) = self.with_cel.entry(known.type_key.clone()).or_insert_with(new);
                    rules.extend(judged.not_evaluated);
                    *count += 1;
                }
                return Some(known);
            }
            Lookup::Unknown(_) => UNKNOWN,
            // Refused, with a finding for each.
            Lookup::OtherVersion(_) | Lookup::NoSuchKind(_) => NOT_SERVED,
        };
        self.unknown.entry(object.type_key()).or_insert_with(|| (object.clone(), 0, why)).1 += 1;
        None
    }

    /// Adds what was found in the objects behind these.
    pub(super) fn absorb(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.checked += other.checked;
        for (key, (first, count, why)) in other.unknown {
            self.unknown.entry(key).or_insert((first, 0, why)).1 += count;
        }
        for (key, (first, rules, count)) in other.with_cel {
            let (_, known, sum) = self.with_cel.entry(key).or_insert((first, Rules::new(), 0));
            known.extend(rules);
            *sum += count;
        }
    }

    /// Says what is said once for all objects of a kind.
    pub(super) fn finish(self, verdict: &mut Verdict, catalog: &Catalog, options: &Options) {
        verdict.findings.extend(self.findings);
        verdict.checked += self.checked;
        for (type_key, (first, count, reason)) in self.unknown {
            if reason == UNKNOWN {
                verdict.findings.extend(kinds::unknown(&first, count, catalog, options.unknown));
            }
            verdict.unchecked.push(Unchecked { type_key, count, reason: reason.to_owned() });
        }
        for (type_key, (first, rules, count)) in &self.with_cel {
            verdict.rules_not_evaluated += rules.len();
            verdict.findings.push(kinds::cel_not_evaluated(first, type_key, rules, *count));
        }
    }
}
