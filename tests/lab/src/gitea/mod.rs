//! The Git host: Gitea with its Actions runner, and what tests do with them.

mod client;
mod start;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use client::Client;
pub(crate) use start::start;

use crate::error::{Doing, LabError, LabResult};
use crate::process::{random_token, run};

/// A running Gitea and the ways into it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Gitea {
    /// `http://127.0.0.1:PORT`, without a slash at the end.
    pub url: String,
    /// The site administrator, who also owns the organisation.
    pub admin: User,
    /// A second person, without rights anywhere until a test gives some.
    pub second: User,
    /// A public organisation for repositories of tests and for our own action: `mergeline`.
    pub organisation: String,
    /// The file that jobs find in their variable `MERGELINE_BINARY`; see [`Gitea::set_job_binary`].
    pub job_binary: PathBuf,
}

/// A person on the Git host.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    /// The login name.
    pub name: String,
    /// The password, for the pages and for basic authentication.
    pub password: String,
    /// A token with all scopes.
    pub token: String,
}

/// Who made a commit, and when: fixed, so that the same fixture gives the same commit.
#[derive(Debug, Clone, Copy)]
pub struct Signature<'a> {
    /// The name.
    pub name: &'a str,
    /// The address.
    pub email: &'a str,
    /// Seconds since 1970, UTC.
    pub seconds: u64,
}

impl Default for Signature<'_> {
    fn default() -> Self {
        Self { name: "Lab", email: "lab@example.com", seconds: 1_700_000_000 }
    }
}

/// One run of a workflow, with what its jobs wrote.
#[derive(Debug, Clone)]
pub struct Run {
    /// The run as the API gives it: `id`, `event`, `status`, `conclusion`, `head_sha`, `path`, ….
    pub value: Value,
    /// Job name and log, in the API's order.
    pub logs: Vec<(String, String)>,
}

impl Run {
    /// `success`, `failure`, `cancelled`, `skipped`.
    #[must_use]
    pub fn conclusion(&self) -> &str {
        self.value["conclusion"].as_str().unwrap_or_default()
    }

    /// All logs, one after the other.
    #[must_use]
    pub fn log(&self) -> String {
        self.logs.iter().map(|(job, log)| format!("== {job}\n{log}\n")).collect()
    }
}

impl Gitea {
    /// A client that acts as the site administrator.
    #[must_use]
    pub fn as_admin(&self) -> Client {
        Client::new(&self.url, &self.admin.token)
    }

    /// A client that acts as the second person.
    #[must_use]
    pub fn as_second(&self) -> Client {
        Client::new(&self.url, &self.second.token)
    }

    /// A client that acts as whoever holds `token`.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Client {
        Client::new(&self.url, token)
    }

    /// Creates a person with a token of all scopes.
    ///
    /// # Errors
    /// When Gitea refuses.
    pub fn create_user(&self, name: &str) -> LabResult<User> {
        let password = random_token()?;
        let user = json!({
            "username": name, "password": password, "email": format!("{name}@example.com"), "must_change_password": false,
        });
        self.as_admin().expect("POST", "/admin/users", Some(&user))?;
        let basic = Client::with_password(&self.url, name, &password);
        let answer =
            basic.expect("POST", &format!("/users/{name}/tokens"), Some(&json!({"name": "lab", "scopes": ["all"]})))?;
        let token = answer["sha1"].as_str().unwrap_or_default().to_owned();
        Ok(User { name: name.to_owned(), password, token })
    }

    /// Creates a token of `user` that may do no more than `scopes` say (`read:repository`, …).
    ///
    /// # Errors
    /// When Gitea refuses.
    pub fn create_token(&self, user: &User, scopes: &[&str]) -> LabResult<String> {
        let basic = Client::with_password(&self.url, &user.name, &user.password);
        let token = json!({"name": random_token()?, "scopes": scopes});
        let answer = basic.expect("POST", &format!("/users/{}/tokens", user.name), Some(&token))?;
        Ok(answer["sha1"].as_str().unwrap_or_default().to_owned())
    }

    /// Creates an empty public repository in the organisation, its name starting with `prefix` and unlike any other; gives `owner/name`.
    ///
    /// # Errors
    /// When Gitea refuses.
    pub fn create_repository(&self, prefix: &str) -> LabResult<String> {
        let name = format!("{prefix}-{}", &random_token()?[..8]);
        self.create_repository_named(&self.organisation, &name)
    }

    /// Creates the empty public repository `owner/name` of an organisation; gives that name.
    ///
    /// # Errors
    /// When Gitea refuses, for instance because it exists.
    pub fn create_repository_named(&self, owner: &str, name: &str) -> LabResult<String> {
        let repository = json!({"name": name, "default_branch": "main", "private": false});
        self.as_admin().expect("POST", &format!("/orgs/{owner}/repos"), Some(&repository))?;
        Ok(format!("{owner}/{name}"))
    }

    /// The HTTP address of a repository, without credentials.
    #[must_use]
    pub fn clone_url(&self, repository: &str) -> String {
        format!("{}/{repository}.git", self.url)
    }

    /// The setting that makes git authenticate as whoever holds `token`: `git -c SETTING …`.
    #[must_use]
    pub fn git_credentials(&self, token: &str) -> String {
        use base64::Engine as _;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("x-access-token:{token}"));
        format!("http.{}/.extraHeader=Authorization: Basic {pair}", self.url)
    }

    /// Runs git in `folder`, as the administrator where it talks to this host, and without anybody's own settings.
    ///
    /// # Errors
    /// When git does not succeed.
    pub fn git(&self, folder: &Path, arguments: &[&str]) -> LabResult<String> {
        let mut git = git(folder, Signature::default());
        git.arg("-c").arg(self.git_credentials(&self.admin.token)).args(arguments);
        run(&mut git, &format!("run `git {}`", arguments.join(" ")))
    }

    /// Pushes `references` (`main`, `HEAD:refs/heads/x`, …) of the repository in `folder`, bare or not, as the administrator.
    ///
    /// # Errors
    /// When git or the host refuses.
    pub fn push(&self, folder: &Path, repository: &str, references: &[&str]) -> LabResult<()> {
        let url = self.clone_url(repository);
        let mut arguments = vec!["push", "--quiet", &url];
        arguments.extend(references);
        self.git(folder, &arguments)?;
        // Gitea answers the push first and takes note of it afterwards: until then the repository refuses pull requests as empty.
        self.wait_for(&format!("/repos/{repository}"), |answer| answer["empty"] == false)
    }

    /// Commits everything in `folder` (made a repository when it is none) on the current branch and pushes it to `branch`; gives the commit.
    ///
    /// # Errors
    /// When there is nothing to commit, or git or the host refuses.
    pub fn push_folder(&self, folder: &Path, repository: &str, branch: &str, message: &str) -> LabResult<String> {
        if !folder.join(".git").exists() {
            self.git(folder, &["init", "--quiet", "--initial-branch=main"])?;
        }
        self.git(folder, &["add", "--all"])?;
        self.git(folder, &["commit", "--quiet", "--message", message])?;
        self.push(folder, repository, &[&format!("HEAD:refs/heads/{branch}")])?;
        let commit = self.git(folder, &["rev-parse", "HEAD"])?.trim().to_owned();
        self.wait_for(&format!("/repos/{repository}/branches/{branch}"), |answer| {
            answer["commit"]["id"] == commit.as_str()
        })?;
        Ok(commit)
    }

    /// Asks until the answer is as wanted, for what Gitea does after it has answered.
    fn wait_for(&self, path: &str, wanted: impl Fn(&Value) -> bool) -> LabResult<()> {
        let (client, start) = (self.as_admin(), Instant::now());
        loop {
            let (status, answer) = client.api("GET", path, None)?;
            if wanted(&answer) {
                return Ok(());
            }
            if start.elapsed() > Duration::from_secs(20) {
                return Err(LabError::new(format!("GET {path} is not as wanted after 20 s: {status} {answer}")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sets an Actions secret of a repository.
    ///
    /// # Errors
    /// When Gitea refuses.
    pub fn set_secret(&self, repository: &str, name: &str, value: &str) -> LabResult<()> {
        let path = format!("/repos/{repository}/actions/secrets/{name}");
        self.as_admin().expect("PUT", &path, Some(&json!({"data": value}))).map(drop)
    }

    /// Starts the workflow file `workflow` (`ci.yml`) by a `workflow_dispatch` event on `branch`.
    ///
    /// # Errors
    /// When Gitea refuses.
    pub fn dispatch(&self, repository: &str, workflow: &str, branch: &str, inputs: &Value) -> LabResult<()> {
        let path = format!("/repos/{repository}/actions/workflows/{workflow}/dispatches");
        self.as_admin().expect("POST", &path, Some(&json!({"ref": branch, "inputs": inputs}))).map(drop)
    }

    /// The runs of a repository's workflows, newest first, as the API gives them.
    ///
    /// # Errors
    /// When Gitea refuses.
    pub fn runs(&self, repository: &str) -> LabResult<Vec<Value>> {
        let mut answer = self.as_admin().expect("GET", &format!("/repos/{repository}/actions/runs?limit=50"), None)?;
        Ok(answer["workflow_runs"].as_array_mut().map(std::mem::take).unwrap_or_default())
    }

    /// Waits until a run that `wanted` recognises is finished, and gives it with its logs.
    ///
    /// # Errors
    /// When there is none, or it is not finished, after `limit`; the message lists the runs that there are.
    pub fn wait_for_run(&self, repository: &str, limit: Duration, wanted: impl Fn(&Value) -> bool) -> LabResult<Run> {
        let start = Instant::now();
        loop {
            let runs = self.runs(repository)?;
            if let Some(run) = runs.iter().find(|run| wanted(run) && is_finished(run)) {
                return self.with_logs(repository, run);
            }
            if start.elapsed() > limit {
                let seen: Vec<_> =
                    runs.iter().map(|run| format!("{} {} {}", run["event"], run["status"], run["head_sha"])).collect();
                return Err(LabError::new(format!(
                    "no finished run in `{repository}` as wanted after {} s; there are: [{}]",
                    limit.as_secs(),
                    seen.join(", ")
                )));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Waits until a repository has had no run that waits or runs for a second, and gives all its runs, newest first.
    ///
    /// Gitea makes a run for an event after it has answered the request, so one look alone would come too early.
    ///
    /// # Errors
    /// When it is not quiet after `limit`.
    pub fn wait_until_quiet(&self, repository: &str, limit: Duration) -> LabResult<Vec<Value>> {
        let start = Instant::now();
        let mut quiet_since: Option<(Instant, usize)> = None;
        loop {
            let runs = self.runs(repository)?;
            if !runs.iter().all(is_finished) {
                quiet_since = None;
            } else if let Some((since, count)) = quiet_since.filter(|(_, count)| *count == runs.len()) {
                if since.elapsed() > Duration::from_secs(1) {
                    return Ok(runs);
                }
                quiet_since = Some((since, count));
            } else {
                quiet_since = Some((Instant::now(), runs.len()));
            }
            if start.elapsed() > limit {
                return Err(LabError::new(format!(
                    "`{repository}` still has runs that are not finished after {} s",
                    limit.as_secs()
                )));
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// The log of one job.
    ///
    /// # Errors
    /// When Gitea has none.
    pub fn job_log(&self, repository: &str, job: &Value) -> LabResult<String> {
        self.as_admin().text(&format!("/repos/{repository}/actions/jobs/{}/logs", job["id"]))
    }

    fn with_logs(&self, repository: &str, run: &Value) -> LabResult<Run> {
        let path = format!("/repos/{repository}/actions/runs/{}/jobs", run["id"]);
        let jobs = self.as_admin().expect("GET", &path, None)?;
        let mut logs = Vec::new();
        for job in jobs["jobs"].as_array().into_iter().flatten() {
            let name = job["name"].as_str().unwrap_or_default().to_owned();
            let log = if job["conclusion"] == "skipped" { String::new() } else { self.job_log(repository, job)? };
            logs.push((name, log));
        }
        Ok(Run { value: run.clone(), logs })
    }

    /// Lets the jobs of this lab's runner find `binary` under the path in their variable `MERGELINE_BINARY`.
    ///
    /// The runner starts before `cargo test` has built anything, so the variable holds a link that this sets. Setting it again, also
    /// from several tests at once, is fine.
    ///
    /// # Errors
    /// When the link cannot be made.
    pub fn set_job_binary(&self, binary: &Path) -> LabResult<()> {
        let binary = binary.canonicalize().doing(|| format!("find `{}`", binary.display()))?;
        let fresh = self.job_binary.with_extension(&random_token()?[..8]);
        std::os::unix::fs::symlink(&binary, &fresh)
            .and_then(|()| std::fs::rename(&fresh, &self.job_binary))
            .doing(|| format!("link `{}` to `{}`", self.job_binary.display(), binary.display()))
    }
}

fn is_finished(run: &Value) -> bool {
    run["status"] == "completed"
}

/// git in `folder` with a fixed identity and time, no settings of the machine, no prompt.
pub(crate) fn git(folder: &Path, who: Signature<'_>) -> Command {
    let mut git = crate::git(folder);
    let date = format!("{} +0000", who.seconds);
    for role in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{role}_NAME"), who.name)
            .env(format!("GIT_{role}_EMAIL"), who.email)
            .env(format!("GIT_{role}_DATE"), &date);
    }
    git
}
