//! Remarks that are published together, as one review: whoever follows the merge request is notified once.
//!
//! They are written as drafts, which their author alone sees, and published by one request. That request names none: it
//! publishes all that the account has on the merge request, and fails, or forgets one without a word, where a draft stands
//! on no line of the diff. So what a cut run left behind is taken up or deleted first, a draft that got no line is deleted,
//! and where the account has a review of a person's pending, nothing is published.
//!
//! Writing a draft takes what writing a discussion takes. A server may be too old for drafts, or for their positions, and a
//! token may be made for less: remarks are written one by one then, and the log says why.
//! <https://docs.gitlab.com/api/draft_notes/>, `lib/api/draft_notes.rb`, `app/services/draft_notes/publish_service.rb`

use super::remarks::RemarksOf;
use super::wire::{DiffRefs, Draft};
use super::{REQUESTS, inert};
use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use crate::host::http::Call;
use crate::host::marker::{WriteError, Written};
use crate::host::remarks::{Remark, Remarks};
use serde_json::{Value, json};
use std::sync::atomic::Ordering;

impl RemarksOf<'_> {
    fn draft_notes(&self) -> String {
        format!("{}/merge_requests/{}/draft_notes", self.host.root, self.number)
    }

    /// Our account's drafts; `None` where there is no such thing, or the token may not see it. They come all at once.
    async fn drafts(&self) -> Result<Option<Vec<Draft>>> {
        match self.host.http.find(&Call::get(self.draft_notes())).await {
            Err(error) if error.status() == Some(403) => Ok(None),
            found => Ok(found?),
        }
    }

    async fn delete_drafts(&self, ids: &[u64]) -> Result<()> {
        for id in ids {
            self.host.http.remove(format!("{}/{id}", self.draft_notes()), REQUESTS).await?;
        }
        Ok(())
    }

    /// Publishes `remarks` together, and gives back those that are still to be written one by one.
    pub(super) async fn together<'r>(&self, version: &DiffRefs, remarks: &[&'r Remark]) -> Written<Vec<&'r Remark>> {
        // One alone is one notification already.
        if remarks.len() < 2 || self.drafts_fail.load(Ordering::Relaxed) {
            return Ok(remarks.to_vec());
        }
        let Some(there) = self.drafts().await.map_err(WriteError::NotDone)? else {
            return Ok(self.one_by_one(remarks, "this server has no draft notes, or the token may not see them"));
        };
        if there.iter().any(|draft| !draft.is_ours()) {
            let why = "our account has a review of its own pending, which would be published too";
            return Ok(self.one_by_one(remarks, why));
        }
        let wanted: Vec<(&Remark, String, Value)> =
            remarks.iter().map(|remark| (*remark, inert(&remark.text()), version.position(remark))).collect();
        let (kept, stale): (Vec<Draft>, Vec<Draft>) = there
            .into_iter()
            .partition(|draft| wanted.iter().any(|(_, text, position)| draft.says(text) && draft.stands_at(position)));
        self.delete_drafts(&ids(&stale)).await.map_err(WriteError::NotDone)?;
        let mut ready = ids(&kept);
        let mut alone = Vec::new();
        for (remark, text, position) in wanted {
            if kept.iter().any(|draft| draft.says(&text)) {
                continue;
            }
            let body = json!({"note": text, "position": position});
            match self.host.http.json::<Draft>(&Call::create(self.draft_notes(), body, REQUESTS)).await {
                Ok(draft) if draft.stands_at(&position) => ready.push(draft.id),
                Ok(draft) => {
                    self.delete_drafts(&[draft.id]).await.map_err(WriteError::NotDone)?;
                    alone.push(remark);
                }
                Err(error) if error.status() == Some(400) => alone.push(remark),
                Err(error) if matches!(error.status(), Some(401 | 403 | 404 | 405)) => {
                    self.delete_drafts(&ready).await.map_err(WriteError::NotDone)?;
                    return Ok(self.one_by_one(remarks, &Failure::from(error).to_string()));
                }
                Err(error) => return Err(error.into()),
            }
        }
        if ready.is_empty() {
            return Ok(alone);
        }
        let publish = Call::create(format!("{}/bulk_publish", self.draft_notes()), json!({}), REQUESTS);
        match self.host.http.send(&publish).await {
            Ok(()) => Ok(alone),
            Err(error) if error.status().is_some_and(|status| status != 429) => {
                let failure = Failure::from(error);
                self.one_by_one(remarks, &failure.to_string());
                self.delete_drafts(&ready).await.map_err(WriteError::NotDone)?;
                // Some may be published, and the caller looks which.
                Err(WriteError::MaybeDone(failure))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// From now on no draft is written: says so, and gives all back.
    fn one_by_one<'r>(&self, remarks: &[&'r Remark], why: &str) -> Vec<&'r Remark> {
        self.drafts_fail.store(true, Ordering::Relaxed);
        tracing::warn!(
            "remarks on !{} come one by one, each with its own notification: {why} (draft notes of GitLab)",
            self.number
        );
        remarks.to_vec()
    }

    /// Deletes the drafts that a cut run left behind, once all that shall be said at `head` is said.
    pub(super) async fn tidy(&self, head: &CommitId) -> Result<()> {
        let mut left = self.drafts().await?.unwrap_or_default();
        left.retain(Draft::is_ours);
        // Those of a run on a newer head are not ours to judge.
        if left.is_empty() || self.head().await? != *head {
            return Ok(());
        }
        self.delete_drafts(&ids(&left)).await
    }
}

fn ids(drafts: &[Draft]) -> Vec<u64> {
    drafts.iter().map(|draft| draft.id).collect()
}
