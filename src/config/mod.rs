//! The configuration: `mergeline.yaml` at the root of the repository.
//!
//! Owns the model with its defaults and its JSON Schema, the checks that look at the whole file, the way from source
//! patterns to units, and the order of environments. Pure over [`Tree`]; refuses unknown keys, and what is not there yet
//! is named by [`Config::unsupported`], so that nothing a person configured is silently without effect.
//! Decided by DESIGN §3.

mod check;
mod form;
mod graph;
mod model;
mod pattern;
mod schema;
mod units;
mod unsupported;

pub use form::{Duration, InputOrder, KubernetesVersion, OneOrMany};
pub use model::{
    Cluster, Environment, FailOn, Gates, Kubeconfig, Kustomize, Land, Model, Render, Review, RuleLevel, RuleSetting,
    Secrets, Thresholds, Unknown, Validate, Windows,
};
pub use schema::json_schema;

use crate::failure::{self, Failure};
use crate::finding::{Finding, Place};
use crate::git::tree::Tree;
use crate::manifest::yaml::{self, Budget, Dialect};
use crate::manifest::{Value, decode};
use crate::secret::SecretPath;
use std::sync::Arc;

/// Where the configuration is, relative to the root of the repository.
pub const PATH: &str = "mergeline.yaml";

/// The configuration of one commit, checked as a whole.
#[derive(Debug, Clone)]
pub struct Config {
    model: Model,
    document: Arc<Value>,
    template: Option<Arc<str>>,
}

/// What a tree says about its configuration.
#[derive(Debug)]
pub enum Loaded {
    /// There is no `mergeline.yaml`.
    Absent,
    /// It is there and sound.
    Config(Box<Config>),
    /// It is there and cannot be used; at least one finding is an error.
    Broken(Vec<Finding>),
}

impl Loaded {
    /// The configuration, if there is one; a broken one stops whoever goes by it.
    ///
    /// # Errors
    /// Usage, with the place and the words of the first error, and the others as hints.
    pub fn usable(self) -> failure::Result<Option<Config>> {
        let findings = match self {
            Self::Absent => return Ok(None),
            Self::Config(config) => return Ok(Some(*config)),
            Self::Broken(findings) => findings,
        };
        let told = |finding: &Finding| match &finding.place {
            Some(place) => format!("{place}: {}", finding.message),
            None => format!("{PATH}: {}", finding.message),
        };
        let mut findings = findings.iter();
        let Some(first) = findings.next() else {
            return Err(Failure::bug(format!("`{PATH}` is broken without a word")));
        };
        let mut failure = Failure::usage(told(first));
        failure = first.hint.iter().fold(failure, Failure::hint);
        Err(findings.fold(failure, |failure, finding| failure.hint(format!("also {}", told(finding)))))
    }
}

impl Config {
    /// Reads `mergeline.yaml` of `tree` and checks it as a whole.
    ///
    /// # Errors
    /// When the tree cannot be read. What is wrong with the file itself is [`Loaded::Broken`].
    pub fn load(tree: &dyn Tree) -> failure::Result<Loaded> {
        let Some(bytes) = tree.read(PATH)? else {
            return Ok(match tree.kind("mergeline.yml")? {
                None => Loaded::Absent,
                Some(_) => Loaded::Broken(vec![
                    Finding::error("configuration", format!("the configuration must be called `{PATH}`"))
                        .at(Place::file("mergeline.yml"))
                        .hint(format!("rename `mergeline.yml` to `{PATH}`")),
                ]),
            });
        };
        let mut config = match Self::parse(&bytes) {
            Ok(config) => config,
            Err(findings) => return Ok(Loaded::Broken(findings)),
        };
        if let Some(path) = &config.model.review.template {
            let text = tree.read(path)?.and_then(|bytes| String::from_utf8(bytes).ok());
            let Some(text) = text else {
                let message = format!("the template of the comment, `{path}`, is no text file of this commit");
                let finding = Finding::error("configuration", message).at(config.place("/review/template"));
                return Ok(Loaded::Broken(vec![finding]));
            };
            config.template = Some(text.into());
        }
        Ok(Loaded::Config(Box::new(config)))
    }

    /// The text of the template that the review comment is written by, if one is named.
    #[must_use]
    pub fn comment_template(&self) -> Option<&Arc<str>> {
        self.template.as_ref()
    }

    /// Reads the bytes of a `mergeline.yaml` and checks it as a whole.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place.
    pub fn parse(bytes: &[u8]) -> Result<Self, Vec<Finding>> {
        let reading = yaml::read_bytes(PATH, bytes, Dialect::Kubectl, &Budget::default());
        if !reading.findings.is_empty() {
            return Err(reading.findings);
        }
        let mut documents = reading.documents.into_iter();
        let wrong = |message: &str| Finding::error("configuration", message).at(Place::file(PATH));
        let Some(document) = documents.next() else {
            return Err(vec![wrong("the configuration is empty").hint("write at least `version: 1`")]);
        };
        if let Some(second) = documents.next() {
            let place = second.origin.as_ref().map_or_else(|| Place::file(PATH), crate::manifest::Origin::place);
            return Err(vec![wrong("the configuration is one document; this is a second one").at(place)]);
        }
        let model: Model = decode(&document).map_err(|error| vec![error.finding("configuration")])?;
        let config = Self { model, document: Arc::new(document), template: None };
        let findings = check::check(&config);
        if findings.is_empty() { Ok(config) } else { Err(findings) }
    }

    /// Everything that is written, with defaults.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// An environment by name.
    #[must_use]
    pub fn environment(&self, name: &str) -> Option<&Environment> {
        self.model.environments.0.get(name)
    }

    /// The environments in the order in which they are written.
    pub fn environments(&self) -> impl Iterator<Item = (&str, &Environment)> {
        self.model.environments.0.iter().map(|(name, environment)| (name.as_str(), environment))
    }

    /// The variables that environments' kubeconfigs are in, each once, in the order of environments.
    #[must_use]
    pub fn kubeconfig_variables(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (_, environment) in self.environments() {
            if let Some(model::Kubeconfig::Variable(name)) =
                environment.cluster.as_ref().map(|cluster| &cluster.kubeconfig)
                && !names.contains(name)
            {
                names.push(name.clone());
            }
        }
        names
    }

    /// The environment that a branch belongs to.
    #[must_use]
    pub fn environment_of_branch(&self, branch: &str) -> Option<&str> {
        self.environments().find(|(_, environment)| environment.branch.as_deref() == Some(branch)).map(|(name, _)| name)
    }

    /// Where secret values stand, besides where everybody knows them to stand.
    #[must_use]
    pub fn secret_paths(&self) -> Vec<SecretPath> {
        self.model.review.secret_paths.iter().filter_map(|text| SecretPath::parse(text)).collect()
    }

    /// The place of the value at a JSON pointer into the file, or of its nearest ancestor.
    #[must_use]
    pub fn place(&self, pointer: &str) -> Place {
        self.document.origin_at(pointer).map_or_else(|| Place::file(PATH), crate::manifest::Origin::place)
    }

    /// The place of the key that a JSON pointer into the file ends in.
    #[must_use]
    pub fn key_place(&self, pointer: &str) -> Place {
        self.document.key_origin_at(pointer).map_or_else(|| Place::file(PATH), crate::manifest::Origin::place)
    }
}

#[cfg(test)]
mod tests;
