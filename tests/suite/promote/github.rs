//! The stub of GitHub as a stage, seen with a job's token.

use super::stage::{Button, Rig};
use mergeline::host::{Address, GitHubHost, Host, HostKind};
use mergeline::secret::Secret;
use mergeline_lab::GitHub as Server;
use mergeline_lab::stub::Stub;
use std::sync::Arc;

const REPOSITORY: &str = "acme/shop";

pub(super) struct GitHub {
    stub: Arc<Stub<Server>>,
    token: String,
    person: String,
}

impl GitHub {
    pub(super) fn new() -> Option<Self> {
        let stub = Arc::new(Server::start()?);
        stub.service().create_repository(REPOSITORY, &[("ada", "write")]);
        let token = stub.service().job_token(REPOSITORY);
        let person = stub.service().person_token("ada");
        Some(Self { stub, token, person })
    }

    /// The same with the token of an App that may write workflows.
    pub(super) fn as_app() -> Option<Self> {
        let mut rig = Self::new()?;
        rig.token = rig.stub.service().app_token("promoter", true);
        Some(rig)
    }

    /// The stub itself, which outlives the stage.
    pub(super) fn stub(&self) -> Arc<Stub<Server>> {
        Arc::clone(&self.stub)
    }

    fn remote(&self, login: &str, token: &str) -> String {
        self.bare_remote().replacen("http://", &format!("http://{login}:{token}@"), 1)
    }
}

impl Rig for GitHub {
    fn repository(&self) -> String {
        REPOSITORY.to_owned()
    }

    fn token(&self) -> String {
        self.token.clone()
    }

    /// The host as a flag names it.
    fn flag(&self) -> String {
        format!("github={}", self.stub.api_url())
    }

    fn host(&self) -> Box<dyn Host> {
        let address = Address {
            kind: HostKind::GitHub,
            api_url: self.stub.api_url(),
            web_url: self.stub.url(),
            repository: REPOSITORY.to_owned(),
            token: Some(Secret::new(self.token.as_str())),
            job: None,
        };
        Box::new(GitHubHost::new(&address).unwrap())
    }

    fn bare_remote(&self) -> String {
        self.stub.service().clone_url(REPOSITORY)
    }

    fn own_remote(&self) -> String {
        self.remote("x-access-token", &self.token)
    }

    fn person_remote(&self) -> String {
        self.remote("ada", &self.person)
    }

    fn merge(&self, number: u64, button: Button) {
        let method = match button {
            Button::Merge => "merge",
            Button::Squash => "squash",
            Button::Rebase => "rebase",
        };
        self.stub.service().merge(REPOSITORY, "ada", number, method).unwrap();
    }

    fn close(&self, number: u64) {
        self.stub.service().close(REPOSITORY, "ada", number);
    }

    fn comments(&self, number: u64) -> Vec<String> {
        self.stub.service().comments(REPOSITORY, number).into_iter().map(|(_, _, body)| body).collect()
    }

    fn take_requests(&self) -> u64 {
        self.stub.take_log().len() as u64
    }
}
