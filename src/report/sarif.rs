//! `--output sarif`: SARIF 2.1.0, which code scanning of GitHub and editors read.
//!
//! One run with a result for each finding and the rules that were broken, with their sections of `docs/rules.md` as help.
//! What was silenced is a suppressed result. Columns count characters. Fingerprints stay while lines move.
//!
//! Decided by the OASIS standard and held against its JSON Schema (`tests/cases/report/sarif-2.1.0.schema.json`); GitHub
//! refuses a file in which a result has no place, and so one without a file is shown at `mergeline.yaml`.

use super::fingerprint::fingerprints;
use super::visible::{one_line, visible};
use super::{Report, Silenced, SilencedBy};
use crate::finding::{Finding, ObjectRef, Place, Severity};
use crate::rule;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use std::collections::BTreeSet;

/// Where a result is shown that has no file.
const NO_FILE: &str = "mergeline.yaml";
/// What stays as it is in a relative reference (RFC 3986).
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool,
    automation_details: Automation,
    column_kind: &'static str,
    results: Vec<SarifResult<'a>>,
}

#[derive(Serialize)]
struct Automation {
    id: String,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    information_uri: &'static str,
    rules: Vec<Descriptor>,
}

/// What is said of a rule.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: String,
    short_description: Text,
    help_uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<Help>,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Help {
    text: &'static str,
    markdown: &'static str,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult<'a> {
    rule_id: &'a str,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: [Location; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
    partial_fingerprints: Fingerprints,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressions: Vec<Suppression<'a>>,
    properties: Properties<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    logical_locations: Vec<LogicalLocation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    uri_base_id: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_column: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_column: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    snippet: Option<Text>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    fully_qualified_name: String,
    kind: &'static str,
}

/// The first is what GitHub goes by, the second is ours.
#[derive(Serialize)]
struct Fingerprints {
    #[serde(rename = "primaryLocationLineHash")]
    line_hash: String,
    #[serde(rename = "mergeline/v1")]
    own: String,
}

#[derive(Serialize)]
struct Suppression<'a> {
    kind: &'static str,
    justification: &'a str,
}

#[derive(Serialize)]
struct Properties<'a> {
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    environments: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pointer: Option<&'a str>,
}

/// The findings of a report as JSON text with a line end.
#[must_use]
pub fn sarif(report: &Report) -> String {
    let silenced = report.silenced.iter().map(|it| (&it.finding, suppression(it)));
    let all: Vec<(&Finding, Vec<Suppression<'_>>)> =
        report.findings.iter().map(|finding| (finding, Vec::new())).chain(silenced).collect();
    let findings: Vec<Finding> = all.iter().map(|(finding, _)| (*finding).clone()).collect();
    let broken: BTreeSet<&str> = findings.iter().map(|finding| finding.rule.as_ref()).collect();
    let broken: Vec<&str> = broken.into_iter().collect();
    let results = all.into_iter().zip(fingerprints(&findings)).map(|((finding, suppressions), fingerprint)| {
        let rule_index = broken.binary_search(&finding.rule.as_ref()).unwrap_or_default();
        result(finding, rule_index, fingerprint, suppressions)
    });
    let run = Run {
        tool: Tool {
            driver: Driver {
                name: "Mergeline",
                semantic_version: env!("CARGO_PKG_VERSION"),
                information_uri: "https://mergeline.dev",
                rules: broken.iter().map(|id| descriptor(id)).collect(),
            },
        },
        automation_details: Automation { id: format!("mergeline/{}/", report.command) },
        column_kind: "unicodeCodePoints",
        results: results.collect(),
    };
    let log = Log { schema: "https://json.schemastore.org/sarif-2.1.0.json", version: "2.1.0", runs: [run] };
    serde_json::to_string_pretty(&log).expect("because the shape holds only text, numbers and lists") + "\n"
}

fn descriptor(id: &str) -> Descriptor {
    let known = rule::find(id);
    let about = known.map_or_else(|| id.to_owned(), |rule| rule.about.to_owned());
    Descriptor {
        id: id.to_owned(),
        short_description: Text { text: about },
        help_uri: rule::url(id),
        help: known.map(|rule| Help { text: rule.text, markdown: rule.text }),
        default_configuration: Configuration { level: level(known.map_or(Severity::Warning, |rule| rule.severity)) },
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

fn suppression(silenced: &Silenced) -> Vec<Suppression<'_>> {
    vec![match &silenced.by {
        SilencedBy::Comment(reason) | SilencedBy::Annotation(reason) => {
            Suppression { kind: "inSource", justification: reason }
        }
        SilencedBy::Configuration(reason) => {
            let justification = reason.as_deref().unwrap_or("off in `validate.rules`");
            Suppression { kind: "external", justification }
        }
    }]
}

fn result<'a>(
    finding: &'a Finding,
    rule_index: usize,
    fingerprint: String,
    suppressions: Vec<Suppression<'a>>,
) -> SarifResult<'a> {
    let hint = finding.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
    let related = finding.related.iter().zip(1..);
    SarifResult {
        rule_id: &finding.rule,
        rule_index,
        level: level(finding.severity),
        message: text(&format!("{}{hint}", finding.message)),
        locations: [Location {
            id: None,
            physical_location: physical(finding.place.as_ref()),
            logical_locations: finding.object.iter().map(logical).collect(),
            message: None,
        }],
        related_locations: related
            .map(|((place, why), id)| Location {
                id: Some(id),
                physical_location: physical(Some(place)),
                logical_locations: Vec::new(),
                message: Some(text(why)),
            })
            .collect(),
        partial_fingerprints: Fingerprints { line_hash: format!("{fingerprint}:1"), own: fingerprint },
        suppressions,
        properties: Properties {
            environments: &finding.environments,
            unit: finding.unit.as_deref(),
            pointer: finding.pointer.as_deref(),
        },
    }
}

/// Foreign text as a message: nothing in it is a link.
fn text(foreign: &str) -> Text {
    let shown = visible(foreign);
    // `[text](address)` is a link in a SARIF message; an escaped bracket is a bracket.
    let text = if shown.contains("](") { shown.replace('[', "\\[").replace("](", "]\\(") } else { shown.into_owned() };
    Text { text }
}

fn logical(object: &ObjectRef) -> LogicalLocation {
    LogicalLocation { fully_qualified_name: one_line(&object.to_string()), kind: "resource" }
}

fn physical(place: Option<&Place>) -> PhysicalLocation {
    let Some(place) = place else {
        let artifact_location = Artifact { uri: NO_FILE.to_owned(), uri_base_id: Some("%SRCROOT%") };
        let region = Region { start_line: 1, start_column: None, end_column: None, snippet: None };
        return PhysicalLocation { artifact_location, region: Some(region) };
    };
    let encoded = utf8_percent_encode(&place.path, PATH).to_string();
    let artifact_location = match encoded.starts_with('/') {
        true => Artifact { uri: format!("file://{encoded}"), uri_base_id: None },
        false => Artifact { uri: encoded, uri_base_id: Some("%SRCROOT%") },
    };
    let region = place.line.map(|line| Region {
        start_line: line.max(1),
        start_column: place.column.map(|column| column.max(1)),
        end_column: place.column.zip(place.excerpt.as_ref()).map(|(column, excerpt)| column.max(1) + excerpt.width),
        snippet: place.excerpt.as_ref().map(|excerpt| Text { text: excerpt.line.clone() }),
    });
    // A finding on a file as a whole is shown at its top: code scanning wants a line.
    let whole = Region { start_line: 1, start_column: None, end_column: None, snippet: None };
    PhysicalLocation { artifact_location, region: Some(region.unwrap_or(whole)) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::report::sample;

    fn errors(report: &Report) -> Vec<String> {
        let schema = include_str!("../../tests/cases/report/sarif-2.1.0.schema.json");
        // The published pattern of languages has a bracket too many and is no regular expression.
        let schema = schema.replace("{2}]?$", "{2}$");
        let options = jsonschema::options().should_validate_formats(true);
        let validator = options.build(&serde_json::from_str(&schema).unwrap()).unwrap();
        let value = serde_json::from_str(&sarif(report)).unwrap();
        validator.iter_errors(&value).map(|error| format!("{}: {error}", error.instance_path())).collect()
    }

    #[test]
    fn every_report_is_valid_by_the_standards_schema() {
        for report in [sample::review(), sample::apply(), sample::hostile(), Report::new("validate")] {
            assert_eq!(errors(&report), [""; 0]);
        }
    }

    #[test]
    fn the_sarif_of_a_review_reads_as_documented() {
        insta::assert_snapshot!(sarif(&sample::review()));
    }

    #[test]
    fn regions_end_after_what_is_marked_and_foreign_text_is_no_link() {
        let mut report = sample::review();
        report.findings[0].message = "see [here](https://evil.example)".into();
        let value: serde_json::Value = serde_json::from_str(&sarif(&report)).unwrap();
        let result = &value["runs"][0]["results"][0];
        assert_eq!(result["message"]["text"], "see \\[here]\\(https://evil.example)");
        let region = &result["locations"][0]["physicalLocation"]["region"];
        assert_eq!((&region["startColumn"], &region["endColumn"]), (&13.into(), &18.into()));
        let rule = &value["runs"][0]["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(rule["help"]["markdown"].as_str().unwrap().contains("```yaml"));
    }
}
