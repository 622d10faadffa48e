//! The same verdict without a change: every unit of one tree, rendered and judged.
//!
//! What no definition can change is judged as soon as its unit is rendered, and dropped: memory does not grow with the
//! repository. Only units with a definition or with a kind that is not bundled wait until all definitions are known.

use super::absent;
use super::annotated::Annotated;
use super::judge::{self, Judge, Judged, Strictness, knowledge};
use super::kinds;
use super::schemas::Schemas;
use super::silence::{Comments, Voices, silence};
use crate::commit::CommitId;
use crate::config::Config;
use crate::diff::Redactor;
use crate::download::Download;
use crate::failure::Result;
use crate::finding::Finding;
use crate::git::tree::Tree;
use crate::manifest::Object;
use crate::render::{self, RenderOptions, Rendered};
use crate::report::{FailOn, Links, Report, merge_findings};
use crate::schema::Catalog;
use crate::secret::Secret;
use crate::unit::Unit;
use crate::validate::{self, Options};
use std::collections::BTreeMap;

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
    /// Values that must not show, from elsewhere than the files: the secret variables of a CI.
    pub secrets: Vec<Secret>,
}

/// Renders and judges units. The report's `elapsed` is left to the caller.
///
/// # Errors
/// As for [`super::review`].
pub fn validate(input: ValidateInput<'_>) -> Result<Report> {
    let (catalogs, versions) = judge::catalogs(input.kubernetes.as_deref(), input.config)?;
    let folders: Vec<&str> = input.definitions.iter().map(String::as_str).collect();
    let knowledge = knowledge(input.tree, &folders)?;
    let options = Options { whole: input.whole, ..input.strictness.options(input.config) };
    let mut rendering = input.render.clone();
    if let Some(config) = input.config {
        rendering.ignore.extend(config.model().render.ignore.iter().cloned());
        rendering.budget = config.model().validate.budgets.budget();
    }
    let config = input.config;
    let (skip, reject) = (&input.skip, &input.reject);
    let looked = render::render_each(input.tree, &input.units, &rendering, |unit, rendered| {
        let mut redactor = super::redactor(config, &[]);
        redactor.learn(&rendered.objects);
        let looked = Looked::at(unit, &rendered, skip, reject, options.whole);
        let catalog = catalogs.of(&unit.environment);
        (looked, redactor, State::of(rendered, catalog, &options))
    })?;
    let mut redactor = super::redactor(config, &input.secrets);
    knowledge.teach(&mut redactor);
    let mut all = Looked::default();
    let mut states = Vec::with_capacity(looked.len());
    for (one, learned, state) in looked {
        redactor.absorb(learned);
        all.add(one);
        states.push(state);
    }

    let waiting: Vec<(&Unit, &[Object])> =
        input.units.iter().zip(&states).filter_map(|(unit, state)| Some((unit, state.waiting()?))).collect();
    let mut judge = Judge::new(catalogs, &knowledge, &waiting);
    let (schemas, mut about_schemas) = Schemas::of(&input.strictness.schemas, input.config, input.tree, input.download);
    about_schemas.extend(schemas.teach(&mut judge, &options)?);
    let alone: Vec<(&Unit, &[Object], &[Object])> =
        waiting.iter().map(|(unit, objects)| (*unit, *objects, &[][..])).collect();
    let mut verdicts = judge.verdicts(&alone, &options).into_iter();
    let mut judged = Judged::default();
    for (unit, state) in input.units.iter().zip(states) {
        match state {
            State::Judged(count, verdict) => judged.add(unit, count, *verdict),
            State::Waiting(objects) => {
                judged.findings.extend(judge.problems_of(unit));
                judged.add(unit, objects.len(), verdicts.next().unwrap_or_default());
            }
        }
    }
    let findings = versions.into_iter().chain(about_schemas).collect();
    report(input, findings, all, judged, &judge, &redactor, Comments::default())
}

/// What is known of units by looking at what they rendered.
#[derive(Default)]
pub(super) struct Looked {
    /// What the render said.
    pub(super) findings: Vec<Finding>,
    /// Objects of kinds that are rejected.
    pub(super) rejected: Vec<Finding>,
    /// How many objects of kinds are not to be judged, by type.
    pub(super) skipped: BTreeMap<String, usize>,
    /// What objects say of themselves.
    pub(super) annotated: Annotated,
    /// Kind and name of each object, where it is asked.
    pub(super) made: Vec<(Box<str>, Box<str>)>,
}

impl Looked {
    pub(super) fn at(unit: &Unit, rendered: &Rendered, skip: &[String], reject: &[String], whole: bool) -> Self {
        let objects = &rendered.objects;
        let mut annotated = Annotated::default();
        // There is no change here, and so nothing is new.
        annotated.read(&unit.environment, objects, objects);
        let made = objects.iter().filter(|_| whole).filter_map(absent::made);
        Self {
            findings: rendered.findings.clone(),
            rejected: kinds::rejected(unit, objects, reject),
            skipped: kinds::count(objects, skip),
            annotated,
            made: made.map(|(kind, name)| (kind.into(), name.into())).collect(),
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.findings.extend(other.findings);
        self.rejected.extend(other.rejected);
        for (kind, count) in other.skipped {
            *self.skipped.entry(kind).or_default() += count;
        }
        self.annotated.add(other.annotated);
        self.made.extend(other.made);
    }
}

/// How far the judgement of a unit is.
enum State {
    /// So many objects were judged.
    Judged(usize, Box<validate::Verdict>),
    /// These wait for all definitions.
    Waiting(Vec<Object>),
}

impl State {
    fn of(rendered: Rendered, catalog: &Catalog, options: &Options) -> Self {
        let Rendered { objects, .. } = rendered;
        if judge::waits(&objects, catalog) {
            return Self::Waiting(objects);
        }
        Self::Judged(objects.len(), Box::new(validate::validate(&objects, catalog, options)))
    }

    fn waiting(&self) -> Option<&[Object]> {
        match self {
            Self::Judged(..) => None,
            Self::Waiting(objects) => Some(objects),
        }
    }
}

/// The report on what was judged; `findings` come before the others.
pub(super) fn report(
    input: ValidateInput<'_>,
    findings: Vec<Finding>,
    looked: Looked,
    mut judged: Judged,
    judge: &Judge,
    redactor: &Redactor,
    comments: Comments,
) -> Result<Report> {
    kinds::skip(&mut judged, looked.skipped, &input.skip);
    let folders: Vec<&str> = input.definitions.iter().map(String::as_str).collect();
    let made = looked.made.iter().map(|(kind, name)| (&**kind, &**name));
    let absent = absent::findings(judged.absent, input.tree, &folders, made)?;

    let mut environments: Vec<String> = Vec::new();
    match input.config {
        Some(config) => environments.extend(config.environments().map(|(name, _)| name.to_owned())),
        None => environments.push(render::discover::ENVIRONMENT.to_owned()),
    }
    let findings = findings.into_iter().chain(input.findings);
    let findings = findings.chain(input.config.map(Config::unsupported).unwrap_or_default());
    let findings = findings.chain(looked.findings).chain(looked.rejected).chain(judged.findings).chain(absent);
    let findings = findings.map(|finding| redactor.finding(finding)).collect();
    let mut report = Report::new("validate");
    let merged = merge_findings(findings, &environments);
    let annotated = &looked.annotated;
    let voices = Voices { tree: Some(input.tree), base: None, policy: input.config, annotated, redactor };
    let heard = silence(merged, comments, &voices)?;
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
