//! What made this run start: the CI's environment and payload, read into one shape.
//!
//! One file per CI. A person at a terminal is an [`Event`] too. Level-triggered: an event says "look", never "do this".

use crate::commit::CommitId;
use crate::host::address::Address;

/// What made this run start, and where.
#[derive(Debug, Clone)]
pub struct Event {
    /// What happened.
    pub trigger: Trigger,
    /// The host that it happened on; `None` at a terminal without one.
    pub host: Option<Address>,
    /// Login of who caused it, as the CI says; never a permission.
    pub actor: Option<String>,
    /// The page of this run.
    pub run_url: Option<String>,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trigger {
    /// A pull request was opened, changed or closed.
    PullRequest(PullRequestEvent),
    /// A branch moved.
    Push {
        /// Without `refs/heads/`.
        branch: String,
        /// Its new head; `None` when it was deleted.
        after: Option<CommitId>,
    },
    /// Somebody wrote a comment on a pull request.
    Comment {
        /// The pull request.
        pull_request: u64,
        /// The comment's text.
        body: String,
    },
    /// The clock.
    Schedule,
    /// Started by hand on the host.
    Dispatch,
    /// A person at a terminal, with their own credentials.
    Terminal,
    /// Something that Mergeline does nothing about; the CI's name for it.
    Other(String),
}

/// A pull request as the event tells it. Facts that matter are read again from the host before anything is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequestEvent {
    /// Its number.
    pub number: u64,
    /// What happened to it.
    pub action: PullRequestAction,
    /// The commit at its head (never the host's test merge).
    pub head: CommitId,
    /// The branch it comes from.
    pub head_branch: String,
    /// The branch it goes to.
    pub base_branch: String,
    /// Comes from another repository, or from one that is gone.
    pub from_fork: bool,
    /// Runs with the target repository's rights although the head is foreign (`pull_request_target`).
    pub privileged: bool,
}

/// What happened to a pull request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PullRequestAction {
    /// Opened, reopened, new commits, or ready for review.
    Changed,
    /// Merged.
    Merged,
    /// Closed without a merge.
    Closed,
    /// Labels, assignees and the like.
    Other,
}
