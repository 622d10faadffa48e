//! `blast-radius`: one change reaches many units or objects of an environment at once.

use super::{Check, Risk, Thresholds};
use crate::diff::change::{Action, ChangeSet};
use crate::finding::{Finding, Severity};
use indexmap::{IndexMap, IndexSet};
use std::collections::BTreeMap;

/// Fewer deletions are no share of anything.
const FEWEST: usize = 3;

pub(super) const RISK: Risk = Risk {
    id: "blast-radius",
    severity: Severity::Warning,
    about: "a change reaches many units or objects of one environment at once",
    check: Check::Set,
};

#[derive(Default)]
struct Reach<'a> {
    units: IndexSet<&'a str>,
    objects: usize,
    deletions: usize,
    /// Something was there before.
    lived: bool,
}

pub(super) fn check(changes: &ChangeSet, before: &BTreeMap<String, usize>, thresholds: &Thresholds) -> Vec<Finding> {
    let mut reaches: IndexMap<&str, Reach<'_>> = IndexMap::new();
    for change in &changes.changes {
        let reach = reaches.entry(change.environment.as_str()).or_default();
        reach.units.insert(&change.unit);
        reach.objects += 1;
        reach.lived |= change.action != Action::Create;
        reach.deletions += usize::from(matches!(change.action, Action::Delete | Action::Replace));
    }
    let there = |environment: &str| before.get(environment).copied().unwrap_or(usize::MAX / 100);
    let far = |(environment, reach): (&str, Reach<'_>)| {
        let far = reach.units.len() >= thresholds.units
            || reach.objects >= thresholds.objects
            || reach.deletions >= thresholds.deletions
            || (reach.deletions >= FEWEST && reach.deletions * 100 >= there(environment) * thresholds.deleted_percent);
        // What is brought up for the first time reaches nobody.
        (far && reach.lived).then(|| {
            let mut message = format!("this changes {} objects of {} units at once", reach.objects, reach.units.len());
            if reach.deletions > 0 {
                message += &format!(", {} of them deleted or replaced", reach.deletions);
                if let Some(there) = before.get(environment) {
                    message += &format!(", where {there} were");
                }
            }
            let mut finding = Finding::new(RISK.id, RISK.severity, message);
            finding.environments = vec![environment.to_owned()];
            finding
        })
    };
    reaches.into_iter().filter_map(far).collect()
}
