//! What the page shows, as plain data for the template.

use crate::diff::{Action, DiffLine, FoldedChange, LineKind};
use crate::finding::{Finding, Place};
use crate::report::address::address;
use crate::report::visible::{one_line, visible};
use crate::report::words::{
    Group, changed_environments, consequence, counted, footprints, groups, headline, image_changes, listed, provenance,
    push_new, silenced,
};
use crate::report::{Links, Report};
use indexmap::IndexMap;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::HashMap;

#[derive(Serialize)]
pub(super) struct View {
    title: String,
    headline: String,
    verdict: &'static str,
    head: Option<Commit>,
    base: Option<Commit>,
    provenance: Vec<String>,
    environments: Vec<String>,
    rows: Vec<Row>,
    findings: Vec<FindingView>,
    silenced: Vec<String>,
    severities: Vec<(&'static str, usize)>,
    images: Vec<String>,
    resources: Vec<String>,
    sections: Vec<Section>,
    withheld: Vec<String>,
    operations: Vec<OperationView>,
    objects: usize,
    /// How many lines of diffs are left out of the page.
    left_out: usize,
}

#[derive(Serialize)]
struct Commit {
    short: String,
    address: Option<String>,
}

/// A unit's line of the table.
#[derive(Serialize)]
struct Row {
    unit: String,
    cells: Vec<Vec<Count>>,
}

#[derive(Serialize)]
struct Count {
    action: &'static str,
    text: String,
    said: String,
}

#[derive(Serialize)]
struct FindingView {
    severity: &'static str,
    rule: String,
    message: Vec<Piece>,
    place: Option<PlaceView>,
    object: Option<String>,
    environments: String,
    hint: Option<Vec<Piece>>,
    related: Vec<String>,
    help: String,
}

/// A part of a sentence.
#[derive(Serialize)]
struct Piece {
    /// It stood between backticks.
    code: bool,
    text: String,
}

#[derive(Serialize)]
struct PlaceView {
    text: String,
    address: Option<String>,
}

#[derive(Serialize)]
struct Section {
    unit: String,
    place: String,
    count: String,
    changes: Vec<ChangeView>,
}

#[derive(Serialize)]
struct ChangeView {
    id: String,
    action: &'static str,
    sign: char,
    name: String,
    former: Option<String>,
    consequence: Option<&'static str>,
    place: Option<PlaceView>,
    /// Its lines with their signs, as one text: the page draws them when they are looked at.
    diff: String,
    /// How many more there are.
    left_out: usize,
    added: usize,
    removed: usize,
    /// Only labels and annotations change that a chart renews by itself.
    noise: bool,
}

#[derive(Serialize)]
struct OperationView {
    verb: &'static str,
    target: String,
    status: &'static str,
    reason: Option<String>,
}

/// Diffs of more bytes than this are cut: browsers open such a page within seconds, and hosts keep it as an artifact.
const DIFFS: usize = 24_000_000;

pub(super) fn view(report: &Report) -> View {
    let mut room = DIFFS;
    let groups = groups(report);
    let sections: Vec<Section> =
        groups.iter().enumerate().map(|(at, group)| section(at, group, report, &mut room)).collect();
    let left_out = sections.iter().flat_map(|section| &section.changes).map(|change| change.left_out).sum();
    let mut environments = changed_environments(report);
    report.environments.iter().for_each(|name| push_new(&mut environments, name));
    let order = |name: &&str| report.environments.iter().position(|known| known == name).unwrap_or(usize::MAX);
    environments.sort_by_key(order);
    let folded = report.changes.folded();
    let images = image_changes(&folded).into_iter().map(|(container, said, environments)| {
        let place = if environments.is_empty() { String::new() } else { format!(" in {}", listed(&environments, 12)) };
        one_line(&format!("{container} {said}{place}"))
    });
    let resources = footprints(report).into_iter().map(|(said, environments)| {
        let place = if environments.is_empty() { String::new() } else { format!(" in {}", listed(&environments, 12)) };
        one_line(&format!("{said}{place}"))
    });
    let severities = ["error", "warning", "info"]
        .map(|word| (word, report.findings.iter().filter(|finding| finding.severity.word() == word).count()));
    let commit = |commit: &crate::commit::CommitId| Commit {
        short: commit.short().to_owned(),
        address: report
            .links
            .commit
            .as_ref()
            .map(|link| link.replace("{commit}", commit.as_str()))
            .filter(|it| is_web(it)),
    };
    View {
        title: format!("Mergeline {}: {}", report.command, one_line(&headline(report))),
        headline: one_line(&headline(report)),
        verdict: report.verdict.word(),
        head: report.head.as_ref().map(commit),
        base: report.base.as_ref().map(commit),
        provenance: provenance(report).iter().map(|part| one_line(part)).collect(),
        rows: rows(report, &environments),
        environments: environments.iter().map(|name| one_line(name)).collect(),
        findings: report.findings.iter().map(|it| finding(it, report)).collect(),
        silenced: silenced(report).iter().map(|line| one_line(line)).collect(),
        severities: severities.into_iter().filter(|(_, count)| *count > 0).collect(),
        images: images.collect(),
        resources: resources.collect(),
        sections,
        withheld: report.withheld.iter().map(|unit| one_line(&unit.to_string())).collect(),
        operations: report
            .operations
            .iter()
            .map(|it| OperationView {
                verb: it.verb.word(),
                target: one_line(&it.target),
                status: it.status.word(),
                reason: it.reason.as_deref().map(one_line),
            })
            .collect(),
        objects: folded.len(),
        left_out,
    }
}

fn is_web(address: &str) -> bool {
    address.starts_with("https://") || address.starts_with("http://")
}

fn rows(report: &Report, environments: &[&str]) -> Vec<Row> {
    let mut units: IndexMap<&str, HashMap<(&str, Action), usize>> = IndexMap::new();
    for change in &report.changes.changes {
        let counts = units.entry(&change.unit).or_default();
        *counts.entry((&change.environment, change.action)).or_default() += 1;
    }
    let cell = |counts: &HashMap<(&str, Action), usize>, environment: &str| -> Vec<Count> {
        let some = Action::ALL.into_iter().filter_map(|action| Some((action, *counts.get(&(environment, action))?)));
        let count = |(action, count): (Action, usize)| Count {
            action: action.word(),
            text: format!("{}{count}", action.sign()),
            said: format!("{} to {action}", counted(count, "object")),
        };
        some.map(count).collect()
    };
    let row = |(unit, counts): (&&str, &HashMap<(&str, Action), usize>)| Row {
        unit: one_line(unit),
        cells: environments.iter().map(|environment| cell(counts, environment)).collect(),
    };
    units.iter().map(row).collect()
}

fn place(place: &Place, commit: Option<&crate::commit::CommitId>, links: &Links) -> PlaceView {
    let text = match place.line {
        Some(line) => format!("{}:{line}", place.path),
        None => place.path.clone(),
    };
    PlaceView { text: one_line(&text), address: address(place, commit, links).filter(|it| is_web(it)) }
}

fn finding(finding: &Finding, report: &Report) -> FindingView {
    let reached: Vec<&String> = finding.environments.iter().filter(|name| *name != "default").collect();
    FindingView {
        severity: finding.severity.word(),
        rule: finding.rule.to_string(),
        message: pieces(&finding.message),
        place: finding.place.as_ref().map(|at| place(at, report.head.as_ref(), &report.links)),
        object: finding.object.as_ref().map(|object| one_line(&object.to_string())),
        environments: one_line(&listed(&reached, 12)),
        hint: finding.hint.as_deref().map(pieces),
        related: finding.related.iter().map(|(place, why)| one_line(&format!("{place} {why}"))).collect(),
        help: finding.help_url(),
    }
}

/// Splits a sentence at its backticks; one that stands alone is a character like any other.
fn pieces(text: &str) -> Vec<Piece> {
    let text = one_line(text);
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return vec![Piece { code: false, text: text.clone() }];
    }
    let piece = |(at, part): (usize, &&str)| Piece { code: at % 2 == 1, text: (*part).to_owned() };
    parts.iter().enumerate().filter(|(_, part)| !part.is_empty()).map(piece).collect()
}

fn section(at: usize, group: &Group<'_>, report: &Report, room: &mut usize) -> Section {
    let changes = group.changes.iter().enumerate();
    Section {
        unit: one_line(group.unit),
        place: one_line(&group.place()),
        count: counted(group.changes.len(), "object"),
        changes: changes.map(|(number, it)| change(format!("c{at}-{number}"), it, report, room)).collect(),
    }
}

fn change(id: String, folded: &FoldedChange<'_>, report: &Report, room: &mut usize) -> ChangeView {
    let change = folded.change;
    let commit = if change.action == Action::Delete { report.base.as_ref() } else { report.head.as_ref() };
    let count = |kind: LineKind| change.lines.iter().filter(|line| line.kind == kind).count();
    let gone = if change.action == Action::Delete { Some(&folded.object) } else { None };
    let lines: Cow<'_, [DiffLine]> = match change.summary.is_empty() {
        true => Cow::Borrowed(&change.lines),
        // What a definition comes to stands above its diff.
        false => {
            let summary = change.summary.iter().map(|text| DiffLine { kind: LineKind::Header, text: text.clone() });
            Cow::Owned(summary.chain(change.lines.iter().cloned()).collect())
        }
    };
    let (diff, shown) = diff(&lines, room);
    ChangeView {
        id,
        action: change.action.word(),
        sign: change.action.sign(),
        name: one_line(&folded.object.to_string()),
        former: change.former.as_ref().map(|former| one_line(&former.to_string())),
        consequence: gone.and_then(|object| consequence(&object.kind)),
        place: change.place.as_ref().map(|at| place(at, commit, &report.links)),
        noise: change.is_noise(),
        added: count(LineKind::Added),
        removed: count(LineKind::Removed),
        left_out: lines.len() - shown,
        diff,
    }
}

/// The lines of a diff with their signs, as far as there is room, and how many these are.
fn diff(lines: &[DiffLine], room: &mut usize) -> (String, usize) {
    let mut text = String::new();
    for (at, line) in lines.iter().enumerate() {
        let before = text.len();
        if at > 0 {
            text.push('\n');
        }
        text.push_str(line.kind.sign());
        text.push_str(&visible(line.text.as_str()).replace('\n', " "));
        if text.len() > *room {
            text.truncate(before);
            *room = 0;
            return (text, at);
        }
    }
    *room -= text.len();
    (text, lines.len())
}
