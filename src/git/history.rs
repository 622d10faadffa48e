//! History: what a commit says, who descends from whom, and what lies between two commits.
//!
//! In a shallow clone an answer is given only when what is missing could not change it; otherwise it is a failure, and
//! [`Repository::ensure_history`](super::Repository) fetches what is missing.

use super::id::{commit_id, object_id};
use super::repository::broken;
use super::{EntryKind, Repository, Tree, TreeId};
use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use gix::ObjectId;
use gix::objs::commit::MessageRef;
use jiff::Timestamp;
use std::collections::HashSet;

/// Who wrote a commit, as the commit says; anybody can write any name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: String,
    /// The address.
    pub email: String,
}

/// What a commit says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitInfo {
    /// Its name.
    pub id: CommitId,
    /// The tree it records.
    pub tree: TreeId,
    /// Its parents, in order; none for a root commit.
    pub parents: Vec<CommitId>,
    /// Who wrote the change.
    pub author: Person,
    /// When it was committed, by the committer's own clock.
    pub committed_at: Timestamp,
    /// The whole message; bytes that are not UTF-8 are replaced.
    pub message: String,
}

impl CommitInfo {
    /// The first line of the message.
    #[must_use]
    pub fn subject(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }

    /// The `Key: value` lines of the message's last paragraph, in order, as `git interpret-trailers --parse` reads them.
    #[must_use]
    pub fn trailers(&self) -> Vec<(String, String)> {
        let message = MessageRef::from_bytes(self.message.as_bytes());
        let pair = |trailer: gix::objs::commit::message::body::TrailerRef<'_>| {
            (trailer.token.to_string(), trailer.value.to_string())
        };
        message.body().map(|body| body.trailers().map(pair).collect()).unwrap_or_default()
    }

    /// The value of the last trailer with this key, whatever its case.
    #[must_use]
    pub fn trailer(&self, key: &str) -> Option<String> {
        self.trailers().into_iter().rfind(|(name, _)| name.eq_ignore_ascii_case(key)).map(|(_, value)| value)
    }
}

/// An answer about history, or what stands in its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer<T> {
    /// More history could not change it.
    Sure(T),
    /// The clone is too shallow to tell.
    NeedsHistory,
}

impl<T> Answer<T> {
    fn or_fail(self, question: impl FnOnce() -> String) -> Result<T> {
        match self {
            Self::Sure(answer) => Ok(answer),
            Self::NeedsHistory => Err(Failure::usage(format!("cannot tell {} in this shallow clone", question()))
                .hint("`git fetch --unshallow` brings the rest of its history")),
        }
    }
}

impl Repository {
    /// What a commit says.
    ///
    /// # Errors
    /// When it is not in this clone, or cannot be read.
    pub fn commit(&self, id: &CommitId) -> Result<CommitInfo> {
        let name = object_id(id.as_str())?;
        self.with(|git| read_commit(git, name)?.ok_or_else(|| no_such_commit(id)))
    }

    /// The tree that a commit records.
    ///
    /// # Errors
    /// As for [`Repository::commit`].
    pub fn tree_id(&self, commit: &CommitId) -> Result<TreeId> {
        self.commit(commit).map(|commit| commit.tree)
    }

    /// The tree of a directory at a commit; `None` when there is no such directory.
    ///
    /// # Errors
    /// As for [`Repository::commit`].
    pub fn subtree_id(&self, commit: &CommitId, path: &str) -> Result<Option<TreeId>> {
        let tree = self.tree(commit)?;
        if tree.kind(path)? != Some(EntryKind::Directory) {
            return Ok(None);
        }
        Ok(tree.identity(path)?.and_then(|id| TreeId::parse(&id)))
    }

    /// The best common ancestor of two commits; `None` when their histories are unrelated.
    ///
    /// # Errors
    /// When a commit is not in this clone, or the clone is too shallow to tell.
    pub fn merge_base(&self, one: &CommitId, other: &CommitId) -> Result<Option<CommitId>> {
        self.find_merge_base(one, other)?.or_fail(|| format!("where `{}` and `{}` parted", one.short(), other.short()))
    }

    /// Says whether `ancestor` is `descendant` or one of its ancestors.
    ///
    /// # Errors
    /// When `descendant` is not in this clone, or the clone is too shallow to tell.
    pub fn is_ancestor(&self, ancestor: &CommitId, descendant: &CommitId) -> Result<bool> {
        self.find_ancestor(ancestor, descendant)?
            .or_fail(|| format!("whether `{}` descends from `{}`", descendant.short(), ancestor.short()))
    }

    /// `from` and its first parents, newest first, `limit` commits at most.
    ///
    /// # Errors
    /// When history is missing before `limit` commits or a root commit are reached.
    pub fn first_parents(&self, from: &CommitId, limit: usize) -> Result<Vec<CommitInfo>> {
        self.find_first_parents(from, limit)?
            .or_fail(|| format!("the last {limit} commits that led to `{}`", from.short()))
    }

    /// The commits reachable from `head` and not from `base`, newest first, as `git log base..head` lists them.
    ///
    /// # Errors
    /// When a commit is not in this clone, or the clone is too shallow to tell.
    pub fn commits_between(&self, base: &CommitId, head: &CommitId) -> Result<Vec<CommitInfo>> {
        // Settles that no commit beyond a shallow boundary belongs to the answer.
        self.merge_base(base, head)?;
        let (hidden, tip) = (object_id(base.as_str())?, object_id(head.as_str())?);
        self.with(|git| {
            let newest =
                gix::revision::walk::Sorting::ByCommitTime(gix::traverse::commit::simple::CommitTimeOrder::NewestFirst);
            let lost = |error: gix::Error| broken(format!("cannot list commits up to `{}`", head.short()), error);
            let walk = git.rev_walk([tip]).with_hidden([hidden]).sorting(newest).all().map_err(lost)?;
            let mut commits = Vec::new();
            for step in walk {
                let id = step.map_err(lost)?.id;
                commits.push(read_commit(git, id)?.ok_or_else(|| no_such_commit(&commit_id(id)))?);
            }
            Ok(commits)
        })
    }

    pub(super) fn find_merge_base(&self, one: &CommitId, other: &CommitId) -> Result<Answer<Option<CommitId>>> {
        let (a, b) = (object_id(one.as_str())?, object_id(other.as_str())?);
        self.with(|git| {
            for (id, name) in [(a, one), (b, other)] {
                if parents(git, id)?.is_none() {
                    return Err(no_such_commit(name));
                }
            }
            let base = git
                .merge_base(a, b)
                .map_err(|error| {
                    broken(format!("cannot find where `{}` and `{}` parted", one.short(), other.short()), error)
                })?
                .map(gix::Id::detach);
            if is_shallow(git)? {
                // Beyond the boundary there may be a better one, unless all that is missing lies behind this one too.
                let behind = walk_back(git, base, &HashSet::new())?.seen;
                if !walk_back(git, [a, b], &behind)?.missing.is_empty() {
                    return Ok(Answer::NeedsHistory);
                }
            }
            Ok(Answer::Sure(base.map(commit_id)))
        })
    }

    pub(super) fn find_ancestor(&self, ancestor: &CommitId, descendant: &CommitId) -> Result<Answer<bool>> {
        let (a, d) = (object_id(ancestor.as_str())?, object_id(descendant.as_str())?);
        self.with(|git| {
            if parents(git, d)?.is_none() {
                return Err(no_such_commit(descendant));
            }
            if !is_shallow(git)? {
                // A commit that a whole clone lacks is nobody's ancestor.
                let base = if git.has_object(a) {
                    git.merge_base(a, d).map_err(|error| broken("cannot compare histories", error))?
                } else {
                    None
                };
                return Ok(Answer::Sure(base.is_some_and(|base| base.detach() == a)));
            }
            let walk = walk_back(git, [d], &HashSet::new())?;
            match (walk.seen.contains(&a) || walk.missing.contains(&a), walk.missing.is_empty()) {
                (true, _) => Ok(Answer::Sure(true)),
                (false, true) => Ok(Answer::Sure(false)),
                (false, false) => Ok(Answer::NeedsHistory),
            }
        })
    }

    pub(super) fn find_first_parents(&self, from: &CommitId, limit: usize) -> Result<Answer<Vec<CommitInfo>>> {
        let mut next = Some(object_id(from.as_str())?);
        self.with(|git| {
            let mut commits = Vec::new();
            while let Some(id) = next.take_if(|_| commits.len() < limit) {
                match read_commit(git, id)? {
                    Some(commit) => {
                        next = commit.parents.first().map(|parent| object_id(parent.as_str())).transpose()?;
                        commits.push(commit);
                    }
                    None if commits.is_empty() => return Err(no_such_commit(from)),
                    None => return Ok(Answer::NeedsHistory),
                }
            }
            Ok(Answer::Sure(commits))
        })
    }
}

/// What [`walk_back`] met.
struct Walk {
    seen: HashSet<ObjectId>,
    /// Parents that are not in this clone.
    missing: HashSet<ObjectId>,
}

/// Follows all parents from `tips`, stopping at `known` commits.
fn walk_back(
    git: &gix::Repository,
    tips: impl IntoIterator<Item = ObjectId>,
    known: &HashSet<ObjectId>,
) -> Result<Walk> {
    let mut walk = Walk { seen: HashSet::new(), missing: HashSet::new() };
    let mut queue: Vec<ObjectId> = tips.into_iter().collect();
    while let Some(id) = queue.pop() {
        if known.contains(&id) || walk.seen.contains(&id) || walk.missing.contains(&id) {
            continue;
        }
        match parents(git, id)? {
            Some(parents) => {
                walk.seen.insert(id);
                queue.extend(parents);
            }
            None => {
                walk.missing.insert(id);
            }
        }
    }
    Ok(walk)
}

/// The parents of a commit; `None` when it is not in this clone.
fn parents(git: &gix::Repository, id: ObjectId) -> Result<Option<Vec<ObjectId>>> {
    let what = || format!("cannot read commit `{id}`");
    let Some(object) = git.try_find_object(id).map_err(|error| broken(what(), error))? else { return Ok(None) };
    let commit = object.try_into_commit().map_err(|error| broken(what(), error))?;
    Ok(Some(commit.parent_ids().map(gix::Id::detach).collect()))
}

fn read_commit(git: &gix::Repository, id: ObjectId) -> Result<Option<CommitInfo>> {
    let what = || format!("cannot read commit `{id}`");
    let Some(object) = git.try_find_object(id).map_err(|error| broken(what(), error))? else { return Ok(None) };
    let commit = object.try_into_commit().map_err(|error| broken(what(), error))?;
    let commit = commit.decode().map_err(|error| broken(what(), error))?;
    let author = commit.author().map_err(|error| broken(what(), error))?;
    let seconds = commit.time().map_err(|error| broken(what(), error))?.seconds;
    Ok(Some(CommitInfo {
        id: commit_id(id),
        tree: TreeId::from_gix(commit.tree()),
        parents: commit.parents().map(commit_id).collect(),
        author: Person { name: author.name.to_string(), email: author.email.to_string() },
        committed_at: Timestamp::from_second(seconds).map_err(|error| broken(what(), error))?,
        message: commit.message.to_string(),
    }))
}

fn is_shallow(git: &gix::Repository) -> Result<bool> {
    git.is_shallow().map_err(|error| broken("cannot tell whether the clone is shallow", error))
}

fn no_such_commit(id: &CommitId) -> Failure {
    Failure::usage(format!("commit `{id}` is not in this clone"))
        .hint("fetch it first: `git fetch origin` followed by its name or branch")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(message: &str) -> CommitInfo {
        CommitInfo {
            id: commit_id(ObjectId::null(gix::hash::Kind::Sha1)),
            tree: TreeId::empty(),
            parents: Vec::new(),
            author: Person { name: String::new(), email: String::new() },
            committed_at: Timestamp::UNIX_EPOCH,
            message: message.to_owned(),
        }
    }

    #[test]
    fn trailers_are_those_of_the_last_paragraph_alone() {
        let commit = commit("title\n\nNot: a trailer\n\nPromotion-Env: prod\nPromotion-Tree: 4b825dc\n");
        let trailers = commit.trailers();
        assert_eq!(
            trailers,
            [("Promotion-Env", "prod"), ("Promotion-Tree", "4b825dc")].map(|(k, v)| (k.into(), v.into()))
        );
        assert_eq!(commit.trailer("promotion-env").as_deref(), Some("prod"));
        assert_eq!(commit.trailer("not"), None);
    }

    #[test]
    fn a_message_of_one_line_has_no_trailers() {
        assert!(commit("fix: the port").trailers().is_empty());
        assert_eq!(commit("fix: the port\n\nbody").subject(), "fix: the port");
    }
}
