//! Trees, branches and history as a repository has them.

#![allow(clippy::unwrap_used)]

use super::sandbox::Sandbox;
use mergeline::failure::FailureKind;
use mergeline::git::{DirectoryTree, EntryKind, Repository, Tree, TreeId};

fn shown(tree: &dyn Tree) -> Vec<String> {
    let mark = |entry: mergeline::git::Entry| match entry.kind {
        EntryKind::Symlink => format!("{} ->", entry.path),
        EntryKind::Submodule => format!("{} @", entry.path),
        EntryKind::File | EntryKind::Directory => entry.path,
    };
    tree.walk("").unwrap().into_iter().map(mark).collect()
}

#[test]
fn working_tree_has_untracked_files_and_tracked_ignored_ones_but_no_other_ignored_ones() {
    let sandbox = Sandbox::new();
    let checkout = sandbox.repository("checkout");
    checkout.write("build/kept.yaml", "tracked");
    checkout.commit("before the rule");
    checkout.write(".gitignore", "build/\n*.log\n");
    checkout.write("build/output.yaml", "ignored");
    checkout.write("a.log", "ignored");
    checkout.write("sub/.gitignore", "!a.log\n/local\n");
    checkout.write("sub/a.log", "wanted again");
    checkout.write("sub/local", "ignored");
    checkout.write(".git/info/exclude", "excluded\n");
    checkout.write("excluded", "ignored");
    checkout.write(".ignore", "new.yaml\n");
    checkout.write("new.yaml", "untracked");
    let tree = checkout.open().working_tree().unwrap();
    let expected = [".gitignore", ".ignore", "build/kept.yaml", "new.yaml", "sub/.gitignore", "sub/a.log"];
    assert_eq!(shown(&tree), expected);

    let theirs = checkout.git(&["ls-files", "--cached", "--others", "--exclude-standard"]);
    assert_eq!(
        theirs.lines().map(str::to_owned).collect::<std::collections::BTreeSet<_>>().into_iter().collect::<Vec<_>>(),
        expected
    );

    let part = DirectoryTree::open(&checkout.path.join("sub")).unwrap();
    assert_eq!(shown(&part), [".gitignore", "a.log"]);
}

#[test]
fn ignored_folder_that_is_named_itself_is_read() {
    let sandbox = Sandbox::new();
    let checkout = sandbox.repository("checkout");
    checkout.write(".gitignore", "build/\n");
    checkout.write("build/output.yaml", "x");
    assert_eq!(shown(&DirectoryTree::open(&checkout.path.join("build")).unwrap()), ["output.yaml"]);
}

#[test]
fn deleted_files_are_not_in_the_working_tree_and_edited_ones_are_as_on_disk() {
    let sandbox = Sandbox::new();
    let checkout = sandbox.repository("checkout");
    checkout.write("gone.yaml", "old");
    checkout.write("edited.yaml", "old");
    checkout.commit("old");
    std::fs::remove_file(checkout.path.join("gone.yaml")).unwrap();
    checkout.write("edited.yaml", "new");
    let tree = checkout.open().working_tree().unwrap();
    assert_eq!(shown(&tree), ["edited.yaml"]);
    assert_eq!(tree.read("edited.yaml").unwrap().unwrap(), b"new");
}

#[test]
fn symlinks_and_submodules_are_shown_as_such_and_never_followed() {
    let sandbox = Sandbox::new();
    let library = sandbox.repository("library");
    library.commit_file("inside.yaml", "x");
    let checkout = sandbox.repository("checkout");
    checkout.write("real/file.yaml", "x");
    checkout.git(&["submodule", "--quiet", "add", library.path.to_str().unwrap(), "vendor"]);
    std::os::unix::fs::symlink("real", checkout.path.join("link")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", checkout.path.join("outside")).unwrap();
    let commit = checkout.commit("all");
    let repository = checkout.open();
    let at_commit = repository.tree(&commit).unwrap();
    let on_disk = repository.working_tree().unwrap();
    for tree in [&at_commit as &dyn Tree, &on_disk] {
        assert_eq!(shown(tree), [".gitmodules", "link ->", "outside ->", "real/file.yaml", "vendor @"]);
        assert_eq!(tree.read("link").unwrap().unwrap(), b"real");
        assert_eq!(tree.read("outside").unwrap().unwrap(), b"/etc/passwd");
        assert_eq!(tree.read("link/file.yaml").unwrap(), None);
        assert_eq!(tree.kind("link/file.yaml").unwrap(), None);
        assert_eq!(tree.read("vendor").unwrap(), None);
        assert_eq!(tree.read("vendor/inside.yaml").unwrap(), None);
        assert_eq!(tree.list("vendor").unwrap(), []);
    }
}

#[test]
fn directory_that_became_a_link_hides_the_tracked_files_behind_it() {
    let sandbox = Sandbox::new();
    let checkout = sandbox.repository("checkout");
    checkout.commit_file("app/secret.yaml", "x");
    std::fs::rename(checkout.path.join("app"), sandbox.path("elsewhere")).unwrap();
    std::os::unix::fs::symlink(sandbox.path("elsewhere"), checkout.path.join("app")).unwrap();
    assert_eq!(shown(&checkout.open().working_tree().unwrap()), ["app ->"]);
}

#[test]
fn repository_inside_another_is_one_entry() {
    let sandbox = Sandbox::new();
    let checkout = sandbox.repository("checkout");
    checkout.commit_file("a.yaml", "x");
    checkout.git(&["init", "--quiet", "nested"]);
    checkout.write("nested/b.yaml", "x");
    assert_eq!(shown(&checkout.open().working_tree().unwrap()), ["a.yaml", "nested @"]);
}

#[test]
fn files_that_a_sparse_checkout_leaves_out_are_read_from_the_index() {
    let sandbox = Sandbox::new();
    let checkout = sandbox.repository("checkout");
    checkout.write("apps/a.yaml", "a");
    checkout.write("docs/deep/b.yaml", "b");
    checkout.commit("all");
    for options in [&["--cone"][..], &["--cone", "--sparse-index"]] {
        checkout.git(&[&["sparse-checkout", "set"], options, &["apps"]].concat());
        assert!(!checkout.path.join("docs").exists());
        let tree = checkout.open().working_tree().unwrap();
        assert_eq!(shown(&tree), ["apps/a.yaml", "docs/deep/b.yaml"]);
        assert_eq!(tree.read("docs/deep/b.yaml").unwrap().unwrap(), b"b");
    }
}

#[test]
fn five_thousand_files_are_read_from_many_threads() {
    let sandbox = Sandbox::new();
    let checkout = sandbox.repository("checkout");
    for number in 0..5_000 {
        checkout.write(&format!("apps/{:02}/{number}.yaml", number % 100), format!("number: {number}\n"));
    }
    let commit = checkout.commit("many");
    checkout.git(&["gc", "--quiet"]);
    let tree = checkout.open().tree(&commit).unwrap();
    let entries = tree.walk("").unwrap();
    assert_eq!(entries.len(), 5_000);
    std::thread::scope(|scope| {
        for part in entries.chunks(1_250) {
            let tree = &tree;
            scope.spawn(move || {
                for entry in part {
                    let number = entry.path.rsplit_once('/').unwrap().1.trim_end_matches(".yaml");
                    assert_eq!(tree.read(&entry.path).unwrap().unwrap(), format!("number: {number}\n").into_bytes());
                }
            });
        }
    });
}

#[test]
fn names_that_are_not_utf8_are_shown_and_not_read() {
    use std::os::unix::ffi::OsStrExt;
    let sandbox = Sandbox::new();
    let checkout = sandbox.repository("checkout");
    std::fs::write(checkout.path.join(std::ffi::OsStr::from_bytes(b"caf\xe9.yaml")), "x").unwrap();
    let commit = checkout.commit("latin");
    let repository = checkout.open();
    for tree in [&repository.tree(&commit).unwrap() as &dyn Tree, &repository.working_tree().unwrap()] {
        assert_eq!(shown(tree), ["caf\u{fffd}.yaml"]);
        assert_eq!(tree.read("caf\u{fffd}.yaml").unwrap(), None);
    }
}

#[test]
fn tree_with_a_forbidden_name_is_refused() {
    let sandbox = Sandbox::new();
    let checkout = sandbox.repository("checkout");
    checkout.commit_file("a.yaml", "x");
    let blob = checkout.git(&["rev-parse", "HEAD:a.yaml"]);
    let mut raw = b"100644 ..\0".to_vec();
    raw.extend((0..20).map(|at| u8::from_str_radix(&blob[at * 2..at * 2 + 2], 16).unwrap()));
    std::fs::write(sandbox.path("raw"), raw).unwrap();
    let raw = sandbox.path("raw");
    let tree = checkout.git(&["hash-object", "-t", "tree", "-w", "--literally", raw.to_str().unwrap()]);
    let tree = checkout.open().tree_by_id(&TreeId::parse(&tree).unwrap()).unwrap();
    assert_eq!(tree.walk("").unwrap_err().kind(), FailureKind::Refused);
}

#[test]
fn revisions_are_resolved_as_people_write_them() {
    let sandbox = Sandbox::new();
    let checkout = sandbox.repository("checkout");
    let first = checkout.commit_file("a", "1");
    let second = checkout.commit_file("a", "2");
    checkout.git(&["tag", "--annotate", "--message", "v1", "v1", first.as_str()]);
    checkout.git(&["branch", "topic/x", first.as_str()]);
    let repository = checkout.open();
    for (text, commit) in [
        ("HEAD", &second),
        ("HEAD~1", &first),
        ("main", &second),
        ("v1", &first),
        ("topic/x", &first),
        (second.short(), &second),
    ] {
        assert_eq!(&repository.resolve(text).unwrap(), commit, "{text}");
    }
    assert_eq!(repository.head().unwrap(), second);
    assert_eq!(repository.current_branch().unwrap().as_deref(), Some("main"));
    for text in ["nothing", "HEAD:a", "HEAD^{tree}", "", "-x", "main..topic/x", "../x"] {
        let failure = repository.resolve(text).unwrap_err();
        assert_eq!(failure.kind(), FailureKind::Usage, "{text}");
    }
    checkout.git(&["checkout", "--quiet", "--detach"]);
    assert_eq!(repository.current_branch().unwrap(), None);
}

#[test]
fn default_branch_is_what_origin_says_else_the_usual_one_else_the_only_one() {
    let sandbox = Sandbox::new();
    let checkout = sandbox.repository("checkout");
    checkout.git(&["checkout", "--quiet", "-b", "trunk"]);
    let commit = checkout.commit_file("a", "1");
    let repository = checkout.open();
    assert_eq!(repository.default_branch().unwrap(), "trunk");
    checkout.git(&["branch", "other"]);
    let failure = repository.default_branch().unwrap_err();
    assert!(failure.message().contains("`other`, `trunk`"), "{failure}");
    assert!(!failure.hints().is_empty());
    checkout.git(&["branch", "master"]);
    assert_eq!(repository.default_branch().unwrap(), "master");
    let origin = sandbox.publish(&checkout, "origin.git");
    let clone = sandbox.clone(&origin, &[], "clone").open();
    assert_eq!(clone.default_branch().unwrap(), "trunk");
    assert_eq!(clone.branch_head("other").unwrap(), Some(commit.clone()));
    assert_eq!(clone.resolve("other").unwrap(), commit);
    assert_eq!(clone.branch_head("missing").unwrap(), None);
}

#[test]
fn empty_repository_is_told_apart_from_no_repository() {
    let sandbox = Sandbox::new();
    let empty = sandbox.repository("empty").open();
    for failure in [
        empty.head().unwrap_err(),
        empty.resolve("HEAD").unwrap_err(),
        empty.resolve("main").unwrap_err(),
        empty.default_branch().unwrap_err(),
    ] {
        assert!(failure.message().contains("no commits yet"), "{failure}");
        assert_eq!(failure.kind(), FailureKind::Usage);
    }
    assert_eq!(empty.current_branch().unwrap().as_deref(), Some("main"));
    assert_eq!(shown(&empty.working_tree().unwrap()), Vec::<String>::new());

    std::fs::create_dir(sandbox.path("plain")).unwrap();
    let failure = Repository::discover(&sandbox.path("plain")).unwrap_err();
    assert!(failure.message().contains("not in a Git repository"), "{failure}");
    assert!(failure.hints()[0].contains("git init"));
    assert_eq!(Repository::discover(&sandbox.path("missing")).unwrap_err().kind(), FailureKind::NothingThere);
    assert_eq!(DirectoryTree::open(&sandbox.path("missing")).unwrap_err().kind(), FailureKind::NothingThere);
}

#[test]
fn history_answers_as_git_does() {
    let sandbox = Sandbox::new();
    let checkout = sandbox.repository("checkout");
    let root = checkout.commit_file("a", "1");
    checkout.git(&["checkout", "--quiet", "-b", "topic"]);
    let topic = checkout.commit_file("b", "1");
    checkout.git(&["checkout", "--quiet", "main"]);
    let main = checkout.commit_file("c", "1");
    checkout.git(&[
        "merge",
        "--quiet",
        "--no-ff",
        "--message",
        "merge topic\n\nReviewed-by: Bo <bo@example.com>",
        "topic",
    ]);
    let merge = checkout.commit_at("HEAD");
    checkout.git(&["checkout", "--quiet", "--orphan", "other"]);
    let orphan = checkout.commit("alone");
    let repository = checkout.open();
    assert_eq!(repository.merge_base(&topic, &main).unwrap(), Some(root.clone()));
    assert_eq!(repository.merge_base(&topic, &merge).unwrap(), Some(topic.clone()));
    assert_eq!(repository.merge_base(&orphan, &main).unwrap(), None);
    assert!(repository.is_ancestor(&root, &merge).unwrap());
    assert!(repository.is_ancestor(&merge, &merge).unwrap());
    assert!(!repository.is_ancestor(&merge, &root).unwrap());
    assert!(!repository.is_ancestor(&orphan, &merge).unwrap());
    let names = |commits: Vec<mergeline::git::CommitInfo>| commits.into_iter().map(|c| c.id).collect::<Vec<_>>();
    assert_eq!(names(repository.first_parents(&merge, 10).unwrap()), [merge.clone(), main.clone(), root.clone()]);
    assert_eq!(names(repository.first_parents(&merge, 1).unwrap()), std::slice::from_ref(&merge));
    let mut between = names(repository.commits_between(&main, &merge).unwrap());
    between.sort();
    let mut expected = vec![merge.clone(), topic.clone()];
    expected.sort();
    assert_eq!(between, expected);
    assert_eq!(repository.commits_between(&merge, &main).unwrap(), []);

    let info = repository.commit(&merge).unwrap();
    assert_eq!(info.parents, [main, topic]);
    assert_eq!(info.author.name, "Ada");
    assert_eq!(info.subject(), "merge topic");
    assert_eq!(info.trailer("Reviewed-by").as_deref(), Some("Bo <bo@example.com>"));
    assert_eq!(info.committed_at.as_second().to_string(), checkout.git(&["log", "-1", "--format=%ct", merge.as_str()]));
    assert_eq!(info.tree.as_str(), checkout.git(&["rev-parse", &format!("{merge}^{{tree}}")]));
}

#[test]
fn changed_paths_are_those_of_git_diff() {
    let sandbox = Sandbox::new();
    let checkout = sandbox.repository("checkout");
    for path in ["same/a", "edited/a", "gone/deep/a", "kind", "mode", "to-file/a"] {
        checkout.write(path, path);
    }
    let before = checkout.commit("before");
    checkout.write("edited/a", "new");
    std::fs::remove_dir_all(checkout.path.join("gone")).unwrap();
    std::fs::remove_file(checkout.path.join("kind")).unwrap();
    checkout.write("kind/now/a", "directory");
    std::fs::remove_dir_all(checkout.path.join("to-file")).unwrap();
    checkout.write("to-file", "file");
    checkout.git(&["update-index", "--chmod=+x", "mode"]);
    checkout.write("new/a", "new");
    checkout.git(&["add", "--all"]);
    checkout.git(&["update-index", "--chmod=+x", "mode"]);
    checkout.git(&["commit", "--quiet", "--message", "after"]);
    let after = checkout.commit_at("HEAD");
    let repository = checkout.open();
    let [from, to] = [before, after].map(|commit| repository.tree_id(&commit).unwrap());
    let theirs = checkout.git(&["diff", "--name-only", "--no-renames", from.as_str(), to.as_str()]);
    assert_eq!(repository.changed_paths(&from, &to).unwrap(), theirs.lines().collect::<Vec<_>>());
    assert_eq!(repository.changed_paths(&to, &to).unwrap(), Vec::<String>::new());
    assert_eq!(repository.changed_paths(&TreeId::empty(), &from).unwrap().len(), 6);
    let head = repository.head().unwrap();
    let subtree = repository.subtree_id(&head, "kind/now").unwrap().unwrap();
    assert_eq!(subtree.as_str(), checkout.git(&["rev-parse", "HEAD:kind/now"]));
    assert_eq!(repository.subtree_id(&head, "to-file").unwrap(), None);
    assert_eq!(repository.subtree_id(&head, "").unwrap(), Some(to));
}
