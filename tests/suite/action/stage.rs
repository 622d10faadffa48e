//! GitHub on one side, its runner on the other: whatever starts a workflow on GitHub starts one here.
//!
//! It plays what GitHub itself decides: whether the event is one that the workflow asks for, from which commit the workflow
//! is taken, and what `GITHUB_SHA` and `GITHUB_REF` are. The rest is `act`'s and the action's own.

use mergeline_lab::stub::Stub;
use mergeline_lab::{Act, GitHub, Job, JobRun, Started, needs};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(super) const SHOP: &str = "acme/shop";
const WORKFLOW: &str = ".github/workflows/mergeline.yml";
const ZERO: &str = "0000000000000000000000000000000000000000";

/// A repository on GitHub, a person's clone of it, and the runner.
pub(super) struct Stage {
    pub(super) stub: Stub<GitHub>,
    act: &'static Act,
    folder: tempfile::TempDir,
    runs: u64,
}

/// A run of the workflow, and the event that it was about.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) event: String,
    pub(super) job: JobRun,
}

impl Ran {
    #[track_caller]
    pub(super) fn went_well(self) -> Self {
        assert!(self.job.success, "{}:\n{}", self.event, self.job.log);
        self
    }

    #[track_caller]
    pub(super) fn failed(self) -> Self {
        assert!(!self.job.success, "{}:\n{}", self.event, self.job.log);
        self
    }
}

impl Stage {
    /// A shop of plain manifests over three environments, with what `mergeline init` writes; nothing is pushed yet.
    pub(super) fn set() -> Option<Self> {
        let (stub, act) = (GitHub::start()?, needs::act()?);
        let github = stub.service();
        github.create_repository(SHOP, &[("ada", "write"), ("grace", "maintain"), ("eve", "read")]);
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        let copy = |from: PathBuf, to: &str| {
            let to = folder.path().join(to);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(&from, &to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        };
        for file in ["action.yml", "action.sh", "release/checksums.txt"] {
            copy(source.join(file), &format!("mergeline/{file}"));
        }
        copy(source.join("tests/lab/gitea/checkout/v7/action.yml"), "checkout/action.yml");
        let stage = Self { stub, act, folder, runs: 0 };
        stage.git(&["init", "--quiet", "--initial-branch", "main", "."]);
        let url = stage.stub.service().clone_url(SHOP);
        stage.git(&["remote", "add", "origin", &url]);
        for environment in ["dev", "staging", "prod"] {
            stage.write(&format!("apps/web/overlays/{environment}/web.yaml"), &web(environment, "1.27.0", "2"));
        }
        let said = Command::new(env!("CARGO_BIN_EXE_mergeline"))
            .args(["init", "--host", "github"])
            .current_dir(stage.clone())
            .output()
            .unwrap();
        assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
        Some(stage)
    }

    pub(super) fn github(&self) -> &GitHub {
        self.stub.service()
    }

    pub(super) fn clone(&self) -> PathBuf {
        let path = self.folder.path().join("clone");
        fs::create_dir_all(&path).unwrap();
        path
    }

    pub(super) fn write(&self, file: &str, text: &str) {
        let path = self.clone().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// The web application in every environment.
    pub(super) fn write_web(&self, tag: &str, replicas: &str) {
        for environment in ["dev", "staging", "prod"] {
            self.write(&format!("apps/web/overlays/{environment}/web.yaml"), &web(environment, tag, replicas));
        }
    }

    #[track_caller]
    pub(super) fn git(&self, arguments: &[&str]) -> String {
        git(&self.clone(), arguments)
    }

    /// Commits everything and pushes it as Ada.
    pub(super) fn push(&self, branch: &str, message: &str) -> String {
        self.push_to(SHOP, "ada", branch, message)
    }

    /// Commits everything and pushes it as somebody to their repository.
    pub(super) fn push_to(&self, repository: &str, login: &str, branch: &str, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        let token = self.github().person_token(login);
        let url = self.github().clone_url(repository).replace("://", &format!("://x-access-token:{token}@"));
        self.git(&["push", "--quiet", "--force", &url, &format!("HEAD:refs/heads/{branch}")]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub(super) fn head(&self, branch: &str) -> Option<String> {
        mergeline_lab::stub::references(&self.github().bare_path(SHOP)).get(&format!("refs/heads/{branch}")).cloned()
    }

    /// A file of a branch's head.
    pub(super) fn file(&self, branch: &str, path: &str) -> Option<String> {
        show(&self.github().bare_path(SHOP), &format!("refs/heads/{branch}"), path)
    }

    /// What an environment's cluster has.
    pub(super) fn cluster(&self, environment: &str) -> String {
        fs::read_to_string(self.folder.path().join(format!("{environment}.json"))).unwrap_or_default()
    }

    /// The newest status of a context on a commit, if it is of the job's own identity.
    pub(super) fn status(&self, commit: &str, context: &str) -> Option<String> {
        let statuses = self.github().statuses(SHOP, commit);
        let newest = statuses.into_iter().rev().find(|(name, _, _)| name == context)?;
        assert_eq!(newest.2, "github-actions[bot]");
        Some(newest.1)
    }

    /// The open promotion pull request into an environment's branch, if there is one.
    pub(super) fn promotion(&self, environment: &str) -> Option<u64> {
        let branch = format!("refs/heads/mergeline/promote/{environment}");
        let head = mergeline_lab::stub::references(&self.github().bare_path(SHOP)).get(&branch).cloned()?;
        let references = mergeline_lab::stub::references(&self.github().bare_path(SHOP));
        let mut numbers: Vec<u64> = references
            .iter()
            .filter(|(_, commit)| **commit == head)
            .filter_map(|(name, _)| name.strip_prefix("refs/pull/")?.strip_suffix("/head")?.parse().ok())
            .collect();
        numbers.sort_unstable();
        numbers.pop()
    }

    /// Runs the workflow for everything that happened since the last time, until nothing starts any more.
    pub(super) fn run(&mut self) -> Vec<Ran> {
        let mut ran = Vec::new();
        loop {
            let started = self.github().started();
            if started.is_empty() {
                return ran;
            }
            for event in started.iter().filter(|event| event.repository == SHOP) {
                let payload = self.github().payload(event);
                ran.extend(self.run_for(event, payload));
            }
        }
    }

    /// What an event that comes by itself starts: `schedule`, `workflow_dispatch`.
    pub(super) fn run_by_itself(&mut self, event: &str, payload: &Value) -> Ran {
        let (commit, text) = self.default_branch();
        let token = self.github().job_token(SHOP);
        self.job(event, payload, &text, (&commit, "refs/heads/main"), &token, "ada")
    }

    fn default_branch(&self) -> (String, String) {
        let commit = self.head("main").expect("there is a default branch");
        let text = self.file("main", WORKFLOW).expect("there is a workflow");
        (commit, text)
    }

    /// What GitHub starts for an event: nothing, or a run of the workflow in the commit that counts for it.
    fn run_for(&mut self, event: &Started, mut payload: Value) -> Option<Ran> {
        let bare = self.github().bare_path(SHOP);
        let own = self.github().job_token(SHOP);
        match (event.event.as_str(), event.action.as_str()) {
            ("push", _) => {
                // The workflow of the pushed commit; the filter of branches is in it.
                let text = show(&bare, &event.sha, WORKFLOW)?;
                let branch = event.reference.strip_prefix("refs/heads/")?;
                asks_for_push(&text, branch)
                    .then(|| self.job("push", &payload, &text, (&event.sha, &event.reference), &own, &event.actor))
            }
            ("pull_request", "closed") => {
                // `pull_request_target` is the default branch's, whichever branch the pull request goes to.
                let (commit, text) = self.default_branch();
                text.contains("pull_request_target: {types: [closed]}").then(|| {
                    let at = (commit.as_str(), "refs/heads/main");
                    self.job("pull_request_target", &payload, &text, at, &own, &event.actor)
                })
            }
            ("pull_request", "opened" | "synchronize" | "reopened") => {
                let base = payload["pull_request"]["base"]["ref"].as_str()?.to_owned();
                let test = test_merge(&bare, &base, &event.sha, event.number)?;
                payload["pull_request"]["merge_commit_sha"] = json!(test);
                let text = show(&bare, &test, WORKFLOW)?;
                let fork = payload.pointer("/pull_request/head/repo/full_name") != Some(&json!(SHOP));
                let token = if fork { self.github().read_only_job_token(SHOP) } else { own };
                let at = (test.as_str(), format!("refs/pull/{}/merge", event.number));
                Some(self.job("pull_request", &payload, &text, (at.0, &at.1), &token, &event.actor))
            }
            ("issue_comment", "created") => {
                let (commit, text) = self.default_branch();
                let at = (commit.as_str(), "refs/heads/main");
                Some(self.job("issue_comment", &payload, &text, at, &own, &event.actor))
            }
            _ => None,
        }
    }

    fn job(
        &mut self,
        event: &str,
        payload: &Value,
        workflow: &str,
        (commit, reference): (&str, &str),
        token: &str,
        actor: &str,
    ) -> Ran {
        self.runs += 1;
        let kubeconfigs = ["dev", "staging", "prod"].map(|environment| {
            let place = self.folder.path().join(format!("{environment}.json"));
            (format!("{}_KUBECONFIG", environment.to_uppercase()), kubeconfig(&place))
        });
        let secrets: Vec<(&str, &str)> =
            kubeconfigs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let (checkout, action) = (self.folder.path().join("checkout"), self.folder.path().join("mergeline"));
        // A fork's job has no secrets.
        let fork = payload.pointer("/pull_request/head/repo/full_name").is_some_and(|name| name != SHOP);
        let job = self.act.run(&Job {
            workflow,
            event,
            payload,
            commit,
            reference,
            repository: SHOP,
            actor,
            server_url: &self.stub.url(),
            api_url: &self.stub.api_url(),
            run: self.runs,
            token,
            secrets: if fork { &[] } else { &secrets },
            variables: &[("MERGELINE_BINARY", env!("CARGO_BIN_EXE_mergeline"))],
            actions: &[("actions/checkout@v7", &checkout), ("mergeline/mergeline@v1", &action)],
        });
        Ran { event: event.to_owned(), job: job.unwrap() }
    }
}

fn web(environment: &str, tag: &str, replicas: &str) -> String {
    format!(
        "apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: shop-{environment}}}
spec:
  replicas: {replicas}
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      containers:
        - {{name: web, image: \"registry.example.com/shop/web:{tag}\"}}
---
apiVersion: v1
kind: Namespace
metadata: {{name: shop-{environment}}}
"
    )
}

/// A kubeconfig of an embedded cluster.
fn kubeconfig(place: &Path) -> String {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "it",
        "contexts": [{"name": "it", "context": {"cluster": "it", "user": "it"}}],
        "clusters": [{"name": "it", "cluster": {"server": format!("memory://{}", place.display())}}],
        "users": [{"name": "it", "user": {}}],
    })
    .to_string()
}

fn asks_for_push(workflow: &str, branch: &str) -> bool {
    let line = workflow.lines().find_map(|line| line.trim().strip_prefix("push: {branches: [")).unwrap_or_default();
    let patterns = line.trim_end_matches("]}").split(", ").map(|pattern| pattern.trim_matches('"'));
    patterns.into_iter().any(|pattern| match pattern.strip_suffix("**") {
        Some(prefix) => branch.starts_with(prefix),
        None => branch == pattern,
    })
}

/// The commit that GitHub makes of a pull request to test: never the head.
fn test_merge(bare: &Path, base: &str, head: &str, number: u64) -> Option<String> {
    let base = git(bare, &["rev-parse", &format!("refs/heads/{base}")]);
    let merged = mergeline_lab::git(bare).args(["merge-tree", "--write-tree", &base, head]).output().ok()?;
    if !merged.status.success() {
        return None;
    }
    let tree = String::from_utf8(merged.stdout).ok()?.lines().next()?.to_owned();
    let commit = git(bare, &["commit-tree", &tree, "-p", &base, "-p", head, "-m", "Merge"]);
    git(bare, &["update-ref", &format!("refs/pull/{number}/merge"), &commit]);
    Some(commit)
}

fn show(bare: &Path, revision: &str, path: &str) -> Option<String> {
    if revision == ZERO {
        return None;
    }
    let shown = mergeline_lab::git(bare).args(["show", &format!("{revision}:{path}")]).output().ok()?;
    shown.status.success().then(|| String::from_utf8_lossy(&shown.stdout).into_owned())
}

#[track_caller]
fn git(folder: &Path, arguments: &[&str]) -> String {
    let ran = mergeline_lab::git(folder).args(arguments).output().unwrap();
    assert!(ran.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap().trim().to_owned()
}
