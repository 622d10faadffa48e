//! Merge requests and their notes.

use serde_json::{Value, json};

use super::Server;
use super::git::{self, Button};
use super::routes::{Answered, Asked, merge_status, paged, refuse};
use super::state::{Checked, DEVELOPER, Note, Request, State, now};
use crate::stub::Answer;

/// <https://docs.gitlab.com/administration/instance_limits/#size-of-comments-and-descriptions-of-issues-merge-requests-and-epics>
const LONGEST_NOTE: usize = 1_000_000;

impl Server {
    fn entity(&self, state: &State, path: &str, request: &Request) -> Value {
        let project = state.projects.iter().find(|project| project.path == path);
        let conflicts = project.is_some_and(|project| {
            let base = git::head(&project.folder, &request.target_branch).unwrap_or_default();
            !git::merges(&project.folder, &base, &request.sha)
        });
        let user = |id: u64| self.user(state.account(id));
        let is_open = request.state == "opened";
        json!({
            "id": request.id, "iid": request.iid, "project_id": project.map(|project| project.id),
            "title": request.title, "description": request.description, "state": request.state,
            "created_at": request.created_at, "updated_at": request.created_at, "author": user(request.author),
            "source_branch": request.source_branch, "target_branch": request.target_branch,
            "source_project_id": request.source_project, "target_project_id": project.map(|project| project.id),
            "labels": request.labels, "draft": request.title.starts_with("Draft:"), "sha": request.sha,
            "detailed_merge_status": merge_status(request.checked, is_open, conflicts),
            "has_conflicts": is_open && request.checked == Checked::Yes && conflicts,
            "merge_commit_sha": request.merge_commit, "squash_commit_sha": request.squash_commit,
            "merge_user": request.merged_by.map(user), "merged_by": request.merged_by.map(user),
            "merged_at": request.merged_at,
            "web_url": format!("{}/{path}/-/merge_requests/{}", self.root, request.iid),
            "diff_refs": project.map(|project| {
                let target = git::head(&project.folder, &request.target_branch).unwrap_or_default();
                let base = git::merge_base(&project.folder, &target, &request.sha);
                json!({"base_sha": base, "start_sha": base, "head_sha": request.sha})
            }),
        })
    }

    pub(super) fn list_requests(&self, state: &mut State, asked: &Asked<'_>) -> Answered {
        let query = |name: &str| asked.request.query(name).map(str::to_owned);
        let wanted = query("state").unwrap_or_else(|| "all".to_owned());
        let mut found = state.project(&asked.project).requests.clone();
        found.retain(|request| {
            (wanted == "all" || request.state == wanted)
                && query("source_branch").is_none_or(|branch| branch == request.source_branch)
                && query("target_branch").is_none_or(|branch| branch == request.target_branch)
        });
        if query("sort").as_deref() != Some("asc") {
            found.reverse();
        }
        let entities: Vec<Value> = found.iter().map(|request| self.entity(state, &asked.project, request)).collect();
        Ok(paged(asked.request, &entities, true))
    }

    pub(super) fn create_request(&self, state: &mut State, asked: &Asked<'_>) -> Answered {
        asked.needs(DEVELOPER)?;
        let body = asked.request.json();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        let (source, target) = (text("source_branch"), text("target_branch"));
        let project = state.project(&asked.project);
        for (name, branch) in [("Source", &source), ("Target", &target)] {
            if git::head(&project.folder, branch).is_none() {
                return Err(refuse(400, json!([format!("{name} branch \"{branch}\" does not exist")])));
            }
        }
        if source == target {
            return Err(refuse(422, json!(["You can't use same project/branch for source and target"])));
        }
        let id = project.id;
        let same = |other: &&Request| {
            other.state == "opened"
                && (other.source_project, &other.source_branch, &other.target_branch) == (id, &source, &target)
        };
        if let Some(other) = project.requests.iter().find(same) {
            let why = format!("Another open merge request already exists for this source branch: !{}", other.iid);
            return Err(refuse(409, json!([why])));
        }
        let labels = text("labels").split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
        let description = state.obey(asked.account.id, &text("description"));
        let iid = self.open(state, &asked.project, id, &source, &target, asked.account.id);
        let request = state.project(&asked.project).request(iid);
        (request.title, request.description, request.labels) = (text("title"), description, labels);
        let request = request.clone();
        Ok(Answer::json(201, &self.entity(state, &asked.project, &request)))
    }

    pub(super) fn show_request(&self, state: &mut State, asked: &Asked<'_>, iid: u64) -> Answered {
        let request = state.project(&asked.project).request(iid).clone();
        let entity = self.entity(state, &asked.project, &request);
        // Looking makes the host find out; the next one sees what it found.
        let request = state.project(&asked.project).request(iid);
        request.checked = match request.checked {
            Checked::Not => Checked::Now,
            Checked::Now | Checked::Yes => Checked::Yes,
        };
        Ok(Answer::json(200, &entity))
    }

    pub(super) fn update_request(&self, state: &mut State, asked: &Asked<'_>, iid: u64) -> Answered {
        asked.needs(DEVELOPER)?;
        let body = asked.request.json();
        let description = body["description"].as_str().map(|text| state.obey(asked.account.id, text));
        let request = state.project(&asked.project).request(iid);
        if let Some(title) = body["title"].as_str() {
            title.clone_into(&mut request.title);
        }
        for label in body["add_labels"].as_str().unwrap_or_default().split(',').filter(|label| !label.is_empty()) {
            if !request.labels.iter().any(|known| known == label) {
                request.labels.push(label.to_owned());
            }
        }
        match (body["state_event"].as_str(), request.state) {
            (Some("close"), "opened") => request.state = "closed",
            (Some("reopen"), "closed") => request.state = "opened",
            _ => {}
        }
        if let Some(description) = description {
            request.description = description;
            state.system_note(&asked.project, iid, asked.account.id, "changed the description");
        }
        let request = state.project(&asked.project).request(iid).clone();
        Ok(Answer::json(200, &self.entity(state, &asked.project, &request)))
    }

    pub(super) fn merge_request(&self, state: &mut State, asked: &Asked<'_>, iid: u64) -> Answered {
        let body = asked.request.json();
        let project = state.project(&asked.project);
        let request = project.request(iid).clone();
        if asked.level < project.level_for(&request.target_branch) {
            return Err(refuse(401, "401 Unauthorized"));
        }
        if body["sha"].as_str().is_some_and(|sha| sha != request.sha) {
            return Err(refuse(409, format!("SHA does not match HEAD of source branch: {}", request.sha)));
        }
        let not_allowed = || refuse(405, "405 Method Not Allowed");
        if request.state != "opened" || request.checked != Checked::Yes || request.title.starts_with("Draft:") {
            return Err(not_allowed());
        }
        let base = git::head(&project.folder, &request.target_branch).unwrap_or_default();
        if !git::merges(&project.folder, &base, &request.sha) {
            return Err(refuse(422, "Branch cannot be merged"));
        }
        let button = match (project.merge_method.as_str(), body["squash"] == true) {
            (_, true) => Button::Squash,
            ("ff", _) if !git::is_ancestor(&project.folder, &base, &request.sha) => return Err(not_allowed()),
            ("ff", _) => Button::Rebase,
            _ => Button::Merge,
        };
        self.land(state, &asked.project, iid, asked.account.id, button).map_err(|()| not_allowed())?;
        let request = state.project(&asked.project).request(iid).clone();
        Ok(Answer::json(200, &self.entity(state, &asked.project, &request)))
    }

    pub(super) fn list_notes(&self, state: &mut State, asked: &Asked<'_>, iid: u64) -> Answered {
        let mut notes = state.project(&asked.project).request(iid).notes.clone();
        notes.sort_by_key(|note| note.id);
        if asked.request.query("sort") != Some("asc") {
            notes.reverse();
        }
        let notes: Vec<Value> = notes.iter().map(|note| self.note_entity(state, iid, note)).collect();
        Ok(paged(asked.request, &notes, true))
    }

    pub(super) fn create_note(&self, state: &mut State, asked: &Asked<'_>, iid: u64) -> Answered {
        let body = sized(asked)?;
        let body = state.obey(asked.account.id, &body);
        let (id, author) = (state.number(), asked.account.id);
        let note = Note { id, author, body, system: false, created_at: now(), position: None, answers: None };
        state.project(&asked.project).request(iid).notes.push(note.clone());
        Ok(Answer::json(201, &self.note_entity(state, iid, &note)))
    }

    pub(super) fn update_note(&self, state: &mut State, asked: &Asked<'_>, iid: u64, id: u64) -> Answered {
        let body = sized(asked)?;
        let body = state.obey(asked.account.id, &body);
        let note = own_note(state, asked, iid, id)?;
        note.body = body;
        let note = note.clone();
        Ok(Answer::json(200, &self.note_entity(state, iid, &note)))
    }

    pub(super) fn delete_note(&self, state: &mut State, asked: &Asked<'_>, iid: u64, id: u64) -> Answered {
        own_note(state, asked, iid, id)?;
        state.project(&asked.project).request(iid).notes.retain(|note| note.id != id);
        Ok(Answer::empty(204))
    }

    pub(super) fn note_entity(&self, state: &State, iid: u64, note: &Note) -> Value {
        let kind = note.position.as_ref().map(|_| "DiffNote");
        let mut entity = json!({
            "id": note.id, "type": kind, "body": note.body, "author": self.user(state.account(note.author)),
            "created_at": note.created_at, "updated_at": note.created_at, "system": note.system,
            "noteable_iid": iid, "noteable_type": "MergeRequest",
        });
        if let Some(position) = &note.position {
            entity["position"] = position.clone();
        }
        entity
    }
}

pub(super) fn sized(asked: &Asked<'_>) -> Result<String, Answer> {
    let body = asked.request.json()["body"].as_str().unwrap_or_default().to_owned();
    match body.chars().count() {
        0..=LONGEST_NOTE => Ok(body),
        _ => Err(refuse(400, json!({"note": ["is too long (maximum is 1000000 characters)"]}))),
    }
}

fn own_note<'a>(state: &'a mut State, asked: &Asked<'_>, iid: u64, id: u64) -> Result<&'a mut Note, Answer> {
    let notes = &mut state.project(&asked.project).request(iid).notes;
    let note = notes.iter_mut().find(|note| note.id == id).ok_or_else(|| refuse(404, "404 Not found"))?;
    if note.author == asked.account.id && !note.system { Ok(note) } else { Err(refuse(403, "403 Forbidden")) }
}

impl State {
    /// What is left of a text once its quick actions are carried out: stricter than GitLab, which lets code alone, any
    /// line that begins with `/` and a letter is one.
    pub(super) fn obey(&mut self, account: u64, text: &str) -> String {
        let author = self.account(account).username.clone();
        let is_command = |line: &str| {
            let mut letters = line.trim_start().chars();
            letters.next() == Some('/') && letters.next().is_some_and(|letter| letter.is_ascii_alphabetic())
        };
        let text = text.replace('\r', "");
        let (commands, kept): (Vec<&str>, Vec<&str>) = text.split('\n').partition(|line| is_command(line));
        self.obeyed.extend(commands.into_iter().map(|line| (author.clone(), line.to_owned())));
        kept.join("\n").trim_end().to_owned()
    }
}
