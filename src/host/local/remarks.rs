//! Remarks beside lines, kept in the pull request's record.

use super::LocalHost;
use super::store::{RemarkRecord, pull_path};
use crate::commit::CommitId;
use crate::failure::Result;
use crate::host::marker::{WriteError, Written};
use crate::host::remarks::{Posted, Remark, Remarks};
use crate::host::{Host, Rights};
use async_trait::async_trait;

/// The remarks of one pull request.
pub(super) struct RemarksOf<'a> {
    pub host: &'a LocalHost,
    pub number: u64,
}

impl RemarksOf<'_> {
    fn change(&self, change: impl FnOnce(&mut Vec<RemarkRecord>)) -> Result<()> {
        let files = self.host.folder.locked()?;
        self.host.need(&files, Rights::Read, "remark on a line")?;
        let mut record = self.host.record(&files, self.number)?;
        change(&mut record.remarks);
        self.host.wrote(|| files.write(&pull_path(self.number), &record))
    }

    fn add(
        &self,
        path: &str,
        line: u32,
        body: &str,
        answers: Option<u64>,
    ) -> impl FnOnce(&mut Vec<RemarkRecord>) + use<> {
        let (author, path, body) = (self.host.login.clone(), path.to_owned(), body.to_owned());
        move |remarks: &mut Vec<RemarkRecord>| {
            let id = remarks.iter().map(|remark| remark.id).max().unwrap_or_default() + 1;
            remarks.push(RemarkRecord { id, author, path, line, answers, body });
        }
    }

    pub(super) fn answer(&self, id: u64, body: &str) -> Result<()> {
        self.change(self.add("", 0, body, Some(id)))
    }
}

#[async_trait]
impl Remarks for RemarksOf<'_> {
    async fn head(&self) -> Result<CommitId> {
        Ok(self.host.pull_request(self.number).await?.head)
    }

    async fn list(&self) -> Result<Vec<Posted>> {
        let record = self.host.record(&self.host.folder.locked()?, self.number)?;
        let answered: Vec<u64> = record.remarks.iter().filter_map(|remark| remark.answers).collect();
        let posted =
            |r: RemarkRecord| Posted { answered: answered.contains(&r.id), id: r.id, author: r.author, body: r.body };
        Ok(record.remarks.into_iter().map(posted).collect())
    }

    async fn create(&self, _head: &CommitId, remarks: &[&Remark]) -> Written<()> {
        let added: Vec<_> = remarks.iter().map(|it| self.add(&it.path, it.line, &it.text(), None)).collect();
        self.change(|records| added.into_iter().for_each(|add| add(records))).map_err(WriteError::NotDone)?;
        self.host.answer().map_err(WriteError::MaybeDone)
    }

    async fn update(&self, id: u64, text: &str) -> Result<()> {
        let own = &self.host.login;
        self.change(|remarks| {
            for remark in remarks.iter_mut().filter(|remark| remark.id == id && remark.author == *own) {
                text.clone_into(&mut remark.body);
            }
        })
    }

    async fn delete(&self, id: u64) -> Result<()> {
        let own = &self.host.login;
        self.change(|remarks| remarks.retain(|remark| remark.id != id || remark.author != *own))
    }
}
