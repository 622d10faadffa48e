//! The steps of a build: each a transformer that was configured, with the place that configured it.

use super::directives::{Image, Replica};
use super::fields::{Pair, Text};
use super::fieldspec::FieldSpec;
use super::filters::{self, ImageFilter, Namespace};
use super::generate::hash;
use super::metadata::Configured;
use super::meter::Meter;
use super::node::Fault;
use super::patches::Loaded;
use super::replacement::Replacement;
use super::resmap::ResMap;
use super::schema::Schema;
use super::stop::{Built, Stop};
use super::valueadd::ValueAdd;
use crate::manifest::Origin;

/// What a step does.
#[derive(Debug)]
pub(super) enum Action {
    Patch(Loaded),
    Namespace(Box<Namespace>),
    Affix {
        affix: Text,
        is_prefix: bool,
        specs: Vec<FieldSpec>,
    },
    Texts {
        pairs: Vec<Pair>,
        specs: Vec<FieldSpec>,
    },
    Replicas {
        replica: Replica,
        specs: Vec<FieldSpec>,
    },
    Image {
        image: Box<Image>,
        specs: Vec<FieldSpec>,
    },
    Replacements(Vec<Replacement>),
    ValueAdd(ValueAdd),
    Hash,
    /// Several that count as one.
    All(Vec<Action>),
}

/// A configured transformer.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) action: Action,
    pub(super) origin: Option<Origin>,
    pub(super) configured: Option<Configured>,
}

/// Counts what steps will cost, before the first is done.
///
/// # Errors
/// When it is too much.
pub(super) fn count(steps: &[Step], map: &ResMap, meter: &Meter) -> Built<()> {
    let weight = map.resources().len() + map.size() / 16;
    let cost = |step: &Step| step.action.directives().saturating_mul(weight);
    steps.iter().try_for_each(|step| meter.look(cost(step), step.origin.as_ref()))
}

impl Step {
    /// Does it.
    pub(super) fn run(&self, map: &mut ResMap, schema: &Schema) -> Built<()> {
        self.action.run(map, schema, self.origin.as_ref())?;
        if let Some(configured) = &self.configured {
            configured.transformed(map).map_err(|fault| Stop::fault(fault, self.origin.as_ref()))?;
        }
        map.drop_empty();
        Ok(())
    }
}

impl Action {
    /// How many directives it holds, each of which looks at all resources.
    fn directives(&self) -> usize {
        match self {
            Self::Patch(patch) => patch.directives(),
            Self::Namespace(namespace) => 1 + namespace.specs.len() / 8,
            Self::Affix { specs, .. } | Self::Replicas { specs, .. } | Self::Image { specs, .. } => 1 + specs.len() / 8,
            Self::Texts { pairs, specs } => pairs.len().saturating_mul(1 + specs.len() / 32),
            Self::Replacements(all) => all.iter().map(Replacement::directives).sum(),
            Self::ValueAdd(value) => value.directives(),
            Self::Hash => 1,
            Self::All(actions) => actions.iter().map(Self::directives).sum(),
        }
    }

    fn run(&self, map: &mut ResMap, schema: &Schema, origin: Option<&Origin>) -> Built<()> {
        let at = |done: Result<(), Fault>| done.map_err(|fault| Stop::fault(fault, origin));
        match self {
            Self::Patch(patch) => patch.apply(map, schema).map_err(|(fault, place)| {
                let mut stop = Stop::fault(fault, origin.or(place.as_ref()));
                if let (Stop::Refused(findings), Some(_), Some(place)) = (&mut stop, origin, place) {
                    for finding in findings {
                        finding.related.push((place.place_without_excerpt(), "the patch".to_owned()));
                    }
                }
                stop
            }),
            Self::Namespace(namespace) => at(namespace.apply(map, schema)),
            Self::Affix { affix, is_prefix, specs } => at(filters::rename(map, affix, *is_prefix, specs, schema)),
            Self::Texts { pairs, specs } => at(filters::set_texts(map, pairs, specs)),
            Self::Replicas { replica, specs } => at(filters::replicas(map, replica, specs)),
            Self::Image { image, specs } => at(ImageFilter::new(image).and_then(|filter| filter.apply(map, specs))),
            Self::Replacements(replacements) => replacements.iter().try_for_each(|one| one.apply(map)),
            Self::ValueAdd(value) => at(value.apply(map, schema)),
            Self::Hash => at(add_hashes(map, schema)),
            Self::All(actions) => actions.iter().try_for_each(|action| action.run(map, schema, origin)),
        }
    }
}

/// Puts hashes behind the names of generated resources.
pub(super) fn add_hashes(map: &mut ResMap, schema: &Schema) -> Result<(), Fault> {
    if !map.resources().iter().any(|resource| resource.needs_hash) {
        return Ok(());
    }
    for resource in map.resources_mut().iter_mut().filter(|resource| resource.needs_hash) {
        let hash = hash(resource)?;
        resource.store_previous(schema);
        let name = format!("{}-{hash}", resource.name());
        let origin = resource.origin().cloned();
        resource.set_name(&name, origin.as_ref())?;
    }
    Ok(())
}
