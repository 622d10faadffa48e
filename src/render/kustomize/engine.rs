//! The build of one kustomization, from a tree to objects that know where they came from.
//!
//! Equal to kustomize 5.8.1. Decided by `api/krusty/kustomizer.go`.

use super::charts::Charts;
use super::fields::Pair;
use super::fieldspec::FieldSpec;
use super::filters::set_texts;
use super::ids::Gvk;
use super::loader::{Cache, Loader};
use super::metadata;
use super::meter::{Meter, OUTPUT};
use super::node::Node;
use super::resmap::{ResMap, each};
use super::resource::Resource;
use super::steps::add_hashes;
use super::stop::{Built, Stop};
use super::target::{Accumulated, Build, Target, set_schema};
use super::{namerefs, output, plugins, sort, vars};
use crate::failure::Result;
use crate::finding::{Finding, Place};
use crate::git::tree::Tree;
use crate::manifest::{Origin, Value};
use rayon::prelude::*;

/// What a kustomization builds to.
#[derive(Debug, Default)]
pub struct Product {
    /// The objects in kustomize's order, which may lack an `apiVersion`; none when something is wrong.
    pub values: Vec<Value>,
    /// kustomize builds it.
    pub built: bool,
    /// Why there are no objects, or what is worth saying about the kustomizations although they are built.
    pub findings: Vec<Finding>,
}

/// Builds the kustomization in `directory`. With `unrestricted`, files outside of a kustomization's own folder may be read,
/// as with `--load-restrictor LoadRestrictionsNone`.
///
/// # Errors
/// When the tree cannot be read. What is wrong with the source is a finding.
pub fn build(tree: &dyn Tree, directory: &str, cache: &Cache, unrestricted: bool) -> Result<Product> {
    build_with(tree, directory, cache, unrestricted, None)
}

/// [`build`] with what renders the charts of the tree.
///
/// # Errors
/// As for [`build`], and when charts cannot be rendered on this machine.
pub fn build_with(
    tree: &dyn Tree,
    directory: &str,
    cache: &Cache,
    unrestricted: bool,
    charts: Option<&dyn Charts>,
) -> Result<Product> {
    let meter = Meter::default();
    let loader =
        Loader { tree, cache, charts, meter: &meter, unrestricted, root: directory.to_owned(), above: Vec::new() };
    match run(loader) {
        Ok((values, findings)) => Ok(Product { values, findings, built: true }),
        Err(Stop::Refused(findings)) => {
            let place = || Place::file(crate::render::path::join(directory, "kustomization.yaml"));
            let placed = findings.into_iter().map(|mut finding| {
                finding.place.get_or_insert_with(place);
                finding
            });
            Ok(Product { values: Vec::new(), findings: placed.collect(), built: false })
        }
        Err(Stop::Failed(failure)) => Err(failure),
    }
}

fn run(loader: Loader<'_>) -> Built<(Vec<Value>, Vec<Finding>)> {
    let mut build = Build::default();
    let directives = loader.directives(None)?;
    set_schema(&mut build.schema, &directives, &loader)?;
    let asked = |option: &str| directives.build_metadata.iter().any(|text| text.text == option);
    let origin = (!directives.build_metadata.is_empty()).then(String::new);
    let target = Target { loader, directives: std::sync::Arc::clone(&directives), origin };
    let file = directives.file.as_str();
    let built = target.accumulate(Accumulated::default(), &mut build).map_err(|stop| stop.or_at(file, None));
    let Accumulated { mut map, config, vars, mut notes } = built?;
    let schema = &build.schema;
    let here = |fault| Stop::because(Finding::error("kustomize", fault).at(Place::file(file)));
    add_hashes(&mut map, schema).map_err(here)?;
    namerefs::fix(&mut map, &config, schema).map_err(|(fault, place)| Stop::fault(fault, place.as_ref()))?;
    vars::resolve(&mut map, &vars, &config)?;
    drop_local(&mut map)?;
    let mut map = sort::sort(map, directives.sort.as_ref(), schema)?;
    if asked("managedByLabel") {
        manage(&mut map).map_err(here)?;
    }
    let (keep_origins, keep_transformations) = (asked("originAnnotations"), asked("transformerAnnotations"));
    let _: std::result::Result<(), ()> = each(map.resources_mut(), |_, resource| {
        resource.remove_build_annotations(keep_origins && keep_transformations);
        if !keep_origins {
            resource.normalise_texts("annotations", &[metadata::ORIGIN]);
        }
        if !keep_transformations {
            resource.normalise_texts("annotations", &[metadata::TRANSFORMATIONS]);
        }
        Ok(())
    });
    let mut told = std::collections::HashSet::new();
    notes.retain(|note| told.insert((note.message.clone(), note.place.clone())));
    Ok((values(&map)?, notes))
}

/// Takes out what is for local use only.
fn drop_local(map: &mut ResMap) -> Built<()> {
    for resource in map.resources() {
        if resource.kind().is_empty() || (resource.name().is_empty() && !resource.kind().ends_with("List")) {
            return Err(Stop::refused("a resource has lost its kind or name", resource.origin()));
        }
    }
    map.retain(|resource| {
        resource.annotation("config.kubernetes.io/local-config").is_none_or(|value| value == "false")
    });
    Ok(())
}

fn manage(map: &mut ResMap) -> std::result::Result<(), super::node::Fault> {
    let pair: Pair = plugins::pair(metadata::MANAGED_BY.0, metadata::MANAGED_BY.1);
    set_texts(map, &[pair], &[FieldSpec::new(Gvk::default(), "metadata/labels", true)])
}

fn values(map: &ResMap) -> Built<Vec<Value>> {
    let mut budget = OUTPUT;
    for resource in map.resources() {
        let Some(left) = budget.checked_sub(resource.node.size()) else {
            let message = format!("one build gives more than {OUTPUT} fields");
            return Err(Stop::refused(message, resource.origin()).hint("build fewer resources at once"));
        };
        budget = left;
    }
    let value = |resource: &Resource| {
        let named = || format!("{} {}", resource.kind(), resource.name());
        let stop = |fault: String| {
            let place = resource.origin().map(Origin::place_without_excerpt);
            Stop::because(Finding::error("kustomize", format!("{fault} (in `{}`)", named())).at(place))
        };
        output::value(&resource.node).map_err(stop)
    };
    let values: Vec<Built<Value>> = map.resources().par_iter().with_min_len(16).map(value).collect();
    values.into_iter().collect()
}

/// All resources as text, to see whether anything has changed.
pub(super) fn printed(map: &ResMap) -> Built<Vec<String>> {
    let text = |node: &Node| {
        let mut text = String::new();
        super::gojson::value(node, &mut text).map(|()| text)
    };
    map.resources()
        .iter()
        .map(|resource| text(&resource.node).map_err(|fault| Stop::fault(fault, resource.origin())))
        .collect()
}
