//! The GitLab that the lab plays as a stage, seen with a project access token.

use super::stage::{Button, Rig};
use mergeline::host::{Address, GitLabHost, Host, HostKind};
use mergeline::secret::Secret;
use mergeline_lab::gitlab::{self, Account, DEVELOPER, Server};
use mergeline_lab::stub::Stub;

const PROJECT: &str = "acme/platform/shop";

pub(super) struct GitLab {
    stub: Stub<Server>,
    us: Account,
    ada: Account,
}

impl GitLab {
    pub(super) fn new() -> Self {
        let stub = Server::start(Some("/gitlab"));
        let server = stub.service();
        server.create_project(PROJECT, false);
        let [us, ada] = ["project_7_bot", "ada"].map(|name| server.create_account(name));
        for account in [&us, &ada] {
            server.set_member(PROJECT, account, DEVELOPER);
        }
        Self { stub, us, ada }
    }
}

impl Rig for GitLab {
    fn repository(&self) -> String {
        PROJECT.to_owned()
    }

    fn token(&self) -> String {
        self.us.token.clone()
    }

    /// The host as a flag names it.
    fn flag(&self) -> String {
        format!("gitlab={}", self.stub.api_url())
    }

    fn host(&self) -> Box<dyn Host> {
        let address = Address {
            kind: HostKind::GitLab,
            api_url: self.stub.api_url(),
            web_url: self.stub.service().root.clone(),
            repository: PROJECT.to_owned(),
            token: Some(Secret::new(self.us.token.as_str())),
            job: None,
        };
        Box::new(GitLabHost::new(&address).unwrap())
    }

    fn bare_remote(&self) -> String {
        self.stub.service().clone_url(PROJECT, None)
    }

    fn own_remote(&self) -> String {
        self.stub.service().clone_url(PROJECT, Some(&self.us))
    }

    fn person_remote(&self) -> String {
        self.stub.service().clone_url(PROJECT, Some(&self.ada))
    }

    fn merge(&self, number: u64, button: Button) {
        let button = match button {
            Button::Merge => gitlab::Button::Merge,
            Button::Squash => gitlab::Button::Squash,
            Button::Rebase => gitlab::Button::Rebase,
        };
        self.stub.service().merge(&self.ada, PROJECT, number, button);
    }

    fn close(&self, number: u64) {
        self.stub.service().close(PROJECT, number);
    }

    fn comments(&self, number: u64) -> Vec<String> {
        self.stub.service().remarks(PROJECT, number).into_iter().map(|remark| remark.body).collect()
    }

    fn take_requests(&self) -> u64 {
        self.stub.take_log().len() as u64
    }
}
