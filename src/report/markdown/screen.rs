//! The first screen: the table of environments and units, and the lines that a reviewer must not miss.

use super::escape::{code, link, message, name, text, url};
use crate::diff::{Action, Change, FoldedChange};
use crate::finding::{Finding, Place, Severity};
use crate::operation::OperationStatus;
use crate::report::address::address;
use crate::report::visible::cut;
use crate::report::words::{changed_environments, consequence, counted, footprints, image_changes, listed, push_new};
use crate::report::{Links, Report};

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
    let mut kinds: Vec<(Vec<String>, &str)> = Vec::new();
    let folded = report.changes.folded();
    if which == Which::All {
        let severity = |severity: Severity| -> Vec<String> {
            let own = report.findings.iter().filter(|it| it.severity == severity && !is_removal(it));
            own.map(|it| finding(it, report)).collect()
        };
        let failed = report.operations.iter().filter(|it| it.status == OperationStatus::Failed);
        let failed = failed.map(|it| {
            let reason =
                it.reason.as_deref().map(|why| format!(": {}", message(&cut(why, LONGEST)))).unwrap_or_default();
            format!("**Failed** to {} {}{reason}", it.verb, code(&cut(&it.target, LONGEST)))
        });
        kinds.push((severity(Severity::Error), "error"));
        kinds.push((failed.collect(), "failed operation"));
        kinds.push((deletions(&folded, report), "deletion"));
        kinds.push((severity(Severity::Warning), "warning"));
    } else {
        kinds.push((deletions(&folded, report), "deletion"));
    }
    kinds.push((images(&folded), "image"));
    kinds.push((resources(report), "environment"));
    kinds.retain(|(lines, _)| !lines.is_empty());
    // Each kind gets its share, and what one leaves goes to those after it.
    let mut out = String::new();
    let mut room = most;
    let count = kinds.len();
    for (at, (lines, noun)) in kinds.into_iter().enumerate() {
        let share = (room / (count - at)).max(1);
        let shown = if lines.len() <= share { lines.len() } else { share.saturating_sub(1) };
        for line in &lines[..shown] {
            out += &format!("- {line}\n");
        }
        let more = lines.len() - shown;
        if more > 0 {
            let word = if shown == 0 { String::new() } else { "more ".to_owned() };
            let said = counted(more, noun).replacen(' ', &format!(" {word}"), 1);
            out += &format!("- {said} below\n");
        }
        room = room.saturating_sub(shown + usize::from(more > 0));
    }
    out
}

/// A finding on one line.
pub(super) fn finding(finding: &Finding, report: &Report) -> String {
    let word = match finding.severity {
        Severity::Error => "Error",
        Severity::Warning => "Warning",
        Severity::Info => "Note",
    };
    let mut parts = vec![format!("**{word}** {}", message(&cut(&finding.message, LONGEST)))];
    match (&finding.place, &finding.object) {
        (Some(at), _) => parts.push(place(at, report.head.as_ref(), &report.links)),
        (None, Some(object)) => parts.push(code(&cut(&object.to_string(), LONGEST))),
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
