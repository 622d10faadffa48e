//! Check runs: 50 annotations a call, which can be added to and never taken back.
//!
//! A run's `external_id` is the digest of what it shall say, and its number of annotations tells how far the writing came:
//! with both, a run that died or an answer that was lost is gone on from, and nothing is said twice. Only the App that made
//! a check run may change it, and people's tokens cannot make any.
//! <https://docs.github.com/rest/checks/runs>

use super::wire::CheckRun;
use super::{CHECKS, GitHubHost, is_for_apps_only};
use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use crate::host::http::{CREATE_ATTEMPTS, Call, HttpError};
use crate::host::{Annotation, Check, Ensured, Host, StatusState};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// How many annotations one call takes.
const BATCH: usize = 50;
/// The longest title of a run and of an annotation.
const TITLE: usize = 255;
/// The longest message of an annotation, in bytes.
const MESSAGE: usize = 64 << 10;

impl GitHubHost {
    /// Makes the newest check run of that name on the commit say this.
    pub(super) async fn write_check(&self, commit: &CommitId, check: &Check) -> Result<Ensured> {
        let marker = marker(check);
        let mut outcome = Ensured::Unchanged;
        let mut lost = 0;
        loop {
            let run = match self.newest_check(commit, &check.name).await {
                Ok(run) => run,
                Err(error) if is_for_apps_only(&error) => return Ok(Ensured::Unsupported),
                Err(error) => return Err(error.into()),
            };
            let written = match &run {
                Some(run) if run.is_marked(&marker) && run.annotations() >= check.annotations.len() => {
                    return Ok(outcome);
                }
                Some(run) if run.is_marked(&marker) => {
                    outcome = raise(outcome, Ensured::Updated);
                    self.add_annotations(run, check, &marker).await
                }
                // One without annotations has nothing to take back.
                Some(run) if run.annotations() == 0 => {
                    outcome = raise(outcome, Ensured::Updated);
                    self.add_annotations(run, check, &marker).await
                }
                other => {
                    outcome = if other.is_some() { Ensured::Updated } else { Ensured::Created };
                    self.create_check(commit, check, &marker).await
                }
            };
            match written {
                Ok(()) => return Ok(outcome),
                Err(error) if is_for_apps_only(&error) => return Ok(Ensured::Unsupported),
                Err(error) if error.maybe_done() && lost < CREATE_ATTEMPTS => lost += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Our newest check run of that name.
    async fn newest_check(&self, commit: &CommitId, name: &str) -> std::result::Result<Option<CheckRun>, HttpError> {
        let own = self.identity().await.map_err(HttpError::from)?;
        let call = Call::get(format!("{}/commits/{commit}/check-runs", self.root)).query("check_name", name);
        let runs: Vec<CheckRun> = self.http.list_in(&call, "check_runs").await?;
        Ok(runs.into_iter().filter(|run| run.is_by(&own)).max_by_key(|run| run.id))
    }

    async fn create_check(&self, commit: &CommitId, check: &Check, marker: &str) -> std::result::Result<(), HttpError> {
        let mut body = said(check, marker, 0);
        body["name"] = json!(check.name);
        body["head_sha"] = json!(commit.as_str());
        let made: CheckRun = self.http.json(&Call::create(format!("{}/check-runs", self.root), body, CHECKS)).await?;
        self.add_annotations(&made, check, marker).await
    }

    /// Says all that the run does not say yet, in as many calls as it takes.
    async fn add_annotations(&self, run: &CheckRun, check: &Check, marker: &str) -> std::result::Result<(), HttpError> {
        let path = format!("{}/check-runs/{}", self.root, run.id);
        let mut done = run.annotations();
        let mut current = run.is_marked(marker);
        while !current || done < check.annotations.len() {
            // What is added is added twice when it is sent twice.
            let call = Call::change(path.as_str(), said(check, marker, done), CHECKS).once();
            let written: CheckRun = self.http.json(&call).await?;
            (done, current) = ((done + BATCH).min(check.annotations.len()).max(written.annotations()), true);
        }
        Ok(())
    }
}

/// What a call says: all of the verdict, and one batch of annotations.
fn said(check: &Check, marker: &str, done: usize) -> Value {
    let batch: Vec<Value> = check.annotations.iter().skip(done).take(BATCH).map(annotation).collect();
    let mut body = json!({
        "external_id": marker,
        "output": {"title": cut(&check.title, TITLE), "summary": check.summary, "annotations": batch},
    });
    if let Some(url) = &check.url {
        body["details_url"] = json!(url);
    }
    match conclusion(check.state) {
        None => body["status"] = json!("in_progress"),
        Some(conclusion) => {
            body["status"] = json!("completed");
            body["conclusion"] = json!(conclusion);
        }
    }
    body
}

fn annotation(annotation: &Annotation) -> Value {
    let mut body = json!({
        "path": annotation.path, "start_line": annotation.line, "end_line": annotation.line,
        "annotation_level": annotation.level.word(), "message": cut_bytes(&annotation.message, MESSAGE - 1),
        "title": cut(&annotation.title, TITLE),
    });
    if let Some(column) = annotation.column {
        body["start_column"] = json!(column);
        body["end_column"] = json!(column);
    }
    body
}

fn conclusion(state: StatusState) -> Option<&'static str> {
    match state {
        StatusState::Pending => None,
        StatusState::Success => Some("success"),
        StatusState::Failure => Some("failure"),
        // Could not be judged: somebody has to look.
        StatusState::Error => Some("action_required"),
    }
}

/// Names what a check says, but for the page of the run that said it.
fn marker(check: &Check) -> String {
    let text = format!("{:?}", (conclusion(check.state), &check.title, &check.summary, &check.annotations));
    let digest: String = Sha256::digest(text).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("mergeline:{digest}")
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
    }
}

fn cut_bytes(text: &str, most: usize) -> &str {
    &text[..text.floor_char_boundary(most)]
}

/// A check that this call made stays "created" when more is added to it.
fn raise(before: Ensured, now: Ensured) -> Ensured {
    if before == Ensured::Created { before } else { now }
}

impl From<Failure> for HttpError {
    fn from(failure: Failure) -> Self {
        Self::of(failure)
    }
}
