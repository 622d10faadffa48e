//! The statuses of a commit on hosts where each post makes a new one and the newest of a name counts: GitHub, and Gitea
//! after it.

use super::http::{Call, HttpClient, create_once};
use super::wire::{User, timestamp};
use super::{Ensured, Host, PostedStatus, Status, StatusState};
use crate::commit::CommitId;
use crate::failure::Result;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct CommitStatus {
    id: u64,
    /// Gitea has it written as `state` and reads it as `status`.
    #[serde(alias = "status")]
    state: String,
    context: String,
    description: Option<String>,
    target_url: Option<String>,
    creator: Option<User>,
    created_at: String,
}

impl CommitStatus {
    fn read(self, nobody: &str) -> Result<PostedStatus> {
        let state = match self.state.as_str() {
            "success" => StatusState::Success,
            "pending" => StatusState::Pending,
            "failure" => StatusState::Failure,
            // Gitea has other tools' `warning` and `skipped`: nothing that a gate may take for success.
            _ => StatusState::Error,
        };
        Ok(PostedStatus {
            posted_at: timestamp(&self.created_at)?,
            author: self.creator.map_or_else(|| nobody.to_owned(), |user| user.login),
            status: Status {
                context: self.context,
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
        StatusState::Failure => "failure",
        StatusState::Error => "error",
    }
}

/// Lists the newest status of each name; one without a creator is by `nobody`.
pub(super) async fn list(http: &HttpClient, path: String, nobody: &str) -> Result<Vec<PostedStatus>> {
    let mut statuses: Vec<CommitStatus> = http.list(&Call::get(path)).await?;
    // Times have seconds only; numbers tell which of two is newer.
    statuses.sort_by_key(|status| std::cmp::Reverse(status.id));
    let posted = statuses.into_iter().map(|status| status.read(nobody)).collect::<Result<Vec<_>>>()?;
    Ok(PostedStatus::newest_of_each_context(posted))
}

/// Makes the newest status of the name on `commit` be this one, which is within the host's limits and which `post` posts.
pub(super) async fn ensure(
    host: &dyn Host,
    http: &HttpClient,
    commit: &CommitId,
    status: &Status,
    post: &Call,
) -> Result<Ensured> {
    let own = host.identity().await?;
    let before = host.statuses(commit).await?;
    if PostedStatus::stands(&before, status, &own) {
        return Ok(Ensured::Unchanged);
    }
    let stands = || async { Ok(PostedStatus::stands(&host.statuses(commit).await?, status, &own).then_some(())) };
    create_once(|| http.send(post), |_| false, stands).await?;
    let existed = before.iter().any(|posted| posted.status.context == status.context);
    Ok(if existed { Ensured::Updated } else { Ensured::Created })
}
