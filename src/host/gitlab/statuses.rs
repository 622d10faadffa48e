//! Commit statuses, which GitLab keeps as jobs of a pipeline of the commit.
//!
//! One that is pending or running is moved on in place, and a move to where it is already is refused ("Cannot
//! transition"); one that has ended stays, and the next one is new. Both make one list, in which jobs of the CI stand too.
//! <https://docs.gitlab.com/api/commits/#set-commit-pipeline-status>, `app/services/ci/create_commit_status_service.rb`

use super::GitLabHost;
use super::wire::{CommitStatus, state_word};
use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use crate::host::http::{CREATE_ATTEMPTS, Call, HttpError};
use crate::host::{Ensured, Host, PostedStatus, Status, StatusState};
use serde_json::json;

const STATUSES: &str = "the role Developer and the scope `api`; on a protected branch, being allowed to push or merge";

impl GitLabHost {
    /// The newest status of each name on `commit`.
    pub(super) async fn list_statuses(&self, commit: &CommitId) -> Result<Vec<PostedStatus>> {
        let call = Call::get(format!("{}/repository/commits/{commit}/statuses", self.root));
        let mut statuses: Vec<CommitStatus> = self.http.list(&call).await?;
        statuses.sort_by_key(|status| std::cmp::Reverse(status.id));
        let posted = statuses.into_iter().map(CommitStatus::read).collect::<Result<Vec<_>>>()?;
        Ok(PostedStatus::newest_of_each_context(posted))
    }

    /// Makes the newest status of the name on `commit` be this one.
    pub(super) async fn post_status(&self, commit: &CommitId, status: &Status) -> Result<Ensured> {
        let mut status = status.within(&self.limits());
        if status.state == StatusState::Error {
            // There is one word for both.
            status.state = StatusState::Failure;
        }
        let own = self.identity().await?;
        let before = self.list_statuses(commit).await?;
        let same_name = before.iter().find(|posted| posted.status.context == status.context);
        if status.url.is_none() {
            // One that is moved on keeps its address unless it gets another one; it cannot lose it.
            status.url = same_name.and_then(|posted| posted.status.url.clone());
        }
        let existed = same_name.is_some();
        if PostedStatus::stands(&before, &status, &own) {
            return Ok(Ensured::Unchanged);
        }
        let reference = match before.is_empty() && self.pipeline_of(commit).is_none() {
            // There is no pipeline yet: one is made for the first branch that has the commit, unless one is named.
            true => self.branch_of(commit).await?,
            false => None,
        };
        let mut attempt = 1;
        loop {
            match self.post(commit, &status, state_word(status.state), reference.as_deref()).await {
                Ok(()) => break,
                Err(error) if attempt == CREATE_ATTEMPTS => return Err(error.into()),
                // The answer was lost, or another run is at it: look.
                Err(error) if error.maybe_done() || error.status() == Some(409) => {
                    if PostedStatus::stands(&self.list_statuses(commit).await?, &status, &own) {
                        break;
                    }
                }
                // The one that is there cannot become this one: it ends, and another one begins.
                Err(error) if error.said().contains("annot transition") => {
                    if PostedStatus::stands(&self.list_statuses(commit).await?, &status, &own) {
                        break;
                    }
                    if let Err(error) = self.post(commit, &status, "canceled", reference.as_deref()).await
                        && !error.maybe_done()
                    {
                        return Err(error.into());
                    }
                }
                Err(error) => return Err(explained(error, commit)),
            }
            attempt += 1;
        }
        Ok(if existed { Ensured::Updated } else { Ensured::Created })
    }

    async fn post(
        &self,
        commit: &CommitId,
        status: &Status,
        state: &str,
        reference: Option<&str>,
    ) -> std::result::Result<(), HttpError> {
        let mut body = json!({"state": state, "name": status.context, "description": status.description});
        let pipeline = self.pipeline_of(commit);
        let more = [
            ("target_url", status.url.as_ref().map(|url| json!(url))),
            // Else it may land on another pipeline of the same commit.
            ("pipeline_id", pipeline.map(|id| json!(id))),
            ("ref", reference.filter(|_| pipeline.is_none()).map(|name| json!(name))),
        ];
        for (name, value) in more {
            if let Some(value) = value {
                body[name] = value;
            }
        }
        let call = Call::create(format!("{}/statuses/{commit}", self.root), body, STATUSES);
        self.http.send(&call).await
    }
}

fn explained(error: HttpError, commit: &CommitId) -> Failure {
    match error.status() {
        Some(404) => error.hint(format!("or no branch has {} any more", commit.short())).into(),
        _ => error.into(),
    }
}
