#![allow(clippy::unwrap_used)]

use super::*;
use crate::failure::FailureKind;
use std::process::Command;
use tempfile::TempDir;

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=ada", "-c", "user.email=ada@example.com"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A host with `main`, and `change` one commit ahead of it.
fn host() -> (TempDir, LocalHost) {
    let folder = TempDir::new().unwrap();
    let host = LocalHost::create(folder.path().join("host"), "acme/shop").unwrap();
    host.set_member("ada", Rights::Admin).unwrap();
    let copy = folder.path().join("copy");
    std::fs::create_dir(&copy).unwrap();
    git(&copy, &["init", "--quiet", "--initial-branch", "main"]);
    for (branch, text) in [("main", "1"), ("change", "2")] {
        git(&copy, &["checkout", "--quiet", "-B", branch]);
        std::fs::write(copy.join("file"), text).unwrap();
        git(&copy, &["add", "."]);
        git(&copy, &["commit", "--quiet", "-m", text]);
        git(&copy, &["push", "--quiet", &host.repository_path().display().to_string(), branch]);
    }
    (folder, host.as_user("ada"))
}

fn proposal() -> Proposal {
    Proposal {
        head_branch: "change".to_owned(),
        fork: None,
        base_branch: "main".to_owned(),
        title: "Change the file".to_owned(),
        body: String::new(),
    }
}

#[test]
fn many_writers_lose_no_update() {
    let (_folder, host) = host();
    let number = host.open_pull_request(&proposal()).unwrap().number;
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let host = LocalHost::open(host.folder()).unwrap().as_user("ada");
            scope.spawn(move || {
                for n in 0..10 {
                    host.comment(number, &format!("{writer} {n}")).unwrap();
                }
            });
        }
    });
    let comments = host.comments(number).unwrap();
    assert_eq!(comments.iter().map(|comment| comment.id).collect::<Vec<_>>(), (1..=40).collect::<Vec<_>>());
}

#[test]
fn each_merge_style_makes_its_own_history_and_the_same_tree() {
    let mut trees = Vec::new();
    for (style, parents) in [(MergeStyle::MergeCommit, 2), (MergeStyle::Squash, 1), (MergeStyle::FastForward, 1)] {
        let (_folder, host) = host();
        host.set_merge_style(style).unwrap();
        let host = host.with_clock(|| Timestamp::from_second(1_700_000_000).unwrap());
        let pull = host.open_pull_request(&proposal()).unwrap();
        let Landing::Landed(commit) = host.merge_pull_request(pull.number).unwrap() else { panic!("{style:?}") };
        let show = |format| git(&host.repository_path(), &["show", "--no-patch", format, commit.as_str()]);
        assert_eq!(show("--format=%P").split_whitespace().count(), parents, "{style:?}");
        assert_eq!(commit == pull.head, style == MergeStyle::FastForward);
        if style != MergeStyle::FastForward {
            assert_eq!(show("--format=%an %at %s"), "ada 1700000000 Change the file (#1)");
        }
        trees.push(show("--format=%T"));
    }
    assert!(trees.iter().all(|tree| *tree == trees[0]), "{trees:?}");
}

#[test]
fn a_push_that_brings_the_head_into_the_base_merges_it() {
    let (_folder, host) = host();
    let pull = host.open_pull_request(&proposal()).unwrap();
    git(&host.repository_path(), &["update-ref", "refs/heads/main", pull.head.as_str()]);
    assert_eq!(host.merge_pull_request(pull.number).unwrap(), Landing::AlreadyMerged);
}

#[test]
fn a_gone_branch_leaves_the_pull_request_with_its_last_head() {
    let (_folder, host) = host();
    let pull = host.open_pull_request(&proposal()).unwrap();
    git(&host.repository_path(), &["update-ref", "-d", "refs/heads/change"]);
    assert_eq!(host.record(&host.folder.locked().unwrap(), pull.number).unwrap().head, pull.head);
}

#[test]
fn what_hosts_refuse_is_refused() {
    let (_folder, host) = host();
    let nothing_new = Proposal { head_branch: "main".to_owned(), ..proposal() };
    assert!(host.open_pull_request(&nothing_new).unwrap_err().message().contains("all commits"));
    let absent = Proposal { head_branch: "absent".to_owned(), ..proposal() };
    assert!(host.open_pull_request(&absent).unwrap_err().message().contains("no branch `absent`"));
    host.open_pull_request(&proposal()).unwrap();
    assert!(host.open_pull_request(&proposal()).unwrap_err().message().contains("#1"));
    let sam = host.as_user("sam");
    assert!(sam.comment(1, "hello").unwrap_err().message().contains("`sam` may not comment"));
    assert!(host.read_only().comment(1, "hello").unwrap_err().message().contains("read-only"));
    assert!(host.comments(1).unwrap().is_empty());
}

#[test]
fn a_broken_file_is_named_and_left_as_it_is() {
    let (_folder, host) = host();
    host.open_pull_request(&proposal()).unwrap();
    let file = host.folder().join("pull-requests/1.json");
    std::fs::write(&file, "{\"number\": 1,").unwrap();
    let failure = host.comment(1, "hello").unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Remote);
    assert!(failure.message().contains("1.json"), "{failure}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "{\"number\": 1,");
}

#[test]
fn a_host_is_made_in_an_empty_folder_only_and_opened_where_one_is() {
    let folder = TempDir::new().unwrap();
    assert_eq!(LocalHost::open(folder.path()).unwrap_err().kind(), FailureKind::Usage);
    std::fs::write(folder.path().join("mine"), "").unwrap();
    assert_eq!(LocalHost::create(folder.path(), "a/b").unwrap_err().kind(), FailureKind::Usage);
}
