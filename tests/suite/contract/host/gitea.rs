//! The fixture on the lab's real Gitea.

use super::fixture::{Fixture, Who, WorkingCopy};
use super::proxy::Proxy;
use async_trait::async_trait;
use mergeline::commit::CommitId;
use mergeline::host::marker::Comment;
use mergeline::host::{Address, GiteaHost, Host, HostKind};
use mergeline::secret::Secret;
use mergeline_lab::{Client, Gitea as Server, User};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub(super) struct Gitea {
    server: &'static Server,
    people: &'static People,
    /// The account under test.
    us: User,
    /// The job whose token we have; it ends when this is dropped.
    _job: Option<TcpStream>,
    proxy: Proxy,
    repository: String,
    host: GiteaHost,
    copy: WorkingCopy,
}

/// The same four accounts serve all tests of one process; each test has a repository of its own.
struct People {
    us: User,
    writer: User,
    reader: User,
    stranger: User,
}

impl Gitea {
    /// A private repository on the lab's server, which we see as a person's account; `None` where there is no lab.
    pub(super) fn new() -> Option<Self> {
        Self::start(false)
    }

    /// The same, seen with the token of a job that runs as long as the fixture lives.
    pub(super) fn as_job() -> Option<Self> {
        Self::start(true)
    }

    fn start(as_job: bool) -> Option<Self> {
        static PEOPLE: OnceLock<People> = OnceLock::new();
        let server = mergeline_lab::needs::gitea()?;
        let people = PEOPLE.get_or_init(|| {
            let unique = format!("{}-{}", std::process::id(), jiff::Timestamp::now().as_millisecond());
            let user = |role: &str| server.create_user(&format!("{role}-{unique}")).unwrap();
            People { us: user("us"), writer: user("writer"), reader: user("reader"), stranger: user("stranger") }
        });
        let repository = server.create_repository("contract").unwrap();
        let admin = server.as_admin();
        admin.expect("PATCH", &format!("/repos/{repository}"), Some(&json!({"private": true}))).unwrap();
        for (user, permission) in [(&people.us, "write"), (&people.writer, "write"), (&people.reader, "read")] {
            let path = format!("/repos/{repository}/collaborators/{}", user.name);
            admin.expect("PUT", &path, Some(&json!({"permission": permission}))).unwrap();
        }
        let copy = WorkingCopy::new(remote(server, &people.writer, &repository));
        let (us, job) = if as_job {
            let (user, job) = job(server, &copy, &repository);
            (user, Some(job))
        } else {
            (people.us.clone(), None)
        };
        let proxy = Proxy::start(&server.url);
        // Small pages: a few things are more than one page then.
        let host = GiteaHost::new(&address(&proxy.url, &repository, &us.token)).unwrap().with_page_size(3);
        Some(Self { server, people, us, _job: job, proxy, repository, host, copy })
    }

    fn user(&self, who: Who) -> &User {
        match who {
            Who::Us => &self.us,
            Who::Writer => &self.people.writer,
            Who::Reader => &self.people.reader,
            Who::Stranger => &self.people.stranger,
        }
    }

    fn client(&self, who: Who) -> Client {
        self.server.with_token(&self.user(who).token)
    }

    fn path(&self, rest: &str) -> String {
        format!("/repos/{}{rest}", self.repository)
    }

    fn propose(&self, who: Who, head: &str, base: &str) -> u64 {
        let body = json!({"head": head, "base": base, "title": format!("Merge {head}"), "body": "Please."});
        self.client(who).expect("POST", &self.path("/pulls"), Some(&body)).unwrap()["number"].as_u64().unwrap()
    }
}

/// Waits for what the server does after it has answered.
fn wait(server: &Server, path: &str, wanted: impl Fn(&Value) -> bool) {
    let start = Instant::now();
    loop {
        let (status, answer) = server.as_admin().api("GET", path, None).unwrap();
        if wanted(&answer) {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "GET {path}: {status} {answer}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn wait_for_branch(server: &Server, repository: &str, branch: &str, commit: &CommitId) {
    wait(server, &format!("/repos/{repository}"), |answer| answer["empty"] == false);
    let path = format!("/repos/{repository}/branches/{branch}");
    wait(server, &path, |answer| answer["commit"]["id"] == commit.as_str());
}

/// Starts a job that sends its token to us and then waits until we hang up.
fn job(server: &Server, copy: &WorkingCopy, repository: &str) -> (User, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let workflow = format!(
        r#"on: {{workflow_dispatch: {{}}}}
permissions: {{contents: write, pull-requests: write, issues: write, statuses: write}}
jobs:
  wait:
    runs-on: ubuntu-latest
    steps:
    - run: |
        exec 3<>/dev/tcp/127.0.0.1/{port}
        printf '%s\n' "$TOKEN" >&3
        cat <&3
      env: {{TOKEN: "${{{{ github.token }}}}"}}
"#
    );
    let commit = copy.commit("main", None, ".github/workflows/wait.yml", &workflow, "refs/heads/main");
    wait_for_branch(server, repository, "main", &commit);
    server.dispatch(repository, "wait.yml", "main", &json!({})).unwrap();
    let (stream, _) = listener.accept().unwrap();
    let mut token = String::new();
    BufReader::new(&stream).read_line(&mut token).unwrap();
    let user = User { name: "gitea-actions".to_owned(), password: String::new(), token: token.trim().to_owned() };
    (user, stream)
}

impl Drop for Gitea {
    fn drop(&mut self) {
        assert!(!self.proxy.is_armed() || std::thread::panicking(), "no write came whose answer could be lost");
    }
}

fn address(url: &str, repository: &str, token: &str) -> Address {
    Address {
        kind: HostKind::Gitea,
        api_url: format!("{url}/api/v1"),
        web_url: url.to_owned(),
        repository: repository.to_owned(),
        token: Some(Secret::new(token)),
        job: None,
    }
}

fn remote(server: &Server, user: &User, repository: &str) -> String {
    let clone = server.clone_url(repository);
    clone.replacen("http://", &format!("http://{}:{}@", user.name, user.token), 1)
}

#[async_trait]
impl Fixture for Gitea {
    fn host(&self) -> &dyn Host {
        &self.host
    }

    fn host_as(&self, who: Who) -> Box<dyn Host> {
        Box::new(GiteaHost::new(&address(&self.server.url, &self.repository, &self.user(who).token)).unwrap())
    }

    fn login(&self, who: Who) -> String {
        self.user(who).name.clone()
    }

    async fn commit(&self, branch: &str, from: Option<&str>, file: &str, text: &str) -> CommitId {
        let commit = self.copy.commit(branch, from, file, text, &format!("refs/heads/{branch}"));
        wait_for_branch(self.server, &self.repository, branch, &commit);
        commit
    }

    fn copy(&self) -> &WorkingCopy {
        &self.copy
    }

    async fn open_pull_request(&self, head: &str, base: &str) -> u64 {
        self.propose(Who::Writer, head, base)
    }

    async fn open_from_fork(&self, head: &str, base: &str, file: &str, text: &str) -> (u64, CommitId) {
        let answer = self.client(Who::Reader).expect("POST", &self.path("/forks"), Some(&json!({}))).unwrap();
        let fork = answer["full_name"].as_str().unwrap().to_owned();
        let commit = self.copy.commit_to(&remote(self.server, &self.people.reader, &fork), head, base, file, text);
        wait_for_branch(self.server, &fork, head, &commit);
        (self.propose(Who::Reader, &format!("{}:{head}", self.people.reader.name), base), commit)
    }

    async fn comment_as(&self, who: Who, number: u64, body: &str) {
        let path = self.path(&format!("/issues/{number}/comments"));
        self.client(who).expect("POST", &path, Some(&json!({"body": body}))).unwrap();
    }

    async fn comments(&self, number: u64) -> Vec<Comment> {
        let path = self.path(&format!("/issues/{number}/comments"));
        let answer = self.server.as_admin().expect("GET", &path, None).unwrap();
        let comment = |c: &Value| Comment {
            id: c["id"].as_u64().unwrap(),
            author: c["user"]["login"].as_str().unwrap().to_owned(),
            body: c["body"].as_str().unwrap().to_owned(),
        };
        answer.as_array().unwrap().iter().map(comment).collect()
    }

    async fn remarks(&self, number: u64) -> Vec<(u64, String, String, u64, String)> {
        let reviews =
            self.server.as_admin().expect("GET", &self.path(&format!("/pulls/{number}/reviews?limit=50")), None);
        let mut remarks = Vec::new();
        for review in reviews.unwrap().as_array().unwrap() {
            let path = self.path(&format!("/pulls/{number}/reviews/{}/comments", review["id"]));
            let comments = self.server.as_admin().expect("GET", &path, None).unwrap();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            remarks.extend(comments.as_array().unwrap().iter().map(|c| {
                let (id, line) = (c["id"].as_u64().unwrap(), c["position"].as_u64().unwrap());
                (id, text(&c["user"]["login"]), text(&c["path"]), line, text(&c["body"]))
            }));
        }
        remarks.sort();
        remarks
    }

    async fn answer_remark(&self, number: u64, id: u64, body: &str) {
        let (_, _, path, line, _) = self.remarks(number).await.into_iter().find(|it| it.0 == id).unwrap();
        let comment = json!({"path": path, "new_position": line, "body": body});
        let review = json!({"event": "COMMENT", "comments": [comment]});
        self.client(Who::Writer)
            .expect("POST", &self.path(&format!("/pulls/{number}/reviews")), Some(&review))
            .unwrap();
    }

    async fn checks(&self, _commit: &CommitId) -> Vec<(String, usize)> {
        Vec::new()
    }

    fn has_deployments(&self) -> bool {
        false
    }

    async fn deployments(&self, _environment: &str) -> Vec<(CommitId, String)> {
        Vec::new()
    }

    async fn merge_as_person(&self, number: u64) {
        self.settle(number).await;
        let path = self.path(&format!("/pulls/{number}/merge"));
        self.client(Who::Writer).expect("POST", &path, Some(&json!({"do": "merge"}))).unwrap();
    }

    async fn close_as_person(&self, number: u64) {
        let path = self.path(&format!("/pulls/{number}"));
        self.client(Who::Writer).expect("PATCH", &path, Some(&json!({"state": "closed"}))).unwrap();
    }

    async fn settle(&self, number: u64) {
        wait(self.server, &self.path(&format!("/pulls/{number}")), |answer| answer["mergeable"] == true);
    }

    async fn forbid_pull_requests(&self) -> bool {
        let setting = json!({"has_pull_requests": false});
        self.server.as_admin().expect("PATCH", &self.path(""), Some(&setting)).unwrap();
        true
    }

    fn writes(&self) -> u64 {
        self.proxy.writes()
    }

    fn lose_next_answer(&self) {
        self.proxy.lose_next_answer();
    }
}
