//! The REST API: one function for each group of endpoints.

use serde_json::{Value, json};

use super::answers::{self, good, invalid, list, not_found, refusal};
use super::world::{Account, Check, Deployment, DeploymentStatus, Status, World};
use super::{GitHub, repository};
use crate::stub::{Answer, Request};

/// A request in a repository that its account may see.
pub(super) struct Asked<'a> {
    pub github: &'a GitHub,
    pub name: &'a str,
    pub account: Option<&'a Account>,
    pub request: &'a Request,
}

impl Asked<'_> {
    /// The account, if it may write this.
    pub(super) fn writer(&self, world: &World, what: &[&str]) -> Result<Account, Answer> {
        let Some(account) = self.account else { return Err(refusal(401, "Requires authentication")) };
        let repository = &world.repositories[self.name];
        match what.iter().any(|what| account.may(repository, what, true)) {
            true => Ok(account.clone()),
            false => Err(refusal(403, account.refusal())),
        }
    }

    pub(super) fn body(&self) -> Value {
        self.request.json()
    }

    fn text(&self, field: &str) -> Option<String> {
        self.body()[field].as_str().map(str::to_owned)
    }
}

impl World {
    pub(super) fn answer(&mut self, github: &GitHub, account: Option<&Account>, request: &Request) -> Answer {
        let segments = request.segments();
        let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (request.method.as_str(), segments.as_slice()) {
            ("POST", ["graphql"]) => GitHub::viewer(account, &request.json()),
            ("GET", ["user"]) => match account {
                None => refusal(401, "Requires authentication"),
                Some(Account::Person { login }) => good(request, &answers::own_user(github, login)),
                Some(other) => refusal(403, other.refusal()),
            },
            (_, ["repos", owner, name, rest @ ..]) => {
                let wanted = format!("{owner}/{name}");
                let known = self.repositories.keys().find(|known| known.eq_ignore_ascii_case(&wanted)).cloned();
                let seen = known.filter(|known| {
                    let repository = &self.repositories[known];
                    !repository.private || account.is_some_and(|it| it.may(repository, "metadata", false))
                });
                let Some(name) = seen else { return not_found() };
                let asked = Asked { github, name: &name, account, request };
                self.in_repository(&asked, rest).unwrap_or_else(|refused| refused)
            }
            _ => not_found(),
        }
    }

    fn in_repository(&mut self, asked: &Asked<'_>, rest: &[&str]) -> Result<Answer, Answer> {
        let method = asked.request.method.as_str();
        let number = |text: &str| text.parse::<u64>().map_err(|_| not_found());
        match (method, rest) {
            ("GET", []) => {
                let repository = &self.repositories[asked.name];
                Ok(good(asked.request, &answers::repository(asked.github, repository, asked.account)))
            }
            ("GET", ["collaborators", login, "permission"]) => self.permission(asked, login),
            ("GET", ["pulls"]) => Ok(self.pulls(asked)),
            ("POST", ["pulls"]) => self.create_pull(asked),
            ("GET", ["pulls", n]) => {
                let pull = self.pull_answer(asked.github, asked.name, number(n)?, true).ok_or_else(not_found)?;
                Ok(good(asked.request, &pull))
            }
            ("PATCH", ["pulls", n]) => self.edit_pull(asked, number(n)?),
            ("PUT", ["pulls", n, "merge"]) => self.merge_pull(asked, number(n)?),
            ("GET", ["issues", n, "comments"]) => {
                let (number, repository) = (number(n)?, &self.repositories[asked.name]);
                repository.pulls.get(&number).ok_or_else(not_found)?;
                let comments = repository.comments.iter().filter(|comment| comment.number == number);
                let comments: Vec<Value> =
                    comments.map(|comment| answers::comment(asked.github, repository, comment)).collect();
                Ok(list(asked.github, asked.request, &comments, None))
            }
            ("POST", ["issues", n, "comments"]) => self.create_comment(asked, number(n)?),
            ("PATCH" | "DELETE", ["issues", "comments", id]) => self.change_comment(asked, number(id)?),
            ("GET", ["pulls", n, "comments"]) => self.line_comments(asked, number(n)?),
            ("POST", ["pulls", n, "comments"]) => self.create_line_comment(asked, number(n)?),
            ("POST", ["pulls", n, "reviews"]) => self.create_review(asked, number(n)?),
            ("PATCH" | "DELETE", ["pulls", "comments", id]) => self.change_line_comment(asked, number(id)?),
            ("POST", ["issues", n, "labels"]) => self.add_labels(asked, number(n)?),
            ("GET", ["commits", sha, "statuses"]) => {
                let repository = &self.repositories[asked.name];
                let statuses = repository.statuses.iter().rev().filter(|status| status.sha == *sha);
                let statuses: Vec<Value> = statuses.map(|it| answers::status(asked.github, repository, it)).collect();
                Ok(list(asked.github, asked.request, &statuses, None))
            }
            ("POST", ["statuses", sha]) => self.create_status(asked, sha),
            ("GET", ["commits", sha, "check-runs"]) => Ok(self.check_runs(asked, sha)),
            ("POST", ["check-runs"]) => self.create_check(asked),
            ("PATCH", ["check-runs", id]) => self.change_check(asked, number(id)?),
            ("GET", ["deployments"]) => Ok(self.list_deployments(asked)),
            ("POST", ["deployments"]) => self.create_deployment(asked),
            ("GET", ["deployments", id, "statuses"]) => {
                let (id, repository) = (number(id)?, &self.repositories[asked.name]);
                let deployment = repository.deployments.iter().find(|it| it.id == id).ok_or_else(not_found)?;
                let answer = |it| answers::deployment_status(asked.github, repository, deployment, it);
                let statuses: Vec<Value> = deployment.statuses.iter().rev().map(answer).collect();
                Ok(list(asked.github, asked.request, &statuses, None))
            }
            ("POST", ["deployments", id, "statuses"]) => self.create_deployment_status(asked, number(id)?),
            _ => Err(not_found()),
        }
    }

    fn permission(&self, asked: &Asked<'_>, login: &str) -> Result<Answer, Answer> {
        let Some(account) = asked.account else { return Err(refusal(401, "Requires authentication")) };
        let known = self.people.iter().find(|known| known.eq_ignore_ascii_case(login)).ok_or_else(not_found)?;
        let repository = &self.repositories[asked.name];
        if !account.may(repository, "metadata", false) {
            return Err(refusal(403, account.refusal()));
        }
        let role = repository.role_of(known);
        let permission = match role {
            "maintain" => "write",
            "triage" => "read",
            other => other,
        };
        let mut user = answers::user(asked.github, known);
        user["role_name"] = json!(role);
        let user = if role == "none" { Value::Null } else { user };
        Ok(good(asked.request, &json!({"permission": permission, "role_name": role, "user": user})))
    }

    fn pulls(&mut self, asked: &Asked<'_>) -> Answer {
        let request = asked.request;
        let state = request.query("state").unwrap_or("open");
        let head = request.query("head").and_then(|head| head.split_once(':'));
        let pulls = self.repositories[asked.name].pulls.values().rev();
        let numbers: Vec<u64> = pulls
            .filter(|pull| match state {
                "open" => pull.open,
                "closed" => !pull.open,
                _ => true,
            })
            .filter(|pull| request.query("base").is_none_or(|base| base == pull.base_branch))
            // A head without its owner is not looked at: all are listed.
            .filter(|pull| {
                head.is_none_or(|(owner, branch)| {
                    let of = pull.head_repository.as_deref().and_then(|name| name.split('/').next());
                    of == Some(owner) && branch == pull.head_branch
                })
            })
            .map(|pull| pull.number)
            .collect();
        let pulls: Vec<Value> = numbers
            .into_iter()
            .filter_map(|number| self.pull_answer(asked.github, asked.name, number, false))
            .collect();
        list(asked.github, request, &pulls, None)
    }

    fn create_pull(&mut self, asked: &Asked<'_>) -> Result<Answer, Answer> {
        let account = asked.writer(self, &["pull-requests"])?;
        let is_job = matches!(account, Account::Job { .. });
        if is_job && !self.repositories[asked.name].jobs_may_create_pulls {
            return Err(refusal(403, "GitHub Actions is not permitted to create or approve pull requests."));
        }
        let title = asked.text("title").unwrap_or_default();
        if title.is_empty() || title.chars().count() > 256 {
            return Err(invalid(
                "PullRequest",
                "title",
                "custom",
                Some("title is too long (maximum is 256 characters)"),
            ));
        }
        long(&asked.text("body").unwrap_or_default())?;
        let number = self.open(asked.github, asked.name, &account, &asked.body())?;
        let pull = self.pull_answer(asked.github, asked.name, number, true).ok_or_else(not_found)?;
        // What is asked for right after finds it undecided still.
        if let Some(pull) = self.repositories.get_mut(asked.name).and_then(|it| it.pulls.get_mut(&number)) {
            pull.looked = false;
        }
        Ok(Answer::json(201, &pull))
    }

    fn edit_pull(&mut self, asked: &Asked<'_>, number: u64) -> Result<Answer, Answer> {
        let account = asked.writer(self, &["pull-requests"])?;
        let now = self.now();
        let body = asked.body();
        long(body["body"].as_str().unwrap_or_default())?;
        let repository = self.repositories.get_mut(asked.name).ok_or_else(not_found)?;
        let pull = repository.pulls.get_mut(&number).ok_or_else(not_found)?;
        for (field, target) in [("title", &mut pull.title), ("body", &mut pull.body)] {
            if let Some(text) = body[field].as_str() {
                text.clone_into(target);
            }
        }
        pull.updated = now;
        match body["state"].as_str() {
            Some("closed") => self.close(asked.name, &account, number),
            Some("open") if pull.merged.is_some() => {
                return Err(invalid("PullRequest", "state", "invalid", Some("state cannot be changed.")));
            }
            Some("open") => pull.open = true,
            _ => {}
        }
        let pull = self.pull_answer(asked.github, asked.name, number, true).ok_or_else(not_found)?;
        Ok(Answer::json(200, &pull))
    }

    fn merge_pull(&mut self, asked: &Asked<'_>, number: u64) -> Result<Answer, Answer> {
        let account = asked.writer(self, &["contents"])?;
        let (head, method) = (asked.text("sha"), asked.text("merge_method").unwrap_or_else(|| "merge".to_owned()));
        match self.merge(asked.github, asked.name, &account, number, head.as_deref(), &method) {
            Ok(sha) => Ok(Answer::json(
                200,
                &json!({"sha": sha, "merged": true, "message": "Pull Request successfully merged"}),
            )),
            Err((status, words)) => Err(refusal(status, &words)),
        }
    }

    fn create_comment(&mut self, asked: &Asked<'_>, number: u64) -> Result<Answer, Answer> {
        let account = asked.writer(self, &["issues", "pull-requests"])?;
        let body = asked.text("body").unwrap_or_default();
        if body.trim().is_empty() {
            return Err(invalid("IssueComment", "body", "missing_field", None));
        }
        long(&body)?;
        let comment = World::comment(self, asked.name, number, &account, &body).ok_or_else(not_found)?;
        Ok(Answer::json(201, &answers::comment(asked.github, &self.repositories[asked.name], &comment)))
    }

    fn change_comment(&mut self, asked: &Asked<'_>, id: u64) -> Result<Answer, Answer> {
        let account = asked.writer(self, &["issues", "pull-requests"])?;
        let body = asked.text("body");
        long(body.as_deref().unwrap_or_default())?;
        let repository = self.repositories.get_mut(asked.name).ok_or_else(not_found)?;
        let index = repository.comments.iter().position(|comment| comment.id == id).ok_or_else(not_found)?;
        // Whoever may write to the repository may change everybody's; a job's token its own alone.
        let own = repository.comments[index].author == account.login();
        if !own && account.app().is_some() {
            return Err(refusal(403, account.refusal()));
        }
        let Some(body) = body else {
            repository.comments.remove(index);
            return Ok(Answer::empty(204));
        };
        repository.comments[index].body = body;
        Ok(Answer::json(200, &answers::comment(asked.github, repository, &repository.comments[index])))
    }

    fn add_labels(&mut self, asked: &Asked<'_>, number: u64) -> Result<Answer, Answer> {
        asked.writer(self, &["issues", "pull-requests"])?;
        let body = asked.body();
        let names = body["labels"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let repository = self.repositories.get_mut(asked.name).ok_or_else(not_found)?;
        let pull = repository.pulls.get_mut(&number).ok_or_else(not_found)?;
        for name in names {
            repository.labels.insert(name.to_owned());
            if !pull.labels.iter().any(|known| known == name) {
                pull.labels.push(name.to_owned());
            }
        }
        let labels = pull.labels.clone();
        let labels: Vec<Value> = labels.iter().map(|name| answers::label(asked.github, repository, name)).collect();
        Ok(Answer::json(200, &json!(labels)))
    }

    fn create_status(&mut self, asked: &Asked<'_>, sha: &str) -> Result<Answer, Answer> {
        let account = asked.writer(self, &["statuses"])?;
        if !repository::has_commit(&asked.github.bare_path(asked.name), sha) {
            return Err(refusal(422, &format!("No commit found for SHA: {sha}")));
        }
        let description = asked.text("description");
        if description.as_ref().is_some_and(|text| text.chars().count() > 140) {
            return Err(invalid(
                "Status",
                "description",
                "custom",
                Some("description is too long (maximum is 140 characters)"),
            ));
        }
        let target_url = asked.text("target_url");
        if target_url.as_ref().is_some_and(|url| !url.starts_with("http://") && !url.starts_with("https://")) {
            return Err(invalid("Status", "target_url", "custom", Some("target_url must use http(s) scheme")));
        }
        let status = Status {
            id: self.id(),
            sha: sha.to_owned(),
            state: asked.text("state").unwrap_or_default(),
            context: asked.text("context").unwrap_or_else(|| "default".to_owned()),
            description,
            target_url,
            author: account.login(),
            at: self.now(),
        };
        let repository = self.repositories.get_mut(asked.name).ok_or_else(not_found)?;
        repository.statuses.push(status.clone());
        Ok(Answer::json(201, &answers::status(asked.github, repository, &status)))
    }

    fn check_runs(&self, asked: &Asked<'_>, sha: &str) -> Answer {
        let request = asked.request;
        let repository = &self.repositories[asked.name];
        let named = |check: &&Check| {
            check.sha == sha && request.query("check_name").is_none_or(|name| check.fields["name"] == name)
        };
        let mut checks: Vec<&Check> = repository.checks.iter().rev().filter(named).collect();
        if request.query("filter") != Some("all") {
            // The latest of each name and App.
            let mut seen = Vec::new();
            checks.retain(|check| {
                let key = (check.app.clone(), check.fields["name"].clone());
                !seen.contains(&key) && {
                    seen.push(key);
                    true
                }
            });
        }
        let checks: Vec<Value> = checks.into_iter().map(|it| answers::check(asked.github, repository, it)).collect();
        list(asked.github, request, &checks, Some("check_runs"))
    }

    fn create_check(&mut self, asked: &Asked<'_>) -> Result<Answer, Answer> {
        let account = asked.writer(self, &["checks"])?;
        let app = account.app().ok_or_else(|| refusal(403, "You must authenticate via a GitHub App."))?;
        let (fields, annotations) = annotated(asked.body())?;
        let sha = asked.text("head_sha").unwrap_or_default();
        if !repository::has_commit(&asked.github.bare_path(asked.name), &sha) {
            return Err(refusal(422, &format!("No commit found for SHA: {sha}")));
        }
        let check = Check { id: self.id(), app, sha, fields, annotations, at: self.now() };
        let repository = self.repositories.get_mut(asked.name).ok_or_else(not_found)?;
        let answer = answers::check(asked.github, repository, &check);
        repository.checks.push(check);
        Ok(Answer::json(201, &answer))
    }

    fn change_check(&mut self, asked: &Asked<'_>, id: u64) -> Result<Answer, Answer> {
        let account = asked.writer(self, &["checks"])?;
        let app = account.app().ok_or_else(|| refusal(403, "You must authenticate via a GitHub App."))?;
        let (fields, annotations) = annotated(asked.body())?;
        let repository = self.repositories.get_mut(asked.name).ok_or_else(not_found)?;
        let check = repository.checks.iter_mut().find(|check| check.id == id).ok_or_else(not_found)?;
        if check.app != app {
            return Err(refusal(
                403,
                "Invalid app_id - check run can only be modified by the GitHub App that created it.",
            ));
        }
        for (name, value) in fields.as_object().into_iter().flatten() {
            check.fields[name] = value.clone();
        }
        // They are added to those that are there.
        check.annotations.extend(annotations);
        let check = check.clone();
        Ok(Answer::json(200, &answers::check(asked.github, repository, &check)))
    }

    fn list_deployments(&self, asked: &Asked<'_>) -> Answer {
        let repository = &self.repositories[asked.name];
        let wanted = |field: &str, value: &str| asked.request.query(field).is_none_or(|wanted| wanted == value);
        let deployments: Vec<Value> = repository
            .deployments
            .iter()
            .rev()
            .filter(|it| {
                wanted("environment", &it.environment) && wanted("sha", &it.sha) && wanted("ref", &it.reference)
            })
            .map(|it| answers::deployment(asked.github, repository, it))
            .collect();
        list(asked.github, asked.request, &deployments, None)
    }

    fn create_deployment(&mut self, asked: &Asked<'_>) -> Result<Answer, Answer> {
        let account = asked.writer(self, &["deployments"])?;
        let body = asked.body();
        let reference = asked.text("ref").unwrap_or_default();
        let path = asked.github.bare_path(asked.name);
        let sha = repository::branch(&path, &reference)
            .or_else(|| repository::has_commit(&path, &reference).then(|| reference.clone()))
            .ok_or_else(|| refusal(422, &format!("No ref found for: {reference}")))?;
        if body["auto_merge"] != false {
            return Ok(Answer::json(
                202,
                &json!({"message": format!("Auto-merged main into {reference} on deployment.")}),
            ));
        }
        let repository = &self.repositories[asked.name];
        if !body["required_contexts"].is_array()
            && repository.statuses.iter().any(|it| it.sha == sha && it.state != "success")
        {
            return Err(refusal(409, "Conflict: Commit status checks failed"));
        }
        let deployment = Deployment {
            id: self.id(),
            sha,
            reference,
            environment: asked.text("environment").unwrap_or_else(|| "production".to_owned()),
            description: asked.text("description"),
            creator: account.login(),
            at: self.now(),
            statuses: Vec::new(),
        };
        let repository = self.repositories.get_mut(asked.name).ok_or_else(not_found)?;
        let answer = answers::deployment(asked.github, repository, &deployment);
        repository.deployments.push(deployment);
        Ok(Answer::json(201, &answer))
    }

    fn create_deployment_status(&mut self, asked: &Asked<'_>, id: u64) -> Result<Answer, Answer> {
        let account = asked.writer(self, &["deployments"])?;
        let description = asked.text("description").unwrap_or_default();
        if description.chars().count() > 140 {
            return Err(invalid("DeploymentStatus", "description", "custom", Some("description is too long")));
        }
        let status = DeploymentStatus {
            id: self.id(),
            state: asked.text("state").unwrap_or_default(),
            description,
            log_url: asked.text("log_url"),
            creator: account.login(),
            at: self.now(),
        };
        let (inactive_id, now) = (self.id(), self.now());
        let repository = self.repositories.get_mut(asked.name).ok_or_else(not_found)?;
        let index = repository.deployments.iter().position(|it| it.id == id).ok_or_else(not_found)?;
        let environment = repository.deployments[index].environment.clone();
        // A good one puts those before it in the same environment out of use.
        if status.state == "success" && asked.body()["auto_inactive"] != false {
            let others = repository.deployments[..index].iter_mut().filter(|it| it.environment == environment);
            for other in others.filter(|it| it.statuses.last().is_some_and(|last| last.state == "success")) {
                other.statuses.push(DeploymentStatus {
                    id: inactive_id,
                    state: "inactive".to_owned(),
                    description: String::new(),
                    log_url: None,
                    creator: account.login(),
                    at: now.clone(),
                });
            }
        }
        repository.deployments[index].statuses.push(status.clone());
        let answer = answers::deployment_status(asked.github, repository, &repository.deployments[index], &status);
        Ok(Answer::json(201, &answer))
    }
}

/// A check's fields without its annotations, and those.
fn annotated(mut body: Value) -> Result<(Value, Vec<Value>), Answer> {
    let annotations = body.pointer_mut("/output/annotations").map(Value::take).unwrap_or_default();
    let annotations = annotations.as_array().cloned().unwrap_or_default();
    if annotations.len() > 50 {
        let words =
            format!("Invalid request.\n\nNo more than 50 items are allowed; {} were supplied.", annotations.len());
        return Err(refusal(422, &words));
    }
    Ok((body, annotations))
}

pub(super) fn long(text: &str) -> Result<(), Answer> {
    match text.chars().count() > 65_536 {
        true => Err(invalid("IssueComment", "body", "custom", Some("body is too long (maximum is 65536 characters)"))),
        false => Ok(()),
    }
}
