//! Workflow commands: annotations in the job's log on GitHub and Gitea.
//!
//! Decided by GitHub's "Workflow commands": data escapes `%`, CR and LF, properties also `:` and `,`; a step shows ten
//! annotations of each level, so the weightiest come first and the others are counted.

use super::Report;
use super::visible::visible;
use super::words::counted;
use crate::failure::Failure;
use crate::finding::{Finding, Place, Severity};

/// How many annotations of one level a step shows.
const SHOWN: usize = 10;

/// One workflow command for each finding, the heaviest first; a last line counts those beyond what a step shows.
#[must_use]
pub fn annotations(report: &Report) -> String {
    let mut out = String::new();
    for (severity, command) in [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Info, "notice")]
    {
        let findings: Vec<&Finding> = report.findings.iter().filter(|it| it.severity == severity).collect();
        findings.iter().take(SHOWN).for_each(|finding| out += &annotation(command, finding, report));
        if findings.len() > SHOWN {
            let more = counted(findings.len() - SHOWN, severity.word());
            out += &format!("and {more} more, in the summary of this step\n");
        }
    }
    out
}

/// The workflow command for a run that failed.
#[must_use]
pub fn failure(failure: &Failure) -> String {
    let hints: String = failure.hints().iter().map(|hint| format!("\nhint: {hint}")).collect();
    format!("::error title=mergeline::{}\n", data(&format!("{failure}{hints}")))
}

/// A finding on a line that the change does not touch names its place in words: hosts would show it where nobody changed
/// anything, or nowhere.
fn annotation(command: &str, finding: &Finding, report: &Report) -> String {
    let mut properties = Vec::new();
    let mut message = finding.message.clone();
    let shows = |place: &&Place| {
        let line = place.line.unwrap_or_default();
        report.lines.as_ref().is_none_or(|lines| lines.is_shown(&place.path, line))
    };
    let elsewhere = finding.place.as_ref().filter(|place| !shows(place));
    if let Some(place) = elsewhere {
        message = format!("{place}: {message}");
    } else if let Some(place) = &finding.place {
        properties.push(format!("file={}", property(&place.path)));
        if let Some(line) = place.line {
            properties.push(format!("line={line}"));
            if let Some(column) = place.column {
                properties.push(format!("col={column}"));
            }
        }
    }
    properties.push(format!("title={}", property(&finding.rule)));
    if let Some(hint) = &finding.hint {
        message += &format!("\nhint: {hint}");
    }
    format!("::{command} {}::{}\n", properties.join(","), data(&message))
}

fn data(text: &str) -> String {
    // Line ends are told as such; other control characters are made visible.
    let text = text.replace("\r\n", "\n");
    visible(&text).replace('%', "%25").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Text for a job's log that starts no workflow command: runners look for `::` at the start of a line, white space
/// apart, and for `##[` anywhere.
#[must_use]
pub fn break_commands(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let rest = line.trim_start();
        if let Some(after) = rest.strip_prefix("::") {
            out.push_str(&line[..line.len() - rest.len()]);
            out.push_str(":\u{200b}:");
            out.push_str(&after.replace("##[", "#\u{200b}#["));
        } else if line.contains("##[") {
            out.push_str(&line.replace("##[", "#\u{200b}#["));
        } else {
            out.push_str(line);
        }
    }
    out
}

/// JSON for a job's log, for the same readers: it has no line that begins with `::`, and `##[` only within texts.
#[must_use]
pub fn break_commands_in_json(json: &str) -> String {
    json.replace("##[", "#\\u0023[")
}

/// HTML and XML likewise, where `#` has another name.
#[must_use]
pub fn break_commands_in_markup(markup: &str) -> String {
    markup.replace("##[", "#&#35;[")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn properties_and_data_are_escaped() {
        let mut report = Report::new("review");
        report.findings.push(Finding::error("schema", "100% wrong\n::set-env name=x::y").at(Place::at(
            "a,b:c.yaml",
            9,
            13,
        )));
        assert_eq!(
            annotations(&report),
            "::error file=a%2Cb%3Ac.yaml,line=9,col=13,title=schema::100%25 wrong%0A::set-env name=x::y\n"
        );
    }

    #[test]
    fn a_line_that_the_change_does_not_touch_is_named_in_words() {
        let mut report = Report::new("review");
        let mut lines = crate::report::ChangedLines::default();
        let text = |word: &str| {
            (0..20).map(|line| if line == 9 { word.to_owned() } else { line.to_string() } + "\n").collect::<String>()
        };
        lines.add("a.yaml", Some(&text("old")), &text("new"));
        report.lines = Some(lines);
        report.findings.push(Finding::error("schema", "wrong").at(Place::at("a.yaml", 10, 1)));
        report.findings.push(Finding::error("schema", "far").at(Place::at("a.yaml", 19, 1)));
        report.findings.push(Finding::error("schema", "other").at(Place::at("b.yaml", 10, 1)));
        assert_eq!(
            annotations(&report),
            "::error file=a.yaml,line=10,col=1,title=schema::wrong\n::error title=schema::a.yaml:19:1: far\n::error title=schema::b.yaml:10:1: other\n"
        );
    }

    #[test]
    fn the_heaviest_come_first_and_the_others_are_counted() {
        let mut report = Report::new("review");
        report.findings.push(Finding::warning("b", "w"));
        (0..15).for_each(|at| report.findings.push(Finding::error("a", format!("e{at}"))));
        let text = annotations(&report);
        assert!(text.starts_with("::error title=a::e0\n"));
        assert!(text.contains("and 5 errors more, in the summary"));
        assert_eq!(text.lines().count(), 12);
    }

    #[test]
    fn a_failure_is_one_annotation_with_its_hints() {
        let text = failure(&Failure::remote("cannot open a pull request\n::error::x").hint("allow it: 100%"));
        assert_eq!(text, "::error title=mergeline::cannot open a pull request%0A::error::x%0Ahint: allow it: 100%25\n");
    }

    proptest! {
        #[test]
        fn no_line_starts_a_command_that_is_not_ours(message in any::<String>(), path in any::<String>(), raw in "[ \t\n:#\\[a-z]{0,40}") {
            let mut report = Report::new("review");
            report.findings.push(Finding::error("schema", message).at(Place::at(path, 1, 1)));
            let text = annotations(&report);
            prop_assert_eq!(text.split(['\n', '\r']).filter(|line| line.trim_start().starts_with("::")).count(), 1);
            let broken = break_commands(&raw);
            prop_assert!(!broken.contains("##[") && broken.lines().all(|line| !line.trim_start().starts_with("::")));
        }
    }
}
