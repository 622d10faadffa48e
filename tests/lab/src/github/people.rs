//! What people and administrators do on the pages, and what tests look at.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::world::{Account, Comment, Merge, Pull, Repository, Status, World};
use super::{GitHub, answers, repository};
use crate::stub::Push;

/// A workflow event that starts runs of the workflows that ask for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Started {
    /// `owner/name`.
    pub repository: String,
    /// `push`, `pull_request`, `issue_comment`. What starts `pull_request` starts `pull_request_target`, too.
    pub event: String,
    /// `opened`, `synchronize`, `closed`, `created`; empty for a push.
    pub action: String,
    /// `refs/heads/…` of a push.
    pub reference: String,
    /// The commit before a push.
    pub before: String,
    /// The head.
    pub sha: String,
    /// The pull request.
    pub number: u64,
    /// Who did it.
    pub actor: String,
    /// The comment's text.
    pub body: String,
}

/// What administrators set, and people do.
impl GitHub {
    /// Makes a private repository of an owner, with members and their roles.
    pub fn create_repository(&self, name: &str, members: &[(&str, &str)]) {
        self.make_bare(name);
        let mut world = self.world();
        let mut repository = Repository::new(name, None);
        for (login, role) in members {
            world.people.insert((*login).to_owned());
            repository.members.insert((*login).to_owned(), (*role).to_owned());
        }
        world.people.insert(repository.owner().to_owned());
        world.repositories.insert(name.to_owned(), repository);
    }

    /// Lets everybody read a repository.
    pub fn publish(&self, name: &str) {
        self.change(name, |repository| repository.private = false);
    }

    /// An account without any right.
    pub fn create_user(&self, login: &str) {
        self.world().people.insert(login.to_owned());
    }

    /// The token of a person.
    #[must_use]
    pub fn person_token(&self, login: &str) -> String {
        let account = Account::Person { login: login.to_owned() };
        self.token("ghp", account)
    }

    /// The token of an App's installation; it may write workflows when `workflows` says so.
    #[must_use]
    pub fn app_token(&self, slug: &str, workflows: bool) -> String {
        self.token("ghs", Account::App { slug: slug.to_owned(), workflows })
    }

    /// The token of a job with the permissions of Mergeline's workflow.
    #[must_use]
    pub fn job_token(&self, repository: &str) -> String {
        let names = ["contents", "pull-requests", "checks", "statuses", "deployments", "issues"];
        self.job_token_with(repository, &names.map(|name| (name, "write")))
    }

    /// The token of a job that may only read: of a fork's pull request.
    #[must_use]
    pub fn read_only_job_token(&self, repository: &str) -> String {
        let names = ["contents", "pull-requests", "checks", "statuses", "deployments", "issues"];
        self.job_token_with(repository, &names.map(|name| (name, "read")))
    }

    /// The token of a job with these permissions; `metadata` is always there.
    #[must_use]
    pub fn job_token_with(&self, repository: &str, permissions: &[(&str, &str)]) -> String {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let mut permissions: BTreeMap<String, String> = permissions.iter().map(owned).collect();
        permissions.insert("metadata".to_owned(), "read".to_owned());
        self.token("ghs", Account::Job { repository: repository.to_owned(), permissions })
    }

    fn token(&self, prefix: &str, account: Account) -> String {
        let mut world = self.world();
        let token = format!("{prefix}_{:036}", world.id());
        world.tokens.insert(token.clone(), account);
        token
    }

    /// "Allow GitHub Actions to create and approve pull requests".
    pub fn let_jobs_create_pull_requests(&self, repository: &str, allowed: bool) {
        self.change(repository, |repository| repository.jobs_may_create_pulls = allowed);
    }

    /// Refuses every push to a branch.
    pub fn protect(&self, repository: &str, branch: &str) {
        self.change(repository, |repository| repository.protected.push(branch.to_owned()));
    }

    /// Lets pull requests into a branch only when a status is good.
    pub fn require_status(&self, repository: &str, branch: &str, context: &str) {
        self.change(repository, |it| it.required.push((branch.to_owned(), context.to_owned())));
    }

    /// Which of `merge`, `squash` and `rebase` the repository allows.
    pub fn allow_merge_methods(&self, repository: &str, methods: &[&str]) {
        let methods = methods.iter().map(|method| (*method).to_owned()).collect();
        self.change(repository, |it| it.merge_methods = methods);
    }

    fn change(&self, repository: &str, change: impl FnOnce(&mut Repository)) {
        let mut world = self.world();
        change(world.repositories.get_mut(repository).unwrap_or_else(|| panic!("there is no {repository}")));
    }

    /// Forks a repository for a person, whose fork it is named after.
    #[must_use]
    pub fn fork(&self, repository: &str, login: &str) -> String {
        let name = format!("{login}/{}", repository.split('/').nth(1).unwrap_or("fork"));
        let path = self.make_bare(&name);
        let from = self.bare_path(repository);
        for (reference, _) in crate::stub::references(&from) {
            if let Some(branch) = reference.strip_prefix("refs/heads/") {
                drop(super::repository::fetch(&path, &from, branch, &reference));
            }
        }
        let mut world = self.world();
        world.people.insert(login.to_owned());
        world.repositories.insert(name.clone(), Repository::new(&name, Some(repository)));
        name
    }

    /// Opens a pull request as a person; `head` is a branch or `OWNER:BRANCH` of a fork.
    ///
    /// # Panics
    /// When GitHub would refuse it.
    pub fn open_pull(&self, repository: &str, login: &str, head: &str, base: &str, title: &str, body: &str) -> u64 {
        let account = Account::Person { login: login.to_owned() };
        let draft = json!({"head": head, "base": base, "title": title, "body": body});
        let made = self.world().open(self, repository, &account, &draft);
        made.unwrap_or_else(|answer| panic!("{}", String::from_utf8_lossy(&answer.body)))
    }

    /// Comments as a login, whosever it is.
    pub fn comment(&self, repository: &str, login: &str, number: u64, body: &str) {
        let account = match login.strip_suffix("[bot]") {
            Some("github-actions") => Account::Job { repository: repository.to_owned(), permissions: BTreeMap::new() },
            _ => Account::Person { login: login.to_owned() },
        };
        drop(self.world().comment(repository, number, &account, body));
    }

    /// The comments of a pull request, oldest first: number, author, text.
    #[must_use]
    pub fn comments(&self, repository: &str, number: u64) -> Vec<(u64, String, String)> {
        let world = self.world();
        let comments = world.repositories[repository].comments.iter().filter(|comment| comment.number == number);
        comments.map(|comment| (comment.id, comment.author.clone(), comment.body.clone())).collect()
    }

    /// Presses the merge button.
    ///
    /// # Errors
    /// The status and the words with which it is refused.
    pub fn merge(&self, repository: &str, login: &str, number: u64, method: &str) -> Result<String, (u16, String)> {
        let account = Account::Person { login: login.to_owned() };
        self.world().merge(self, repository, &account, number, None, method)
    }

    /// Closes a pull request.
    pub fn close(&self, repository: &str, login: &str, number: u64) {
        let account = Account::Person { login: login.to_owned() };
        self.world().close(repository, &account, number);
    }

    /// The check runs of a commit, oldest first: name, conclusion, number of annotations.
    #[must_use]
    pub fn checks(&self, repository: &str, sha: &str) -> Vec<(String, String, usize)> {
        let world = self.world();
        let checks = world.repositories[repository].checks.iter().filter(|check| check.sha == sha);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        checks
            .map(|check| (text(&check.fields["name"]), text(&check.fields["conclusion"]), check.annotations.len()))
            .collect()
    }

    /// The deployments to an environment, oldest first: the commit, and what each status said, oldest first.
    #[must_use]
    pub fn deployments(&self, repository: &str, environment: &str) -> Vec<(String, Vec<String>)> {
        let world = self.world();
        let deployments = world.repositories[repository].deployments.iter();
        deployments
            .filter(|deployment| deployment.environment == environment)
            .map(|it| (it.sha.clone(), it.statuses.iter().map(|status| status.state.clone()).collect()))
            .collect()
    }

    /// The statuses of a commit, oldest first: context, state, author.
    #[must_use]
    pub fn statuses(&self, repository: &str, sha: &str) -> Vec<(String, String, String)> {
        let world = self.world();
        let statuses = world.repositories[repository].statuses.iter().filter(|status| status.sha == sha);
        statuses.map(|it| (it.context.clone(), it.state.clone(), it.author.clone())).collect()
    }

    /// Posts a status as somebody's tool.
    pub fn post_status(&self, repository: &str, login: &str, sha: &str, context: &str, state: &str) {
        let mut world = self.world();
        let status = Status {
            id: world.id(),
            sha: sha.to_owned(),
            state: state.to_owned(),
            context: context.to_owned(),
            description: None,
            target_url: None,
            author: login.to_owned(),
            at: world.now(),
        };
        world.repositories.get_mut(repository).into_iter().for_each(|it| it.statuses.push(status.clone()));
    }

    /// Takes the workflow events since the last time. What was done with a job's token starts none.
    #[must_use]
    pub fn started(&self) -> Vec<Started> {
        std::mem::take(&mut self.world().started)
    }

    /// The fields of an event's payload that come from the state: `repository`, `sender` and what it is about.
    #[must_use]
    pub fn payload(&self, started: &Started) -> Value {
        let mut world = self.world();
        let mut payload = json!({
            "repository": answers::repository(self, &world.repositories[&started.repository], None),
            "sender": answers::user(self, &started.actor),
        });
        if !started.action.is_empty() {
            payload["action"] = json!(started.action);
        }
        if started.number != 0 {
            let pull = world.pull_answer(self, &started.repository, started.number, true).unwrap_or_default();
            if started.event == "issue_comment" {
                let url = pull["url"].clone();
                payload["issue"] = json!({"number": started.number, "pull_request": {"url": url}});
                let said = |it: &&Comment| it.number == started.number && it.body == started.body;
                let comment = world.repositories[&started.repository].comments.iter().rev().find(said);
                payload["comment"] = comment
                    .map(|it| answers::comment(self, &world.repositories[&started.repository], it))
                    .unwrap_or_default();
            } else {
                payload["number"] = json!(started.number);
                payload["pull_request"] = pull;
            }
        } else {
            payload["ref"] = json!(started.reference);
            payload["before"] = json!(started.before);
            payload["after"] = json!(started.sha);
        }
        payload
    }
}

/// What happens, whoever does it.
impl World {
    /// A job's own token starts nothing.
    fn start(&mut self, account: Option<&Account>, started: Started) {
        if !matches!(account, None | Some(Account::Job { .. })) {
            self.started.push(Started { actor: account.map_or_else(String::new, Account::login), ..started });
        }
    }

    fn about_pull(&mut self, account: &Account, repository: &str, number: u64, action: &str) {
        let sha = self.repositories[repository].pulls[&number].head.clone();
        let started = Started {
            repository: repository.to_owned(),
            event: "pull_request".to_owned(),
            action: action.to_owned(),
            reference: String::new(),
            before: String::new(),
            sha,
            number,
            actor: String::new(),
            body: String::new(),
        };
        self.start(Some(account), started);
    }

    /// Takes note of a reference that moved.
    pub(super) fn moved(&mut self, github: &GitHub, name: &str, push: &Push, account: Option<&Account>) {
        let Some(branch) = push.reference.strip_prefix("refs/heads/") else { return };
        let deleted = push.new.bytes().all(|byte| byte == b'0');
        let path = github.bare_path(name);
        if !deleted {
            let started = Started {
                repository: name.to_owned(),
                event: "push".to_owned(),
                action: String::new(),
                reference: push.reference.clone(),
                before: push.old.clone(),
                sha: push.new.clone(),
                number: 0,
                actor: String::new(),
                body: String::new(),
            };
            self.start(account, started);
        }
        let bases: Vec<String> = self.repositories.keys().cloned().collect();
        let mut about = Vec::new();
        for base in bases {
            let now = self.now();
            let target = github.bare_path(&base);
            let Some(repository) = self.repositories.get_mut(&base) else { continue };
            for pull in repository.pulls.values_mut().filter(|pull| pull.open) {
                if pull.head_repository.as_deref() == Some(name) && pull.head_branch == branch {
                    if deleted {
                        pull.open = false;
                        about.push((base.clone(), pull.number, "closed"));
                        continue;
                    }
                    if base != name {
                        drop(repository::fetch(&target, &path, branch, &format!("refs/pull/{}/head", pull.number)));
                    }
                    repository::set_ref(&target, &format!("refs/pull/{}/head", pull.number), &push.new);
                    pull.head.clone_from(&push.new);
                    pull.looked = false;
                    pull.updated.clone_from(&now);
                    about.push((base.clone(), pull.number, "synchronize"));
                }
                if base == name && pull.base_branch == branch {
                    pull.looked = false;
                    if deleted {
                        pull.open = false;
                    } else if repository::is_ancestor(&target, &pull.head, &push.new) {
                        pull.open = false;
                        pull.merged = Some(Merge {
                            commit: push.new.clone(),
                            by: account.map_or_else(String::new, Account::login),
                            at: now.clone(),
                        });
                        about.push((base.clone(), pull.number, "closed"));
                    }
                }
            }
        }
        for (base, number, action) in about {
            if let Some(account) = account {
                self.about_pull(account, &base, number, action);
            }
        }
    }

    /// Opens a pull request, or says why not.
    pub(super) fn open(
        &mut self,
        github: &GitHub,
        name: &str,
        account: &Account,
        draft: &Value,
    ) -> Result<u64, crate::stub::Answer> {
        let text = |field: &str| draft[field].as_str().unwrap_or_default().to_owned();
        let (head, base) = (text("head"), text("base"));
        let path = github.bare_path(name);
        let owner = self.repositories[name].owner().to_owned();
        let (from, branch) = match head.split_once(':') {
            Some((other, branch)) if other != owner => {
                let fork =
                    self.repositories.values().find(|it| it.parent.as_deref() == Some(name) && it.owner() == other);
                let fork = fork.ok_or_else(|| answers::invalid("PullRequest", "head", "invalid", None))?;
                (fork.name.clone(), branch.to_owned())
            }
            Some((_, branch)) => (name.to_owned(), branch.to_owned()),
            None => (name.to_owned(), head.clone()),
        };
        let tip = repository::branch(&github.bare_path(&from), &branch)
            .ok_or_else(|| answers::invalid("PullRequest", "head", "invalid", None))?;
        let target =
            repository::branch(&path, &base).ok_or_else(|| answers::invalid("PullRequest", "base", "invalid", None))?;
        let same = |pull: &&Pull| {
            pull.open
                && pull.head_repository.as_deref() == Some(from.as_str())
                && (&pull.head_branch, &pull.base_branch) == (&branch, &base)
        };
        if self.repositories[name].pulls.values().any(|pull| same(&pull)) {
            let words = format!("A pull request already exists for {}:{branch}.", from.split('/').next().unwrap_or(""));
            return Err(answers::invalid("PullRequest", "", "custom", Some(&words)));
        }
        let (id, now) = (self.id(), self.now());
        let Some(repository) = self.repositories.get_mut(name) else { return Err(answers::not_found()) };
        let number = repository.pulls.keys().last().copied().unwrap_or(0) + 1;
        let reference = format!("refs/pull/{number}/head");
        if from != name {
            drop(repository::fetch(&path, &github.bare_path(&from), &branch, &reference));
        }
        if repository::is_ancestor(&path, &tip, &target) {
            let words = format!("No commits between {base} and {head}");
            return Err(answers::invalid("PullRequest", "", "custom", Some(&words)));
        }
        repository::set_ref(&path, &reference, &tip);
        let pull = Pull {
            id,
            number,
            title: text("title"),
            body: text("body"),
            author: account.login(),
            head_repository: Some(from),
            head_branch: branch,
            head: tip,
            base_branch: base,
            open: true,
            labels: Vec::new(),
            merged: None,
            looked: false,
            created: now.clone(),
            updated: now,
        };
        repository.pulls.insert(number, pull);
        self.about_pull(account, name, number, "opened");
        Ok(number)
    }

    pub(super) fn comment(&mut self, name: &str, number: u64, account: &Account, body: &str) -> Option<Comment> {
        let (id, at) = (self.id(), self.now());
        let repository = self.repositories.get_mut(name)?;
        let sha = repository.pulls.get(&number)?.head.clone();
        let comment = Comment { id, number, author: account.login(), body: body.to_owned(), at };
        repository.comments.push(comment.clone());
        let started = Started {
            repository: name.to_owned(),
            event: "issue_comment".to_owned(),
            action: "created".to_owned(),
            reference: String::new(),
            before: String::new(),
            sha,
            number,
            actor: String::new(),
            body: body.to_owned(),
        };
        self.start(Some(account), started);
        Some(comment)
    }

    pub(super) fn close(&mut self, name: &str, account: &Account, number: u64) {
        let now = self.now();
        let pull = self.repositories.get_mut(name).and_then(|repository| repository.pulls.get_mut(&number));
        if let Some(pull) = pull.filter(|pull| pull.open) {
            pull.open = false;
            pull.updated = now;
            self.about_pull(account, name, number, "closed");
        }
    }

    /// Merges, or says with which status and words it is refused.
    pub(super) fn merge(
        &mut self,
        github: &GitHub,
        name: &str,
        account: &Account,
        number: u64,
        head: Option<&str>,
        method: &str,
    ) -> Result<String, (u16, String)> {
        let refused = |status: u16, words: &str| Err((status, words.to_owned()));
        let at = self.now();
        let path = github.bare_path(name);
        let Some(repository) = self.repositories.get_mut(name) else { return refused(404, "Not Found") };
        let Some(pull) = repository.pulls.get_mut(&number) else { return refused(404, "Not Found") };
        if !pull.open {
            return refused(405, "Pull Request is not mergeable");
        }
        if head.is_some_and(|head| head != pull.head) {
            return refused(409, "Head branch was modified. Review and try the merge again.");
        }
        if !repository.merge_methods.contains(method) {
            let way = match method {
                "merge" => "Merge commits are",
                "squash" => "Squash merges are",
                _ => "Rebase merges are",
            };
            return refused(405, &format!("{way} not allowed on this repository."));
        }
        for (branch, context) in &repository.required {
            let newest = repository.statuses.iter().rev().find(|it| it.sha == pull.head && it.context == *context);
            if *branch == pull.base_branch && newest.is_none_or(|status| status.state != "success") {
                return refused(405, &format!("Required status check \"{context}\" is expected."));
            }
        }
        let Some(base) = repository::branch(&path, &pull.base_branch) else { return refused(405, "no base") };
        let title = format!("{} (#{number})", pull.title);
        let who = account.login();
        let merging = repository::Merging { method, base: &base, head: &pull.head, title: &title, who: &who, at: &at };
        let Some(commit) = repository::merge(&path, &merging) else {
            return refused(405, "Pull Request is not mergeable");
        };
        let reference = format!("refs/heads/{}", pull.base_branch);
        repository::set_ref(&path, &reference, &commit);
        pull.open = false;
        pull.updated.clone_from(&at);
        pull.merged = Some(Merge { commit: commit.clone(), by: who, at });
        let push = Push { token: None, reference, old: base, new: commit.clone(), files: Vec::new() };
        self.about_pull(account, name, number, "closed");
        self.moved(github, name, &push, Some(account));
        Ok(commit)
    }

    /// A pull request as it is answered; `alone` it has its details.
    pub(super) fn pull_answer(&mut self, github: &GitHub, name: &str, number: u64, alone: bool) -> Option<Value> {
        let path = github.bare_path(name);
        let repository = self.repositories.get_mut(name)?;
        let pull = repository.pulls.get_mut(&number)?;
        let base = repository::branch(&path, &pull.base_branch).unwrap_or_else(|| "0".repeat(40));
        let details = alone.then(|| {
            let known = std::mem::replace(&mut pull.looked, true);
            match known && pull.open {
                true => json!(repository::merged_tree(&path, &base, &pull.head).is_some()),
                false => Value::Null,
            }
        });
        let pull = pull.clone();
        let head = pull.head_repository.as_ref().and_then(|head| self.repositories.get(head));
        Some(answers::pull(github, &self.repositories[name], head, &pull, &base, details))
    }
}
