//! Which request is what: the account, the project, the operation, the page.

use serde_json::{Value, json};

use super::Server;
use super::state::{Account, Checked, Project, State};
use crate::stub::{Answer, Request, page};

/// What a request came to: an answer, or one that refuses.
pub(super) type Answered = Result<Answer, Answer>;

pub(super) fn refuse(status: u16, message: impl Into<Value>) -> Answer {
    Answer::json(status, &json!({"message": message.into()}))
}

/// Who asks, of what.
pub(super) struct Asked<'a> {
    pub request: &'a Request,
    pub account: Account,
    /// The project's path.
    pub project: String,
    pub level: u64,
}

impl Asked<'_> {
    pub(super) fn needs(&self, level: u64) -> Result<(), Answer> {
        if self.level >= level { Ok(()) } else { Err(refuse(403, "403 Forbidden")) }
    }
}

impl Server {
    pub(super) fn route(&self, request: &Request) -> Answered {
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        let mut state = self.state();
        let account = account(&state, request)?;
        match (request.method.as_str(), segments.as_slice()) {
            ("GET", ["user"]) => {
                let account = account.filter(|it| it.job_of.is_none()).ok_or_else(unauthorized)?;
                Ok(Answer::json(200, &self.user(&account)))
            }
            ("GET", ["users"]) => {
                account.filter(|it| it.job_of.is_none()).ok_or_else(unauthorized)?;
                let wanted = request.query("username").unwrap_or_default();
                let found = state.accounts.iter().filter(|it| it.username.eq_ignore_ascii_case(wanted));
                let found: Vec<Value> = found.filter(|it| it.job_of.is_none()).map(|it| self.user(it)).collect();
                Ok(paged(request, &found, true))
            }
            (method, ["projects", project, rest @ ..]) => {
                if account.as_ref().is_some_and(|it| it.job_of.is_some()) {
                    job_may(method, rest)?;
                }
                let asked = asked(&state, request, account, project)?;
                self.project_route(&mut state, &asked, rest)
            }
            _ => Err(refuse(404, "404 Not Found")),
        }
    }

    fn project_route(&self, state: &mut State, asked: &Asked<'_>, rest: &[&str]) -> Answered {
        let number = |text: &str| text.parse::<u64>().map_err(|_| refuse(404, "404 Not found"));
        match (asked.request.method.as_str(), rest) {
            ("GET", []) => Ok(Answer::json(200, &self.project_entity(state, asked))),
            ("GET", ["members", "all", id]) => {
                let id = number(id)?;
                let level = state.project(&asked.project).members.get(&id).copied();
                let level = level.ok_or_else(|| refuse(404, "404 Not found"))?;
                let mut member = self.user(state.account(id));
                member["access_level"] = json!(level);
                member["expires_at"] = Value::Null;
                member["membership_state"] = json!("active");
                Ok(Answer::json(200, &member))
            }
            (_, ["merge_requests", rest @ ..]) => {
                if !state.project(&asked.project).takes_requests {
                    return Err(refuse(403, "403 Forbidden"));
                }
                let iid = rest.first().map(|iid| number(iid)).transpose()?;
                if let Some(iid) = iid
                    && !state.project(&asked.project).requests.iter().any(|request| request.iid == iid)
                {
                    return Err(refuse(404, "404 Not found"));
                }
                match (asked.request.method.as_str(), iid.unwrap_or_default(), rest.get(1..).unwrap_or_default()) {
                    ("GET", 0, _) => self.list_requests(state, asked),
                    ("POST", 0, _) => self.create_request(state, asked),
                    ("GET", iid, []) => self.show_request(state, asked, iid),
                    ("PUT", iid, []) => self.update_request(state, asked, iid),
                    ("PUT", iid, ["merge"]) => self.merge_request(state, asked, iid),
                    ("GET", iid, ["notes"]) => self.list_notes(state, asked, iid),
                    ("POST", iid, ["notes"]) => self.create_note(state, asked, iid),
                    ("GET", iid, ["discussions"]) => self.list_discussions(state, asked, iid),
                    ("POST", iid, ["discussions"]) => self.create_discussion(state, asked, iid),
                    (_, _, ["draft_notes", ..]) if state.without_drafts => Err(refuse(404, "404 Not Found")),
                    ("GET", iid, ["draft_notes"]) => self.list_drafts(state, asked, iid),
                    ("POST", iid, ["draft_notes"]) => self.create_draft(state, asked, iid),
                    ("POST", iid, ["draft_notes", "bulk_publish"]) => self.publish_drafts(state, asked, iid),
                    ("DELETE", iid, ["draft_notes", id]) => self.delete_draft(state, asked, iid, number(id)?),
                    ("PUT", iid, ["notes", id]) => self.update_note(state, asked, iid, number(id)?),
                    ("DELETE", iid, ["notes", id]) => self.delete_note(state, asked, iid, number(id)?),
                    _ => Err(refuse(404, "404 Not Found")),
                }
            }
            ("GET", ["repository", "commits", sha, "statuses"]) => self.list_statuses(state, asked, sha),
            ("GET", ["repository", "commits", sha, "refs"]) => self.list_references(state, asked, sha),
            ("POST", ["statuses", sha]) => self.create_status(state, asked, sha),
            ("GET", ["deployments"]) => self.list_deployments(state, asked),
            ("POST", ["deployments"]) => self.create_deployment(state, asked),
            ("PUT", ["deployments", id]) => self.update_deployment(state, asked, number(id)?),
            _ => Err(refuse(404, "404 Not Found")),
        }
    }

    pub(super) fn user(&self, account: &Account) -> Value {
        json!({
            "id": account.id, "username": account.username, "name": account.username, "state": "active",
            "avatar_url": null, "web_url": format!("{}/{}", self.root, account.username),
        })
    }

    fn project_entity(&self, state: &mut State, asked: &Asked<'_>) -> Value {
        let own = asked.account.id;
        let project: &Project = state.project(&asked.project);
        let web = format!("{}/{}", self.root, project.path);
        let access = project.members.get(&own).map(|level| json!({"access_level": level, "notification_level": 3}));
        let is_empty = super::git::head(&project.folder, "main").is_none();
        let mut entity = json!({
            "id": project.id, "name": project.path, "path": project.path.rsplit('/').next(),
            "path_with_namespace": project.path, "default_branch": if is_empty { Value::Null } else { json!("main") },
            "web_url": web, "http_url_to_repo": format!("{web}.git"), "empty_repo": is_empty, "archived": false,
            "visibility": if project.is_public { "public" } else { "private" }, "merge_method": project.merge_method,
            "merge_requests_access_level": if project.takes_requests { "enabled" } else { "disabled" },
            // A membership of a group above shows there.
            "permissions": {"project_access": null, "group_access": access},
        });
        if asked.level >= super::state::REPORTER {
            entity["ci_config_path"] = json!("");
        }
        entity
    }
}

/// <https://docs.gitlab.com/ci/jobs/ci_job_token/#job-token-access>. What it may not is as if nobody asked.
fn job_may(method: &str, rest: &[&str]) -> Result<(), Answer> {
    match (method, rest) {
        ("GET", ["merge_requests"] | ["merge_requests", _] | ["merge_requests", _, "notes"]) => Ok(()),
        (_, ["deployments", ..] | ["environments", ..]) => Ok(()),
        ("GET", _) => Err(refuse(404, "404 Project Not Found")),
        _ => Err(unauthorized()),
    }
}

fn unauthorized() -> Answer {
    refuse(401, "401 Unauthorized")
}

/// The account of the token, which must come in its own header.
fn account(state: &State, request: &Request) -> Result<Option<Account>, Answer> {
    let (header, is_job) = match (request.header("private-token"), request.header("job-token")) {
        (Some(token), _) => (token, false),
        (None, Some(token)) => (token, true),
        (None, None) => return Ok(None),
    };
    let account = state.by_token(header).filter(|account| account.job_of.is_some() == is_job);
    account.cloned().map(Some).ok_or_else(unauthorized)
}

fn asked<'a>(state: &State, request: &'a Request, account: Option<Account>, path: &str) -> Result<Asked<'a>, Answer> {
    let missing = || refuse(404, "404 Project Not Found");
    let fits = |project: &&Project| project.path == path || path.parse() == Ok(project.id);
    let project = state.projects.iter().find(fits).ok_or_else(missing)?;
    let Some(account) = account else {
        return Err(if request.is_write() { unauthorized() } else { missing() });
    };
    let level = project.level(account.id).ok_or_else(missing)?;
    Ok(Asked { request, account, project: project.path.clone(), level })
}

/// A page of a list as GitLab gives it; lists of commits come without totals.
pub(super) fn paged(request: &Request, items: &[Value], totals: bool) -> Answer {
    let number = request.query("page").and_then(|page| page.parse().ok()).unwrap_or(1);
    let size = request.query("per_page").and_then(|size| size.parse().ok()).unwrap_or(20).min(100);
    let (items, last) = page(items, number, size);
    let next = if number < last { (number + 1).to_string() } else { String::new() };
    let answer = Answer::json(200, &Value::Array(items))
        .header("X-Page", number.to_string())
        .header("X-Per-Page", size.to_string())
        .header("X-Next-Page", next);
    if totals { answer.header("X-Total-Pages", last.to_string()) } else { answer }
}

/// What `detailed_merge_status` says while the host has yet to look.
pub(super) fn merge_status(checked: Checked, is_open: bool, conflicts: bool) -> &'static str {
    match (is_open, checked, conflicts) {
        (false, ..) => "not_open",
        (true, Checked::Not, _) => "unchecked",
        (true, Checked::Now, _) => "checking",
        (true, Checked::Yes, true) => "conflict",
        (true, Checked::Yes, false) => "mergeable",
    }
}
