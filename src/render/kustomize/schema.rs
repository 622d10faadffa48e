//! What strategic merges know of types: which lists are merged by which keys, and the types that `openapi` adds.
//!
//! `schema.json` beside this file holds the facts of Kubernetes 1.21, which kustomize has frozen. An `openapi.path` takes
//! their place, as it does in kustomize. Decided by `kyaml/openapi/openapi.go`.

use super::node::Fault;
use crate::manifest::yaml::{self, Budget, Dialect};
use crate::manifest::{Origin, to_json};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

/// What is known of one field or type.
#[derive(Debug, Default)]
pub(super) struct Shape {
    fields: HashMap<String, Arc<Shape>>,
    any_field: Option<Arc<Shape>>,
    items: Option<Arc<Shape>>,
    reference: Option<String>,
    strategy: Option<String>,
    keys: Vec<String>,
}

#[derive(Debug, Default)]
struct Definitions {
    shapes: HashMap<String, Arc<Shape>>,
    /// By `apiVersion` and kind.
    types: HashMap<(String, String), String>,
    /// Whether a type is namespaced.
    scopes: HashMap<(String, String), bool>,
}

/// The types that a build knows.
#[derive(Debug, Default)]
pub(super) struct Schema {
    custom: Option<Definitions>,
    version: Option<String>,
    /// Something asked for a type that is not built in, or merged, before there was a custom schema.
    asked: AtomicBool,
    with_builtin: bool,
}

static BUILTIN: LazyLock<Definitions> = LazyLock::new(|| {
    let json: Json = serde_json::from_str(include_str!("schema.json")).unwrap_or_default();
    Definitions::of_facts(&json)
});

impl Schema {
    /// Whether the types are those that are built in.
    pub(super) fn is_builtin(&self) -> bool {
        self.custom.is_none() && self.version.is_none()
    }

    /// Takes what a kustomization says under `openapi`. Only the first to say anything counts, but for the root.
    pub(super) fn set(&mut self, file: Option<(&str, &[u8])>, version: Option<&str>) -> Result<(), Fault> {
        if !self.is_builtin() {
            return Ok(());
        }
        match (file, version) {
            (Some(_), Some(_)) => Err("`openapi` has both `path` and `version`, and only one can be used".to_owned()),
            (Some((file, bytes)), None) => {
                self.custom = Some(Definitions::read(file, bytes)?);
                self.with_builtin = self.asked.load(Ordering::Relaxed);
                Ok(())
            }
            (None, None | Some("")) => Ok(()),
            (None, Some("v1.21.2")) => {
                self.version = version.map(str::to_owned);
                Ok(())
            }
            (None, Some(other)) => Err(format!("kustomize has no OpenAPI version `{other}` built in, only `v1.21.2`")),
        }
    }

    /// Whether a custom schema says that a type is namespaced.
    pub(super) fn custom_scope(&self, api_version: &str, kind: &str) -> Option<bool> {
        let Some(custom) = &self.custom else {
            self.asked.store(true, Ordering::Relaxed);
            return None;
        };
        custom.scopes.get(&(api_version.to_owned(), kind.to_owned())).copied()
    }

    fn layers(&self) -> impl Iterator<Item = &Definitions> {
        let builtin = (self.custom.is_none() || self.with_builtin).then(|| &*BUILTIN);
        self.custom.iter().chain(builtin)
    }

    /// What is known of a type.
    pub(super) fn of_type(&self, api_version: &str, kind: &str) -> Option<Arc<Shape>> {
        self.asked.store(true, Ordering::Relaxed);
        let key = (api_version.to_owned(), kind.to_owned());
        let name = self.layers().find_map(|layer| layer.types.get(&key))?;
        self.resolve(name)
    }

    fn resolve(&self, name: &str) -> Option<Arc<Shape>> {
        self.layers().find_map(|layer| layer.shapes.get(name)).cloned()
    }

    fn followed(&self, shape: &Arc<Shape>) -> Option<Arc<Shape>> {
        let mut shape = Arc::clone(shape);
        // A reference that leads to itself ends nowhere.
        for _ in 0..64 {
            match &shape.reference {
                None => return Some(shape),
                Some(name) => shape = self.resolve(name)?,
            }
        }
        None
    }

    /// What is known of a field.
    pub(super) fn field(&self, shape: &Shape, name: &str) -> Option<Arc<Shape>> {
        self.followed(shape.fields.get(name).or(shape.any_field.as_ref())?)
    }

    /// What is known of the items of a list.
    pub(super) fn items(&self, shape: &Shape) -> Option<Arc<Shape>> {
        self.followed(shape.items.as_ref()?)
    }
}

impl Shape {
    /// The keys by which the items of a list are merged: `None` when the list is replaced as a whole, empty for a list of
    /// scalars.
    pub(super) fn merge_keys(&self) -> Option<&[String]> {
        let strategy = self.strategy.as_deref()?;
        strategy.split(',').any(|part| part == "merge").then_some(&self.keys)
    }
}

impl Definitions {
    /// From `schema.json`: `{NAME: {gvk: [[g, v, k]], props: {FIELD: {ref, items, strategy, key, keys}}}}`.
    fn of_facts(json: &Json) -> Self {
        let mut definitions = Self::default();
        let reference = |json: &Json, key: &str| {
            let name = json.get(key)?.as_str()?.to_owned();
            Some(Shape { reference: Some(name), ..Shape::default() })
        };
        for (name, definition) in json.get("definitions").and_then(Json::as_object).into_iter().flatten() {
            let mut fields = HashMap::new();
            for (field, facts) in definition.get("props").and_then(Json::as_object).into_iter().flatten() {
                let keys = facts.get("keys").and_then(Json::as_array).map(|keys| texts(keys));
                let key = facts.get("key").and_then(Json::as_str).map(|key| vec![key.to_owned()]);
                let shape = reference(facts, "ref").unwrap_or_else(|| Shape {
                    items: reference(facts, "items").map(Arc::new),
                    strategy: facts.get("strategy").and_then(Json::as_str).map(str::to_owned),
                    keys: keys.or(key).unwrap_or_default(),
                    ..Shape::default()
                });
                fields.insert(field.clone(), Arc::new(shape));
            }
            for gvk in definition.get("gvk").and_then(Json::as_array).into_iter().flatten() {
                let part = |at: usize| gvk.get(at).and_then(Json::as_str).unwrap_or_default();
                definitions.types.insert(type_of(part(0), part(1), part(2)), name.clone());
            }
            definitions.shapes.insert(name.clone(), Arc::new(Shape { fields, ..Shape::default() }));
        }
        definitions
    }

    /// From an OpenAPI document in a file.
    fn read(file: &str, bytes: &[u8]) -> Result<Self, Fault> {
        let reading = yaml::read_bytes(file, bytes, Dialect::Kubectl, &Budget::default());
        let wrong = || format!("`{file}` is no OpenAPI document");
        if reading.findings.iter().any(|finding| finding.rule == "yaml-syntax") {
            return Err(wrong());
        }
        let json = to_json(reading.documents.first().ok_or_else(wrong)?);
        if !json.is_object() {
            return Err(wrong());
        }
        let mut definitions = Self::default();
        for (name, definition) in json.get("definitions").and_then(Json::as_object).into_iter().flatten() {
            let gvks = definition.get("x-kubernetes-group-version-kind");
            for gvk in gvks.and_then(Json::as_array).into_iter().flatten() {
                definitions.types.extend(type_in(gvk).map(|key| (key, name.clone())));
            }
            definitions.shapes.insert(name.clone(), Arc::new(Shape::of_openapi(definition)));
        }
        for (path, operations) in json.get("paths").and_then(Json::as_object).into_iter().flatten() {
            let gvk = operations.get("get").and_then(|get| get.get("x-kubernetes-group-version-kind"));
            let Some(key) = gvk.and_then(type_in) else { continue };
            if path.contains("namespaces/{namespace}") {
                definitions.scopes.insert(key, true);
            } else {
                definitions.scopes.entry(key).or_insert(false);
            }
        }
        Ok(definitions)
    }
}

impl Shape {
    /// What a comment behind a key says of its value, as `# {"x-kubernetes-patch-strategy": "merge"}`.
    pub(super) fn of_comment(key: &Origin) -> Option<Arc<Self>> {
        let rest = key.source().text().get(key.span().1 as usize..)?;
        let line = rest.split('\n').next()?;
        let json: Json = serde_json::from_str(line[line.find("# {")? + 2..].trim()).ok()?;
        (json.get("type").is_some() || json.get("x-kubernetes-patch-strategy").is_some())
            .then(|| Arc::new(Self::of_openapi(&json)))
    }

    fn of_openapi(json: &Json) -> Self {
        let text = |key: &str| json.get(key).and_then(Json::as_str).map(str::to_owned);
        let nested = |json: &Json| Arc::new(Self::of_openapi(json));
        let is_list = json.get("type").and_then(Json::as_str) == Some("array");
        let keys = json.get("x-kubernetes-list-map-keys").and_then(Json::as_array).map(|keys| texts(keys));
        let properties = json.get("properties").and_then(Json::as_object).into_iter().flatten();
        Self {
            fields: properties.map(|(name, property)| (name.clone(), nested(property))).collect(),
            any_field: json.get("additionalProperties").filter(|json| json.is_object()).map(nested),
            items: json.get("items").filter(|_| is_list).map(nested),
            reference: text("$ref").map(|name| name.trim_start_matches("#/definitions/").to_owned()),
            strategy: text("x-kubernetes-patch-strategy"),
            keys: keys.or_else(|| text("x-kubernetes-patch-merge-key").map(|key| vec![key])).unwrap_or_default(),
        }
    }
}

fn texts(json: &[Json]) -> Vec<String> {
    json.iter().filter_map(Json::as_str).map(str::to_owned).collect()
}

fn type_of(group: &str, version: &str, kind: &str) -> (String, String) {
    let api_version = if group.is_empty() { version.to_owned() } else { format!("{group}/{version}") };
    (api_version, kind.to_owned())
}

fn type_in(gvk: &Json) -> Option<(String, String)> {
    let part = |key: &str| gvk.get(key).and_then(Json::as_str);
    Some(type_of(part("group").unwrap_or_default(), part("version")?, part("kind")?))
}
