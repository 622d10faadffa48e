//! What people do on the server, and how tests look at it without asking the code under test.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Server;
use super::git::{self, Button};
use super::state::{Account, Checked, DEVELOPER, Pipeline, Project, Request, State, Status, now};
use crate::stub::create_repository;

/// A note as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Its number.
    pub id: u64,
    /// Login of its author.
    pub author: String,
    /// Its text.
    pub body: String,
}

impl Server {
    /// Makes an account with a token that has `planted` in it, so that a leak is seen.
    pub fn create_account(&self, username: &str) -> Account {
        static TOKENS: AtomicU64 = AtomicU64::new(1);
        let mut state = self.state();
        let number = TOKENS.fetch_add(1, Ordering::Relaxed);
        let (id, username) = (state.number(), username.to_owned());
        let account = Account { id, token: format!("glpat-planted-{number:08}"), username, job_of: None };
        state.accounts.push(account.clone());
        account
    }

    /// A job's own token in a project, for a job that `account` caused.
    pub fn create_job_token(&self, project: &str, account: &Account) -> String {
        let mut state = self.state();
        let (id, project) = (state.number(), state.project(project).id);
        let token = format!("glcbt-planted-{id:08}");
        state.accounts.push(Account { id, token: token.clone(), job_of: Some(project), ..account.clone() });
        let level = state.projects.iter().find(|it| it.id == project).and_then(|it| it.level(account.id));
        if let (Some(level), Some(it)) = (level, state.projects.iter_mut().find(|it| it.id == project)) {
            it.members.insert(id, level);
        }
        token
    }

    /// Makes an empty project.
    pub fn create_project(&self, path: &str, is_public: bool) {
        let mut state = self.state();
        let id = state.number();
        let folder = self.folder.path().join(format!("{id}.git"));
        create_repository(&folder);
        state.projects.push(Project {
            id,
            path: path.to_owned(),
            folder,
            is_public,
            members: BTreeMap::new(),
            takes_requests: true,
            merge_method: "merge".to_owned(),
            protected: Vec::new(),
            requests: Vec::new(),
            pipelines: Vec::new(),
            statuses: Vec::new(),
            deployments: Vec::new(),
        });
    }

    /// Makes a fork that its maker may write to; its path.
    pub fn fork(&self, project: &str, by: &Account) -> String {
        let path = format!("{}/{}", by.username, project.rsplit('/').next().unwrap_or(project));
        let is_public = self.state().project(project).is_public;
        self.create_project(&path, is_public);
        self.set_member(&path, by, DEVELOPER);
        let mut state = self.state();
        let from = state.project(project).folder.clone();
        let to = state.project(&path).folder.clone();
        if let Some(head) = git::head(&from, "main") {
            git::bring(&to, &from, &head, "refs/heads/main");
        }
        path
    }

    /// Gives an account a level in a project.
    pub fn set_member(&self, project: &str, account: &Account, level: u64) {
        self.state().project(project).members.insert(account.id, level);
    }

    /// Protects a branch, or all that begin alike (`env/*`): pushing and merging take `level`.
    pub fn protect(&self, project: &str, pattern: &str, level: u64) {
        self.state().project(project).protected.push((pattern.to_owned(), level));
    }

    /// Switches merge requests on or off.
    pub fn take_merge_requests(&self, project: &str, takes: bool) {
        self.state().project(project).takes_requests = takes;
    }

    /// Sets how the project merges: `merge`, `ff`.
    pub fn set_merge_method(&self, project: &str, method: &str) {
        method.clone_into(&mut self.state().project(project).merge_method);
    }

    /// The number of a project.
    #[must_use]
    pub fn project_id(&self, project: &str) -> u64 {
        self.state().project(project).id
    }

    /// The bare repository of a project.
    #[must_use]
    pub fn folder(&self, project: &str) -> PathBuf {
        self.state().project(project).folder.clone()
    }

    /// The address that Git clones a project from, with an account's credential.
    #[must_use]
    pub fn clone_url(&self, project: &str, account: Option<&Account>) -> String {
        let url = format!("{}/{project}.git", self.root);
        match account {
            None => url,
            Some(account) => url.replacen("http://", &format!("http://oauth2:{}@", account.token), 1),
        }
    }

    /// Opens a merge request as a person; its number.
    pub fn open_merge_request(&self, by: &Account, from: (&str, &str), to: (&str, &str)) -> u64 {
        let mut state = self.state();
        let source = state.project(from.0).id;
        let iid = self.open(&mut state, to.0, source, from.1, to.1, by.id);
        let request = state.project(to.0).request(iid);
        request.title = format!("Merge {}", from.1);
        "Please.".clone_into(&mut request.description);
        iid
    }

    pub(super) fn open(
        &self,
        state: &mut State,
        path: &str,
        source_project: u64,
        source: &str,
        target: &str,
        by: u64,
    ) -> u64 {
        let id = state.number();
        let from = state.project_by_id(source_project).folder.clone();
        let sha = git::head(&from, source).unwrap_or_else(|| panic!("no branch {source}"));
        let project = state.project(path);
        let iid = project.requests.len() as u64 + 1;
        git::bring(&project.folder, &from, &sha, &format!("refs/merge-requests/{iid}/head"));
        project.requests.push(Request {
            id,
            iid,
            title: String::new(),
            description: String::new(),
            state: "opened",
            author: by,
            source_project,
            source_branch: source.to_owned(),
            target_branch: target.to_owned(),
            labels: Vec::new(),
            sha,
            merge_commit: None,
            squash_commit: None,
            merged_by: None,
            merged_at: None,
            created_at: now(),
            checked: Checked::Not,
            notes: Vec::new(),
            drafts: Vec::new(),
            notified: 0,
        });
        state.system_note(path, iid, by, "assigned to nobody");
        iid
    }

    /// Writes a note as a person.
    pub fn remark(&self, by: &Account, project: &str, iid: u64, body: &str) {
        let mut state = self.state();
        let note = super::state::Note {
            id: state.number(),
            author: by.id,
            body: body.to_owned(),
            system: false,
            created_at: now(),
            position: None,
            answers: None,
        };
        state.project(project).request(iid).notes.push(note);
        // People do more than write.
        state.system_note(project, iid, by.id, "added a label");
    }

    /// The notes that people and programs wrote, oldest first.
    #[must_use]
    pub fn remarks(&self, project: &str, iid: u64) -> Vec<Remark> {
        let mut state = self.state();
        let notes = state.project(project).request(iid).notes.clone();
        let remark = |note: super::state::Note| Remark {
            id: note.id,
            author: state.account(note.author).username.clone(),
            body: note.body,
        };
        notes
            .into_iter()
            .filter(|note| !note.system && note.position.is_none() && note.answers.is_none())
            .map(remark)
            .collect()
    }

    /// Presses the merge button.
    ///
    /// # Panics
    /// When it cannot be merged.
    pub fn merge(&self, by: &Account, project: &str, iid: u64, button: Button) {
        let mut state = self.state();
        assert_eq!(self.land(&mut state, project, iid, by.id, button), Ok(()), "!{iid} cannot be merged");
    }

    /// Closes a merge request.
    pub fn close(&self, project: &str, iid: u64) {
        self.state().project(project).request(iid).state = "closed";
    }

    /// Lets the host find out whether a merge request can be merged.
    pub fn settle(&self, project: &str, iid: u64) {
        self.state().project(project).request(iid).checked = Checked::Yes;
    }

    /// Starts a pipeline of a commit with jobs of these names; its number.
    pub fn start_pipeline(&self, by: &Account, project: &str, sha: &str, reference: &str, jobs: &[&str]) -> u64 {
        let mut state = self.state();
        let pipeline = state.number();
        state.project(project).pipelines.push(Pipeline {
            id: pipeline,
            sha: sha.to_owned(),
            reference: reference.to_owned(),
        });
        for name in jobs {
            let id = state.number();
            state.project(project).statuses.push(Status {
                id,
                pipeline,
                name: (*name).to_owned(),
                state: "success".to_owned(),
                description: None,
                target_url: None,
                author: by.id,
                created_at: now(),
                started_at: Some(now()),
                finished_at: Some(now()),
                is_job: true,
                retried: false,
            });
        }
        pipeline
    }

    /// Every status that was posted, oldest first: pipeline, name, state.
    #[must_use]
    pub fn statuses(&self, project: &str) -> Vec<(u64, String, String)> {
        let mut state = self.state();
        let posted = state.project(project).statuses.iter().filter(|status| !status.is_job);
        posted.map(|status| (status.pipeline, status.name.clone(), status.state.clone())).collect()
    }

    /// Every deployment record, oldest first: environment, commit, state, branch.
    #[must_use]
    pub fn deployments(&self, project: &str) -> Vec<[String; 4]> {
        let mut state = self.state();
        let records = state.project(project).deployments.iter();
        records.map(|it| [it.environment.clone(), it.sha.clone(), it.state.clone(), it.reference.clone()]).collect()
    }

    /// The merge requests into a branch, oldest first: number and state.
    #[must_use]
    pub fn requests_to(&self, project: &str, branch: &str) -> Vec<(u64, &'static str)> {
        let mut state = self.state();
        let requests = state.project(project).requests.iter();
        requests.filter(|request| request.target_branch == branch).map(|request| (request.iid, request.state)).collect()
    }

    /// Quick actions that were carried out from texts over the API: author and line.
    #[must_use]
    pub fn obeyed(&self) -> Vec<(String, String)> {
        self.state().obeyed.clone()
    }
}
