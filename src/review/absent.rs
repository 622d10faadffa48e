//! What a unit refers to and does not make: a finding, unless another unit or any file of the repository makes it.
//!
//! Only the units that a change reaches are rendered, and so the files of the repository are asked: their objects, the
//! generators of their kustomizations, and the text of what is a template and can only be guessed at. Nothing is read
//! while nothing is absent.

use super::judge::{manifests, of};
use crate::failure::Result;
use crate::finding::Finding;
use crate::git::tree::Tree;
use crate::manifest::yaml::{self, Budget, Dialect};
use crate::manifest::{Object, Value};
use crate::unit::Unit;
use crate::validate::Absent;
use aho_corasick::AhoCorasick;
use rayon::prelude::*;
use std::collections::BTreeSet;

/// Kind and name.
type Made<'a> = (&'a str, &'a str);

/// Kind and name of what a render makes, for [`findings`].
pub(super) fn made(object: &Object) -> Option<(&str, &str)> {
    Some((object.kind(), object.name()?))
}

/// The findings on what nothing makes, each with its unit; `rendered` are the kinds and names of what units make.
///
/// # Errors
/// When the tree cannot be read.
pub(super) fn findings<'a>(
    absent: Vec<(Unit, Absent)>,
    tree: &dyn Tree,
    folders: &[&str],
    rendered: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Vec<Finding>> {
    if absent.is_empty() {
        return Ok(Vec::new());
    }
    let wanted: BTreeSet<Made<'_>> = absent.iter().map(|(_, absent)| (absent.kind, absent.name.as_str())).collect();
    let mut made: BTreeSet<Made<'_>> = BTreeSet::new();
    made.extend(rendered.into_iter().filter_map(|made| wanted.get(&made)));
    let mut paths = BTreeSet::new();
    for folder in folders {
        paths.extend(manifests(tree, folder)?);
    }
    // A file is looked through once, however many names are absent; too many to look for at once are all asked of each file.
    let each: Vec<Made<'_>> = wanted.iter().copied().collect();
    let names = AhoCorasick::new(each.iter().map(|(_, name)| name)).ok();
    let in_files = paths.into_par_iter().map(|path| {
        let text = tree.read(&path)?.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        let named: Vec<Made<'_>> = match &names {
            Some(names) => {
                let found: BTreeSet<usize> =
                    names.find_overlapping_iter(&text).map(|found| found.pattern().as_usize()).collect();
                found.into_iter().map(|index| each[index]).collect()
            }
            None => each.clone(),
        };
        Ok(if named.is_empty() { Vec::new() } else { made_in(&path, &text, &named) })
    });
    made.extend(in_files.collect::<Result<Vec<_>>>()?.into_iter().flatten());
    let made: Vec<bool> =
        absent.iter().map(|(_, absent)| made.contains(&(absent.kind, absent.name.as_str()))).collect();
    let unmade = absent.into_iter().zip(made).filter(|(_, made)| !made);
    Ok(unmade.map(|((unit, absent), _)| of(&unit, absent.finding)).collect())
}

/// Which of `wanted` the objects and generators of a file make.
fn made_in<'a>(path: &str, text: &str, wanted: &[Made<'a>]) -> Vec<Made<'a>> {
    if text.contains("{{") {
        // A template: whatever names the kind and the name may make it.
        return wanted.iter().copied().filter(|(kind, _)| text.contains(kind)).collect();
    }
    let reading = yaml::read_bytes(path, text.as_bytes(), Dialect::Kubectl, &Budget::default());
    let mut made = Vec::new();
    for document in &reading.documents {
        let is_list = document.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List"));
        let items = document.get("items").and_then(Value::as_list).filter(|_| is_list);
        for object in items.unwrap_or(std::slice::from_ref(document)) {
            let kind = object.get("kind").and_then(Value::as_str);
            let name = object.path(&["metadata", "name"]).and_then(Value::as_str);
            made.extend(wanted.iter().copied().filter(|it| kind == Some(it.0) && name == Some(it.1)));
        }
        for (field, kind) in [("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")] {
            for generator in document.get(field).and_then(Value::as_list).unwrap_or_default() {
                let name = generator.get("name").and_then(Value::as_str);
                made.extend(wanted.iter().copied().filter(|it| kind == it.0 && name == Some(it.1)));
            }
        }
    }
    made
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::git::tree::MemoryTree;

    #[test]
    fn what_any_file_makes_is_not_absent() {
        let tree = MemoryTree::new()
            .with(
                "a.yaml",
                "{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Secret, metadata: {name: listed}}]}",
            )
            .with("k/kustomization.yaml", "configMapGenerator: [{name: generated, literals: [a=b]}]")
            .with("chart/templates/a.yaml", "kind: Secret\nmetadata: {name: {{ .Release.Name }}-templated}\n")
            .with("b.yaml", "{apiVersion: v1, kind: Pod, metadata: {name: pod}, spec: {secretName: used}}");
        let absent = |kind: &'static str, name: &str| {
            let unit = Unit { environment: "dev".into(), name: "web".into(), path: "web".into() };
            (unit, Absent { kind, name: name.into(), finding: Finding::warning("absent-secret", name) })
        };
        let all = vec![
            absent("Secret", "listed"),
            absent("ConfigMap", "listed"),
            absent("ConfigMap", "generated"),
            absent("Secret", "templated"),
            absent("Secret", "used"),
        ];
        let left: Vec<String> =
            findings(all, &tree, &[""], []).unwrap().into_iter().map(|finding| finding.message).collect();
        assert_eq!(left, ["listed", "used"]);
    }
}
