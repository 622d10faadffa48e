//! Which units there are on each side, and which of them a change can reach.

use super::{Input, Side};
use crate::failure::Result;
use crate::finding::Finding;
use crate::git::tree::Tree;
use crate::render::{self, Inputs, RenderOptions};
use crate::unit::Unit;
use rayon::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// A unit on both sides, or on one.
#[derive(Debug, Clone)]
pub(super) struct Reach {
    /// As it is before the change; `None` when it is new.
    pub(super) base: Option<Unit>,
    /// As it is after the change; `None` when it goes.
    pub(super) head: Option<Unit>,
    why: Why,
}

/// Why a unit is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// Something that its render reads is another.
    Changed,
    /// Nothing that it reads is, but definitions of its environment are: its verdict may be another.
    Judged,
    /// It defines kinds of its environment, and others must be judged by them.
    Asked,
}

impl Reach {
    /// The unit by its name of after the change, where it is still there.
    pub(super) fn unit(&self) -> &Unit {
        self.head.as_ref().or(self.base.as_ref()).expect("because a unit is on one side at least")
    }

    /// Says whether its two renders are compared.
    pub(super) fn is_compared(&self) -> bool {
        self.why == Why::Changed
    }

    /// Says whether its objects are judged.
    pub(super) fn is_judged(&self) -> bool {
        self.why != Why::Asked
    }
}

/// What there is to look at.
pub(super) struct Survey {
    /// By environment in configuration order, then by name.
    pub(super) reaches: Vec<Reach>,
    /// How many units the change cannot reach.
    pub(super) unchanged: usize,
    /// What is wrong with finding the units.
    pub(super) findings: Vec<Finding>,
}

/// Says whether two trees hold the same at a path.
///
/// Names of objects decide where both trees have them; else bytes do.
pub(super) fn same(base: &dyn Tree, head: &dyn Tree, path: &str) -> Result<bool> {
    use crate::git::tree::EntryKind;
    let kind = base.kind(path)?;
    if kind != head.kind(path)? {
        return Ok(false);
    }
    match kind {
        None => return Ok(true),
        Some(_) => {
            if let (Some(base), Some(head)) = (base.identity(path)?, head.identity(path)?) {
                return Ok(base == head);
            }
        }
    }
    if kind != Some(EntryKind::Directory) {
        return Ok(base.read(path)? == head.read(path)?);
    }
    let entries = base.walk(path)?;
    if entries != head.walk(path)? {
        return Ok(false);
    }
    for entry in entries {
        if base.read(&entry.path)? != head.read(&entry.path)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Finds the units of both sides. `definitions` are the files of the head that define kinds.
pub(super) fn survey(
    input: &Input<'_>,
    environments: &[String],
    options: &RenderOptions,
    definitions: &BTreeSet<String>,
) -> Result<Survey> {
    let known = |unit: &Unit| environments.contains(&unit.environment);
    let (head, head_findings) = units(input, &input.head, options)?;
    let (base, base_findings) = match &input.base {
        Some(side) => units(input, side, options)?,
        None => Default::default(),
    };
    let findings = new_findings(input, head_findings, &base_findings)?;

    let mut pairs: BTreeMap<(usize, String), (Option<Unit>, Option<Unit>)> = BTreeMap::new();
    let key = |unit: &Unit| {
        let rank = environments.iter().position(|name| *name == unit.environment).unwrap_or(usize::MAX);
        (rank, unit.name.clone())
    };
    for unit in base.into_iter().filter(known) {
        let key = key(&unit);
        pairs.entry(key).or_default().0 = Some(unit);
    }
    for unit in head.into_iter().filter(known) {
        let key = key(&unit);
        pairs.entry(key).or_default().1 = Some(unit);
    }

    let mut definitions = definitions.clone();
    if let Some(side) = &input.base {
        definitions.extend(gone_definitions(side.tree, input.head.tree)?);
    }
    let pairs: Vec<(Option<Unit>, Option<Unit>)> = pairs.into_values().collect();
    if let Some(side) = &input.base
        && same_root(side.tree, input.head.tree)?
    {
        return Ok(Survey { reaches: Vec::new(), unchanged: pairs.len(), findings });
    }
    let looked = pairs.into_par_iter().map(|(base, head)| look(input, base, head, &definitions));
    let looked: Vec<Looked> = looked.collect::<Result<_>>()?;

    // A definition that changes may change the verdict on every object of its environment.
    let redefined: BTreeSet<String> = looked
        .iter()
        .filter(|it| it.changed && it.defines)
        .filter_map(|it| it.base.as_ref().or(it.head.as_ref()))
        .map(|unit| unit.environment.clone())
        .collect();
    let touched: BTreeSet<String> = looked
        .iter()
        .filter(|it| it.changed)
        .filter_map(|it| it.head.as_ref())
        .map(|unit| unit.environment.clone())
        .collect();
    let (mut reaches, mut unchanged) = (Vec::new(), 0);
    for Looked { base, head, changed, defines } in looked {
        let environment = head.as_ref().or(base.as_ref()).map(|unit| unit.environment.clone()).unwrap_or_default();
        unchanged += usize::from(!changed);
        let why = match changed {
            true => Why::Changed,
            false if redefined.contains(&environment) => Why::Judged,
            false if defines && touched.contains(&environment) => Why::Asked,
            false => continue,
        };
        reaches.push(Reach { base, head, why });
    }
    Ok(Survey { reaches, unchanged, findings })
}

struct Looked {
    base: Option<Unit>,
    head: Option<Unit>,
    changed: bool,
    /// Its render reads a file with definitions, on either side.
    defines: bool,
}

fn look(input: &Input<'_>, base: Option<Unit>, head: Option<Unit>, definitions: &BTreeSet<String>) -> Result<Looked> {
    let inputs =
        |side: &Side<'_>, unit: &Option<Unit>| unit.as_ref().map(|unit| render::inputs(side.tree, unit)).transpose();
    let after = inputs(&input.head, &head)?;
    // Where both sides agree on all that one reads, files that are missing included, the other reads nothing else.
    let changed = match (&input.base, &base, &head, &after) {
        (Some(side), Some(before), Some(unit), Some(after)) if before.path == unit.path => {
            !unchanged(side.tree, input.head.tree, after)?
        }
        _ => true,
    };
    let before = match &input.base {
        Some(side) if changed => inputs(side, &base)?,
        _ => None,
    };
    let reads = |path: &String| [&after, &before].into_iter().flatten().any(|inputs| inputs.read(path));
    let defines = definitions.iter().any(reads);
    Ok(Looked { base, head, changed, defines })
}

fn unchanged(base: &dyn Tree, head: &dyn Tree, inputs: &Inputs) -> Result<bool> {
    for path in inputs.folders.iter().chain(&inputs.files) {
        if !same(base, head, path)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn units(input: &Input<'_>, side: &Side<'_>, options: &RenderOptions) -> Result<(Vec<Unit>, Vec<Finding>)> {
    match input.configuration.sources() {
        Some(config) => config.units(side.tree),
        None => render::discover(side.tree, options).map(|found| (found.units, found.findings)),
    }
}

/// Findings of finding the units, without those that the change has nothing to do with: the same was said before, and
/// what it is about is the same.
fn new_findings(input: &Input<'_>, findings: Vec<Finding>, before: &[Finding]) -> Result<Vec<Finding>> {
    let Some(base) = &input.base else { return Ok(findings) };
    let mut kept = Vec::new();
    for finding in findings {
        let path = finding.place.as_ref().map(|place| place.path.as_str()).unwrap_or_default();
        // A chart is all that is in its folder.
        let about = match path.rsplit_once('/') {
            Some((folder, "Chart.yaml")) => folder,
            _ => path,
        };
        if !before.contains(&finding) || !same(base.tree, input.head.tree, about)? {
            kept.push(finding);
        }
    }
    Ok(kept)
}

/// Files that define kinds and that the change removes.
fn gone_definitions(base: &dyn Tree, head: &dyn Tree) -> Result<BTreeSet<String>> {
    let there: BTreeSet<String> = head.walk("")?.into_iter().map(|entry| entry.path).collect();
    let gone: Vec<String> =
        base.walk("")?.into_iter().map(|entry| entry.path).filter(|path| !there.contains(path)).collect();
    let gone: Vec<&str> = gone.iter().map(String::as_str).collect();
    Ok(super::judge::knowledge(base, &gone)?.definition_files())
}

fn same_root(base: &dyn Tree, head: &dyn Tree) -> Result<bool> {
    Ok(matches!((base.identity("")?, head.identity("")?), (Some(base), Some(head)) if base == head))
}
