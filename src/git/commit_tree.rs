//! The tree of a commit, read from the object database without a checkout.

use super::repository::{absent, broken};
use super::{Entry, EntryKind, Repository, Tree, TreeId};
use crate::failure::{Failure, Result};
use gix::ObjectId;
use gix::objs::tree::EntryKind as Mode;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

/// The tree of a commit. Directories are read when first asked for and kept; files are read each time.
pub struct CommitTree {
    repository: Repository,
    root: ObjectId,
    directories: RwLock<HashMap<String, Arc<Directory>>>,
}

/// The entries of one directory, by name in byte order.
type Directory = Vec<Item>;

struct Item {
    name: String,
    kind: EntryKind,
    id: ObjectId,
    /// Whether `name` is the name itself, not a rendition of one that is not UTF-8.
    exact: bool,
}

impl fmt::Debug for CommitTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommitTree({})", self.root)
    }
}

impl CommitTree {
    pub(super) fn new(repository: Repository, root: ObjectId) -> Self {
        Self { repository, root, directories: RwLock::default() }
    }

    /// The name of the whole tree.
    #[must_use]
    pub fn id(&self) -> TreeId {
        TreeId::from_gix(self.root)
    }

    /// The entries of a directory; `None` when it is none.
    fn directory(&self, path: &str) -> Result<Option<Arc<Directory>>> {
        if let Some(known) = self.directories.read().unwrap_or_else(PoisonError::into_inner).get(path) {
            return Ok(Some(Arc::clone(known)));
        }
        let id = if path.is_empty() {
            self.root
        } else {
            match self.find(path)? {
                Some((EntryKind::Directory, id)) => id,
                _ => return Ok(None),
            }
        };
        let directory = Arc::new(self.repository.with(|git| read_directory(git, path, id))?);
        let mut directories = self.directories.write().unwrap_or_else(PoisonError::into_inner);
        Ok(Some(Arc::clone(directories.entry(path.to_owned()).or_insert(directory))))
    }

    /// What stands at a path other than the root.
    fn find(&self, path: &str) -> Result<Option<(EntryKind, ObjectId)>> {
        let (parent, name) = match path.rsplit_once('/') {
            Some(("", _)) => return Ok(None),
            Some(split) => split,
            None => ("", path),
        };
        let Some(directory) = self.directory(parent)? else { return Ok(None) };
        let found = directory.binary_search_by(|item| item.name.as_str().cmp(name)).ok();
        Ok(found.map(|index| &directory[index]).filter(|item| item.exact).map(|item| (item.kind, item.id)))
    }

    fn walk_into(&self, directory: &str, items: &Directory, entries: &mut Vec<Entry>) -> Result<()> {
        // Byte order of whole paths is that of names where a directory's ends with `/`: `a-b/x` before `a/x`.
        let mut order: Vec<&Item> = items.iter().collect();
        let ending = |item: &Item| (item.kind == EntryKind::Directory).then_some(b'/');
        order.sort_by(|a, b| a.name.bytes().chain(ending(a)).cmp(b.name.bytes().chain(ending(b))));
        for item in order {
            let path = join(directory, &item.name);
            if item.kind != EntryKind::Directory {
                entries.push(Entry { path, kind: item.kind });
            } else if let Some(items) = self.directory(&path)? {
                self.walk_into(&path, &items, entries)?;
            } else {
                // Its name cannot be asked for; what is in it is shown all the same.
                let items = self.repository.with(|git| read_directory(git, &path, item.id))?;
                self.walk_into(&path, &items, entries)?;
            }
        }
        Ok(())
    }
}

impl Tree for CommitTree {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        match self.find(path)? {
            Some((EntryKind::File | EntryKind::Symlink, id)) => {
                self.repository.with(|git| read_blob(git, path, id)).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn kind(&self, path: &str) -> Result<Option<EntryKind>> {
        if path.is_empty() {
            return Ok(Some(EntryKind::Directory));
        }
        Ok(self.find(path)?.map(|(kind, _)| kind))
    }

    fn list(&self, directory: &str) -> Result<Vec<Entry>> {
        let items = self.directory(directory)?;
        let entry = |item: &Item| Entry { path: join(directory, &item.name), kind: item.kind };
        Ok(items.map(|items| items.iter().map(entry).collect()).unwrap_or_default())
    }

    fn walk(&self, directory: &str) -> Result<Vec<Entry>> {
        let mut entries = Vec::new();
        if let Some(items) = self.directory(directory)? {
            self.walk_into(directory, &items, &mut entries)?;
        }
        Ok(entries)
    }

    fn identity(&self, path: &str) -> Result<Option<String>> {
        if path.is_empty() {
            return Ok(Some(self.root.to_string()));
        }
        Ok(self.find(path)?.map(|(_, id)| id.to_string()))
    }
}

/// The bytes of a blob.
pub(super) fn read_blob(git: &gix::Repository, path: &str, id: ObjectId) -> Result<Vec<u8>> {
    let object = git.try_find_object(id).map_err(|error| broken(format!("cannot read `{path}`"), error))?;
    Ok(object.ok_or_else(|| absent(&format!("the content of `{path}`, object"), id))?.detach().data)
}

fn read_directory(git: &gix::Repository, path: &str, id: ObjectId) -> Result<Directory> {
    let shown = if path.is_empty() { "." } else { path };
    let object = git.try_find_object(id).map_err(|error| broken(format!("cannot read directory `{shown}`"), error))?;
    let object = object.ok_or_else(|| absent(&format!("directory `{shown}`, tree"), id))?;
    let tree = object.try_into_tree().map_err(|error| broken(format!("cannot read directory `{shown}`"), error))?;
    let mut items = Vec::new();
    for entry in tree.iter() {
        let entry = entry.map_err(|error| broken(format!("cannot read directory `{shown}`"), error))?;
        let bytes: &[u8] = entry.filename();
        if bytes.is_empty() || bytes == b"." || bytes == b".." || bytes.contains(&b'/') || is_dot_git(bytes) {
            // `git` never writes such a name; a hand-made tree could lead a materialised copy out of its folder.
            let name = String::from_utf8_lossy(bytes);
            return Err(Failure::refused(format!("directory `{shown}` has an entry with the forbidden name `{name}`"))
                .hint("the tree was not made by git; `git fsck` names the commit"));
        }
        let kind = match entry.mode().kind() {
            Mode::Tree => EntryKind::Directory,
            Mode::Blob | Mode::BlobExecutable => EntryKind::File,
            Mode::Link => EntryKind::Symlink,
            Mode::Commit => EntryKind::Submodule,
        };
        let exact = std::str::from_utf8(bytes).is_ok();
        items.push(Item { name: String::from_utf8_lossy(bytes).into_owned(), kind, id: entry.object_id(), exact });
    }
    items.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(items)
}

fn is_dot_git(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b".git")
}

/// A path below a directory.
pub(super) fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}
