//! A shop on the GitLab that the lab plays, set up by exactly the files that the README shows.

use crate::promote::stage::deployment;
use mergeline_lab::gitlab::{Account, Cause, DEVELOPER, Job, MAINTAINER, Prepared, REPORTER, Server};
use mergeline_lab::stub::Stub;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

pub(super) const PROJECT: &str = "acme/platform/shop";
const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "prod"];

pub(super) struct Shop {
    pub(super) stub: Stub<Server>,
    /// The bot of the project access token.
    pub(super) us: Account,
    /// A person who may write.
    pub(super) ada: Account,
    folder: TempDir,
}

/// A block of YAML in the README, by its first line.
pub(super) fn readme(first_line: &str) -> String {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    let start = format!("```yaml\n{first_line}\n");
    let (_, block) = text.split_once(&start).unwrap_or_else(|| panic!("the README has no block {first_line}"));
    block.split_once("```").unwrap().0.to_owned()
}

impl Shop {
    /// A private project in nested groups, with protected branches and two applications at version 1.
    pub(super) fn new(below: Option<&'static str>) -> Self {
        let stub = Server::start(below);
        let server = stub.service();
        server.create_project(PROJECT, false);
        let [us, ada] = ["project_7_bot", "ada"].map(|name| server.create_account(name));
        server.set_member(PROJECT, &us, MAINTAINER);
        server.set_member(PROJECT, &ada, DEVELOPER);
        server.protect(PROJECT, "env/*", DEVELOPER);
        let shop = Self { stub, us, ada, folder: tempfile::tempdir().unwrap() };
        for environment in ENVIRONMENTS {
            let cluster = shop.folder.path().canonicalize().unwrap().join(format!("{environment}.cluster.json"));
            let text = format!(
                "apiVersion: v1\nkind: Config\ncurrent-context: it\n\
                 contexts: [{{name: it, context: {{cluster: it, user: it}}}}]\n\
                 clusters: [{{name: it, cluster: {{server: \"memory://{}\"}}}}]\nusers: [{{name: it, user: {{}}}}]\n",
                cluster.display()
            );
            std::fs::write(shop.kubeconfig(environment), text).unwrap();
        }
        shop.publish_component();
        let mut files =
            vec![(".gitlab-ci.yml", readme("# .gitlab-ci.yml")), ("mergeline.yaml", readme("# mergeline.yaml"))];
        let apps: Vec<_> = ENVIRONMENTS.iter().flat_map(|it| ["web", "api"].map(|unit| app(unit, it, "1.0"))).collect();
        files.extend(apps.iter().map(|(path, text)| (path.as_str(), text.clone())));
        shop.commit("main", &files);
        shop
    }

    pub(super) fn server(&self) -> &Server {
        self.stub.service()
    }

    fn kubeconfig(&self, environment: &str) -> String {
        self.folder.path().join(format!("{environment}.kubeconfig")).display().to_string()
    }

    pub(super) fn cluster(&self, environment: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(format!("{environment}.cluster.json"))).unwrap_or_default()
    }

    /// This repository's component, released as `v1` in a public project of the same server.
    fn publish_component(&self) {
        let server = self.server();
        server.create_project("mergeline/mergeline", true);
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/mergeline.yml");
        let text = std::fs::read_to_string(template).unwrap();
        let work = self.work("component", &server.folder("mergeline/mergeline").display().to_string());
        write(&work, &[("templates/mergeline.yml", text)]);
        git(&work, &["commit", "--quiet", "--all", "--message", "Release"]);
        git(&work, &["push", "--quiet", "origin", "HEAD:refs/heads/main", "HEAD:refs/tags/v1"]);
    }

    fn work(&self, name: &str, remote: &str) -> std::path::PathBuf {
        let work = self.folder.path().join(name);
        if !work.is_dir() {
            git(self.folder.path(), &["init", "--quiet", "--initial-branch", "work", name]);
            git(&work, &["remote", "add", "origin", remote]);
        }
        work
    }

    /// Commits files to a branch as a person, on `main` where the branch is new; gives the commit.
    pub(super) fn commit(&self, branch: &str, files: &[(&str, String)]) -> String {
        let work = self.work("person", &self.server().clone_url(PROJECT, Some(&self.ada)));
        self.commit_in(&work, branch, files)
    }

    pub(super) fn commit_in(&self, work: &Path, branch: &str, files: &[(&str, String)]) -> String {
        git(work, &["fetch", "--quiet", "origin"]);
        for base in [branch, "main"] {
            if try_git(work, &["checkout", "--quiet", "--force", "-B", "work", &format!("origin/{base}")]).is_some() {
                break;
            }
        }
        write(work, files);
        git(work, &["commit", "--quiet", "--message", "Change"]);
        git(work, &["push", "--quiet", "origin", &format!("HEAD:refs/heads/{branch}")]);
        git(work, &["rev-parse", "HEAD"])
    }

    /// A merge request of ada's with these files; its number.
    pub(super) fn propose(&self, branch: &str, files: &[(&str, String)]) -> u64 {
        self.commit(branch, files);
        self.server().open_merge_request(&self.ada, (PROJECT, branch), (PROJECT, "main"))
    }

    /// A merge request of a stranger's fork; its number and the fork.
    pub(super) fn propose_from_fork(&self, files: &[(&str, String)]) -> (u64, String, Account) {
        let mallory = self.server().create_account("mallory");
        // Who forks a private project is let in to read it.
        self.server().set_member(PROJECT, &mallory, REPORTER);
        let fork = self.server().fork(PROJECT, &mallory);
        let work = self.work("fork", &self.server().clone_url(&fork, Some(&mallory)));
        self.commit_in(&work, "change", files);
        let iid = self.server().open_merge_request(&mallory, (&fork, "change"), (PROJECT, "main"));
        (iid, fork, mallory)
    }

    /// A file on a branch.
    pub(super) fn file(&self, branch: &str, path: &str) -> Option<String> {
        try_git(&self.server().folder(PROJECT), &["show", &format!("refs/heads/{branch}:{path}")])
    }

    pub(super) fn head(&self, branch: &str) -> String {
        git(&self.server().folder(PROJECT), &["rev-parse", &format!("refs/heads/{branch}")])
    }

    /// A pipeline with the project's settings: its token, its kubeconfigs, the binary under test.
    pub(super) fn prepare(&self, by: &Account, cause: Cause<'_>) -> Prepared {
        let kubeconfigs: Vec<_> =
            ENVIRONMENTS.iter().map(|it| (format!("{}_KUBECONFIG", it.to_uppercase()), self.kubeconfig(it))).collect();
        let mut variables =
            vec![("MERGELINE_TOKEN", self.us.token.as_str()), ("MERGELINE_BINARY", env!("CARGO_BIN_EXE_mergeline"))];
        variables.extend(kubeconfigs.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        self.server().prepare(PROJECT, by, cause).with(&variables)
    }

    /// Runs the component in a pipeline.
    pub(super) fn pipeline(&self, runner: &Path, cause: Cause<'_>) -> Job {
        self.prepare(&self.ada, cause).run(runner)
    }

    /// Runs the binary alone in a pipeline's job, everything logged.
    pub(super) fn job(&self, cause: Cause<'_>) -> Said {
        self.call(&self.prepare(&self.ada, cause), &["run"])
    }

    pub(super) fn call(&self, prepared: &Prepared, arguments: &[&str]) -> Said {
        let output = Command::new(env!("CARGO_BIN_EXE_mergeline"))
            .args(["-v", "-v"])
            .args(arguments)
            .current_dir(&prepared.checkout)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", prepared.home())
            .env("RUST_LOG", "trace")
            .envs(&prepared.variables)
            .output()
            .unwrap();
        Said::new(&output, &prepared.variables)
    }
}

/// What the binary said.
pub(super) struct Said {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Said {
    fn new(output: &Output, variables: &BTreeMap<String, String>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said =
            Self { code: output.status.code().unwrap_or(-1), out: text(&output.stdout), err: text(&output.stderr) };
        for name in ["MERGELINE_TOKEN", "CI_JOB_TOKEN"] {
            let token = variables.get(name).filter(|token| !token.is_empty());
            assert!(token.is_none_or(|token| !said.err.contains(token) && !said.out.contains(token)), "{name} leaked");
        }
        assert!(!said.err.contains("planted") && !said.out.contains("planted"), "a token leaked:\n{}", said.err);
        said
    }

    pub(super) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }
}

/// The manifest of an application in one environment: its path and text.
pub(super) fn app(unit: &str, environment: &str, version: &str) -> (String, String) {
    (format!("apps/{unit}/overlays/{environment}/all.yaml"), deployment(unit, version))
}

fn write(work: &Path, files: &[(&str, String)]) {
    for (path, text) in files {
        let path = work.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    git(work, &["add", "--all"]);
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    try_git(folder, arguments).unwrap_or_else(|| panic!("git {arguments:?} in {} failed", folder.display()))
}

fn try_git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = mergeline_lab::git(folder).args(arguments).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim_end().to_owned())
}
