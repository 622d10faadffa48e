//! A real Git host that does not let us in, or not far enough.

use super::hosted::{BRANCHES, Hosted, TOKEN, pull_request};
use mergeline_lab::{Gitea, User, needs};
use serde_json::{Value, json};

struct Shop {
    server: &'static Gitea,
    repository: String,
    us: User,
    hosted: Hosted,
}

impl Shop {
    /// An empty private repository in which our own account may write.
    fn empty() -> Option<Self> {
        let server = needs::gitea()?;
        let repository = server.create_repository("badinput").unwrap();
        let us = server.create_user(repository.rsplit('/').next().unwrap()).unwrap();
        let mut hosted = Hosted::new();
        hosted.clone.git(&["remote", "add", "origin", &server.clone_url(&repository)]);
        hosted.set("MERGELINE_HOST", format!("gitea={}/api/v1", server.url));
        let mut shop = Self { server, repository, us, hosted };
        shop.admin("PATCH", "", &json!({"private": true}));
        shop.admin("PUT", &format!("/collaborators/{}", shop.us.name), &json!({"permission": "write"}));
        let token = shop.us.token.clone();
        shop.with_token(&token);
        Some(shop)
    }

    /// The same with two environments.
    fn stocked() -> Option<Self> {
        let shop = Self::empty()?;
        shop.hosted.clone.write("mergeline.yaml", BRANCHES);
        shop.hosted.clone.write("web/map.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: web}}\n");
        shop.push(&shop.repository, "main");
        Some(shop)
    }

    /// Commits all and pushes it as the administrator.
    fn push(&self, repository: &str, branch: &str) -> String {
        self.server.push_folder(&self.hosted.clone.path, repository, branch, "change").unwrap()
    }

    /// What the next runs are let in by.
    fn with_token(&mut self, token: &str) {
        self.hosted.keep_secret(token);
        self.hosted.set("MERGELINE_TOKEN", token);
    }

    fn admin(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = (method != "GET").then_some(body);
        self.server.as_admin().expect(method, &format!("/repos/{}{path}", self.repository), body).unwrap()
    }

    fn get(&self, path: &str) -> Value {
        self.admin("GET", path, &Value::Null)
    }

    /// Branches, pull requests, comments and statuses.
    fn everything(&self) -> Value {
        let branches = self.get("/branches");
        let heads: Vec<_> = branches.as_array().unwrap().iter().map(|it| (&it["name"], &it["commit"]["id"])).collect();
        let statuses: Vec<_> =
            heads.iter().map(|(_, id)| self.get(&format!("/commits/{}/statuses", id.as_str().unwrap()))).collect();
        json!([heads, statuses, self.get("/issues/comments"), self.get("/issues?type=pulls&state=all")])
    }
}

#[test]
fn without_a_token_or_with_a_wrong_one_nothing_is_read_and_nothing_is_written() {
    let Some(mut shop) = Shop::stocked() else { return };
    let before = shop.everything();
    shop.hosted.set("MERGELINE_TOKEN", TOKEN);
    for command in [&["status"][..], &["promote"], &["run"], &["apply", "dev"]] {
        let said = shop.hosted.run(command).exits(4);
        assert!(said.err.contains("Gitea answered 401"), "{command:?}: {}", said.err);
        assert!(said.err.contains("hint: the token is wrong, expired or revoked"), "{command:?}: {}", said.err);
    }
    shop.hosted.variables.remove("MERGELINE_TOKEN");
    for command in [&["status"][..], &["promote"], &["run"], &["apply", "dev"]] {
        let said = shop.hosted.run(command).exits(4);
        assert!(said.err.contains("MERGELINE_TOKEN"), "{command:?}: {}", said.err);
    }
    assert_eq!(before, shop.everything());
}

#[test]
fn a_token_that_may_only_read_promotes_nothing_and_the_permission_is_named() {
    let Some(mut shop) = Shop::stocked() else { return };
    let before = shop.everything();
    let token = shop.server.create_token(&shop.us, &["read:repository", "read:issue", "read:user"]).unwrap();
    shop.with_token(&token);
    shop.hosted.run(&["status"]).exits(0);
    shop.hosted.run(&["promote", "--dry-run"]).exits(0);
    for command in ["promote", "run"] {
        let said = shop.hosted.run(&[command]).exits(4);
        assert!(said.err.contains("allowed to write contents"), "{command}: {}", said.err);
    }
    assert_eq!(before, shop.everything());
}

#[test]
fn a_person_who_may_only_read_promotes_nothing() {
    let Some(shop) = Shop::stocked() else { return };
    shop.admin("PUT", &format!("/collaborators/{}", shop.us.name), &json!({"permission": "read"}));
    let before = shop.everything();
    let said = shop.hosted.run(&["promote"]).exits(4);
    assert!(said.err.contains("hint: "), "{}", said.err);
    assert_eq!(before, shop.everything());
}

#[test]
fn a_protected_environment_branch_is_named_and_stays() {
    let Some(shop) = Shop::stocked() else { return };
    shop.admin("POST", "/branch_protections", &json!({"rule_name": "env/**", "enable_push": false}));
    let before = shop.everything();
    let said = shop.hosted.run(&["promote"]).exits(4);
    assert!(said.err.contains("cannot push `env/dev`"), "{}", said.err);
    assert!(said.err.contains("branch protection"), "{}", said.err);
    assert_eq!(before, shop.everything());
}

#[test]
fn a_repository_without_pull_requests_says_so_and_the_next_run_goes_on() {
    let Some(shop) = Shop::stocked() else { return };
    shop.admin("PATCH", "", &json!({"has_pull_requests": false}));
    let said = shop.hosted.run(&["promote"]).exits(4);
    assert!(said.err.contains("pull request"), "{}", said.err);
    assert!(said.err.contains("hint: "), "{}", said.err);
    shop.admin("PATCH", "", &json!({"has_pull_requests": true}));
    shop.hosted.run(&["promote"]).exits(0);
}

#[test]
fn an_empty_repository_says_so() {
    let Some(shop) = Shop::empty() else { return };
    let said = shop.hosted.run(&["run"]).exits(0);
    assert!(said.err.contains("nothing to do: the repository has no branch yet"), "{}", said.err);
    for command in [&["status"][..], &["promote"], &["apply", "dev"]] {
        let said = shop.hosted.run(command).exits(2);
        assert!(said.err.contains("the remote has no branch `main`"), "{command:?}: {}", said.err);
    }
}

#[test]
fn a_pull_request_from_a_fork_with_a_token_that_may_only_read_is_judged_and_nothing_is_written() {
    let Some(mut shop) = Shop::stocked() else { return };
    // As it was first, but for what may be asked of it: a stranger forks what everybody may read.
    shop.admin("PATCH", "", &json!({"private": false}));
    let stranger = shop.server.create_user(&format!("{}-fork", shop.us.name)).unwrap();
    let theirs = shop.server.with_token(&stranger.token);
    let fork = theirs.expect("POST", &format!("/repos/{}/forks", shop.repository), Some(&json!({}))).unwrap();
    let fork = fork["full_name"].as_str().unwrap().to_owned();
    shop.hosted.clone.write("web/map.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: web}, data: {a: 1}}\n");
    let head = shop.push(&fork, "change");
    let pull = json!({"head": format!("{}:change", stranger.name), "base": "main", "title": "A change"});
    let pull = theirs.expect("POST", &format!("/repos/{}/pulls", shop.repository), Some(&pull)).unwrap();
    let number = pull["number"].as_u64().unwrap();
    let token = shop.server.create_token(&shop.us, &["read:repository", "read:issue"]).unwrap();
    shop.with_token(&token);
    shop.hosted.variables.remove("MERGELINE_HOST");
    let before = shop.everything();
    let payload = pull_request("opened", number, &head, "change", &fork, &shop.repository);
    shop.hosted.as_job("pull_request", &payload, &shop.repository, &shop.server.url);
    let said = shop.hosted.run(&["run"]).exits(1);
    assert!(said.out.contains("web/map.yaml:1:"), "{}", said.out);
    // The same as a branch of the repository: now its comment is expected, and may not be written.
    let payload = pull_request("opened", number, &head, "change", &shop.repository, &shop.repository);
    shop.hosted.as_job("pull_request", &payload, &shop.repository, &shop.server.url);
    let said = shop.hosted.run(&["run"]).exits(4);
    assert!(said.err.contains("403") && said.err.contains("the token lacks a permission: "), "{}", said.err);
    assert_eq!(before, shop.everything());
}
