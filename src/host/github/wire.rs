//! The parts of GitHub's REST API that are read, as its OpenAPI description has them.

use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use crate::host::remarks::Posted;
use crate::host::wire::{Permissions, User, timestamp};
use crate::host::{PullRequest, PullRequestState, Rights};
use serde::Deserialize;

/// GraphQL's answer to "who am I".
#[derive(Debug, Deserialize)]
pub(super) struct Viewer {
    data: Option<ViewerData>,
}

#[derive(Debug, Deserialize)]
struct ViewerData {
    viewer: Option<User>,
}

impl Viewer {
    pub(super) fn login(self) -> Option<String> {
        Some(self.data?.viewer?.login)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Repository {
    pub full_name: String,
    pub html_url: String,
    pub default_branch: String,
    permissions: Option<Permissions>,
    // Whoever may not push is not told.
    allow_merge_commit: Option<bool>,
    allow_rebase_merge: Option<bool>,
    allow_squash_merge: Option<bool>,
}

impl Repository {
    pub(super) fn own_rights(&self) -> Rights {
        self.permissions.as_ref().map_or(Rights::None, Permissions::rights)
    }

    /// The ways of merging that are allowed, the one that keeps the head first; where it is not told, all.
    pub(super) fn merge_methods(&self) -> Vec<&'static str> {
        [("merge", self.allow_merge_commit), ("rebase", self.allow_rebase_merge), ("squash", self.allow_squash_merge)]
            .into_iter()
            .filter(|(_, allowed)| *allowed != Some(false))
            .map(|(method, _)| method)
            .collect()
    }
}

/// The answer to "what may this account do here".
#[derive(Debug, Deserialize)]
pub(super) struct CollaboratorPermission {
    /// Folds `maintain` into `write` and `triage` into `read`; what a role of the organisation's own comes to.
    permission: String,
    #[serde(default)]
    role_name: String,
}

impl CollaboratorPermission {
    pub(super) fn rights(&self) -> Rights {
        let rights = |word: &str| match word {
            "admin" => Some(Rights::Admin),
            "maintain" | "write" => Some(Rights::Write),
            "triage" | "read" => Some(Rights::Read),
            "none" => Some(Rights::None),
            _ => None,
        };
        rights(&self.role_name).or_else(|| rights(&self.permission)).unwrap_or(Rights::None)
    }
}

#[derive(Debug, Deserialize)]
struct Label {
    name: String,
}

/// A comment on a line of a pull request.
#[derive(Debug, Deserialize)]
pub(super) struct ReviewComment {
    id: u64,
    user: Option<User>,
    #[serde(default)]
    body: String,
    pub in_reply_to_id: Option<u64>,
}

impl ReviewComment {
    /// `answered` are those that others reply to.
    pub(super) fn read(self, answered: &[u64]) -> Posted {
        let author = self.user.map(|user| user.login).unwrap_or_default();
        Posted { id: self.id, author, body: self.body, answered: answered.contains(&self.id) }
    }
}

/// A pull request, alone or in a list, which leaves out who merged it and whether it can be.
#[derive(Debug, Deserialize)]
pub(super) struct Pull {
    number: u64,
    title: String,
    body: Option<String>,
    state: String,
    user: Option<User>,
    #[serde(default)]
    labels: Vec<Label>,
    html_url: String,
    merged_at: Option<String>,
    merged_by: Option<User>,
    /// The test merge while it is open.
    merge_commit_sha: Option<String>,
    /// Null until it is found out.
    #[serde(default)]
    pub mergeable: Option<bool>,
    base: Branch,
    head: Branch,
}

/// One side of a pull request.
#[derive(Debug, Deserialize)]
struct Branch {
    r#ref: String,
    sha: String,
    /// Null when the fork is gone.
    repo: Option<BranchRepository>,
}

#[derive(Debug, Deserialize)]
struct BranchRepository {
    full_name: String,
}

impl Pull {
    pub(super) fn read(self) -> Result<PullRequest> {
        let number = self.number;
        let commit = |sha: &str| {
            CommitId::parse(sha).map_err(|error| {
                Failure::remote(format!("pull request #{number} has no readable commit"))
                    .because(error)
                    .hint("its branch or fork may be gone; close it")
            })
        };
        let merged = self.merged_at.is_some();
        let of = |branch: &Branch| branch.repo.as_ref().map(|repository| repository.full_name.to_ascii_lowercase());
        Ok(PullRequest {
            number,
            state: match (merged, self.state.as_str()) {
                (true, _) => PullRequestState::Merged,
                (false, "open") => PullRequestState::Open,
                (false, _) => PullRequestState::Closed,
            },
            head: commit(&self.head.sha)?,
            merge_commit: self.merge_commit_sha.as_deref().filter(|_| merged).map(commit).transpose()?,
            title: self.title,
            body: self.body.unwrap_or_default(),
            from_fork: self.head.repo.is_none() || of(&self.head) != of(&self.base),
            head_branch: self.head.r#ref,
            base_branch: self.base.r#ref,
            author: User::login(self.user),
            merged_by: self.merged_by.filter(|_| merged).map(|user| user.login),
            merged_at: self.merged_at.as_deref().map(timestamp).transpose()?,
            labels: self.labels.into_iter().map(|label| label.name).collect(),
            url: self.html_url,
        })
    }
}

/// The answer to a merge.
#[derive(Debug, Deserialize)]
pub(super) struct Merged {
    sha: String,
    pub merged: bool,
    pub message: String,
}

impl Merged {
    pub(super) fn commit(&self) -> Result<CommitId> {
        CommitId::parse(&self.sha).map_err(|error| Failure::remote("a merge without a commit").because(error))
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct CheckRun {
    pub id: u64,
    external_id: Option<String>,
    output: CheckOutput,
    app: Option<App>,
}

#[derive(Debug, Deserialize)]
struct CheckOutput {
    #[serde(default)]
    annotations_count: usize,
}

#[derive(Debug, Deserialize)]
struct App {
    #[serde(default)]
    slug: String,
}

impl CheckRun {
    /// Says whether the App whose bot has this login made it.
    pub(super) fn is_by(&self, login: &str) -> bool {
        let slug = login.trim_end_matches("[bot]");
        self.app.as_ref().is_some_and(|app| app.slug.eq_ignore_ascii_case(slug))
    }

    pub(super) fn is_marked(&self, marker: &str) -> bool {
        self.external_id.as_deref() == Some(marker)
    }

    pub(super) fn annotations(&self) -> usize {
        self.output.annotations_count
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct DeploymentRecord {
    pub id: u64,
    pub sha: String,
    creator: Option<User>,
}

impl DeploymentRecord {
    pub(super) fn is_by(&self, login: &str) -> bool {
        self.creator.as_ref().is_some_and(|user| user.login.eq_ignore_ascii_case(login))
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct DeploymentStatus {
    pub id: u64,
    pub state: String,
    #[serde(default)]
    pub description: String,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn pull(change: &str) -> PullRequest {
        let text = format!(
            r#"{{"number": 4, "title": "t", "body": null, "state": "closed", "user": null, "html_url": "https://x",
            "merged_at": null, "merged_by": null, "merge_commit_sha": "{}", {change}
            "base": {{"ref": "main", "sha": "{}", "repo": {{"full_name": "Acme/Shop"}}}}}}"#,
            "3".repeat(40),
            "1".repeat(40)
        );
        serde_json::from_str::<Pull>(&text).unwrap().read().unwrap()
    }

    fn head(repository: &str) -> String {
        format!(r#""head": {{"ref": "change", "sha": "{}", "repo": {repository}}},"#, "2".repeat(40))
    }

    #[test]
    fn a_pull_request_whose_fork_is_gone_is_foreign() {
        assert!(pull(&head("null")).from_fork);
        assert!(pull(&head(r#"{"full_name": "eve/shop"}"#)).from_fork);
        assert!(!pull(&head(r#"{"full_name": "acme/shop"}"#)).from_fork);
    }

    #[test]
    fn the_test_merge_of_an_open_one_is_no_merge() {
        let pull = pull(&head("null"));
        assert_eq!((pull.state, pull.merge_commit), (PullRequestState::Closed, None));
    }

    #[test]
    fn roles_count_before_the_folded_permission() {
        let rights = |text: &str| serde_json::from_str::<CollaboratorPermission>(text).unwrap().rights();
        assert_eq!(rights(r#"{"permission": "write", "role_name": "maintain"}"#), Rights::Write);
        assert_eq!(rights(r#"{"permission": "read", "role_name": "triage"}"#), Rights::Read);
        assert_eq!(rights(r#"{"permission": "write", "role_name": "release-managers"}"#), Rights::Write);
        assert_eq!(rights(r#"{"permission": "none", "role_name": ""}"#), Rights::None);
    }

    #[test]
    fn only_ways_of_merging_that_are_allowed_are_tried() {
        let text = r#"{"full_name": "a/b", "html_url": "x", "default_branch": "main", "allow_merge_commit": false, "allow_squash_merge": true}"#;
        let repository: Repository = serde_json::from_str(text).unwrap();
        assert_eq!(repository.merge_methods(), ["rebase", "squash"]);
    }
}
