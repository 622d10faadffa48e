//! The layout of an environment branch: how rendered objects become files, and files objects again.
//!
//! `UNIT/NAMESPACE/KIND[.GROUP]-NAME.yaml`, one object a file; `_cluster` stands for the namespace of cluster-scoped
//! objects; bytes that are unsafe in a file name are percent-encoded. A metadata file names the environment and its
//! units, so that a unit whose last object went is known as empty, not forgotten. Decided by DESIGN §4 "Promoting".

use crate::finding::{Finding, Place};
use crate::git::tree::{EntryKind, Tree};
use crate::manifest::yaml::{self, Budget, Dialect};
use crate::manifest::{Object, Source, TypeKey};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Path of the metadata file on an environment branch.
pub const METADATA: &str = ".mergeline/environment.yaml";

/// The folder that stands for the namespace of cluster-scoped objects.
pub const CLUSTER: &str = "_cluster";

/// Kept as they are in file names; everything else, `/` and `%` first, is percent-encoded.
const UNSAFE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_');

/// What the metadata file says. Holds nothing that changes from release to release by itself: a release that renders to
/// the same objects must give the same tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Metadata {
    /// Version of this layout.
    pub layout: u32,
    /// The environment's name.
    pub environment: String,
    /// Its units, by name.
    pub units: Vec<String>,
}

/// One unit of an environment branch.
#[derive(Debug, Clone, PartialEq)]
pub struct LaidOutUnit {
    /// The unit's name.
    pub name: String,
    /// Its objects, by path.
    pub objects: Vec<Object>,
}

/// An environment branch, read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LaidOut {
    /// What the metadata file says; `None` on the empty root commit.
    pub metadata: Option<Metadata>,
    /// The units, by name.
    pub units: Vec<LaidOutUnit>,
    /// What could not be read. An environment with such findings is not applied.
    pub findings: Vec<Finding>,
}

/// Encodes one part of a path. `.` and `..` never come out as such.
#[must_use]
pub fn encode(part: &str) -> String {
    match part {
        "." => "%2E".to_owned(),
        ".." => "%2E%2E".to_owned(),
        _ => utf8_percent_encode(part, UNSAFE).to_string(),
    }
}

/// The folder of a unit.
#[must_use]
pub fn unit_folder(unit: &str) -> String {
    // A leading dot would collide with the metadata and CI folders.
    match unit.strip_prefix('.') {
        Some(rest) => format!("%2E{}", encode(rest)),
        None => encode(unit),
    }
}

/// Where an object goes. `namespaced` says whether its kind lives in namespaces, where that is known; else an object
/// without a namespace counts as cluster-scoped.
#[must_use]
pub fn object_path(unit: &str, object: &Object, namespaced: Option<bool>) -> String {
    let TypeKey { group, kind, .. } = object.type_key();
    let namespace = match (namespaced, object.namespace()) {
        (Some(false), _) | (None, None) => CLUSTER.to_owned(),
        (_, Some(namespace)) => encode(namespace),
        (Some(true), None) => "default".to_owned(),
    };
    let group = if group.is_empty() { String::new() } else { format!(".{}", encode(&group)) };
    let name = object.name().or_else(|| object.generate_name()).unwrap_or_default();
    format!("{}/{namespace}/{}{group}-{}.yaml", unit_folder(unit), encode(&kind), encode(name))
}

/// The files of one unit: path to bytes.
///
/// # Errors
/// A finding for each pair of objects that would share a path: they are one object to the API server.
pub fn unit_files(
    unit: &str,
    objects: &[Object],
    namespaced: impl Fn(&TypeKey) -> Option<bool>,
) -> Result<BTreeMap<String, Vec<u8>>, Vec<Finding>> {
    let mut files = BTreeMap::new();
    let mut findings = Vec::new();
    for object in objects {
        let path = object_path(unit, object, namespaced(&object.type_key()));
        let text = yaml::write(&yaml::canonical(object.value()));
        if files.insert(path, text.into_bytes()).is_some() {
            let message = format!("`{}` is rendered twice in the unit `{unit}`", object.reference());
            findings.push(Finding::error("duplicate-object", message).about(object.reference()));
        }
    }
    if findings.is_empty() { Ok(files) } else { Err(findings) }
}

/// The metadata file's bytes.
#[must_use]
pub fn metadata_file(environment: &str, units: &[String]) -> Vec<u8> {
    let mut units = units.to_vec();
    units.sort();
    let lines: String = units.iter().map(|unit| format!("  - {}\n", quoted(unit))).collect();
    let list = if units.is_empty() { " []\n".to_owned() } else { format!("\n{lines}") };
    let head = "# Rendered by Mergeline from the default branch. Changes made here by hand block the next promotion.\n";
    format!("{head}layout: 1\nenvironment: {}\nunits:{list}", quoted(environment)).into_bytes()
}

/// A YAML double-quoted scalar; JSON strings are such.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Reads an environment branch.
///
/// Files outside of unit folders (CI files, a README) are not looked at. Everything inside must be readable: what is
/// not is an error finding, since applying the rest would prune what the unreadable file holds.
///
/// # Errors
/// When the tree itself cannot be read.
pub fn read(tree: &dyn Tree) -> crate::failure::Result<LaidOut> {
    let mut laid_out = LaidOut::default();
    let Some(bytes) = tree.read(METADATA)? else { return Ok(laid_out) };
    let source = Source::new(METADATA, String::from_utf8_lossy(&bytes));
    let reading = yaml::read(&source, Dialect::Kubectl, &Budget::default());
    laid_out.findings.extend(reading.findings);
    let decoded = reading.documents.first().map(crate::manifest::decode::decode::<Metadata>);
    let metadata = match decoded {
        Some(Ok(metadata)) if metadata.layout == 1 => metadata,
        Some(Ok(metadata)) => {
            let message = format!("the branch has layout {}, this version reads layout 1", metadata.layout);
            laid_out.findings.push(Finding::error("environment-layout", message).at(Place::file(METADATA)));
            return Ok(laid_out);
        }
        _ => {
            let message = "the environment's metadata cannot be read";
            laid_out.findings.push(Finding::error("environment-layout", message).at(Place::file(METADATA)));
            return Ok(laid_out);
        }
    };
    for name in &metadata.units {
        let objects = read_unit(tree, &unit_folder(name), &mut laid_out.findings)?;
        laid_out.units.push(LaidOutUnit { name: name.clone(), objects });
    }
    laid_out.metadata = Some(metadata);
    Ok(laid_out)
}

fn read_unit(tree: &dyn Tree, folder: &str, findings: &mut Vec<Finding>) -> crate::failure::Result<Vec<Object>> {
    let mut objects = Vec::new();
    for entry in tree.walk(folder)? {
        let bytes = match entry.kind {
            EntryKind::File => tree.read(&entry.path)?,
            _ => None,
        };
        let Some(text) = bytes.and_then(|bytes| String::from_utf8(bytes).ok()) else {
            let message = format!("`{}` is no readable file", entry.path);
            findings.push(Finding::error("environment-layout", message).at(Place::file(&entry.path)));
            continue;
        };
        let source = Source::new(&entry.path, text);
        let (mut read, found) = crate::manifest::objects(&source, Dialect::Kubectl, &Budget::default());
        findings.extend(found);
        objects.append(&mut read);
    }
    Ok(objects)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::git::tree::MemoryTree;
    use crate::manifest::value::{Value, map};

    fn object(api_version: &str, kind: &str, namespace: Option<&str>, name: &str) -> Object {
        let mut metadata = map([("name", name)]);
        if let Some(namespace) = namespace {
            metadata.set("namespace", namespace);
        }
        let entries = [("apiVersion", Value::from(api_version)), ("kind", kind.into()), ("metadata", metadata)];
        Object::new(map(entries)).unwrap()
    }

    #[test]
    fn paths_name_group_and_scope_and_are_safe() {
        let role = object("rbac.authorization.k8s.io/v1", "ClusterRole", None, "system:web/../x");
        assert_eq!(
            object_path("web", &role, Some(false)),
            "web/_cluster/ClusterRole.rbac.authorization.k8s.io-system%3Aweb%2F..%2Fx.yaml"
        );
        let service = object("v1", "Service", Some("shop"), "web");
        assert_eq!(object_path("web", &service, None), "web/shop/Service-web.yaml");
        assert_eq!(object_path("..", &service, None), "%2E%2E/shop/Service-web.yaml");
        let unset = object("v1", "Service", None, "web");
        assert_eq!(object_path("web", &unset, Some(true)), "web/default/Service-web.yaml");
    }

    #[test]
    fn what_is_laid_out_is_read_back() {
        let objects = [object("v1", "Service", Some("shop"), "web"), object("v1", "Namespace", None, "shop")];
        let mut tree = MemoryTree::new().with(METADATA, metadata_file("dev", &["web".into(), "gone".into()]));
        for (path, bytes) in unit_files("web", &objects, |_| None).unwrap() {
            tree.insert(path, bytes);
        }
        tree.insert("README.md", "# not a unit");
        let read = read(&tree).unwrap();
        assert_eq!(read.findings, []);
        assert_eq!(read.metadata.unwrap().environment, "dev");
        assert_eq!(read.units.iter().map(|unit| unit.objects.len()).collect::<Vec<_>>(), [0, 2]);
    }

    #[test]
    fn one_identity_twice_is_an_error() {
        let twice = [object("v1", "Service", Some("shop"), "web"), object("v1", "Service", Some("shop"), "web")];
        assert_eq!(unit_files("web", &twice, |_| None).unwrap_err().len(), 1);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error_and_never_silence() {
        let tree = MemoryTree::new()
            .with(METADATA, metadata_file("dev", &["web".into()]))
            .with("web/shop/Service-web.yaml", "kind: [");
        assert!(!read(&tree).unwrap().findings.is_empty());
    }
}
