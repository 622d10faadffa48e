//! Merging a merge request on GitLab with its head pinned.
//!
//! Whether it can be merged is found out in the background: until then `detailed_merge_status` says so, and merging
//! answers 405. 409 is a head that moved, 422 a merge that failed, 401 an account that may not merge into this branch.
//! <https://docs.gitlab.com/api/merge_requests/#merge-a-merge-request>

use super::wire::MergeRequest;
use super::{GitLabHost, REQUESTS};
use crate::commit::CommitId;
use crate::failure::Result;
use crate::host::http::{Call, HttpError};
use crate::host::{Host, Landing};
use serde_json::json;
use std::time::Duration;

/// How often landing asks while the host finds out whether the merge request can be merged, and how long between.
const ASKS: u32 = 10;
const WAIT: Duration = Duration::from_millis(400);

impl GitLabHost {
    /// Merges the merge request if its head is `head`, in the project's own way.
    pub(super) async fn merge(&self, number: u64, head: &CommitId) -> Result<Landing> {
        let pull = self.pull_request(number).await?;
        if let Some(landing) = pull.no_landing(head, &format!("merge request !{number}")) {
            return Ok(landing);
        }
        let path = format!("{}/merge_requests/{number}/merge", self.root);
        // Twice is once: what is merged is not merged again.
        let call = Call::replace(path, json!({"sha": head.as_str()}), REQUESTS);
        let mut ask = 0;
        loop {
            ask += 1;
            let error = match self.http.json::<MergeRequest>(&call).await {
                Ok(request) => return self.landed(request).await,
                Err(error) => error,
            };
            let request = self.raw_request(number).await?;
            if request.is_merged() {
                return self.landed(request).await;
            }
            if !request.has_head(head) {
                return Ok(Landing::HeadMoved);
            }
            match (error.status(), request.is_being_checked()) {
                (Some(405 | 422), true) if ask < ASKS => tokio::time::sleep(WAIT).await,
                (Some(401 | 403 | 405 | 409 | 422), _) => return Ok(refusal(&request, &error, &pull.base_branch)),
                _ => return Err(error.into()),
            }
        }
    }

    /// What a merge that was done made.
    async fn landed(&self, request: MergeRequest) -> Result<Landing> {
        let own = self.identity().await?;
        let pull = request.read()?;
        Ok(match pull.merge_commit {
            Some(commit) if pull.merged_by.is_none_or(|by| by == own) => Landing::Landed(commit),
            _ => Landing::AlreadyMerged,
        })
    }
}

fn refusal(request: &MergeRequest, error: &HttpError, base: &str) -> Landing {
    let words = request.why_not_mergeable();
    Landing::Refused(match error.status() {
        Some(401 | 403) => format!(
            "our account may not merge into `{base}`: see Settings > Repository > Protected branches, `Allowed to merge`"
        ),
        _ if !words.is_empty() => words,
        _ if !error.said().is_empty() => error.said().to_owned(),
        _ => "it conflicts with its target branch, or cannot be merged yet".to_owned(),
    })
}
