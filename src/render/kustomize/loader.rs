//! The files that a kustomization may read: those in its own folder and below, through a tree, and each once.
//!
//! Decided by `api/internal/loader` (`RestrictionRootOnly`, cycles). Links are not followed, and nothing outside of the
//! tree is read.

use super::charts::Charts;
use super::directives::Directives;
use super::meter::Meter;
use super::references::is_remote;
use super::resource::Resource;
use super::stop::{Built, Stop};
use super::target::Accumulated;
use super::{documents, files_in};
use crate::finding::{Finding, Place};
use crate::git::tree::{EntryKind, Tree};
use crate::manifest::Origin;
use crate::render::path;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

/// The rule of findings about what is on another machine.
pub(in crate::render) const REMOTE: &str = "remote-resource";
/// The rule of findings about plugins that are not built in.
pub(in crate::render) const PLUGIN: &str = "foreign-plugin";

/// How deep kustomizations may build on each other; far above any that people write.
const DEPTH: usize = 100;

/// What builds of one tree have read: files, kustomizations, and whole bases. Share it between builds of the same tree.
#[derive(Debug, Default)]
pub struct Cache {
    files: Mutex<HashMap<String, Option<Arc<[u8]>>>>,
    resources: Mutex<HashMap<String, Arc<Vec<Resource>>>>,
    directives: Mutex<HashMap<String, Arc<Directives>>>,
    pub(super) bases: Mutex<HashMap<String, Arc<Accumulated>>>,
}

impl Cache {
    /// The files that builds have looked for, whether they are there or not.
    #[must_use]
    pub fn reads(&self) -> BTreeSet<String> {
        locked(&self.files).keys().cloned().collect()
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // What a panic left behind is a cache all the same.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads for one kustomization.
#[derive(Clone)]
pub(super) struct Loader<'a> {
    pub(super) tree: &'a dyn Tree,
    pub(super) cache: &'a Cache,
    /// What renders charts, if anything does.
    pub(super) charts: Option<&'a dyn Charts>,
    /// What the build has cost so far.
    pub(super) meter: &'a Meter,
    /// Files outside of the kustomization's folder may be read.
    pub(super) unrestricted: bool,
    /// The folder of the kustomization.
    pub(super) root: String,
    /// The folders of those that build on it, the root of the build first.
    pub(super) above: Vec<String>,
}

impl Loader<'_> {
    /// The path in the tree that a kustomization names.
    pub(super) fn resolve(&self, text: &str, origin: Option<&Origin>) -> Built<String> {
        if text.is_empty() {
            return Err(Stop::refused("a path is empty", origin));
        }
        if is_remote(text) {
            let finding =
                Finding::error(REMOTE, format!("`{text}` is not in this repository")).at(origin.map(Origin::place));
            let hint = "put a copy into the repository, or set `render.kustomize.allow-remote` in the trusted `mergeline.yaml`";
            return Err(Stop::because(finding.hint(hint)));
        }
        let Some(target) = path::resolve(&self.root, text) else {
            let message = format!("`{text}` leads out of the repository");
            return Err(Stop::refused(message, origin).hint("a build reads nothing outside: move the file into it"));
        };
        for end in target.match_indices('/').map(|(at, _)| at).chain([target.len()]) {
            if self.tree.kind(&target[..end])? == Some(EntryKind::Symlink) {
                let message = format!("`{text}` leads through the symbolic link `{}`", &target[..end]);
                return Err(Stop::refused(message, origin).hint("links are not followed: name what it points to"));
            }
        }
        Ok(target)
    }

    /// The bytes of a file that a kustomization names, with its path in the tree.
    pub(super) fn load(&self, text: &str, origin: Option<&Origin>) -> Built<(String, Arc<[u8]>)> {
        let target = self.resolve(text, origin)?;
        let Some(bytes) = self.bytes(&target)? else {
            let message = format!("`{text}` does not exist: `{target}` is not there");
            let message = match self.tree.kind(&target)? {
                Some(EntryKind::Directory) => format!("`{text}` is a folder, and a file is needed"),
                Some(EntryKind::Submodule) => {
                    format!("`{text}` is a submodule, whose files are not in this repository")
                }
                _ => message,
            };
            let finding = Finding::error("missing-source", message).at(origin.map(Origin::place));
            return Err(Stop::because(finding.hint("correct the path, or add what is missing")));
        };
        if !self.unrestricted && !path::is_within(path::parent(&target), &self.root) {
            let message = format!("`{text}` is not in or below the folder of its kustomization");
            return Err(Stop::refused(message, origin)
                .hint("kustomize reads single files only there: move it, or make a base of its folder"));
        }
        Ok((target, bytes))
    }

    fn bytes(&self, target: &str) -> Built<Option<Arc<[u8]>>> {
        if let Some(known) = locked(&self.cache.files).get(target) {
            return Ok(known.clone());
        }
        let bytes = match self.tree.kind(target)? {
            Some(EntryKind::File) => self.tree.read(target)?.map(Arc::from),
            _ => None,
        };
        locked(&self.cache.files).insert(target.to_owned(), bytes.clone());
        Ok(bytes)
    }

    /// The resources of a file, parsed once.
    pub(super) fn resources(&self, text: &str, origin: Option<&Origin>) -> Built<Arc<Vec<Resource>>> {
        let (target, bytes) = self.load(text, origin)?;
        if let Some(known) = locked(&self.cache.resources).get(&target) {
            return Ok(Arc::clone(known));
        }
        let resources = documents::of_file(&target, &bytes).map_err(Stop::Refused)?;
        let resources = Arc::new(resources);
        locked(&self.cache.resources).insert(target, Arc::clone(&resources));
        Ok(resources)
    }

    /// What a path leads to.
    pub(super) fn kind(&self, target: &str) -> Built<Option<EntryKind>> {
        Ok(self.tree.kind(target)?)
    }

    /// The loader of a folder that this kustomization builds on.
    pub(super) fn enter(&self, target: &str, text: &str, origin: Option<&Origin>) -> Built<Self> {
        let mut above = self.above.clone();
        above.push(self.root.clone());
        if let Some(visited) = above.iter().find(|visited| path::is_within(visited, target)) {
            let message = if *visited == target && self.root == target {
                format!("`{text}` is the kustomization's own folder")
            } else {
                format!(
                    "kustomizations build on each other in a circle: `{text}` leads to `{target}`, which holds `{visited}`"
                )
            };
            return Err(Stop::refused(message, origin).hint("take one of the references out"));
        }
        if above.len() > DEPTH {
            let message = format!("kustomizations build on each other more than {DEPTH} deep");
            return Err(Stop::refused(message, origin).hint("flatten them"));
        }
        Ok(Self { root: target.to_owned(), above, ..self.clone() })
    }

    /// The kustomization of this folder.
    pub(super) fn directives(&self, origin: Option<&Origin>) -> Built<Arc<Directives>> {
        if let Some(known) = locked(&self.cache.directives).get(&self.root) {
            return Ok(Arc::clone(known));
        }
        let files = files_in(self.tree, &self.root)?;
        let place = |file: &str| origin.map_or_else(|| Place::file(file), Origin::place);
        let file = match files.as_slice() {
            [file] => file,
            [] => {
                let message = format!("the folder `{}` has no kustomization", self.root);
                let finding = Finding::error("kustomization", message).at(place(&self.root));
                return Err(Stop::because(finding.hint("add a `kustomization.yaml` there, or name the files")));
            }
            [first, second, ..] => {
                let message = format!("`{first}` and `{second}` are both the kustomization of one folder");
                let finding = Finding::error("kustomization", message).at(Place::file(second.as_str()));
                return Err(Stop::because(finding.hint("remove one")));
            }
        };
        let Some(bytes) = self.bytes(file)? else {
            let finding = Finding::error("symlink", format!("`{file}` is no ordinary file")).at(place(file));
            return Err(Stop::because(finding.hint("links are not followed: put the file itself there")));
        };
        let directives = Arc::new(Directives::read(file, &bytes)?);
        locked(&self.cache.directives).insert(self.root.clone(), Arc::clone(&directives));
        Ok(directives)
    }
}
