//! What the server's validation code asks of a place beyond its OpenAPI.

use super::definition::from_json;
use crate::manifest::Value;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// The `+k8s:` validation markers in the source of a Go type (`k8s.io/api`, 1.33 and newer), as far as they hold for an
/// object that is created.
///
/// The server evaluates them by code that is generated from them, or by code that was written by hand before they were
/// (those marked alpha and beta); both refuse the same. Markers that depend on a feature gate are left out. Decided by
/// `validation-gen` of `k8s.io/code-generator`.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Markers {
    /// The field must be there and hold more than its Go zero value: a text of some length, a list with items.
    pub required: bool,
    /// The field cannot be changed once the object is there.
    pub immutable: bool,
    /// What an update may not do: `NoSet`, `NoUnset`, `NoModify`, `NoAddItem`, `NoRemoveItem`.
    pub update: Vec<Box<str>>,
    /// The least number.
    pub minimum: Option<i64>,
    /// The greatest number.
    pub maximum: Option<i64>,
    /// The least number of characters.
    pub min_length: Option<u64>,
    /// The most characters.
    pub max_length: Option<u64>,
    /// The most bytes.
    pub max_bytes: Option<u64>,
    /// The fewest items.
    pub min_items: Option<u64>,
    /// The most items.
    pub max_items: Option<u64>,
    /// The most entries of a map.
    pub max_properties: Option<u64>,
    /// The form of a text: `k8s-short-name` (DNS label), `k8s-long-name` (DNS subdomain), `k8s-label-key`, …
    pub format: Option<Box<str>>,
    /// Items differ: `set` (as a whole) or `map` (by [`Self::list_map_keys`]).
    pub unique: Option<Box<str>>,
    /// The fields that make the identity of an item.
    pub list_map_keys: Vec<Box<str>>,
    /// A member of a union that is set where it holds an empty text; from the table alone.
    #[serde(skip)]
    pub pointer: bool,
    /// A number of a union that is not set where it is zero; from the table alone.
    #[serde(skip)]
    pub plain: bool,
    /// An empty text is no absent one: a pointer in Go; from the table alone.
    #[serde(skip)]
    pub filled: bool,
    /// Items differ in these fields, default values filled in, where the last of them holds something: from the table alone.
    #[serde(skip)]
    pub distinct: Vec<Vec<Box<str>>>,
    /// The value that is not allowed.
    #[serde(deserialize_with = "value")]
    pub not_equal: Option<Value>,
    /// The values that are allowed.
    #[serde(rename = "enum")]
    pub choices: Vec<Box<str>>,
    /// What is asked of each key of a map.
    pub each_key: Option<Box<Markers>>,
    /// What is asked of each item of a list or value of a map.
    #[serde(rename = "eachVal")]
    pub each_value: Option<Box<Markers>>,
    /// What is asked of fields of the struct that stands here, by name.
    pub subfields: BTreeMap<Box<str>, Markers>,
    /// Fields beside this one that must be set when this one is.
    pub dependent_required: Vec<Box<str>>,
    /// Fields beside this one that must not be set when this one is.
    pub dependent_forbidden: Vec<Box<str>>,
    /// This field is one of several of which exactly one may be set: the name of the union, empty for the only one of its
    /// struct.
    pub union_member: Option<Box<str>>,
    /// This field is one of several of which at most one may be set.
    pub zero_or_one_of_member: Option<Box<str>>,
    /// This field's value names the member of the union that is set.
    pub union_discriminator: Option<Box<str>>,
}

fn value<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    serde_json::Value::deserialize(deserializer).map(|json| Some(from_json(&json)))
}
