//! Pushing: all branches or none, each only from the commit where it was seen last.

use super::Repository;
use super::remote::Remote;
use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use crate::trust::PromoteGrant;
use std::collections::BTreeMap;

/// Where a branch is to be moved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BranchUpdate {
    /// Without `refs/heads/`.
    pub branch: String,
    /// The commit that it is to have; `None` deletes it.
    pub new: Option<CommitId>,
    /// The commit that it must have now; `None` when it must not exist.
    pub expected: Option<CommitId>,
}

/// What became of a push that the remote answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pushed {
    /// Every branch is where it should be, by this push or by another that did the same.
    Done,
    /// A branch was not where it was expected, and nothing was pushed. The caller looks again and plans anew.
    Moved {
        /// The branch.
        branch: String,
        /// Where it was expected.
        expected: Option<CommitId>,
        /// Where it is.
        found: Option<CommitId>,
    },
}

impl Repository {
    /// Moves branches of the remote, all or none, each only if it still is where it is expected.
    ///
    /// Why a push failed is told by reading the branches again, never by the server's words, which differ by host.
    ///
    /// # Errors
    /// When the remote cannot be reached or refuses although every branch is where it was expected.
    pub fn push(&self, grant: &PromoteGrant, remote: &Remote, updates: &[BranchUpdate]) -> Result<Pushed> {
        let updates: Vec<&BranchUpdate> = updates.iter().filter(|update| update.new != update.expected).collect();
        if updates.is_empty() {
            return Ok(Pushed::Done);
        }
        for update in &updates {
            check_branch(&update.branch)?;
            self.check_names(update.new.iter().chain(&update.expected))?;
        }
        let lease = |update: &&BranchUpdate| {
            let expected = update.expected.as_ref().map_or("", CommitId::as_str);
            format!("--force-with-lease=refs/heads/{}:{expected}", update.branch)
        };
        let wanted = |update: &&BranchUpdate| {
            format!("{}:refs/heads/{}", update.new.as_ref().map_or("", CommitId::as_str), update.branch)
        };
        let outcome = self
            .git_with(remote)?
            .args(["push", "--porcelain", "--atomic", "--no-verify", "--no-follow-tags", "--recurse-submodules=no"])
            .args(["--signed=false"])
            .args(updates.iter().map(lease))
            .args(["--", &remote.location])
            .args(updates.iter().map(wanted))
            .run()?;
        if outcome.success {
            return Ok(Pushed::Done);
        }

        let names = updates.iter().map(|update| format!("`{}`", update.branch)).collect::<Vec<_>>().join(", ");
        let what = format!("cannot push {names} to `{}` for environment `{}`", remote.shown(), grant.environment());
        let Ok(heads) = self.remote_heads(remote) else {
            return Err(outcome
                .failure(what)
                .hint("the remote does not answer; whether the push arrived is not known"));
        };
        match judge(&updates, &heads) {
            Some(pushed) => Ok(pushed),
            None => Err(self.refused(&updates, outcome.failure(what))),
        }
    }

    /// Adds what a person can do about a push that the server refused although nothing had moved.
    fn refused(&self, updates: &[&BranchUpdate], failure: Failure) -> Failure {
        let rewrites = |update: &&&BranchUpdate| match (&update.expected, &update.new) {
            (Some(old), Some(new)) => self.is_ancestor(old, new).is_ok_and(|descends| !descends),
            _ => false,
        };
        let failure = match updates.iter().find(rewrites) {
            Some(update) => failure.hint(format!(
                "the push is not a fast-forward: it replaces commits of `{}`, which the server may forbid",
                update.branch
            )),
            None => failure,
        };
        failure
            .hint("nothing was changed: no branch has moved")
            .hint("the token must be allowed to write contents, and branch protection or a server-side hook must let it push these branches")
    }
}

/// Tells from where the branches are now what a failed push came to; `None` when they are where they were expected.
fn judge(updates: &[&BranchUpdate], heads: &BTreeMap<String, CommitId>) -> Option<Pushed> {
    if updates.iter().all(|update| heads.get(&update.branch) == update.new.as_ref()) {
        return Some(Pushed::Done);
    }
    let moved = updates.iter().find(|update| {
        let found = heads.get(&update.branch);
        found != update.expected.as_ref() && found != update.new.as_ref()
    });
    // A twin of this run may have moved some of the branches to where they belong and then failed.
    let part = || updates.iter().find(|update| heads.get(&update.branch) != update.expected.as_ref());
    moved.or_else(part).map(|update| Pushed::Moved {
        branch: update.branch.clone(),
        expected: update.expected.clone(),
        found: heads.get(&update.branch).cloned(),
    })
}

/// Fails unless Git allows the name for a branch.
fn check_branch(branch: &str) -> Result<()> {
    let name = format!("refs/heads/{branch}");
    let bad = branch.starts_with('-') || gix::validate::reference::name(name.as_str().into()).is_err();
    if bad {
        return Err(Failure::usage(format!("`{branch}` is not a name that Git allows for a branch"))
            .hint("`git check-ref-format --branch NAME` says which names are"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(digit: char) -> CommitId {
        CommitId::parse(&digit.to_string().repeat(40)).expect("forty digits")
    }

    fn update(branch: &str, expected: Option<char>, new: Option<char>) -> BranchUpdate {
        BranchUpdate { branch: branch.to_owned(), expected: expected.map(commit), new: new.map(commit) }
    }

    fn heads(found: &[(&str, char)]) -> BTreeMap<String, CommitId> {
        found.iter().map(|(branch, digit)| ((*branch).to_owned(), commit(*digit))).collect()
    }

    #[test]
    fn twin_that_pushed_the_same_makes_the_push_done() {
        let (a, b) = (update("a", Some('1'), Some('2')), update("b", Some('1'), None));
        assert_eq!(judge(&[&a, &b], &heads(&[("a", '2')])), Some(Pushed::Done));
    }

    #[test]
    fn foreign_move_is_named_before_a_twins() {
        let (a, b) = (update("a", Some('1'), Some('2')), update("b", None, Some('2')));
        let moved = judge(&[&a, &b], &heads(&[("a", '2'), ("b", '3')]));
        assert_eq!(moved, Some(Pushed::Moved { branch: "b".into(), expected: None, found: Some(commit('3')) }));
    }

    #[test]
    fn branches_where_they_were_expected_mean_a_refusal() {
        let a = update("a", Some('1'), Some('2'));
        assert_eq!(judge(&[&a], &heads(&[("a", '1'), ("other", '9')])), None);
    }

    #[test]
    fn names_that_could_be_read_as_something_else_are_refused() {
        for name in ["", "-x", "a b", "a:b", "a..b", "+a", "a/", "a.lock", "a\n"] {
            let fine = name == "+a";
            assert_eq!(check_branch(name).is_ok(), fine, "{name}");
        }
        assert!(check_branch("env/prod").is_ok());
    }
}
