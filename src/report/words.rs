//! Counts and lists as people say them; the same words in every output.

use super::{Report, Silenced, SilencedBy, Verdict};
use crate::diff::{Action, FoldedChange, Footprint};
use crate::finding::Severity;
use crate::operation::OperationStatus;
use std::time::Duration;

/// `1 error`, `2 errors`, `3 policies`.
#[must_use]
pub fn counted(count: usize, noun: &str) -> String {
    match (count, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) => format!("{count} {stem}ies"),
        (_, None) => format!("{count} {noun}s"),
    }
}

/// `dev, staging, prod`, or the first of them and how many more there are.
pub(super) fn listed<S: AsRef<str>>(names: &[S], most: usize) -> String {
    let shown: Vec<&str> = names.iter().take(most).map(AsRef::as_ref).collect();
    match names.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `0.3 s`, `2 min 5 s`.
pub(super) fn elapsed(time: Duration) -> String {
    match time.as_secs() {
        0..60 => format!("{:.1} s", time.as_secs_f64()),
        seconds => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

/// What is bad or irreversible: `1 error, 2 deletions`; else that nothing is.
pub(super) fn judgement(report: &Report) -> String {
    let counts = [
        (report.count(Severity::Error), "error"),
        (report.operations_with(OperationStatus::Failed), "failed operation"),
        (report.withheld.len(), "withheld diff"),
        (report.count(Severity::Warning), "warning"),
        (report.changes.count(Action::Delete), "deletion"),
        (report.changes.count(Action::Replace), "replacement"),
        (report.silenced.len(), "silenced finding"),
    ];
    let said: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, noun)| counted(*count, noun)).collect();
    match (report.verdict, said.is_empty()) {
        (Verdict::Nothing, true) if report.unchanged == 0 => "nothing to examine".to_owned(),
        (_, true) => "no problems".to_owned(),
        (_, false) => said.join(", "),
    }
}

/// The verdict in a line: what is bad, and what changes where.
pub(super) fn headline(report: &Report) -> String {
    match report.command.as_str() {
        // Nothing is compared.
        "validate" | "render" => judgement(report),
        // Nothing is judged.
        "diff" if report.findings.is_empty() => difference(report),
        _ => format!("{} · {}", judgement(report), extent(report)),
    }
}

/// The last line of a report: the verdict where there is one, and what it comes to.
pub(super) fn conclusion(report: &Report) -> String {
    match (report.command.as_str(), report.verdict) {
        ("diff", Verdict::Pass | Verdict::Nothing) => headline(report),
        _ => format!("{}: {}", report.verdict.word(), headline(report)),
    }
}

/// What differs, in numbers: `2 created, 53 updated, 1 deleted`.
fn difference(report: &Report) -> String {
    let counts = [
        (Action::Create, "created"),
        (Action::Update, "updated"),
        (Action::Replace, "replaced"),
        (Action::Delete, "deleted"),
    ];
    let counts = counts.map(|(action, word)| (report.changes.count(action), word));
    let said: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    match said.is_empty() {
        true if !report.withheld.is_empty() => "what differs is not known".to_owned(),
        true => "nothing differs".to_owned(),
        false => said.join(", "),
    }
}

/// What changes where: `web, db change in dev, prod`.
fn extent(report: &Report) -> String {
    let changes = &report.changes.changes;
    if changes.is_empty() {
        return match report.operations.is_empty() {
            true if !report.withheld.is_empty() => "what changes is not known".to_owned(),
            true => "nothing changes".to_owned(),
            false => counted(report.operations.len(), "operation"),
        };
    }
    let mut units: Vec<&str> = Vec::new();
    changes.iter().for_each(|change| push_new(&mut units, &change.unit));
    let environments = changed_environments(report);
    let verb = if units.len() == 1 { "changes" } else { "change" };
    let units = if units.len() <= 4 { units.join(", ") } else { counted(units.len(), "application") };
    if environments == ["default"] {
        format!("{units} {verb}")
    } else {
        format!("{units} {verb} in {}", listed(&environments, 6))
    }
}

/// The environments in which something changes, in configuration order.
pub(super) fn changed_environments(report: &Report) -> Vec<&str> {
    let changes = &report.changes.changes;
    let mut environments: Vec<&str> = Vec::new();
    let known = report.environments.iter().filter(|name| changes.iter().any(|change| change.environment == **name));
    known.for_each(|name| push_new(&mut environments, name));
    changes.iter().for_each(|change| push_new(&mut environments, &change.environment));
    environments
}

/// `3f2c1ab against 9d04e77 · 42 objects rendered and checked against Kubernetes 1.34 in 0.3 s`, in parts.
pub(super) fn provenance(report: &Report) -> Vec<String> {
    let mut parts = Vec::new();
    let objects = &report.objects;
    let version =
        report.kubernetes.as_ref().map(|version| format!(" against Kubernetes {version}")).unwrap_or_default();
    let unchecked: usize = objects.unchecked.iter().map(|it| it.count).sum();
    let untouched = match report.unchanged {
        0 => None,
        1 => Some("1 unit is as before".to_owned()),
        count => Some(format!("{count} units are as before")),
    };
    let took = (!report.elapsed.is_zero()).then(|| format!("in {}", elapsed(report.elapsed)));
    if objects.rendered == 0 && unchecked == 0 {
        return untouched.into_iter().chain(took).collect();
    }
    if unchecked == 0 && objects.checked == objects.rendered {
        parts.push(format!("{} rendered and checked{version}", counted(objects.rendered, "object")));
    } else {
        parts.push(format!("{} rendered, {} checked{version}", counted(objects.rendered, "object"), objects.checked));
    }
    if let (Some(last), Some(took)) = (parts.last_mut(), took) {
        *last += &format!(" {took}");
    }
    parts.extend(untouched);
    if unchecked > 0 {
        let mut reasons: indexmap::IndexMap<&str, Vec<String>> = indexmap::IndexMap::new();
        for it in &objects.unchecked {
            reasons.entry(&it.reason).or_default().push(format!("{} {}", it.count, it.kind));
        }
        for (reason, kinds) in reasons {
            parts.push(format!("not checked: {} ({reason})", listed(&kinds, 4)));
        }
    }
    parts
}

/// What was silenced, a line each: every comment with its reason, every rule that the configuration switches off.
pub(super) fn silenced(report: &Report) -> Vec<String> {
    let mut lines: indexmap::IndexMap<String, usize> = indexmap::IndexMap::new();
    for Silenced { finding, by } in &report.silenced {
        let line = match by {
            SilencedBy::Comment(reason) => {
                let place = finding.place.as_ref().map(|place| format!(" at {place}")).unwrap_or_default();
                format!("`{}`{place} by a comment: {reason}", finding.rule)
            }
            SilencedBy::Annotation(reason) => {
                let object = finding.object.as_ref().map(|object| format!(" of `{object}`")).unwrap_or_default();
                format!("`{}`{object} by an annotation: {reason}", finding.rule)
            }
            SilencedBy::Configuration(None) => format!("`{}` by `validate.rules`", finding.rule),
            SilencedBy::Configuration(Some(reason)) => format!("`{}` by `validate.rules`: {reason}", finding.rule),
        };
        *lines.entry(line).or_default() += 1;
    }
    let told = |(line, count): (String, usize)| if count > 1 { format!("{line} ({count} findings)") } else { line };
    lines.into_iter().map(told).collect()
}

/// Pushes a name that is not there yet.
pub(super) fn push_new<'a>(names: &mut Vec<&'a str>, name: &'a str) {
    if !names.contains(&name) {
        names.push(name);
    }
}

/// What goes with an object that is deleted.
pub(super) fn consequence(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "PersistentVolumeClaim" => "its data goes with it unless the volume is retained",
        "PersistentVolume" => "its data goes with it unless it is retained",
        "Namespace" => "everything in it goes with it",
        "CustomResourceDefinition" => "every object of its kind goes with it",
        "StatefulSet" => "its pods go, their volume claims stay",
        _ => return None,
    })
}

/// A unit as people call it: `web in prod`, and by its name alone where no environments are named.
pub(super) fn unit_name(unit: &crate::unit::Unit) -> String {
    if unit.environment == "default" { unit.name.clone() } else { unit.to_string() }
}

/// Images that change, once each: the container, what happens, and the environments. One environment named `default` is
/// not told.
pub(super) fn image_changes<'a>(folded: &[FoldedChange<'a>]) -> Vec<(String, String, Vec<&'a str>)> {
    let mut by_image: indexmap::IndexMap<(String, String), Vec<&str>> = indexmap::IndexMap::new();
    for it in folded {
        for image in &it.change.images {
            let said = image_change(image.before.as_ref().map(AsRef::as_ref), image.after.as_ref().map(AsRef::as_ref));
            let environments = by_image.entry((image.container.to_string(), said)).or_default();
            it.environments.iter().for_each(|name| push_new(environments, name));
        }
    }
    let told = |environments: Vec<&'a str>| if environments == ["default"] { Vec::new() } else { environments };
    by_image.into_iter().map(|((container, said), environments)| (container, said, told(environments))).collect()
}

/// An image as two texts: `1.27.0 → 1.27.1` where only the tag differs, else whole.
fn image_change(before: Option<&str>, after: Option<&str>) -> String {
    match (before, after) {
        (Some(old), Some(new)) => {
            let ((old_name, old_tag), (new_name, new_tag)) = (split_image(old), split_image(new));
            match (old_tag, new_tag) {
                (Some(old), Some(new)) if old_name == new_name => format!("{old} → {new}"),
                _ => format!("{old} → {new}"),
            }
        }
        (None, Some(new)) => format!("+ {new}"),
        (Some(old), None) => format!("− {old}"),
        (None, None) => String::new(),
    }
}

/// What the changed workloads ask of each environment, where that changes: `replicas 3 → 5, CPU 1 → 2 in prod`.
pub(super) fn footprints(report: &Report) -> Vec<(String, Vec<&str>)> {
    let mut said: indexmap::IndexMap<String, Vec<&str>> = indexmap::IndexMap::new();
    for environment in changed_environments(report) {
        let (mut before, mut after) = (Footprint::default(), Footprint::default());
        for change in report.changes.changes.iter().filter(|change| change.environment == environment) {
            before = before.plus(change.footprint.0);
            after = after.plus(change.footprint.1);
        }
        let mut parts = Vec::new();
        let mut part = |what: &str, changes: bool, before: String, after: String| {
            if changes {
                parts.push(format!("{what} {before} → {after}"));
            }
        };
        let replicas = |of: Footprint| of.replicas.to_string();
        part("replicas", before.replicas != after.replicas, replicas(before), replicas(after));
        part("requested CPU", before.cpu != after.cpu, before.cpu_text(), after.cpu_text());
        part("requested memory", before.memory != after.memory, before.memory_text(), after.memory_text());
        if !parts.is_empty() {
            said.entry(parts.join(", ")).or_default().push(environment);
        }
    }
    let told = |environments: Vec<&'_ str>| environments == ["default"];
    said.into_iter().map(|(text, names)| if told(names.clone()) { (text, Vec::new()) } else { (text, names) }).collect()
}

fn split_image(image: &str) -> (&str, Option<&str>) {
    if let Some((name, digest)) = image.split_once('@') {
        return (name, Some(digest));
    }
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => (name, Some(tag)),
        _ => (image, None),
    }
}

/// Changes of one unit that go to the same environments.
pub(super) struct Group<'a> {
    /// The unit.
    pub(super) unit: &'a str,
    /// The environments.
    pub(super) environments: Vec<&'a str>,
    /// The changes, each standing for all these environments.
    pub(super) changes: Vec<FoldedChange<'a>>,
}

impl Group<'_> {
    /// `the same change in dev, staging, prod`, or the environment.
    pub(super) fn place(&self) -> String {
        match self.environments.as_slice() {
            ["default"] => String::new(),
            [one] => (*one).to_owned(),
            several => format!("the same change in {}", listed(several, 12)),
        }
    }

    /// What the group calls each object: with the namespace where two would have the same name.
    pub(super) fn names(&self) -> Vec<String> {
        let short = |it: &FoldedChange<'_>| format!("{} {}", it.object.kind, it.object.name);
        let mut seen: std::collections::HashMap<String, usize> = std::collections::HashMap::new();
        self.changes.iter().for_each(|it| *seen.entry(short(it)).or_default() += 1);
        let name = |it: &FoldedChange<'_>| {
            let short = short(it);
            let full = if seen[&short] > 1 { it.object.to_string() } else { short };
            if it.change.action == Action::Update { full } else { format!("{}{full}", it.change.action.sign()) }
        };
        self.changes.iter().map(name).collect()
    }
}

/// Folds the changes of a report and groups them by unit and environments, in order.
pub(super) fn groups(report: &Report) -> Vec<Group<'_>> {
    let mut groups: indexmap::IndexMap<(&str, Vec<&str>), Vec<FoldedChange<'_>>> = indexmap::IndexMap::new();
    for folded in report.changes.folded() {
        let key = (folded.change.unit.as_str(), folded.environments.clone());
        groups.entry(key).or_default().push(folded);
    }
    let groups = groups.into_iter();
    let mut groups: Vec<Group<'_>> =
        groups.map(|((unit, environments), changes)| Group { unit, environments, changes }).collect();
    // All of a unit stands together, in the order in which units come first.
    let mut units: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
    for group in &groups {
        let next = units.len();
        units.entry(group.unit).or_insert(next);
    }
    groups.sort_by_key(|group| units.get(group.unit).copied());
    groups
}
