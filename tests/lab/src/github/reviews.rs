//! Reviews and the comments on lines that they consist of.

use serde_json::{Value, json};

use super::answers::{self, list, not_found, refusal};
use super::api::{Asked, long};
use super::world::{Account, LineComment, World};
use super::{GitHub, repository};
use crate::stub::Answer;

impl World {
    pub(super) fn line_comments(&self, asked: &Asked<'_>, number: u64) -> Result<Answer, Answer> {
        let repository = &self.repositories[asked.name];
        repository.pulls.get(&number).ok_or_else(not_found)?;
        let comments = repository.remarks.iter().filter(|it| it.number == number);
        let comments: Vec<Value> = comments.map(|it| answer(asked, it)).collect();
        Ok(list(asked.github, asked.request, &comments, None))
    }

    pub(super) fn create_review(&mut self, asked: &Asked<'_>, number: u64) -> Result<Answer, Answer> {
        let account = asked.writer(self, &["pull-requests"])?;
        let body = asked.body();
        let comments = body["comments"].as_array().cloned().unwrap_or_default();
        let text = body["body"].as_str().unwrap_or_default();
        if body["event"] == "COMMENT" && text.is_empty() && comments.is_empty() {
            return Err(unprocessable("Review body is required"));
        }
        // One line that is no part of the diff refuses all of it.
        let made: Vec<LineComment> = comments
            .iter()
            .map(|comment| self.line_comment(asked, &account, number, comment, &body["commit_id"]))
            .collect::<Result<_, _>>()?;
        let id = self.id();
        let repository = self.repositories.get_mut(asked.name).ok_or_else(not_found)?;
        repository.remarks.extend(made.into_iter().map(|comment| LineComment { review: id, ..comment }));
        let html = format!("{}/{}/pull/{number}", asked.github.url, asked.name);
        let review = json!({
            "id": id, "node_id": format!("PRR_{id}"), "user": answers::user(asked.github, &account.login()), "body": text,
            "state": "COMMENTED", "commit_id": body["commit_id"], "html_url": format!("{html}#pullrequestreview-{id}"),
            "pull_request_url": format!("{}/api/v3/repos/{}/pulls/{number}", asked.github.url, asked.name),
            "_links": {"html": {"href": html}, "pull_request": {"href": html}}, "author_association": "NONE",
        });
        Ok(Answer::json(200, &review))
    }

    pub(super) fn create_line_comment(&mut self, asked: &Asked<'_>, number: u64) -> Result<Answer, Answer> {
        let account = asked.writer(self, &["pull-requests"])?;
        let body = asked.body();
        let made = self.line_comment(asked, &account, number, &body, &body["commit_id"])?;
        let answer = answer(asked, &made);
        self.repositories.get_mut(asked.name).ok_or_else(not_found)?.remarks.push(made);
        Ok(Answer::json(201, &answer))
    }

    pub(super) fn change_line_comment(&mut self, asked: &Asked<'_>, id: u64) -> Result<Answer, Answer> {
        let account = asked.writer(self, &["pull-requests"])?;
        let repository = self.repositories.get_mut(asked.name).ok_or_else(not_found)?;
        let index = repository.remarks.iter().position(|comment| comment.id == id).ok_or_else(not_found)?;
        if repository.remarks[index].author != account.login() && account.app().is_some() {
            return Err(refusal(403, account.refusal()));
        }
        if asked.request.method == "DELETE" {
            repository.remarks.remove(index);
            return Ok(Answer::empty(204));
        }
        let body = asked.body()["body"].as_str().unwrap_or_default().to_owned();
        long(&body)?;
        repository.remarks[index].body = body;
        Ok(Answer::json(200, &answer(asked, &repository.remarks[index])))
    }

    fn line_comment(
        &mut self,
        asked: &Asked<'_>,
        account: &Account,
        number: u64,
        comment: &Value,
        commit: &Value,
    ) -> Result<LineComment, Answer> {
        let (id, at) = (self.id(), self.now());
        let pull = self.repositories[asked.name].pulls.get(&number).ok_or_else(not_found)?;
        let text = |name: &str| comment[name].as_str().unwrap_or_default().to_owned();
        let (path, line, body) = (text("path"), comment["line"].as_u64().unwrap_or_default(), text("body"));
        long(&body)?;
        let folder = asked.github.bare_path(asked.name);
        let base = repository::branch(&folder, &pull.base_branch).unwrap_or_default();
        let shown = repository::shown_lines(&folder, &base, &pull.head, &path);
        if commit != &json!(pull.head) || !shown.iter().any(|range| range.contains(&line)) {
            return Err(unprocessable("Pull request review thread line must be part of the diff"));
        }
        let (author, commit) = (account.login(), pull.head.clone());
        Ok(LineComment { id, number, review: 0, author, commit, path, line, body, answers: None, at })
    }
}

impl GitHub {
    /// The comments on lines of a pull request, oldest first: number, author, path, line, text.
    #[must_use]
    pub fn line_comments(&self, repository: &str, number: u64) -> Vec<(u64, String, String, u64, String)> {
        let world = self.world();
        let comments = world.repositories[repository].remarks.iter().filter(|it| it.number == number);
        comments.map(|it| (it.id, it.author.clone(), it.path.clone(), it.line, it.body.clone())).collect()
    }

    /// How many reviews these comments came with: people are told of each once.
    #[must_use]
    pub fn reviews(&self, repository: &str, number: u64) -> usize {
        let world = self.world();
        let comments = world.repositories[repository].remarks.iter().filter(|it| it.number == number);
        comments.map(|it| it.review).collect::<std::collections::BTreeSet<_>>().len()
    }

    /// Answers a comment on a line as a person.
    pub fn answer_line_comment(&self, repository: &str, login: &str, id: u64, body: &str) {
        let mut world = self.world();
        let (new, at) = (world.id(), world.now());
        let Some(repository) = world.repositories.get_mut(repository) else { return };
        let Some(first) = repository.remarks.iter().find(|it| it.id == id).cloned() else { return };
        let (author, body) = (login.to_owned(), body.to_owned());
        repository.remarks.push(LineComment { id: new, author, body, answers: Some(id), at, ..first });
    }
}

fn unprocessable(words: &str) -> Answer {
    refusal(422, words)
}

fn answer(asked: &Asked<'_>, comment: &LineComment) -> Value {
    let LineComment { id, number, review, .. } = comment;
    let api = format!("{}/api/v3/repos/{}/pulls", asked.github.url, asked.name);
    let html = format!("{}/{}/pull/{number}#discussion_r{id}", asked.github.url, asked.name);
    let mut answer = json!({
        "id": id, "node_id": format!("PRRC_{id}"), "url": format!("{api}/comments/{id}"),
        "pull_request_review_id": review, "diff_hunk": "@@ -1 +1 @@", "path": comment.path, "commit_id": comment.commit,
        "original_commit_id": comment.commit, "user": answers::user(asked.github, &comment.author), "body": comment.body,
        "created_at": comment.at, "updated_at": comment.at, "html_url": html, "author_association": "NONE",
        "pull_request_url": format!("{api}/{number}"), "line": comment.line, "original_line": comment.line, "side": "RIGHT",
        "_links": {
            "self": {"href": format!("{api}/comments/{id}")}, "html": {"href": html},
            "pull_request": {"href": format!("{api}/{number}")},
        },
    });
    if let Some(of) = comment.answers {
        answer["in_reply_to_id"] = json!(of);
    }
    answer
}
