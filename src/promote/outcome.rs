//! What a pass did and saw.

use super::decide::Head;
use crate::commit::CommitId;
use crate::diff::{ChangeSet, Redactor};
use crate::failure::Failure;
use crate::finding::Finding;
use crate::host::Ensured;
use crate::operation::{Operation, OperationStatus};
use crate::report::board::Row;
use std::collections::BTreeMap;

/// An environment's head that shall be applied to its cluster now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The environment.
    pub environment: String,
    /// The head of its branch, or of the default branch where it has none.
    pub commit: CommitId,
    /// The environment has a branch, so the commit's tree is laid out by [`crate::render::layout`].
    pub rendered: bool,
}

/// What one pass did and saw.
#[derive(Default)]
pub struct Outcome {
    /// Something was written that another pass may build on.
    pub changed: bool,
    /// A lease was lost: another run moved a branch meanwhile.
    pub overtaken: bool,
    /// What was done, or is planned in a dry run.
    pub operations: Vec<Operation>,
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// What the proposed promotions change.
    pub changes: ChangeSet,
    /// Heads that wait to be applied.
    pub deliveries: Vec<Delivery>,
    /// The heads of the environments' branches.
    pub heads: BTreeMap<String, Head>,
    /// Where each environment stands, in the order of the configuration.
    pub states: Vec<Row>,
    /// The first failure in an environment; the others went as far as they could.
    pub failure: Option<Failure>,
}

impl Outcome {
    pub(super) fn record(&mut self, operation: Operation, status: OperationStatus, reason: impl Into<Option<String>>) {
        self.changed |= status == OperationStatus::Done;
        self.operations.push(operation.with(status, reason));
    }

    /// The same without what must not show: what a host answers, titles and paths that people chose.
    pub(super) fn redacted(mut self, redactor: &Redactor) -> Self {
        let text = |text: String| redactor.text(&text).to_string();
        self.findings = self.findings.into_iter().map(|finding| redactor.finding(finding)).collect();
        self.operations = self.operations.into_iter().map(|operation| redactor.operation(operation)).collect();
        for row in &mut self.states {
            row.release = row.release.take().map(|(commit, title)| (commit, text(title)));
            row.next = row.next.take().map(text);
        }
        self
    }
}

pub(super) fn done_or_same(ensured: Ensured) -> OperationStatus {
    match ensured {
        Ensured::Unchanged | Ensured::Unsupported => OperationStatus::Skipped,
        Ensured::Created | Ensured::Updated | Ensured::Removed => OperationStatus::Done,
    }
}
