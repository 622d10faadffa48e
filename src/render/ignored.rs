//! `.mergelineignore`: which files are no manifests, in the syntax of `.gitignore`.

use super::path;
use crate::failure::Result;
use crate::finding::{Finding, Place};
use crate::git::tree::{Entry, Tree};
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

/// The name of an ignore file, in any folder.
pub(super) const NAME: &str = ".mergelineignore";

/// The ignore rules of a tree; a deeper file wins over a higher one, as Git has it.
pub(super) struct Ignored {
    /// By folder, deepest last.
    files: Vec<(String, Gitignore)>,
    /// Lines that are no patterns.
    pub(super) findings: Vec<Finding>,
}

impl Ignored {
    /// Reads the ignore files among `entries`, below the rules of `lines` at the root.
    pub(super) fn read(tree: &dyn Tree, entries: &[Entry], lines: &[String]) -> Result<Self> {
        let mut ignored = Self { files: Vec::new(), findings: Vec::new() };
        ignored.add("", "mergeline.yaml", lines.iter().map(String::as_str));
        let mut found: Vec<&str> =
            entries.iter().map(|entry| entry.path.as_str()).filter(|path| path::name(path) == NAME).collect();
        found.sort_by_key(|path| path.matches('/').count());
        for file in found {
            let bytes = tree.read(file)?.unwrap_or_default();
            ignored.add(path::parent(file), file, String::from_utf8_lossy(&bytes).lines());
        }
        Ok(ignored)
    }

    /// The rules that apply in `directory`: those of its ignore files and of the folders above it.
    pub(super) fn above(tree: &dyn Tree, directory: &str, lines: &[String]) -> Result<Self> {
        let mut entries = tree.walk(directory)?;
        let mut above = directory;
        while !above.is_empty() {
            above = path::parent(above);
            let path = path::join(above, NAME);
            if let Some(kind) = tree.kind(&path)? {
                entries.push(Entry { path, kind });
            }
        }
        Self::read(tree, &entries, lines)
    }

    fn add<'a>(&mut self, directory: &str, file: &str, lines: impl Iterator<Item = &'a str>) {
        let mut builder = GitignoreBuilder::new("");
        let mut any = false;
        for (index, line) in lines.enumerate() {
            any = true;
            if let Err(error) = builder.add_line(None, line) {
                let line = u32::try_from(index + 1).unwrap_or(u32::MAX);
                let message = format!("this line is no ignore pattern: {error}");
                let place = if file == "mergeline.yaml" { Place::file(file) } else { Place::at(file, line, 1) };
                self.findings.push(Finding::error("ignore-pattern", message).at(place));
            }
        }
        if any && let Ok(rules) = builder.build() {
            self.files.push((directory.to_owned(), rules));
        }
    }

    /// Says whether a file is ignored, by itself or with a folder above it.
    pub(super) fn has(&self, file: &str) -> bool {
        let ends = file.match_indices('/').map(|(at, _)| at).chain([file.len()]);
        ends.into_iter().any(|end| self.verdict(&file[..end], end != file.len()))
    }

    fn verdict(&self, path: &str, is_directory: bool) -> bool {
        for (directory, rules) in self.files.iter().rev() {
            if path == directory || !path::is_within(path, directory) {
                continue;
            }
            let relative = if directory.is_empty() { path } else { &path[directory.len() + 1..] };
            match rules.matched(relative, is_directory) {
                Match::Ignore(_) => return true,
                Match::Whitelist(_) => return false,
                Match::None => {}
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::git::tree::MemoryTree;

    #[test]
    fn deeper_files_win_and_folders_take_their_files_along() {
        let tree = MemoryTree::new()
            .with(NAME, "vendor/\n*.json\n")
            .with("apps/.mergelineignore", "!keep.json\n/local.yaml\n");
        let ignored = Ignored::read(&tree, &tree.walk("").unwrap(), &["drafts".to_owned()]).unwrap();
        for path in ["vendor/a/b.yaml", "x.json", "apps/y.json", "apps/local.yaml", "drafts/a.yaml", "a/drafts/b.yaml"]
        {
            assert!(ignored.has(path), "{path}");
        }
        for path in ["apps/keep.json", "apps/web/local.yaml", "a.yaml"] {
            assert!(!ignored.has(path), "{path}");
        }
    }
}
