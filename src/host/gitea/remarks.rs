//! Review comments: new ones come as one review, and a line is given by its number in the new file.
//!
//! They are listed review by review, and edited and deleted as comments of the issue with the pull request's number, which
//! they are to Gitea's database. There is no answer to a comment but another one on the same line.

use super::wire::{CodeComment, Review};
use super::{GiteaHost, PULLS};
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
    pub host: &'a GiteaHost,
    pub number: u64,
}

impl RemarksOf<'_> {
    fn reviews(&self) -> String {
        format!("{}/pulls/{}/reviews", self.host.root, self.number)
    }

    fn one(&self, id: u64) -> String {
        format!("{}/issues/comments/{id}", self.host.root)
    }
}

#[async_trait]
impl Remarks for RemarksOf<'_> {
    async fn head(&self) -> Result<CommitId> {
        Ok(self.host.pull_request(self.number).await?.head)
    }

    async fn list(&self) -> Result<Vec<Posted>> {
        let mut reviews: Vec<Review> = self.host.http.list(&Call::get(self.reviews())).await?;
        reviews.dedup_by_key(|review| review.id);
        let mut comments: Vec<CodeComment> = Vec::new();
        for review in reviews.iter().filter(|review| review.comments_count > 0) {
            let path = format!("{}/{}/comments", self.reviews(), review.id);
            // All at once, whatever page is asked for.
            comments.extend(self.host.http.json::<Vec<CodeComment>>(&Call::get(path)).await?);
        }
        let posted = |comment: &CodeComment| {
            let answered = comments.iter().any(|other| other.answers(comment));
            comment.read(answered)
        };
        Ok(comments.iter().map(posted).collect())
    }

    async fn create(&self, head: &CommitId, remarks: &[&Remark]) -> Written<()> {
        let said = |remark: &&Remark| json!({"path": remark.path, "new_position": remark.line, "body": remark.text()});
        let comments: Vec<Value> = remarks.iter().map(said).collect();
        let review = json!({"commit_id": head.as_str(), "event": "COMMENT", "comments": comments});
        Ok(self.host.http.send(&Call::create(self.reviews(), review, PULLS)).await?)
    }

    async fn update(&self, id: u64, text: &str) -> Result<()> {
        Ok(self.host.http.send(&Call::change(self.one(id), json!({"body": text}), PULLS)).await?)
    }

    async fn delete(&self, id: u64) -> Result<()> {
        Ok(self.host.http.remove(self.one(id), PULLS).await?)
    }
}
