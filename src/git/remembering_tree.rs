//! A tree that reads a file once: for a run that comes back to what it has read, and sees one state of each file.

use super::{Entry, EntryKind, Tree};
use crate::failure::Result;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

/// A tree and what was read from it, up to some bytes.
pub struct RememberingTree<'a> {
    tree: &'a dyn Tree,
    read: RwLock<Remembered>,
}

#[derive(Default)]
struct Remembered {
    files: HashMap<String, Option<Arc<[u8]>>>,
    bytes: usize,
}

/// So many bytes are remembered; further files are read each time.
const MOST: usize = 32 << 20;

impl<'a> RememberingTree<'a> {
    /// A tree of which nothing was read.
    #[must_use]
    pub fn new(tree: &'a dyn Tree) -> Self {
        Self { tree, read: RwLock::default() }
    }
}

impl Tree for RememberingTree<'_> {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let known = self.read.read().unwrap_or_else(PoisonError::into_inner).files.get(path).cloned();
        if let Some(known) = known {
            return Ok(known.map(|bytes| bytes.to_vec()));
        }
        let bytes = self.tree.read(path)?;
        let size = bytes.as_ref().map_or(0, Vec::len) + path.len();
        let mut read = self.read.write().unwrap_or_else(PoisonError::into_inner);
        if read.bytes + size <= MOST {
            read.bytes += size;
            read.files.insert(path.to_owned(), bytes.as_deref().map(Into::into));
        }
        Ok(bytes)
    }

    fn kind(&self, path: &str) -> Result<Option<EntryKind>> {
        self.tree.kind(path)
    }

    fn list(&self, directory: &str) -> Result<Vec<Entry>> {
        self.tree.list(directory)
    }

    fn walk(&self, directory: &str) -> Result<Vec<Entry>> {
        self.tree.walk(directory)
    }

    fn identity(&self, path: &str) -> Result<Option<String>> {
        self.tree.identity(path)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::git::MemoryTree;
    use std::sync::atomic::{AtomicUsize, Ordering};

    struct Counted(MemoryTree, AtomicUsize);

    impl Tree for Counted {
        fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
            self.1.fetch_add(1, Ordering::Relaxed);
            self.0.read(path)
        }

        fn kind(&self, path: &str) -> Result<Option<EntryKind>> {
            self.0.kind(path)
        }

        fn list(&self, directory: &str) -> Result<Vec<Entry>> {
            self.0.list(directory)
        }

        fn walk(&self, directory: &str) -> Result<Vec<Entry>> {
            self.0.walk(directory)
        }

        fn identity(&self, path: &str) -> Result<Option<String>> {
            self.0.identity(path)
        }
    }

    #[test]
    fn a_file_is_read_once_unless_it_is_too_long_to_remember() {
        let tree = Counted(MemoryTree::new().with("a", "x").with("b", vec![0; MOST]), AtomicUsize::new(0));
        let remembering = RememberingTree::new(&tree);
        for path in ["a", "none", "a", "none"] {
            assert_eq!(remembering.read(path).unwrap(), tree.0.read(path).unwrap());
        }
        assert_eq!(tree.1.load(Ordering::Relaxed), 2);
        remembering.read("b").unwrap();
        remembering.read("b").unwrap();
        assert_eq!(tree.1.load(Ordering::Relaxed), 4);
    }
}
