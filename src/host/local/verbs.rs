//! The local host as a [`Host`].

use super::remarks::RemarksOf;
use super::store::{CheckRecord, DeploymentRecord, PullRecord, StatusRecord};
use super::store::{checks_path, deployments_path, pull_path, statuses_path};
use super::{LocalHost, Proposal, settings};
use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use crate::host::marker::{self, Comment, Comments, WriteError, Written};
use crate::host::remarks;
use crate::host::{
    Annotation, Check, Deployment, Ensured, Host, Landing, Limits, PostedStatus, PullRequest, PullRequestDraft,
    PullRequestQuery, PullRequestState, Remark, RepositoryFacts, Rights, Status, StatusGrant, limits,
};
use crate::trust::{ApplyGrant, CommentGrant, PromoteGrant};
use async_trait::async_trait;
use std::sync::atomic::Ordering;

impl LocalHost {
    /// Says once that an answer is lost, when a test asked for it.
    pub(super) fn answer(&self) -> Result<()> {
        if self.lose_next_answer.swap(false, Ordering::Relaxed) {
            return Err(Failure::remote("the answer of the host was lost on the way"));
        }
        Ok(())
    }

    /// The open pull request from the draft's branch to its base.
    fn open_like(&self, draft: &PullRequestDraft) -> Result<Option<PullRecord>> {
        let files = self.folder.locked()?;
        for number in files.pull_numbers()?.into_iter().rev() {
            let record = self.record(&files, number)?;
            let same = record.head_branch == draft.head_branch && record.base_branch == draft.base_branch;
            if same && record.fork.is_none() && record.state == PullRequestState::Open {
                return Ok(Some(record));
            }
        }
        Ok(None)
    }

    fn create_drafted(&self, draft: &PullRequestDraft) -> Result<PullRecord> {
        let files = self.folder.locked()?;
        self.need(&files, Rights::Write, "create a pull request")?;
        if !settings(&files)?.jobs_may_create_pull_requests {
            return Err(Failure::remote("a setting of the repository forbids jobs to create pull requests").hint(
                format!(
                    "set `jobs-may-create-pull-requests` to `true` in `{}/host.json`",
                    self.folder.root().display()
                ),
            ));
        }
        let proposal = Proposal {
            head_branch: draft.head_branch.clone(),
            fork: None,
            base_branch: draft.base_branch.clone(),
            title: draft.title.clone(),
            body: draft.body.clone(),
        };
        self.open_record(&files, &proposal, &draft.labels)
    }
}

#[async_trait]
impl Host for LocalHost {
    fn limits(&self) -> Limits {
        limits::LOCAL
    }

    async fn identity(&self) -> Result<String> {
        Ok(self.login.clone())
    }

    async fn repository(&self) -> Result<RepositoryFacts> {
        let settings = settings(&self.folder.locked()?)?;
        let own_rights = settings.members.get(&self.login).copied().unwrap_or(Rights::None);
        Ok(RepositoryFacts {
            name: settings.repository,
            default_branch: settings.default_branch,
            web_url: self.folder.root().display().to_string(),
            own_rights: if self.read_only { own_rights.min(Rights::Read) } else { own_rights },
            ci_paths: Vec::new(),
            links: super::super::LinkTemplates::default(),
        })
    }

    async fn rights(&self, login: &str) -> Result<Rights> {
        Ok(settings(&self.folder.locked()?)?.members.get(login).copied().unwrap_or(Rights::None))
    }

    async fn pull_request(&self, number: u64) -> Result<PullRequest> {
        let record = self.record(&self.folder.locked()?, number)?;
        Ok(self.pull(&record))
    }

    async fn pull_requests(&self, query: &PullRequestQuery) -> Result<Vec<PullRequest>> {
        let files = self.folder.locked()?;
        let mut found = Vec::new();
        for number in files.pull_numbers()?.into_iter().rev() {
            let pull = self.pull(&self.record(&files, number)?);
            if query.matches(&pull) {
                found.push(pull);
            }
        }
        Ok(found)
    }

    async fn statuses(&self, commit: &CommitId) -> Result<Vec<PostedStatus>> {
        let records: Vec<StatusRecord> = self.folder.locked()?.read(&statuses_path(commit))?.unwrap_or_default();
        let posted = records.into_iter().rev().map(|record| PostedStatus {
            status: Status {
                context: record.context,
                state: record.state,
                description: record.description,
                url: record.url,
            },
            author: record.author,
            posted_at: record.posted_at,
        });
        Ok(PostedStatus::newest_of_each_context(posted))
    }

    async fn ensure_comment(&self, grant: &CommentGrant, topic: &str, body: Option<&str>) -> Result<Ensured> {
        let comments = CommentsOf { host: self, number: grant.pull_request() };
        marker::ensure(&comments, &self.login, Some(grant.head()), topic, body).await
    }

    async fn amend_comment(&self, grant: &CommentGrant, topic: &str, body: &str) -> Result<Ensured> {
        let comments = CommentsOf { host: self, number: grant.pull_request() };
        marker::amend(&comments, &self.login, Some(grant.head()), topic, body).await
    }

    async fn ensure_remarks(&self, grant: &CommentGrant, remarks: &[Remark]) -> Result<Ensured> {
        let lines = RemarksOf { host: self, number: grant.pull_request() };
        remarks::ensure(&lines, &self.login, grant.head(), remarks).await
    }

    async fn ensure_status(&self, grant: &StatusGrant<'_>, status: &Status) -> Result<Ensured> {
        let commit = grant.commit();
        let status = status.within(&self.limits());
        let before = self.statuses(commit).await?;
        if PostedStatus::stands(&before, &status, &self.login) {
            return Ok(Ensured::Unchanged);
        }
        let files = self.folder.locked()?;
        self.need(&files, Rights::Write, "post a commit status")?;
        let existed = before.iter().any(|posted| posted.status.context == status.context);
        let path = statuses_path(commit);
        let mut records: Vec<StatusRecord> = files.read(&path)?.unwrap_or_default();
        records.push(StatusRecord {
            context: status.context,
            state: status.state,
            description: status.description,
            url: status.url,
            author: self.login.clone(),
            posted_at: (self.clock)(),
        });
        self.wrote(|| files.write(&path, &records))?;
        Ok(if existed { Ensured::Updated } else { Ensured::Created })
    }

    async fn ensure_check(&self, grant: &StatusGrant<'_>, check: &Check) -> Result<Ensured> {
        let annotation =
            |it: &Annotation| format!("{}:{}: {}[{}] {}", it.path, it.line, it.level.word(), it.title, it.message);
        let files = self.folder.locked()?;
        let path = checks_path(grant.commit());
        let mut records: Vec<CheckRecord> = files.read(&path)?.unwrap_or_default();
        let before = records.iter().position(|record| record.name == check.name && record.author == self.login);
        let record = CheckRecord {
            name: check.name.clone(),
            state: check.state,
            title: check.title.clone(),
            summary: check.summary.clone(),
            annotations: check.annotations.iter().map(annotation).collect(),
            url: check.url.clone(),
            author: self.login.clone(),
            at: before.map_or_else(|| (self.clock)(), |index| records[index].at),
        };
        if before.is_some_and(|index| records[index] == record) {
            return Ok(Ensured::Unchanged);
        }
        self.need(&files, Rights::Write, "write a check")?;
        let record = CheckRecord { at: (self.clock)(), ..record };
        match before {
            Some(index) => records[index] = record,
            None => records.push(record),
        }
        self.wrote(|| files.write(&path, &records))?;
        // It is written under the lock, so that there is nothing to look for once the answer is lost.
        drop(self.answer());
        Ok(if before.is_some() { Ensured::Updated } else { Ensured::Created })
    }

    async fn ensure_pull_request(
        &self,
        _grant: &PromoteGrant,
        draft: &PullRequestDraft,
    ) -> Result<(Ensured, PullRequest)> {
        let Some(mut record) = self.open_like(draft)? else {
            let record = self.create_drafted(draft)?;
            // A lost answer is followed by looking for what was asked for.
            let record = match self.answer() {
                Ok(()) => record,
                Err(lost) => self.open_like(draft)?.ok_or(lost)?,
            };
            return Ok((Ensured::Created, self.pull(&record)));
        };
        let missing: Vec<String> = draft.labels.iter().filter(|l| !record.labels.contains(l)).cloned().collect();
        let same = record.title == draft.title && marker::same_text(&record.body, &draft.body) && missing.is_empty();
        if same {
            return Ok((Ensured::Unchanged, self.pull(&record)));
        }
        let files = self.folder.locked()?;
        self.need(&files, Rights::Write, "edit a pull request")?;
        record = self.record(&files, record.number)?;
        record.title.clone_from(&draft.title);
        record.body.clone_from(&draft.body);
        record.labels.extend(missing);
        self.save(&files, &record)?;
        Ok((Ensured::Updated, self.pull(&record)))
    }

    async fn close_pull_request(&self, _grant: &PromoteGrant, number: u64, reason: &str) -> Result<Ensured> {
        if self.pull_request(number).await?.state != PullRequestState::Open {
            return Ok(Ensured::Unchanged);
        }
        marker::ensure(&CommentsOf { host: self, number }, &self.login, None, marker::CLOSED, Some(reason)).await?;
        let files = self.folder.locked()?;
        self.need(&files, Rights::Write, "close a pull request")?;
        let mut record = self.record(&files, number)?;
        if record.state != PullRequestState::Open {
            return Ok(Ensured::Unchanged);
        }
        record.state = PullRequestState::Closed;
        self.save(&files, &record)?;
        Ok(Ensured::Updated)
    }

    async fn land(&self, _grant: &PromoteGrant, number: u64, head: &CommitId) -> Result<Landing> {
        let landing = self.merge(number, Some(head))?;
        if landing != Landing::AlreadyMerged
            && let Err(lost) = self.answer()
        {
            let pull = self.pull_request(number).await?;
            return pull.merge_commit.filter(|_| pull.head == *head).map(Landing::Landed).ok_or(lost);
        }
        Ok(landing)
    }

    async fn ensure_deployment(&self, _grant: &ApplyGrant, deployment: &Deployment) -> Result<Ensured> {
        let files = self.folder.locked()?;
        let path = deployments_path(&deployment.environment);
        let mut records: Vec<DeploymentRecord> = files.read(&path)?.unwrap_or_default();
        let said = |r: &DeploymentRecord| (r.commit.clone(), r.state, r.description.clone());
        let shall = (deployment.commit.clone(), deployment.state, deployment.description.clone());
        if records.last().map(said).as_ref() == Some(&shall) {
            return Ok(Ensured::Unchanged);
        }
        self.need(&files, Rights::Write, "record a deployment")?;
        let outcome = if records.is_empty() { Ensured::Created } else { Ensured::Updated };
        records.push(DeploymentRecord {
            commit: shall.0,
            state: shall.1,
            description: shall.2,
            author: self.login.clone(),
            at: (self.clock)(),
        });
        self.wrote(|| files.write(&path, &records))?;
        // It is written under the lock, so that there is nothing to look for once the answer is lost.
        drop(self.answer());
        Ok(outcome)
    }
}

/// The comments of one pull request.
struct CommentsOf<'a> {
    host: &'a LocalHost,
    number: u64,
}

impl CommentsOf<'_> {
    /// Changes the pull request's record, if the account may.
    fn change(&self, to: &str, change: impl FnOnce(&mut PullRecord)) -> Result<()> {
        let files = self.host.folder.locked()?;
        self.host.need(&files, Rights::Read, to)?;
        let mut record = self.host.record(&files, self.number)?;
        let before = record.clone();
        change(&mut record);
        if record == before {
            return Ok(());
        }
        self.host.wrote(|| files.write(&pull_path(self.number), &record))
    }
}

#[async_trait]
impl Comments for CommentsOf<'_> {
    async fn head(&self) -> Result<CommitId> {
        Ok(self.host.pull_request(self.number).await?.head)
    }

    async fn list(&self) -> Result<Vec<Comment>> {
        self.host.comments(self.number)
    }

    async fn create(&self, text: &str) -> Written<()> {
        self.host.comment(self.number, text).map_err(WriteError::NotDone)?;
        self.host.answer().map_err(WriteError::MaybeDone)
    }

    async fn update(&self, id: u64, text: &str) -> Result<()> {
        let (own, now) = (&self.host.login, (self.host.clock)());
        self.change("edit a comment", |record| {
            for comment in record.comments.iter_mut().filter(|c| c.id == id && c.author == *own) {
                text.clone_into(&mut comment.body);
                comment.edited_at = now;
            }
        })
    }

    async fn delete(&self, id: u64) -> Result<()> {
        let own = &self.host.login;
        self.change("delete a comment", |record| record.comments.retain(|c| c.id != id || c.author != *own))
    }
}
