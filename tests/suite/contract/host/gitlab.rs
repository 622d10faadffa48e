//! The fixture of the GitLab that the lab plays, installed below a path, with its project in nested groups.

use super::fixture::{Fixture, Who, WorkingCopy};
use async_trait::async_trait;
use mergeline::commit::CommitId;
use mergeline::host::marker::Comment;
use mergeline::host::{Address, GitLabHost, Host, HostKind};
use mergeline::secret::Secret;
use mergeline_lab::gitlab::{Account, Button, DEVELOPER, MAINTAINER, REPORTER, Server};
use mergeline_lab::stub::{Fault, Injection, Stub};

pub(crate) const PROJECT: &str = "acme/platform/shop";

pub(crate) struct GitLab {
    pub(crate) stub: Stub<Server>,
    host: GitLabHost,
    copy: WorkingCopy,
    people: [Account; 4],
}

pub(crate) fn address(stub: &Stub<Server>, token: &str) -> Address {
    Address {
        kind: HostKind::GitLab,
        api_url: stub.api_url(),
        web_url: stub.service().root.clone(),
        repository: PROJECT.to_owned(),
        token: Some(Secret::new(token)),
        job: None,
    }
}

impl GitLab {
    pub(crate) fn new() -> Self {
        let stub = Server::start(Some("/gitlab"));
        let server = stub.service();
        server.create_project(PROJECT, false);
        let people = ["project_7_bot", "ada", "rita", "sam"].map(|name| server.create_account(name));
        for (account, level) in people.iter().zip([MAINTAINER, DEVELOPER, REPORTER]) {
            server.set_member(PROJECT, account, level);
        }
        // Small pages, so that every list has several.
        let host = GitLabHost::new(&address(&stub, &people[0].token)).unwrap().with_page_size(5);
        let copy = WorkingCopy::new(server.clone_url(PROJECT, Some(&people[1])));
        Self { stub, host, copy, people }
    }

    fn server(&self) -> &Server {
        self.stub.service()
    }

    pub(super) fn account(&self, who: Who) -> &Account {
        match who {
            Who::Us => &self.people[0],
            Who::Writer => &self.people[1],
            Who::Reader => &self.people[2],
            Who::Stranger => &self.people[3],
        }
    }
}

impl Drop for GitLab {
    fn drop(&mut self) {
        assert!(!self.stub.is_armed() || std::thread::panicking(), "no write came whose answer could be lost");
        assert_eq!(self.server().obeyed(), [], "text was carried out as a quick action");
    }
}

#[async_trait]
impl Fixture for GitLab {
    fn host(&self) -> &dyn Host {
        &self.host
    }

    fn host_as(&self, who: Who) -> Box<dyn Host> {
        Box::new(GitLabHost::new(&address(&self.stub, &self.account(who).token)).unwrap())
    }

    fn login(&self, who: Who) -> String {
        self.account(who).username.clone()
    }

    fn copy(&self) -> &WorkingCopy {
        &self.copy
    }

    async fn open_pull_request(&self, head: &str, base: &str) -> u64 {
        self.server().open_merge_request(self.account(Who::Writer), (PROJECT, head), (PROJECT, base))
    }

    async fn open_from_fork(&self, head: &str, base: &str, file: &str, text: &str) -> (u64, CommitId) {
        let rita = self.account(Who::Reader);
        let fork = self.server().fork(PROJECT, rita);
        let commit = self.copy.commit_to(&self.server().clone_url(&fork, Some(rita)), head, base, file, text);
        (self.server().open_merge_request(rita, (&fork, head), (PROJECT, base)), commit)
    }

    async fn comment_as(&self, who: Who, number: u64, body: &str) {
        self.server().remark(self.account(who), PROJECT, number, body);
    }

    async fn comments(&self, number: u64) -> Vec<Comment> {
        let remarks = self.server().remarks(PROJECT, number).into_iter();
        remarks.map(|it| Comment { id: it.id, author: it.author, body: it.body }).collect()
    }

    async fn merge_as_person(&self, number: u64) {
        self.server().merge(self.account(Who::Writer), PROJECT, number, Button::Merge);
    }

    async fn close_as_person(&self, number: u64) {
        self.server().close(PROJECT, number);
    }

    async fn settle(&self, number: u64) {
        self.server().settle(PROJECT, number);
    }

    async fn forbid_pull_requests(&self) -> bool {
        self.server().take_merge_requests(PROJECT, false);
        true
    }

    async fn remarks(&self, number: u64) -> Vec<(u64, String, String, u64, String)> {
        self.server().line_notes(PROJECT, number)
    }

    async fn answer_remark(&self, number: u64, id: u64, body: &str) {
        self.server().answer_note(self.account(Who::Writer), PROJECT, number, id, body);
    }

    async fn checks(&self, _commit: &CommitId) -> Vec<(String, usize)> {
        Vec::new()
    }

    fn has_deployments(&self) -> bool {
        true
    }

    async fn deployments(&self, environment: &str) -> Vec<(CommitId, String)> {
        let records = self.server().deployments(PROJECT).into_iter();
        let records = records.filter(|[name, ..]| name == environment);
        records.map(|[_, commit, state, _]| (CommitId::parse(&commit).unwrap(), state)).collect()
    }

    fn writes(&self) -> u64 {
        self.stub.writes() as u64
    }

    fn lose_next_answer(&self) {
        self.stub.inject(Injection::nth_write(1, Fault::DropAfter));
    }
}
