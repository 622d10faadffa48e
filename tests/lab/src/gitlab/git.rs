//! Git on the stub's own bare repositories: what a host does behind its API.

use std::path::Path;

/// How a merge is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Button {
    /// A merge commit.
    Merge,
    /// One new commit.
    Squash,
    /// The commits themselves, on top.
    Rebase,
}

fn git(folder: &Path, arguments: &[&str]) -> Option<String> {
    let output = crate::git(folder)
        .args(["-c", "user.name=GitLab", "-c", "user.email=gitlab@example.com"])
        .args(arguments)
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The head of a branch.
pub(super) fn head(folder: &Path, branch: &str) -> Option<String> {
    git(folder, &["rev-parse", "--verify", "--quiet", &format!("refs/heads/{branch}")])
}

/// Says whether the repository has a commit.
pub(super) fn has(folder: &Path, sha: &str) -> bool {
    git(folder, &["cat-file", "-e", &format!("{sha}^{{commit}}")]).is_some()
}

/// The branches that have a commit, by name.
pub(super) fn branches_with(folder: &Path, sha: &str) -> Vec<String> {
    let listed = git(folder, &["for-each-ref", "--contains", sha, "--format=%(refname:lstrip=2)", "refs/heads"]);
    listed.unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Says whether `commit` is in the history of `of`.
pub(super) fn is_ancestor(folder: &Path, commit: &str, of: &str) -> bool {
    git(folder, &["merge-base", "--is-ancestor", commit, of]).is_some()
}

/// Brings a commit of another repository in, under a reference that is no branch.
pub(super) fn bring(folder: &Path, from: &Path, sha: &str, reference: &str) {
    let source = from.display().to_string();
    drop(git(folder, &["fetch", "--quiet", &source, &format!("+{sha}:{reference}")]));
}

/// The commit that two have in common.
pub(super) fn merge_base(folder: &Path, one: &str, other: &str) -> String {
    git(folder, &["merge-base", one, other]).unwrap_or_default()
}

/// The lines of a file's new side that differ between two commits.
pub(super) fn new_lines(folder: &Path, base: &str, head: &str, file: &str) -> Vec<std::ops::Range<u64>> {
    let diff = git(folder, &["diff", "--unified=0", base, head, "--", file]).unwrap_or_default();
    let hunk = |line: &str| {
        let new = line.strip_prefix("@@ -")?.split_once(" +")?.1.split_once(" @@")?.0;
        let (start, count) = new.split_once(',').unwrap_or((new, "1"));
        let (start, count): (u64, u64) = (start.parse().ok()?, count.parse().ok()?);
        Some(start..start + count)
    };
    diff.lines().filter_map(hunk).collect()
}

/// Says whether two commits merge without conflicts.
pub(super) fn merges(folder: &Path, base: &str, head: &str) -> bool {
    git(folder, &["merge-tree", "--write-tree", base, head]).is_some()
}

/// Merges `head` into `branch`; the commit that was made and, when it is a squash of its own, that one too.
pub(super) fn merge(folder: &Path, branch: &str, head: &str, button: Button, title: &str) -> Option<String> {
    let work = tempfile::tempdir().ok()?;
    let source = folder.display().to_string();
    let here = work.path();
    git(here, &["clone", "--quiet", "--branch", branch, &source, "work"])?;
    let here = &here.join("work");
    git(here, &["fetch", "--quiet", "origin", head])?;
    match button {
        Button::Merge => git(here, &["merge", "--quiet", "--no-ff", "--message", title, head])?,
        Button::Squash => {
            git(here, &["merge", "--quiet", "--squash", head])?;
            git(here, &["commit", "--quiet", "--allow-empty", "--message", title])?
        }
        Button::Rebase => {
            git(here, &["checkout", "--quiet", "--detach", head])?;
            git(here, &["rebase", "--quiet", "--force-rebase", &format!("origin/{branch}")])?
        }
    };
    git(here, &["push", "--quiet", "origin", &format!("HEAD:refs/heads/{branch}")])?;
    git(here, &["rev-parse", "HEAD"])
}

/// Moves a branch on to a commit that descends from it.
pub(super) fn forward(folder: &Path, branch: &str, head: &str) -> Option<String> {
    git(folder, &["update-ref", &format!("refs/heads/{branch}"), head])?;
    Some(head.to_owned())
}

/// Makes the commit that merging would make, under a reference of its own.
pub(super) fn test_merge(folder: &Path, branch: &str, head: &str, reference: &str) -> Option<String> {
    let base = self::head(folder, branch)?;
    let tree = git(folder, &["merge-tree", "--write-tree", &base, head])?;
    let made = git(folder, &["commit-tree", &tree, "-p", &base, "-p", head, "-m", "Merge"])?;
    git(folder, &["update-ref", reference, &made])?;
    Some(made)
}
