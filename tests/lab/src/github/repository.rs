//! What git does behind the pages: branches, histories, merges in bare repositories.

use std::path::Path;

/// Runs git in a bare repository as a person; the output, or nothing when it fails.
pub(super) fn git(path: &Path, who: &str, at: &str, arguments: &[&str]) -> Option<String> {
    let output = crate::git(path)
        .args(arguments)
        .env("GIT_AUTHOR_NAME", who)
        .env("GIT_AUTHOR_EMAIL", format!("{who}@users.noreply.example.com"))
        .env("GIT_AUTHOR_DATE", at)
        .env("GIT_COMMITTER_NAME", "GitHub")
        .env("GIT_COMMITTER_EMAIL", "noreply@example.com")
        .env("GIT_COMMITTER_DATE", at)
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn ask(path: &Path, arguments: &[&str]) -> Option<String> {
    git(path, "nobody", "2026-01-01T00:00:00Z", arguments)
}

/// The commit of a branch.
pub(super) fn branch(path: &Path, name: &str) -> Option<String> {
    ask(path, &["rev-parse", "--verify", "--quiet", &format!("refs/heads/{name}")])
}

/// Says whether there is such a commit.
pub(super) fn has_commit(path: &Path, sha: &str) -> bool {
    ask(path, &["cat-file", "-e", &format!("{sha}^{{commit}}")]).is_some()
}

pub(super) fn set_ref(path: &Path, reference: &str, sha: &str) {
    drop(ask(path, &["update-ref", reference, sha]));
}

/// Says whether `one` is in the history of `other`.
pub(super) fn is_ancestor(path: &Path, one: &str, other: &str) -> bool {
    ask(path, &["merge-base", "--is-ancestor", one, other]).is_some()
}

/// Brings a branch of another repository in under a reference of its own.
pub(super) fn fetch(path: &Path, from: &Path, branch: &str, reference: &str) -> Option<String> {
    let spec = format!("+refs/heads/{branch}:{reference}");
    ask(path, &["fetch", "--quiet", &from.display().to_string(), &spec])?;
    ask(path, &["rev-parse", reference])
}

/// The lines of a file's new side that a pull request's page shows: those of its hunks.
pub(super) fn shown_lines(path: &Path, base: &str, head: &str, file: &str) -> Vec<std::ops::Range<u64>> {
    let diff = ask(path, &["diff", "--unified=3", &format!("{base}...{head}"), "--", file]).unwrap_or_default();
    let hunk = |line: &str| {
        let new = line.strip_prefix("@@ -")?.split_once(" +")?.1.split_once(" @@")?.0;
        let (start, count) = new.split_once(',').unwrap_or((new, "1"));
        let (start, count): (u64, u64) = (start.parse().ok()?, count.parse().ok()?);
        Some(start..start + count)
    };
    diff.lines().filter_map(hunk).collect()
}

/// The tree of both sides brought together; nothing when they conflict.
pub(super) fn merged_tree(path: &Path, base: &str, head: &str) -> Option<String> {
    ask(path, &["merge-tree", "--write-tree", base, head])
        .map(|tree| tree.lines().next().unwrap_or_default().to_owned())
}

/// How a pull request is merged.
#[derive(Debug, Clone, Copy)]
pub(super) struct Merging<'a> {
    pub method: &'a str,
    pub base: &'a str,
    pub head: &'a str,
    pub title: &'a str,
    pub who: &'a str,
    pub at: &'a str,
}

/// Makes the commits of a merge; the new head of the base, or nothing when it conflicts.
pub(super) fn merge(path: &Path, merging: &Merging<'_>) -> Option<String> {
    let Merging { method, base, head, title, who, at } = *merging;
    let commit = |tree: &str, parents: &[&str], message: &str| {
        let parents: Vec<&str> = parents.iter().flat_map(|parent| ["-p", parent]).collect();
        git(path, who, at, &[&["commit-tree", tree, "-m", message], parents.as_slice()].concat())
    };
    let tree = merged_tree(path, base, head)?;
    match method {
        "merge" => commit(&tree, &[base, head], title),
        "squash" => commit(&tree, &[base], title),
        "rebase" => {
            if !is_ancestor(path, base, head) {
                return commit(&tree, &[base], title);
            }
            // Each commit is made anew, as GitHub does even where the base is right below it.
            let listed = ask(path, &["rev-list", "--reverse", "--first-parent", &format!("{base}..{head}")])?;
            let mut tip = base.to_owned();
            for each in listed.lines() {
                let message = ask(path, &["log", "-1", "--format=%B", each])?;
                tip = commit(&format!("{each}^{{tree}}"), &[&tip], &message)?;
            }
            Some(tip)
        }
        _ => None,
    }
}
