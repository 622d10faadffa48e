//! Everything that one build reads, followed through all kustomizations, with all that must not be built refused.

mod plugins;

use super::meter::KUSTOMIZATIONS;
use super::references::{Reference, Role, Target};
use super::{Kustomization, files_in};
use crate::failure::Result;
use crate::finding::{Finding, Place, Severity};
use crate::git::tree::{EntryKind, Tree};
use crate::manifest::{Origin, Value};
use crate::render::{Allowed, path};
use plugins::inline_plugins;
use std::collections::{BTreeMap, BTreeSet};

/// How deep kustomizations may build on each other; far above any that people write.
const DEPTH: usize = 100;
/// How many bytes one build may read.
const BYTES: usize = 256 << 20;

/// Everything that one build reads.
#[derive(Debug, Default)]
pub struct Closure {
    /// The kustomizations, the root of the build first, each before those it builds on.
    pub kustomizations: Vec<Kustomization>,
    /// The files with their bytes, kustomizations included.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The patch files, in the order in which kustomizations name them.
    pub patches: Vec<String>,
    /// The files of objects, in the order in which kustomizations name them.
    pub resources: Vec<String>,
    /// The files that configure plugins.
    pub plugins: Vec<String>,
    /// Folders of which everything is read: charts.
    pub folders: BTreeSet<String>,
    /// Paths that were looked for and are not there: a build changes when they appear.
    pub missing: BTreeSet<String>,
    /// Why it must not, or cannot, be built. Empty: it may.
    pub findings: Vec<Finding>,
    bytes: usize,
    allowed: Allowed,
}

/// Follows everything that the kustomization in `directory` reads.
///
/// # Errors
/// When the tree cannot be read.
pub fn closure(tree: &dyn Tree, directory: &str, allowed: Allowed) -> Result<Closure> {
    let mut closure = Closure { allowed, ..Closure::default() };
    closure.folder(tree, directory, false, &mut Vec::new())?;
    closure.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Ok(closure)
}

impl Closure {
    /// Says whether it may be built.
    #[must_use]
    pub fn is_buildable(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity < Severity::Error)
    }

    /// Says whether kustomize reads the objects, patches or configuration in a file, and not its bare bytes.
    pub(in crate::render) fn is_read_as_yaml(&self, file: &str) -> bool {
        [&self.resources, &self.patches, &self.plugins].iter().any(|files| files.iter().any(|known| known == file))
    }

    fn refuse(&mut self, message: impl Into<String>, place: impl Into<Option<Place>>, hint: &str) {
        self.findings.push(Finding::error("kustomization", message).at(place).hint(hint));
    }

    fn folder(&mut self, tree: &dyn Tree, directory: &str, plugin: bool, above: &mut Vec<String>) -> Result<()> {
        let files = files_in(tree, directory)?;
        for name in super::NAMES {
            let file = path::join(directory, name);
            if !files.contains(&file) {
                self.missing.insert(file);
            }
        }
        let Some(file) = files.first() else { return Ok(()) };
        if let Some(second) = files.get(1) {
            self.refuse(
                format!("`{file}` and `{second}` are both the kustomization of one folder"),
                Place::file(second.as_str()),
                "remove one",
            );
        }
        if self.files.contains_key(file) {
            return Ok(());
        }
        let Some(bytes) = self.file(tree, file, None)? else { return Ok(()) };
        let kustomization = Kustomization::read(file, &bytes);
        self.findings.extend(kustomization.findings.iter().cloned());
        self.charts(tree, directory, &kustomization)?;
        if self.kustomizations.len() >= KUSTOMIZATIONS || above.len() >= DEPTH {
            let message =
                format!("kustomizations build on each other more than {DEPTH} deep, or are more than {KUSTOMIZATIONS}");
            self.refuse(message, Place::file(file.as_str()), "flatten them");
            return Ok(());
        }
        let references = kustomization.references();
        let plugins = inline_plugins(&kustomization);
        self.kustomizations.push(kustomization);
        above.push(directory.to_owned());
        for configuration in plugins {
            self.plugin(tree, directory, &configuration)?;
        }
        for reference in references {
            self.follow(tree, directory, &reference, plugin, above)?;
        }
        above.pop();
        Ok(())
    }

    fn follow(
        &mut self,
        tree: &dyn Tree,
        directory: &str,
        reference: &Reference,
        plugin: bool,
        above: &mut Vec<String>,
    ) -> Result<()> {
        let place = reference.origin.as_ref().map(Origin::place);
        let Reference { field, text, path: target, .. } = reference;
        match reference.target {
            Target::Tree => {}
            Target::Remote if self.allowed.remote => return Ok(()),
            Target::Remote => {
                let hint = "put a copy into the repository: a build must not depend on the network";
                self.refuse(format!("`{field}` names `{text}`, which is not in this repository"), place, hint);
                return Ok(());
            }
            Target::Outside => {
                let hint = "a build reads nothing outside the repository: move the file into it";
                self.refuse(format!("`{field}` names `{text}`, which leads out of the repository"), place, hint);
                return Ok(());
            }
        }
        if let Some(link) = link_on(tree, target)? {
            let hint = "links are not followed: name what it points to";
            self.refuse(format!("`{field}` names `{text}`, and `{link}` is a symbolic link"), place, hint);
            return Ok(());
        }
        let folders = matches!(reference.role, Role::Build | Role::Component | Role::Plugin);
        match tree.kind(target)? {
            Some(EntryKind::Directory) if folders => self.folder_reference(tree, reference, plugin, above),
            Some(EntryKind::File) if reference.role != Role::Component => {
                let Some(bytes) = self.file(tree, target, place)? else { return Ok(()) };
                match reference.role {
                    Role::Patch if !self.patches.contains(target) => self.patches.push(target.clone()),
                    Role::Plugin => self.plugin_file(tree, directory, target, &bytes)?,
                    Role::Build if plugin => self.plugin_file(tree, directory, target, &bytes)?,
                    Role::Build => self.resources.push(target.clone()),
                    _ => {}
                }
                Ok(())
            }
            Some(kind) => {
                let is = match kind {
                    EntryKind::Directory => "a folder, and a file is needed",
                    EntryKind::Submodule => "a submodule, whose files are not in this repository",
                    EntryKind::File => "a file, and a folder is needed",
                    EntryKind::Symlink => "a symbolic link",
                };
                self.refuse(format!("`{field}` names `{text}`, which is {is}"), place, "correct the path");
                Ok(())
            }
            None => {
                self.missing.insert(target.clone());
                let shown = if target == text { String::new() } else { format!(": `{target}` is not there") };
                let message = format!("`{field}` names `{text}`, which does not exist{shown}");
                self.findings.push(
                    Finding::error("missing-source", message)
                        .at(place)
                        .hint("correct the path, or add what is missing"),
                );
                Ok(())
            }
        }
    }

    fn folder_reference(
        &mut self,
        tree: &dyn Tree,
        reference: &Reference,
        plugin: bool,
        above: &mut Vec<String>,
    ) -> Result<()> {
        let place = reference.origin.as_ref().map(Origin::place);
        let Reference { field, text, path: target, .. } = reference;
        let here = above.last().cloned().unwrap_or_default();
        if above.contains(target) {
            let message = match here == *target {
                true => format!("`{field}` names its own folder"),
                false => format!(
                    "kustomizations build on each other in a circle: `{target}` builds on `{here}`, which names `{text}`"
                ),
            };
            self.refuse(message, place, "take one of the references out");
            return Ok(());
        }
        let files = files_in(tree, target)?;
        let Some(file) = files.first() else {
            self.missing.extend(super::NAMES.map(|name| path::join(target, name)));
            let message = format!("`{field}` names the folder `{text}`, which has no kustomization");
            self.refuse(message, place, "add a `kustomization.yaml` there, or name the files");
            return Ok(());
        };
        if tree.kind(file)? == Some(EntryKind::Symlink) {
            self.refuse(
                format!("`{file}` is a symbolic link"),
                place,
                "links are not followed: put the file itself there",
            );
            return Ok(());
        }
        self.folder(tree, target, plugin || reference.role == Role::Plugin, above)
    }

    /// Reads a file once; `None` when it cannot be taken, which is then a finding.
    fn file(&mut self, tree: &dyn Tree, file: &str, place: Option<Place>) -> Result<Option<Vec<u8>>> {
        if let Some(bytes) = self.files.get(file) {
            return Ok(Some(bytes.clone()));
        }
        if tree.kind(file)? != Some(EntryKind::File) {
            let place = place.unwrap_or_else(|| Place::file(file));
            self.refuse(
                format!("`{file}` is no ordinary file"),
                place,
                "links are not followed: put the file itself there",
            );
            return Ok(None);
        }
        let bytes = tree.read(file)?.unwrap_or_default();
        self.bytes += bytes.len();
        if self.bytes > BYTES {
            if self.bytes - bytes.len() <= BYTES {
                let message = format!("one build reads more than {} MB", BYTES >> 20);
                self.refuse(message, place.unwrap_or_else(|| Place::file(file)), "split it");
            }
            return Ok(None);
        }
        self.files.insert(file.to_owned(), bytes.clone());
        Ok(Some(bytes))
    }
}

/// Gives every node of a document that was written inside a string the place of that string.
pub(in crate::render) fn place_all(value: &mut Value, origin: Option<&Origin>) {
    value.origin = origin.cloned();
    match &mut value.data {
        crate::manifest::Data::List(items) => items.iter_mut().for_each(|item| place_all(item, origin)),
        crate::manifest::Data::Map(map) => {
            let entries = std::mem::take(map);
            *map = entries
                .into_iter()
                .map(|(mut key, mut value)| {
                    key.origin = origin.cloned();
                    place_all(&mut value, origin);
                    (key, value)
                })
                .collect();
        }
        _ => {}
    }
}

/// The first symbolic link on the way to a path.
fn link_on(tree: &dyn Tree, target: &str) -> Result<Option<String>> {
    let ends = target.match_indices('/').map(|(at, _)| at).chain([target.len()]);
    for end in ends {
        if tree.kind(&target[..end])? == Some(EntryKind::Symlink) {
            return Ok(Some(target[..end].to_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests;
