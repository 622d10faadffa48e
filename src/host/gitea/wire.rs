//! The parts of Gitea's API v1 that are read, as it answers them (swagger of Gitea 1.26; Forgejo has the same).

use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use crate::host::remarks::Posted;
use crate::host::wire::{Permissions, User, timestamp};
use crate::host::{PullRequest, PullRequestState, Rights};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Repository {
    pub full_name: String,
    pub html_url: String,
    pub default_branch: String,
    pub permissions: Option<Permissions>,
    #[serde(default)]
    pub default_merge_style: String,
    #[serde(default)]
    pub allow_merge_commits: bool,
    #[serde(default)]
    pub allow_rebase: bool,
    #[serde(default)]
    pub allow_rebase_explicit: bool,
    #[serde(default)]
    pub allow_squash_merge: bool,
    #[serde(default)]
    pub allow_fast_forward_only_merge: bool,
    #[serde(default)]
    pub allow_manual_merge: bool,
}

impl Repository {
    pub(super) fn own_rights(&self) -> Rights {
        self.permissions.as_ref().map_or(Rights::None, Permissions::rights)
    }

    /// How the merge button merges: the repository's default, else the first way that is allowed.
    ///
    /// A job prefers a merge that keeps the head: the server does not mark it as merged, and a head in the base's
    /// history is what tells.
    pub(super) fn merge_style(&self, by_job: bool) -> &str {
        let allowed = [
            ("merge", self.allow_merge_commits),
            ("rebase-merge", self.allow_rebase_explicit),
            ("fast-forward-only", self.allow_fast_forward_only_merge),
            ("squash", self.allow_squash_merge),
            ("rebase", self.allow_rebase),
        ];
        let usable = |style: &str| allowed.iter().any(|(name, allowed)| *allowed && *name == style);
        let keeps_head = !matches!(self.default_merge_style.as_str(), "squash" | "rebase");
        if usable(&self.default_merge_style) && (keeps_head || !by_job) {
            return &self.default_merge_style;
        }
        allowed.iter().find(|(_, allowed)| *allowed).map_or("merge", |(name, _)| name)
    }
}

/// The answer to "what may this account do here".
#[derive(Debug, Deserialize)]
pub(super) struct CollaboratorPermission {
    permission: String,
}

impl CollaboratorPermission {
    pub(super) fn rights(&self) -> Rights {
        match self.permission.as_str() {
            "owner" | "admin" => Rights::Admin,
            "write" => Rights::Write,
            "read" => Rights::Read,
            _ => Rights::None,
        }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Label {
    pub id: u64,
    pub name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Pull {
    pub number: u64,
    pub title: String,
    pub body: String,
    pub state: String,
    pub user: Option<User>,
    #[serde(default)]
    pub labels: Option<Vec<Label>>,
    pub html_url: String,
    #[serde(default)]
    pub merged: bool,
    pub merged_at: Option<String>,
    pub merged_by: Option<User>,
    pub merge_commit_sha: Option<String>,
    #[serde(default)]
    pub merge_base: String,
    pub base: Branch,
    pub head: Branch,
}

/// One side of a pull request.
#[derive(Debug, Deserialize)]
pub(super) struct Branch {
    /// The branch's name, also when it is gone (then `ref` is `refs/pull/N/head`).
    label: String,
    sha: String,
    repo_id: i64,
}

impl Pull {
    /// Says whether the base branch has all of it although the host does not call it merged: see [`super::landing`].
    pub(super) fn is_contained(&self) -> bool {
        !self.merged && !self.merge_base.is_empty() && self.merge_base == self.head.sha
    }

    pub(super) fn read(self) -> Result<PullRequest> {
        let commit = |sha: &str| {
            CommitId::parse(sha).map_err(|error| {
                Failure::remote(format!("pull request #{} has no readable commit", self.number))
                    .because(error)
                    .hint("its branch or fork may be gone; close it")
            })
        };
        let merged_at = match self.merged_at.as_deref().filter(|_| self.merged) {
            Some(text) => Some(timestamp(text)?),
            None => None,
        };
        Ok(PullRequest {
            number: self.number,
            state: match (self.merged, self.state.as_str()) {
                (true, _) => PullRequestState::Merged,
                (false, "open") => PullRequestState::Open,
                (false, _) if self.is_contained() => PullRequestState::Merged,
                (false, _) => PullRequestState::Closed,
            },
            head: commit(&self.head.sha)?,
            merge_commit: match self.merge_commit_sha.as_deref().filter(|sha| self.merged && !sha.is_empty()) {
                Some(sha) => Some(commit(sha)?),
                None => None,
            },
            title: self.title,
            body: self.body,
            from_fork: self.head.repo_id != self.base.repo_id,
            head_branch: self.head.label,
            base_branch: self.base.label,
            author: User::login(self.user),
            merged_by: self.merged_by.filter(|_| self.merged).map(|user| user.login),
            merged_at,
            labels: self.labels.unwrap_or_default().into_iter().map(|label| label.name).collect(),
            url: self.html_url,
        })
    }
}

/// A commit in the history of a branch.
#[derive(Debug, Deserialize)]
pub(super) struct Commit {
    sha: String,
    #[serde(default)]
    parents: Vec<Parent>,
}

#[derive(Debug, Deserialize)]
struct Parent {
    sha: String,
}

impl Commit {
    /// Says whether it is `head` or was made by merging it.
    pub(super) fn is_landing_of(&self, head: &CommitId) -> bool {
        self.sha == head.as_str() || self.parents.iter().any(|parent| parent.sha == head.as_str())
    }

    pub(super) fn id(&self) -> Result<CommitId> {
        CommitId::parse(&self.sha).map_err(|error| Failure::remote("a commit without a name").because(error))
    }
}

/// A review: its comments are asked for by its number.
#[derive(Debug, Deserialize)]
pub(super) struct Review {
    pub id: u64,
    #[serde(default)]
    pub comments_count: u64,
}

/// A comment on a line.
#[derive(Debug, Deserialize)]
pub(super) struct CodeComment {
    id: u64,
    user: Option<User>,
    #[serde(default)]
    body: String,
    #[serde(default)]
    path: String,
    #[serde(default)]
    position: u64,
}

impl CodeComment {
    fn author(&self) -> &str {
        self.user.as_ref().map_or("", |user| &user.login)
    }

    /// Says whether it stands below `other` by somebody else.
    pub(super) fn answers(&self, other: &Self) -> bool {
        let same_line = self.path == other.path && self.position == other.position;
        same_line && self.id > other.id && self.author() != other.author()
    }

    pub(super) fn read(&self, answered: bool) -> Posted {
        Posted { id: self.id, author: self.author().to_owned(), body: self.body.clone(), answered }
    }
}
