//! The comments of a pull request on hosts that keep them with the issue of its number: GitHub, and Gitea after it.

use super::Host;
use super::http::{Call, HttpClient};
use super::marker::{Comment, Comments, Written};
use super::wire::User;
use crate::commit::CommitId;
use crate::failure::Result;
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;

/// The comments of one pull request.
pub(super) struct CommentsOf<'a> {
    pub host: &'a dyn Host,
    pub http: &'a HttpClient,
    /// The address of the repository.
    pub root: &'a str,
    pub number: u64,
    /// What a refused write lacks, in words.
    pub needs: &'static str,
}

#[derive(Debug, Deserialize)]
struct IssueComment {
    id: u64,
    user: Option<User>,
    #[serde(default)]
    body: Option<String>,
}

impl IssueComment {
    fn read(self) -> Comment {
        Comment { id: self.id, author: User::login(self.user), body: self.body.unwrap_or_default() }
    }
}

impl CommentsOf<'_> {
    fn all(&self) -> String {
        format!("{}/issues/{}/comments", self.root, self.number)
    }

    fn one(&self, id: u64) -> String {
        format!("{}/issues/comments/{id}", self.root)
    }
}

#[async_trait]
impl Comments for CommentsOf<'_> {
    async fn head(&self) -> Result<CommitId> {
        Ok(self.host.pull_request(self.number).await?.head)
    }

    async fn list(&self) -> Result<Vec<Comment>> {
        // Gitea gives them all at once; should a server page that does not say so, one may come twice.
        let mut comments: Vec<IssueComment> = self.http.list(&Call::get(self.all())).await?;
        comments.dedup_by_key(|comment| comment.id);
        Ok(comments.into_iter().map(IssueComment::read).collect())
    }

    async fn create(&self, text: &str) -> Written<()> {
        Ok(self.http.send(&Call::create(self.all(), json!({"body": text}), self.needs)).await?)
    }

    async fn update(&self, id: u64, text: &str) -> Result<()> {
        Ok(self.http.send(&Call::change(self.one(id), json!({"body": text}), self.needs)).await?)
    }

    async fn delete(&self, id: u64) -> Result<()> {
        Ok(self.http.remove(self.one(id), self.needs).await?)
    }
}
