//! One repository: opening it, its branches, and the names people write for commits.

use super::id::{commit_id, object_id};
use super::{CommitTree, DirectoryTree, TreeId};
use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use gix::ObjectId;
use gix::bstr::ByteSlice;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A repository on this machine, with or without a working tree. Cheap to clone; clones share caches.
#[derive(Clone)]
pub struct Repository {
    inner: Arc<Inner>,
}

struct Inner {
    shared: gix::ThreadSafeRepository,
    /// Handles that no thread uses now. A handle has the caches, so it is kept and not made anew.
    idle: Mutex<Vec<gix::Repository>>,
}

impl fmt::Debug for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Repository({})", self.git_dir().display())
    }
}

impl Repository {
    /// Opens the repository at `directory`: a checkout's root, a `.git` folder or a bare repository.
    ///
    /// # Errors
    /// When there is none, or when it cannot be read.
    pub fn open(directory: &Path) -> Result<Self> {
        let shared = gix::ThreadSafeRepository::open(directory).map_err(|error| not_a_repository(directory, error))?;
        Ok(Self::new(shared))
    }

    /// Opens the repository that `directory` is part of, looking upwards.
    ///
    /// # Errors
    /// When there is none, or when it cannot be read.
    pub fn discover(directory: &Path) -> Result<Self> {
        let shared =
            gix::ThreadSafeRepository::discover(directory).map_err(|error| not_a_repository(directory, error))?;
        Ok(Self::new(shared))
    }

    fn new(shared: gix::ThreadSafeRepository) -> Self {
        Self { inner: Arc::new(Inner { shared, idle: Mutex::default() }) }
    }

    /// Runs `work` with a handle of this thread's own.
    pub(super) fn with<T>(&self, work: impl FnOnce(&gix::Repository) -> Result<T>) -> Result<T> {
        let idle = || self.inner.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = idle().pop();
        let handle = taken.unwrap_or_else(|| self.inner.shared.to_thread_local());
        let result = work(&handle);
        idle().push(handle);
        result
    }

    /// The `.git` folder, or the bare repository itself.
    #[must_use]
    pub fn git_dir(&self) -> &Path {
        self.inner.shared.git_dir()
    }

    /// The root of the working tree; `None` for a bare repository.
    #[must_use]
    pub fn working_directory(&self) -> Option<&Path> {
        self.inner.shared.work_dir()
    }

    /// Where a configured remote is, as the configuration has it but without credentials; `None` when there is no such
    /// remote.
    ///
    /// # Errors
    /// When the configuration cannot be read.
    pub fn remote_location(&self, name: &str) -> Result<Option<String>> {
        self.with(|git| {
            let Some(remote) = git.try_find_remote_without_url_rewrite(name) else { return Ok(None) };
            let remote = remote.map_err(|error| broken("cannot read the remote's configuration", error))?;
            let url = remote.url(gix::remote::Direction::Fetch).map(|url| url.to_bstring().to_string());
            Ok(url.map(|url| super::command::without_credentials(&url)))
        })
    }

    /// Says whether history ends early here, as in a clone with `--depth`.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn is_shallow(&self) -> Result<bool> {
        self.with(|git| git.is_shallow().map_err(|error| broken("cannot tell whether the clone is shallow", error)))
    }

    /// The tree of a commit.
    ///
    /// # Errors
    /// When the commit is not in this clone, or the object database fails.
    pub fn tree(&self, commit: &CommitId) -> Result<CommitTree> {
        Ok(CommitTree::new(self.clone(), self.tree_id(commit)?.to_gix()?))
    }

    /// A tree by its own name.
    ///
    /// # Errors
    /// When it is not in this clone, or the object database fails.
    pub fn tree_by_id(&self, tree: &TreeId) -> Result<CommitTree> {
        let id = tree.to_gix()?;
        let there = self.with(|git| Ok(git.has_object(id)))?;
        if !there {
            return Err(Failure::usage(format!("tree `{tree}` is not in this clone")));
        }
        Ok(CommitTree::new(self.clone(), id))
    }

    /// The working tree: tracked files as they are on disk, and untracked ones that are not ignored.
    ///
    /// # Errors
    /// When the repository is bare, or the disk or the index cannot be read.
    pub fn working_tree(&self) -> Result<DirectoryTree> {
        let Some(root) = self.working_directory() else {
            let place = self.git_dir().display();
            return Err(Failure::usage(format!("`{place}` is a bare repository and has no working tree"))
                .hint("name the commit to look at"));
        };
        DirectoryTree::of_repository(self, root)
    }

    /// The commit that `revision` names: a branch, tag, full or short object name, `HEAD~2`, …
    ///
    /// A name that only a branch of the remote `origin` has is found too, because a job's checkout has no other branches.
    ///
    /// # Errors
    /// When nothing, or something other than one commit, has that name.
    pub fn resolve(&self, revision: &str) -> Result<CommitId> {
        self.with(|git| {
            let parse = |text: &str| git.rev_parse_single(text.as_bytes().as_bstr()).map(gix::Id::detach);
            let found = parse(revision).or_else(|error| {
                let plain = gix::validate::reference::name_partial(revision.into()).is_ok();
                let remote = plain.then(|| parse(&format!("refs/remotes/origin/{revision}")));
                remote.and_then(std::result::Result::ok).ok_or(error)
            });
            let id = found.map_err(|error| unknown_revision(git, revision, error))?;
            let commit = git.find_object(id).and_then(gix::Object::peel_to_commit);
            commit.map(|commit| commit_id(commit.id)).map_err(|error| {
                Failure::usage(format!("`{revision}` does not name a commit")).because(error.to_string())
            })
        })
    }

    /// The commit that is checked out.
    ///
    /// # Errors
    /// When the repository has no commit yet.
    pub fn head(&self) -> Result<CommitId> {
        self.with(|git| {
            let head = git.head().map_err(|error| broken("cannot read `HEAD`", error))?;
            if head.is_unborn() {
                return Err(no_commits(git));
            }
            let id = git.head_id().map_err(|error| broken("cannot read `HEAD`", error))?;
            Ok(commit_id(id.detach()))
        })
    }

    /// The branch that is checked out, without `refs/heads/`; `None` when `HEAD` is detached, as in most CI jobs.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn current_branch(&self) -> Result<Option<String>> {
        self.with(|git| {
            let name = git.head_name().map_err(|error| broken("cannot read `HEAD`", error))?;
            Ok(name.map(|name| name.shorten().to_string()))
        })
    }

    /// The branch that pull requests go to by default: what `origin/HEAD` says, else `main` or `master`, else the only
    /// branch.
    ///
    /// # Errors
    /// When none of these says.
    pub fn default_branch(&self) -> Result<String> {
        self.with(|git| {
            if let Some(name) = remote_head(git)? {
                return Ok(name);
            }
            let branches = branches(git)?;
            let usual = ["main", "master"].iter().find(|name| branches.iter().any(|branch| branch == *name));
            if let Some(name) = usual {
                return Ok((*name).to_owned());
            }
            match branches.as_slice() {
                [only] => Ok(only.clone()),
                [] => Err(match git.head().is_ok_and(|head| head.is_unborn()) {
                    true => no_commits(git),
                    false => Failure::usage("cannot tell the default branch: this clone has no branches")
                        .hint("name the base commit, or fetch the branch: `git fetch origin main:main`"),
                }),
                several => Err(Failure::usage(format!(
                    "cannot tell the default branch among `{}`",
                    several.iter().take(5).cloned().collect::<Vec<_>>().join("`, `")
                ))
                .hint("run `git remote set-head origin --auto`, or name the base commit")),
            }
        })
    }

    /// The head of a branch: as the remote `origin` had it last, else the local one; `None` when neither exists.
    ///
    /// # Errors
    /// When the repository cannot be read.
    pub fn branch_head(&self, branch: &str) -> Result<Option<CommitId>> {
        self.with(|git| {
            for name in [format!("refs/remotes/origin/{branch}"), format!("refs/heads/{branch}")] {
                let found = git
                    .try_find_reference(name.as_str())
                    .map_err(|error| broken(format!("cannot read branch `{branch}`"), error))?;
                if let Some(mut reference) = found {
                    let id = reference
                        .peel_to_id()
                        .map_err(|error| broken(format!("cannot read branch `{branch}`"), error))?;
                    return Ok(Some(commit_id(id.detach())));
                }
            }
            Ok(None)
        })
    }

    /// Says whether a commit is in this clone.
    ///
    /// # Errors
    /// When the name is not one of this repository's format.
    pub fn has_commit(&self, commit: &CommitId) -> Result<bool> {
        let id = object_id(commit.as_str())?;
        self.with(|git| Ok(git.has_object(id)))
    }

    /// Says whether the checkout belongs to somebody else, which makes `git` refuse to work in it.
    pub(super) fn is_foreign(&self) -> bool {
        self.with(|git| Ok(git.git_dir_trust() == gix::sec::Trust::Reduced)).unwrap_or(false)
    }

    /// Where to run `git`.
    pub(super) fn command_directory(&self) -> PathBuf {
        self.working_directory().unwrap_or_else(|| self.git_dir()).to_owned()
    }
}

/// What `origin/HEAD` points to, without the remote's name.
fn remote_head(git: &gix::Repository) -> Result<Option<String>> {
    let reference = git
        .try_find_reference("refs/remotes/origin/HEAD")
        .map_err(|error| broken("cannot read `refs/remotes/origin/HEAD`", error))?;
    let name = reference.and_then(|head| head.target().try_name().map(|name| name.as_bstr().to_string()));
    Ok(name.and_then(|name| name.strip_prefix("refs/remotes/origin/").map(str::to_owned)))
}

/// Every branch, local or of `origin`, once, by name.
fn branches(git: &gix::Repository) -> Result<Vec<String>> {
    let platform = git.references().map_err(|error| broken("cannot list branches", error))?;
    let mut names = Vec::new();
    for prefix in ["refs/heads/", "refs/remotes/origin/"] {
        let found = platform.prefixed(prefix).map_err(|error| broken("cannot list branches", error))?;
        for reference in found {
            let reference = reference.map_err(|error| broken("cannot list branches", error.to_string()))?;
            let name = reference.name().as_bstr().to_string();
            names.extend(name.strip_prefix(prefix).filter(|name| *name != "HEAD").map(str::to_owned));
        }
    }
    names.sort();
    names.dedup();
    Ok(names)
}

/// A repository whose files or objects cannot be read.
pub(super) fn broken(what: impl Into<String>, error: impl fmt::Display) -> Failure {
    Failure::usage(what).because(error.to_string()).hint("`git fsck` says whether the repository is damaged")
}

/// An object that should be here and is not.
pub(super) fn absent(what: &str, id: ObjectId) -> Failure {
    Failure::usage(format!("{what} `{id}` is not in this clone"))
        .hint("a clone made with `--filter` lacks file contents: clone without it")
}

fn not_a_repository(directory: &Path, error: impl fmt::Display) -> Failure {
    let place = directory.display();
    if !directory.exists() {
        return Failure::nothing_there(format!("`{place}` does not exist"));
    }
    Failure::usage(format!("`{place}` is not in a Git repository"))
        .because(error.to_string())
        .hint("run Mergeline in a clone of your repository, or make one here: `git init`")
}

fn no_commits(git: &gix::Repository) -> Failure {
    let place = git.workdir().unwrap_or_else(|| git.git_dir()).display().to_string();
    Failure::usage(format!("the repository at `{place}` has no commits yet"))
        .hint("commit something first: `git add . && git commit`")
}

fn unknown_revision(git: &gix::Repository, revision: &str, error: impl fmt::Display) -> Failure {
    if git.head().is_ok_and(|head| head.is_unborn()) {
        return no_commits(git);
    }
    let failure = Failure::usage(format!("`{revision}` names no commit in this clone")).because(error.to_string());
    match git.is_shallow() {
        Ok(true) => failure.hint("the clone is shallow: `git fetch --unshallow` brings the rest of its history"),
        _ => failure.hint("`git branch --all` lists the branches, `git log --oneline` the commits"),
    }
}
