//! Git hosts: pull requests, comments, statuses, deployments, as a small set of intent-level verbs.
//!
//! Each verb says what shall be true (`ensure_comment`), so that running it twice is running it once. Limits, paging,
//! retries and each host's quirks stay behind the trait. A write takes a grant that only [`crate::trust`] makes.

pub mod address;
mod check;
mod commit_statuses;
mod gitea;
mod github;
mod gitlab;
mod http;
mod issue_comments;
pub mod limits;
pub mod local;
pub mod marker;
mod pull_request;
mod remarks;
mod wire;

use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use crate::trust::{ApplyGrant, CommentGrant, PromoteGrant};
pub use address::{Address, HostKind};
use async_trait::async_trait;
pub use check::{Annotation, AnnotationLevel, Check};
pub use gitea::GiteaHost;
pub use github::GitHubHost;
pub use gitlab::GitLabHost;
use jiff::Timestamp;
pub use limits::{Limits, TextUnit};
pub use local::LocalHost;
pub use pull_request::{Landing, PullRequest, PullRequestDraft, PullRequestQuery, PullRequestState};
use pull_request::{missing, open_like};
pub use remarks::Remark;

/// What an account may do with the repository, ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rights {
    /// Nothing, or unknown.
    None,
    /// Read.
    Read,
    /// Push.
    Write,
    /// Settings.
    Admin,
}

/// Facts of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryFacts {
    /// `owner/name`.
    pub name: String,
    /// The branch that pull requests go to by default.
    pub default_branch: String,
    /// Where its page is, without a trailing `/`.
    pub web_url: String,
    /// What our own credential may do.
    pub own_rights: Rights,
    /// CI files, and folders of them, that this host reads from a pushed branch and that our credential may write: an environment
    /// branch carries the files that call Mergeline, so that a person's merge into it starts a run (DESIGN §4 "Waking").
    pub ci_paths: Vec<String>,
    /// Where its files and commits are shown.
    pub links: LinkTemplates,
}

/// Where a host shows files and commits, as templates: each host has its own shape.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LinkTemplates {
    /// A file at a commit, with `{commit}` and `{path}`.
    pub file: Option<String>,
    /// What follows it for a line, with `{line}`.
    pub line: Option<String>,
    /// A commit, with `{commit}`.
    pub commit: Option<String>,
}

/// The state of a commit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StatusState {
    /// Not decided yet.
    Pending,
    /// Good.
    Success,
    /// Judged and found bad.
    Failure,
    /// Could not be judged.
    Error,
}

/// A commit status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// `mergeline/review`, `mergeline/prod`.
    pub context: String,
    /// The verdict.
    pub state: StatusState,
    /// One line, within [`Limits::status_description`]; cut by the host's implementation when longer.
    pub description: String,
    /// A page to read more, if any.
    pub url: Option<String>,
}

impl Status {
    /// The same status with its description cut to one line within the limits of a host.
    #[must_use]
    pub fn within(&self, limits: &Limits) -> Self {
        let line = self.description.split_whitespace().collect::<Vec<_>>().join(" ");
        let description = match line.char_indices().nth(limits.status_description) {
            None => line,
            Some(_) => {
                let kept: String = line.chars().take(limits.status_description - 1).collect();
                format!("{}…", kept.trim_end())
            }
        };
        Self { description, ..self.clone() }
    }
}

/// A commit status as the host has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostedStatus {
    /// What it says. Only the newest one of each context is listed.
    pub status: Status,
    /// Login of who posted it. Evidence counts only from our own identity.
    pub author: String,
    /// When it was posted, by the host's clock.
    pub posted_at: Timestamp,
}

impl PostedStatus {
    /// Keeps the first of each context of `newest_first`.
    pub(crate) fn newest_of_each_context(newest_first: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut kept: Vec<Self> = Vec::new();
        for posted in newest_first {
            if kept.iter().all(|other| other.status.context != posted.status.context) {
                kept.push(posted);
            }
        }
        kept
    }

    /// Says whether the newest status of the context is `status` already, by `own`. Anybody else's is no evidence.
    pub(crate) fn stands(newest: &[Self], status: &Status, own: &str) -> bool {
        newest.iter().any(|posted| posted.status == *status && posted.author.eq_ignore_ascii_case(own))
    }
}

/// What an `ensure` verb found or did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ensured {
    /// It was so already; nothing was written.
    Unchanged,
    /// Made.
    Created,
    /// Changed in place.
    Updated,
    /// Removed.
    Removed,
    /// This host has no such thing; nothing was written.
    Unsupported,
}

impl Ensured {
    /// What it is once something of it was changed: what this run made stays made.
    pub(crate) fn changed(self) -> Self {
        if self == Self::Created { self } else { Self::Updated }
    }
}

/// A deployment record on the host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployment {
    /// The environment's name.
    pub environment: String,
    /// The commit that was delivered.
    pub commit: CommitId,
    /// What became of it.
    pub state: StatusState,
    /// One line.
    pub description: String,
}

/// A repository on a Git host.
///
/// Every implementation passes the contract suite in `tests/suite/contract/host.rs`.
///
/// # Errors
/// Every verb fails with [`crate::failure::FailureKind::Remote`] when the host cannot be reached, answers with a server
/// error after retries, or refuses the credential, and with `Remote` naming the setting when a repository setting
/// forbids the write. Messages never hold the credential.
#[async_trait]
pub trait Host: Send + Sync {
    /// What this host takes at most.
    fn limits(&self) -> Limits;

    /// Login of the account that our credential belongs to.
    async fn identity(&self) -> Result<String>;

    /// Facts of the repository.
    async fn repository(&self) -> Result<RepositoryFacts>;

    /// What `login` may do, asked live.
    async fn rights(&self, login: &str) -> Result<Rights>;

    /// One pull request.
    async fn pull_request(&self, number: u64) -> Result<PullRequest>;

    /// All pull requests that match, newest first, paged to the end.
    async fn pull_requests(&self, query: &PullRequestQuery) -> Result<Vec<PullRequest>>;

    /// The newest status of each context on `commit`.
    async fn statuses(&self, commit: &CommitId) -> Result<Vec<PostedStatus>>;

    /// Makes the pull request have exactly one comment of `topic` by our identity with this body; `None` removes it.
    ///
    /// The comment is found by the topic's marker *and* our authorship. Twins made by a race are deleted, the oldest
    /// stays. Does nothing when the pull request's head is not the grant's any more.
    async fn ensure_comment(&self, grant: &CommentGrant, topic: &str, body: Option<&str>) -> Result<Ensured>;

    /// Makes our comment of `topic` have this body where the pull request has one; where it has none, none is made.
    ///
    /// All else as for [`Host::ensure_comment`].
    async fn amend_comment(&self, grant: &CommentGrant, topic: &str, body: &str) -> Result<Ensured>;

    /// Makes our remarks beside the lines of the pull request be these: each once, new ones written together, those that are
    /// not asked for any more deleted, or called settled where somebody answered them.
    ///
    /// A line that the host does not show as a part of the pull request has none. Does nothing when the pull request's head
    /// is not the grant's any more.
    async fn ensure_remarks(&self, grant: &CommentGrant, remarks: &[Remark]) -> Result<Ensured>;

    /// Makes the newest status of the context on the grant's commit be this one; an equal one is not posted again.
    async fn ensure_status(&self, grant: &StatusGrant<'_>, status: &Status) -> Result<Ensured>;

    /// Makes the check of that name on the grant's commit say this, by our identity, where the host has checks.
    ///
    /// An equal one is not written again: the same verdict, title, summary and number of annotations. One whose
    /// annotations have to change is made anew, since hosts can only add to them; the newest of a name is what counts.
    async fn ensure_check(&self, grant: &StatusGrant<'_>, check: &Check) -> Result<Ensured>;

    /// Makes one open pull request from the head branch to the base branch be as drafted.
    async fn ensure_pull_request(
        &self,
        grant: &PromoteGrant,
        draft: &PullRequestDraft,
    ) -> Result<(Ensured, PullRequest)>;

    /// Closes an open pull request with a comment that says why; a closed one is left as it is.
    async fn close_pull_request(&self, grant: &PromoteGrant, number: u64, reason: &str) -> Result<Ensured>;

    /// Merges a pull request if its head is still `head`.
    async fn land(&self, grant: &PromoteGrant, number: u64, head: &CommitId) -> Result<Landing>;

    /// Makes the host's deployment record of the environment say this, where it has such records.
    async fn ensure_deployment(&self, grant: &ApplyGrant, deployment: &Deployment) -> Result<Ensured>;
}

/// Opens the repository at `address`.
///
/// # Errors
/// Usage for a host that is not supported yet, and for a local folder that holds none.
pub fn connect(address: &Address) -> Result<Box<dyn Host>> {
    match address.kind {
        HostKind::Local => Ok(Box::new(LocalHost::open(&address.api_url)?)),
        HostKind::Gitea => Ok(Box::new(GiteaHost::new(address)?)),
        HostKind::GitLab => Ok(Box::new(GitLabHost::new(address)?)),
        HostKind::GitHub => Ok(Box::new(GitHubHost::new(address)?)),
        HostKind::Bitbucket | HostKind::Azure => Err(Failure::usage(format!("{} is not supported yet", address.kind))
            .hint("supported are GitHub, GitLab, Gitea, Forgejo and the local host of `mergeline demo`")),
    }
}

/// The right to post a status on one commit: it comes with each of the write grants.
#[derive(Debug, Clone, Copy)]
pub enum StatusGrant<'a> {
    /// On the reviewed head.
    Review(&'a CommentGrant),
    /// On the delivered commit.
    Delivery(&'a ApplyGrant),
    /// On the head of a promotion that this run made.
    Promotion(&'a PromoteGrant, &'a CommitId),
}

impl StatusGrant<'_> {
    /// The commit that the status goes to.
    #[must_use]
    pub fn commit(&self) -> &CommitId {
        match self {
            Self::Review(grant) => grant.head(),
            Self::Delivery(grant) => grant.commit(),
            Self::Promotion(_, commit) => commit,
        }
    }
}
