//! What is risky in a change: one rule a file, named by its id.
//!
//! Looks at an object before against the same object after; one object alone is judged in `validate/rules`. A risk is a
//! warning: the server may take the change, and a person should look at it first. Only what the change *brings* is a
//! risk: a container that was privileged before is none.
//!
//! Adding one is a file here, a line in [`RISKS`], and a folder of fixtures under `tests/cases/risk/`.

mod blast_radius;
mod broad_access;
mod chart_version;
mod definition_tightened;
mod deletion;
mod disruption;
mod exposure;
mod image;
mod immutable_field;
mod major_image;
mod mutable_tag;
mod network_policy;
mod privilege;
mod replacement;
mod scaled_to_zero;
mod selector_change;
mod storage;
mod suspended;
mod sync_order;
mod workload;

use super::change::ChangeSet;
use super::pairing::{Pair, pair};
use crate::finding::{Finding, Severity};
use crate::manifest::{Object, Origin, Value};
use crate::unit::Unit;
use std::collections::BTreeMap;

/// A rule about changes.
pub struct Risk {
    /// Kebab-case; the name of its fixtures and of its anchor in the docs.
    pub id: &'static str,
    /// What a finding of it weighs by default.
    pub severity: Severity,
    /// What it finds, as a sentence for the list of rules.
    pub about: &'static str,
    check: Check,
}

/// What a rule looks at.
#[derive(Clone, Copy)]
enum Check {
    /// One object that changes.
    Edit(fn(&Edit<'_>, &mut Found<'_>)),
    /// All that changes in a unit, beside all that stays.
    Unit(fn(&Scene<'_>, &mut Found<'_>)),
    /// All that changes anywhere: [`of_set`].
    Set,
}

/// Every risk, by id.
pub const RISKS: [Risk; 18] = [
    blast_radius::RISK,
    broad_access::RISK,
    chart_version::RISK,
    definition_tightened::RISK,
    deletion::RISK,
    disruption::RISK,
    exposure::RISK,
    immutable_field::RISK,
    major_image::RISK,
    mutable_tag::RISK,
    network_policy::RISK,
    privilege::RISK,
    replacement::RISK,
    scaled_to_zero::RISK,
    selector_change::RISK,
    storage::RISK,
    suspended::RISK,
    sync_order::RISK,
];

/// From how much on a change reaches far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Units of one environment.
    pub units: usize,
    /// Objects of one environment.
    pub objects: usize,
    /// Objects of one environment that are deleted or replaced.
    pub deletions: usize,
    /// Of a hundred objects there before, in the units that change.
    pub deleted_percent: usize,
}

impl Default for Thresholds {
    fn default() -> Self {
        Self { units: 10, objects: 60, deletions: 10, deleted_percent: 50 }
    }
}

/// An object before and after; one of them is missing where it comes or goes.
struct Edit<'a> {
    before: Option<&'a Object>,
    after: Option<&'a Object>,
    /// It is deleted and created anew as another one.
    replaced: bool,
}

impl<'a> Edit<'a> {
    /// Both sides of an object that stays.
    fn kept(&self) -> Option<(&'a Object, &'a Object)> {
        Some((self.before?, self.after?)).filter(|_| !self.replaced)
    }

    /// The object as it was, where it stays the same object.
    fn former(&self) -> Option<&'a Object> {
        self.before.filter(|_| !self.replaced)
    }
}

/// What changes in a unit, and what is there afterwards.
struct Scene<'a> {
    edits: Vec<Edit<'a>>,
    after: &'a [Object],
}

/// Takes the findings of one rule.
struct Found<'a> {
    risk: &'a Risk,
    findings: Vec<Finding>,
}

impl Found<'_> {
    /// Says `message` of the field at `pointer` of `object`, as it stands after the change.
    fn at(&mut self, object: &Object, pointer: &str, message: impl Into<String>) -> &mut Finding {
        let origin = nearest(object.value(), pointer);
        let place = origin.map(|it| if object.is_secret() { it.place_without_excerpt() } else { it.place() });
        let finding = Finding::new(self.risk.id, self.risk.severity, message)
            .at(place)
            .pointer(pointer)
            .about(object.reference());
        self.push(finding)
    }

    /// Says `message` of an object that goes away: its place is not in the head commit.
    fn gone(&mut self, object: &Object, message: impl Into<String>) -> &mut Finding {
        let mut finding = Finding::new(self.risk.id, self.risk.severity, message).about(object.reference());
        if let Some(place) = object.value().origin.as_ref().map(Origin::place_without_excerpt) {
            finding = finding.related(place, "it stands here before the change");
        }
        self.push(finding)
    }

    fn push(&mut self, finding: Finding) -> &mut Finding {
        self.findings.push(finding);
        let last = self.findings.len() - 1;
        &mut self.findings[last]
    }
}

/// Where the value at `pointer` came from, else the nearest value around it.
fn nearest<'a>(value: &'a Value, pointer: &str) -> Option<&'a Origin> {
    let mut pointer = pointer;
    loop {
        if let Some(origin) = value.key_origin_at(pointer).or_else(|| value.origin_at(pointer)) {
            return Some(origin);
        }
        pointer = pointer.rsplit_once('/')?.0;
    }
}

/// Tells what is risky in one unit's change from `before` to `after`, in the order of the rules.
#[must_use]
pub fn of_unit(unit: &Unit, before: &[Object], after: &[Object]) -> Vec<Finding> {
    let edits = pair(before, after).into_iter().filter_map(|pair| match pair {
        Pair::Created(object) => Some(Edit { before: None, after: Some(object), replaced: false }),
        Pair::Deleted(object) => Some(Edit { before: Some(object), after: None, replaced: false }),
        Pair::Kept(before, after) => (before.value() != after.value()).then_some(Edit {
            before: Some(before),
            after: Some(after),
            replaced: false,
        }),
        Pair::Replaced(before, after) => Some(Edit { before: Some(before), after: Some(after), replaced: true }),
    });
    let scene = Scene { edits: edits.collect(), after };
    let mut findings = Vec::new();
    for risk in &RISKS {
        let mut found = Found { risk, findings: Vec::new() };
        match risk.check {
            Check::Edit(check) => scene.edits.iter().for_each(|edit| check(edit, &mut found)),
            Check::Unit(check) => check(&scene, &mut found),
            Check::Set => {}
        }
        findings.append(&mut found.findings);
    }
    for finding in &mut findings {
        finding.environments = vec![unit.environment.clone()];
        finding.unit = Some(unit.name.clone());
    }
    findings
}

/// Tells what is risky in the whole of a change. `before` says for each environment how many objects there are in the units
/// that change, before it.
#[must_use]
pub fn of_set(changes: &ChangeSet, before: &BTreeMap<String, usize>, thresholds: &Thresholds) -> Vec<Finding> {
    blast_radius::check(changes, before, thresholds)
}

/// The text at a path of keys.
fn text<'a>(object: &'a Object, path: &[&str]) -> Option<&'a str> {
    object.value().path(path).and_then(Value::as_str)
}

/// The API group.
fn group(object: &Object) -> &str {
    object.api_version().split_once('/').map_or("", |(group, _)| group)
}
