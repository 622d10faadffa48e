//! The schemas that the configuration or a person names: read where kinds are not known otherwise.
//!
//! Files are those of the head, as CustomResourceDefinitions are. Addresses are asked because trusted configuration or a
//! person named them; what a change itself configures never leads to the network.

use super::judge::Judge;
use crate::config::Config;
use crate::download::Download;
use crate::failure::{FailureKind, Result};
use crate::finding::{Finding, Place};
use crate::git::tree::{EntryKind, Tree};
use crate::manifest::{Source, TypeKey};
use crate::schema::{Location, Template};
use crate::validate::Options;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where further schemas are.
pub(super) struct Schemas<'a> {
    locations: Vec<(Location, Option<Place>)>,
    tree: &'a dyn Tree,
    download: &'a dyn Download,
}

/// The most kinds that are looked up; a change can name any number.
const MOST_KINDS: usize = 1000;

/// A file of schemas, and the kind that it was looked up by.
type Found = (Arc<Source>, Option<TypeKey>);

impl<'a> Schemas<'a> {
    /// The locations that a person named, then those of the policy; what is wrong with one is a finding.
    pub(super) fn of(
        asked: &[String],
        policy: Option<&Config>,
        tree: &'a dyn Tree,
        download: &'a dyn Download,
    ) -> (Self, Vec<Finding>) {
        let (mut locations, mut findings) = (Vec::new(), Vec::new());
        let asked = asked.iter().map(|text| (text, None));
        let configured = policy.into_iter().flat_map(|config| {
            let entries = config.model().validate.schemas.iter().enumerate();
            entries.map(|(index, text)| (text, Some(config.place(&format!("/validate/schemas/{index}")))))
        });
        for (text, place) in asked.chain(configured) {
            match Location::parse(text) {
                Ok(location) => locations.push((location, place)),
                Err(why) => {
                    let message = format!("the location `{text}` of schemas {why}");
                    findings.push(Finding::error("schema-source", message).at(place));
                }
            }
        }
        (Self { locations, tree, download }, findings)
    }

    /// Leaves out what would be read from the tree: it is not the one that the configuration speaks of.
    pub(super) fn remote_only(mut self) -> Self {
        self.locations.retain(|(location, _)| location.is_remote());
        self
    }

    /// Tells `judge` of every kind that it does not know and that a location has a schema of.
    pub(super) fn teach(&self, judge: &mut Judge, options: &Options) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        if self.locations.is_empty() || judge.unknown().is_empty() {
            return Ok(findings);
        }
        let files = self.files(&mut findings)?;
        for (source, _) in &files {
            findings.extend(self.add(judge, source, None));
        }
        let unknown: Vec<(String, BTreeSet<TypeKey>)> = judge.unknown().into_iter().collect();
        for (environment, keys) in unknown {
            let keys: Vec<TypeKey> = keys.into_iter().take(MOST_KINDS).collect();
            let version = judge.catalog(&environment).minor();
            let looked_up: Vec<Result<(Option<Found>, Vec<Finding>)>> = keys
                .par_iter()
                .map(|key| self.look_up(key, &|template| template.fill(key, version, options.strict)))
                .collect();
            for result in looked_up {
                let (found, told) = result?;
                findings.extend(told);
                if let Some((source, key)) = found {
                    findings.extend(self.add(judge, &source, key.as_ref()));
                }
            }
        }
        let mut seen = BTreeSet::new();
        findings.retain(|finding| seen.insert(format!("{:?}{}", finding.place, finding.message)));
        Ok(findings)
    }

    fn add(&self, judge: &mut Judge, source: &Arc<Source>, key: Option<&TypeKey>) -> Vec<Finding> {
        let beside = |path: &str| {
            if source.path().contains("://") {
                return None;
            }
            self.tree.read(&beside(source.path(), path)?).ok().flatten()
        };
        judge.add_schemas(source, key, &beside)
    }

    /// The files that are named by themselves.
    fn files(&self, findings: &mut Vec<Finding>) -> Result<Vec<Found>> {
        let mut found = Vec::new();
        for (location, place) in &self.locations {
            match location {
                Location::Bundled | Location::Template(_) => {}
                Location::Files(pattern) => {
                    let paths = matches(self.tree, pattern)?;
                    if paths.is_empty() {
                        let message = format!("the location `{pattern}` of schemas matches nothing");
                        findings.push(Finding::warning("schema-source", message).at(place.clone()));
                    }
                    for path in paths {
                        let bytes = self.tree.read(&path)?.unwrap_or_default();
                        found.push((Source::new(path, String::from_utf8_lossy(&bytes).into_owned()), None));
                    }
                }
                Location::Remote(address) => match self.remote(address, place.as_ref()) {
                    Ok(Some(source)) => found.push((source, None)),
                    Ok(None) => {
                        let message = format!("the server has nothing at the location `{address}` of schemas");
                        findings.push(Finding::warning("schema-source", message).at(place.clone()));
                    }
                    Err(finding) => findings.push(*finding),
                },
            }
        }
        Ok(found)
    }

    /// The first template that leads to a schema of `key`.
    fn look_up(
        &self,
        key: &TypeKey,
        fill: &dyn Fn(&Template) -> Option<String>,
    ) -> Result<(Option<Found>, Vec<Finding>)> {
        let mut findings = Vec::new();
        for (location, place) in &self.locations {
            let Location::Template(template) = location else { continue };
            let Some(address) = fill(template) else { continue };
            let source = if location.is_remote() {
                match self.remote(&address, place.as_ref()) {
                    Ok(source) => source,
                    Err(finding) => {
                        findings.push(*finding);
                        continue;
                    }
                }
            } else {
                let bytes = self.tree.read(&address)?;
                bytes.map(|bytes| Source::new(address, String::from_utf8_lossy(&bytes).into_owned()))
            };
            if let Some(source) = source {
                return Ok((Some((source, Some(key.clone()))), findings));
            }
        }
        Ok((None, findings))
    }

    fn remote(&self, address: &str, place: Option<&Place>) -> std::result::Result<Option<Arc<Source>>, Box<Finding>> {
        match self.download.get(address) {
            Ok(bytes) => Ok(bytes.map(|bytes| Source::new(address, String::from_utf8_lossy(&bytes).into_owned()))),
            Err(failure) => {
                let message = format!("a schema is missing: {failure}");
                let finding = match failure.kind() {
                    FailureKind::Remote => Finding::warning("schema-source", message),
                    _ => Finding::error("schema-source", message),
                };
                Err(Box::new(finding.at(place.cloned())))
            }
        }
    }
}

/// The files that a path or a pattern stands for, in order: a file itself, all schemas and definitions below a folder. A
/// star stands for a part of one name.
fn matches(tree: &dyn Tree, pattern: &str) -> Result<Vec<String>> {
    let is_schema = |path: &str| [".json", ".yaml", ".yml"].iter().any(|ending| path.ends_with(ending));
    let mut found = BTreeMap::from([(String::new(), ())]);
    for part in pattern.split('/').filter(|part| !matches!(*part, "" | ".")) {
        let mut next = BTreeMap::new();
        for (path, ()) in found {
            if part == "**" {
                let folder = |path: &str| path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
                next.extend(tree.walk(&path)?.iter().map(|entry| (folder(&entry.path), ())));
                next.insert(path, ());
            } else if part.contains('*') {
                let names = tree.list(&path)?.into_iter();
                let fits = |path: &String| star(part, path.rsplit('/').next().unwrap_or_default());
                next.extend(names.map(|entry| entry.path).filter(fits).map(|path| (path, ())));
            } else {
                let joined = if path.is_empty() { part.to_owned() } else { format!("{path}/{part}") };
                next.insert(joined, ());
            }
        }
        found = next;
    }
    let mut files = BTreeSet::new();
    for path in found.into_keys() {
        match tree.kind(&path)? {
            Some(EntryKind::File) => drop(files.insert(path)),
            Some(EntryKind::Directory) => {
                let below = tree.walk(&path)?.into_iter().filter(|entry| entry.kind == EntryKind::File);
                files.extend(below.map(|entry| entry.path).filter(|path| is_schema(path)));
            }
            _ => {}
        }
    }
    Ok(files.into_iter().collect())
}

/// The path that a file at `path` means by `relative`; `None` when it leads out of the tree.
fn beside(path: &str, relative: &str) -> Option<String> {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in relative.split('/').filter(|part| !matches!(*part, "" | ".")) {
        match part {
            ".." => drop(parts.pop()?),
            _ => parts.push(part),
        }
    }
    (!relative.starts_with('/')).then(|| parts.join("/"))
}

/// Says whether a name fits a pattern with stars.
fn star(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| name.strip_prefix(first)) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::git::tree::MemoryTree;

    #[test]
    fn patterns_stand_for_files_and_for_all_below_a_folder() {
        let paths = ["schemas/a.json", "schemas/b/c.yaml", "schemas/b/readme.md", "other/a.json"];
        let tree = paths.iter().fold(MemoryTree::new(), |tree, path| tree.with(*path, "{}"));
        let of = |pattern: &str| matches(&tree, pattern).unwrap();
        assert_eq!(of("schemas"), ["schemas/a.json", "schemas/b/c.yaml"]);
        assert_eq!(of("schemas/*.json"), ["schemas/a.json"]);
        assert_eq!(of("*/a.json"), ["other/a.json", "schemas/a.json"]);
        assert_eq!(of("**/c.yaml"), ["schemas/b/c.yaml"]);
        assert_eq!(of("schemas/b/readme.md"), ["schemas/b/readme.md"]);
        assert_eq!(of("none/*"), [""; 0]);
    }

    #[test]
    fn a_file_beside_another_is_in_the_tree() {
        assert_eq!(beside("a/b.json", "c.json").as_deref(), Some("a/c.json"));
        assert_eq!(beside("a/b.json", "../c.json").as_deref(), Some("c.json"));
        assert_eq!((beside("b.json", "../c.json"), beside("a/b.json", "/etc/passwd")), (None, None));
    }

    #[test]
    fn a_star_stands_for_any_part_of_a_name() {
        assert!(star("a*c*", "abcd") && star("*", "x") && star("*.json", "a.json") && star("x", "x"));
        assert!(!star("a*b*c", "ac") && !star("x", "xy") && !star("ab*b", "ab"));
    }
}
