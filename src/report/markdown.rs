//! The review comment and step summary in Markdown.
//!
//! A first screen of at most 25 lines answers, in this order: may I merge, what goes away, what changes where. All the
//! rest is folded below it and cut between objects to the receiver's limit; every changed object is named, or counted
//! where the names alone do not fit. Decided by DESIGN §4 "Reviewing" and the example in STYLE.

mod budget;
pub mod escape;
mod remark;
mod screen;
mod sections;
pub mod template;
#[cfg(test)]
mod tests;

use super::Report;
use super::words::{headline, judgement, provenance};
use crate::failure::Failure;
use crate::host::limits::{Limits, TextUnit};
use budget::Budget;
use escape::{link, text, url};
pub use remark::remark;

/// GitHub drops a step summary over 1 MiB as a whole; other steps' summaries do not count into it.
const STEP_SUMMARY: usize = 1_000_000;
/// Left for the marker that the host puts in front.
const MARKER: usize = 160;

/// The body of the review comment, within the host's limit.
#[must_use]
pub fn comment(report: &Report, limits: &Limits) -> String {
    let budget = Budget::new(limits.comment.saturating_sub(MARKER), limits.unit);
    let Some(template) = &report.comment_template else { return compose(report, budget) };
    template::comment(template, report, budget.clone()).unwrap_or_else(|error| {
        let said = format!("\n> the comment's template gives nothing: {}\n", text(&error.to_string()));
        let mut budget = budget;
        let room = budget.take(&said);
        let body = compose(report, budget);
        if room { body + &said } else { body }
    })
}

/// The step summary of a job: the same, with more room.
#[must_use]
pub fn summary(report: &Report) -> String {
    compose(report, Budget::new(STEP_SUMMARY, TextUnit::Bytes))
}

/// What a step summary says of a run that failed: what, why, and what to do next.
#[must_use]
pub fn failure(failure: &Failure) -> String {
    let mut out = format!("### Mergeline: failed\n\n{}\n", text(&failure.to_string()));
    if !failure.hints().is_empty() {
        out += "\n";
    }
    failure.hints().iter().for_each(|hint| out += &format!("- {}\n", text(hint)));
    out
}

/// The summary of the changes for the body of a promotion pull request: the table, what goes away, images and diffs,
/// within `most` of the host's units. Empty when nothing changes.
#[must_use]
pub fn change_summary(report: &Report, most: usize, unit: TextUnit) -> String {
    if report.changes.is_empty() {
        return String::new();
    }
    let mut budget = Budget::new(most, unit);
    let mut body = screen::matrix(report);
    let items = screen::items(report, 12, screen::Which::Changes);
    if !items.is_empty() {
        body += &format!("\n{items}");
    }
    if !budget.take(&body) {
        body = String::new();
    }
    body += &sections::sections(report, &mut budget);
    body
}

fn compose(report: &Report, mut budget: Budget) -> String {
    let headline = format!("### Mergeline: {}\n", text(&headline(report)));
    let footer = format!("\n<sub>{}</sub>\n", footer(report));
    if !(budget.take(&headline) && budget.take(&footer)) {
        // A receiver that takes less than two lines gets as much of the first one as it takes.
        return budget.cut(&format!("Mergeline: {}", judgement(report)));
    }
    let mut body = headline;
    let matrix = screen::matrix(report);
    if !matrix.is_empty() && budget.take(&format!("\n{matrix}")) {
        body += &format!("\n{matrix}");
    }
    // Headline, table and footer with the empty lines around them take their share of the first screen.
    let used = body.lines().count() + 4;
    let items = screen::items(report, 25usize.saturating_sub(used).max(6), screen::Which::All);
    if !items.is_empty() && budget.take(&format!("\n{items}")) {
        body += &format!("\n{items}");
    }
    let names = sections::least(report, &budget);
    let findings = match screen::holds_all_findings(report, &body) {
        true => String::new(),
        false => sections::findings(report, &mut budget, names),
    };
    let operations = sections::operations(report, &mut budget, names);
    let silenced = sections::silenced(report, &mut budget, names);
    body += &sections::sections(report, &mut budget);
    body + &findings + &silenced + &operations + &footer
}

fn footer(report: &Report) -> String {
    let commit = |id: &crate::commit::CommitId| match &report.links.commit {
        Some(template) => format!("[{}]({})", id.short(), url(&template.replace("{commit}", id.as_str()))),
        None => id.short().to_owned(),
    };
    let mut parts = Vec::new();
    let head = report.head.as_ref().map_or_else(|| "the working tree".to_owned(), commit);
    match &report.base {
        Some(base) => parts.push(format!("{head} against {}", commit(base))),
        None => parts.push(head),
    }
    parts.extend(provenance(report).iter().map(|part| text(part)));
    if let Some(address) = &report.links.report {
        parts.push(link("full report", &url(address)));
    }
    parts.join(" · ")
}
