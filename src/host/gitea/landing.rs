//! Landing a pull request on Gitea.
//!
//! Two things are particular. Whether a pull request can be merged is found out in the background after each push: until
//! then, and for a conflict, the answer is "try again later". And a merge with a job's token is done and answered well,
//! but (seen on 1.26) the hook that should mark the pull request as merged does not find the account of the job: the
//! pull request stays open although its base has all of it. It is then marked by hand where the repository allows that,
//! else closed with a comment; [`super::wire::Pull::is_contained`] makes either one read as merged.

use super::wire::Commit;
use super::{CODE, GiteaHost, JOB_ACCOUNT};
use crate::commit::CommitId;
use crate::failure::Result;
use crate::host::http::{CREATE_ATTEMPTS, Call};
use crate::host::marker;
use crate::host::{Host, Landing, PullRequestState};
use serde_json::json;
use std::time::Duration;

/// How often landing asks while the host finds out whether the pull request can be merged, and how long between.
const ASKS: u32 = 10;
const WAIT: Duration = Duration::from_millis(400);

/// The topic of the comment that says how a pull request landed that the host does not call merged.
const LANDED: &str = "landed";

impl GiteaHost {
    /// Merges the pull request if its head is `head`, in the repository's own way.
    pub(super) async fn merge(&self, number: u64, head: &CommitId) -> Result<Landing> {
        let raw = self.raw_pull(number).await?;
        let contained = raw.is_contained();
        let pull = raw.read()?;
        if let Some(landing) = pull.no_landing(head, &format!("pull request #{number}")) {
            return Ok(landing);
        }
        if contained {
            // A run that ended before it could say so.
            self.mark_landed(number, head, &pull.base_branch).await?;
            return Ok(Landing::AlreadyMerged);
        }
        let by_job = self.identity().await? == JOB_ACCOUNT;
        let style = self.facts().await?.merge_style(by_job).to_owned();
        let body = json!({"do": style, "head_commit_id": head.as_str()});
        let call = Call::create(format!("{}/pulls/{number}/merge", self.root), body, CODE);
        let mut ask = 0;
        loop {
            ask += 1;
            let error = match self.http.send(&call).await {
                Ok(()) => return self.landed(number, head, &pull.base_branch).await,
                Err(error) => error,
            };
            let now = self.pull_request(number).await?;
            if now.state == PullRequestState::Merged {
                return self.landed(number, head, &pull.base_branch).await;
            }
            if now.head != *head {
                return Ok(Landing::HeadMoved);
            }
            let later = error.said().contains("try again");
            match error.status() {
                Some(405) if later && ask < ASKS => tokio::time::sleep(WAIT).await,
                // What a conflict answers, before and after the host found out by itself, says nothing to a person.
                Some(405 | 409) if later || error.said().is_empty() => {
                    return Ok(Landing::Refused("it conflicts with its base, or cannot be merged yet".to_owned()));
                }
                Some(405 | 409) => return Ok(Landing::Refused(error.said().to_owned())),
                _ if error.maybe_done() && ask < CREATE_ATTEMPTS => {
                    let history = self.history(&pull.base_branch).await?;
                    if history.iter().any(|commit| commit.is_landing_of(head)) {
                        return self.landed(number, head, &pull.base_branch).await;
                    }
                }
                _ => return Err(error.into()),
            }
        }
    }

    /// What a merge that was done made.
    async fn landed(&self, number: u64, head: &CommitId, base: &str) -> Result<Landing> {
        let pull = self.pull_request(number).await?;
        let own = self.identity().await?;
        match (pull.state, pull.merge_commit) {
            (PullRequestState::Merged, Some(commit)) if pull.merged_by.is_none_or(|by| by == own) => {
                Ok(Landing::Landed(commit))
            }
            (PullRequestState::Merged, _) => Ok(Landing::AlreadyMerged),
            _ => self.mark_landed(number, head, base).await.map(Landing::Landed),
        }
    }

    /// Makes the pull request say that it landed, as well as this account can; gives the commit that it landed as.
    async fn mark_landed(&self, number: u64, head: &CommitId, base: &str) -> Result<CommitId> {
        let history = self.history(base).await?;
        // Squashed or rebased: nothing of it names the head, but the base's tip is what it made.
        let landed = history.iter().find(|commit| commit.is_landing_of(head)).or(history.first());
        let landed = landed.map_or_else(|| Ok(head.clone()), Commit::id)?;
        if self.facts().await?.allow_manual_merge {
            let body = json!({"do": "manually-merged", "merge_commit_id": landed.as_str()});
            let call = Call::create(format!("{}/pulls/{number}/merge", self.root), body, CODE);
            match self.http.send(&call).await {
                Ok(()) => return Ok(landed),
                Err(error) => tracing::debug!(status = ?error.status(), said = error.said(), "cannot mark as merged"),
            }
        }
        // The host's own note that the base has all of it comes a moment after the merge, and none comes once closed.
        for _ in 0..ASKS {
            if self.raw_pull(number).await?.is_contained() {
                break;
            }
            tokio::time::sleep(WAIT).await;
        }
        let said = format!("Landed in `{base}` as {landed}. This server does not mark the merges of jobs as merged.");
        let comments = self.comments(number);
        marker::ensure(&comments, &self.identity().await?, None, LANDED, Some(&said)).await?;
        self.set_closed(number).await?;
        Ok(landed)
    }

    /// The last commits of a branch, newest first.
    async fn history(&self, branch: &str) -> Result<Vec<Commit>> {
        let last = Call::get(format!("{}/commits", self.root))
            .query("sha", branch)
            .query("limit", "20")
            .query("stat", "false")
            .query("files", "false")
            .query("verification", "false");
        Ok(self.http.json(&last).await?)
    }
}
