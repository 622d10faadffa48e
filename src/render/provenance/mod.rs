//! Provenance of what an external kustomize printed: which file and, where it can be told, which line each field came from.
//!
//! kustomize itself says which file each object came from (`config.kubernetes.io/origin`). The object is then found again in
//! that file, and its origins go to every field that is still there. Fields that differ are looked for in patches,
//! kustomizations and plugins' configuration: the same key with the same value, or the directive that sets it (`images`,
//! `replicas`, `namePrefix`, …). A field that is found nowhere has no origin of its own and so that of its nearest ancestor.

mod generated;
mod inline;
mod layers;
mod overlay;

use super::kustomize::{Closure, Kustomization};
use super::{path, plain};
use crate::manifest::yaml::{self, Budget, Dialect};
use crate::manifest::{Data, Object, Origin, Source, Value};
use layers::Layers;
use std::collections::BTreeMap;

const ANNOTATION: &str = "config.kubernetes.io/origin";

/// Says whether a kustomization asks for the annotation itself, which must then stay.
pub(super) fn asks_for_origins(root: &Kustomization) -> bool {
    let metadata = root.value.get("buildMetadata").and_then(Value::as_list).unwrap_or_default();
    metadata.iter().any(|option| option.as_str() == Some("originAnnotations"))
}

/// What kustomize says about one object.
#[derive(Debug, Default)]
struct Said {
    /// The file that the object was read from.
    path: Option<String>,
    /// The kustomization that generated it.
    configured_in: Option<String>,
}

/// Puts origins on rendered `objects`, whose present ones lead into the output. The annotation is taken off again unless the
/// kustomization `asked` for it.
pub(super) fn attach(objects: &mut [Object], closure: &Closure, root: &Kustomization, asked: bool) {
    let layers = Layers::of(closure);
    let mut sources: BTreeMap<String, Vec<Object>> = BTreeMap::new();
    let mut taken: BTreeMap<(String, String), usize> = BTreeMap::new();
    for object in objects {
        let said = said(object, &root.directory);
        if !asked {
            take_off(object);
        }
        forget(object.value_mut());
        let source = said.path.as_ref().and_then(|file| {
            let known = sources.entry(file.clone()).or_insert_with(|| read(file, closure));
            let nth = taken.entry((file.clone(), object.kind().to_owned())).or_default();
            let found = overlay::source_of(object, known, *nth);
            *nth += 1;
            found
        });
        if let Some(source) = source {
            overlay::copy_origins(object.value_mut(), source.value());
        } else if let Some(file) = &said.configured_in {
            generated::attach(object, file, closure);
        }
        layers.fill(object);
        if object.value().origin.is_none() {
            let file = said.path.or(said.configured_in).unwrap_or_else(|| root.file.clone());
            object.value_mut().origin = beginning(&file, closure);
        }
    }
}

/// The first byte of a file of the build.
fn beginning(file: &str, closure: &Closure) -> Option<Origin> {
    let bytes = closure.files.get(file)?;
    Some(Origin::new(Source::new(file, String::from_utf8_lossy(bytes)), 0, 0))
}

fn read(file: &str, closure: &Closure) -> Vec<Object> {
    let bytes = closure.files.get(file).map(Vec::as_slice).unwrap_or_default();
    let reading = yaml::read_bytes(file, bytes, Dialect::Kustomize, &Budget::default());
    plain::FileContent::of(reading.documents, &Budget::default()).objects
}

fn said(object: &Object, root: &str) -> Said {
    let Some(text) = object.annotation(ANNOTATION) else { return Said::default() };
    let reading = yaml::read(&Source::new(ANNOTATION, text), Dialect::Kubectl, &Budget::default());
    let Some(document) = reading.documents.first() else { return Said::default() };
    let file = |key: &str| document.get(key).and_then(Value::as_str).and_then(|relative| path::resolve(root, relative));
    Said { path: file("path"), configured_in: file("configuredIn") }
}

fn take_off(object: &mut Object) {
    let Some(metadata) = object.value_mut().get_mut("metadata") else { return };
    let Some(annotations) = metadata.get_mut("annotations") else { return };
    let removed = annotations.remove(ANNOTATION).is_some();
    if removed && annotations.as_map().is_some_and(crate::manifest::Map::is_empty) {
        metadata.remove("annotations");
    }
}

/// Takes all origins off: they lead into the output, which nobody can open.
fn forget(value: &mut Value) {
    super::kustomize::place_all(value, None);
}

/// Says whether two values are scalars of equal data.
fn same_scalar(one: &Value, other: &Value) -> bool {
    !matches!(one.data, Data::List(_) | Data::Map(_)) && one == other
}
