//! A pipeline as GitLab would start it, run by `gitlab-ci-local`: the checkout of a runner, and the predefined variables of
//! each cause (<https://docs.gitlab.com/ci/variables/predefined_variables/>).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Server;
use super::git;
use super::state::Account;
use crate::process::loopback_command;

/// Why a pipeline starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause<'a> {
    /// A push to a branch.
    Push(&'a str),
    /// A tag was pushed on the default branch's head.
    Tag(&'a str),
    /// A schedule on the default branch.
    Schedule,
    /// Somebody pressed "Run pipeline" on the default branch.
    Web,
    /// A merge request changed.
    MergeRequest(u64),
    /// A merge request changed, in a project with merged results pipelines.
    MergedResult(u64),
    /// A merge request of a fork changed: the pipeline runs in the fork.
    InFork(u64, &'a str),
}

/// A job that is about to run: the checkout of a runner, and the variables that it is told.
#[derive(Debug)]
pub struct Prepared {
    folder: tempfile::TempDir,
    /// The checkout.
    pub checkout: PathBuf,
    /// Predefined variables, and those of the project's settings.
    pub variables: BTreeMap<String, String>,
}

impl Prepared {
    /// The home folder of the job's account.
    #[must_use]
    pub fn home(&self) -> &Path {
        self.folder.path()
    }

    /// Adds variables of the project's settings.
    #[must_use]
    pub fn with(mut self, variables: &[(&str, &str)]) -> Self {
        self.variables.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        self
    }

    /// Runs the pipeline's jobs, as far as their rules let any run.
    ///
    /// # Panics
    /// When the runner cannot be started.
    #[must_use]
    pub fn run(self, runner: &Path) -> Job {
        let mut command = loopback_command(runner);
        command.current_dir(&self.checkout).env("HOME", self.home()).env("GIT_CONFIG_NOSYSTEM", "1");
        command.args(["--force-shell-executor", "--no-color", "--max-job-name-padding=0", "--home"]).arg(self.home());
        for name in ["CI_COMMIT_BRANCH", "CI_COMMIT_TAG"].into_iter().filter(|it| !self.variables.contains_key(*it)) {
            command.args(["--unset-variable", name]);
        }
        for (name, value) in &self.variables {
            command.arg("--variable").arg(format!("{name}={value}"));
        }
        let output = command.output().unwrap_or_else(|error| panic!("cannot run {}: {error}", runner.display()));
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let log = text(&output.stdout) + &text(&output.stderr);
        Job { prepared: self, passed: output.status.success(), log }
    }
}

/// What came of a pipeline.
#[derive(Debug)]
pub struct Job {
    prepared: Prepared,
    /// Says whether every job passed.
    pub passed: bool,
    /// The log of the jobs.
    pub log: String,
}

impl Job {
    /// A file that the job left as an artifact.
    #[must_use]
    pub fn artifact(&self, path: &str) -> Option<String> {
        std::fs::read_to_string(self.prepared.checkout.join(path)).ok()
    }
}

impl Server {
    /// Starts the pipeline that GitLab would start for `cause`.
    ///
    /// # Panics
    /// When there is no such branch, or git cannot clone.
    pub fn prepare(&self, project: &str, by: &Account, cause: Cause<'_>) -> Prepared {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("no folder: {error}"));
        let mut variables = self.told(project, by, cause);
        let home = variables["CI_PROJECT_PATH"].clone();
        let checkout = self.checkout(folder.path(), &home, &variables);
        let (sha, reference) = (&variables["CI_COMMIT_SHA"], &variables["CI_COMMIT_REF_NAME"]);
        let pipeline = self.start_pipeline(by, &home, sha, reference, &["mergeline"]);
        variables.insert("CI_PIPELINE_ID".into(), pipeline.to_string());
        Prepared { folder, checkout, variables }
    }

    /// The predefined variables.
    fn told(&self, project: &str, by: &Account, cause: Cause<'_>) -> BTreeMap<String, String> {
        let mut told = BTreeMap::new();
        let mut tell = |name: &str, value: &str| drop(told.insert(name.to_owned(), value.to_owned()));
        let home = if let Cause::InFork(_, fork) = cause { fork } else { project };
        let folder = self.folder(home);
        let fqdn = self.root.trim_start_matches("http://").split('/').next().unwrap_or_default().to_owned();
        for (name, value) in [
            ("GITLAB_CI", "true"),
            ("CI_SERVER_URL", &self.root),
            ("CI_SERVER_FQDN", &fqdn),
            ("CI_API_V4_URL", &format!("{}/api/v4", self.root)),
            ("CI_PROJECT_PATH", home),
            ("CI_PROJECT_ID", &self.project_id(home).to_string()),
            ("CI_PROJECT_URL", &format!("{}/{home}", self.root)),
            ("CI_DEFAULT_BRANCH", "main"),
            ("CI_JOB_TOKEN", &self.create_job_token(home, by)),
            ("CI_JOB_URL", &format!("{}/{home}/-/jobs/5", self.root)),
            ("GITLAB_USER_LOGIN", &by.username),
        ] {
            tell(name, value);
        }
        let (source, branch) = match cause {
            Cause::Push(branch) => ("push", branch),
            Cause::Tag(tag) => {
                tell("CI_COMMIT_TAG", tag);
                tell("CI_COMMIT_REF_NAME", tag);
                ("push", "main")
            }
            Cause::Schedule => ("schedule", "main"),
            Cause::Web => ("web", "main"),
            Cause::MergeRequest(iid) | Cause::MergedResult(iid) | Cause::InFork(iid, _) => {
                let sha = self.tell_request(project, iid, cause, &mut tell);
                tell("CI_COMMIT_SHA", &sha);
                return told;
            }
        };
        tell("CI_PIPELINE_SOURCE", source);
        tell("CI_COMMIT_SHA", &git::head(&folder, branch).unwrap_or_else(|| panic!("no branch {branch}")));
        if !matches!(cause, Cause::Tag(_)) {
            tell("CI_COMMIT_BRANCH", branch);
            tell("CI_COMMIT_REF_NAME", branch);
        }
        told
    }

    /// The variables of a merge request; gives the commit that the pipeline is of.
    fn tell_request(&self, project: &str, iid: u64, cause: Cause<'_>, tell: &mut impl FnMut(&str, &str)) -> String {
        let mut state = self.state();
        let id = state.project(project).id.to_string();
        let folder = state.project(project).folder.clone();
        let request = state.project(project).request(iid).clone();
        let merged = matches!(cause, Cause::MergedResult(_));
        let reference = format!("refs/merge-requests/{iid}/{}", if merged { "merge" } else { "head" });
        let sha = if merged {
            git::test_merge(&folder, &request.target_branch, &request.sha, &reference)
                .unwrap_or_else(|| panic!("!{iid} conflicts"))
        } else {
            request.sha.clone()
        };
        for (name, value) in [
            ("CI_PIPELINE_SOURCE", "merge_request_event"),
            ("CI_COMMIT_REF_NAME", &reference),
            ("CI_MERGE_REQUEST_IID", &iid.to_string()),
            ("CI_MERGE_REQUEST_ID", &request.id.to_string()),
            ("CI_MERGE_REQUEST_EVENT_TYPE", if merged { "merged_result" } else { "detached" }),
            ("CI_MERGE_REQUEST_PROJECT_ID", &id),
            ("CI_MERGE_REQUEST_PROJECT_PATH", project),
            ("CI_MERGE_REQUEST_PROJECT_URL", &format!("{}/{project}", self.root)),
            ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", &request.source_project.to_string()),
            ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", &request.source_branch),
            ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", &request.target_branch),
            ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", if merged { &request.sha } else { "" }),
        ] {
            tell(name, value);
        }
        sha
    }

    /// A checkout as a runner makes it: shallow, no branch, and the job's token in the remote's address.
    fn checkout(&self, folder: &Path, home: &str, told: &BTreeMap<String, String>) -> PathBuf {
        let work = folder.join("work");
        let url = self.clone_url(home, None);
        let url = url.replacen("http://", &format!("http://gitlab-ci-token:{}@", told["CI_JOB_TOKEN"]), 1);
        let git = |arguments: &[&str]| {
            let mut command = Command::new("git");
            command.current_dir(&work).args(arguments).env("HOME", folder).env("GIT_CONFIG_NOSYSTEM", "1");
            let done = command.env("GIT_TERMINAL_PROMPT", "0").status();
            assert!(done.is_ok_and(|status| status.success()), "git {arguments:?}");
        };
        std::fs::create_dir_all(&work).unwrap_or_else(|error| panic!("no folder: {error}"));
        git(&["init", "--quiet"]);
        git(&["remote", "add", "origin", &url]);
        git(&["fetch", "--quiet", "--depth=20", "--no-tags", "origin", &told["CI_COMMIT_SHA"]]);
        git(&["checkout", "--quiet", "--detach", "FETCH_HEAD"]);
        work
    }
}
