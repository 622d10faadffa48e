//! `--output json`: one documented, versioned shape for every verb that judges or changes.
//!
//! The types here are the shape; `schemas/report.schema.json` is generated from them. Absent facts are `null`, never
//! missing. Lines and columns count from 1. A consumer may rely on `version`: fields are added within a version, and
//! changed or removed only with a new one.

use super::{ObjectCounts, Report, Silenced, SilencedBy};
use crate::diff::{Action, Change, FieldChange};
use crate::finding::{Finding, ObjectRef, Severity};
use crate::operation::{Operation, OperationStatus};
use schemars::JsonSchema;
use serde::Serialize;

/// What one command of Mergeline found, decided and did.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "Mergeline report", deny_unknown_fields)]
struct ReportShape<'a> {
    /// The version of this shape.
    #[schemars(range(min = 1, max = 1))]
    version: u32,
    /// The command: `review`, `apply`, …
    command: &'a str,
    /// `pass`; `fail`: findings at or above the threshold or a failed operation; `nothing`: nothing to examine.
    #[schemars(extend("enum" = ["pass", "fail", "nothing"]))]
    verdict: &'a str,
    /// What is wrong, one finding for each source place.
    findings: Vec<FindingShape<'a>>,
    /// What people have silenced, by comments and by configuration.
    silenced: Vec<SilencedShape<'a>>,
    /// What changes, one entry for each object of each unit of each environment.
    changes: Vec<ChangeShape<'a>>,
    /// What is planned or was done, in order.
    operations: Vec<OperationShape<'a>>,
    /// Totals.
    counts: CountsShape<'a>,
    /// How long the command took, in milliseconds.
    elapsed_ms: u64,
}

/// One thing that is wrong, or was not checked.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct FindingShape<'a> {
    /// The rule's id.
    rule: &'a str,
    /// How much it weighs.
    #[schemars(extend("enum" = ["error", "warning", "info"]))]
    severity: &'a str,
    /// One sentence.
    message: &'a str,
    /// The file, relative to the repository.
    path: Option<&'a str>,
    /// The line, from 1.
    line: Option<u32>,
    /// The column in characters, from 1.
    column: Option<u32>,
    /// JSON pointer (RFC 6901) into the object.
    pointer: Option<&'a str>,
    /// The object.
    object: Option<ObjectShape<'a>>,
    /// The environments it reaches, in configuration order.
    environments: &'a [String],
    /// The unit; `null` when several share the place.
    unit: Option<&'a str>,
    /// What to do next.
    hint: Option<&'a str>,
    /// The page that explains the rule.
    help: Option<String>,
}

/// A finding that was silenced.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct SilencedShape<'a> {
    /// What would be said.
    finding: FindingShape<'a>,
    /// How it was silenced.
    #[schemars(extend("enum" = ["comment", "annotation", "configuration"]))]
    by: &'a str,
    /// The reason that is given; configuration need not give one.
    reason: Option<&'a str>,
}

/// An object's name.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
struct ObjectShape<'a> {
    /// `apps/v1`.
    api_version: &'a str,
    /// `Deployment`.
    kind: &'a str,
    /// `null` for cluster-scoped objects and where none is set.
    namespace: Option<&'a str>,
    /// The name. The generated part of a Secret's name is `<hash>`.
    name: &'a str,
}

/// What happens to one object.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ChangeShape<'a> {
    /// The environment.
    environment: &'a str,
    /// The unit.
    unit: &'a str,
    /// The object after the change; of a deleted one, before it.
    object: ObjectShape<'a>,
    /// What happens.
    #[schemars(extend("enum" = ["create", "update", "delete", "replace"]))]
    action: &'a str,
    /// The fields that change; empty for `create` and `delete`.
    fields: Vec<FieldShape<'a>>,
    /// Of a CustomResourceDefinition that changes, its edits in words; empty for all else.
    summary: Vec<&'a str>,
}

/// One field that changes.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct FieldShape<'a> {
    /// JSON pointer (RFC 6901) into the object after the change; of a removed field, before it.
    pointer: &'a str,
    /// What happens.
    #[schemars(extend("enum" = ["added", "removed", "changed"]))]
    action: &'a str,
    /// The value before as YAML, secrets masked.
    before: Option<&'a str>,
    /// The value after as YAML, secrets masked.
    after: Option<&'a str>,
}

/// One step of a plan, and what became of it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct OperationShape<'a> {
    /// Identifies the step over all runs.
    key: &'a str,
    /// What it does.
    verb: &'a str,
    /// What it does it to.
    target: &'a str,
    /// What became of it.
    #[schemars(extend("enum" = ["planned", "done", "skipped", "failed"]))]
    status: &'a str,
    /// Why it was skipped or failed, or what changed.
    reason: Option<&'a str>,
}

/// Totals.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct CountsShape<'a> {
    /// Objects that were looked at.
    objects: ObjectCountsShape<'a>,
    /// Findings by severity.
    findings: FindingCountsShape,
    /// Changes by action.
    changes: ChangeCountsShape,
    /// Operations by status.
    operations: OperationCountsShape,
}

/// Objects that were looked at, over all units and environments.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ObjectCountsShape<'a> {
    /// Rendered.
    rendered: usize,
    /// Checked against a schema.
    checked: usize,
    /// Not checked, by kind with the reason.
    unchecked: Vec<UncheckedShape<'a>>,
}

/// Objects of one kind that were not checked.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct UncheckedShape<'a> {
    /// The kind.
    kind: &'a str,
    /// Why.
    reason: &'a str,
    /// How many.
    count: usize,
}

/// Findings by severity.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct FindingCountsShape {
    /// Errors.
    error: usize,
    /// Warnings.
    warning: usize,
    /// Notes.
    info: usize,
}

/// Changes by action.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct ChangeCountsShape {
    /// New objects.
    create: usize,
    /// Changed objects.
    update: usize,
    /// Deleted objects.
    delete: usize,
    /// Objects that another one takes the place of.
    replace: usize,
}

/// Operations by status.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct OperationCountsShape {
    /// Not run.
    planned: usize,
    /// Done.
    done: usize,
    /// Nothing to do, or held back.
    skipped: usize,
    /// Refused or failed.
    failed: usize,
}

/// The report as JSON text with a line end.
#[must_use]
pub fn json(report: &Report) -> String {
    let shape = ReportShape {
        version: 1,
        command: &report.command,
        verdict: report.verdict.word(),
        findings: report.findings.iter().map(finding).collect(),
        silenced: report.silenced.iter().map(silenced).collect(),
        changes: report.changes.changes.iter().map(change).collect(),
        operations: report.operations.iter().map(operation).collect(),
        counts: CountsShape {
            objects: objects(&report.objects),
            findings: FindingCountsShape {
                error: report.count(Severity::Error),
                warning: report.count(Severity::Warning),
                info: report.count(Severity::Info),
            },
            changes: ChangeCountsShape {
                create: report.changes.count(Action::Create),
                update: report.changes.count(Action::Update),
                delete: report.changes.count(Action::Delete),
                replace: report.changes.count(Action::Replace),
            },
            operations: OperationCountsShape {
                planned: report.operations_with(OperationStatus::Planned),
                done: report.operations_with(OperationStatus::Done),
                skipped: report.operations_with(OperationStatus::Skipped),
                failed: report.operations_with(OperationStatus::Failed),
            },
        },
        elapsed_ms: u64::try_from(report.elapsed.as_millis()).unwrap_or(u64::MAX),
    };
    let text = serde_json::to_string_pretty(&shape).expect("because the shape holds only text, numbers and lists");
    text + "\n"
}

/// The JSON Schema of [`json`], as it stands in `schemas/report.schema.json`.
#[must_use]
pub fn schema() -> String {
    // What we write, not what we would read: every field is there, and absent facts are null.
    let settings = schemars::generate::SchemaSettings::default().for_serialize();
    let schema = settings.into_generator().into_root_schema_for::<ReportShape<'_>>();
    serde_json::to_string_pretty(&schema).expect("because a schema is JSON") + "\n"
}

fn finding(finding: &Finding) -> FindingShape<'_> {
    let place = finding.place.as_ref();
    FindingShape {
        rule: &finding.rule,
        severity: finding.severity.word(),
        message: &finding.message,
        path: place.map(|place| place.path.as_str()),
        line: place.and_then(|place| place.line),
        column: place.and_then(|place| place.column),
        pointer: finding.pointer.as_deref(),
        object: finding.object.as_ref().map(object),
        environments: &finding.environments,
        unit: finding.unit.as_deref(),
        hint: finding.hint.as_deref(),
        help: Some(finding.help_url()),
    }
}

fn silenced(silenced: &Silenced) -> SilencedShape<'_> {
    let (by, reason) = match &silenced.by {
        SilencedBy::Comment(reason) => ("comment", Some(reason.as_str())),
        SilencedBy::Annotation(reason) => ("annotation", Some(reason.as_str())),
        SilencedBy::Configuration(reason) => ("configuration", reason.as_deref()),
    };
    SilencedShape { finding: finding(&silenced.finding), by, reason }
}

fn object(object: &ObjectRef) -> ObjectShape<'_> {
    ObjectShape {
        api_version: &object.api_version,
        kind: &object.kind,
        namespace: object.namespace.as_deref(),
        name: &object.name,
    }
}

fn change(change: &Change) -> ChangeShape<'_> {
    ChangeShape {
        environment: &change.environment,
        unit: &change.unit,
        object: object(&change.object),
        action: change.action.word(),
        fields: change.fields.iter().map(field).collect(),
        summary: change.summary.iter().map(crate::diff::Redacted::as_str).collect(),
    }
}

fn field(field: &FieldChange) -> FieldShape<'_> {
    FieldShape {
        pointer: field.pointer.as_str(),
        action: field.action.word(),
        before: field.before.as_ref().map(crate::diff::Redacted::as_str),
        after: field.after.as_ref().map(crate::diff::Redacted::as_str),
    }
}

fn operation(operation: &Operation) -> OperationShape<'_> {
    OperationShape {
        key: &operation.key,
        verb: operation.verb.word(),
        target: &operation.target,
        status: operation.status.word(),
        reason: operation.reason.as_deref(),
    }
}

fn objects(counts: &ObjectCounts) -> ObjectCountsShape<'_> {
    let unchecked =
        counts.unchecked.iter().map(|it| UncheckedShape { kind: &it.kind, reason: &it.reason, count: it.count });
    ObjectCountsShape { rendered: counts.rendered, checked: counts.checked, unchecked: unchecked.collect() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::report::sample;

    fn validator() -> jsonschema::Validator {
        jsonschema::validator_for(&serde_json::from_str(&schema()).unwrap()).unwrap()
    }

    #[test]
    fn the_published_schema_is_current() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/report.schema.json");
        if std::env::var_os("MERGELINE_BLESS").is_some() {
            std::fs::write(path, schema()).unwrap();
        }
        let published = std::fs::read_to_string(path).unwrap();
        assert!(published == schema(), "run the tests with MERGELINE_BLESS=1 to write {path}");
    }

    #[test]
    fn output_is_valid_and_absent_facts_are_null() {
        for report in [sample::review(), sample::apply(), Report::new("review")] {
            let value: serde_json::Value = serde_json::from_str(&json(&report)).unwrap();
            let errors: Vec<String> = validator().iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?}");
        }
        let value: serde_json::Value = serde_json::from_str(&json(&sample::review())).unwrap();
        assert_eq!(value["findings"][1].get("line"), Some(&serde_json::Value::Null));
        let mut missing = value.clone();
        missing["findings"][0].as_object_mut().unwrap().remove("unit");
        assert!(!validator().is_valid(&missing), "the schema must ask for every fact");
    }

    #[test]
    fn the_json_of_a_review_reads_as_documented() {
        insta::assert_snapshot!(json(&sample::review()));
    }
}
