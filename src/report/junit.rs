//! `--output junit`: what test reports of a CI show.
//!
//! A suite for each file with a case for each finding in it; a finding that fails the run is a `failure`, a lighter one a
//! passed case that says it. Objects that were not checked are skipped cases, operations are cases of their own, and one
//! case stands for all objects that were checked, so that a clean run is not an empty one.
//!
//! Decided by the XML Schema of Jenkins' xUnit plugin (`tests/cases/report/junit-10.xsd`), which GitLab's and GitHub's
//! readers are content with too.

use super::annotations::break_commands;
use super::text;
use super::visible::{one_line, visible};
use super::words::{counted, provenance};
use super::{Report, Silenced, SilencedBy};
use crate::finding::{Finding, Severity};
use crate::operation::OperationStatus;
use indexmap::IndexMap;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};
use std::io;

/// What became of a case.
enum Outcome {
    Passed,
    /// Why, in a line, and the whole story.
    Failed(&'static str, String, String),
    /// Why.
    Skipped(String),
}

/// One case of a suite.
struct Case {
    name: String,
    outcome: Outcome,
    /// What a passed case says all the same.
    said: Option<String>,
}

/// The report as XML text with a line end.
#[must_use]
pub fn junit(report: &Report) -> String {
    let mut bytes = Vec::new();
    write(report, &mut Writer::new_with_indent(&mut bytes, b' ', 2)).expect("because writing to memory does not fail");
    String::from_utf8(bytes).expect("because only text was written") + "\n"
}

fn write(report: &Report, xml: &mut Writer<&mut Vec<u8>>) -> io::Result<()> {
    let suites = suites(report);
    let all = || suites.values().flatten();
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let time = format!("{:.3}", report.elapsed.as_secs_f64());
    let head = xml
        .create_element("testsuites")
        .with_attribute(("name", format!("mergeline {}", report.command).as_str()))
        .with_attribute(("tests", all().count().to_string().as_str()))
        .with_attribute(("failures", all().filter(|case| case.failed()).count().to_string().as_str()))
        .with_attribute(("errors", "0"))
        .with_attribute(("time", time.as_str()));
    head.write_inner_content(|xml| suites.iter().try_for_each(|(name, cases)| suite(name, cases, xml)))?;
    Ok(())
}

fn suite(name: &str, cases: &[Case], xml: &mut Writer<&mut Vec<u8>>) -> io::Result<()> {
    let count = |is: fn(&Case) -> bool| cases.iter().filter(|case| is(case)).count().to_string();
    let name = plain(&one_line(name));
    let suite = xml
        .create_element("testsuite")
        .with_attribute(("name", name.as_str()))
        .with_attribute(("tests", cases.len().to_string().as_str()))
        .with_attribute(("failures", count(Case::failed).as_str()))
        .with_attribute(("errors", "0"))
        .with_attribute(("skipped", count(|case| matches!(case.outcome, Outcome::Skipped(_))).as_str()));
    suite.write_inner_content(|xml| cases.iter().try_for_each(|case| case.write(&name, xml)))?;
    Ok(())
}

impl Case {
    fn failed(&self) -> bool {
        matches!(self.outcome, Outcome::Failed(..))
    }

    fn write(&self, suite: &str, xml: &mut Writer<&mut Vec<u8>>) -> io::Result<()> {
        let name = plain(&one_line(&self.name));
        let case = xml.create_element("testcase").with_attribute(("name", name.as_str()));
        let case = case.with_attribute(("classname", suite));
        if matches!(self.outcome, Outcome::Passed) && self.said.is_none() {
            return case.write_empty().map(drop);
        }
        case.write_inner_content(|xml| {
            match &self.outcome {
                Outcome::Passed => {}
                Outcome::Failed(kind, why, story) => {
                    let failure = xml.create_element("failure").with_attribute(("type", *kind));
                    let failure = failure.with_attribute(("message", plain(&one_line(why)).as_str()));
                    failure.write_text_content(BytesText::new(&told(story)))?;
                }
                Outcome::Skipped(why) => {
                    let why = plain(&one_line(why));
                    xml.create_element("skipped").with_attribute(("message", why.as_str())).write_empty()?;
                }
            }
            if let Some(said) = &self.said {
                xml.create_element("system-out").write_text_content(BytesText::new(&told(said)))?;
            }
            Ok(())
        })
        .map(drop)
    }
}

/// Every case, by the suite that it is in.
fn suites(report: &Report) -> IndexMap<&str, Vec<Case>> {
    let mut suites: IndexMap<&str, Vec<Case>> = IndexMap::new();
    let own = suites.entry("mergeline").or_default();
    if report.objects.rendered > 0 {
        let said = provenance(report).join(" · ");
        own.push(Case { name: "objects are checked".to_owned(), outcome: Outcome::Passed, said: Some(said) });
    }
    for it in &report.objects.unchecked {
        let why = format!("{} not checked: {}", counted(it.count, "object"), it.reason);
        own.push(Case { name: format!("{} is checked", it.kind), outcome: Outcome::Skipped(why), said: None });
    }
    for unit in &report.withheld {
        let why = "the diff is withheld because one side does not render".to_owned();
        let outcome = Outcome::Failed("withheld", why.clone(), why);
        own.push(Case { name: format!("{unit} is compared"), outcome, said: None });
    }
    for finding in &report.findings {
        let suite = finding.place.as_ref().map_or("mergeline", |place| place.path.as_str());
        suites.entry(suite).or_default().push(judged(report, finding));
    }
    for Silenced { finding, by } in &report.silenced {
        let suite = finding.place.as_ref().map_or("mergeline", |place| place.path.as_str());
        let why = match by {
            SilencedBy::Comment(reason) => format!("silenced by a comment: {reason}"),
            SilencedBy::Annotation(reason) => format!("silenced by an annotation: {reason}"),
            SilencedBy::Configuration(None) => "silenced by `validate.rules`".to_owned(),
            SilencedBy::Configuration(Some(reason)) => format!("silenced by `validate.rules`: {reason}"),
        };
        suites.entry(suite).or_default().push(Case { name: name(finding), outcome: Outcome::Skipped(why), said: None });
    }
    for operation in &report.operations {
        let reason = operation.reason.clone().unwrap_or_default();
        let outcome = match operation.status {
            OperationStatus::Done => Outcome::Passed,
            OperationStatus::Failed => Outcome::Failed("operation", reason.clone(), reason.clone()),
            OperationStatus::Planned => Outcome::Skipped("planned".to_owned()),
            OperationStatus::Skipped => Outcome::Skipped(reason.clone()),
        };
        let said = (operation.status == OperationStatus::Done && !reason.is_empty()).then_some(reason);
        let name = format!("{} {}", operation.verb, operation.target);
        suites.entry("operations").or_default().push(Case { name, outcome, said });
    }
    suites.retain(|_, cases| !cases.is_empty());
    suites
}

fn judged(report: &Report, finding: &Finding) -> Case {
    let name = name(finding);
    let story = text::finding(finding);
    // An error is a failure even where nothing fails the run: the server would refuse the object.
    if finding.severity == Severity::Error || report.fail_on.includes(finding.severity) {
        let outcome = Outcome::Failed(finding.severity.word(), finding.message.clone(), story);
        return Case { name, outcome, said: None };
    }
    Case { name, outcome: Outcome::Passed, said: Some(story) }
}

fn name(finding: &Finding) -> String {
    let object = finding.object.as_ref().map(|object| format!(" · {object}")).unwrap_or_default();
    format!("{}: {}{object}", finding.rule, finding.message)
}

/// Text of several lines for a reader that may be a terminal or a job's log.
fn told(text: &str) -> String {
    plain(&break_commands(&visible(text)))
}

/// Without the characters that XML 1.0 cannot hold.
fn plain(text: &str) -> String {
    let allowed = |c: char| matches!(c, '\t' | '\n') || (c >= ' ' && !matches!(c, '\u{fffe}' | '\u{ffff}'));
    text.chars().map(|c| if allowed(c) { c } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::finding::Place;
    use crate::report::{FailOn, sample};
    use proptest::prelude::*;

    fn errors(xml: &str) -> Vec<String> {
        let schema = uppsala::parse(include_str!("../../tests/cases/report/junit-10.xsd")).unwrap();
        let validator = uppsala::XsdValidator::from_schema(&schema).unwrap();
        let document = match uppsala::parse(xml) {
            Ok(document) => document,
            Err(error) => return vec![format!("{error:?}")],
        };
        validator.validate(&document).iter().map(|error| format!("{error:?}")).collect()
    }

    #[test]
    fn every_report_is_valid_by_the_xml_schema() {
        for report in [sample::review(), sample::apply(), sample::hostile(), Report::new("validate")] {
            let xml = junit(&report);
            assert_eq!(errors(&xml), [""; 0], "{xml}");
        }
        assert!(!errors("<testsuites><testsuite tests=\"1\"/></testsuites>").is_empty());
        assert!(!errors("<testsuites surprise=\"1\"/>").is_empty());
    }

    #[test]
    fn the_junit_of_a_review_reads_as_documented() {
        insta::assert_snapshot!(junit(&sample::review()));
    }

    #[test]
    fn what_fails_the_run_is_a_failure() {
        let mut report = Report::new("validate");
        report.findings.push(Finding::warning("x", "y"));
        assert!(!junit(&report.clone().judged(FailOn::Error)).contains("<failure"));
        assert!(junit(&report.clone().judged(FailOn::Warning)).contains("failures=\"1\""));
        report.findings[0].severity = Severity::Error;
        assert!(junit(&report.judged(FailOn::Never)).contains("<failure type=\"error\""));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_is_held(message in any::<String>(), path in any::<String>(), reason in any::<String>()) {
            let mut report = Report::new("validate");
            report.findings.push(Finding::error("schema", message.clone()).at(Place::at(path, 1, 1)));
            report.findings.push(Finding::warning("schema", message));
            report.objects.unchecked.push(crate::report::Unchecked { kind: reason.clone(), reason, count: 1 });
            prop_assert_eq!(errors(&junit(&report)), Vec::<String>::new());
        }
    }
}
