//! What kustomizations put over their resources: patches, fields of kustomizations, plugins' configuration.

use super::inline;
use super::same_scalar;
use crate::manifest::yaml::{self, Budget, Dialect};
use crate::manifest::{Data, Object, Origin, Value};
use crate::render::kustomize::Closure;
use std::collections::HashMap;

/// One place that may have set a field.
struct Candidate {
    /// The keys on the way to it, without list indices, the field's own key last.
    way: Vec<String>,
    value: Value,
    key: Option<Origin>,
    /// The kind that a strategic merge patch is for; `None` for what may reach any object.
    kind: Option<String>,
}

/// Every place that may have set a field, by the field's key; the root's come first.
#[derive(Default)]
pub(super) struct Layers {
    by_key: HashMap<String, Vec<Candidate>>,
    images: Vec<Value>,
    replicas: Vec<Value>,
    affixes: Vec<Value>,
}

impl Layers {
    /// Reads the layers of a build.
    pub(super) fn of(closure: &Closure) -> Self {
        let mut layers = Self::default();
        for kustomization in &closure.kustomizations {
            let value = &kustomization.value;
            layers.fields(value, &mut Vec::new(), None);
            let list = |key: &str| value.get(key).and_then(Value::as_list).unwrap_or_default().iter().cloned();
            layers.images.extend(list("images"));
            layers.replicas.extend(list("replicas"));
            layers.affixes.extend(["namePrefix", "nameSuffix"].iter().filter_map(|key| value.get(key).cloned()));
            let patches = ["patches", "patchesJson6902"]
                .into_iter()
                .flat_map(list)
                .filter_map(|patch| patch.get("patch").cloned());
            for text in patches.chain(list("patchesStrategicMerge")) {
                inline::documents(&text).iter().for_each(|patch| layers.patch(patch));
            }
            for text in ["transformers", "generators"].into_iter().flat_map(list) {
                inline::documents(&text).iter().for_each(|plugin| layers.fields(plugin, &mut Vec::new(), None));
            }
        }
        let read = |file: &String| {
            let bytes = closure.files.get(file).map(Vec::as_slice).unwrap_or_default();
            yaml::read_bytes(file, bytes, Dialect::Kustomize, &Budget::default()).documents
        };
        closure.patches.iter().flat_map(read).for_each(|patch| layers.patch(&patch));
        closure.plugins.iter().flat_map(read).for_each(|plugin| layers.fields(&plugin, &mut Vec::new(), None));
        layers
    }

    /// A strategic merge patch, or a list of JSON 6902 operations.
    fn patch(&mut self, patch: &Value) {
        let Some(operations) = patch.as_list() else {
            let kind = patch.get("kind").and_then(Value::as_str);
            return self.fields(patch, &mut Vec::new(), kind);
        };
        for operation in operations {
            let (Some(pointer), Some(value)) = (operation.get("path"), operation.get("value")) else { continue };
            let tokens = pointer.as_str().unwrap_or_default().split('/').skip(1);
            let tokens = tokens.map(|token| token.replace("~1", "/").replace("~0", "~"));
            let mut way: Vec<String> = tokens.filter(|token| token != "-" && token.parse::<usize>().is_err()).collect();
            let Some(key) = way.last().cloned() else { continue };
            let candidate =
                Candidate { way: way.clone(), value: value.clone(), key: pointer.origin.clone(), kind: None };
            self.by_key.entry(key).or_default().push(candidate);
            self.fields(value, &mut way, None);
        }
    }

    /// Every field below `value`, which stands at `way`.
    fn fields(&mut self, value: &Value, way: &mut Vec<String>, kind: Option<&str>) {
        match &value.data {
            Data::Map(map) => {
                for (key, item) in map {
                    way.push(key.text.to_string());
                    let candidate = Candidate {
                        way: way.clone(),
                        value: item.clone(),
                        key: key.origin.clone(),
                        kind: kind.map(str::to_owned),
                    };
                    self.by_key.entry(key.text.to_string()).or_default().push(candidate);
                    self.fields(item, way, kind);
                    way.pop();
                }
            }
            Data::List(items) => {
                for item in items {
                    if let (Some(key), Data::String(_) | Data::Number(_) | Data::Bool(_)) = (way.last(), &item.data) {
                        let candidate = Candidate {
                            way: way.clone(),
                            value: item.clone(),
                            key: None,
                            kind: kind.map(str::to_owned),
                        };
                        self.by_key.entry(key.clone()).or_default().push(candidate);
                    }
                    self.fields(item, way, kind);
                }
            }
            _ => {}
        }
    }

    /// Gives every field of `object` that has no origin yet the place that set it.
    pub(super) fn fill(&self, object: &mut Object) {
        let kind = object.kind().to_owned();
        self.fill_value(object.value_mut(), &mut Vec::new(), &kind);
    }

    fn fill_value(&self, value: &mut Value, way: &mut Vec<String>, kind: &str) {
        match &mut value.data {
            Data::Map(map) => {
                let entries = std::mem::take(map);
                *map = entries
                    .into_iter()
                    .map(|(mut key, mut item)| {
                        way.push(key.text.to_string());
                        if key.origin.is_none() || item.origin.is_none() {
                            self.claim(&mut key.origin, &mut item, way, kind);
                        }
                        self.fill_value(&mut item, way, kind);
                        way.pop();
                        (key, item)
                    })
                    .collect();
            }
            Data::List(items) => {
                for item in items {
                    if item.origin.is_none() {
                        self.claim(&mut None, item, way, kind);
                    }
                    self.fill_value(item, way, kind);
                }
            }
            _ => {}
        }
    }

    fn claim(&self, key: &mut Option<Origin>, item: &mut Value, way: &[String], kind: &str) {
        let Some(name) = way.last() else { return };
        // What every patch repeats to say what it is for sets nothing.
        if matches!(way, [one] if one == "apiVersion" || one == "kind") {
            return;
        }
        let found = self.by_key.get(name).and_then(|candidates| best(candidates, item, way, kind));
        if let Some(candidate) = found {
            if key.is_none() {
                key.clone_from(&candidate.key);
            }
            if item.origin.is_none() {
                item.origin.clone_from(&candidate.value.origin);
            }
            return;
        }
        if item.origin.is_none() {
            // A value that a directive made, or one that was renamed on the way: then the old value's key is the place.
            item.origin = self.directive(name, item).or_else(|| key.clone());
        }
    }

    fn directive(&self, key: &str, item: &Value) -> Option<Origin> {
        let text = item.as_str().unwrap_or_default();
        match key {
            "image" => {
                let sets = |image: &&Value, field: &str, before: &str| {
                    let new = image.get(field).and_then(Value::as_str).filter(|new| !new.is_empty());
                    new.is_some_and(|new| text.contains(&format!("{before}{new}")))
                };
                let named = |image: &&Value| {
                    let name = ["newName", "name"].iter().find_map(|field| image.get(field).and_then(Value::as_str));
                    name.is_some_and(|name| text.starts_with(name))
                };
                let image = self.images.iter().filter(named).find(|image| {
                    sets(image, "newTag", ":") || sets(image, "digest", "@") || sets(image, "newName", "")
                })?;
                let field = if sets(&image, "newTag", ":") {
                    "newTag"
                } else if sets(&image, "digest", "@") {
                    "digest"
                } else {
                    "newName"
                };
                image.get(field)?.origin.clone()
            }
            "replicas" => {
                self.replicas.iter().filter_map(|entry| entry.get("count")).find(|count| *count == item)?.origin.clone()
            }
            "name" => {
                let affix = |affix: &&Value| {
                    let affix = affix.as_str().unwrap_or_default();
                    !affix.is_empty() && (text.starts_with(affix) || text.contains(affix))
                };
                self.affixes.iter().find(affix)?.origin.clone()
            }
            _ => None,
        }
    }
}

/// The candidate with the same value and the longest common end of the way; the first among equals. Lists and maps need two
/// common keys: `labels` alone may be anyone's.
fn best<'a>(candidates: &'a [Candidate], item: &Value, way: &[String], kind: &str) -> Option<&'a Candidate> {
    let is_scalar = !matches!(item.data, Data::List(_) | Data::Map(_));
    let common =
        |candidate: &Candidate| candidate.way.iter().rev().zip(way.iter().rev()).take_while(|(a, b)| a == b).count();
    let mut found: Option<(usize, &Candidate)> = None;
    for candidate in candidates.iter().filter(|candidate| candidate.kind.as_deref().is_none_or(|own| own == kind)) {
        let fits = match is_scalar {
            true => same_scalar(&candidate.value, item),
            false => {
                std::mem::discriminant(&candidate.value.data) == std::mem::discriminant(&item.data)
                    && common(candidate) > 1
            }
        };
        let score = common(candidate);
        if fits && found.is_none_or(|(best, _)| score > best) {
            found = Some((score, candidate));
        }
    }
    found.map(|(_, candidate)| candidate)
}
