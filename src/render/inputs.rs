//! What a unit's render depends on, so that unchanged units can be skipped and changed files lead to units.

use super::{ignored, kustomize, path};
use crate::failure::Result;
use crate::git::tree::{EntryKind, Tree};
use crate::unit::Unit;
use std::collections::BTreeSet;

/// The paths that a render depends on. Two trees that agree on all of them render the unit alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inputs {
    /// Files, whether they are there or not.
    pub files: BTreeSet<String>,
    /// Folders with everything below them; the empty path is the whole tree.
    pub folders: BTreeSet<String>,
}

impl Inputs {
    /// Says whether a change of the file `path` can change the render.
    #[must_use]
    pub fn read(&self, path: &str) -> bool {
        // A file that appears where a folder was (or a link, or a submodule) matters as well.
        let under = |file: &String| file == path || path::is_within(file, path);
        self.files.iter().any(under) || self.folders.iter().any(|folder| path::is_within(path, folder))
    }
}

/// What the render of `unit` depends on in this tree; take the union of both trees before saying "unchanged".
///
/// # Errors
/// When the tree cannot be read.
pub fn inputs(tree: &dyn Tree, unit: &Unit) -> Result<Inputs> {
    let mut inputs = Inputs { files: BTreeSet::new(), folders: BTreeSet::new() };
    let kind = tree.kind(&unit.path)?;
    if kind != Some(EntryKind::Directory) || kustomize::files_in(tree, &unit.path)?.is_empty() {
        // A plain folder (or a file, or nothing yet), its ignore files, and a link on the way to it.
        inputs.folders.insert(unit.path.clone());
        let mut above = unit.path.as_str();
        while !above.is_empty() {
            above = path::parent(above);
            inputs.files.insert(path::join(above, ignored::NAME));
        }
        inputs.files.insert("mergeline.yaml".to_owned());
        return Ok(inputs);
    }
    let closure = kustomize::closure(tree, &unit.path, super::Allowed::default())?;
    if closure.is_buildable() {
        inputs.files.extend(closure.files.into_keys());
        inputs.files.extend(closure.missing);
        inputs.folders.extend(closure.folders);
    } else {
        // Where following ended at an error, what lies behind it is unknown.
        inputs.folders.insert(String::new());
    }
    Ok(inputs)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::git::tree::MemoryTree;

    fn of(path: &str, files: &[(&str, &str)]) -> Inputs {
        let tree = files.iter().fold(MemoryTree::new(), |tree, (path, text)| tree.with(*path, *text));
        inputs(&tree, &Unit { environment: "dev".into(), name: "x".into(), path: path.into() }).unwrap()
    }

    #[test]
    fn an_overlay_reads_its_bases_and_nothing_beside_them() {
        let inputs = of(
            "overlays/dev",
            &[
                ("overlays/dev/kustomization.yaml", "resources: [../../base]"),
                ("overlays/dev/unlisted.yaml", "x: 1"),
                ("base/kustomization.yaml", "configMapGenerator: [{name: a, files: [x.ini]}]"),
                ("base/x.ini", "x"),
            ],
        );
        for path in
            ["overlays/dev/kustomization.yaml", "base/kustomization.yaml", "base/x.ini", "base/Kustomization", "base"]
        {
            assert!(inputs.read(path), "{path}");
        }
        for path in ["overlays/dev/unlisted.yaml", "base/other.yaml", "README.md"] {
            assert!(!inputs.read(path), "{path}");
        }
    }

    #[test]
    fn what_cannot_be_followed_depends_on_everything() {
        assert!(of("app", &[("app/kustomization.yaml", "resources: [gone.yaml]")]).read("anything"));
    }

    #[test]
    fn a_plain_folder_reads_itself_and_the_ignore_files_above_it() {
        let inputs = of("apps/web", &[("apps/web/a.yaml", "x: 1")]);
        for path in ["apps/web/deeper/b.yaml", "apps/.mergelineignore", ".mergelineignore", "mergeline.yaml"] {
            assert!(inputs.read(path), "{path}");
        }
        assert!(!inputs.read("apps/db/a.yaml"));
    }
}
