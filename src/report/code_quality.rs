//! `--output gitlab`: the Code Quality report that a merge request shows and compares with the target branch's.
//!
//! Decided by "Code Quality report format" in GitLab's documentation: a list of violations with path, line, severity and
//! a fingerprint that stays while lines move. Held against `tests/cases/report/gitlab-code-quality.schema.json`.

use super::Report;
use super::fingerprint::fingerprints;
use super::visible::one_line;
use super::words::listed;
use crate::finding::{Finding, Severity};
use serde::Serialize;

/// What a finding without a file is shown at: GitLab drops a violation that has no place.
const NO_FILE: &str = "mergeline.yaml";

#[derive(Serialize)]
struct Violation {
    description: String,
    check_name: String,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
}

/// The findings of a report as JSON text with a line end.
#[must_use]
pub fn code_quality(report: &Report) -> String {
    let fingerprints = fingerprints(&report.findings);
    let violations: Vec<Violation> =
        report.findings.iter().zip(fingerprints).map(|(finding, print)| violation(finding, print)).collect();
    serde_json::to_string_pretty(&violations).expect("because the shape holds only text and numbers") + "\n"
}

fn violation(finding: &Finding, fingerprint: String) -> Violation {
    let place = finding.place.as_ref();
    let path = place.map_or(NO_FILE, |place| place.path.as_str());
    Violation {
        description: description(finding),
        check_name: finding.rule.to_string(),
        fingerprint,
        severity: match finding.severity {
            Severity::Error => "critical",
            Severity::Warning => "minor",
            Severity::Info => "info",
        },
        location: Location {
            path: path.strip_prefix("./").unwrap_or(path).to_owned(),
            lines: Lines { begin: place.and_then(|place| place.line).unwrap_or(1).max(1) },
        },
    }
}

/// All that a merge request shows of a violation, on one line: `… · Deployment shop/web · dev, prod · hint: …`.
fn description(finding: &Finding) -> String {
    let mut parts = vec![finding.message.clone()];
    parts.extend(finding.object.as_ref().map(ToString::to_string));
    let environments: Vec<&String> = finding.environments.iter().filter(|name| *name != "default").collect();
    if !environments.is_empty() {
        parts.push(listed(&environments, 12));
    }
    parts.extend(finding.hint.as_ref().map(|hint| format!("hint: {hint}")));
    one_line(&parts.join(" · "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::report::sample;

    fn validator() -> jsonschema::Validator {
        let schema = include_str!("../../tests/cases/report/gitlab-code-quality.schema.json");
        jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap()
    }

    #[test]
    fn the_report_has_gitlabs_shape() {
        for report in [sample::review(), sample::apply(), sample::hostile(), Report::new("validate")] {
            let value = serde_json::from_str(&code_quality(&report)).unwrap();
            let errors: Vec<String> = validator().iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?}");
            assert_eq!(value.as_array().unwrap().len(), report.findings.len());
        }
        let without: serde_json::Value = serde_json::json!([{"description": "x", "check_name": "y"}]);
        assert!(!validator().is_valid(&without));
    }

    #[test]
    fn the_code_quality_of_a_review_reads_as_documented() {
        insta::assert_snapshot!(code_quality(&sample::review()));
    }
}
