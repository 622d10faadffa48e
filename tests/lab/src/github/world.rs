//! The state: accounts, repositories and what is on them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::people::Started;

/// Whom a token acts as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Account {
    Person {
        login: String,
    },
    /// An App's installation.
    App {
        slug: String,
        workflows: bool,
    },
    /// The token of a job of one repository, with its permissions.
    Job {
        repository: String,
        permissions: BTreeMap<String, String>,
    },
}

impl Account {
    pub(super) fn login(&self) -> String {
        match self {
            Self::Person { login } => login.clone(),
            Self::App { slug, .. } => format!("{slug}[bot]"),
            Self::Job { .. } => "github-actions[bot]".to_owned(),
        }
    }

    /// The App that writes check runs as this account.
    pub(super) fn app(&self) -> Option<String> {
        match self {
            Self::Person { .. } => None,
            Self::App { slug, .. } => Some(slug.clone()),
            Self::Job { .. } => Some("github-actions".to_owned()),
        }
    }

    /// Says whether it may read or write this of a repository.
    pub(super) fn may(&self, repository: &Repository, what: &str, write: bool) -> bool {
        match self {
            Self::Job { repository: own, permissions } => {
                *own == repository.name
                    && match permissions.get(what).map(String::as_str) {
                        Some("write") => true,
                        Some("read") => !write,
                        _ => false,
                    }
            }
            Self::App { .. } => true,
            Self::Person { .. } => match repository.role(self) {
                "admin" | "maintain" | "write" => true,
                "none" => !repository.private && !write,
                // Whoever can read can comment, and open pull requests from a fork.
                _ => !write || matches!(what, "issues"),
            },
        }
    }

    /// The words with which it is refused.
    pub(super) fn refusal(&self) -> &'static str {
        match self {
            Self::Person { .. } => "Resource not accessible by personal access token",
            _ => "Resource not accessible by integration",
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct World {
    pub tokens: BTreeMap<String, Account>,
    pub people: BTreeSet<String>,
    pub repositories: BTreeMap<String, Repository>,
    pub started: Vec<Started>,
    pub next_id: u64,
    /// Seconds: each thing that happens is one later than the one before.
    pub clock: u64,
    pub asked: u64,
}

impl World {
    pub(super) fn id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    pub(super) fn now(&mut self) -> String {
        self.clock += 1;
        let (hours, minutes, seconds) = (self.clock / 3600 % 24, self.clock / 60 % 60, self.clock % 60);
        format!("2026-11-{:02}T{hours:02}:{minutes:02}:{seconds:02}Z", 1 + self.clock / 86400)
    }
}

#[derive(Debug)]
pub(super) struct Repository {
    pub name: String,
    pub private: bool,
    pub default_branch: String,
    pub parent: Option<String>,
    /// Login to role: `admin`, `maintain`, `write`, `triage`, `read`.
    pub members: BTreeMap<String, String>,
    pub pulls: BTreeMap<u64, Pull>,
    pub comments: Vec<Comment>,
    pub remarks: Vec<LineComment>,
    pub statuses: Vec<Status>,
    pub checks: Vec<Check>,
    pub deployments: Vec<Deployment>,
    pub labels: BTreeSet<String>,
    pub protected: Vec<String>,
    /// Contexts that must be good on a pull request's head before it goes into a branch.
    pub required: Vec<(String, String)>,
    /// merge, squash, rebase.
    pub merge_methods: BTreeSet<String>,
    pub jobs_may_create_pulls: bool,
}

impl Repository {
    pub(super) fn new(name: &str, parent: Option<&str>) -> Self {
        Self {
            name: name.to_owned(),
            private: parent.is_none(),
            default_branch: "main".to_owned(),
            parent: parent.map(str::to_owned),
            members: BTreeMap::new(),
            pulls: BTreeMap::new(),
            comments: Vec::new(),
            remarks: Vec::new(),
            statuses: Vec::new(),
            checks: Vec::new(),
            deployments: Vec::new(),
            labels: BTreeSet::new(),
            protected: Vec::new(),
            required: Vec::new(),
            merge_methods: ["merge", "squash", "rebase"].map(str::to_owned).into(),
            jobs_may_create_pulls: true,
        }
    }

    pub(super) fn owner(&self) -> &str {
        self.name.split('/').next().unwrap_or_default()
    }

    pub(super) fn role(&self, account: &Account) -> &str {
        match account {
            Account::Person { login } => self.role_of(login),
            Account::App { .. } => "write",
            Account::Job { repository, .. } => {
                if *repository == self.name {
                    "write"
                } else {
                    "none"
                }
            }
        }
    }

    pub(super) fn role_of(&self, login: &str) -> &str {
        match self.members.get(login) {
            Some(role) => role,
            None if self.owner() == login => "admin",
            None if self.private => "none",
            None => "read",
        }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Pull {
    pub id: u64,
    pub number: u64,
    pub title: String,
    pub body: String,
    pub author: String,
    /// The repository of its head; `None` when the fork is gone.
    pub head_repository: Option<String>,
    pub head_branch: String,
    pub head: String,
    pub base_branch: String,
    pub open: bool,
    pub labels: Vec<String>,
    pub merged: Option<Merge>,
    /// Found out by looking once.
    pub looked: bool,
    pub created: String,
    pub updated: String,
}

#[derive(Debug, Clone)]
pub(super) struct Merge {
    pub commit: String,
    pub by: String,
    pub at: String,
}

#[derive(Debug, Clone)]
pub(super) struct Comment {
    pub id: u64,
    pub number: u64,
    pub author: String,
    pub body: String,
    pub at: String,
}

/// A comment on a line of a pull request.
#[derive(Debug, Clone)]
pub(super) struct LineComment {
    pub id: u64,
    pub number: u64,
    pub review: u64,
    pub author: String,
    pub commit: String,
    pub path: String,
    pub line: u64,
    pub body: String,
    pub answers: Option<u64>,
    pub at: String,
}

#[derive(Debug, Clone)]
pub(super) struct Status {
    pub id: u64,
    pub sha: String,
    pub state: String,
    pub context: String,
    pub description: Option<String>,
    pub target_url: Option<String>,
    pub author: String,
    pub at: String,
}

#[derive(Debug, Clone)]
pub(super) struct Check {
    pub id: u64,
    pub app: String,
    pub sha: String,
    /// The request's fields, one over the other, without the annotations.
    pub fields: Value,
    pub annotations: Vec<Value>,
    pub at: String,
}

#[derive(Debug, Clone)]
pub(super) struct Deployment {
    pub id: u64,
    pub sha: String,
    pub reference: String,
    pub environment: String,
    pub description: Option<String>,
    pub creator: String,
    pub at: String,
    pub statuses: Vec<DeploymentStatus>,
}

#[derive(Debug, Clone)]
pub(super) struct DeploymentStatus {
    pub id: u64,
    pub state: String,
    pub description: String,
    pub log_url: Option<String>,
    pub creator: String,
    pub at: String,
}
