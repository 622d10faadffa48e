//! Review comments: new ones come as one review, so that people are notified once.
//!
//! One line that is no part of the pull request's diff refuses the whole review (422); then each is tried by itself.
//! <https://docs.github.com/rest/pulls/reviews>, <https://docs.github.com/rest/pulls/comments>

use super::wire::ReviewComment;
use super::{GitHubHost, PULLS};
use crate::commit::CommitId;
use crate::failure::Result;
use crate::host::Host;
use crate::host::http::Call;
use crate::host::marker::Written;
use crate::host::remarks::{Posted, Remark, Remarks};
use async_trait::async_trait;
use serde_json::{Value, json};

/// The review comments of one pull request.
pub(super) struct RemarksOf<'a> {
    pub host: &'a GitHubHost,
    pub number: u64,
}

impl RemarksOf<'_> {
    fn of_pull(&self, what: &str) -> String {
        format!("{}/pulls/{}/{what}", self.host.root, self.number)
    }

    fn one(&self, id: u64) -> String {
        format!("{}/pulls/comments/{id}", self.host.root)
    }
}

fn said(remark: &Remark) -> Value {
    json!({"path": remark.path, "line": remark.line, "side": "RIGHT", "body": remark.text()})
}

#[async_trait]
impl Remarks for RemarksOf<'_> {
    async fn head(&self) -> Result<CommitId> {
        Ok(self.host.pull_request(self.number).await?.head)
    }

    async fn list(&self) -> Result<Vec<Posted>> {
        let comments: Vec<ReviewComment> = self.host.http.list(&Call::get(self.of_pull("comments"))).await?;
        let answered: Vec<u64> = comments.iter().filter_map(|comment| comment.in_reply_to_id).collect();
        Ok(comments.into_iter().map(|comment| comment.read(&answered)).collect())
    }

    async fn create(&self, head: &CommitId, remarks: &[&Remark]) -> Written<()> {
        let comments: Vec<Value> = remarks.iter().map(|remark| said(remark)).collect();
        let review = json!({"commit_id": head.as_str(), "event": "COMMENT", "comments": comments});
        match self.host.http.send(&Call::create(self.of_pull("reviews"), review, PULLS)).await {
            Err(error) if error.status() == Some(422) => {}
            sent => return Ok(sent?),
        }
        for remark in remarks {
            let mut comment = said(remark);
            comment["commit_id"] = json!(head.as_str());
            match self.host.http.send(&Call::create(self.of_pull("comments"), comment, PULLS)).await {
                Err(error) if error.status() == Some(422) => {}
                sent => sent?,
            }
        }
        Ok(())
    }

    async fn update(&self, id: u64, text: &str) -> Result<()> {
        Ok(self.host.http.send(&Call::change(self.one(id), json!({"body": text}), PULLS)).await?)
    }

    async fn delete(&self, id: u64) -> Result<()> {
        Ok(self.host.http.remove(self.one(id), PULLS).await?)
    }
}
