//! The fixture on the stub of GitHub, which is judged by GitHub's own description.

use super::fixture::{Fixture, Who, WorkingCopy};
use async_trait::async_trait;
use mergeline::commit::CommitId;
use mergeline::host::marker::Comment;
use mergeline::host::{Address, GitHubHost, Host, HostKind};
use mergeline::secret::Secret;
use mergeline_lab::GitHub as Server;
use mergeline_lab::stub::{Fault, Injection, Stub};

const REPOSITORY: &str = "acme/shop";

pub(super) struct GitHub {
    stub: Stub<Server>,
    /// Our own token.
    token: String,
    login: &'static str,
    host: GitHubHost,
    copy: WorkingCopy,
}

impl GitHub {
    /// A private repository that we see with a job's token; `None` where the description is not there.
    pub(super) fn new() -> Option<Self> {
        let stub = start()?;
        let token = stub.service().job_token(REPOSITORY);
        Some(Self::with(stub, token, "github-actions[bot]"))
    }

    /// The same, seen with the token of an App's installation.
    pub(super) fn as_app() -> Option<Self> {
        let stub = start()?;
        let token = stub.service().app_token("promoter", true);
        Some(Self::with(stub, token, "promoter[bot]"))
    }

    fn with(stub: Stub<Server>, token: String, login: &'static str) -> Self {
        // Small pages: a few things are more than one page then.
        let host = GitHubHost::new(&address(&stub, &token)).unwrap().with_page_size(3);
        let ada = stub.service().person_token("ada");
        let copy = WorkingCopy::new(remote(&stub, "ada", &ada, REPOSITORY));
        Self { stub, token, login, host, copy }
    }

    fn server(&self) -> &Server {
        self.stub.service()
    }
}

fn start() -> Option<Stub<Server>> {
    let stub = Server::start()?;
    stub.service().create_repository(REPOSITORY, &[("ada", "maintain"), ("rita", "triage"), ("us", "write")]);
    stub.service().create_user("sam");
    Some(stub)
}

fn address(stub: &Stub<Server>, token: &str) -> Address {
    Address {
        kind: HostKind::GitHub,
        api_url: stub.api_url(),
        web_url: stub.url(),
        repository: REPOSITORY.to_owned(),
        token: Some(Secret::new(token)),
        job: None,
    }
}

fn remote(stub: &Stub<Server>, login: &str, token: &str, repository: &str) -> String {
    let clone = stub.service().clone_url(repository);
    clone.replacen("http://", &format!("http://{login}:{token}@"), 1)
}

impl Drop for GitHub {
    fn drop(&mut self) {
        assert!(!self.stub.is_armed() || std::thread::panicking(), "no write came whose answer could be lost");
    }
}

#[async_trait]
impl Fixture for GitHub {
    fn host(&self) -> &dyn Host {
        &self.host
    }

    fn host_as(&self, who: Who) -> Box<dyn Host> {
        let token = match who {
            Who::Us => self.token.clone(),
            other => self.server().person_token(&self.login(other)),
        };
        Box::new(GitHubHost::new(&address(&self.stub, &token)).unwrap())
    }

    fn login(&self, who: Who) -> String {
        who.named(self.login).to_owned()
    }

    fn copy(&self) -> &WorkingCopy {
        &self.copy
    }

    async fn open_pull_request(&self, head: &str, base: &str) -> u64 {
        self.server().open_pull(REPOSITORY, "ada", head, base, &format!("Merge {head}"), "Please.")
    }

    async fn open_from_fork(&self, head: &str, base: &str, file: &str, text: &str) -> (u64, CommitId) {
        let fork = self.server().fork(REPOSITORY, "rita");
        let rita = self.server().person_token("rita");
        let commit = self.copy.commit_to(&remote(&self.stub, "rita", &rita, &fork), head, base, file, text);
        let from = format!("rita:{head}");
        (self.server().open_pull(REPOSITORY, "rita", &from, base, &format!("Merge {head}"), "Please."), commit)
    }

    async fn comment_as(&self, who: Who, number: u64, body: &str) {
        self.server().comment(REPOSITORY, &self.login(who), number, body);
    }

    async fn comments(&self, number: u64) -> Vec<Comment> {
        let comments = self.server().comments(REPOSITORY, number).into_iter();
        comments.map(|(id, author, body)| Comment { id, author, body }).collect()
    }

    async fn remarks(&self, number: u64) -> Vec<(u64, String, String, u64, String)> {
        self.server().line_comments(REPOSITORY, number)
    }

    async fn answer_remark(&self, _number: u64, id: u64, body: &str) {
        self.server().answer_line_comment(REPOSITORY, "ada", id, body);
    }

    async fn checks(&self, commit: &CommitId) -> Vec<(String, usize)> {
        let checks = self.server().checks(REPOSITORY, commit.as_str()).into_iter();
        checks.map(|(name, _, annotations)| (name, annotations)).collect()
    }

    fn has_deployments(&self) -> bool {
        true
    }

    async fn deployments(&self, environment: &str) -> Vec<(CommitId, String)> {
        let deployments = self.server().deployments(REPOSITORY, environment).into_iter();
        deployments
            .map(|(sha, states)| (CommitId::parse(&sha).unwrap(), states.last().cloned().unwrap_or_default()))
            .collect()
    }

    async fn merge_as_person(&self, number: u64) {
        self.server().merge(REPOSITORY, "ada", number, "merge").unwrap();
    }

    async fn close_as_person(&self, number: u64) {
        self.server().close(REPOSITORY, "ada", number);
    }

    async fn settle(&self, _number: u64) {}

    async fn forbid_pull_requests(&self) -> bool {
        self.server().let_jobs_create_pull_requests(REPOSITORY, false);
        true
    }

    fn writes(&self) -> u64 {
        self.stub.writes() as u64
    }

    fn lose_next_answer(&self) {
        self.stub.inject(Injection::nth_write(1, Fault::DropAfter));
    }
}
