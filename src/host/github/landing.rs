//! Landing a pull request on GitHub with its head pinned.
//!
//! 409 is a head that moved. 405 is everything else: a required check that lacks, a conflict, a way of merging that the
//! repository does not allow, and a base that moved in the same moment, which the next try gets over. Whether a pull request
//! can be merged is found out in the background after each push (`mergeable` is null until then).
//! <https://docs.github.com/rest/pulls/pulls#merge-a-pull-request>

use super::wire::{Merged, Pull};
use super::{CODE, GitHubHost};
use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use crate::host::http::{Call, HttpError};
use crate::host::{Host, Landing, PullRequestState};
use serde_json::json;
use std::time::Duration;

/// How often landing asks while the host finds out whether the pull request can be merged, and how long between.
const ASKS: u32 = 10;
const WAIT: Duration = Duration::from_millis(400);

impl GitHubHost {
    /// Merges the pull request if its head is `head`, in a way that the repository allows.
    pub(super) async fn merge(&self, number: u64, head: &CommitId) -> Result<Landing> {
        let pull = self.pull_request(number).await?;
        if let Some(landing) = pull.no_landing(head, &format!("pull request #{number}")) {
            return Ok(landing);
        }
        let methods = self.facts().await?.merge_methods();
        let mut methods = methods.iter();
        let mut method = methods.next().copied().unwrap_or("merge");
        let mut ask = 0;
        loop {
            ask += 1;
            let body = json!({"sha": head.as_str(), "merge_method": method});
            // Twice is once: what is merged is not merged again.
            let call = Call::replace(format!("{}/pulls/{number}/merge", self.root), body, CODE).once();
            let error = match self.http.json::<Merged>(&call).await {
                Ok(merged) if merged.merged => return merged.commit().map(Landing::Landed),
                Ok(merged) => return Ok(Landing::Refused(merged.message)),
                Err(error) => error,
            };
            let now = self.raw_pull(number).await?;
            let undecided = now.mergeable.is_none();
            if let Some(landing) = self.seen(now, head).await? {
                return Ok(landing);
            }
            let said = error.said();
            match error.status() {
                Some(405) if said.contains("not allowed on this repository") => match methods.next() {
                    Some(next) => method = next,
                    None => return Ok(Landing::Refused(said.to_owned())),
                },
                Some(405 | 409) if (undecided || said.contains("try the merge again")) && ask < ASKS => {
                    tokio::time::sleep(WAIT).await;
                }
                Some(405 | 409 | 422) => return Ok(refusal(&error)),
                // A rule of the branch, or a token without the right: the words tell.
                Some(403) if said.contains("protected") || said.contains("rule") => return Ok(refusal(&error)),
                _ if error.maybe_done() && ask < ASKS => {}
                _ => return Err(Failure::from(error)),
            }
        }
    }

    /// What came of a merge whose answer was no good: nothing when the pull request is open at its head.
    async fn seen(&self, now: Pull, head: &CommitId) -> Result<Option<Landing>> {
        let own = self.identity().await?;
        let now = now.read()?;
        Ok(match (now.state, now.merge_commit) {
            (PullRequestState::Merged, Some(commit)) if now.merged_by.is_none_or(|by| by == own) => {
                Some(Landing::Landed(commit))
            }
            (PullRequestState::Merged, _) => Some(Landing::AlreadyMerged),
            (PullRequestState::Closed, _) => Some(Landing::Refused(format!("pull request #{} is closed", now.number))),
            (PullRequestState::Open, _) => (now.head != *head).then_some(Landing::HeadMoved),
        })
    }
}

fn refusal(error: &HttpError) -> Landing {
    let said = error.said();
    Landing::Refused(if said.is_empty() { "it cannot be merged yet".to_owned() } else { said.to_owned() })
}
