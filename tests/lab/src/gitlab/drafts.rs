//! Draft notes: their author alone sees them, no place is looked at until they are published, and publishing takes all.
//!
//! GitLab publishes one on a line that the diff does not have with a server error or forgets it, by version; here it is always
//! the error, with those before it published (<https://docs.gitlab.com/api/draft_notes/>,
//! `app/services/draft_notes/publish_service.rb`).

use serde_json::{Value, json};

use super::routes::{Answered, Asked, refuse};
use super::state::{Draft, Note, State, now};
use super::{Account, Server};
use crate::stub::Answer;

impl Server {
    fn draft_entity(&self, state: &mut State, project: &str, iid: u64, draft: &Draft) -> Value {
        let line = draft.position["new_line"].as_u64().unwrap_or_default();
        let shown = state.shows_line(project, iid, &draft.position);
        let request = state.project(project).request(iid).id;
        json!({
            "id": draft.id, "author_id": draft.author, "merge_request_id": request, "resolve_discussion": false,
            "discussion_id": null, "note": draft.note, "commit_id": null,
            "line_code": shown.then(|| format!("{:040x}_0_{line}", draft.id)), "position": draft.position,
        })
    }

    /// They are not paged.
    pub(super) fn list_drafts(&self, state: &mut State, asked: &Asked<'_>, iid: u64) -> Answered {
        let mut drafts = state.project(&asked.project).request(iid).drafts.clone();
        drafts.retain(|draft| draft.author == asked.account.id);
        let drafts: Vec<Value> =
            drafts.iter().map(|draft| self.draft_entity(state, &asked.project, iid, draft)).collect();
        Ok(Answer::json(200, &Value::Array(drafts)))
    }

    pub(super) fn create_draft(&self, state: &mut State, asked: &Asked<'_>, iid: u64) -> Answered {
        let body = asked.request.json();
        let note = body["note"].as_str().unwrap_or_default().to_owned();
        let draft = Draft { id: state.number(), author: asked.account.id, note, position: body["position"].clone() };
        state.project(&asked.project).request(iid).drafts.push(draft.clone());
        Ok(Answer::json(201, &self.draft_entity(state, &asked.project, iid, &draft)))
    }

    pub(super) fn delete_draft(&self, state: &mut State, asked: &Asked<'_>, iid: u64, id: u64) -> Answered {
        let drafts = &mut state.project(&asked.project).request(iid).drafts;
        let own = |draft: &Draft| draft.id == id && draft.author == asked.account.id;
        let at = drafts.iter().position(own).ok_or_else(|| refuse(404, "404 Not found"))?;
        drafts.remove(at);
        Ok(Answer::empty(204))
    }

    pub(super) fn publish_drafts(&self, state: &mut State, asked: &Asked<'_>, iid: u64) -> Answered {
        let own = asked.account.id;
        let drafts = state.project(&asked.project).request(iid).drafts.clone();
        let drafts: Vec<Draft> = drafts.into_iter().filter(|draft| draft.author == own).collect();
        for draft in &drafts {
            if !draft.position.is_null() && !state.shows_line(&asked.project, iid, &draft.position) {
                return Err(refuse(500, "500 Internal Server Error"));
            }
            let body = state.obey(own, &draft.note);
            let position = Some(draft.position.clone()).filter(|position| !position.is_null());
            let id = state.number();
            let note = Note { id, author: own, body, system: false, created_at: now(), position, answers: None };
            state.project(&asked.project).request(iid).notes.push(note);
        }
        let request = state.project(&asked.project).request(iid);
        request.drafts.retain(|draft| draft.author != own);
        request.notified += usize::from(!drafts.is_empty());
        Ok(Answer::empty(204))
    }

    /// Begins a review as a person would in the page: a draft without a place.
    pub fn begin_review(&self, by: &Account, project: &str, iid: u64, note: &str) {
        let mut state = self.state();
        let id = state.number();
        let draft = Draft { id, author: by.id, note: note.to_owned(), position: Value::Null };
        state.project(project).request(iid).drafts.push(draft);
    }

    /// The drafts of a merge request, whoever's, oldest first.
    #[must_use]
    pub fn drafts(&self, project: &str, iid: u64) -> Vec<String> {
        let mut state = self.state();
        state.project(project).request(iid).drafts.iter().map(|draft| draft.note.clone()).collect()
    }

    /// How often people were notified of remarks on lines.
    #[must_use]
    pub fn notified(&self, project: &str, iid: u64) -> usize {
        self.state().project(project).request(iid).notified
    }

    /// Makes the server an old one, without draft notes.
    pub fn be_without_drafts(&self) {
        self.state().without_drafts = true;
    }
}
