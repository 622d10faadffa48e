//! Paths that a person names: which tree they are in, and what that person calls them.

use crate::failure::{Failure, Result};
use crate::finding::{Finding, Place};
use crate::git::tree::EntryKind;
use crate::git::{DiskTree, Repository, Tree};
use crate::render::kustomize::is_kustomization_name;
use crate::report::Report;
use std::path::{Path, PathBuf};

/// Named paths in the tree that they are read from: the working tree of the repository when all are in it, so that bases
/// elsewhere in it and its definitions count; else the disk.
pub(crate) struct Named {
    tree: Box<dyn Tree>,
    paths: Vec<String>,
    in_repository: bool,
    /// What a path in the tree begins with where the person stands, ending in `/` unless empty.
    here: String,
}

impl Named {
    /// Finds `paths`, which are relative to `folder`.
    ///
    /// # Errors
    /// Nothing there, naming the path.
    pub(crate) fn open(folder: &Path, paths: &[PathBuf]) -> Result<Self> {
        let absolute = |path: &PathBuf| {
            let place = folder
                .join(path)
                .canonicalize()
                .map_err(|error| Failure::nothing_there(format!("cannot read `{}`", path.display())).because(error))?;
            // A kustomization is the folder that it is in.
            let is_kustomization = place.file_name().is_some_and(|name| is_kustomization_name(&name.to_string_lossy()));
            match place.parent() {
                Some(parent) if is_kustomization && place.is_file() => Ok(parent.to_owned()),
                _ => Ok(place),
            }
        };
        let places = paths.iter().map(absolute).collect::<Result<Vec<_>>>()?;
        if let Some(named) = Self::in_repository(folder, &places)? {
            return Ok(named);
        }
        let root = folder.ancestors().last().unwrap_or(folder);
        let inside = |place: &PathBuf| {
            let path = place.strip_prefix(root).ok().and_then(tree_path);
            path.ok_or_else(|| Failure::usage(format!("`{}` is no path that can be read", place.display())))
        };
        let paths = places.iter().map(inside).collect::<Result<Vec<_>>>()?;
        let here = folder.strip_prefix(root).ok().and_then(tree_path).unwrap_or_default();
        Ok(Self { tree: Box::new(DiskTree::at(root)), paths, in_repository: false, here: ended(here) })
    }

    fn in_repository(folder: &Path, places: &[PathBuf]) -> Result<Option<Self>> {
        let Ok(repository) = Repository::discover(folder) else { return Ok(None) };
        let Some(root) = repository.working_directory().and_then(|root| root.canonicalize().ok()) else {
            return Ok(None);
        };
        let inside = |place: &PathBuf| place.strip_prefix(&root).ok().and_then(tree_path);
        let Some(paths) = places.iter().map(inside).collect::<Option<Vec<_>>>() else { return Ok(None) };
        let tree = repository.working_tree()?;
        // A path that Git ignores was named all the same.
        for path in &paths {
            if tree.kind(path)?.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(Self { tree: Box::new(tree), paths, in_repository: true, here: String::new() }))
    }

    /// The tree.
    pub(crate) fn tree(&self) -> &dyn Tree {
        self.tree.as_ref()
    }

    /// The paths in it, in the order in which they were named.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.paths.iter().map(String::as_str)
    }

    /// Says whether a path is a file.
    pub(crate) fn is_file(&self, path: &str) -> Result<bool> {
        Ok(self.tree.kind(path)? == Some(EntryKind::File))
    }

    /// Where definitions of kinds are looked for: in all of the repository, or in what was named.
    pub(crate) fn definition_folders(&self) -> Vec<String> {
        if self.in_repository { vec![String::new()] } else { self.paths.clone() }
    }

    /// A path in the words of the person: from where they stand.
    fn path_as_seen(&self, path: &str) -> String {
        match path.strip_prefix(&self.here) {
            Some(rest) => rest.to_owned(),
            None => format!("/{path}"),
        }
    }

    fn place_as_seen(&self, place: Place) -> Place {
        Place { path: self.path_as_seen(&place.path), ..place }
    }

    /// A finding in the words of the person: paths from where they stand.
    pub(crate) fn as_seen(&self, mut finding: Finding) -> Finding {
        if self.in_repository {
            return finding;
        }
        let text = |text: &str| if self.here.is_empty() { text.to_owned() } else { text.replace(&self.here, "") };
        finding.message = text(&finding.message);
        finding.hint = finding.hint.as_deref().map(text);
        finding.unit = finding.unit.as_deref().map(text);
        finding.place = finding.place.map(|place| self.place_as_seen(place));
        finding.related = finding.related.into_iter().map(|(at, why)| (self.place_as_seen(at), text(&why))).collect();
        finding
    }

    /// Tells a comparison in the words of the person, who named the files of `texts` themselves.
    pub(crate) fn tell(&self, report: &mut Report, texts: &[&str]) {
        if self.in_repository {
            return;
        }
        let is_named = |place: &Place| texts.contains(&place.path.as_str());
        for change in &mut report.changes.changes {
            let fields = change.fields.iter_mut().filter_map(|field| field.place.as_mut());
            for place in change.place.iter_mut().chain(fields).filter(|place| !is_named(place)) {
                place.path = self.path_as_seen(&place.path);
            }
        }
        for finding in &mut report.findings {
            if !finding.place.as_ref().is_some_and(is_named) {
                *finding = self.as_seen(finding.clone());
            }
        }
    }
}

fn ended(path: String) -> String {
    if path.is_empty() { path } else { path + "/" }
}

/// A path with `/` between its parts; `None` when it is no text.
fn tree_path(path: &Path) -> Option<String> {
    let parts: Option<Vec<&str>> = path.components().map(|part| part.as_os_str().to_str()).collect();
    parts.map(|parts| parts.join("/"))
}
