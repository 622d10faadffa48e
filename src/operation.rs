//! One step of a plan, and what became of it. Vocabulary: imported by every room.
//!
//! Operations are keyed and idempotent: running one twice is running it once. A plan is a list of planned operations;
//! a run's record is the same list with their outcomes.

use std::fmt;

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    /// Creates or updates an object in a cluster.
    Apply,
    /// Deletes an object that left Git.
    Prune,
    /// Waits until an object is healthy.
    Wait,
    /// Writes the inventory of a unit.
    Record,
    /// Pushes a commit to a branch.
    Push,
    /// Opens or updates a pull request.
    Propose,
    /// Merges a promotion pull request.
    Land,
    /// Closes a pull request.
    Close,
    /// Writes, edits or deletes the review comment.
    Comment,
    /// Writes a check with its annotations.
    Check,
    /// Posts a commit status.
    Status,
    /// Records a deployment on the host.
    Deploy,
}

impl Verb {
    /// The word used in every output.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Prune => "prune",
            Self::Wait => "wait",
            Self::Record => "record",
            Self::Push => "push",
            Self::Propose => "propose",
            Self::Land => "land",
            Self::Close => "close",
            Self::Comment => "comment",
            Self::Check => "check",
            Self::Status => "status",
            Self::Deploy => "deploy",
        }
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What became of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OperationStatus {
    /// Not run: a dry run, or something before it stopped the plan.
    Planned,
    /// The world was changed.
    Done,
    /// Nothing to change, or held back; the reason says which.
    Skipped,
    /// Tried and refused or failed.
    Failed,
}

impl OperationStatus {
    /// The word used in every output.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Done => "done",
            Self::Skipped => "skipped",
            Self::Failed => "failed",
        }
    }
}

/// One step of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Identifies the step over all runs: the same world and the same commit give the same key.
    pub key: String,
    /// What it does.
    pub verb: Verb,
    /// What it does it to, as a person reads it: `Deployment shop/web in dev`, `branch env/dev`, `pull request #4`.
    pub target: String,
    /// What became of it.
    pub status: OperationStatus,
    /// Why it was skipped or failed, or what changed; holds no secret value.
    pub reason: Option<String>,
}

impl Operation {
    /// A planned step.
    pub fn planned(verb: Verb, key: impl Into<String>, target: impl Into<String>) -> Self {
        Self { key: key.into(), verb, target: target.into(), status: OperationStatus::Planned, reason: None }
    }

    /// The same step with what became of it.
    #[must_use]
    pub fn with(mut self, status: OperationStatus, reason: impl Into<Option<String>>) -> Self {
        self.status = status;
        self.reason = reason.into();
        self
    }
}
