//! Data that is beside the repository (`../shared`), or beside the folder of its worktrees, and in no clone.

use std::io::Write as _;
use std::path::{Path, PathBuf};

/// What is at `path` there, or nothing after the skip was announced.
pub(crate) fn beside(path: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found = ["..", "../.."].iter().map(|up| root.join(up).join("shared").join(path)).find(|place| place.exists());
    if found.is_none() {
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        // Past libtest, which swallows what is printed.
        drop(writeln!(std::io::stderr(), "skipped: {test}: no `../shared/{path}` beside the repository"));
    }
    found
}

/// The folders at or below `folder` that hold a file of this name.
pub(crate) fn folders_with(folder: &Path, name: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(folders_with(&path, name));
        } else if path.file_name().is_some_and(|file| file == name) {
            found.push(folder.to_owned());
        }
    }
    found
}
