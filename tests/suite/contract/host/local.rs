//! The local host's fixture.

use super::fixture::{Fixture, Who, WorkingCopy};
use async_trait::async_trait;
use mergeline::commit::CommitId;
use mergeline::host::local::Proposal;
use mergeline::host::marker::Comment;
use mergeline::host::{Host, LocalHost, Rights};
use tempfile::TempDir;

pub(super) struct Local {
    _folder: TempDir,
    host: LocalHost,
    copy: WorkingCopy,
}

impl Local {
    pub(super) fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let host = LocalHost::create(folder.path().join("host"), "acme/shop").unwrap();
        host.set_member("ada", Rights::Write).unwrap();
        host.set_member("rita", Rights::Read).unwrap();
        let copy = WorkingCopy::new(host.repository_path().display().to_string());
        Self { _folder: folder, host, copy }
    }

    fn ada(&self) -> LocalHost {
        self.host.as_user("ada")
    }

    fn propose(&self, head: &str, fork: Option<&str>, base: &str) -> u64 {
        let proposal = Proposal {
            head_branch: head.to_owned(),
            fork: fork.map(str::to_owned),
            base_branch: base.to_owned(),
            title: format!("Merge {head}"),
            body: "Please.".to_owned(),
        };
        let by = if fork.is_some() { self.host.as_user("rita") } else { self.ada() };
        by.open_pull_request(&proposal).unwrap().number
    }
}

#[async_trait]
impl Fixture for Local {
    fn host(&self) -> &dyn Host {
        &self.host
    }

    fn host_as(&self, who: Who) -> Box<dyn Host> {
        Box::new(self.host.as_user(&self.login(who)))
    }

    fn login(&self, who: Who) -> String {
        who.named("mergeline").to_owned()
    }

    fn copy(&self) -> &WorkingCopy {
        &self.copy
    }

    async fn open_pull_request(&self, head: &str, base: &str) -> u64 {
        self.propose(head, None, base)
    }

    async fn open_from_fork(&self, head: &str, base: &str, file: &str, text: &str) -> (u64, CommitId) {
        let commit = self.copy.commit(head, Some(base), file, text, &format!("refs/forks/rita/{head}"));
        (self.propose(head, Some("rita"), base), commit)
    }

    async fn comment_as(&self, who: Who, number: u64, body: &str) {
        self.host.as_user(&self.login(who)).comment(number, body).unwrap();
    }

    async fn comments(&self, number: u64) -> Vec<Comment> {
        self.host.comments(number).unwrap()
    }

    async fn remarks(&self, number: u64) -> Vec<(u64, String, String, u64, String)> {
        let remarks = self.host.remarks(number).unwrap().into_iter();
        remarks.map(|(path, line, it)| (it.id, it.author, path, u64::from(line), it.body)).collect()
    }

    async fn answer_remark(&self, number: u64, id: u64, body: &str) {
        self.ada().answer_remark(number, id, body).unwrap();
    }

    async fn checks(&self, commit: &CommitId) -> Vec<(String, usize)> {
        let path = self.host.folder().join(format!("checks/{commit}.json"));
        let text = std::fs::read_to_string(path).unwrap_or_else(|_| "[]".to_owned());
        let checks: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        let count = |check: &serde_json::Value| check["annotations"].as_array().unwrap().len();
        checks.iter().map(|check| (check["name"].as_str().unwrap().to_owned(), count(check))).collect()
    }

    fn has_deployments(&self) -> bool {
        true
    }

    async fn deployments(&self, environment: &str) -> Vec<(CommitId, String)> {
        let path = self.host.folder().join(format!("deployments/{environment}.json"));
        let records: Vec<serde_json::Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let text = |record: &serde_json::Value, key: &str| record[key].as_str().unwrap().to_owned();
        let mut deployments: Vec<(CommitId, String)> = Vec::new();
        for record in &records {
            let commit = CommitId::parse(&text(record, "commit")).unwrap();
            if deployments.last().is_some_and(|(last, _)| *last == commit) {
                deployments.pop();
            }
            deployments.push((commit, text(record, "state")));
        }
        deployments
    }

    async fn merge_as_person(&self, number: u64) {
        self.ada().merge_pull_request(number).unwrap();
    }

    async fn close_as_person(&self, number: u64) {
        self.ada().set_open(number, false).unwrap();
    }

    async fn settle(&self, _number: u64) {}

    async fn forbid_pull_requests(&self) -> bool {
        self.host.let_jobs_create_pull_requests(false).unwrap();
        true
    }

    fn writes(&self) -> u64 {
        self.host.writes()
    }

    fn lose_next_answer(&self) {
        self.host.lose_next_answer();
    }
}
