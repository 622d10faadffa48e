//! The same verdict without a change: every unit of one tree, rendered and judged.

use super::absent;
use super::judge::{self, Judge, Strictness, knowledge};
use super::kinds;
use super::schemas::Schemas;
use super::silence::silence;
use crate::commit::CommitId;
use crate::config::Config;
use crate::diff::Redactor;
use crate::download::Download;
use crate::failure::Result;
use crate::finding::Finding;
use crate::git::tree::Tree;
use crate::manifest::Object;
use crate::render::{self, RenderOptions};
use crate::report::{FailOn, Links, Report, merge_findings};
use crate::unit::Unit;
use crate::validate::Options;

/// What to validate.
pub struct ValidateInput<'a> {
    /// The files.
    pub tree: &'a dyn Tree,
    /// The commit that they are of; `None` for files on disk.
    pub commit: Option<CommitId>,
    /// The units, and what was wrong with finding them.
    pub units: Vec<Unit>,
    /// Findings that were made before: they are reported with the others.
    pub findings: Vec<Finding>,
    /// The folders that definitions of kinds are looked for in; the empty path is the whole tree.
    pub definitions: Vec<String>,
    /// The configuration, if there is one; it is trusted.
    pub config: Option<&'a Config>,
    /// How to render.
    pub render: RenderOptions,
    /// The Kubernetes version that a person asked for.
    pub kubernetes: Option<String>,
    /// Units are all that there is: what their objects refer to is looked for.
    pub whole: bool,
    /// How strict a person asked to be.
    pub strictness: Strictness,
    /// Kinds that are not judged: `Kind` or `group/version/Kind`.
    pub skip: Vec<String>,
    /// Kinds of which every object is an error.
    pub reject: Vec<String>,
    /// The threshold that a person asked for.
    pub fail_on: Option<FailOn>,
    /// Where the host shows files and commits.
    pub links: Links,
    /// What gets the schemas that the configuration or a person names by address.
    pub download: &'a dyn Download,
}

/// Renders and judges units. The report's `elapsed` is left to the caller.
///
/// # Errors
/// As for [`super::review`].
pub fn validate(input: ValidateInput<'_>) -> Result<Report> {
    let (catalogs, version_findings) = judge::catalogs(input.kubernetes.as_deref(), input.config)?;
    let mut options = input.render;
    if let Some(config) = input.config {
        options.ignore.extend(config.model().render.ignore.iter().cloned());
    }
    let folders: Vec<&str> = input.definitions.iter().map(String::as_str).collect();
    let knowledge = knowledge(input.tree, &folders)?;
    let rendered = render::render_all(input.tree, &input.units, &options)?;
    let mut redactor = Redactor::new();
    redactor.learn(&knowledge.secrets);
    rendered.iter().for_each(|rendered| redactor.learn(&rendered.objects));

    let units: Vec<(&Unit, &[Object])> =
        input.units.iter().zip(&rendered).map(|(unit, rendered)| (unit, rendered.objects.as_slice())).collect();
    let mut judge = Judge::new(catalogs, &knowledge, &units);
    let options = Options { whole: input.whole, ..input.strictness.options(input.config) };
    let (schemas, mut about_schemas) = Schemas::of(&input.strictness.schemas, input.config, input.tree, input.download);
    about_schemas.extend(schemas.teach(&mut judge, &options)?);
    let alone: Vec<(&Unit, &[Object], &[Object])> =
        units.iter().map(|(unit, objects)| (*unit, *objects, &[][..])).collect();
    let mut judged = judge.judge(&alone, &options);
    kinds::skip(&mut judged, &units, &input.skip);
    let rejected = kinds::rejected(&units, &input.reject);
    let absent = absent::findings(judged.absent, input.tree, &folders, &units)?;

    let mut environments: Vec<String> = Vec::new();
    match input.config {
        Some(config) => environments.extend(config.environments().map(|(name, _)| name.to_owned())),
        None => environments.push(render::discover::ENVIRONMENT.to_owned()),
    }
    let findings = version_findings.into_iter().chain(about_schemas).chain(input.findings);
    let findings = findings.chain(input.config.map(Config::unsupported).unwrap_or_default());
    let findings = findings
        .chain(rendered.into_iter().flat_map(|rendered| rendered.findings))
        .chain(rejected)
        .chain(judged.findings)
        .chain(absent);
    let findings = findings.map(|finding| redactor.finding(finding)).collect();
    let mut report = Report::new("validate");
    let heard = silence(merge_findings(findings, &environments), Some(input.tree), input.config, &redactor)?;
    report.findings = heard.findings;
    report.silenced = heard.silenced;
    report.objects = judged.objects;
    report.kubernetes = Some(judge.versions(&environments));
    report.environments = environments;
    report.head = input.commit;
    report.links = input.links;
    let configured = input.config.map(super::threshold).unwrap_or_default();
    Ok(report.judged(input.fail_on.unwrap_or(configured)))
}
