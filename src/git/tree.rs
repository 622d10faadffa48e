//! A tree of files that can be read: at a commit, in a directory, or in memory.

use crate::failure::Result;
use std::collections::BTreeMap;

/// What stands at a path of a [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// A file, executable or not.
    File,
    /// A directory with something in it; Git knows no empty ones.
    Directory,
    /// A symbolic link. Its target is what [`Tree::read`] gives; trees never follow it.
    Symlink,
    /// A commit of another repository. Nothing can be read below it.
    Submodule,
}

/// One entry of a directory, or of a walk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Path relative to the root of the tree, `/` between parts, no leading or trailing `/`.
    pub path: String,
    /// What it is.
    pub kind: EntryKind,
}

/// Read access to a tree of files. Paths are relative to its root, `/` between parts; the root is the empty path.
///
/// A path with `..`, `.` or empty parts names nothing: callers resolve such paths first, so that "outside the tree" is
/// their finding and never a read. Non-UTF-8 names are shown with replacement characters and cannot be read.
pub trait Tree: Send + Sync {
    /// The bytes of a file, or the target of a symbolic link; `None` when there is no such file.
    ///
    /// # Errors
    /// When the object database or the disk fails.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>>;

    /// What stands at `path`, if anything. The root is a directory.
    ///
    /// # Errors
    /// As for [`Tree::read`].
    fn kind(&self, path: &str) -> Result<Option<EntryKind>>;

    /// The direct entries of a directory, by path in byte order; empty when it is no directory.
    ///
    /// # Errors
    /// As for [`Tree::read`].
    fn list(&self, directory: &str) -> Result<Vec<Entry>>;

    /// Everything that is not a directory below `directory`, by path in byte order.
    ///
    /// # Errors
    /// As for [`Tree::read`].
    fn walk(&self, directory: &str) -> Result<Vec<Entry>>;

    /// An identity of the content of a file or of all below a directory: equal identities of two trees of the same kind
    /// mean equal content. `None` when nothing is there or this tree has no cheap identity (a directory on disk).
    ///
    /// # Errors
    /// As for [`Tree::read`].
    fn identity(&self, path: &str) -> Result<Option<String>>;
}

/// A tree in memory, for tests and for renders that never touch a disk.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryTree {
    files: BTreeMap<String, Vec<u8>>,
}

impl MemoryTree {
    /// An empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a file.
    #[must_use]
    pub fn with(mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        self.insert(path, bytes);
        self
    }

    /// Adds or replaces a file.
    pub fn insert(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.files.insert(path.into(), bytes.into());
    }

    /// Removes a file.
    pub fn remove(&mut self, path: &str) -> Option<Vec<u8>> {
        self.files.remove(path)
    }

    /// All files with their bytes, by path.
    pub fn files(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }

    fn below(&self, directory: &str) -> impl Iterator<Item = &String> {
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let start = prefix.clone();
        self.files.range(start..).map(|(path, _)| path).take_while(move |path| path.starts_with(&prefix))
    }
}

impl Tree for MemoryTree {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.files.get(path).cloned())
    }

    fn kind(&self, path: &str) -> Result<Option<EntryKind>> {
        if self.files.contains_key(path) {
            return Ok(Some(EntryKind::File));
        }
        let directory = path.is_empty() || self.below(path).next().is_some();
        Ok(directory.then_some(EntryKind::Directory))
    }

    fn list(&self, directory: &str) -> Result<Vec<Entry>> {
        let skip = if directory.is_empty() { 0 } else { directory.len() + 1 };
        let mut entries: BTreeMap<String, EntryKind> = BTreeMap::new();
        for path in self.below(directory) {
            let (name, kind) = match path[skip..].split_once('/') {
                Some((name, _)) => (name, EntryKind::Directory),
                None => (&path[skip..], EntryKind::File),
            };
            entries.insert(format!("{}{name}", &path[..skip]), kind);
        }
        Ok(entries.into_iter().map(|(path, kind)| Entry { path, kind }).collect())
    }

    fn walk(&self, directory: &str) -> Result<Vec<Entry>> {
        Ok(self.below(directory).map(|path| Entry { path: path.clone(), kind: EntryKind::File }).collect())
    }

    fn identity(&self, path: &str) -> Result<Option<String>> {
        use sha2::{Digest, Sha256};
        if self.kind(path)?.is_none() {
            return Ok(None);
        }
        let mut hash = Sha256::new();
        let one = self.files.get_key_value(path).into_iter();
        let below = self.below(path).filter_map(|path| self.files.get_key_value(path));
        for (name, bytes) in one.chain(below) {
            hash.update((name.len() as u64).to_le_bytes());
            hash.update(&name.as_bytes()[path.len().min(name.len())..]);
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        }
        Ok(Some(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()))
    }
}
