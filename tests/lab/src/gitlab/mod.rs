//! GitLab, played: a project host with accounts, merge requests, notes, statuses and deployments over real repositories.
//!
//! Stricter than it looks. Requests and answers are judged by `openapi.json`, which is written down from GitLab's
//! documentation (each operation names its page), as no package registry carries GitLab's own description. It pages by 20,
//! mixes its own notes among people's, finds out only when looked at whether something can be merged, moves statuses only as
//! GitLab's source does, refuses a job's own token what the documentation does not list, and carries out every line that
//! begins with `/`: tests see that in [`Server::obeyed`].

mod commits;
mod discussions;
mod drafts;
mod git;
mod people;
mod pipeline;
mod requests;
mod routes;
mod state;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::stub::{Answer, Description, Push, Request, Service, Stub};
pub use git::Button;
pub use people::Remark;
pub use pipeline::{Cause, Job, Prepared};
pub use state::{Account, DEVELOPER, MAINTAINER, REPORTER};
use state::{Checked, State};

/// The server behind the stub; tests act on it as people.
#[derive(Debug)]
pub struct Server {
    /// `http://127.0.0.1:PORT` and the path that it is installed below.
    pub root: String,
    path: &'static str,
    api: &'static str,
    folder: tempfile::TempDir,
    state: Mutex<State>,
}

impl Server {
    /// Starts a server at the root of its address, or `below` a path (`/gitlab`).
    ///
    /// # Panics
    /// When no port or folder is to be had.
    #[must_use]
    pub fn start(below: Option<&'static str>) -> Stub<Self> {
        static DESCRIPTION: OnceLock<Description> = OnceLock::new();
        let read = || {
            let text = serde_json::from_str(include_str!("openapi.json"));
            Description::new(text.unwrap_or_else(|error| panic!("openapi.json: {error}")))
        };
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder: {error}"));
        Stub::start(Some(DESCRIPTION.get_or_init(read)), |root| Self {
            root: format!("{root}{}", below.unwrap_or_default()),
            path: below.unwrap_or_default(),
            api: if below.is_some() { "/gitlab/api/v4" } else { "/api/v4" },
            folder,
            state: Mutex::default(),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The path of a project in an address of Git's.
    fn project_path<'a>(&self, path: &'a str) -> &'a str {
        path.strip_prefix(self.path).unwrap_or(path).trim_start_matches('/')
    }

    /// Takes note that a branch moved: merge requests follow their branches, and what is in its target is merged.
    fn moved(&self, state: &mut State, path: &str, branch: &str, new: &str, by: u64) {
        let id = state.project(path).id;
        let folder = state.project(path).folder.clone();
        let mut followed = Vec::new();
        for project in &mut state.projects {
            let target = project.folder.clone();
            for request in project.requests.iter_mut().filter(|request| request.state == "opened") {
                if (request.source_project, request.source_branch.as_str()) == (id, branch) && request.sha != new {
                    git::bring(&target, &folder, new, &format!("refs/merge-requests/{}/head", request.iid));
                    new.clone_into(&mut request.sha);
                    request.checked = Checked::Not;
                    followed.push((project.path.clone(), request.iid));
                } else if project.path == path && request.target_branch == branch {
                    request.checked = Checked::Not;
                    if git::is_ancestor(&target, &request.sha, new) {
                        // Pushed by hand: the host sees that it is merged.
                        request.state = "merged";
                        request.merge_commit = Some(new.to_owned());
                        (request.merged_by, request.merged_at) = (Some(by), Some(state::now()));
                    }
                }
            }
        }
        for (path, iid) in followed {
            state.system_note(&path, iid, by, "added 1 commit");
        }
    }

    /// Merges a merge request.
    fn land(&self, state: &mut State, path: &str, iid: u64, by: u64, button: Button) -> Result<(), ()> {
        let project = state.project(path);
        let folder = project.folder.clone();
        let request = project.request(iid).clone();
        let is_squash = button == Button::Squash;
        let ancestor = git::head(&folder, &request.target_branch)
            .is_some_and(|base| git::is_ancestor(&folder, &base, &request.sha));
        let made = match button {
            // Nothing is to be rewritten: a fast-forward.
            Button::Rebase if ancestor => git::forward(&folder, &request.target_branch, &request.sha),
            button => git::merge(&folder, &request.target_branch, &request.sha, button, &request.title),
        }
        .ok_or(())?;
        let landed = state.project(path).request(iid);
        landed.state = "merged";
        (landed.merged_by, landed.merged_at) = (Some(by), Some(state::now()));
        match (is_squash, made == request.sha) {
            (true, _) => landed.squash_commit = Some(made.clone()),
            (false, true) => {}
            (false, false) => landed.merge_commit = Some(made.clone()),
        }
        state.system_note(path, iid, by, "mentioned in commit");
        self.moved(state, path, &request.target_branch, &made, by);
        Ok(())
    }
}

/// User name and password of HTTP basic authentication.
fn basic(request: &Request) -> Option<(String, String)> {
    let rest = request.header("authorization")?.strip_prefix("Basic ")?;
    let pair = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
    pair.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
}

impl Service for Server {
    fn api(&self) -> &'static str {
        self.api
    }

    fn call(&self, request: &Request) -> Answer {
        self.route(request).unwrap_or_else(|refused| refused)
    }

    fn repository(&self, path: &str, request: &Request, is_push: bool) -> Result<PathBuf, Answer> {
        let who =
            || Answer::text(401, "HTTP Basic: Access denied\n").header("WWW-Authenticate", "Basic realm=\"GitLab\"");
        let path = self.project_path(path);
        let state = self.state();
        let project = state.projects.iter().find(|project| project.path == path);
        let account = match basic(request) {
            None => None,
            Some((user, password)) => {
                let account = state.by_token(&password).ok_or_else(who)?;
                if account.job_of.is_some() != (user == "gitlab-ci-token") {
                    return Err(who());
                }
                Some(account)
            }
        };
        let may = match (project, account) {
            (None, _) => false,
            (Some(project), None) => project.is_public && !is_push,
            (Some(project), Some(account)) if account.job_of.is_some() => {
                !is_push && (project.is_public || account.job_of == Some(project.id))
            }
            (Some(project), Some(account)) if is_push => project.level(account.id) >= Some(DEVELOPER),
            (Some(project), Some(account)) => project.level(account.id).is_some(),
        };
        match (may, project, account) {
            (true, Some(project), _) => Ok(project.folder.clone()),
            (_, _, None) => Err(who()),
            (_, Some(_), Some(_)) if is_push => {
                Err(Answer::text(403, "You are not allowed to push code to this project."))
            }
            _ => Err(Answer::text(404, "The project you were looking for could not be found.")),
        }
    }

    fn may_push(&self, path: &str, pushes: &[Push]) -> Result<(), String> {
        let mut state = self.state();
        let path = self.project_path(path);
        for push in pushes {
            let account = push.token.as_deref().and_then(|token| state.by_token(token)).map(|account| account.id);
            let branch = push.reference.trim_start_matches("refs/heads/");
            let project = state.project(path);
            let level = account.and_then(|id| project.level(id)).unwrap_or_default();
            if level < project.level_for(branch) {
                return Err(
                    "GitLab: You are not allowed to push code to protected branches on this project.".to_owned()
                );
            }
        }
        Ok(())
    }

    fn pushed(&self, path: &str, pushes: &[Push]) {
        let mut state = self.state();
        let path = self.project_path(path);
        for push in pushes {
            let account = push.token.as_deref().and_then(|token| state.by_token(token)).map_or(0, |account| account.id);
            if let Some(branch) = push.reference.strip_prefix("refs/heads/") {
                self.moved(&mut state, path, branch, &push.new, account);
            }
        }
    }
}
