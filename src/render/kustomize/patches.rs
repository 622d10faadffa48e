//! Patches of a kustomization: strategic merges and JSON patches, and what each is applied to.
//!
//! Decided by `PatchTransformer`, `PatchStrategicMergeTransformer` and `PatchJson6902Transformer`.

use super::directives::Patch;
use super::documents;
use super::fields::Text;
use super::jsonpatch::JsonPatch;
use super::loader::Loader;
use super::merge::merge;
use super::node::Fault;
use super::resmap::{ResMap, each};
use super::resource::Resource;
use super::schema::Schema;
use super::selector::Selector;
use super::stop::{Built, Stop};
use crate::finding::Finding;
use crate::manifest::Origin;
use std::collections::BTreeSet;

/// A patch that has been read.
#[derive(Debug)]
pub(super) enum Loaded {
    /// An entry of `patches` with strategic merges.
    Merge { patches: Vec<Resource>, target: Option<Selector> },
    /// Strategic merges of `patchesStrategicMerge`.
    MergeByName(Vec<Resource>),
    /// An entry of `patches` with a JSON patch.
    Json { patch: JsonPatch, target: Option<Selector> },
    /// An entry of `patchesJson6902`.
    JsonByTarget { patch: JsonPatch, target: Selector },
}

/// Reads an entry of `patches`.
pub(super) fn load(patch: &Patch, loader: &Loader<'_>) -> Built<Loaded> {
    let origin = patch.origin.as_ref();
    let refuse = |message: &str| Err(Stop::refused(message, origin));
    let inline = patch.patch.text.trim();
    let target = compiled(patch)?;
    let (file, text, inline_origin) = match (inline.is_empty(), patch.path.is_empty()) {
        (true, true) => return refuse("an entry of `patches` needs `patch` or `path`"),
        (false, false) => return refuse("an entry of `patches` has both `patch` and `path`"),
        (false, true) => (String::new(), inline.to_owned(), patch.patch.origin.as_ref()),
        (true, false) => {
            let (path, bytes) = loader.load(&patch.path.text, patch.path.origin.as_ref())?;
            let text = String::from_utf8(bytes.to_vec());
            let text =
                text.map_err(|_| Stop::refused(format!("`{path}` is no UTF-8 text"), patch.path.origin.as_ref()))?;
            (path, text, None)
        }
    };
    let merges = match inline_origin {
        Some(origin) => documents::of_text(&text, Some(origin)),
        None if file.is_empty() => documents::of_text(&text, None),
        None => documents::of_file(&file, text.as_bytes()),
    };
    match merges {
        Ok(mut patches) => {
            for one in &mut patches {
                one.allow_name_change = patch.allow_name_change;
                one.allow_kind_change = patch.allow_kind_change;
            }
            Ok(Loaded::Merge { patches, target })
        }
        Err(findings) => match JsonPatch::parse(&file, &text, inline_origin) {
            Ok(patch) => Ok(Loaded::Json { patch, target }),
            Err(fault) => Err(neither(findings, fault, patch, &text)),
        },
    }
}

/// The text is neither: says what is wrong with what it was meant to be.
fn neither(findings: Vec<Finding>, fault: Fault, patch: &Patch, text: &str) -> Stop {
    let is_list = text.trim_start().starts_with(['-', '[']);
    let mut merge = findings.into_iter().next().filter(|_| !is_list);
    if let Some(finding) = &mut merge {
        finding.message = format!("a patch cannot be read: {}", finding.message);
        return Stop::because(finding.clone()).or_at("", patch.patch.origin.as_ref().or(patch.path.origin.as_ref()));
    }
    Stop::refused(fault, patch.patch.origin.as_ref().or(patch.path.origin.as_ref()).or(patch.origin.as_ref()))
}

fn compiled(patch: &Patch) -> Built<Option<Selector>> {
    let compile = |texts| Selector::new(texts).map_err(|fault| Stop::fault(fault, patch.origin.as_ref()));
    patch.target.as_ref().map(compile).transpose()
}

/// Reads `patchesStrategicMerge`: each entry is a document or a path.
pub(super) fn load_merges(entries: &[Text], loader: &Loader<'_>) -> Built<Loaded> {
    let mut patches = Vec::new();
    for entry in entries {
        match documents::of_text(&entry.text, entry.origin.as_ref()) {
            Ok(found) => patches.extend(found),
            Err(_) => patches.extend(loader.resources(&entry.text, entry.origin.as_ref())?.iter().cloned()),
        }
    }
    if patches.is_empty() {
        return Err(Stop::refused("the patches are empty", entries.first().and_then(|entry| entry.origin.as_ref())));
    }
    Ok(Loaded::MergeByName(patches))
}

/// Reads an entry of `patchesJson6902`.
pub(super) fn load_json(patch: &Patch, loader: &Loader<'_>) -> Built<Loaded> {
    let refuse = |message: &str| Err(Stop::refused(message, patch.origin.as_ref()));
    let Some(target) = compiled(patch)? else { return refuse("an entry of `patchesJson6902` needs `target`") };
    if patch.target.as_ref().is_none_or(|target| target.name.is_empty()) {
        return refuse("the `target` of an entry of `patchesJson6902` needs `name`");
    }
    let (file, text, inline) = match (patch.patch.is_empty(), patch.path.is_empty()) {
        (true, true) => return refuse("an entry of `patchesJson6902` needs `patch` or `path`"),
        (false, false) => return refuse("an entry of `patchesJson6902` has both `patch` and `path`"),
        (false, true) => (String::new(), patch.patch.text.clone(), patch.patch.origin.as_ref()),
        (true, false) => {
            let (path, bytes) = loader.load(&patch.path.text, patch.path.origin.as_ref())?;
            (path, String::from_utf8_lossy(&bytes).into_owned(), None)
        }
    };
    let fault = |fault| Stop::fault(fault, patch.patch.origin.as_ref().or(patch.path.origin.as_ref()));
    let loaded = JsonPatch::parse(&file, &text, inline).map_err(fault)?;
    if loaded.is_empty() {
        return refuse("the patch is empty");
    }
    Ok(Loaded::JsonByTarget { patch: loaded, target })
}

impl Loaded {
    /// How many patches and operations it holds.
    pub(super) fn directives(&self) -> usize {
        match self {
            Self::Merge { patches, target: Some(_) } => patches.len(),
            // What finds its target by name looks at that alone.
            Self::Merge { .. } | Self::MergeByName(_) => 1,
            Self::Json { patch, .. } | Self::JsonByTarget { patch, .. } => 1 + patch.len() / 4,
        }
    }

    /// Applies the patch to what it is for.
    ///
    /// # Errors
    /// When it finds no target, or cannot be applied.
    pub(super) fn apply(&self, map: &mut ResMap, schema: &Schema) -> Result<(), (Fault, Option<Origin>)> {
        let plain = |fault: Fault| (fault, None);
        match self {
            Self::Merge { patches, target: Some(target) } => match patches.as_slice() {
                [] => Ok(()),
                [patch] => merge_selected(map, &map.select(target, schema), patch, schema),
                _ => Err(plain("a patch of several documents cannot have a `target`".to_owned())),
            },
            Self::Merge { patches, target: None } => patches.iter().try_for_each(|patch| {
                let at = found(map, patch, schema)?;
                let resource = open(map, at, patch);
                merge_one(resource, patch, schema).map_err(|fault| told(&fault, patch, resource))
            }),
            Self::MergeByName(patches) => patches.iter().try_for_each(|patch| {
                let at = found(map, patch, schema)?;
                merge_selected(map, &[at], patch, schema)
            }),
            Self::Json { patch, target } => {
                if patch.is_empty() {
                    return Ok(());
                }
                let Some(target) = target else { return Err(plain("a JSON patch needs a `target`".to_owned())) };
                patch_selected(map, patch, target, true, schema)
            }
            Self::JsonByTarget { patch, target } => patch_selected(map, patch, target, false, schema),
        }
    }
}

/// The resource to patch; what is known of identities is kept unless the patch may change them.
fn open<'a>(map: &'a mut ResMap, at: usize, patch: &Resource) -> &'a mut Resource {
    &mut opened(map, patch)[at]
}

fn opened<'a>(map: &'a mut ResMap, patch: &Resource) -> &'a mut [Resource] {
    if patch.allow_name_change || patch.allow_kind_change { map.resources_mut() } else { map.contents_mut() }
}

/// The resource that a patch without a target is for.
fn found(map: &mut ResMap, patch: &Resource, schema: &Schema) -> Result<usize, (Fault, Option<Origin>)> {
    let only = map.only(&patch.original_id(schema), schema);
    only.map_err(|fault| (format!("a patch finds no target: {fault}"), patch.origin().cloned()))
}

fn told(fault: &str, patch: &Resource, target: &Resource) -> (Fault, Option<Origin>) {
    (format!("{fault}, when `{} {}` is patched", target.kind(), target.name()), patch.origin().cloned())
}

fn merge_selected(
    map: &mut ResMap,
    selected: &[usize],
    patch: &Resource,
    schema: &Schema,
) -> Result<(), (Fault, Option<Origin>)> {
    let mut copy = patch.clone();
    // kustomize copies the metadata of the patch into the patch, which makes strings of its labels and annotations.
    for field in ["labels", "annotations"] {
        copy.normalise_texts(field, &[]);
    }
    let one = |resource: &mut Resource| {
        let mut patch = copy.clone();
        let api_version = resource.api_version().to_owned();
        let set = patch.node.set_text(&["apiVersion"], &api_version, None);
        let merged = set.and_then(|()| merge_one(resource, &patch, schema));
        merged.map_err(|fault| told(&fault, &copy, resource))
    };
    match selected {
        [at] => one(open(map, *at, patch))?,
        _ => each(
            opened(map, patch),
            |at, resource| {
                if selected.binary_search(&at).is_ok() { one(resource) } else { Ok(()) }
            },
        )?,
    }
    map.drop_empty();
    let mut seen = BTreeSet::new();
    if copy.allow_name_change || copy.allow_kind_change {
        for resource in map.resources() {
            let id = resource.id(schema);
            if !seen.insert(id.key()) {
                return Err((format!("after the patch, `{}` is there twice", id.named()), patch.origin().cloned()));
            }
        }
    }
    Ok(())
}

/// Merges a patch into one resource, which keeps its name, kind and namespace unless the patch may change them.
fn merge_one(resource: &mut Resource, patch: &Resource, schema: &Schema) -> Result<(), Fault> {
    let keep = |path: &[&str]| resource.node.path(path).cloned();
    let (name, namespace, kind) = (keep(&["metadata", "name"]), resource.namespace().to_owned(), keep(&["kind"]));
    let namespace_node = keep(&["metadata", "namespace"]);
    if patch.allow_name_change || patch.allow_kind_change {
        resource.store_previous(schema);
    }
    let sees_notes = patch
        .node
        .path(&["metadata", "annotations"])
        .is_some_and(|node| node.is_null() || node.get("$patch").is_some())
        || patch.node.get("metadata").is_some_and(|node| node.is_null() || node.get("$patch").is_some());
    if sees_notes {
        resource.expose()?;
    }
    let Some(merged) = merge(&resource.node, &patch.node, schema)? else {
        resource.node = super::node::Node::map(Vec::new(), None);
        return Ok(());
    };
    resource.node = merged;
    if sees_notes {
        resource.absorb(false);
    }
    if resource.node.is_empty() {
        return Ok(());
    }
    let origin = |node: &Option<super::node::Node>| node.as_ref().and_then(|node| node.origin.clone());
    if !patch.allow_kind_change {
        let text = kind.as_ref().map_or("", super::node::Node::text).to_owned();
        resource.node.set_text(&["kind"], &text, origin(&kind).as_ref())?;
    }
    if !patch.allow_name_change {
        let text = name.as_ref().map_or("", super::node::Node::text).to_owned();
        resource.set_name(&text, origin(&name).as_ref())?;
    }
    if resource.namespace() != namespace || namespace_node.is_some() {
        resource.set_namespace(&namespace)?;
        if let (Some(place), Some(old)) = (resource.node.get_mut("metadata"), namespace_node)
            && let Some(place) = place.get_mut("namespace")
        {
            place.origin = old.origin;
        }
    }
    resource.settle();
    Ok(())
}

fn patch_selected(
    map: &mut ResMap,
    patch: &JsonPatch,
    target: &Selector,
    store: bool,
    schema: &Schema,
) -> Result<(), (Fault, Option<Origin>)> {
    let selected = map.select(target, schema);
    if selected.is_empty() {
        return Ok(());
    }
    each(map.resources_mut(), |at, resource| {
        if selected.binary_search(&at).is_err() {
            return Ok(());
        }
        let named = resource.id(schema).named();
        if store {
            resource.store_previous(schema);
        }
        let patched = resource.expose().and_then(|()| patch.apply(&mut resource.node));
        patched.map_err(|fault| (format!("{fault} (in `{named}`)"), None))?;
        resource.absorb(true);
        resource.normalise_texts("annotations", &[]);
        Ok(())
    })
}
