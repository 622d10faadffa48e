//! The first screen: the table of environments and units, and the lines that a reviewer must not miss.

use super::escape::{code, link, message, name, text, url};
use crate::diff::{Action, Change, FoldedChange};
use crate::finding::{Finding, Place, Severity};
use crate::operation::OperationStatus;
use crate::report::address::address;
use crate::report::visible::cut;
use crate::report::words::{changed_environments, consequence, counted, footprints, image_changes, listed, push_new};
use crate::report::{Links, Report};
use indexmap::IndexMap;

/// At most this many rows and columns: more are counted in the last one.
const ROWS: usize = 8;
const COLUMNS: usize = 8;
/// A message longer than this is cut on the first screen.
const LONGEST: usize = 300;

/// Which lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    /// Findings and operations too.
    All,
    /// What the change set says alone.
    Changes,
}

/// The table of units and environments; empty when nothing changes.
pub(super) fn matrix(report: &Report) -> String {
    let mut units: Vec<&str> = Vec::new();
    report.changes.changes.iter().for_each(|change| push_new(&mut units, &change.unit));
    report.withheld.iter().for_each(|unit| push_new(&mut units, &unit.name));
    if units.is_empty() {
        return String::new();
    }
    let mut columns = changed_environments(report);
    report.environments.iter().for_each(|name| push_new(&mut columns, name));
    report.withheld.iter().for_each(|unit| push_new(&mut columns, &unit.environment));
    let order = |name: &&str| report.environments.iter().position(|known| known == name).unwrap_or(usize::MAX);
    columns.sort_by_key(order);
    if columns.len() > COLUMNS {
        // Where not all fit, those in which nothing changes go first.
        let changed = changed_environments(report);
        columns.sort_by_key(|name| !changed.contains(name));
    }
    let extra = columns.split_off(columns.len().min(COLUMNS));
    let mut heads: Vec<String> = columns.iter().map(|name| text(&cut(name, 60))).collect();
    if !extra.is_empty() {
        heads.push(format!("{} more", extra.len()));
    }
    let mut table = format!("| | {} |\n|---|{}\n", heads.join(" | "), "---|".repeat(heads.len()));
    for unit in units.iter().take(ROWS) {
        let mut cells: Vec<String> = columns.iter().map(|environment| cell(report, &[unit], &[environment])).collect();
        if !extra.is_empty() {
            cells.push(cell(report, &[unit], &extra));
        }
        table += &format!("| **{}** | {} |\n", name(&cut(unit, 60)), cells.join(" | "));
    }
    if units.len() > ROWS {
        let rest = &units[ROWS..];
        let mut cells: Vec<String> = columns.iter().map(|environment| cell(report, rest, &[environment])).collect();
        if !extra.is_empty() {
            cells.push(cell(report, rest, &extra));
        }
        table += &format!("| {} more | {} |\n", rest.len(), cells.join(" | "));
    }
    table
}

/// `+1 ~2 **−1**`, `·` for nothing, `withheld` where a side did not render.
fn cell(report: &Report, units: &[&str], environments: &[&str]) -> String {
    let here = |unit: &str, environment: &str| units.contains(&unit) && environments.contains(&environment);
    let mut signs = Vec::new();
    for action in [Action::Create, Action::Update, Action::Delete, Action::Replace] {
        let changes = report.changes.changes.iter();
        let count = changes.filter(|it| it.action == action && here(&it.unit, &it.environment)).count();
        if count > 0 {
            let loud = matches!(action, Action::Delete | Action::Replace);
            let bold = if loud { "**" } else { "" };
            // `~` alone would open a strike-through with another one in the row.
            let sign = if action == Action::Update { "\\~".to_owned() } else { action.sign().to_string() };
            signs.push(format!("{bold}{sign}{count}{bold}"));
        }
    }
    if report.withheld.iter().any(|unit| here(&unit.name, &unit.environment)) {
        signs.push("**withheld**".to_owned());
    }
    if signs.is_empty() { "·".to_owned() } else { signs.join(" ") }
}

/// Says whether the first screen shows every finding.
pub(super) fn holds_all_findings(report: &Report, items: &str) -> bool {
    let shown =
        items.lines().filter(|line| line.starts_with("- **Error**") || line.starts_with("- **Warning**")).count();
    shown == report.findings.iter().filter(|finding| !is_removal(finding)).count()
}

/// Says whether a finding is told in the line of the object that goes away.
fn is_removal(finding: &Finding) -> bool {
    matches!(finding.rule.as_ref(), "deletion" | "replacement")
}

/// The lines of the first screen, at most `most`: what is left out is counted.
pub(super) fn items(report: &Report, most: usize, which: Which) -> String {
    // Each kind's lines, with how many things each of them tells.
    let mut kinds: Vec<(Vec<(String, usize)>, &str)> = Vec::new();
    let folded = report.changes.folded();
    let single = |lines: Vec<String>| lines.into_iter().map(|line| (line, 1)).collect::<Vec<_>>();
    if which == Which::All {
        let failed = report.operations.iter().filter(|it| it.status == OperationStatus::Failed);
        let failed = failed.map(|it| {
            let reason =
                it.reason.as_deref().map(|why| format!(": {}", message(&cut(why, LONGEST)))).unwrap_or_default();
            format!("**Failed** to {} {}{reason}", it.verb, code(&cut(&it.target, LONGEST)))
        });
        kinds.push((alike(Severity::Error, report), "error"));
        kinds.push((single(failed.collect()), "failed operation"));
        kinds.push((single(deletions(&folded, report)), "deletion"));
        kinds.push((alike(Severity::Warning, report), "warning"));
    } else {
        kinds.push((single(deletions(&folded, report)), "deletion"));
    }
    kinds.push((single(images(&folded)), "image"));
    kinds.push((single(resources(report)), "environment"));
    kinds.retain(|(lines, _)| !lines.is_empty());
    // Each kind gets two lines where there is room for that, and the weightiest take what is left.
    let least = if kinds.iter().map(|(lines, _)| lines.len().min(2)).sum::<usize>() > most { 1 } else { 2 };
    let mut left = most.saturating_sub(kinds.iter().map(|(lines, _)| lines.len().min(least)).sum());
    let mut out = String::new();
    for (lines, noun) in kinds {
        let further = (lines.len() - lines.len().min(least)).min(left);
        left -= further;
        let share = lines.len().min(least) + further;
        let shown = if lines.len() <= share { lines.len() } else { share.saturating_sub(1) };
        for (line, _) in &lines[..shown] {
            out += &format!("- {line}\n");
        }
        let more: usize = lines[shown..].iter().map(|(_, told)| told).sum();
        if more > 0 {
            let word = if shown == 0 { String::new() } else { "more ".to_owned() };
            let said = counted(more, noun).replacen(' ', &format!(" {word}"), 1);
            out += &format!("- {said} below\n");
        }
    }
    out
}

/// The findings of a severity, those that say the same of several places in one line, with how many it stands for.
fn alike(severity: Severity, report: &Report) -> Vec<(String, usize)> {
    let mut folded: IndexMap<_, (Finding, usize)> = IndexMap::new();
    for it in report.findings.iter().filter(|it| it.severity == severity && !is_removal(it)) {
        match folded.entry((&it.rule, &it.message, &it.hint, it.place.is_some())) {
            indexmap::map::Entry::Vacant(entry) => drop(entry.insert((it.clone(), 1))),
            indexmap::map::Entry::Occupied(mut entry) => {
                let (first, count) = entry.get_mut();
                *count += 1;
                let further: Vec<String> =
                    it.environments.iter().filter(|name| !first.environments.contains(name)).cloned().collect();
                first.environments.extend(further);
            }
        }
    }
    let order = |name: &String| report.environments.iter().position(|known| known == name).unwrap_or(usize::MAX);
    let line = |(mut it, count): (Finding, usize)| {
        it.environments.sort_by_key(order);
        (told(&it, count - 1, report), count)
    };
    folded.into_values().map(line).collect()
}

/// A finding on one line.
pub(super) fn finding(finding: &Finding, report: &Report) -> String {
    told(finding, 0, report)
}

/// The same, found at some more places.
fn told(finding: &Finding, more: usize, report: &Report) -> String {
    let word = match finding.severity {
        Severity::Error => "Error",
        Severity::Warning => "Warning",
        Severity::Info => "Note",
    };
    let mut parts = vec![format!("**{word}** {}", message(&cut(&finding.message, LONGEST)))];
    match (&finding.place, &finding.object) {
        (Some(at), _) => parts.push(place(at, report.head.as_ref(), &report.links) + &further(more, "place")),
        (None, Some(object)) => parts.push(code(&cut(&object.to_string(), LONGEST)) + &further(more, "object")),
        (None, None) => {}
    }
    let reached: Vec<&str> =
        finding.environments.iter().map(String::as_str).filter(|name| *name != "default").collect();
    if !reached.is_empty() {
        parts.push(text(&listed(&reached, 6)));
    }
    if let Some(hint) = &finding.hint {
        parts.push(message(&cut(hint, LONGEST)));
    }
    parts.join(" · ")
}

/// ` and 4 more places`; nothing for none.
fn further(more: usize, noun: &str) -> String {
    if more == 0 { String::new() } else { format!(" and {}", counted(more, noun).replacen(' ', " more ", 1)) }
}

fn deletions(folded: &[FoldedChange<'_>], report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for it in folded.iter().filter(|it| matches!(it.change.action, Action::Delete | Action::Replace)) {
        let object = code(&cut(&it.object.to_string(), LONGEST));
        let environments: Vec<&str> = it.environments.iter().copied().filter(|name| *name != "default").collect();
        let environments = match environments.is_empty() {
            true => String::new(),
            false => format!(" in **{}**", name(&listed(&environments, 6))),
        };
        let mut line = match (&it.change.action, &it.change.former) {
            (Action::Replace, Some(former)) => {
                format!(
                    "**Replaces** {} by {object}{environments} · deleted and created anew",
                    code(&cut(&former.to_string(), LONGEST))
                )
            }
            _ => format!("**Deletes** {object}{environments}"),
        };
        let gone = if it.change.action == Action::Delete { Some(&it.object) } else { it.change.former.as_ref() };
        if let Some(what) = gone.and_then(|object| consequence(&object.kind)) {
            line += &format!(" · {what}");
        }
        if let Some(at) = &it.change.place {
            line += &format!(" · {}", place(at, commit_of(it.change, report), &report.links));
        }
        lines.push(line);
    }
    lines
}

/// The commit that a change's place is in.
pub(super) fn commit_of<'a>(change: &Change, report: &'a Report) -> Option<&'a crate::commit::CommitId> {
    if change.action == Action::Delete { report.base.as_ref() } else { report.head.as_ref() }
}

fn images(folded: &[FoldedChange<'_>]) -> Vec<String> {
    let line = |(container, said, environments): (String, String, Vec<&str>)| {
        let place = match environments.is_empty() {
            true => String::new(),
            false => format!(" in {}", text(&listed(&environments, 6))),
        };
        format!("**Image** {} {}{place}", code(&cut(&container, 80)), text(&cut(&said, LONGEST)))
    };
    image_changes(folded).into_iter().map(line).collect()
}

fn resources(report: &Report) -> Vec<String> {
    let line = |(said, environments): (String, Vec<&str>)| match environments.is_empty() {
        true => format!("**Resources** {said}"),
        false => format!("**Resources** {said} in {}", text(&listed(&environments, 6))),
    };
    footprints(report).into_iter().map(line).collect()
}

/// A place as a link to the host's page of it, where that is known.
pub(super) fn place(place: &Place, commit: Option<&crate::commit::CommitId>, links: &Links) -> String {
    let shown = match place.line {
        Some(line) => format!("{}:{line}", place.path),
        None => place.path.clone(),
    };
    match address(place, commit, links) {
        Some(address) => link(&cut(&shown, LONGEST), &url(&address)),
        None => code(&cut(&shown, LONGEST)),
    }
}
