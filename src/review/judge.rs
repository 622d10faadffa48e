//! The verdict on rendered objects: each environment by its own definitions, each unit by itself.

use crate::config::{self, Config, KubernetesVersion};
use crate::diff::Redactor;
use crate::diff::redact::makes_secrets;
use crate::failure::{Failure, Result};
use crate::finding::Finding;
use crate::git::tree::{EntryKind, Tree};
use crate::manifest::value::escape_token;
use crate::manifest::yaml::{Budget, Dialect};
use crate::manifest::{Object, Source, TypeKey};
use crate::report::{ObjectCounts, Unchecked};
use crate::schema::{Catalog, Catalogs, Lookup};
use crate::unit::Unit;
use crate::validate::{self, Unknown};
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The catalogs to judge by: of the version that was asked for, else of what the policy says for each environment and for
/// all, else of the newest.
///
/// A configured version that is not bundled is an error among the findings, and the newest takes its place.
///
/// # Errors
/// When the version that was asked for is not bundled.
pub(super) fn catalogs(asked: Option<&str>, policy: Option<&Config>) -> Result<(Catalogs, Vec<Finding>)> {
    if let Some(asked) = asked {
        let catalog = Catalog::bundled(asked).map_err(|unknown| {
            Failure::usage(unknown.to_string()).hint(format!("`--kubernetes`: {}", unknown.hint()))
        })?;
        return Ok((Catalogs::new(catalog), Vec::new()));
    }
    let newest = || {
        Catalog::bundled(Catalog::newest())
            .map_err(|unknown| Failure::bug(format!("the bundled Kubernetes {} cannot be found", unknown.asked)))
    };
    let Some(config) = policy else { return Ok((Catalogs::new(newest()?), Vec::new())) };
    let mut findings = Vec::new();
    let mut configured = |version: &KubernetesVersion, pointer: &str, environment: Option<&str>| {
        Catalog::bundled(&version.to_string()).or_else(|unknown| {
            let newest = newest()?;
            let message = format!("{unknown}: objects are judged by Kubernetes {}", newest.version());
            let mut finding =
                Finding::error("kubernetes-version", message).at(config.place(pointer)).hint(unknown.hint());
            finding.environments.extend(environment.map(str::to_owned));
            findings.push(finding.pointer(pointer));
            Ok::<_, Failure>(newest)
        })
    };
    let mut catalogs = Catalogs::new(match &config.model().kubernetes {
        Some(version) => configured(version, "/kubernetes", None)?,
        None => newest()?,
    });
    for (name, environment) in config.environments() {
        if let Some(version) = &environment.kubernetes {
            let pointer = format!("/environments/{}/kubernetes", escape_token(name));
            catalogs = catalogs.with(name, configured(version, &pointer, Some(name))?);
        }
    }
    Ok((catalogs, findings))
}

/// How strict a judgement is that a person asked for, over what is configured.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strictness {
    /// Where further schemas are, before those that are configured.
    pub schemas: Vec<String>,
    /// What an object of an unknown group weighs.
    pub unknown: Option<Unknown>,
    /// Pass over fields that the server does not know.
    pub lenient: bool,
}

impl Strictness {
    /// With what the policy says where nothing was asked for.
    pub(super) fn options(&self, policy: Option<&Config>) -> validate::Options {
        let configured = policy.map(|config| match config.model().validate.unknown {
            config::Unknown::Warn => Unknown::Warn,
            config::Unknown::Fail => Unknown::Fail,
            config::Unknown::Ignore => Unknown::Ignore,
        });
        let unknown = self.unknown.or(configured).unwrap_or(Unknown::Warn);
        validate::Options { strict: !self.lenient, unknown, ..validate::Options::default() }
    }
}

/// What the files of a tree say by themselves, rendered or not.
#[derive(Default)]
pub(super) struct Knowledge {
    /// Files that define kinds, by path.
    pub(super) definitions: BTreeMap<String, Arc<Source>>,
    /// Secrets as they stand in files: their values may stand elsewhere too.
    pub(super) secrets: Vec<Object>,
    /// Files that Secrets are made of: what cannot be read of them cannot be learned either.
    pub(super) hidden: BTreeSet<String>,
}

impl Knowledge {
    /// The paths of the files that define kinds.
    pub(super) fn definition_files(&self) -> BTreeSet<String> {
        self.definitions.keys().cloned().collect()
    }

    /// Teaches what must not show.
    pub(super) fn teach(&self, redactor: &mut Redactor) {
        redactor.learn(&self.secrets);
        self.hidden.iter().for_each(|path| redactor.hide_file(path));
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
        let secret = makes_secrets(&text);
        if !defines && !secret {
            return Ok(None);
        }
        let source = Source::new(path, text);
        let mut secrets = if secret { objects(&source) } else { Vec::new() };
        secrets.retain(Object::is_secret);
        Ok(Some((source, defines, secret, secrets)))
    });
    let mut knowledge = Knowledge::default();
    for (source, defines, secret, secrets) in read.collect::<Result<Vec<_>>>()?.into_iter().flatten() {
        knowledge.secrets.extend(secrets);
        knowledge.hidden.extend(secret.then(|| source.path().to_owned()));
        knowledge.definitions.extend(defines.then(|| (source.path().to_owned(), source)));
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

/// Says whether the verdict on objects may depend on definitions: one of them is one, or of a kind that is not known.
pub(super) fn waits(objects: &[Object], catalog: &Catalog) -> bool {
    objects.iter().any(|object| {
        object.kind() == "CustomResourceDefinition" || !matches!(catalog.lookup(&object.type_key()), Lookup::Known(_))
    })
}

/// Judges objects, each environment by its version and by the definitions that are rendered into it.
pub(super) struct Judge {
    /// With the definitions that are in files.
    catalogs: Catalogs,
    /// With those that are rendered into the environment as well.
    environments: BTreeMap<String, Catalog>,
    /// The kinds of the objects of each environment.
    kinds: BTreeMap<String, BTreeSet<TypeKey>>,
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
    /// Objects that were not checked, by type and reason.
    unchecked: BTreeMap<(TypeKey, String), usize>,
}

impl Judge {
    /// A judge who knows `catalogs`, the definitions in files, and over these the ones that are rendered into each
    /// environment.
    pub(super) fn new(mut catalogs: Catalogs, knowledge: &Knowledge, heads: &[(&Unit, &[Object])]) -> Self {
        // Reading definitions costs more than all the rest: only where they are asked for.
        let is_known = |unit: &Unit, object: &Object| {
            matches!(catalogs.of(&unit.environment).lookup(&object.type_key()), Lookup::Known(_))
        };
        if !heads.par_iter().all(|(unit, objects)| objects.par_iter().all(|object| is_known(unit, object))) {
            let defined: Vec<Vec<Object>> =
                knowledge.definitions.par_iter().map(|(_, source)| objects(source)).collect();
            catalogs.each(|catalog| drop(catalog.add_definitions(defined.iter().flatten())));
        }
        let mut environments: BTreeMap<String, Catalog> = BTreeMap::new();
        let mut kinds: BTreeMap<String, BTreeSet<TypeKey>> = BTreeMap::new();
        let mut problems = Vec::new();
        for (unit, objects) in heads {
            let here = kinds.entry(unit.environment.clone()).or_default();
            for object in *objects {
                let key = object.type_key();
                // Most kinds come many times.
                if !here.contains(&key) {
                    here.insert(key);
                }
            }
            let own =
                environments.entry(unit.environment.clone()).or_insert_with(|| catalogs.of(&unit.environment).clone());
            let found = own.add_definitions(*objects);
            if !found.is_empty() {
                problems.push(((*unit).clone(), found));
            }
        }
        Self { catalogs, environments, kinds, problems }
    }

    /// The kinds of each environment that are not known.
    pub(super) fn unknown(&self) -> BTreeMap<String, BTreeSet<TypeKey>> {
        let mut unknown: BTreeMap<String, BTreeSet<TypeKey>> = BTreeMap::new();
        for (environment, keys) in &self.kinds {
            let catalog = self.catalog(environment);
            let keys = keys.iter().filter(|key| matches!(catalog.lookup(key), Lookup::Unknown(_)));
            let keys: BTreeSet<TypeKey> = keys.cloned().collect();
            if !keys.is_empty() {
                unknown.insert(environment.clone(), keys);
            }
        }
        unknown
    }

    /// Adds the kinds of a file of schemas to every environment with kinds that are not known.
    pub(super) fn add_schemas(
        &mut self,
        source: &Arc<Source>,
        key: Option<&TypeKey>,
        beside: &dyn Fn(&str) -> Option<Vec<u8>>,
    ) -> Vec<Finding> {
        let unknown = self.unknown();
        let environments = self.environments.iter_mut().filter(|(name, _)| unknown.contains_key(*name));
        environments.flat_map(|(_, catalog)| catalog.add_schemas(source, key, beside)).collect()
    }

    /// What is known in an environment.
    pub(super) fn catalog(&self, environment: &str) -> &Catalog {
        self.environments.get(environment).unwrap_or_else(|| self.catalogs.of(environment))
    }

    /// The Kubernetes versions of the environments, for people.
    pub(super) fn versions(&self, environments: &[String]) -> String {
        self.catalogs.versions(environments.iter().map(String::as_str))
    }

    /// Judges units, each with the objects that were there before: rules that compare with them are evaluated.
    pub(super) fn judge(&self, units: &[(&Unit, &[Object], &[Object])], options: &validate::Options) -> Judged {
        let mut judged = Judged::default();
        for ((unit, objects, _), verdict) in units.iter().zip(self.verdicts(units, options)) {
            judged.findings.extend(self.problems_of(unit));
            judged.add(unit, objects.len(), verdict);
        }
        judged
    }

    /// The verdict on each unit.
    pub(super) fn verdicts(
        &self,
        units: &[(&Unit, &[Object], &[Object])],
        options: &validate::Options,
    ) -> Vec<validate::Verdict> {
        let verdict = |(unit, objects, before): &(&Unit, &[Object], &[Object])| {
            validate::validate_change(objects, before, self.catalog(&unit.environment), options)
        };
        units.par_iter().map(verdict).collect()
    }

    /// What is wrong with the definitions that a unit renders.
    pub(super) fn problems_of(&self, unit: &Unit) -> impl Iterator<Item = Finding> {
        let problems = self.problems.iter().filter(move |(defining, _)| defining == unit);
        problems.flat_map(|(_, findings)| findings).map(move |finding| of(unit, finding.clone()))
    }
}

impl Judged {
    /// Adds the verdict on a unit with so many objects.
    pub(super) fn add(&mut self, unit: &Unit, rendered: usize, verdict: validate::Verdict) {
        self.objects.rendered += rendered;
        self.objects.checked += verdict.checked;
        self.absent.extend(verdict.absent.into_iter().map(|absent| (unit.clone(), absent)));
        if !verdict.unchecked.is_empty() {
            for validate::Unchecked { type_key, count, reason } in verdict.unchecked {
                *self.unchecked.entry((type_key, reason)).or_default() += count;
            }
            let unchecked = self.unchecked.iter();
            let unchecked = unchecked.map(|((type_key, reason), count)| Unchecked {
                kind: type_key.to_string(),
                reason: reason.clone(),
                count: *count,
            });
            self.objects.unchecked = unchecked.collect();
        }
        self.findings.extend(verdict.findings.into_iter().map(|finding| of(unit, finding)));
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
