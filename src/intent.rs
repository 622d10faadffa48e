//! What a run is for: (event, grants, configuration) → intent. Pure.
//!
//! Level-triggered: an intent says what to look at. What is done follows from what is found there.

use crate::commit::CommitId;
use crate::config::Config;
use crate::event::chat::Asked;
use crate::event::{Event, PullRequestAction, Trigger};
use crate::trust::Grants;
use jiff::Timestamp;

/// What a run is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// Review a pull request and say what it does.
    Review {
        /// Its number.
        number: u64,
        /// The head that the event named.
        head: CommitId,
        /// The branch that it goes to.
        base_branch: String,
    },
    /// Do what a comment on a pull request asks for.
    Chat {
        /// The pull request.
        number: u64,
        /// What is asked for.
        asked: Asked,
        /// When, by the host's clock.
        written_at: Option<Timestamp>,
    },
    /// Bring every environment as far as it may go now.
    Reconcile,
    /// Nothing; why, in people's words.
    Nothing(String),
}

impl Intent {
    /// Reads the intent of an event. `default_branch` and `config` are the trusted ones.
    #[must_use]
    pub fn of(event: &Event, grants: &Grants, default_branch: &str, config: Option<&Config>) -> Self {
        let nothing = |why: &str| Self::Nothing(why.to_owned());
        match &event.trigger {
            Trigger::PullRequest(pull) if pull.action == PullRequestAction::Changed && !pull.privileged => {
                Self::Review { number: pull.number, head: pull.head.clone(), base_branch: pull.base_branch.clone() }
            }
            Trigger::Push { after: None, .. } => nothing("the branch was deleted"),
            Trigger::Push { branch, .. } if branch != default_branch && !is_environment(config, branch) => {
                Self::Nothing(format!("`{branch}` is neither the default branch nor an environment's"))
            }
            Trigger::Comment { asked: Asked::Nothing, .. } => nothing("the comment gives no command"),
            Trigger::Comment { pull_request, asked, written_at, .. } => {
                Self::Chat { number: *pull_request, asked: asked.clone(), written_at: *written_at }
            }
            _ if !grants.why_not().is_empty() => Self::Nothing(grants.why_not().to_owned()),
            Trigger::PullRequest(pull) if pull.action == PullRequestAction::Closed => {
                nothing("the pull request was closed without a merge")
            }
            _ if config.is_none_or(|config| config.environments().next().is_none()) => {
                nothing("no environments are configured: there is nothing to deliver")
            }
            _ => Self::Reconcile,
        }
    }
}

fn is_environment(config: Option<&Config>, branch: &str) -> bool {
    config.is_some_and(|config| config.environment_of_branch(branch).is_some())
}
