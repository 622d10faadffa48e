//! The parts of Gitea's API v1 that are read, as it answers them (swagger of Gitea 1.26; Forgejo has the same).

use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use crate::host::marker::Comment;
use crate::host::{PostedStatus, PullRequest, PullRequestState, Rights, Status, StatusState};
use jiff::Timestamp;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub login: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Repository {
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
}

#[derive(Debug, Deserialize)]
pub(super) struct Permissions {
    admin: bool,
    push: bool,
    pull: bool,
}

impl Repository {
    pub(super) fn own_rights(&self) -> Rights {
        match &self.permissions {
            Some(Permissions { admin: true, .. }) => Rights::Admin,
            Some(Permissions { push: true, .. }) => Rights::Write,
            Some(Permissions { pull: true, .. }) => Rights::Read,
            _ => Rights::None,
        }
    }

    /// How the merge button merges: the repository's default, else the first way that is allowed.
    pub(super) fn merge_style(&self) -> &str {
        let allowed = [
            ("merge", self.allow_merge_commits),
            ("squash", self.allow_squash_merge),
            ("rebase-merge", self.allow_rebase_explicit),
            ("rebase", self.allow_rebase),
            ("fast-forward-only", self.allow_fast_forward_only_merge),
        ];
        let usable = |style: &str| allowed.iter().any(|(name, allowed)| *allowed && *name == style);
        if usable(&self.default_merge_style) {
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
            author: login(self.user),
            merged_by: self.merged_by.filter(|_| self.merged).map(|user| user.login),
            merged_at,
            labels: self.labels.unwrap_or_default().into_iter().map(|label| label.name).collect(),
            url: self.html_url,
        })
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct IssueComment {
    pub id: u64,
    user: Option<User>,
    body: String,
}

impl IssueComment {
    pub(super) fn read(self) -> Comment {
        Comment { id: self.id, author: login(self.user), body: self.body }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct CommitStatus {
    pub id: u64,
    /// Written as `state`, read as `status`.
    #[serde(alias = "state")]
    status: String,
    context: String,
    description: String,
    target_url: String,
    creator: Option<User>,
    created_at: String,
}

impl CommitStatus {
    pub(super) fn read(self) -> Result<PostedStatus> {
        let state = match self.status.as_str() {
            "success" => StatusState::Success,
            "pending" => StatusState::Pending,
            "failure" => StatusState::Failure,
            // Other tools' `warning` and `skipped` are nothing that a gate may take for success.
            _ => StatusState::Error,
        };
        Ok(PostedStatus {
            posted_at: timestamp(&self.created_at)?,
            author: login(self.creator),
            status: Status {
                context: self.context,
                state,
                description: self.description,
                url: Some(self.target_url).filter(|url| !url.is_empty()),
            },
        })
    }
}

/// The word for writing a status.
pub(super) fn state_word(state: StatusState) -> &'static str {
    match state {
        StatusState::Pending => "pending",
        StatusState::Success => "success",
        StatusState::Failure => "failure",
        StatusState::Error => "error",
    }
}

/// An account that was deleted is nobody; no login is empty, so that nobody equals us.
fn login(user: Option<User>) -> String {
    user.map(|user| user.login).unwrap_or_default()
}

fn timestamp(text: &str) -> Result<Timestamp> {
    text.parse().map_err(|error: jiff::Error| Failure::remote(format!("`{text}` is no time")).because(error))
}
