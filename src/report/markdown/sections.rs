//! The folded part: one section for each unit and set of environments, cut between objects.

use super::budget::Budget;
use super::escape::{code, fence, html, message, text};
use super::screen::{commit_of, finding, place};
use crate::diff::{Action, FoldedChange};
use crate::operation::{Operation, OperationStatus};
use crate::report::Report;
use crate::report::visible::cut;
use crate::report::words::{self, Group, counted, groups, listed};

/// Left in every section for the sentence on what is left out.
const LEFT_OUT: usize = 120;
/// More edits of one definition are counted.
const SUMMARY: usize = 100;
const END: &str = "\n</details>\n";

/// What naming or counting every changed object takes: room that findings must leave.
pub(super) fn least(report: &Report, budget: &Budget) -> usize {
    let names: usize = groups(report).iter().map(|group| frame_size(group, budget)).sum();
    if names <= budget.left() { names } else { budget.size(&counts(report, budget)) }
}

/// The sections of all changes.
pub(super) fn sections(report: &Report, budget: &mut Budget) -> String {
    let groups = groups(report);
    let mut reserved: usize = groups.iter().map(|group| frame_size(group, budget)).sum();
    let mut out = String::new();
    if reserved > budget.left() {
        // Not even the names fit: count them all, then show as many sections as there is room for.
        let counts = counts(report, budget);
        if budget.take(&counts) {
            out += &counts;
        }
        for group in &groups {
            let frame = frame_size(group, budget);
            if frame > budget.left() {
                break;
            }
            out += &section(report, group, budget, 0);
        }
        return out;
    }
    for group in &groups {
        reserved -= frame_size(group, budget);
        out += &section(report, group, budget, reserved);
    }
    out
}

fn frame_size(group: &Group<'_>, budget: &Budget) -> usize {
    budget.size(&opening(group)) + budget.size(END) + LEFT_OUT
}

fn opening(group: &Group<'_>) -> String {
    let place = group.place();
    let place = if place.is_empty() { String::new() } else { format!(" · {}", html(&place)) };
    let names: Vec<String> = group.names().iter().map(|name| html(name)).collect();
    format!("\n<details><summary><b>{}</b>{place} · {}</summary>\n", html(group.unit), names.join(", "))
}

/// One section that leaves `reserved` for those after it. Its frame fits: the caller has seen to that.
fn section(report: &Report, group: &Group<'_>, budget: &mut Budget, reserved: usize) -> String {
    let mut out = opening(group);
    budget.take(&out);
    budget.take(END);
    let mut left_out = 0;
    let (noise, loud): (Vec<_>, Vec<_>) = group.changes.iter().partition(|it| it.change.is_noise());
    if !noise.is_empty() {
        let names: Vec<String> = noise.iter().map(|it| code(&it.object.to_string())).collect();
        let said = format!("\nChart labels and checksums alone change in {}.\n", listed(&names, 12));
        if budget.take_leaving(&said, reserved + LEFT_OUT) {
            out += &said;
        }
    }
    for change in loud {
        let room = budget.left().saturating_sub(reserved);
        let fits = |whole: bool, budget: &mut Budget| {
            // Most objects of a large report do not fit: these are not even written.
            if whole && at_least(change, budget) > room {
                return None;
            }
            Some(object(report, change, whole)).filter(|body| budget.take_leaving(body, reserved + LEFT_OUT))
        };
        let has_summary = !change.change.summary.is_empty();
        let body = fits(true, budget).or_else(|| has_summary.then(|| fits(false, budget)).flatten());
        left_out += usize::from(body.is_none());
        out += &body.unwrap_or_default();
    }
    if left_out > 0 {
        let said = format!("\nThe diff of {} named above does not fit here.\n", counted(left_out, "object"));
        budget.take(&said);
        out += &said;
    }
    out + END
}

/// What the lines of an object take before anything is escaped in them.
fn at_least(folded: &FoldedChange<'_>, budget: &Budget) -> usize {
    folded.change.lines.iter().map(|line| budget.size(line.text.as_str()) + 1).sum()
}

/// One object: what happens to it, where, and its diff; of a definition its edits, and the diff where it is to be whole.
fn object(report: &Report, folded: &FoldedChange<'_>, is_whole: bool) -> String {
    let change = folded.change;
    let name = code(&folded.object.to_string());
    let said = match (change.action, &change.former) {
        (Action::Create, _) => format!("**Create** {name}"),
        (Action::Update, Some(former)) => format!("**Update** {name}, before {}", code(&former.name)),
        (Action::Update, None) => format!("**Update** {name}"),
        (Action::Delete, _) => format!("**Delete** {name}"),
        (Action::Replace, Some(former)) => {
            format!("**Replace** {} by {name}: deleted and created anew", code(&former.to_string()))
        }
        (Action::Replace, None) => format!("**Replace** {name}: deleted and created anew"),
    };
    let at = change.place.as_ref().map(|at| format!(" · {}", place(at, commit_of(change, report), &report.links)));
    let lines = || fence("diff", change.lines.iter().map(ToString::to_string));
    let diff = match change.summary.is_empty() {
        true => lines(),
        false => {
            let summary = fence("diff", change.summary.iter().take(SUMMARY).map(ToString::to_string));
            let more = change.summary.len().saturating_sub(SUMMARY);
            let more = if more > 0 { format!("\n{} more.\n", counted(more, "edit")) } else { String::new() };
            let title = format!("the whole diff, {}", counted(change.lines.len(), "line"));
            let whole = format!("\n<details><summary>{title}</summary>\n\n{}\n</details>\n", lines());
            if is_whole { format!("{summary}{more}{whole}") } else { format!("{summary}{more}") }
        }
    };
    format!("\n{said}{}\n\n{diff}", at.unwrap_or_default())
}

/// Every changed object counted by environment, unit and kind; coarser where even that does not fit.
fn counts(report: &Report, budget: &Budget) -> String {
    let intro = "\nThe names of all changed objects do not fit here. They are:\n\n";
    type ByPlace<'a> = indexmap::IndexMap<(&'a str, &'a str), indexmap::IndexMap<(Action, &'a str), usize>>;
    let mut by_unit: ByPlace<'_> = indexmap::IndexMap::new();
    let mut by_environment: ByPlace<'_> = indexmap::IndexMap::new();
    for change in &report.changes.changes {
        for (map, unit) in [(&mut by_unit, change.unit.as_str()), (&mut by_environment, "")] {
            let kinds = map.entry((change.environment.as_str(), unit)).or_default();
            *kinds.entry((change.action, change.object.kind.as_str())).or_default() += 1;
        }
    }
    let told = |map: &ByPlace<'_>| {
        let mut out = intro.to_owned();
        for ((environment, unit), kinds) in map {
            let kinds: Vec<String> =
                kinds.iter().map(|((action, kind), count)| format!("{}{count} {kind}", sign(*action))).collect();
            let place = if unit.is_empty() { (*environment).to_owned() } else { format!("{environment} · {unit}") };
            out += &format!("- {}: {}\n", text(&place), text(&kinds.join(", ")));
        }
        out
    };
    let total = format!("\n{} change; their names do not fit here.\n", counted(report.changes.changes.len(), "object"));
    let choices = [told(&by_unit), told(&by_environment)];
    choices.into_iter().find(|choice| budget.size(choice) <= budget.left()).unwrap_or(total)
}

fn sign(action: Action) -> String {
    if action == Action::Update { String::new() } else { action.sign().to_string() }
}

/// All findings, folded, where the first screen does not hold them; takes at most half of what `names` leaves.
pub(super) fn findings(report: &Report, budget: &mut Budget, names: usize) -> String {
    if report.findings.is_empty() {
        return String::new();
    }
    let mut sorted: Vec<_> = report.findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let lines = sorted.into_iter().map(|it| format!("- {} · {}\n", finding(it, report), code(&it.rule)));
    folded(&format!("<b>Findings</b> · {}", report.findings.len()), "finding", lines, budget, names)
}

/// What was silenced, folded.
pub(super) fn silenced(report: &Report, budget: &mut Budget, names: usize) -> String {
    if report.silenced.is_empty() {
        return String::new();
    }
    let lines = words::silenced(report).into_iter().map(|line| format!("- {}\n", message(&cut(&line, 300))));
    folded(&format!("<b>Silenced</b> · {}", report.silenced.len()), "line", lines, budget, names)
}

/// All operations, folded.
pub(super) fn operations(report: &Report, budget: &mut Budget, names: usize) -> String {
    if report.operations.is_empty() {
        return String::new();
    }
    let statuses = [OperationStatus::Failed, OperationStatus::Done, OperationStatus::Planned, OperationStatus::Skipped];
    let counts: Vec<String> = statuses
        .iter()
        .map(|status| (report.operations_with(*status), status.word()))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let line = |it: &Operation| {
        let reason = it.reason.as_deref().map(|why| format!(" · {}", message(&cut(why, 300)))).unwrap_or_default();
        format!("- {} {} · {}{reason}\n", it.verb, code(&cut(&it.target, 300)), it.status.word())
    };
    let title = format!("<b>Operations</b> · {}", listed(&counts, 4));
    folded(&title, "operation", report.operations.iter().map(line), budget, names)
}

fn folded(title: &str, noun: &str, lines: impl Iterator<Item = String>, budget: &mut Budget, names: usize) -> String {
    let opening = format!("\n<details><summary>{title}</summary>\n\n");
    let mut room = budget.clone();
    if !(room.take_leaving(&opening, names + LEFT_OUT) && room.take_leaving(END, names + LEFT_OUT)) {
        return String::new();
    }
    let keep = names + (room.left().saturating_sub(names)) / 2;
    let mut out = opening;
    let mut left_out = 0;
    for line in lines {
        if left_out == 0 && room.take_leaving(&line, keep + LEFT_OUT) { out += &line } else { left_out += 1 }
    }
    if left_out > 0 {
        let said = format!("- {} more that do not fit here\n", counted(left_out, noun));
        room.take(&said);
        out += &said;
    }
    *budget = room;
    out + END
}
