//! Repositories in a temporary folder, made by the machine's `git` without any of the machine's configuration.

#![allow(clippy::unwrap_used)]

use mergeline::commit::CommitId;
use mergeline::git::Repository;
use std::path::{Path, PathBuf};

/// A temporary folder for repositories; gone when dropped.
pub(crate) struct Sandbox {
    folder: tempfile::TempDir,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().canonicalize().unwrap().join(name)
    }

    /// A new repository with a working tree and the branch `main`.
    pub(crate) fn repository(&self, name: &str) -> Checkout {
        git(self.folder.path(), &["init", "--quiet", "--initial-branch=main", name]);
        Checkout { path: self.path(name) }
    }

    /// A bare copy of `checkout`, which serves as its `origin`.
    pub(crate) fn publish(&self, checkout: &Checkout, name: &str) -> Checkout {
        git(self.folder.path(), &["clone", "--quiet", "--bare", checkout.path.to_str().unwrap(), name]);
        let path = self.path(name);
        checkout.git(&["remote", "add", "origin", path.to_str().unwrap()]);
        checkout.git(&["fetch", "--quiet", "origin"]);
        Checkout { path }
    }

    /// A clone of `origin` with `options`, by its URL: a plain path would ignore `--depth`.
    pub(crate) fn clone(&self, origin: &Checkout, options: &[&str], name: &str) -> Checkout {
        let url = format!("file://{}", origin.path.display());
        let command = [&["clone", "--quiet"], options, &[url.as_str(), name]].concat();
        git(self.folder.path(), &command);
        Checkout { path: self.path(name) }
    }
}

/// A repository, with or without a working tree.
pub(crate) struct Checkout {
    pub(crate) path: PathBuf,
}

impl Checkout {
    pub(crate) fn open(&self) -> Repository {
        Repository::open(&self.path).unwrap()
    }

    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        git(&self.path, arguments)
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let place = self.path.join(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, text).unwrap();
    }

    /// Commits everything that is not ignored.
    pub(crate) fn commit(&self, message: &str) -> CommitId {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.commit_at("HEAD")
    }

    /// Writes one file and commits it.
    pub(crate) fn commit_file(&self, path: &str, text: &str) -> CommitId {
        self.write(path, text);
        self.commit(&format!("write {path}"))
    }

    pub(crate) fn commit_at(&self, revision: &str) -> CommitId {
        CommitId::parse(&self.git(&["rev-parse", "--verify", &format!("{revision}^{{commit}}")])).unwrap()
    }

    /// What `git` itself thinks of the object database.
    pub(crate) fn assert_sound(&self) {
        let said = self.git(&["fsck", "--full", "--strict", "--no-dangling"]);
        assert_eq!(said, "");
    }
}

/// Runs the machine's `git`, and gives what it printed.
pub(crate) fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = mergeline_lab::git(directory).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?} in {}: {said}{error}", directory.display());
    said
}
