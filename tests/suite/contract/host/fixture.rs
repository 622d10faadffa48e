//! The world around a host: people, branches, pushes, and a way to look without asking the code under test.

use async_trait::async_trait;
use mergeline::commit::CommitId;
use mergeline::host::Host;
use mergeline::host::marker::Comment;
use std::path::PathBuf;
use tempfile::TempDir;

/// Somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// The account of our own credential; may write.
    Us,
    /// A person who may write.
    Writer,
    /// A person who may read.
    Reader,
    /// A person with an account and nothing else.
    Stranger,
}

impl Who {
    /// The login of somebody where our own is `us` and people are called as everywhere.
    pub(super) fn named(self, us: &str) -> &str {
        match self {
            Self::Us => us,
            Self::Writer => "ada",
            Self::Reader => "rita",
            Self::Stranger => "sam",
        }
    }
}

/// A host with one private repository that has no commit yet.
#[async_trait]
pub(super) trait Fixture: Send + Sync {
    /// The host as we see it.
    fn host(&self) -> &dyn Host;
    /// The host with somebody's credential.
    fn host_as(&self, who: Who) -> Box<dyn Host>;
    /// Somebody's login.
    fn login(&self, who: Who) -> String;
    /// The writer's clone.
    fn copy(&self) -> &WorkingCopy;
    /// Writes a file on `branch` (made from `from` when given), commits and pushes.
    async fn commit(&self, branch: &str, from: Option<&str>, file: &str, text: &str) -> CommitId {
        self.copy().commit(branch, from, file, text, &format!("refs/heads/{branch}"))
    }
    /// The branch's head on the host.
    async fn branch(&self, branch: &str) -> CommitId {
        self.copy().branch(branch)
    }
    /// A file on the host.
    async fn file(&self, branch: &str, file: &str) -> Option<String> {
        self.copy().file(branch, file)
    }
    /// Opens a pull request as a person.
    async fn open_pull_request(&self, head: &str, base: &str) -> u64;
    /// Opens a pull request from a fork with one commit.
    async fn open_from_fork(&self, head: &str, base: &str, file: &str, text: &str) -> (u64, CommitId);
    /// Comments.
    async fn comment_as(&self, who: Who, number: u64, body: &str);
    /// All comments, oldest first, as the host has them.
    async fn comments(&self, number: u64) -> Vec<Comment>;
    /// What is said beside lines of a pull request, oldest first: number, author, path, line, text.
    async fn remarks(&self, number: u64) -> Vec<(u64, String, String, u64, String)>;
    /// Answers what is said beside a line as the writer.
    async fn answer_remark(&self, number: u64, id: u64, body: &str);
    /// The checks of a commit by name, each with the number of its annotations, as the host has them.
    async fn checks(&self, commit: &CommitId) -> Vec<(String, usize)>;
    /// Says whether the host has records of deployments.
    fn has_deployments(&self) -> bool;
    /// The deployments to an environment, oldest first: the commit and the newest word on each.
    async fn deployments(&self, environment: &str) -> Vec<(CommitId, String)>;
    /// Presses the merge button.
    async fn merge_as_person(&self, number: u64);
    /// Closes a pull request.
    async fn close_as_person(&self, number: u64);
    /// Waits until the host knows whether the pull request can be merged.
    async fn settle(&self, number: u64);
    /// Forbids our account to create pull requests; `false` where no setting does.
    async fn forbid_pull_requests(&self) -> bool;
    /// How many writes our own account has sent.
    fn writes(&self) -> u64;
    /// Lets the next write of our own account be done and loses its answer.
    fn lose_next_answer(&self);
}

/// A person's working copy of the repository, pushed to and fetched from by the machine's `git`.
pub(super) struct WorkingCopy {
    folder: TempDir,
    remote: String,
}

impl WorkingCopy {
    pub(super) fn new(remote: impl Into<String>) -> Self {
        let copy = Self { folder: TempDir::new().unwrap(), remote: remote.into() };
        copy.git(&["init", "--quiet", "--initial-branch", "main"]);
        copy
    }

    fn path(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    pub(super) fn commit(&self, branch: &str, from: Option<&str>, file: &str, text: &str, to: &str) -> CommitId {
        if let Some(from) = from {
            self.git(&["fetch", "--quiet", &self.remote, from]);
            self.git(&["checkout", "--quiet", "-B", branch, "FETCH_HEAD"]);
        } else if self.try_git(&["rev-parse", "--verify", "--quiet", "HEAD"]).is_some() {
            self.git(&["checkout", "--quiet", branch]);
        }
        self.write(file, text);
        self.git(&["push", "--quiet", "--force", &self.remote, &format!("HEAD:{to}")]);
        self.head()
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", &format!("Change {file}")]);
    }

    fn head(&self) -> CommitId {
        CommitId::parse(&self.git(&["rev-parse", "HEAD"])).unwrap()
    }

    /// Commits on a branch of another remote: a fork.
    pub(super) fn commit_to(&self, remote: &str, branch: &str, from: &str, file: &str, text: &str) -> CommitId {
        self.git(&["checkout", "--quiet", "-B", branch, from]);
        self.write(file, text);
        self.git(&["push", "--quiet", remote, &format!("HEAD:refs/heads/{branch}")]);
        self.head()
    }

    pub(super) fn branch(&self, branch: &str) -> CommitId {
        let listed = self.git(&["ls-remote", &self.remote, &format!("refs/heads/{branch}")]);
        CommitId::parse(listed.split_whitespace().next().unwrap()).unwrap()
    }

    pub(super) fn file(&self, branch: &str, file: &str) -> Option<String> {
        self.git(&["fetch", "--quiet", &self.remote, branch]);
        self.try_git(&["show", &format!("FETCH_HEAD:{file}")])
    }

    fn git(&self, arguments: &[&str]) -> String {
        self.try_git(arguments).unwrap_or_else(|| panic!("git {arguments:?} failed"))
    }

    fn try_git(&self, arguments: &[&str]) -> Option<String> {
        let output = mergeline_lab::git(&self.path()).args(arguments).output().unwrap();
        output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
    }
}
