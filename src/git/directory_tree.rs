//! A directory on disk as a tree: the working tree of a repository, or any folder.
//!
//! What is in it is settled when it is opened, file contents are read when asked for. Symbolic links are entries and
//! are never followed, `.git` is never shown. gitignore(5) and the index decide what a working tree holds.

use super::commit_tree::{join, read_blob};
use super::repository::broken;
use super::{CommitTree, Entry, EntryKind, Repository, Tree};
use crate::failure::{Failure, Result};
use gix::ObjectId;
use gix::index::entry::{Flags, Mode};
use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A directory on disk.
#[derive(Debug)]
pub struct DirectoryTree {
    root: PathBuf,
    files: BTreeMap<String, File>,
    /// Where the contents of files come from that a sparse checkout leaves out.
    repository: Option<Repository>,
}

#[derive(Debug)]
struct File {
    kind: EntryKind,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// On disk, at this path.
    Disk(PathBuf),
    /// In the object database: a sparse checkout left the file out.
    Object(ObjectId),
}

impl DirectoryTree {
    /// Opens a folder: inside a repository's working tree with tracked files and untracked ones that are not ignored,
    /// anywhere else with everything below it.
    ///
    /// # Errors
    /// When it is no directory, or something in it cannot be read.
    pub fn open(directory: &Path) -> Result<Self> {
        match Repository::discover(directory) {
            Ok(repository) if repository.working_directory().is_some() => Self::of_repository(&repository, directory),
            _ => Self::plain(directory),
        }
    }

    /// Opens a folder with everything below it, ignored or not, except `.git`.
    ///
    /// # Errors
    /// When it is no directory, or something in it cannot be read.
    pub fn plain(directory: &Path) -> Result<Self> {
        let root = existing(directory)?;
        let mut walker = ignore::WalkBuilder::new(&root);
        walker.standard_filters(false).filter_entry(|entry| entry.file_name() != ".git");
        let files = walk_disk(&root, &walker)?;
        Ok(Self { root, files, repository: None })
    }

    /// Opens the part of a repository's working tree below `directory`.
    pub(super) fn of_repository(repository: &Repository, directory: &Path) -> Result<Self> {
        let root = existing(directory)?;
        let nested = Arc::new(Mutex::new(Vec::new()));
        let mut walker = ignore::WalkBuilder::new(&root);
        // Only what git itself reads: `.ignore` files are another tool's.
        walker.standard_filters(false).parents(true).git_ignore(true).git_exclude(true).git_global(true);
        walker.filter_entry({
            let nested = Arc::clone(&nested);
            move |entry| {
                let directory = entry.file_type().is_some_and(|kind| kind.is_dir());
                if entry.depth() > 0 && directory && entry.path().join(".git").symlink_metadata().is_ok() {
                    nested.lock().unwrap_or_else(PoisonError::into_inner).push(entry.path().to_owned());
                    return false;
                }
                entry.file_name() != ".git"
            }
        });
        let files = walk_disk(&root, &walker)?;
        let mut tree = Self { root, files, repository: Some(repository.clone()) };
        for path in nested.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            tree.insert_submodule(&shown(&tree.root, &path));
        }
        tree.add_tracked(repository)?;
        Ok(tree)
    }

    /// The directory itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Another repository's checkout is one entry, whatever is in it.
    fn insert_submodule(&mut self, path: &str) {
        let below: Vec<String> = range_below(&self.files, path).map(|(path, _)| path.clone()).collect();
        below.iter().for_each(|path| drop(self.files.remove(path)));
        let content = Content::Disk(self.root.join(path));
        self.files.insert(path.to_owned(), File { kind: EntryKind::Submodule, content });
    }

    /// Adds what the index has and the walk left out: tracked files that an ignore rule covers, submodules that are not
    /// checked out, and files that a sparse checkout leaves out.
    fn add_tracked(&mut self, repository: &Repository) -> Result<()> {
        let Some(top) = repository.working_directory() else { return Ok(()) };
        let top = top.canonicalize().map_err(|error| unreadable(top, &error))?;
        let Ok(prefix) = self.root.strip_prefix(&top) else { return Ok(()) };
        let prefix = shown(Path::new(""), prefix);
        let index =
            repository.with(|git| git.index_or_empty().map_err(|error| broken("cannot read the index", error)))?;
        let mut real_directories = HashMap::new();
        for entry in index.entries() {
            let name = entry.path(&index);
            let Ok(name) = std::str::from_utf8(name) else { continue };
            let Some(path) = below(&prefix, name.trim_end_matches('/')) else { continue };
            if self.files.contains_key(path) && entry.mode != Mode::COMMIT {
                continue;
            }
            let place = self.root.join(path);
            let metadata = if parents_are_real(&self.root, path, &mut real_directories) {
                place.symlink_metadata().ok()
            } else {
                None
            };
            match metadata {
                Some(found) if found.is_dir() && entry.mode == Mode::COMMIT => self.insert_submodule(path),
                Some(found) if found.is_dir() => {}
                Some(found) => {
                    if let Some(kind) = file_kind(found.file_type()) {
                        self.files.insert(path.to_owned(), File { kind, content: Content::Disk(place) });
                    }
                }
                None if entry.flags.contains(Flags::SKIP_WORKTREE) => {
                    self.add_left_out(repository, path, entry.mode, entry.id)?;
                }
                None => {}
            }
        }
        Ok(())
    }

    /// Adds a file, or with a sparse index a whole directory, that a sparse checkout leaves out.
    fn add_left_out(&mut self, repository: &Repository, path: &str, mode: Mode, id: ObjectId) -> Result<()> {
        if mode != Mode::DIR {
            let kind = if mode == Mode::SYMLINK { EntryKind::Symlink } else { EntryKind::File };
            self.files.insert(path.to_owned(), File { kind, content: Content::Object(id) });
            return Ok(());
        }
        let tree = CommitTree::new(repository.clone(), id);
        for entry in tree.walk("")? {
            let id = tree.identity(&entry.path)?.and_then(|id| ObjectId::from_hex(id.as_bytes()).ok());
            if let Some(id) = id {
                let file = File { kind: entry.kind, content: Content::Object(id) };
                self.files.insert(join(path, &entry.path), file);
            }
        }
        Ok(())
    }
}

impl Tree for DirectoryTree {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let Some(file) = self.files.get(path) else { return Ok(None) };
        let place = match (&file.content, file.kind) {
            (_, EntryKind::Directory | EntryKind::Submodule) => return Ok(None),
            (Content::Object(id), _) => {
                let repository = self.repository.as_ref().expect("only a repository's index names objects");
                return repository.with(|git| read_blob(git, path, *id)).map(Some);
            }
            (Content::Disk(place), _) => place,
        };
        // A name that is not UTF-8 is shown, not read.
        if self.root.join(path) != *place {
            return Ok(None);
        }
        let metadata = place.symlink_metadata().map_err(|error| unreadable(place, &error))?;
        if file_kind(metadata.file_type()) != Some(file.kind) {
            return Err(Failure::usage(format!("`{}` changed while it was looked at", place.display())));
        }
        let bytes = match file.kind {
            EntryKind::Symlink => {
                std::fs::read_link(place).map(|target| target.as_os_str().as_encoded_bytes().to_vec())
            }
            _ => std::fs::read(place),
        };
        bytes.map(Some).map_err(|error| unreadable(place, &error))
    }

    fn kind(&self, path: &str) -> Result<Option<EntryKind>> {
        if let Some(file) = self.files.get(path) {
            return Ok(Some(file.kind));
        }
        let directory = path.is_empty() || range_below(&self.files, path).next().is_some();
        Ok(directory.then_some(EntryKind::Directory))
    }

    fn list(&self, directory: &str) -> Result<Vec<Entry>> {
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let mut entries: Vec<Entry> = Vec::new();
        let mut from = Bound::Included(prefix.clone());
        while let Some((path, file)) = self.files.range((from, Bound::Unbounded)).next() {
            let Some(rest) = path.strip_prefix(&prefix) else { break };
            match rest.split_once('/') {
                Some((name, _)) => {
                    // `0` follows `/`: the next key that is not below this directory.
                    from = Bound::Included(format!("{prefix}{name}0"));
                    entries.push(Entry { path: format!("{prefix}{name}"), kind: EntryKind::Directory });
                }
                None => {
                    from = Bound::Excluded(path.clone());
                    entries.push(Entry { path: path.clone(), kind: file.kind });
                }
            }
        }
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(entries)
    }

    fn walk(&self, directory: &str) -> Result<Vec<Entry>> {
        let entry = |(path, file): (&String, &File)| Entry { path: path.clone(), kind: file.kind };
        Ok(range_below(&self.files, directory).map(entry).collect())
    }

    fn identity(&self, _path: &str) -> Result<Option<String>> {
        Ok(None)
    }
}

/// Everything below a directory, by path.
fn range_below<'a>(files: &'a BTreeMap<String, File>, directory: &str) -> impl Iterator<Item = (&'a String, &'a File)> {
    let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
    files.range(prefix.clone()..).take_while(move |(path, _)| path.starts_with(&prefix))
}

/// `path` relative to `prefix`, if it is below it.
fn below<'a>(prefix: &str, path: &'a str) -> Option<&'a str> {
    if prefix.is_empty() { Some(path) } else { path.strip_prefix(prefix)?.strip_prefix('/') }
}

/// Says whether every directory above `path` is one itself, not a link to one.
fn parents_are_real(root: &Path, path: &str, known: &mut HashMap<String, bool>) -> bool {
    let Some((parent, _)) = path.rsplit_once('/') else { return true };
    if let Some(real) = known.get(parent) {
        return *real;
    }
    let real = parents_are_real(root, parent, known)
        && root.join(parent).symlink_metadata().is_ok_and(|metadata| metadata.is_dir());
    known.insert(parent.to_owned(), real);
    real
}

fn walk_disk(root: &Path, walker: &ignore::WalkBuilder) -> Result<BTreeMap<String, File>> {
    let mut files = BTreeMap::new();
    for entry in walker.build() {
        let entry = entry.map_err(|error| {
            Failure::usage(format!("cannot read everything below `{}`", root.display())).because(error)
        })?;
        // Sockets, pipes and devices are nothing that Git knows.
        let Some(kind) = entry.file_type().and_then(file_kind) else { continue };
        let path = entry.into_path();
        files.insert(shown(root, &path), File { kind, content: Content::Disk(path) });
    }
    Ok(files)
}

fn file_kind(kind: std::fs::FileType) -> Option<EntryKind> {
    if kind.is_symlink() { Some(EntryKind::Symlink) } else { kind.is_file().then_some(EntryKind::File) }
}

/// A path relative to the root, as trees write it.
fn shown(root: &Path, path: &Path) -> String {
    let relative = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}

fn existing(directory: &Path) -> Result<PathBuf> {
    let place = directory.display();
    match directory.canonicalize() {
        Ok(path) if path.is_dir() => Ok(path),
        Ok(_) => Err(Failure::usage(format!("`{place}` is not a directory"))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Err(Failure::nothing_there(format!("`{place}` does not exist")))
        }
        Err(error) => Err(unreadable(directory, &error)),
    }
}

fn unreadable(place: &Path, error: &std::io::Error) -> Failure {
    Failure::usage(format!("cannot read `{}`", place.display())).because(error.to_string())
}
