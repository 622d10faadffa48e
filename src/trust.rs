//! Who may do what: the only place that makes grants.
//!
//! Unsafe calls cannot be written: each write verb of `host/`, `git/` and `cluster/` takes a grant, and the fields of
//! grants are private to this file. Grants come from the [`Event`] and the rights that the host confirmed, never from
//! the content of a pull request.

use crate::commit::CommitId;
use crate::event::{Event, PullRequestAction, Trigger};
use crate::host::address::Address;

/// The right to comment and post a status on one pull request, at one head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommentGrant {
    pull_request: u64,
    head: CommitId,
}

impl CommentGrant {
    /// The pull request.
    #[must_use]
    pub fn pull_request(&self) -> u64 {
        self.pull_request
    }

    /// The head that was looked at; nothing is written once it moved.
    #[must_use]
    pub fn head(&self) -> &CommitId {
        &self.head
    }
}

/// The right to write one environment's objects of one commit to its cluster, and to record that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplyGrant {
    environment: String,
    commit: CommitId,
}

impl ApplyGrant {
    /// The environment.
    #[must_use]
    pub fn environment(&self) -> &str {
        &self.environment
    }

    /// The commit whose bytes are applied.
    #[must_use]
    pub fn commit(&self) -> &CommitId {
        &self.commit
    }
}

/// The right to push one environment's branches and to open, close and land its promotion pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromoteGrant {
    environment: String,
}

impl PromoteGrant {
    /// The environment.
    #[must_use]
    pub fn environment(&self) -> &str {
        &self.environment
    }
}

/// What this run may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grants {
    review: Option<CommentGrant>,
    deliver: bool,
    why_not: String,
}

impl Grants {
    /// Judges an event.
    ///
    /// A pull request grants its comment unless it comes from a fork with the fork's read-only token. Pushes, merged
    /// pull requests, schedules, dispatches and a person at a terminal grant delivery and promotion: what is delivered
    /// is decided from the trusted branches alone, so the event only says "look". An open pull request never does. A run
    /// whose credential is good for reports alone is granted nothing.
    #[must_use]
    pub fn judge(event: &Event) -> Self {
        let nothing = |why: &str| Self { review: None, deliver: false, why_not: why.to_owned() };
        let deliver = Self { review: None, deliver: true, why_not: String::new() };
        if let Some(report_only) = event.host.as_ref().and_then(Address::report_only) {
            return nothing(&report_only.why);
        }
        match &event.trigger {
            Trigger::PullRequest(pull) => match pull.action {
                PullRequestAction::Merged => deliver,
                PullRequestAction::Closed => deliver,
                PullRequestAction::Changed if pull.from_fork && !pull.privileged => {
                    nothing("the pull request comes from a fork, whose job has a read-only token")
                }
                PullRequestAction::Changed if pull.privileged => {
                    nothing("a pull request's head is not examined with the target repository's rights")
                }
                PullRequestAction::Changed => Self {
                    review: Some(CommentGrant { pull_request: pull.number, head: pull.head.clone() }),
                    deliver: false,
                    why_not: "a pull request delivers nothing before it is merged".to_owned(),
                },
                PullRequestAction::Other => nothing("nothing about the pull request's content changed"),
            },
            Trigger::Push { .. } | Trigger::Schedule | Trigger::Dispatch | Trigger::Terminal => deliver,
            // Asked live, and then it is `Self::judge_command`.
            Trigger::Comment { .. } => nothing("the comment gives no command"),
            Trigger::Other(name) => nothing(&format!("the event `{name}` asks for nothing")),
        }
    }

    /// Judges a chat command, given what the host says right now: whether its author may write to the repository.
    ///
    /// Whoever may write may press the merge button as well; a command only lets them do it from here.
    #[must_use]
    pub fn judge_command(event: &Event, may_write: bool) -> Self {
        match &event.trigger {
            Trigger::Comment { .. } if may_write => Self { review: None, deliver: true, why_not: String::new() },
            Trigger::Comment { author, .. } => Self {
                review: None,
                deliver: false,
                why_not: format!("`{author}` may not write to this repository, so the command was not obeyed"),
            },
            _ => Self::judge(event),
        }
    }

    /// The right to comment, if there is one.
    #[must_use]
    pub fn review(&self) -> Option<&CommentGrant> {
        self.review.as_ref()
    }

    /// The right to comment on one pull request for a person at a terminal or for a promotion that this run opened.
    #[must_use]
    pub fn review_of(&self, pull_request: u64, head: &CommitId) -> Option<CommentGrant> {
        self.deliver.then(|| CommentGrant { pull_request, head: head.clone() })
    }

    /// The right to apply `commit` to `environment`.
    ///
    /// # Errors
    /// The reason why this run has none.
    pub fn apply(&self, environment: &str, commit: &CommitId) -> Result<ApplyGrant, String> {
        let grant = || ApplyGrant { environment: environment.to_owned(), commit: commit.clone() };
        self.deliver.then(grant).ok_or_else(|| self.why_not.clone())
    }

    /// The right to promote to `environment`.
    ///
    /// # Errors
    /// The reason why this run has none.
    pub fn promote(&self, environment: &str) -> Result<PromoteGrant, String> {
        let grant = || PromoteGrant { environment: environment.to_owned() };
        self.deliver.then(grant).ok_or_else(|| self.why_not.clone())
    }

    /// Why this run may not deliver; empty when it may.
    #[must_use]
    pub fn why_not(&self) -> &str {
        &self.why_not
    }
}
