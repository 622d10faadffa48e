//! The use case: what a change does to each environment.
//!
//! Two trees in, one [`Report`] out: units of both sides, the render of those that a change can reach, the verdict on the
//! head, the difference between the two. Reads nothing but the trees and decides nothing but this; writing it to a pull
//! request is [`publish()`]. Refuses to take "not rendered" for "deleted": such a unit's diff is withheld and the review
//! fails. Decided by DESIGN §4 "Reviewing", "Trusting" and "Judging".

mod absent;
mod annotated;
mod compare;
mod judge;
mod kinds;
mod lines;
mod publish;
mod remarks;
mod rendered;
mod schemas;
mod silence;
mod stream;
mod survey;
#[cfg(test)]
mod tests;
mod validate;

pub use compare::{CompareInput, Given, compare};
pub use publish::{CONTEXT, TOPIC, publish};
pub use rendered::{RenderedInput, review_rendered};
pub use stream::validate_stream;
pub use validate::{ValidateInput, validate};

use crate::commit::CommitId;
use crate::config::Config;
use crate::diff::risk::{self, Thresholds};
use crate::diff::{Redactor, diff};
use crate::download::Download;
use crate::failure::{Failure, Result};
use crate::finding::{Finding, Place};
use crate::git::tree::Tree;
use crate::manifest::Object;
use crate::render::{self, Allowed, RenderOptions, Rendered};
use crate::report::{FailOn, Links, Report, merge_findings};
use crate::secret::Secret;
use crate::unit::Unit;
use annotated::Annotated;
pub use judge::Strictness;
use judge::{Judge, knowledge};
use rayon::prelude::*;
use schemas::Schemas;
use silence::{Comments, Voices, silence};
use std::collections::BTreeMap;
use survey::{Reach, Survey, survey};

/// One side of a comparison.
#[derive(Clone)]
pub struct Side<'a> {
    /// Its files.
    pub tree: &'a dyn Tree,
    /// The commit that they are of; `None` for a working tree.
    pub commit: Option<CommitId>,
}

/// By which configuration a change is reviewed (DESIGN §4, Trusting).
#[derive(Debug, Clone)]
pub enum Configuration {
    /// The one at the tip of the target branch: it decides on everything.
    Trusted(Box<Config>),
    /// The change's own, because the target branch has none: it says where units are, and nothing else.
    FromHead(Box<Config>),
    /// There is none anywhere: units are discovered.
    None,
}

impl Configuration {
    /// The configuration at the tip of the target branch; where it has none, the head's for its sources alone.
    ///
    /// # Errors
    /// When the one to go by is broken, with the place.
    pub fn of(target: &dyn Tree, head: &dyn Tree) -> Result<Self> {
        if let Some(config) = Config::load(target)?.usable()? {
            return Ok(Self::Trusted(Box::new(config)));
        }
        let own = Config::load(head)?.usable()?;
        Ok(own.map_or(Self::None, |config| Self::FromHead(Box::new(config))))
    }

    /// What says where units are.
    fn sources(&self) -> Option<&Config> {
        match self {
            Self::Trusted(config) | Self::FromHead(config) => Some(config),
            Self::None => None,
        }
    }

    /// What says how strict to be.
    fn policy(&self) -> Option<&Config> {
        if let Self::Trusted(config) = self { Some(config) } else { None }
    }

    /// The environments that were asked for, or all of them, in the order of the configuration.
    fn environments(&self, wanted: &[String]) -> Result<Vec<String>> {
        let known: Vec<String> = match self.sources() {
            Some(config) => config.environments().map(|(name, _)| name.to_owned()).collect(),
            None => vec![render::discover::ENVIRONMENT.to_owned()],
        };
        if let Some(unknown) = wanted.iter().find(|name| !known.contains(name)) {
            let failure = Failure::usage(format!("there is no environment `{unknown}`"));
            return Err(match self.sources() {
                Some(_) => failure.hint(format!("the configuration has `{}`", known.join("`, `"))),
                None => failure.hint("environments are named in `mergeline.yaml`, and there is none"),
            });
        }
        Ok(known.into_iter().filter(|name| wanted.is_empty() || wanted.contains(name)).collect())
    }
}

/// What to review.
pub struct Input<'a> {
    /// What the change starts from: the merge-base. Without one, everything is new.
    pub base: Option<Side<'a>>,
    /// What the change comes to.
    pub head: Side<'a>,
    /// By which configuration.
    pub configuration: Configuration,
    /// Look at these environments only; empty for all.
    pub environments: Vec<String>,
    /// How to render. Lines of the configuration's `render.ignore` are added to it.
    pub render: RenderOptions,
    /// The Kubernetes version that a person asked for, over what is configured.
    pub kubernetes: Option<String>,
    /// How strict a person asked to be.
    pub strictness: Strictness,
    /// The threshold that a person asked for, over what is configured.
    pub fail_on: Option<FailOn>,
    /// Where the host shows files and commits.
    pub links: Links,
    /// What gets the schemas that the trusted configuration or a person names by address.
    pub download: &'a dyn Download,
    /// Values that must not show, from elsewhere than the trees: the secret variables of a CI.
    pub secrets: Vec<Secret>,
}

/// Reviews a change. The report's `elapsed` is left to the caller, who has the clock.
///
/// # Errors
/// When a tree cannot be read, a program cannot be run, or an environment or Kubernetes version is asked for that is not
/// there. What is wrong with the change is in the report.
pub fn review(input: &Input<'_>) -> Result<Report> {
    let environments = input.configuration.environments(&input.environments)?;
    let mut options = input.render.clone();
    if let Some(config) = input.configuration.sources() {
        options.ignore.extend(config.model().render.ignore.iter().cloned());
    }
    let policy = input.configuration.policy();
    let (catalogs, mut findings) = judge::catalogs(input.kubernetes.as_deref(), policy)?;
    if let Some(config) = policy {
        let kustomize = &config.model().render.kustomize;
        options.budget = config.model().validate.budgets.budget();
        options.allowed = Allowed { remote: kustomize.allow_remote, plugins: kustomize.allow_plugins };
    }
    findings.extend(about_configuration(input)?);

    let knowledge = knowledge(input.head.tree, &[""])?;
    let survey = survey(input, &environments, &options, &knowledge.definition_files())?;
    let Survey { reaches, unchanged, findings: surveyed } = survey;
    findings.extend(surveyed);

    let sides = reaches.par_iter().map(|reach| render_both(input, reach, &options)).collect::<Result<Vec<_>>>()?;
    let mut redactor = redactor(policy, &input.secrets);
    knowledge.teach(&mut redactor);
    for rendered in sides.iter().flat_map(|(base, head)| base.iter().chain(head)) {
        redactor.learn(&rendered.objects);
    }

    let heads = reaches
        .iter()
        .zip(&sides)
        .filter_map(|(reach, (base, head))| Some((reach, reach.head.as_ref()?, base, head.as_ref()?)));
    let heads: Vec<(&Reach, &Unit, &Option<Rendered>, &Rendered)> = heads.collect();
    let all: Vec<(&Unit, &[Object])> =
        heads.iter().map(|(_, unit, _, head)| (*unit, head.objects.as_slice())).collect();
    let mut judge = Judge::new(catalogs, &knowledge, &all);
    let options = input.strictness.options(policy);
    let (schemas, wrong) = Schemas::of(&input.strictness.schemas, policy, input.head.tree, input.download);
    findings.extend(wrong);
    findings.extend(schemas.teach(&mut judge, &options)?);
    let judged = heads.iter().filter(|(reach, ..)| reach.is_judged());
    for (.., head) in judged.clone() {
        findings.extend(head.findings.iter().cloned());
    }
    let judged = judged.map(|(_, unit, base, head)| {
        let before = base.as_ref().map_or(&[][..], |base| base.objects.as_slice());
        (*unit, head.objects.as_slice(), before)
    });
    let judged = judge.judge(&judged.collect::<Vec<_>>(), &options);
    findings.extend(judged.findings);
    let made = all.iter().flat_map(|(_, objects)| *objects).filter_map(absent::made);
    findings.extend(absent::findings(judged.absent, input.head.tree, &[""], made)?);

    let mut report = Report::new("review");
    let changes = reaches.par_iter().zip(&sides).filter(|(reach, _)| reach.is_compared());
    let compared = changes.map(|(reach, (base, head))| {
        let unit = reach.unit();
        let whole = |side: &Option<Rendered>| side.as_ref().is_none_or(|rendered| rendered.complete);
        if !(whole(base) && whole(head)) {
            return Err(unit);
        }
        let [base, head] =
            [base, head].map(|side| side.as_ref().map_or(&[][..], |rendered| rendered.objects.as_slice()));
        let catalog = judge.catalog(&unit.environment);
        let risks = risk::of_unit(unit, base, head);
        Ok((diff(unit, base, head, Some(catalog), &redactor), risks))
    });
    for outcome in compared.collect::<Vec<_>>() {
        match outcome {
            Ok((changes, risks)) => {
                report.changes.extend(changes);
                findings.extend(risks);
            }
            Err(unit) => report.withheld.push(unit.clone()),
        }
    }
    let mut annotated = Annotated::default();
    let mut before: BTreeMap<String, usize> = BTreeMap::new();
    for (reach, (base, head)) in reaches.iter().zip(&sides) {
        let [base, head] =
            [base, head].map(|side| side.as_ref().map_or(&[][..], |rendered| rendered.objects.as_slice()));
        if reach.is_compared() {
            *before.entry(reach.unit().environment.clone()).or_default() += base.len();
        }
        annotated.read(&reach.unit().environment, base, head);
    }
    findings.extend(risk::of_set(&report.changes, &before, &thresholds(policy)));
    for (reach, (base, head)) in reaches.iter().zip(&sides) {
        let base = base.as_ref().filter(|base| !base.complete);
        let head_is_whole = head.as_ref().is_none_or(|head| head.complete);
        if let (Some(base), true) = (base, head_is_whole) {
            if let Some(side) = &input.base {
                redactor.hide_sources(&base.findings, |path| side.tree.read(path))?;
            }
            findings.push(not_rendered_at_base(reach.unit(), base));
        }
    }

    let findings = findings.into_iter().map(|finding| redactor.finding(finding)).collect();
    let voices = Voices {
        tree: Some(input.head.tree),
        base: input.base.as_ref().map(|side| side.tree),
        policy,
        annotated: &annotated,
        redactor: &redactor,
    };
    let heard = silence(merge_findings(findings, &environments), Comments::default(), &voices)?;
    let base = input.base.as_ref().map(|base| base.tree);
    let (lines, remarks) = lines::on_lines(&heard.findings, base, input.head.tree)?;
    report.lines = Some(lines);
    // What a change's own configuration says of it counts once it is merged.
    let wanted = policy.is_none_or(|config| config.model().review.line_comments != Some(false));
    report.remarks = Some(if wanted { remarks } else { Vec::new() });
    report.findings = heard.findings;
    report.silenced = heard.silenced;
    report.objects = judged.objects;
    report.unchanged = unchanged;
    report.kubernetes = Some(judge.versions(&environments));
    report.environments = environments;
    report.head = input.head.commit.clone();
    report.base = input.base.as_ref().and_then(|base| base.commit.clone());
    report.links = input.links.clone();
    report.comment_template = policy.and_then(Config::comment_template).cloned();
    if let (Some(config), Some(template)) = (policy, &report.comment_template)
        && let Err(error) = crate::report::markdown::template::check(template)
    {
        let path = config.model().review.template.clone().unwrap_or_default();
        let place = Place { line: error.line(), ..Place::file(path) };
        let finding = Finding::warning("comment-template", format!("the template of the comment is wrong: {error}"));
        report.findings.push(finding.at(place).hint("the comment has its default shape meanwhile"));
    }
    let configured = policy.map(threshold).unwrap_or_default();
    Ok(report.judged(input.fail_on.unwrap_or(configured)))
}

/// Teaches what must not show: the Secrets in the manifests below `folders` (the empty path is the whole tree).
///
/// # Errors
/// When the tree cannot be read.
pub fn teach(tree: &dyn Tree, folders: &[&str], redactor: &mut Redactor) -> Result<()> {
    knowledge(tree, folders)?.teach(redactor);
    Ok(())
}

/// What masks: it knows the configured paths, and values from elsewhere.
fn redactor(policy: Option<&Config>, secrets: &[Secret]) -> Redactor {
    let mut redactor = Redactor::with_paths(policy.map(Config::secret_paths).unwrap_or_default());
    secrets.iter().for_each(|secret| redactor.learn_secret(secret));
    redactor
}

fn render_both(
    input: &Input<'_>,
    reach: &Reach,
    options: &RenderOptions,
) -> Result<(Option<Rendered>, Option<Rendered>)> {
    let base = match (&input.base, &reach.base) {
        (Some(side), Some(unit)) if reach.is_compared() => Some(render::render(side.tree, unit, options)?),
        _ => None,
    };
    let head = reach.head.as_ref().map(|unit| render::render(input.head.tree, unit, options)).transpose()?;
    Ok((base, head))
}

/// What the review says about the configuration itself.
fn about_configuration(input: &Input<'_>) -> Result<Vec<Finding>> {
    let here = || Place::file(crate::config::PATH);
    let mut findings = Vec::new();
    match &input.configuration {
        Configuration::None => {}
        Configuration::FromHead(config) => {
            findings.push(
                Finding::info("configuration-from-head", "the target branch has no `mergeline.yaml`: this review takes from the change's own where units are, and nothing else")
                    .at(here())
                    .hint("its policy counts once it is merged"),
            );
            findings.extend(config.unsupported());
        }
        Configuration::Trusted(config) => {
            findings.extend(config.unsupported());
            let head = input.head.tree.read(crate::config::PATH)?;
            let base = input.base.as_ref().map(|base| base.tree.read(crate::config::PATH)).transpose()?;
            if base.is_some_and(|base| base != head) {
                let said = "`mergeline.yaml` changes: this review goes by the target branch's";
                findings.push(
                    Finding::info("configuration-change", said).at(here()).hint("the new one counts once it is merged"),
                );
                if let crate::config::Loaded::Broken(broken) = Config::load(input.head.tree)? {
                    findings.extend(broken);
                }
            }
        }
    }
    Ok(findings)
}

/// Why the diff of a unit is withheld that renders at the head.
fn not_rendered_at_base(unit: &Unit, base: &Rendered) -> Finding {
    let first = base.findings.iter().max_by_key(|finding| finding.severity);
    let why = first.map_or_else(|| "it is not complete".to_owned(), |finding| finding.message.clone());
    let message = format!("the diff of `{}` is withheld: it does not render before the change: {why}", unit.name);
    let path = first.and_then(|finding| finding.place.as_ref()).map_or(unit.path.as_str(), |place| place.path.as_str());
    let mut finding = Finding::error("base-not-rendered", message).at(Place::file(path));
    finding.unit = Some(unit.name.clone());
    finding.environments = vec![unit.environment.clone()];
    finding
}

/// From how much on a change reaches far.
fn thresholds(policy: Option<&Config>) -> Thresholds {
    let default = Thresholds::default();
    let Some(config) = policy else { return default };
    let set = config.model().review.thresholds;
    let or = |set: Option<u32>, default: usize| set.map_or(default, |set| set as usize);
    Thresholds {
        units: or(set.units, default.units),
        objects: or(set.objects, default.objects),
        deletions: or(set.deletions, default.deletions),
        deleted_percent: or(set.deleted_percent, default.deleted_percent),
    }
}

/// The configured threshold.
fn threshold(config: &Config) -> FailOn {
    match config.model().review.fail_on {
        crate::config::FailOn::Error => FailOn::Error,
        crate::config::FailOn::Warning => FailOn::Warning,
        crate::config::FailOn::Never => FailOn::Never,
    }
}
