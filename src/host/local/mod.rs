//! The embedded host: a bare Git repository with a folder of JSON files beside it. The demo and the tests run on it.
//!
//! It is a real host in miniature: it numbers pull requests, follows their branches, merges, knows who may do what
//! and what is closed. It refuses what a hosted one refuses.
//!
//! ```text
//! FOLDER/host.json                      what an administrator sets: members, merge style
//! FOLDER/repository.git                 clone and push here
//! FOLDER/pull-requests/N.json           one pull request with its comments and its merge
//! FOLDER/statuses/COMMIT.json           commit statuses, oldest first
//! FOLDER/checks/COMMIT.json             checks with their annotations
//! FOLDER/deployments/ENVIRONMENT.json   deployments, oldest first
//! ```

mod remarks;
mod repository;
mod store;
#[cfg(test)]
mod tests;
mod verbs;

use super::marker::Comment;
use super::{Landing, PullRequest, PullRequestState, Rights};
use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use jiff::Timestamp;
use repository::{Committer, Merged};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
pub use store::MergeStyle;
use store::{CommentRecord, Folder, Locked, MergeRecord, PullRecord, RemarkRecord, Settings, pull_path};

/// The host's clock.
type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The account that jobs act as, unless the folder says otherwise.
const JOB_ACCOUNT: &str = "mergeline";

/// A local host, as one account sees it.
#[derive(Clone)]
pub struct LocalHost {
    folder: Folder,
    login: String,
    clock: Clock,
    read_only: bool,
    /// Writes that changed something, through this handle and those made from it.
    writes: Arc<AtomicU64>,
    lose_next_answer: Arc<AtomicBool>,
}

impl fmt::Debug for LocalHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalHost").field("folder", &self.folder).field("login", &self.login).finish_non_exhaustive()
    }
}

/// What a person fills in to open a pull request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Proposal {
    /// The branch with the change.
    pub head_branch: String,
    /// The owner of the fork that the branch is in (`refs/forks/OWNER/BRANCH`); `None` for the repository itself.
    pub fork: Option<String>,
    /// The branch that shall take it.
    pub base_branch: String,
    /// Title.
    pub title: String,
    /// Body.
    pub body: String,
}

/// Making and opening hosts.
impl LocalHost {
    /// Makes a host in `folder`, which must be empty or absent, for a repository named `owner/name` with the default
    /// branch `main`. The account of its jobs, `mergeline`, may write. The handle acts as that account.
    ///
    /// # Errors
    /// Usage when something is in the folder already; remote when the disk or `git` fails.
    pub fn create(folder: impl AsRef<Path>, repository: &str) -> Result<Self> {
        let folder = folder.as_ref();
        let cannot = |error| Failure::remote(format!("cannot make `{}`", folder.display())).because(error);
        std::fs::create_dir_all(folder).map_err(cannot)?;
        if std::fs::read_dir(folder).map_err(cannot)?.next().is_some() {
            return Err(Failure::usage(format!("cannot make a host in `{}`: it is not empty", folder.display())));
        }
        std::fs::create_dir(folder.join("pull-requests")).map_err(cannot)?;
        let files = Folder::new(folder.canonicalize().map_err(cannot)?);
        repository::create(&files.repository(), "main")?;
        let settings = Settings {
            version: 1,
            repository: repository.to_owned(),
            default_branch: "main".to_owned(),
            merge_style: MergeStyle::default(),
            jobs_may_create_pull_requests: true,
            job_account: JOB_ACCOUNT.to_owned(),
            members: BTreeMap::from([(JOB_ACCOUNT.to_owned(), Rights::Write)]),
        };
        files.locked()?.write("host.json", &settings)?;
        Ok(Self::at(files, JOB_ACCOUNT))
    }

    /// Opens the host in `folder` as the account of its jobs.
    ///
    /// # Errors
    /// Usage when there is no host in the folder.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        if !folder.join("host.json").is_file() {
            return Err(Failure::usage(format!("there is no local host in `{}`", folder.display()))
                .hint("a local host is a folder with `host.json` and `repository.git`; `mergeline demo` makes one"));
        }
        let cannot = |error| Failure::remote(format!("cannot open `{}`", folder.display())).because(error);
        let host = Self::at(Folder::new(folder.canonicalize().map_err(cannot)?), "");
        let login = settings(&host.folder.locked()?)?.job_account;
        Ok(host.as_user(&login))
    }

    fn at(folder: Folder, login: &str) -> Self {
        Self {
            folder,
            login: login.to_owned(),
            clock: Arc::new(Timestamp::now),
            read_only: false,
            writes: Arc::default(),
            lose_next_answer: Arc::default(),
        }
    }

    /// The same host as another account sees it; it needs no rights to be named.
    #[must_use]
    pub fn as_user(&self, login: &str) -> Self {
        Self { login: login.to_owned(), ..self.clone() }
    }

    /// The same host with a credential that may only read, as the job of a fork's pull request has.
    #[must_use]
    pub fn read_only(&self) -> Self {
        Self { read_only: true, ..self.clone() }
    }

    /// The same host with another clock.
    #[must_use]
    pub fn with_clock(&self, clock: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Self { clock: Arc::new(clock), ..self.clone() }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.root()
    }

    /// The bare repository, to clone from and push to.
    #[must_use]
    pub fn repository_path(&self) -> PathBuf {
        self.folder.repository()
    }

    /// How many writes changed something, through this handle and all that were made from the same one.
    #[must_use]
    pub fn writes(&self) -> u64 {
        self.writes.load(Ordering::Relaxed)
    }

    /// Makes the next comment, pull request or merge be done and its answer lost on the way, as a network does.
    pub fn lose_next_answer(&self) {
        self.lose_next_answer.store(true, Ordering::Relaxed);
    }
}

/// What an administrator sets.
impl LocalHost {
    /// Gives `login` rights, or takes them with [`Rights::None`].
    ///
    /// # Errors
    /// When the disk fails.
    pub fn set_member(&self, login: &str, rights: Rights) -> Result<()> {
        self.set(|settings| match rights {
            Rights::None => drop(settings.members.remove(login)),
            rights => drop(settings.members.insert(login.to_owned(), rights)),
        })
    }

    /// Sets how pull requests are merged.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn set_merge_style(&self, style: MergeStyle) -> Result<()> {
        self.set(|settings| settings.merge_style = style)
    }

    /// Allows or forbids jobs to create pull requests, as a setting of GitHub's repositories does.
    ///
    /// # Errors
    /// When the disk fails.
    pub fn let_jobs_create_pull_requests(&self, allowed: bool) -> Result<()> {
        self.set(|settings| settings.jobs_may_create_pull_requests = allowed)
    }

    fn set(&self, change: impl FnOnce(&mut Settings)) -> Result<()> {
        let files = self.folder.locked()?;
        let mut settings = settings(&files)?;
        change(&mut settings);
        files.write("host.json", &settings)
    }
}

/// What a person does in the browser.
impl LocalHost {
    /// Opens a pull request.
    ///
    /// # Errors
    /// Usage when a branch does not exist, holds nothing new, or has an open pull request to the same base already.
    pub fn open_pull_request(&self, proposal: &Proposal) -> Result<PullRequest> {
        let files = self.folder.locked()?;
        self.need(&files, Rights::Read, "open a pull request")?;
        let record = self.open_record(&files, proposal, &[])?;
        Ok(self.pull(&record))
    }

    /// Presses the merge button: merges the pull request's head, whatever it is.
    ///
    /// # Errors
    /// As for [`Host::land`](super::Host::land).
    pub fn merge_pull_request(&self, number: u64) -> Result<Landing> {
        self.merge(number, None)
    }

    /// Closes a pull request without merging it, or opens it again.
    ///
    /// # Errors
    /// Usage when it is merged.
    pub fn set_open(&self, number: u64, open: bool) -> Result<()> {
        let files = self.folder.locked()?;
        self.need(&files, Rights::Read, "close or reopen a pull request")?;
        let mut record = self.record(&files, number)?;
        if record.state == PullRequestState::Merged {
            return Err(Failure::usage(format!("pull request #{number} is merged")));
        }
        record.state = if open { PullRequestState::Open } else { PullRequestState::Closed };
        self.save(&files, &record)
    }

    /// Writes a comment.
    ///
    /// # Errors
    /// When there is no such pull request or the account may not read the repository.
    pub fn comment(&self, number: u64, body: &str) -> Result<u64> {
        let files = self.folder.locked()?;
        self.need(&files, Rights::Read, "comment")?;
        let mut record = self.record(&files, number)?;
        let (id, now) = (record.next_comment, (self.clock)());
        record.next_comment += 1;
        record.comments.push(CommentRecord {
            id,
            author: self.login.clone(),
            posted_at: now,
            edited_at: now,
            body: body.to_owned(),
        });
        self.save(&files, &record)?;
        Ok(id)
    }

    /// The remarks beside lines of a pull request, oldest first: path, line and text.
    ///
    /// # Errors
    /// When there is no such pull request.
    pub fn remarks(&self, number: u64) -> Result<Vec<(String, u32, Comment)>> {
        let record = self.record(&self.folder.locked()?, number)?;
        let comment = |r: RemarkRecord| (r.path, r.line, Comment { id: r.id, author: r.author, body: r.body });
        Ok(record.remarks.into_iter().map(comment).collect())
    }

    /// Answers a remark.
    ///
    /// # Errors
    /// When there is no such pull request, or it may not be changed.
    pub fn answer_remark(&self, number: u64, id: u64, body: &str) -> Result<()> {
        remarks::RemarksOf { host: self, number }.answer(id, body)
    }

    /// The comments of a pull request, oldest first.
    ///
    /// # Errors
    /// When there is no such pull request.
    pub fn comments(&self, number: u64) -> Result<Vec<Comment>> {
        let record = self.record(&self.folder.locked()?, number)?;
        let comment = |c: CommentRecord| Comment { id: c.id, author: c.author, body: c.body };
        Ok(record.comments.into_iter().map(comment).collect())
    }
}

/// What both people and jobs do, with the lock held.
impl LocalHost {
    /// Fails unless the account has `rights`; a read-only credential has none to write.
    fn need(&self, files: &Locked<'_>, rights: Rights, to: &str) -> Result<()> {
        let has = settings(files)?.members.get(&self.login).copied().unwrap_or(Rights::None);
        if self.read_only {
            return Err(Failure::remote(format!("`{}` may not {to}: the credential is read-only", self.login))
                .hint("the job of a fork's pull request has such a credential; nothing can be written with it"));
        }
        if has < rights {
            return Err(Failure::remote(format!("`{}` may not {to}", self.login)).hint(format!(
                "add `{}` to `members` in `{}/host.json`",
                self.login,
                self.folder.root().display()
            )));
        }
        Ok(())
    }

    /// Reads a pull request and lets it follow its branches.
    fn record(&self, files: &Locked<'_>, number: u64) -> Result<PullRecord> {
        let Some(mut record) = files.read::<PullRecord>(&pull_path(number))? else {
            return Err(Failure::remote(format!("there is no pull request #{number}")));
        };
        self.follow(files, &mut record)?;
        Ok(record)
    }

    /// An open pull request's head is its branch's; it is merged once a push brought that head into the base branch.
    fn follow(&self, files: &Locked<'_>, record: &mut PullRecord) -> Result<()> {
        if record.state != PullRequestState::Open {
            return Ok(());
        }
        let path = self.folder.repository();
        let head = repository::find(&path, &head_reference(&record.head_branch, record.fork.as_deref()))?;
        if let Some(head) = head.filter(|head| *head != record.head) {
            record.head = head;
            return files.write(&pull_path(record.number), record);
        }
        // A branch that was reset to its base is no merge, hence only for a head that was seen before.
        if let Some(base) = repository::find(&path, &format!("refs/heads/{}", record.base_branch))?
            && repository::contains(&path, &base, &record.head)?
        {
            record.state = PullRequestState::Merged;
            let (commit, by) = (record.head.clone(), record.author.clone());
            record.merge = Some(MergeRecord { commit, by, at: (self.clock)() });
            return files.write(&pull_path(record.number), record);
        }
        Ok(())
    }

    fn open_record(&self, files: &Locked<'_>, proposal: &Proposal, labels: &[String]) -> Result<PullRecord> {
        let (head, base) = (&proposal.head_branch, &proposal.base_branch);
        let path = self.folder.repository();
        let tip = |reference: &str, branch: &str| {
            repository::find(&path, reference)?
                .ok_or_else(|| Failure::remote(format!("cannot open a pull request: there is no branch `{branch}`")))
        };
        let head_commit = tip(&head_reference(head, proposal.fork.as_deref()), head)?;
        let base_commit = tip(&format!("refs/heads/{base}"), base)?;
        if repository::contains(&path, &base_commit, &head_commit)? {
            return Err(Failure::remote(format!(
                "cannot open a pull request: `{base}` has all commits of `{head}` already"
            )));
        }
        let numbers = files.pull_numbers()?;
        for number in &numbers {
            let like = |other: &PullRecord| {
                other.state == PullRequestState::Open
                    && (&other.head_branch, &other.fork, &other.base_branch) == (head, &proposal.fork, base)
            };
            // Only one that looks open and alike is worth asking the repository about.
            let open = files.read(&pull_path(*number))?.as_ref().is_some_and(like);
            if open && like(&self.record(files, *number)?) {
                return Err(Failure::remote(format!("pull request #{number} from `{head}` to `{base}` is open")));
            }
        }
        let record = PullRecord {
            number: numbers.last().map_or(1, |last| last + 1),
            state: PullRequestState::Open,
            title: proposal.title.clone(),
            author: self.login.clone(),
            opened_at: (self.clock)(),
            head_branch: head.clone(),
            fork: proposal.fork.clone(),
            base_branch: base.clone(),
            head: head_commit,
            labels: labels.to_vec(),
            merge: None,
            body: proposal.body.clone(),
            next_comment: 1,
            comments: Vec::new(),
            remarks: Vec::new(),
        };
        self.save(files, &record)?;
        Ok(record)
    }

    fn merge(&self, number: u64, head: Option<&CommitId>) -> Result<Landing> {
        let files = self.folder.locked()?;
        self.need(&files, Rights::Write, "merge a pull request")?;
        let mut record = self.record(&files, number)?;
        match record.state {
            PullRequestState::Merged => return Ok(Landing::AlreadyMerged),
            PullRequestState::Closed => return Ok(Landing::Refused(format!("pull request #{number} is closed"))),
            PullRequestState::Open => {}
        }
        if head.is_some_and(|head| *head != record.head) {
            return Ok(Landing::HeadMoved);
        }
        let at = (self.clock)();
        let message = format!("{} (#{number})", record.title);
        let merged = repository::merge(
            &self.folder.repository(),
            &record.base_branch,
            &record.head,
            settings(&files)?.merge_style,
            &message,
            &Committer { login: &self.login, at },
        )?;
        match merged {
            Merged::Refused(reason) => Ok(Landing::Refused(reason)),
            Merged::At(commit) => {
                record.state = PullRequestState::Merged;
                record.merge = Some(MergeRecord { commit: commit.clone(), by: self.login.clone(), at });
                self.save(&files, &record)?;
                Ok(Landing::Landed(commit))
            }
        }
    }

    fn save(&self, files: &Locked<'_>, record: &PullRecord) -> Result<()> {
        self.wrote(|| files.write(&pull_path(record.number), record))
    }

    /// Counts a write.
    fn wrote(&self, write: impl FnOnce() -> Result<()>) -> Result<()> {
        write()?;
        self.writes.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn pull(&self, record: &PullRecord) -> PullRequest {
        let merge = record.merge.as_ref();
        PullRequest {
            number: record.number,
            state: record.state,
            title: record.title.clone(),
            body: record.body.clone(),
            head: record.head.clone(),
            head_branch: record.head_branch.clone(),
            base_branch: record.base_branch.clone(),
            from_fork: record.fork.is_some(),
            author: record.author.clone(),
            merge_commit: merge.map(|merge| merge.commit.clone()),
            merged_by: merge.map(|merge| merge.by.clone()),
            merged_at: merge.map(|merge| merge.at),
            labels: record.labels.clone(),
            url: format!("{}/{}", self.folder.root().display(), pull_path(record.number)),
        }
    }
}

fn settings(files: &Locked<'_>) -> Result<Settings> {
    files.read("host.json")?.ok_or_else(|| Failure::remote("`host.json` of the local host is gone"))
}

fn head_reference(branch: &str, fork: Option<&str>) -> String {
    fork.map_or_else(|| format!("refs/heads/{branch}"), |owner| format!("refs/forks/{owner}/{branch}"))
}
