//! What every [`Tree`] promises.

#![allow(clippy::unwrap_used)]

use crate::git::sandbox::Sandbox;
use mergeline::git::{DirectoryTree, EntryKind, MemoryTree, Tree};

/// The files that each tree under test holds. `a-b` sorts before `a/` and after `a`; `b.yaml` has a twin.
const FILES: [(&str, &str); 6] = [
    ("a-b/x.yaml", "x: 1\n"),
    ("a/deep/er/z.yaml", "z: 1\n"),
    ("a/y.yaml", "y: 1\n"),
    ("a0", ""),
    ("b.yaml", "b: 1\n"),
    ("c.yaml", "b: 1\n"),
];

fn paths(entries: Vec<mergeline::git::Entry>) -> Vec<(String, EntryKind)> {
    entries.into_iter().map(|entry| (entry.path, entry.kind)).collect()
}

fn named(expected: &[(&str, EntryKind)]) -> Vec<(String, EntryKind)> {
    expected.iter().map(|(path, kind)| ((*path).to_owned(), *kind)).collect()
}

fn passes_the_contract(tree: &dyn Tree) {
    use EntryKind::{Directory, File};

    for (path, text) in FILES {
        assert_eq!(tree.read(path).unwrap().unwrap(), text.as_bytes(), "{path}");
        assert_eq!(tree.kind(path).unwrap(), Some(File), "{path}");
    }
    for directory in ["", "a", "a/deep", "a/deep/er", "a-b"] {
        assert_eq!(tree.kind(directory).unwrap(), Some(Directory), "{directory}");
        assert_eq!(tree.read(directory).unwrap(), None, "{directory}");
    }
    for nothing in [
        "d",
        "a/d",
        "b.yaml/d",
        "..",
        ".",
        "./b.yaml",
        "a/../b.yaml",
        "a/",
        "/",
        "/b.yaml",
        "a//y.yaml",
        "b.yaml/",
        ".git",
        ".git/config",
        "A",
        "a/dee",
    ] {
        assert_eq!(tree.kind(nothing).unwrap(), None, "{nothing}");
        assert_eq!(tree.read(nothing).unwrap(), None, "{nothing}");
        assert_eq!(tree.list(nothing).unwrap(), [], "{nothing}");
        assert_eq!(tree.walk(nothing).unwrap(), [], "{nothing}");
        assert_eq!(tree.identity(nothing).unwrap(), None, "{nothing}");
    }

    let root = [("a", Directory), ("a-b", Directory), ("a0", File), ("b.yaml", File), ("c.yaml", File)];
    assert_eq!(paths(tree.list("").unwrap()), named(&root));
    assert_eq!(paths(tree.list("a").unwrap()), named(&[("a/deep", Directory), ("a/y.yaml", File)]));
    assert_eq!(tree.list("b.yaml").unwrap(), []);

    assert_eq!(paths(tree.walk("").unwrap()), named(&FILES.map(|(path, _)| (path, File))));
    assert_eq!(paths(tree.walk("a").unwrap()), named(&[("a/deep/er/z.yaml", File), ("a/y.yaml", File)]));
    assert_eq!(tree.walk("b.yaml").unwrap(), []);

    let identity = |path: &str| tree.identity(path).unwrap();
    if let Some(root) = identity("") {
        assert_eq!(identity("").unwrap(), root);
        assert_eq!(identity("b.yaml"), identity("c.yaml"));
        assert_ne!(identity("b.yaml"), identity("a0"));
        assert_ne!(identity("a"), identity("a/deep"));
    }
}

fn written(sandbox: &Sandbox) -> crate::git::sandbox::Checkout {
    let checkout = sandbox.repository("checkout");
    for (path, text) in FILES {
        checkout.write(path, text);
    }
    checkout
}

#[test]
fn memory_tree_passes_the_contract() {
    let tree = FILES.iter().fold(MemoryTree::new(), |tree, (path, text)| tree.with(*path, *text));
    passes_the_contract(&tree);
}

#[test]
fn commit_tree_passes_the_contract() {
    let sandbox = Sandbox::new();
    let checkout = written(&sandbox);
    let commit = checkout.commit("all");
    passes_the_contract(&checkout.open().tree(&commit).unwrap());
    checkout.git(&["gc", "--quiet"]);
    passes_the_contract(&checkout.open().tree(&commit).unwrap());
}

#[test]
fn working_tree_passes_the_contract() {
    let sandbox = Sandbox::new();
    let checkout = written(&sandbox);
    passes_the_contract(&checkout.open().working_tree().unwrap());
    checkout.git(&["add", "b.yaml", "a"]);
    passes_the_contract(&DirectoryTree::open(&checkout.path).unwrap());
}

#[test]
fn directory_outside_any_repository_passes_the_contract() {
    let sandbox = Sandbox::new();
    let checkout = written(&sandbox);
    passes_the_contract(&DirectoryTree::plain(&checkout.path).unwrap());
    std::fs::remove_dir_all(checkout.path.join(".git")).unwrap();
    passes_the_contract(&DirectoryTree::open(&checkout.path).unwrap());
}
