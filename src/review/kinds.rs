//! Kinds that a person wants left out of the judgement, or refused: `Kind`, or `group/version/Kind`.

use super::judge::{Judged, of};
use crate::finding::Finding;
use crate::manifest::{Object, Origin};
use crate::report::Unchecked;
use crate::unit::Unit;
use std::collections::BTreeMap;

/// Why an object is not checked that was to be left out.
const SKIPPED: &str = "skipped by `--skip`";

fn names(wanted: &[String], api_version: &str, kind: &str) -> bool {
    wanted.iter().any(|wanted| match wanted.rsplit_once('/') {
        Some((version, name)) => version == api_version && name == kind,
        None => wanted == kind,
    })
}

/// How many of the objects are of these kinds, by type.
pub(super) fn count(objects: &[Object], kinds: &[String]) -> BTreeMap<String, usize> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for object in objects.iter().filter(|object| names(kinds, object.api_version(), object.kind())) {
        *counts.entry(object.type_key().to_string()).or_default() += 1;
    }
    counts
}

/// Takes back what was said of objects of these kinds, and counts them as not checked: so many as [`count`] found.
pub(super) fn skip(judged: &mut Judged, counts: BTreeMap<String, usize>, kinds: &[String]) {
    if kinds.is_empty() {
        return;
    }
    let is_skipped = |finding: &Finding| {
        finding.object.as_ref().is_some_and(|object| names(kinds, &object.api_version, &object.kind))
    };
    judged.findings.retain(|finding| !is_skipped(finding));
    judged.absent.retain(|(_, absent)| !is_skipped(&absent.finding));
    let unchecked: usize = judged.objects.unchecked.iter().map(|it| it.count).sum();
    judged.objects.unchecked.retain(|it| !counts.contains_key(&it.kind));
    let already = unchecked - judged.objects.unchecked.iter().map(|it| it.count).sum::<usize>();
    let skipped: usize = counts.values().sum();
    judged.objects.checked = judged.objects.checked.saturating_sub(skipped.saturating_sub(already));
    let counts = counts.into_iter();
    judged.objects.unchecked.extend(counts.map(|(kind, count)| Unchecked { kind, reason: SKIPPED.to_owned(), count }));
}

/// An error for each object of these kinds.
pub(super) fn rejected(unit: &Unit, objects: &[Object], kinds: &[String]) -> Vec<Finding> {
    let rejected = objects.iter().filter(|object| names(kinds, object.api_version(), object.kind()));
    let finding = |object: &Object| {
        let message = format!("objects of the kind {} are rejected", object.kind());
        let place = object.value().origin_at("/kind").map(Origin::place_without_excerpt);
        let finding = Finding::error("rejected-kind", message).at(place).pointer("/kind").about(object.reference());
        of(unit, finding.hint("`--reject` names the kind"))
    };
    rejected.map(finding).collect()
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn kinds_are_named_alone_or_with_their_version() {
        let wanted = ["Job".to_owned(), "apps/v1/Deployment".to_owned(), "v1/Pod".to_owned()];
        let named = |api_version, kind| names(&wanted, api_version, kind);
        assert!(named("batch/v1", "Job") && named("apps/v1", "Deployment") && named("v1", "Pod"));
        assert!(!named("apps/v1beta1", "Deployment") && !named("v1", "Job/x") && !named("v1", "Service"));
    }
}
