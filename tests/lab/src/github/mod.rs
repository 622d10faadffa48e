//! GitHub, played on loopback: stateful, judged by its own OpenAPI description, and stricter than it looks.
//!
//! It keeps repositories (bare ones, served over git HTTP), pull requests that follow their branches, comments, statuses,
//! check runs, deployments, labels and rights. It pages (30), sends ETags and rate limit headers, answers `mergeable: null`
//! once after each push, merges the default branch into a deployment that does not forbid it, refuses more than 50
//! annotations a call, check runs by people's tokens, pull requests by jobs where a setting forbids them, and pushes that
//! touch `.github/workflows` with a job's token.
//!
//! Tests act as people through the methods of [`GitHub`]; [`GitHub::started`] lists the workflow events that would start a
//! run, which nothing made with a job's token is.
//!
//! ```no_run
//! # fn test() {
//! let Some(stub) = mergeline_lab::GitHub::start() else { return };
//! let github = stub.service();
//! github.create_repository("acme/shop", &[("ada", "write")]);
//! let token = github.job_token("acme/shop");   // or person_token("ada"), app_token("promoter")
//! # let _ = (stub.api_url(), stub.url(), token);
//! # }
//! ```

mod answers;
mod api;
mod people;
mod repository;
mod reviews;
mod world;

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::stub::{Answer, Push, Request, Service, Stub, create_repository};
use world::{Account, World};

pub use people::Started;

/// A GitHub with accounts and repositories.
#[derive(Debug)]
pub struct GitHub {
    /// `http://127.0.0.1:PORT`.
    url: String,
    folder: tempfile::TempDir,
    world: Mutex<World>,
}

impl GitHub {
    /// Starts one; nothing where its description is not in the cache, after the skip was announced.
    ///
    /// # Panics
    /// When there is no description and the parts are required, or no place for temporary files.
    #[must_use]
    pub fn start() -> Option<Stub<Self>> {
        let description = crate::needs::description("github-api")?;
        Some(Stub::start(Some(description), |url| Self {
            url: url.to_owned(),
            folder: tempfile::tempdir().unwrap_or_else(|error| panic!("no place for repositories: {error}")),
            world: Mutex::default(),
        }))
    }

    fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a repository is cloned from, over HTTP.
    #[must_use]
    pub fn clone_url(&self, repository: &str) -> String {
        format!("{}/{repository}.git", self.url)
    }

    /// Where the bare repository is on disk.
    #[must_use]
    pub fn bare_path(&self, repository: &str) -> PathBuf {
        self.folder.path().join(repository.replace('/', "+"))
    }

    fn make_bare(&self, repository: &str) -> PathBuf {
        let path = self.bare_path(repository);
        create_repository(&path);
        path
    }
}

impl Service for GitHub {
    fn api(&self) -> &'static str {
        "/api/v3"
    }

    fn graphql(&self) -> Option<&'static str> {
        Some("/api/graphql")
    }

    fn call(&self, request: &Request) -> Answer {
        if request.header("user-agent").is_none() {
            return Answer::text(
                403,
                "Request forbidden by administrative rules. Please make sure your request has a User-Agent header",
            );
        }
        let mut world = self.world();
        let account = match request.token() {
            None => None,
            Some(token) => match world.tokens.get(&token) {
                None => return answers::refusal(401, "Bad credentials"),
                Some(account) => Some(account.clone()),
            },
        };
        let answer = world.answer(self, account.as_ref(), request);
        let left = 4999 - world.asked.min(4999);
        world.asked += 1;
        answer
            .header("X-RateLimit-Limit", "5000")
            .header("X-RateLimit-Remaining", left.to_string())
            .header("X-RateLimit-Used", (5000 - left).to_string())
            .header("X-RateLimit-Reset", "4102444800")
            .header("X-RateLimit-Resource", "core")
    }

    fn repository(&self, path: &str, request: &Request, is_push: bool) -> Result<PathBuf, Answer> {
        let unknown =
            || Answer::text(401, "Authentication required").header("WWW-Authenticate", "Basic realm=\"GitHub\"");
        let world = self.world();
        let name = path.trim_start_matches('/');
        let account = match request.token() {
            None => None,
            Some(token) => Some(world.tokens.get(&token).ok_or_else(unknown)?),
        };
        let repository = world.repositories.get(name).ok_or_else(|| Answer::text(404, "Repository not found."))?;
        let role = account.map_or("none", |account| repository.role(account));
        let readable = !repository.private || role != "none";
        if !readable {
            return Err(if account.is_none() { unknown() } else { Answer::text(404, "Repository not found.") });
        }
        if is_push {
            let Some(account) = account else { return Err(unknown()) };
            if !account.may(repository, "contents", true) {
                let text = format!("Permission to {name}.git denied to {}.", account.login());
                return Err(Answer::text(403, text));
            }
        }
        Ok(self.bare_path(name))
    }

    fn may_push(&self, path: &str, pushes: &[Push]) -> Result<(), String> {
        let world = self.world();
        let Some(repository) = world.repositories.get(path.trim_start_matches('/')) else { return Ok(()) };
        for push in pushes {
            let account = push.token.as_ref().and_then(|token| world.tokens.get(token));
            if push.reference.starts_with("refs/pull/") {
                return Err("deny updating a hidden ref".to_owned());
            }
            let branch = push.reference.trim_start_matches("refs/heads/");
            if repository.protected.iter().any(|known| known == branch) {
                return Err(format!("error: GH006: Protected branch update failed for {}.", push.reference));
            }
            let workflow = push.files.iter().find(|file| file.starts_with(".github/workflows/"));
            if let (Some(file), Some(Account::Job { .. } | Account::App { workflows: false, .. })) = (workflow, account)
            {
                return Err(format!(
                    "refusing to allow a GitHub App to create or update workflow `{file}` without `workflows` permission"
                ));
            }
        }
        Ok(())
    }

    fn pushed(&self, path: &str, pushes: &[Push]) {
        let mut world = self.world();
        for push in pushes {
            let account = push.token.as_ref().and_then(|token| world.tokens.get(token)).cloned();
            world.moved(self, path.trim_start_matches('/'), push, account.as_ref());
        }
    }
}

impl GitHub {
    /// GraphQL knows one question here.
    fn viewer(account: Option<&Account>, query: &Value) -> Answer {
        let Some(account) = account else { return answers::refusal(401, "Requires authentication") };
        match query["query"].as_str() {
            Some(query) if query.contains("viewer") && query.contains("login") => {
                Answer::json(200, &json!({"data": {"viewer": {"login": account.login()}}}))
            }
            _ => Answer::json(200, &json!({"errors": [{"message": "this question is not known here"}]})),
        }
    }
}
