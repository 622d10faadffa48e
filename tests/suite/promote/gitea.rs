//! The lab's Gitea as a stage.

use super::stage::{Button, Rig};
use crate::contract::host::proxy::Proxy;
use mergeline::host::{Address, GiteaHost, Host, HostKind};
use mergeline::secret::Secret;
use mergeline_lab::{Client, Gitea as Server, User};
use serde_json::{Value, json};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub(super) struct Gitea {
    server: &'static Server,
    people: &'static (User, User),
    repository: String,
    proxy: Proxy,
}

impl Gitea {
    pub(super) fn new() -> Option<Self> {
        // The same two accounts serve all tests: ours, and a person who may write.
        static PEOPLE: OnceLock<(User, User)> = OnceLock::new();
        let server = mergeline_lab::needs::gitea()?;
        let people = PEOPLE.get_or_init(|| {
            let unique = format!("{}-{}", std::process::id(), jiff::Timestamp::now().as_millisecond());
            let user = |role: &str| server.create_user(&format!("{role}-{unique}")).unwrap();
            (user("mergeline"), user("ada"))
        });
        let repository = server.create_repository("promotion").unwrap();
        for user in [&people.0, &people.1] {
            let path = format!("/repos/{repository}/collaborators/{}", user.name);
            server.as_admin().expect("PUT", &path, Some(&json!({"permission": "write"}))).unwrap();
        }
        Some(Self { server, people, repository, proxy: Proxy::start(&server.url) })
    }

    fn remote(&self, user: &User) -> String {
        self.bare_remote().replacen("http://", &format!("http://{}:{}@", user.name, user.token), 1)
    }

    fn person(&self) -> Client {
        self.server.with_token(&self.people.1.token)
    }

    fn path(&self, rest: &str) -> String {
        format!("/repos/{}{rest}", self.repository)
    }
}

impl Rig for Gitea {
    fn repository(&self) -> String {
        self.repository.clone()
    }

    fn token(&self) -> String {
        self.people.0.token.clone()
    }

    /// Through the witness.
    fn flag(&self) -> String {
        format!("gitea={}/api/v1", self.proxy.url)
    }

    fn host(&self) -> Box<dyn Host> {
        let address = Address {
            kind: HostKind::Gitea,
            api_url: format!("{}/api/v1", self.server.url),
            web_url: self.server.url.clone(),
            repository: self.repository.clone(),
            token: Some(Secret::new(self.people.0.token.as_str())),
            job: None,
        };
        Box::new(GiteaHost::new(&address).unwrap())
    }

    fn bare_remote(&self) -> String {
        self.server.clone_url(&self.repository)
    }

    fn own_remote(&self) -> String {
        self.remote(&self.people.0)
    }

    fn person_remote(&self) -> String {
        self.remote(&self.people.1)
    }

    fn merge(&self, number: u64, button: Button) {
        let start = Instant::now();
        loop {
            let pull = self.person().expect("GET", &self.path(&format!("/pulls/{number}")), None).unwrap();
            if pull["mergeable"] == true {
                break;
            }
            assert!(start.elapsed() < Duration::from_secs(60), "{pull}");
            std::thread::sleep(Duration::from_millis(20));
        }
        let style = match button {
            Button::Merge => "merge",
            Button::Squash => "squash",
            Button::Rebase => "rebase",
        };
        let path = self.path(&format!("/pulls/{number}/merge"));
        self.person().expect("POST", &path, Some(&json!({"do": style}))).unwrap();
    }

    fn close(&self, number: u64) {
        let path = self.path(&format!("/pulls/{number}"));
        self.person().expect("PATCH", &path, Some(&json!({"state": "closed"}))).unwrap();
    }

    fn comments(&self, number: u64) -> Vec<String> {
        let path = self.path(&format!("/issues/{number}/comments"));
        let answer = self.server.as_admin().expect("GET", &path, None).unwrap();
        let body = |comment: &Value| comment["body"].as_str().unwrap().to_owned();
        answer.as_array().unwrap().iter().map(body).collect()
    }

    /// Waits until the server knows that the repository is not empty: until then it has no pull requests.
    fn settle(&self) {
        let start = Instant::now();
        while self.person().expect("GET", &self.path(""), None).unwrap()["empty"] == true {
            assert!(start.elapsed() < Duration::from_secs(60), "the repository stays empty");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// How many requests our own account has sent since the last time.
    fn take_requests(&self) -> u64 {
        self.proxy.take_requests()
    }
}
