//! Findings, changes and operations as bytes: terminal text, Markdown, JSON, SARIF, JUnit, Code Quality, workflow commands.
//!
//! Every use case returns a [`Report`]; what a person or machine reads is made from it here and nowhere else, within
//! the receiver's limits. Refuses to compute: no verdict is changed and nothing is left out without a word on it.
//! Decided by DESIGN §4 "Reviewing" and the examples in STYLE.

mod address;
pub mod annotations;
pub mod board;
pub mod changed;
pub mod code_quality;
mod fingerprint;
pub mod format;
pub mod html;
pub mod json;
pub mod junit;
#[cfg(test)]
mod leaks;
pub mod markdown;
#[cfg(test)]
mod sample;
pub mod sarif;
pub mod status;
pub mod text;
pub mod visible;
mod words;

pub use words::counted;

pub use changed::ChangedLines;
pub use format::{Format, FormatError, Output};

use crate::commit::CommitId;
use crate::diff::{Action, ChangeSet};
use crate::finding::{Finding, Place, Severity};
use crate::operation::{Operation, OperationStatus};
use crate::unit::Unit;
use std::time::Duration;

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Nothing at or above the threshold, every operation done or rightly skipped.
    Pass,
    /// Findings at or above the threshold, or a failed operation.
    Fail,
    /// There was nothing to examine.
    Nothing,
}

impl Verdict {
    /// The word used in every output.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Nothing => "nothing",
        }
    }
}

/// From which severity on findings fail a run: `--fail-on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum FailOn {
    /// Errors.
    #[default]
    Error,
    /// Warnings and errors.
    Warning,
    /// Never.
    Never,
}

impl FailOn {
    /// Says whether a finding of this severity fails the run.
    #[must_use]
    pub fn includes(self, severity: Severity) -> bool {
        match self {
            Self::Error => severity >= Severity::Error,
            Self::Warning => severity >= Severity::Warning,
            Self::Never => false,
        }
    }
}

/// Why objects of one kind were not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unchecked {
    /// Group, version and kind as people write it: `example.com/v1 Widget`.
    pub kind: String,
    /// Why: `no schema for this kind`.
    pub reason: String,
    /// How many objects.
    pub count: usize,
}

/// A finding that people have silenced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Silenced {
    /// What would be said.
    pub finding: Finding,
    /// How it was silenced.
    pub by: SilencedBy,
}

/// How a finding was silenced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SilencedBy {
    /// By a comment in the file, for this reason.
    Comment(String),
    /// By an annotation of the object, for this reason.
    Annotation(String),
    /// By `validate.rules` of the trusted configuration, for this reason if it gives one.
    Configuration(Option<String>),
}

/// How many objects were looked at, over all units and environments of the head.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ObjectCounts {
    /// Rendered.
    pub rendered: usize,
    /// Checked against a schema.
    pub checked: usize,
    /// Not checked, by kind with the reason.
    pub unchecked: Vec<Unchecked>,
}

/// Where the host shows files and commits. Templates, because each host has its own shape.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Links {
    /// A file at a commit, with `{commit}` and `{path}`: `https://git.example/o/r/blob/{commit}/{path}`.
    pub file: Option<String>,
    /// What follows it for a line, with `{line}`: `#L{line}`.
    pub line: Option<String>,
    /// A commit, with `{commit}`.
    pub commit: Option<String>,
    /// The full report of this run.
    pub report: Option<String>,
}

/// Everything that one command found, decided and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The command: `review`, `apply`, …
    pub command: String,
    /// What it came to.
    pub verdict: Verdict,
    /// From which severity on findings failed it.
    pub fail_on: FailOn,
    /// What is wrong, one finding for each source place ([`merge_findings`]).
    pub findings: Vec<Finding>,
    /// What people have silenced.
    pub silenced: Vec<Silenced>,
    /// What changes.
    pub changes: ChangeSet,
    /// Units whose diff is withheld because one side did not render; a finding says why.
    pub withheld: Vec<Unit>,
    /// What is planned or was done.
    pub operations: Vec<Operation>,
    /// How many objects were looked at.
    pub objects: ObjectCounts,
    /// How many units were not looked at because the change cannot reach them.
    pub unchanged: usize,
    /// How long it took; zero where that is not to be told.
    pub elapsed: Duration,
    /// The commit that was examined; `None` for the working tree.
    pub head: Option<CommitId>,
    /// The commit that it was compared with.
    pub base: Option<CommitId>,
    /// The Kubernetes version that objects were checked against: `1.34`.
    pub kubernetes: Option<String>,
    /// Where the host shows files and commits.
    pub links: Links,
    /// The environments of this run in configuration order.
    pub environments: Vec<String>,
    /// The shape of the review comment that the trusted configuration asks for.
    pub comment_template: Option<std::sync::Arc<str>>,
    /// The lines that the change touches; `None` where there is no change to speak of.
    pub lines: Option<ChangedLines>,
    /// What is worth a remark beside its line, the weightiest first; `None` where nobody asked.
    pub remarks: Option<Vec<LineFinding>>,
}

/// A finding on a line that the change touches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineFinding {
    /// What is found.
    pub finding: Finding,
    /// The path of the file.
    pub path: String,
    /// The line, from 1.
    pub line: u32,
    /// What the line says.
    pub now: String,
    /// What it should say, where that is certain.
    pub instead: Option<String>,
}

impl Report {
    /// An empty report of `command`: verdict `Nothing`.
    pub fn new(command: impl Into<String>) -> Self {
        Self {
            command: command.into(),
            verdict: Verdict::Nothing,
            fail_on: FailOn::default(),
            findings: Vec::new(),
            silenced: Vec::new(),
            changes: ChangeSet::default(),
            withheld: Vec::new(),
            operations: Vec::new(),
            objects: ObjectCounts::default(),
            unchanged: 0,
            elapsed: Duration::ZERO,
            head: None,
            base: None,
            kubernetes: None,
            links: Links::default(),
            environments: Vec::new(),
            comment_template: None,
            lines: None,
            remarks: None,
        }
    }

    /// Sets the verdict from the findings and operations: `Fail` for a finding at or above the threshold, a withheld
    /// unit or a failed operation; `Nothing` where there was nothing to look at; else `Pass`.
    #[must_use]
    pub fn judged(mut self, fail_on: FailOn) -> Self {
        let bad = self.findings.iter().any(|finding| fail_on.includes(finding.severity))
            || !self.withheld.is_empty()
            || self.operations.iter().any(|operation| operation.status == OperationStatus::Failed);
        let nothing = self.objects.rendered == 0
            && self.changes.is_empty()
            && self.operations.is_empty()
            && self.findings.is_empty()
            && self.silenced.is_empty();
        self.fail_on = fail_on;
        self.verdict = match (bad, nothing) {
            (true, _) => Verdict::Fail,
            (false, true) => Verdict::Nothing,
            (false, false) => Verdict::Pass,
        };
        self
    }

    /// How many findings have exactly this severity.
    #[must_use]
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|finding| finding.severity == severity).count()
    }

    /// How many operations have this status.
    #[must_use]
    pub fn operations_with(&self, status: OperationStatus) -> usize {
        self.operations.iter().filter(|operation| operation.status == status).count()
    }

    /// How many objects go away: deleted or replaced.
    #[must_use]
    pub fn deletions(&self) -> usize {
        self.changes.count(Action::Delete)
    }
}

/// Folds findings that say the same of the same source place into one that names all environments they reach.
///
/// Environments are put in the order of `environments`; findings in the order of path, line and column, those without
/// a place last, in input order. Two units at one place make `unit` unknown (`None`), two namespaces the object's.
#[must_use]
pub fn merge_findings(findings: Vec<Finding>, environments: &[String]) -> Vec<Finding> {
    let mut merged: indexmap::IndexMap<_, Finding> = indexmap::IndexMap::new();
    for finding in findings {
        // Without a place two objects may say the same thing: then the object belongs to the identity.
        let object = if finding.place.is_none() { finding.object.clone() } else { None };
        let unit = if finding.place.is_none() { finding.unit.clone() } else { None };
        let key = (
            finding.rule.clone(),
            finding.severity,
            finding.message.clone(),
            finding.place.as_ref().map(|place| (place.path.clone(), place.line, place.column)),
            finding.place.is_none().then(|| finding.pointer.clone()).flatten(),
            object,
            unit,
        );
        match merged.entry(key) {
            indexmap::map::Entry::Vacant(entry) => {
                entry.insert(finding);
            }
            indexmap::map::Entry::Occupied(mut entry) => {
                let kept = entry.get_mut();
                if kept.unit != finding.unit {
                    kept.unit = None;
                }
                // Overlays put one object into several namespaces: none of them is the object's.
                if let (Some(kept), Some(other)) = (&mut kept.object, &finding.object)
                    && kept.namespace != other.namespace
                {
                    kept.namespace = None;
                }
                kept.environments.extend(finding.environments);
            }
        }
    }
    let rank = |name: &String| environments.iter().position(|known| known == name).unwrap_or(usize::MAX);
    let mut merged: Vec<Finding> = merged.into_values().collect();
    for finding in &mut merged {
        finding.environments.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.cmp(b)));
        finding.environments.dedup();
    }
    let place = |place: &Place| (place.path.clone(), place.line, place.column);
    merged.sort_by_cached_key(|finding| {
        let place = finding.place.as_ref().map(place);
        (place.is_none(), place)
    });
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(line: u32, environment: &str, unit: &str) -> Finding {
        let mut finding = Finding::error("schema", "wrong").at(Place::at("a.yaml", line, 2));
        finding.environments = vec![environment.to_owned()];
        finding.unit = Some(unit.to_owned());
        finding
    }

    #[test]
    fn one_finding_for_each_source_place_names_all_environments_in_order() {
        let environments = ["dev", "staging", "prod"].map(str::to_owned);
        let found = vec![
            finding(9, "prod", "web"),
            finding(3, "dev", "web"),
            finding(9, "dev", "web"),
            finding(9, "dev", "api"),
        ];
        let merged = merge_findings(found, &environments);
        assert_eq!(merged.len(), 2);
        assert_eq!(merged[0].place.as_ref().and_then(|place| place.line), Some(3));
        assert_eq!(merged[1].environments, ["dev", "prod"]);
        assert_eq!(merged[1].unit, None, "two units share the place");
    }

    #[test]
    fn findings_without_a_place_are_folded_by_their_object() {
        let about = |name: &str| {
            let object = crate::finding::ObjectRef {
                api_version: "v1".into(),
                kind: "Pod".into(),
                namespace: None,
                name: name.into(),
            };
            Finding::warning("x", "y").about(object)
        };
        assert_eq!(merge_findings(vec![about("a"), about("b"), about("a")], &[]).len(), 2);
    }

    #[test]
    fn the_verdict_follows_threshold_failed_operations_and_withheld_diffs() {
        let mut report = Report::new("review");
        assert_eq!(report.clone().judged(FailOn::Error).verdict, Verdict::Nothing);
        report.findings.push(Finding::warning("x", "y"));
        assert_eq!(report.clone().judged(FailOn::Error).verdict, Verdict::Pass);
        assert_eq!(report.clone().judged(FailOn::Warning).verdict, Verdict::Fail);
        report.findings.push(Finding::error("x", "y"));
        assert_eq!(report.clone().judged(FailOn::Never).verdict, Verdict::Pass);
        report.withheld.push(Unit { environment: "dev".into(), name: "web".into(), path: "web".into() });
        assert_eq!(report.judged(FailOn::Never).verdict, Verdict::Fail);
    }
}
