//! A tree without the files whose paths match a regular expression: kubeconform's `-ignore-filename-pattern`.

use crate::failure::{Failure, Result};
use crate::git::tree::{Entry, EntryKind, Tree};
use regex::RegexSet;

/// A tree with files hidden.
pub(crate) struct Hiding<'a> {
    tree: &'a dyn Tree,
    hidden: RegexSet,
}

impl<'a> Hiding<'a> {
    /// Hides what any of `patterns` matches.
    ///
    /// # Errors
    /// Usage for what is no regular expression.
    pub(crate) fn new(tree: &'a dyn Tree, patterns: &[String]) -> Result<Self> {
        let hidden = RegexSet::new(patterns)
            .map_err(|error| Failure::usage("`--ignore-filename-pattern` is no regular expression").because(error))?;
        Ok(Self { tree, hidden })
    }

    /// Says whether a path is hidden.
    pub(crate) fn hides(&self, path: &str) -> bool {
        self.hidden.is_match(path)
    }

    fn seen(&self, entries: Vec<Entry>) -> Vec<Entry> {
        entries.into_iter().filter(|entry| entry.kind == EntryKind::Directory || !self.hides(&entry.path)).collect()
    }
}

impl Tree for Hiding<'_> {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        if self.hides(path) { Ok(None) } else { self.tree.read(path) }
    }

    fn kind(&self, path: &str) -> Result<Option<EntryKind>> {
        let kind = self.tree.kind(path)?;
        Ok(kind.filter(|kind| *kind == EntryKind::Directory || !self.hides(path)))
    }

    fn list(&self, directory: &str) -> Result<Vec<Entry>> {
        Ok(self.seen(self.tree.list(directory)?))
    }

    fn walk(&self, directory: &str) -> Result<Vec<Entry>> {
        Ok(self.seen(self.tree.walk(directory)?))
    }

    fn identity(&self, _: &str) -> Result<Option<String>> {
        Ok(None)
    }
}
