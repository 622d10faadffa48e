//! Pull requests (GitLab: merge requests): what a host says of one, which are asked for, what one shall be, how it lands.

use super::Host;
use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use jiff::Timestamp;

/// Where a pull request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PullRequestState {
    /// Can be merged or closed.
    Open,
    /// Closed without a merge.
    Closed,
    /// Merged.
    Merged,
}

/// A pull request (GitLab: merge request).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequest {
    /// Its number on the host.
    pub number: u64,
    /// Where it stands.
    pub state: PullRequestState,
    /// Title.
    pub title: String,
    /// Body as the host has it.
    pub body: String,
    /// The commit at its head.
    pub head: CommitId,
    /// The branch it comes from, without `refs/heads/`.
    pub head_branch: String,
    /// The branch it goes to, without `refs/heads/`.
    pub base_branch: String,
    /// Comes from another repository (or from one that is gone).
    pub from_fork: bool,
    /// Login of its author.
    pub author: String,
    /// The commit that the merge made or fast-forwarded to.
    pub merge_commit: Option<CommitId>,
    /// Login of who merged it. The lists of some hosts leave it out ([`Host::pull_requests`]); asked for alone, a
    /// merged pull request has it.
    pub merged_by: Option<String>,
    /// When it was merged, by the host's clock.
    pub merged_at: Option<Timestamp>,
    /// Labels.
    pub labels: Vec<String>,
    /// Its page.
    pub url: String,
}

impl PullRequest {
    /// Why it is not to be merged at `head` now, called `what` (`pull request #7`): it is merged, closed, or moved on.
    pub(super) fn no_landing(&self, head: &CommitId, what: &str) -> Option<Landing> {
        match self.state {
            PullRequestState::Merged => Some(Landing::AlreadyMerged),
            PullRequestState::Closed => Some(Landing::Refused(format!("{what} is closed"))),
            PullRequestState::Open if self.head != *head => Some(Landing::HeadMoved),
            PullRequestState::Open => None,
        }
    }
}

/// Which pull requests to list. Fields left `None` match all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PullRequestQuery {
    /// The branch they come from.
    pub head_branch: Option<String>,
    /// The branch they go to.
    pub base_branch: Option<String>,
    /// Where they stand.
    pub state: Option<PullRequestState>,
}

impl PullRequestQuery {
    /// Says whether `pull` is asked for.
    #[must_use]
    pub fn matches(&self, pull: &PullRequest) -> bool {
        let branch = |wanted: &Option<String>, has: &str| wanted.as_deref().is_none_or(|wanted| wanted == has);
        branch(&self.head_branch, &pull.head_branch)
            && branch(&self.base_branch, &pull.base_branch)
            && self.state.is_none_or(|state| state == pull.state)
    }

    /// The open pull requests that go the way of `draft`.
    pub(crate) fn open_like(draft: &PullRequestDraft) -> Self {
        Self {
            head_branch: Some(draft.head_branch.clone()),
            base_branch: Some(draft.base_branch.clone()),
            state: Some(PullRequestState::Open),
        }
    }

    /// Those of a host's list that are asked for, once each, the newest first.
    ///
    /// One whose fork is gone cannot be read and cannot be what is asked for by its branch.
    pub(crate) fn choose(&self, listed: impl IntoIterator<Item = Result<PullRequest>>) -> Vec<PullRequest> {
        let mut found = Vec::new();
        for pull in listed {
            match pull {
                Ok(pull) if self.matches(&pull) => found.push(pull),
                Ok(_) => {}
                Err(failure) => tracing::warn!(%failure, "left out of the list"),
            }
        }
        found.sort_by_key(|pull: &PullRequest| std::cmp::Reverse(pull.number));
        found.dedup_by_key(|pull| pull.number);
        found
    }
}

/// What a promotion pull request shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PullRequestDraft {
    /// The branch it comes from; must be pushed.
    pub head_branch: String,
    /// The branch it goes to.
    pub base_branch: String,
    /// Title, within [`super::Limits::title`].
    pub title: String,
    /// Body, within [`super::Limits::body`].
    pub body: String,
    /// Labels that it shall have; others are left.
    pub labels: Vec<String>,
}

/// What came of landing a pull request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Landing {
    /// Merged; the head of the base branch is this commit now.
    Landed(CommitId),
    /// Merged before, by whomever.
    AlreadyMerged,
    /// Its head is not the commit that was judged; nothing was done.
    HeadMoved,
    /// The host refuses for now: its words (required checks, conflicts, protection).
    Refused(String),
}

/// The open pull request of `host` from the draft's branch, in the repository itself, to its base.
pub(super) async fn open_like(host: &dyn Host, draft: &PullRequestDraft) -> Result<Option<PullRequest>> {
    let query = PullRequestQuery::open_like(draft);
    Ok(host.pull_requests(&query).await?.into_iter().find(|pull| !pull.from_fork))
}

/// That `what` (`pull request #7`) is not in the repository, or not for us.
pub(super) fn missing(what: &str, repository: &str) -> Failure {
    Failure::remote(format!("there is no {what} in `{repository}`")).hint(
        "see that the repository's name is right and that the token reaches it: for what a token may not see, the answer \
         is the same",
    )
}
