//! A shop on a Git host, and the binary run in a clone of it with a token that must appear nowhere.

use super::place::{Said, run};
use crate::git::sandbox::{Checkout, Sandbox};
use mergeline::host::local::Proposal;
use mergeline::host::{LocalHost, PullRequest};
use serde_json::json;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What every run is given as its token, and no run may say.
pub(super) const TOKEN: &str = "planted0123456789planted0123456789planted";

/// Applied straight from the default branch.
pub(super) const DIRECT: &str =
    "version: 1\nenvironments:\n  dev: {source: web, cluster: {kubeconfig: {env: DEV_KUBECONFIG}}}\n";

/// Two environments with branches; the second waits for a person.
pub(super) const BRANCHES: &str = "version: 1
environments:
  dev: {source: web, branch: env/dev}
  prod: {source: web, branch: env/prod, needs: [dev]}
";

const MAP: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: web}, data: {version: '1'}}\n";

/// A clone of a repository on a host.
pub(super) struct Hosted {
    sandbox: Sandbox,
    pub(super) clone: Checkout,
    pub(super) variables: BTreeMap<String, OsString>,
    secrets: Vec<String>,
}

impl Hosted {
    /// A clone of nothing yet.
    pub(super) fn new() -> Self {
        let sandbox = Sandbox::new();
        let clone = sandbox.repository("clone");
        let home = sandbox.path("home");
        std::fs::create_dir(&home).unwrap();
        let path = std::env::var_os("PATH").unwrap();
        let variables = [("PATH", path), ("HOME", home.into()), ("MERGELINE_TOKEN", TOKEN.into())];
        let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self { sandbox, clone, variables, secrets: vec![TOKEN.to_owned()] }
    }

    /// A clone of an empty repository on the embedded host.
    pub(super) fn empty() -> (Self, Local) {
        let hosted = Self::new();
        let host = LocalHost::create(hosted.path("host"), "acme/shop").unwrap();
        hosted.clone.git(&["remote", "add", "origin", host.repository_path().to_str().unwrap()]);
        (hosted, Local { host })
    }

    /// A clone of a shop on the embedded host, with this configuration pushed.
    pub(super) fn local(configuration: &str) -> (Self, Local) {
        let (hosted, local) = Self::empty();
        hosted.push("main", &[("mergeline.yaml", configuration), ("web/map.yaml", MAP)]);
        (hosted, local)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.sandbox.path(name)
    }

    pub(super) fn set(&mut self, name: &str, value: impl Into<OsString>) {
        self.variables.insert(name.to_owned(), value.into());
    }

    /// No run may say this.
    pub(super) fn keep_secret(&mut self, value: &str) {
        self.secrets.push(value.to_owned());
    }

    /// Commits files and pushes them.
    pub(super) fn push(&self, branch: &str, files: &[(&str, &str)]) -> String {
        for (path, text) in files {
            self.clone.write(path, text);
        }
        let commit = self.clone.commit("change");
        self.clone.git(&["push", "--quiet", "--force", "origin", &format!("HEAD:refs/heads/{branch}")]);
        commit.to_string()
    }

    /// Runs the binary twice, the second time telling everything: the token is in neither. Gives the first.
    #[track_caller]
    pub(super) fn run(&self, arguments: &[&str]) -> Said {
        let said = self.once(arguments);
        self.once(&[arguments, &["-vvv"]].concat());
        said
    }

    /// Runs the binary; no secret may be said.
    #[track_caller]
    pub(super) fn once(&self, arguments: &[&str]) -> Said {
        let variables: Vec<_> = self.variables.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        let said = run(&self.clone.path, arguments, "", &variables);
        for secret in &self.secrets {
            assert!(!said.all().contains(secret.as_str()), "{arguments:?} tells a secret:\n{}", said.all());
        }
        said
    }

    /// Makes the next runs jobs of a CI that set these variables; Gitea's with its own, as well.
    pub(super) fn as_job(&mut self, event: &str, payload: &str, repository: &str, url: &str) {
        let file = self.path("event.json");
        std::fs::write(&file, payload).unwrap();
        for name in ["GITHUB_ACTIONS", "GITEA_ACTIONS"] {
            self.set(name, "true");
        }
        self.set("GITHUB_EVENT_NAME", event);
        self.set("GITHUB_EVENT_PATH", file);
        self.set("GITHUB_API_URL", format!("{url}/api/v1"));
        self.set("GITHUB_SERVER_URL", url);
        self.set("GITHUB_REPOSITORY", repository);
        self.set("GITHUB_RUN_ID", "7");
    }
}

/// The embedded host.
pub(super) struct Local {
    pub(super) host: LocalHost,
}

impl Local {
    /// Every file of the host: branches, objects, pull requests, comments, statuses, deployments.
    pub(super) fn everything(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        collect(self.host.folder(), &mut files);
        files
    }

    /// A person opens a pull request for a branch.
    pub(super) fn open(&self, head: &str, fork: Option<&str>) -> PullRequest {
        let proposal = Proposal {
            head_branch: head.to_owned(),
            fork: fork.map(str::to_owned),
            base_branch: "main".to_owned(),
            title: "A change".to_owned(),
            body: String::new(),
        };
        self.host.open_pull_request(&proposal).unwrap()
    }
}

fn collect(folder: &Path, files: &mut BTreeMap<PathBuf, Vec<u8>>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.insert(path.clone(), std::fs::read(&path).unwrap());
        }
    }
}

/// The payload of a pull request's event as GitHub and Gitea send it.
pub(super) fn pull_request(
    action: &str,
    number: u64,
    head: &str,
    branch: &str,
    from: &str,
    repository: &str,
) -> String {
    json!({
        "action": action,
        "number": number,
        "pull_request": {
            "number": number,
            "merged": false,
            "head": {"sha": head, "ref": branch, "repo": {"full_name": from}},
            "base": {"ref": "main", "repo": {"full_name": repository}},
        },
    })
    .to_string()
}

/// A kubeconfig of one context.
pub(super) fn kubeconfig(server: &str, token: &str) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": {"server": server}}],
        "users": [{"name": "it", "user": {"token": token}}],
    })
    .to_string()
}
