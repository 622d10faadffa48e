//! The bare repository of a local host: reading branches through gix, merging with the machine's `git`.

use super::store::MergeStyle;
use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use jiff::Timestamp;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Whatever gix says.
type Error = Box<dyn std::error::Error + Send + Sync>;

/// Who commits a merge, and when.
pub(super) struct Committer<'a> {
    pub login: &'a str,
    pub at: Timestamp,
}

/// What came of a merge.
pub(super) enum Merged {
    /// The base branch is at this commit now.
    At(CommitId),
    /// Why not, in the host's words.
    Refused(String),
}

/// Makes a bare repository whose `HEAD` is `branch`.
pub(super) fn create(path: &Path, branch: &str) -> Result<()> {
    let mut git = Command::new("git");
    clean(&mut git);
    git.args(["init", "--quiet", "--bare", "--initial-branch", branch, "--"]).arg(path);
    let output = output(&mut git)?;
    if output.status.success() {
        return Ok(());
    }
    Err(failed(&format!("cannot make a repository in `{}`", path.display()), &output))
}

/// The commit that the full reference `name` points to.
pub(super) fn find(path: &Path, name: &str) -> Result<Option<CommitId>> {
    let read = || -> std::result::Result<_, Error> {
        let repository = gix::open(path)?;
        let Some(mut reference) = repository.try_find_reference(name)? else { return Ok(None) };
        Ok(Some(CommitId::parse(&reference.peel_to_id()?.to_string())?))
    };
    read().map_err(|error| Failure::remote(format!("cannot read `{name}` in `{}`", path.display())).because(error))
}

/// Says whether `descendant` contains `ancestor`.
pub(super) fn contains(path: &Path, descendant: &CommitId, ancestor: &CommitId) -> Result<bool> {
    if descendant == ancestor {
        return Ok(true);
    }
    let read = || -> std::result::Result<_, Error> {
        let repository = gix::open(path)?;
        let id = |commit: &CommitId| gix::ObjectId::from_hex(commit.as_str().as_bytes());
        let (descendant, ancestor) = (id(descendant)?, id(ancestor)?);
        // Every best common ancestor of a commit and its own ancestor is that ancestor; unrelated ones have none.
        let common = repository.merge_bases_many(descendant, &[ancestor])?;
        Ok(common.iter().any(|id| *id == ancestor))
    };
    read().map_err(|error| Failure::remote(format!("cannot compare commits in `{}`", path.display())).because(error))
}

/// Merges `head` into the branch `base`, which must not move meanwhile.
pub(super) fn merge(
    path: &Path,
    base: &str,
    head: &CommitId,
    style: MergeStyle,
    message: &str,
    committer: &Committer<'_>,
) -> Result<Merged> {
    let reference = format!("refs/heads/{base}");
    let Some(tip) = find(path, &reference)? else {
        return Ok(Merged::Refused(format!("the branch `{base}` does not exist")));
    };
    if contains(path, &tip, head)? {
        return Ok(Merged::Refused(format!("`{base}` contains {} already", head.short())));
    }
    let new = if style == MergeStyle::FastForward {
        if !contains(path, head, &tip)? {
            return Ok(Merged::Refused(format!("{} is not a fast-forward of `{base}`", head.short())));
        }
        head.clone()
    } else {
        let tree = run(path, &["merge-tree", "--write-tree", "--no-messages", tip.as_str(), head.as_str()], None)?;
        match tree.status.code() {
            Some(0) => {}
            Some(1) => return Ok(Merged::Refused(format!("{} conflicts with `{base}`", head.short()))),
            _ => return Err(failed(&format!("cannot merge in `{}`", path.display()), &tree)),
        }
        let tree = text(&tree);
        let mut arguments = vec!["commit-tree", tree.as_str(), "-p", tip.as_str()];
        if style == MergeStyle::MergeCommit {
            arguments.extend(["-p", head.as_str()]);
        }
        arguments.extend(["-m", message]);
        let commit = run(path, &arguments, Some(committer))?;
        let cannot = || failed(&format!("cannot commit the merge in `{}`", path.display()), &commit);
        CommitId::parse(&text(&commit)).map_err(|_| cannot())?
    };
    let moved = run(path, &["update-ref", &reference, new.as_str(), tip.as_str()], None)?;
    if moved.status.success() {
        return Ok(Merged::At(new));
    }
    Ok(Merged::Refused(format!("`{base}` moved meanwhile")))
}

fn run(path: &Path, arguments: &[&str], committer: Option<&Committer<'_>>) -> Result<Output> {
    let mut git = Command::new("git");
    clean(&mut git);
    git.arg("--git-dir").arg(path).args(arguments);
    if let Some(committer) = committer {
        let date = format!("{} +0000", committer.at.as_second());
        let email = format!("{}@localhost", committer.login);
        for role in ["AUTHOR", "COMMITTER"] {
            git.env(format!("GIT_{role}_NAME"), committer.login)
                .env(format!("GIT_{role}_EMAIL"), &email)
                .env(format!("GIT_{role}_DATE"), &date);
        }
    }
    output(&mut git)
}

/// Leaves nothing of the caller's Git in the child: a run inside a hook has `GIT_DIR` set, and a person's
/// configuration may sign commits or name another identity.
fn clean(git: &mut Command) {
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_OBJECT_DIRECTORY", "GIT_COMMON_DIR"] {
        git.env_remove(name);
    }
    git.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").env("LC_ALL", "C");
    git.stdin(Stdio::null());
}

fn output(git: &mut Command) -> Result<Output> {
    git.output().map_err(|error| {
        Failure::usage("cannot run `git`").because(error).hint("install git and see that it is on the PATH")
    })
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn failed(what: &str, output: &Output) -> Failure {
    Failure::remote(what).because(String::from_utf8_lossy(&output.stderr).trim().to_owned())
}
