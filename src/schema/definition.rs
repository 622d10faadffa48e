//! Schemas as they are stored: the keywords of OpenAPI v3 that an API server uses, with Kubernetes' own.

use super::asked;
use super::markers::Markers;
use super::pattern::Pattern;
use super::validation::Validation;
use crate::manifest::{Data, Key, Number, Value, value::NumberKind};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

/// One schema. Prose is dropped; `$ref` holds the bare name of a definition.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Schema {
    #[serde(rename = "$ref")]
    pub(crate) reference: Option<Box<str>>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<Box<str>>,
    pub(crate) format: Option<Box<str>>,
    pub(crate) properties: BTreeMap<Box<str>, Schema>,
    #[serde(deserialize_with = "names")]
    pub(crate) required: Vec<Box<str>>,
    #[serde(deserialize_with = "items")]
    pub(crate) items: Option<Box<Schema>>,
    pub(crate) additional_properties: Option<AdditionalProperties>,
    #[serde(rename = "enum", deserialize_with = "values")]
    pub(crate) choices: Vec<Value>,
    #[serde(deserialize_with = "value")]
    pub(crate) default: Option<Value>,
    pub(crate) nullable: bool,
    pub(crate) minimum: Option<f64>,
    pub(crate) maximum: Option<f64>,
    pub(crate) exclusive_minimum: bool,
    pub(crate) exclusive_maximum: bool,
    pub(crate) multiple_of: Option<f64>,
    #[serde(deserialize_with = "limit")]
    pub(crate) min_length: Option<u64>,
    #[serde(deserialize_with = "limit")]
    pub(crate) max_length: Option<u64>,
    pub(crate) pattern: Option<Pattern>,
    #[serde(deserialize_with = "limit")]
    pub(crate) min_items: Option<u64>,
    #[serde(deserialize_with = "limit")]
    pub(crate) max_items: Option<u64>,
    pub(crate) unique_items: bool,
    #[serde(deserialize_with = "limit")]
    pub(crate) min_properties: Option<u64>,
    #[serde(deserialize_with = "limit")]
    pub(crate) max_properties: Option<u64>,
    #[serde(deserialize_with = "parts")]
    pub(crate) all_of: Vec<Schema>,
    #[serde(deserialize_with = "parts")]
    pub(crate) any_of: Vec<Schema>,
    #[serde(deserialize_with = "parts")]
    pub(crate) one_of: Vec<Schema>,
    pub(crate) not: Option<Box<Schema>>,
    #[serde(rename = "x-kubernetes-list-type")]
    pub(crate) list_type: Option<Box<str>>,
    #[serde(rename = "x-kubernetes-list-map-keys")]
    pub(crate) list_map_keys: Vec<String>,
    #[serde(rename = "x-kubernetes-map-type")]
    pub(crate) map_type: Option<Box<str>>,
    #[serde(rename = "x-kubernetes-patch-merge-key")]
    pub(crate) patch_merge_key: Option<Box<str>>,
    #[serde(rename = "x-kubernetes-patch-strategy")]
    pub(crate) patch_strategy: Option<Box<str>>,
    #[serde(rename = "x-kubernetes-int-or-string")]
    pub(crate) int_or_string: bool,
    #[serde(rename = "x-kubernetes-preserve-unknown-fields")]
    pub(crate) preserve_unknown: bool,
    #[serde(rename = "x-kubernetes-embedded-resource")]
    pub(crate) embedded_resource: bool,
    #[serde(rename = "x-kubernetes-validations")]
    pub(crate) validations: Vec<Validation>,
    /// What the server's validation code asks beyond all that.
    #[serde(rename = "x-mergeline-markers")]
    pub(crate) markers: Option<Box<Markers>>,
    /// The properties whose default is `{}`; filled in by [`Schema::prepare`].
    #[serde(skip)]
    pub(crate) structs: Vec<Box<str>>,
    /// The properties that the server's validation code asks to be there; filled in by [`Schema::prepare`].
    #[serde(skip)]
    pub(crate) asked: Vec<Box<str>>,
    /// The properties that name others which must not be set beside them; filled in by [`Schema::prepare`].
    #[serde(skip)]
    pub(crate) forbidding: Vec<Box<str>>,
    /// The properties of which one may be set; filled in by [`Schema::prepare`].
    #[serde(skip)]
    pub(crate) unions: Vec<Union>,
    /// Nothing is known of what stands here, so that the server drops the keys of maps; filled in for custom resources.
    #[serde(skip)]
    pub(crate) pruned: bool,
    /// Says whether a rule stands here or below; filled in for custom resources.
    #[serde(skip)]
    pub(crate) has_rules: bool,
    /// Says whether a default stands here or below; filled in for custom resources.
    #[serde(skip)]
    pub(crate) has_defaults: bool,
}

/// Properties of which one may be set.
#[derive(Debug)]
pub(crate) struct Union {
    /// Their names, in order.
    pub(crate) members: Vec<Box<str>>,
    /// One of them must be.
    pub(crate) needed: bool,
}

impl Schema {
    /// Works out what is asked often, here and below.
    pub(crate) fn prepare(&mut self) {
        let is_struct = |schema: &Schema| {
            schema.default.as_ref().and_then(Value::as_map).is_some_and(crate::manifest::Map::is_empty)
        };
        self.structs =
            self.properties.iter().filter(|(_, field)| is_struct(field)).map(|(name, _)| name.clone()).collect();
        let markers = |field: &Schema| field.markers.as_ref().is_some_and(|markers| markers.required);
        self.asked = self.properties.iter().filter(|(_, field)| markers(field)).map(|(name, _)| name.clone()).collect();
        let forbids = |field: &Schema| field.markers.as_ref().is_some_and(|it| !it.dependent_forbidden.is_empty());
        self.forbidding =
            self.properties.iter().filter(|(_, field)| forbids(field)).map(|(name, _)| name.clone()).collect();
        let mut unions: BTreeMap<(Box<str>, bool), Vec<Box<str>>> = BTreeMap::new();
        for (name, field) in &self.properties {
            let Some(markers) = &field.markers else { continue };
            let needed = markers.union_member.iter().map(|group| (group.clone(), true));
            let groups = needed.chain(markers.zero_or_one_of_member.iter().map(|group| (group.clone(), false)));
            groups.for_each(|group| unions.entry(group).or_default().push(name.clone()));
        }
        self.unions = unions.into_iter().map(|((_, needed), members)| Union { members, needed }).collect();
        self.properties.values_mut().for_each(Schema::prepare);
        self.items.iter_mut().for_each(|items| items.prepare());
    }
}

/// `additionalProperties`: what the values of a map are.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum AdditionalProperties {
    /// `true`: anything; `false`: nothing beyond the named properties.
    Allowed(bool),
    /// Each value is one of these.
    Schema(Box<Schema>),
}

/// Named schemas that refer to each other by name.
#[derive(Debug)]
pub(crate) struct Store {
    /// By name.
    pub(super) definitions: HashMap<Box<str>, Definition>,
    /// Where names are looked up that are not here: custom resources refer to the `ObjectMeta` of their server.
    pub(crate) base: Option<Arc<Store>>,
    /// The server decodes these kinds into Go structs, where `null` means absent; custom resources are judged by their
    /// schema, where `null` needs `nullable`.
    pub(crate) go_types: bool,
}

impl Store {
    /// The definition called `name`, with the store that it stands in.
    pub(crate) fn find(&self, name: &str) -> Option<(&Store, &Schema)> {
        match self.definitions.get(name) {
            Some(definition) => Some((self, definition.schema())),
            None => self.base.as_deref()?.find(name),
        }
    }

    /// Definitions of custom resources, beside those of their server.
    pub(super) fn custom(definitions: HashMap<Box<str>, Schema>, base: Option<Arc<Self>>) -> Self {
        let definitions = definitions.into_iter().map(|(name, schema)| (name, Definition::Ready(schema)));
        Self { definitions: definitions.collect(), base, go_types: false }
    }
}

/// A named schema.
#[derive(Debug)]
pub(super) enum Definition {
    /// Of a custom resource, or a file.
    Ready(Schema),
    /// Of the binary's.
    Packed(Packed),
}

/// A schema as the binary holds it, read when it is first asked for: a repository uses few of a thousand.
#[derive(Debug)]
pub(super) struct Packed {
    json: &'static RawValue,
    /// Fields, and what is asked of them beyond it.
    asked: Vec<(&'static str, &'static str)>,
    made: OnceLock<Schema>,
}

impl Packed {
    /// The JSON of a schema, which the tests of the binary read.
    pub(super) fn new(json: &'static RawValue) -> Self {
        Self { json, asked: Vec::new(), made: OnceLock::new() }
    }

    /// Asks more of these fields.
    pub(super) fn ask(&mut self, fields: &'static str, asked: &'static str) {
        self.asked.push((fields, asked));
    }
}

impl Definition {
    pub(super) fn schema(&self) -> &Schema {
        let packed = match self {
            Self::Ready(schema) => return schema,
            Self::Packed(packed) => packed,
        };
        packed.made.get_or_init(|| {
            let mut schema: Schema = serde_json::from_str(packed.json.get())
                .expect("because the bundle is a part of the binary that the tests decode");
            packed.asked.iter().for_each(|(fields, asked)| asked::add_to(&mut schema, fields, asked));
            schema.prepare();
            schema
        })
    }
}

/// Reads JSON as a manifest value without origins.
pub(crate) fn from_json(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::null(),
        serde_json::Value::Bool(flag) => (*flag).into(),
        serde_json::Value::Number(number) => {
            let kind = match (number.as_i64(), number.as_u64()) {
                (Some(n), _) => NumberKind::Integer(n),
                (None, Some(n)) => NumberKind::Unsigned(n),
                (None, None) => NumberKind::Float(number.as_f64().unwrap_or_default()),
            };
            Data::Number(Number::new(number.to_string(), kind)).into()
        }
        serde_json::Value::String(text) => text.as_str().into(),
        serde_json::Value::Array(items) => items.iter().map(from_json).collect::<Vec<_>>().into(),
        serde_json::Value::Object(entries) => {
            let entries = entries.iter().map(|(key, value)| (Key::new(key), from_json(value)));
            entries.collect::<crate::manifest::Map>().into()
        }
    }
}

fn values<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Value>, D::Error> {
    Ok(Vec::<serde_json::Value>::deserialize(deserializer)?.iter().map(from_json).collect())
}

/// The server takes a limit below zero, which restricts nothing that is there.
fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    Ok(Option::<i64>::deserialize(deserializer)?.map(|limit| u64::try_from(limit).unwrap_or(0)))
}

/// The server reads a `null` among names as an empty one.
fn names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Box<str>>, D::Error> {
    Ok(Vec::<Option<Box<str>>>::deserialize(deserializer)?.into_iter().map(Option::unwrap_or_default).collect())
}

/// The server reads a `null` among schemas as one that says nothing.
fn parts<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Schema>, D::Error> {
    Ok(Vec::<Option<Schema>>::deserialize(deserializer)?.into_iter().map(Option::unwrap_or_default).collect())
}

/// The server reads what is neither a schema nor a list of them as no items.
fn items<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<Schema>>, D::Error> {
    let json = serde_json::Value::deserialize(deserializer)?;
    if !json.is_object() {
        return Ok(None);
    }
    serde_json::from_value(json).map(|schema| Some(Box::new(schema))).map_err(serde::de::Error::custom)
}

/// `default: null` is a default of its own and differs from none.
fn value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    serde_json::Value::deserialize(deserializer).map(|json| Some(from_json(&json)))
}
