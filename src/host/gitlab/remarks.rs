//! Discussions on lines of a merge request: several new ones are published together (`drafts`), others by themselves.
//!
//! A position names the three commits of the version that it is in, and a line that the host does not show is refused (400).
//! <https://docs.gitlab.com/api/discussions/#create-new-merge-request-thread>

use super::wire::Discussion;
use super::{GitLabHost, REQUESTS, inert};
use crate::commit::CommitId;
use crate::failure::Result;
use crate::host::Host;
use crate::host::http::Call;
use crate::host::marker::Written;
use crate::host::remarks::{Posted, Remark, Remarks};
use async_trait::async_trait;
use serde_json::json;
use std::sync::atomic::AtomicBool;

/// The discussions of one merge request.
pub(super) struct RemarksOf<'a> {
    pub host: &'a GitLabHost,
    pub number: u64,
    /// Drafts were tried and did not go well.
    pub drafts_fail: AtomicBool,
}

impl RemarksOf<'_> {
    fn discussions(&self) -> String {
        format!("{}/merge_requests/{}/discussions", self.host.root, self.number)
    }

    fn note(&self, id: u64) -> String {
        format!("{}/merge_requests/{}/notes/{id}", self.host.root, self.number)
    }
}

#[async_trait]
impl Remarks for RemarksOf<'_> {
    async fn head(&self) -> Result<CommitId> {
        Ok(self.host.pull_request(self.number).await?.head)
    }

    async fn list(&self) -> Result<Vec<Posted>> {
        let discussions: Vec<Discussion> = self.host.http.list(&Call::get(self.discussions())).await?;
        let mut posted: Vec<Posted> = discussions.into_iter().filter_map(Discussion::read).collect();
        posted.dedup_by_key(|it| it.id);
        Ok(posted)
    }

    async fn create(&self, head: &CommitId, remarks: &[&Remark]) -> Written<()> {
        let request = self.host.raw_request(self.number).await;
        let version = request.map_err(crate::host::marker::WriteError::NotDone)?.diff_refs;
        // Without them, or once they are of another head, nothing can be said of any line.
        let Some(version) = version.filter(|version| version.head_sha == head.as_str()) else { return Ok(()) };
        for remark in self.together(&version, remarks).await? {
            let body = json!({"body": inert(&remark.text()), "position": version.position(remark)});
            match self.host.http.send(&Call::create(self.discussions(), body, REQUESTS)).await {
                Err(error) if error.status() == Some(400) => {}
                sent => sent?,
            }
        }
        Ok(())
    }

    async fn update(&self, id: u64, text: &str) -> Result<()> {
        Ok(self.host.http.send(&Call::replace(self.note(id), json!({"body": inert(text)}), REQUESTS)).await?)
    }

    async fn delete(&self, id: u64) -> Result<()> {
        Ok(self.host.http.remove(self.note(id), REQUESTS).await?)
    }
}
