//! The comments of a pull request on GitHub, which are those of the issue with its number.

use super::wire::IssueComment;
use super::{GitHubHost, PULLS};
use crate::commit::CommitId;
use crate::failure::Result;
use crate::host::Host;
use crate::host::http::Call;
use crate::host::marker::{Comment, Comments, Written};
use async_trait::async_trait;
use serde_json::json;

/// The comments of one pull request.
pub(super) struct CommentsOf<'a> {
    pub host: &'a GitHubHost,
    pub number: u64,
}

impl CommentsOf<'_> {
    fn all(&self) -> String {
        format!("{}/issues/{}/comments", self.host.root, self.number)
    }

    fn one(&self, id: u64) -> String {
        format!("{}/issues/comments/{id}", self.host.root)
    }
}

#[async_trait]
impl Comments for CommentsOf<'_> {
    async fn head(&self) -> Result<CommitId> {
        Ok(self.host.pull_request(self.number).await?.head)
    }

    async fn list(&self) -> Result<Vec<Comment>> {
        let comments: Vec<IssueComment> = self.host.http.list(&Call::get(self.all())).await?;
        Ok(comments.into_iter().map(IssueComment::read).collect())
    }

    async fn create(&self, text: &str) -> Written<()> {
        Ok(self.host.http.send(&Call::create(self.all(), json!({"body": text}), PULLS)).await?)
    }

    async fn update(&self, id: u64, text: &str) -> Result<()> {
        Ok(self.host.http.send(&Call::change(self.one(id), json!({"body": text}), PULLS)).await?)
    }

    async fn delete(&self, id: u64) -> Result<()> {
        match self.host.http.send(&Call::delete(self.one(id), PULLS)).await {
            Err(error) if error.status() == Some(404) => Ok(()),
            sent => Ok(sent?),
        }
    }
}
