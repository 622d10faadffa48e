//! The comment in a team's own shape: a template in Jinja's syntax that the trusted configuration names.
//!
//! Strict (a name that is not there is an error), with bounded work, and no way to write foreign text unescaped: what
//! the template prints passes through [`escape::text`], save for the parts that are made here. Decided by DESIGN §4.

use super::budget::Budget;
use super::{escape, footer, screen, sections};
use crate::diff::Action;
use crate::finding::{Finding, Severity};
use crate::report::Report;
use crate::report::visible::one_line;
use crate::report::words::{changed_environments, headline};
use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context, filters, tests};
use serde::Serialize;

/// Instructions that one rendering may take: a loop over 1,000 findings takes about 50,000.
const FUEL: u64 = 1_000_000;

/// Why a template gives no comment, with the line in the template where that is known.
#[derive(Debug, thiserror::Error)]
#[error("{}", told(.0))]
pub struct TemplateError(#[from] minijinja::Error);

impl TemplateError {
    /// The line of the template, from 1.
    #[must_use]
    pub fn line(&self) -> Option<u32> {
        self.0.line().and_then(|line| u32::try_from(line).ok())
    }
}

fn told(error: &minijinja::Error) -> String {
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    one_line(&format!("{}{detail}", error.kind()))
}

/// Says what is wrong with a template, by writing an empty report with it.
///
/// # Errors
/// What is wrong.
pub fn check(template: &str) -> Result<(), TemplateError> {
    render(template, &Report::new("review"), "").map(drop)
}

/// The comment by `template`; the changes take what the rest leaves.
pub(super) fn comment(template: &str, report: &Report, mut budget: Budget) -> Result<String, TemplateError> {
    let frame = render(template, report, "")?;
    if !budget.take(&frame) {
        return Ok(budget.cut(&escape::text(&headline(report))));
    }
    // What was silenced is told whatever the template leaves out.
    let changes = sections::sections(report, &mut budget) + &sections::silenced(report, &mut budget, 0);
    let whole = render(template, report, &changes)?;
    // A template that prints the changes twice gets them once.
    let fits = budget.size(&whole) <= budget.size(&frame) + budget.size(&changes) + 1;
    Ok(if fits { whole } else { frame })
}

#[derive(Serialize)]
struct Line<'a> {
    severity: &'a str,
    rule: &'a str,
    message: &'a str,
    path: Option<&'a str>,
    line: Option<u32>,
    object: Option<String>,
    environments: &'a [String],
    unit: Option<&'a str>,
    hint: Option<&'a str>,
}

fn line(finding: &Finding) -> Line<'_> {
    Line {
        severity: finding.severity.word(),
        rule: &finding.rule,
        message: &finding.message,
        path: finding.place.as_ref().map(|place| place.path.as_str()),
        line: finding.place.as_ref().and_then(|place| place.line),
        object: finding.object.as_ref().map(ToString::to_string),
        environments: &finding.environments,
        unit: finding.unit.as_deref(),
        hint: finding.hint.as_deref(),
    }
}

fn render(template: &str, report: &Report, changes: &str) -> Result<String, TemplateError> {
    let mut environment = Environment::empty();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    // The only filters: none of them makes foreign text pass for ours.
    environment.add_filter("join", filters::join);
    environment.add_filter("length", filters::length);
    environment.add_filter("default", filters::default);
    environment.add_filter("upper", filters::upper);
    environment.add_filter("first", filters::first);
    environment.add_filter("last", filters::last);
    environment.add_test("none", tests::is_none);
    environment.add_test("defined", tests::is_defined);
    environment.set_formatter(|out, _, value| {
        let text = if value.is_none() { String::new() } else { value.to_string() };
        let text = if value.is_safe() { text } else { escape::text(&text) };
        out.write_str(&text).map_err(minijinja::Error::from)
    });
    environment.add_template("comment", template)?;
    let ours = |text: String| Value::from_safe_string(text);
    let count = |action: Action| report.changes.count(action);
    let lines: Vec<Line<'_>> = report.findings.iter().map(line).collect();
    let data = context! {
        verdict => report.verdict.word(),
        headline => headline(report),
        table => ours(screen::matrix(report)),
        lines => ours(screen::items(report, 20, screen::Which::All)),
        changes => ours(changes.to_owned()),
        footer => ours(footer(report)),
        findings => Value::from(Serde(lines)),
        errors => report.count(Severity::Error),
        warnings => report.count(Severity::Warning),
        created => count(Action::Create),
        updated => count(Action::Update),
        deleted => count(Action::Delete),
        replaced => count(Action::Replace),
        environments => changed_environments(report).into_iter().map(str::to_owned).collect::<Vec<_>>(),
        head => report.head.as_ref().map(|commit| commit.short().to_owned()),
        base => report.base.as_ref().map(|commit| commit.short().to_owned()),
        kubernetes => report.kubernetes.clone(),
    };
    // The engine drops the line end at the end of a template.
    Ok(environment.get_template("comment")?.render(data)? + "\n")
}

#[cfg(test)]
mod unit {
    #![allow(clippy::unwrap_used)]
    use crate::host::limits::LOCAL;
    use crate::report::Report;
    use crate::report::markdown::comment;
    use crate::report::sample;

    fn with(template: &str, report: Report) -> String {
        comment(&Report { comment_template: Some(template.into()), ..report }, &LOCAL)
    }

    #[test]
    fn the_default_comment_as_a_template_gives_the_default_comment() {
        let template = include_str!("../../../docs/comment.md.j2");
        let mut report = sample::review();
        report.findings.truncate(3);
        assert_eq!(with(template, report.clone()), comment(&report, &LOCAL));
    }

    #[test]
    fn foreign_text_is_escaped_and_a_name_that_is_not_there_is_told() {
        let mut report = sample::review();
        report.findings[0].message = "@all <b> `x`\n/close".into();
        let told = with("{% for it in findings %}{{ it.message }}{% endfor %}", report.clone());
        assert!(told.contains("@\u{200b}all &lt;b&gt; \\`x\\` /close"), "{told}");
        let told = with("{{ nothing.here }}", report);
        assert!(told.starts_with("### Mergeline:") && told.contains("template"), "{told}");
    }

    #[test]
    fn work_without_end_ends() {
        let endless = "{% for a in findings %}{% for b in findings %}{% for c in findings %}{% for d in findings %}\
                       {% for e in findings %}{% for f in findings %}x{% endfor %}{% endfor %}{% endfor %}{% endfor %}\
                       {% endfor %}{% endfor %}";
        let mut report = sample::review();
        report.findings = (0..50).map(|_| report.findings[0].clone()).collect();
        assert!(with(endless, report).contains("template"));
    }

    #[test]
    fn what_a_template_prints_fits_the_receiver() {
        let limits = crate::host::limits::Limits { comment: 2_000, ..LOCAL };
        let report = Report { comment_template: Some("{{ changes }}{{ changes }}".into()), ..sample::review() };
        assert!(comment(&report, &limits).chars().count() <= 2_000);
    }
}
