//! What the stub keeps: accounts, projects, merge requests, notes, statuses, deployments.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

/// A membership's level: <https://docs.gitlab.com/api/access_requests/#valid-access-levels>.
pub const REPORTER: u64 = 20;
/// May push, open merge requests and post statuses.
pub const DEVELOPER: u64 = 30;
/// May push to protected branches.
pub const MAINTAINER: u64 = 40;

/// An account with its token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Its number.
    pub id: u64,
    /// Its login.
    pub username: String,
    /// A token of it.
    pub token: String,
    /// Set for a job's own token: the project that it is of.
    pub job_of: Option<u64>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub accounts: Vec<Account>,
    pub projects: Vec<Project>,
    /// Quick actions that a text of ours would have had carried out: author, line.
    pub obeyed: Vec<(String, String)>,
    pub without_drafts: bool,
    next: u64,
}

#[derive(Debug)]
pub(super) struct Project {
    pub id: u64,
    pub path: String,
    pub folder: PathBuf,
    pub is_public: bool,
    pub members: BTreeMap<u64, u64>,
    pub takes_requests: bool,
    pub merge_method: String,
    /// Who may merge into a protected branch, at least: pattern (with a `*` at its end, or none) and level.
    pub protected: Vec<(String, u64)>,
    pub requests: Vec<Request>,
    pub pipelines: Vec<Pipeline>,
    pub statuses: Vec<Status>,
    pub deployments: Vec<Deployment>,
}

#[derive(Debug, Clone)]
pub(super) struct Request {
    pub id: u64,
    pub iid: u64,
    pub title: String,
    pub description: String,
    pub state: &'static str,
    pub author: u64,
    pub source_project: u64,
    pub source_branch: String,
    pub target_branch: String,
    pub labels: Vec<String>,
    pub sha: String,
    pub merge_commit: Option<String>,
    pub squash_commit: Option<String>,
    pub merged_by: Option<u64>,
    pub merged_at: Option<String>,
    pub created_at: String,
    /// How far the host is with finding out whether it can be merged.
    pub checked: Checked,
    pub notes: Vec<Note>,
    pub drafts: Vec<Draft>,
    /// How often people were notified of notes beside lines.
    pub notified: usize,
}

/// Found out in the background, once somebody looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Checked {
    Not,
    Now,
    Yes,
}

#[derive(Debug, Clone)]
pub(super) struct Note {
    pub id: u64,
    pub author: u64,
    pub body: String,
    pub system: bool,
    pub created_at: String,
    /// Where it stands, when beside a line.
    pub position: Option<serde_json::Value>,
    /// The note that it answers.
    pub answers: Option<u64>,
}

/// A note that is not published yet.
#[derive(Debug, Clone)]
pub(super) struct Draft {
    pub id: u64,
    pub author: u64,
    pub note: String,
    pub position: serde_json::Value,
}

#[derive(Debug, Clone)]
pub(super) struct Pipeline {
    pub id: u64,
    pub sha: String,
    pub reference: String,
}

#[derive(Debug, Clone)]
pub(super) struct Status {
    pub id: u64,
    pub pipeline: u64,
    pub name: String,
    pub state: String,
    pub description: Option<String>,
    pub target_url: Option<String>,
    pub author: u64,
    pub created_at: String,
    pub started_at: Option<String>,
    pub finished_at: Option<String>,
    /// A job of the CI, not one that was posted.
    pub is_job: bool,
    /// A newer one of the name is in the same pipeline.
    pub retried: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Deployment {
    pub id: u64,
    pub environment: String,
    pub sha: String,
    pub reference: String,
    pub state: String,
    pub user: u64,
    pub created_at: String,
}

impl State {
    /// The next number: one row for all things, as only their order matters.
    pub(super) fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(super) fn account(&self, id: u64) -> &Account {
        self.accounts.iter().find(|account| account.id == id).unwrap_or_else(|| panic!("no account {id}"))
    }

    pub(super) fn by_token(&self, token: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| account.token == token)
    }

    pub(super) fn project(&mut self, path: &str) -> &mut Project {
        let found = self.projects.iter_mut().find(|project| project.path == path);
        found.unwrap_or_else(|| panic!("no project {path}"))
    }

    pub(super) fn project_by_id(&self, id: u64) -> &Project {
        self.projects.iter().find(|project| project.id == id).unwrap_or_else(|| panic!("no project {id}"))
    }

    /// Notes what the host itself has to say.
    pub(super) fn system_note(&mut self, path: &str, iid: u64, author: u64, body: &str) {
        let id = self.number();
        let note =
            Note { id, author, body: body.to_owned(), system: true, created_at: now(), position: None, answers: None };
        self.project(path).request(iid).notes.push(note);
    }
}

impl Project {
    pub(super) fn request(&mut self, iid: u64) -> &mut Request {
        self.requests.iter_mut().find(|request| request.iid == iid).unwrap_or_else(|| panic!("no merge request {iid}"))
    }

    /// The level of an account; of anybody in a public project, 0.
    pub(super) fn level(&self, account: u64) -> Option<u64> {
        self.members.get(&account).copied().or_else(|| self.is_public.then_some(0))
    }

    /// The level that it takes to push to or merge into a branch.
    pub(super) fn level_for(&self, branch: &str) -> u64 {
        let fits = |pattern: &str| match pattern.strip_suffix('*') {
            Some(start) => branch.starts_with(start),
            None => branch == pattern,
        };
        self.protected.iter().filter(|(pattern, _)| fits(pattern)).map(|(_, level)| *level).max().unwrap_or(DEVELOPER)
    }
}

/// The time as GitLab writes it: `2026-01-19T09:05:50.355Z`.
pub(super) fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = date(days);
    let (hour, minute, second, milli) = (second / 3600, second / 60 % 60, second % 60, since.subsec_millis());
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// The date of a day since 1970: counted in eras of 400 years that begin in March.
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        assert_eq!(date(0), (1970, 1, 1));
        assert_eq!(date(11_016), (2000, 2, 29));
        assert_eq!(date(20_454), (2026, 1, 1));
    }
}
