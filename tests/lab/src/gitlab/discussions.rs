//! Threads of a merge request: notes beside lines, and the answers to them.

use serde_json::{Value, json};

use super::routes::{Answered, Asked, paged, refuse};
use super::state::{Note, State, now};
use super::{Account, Server, git};
use crate::stub::Answer;

impl Server {
    pub(super) fn list_discussions(&self, state: &mut State, asked: &Asked<'_>, iid: u64) -> Answered {
        let notes = state.project(&asked.project).request(iid).notes.clone();
        let first = notes.iter().filter(|note| note.answers.is_none());
        let thread = |note: &Note| {
            let answers = notes.iter().filter(|other| other.answers == Some(note.id));
            let notes: Vec<Value> =
                std::iter::once(note).chain(answers).map(|note| self.note_entity(state, iid, note)).collect();
            json!({"id": format!("{:040x}", note.id), "individual_note": note.position.is_none(), "notes": notes})
        };
        let threads: Vec<Value> = first.map(thread).collect();
        Ok(paged(asked.request, &threads, true))
    }

    /// A line that is unchanged needs its old number as well, and one that is not shown has no place: both are refused.
    pub(super) fn create_discussion(&self, state: &mut State, asked: &Asked<'_>, iid: u64) -> Answered {
        let body = super::requests::sized(asked)?;
        let body = state.obey(asked.account.id, &body);
        let position = asked.request.json()["position"].clone();
        if !state.shows_line(&asked.project, iid, &position) {
            return Err(refuse(
                400,
                "400 Bad request - Note {:line_code=>[\"can't be blank\", \"must be a valid line code\"]}",
            ));
        }
        let (id, author) = (state.number(), asked.account.id);
        let note = Note { id, author, body, system: false, created_at: now(), position: Some(position), answers: None };
        let request = state.project(&asked.project).request(iid);
        request.notes.push(note.clone());
        request.notified += 1;
        let note = self.note_entity(state, iid, &note);
        Ok(Answer::json(201, &json!({"id": format!("{id:040x}"), "individual_note": false, "notes": [note]})))
    }

    /// Answers a note beside a line as a person.
    pub fn answer_note(&self, by: &Account, project: &str, iid: u64, id: u64, body: &str) {
        let mut state = self.state();
        let new = state.number();
        let note = Note {
            id: new,
            author: by.id,
            body: body.to_owned(),
            system: false,
            created_at: now(),
            position: None,
            answers: Some(id),
        };
        state.project(project).request(iid).notes.push(note);
    }

    /// The notes beside lines, oldest first: number, author, path, line, text.
    #[must_use]
    pub fn line_notes(&self, project: &str, iid: u64) -> Vec<(u64, String, String, u64, String)> {
        let mut state = self.state();
        let notes = state.project(project).request(iid).notes.clone();
        let told = |note: Note| {
            let position = note.position?;
            let path = position["new_path"].as_str().unwrap_or_default().to_owned();
            let author = state.account(note.author).username.clone();
            Some((note.id, author, path, position["new_line"].as_u64().unwrap_or_default(), note.body))
        };
        notes.into_iter().filter_map(told).collect()
    }
}

impl State {
    /// Says whether a position is on a line that the diff of a merge request's head adds.
    pub(super) fn shows_line(&mut self, project: &str, iid: u64, position: &Value) -> bool {
        let project = self.project(project);
        let (folder, head) = (project.folder.clone(), project.request(iid).sha.clone());
        let text = |name: &str| position[name].as_str().unwrap_or_default().to_owned();
        let lines = git::new_lines(&folder, &text("base_sha"), &head, &text("new_path"));
        let line = position["new_line"].as_u64().unwrap_or_default();
        text("head_sha") == head && lines.iter().any(|range| range.contains(&line))
    }
}
