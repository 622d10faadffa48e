//! What made this run start: the CI's environment and payload, read into one shape.
//!
//! One file per CI. A person at a terminal is an [`Event`] too. Level-triggered: an event says "look", never "do this".

pub mod chat;
mod github_actions;
mod gitlab_ci;
pub mod starter;

use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use crate::host::address::{Address, HostKind};
use jiff::Timestamp;
use std::collections::BTreeMap;

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
        /// Login of who wrote it.
        author: String,
        /// What it asks for.
        asked: chat::Asked,
        /// When it was written, by the host's clock.
        written_at: Option<Timestamp>,
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

/// The environment variables of the process, and the text of the event payload where the CI has one.
///
/// Handed in by the caller: this room reads neither the environment nor the disk.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Environment variables.
    pub variables: BTreeMap<String, String>,
    /// The content of the file that [`Surroundings::payload_path`] names.
    pub payload: Option<String>,
}

impl Surroundings {
    /// A variable that is set and not empty: CI systems set absent ones to the empty text.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Where the CI keeps the payload of the event, if it does.
    #[must_use]
    pub fn payload_path(&self) -> Option<&str> {
        self.get("GITHUB_EVENT_PATH")
    }

    fn required(&self, name: &str) -> Result<&str> {
        self.get(name).ok_or_else(|| {
            Failure::usage(format!("the CI's environment lacks `{name}`"))
                .hint("run `mergeline run` inside a CI job, or `mergeline review` at a terminal")
        })
    }
}

impl Event {
    /// Login of who gave a chat command: what they may do is asked of the host before anything follows from it.
    #[must_use]
    pub fn commander(&self) -> Option<&str> {
        match &self.trigger {
            Trigger::Comment { author, asked, .. } if *asked != chat::Asked::Nothing => Some(author),
            _ => None,
        }
    }

    /// Reads the event from what surrounds the process. Most specific CI first: Gitea also says that it is GitHub.
    ///
    /// Outside of every known CI this is a person at a terminal.
    ///
    /// # Errors
    /// [`crate::failure::FailureKind::Usage`] when the CI is known and its environment or payload lacks what it must have.
    pub fn detect(surroundings: &Surroundings) -> Result<Self> {
        if surroundings.get("GITEA_ACTIONS").is_some() || surroundings.get("FORGEJO_ACTIONS").is_some() {
            github_actions::read(surroundings, HostKind::Gitea)
        } else if surroundings.get("GITHUB_ACTIONS") == Some("true") {
            github_actions::read(surroundings, HostKind::GitHub)
        } else if surroundings.get("GITLAB_CI") == Some("true") {
            gitlab_ci::read(surroundings)
        } else {
            Ok(Self { trigger: Trigger::Terminal, host: None, actor: None, run_url: None })
        }
    }
}
