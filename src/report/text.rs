//! The report on a terminal: findings as compilers show them, the changes as a diff, operations as a table.
//!
//! Readable without colour; colour only when the caller asks. Foreign text drives no terminal and starts no workflow
//! command, since the same text goes to CI logs.

use super::Report;
use super::annotations::break_commands;
use super::visible::{cut, one_line, visible};
use super::words::{
    Group, conclusion, counted, footprints, groups, image_changes, listed, provenance, silenced, unit_name,
};
use crate::diff::{Action, FoldedChange, LineKind};
use crate::finding::{Finding, Severity};
use annotate_snippets::{AnnotationKind, Level, Message, Origin, Renderer, Snippet};

/// A diff of a definition that is longer than this is left to the other reports.
const LONG: usize = 40;

/// Colours of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Plain,
    Bold,
    Red,
    Green,
    Cyan,
}

/// The report as text, with ANSI colours when `colour` is set.
#[must_use]
pub fn text(report: &Report, colour: bool) -> String {
    let paint = Paint { colour };
    let mut blocks: Vec<String> = report.findings.iter().map(|finding| paint.finding(finding)).collect();
    blocks.extend(groups(report).iter().map(|group| paint.group(group)));
    for unit in &report.withheld {
        blocks.push(format!("{}: the diff is withheld because one side does not render\n", one_line(&unit_name(unit))));
    }
    if !report.operations.is_empty() {
        blocks.push(operations(report));
    }
    let silenced = silenced(report);
    if !silenced.is_empty() {
        blocks.push(silenced.iter().map(|line| format!("silenced: {}\n", one_line(line))).collect());
    }
    blocks.push(paint.closing(report));
    break_commands(&blocks.join("\n"))
}

/// The findings alone, for commands whose result is something else.
#[must_use]
pub fn findings(report: &Report, colour: bool) -> String {
    let paint = Paint { colour };
    let blocks: Vec<String> = report.findings.iter().map(|finding| paint.finding(finding)).collect();
    break_commands(&blocks.join("\n"))
}

/// One finding without colour, as [`text`] shows it.
pub(super) fn finding(finding: &Finding) -> String {
    Paint { colour: false }.finding(finding)
}

struct Paint {
    colour: bool,
}

impl Paint {
    fn put(&self, style: Style, text: &str) -> String {
        let code = match style {
            _ if !self.colour => return text.to_owned(),
            Style::Plain => return text.to_owned(),
            Style::Bold => "1",
            Style::Red => "31",
            Style::Green => "32",
            Style::Cyan => "36",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }

    /// A finding in the shape of STYLE: title, place, line with an underline, facts.
    fn finding(&self, finding: &Finding) -> String {
        let level = match finding.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Info => Level::INFO,
        };
        let title = one_line(&finding.message);
        let mut group =
            level.primary_title(&title).id(finding.rule.as_ref()).elements(std::iter::empty::<Message<'_>>());
        let path = finding.place.as_ref().map(|place| one_line(&place.path)).unwrap_or_default();
        let excerpt = finding.place.as_ref().and_then(|place| place.excerpt.as_ref());
        let line = excerpt.map(|excerpt| visible(&excerpt.line).into_owned()).unwrap_or_default();
        if let Some(place) = &finding.place {
            let number = place.line.map(|line| line as usize);
            // What became visible has other columns: then only the place is shown.
            if let (Some(excerpt), Some(number)) = (excerpt.filter(|it| it.line == line), number) {
                let span = span(&line, place.column.unwrap_or(1) as usize, excerpt.width as usize);
                let snippet = Snippet::source(line.as_str()).line_start(number).path(path.as_str());
                group = group.element(snippet.annotation(AnnotationKind::Primary.span(span)));
            } else {
                let mut origin = Origin::path(path.as_str());
                if let Some(number) = number {
                    origin = origin.line(number).char_column(place.column.unwrap_or(1) as usize);
                }
                group = group.element(origin);
            }
        }
        let mut facts: Vec<(&str, String)> = Vec::new();
        if let Some(object) = &finding.object {
            facts.push(("object", one_line(&object.to_string())));
        }
        let reached: Vec<&String> = finding.environments.iter().filter(|name| *name != "default").collect();
        if !reached.is_empty() {
            facts.push(("rendered into", one_line(&listed(&reached, 12))));
        }
        for (place, why) in &finding.related {
            facts.push(("also", one_line(&format!("{place} {why}"))));
        }
        if let Some(hint) = &finding.hint {
            facts.push(("hint", one_line(hint)));
        }
        facts.push(("help", finding.help_url()));
        for (name, fact) in facts {
            group = group.element(Level::NOTE.with_name(name.to_owned()).message(fact));
        }
        let renderer = if self.colour { Renderer::styled() } else { Renderer::plain() };
        renderer.render(&[group]) + "\n"
    }

    fn group(&self, group: &Group<'_>) -> String {
        let place = group.place();
        let place = if place.is_empty() { place } else { format!(" · {}", one_line(&place)) };
        let mut out = format!("{}{place}\n", self.put(Style::Bold, &one_line(group.unit)));
        group.changes.iter().for_each(|change| out += &self.change(change));
        out
    }

    fn change(&self, folded: &FoldedChange<'_>) -> String {
        let change = folded.change;
        let name = one_line(&folded.object.to_string());
        let said = match (change.action, &change.former) {
            (Action::Replace, Some(former)) => format!("{name}, replacing {}", one_line(&former.to_string())),
            (Action::Update, Some(former)) => format!("{name}, before {}", one_line(&former.name)),
            _ => name,
        };
        let style = match change.action {
            Action::Create => Style::Green,
            Action::Update => Style::Bold,
            Action::Delete | Action::Replace => Style::Red,
        };
        let place =
            change.place.as_ref().map(|place| format!("  {}", one_line(&place.to_string()))).unwrap_or_default();
        let mut out =
            format!("  {} {}{place}\n", self.put(style, &change.action.sign().to_string()), self.put(style, &said));
        for line in &change.summary {
            let style = match line.as_str().chars().next() {
                Some('+') => Style::Green,
                Some('-') => Style::Red,
                _ => Style::Plain,
            };
            let shown = visible(line.as_str()).replace('\n', " ");
            out += &format!("      {}\n", self.put(style, shown.trim_end()));
        }
        if !change.summary.is_empty() && change.lines.len() > LONG {
            let said = format!("the whole diff has {} lines: `--output html=FILE` shows it", change.lines.len());
            return out + &format!("      {}\n", self.put(Style::Cyan, &said));
        }
        for line in &change.lines {
            let style = match line.kind {
                LineKind::Header => Style::Cyan,
                LineKind::Context => Style::Plain,
                LineKind::Removed => Style::Red,
                LineKind::Added => Style::Green,
            };
            let shown = visible(&line.to_string()).replace('\n', " ");
            out += &format!("      {}\n", self.put(style, shown.trim_end()));
        }
        out
    }

    /// The last lines: what it comes to.
    fn closing(&self, report: &Report) -> String {
        let mut out = String::new();
        for (container, said, environments) in image_changes(&report.changes.folded()) {
            let place = match environments.is_empty() {
                true => String::new(),
                false => format!(" in {}", listed(&environments, 12)),
            };
            out += &(one_line(&format!("image {container} {said}{place}")) + "\n");
        }
        for (said, environments) in footprints(report) {
            let place = match environments.is_empty() {
                true => String::new(),
                false => format!(" in {}", listed(&environments, 12)),
            };
            out += &(one_line(&format!("resources {said}{place}")) + "\n");
        }
        let style = if report.verdict == super::Verdict::Fail { Style::Red } else { Style::Bold };
        let verdict = one_line(&conclusion(report));
        out += &self.put(style, &verdict);
        let facts = one_line(&provenance(report).join(" · "));
        out + &format!("\n{facts}\n")
    }
}

/// The bytes of `width` characters from a column (from 1) on, within the line.
fn span(line: &str, column: usize, width: usize) -> std::ops::Range<usize> {
    let byte = |at: usize| line.char_indices().nth(at).map_or(line.len(), |(byte, _)| byte);
    let start = byte(column.saturating_sub(1));
    start..byte(column.saturating_sub(1) + width.max(1)).max(start)
}

/// One line an operation, in columns.
fn operations(report: &Report) -> String {
    let rows: Vec<[String; 4]> = report
        .operations
        .iter()
        .map(|it| {
            let reason = it.reason.as_deref().map(|reason| cut(reason, 300)).unwrap_or_default();
            [it.status.word().to_owned(), it.verb.word().to_owned(), cut(&it.target, 120), reason]
        })
        .collect();
    columns(&rows) + &format!("{}\n", counted(report.operations.len(), "operation"))
}

/// Rows in columns as wide as their longest text.
pub(super) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; N] = std::array::from_fn(width);
    let mut out = String::new();
    for row in rows {
        let cells: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        out += cells.join("  ").trim_end();
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn a_review_reads_well_without_colour() {
        insta::assert_snapshot!(text(&sample::review(), false));
    }

    #[test]
    fn an_apply_shows_its_operations() {
        insta::assert_snapshot!(text(&sample::apply(), false));
    }

    #[test]
    fn colour_is_only_added_when_asked_for() {
        assert!(!text(&sample::review(), false).contains('\u{1b}'));
        assert!(text(&sample::review(), true).contains("\u{1b}[31m"));
    }
}
