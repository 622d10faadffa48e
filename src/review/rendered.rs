//! The review of a promotion: both sides are branches of rendered objects, so nothing is rendered again.

use super::Side;
use super::annotated::Annotated;
use super::judge::{self, Judge, Knowledge, Strictness};
use super::schemas::Schemas;
use super::silence::{Comments, Voices, silence};
use super::survey::same;
use crate::diff::diff;
use crate::diff::risk;
use crate::download::Download;
use crate::failure::Result;
use crate::finding::{Finding, Place};
use crate::git::tree::Tree;
use crate::manifest::Object;
use crate::render::layout::{self, LaidOut};
use crate::report::{FailOn, Links, Report, merge_findings};
use crate::secret::Secret;
use crate::unit::Unit;
use crate::validate::Options;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// What to review.
pub struct RenderedInput<'a> {
    /// The environment.
    pub environment: String,
    /// The environment branch as it is; without one, everything is new.
    pub base: Option<Side<'a>>,
    /// As it will be.
    pub head: Side<'a>,
    /// The trusted configuration, if there is one: its threshold and Kubernetes version count.
    pub config: Option<&'a crate::config::Config>,
    /// The tree that the configuration is from, the default branch's: definitions and schemas that lie there count.
    pub policy: Option<&'a dyn Tree>,
    /// The Kubernetes version that a person asked for.
    pub kubernetes: Option<String>,
    /// The threshold that a person asked for.
    pub fail_on: Option<FailOn>,
    /// Where the host shows files and commits.
    pub links: Links,
    /// What gets the schemas that the trusted configuration names by address.
    pub download: &'a dyn Download,
    /// Values that must not show, from elsewhere than the trees: the secret variables of a CI.
    pub secrets: Vec<Secret>,
}

/// Reviews a promotion, unit by unit. Places are those of the environment branch.
///
/// # Errors
/// As for [`super::review`].
pub fn review_rendered(input: &RenderedInput<'_>) -> Result<Report> {
    let (catalogs, mut findings) = judge::catalogs(input.kubernetes.as_deref(), input.config)?;
    let head = layout::read(input.head.tree)?;
    let base = input.base.as_ref().map(|side| layout::read(side.tree)).transpose()?.unwrap_or_default();
    let mut redactor = super::redactor(input.config, &input.secrets);
    [&head, &base].into_iter().flat_map(|side| &side.units).for_each(|unit| redactor.learn(&unit.objects));

    let unit = |name: &str| Unit {
        environment: input.environment.clone(),
        name: name.to_owned(),
        path: layout::unit_folder(name),
    };
    let heads: Vec<(Unit, &[Object])> = head.units.iter().map(|it| (unit(&it.name), it.objects.as_slice())).collect();
    let heads: Vec<(&Unit, &[Object])> = heads.iter().map(|(unit, objects)| (unit, *objects)).collect();
    let knowledge = input.policy.map_or_else(|| Ok(Knowledge::default()), |tree| judge::knowledge(tree, &[""]))?;
    redactor.learn(&knowledge.secrets);
    let mut judge = Judge::new(catalogs, &knowledge, &heads);
    let options = Strictness::default().options(input.config);
    // The paths of the configuration are those of the default branch.
    let (schemas, _) = Schemas::of(&[], input.config, input.policy.unwrap_or(input.head.tree), input.download);
    let schemas = if input.policy.is_some() { schemas } else { schemas.remote_only() };
    findings.extend(schemas.teach(&mut judge, &options)?);
    let before = |unit: &Unit| {
        let of_base = base.units.iter().find(|it| it.name == unit.name);
        of_base.map_or(&[][..], |it| it.objects.as_slice())
    };
    let compared: Vec<(&Unit, &[Object], &[Object])> =
        heads.iter().map(|(unit, objects)| (*unit, *objects, before(unit))).collect();
    // What units ask of each other was judged in the sources, with all that the repository knows.
    let judged = judge.judge(&compared, &Options { whole: false, ..options });
    findings.extend(head.findings.iter().map(|finding| in_environment(&input.environment, finding.clone())));
    findings.extend(judged.findings);

    let names: BTreeSet<&str> =
        [&head, &base].into_iter().flat_map(|side| &side.units).map(|it| it.name.as_str()).collect();
    let mut report = Report::new("review");
    let readable = head.findings.is_empty() && base.findings.is_empty();
    if readable {
        fn objects<'s>(side: &'s LaidOut, name: &str) -> &'s [Object] {
            side.units.iter().find(|unit| unit.name == name).map_or(&[][..], |unit| unit.objects.as_slice())
        }
        let compared = names.par_iter().map(|name| {
            let unit = unit(name);
            if let Some(base) = &input.base
                && same(base.tree, input.head.tree, &unit.path)?
            {
                return Ok(None);
            }
            let catalog = judge.catalog(&input.environment);
            let (base, head) = (objects(&base, name), objects(&head, name));
            let risks = risk::of_unit(&unit, base, head);
            Ok(Some((diff(&unit, base, head, Some(catalog), &redactor), risks)))
        });
        for changes in compared.collect::<Result<Vec<_>>>()? {
            match changes {
                Some((changes, risks)) => {
                    report.changes.extend(changes);
                    findings.extend(risks);
                }
                None => report.unchanged += 1,
            }
        }
        let there: usize = base.units.iter().map(|unit| unit.objects.len()).sum();
        let there = BTreeMap::from([(input.environment.clone(), there)]);
        findings.extend(risk::of_set(&report.changes, &there, &super::thresholds(input.config)));
    } else {
        report.withheld = names.iter().map(|name| unit(name)).collect();
        if let Some(first) = base.findings.first() {
            let message = format!("the diff is withheld: the environment branch cannot be read: {}", first.message);
            let place = first.place.as_ref().map(|place| Place::file(&place.path));
            let finding = Finding::error("base-not-rendered", message).at(place);
            findings.push(in_environment(&input.environment, finding));
        }
    }
    let environments = vec![input.environment.clone()];
    let findings = findings.into_iter().map(|finding| redactor.finding(finding)).collect();
    let mut annotated = Annotated::default();
    for name in &names {
        let of = |side: &LaidOut| side.units.iter().find(|unit| unit.name == *name).map(|unit| unit.objects.clone());
        annotated.read(&input.environment, &of(&base).unwrap_or_default(), &of(&head).unwrap_or_default());
    }
    let voices = Voices { tree: None, base: None, policy: input.config, annotated: &annotated, redactor: &redactor };
    let heard = silence(merge_findings(findings, &environments), Comments::default(), &voices)?;
    report.findings = heard.findings;
    report.silenced = heard.silenced;
    report.objects = judged.objects;
    report.kubernetes = Some(judge.versions(&environments));
    report.environments = environments;
    report.head = input.head.commit.clone();
    report.base = input.base.as_ref().and_then(|base| base.commit.clone());
    report.links = input.links.clone();
    let configured = input.config.map(super::threshold).unwrap_or_default();
    Ok(report.judged(input.fail_on.unwrap_or(configured)))
}

fn in_environment(environment: &str, mut finding: Finding) -> Finding {
    if finding.environments.is_empty() {
        finding.environments.push(environment.to_owned());
    }
    finding
}
