//! The notes of a merge request: 20 a page and the newest first unless asked otherwise, with the system's own among them.
//!
//! <https://docs.gitlab.com/api/notes/#merge-requests>

use super::wire::Note;
use super::{GitLabHost, REQUESTS};
use crate::commit::CommitId;
use crate::failure::Result;
use crate::host::Host;
use crate::host::http::Call;
use crate::host::marker::{Comment, Comments, Written};
use async_trait::async_trait;
use serde_json::json;

/// The notes of one merge request.
pub(super) struct NotesOf<'a> {
    pub host: &'a GitLabHost,
    pub number: u64,
}

impl NotesOf<'_> {
    fn all(&self) -> String {
        format!("{}/merge_requests/{}/notes", self.host.root, self.number)
    }

    fn one(&self, id: u64) -> String {
        format!("{}/{id}", self.all())
    }
}

#[async_trait]
impl Comments for NotesOf<'_> {
    async fn head(&self) -> Result<CommitId> {
        Ok(self.host.pull_request(self.number).await?.head)
    }

    async fn list(&self) -> Result<Vec<Comment>> {
        // In the order of creation, a note that comes while we read moves no other one to a page that was read already.
        let call = Call::get(self.all()).query("order_by", "created_at").query("sort", "asc");
        let mut notes: Vec<Note> = self.host.http.list(&call).await?;
        notes.dedup_by_key(|note| note.id);
        Ok(notes.into_iter().filter(|note| !note.system).map(Note::read).collect())
    }

    async fn create(&self, text: &str) -> Written<()> {
        Ok(self.host.http.send(&Call::create(self.all(), json!({"body": text}), REQUESTS)).await?)
    }

    async fn update(&self, id: u64, text: &str) -> Result<()> {
        Ok(self.host.http.send(&Call::replace(self.one(id), json!({"body": text}), REQUESTS)).await?)
    }

    async fn delete(&self, id: u64) -> Result<()> {
        Ok(self.host.http.remove(self.one(id), REQUESTS).await?)
    }
}
