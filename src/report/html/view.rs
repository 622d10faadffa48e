//! What the page shows, as plain data for the template.

use crate::diff::{Action, Change, FoldedChange, LineKind};
use crate::finding::{Finding, Place};
use crate::report::address::address;
use crate::report::visible::{one_line, visible};
use crate::report::words::{
    Group, changed_environments, consequence, counted, footprints, groups, headline, image_changes, listed, provenance,
    push_new, silenced,
};
use crate::report::{Links, Report};
use serde::Serialize;

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
    lines: Vec<Line>,
    added: usize,
    removed: usize,
    /// Only labels and annotations change that a chart renews by itself.
    noise: bool,
}

#[derive(Serialize)]
struct Line {
    kind: &'static str,
    text: String,
}

#[derive(Serialize)]
struct OperationView {
    verb: &'static str,
    target: String,
    status: &'static str,
    reason: Option<String>,
}

pub(super) fn view(report: &Report) -> View {
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
        sections: groups(report).iter().enumerate().map(|(at, group)| section(at, group, report)).collect(),
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
    }
}

fn is_web(address: &str) -> bool {
    address.starts_with("https://") || address.starts_with("http://")
}

fn rows(report: &Report, environments: &[&str]) -> Vec<Row> {
    let mut units: Vec<&str> = Vec::new();
    report.changes.changes.iter().for_each(|change| push_new(&mut units, &change.unit));
    let count = |unit: &str, environment: &str, action: Action| {
        let here = |it: &&Change| it.unit == unit && it.environment == environment && it.action == action;
        report.changes.changes.iter().filter(here).count()
    };
    let cell = |unit: &str, environment: &str| -> Vec<Count> {
        let counts = Action::ALL.map(|action| (action, count(unit, environment, action)));
        let some = counts.into_iter().filter(|(_, count)| *count > 0);
        some.map(|(action, count)| Count { action: action.word(), text: format!("{}{count}", action.sign()) }).collect()
    };
    let row = |unit: &&str| Row {
        unit: one_line(unit),
        cells: environments.iter().map(|environment| cell(unit, environment)).collect(),
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

fn section(at: usize, group: &Group<'_>, report: &Report) -> Section {
    let changes = group.changes.iter().enumerate();
    Section {
        unit: one_line(group.unit),
        place: one_line(&group.place()),
        count: counted(group.changes.len(), "object"),
        changes: changes.map(|(number, it)| change(format!("c{at}-{number}"), it, report)).collect(),
    }
}

fn change(id: String, folded: &FoldedChange<'_>, report: &Report) -> ChangeView {
    let change = folded.change;
    let commit = if change.action == Action::Delete { report.base.as_ref() } else { report.head.as_ref() };
    let count = |kind: LineKind| change.lines.iter().filter(|line| line.kind == kind).count();
    let gone = if change.action == Action::Delete { Some(&folded.object) } else { None };
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
        lines: change
            .lines
            .iter()
            .map(|line| Line {
                kind: match line.kind {
                    LineKind::Header => "at",
                    LineKind::Context => "same",
                    LineKind::Removed => "del",
                    LineKind::Added => "add",
                },
                text: visible(line.text.as_str()).into_owned(),
            })
            .collect(),
    }
}
