//! The parts of GitLab's REST API v4 that are read, as it answers them (<https://docs.gitlab.com/api/rest/>).

use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use crate::host::marker::{Comment, same_text};
use crate::host::remarks::{Posted, Remark, key_of};
use crate::host::wire::timestamp;
use crate::host::{PostedStatus, PullRequest, PullRequestState, Rights, Status, StatusState};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Debug, Clone, Deserialize)]
pub(super) struct User {
    #[serde(default)]
    pub id: u64,
    pub username: String,
}

/// <https://docs.gitlab.com/api/projects/#retrieve-a-project>
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Project {
    pub path_with_namespace: String,
    pub web_url: String,
    /// Absent while the repository is empty.
    pub default_branch: Option<String>,
    /// Where the CI file is, when not at its usual place; only shown to those who may see the settings.
    pub ci_config_path: Option<String>,
    permissions: Option<Permissions>,
}

#[derive(Debug, Clone, Deserialize)]
struct Permissions {
    project_access: Option<Access>,
    group_access: Option<Access>,
}

/// A membership: <https://docs.gitlab.com/api/access_requests/#valid-access-levels>.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct Access {
    access_level: u64,
}

impl Access {
    pub(super) fn rights(self) -> Rights {
        match self.access_level {
            40.. => Rights::Admin,
            30.. => Rights::Write,
            10.. => Rights::Read,
            _ => Rights::None,
        }
    }
}

impl Project {
    /// What our own membership allows; whoever is shown the project may read it.
    pub(super) fn own_rights(&self) -> Rights {
        let both = self.permissions.iter().flat_map(|it| [it.project_access, it.group_access]).flatten();
        both.map(Access::rights).max().unwrap_or(Rights::Read).max(Rights::Read)
    }

    /// The CI file in the repository; none when the project takes it from elsewhere.
    pub(super) fn ci_file(&self) -> Option<&str> {
        match self.ci_config_path.as_deref().filter(|path| !path.is_empty()) {
            None => Some(".gitlab-ci.yml"),
            // Of another project, or of the network.
            Some(path) if path.contains('@') || path.contains("://") => None,
            Some(path) => Some(path),
        }
    }
}

/// <https://docs.gitlab.com/api/merge_requests/#get-single-mr>
#[derive(Debug, Deserialize)]
pub(super) struct MergeRequest {
    iid: u64,
    title: String,
    description: Option<String>,
    /// `opened`, `closed`, `merged`; `locked` while a merge is under way.
    state: String,
    author: Option<User>,
    source_branch: String,
    target_branch: String,
    source_project_id: Option<u64>,
    target_project_id: u64,
    #[serde(default)]
    labels: Vec<String>,
    web_url: String,
    sha: Option<String>,
    merge_commit_sha: Option<String>,
    squash_commit_sha: Option<String>,
    merge_user: Option<User>,
    merged_by: Option<User>,
    merged_at: Option<String>,
    #[serde(default)]
    detailed_merge_status: String,
    /// The version of the diff that positions are in; absent in lists, and until it is made.
    #[serde(default)]
    pub diff_refs: Option<DiffRefs>,
}

/// The commits of a version of a merge request's diff.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct DiffRefs {
    pub base_sha: String,
    pub start_sha: String,
    pub head_sha: String,
}

impl DiffRefs {
    /// Where a remark stands in this version.
    pub(super) fn position(&self, remark: &Remark) -> Value {
        json!({
            "position_type": "text", "base_sha": self.base_sha, "start_sha": self.start_sha, "head_sha": self.head_sha,
            "old_path": remark.path, "new_path": remark.path, "new_line": remark.line,
        })
    }
}

/// A note that its author has yet to publish: <https://docs.gitlab.com/api/draft_notes/>.
#[derive(Debug, Deserialize)]
pub(super) struct Draft {
    pub id: u64,
    note: String,
    /// The line of the diff that was found for its position.
    line_code: Option<String>,
    #[serde(default)]
    position: Value,
}

impl Draft {
    /// Says whether it is a remark, and so nothing that a person with our account began to write.
    pub(super) fn is_ours(&self) -> bool {
        key_of(&self.note).is_some()
    }

    pub(super) fn says(&self, text: &str) -> bool {
        same_text(&self.note, text)
    }

    /// Says whether it stands at this position, and on a line of the diff.
    pub(super) fn stands_at(&self, position: &Value) -> bool {
        let same = |(name, value)| self.position.get(name) == Some(value);
        self.line_code.as_ref().is_some_and(|code| !code.is_empty())
            && position.as_object().is_some_and(|fields| fields.iter().all(same))
    }
}

/// A thread: its first note and the answers to it.
#[derive(Debug, Deserialize)]
pub(super) struct Discussion {
    #[serde(default)]
    notes: Vec<Note>,
}

impl Discussion {
    /// Its first note, when it stands beside a line.
    pub(super) fn read(self) -> Option<Posted> {
        let answered = self.notes.iter().skip(1).any(|note| !note.system);
        let first = self.notes.into_iter().next().filter(|note| note.kind.as_deref() == Some("DiffNote"))?;
        let Comment { id, author, body } = first.read();
        Some(Posted { id, author, body, answered })
    }
}

impl MergeRequest {
    pub(super) fn is_merged(&self) -> bool {
        self.state == "merged"
    }

    pub(super) fn has_head(&self, head: &CommitId) -> bool {
        self.sha.as_deref() == Some(head.as_str())
    }

    /// Says whether the host has yet to find out whether this can be merged.
    pub(super) fn is_being_checked(&self) -> bool {
        matches!(
            self.detailed_merge_status.as_str(),
            "unchecked" | "checking" | "preparing" | "approvals_syncing" | "mergeable"
        )
    }

    /// Why it cannot be merged, in people's words; empty when the host does not say.
    /// <https://docs.gitlab.com/api/merge_requests/#merge-status>
    pub(super) fn why_not_mergeable(&self) -> String {
        match self.detailed_merge_status.as_str() {
            "" | "mergeable" | "unchecked" | "checking" | "preparing" => "",
            "conflict" => "it conflicts with its target branch",
            "need_rebase" => "the project merges fast-forward only, and it must be rebased",
            "not_approved" | "approvals_syncing" => "approvals are missing",
            "ci_must_pass" => "its pipeline must succeed first",
            "ci_still_running" => "its pipeline is still running",
            "discussions_not_resolved" => "threads must be resolved first",
            "draft_status" => "it is a draft",
            "not_open" => "it is not open",
            "requested_changes" => "a reviewer asked for changes",
            "status_checks_must_pass" => "external status checks must pass first",
            other => return format!("the project's rules hold it: {}", other.replace('_', " ")),
        }
        .to_owned()
    }

    pub(super) fn read(self) -> Result<PullRequest> {
        let number = self.iid;
        let commit = |sha: &str| {
            CommitId::parse(sha).map_err(|error| {
                Failure::remote(format!("merge request !{number} has no readable commit"))
                    .because(error)
                    .hint("its branch or fork may be gone, or the host has yet to read it; try again")
            })
        };
        let merged = self.is_merged();
        let head = commit(self.sha.as_deref().unwrap_or_default())?;
        // A fast-forward makes no commit: the head itself landed.
        let landed = self.merge_commit_sha.as_deref().or(self.squash_commit_sha.as_deref());
        let merge_commit = landed.map(commit).transpose()?.unwrap_or_else(|| head.clone());
        let merged_at = self.merged_at.as_deref().filter(|_| merged).map(timestamp).transpose()?;
        Ok(PullRequest {
            number,
            state: match self.state.as_str() {
                "merged" => PullRequestState::Merged,
                "closed" => PullRequestState::Closed,
                _ => PullRequestState::Open,
            },
            title: self.title,
            body: self.description.unwrap_or_default(),
            head,
            head_branch: self.source_branch,
            base_branch: self.target_branch,
            from_fork: self.source_project_id != Some(self.target_project_id),
            author: login(self.author),
            merge_commit: Some(merge_commit).filter(|_| merged),
            merged_by: self.merge_user.or(self.merged_by).filter(|_| merged).map(|user| user.username),
            merged_at,
            labels: self.labels,
            url: self.web_url,
        })
    }
}

/// <https://docs.gitlab.com/api/notes/#merge-requests>
#[derive(Debug, Deserialize)]
pub(super) struct Note {
    pub id: u64,
    /// Written by the host itself: "changed the description".
    #[serde(default)]
    pub system: bool,
    /// `DiffNote` where it stands beside a line.
    #[serde(rename = "type")]
    kind: Option<String>,
    author: Option<User>,
    body: String,
}

impl Note {
    pub(super) fn read(self) -> Comment {
        Comment { id: self.id, author: login(self.author), body: self.body }
    }
}

/// <https://docs.gitlab.com/api/commits/#list-commit-statuses>
#[derive(Debug, Deserialize)]
pub(super) struct CommitStatus {
    pub id: u64,
    status: String,
    name: String,
    description: Option<String>,
    target_url: Option<String>,
    author: Option<User>,
    created_at: String,
    started_at: Option<String>,
    finished_at: Option<String>,
}

impl CommitStatus {
    pub(super) fn read(self) -> Result<PostedStatus> {
        let state = match self.status.as_str() {
            "success" => StatusState::Success,
            "failed" => StatusState::Failure,
            "canceled" | "canceling" | "skipped" => StatusState::Error,
            // `pending`, `running`, and a job's `created`, `manual`, `scheduled`, …
            _ => StatusState::Pending,
        };
        // It is moved on in place: when it came to what it says is not when it was made.
        let at = self.finished_at.as_deref().or(self.started_at.as_deref()).unwrap_or(&self.created_at);
        Ok(PostedStatus {
            posted_at: timestamp(at)?,
            // A job of the CI has the name that the CI file gives it and the account that started its pipeline, which may
            // be ours: it is nobody's evidence. What we post always has a description.
            author: if self.description.is_none() { String::new() } else { login(self.author) },
            status: Status {
                context: self.name,
                state,
                description: self.description.unwrap_or_default(),
                url: self.target_url.filter(|url| !url.is_empty()),
            },
        })
    }
}

/// The word for writing a status.
pub(super) fn state_word(state: StatusState) -> &'static str {
    match state {
        StatusState::Pending => "pending",
        StatusState::Success => "success",
        StatusState::Failure | StatusState::Error => "failed",
    }
}

/// <https://docs.gitlab.com/api/deployments/#list-project-deployments>
#[derive(Debug, Deserialize)]
pub(super) struct DeploymentRecord {
    pub id: u64,
    sha: String,
    status: String,
    user: Option<User>,
    /// The job that made it.
    deployable: Option<serde_json::Value>,
}

impl DeploymentRecord {
    pub(super) fn is_of_commit(&self, commit: &CommitId) -> bool {
        self.sha == commit.as_str()
    }

    pub(super) fn is_of(&self, commit: &CommitId, state: &str) -> bool {
        self.is_of_commit(commit) && self.status == state
    }

    pub(super) fn is_by(&self, own: &str) -> bool {
        self.deployable.is_none() && self.user.as_ref().is_some_and(|user| user.username == own)
    }
}

/// The word for writing a deployment record.
pub(super) fn deployment_word(state: StatusState) -> &'static str {
    match state {
        StatusState::Pending => "running",
        StatusState::Success => "success",
        StatusState::Failure | StatusState::Error => "failed",
    }
}

/// <https://docs.gitlab.com/api/commits/#get-references-a-commit-is-pushed-to>
#[derive(Debug, Deserialize)]
pub(super) struct Reference {
    pub name: String,
}

/// An account that was deleted is nobody; no login is empty, so that nobody equals us.
fn login(user: Option<User>) -> String {
    user.map(|user| user.username).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_ci_file_is_where_the_project_says_unless_it_is_elsewhere() {
        let project = |path: serde_json::Value| -> Project {
            serde_json::from_value(serde_json::json!({
                "path_with_namespace": "a/b", "web_url": "https://x/a/b", "default_branch": null, "ci_config_path": path,
            }))
            .unwrap()
        };
        assert_eq!(project(serde_json::Value::Null).ci_file(), Some(".gitlab-ci.yml"));
        assert_eq!(project("".into()).ci_file(), Some(".gitlab-ci.yml"));
        assert_eq!(project("ci/main.yml".into()).ci_file(), Some("ci/main.yml"));
        assert_eq!(project(".gitlab-ci.yml@acme/ci".into()).ci_file(), None);
        assert_eq!(project("https://example.com/ci.yml".into()).ci_file(), None);
        assert_eq!(project("".into()).own_rights(), Rights::Read);
    }

    #[test]
    fn a_job_of_the_ci_is_nobodys_evidence() {
        let status = |description: serde_json::Value| -> PostedStatus {
            let status: CommitStatus = serde_json::from_value(serde_json::json!({
                "id": 1, "status": "success", "name": "mergeline/prod", "description": description, "target_url": null,
                "author": {"id": 3, "username": "us"}, "created_at": "2026-01-01T00:00:00.000Z",
                "started_at": null, "finished_at": "2026-01-01T02:00:00.000Z",
            }))
            .unwrap();
            status.read().unwrap()
        };
        assert_eq!(status(serde_json::Value::Null).author, "");
        let ours = status("12/12 healthy".into());
        assert_eq!((ours.author.as_str(), ours.posted_at.to_string().as_str()), ("us", "2026-01-01T02:00:00Z"));
    }
}
