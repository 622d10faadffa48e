//! The verdict on rendered objects: each environment by its own definitions, each unit by itself.

use crate::config::Config;
use crate::failure::{Failure, Result};
use crate::finding::Finding;
use crate::git::tree::{EntryKind, Tree};
use crate::manifest::yaml::{Budget, Dialect};
use crate::manifest::{Object, Source, TypeKey};
use crate::report::{ObjectCounts, Unchecked};
use crate::schema::{Catalog, Lookup};
use crate::unit::Unit;
use crate::validate;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The catalog of the Kubernetes version to judge by: what was asked for, else what the policy says, else the newest.
///
/// A configured version that is not bundled is a finding, and the newest takes its place.
///
/// # Errors
/// When the version that was asked for is not bundled.
pub(super) fn catalog(asked: Option<&str>, policy: Option<&Config>) -> Result<(Catalog, Option<Finding>)> {
    if let Some(asked) = asked {
        let catalog = Catalog::bundled(asked).map_err(|unknown| {
            Failure::usage(format!("Kubernetes {} is not bundled", unknown.asked))
                .hint(format!("bundled versions: {}", unknown.known.join(", ")))
        })?;
        return Ok((catalog, None));
    }
    let newest = || {
        Catalog::bundled(Catalog::newest())
            .map_err(|unknown| Failure::bug(format!("the bundled Kubernetes {} cannot be found", unknown.asked)))
    };
    let configured = policy.and_then(|config| Some((config, config.model().kubernetes.as_ref()?.to_string())));
    let Some((config, version)) = configured else { return Ok((newest()?, None)) };
    match Catalog::bundled(&version) {
        Ok(catalog) => Ok((catalog, None)),
        Err(unknown) => {
            let newest = newest()?;
            let message =
                format!("Kubernetes {version} is not bundled: objects are judged by Kubernetes {}", newest.version());
            let finding = Finding::warning("kubernetes-version", message).at(config.place("/kubernetes"));
            Ok((newest, Some(finding.hint(format!("bundled versions: {}", unknown.known.join(", "))))))
        }
    }
}

/// What the files of a tree say by themselves, rendered or not.
#[derive(Default)]
pub(super) struct Knowledge {
    /// Files that define kinds, by path.
    pub(super) definitions: BTreeMap<String, Arc<Source>>,
    /// Secrets as they stand in files: their values may stand elsewhere too.
    pub(super) secrets: Vec<Object>,
}

impl Knowledge {
    /// The paths of the files that define kinds.
    pub(super) fn definition_files(&self) -> BTreeSet<String> {
        self.definitions.keys().cloned().collect()
    }
}

/// Looks through the manifests below `folders` (the empty path is the whole tree).
///
/// # Errors
/// When the tree cannot be read.
pub(super) fn knowledge(tree: &dyn Tree, folders: &[&str]) -> Result<Knowledge> {
    let mut paths = BTreeSet::new();
    for folder in folders {
        paths.extend(manifests(tree, folder)?);
    }
    let read = paths.into_par_iter().map(|path| {
        let text = tree.read(&path)?.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or_default();
        let defines = text.contains("CustomResourceDefinition");
        let secret = text.lines().any(|line| line.contains("kind") && line.contains("Secret"));
        if !defines && !secret {
            return Ok(None);
        }
        let source = Source::new(path, text);
        let mut secrets = if secret { objects(&source) } else { Vec::new() };
        secrets.retain(Object::is_secret);
        Ok(Some((defines.then_some(source), secrets)))
    });
    let mut knowledge = Knowledge::default();
    for (source, secrets) in read.collect::<Result<Vec<_>>>()?.into_iter().flatten() {
        knowledge.secrets.extend(secrets);
        knowledge.definitions.extend(source.map(|source| (source.path().to_owned(), source)));
    }
    Ok(knowledge)
}

/// The files below a folder that may be manifests; a file is itself.
pub(super) fn manifests(tree: &dyn Tree, folder: &str) -> Result<BTreeSet<String>> {
    let mut paths = BTreeSet::new();
    if tree.kind(folder)? == Some(EntryKind::File) {
        paths.insert(folder.to_owned());
    }
    let files = tree.walk(folder)?.into_iter().filter(|entry| entry.kind == EntryKind::File);
    paths.extend(files.map(|entry| entry.path).filter(|path| is_manifest(path)));
    Ok(paths)
}

fn is_manifest(path: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|ending| path.ends_with(ending))
}

/// The objects of a file. What is wrong with it is said by the render of the unit that it belongs to.
fn objects(source: &Arc<Source>) -> Vec<Object> {
    crate::manifest::objects(source, Dialect::Kubectl, &Budget::default()).0
}

/// Judges objects, each environment by the definitions that are rendered into it.
pub(super) struct Judge {
    general: Catalog,
    environments: BTreeMap<String, Catalog>,
    /// Definitions whose schema cannot be read, by environment and unit.
    problems: Vec<(Unit, Vec<Finding>)>,
}

/// What a judge says.
#[derive(Default)]
pub(super) struct Judged {
    pub(super) findings: Vec<Finding>,
    pub(super) objects: ObjectCounts,
    /// What units refer to and do not make themselves.
    pub(super) absent: Vec<(Unit, validate::Absent)>,
}

impl Judge {
    /// A judge who knows `catalog`, the definitions in files, and over these the ones that are rendered into each
    /// environment.
    pub(super) fn new(mut catalog: Catalog, knowledge: &Knowledge, heads: &[(&Unit, &[Object])]) -> Self {
        let known = |object: &Object| matches!(catalog.lookup(&object.type_key()), Lookup::Known(_));
        // Reading definitions costs more than all the rest: only where they are asked for.
        if !heads.par_iter().all(|(_, objects)| objects.par_iter().all(known)) {
            let defined: Vec<Vec<Object>> =
                knowledge.definitions.par_iter().map(|(_, source)| objects(source)).collect();
            catalog.add_definitions(defined.iter().flatten());
        }
        let mut environments: BTreeMap<String, Catalog> = BTreeMap::new();
        let mut problems = Vec::new();
        for (unit, objects) in heads {
            let own = environments.entry(unit.environment.clone()).or_insert_with(|| catalog.clone());
            let found = own.add_definitions(*objects);
            if !found.is_empty() {
                problems.push(((*unit).clone(), found));
            }
        }
        Self { general: catalog, environments, problems }
    }

    /// What is known in an environment.
    pub(super) fn catalog(&self, environment: &str) -> &Catalog {
        self.environments.get(environment).unwrap_or(&self.general)
    }

    /// The Kubernetes version.
    pub(super) fn version(&self) -> &'static str {
        self.general.version()
    }

    /// Judges units.
    pub(super) fn judge(&self, units: &[(&Unit, &[Object])], options: &validate::Options) -> Judged {
        let verdicts: Vec<validate::Verdict> = units
            .par_iter()
            .map(|(unit, objects)| validate::validate(objects, self.catalog(&unit.environment), options))
            .collect();
        let mut judged = Judged::default();
        let mut unchecked: BTreeMap<(TypeKey, String), usize> = BTreeMap::new();
        for ((unit, objects), verdict) in units.iter().zip(verdicts) {
            judged.objects.rendered += objects.len();
            judged.objects.checked += verdict.checked;
            judged.absent.extend(verdict.absent.into_iter().map(|absent| ((*unit).clone(), absent)));
            for validate::Unchecked { type_key, count, reason } in verdict.unchecked {
                *unchecked.entry((type_key, reason)).or_default() += count;
            }
            let problems = self.problems.iter().filter(|(defining, _)| defining == *unit);
            let problems = problems.flat_map(|(_, findings)| findings.iter().cloned());
            judged.findings.extend(problems.chain(verdict.findings).map(|finding| of(unit, finding)));
        }
        let unchecked = unchecked.into_iter();
        judged.objects.unchecked = unchecked
            .map(|((type_key, reason), count)| Unchecked { kind: type_key.to_string(), reason, count })
            .collect();
        judged
    }
}

/// The finding with the unit and environment that it was made in.
pub(super) fn of(unit: &Unit, mut finding: Finding) -> Finding {
    finding.unit.get_or_insert_with(|| unit.name.clone());
    if finding.environments.is_empty() {
        finding.environments.push(unit.environment.clone());
    }
    finding
}
