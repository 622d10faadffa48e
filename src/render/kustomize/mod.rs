//! Kustomization files: reading them, what they reference, and all that one build reads.
//!
//! [`build`] builds them, equal to kustomize 5.8.1; everything here is pure over
//! [`Tree`], and refuses what trusted configuration does not allow: remote resources, exec and container
//! plugins, symbolic links, and paths that leave the tree. Field names: kustomize 5.

mod charts;
mod closure;
mod config;
mod crds;
mod directives;
mod documents;
mod elements;
mod engine;
mod fields;
mod fieldspec;
mod filters;
pub(in crate::render) mod form;
mod generate;
mod gojson;
mod ids;
mod inline;
mod jsonpatch;
mod loader;
mod matcher;
mod merge;
mod metadata;
mod meter;
mod namerefs;
mod node;
mod output;
mod patches;
mod plugins;
mod references;
mod replacement;
mod resmap;
mod resource;
mod scalar;
mod schema;
mod selector;
mod sort;
mod steps;
mod stop;
mod structured;
mod target;
mod valueadd;
mod vars;

pub use charts::{Answer, Charts, Order};
pub(in crate::render) use closure::place_all;
pub use closure::{Closure, closure};
use engine::printed;
pub use engine::{Product, build, build_with};
pub(in crate::render) use inline::Block;
pub use loader::Cache;
pub(in crate::render) use loader::{PLUGIN, REMOTE};
pub use references::{Reference, Role};

use crate::failure::Result;
use crate::finding::{Finding, Severity};
use crate::git::tree::{EntryKind, Tree};
use crate::manifest::yaml::{self, Budget, Dialect};
use crate::manifest::{Data, Key, Origin, Value};

/// The names that kustomize looks for, in its order.
pub const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Says whether a file of this name is a kustomization.
#[must_use]
pub fn is_kustomization_name(name: &str) -> bool {
    NAMES.contains(&name)
}

/// The kustomization files directly in a folder; more than one is an error of that folder.
///
/// # Errors
/// When the tree cannot be read.
pub fn files_in(tree: &dyn Tree, directory: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for name in NAMES {
        let path = super::path::join(directory, name);
        if matches!(tree.kind(&path)?, Some(EntryKind::File | EntryKind::Symlink)) {
            found.push(path);
        }
    }
    Ok(found)
}

/// A kustomization file.
#[derive(Debug, Clone)]
pub struct Kustomization {
    /// The file, relative to the root of the tree.
    pub file: String,
    /// The folder it is in.
    pub directory: String,
    /// Its document with origins; an empty map when the file could not be read.
    pub value: Value,
    /// Errors of reading it, and keys that kustomize does not know.
    pub findings: Vec<Finding>,
}

impl Kustomization {
    /// Reads a file; what is wrong with it is among the findings.
    #[must_use]
    pub fn read(file: &str, bytes: &[u8]) -> Self {
        let reading = yaml::read_bytes(file, bytes, Dialect::Kubectl, &Budget::default());
        let mut findings = reading.findings;
        // kustomize takes the last one and says nothing.
        findings
            .iter_mut()
            .filter(|finding| finding.rule == "duplicate-key")
            .for_each(|finding| finding.severity = Severity::Warning);
        let mut documents = reading.documents.into_iter();
        let value = documents.next().unwrap_or_else(|| crate::manifest::Map::new().into());
        let wrong = |message: String, origin: Option<&Origin>| {
            let place = origin.map_or_else(|| crate::finding::Place::file(file), Origin::place);
            Finding::error("kustomization", message).at(place)
        };
        if let Some(second) = documents.next() {
            findings.push(wrong(
                "a kustomization is one document; this is a second one".to_owned(),
                second.origin.as_ref(),
            ));
        }
        match value.as_map() {
            None => findings.push(wrong("a kustomization is a map".to_owned(), value.origin.as_ref())),
            Some(_) => findings.extend(form::judge(file, &value)),
        }
        refuse_other_case(&value, &mut |key: &Key, field| {
            let message = format!("kustomize reads `{}` as `{field}`, whatever the case of its letters", key.text);
            findings.push(wrong(message, key.origin.as_ref()).hint(format!("write `{field}`")));
        });
        let directory = super::path::parent(file).to_owned();
        Self { file: file.to_owned(), directory, value, findings }
    }

    /// Says whether this is a component, which can only be used by others.
    #[must_use]
    pub fn is_component(&self) -> bool {
        self.value.get("kind").and_then(Value::as_str) == Some("Component")
    }

    /// Everything that it names in other files, in the order of its fields.
    #[must_use]
    pub fn references(&self) -> Vec<Reference> {
        references::of(self)
    }
}

/// Fields below the top level that lead to files.
const FILE_FIELDS: [&str; 6] = ["path", "files", "envs", "env", "patch", "literals"];

/// Finds fields that lead to files and are written with other capitals. kustomize reads JSON without regard to case, so that
/// `Path` would lead past every check that looks for `path`.
fn refuse_other_case<'a>(value: &'a Value, refuse: &mut dyn FnMut(&'a Key, &'static str)) {
    match &value.data {
        Data::List(items) => items.iter().for_each(|item| refuse_other_case(item, refuse)),
        Data::Map(map) => {
            for (key, item) in map {
                if let Some(field) =
                    FILE_FIELDS.iter().find(|field| key.text != **field && key.text.eq_ignore_ascii_case(field))
                {
                    refuse(key, field);
                }
                // In these, keys are people's own words.
                let free = ["commonlabels", "commonannotations", "pairs", "annotations", "matchlabels"];
                let lower = key.text.to_lowercase();
                let labels = lower == "labels" && item.as_map().is_some();
                if !labels && !free.contains(&lower.as_str()) {
                    refuse_other_case(item, refuse);
                }
            }
        }
        _ => {}
    }
}
