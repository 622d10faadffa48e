//! A folder on disk as a tree that is read as it is asked for: for paths that a person names, inside a repository or not.
//!
//! Nothing is listed beforehand, so that its root may be the root of the file system. Symbolic links below it are entries
//! and are never followed, `.git` is never shown.

use super::commit_tree::join;
use super::{Entry, EntryKind, Tree};
use crate::failure::{Failure, Result};
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

/// A folder on disk, read when asked.
#[derive(Debug)]
pub struct DiskTree {
    root: PathBuf,
    /// Directories that were seen to be no links, and nothing on the way to them: asked once each, not for every file.
    real: RwLock<HashSet<String>>,
}

impl DiskTree {
    /// The tree below `root`.
    #[must_use]
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), real: RwLock::default() }
    }

    /// Where a path of the tree is; `None` for one that names nothing.
    fn place(&self, path: &str) -> Option<PathBuf> {
        let named = |part: &str| !matches!(part, "" | "." | ".." | ".git") && !part.contains('\\');
        if path.is_empty() {
            return Some(self.root.clone());
        }
        path.split('/').all(named).then(|| self.root.join(path))
    }

    /// Says whether something on the way to `path` is a link.
    fn is_behind_link(&self, path: &str) -> bool {
        let Some((parent, _)) = path.rsplit_once('/') else { return false };
        if self.real.read().unwrap_or_else(PoisonError::into_inner).contains(parent) {
            return false;
        }
        if self.is_behind_link(parent) || self.root.join(parent).is_symlink() {
            return true;
        }
        self.real.write().unwrap_or_else(PoisonError::into_inner).insert(parent.to_owned());
        false
    }
}

impl Tree for DiskTree {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let Some(place) = self.place(path) else { return Ok(None) };
        match self.kind(path)? {
            Some(EntryKind::File) => std::fs::read(&place).map(Some).map_err(|error| unreadable(&place, error)),
            Some(EntryKind::Symlink) => {
                let target = std::fs::read_link(&place).map_err(|error| unreadable(&place, error))?;
                Ok(Some(target.to_string_lossy().into_owned().into_bytes()))
            }
            _ => Ok(None),
        }
    }

    fn kind(&self, path: &str) -> Result<Option<EntryKind>> {
        let Some(place) = self.place(path) else { return Ok(None) };
        if path.is_empty() {
            return Ok(Some(EntryKind::Directory));
        }
        match place.symlink_metadata() {
            Ok(_) if self.is_behind_link(path) => Ok(None),
            Ok(found) => Ok(kind(found.file_type())),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(unreadable(&place, error)),
        }
    }

    fn list(&self, directory: &str) -> Result<Vec<Entry>> {
        if self.kind(directory)? != Some(EntryKind::Directory) {
            return Ok(Vec::new());
        }
        let Some(place) = self.place(directory) else { return Ok(Vec::new()) };
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(&place).map_err(|error| unreadable(&place, error))? {
            let entry = entry.map_err(|error| unreadable(&place, error))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let found = entry.file_type().map_err(|error| unreadable(&entry.path(), error))?;
            if name != ".git" {
                entries.extend(kind(found).map(|kind| Entry { path: join(directory, &name), kind }));
            }
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    fn walk(&self, directory: &str) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        let mut folders = vec![directory.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in self.list(&folder)? {
                if entry.kind == EntryKind::Directory {
                    folders.push(entry.path);
                } else {
                    entries.push(entry);
                }
            }
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    fn identity(&self, _: &str) -> Result<Option<String>> {
        Ok(None)
    }
}

/// What a tree calls it; sockets and the like are nothing.
fn kind(found: std::fs::FileType) -> Option<EntryKind> {
    match found {
        found if found.is_symlink() => Some(EntryKind::Symlink),
        found if found.is_dir() => Some(EntryKind::Directory),
        found if found.is_file() => Some(EntryKind::File),
        _ => None,
    }
}

fn unreadable(place: &Path, error: io::Error) -> Failure {
    Failure::usage(format!("cannot read `{}`", place.display())).because(error)
}
