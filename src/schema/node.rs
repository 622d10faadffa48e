//! A place in a schema, as other rooms see it.

use super::definition::{AdditionalProperties, Schema, Store, Union};
use super::markers::Markers;
use super::validation::Validation;
use crate::manifest::Value;

/// What Kubernetes knows of one place in an object: the root, a field, a list item or a map value.
///
/// Cheap to copy. References are followed when a node is made, one step at a time, so recursive schemas
/// (`JSONSchemaProps`) are fine. What the field says itself goes before what its definition says.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    store: &'a Store,
    own: &'a Schema,
    target: &'a Schema,
}

/// The JSON type of a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A map with named fields, or with free keys ([`Node::values`]).
    Map,
    /// A list.
    List,
    /// A string.
    String,
    /// An integer.
    Integer,
    /// Any number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// An integer or a string.
    IntOrString,
    /// A quantity: `500m`, `1Gi` or a number.
    Quantity,
    /// Anything.
    Any,
}

/// How the API server merges a list (`x-kubernetes-list-type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListType<'a> {
    /// Replaced as a whole.
    Atomic,
    /// A set of scalars.
    Set,
    /// Items with an identity: the fields that make it.
    Map(&'a [String]),
}

/// The pattern that controller-gen writes for `resource.Quantity` begins so.
const QUANTITY_PATTERN: &str = "^(\\+|-)?(([0-9]+(\\.[0-9]*)?)|(\\.[0-9]+))";

impl<'a> Node<'a> {
    pub(crate) fn new(store: &'a Store, own: &'a Schema) -> Self {
        let mut node = Self { store, own, target: own };
        // A chain of references ends in the bundle; the bound is for a CRD-like input that refers to itself.
        for _ in 0..8 {
            let Some((store, schema)) = node.target.reference.as_deref().and_then(|name| node.store.find(name)) else {
                break;
            };
            (node.store, node.target) = (store, schema);
        }
        node
    }

    fn pick<T>(self, get: impl Fn(&'a Schema) -> Option<T>) -> Option<T> {
        get(self.own).or_else(|| get(self.target))
    }

    fn either(self, get: impl Fn(&'a Schema) -> bool) -> bool {
        get(self.own) || get(self.target)
    }

    /// The schema of the field called `name`; `None` when it is not known here.
    #[must_use]
    pub fn field(self, name: &str) -> Option<Node<'a>> {
        self.target.properties.get(name).map(|schema| Node::new(self.store, schema))
    }

    /// The known fields with their schemas, by name.
    pub fn fields(self) -> impl Iterator<Item = (&'a str, Node<'a>)> {
        self.target.properties.iter().map(move |(name, schema)| (&**name, Node::new(self.store, schema)))
    }

    /// The fields of a Go type that are structs and no pointers: left out, they are there and empty. The server's OpenAPI
    /// says so by the default `{}`.
    pub fn structs(self) -> impl Iterator<Item = (&'a str, Node<'a>)> {
        let names = self.store.go_types.then_some(&self.target.structs);
        let names = names.into_iter().flatten().map(|name| &**name);
        names.filter_map(move |name: &'a str| Some((name, self.field(name)?)))
    }

    /// The schema of the items of a list.
    #[must_use]
    pub fn items(self) -> Option<Node<'a>> {
        self.target.items.as_deref().map(|schema| Node::new(self.store, schema))
    }

    /// The schema of the values of a map with free keys (`labels`, `data`).
    #[must_use]
    pub fn values(self) -> Option<Node<'a>> {
        match &self.target.additional_properties {
            Some(AdditionalProperties::Schema(schema)) => Some(Node::new(self.store, schema)),
            _ => None,
        }
    }

    /// The node at a JSON pointer into an object, as far as it is known.
    #[must_use]
    pub fn at(self, pointer: &str) -> Option<Node<'a>> {
        pointer.split('/').skip(1).try_fold(self, |node, token| match node.kind() {
            Kind::List => node.items(),
            _ => node.field(&token.replace("~1", "/").replace("~0", "~")).or_else(|| node.values()),
        })
    }

    /// The JSON type.
    #[must_use]
    pub fn kind(self) -> Kind {
        if self.is_quantity() {
            return Kind::Quantity;
        }
        if self.is_int_or_string() {
            return Kind::IntOrString;
        }
        match self.pick(|schema| schema.kind.as_deref()) {
            Some("object") => Kind::Map,
            Some("array") => Kind::List,
            Some("string") => Kind::String,
            Some("integer") => Kind::Integer,
            Some("number") => Kind::Number,
            Some("boolean") => Kind::Boolean,
            _ if !self.target.properties.is_empty() => Kind::Map,
            _ if self.target.items.is_some() => Kind::List,
            _ => Kind::Any,
        }
    }

    /// How a list is merged; `None` where nothing is said, which the server treats as atomic.
    #[must_use]
    pub fn list_type(self) -> Option<ListType<'a>> {
        match self.pick(|schema| schema.list_type.as_deref())? {
            "set" => Some(ListType::Set),
            "map" => {
                let said = self.pick(|schema| (!schema.list_map_keys.is_empty()).then_some(&schema.list_map_keys));
                said.map(|keys| ListType::Map(keys))
            }
            _ => Some(ListType::Atomic),
        }
    }

    /// Says whether a map is replaced as a whole (`x-kubernetes-map-type: atomic`).
    #[must_use]
    pub fn is_atomic_map(self) -> bool {
        self.pick(|schema| schema.map_type.as_deref()) == Some("atomic")
    }

    /// The key by which a strategic merge patch merges a list (`x-kubernetes-patch-merge-key`).
    #[must_use]
    pub fn patch_merge_key(self) -> Option<&'a str> {
        self.pick(|schema| schema.patch_merge_key.as_deref())
    }

    /// The strategies of a strategic merge patch, as written: `merge`, `retainKeys`, `merge,retainKeys`.
    #[must_use]
    pub fn patch_strategy(self) -> Option<&'a str> {
        self.pick(|schema| schema.patch_strategy.as_deref())
    }

    /// What the server fills in where the field is absent. `{}` on a struct of Kubernetes' own types means only that it
    /// is no pointer.
    #[must_use]
    pub fn default(self) -> Option<&'a Value> {
        self.pick(|schema| schema.default.as_ref())
    }

    /// The values that are allowed; empty when any is.
    #[must_use]
    pub fn choices(self) -> &'a [Value] {
        if self.own.choices.is_empty() { &self.target.choices } else { &self.own.choices }
    }

    /// `int32`, `int64`, `byte`, `date-time`, …
    #[must_use]
    pub fn format(self) -> Option<&'a str> {
        self.pick(|schema| schema.format.as_deref())
    }

    /// The fields that must be there.
    pub fn required(self) -> impl Iterator<Item = &'a str> {
        self.target.required.iter().map(|name| &**name)
    }

    /// Says whether both integers and strings are right (`targetPort`).
    #[must_use]
    pub fn is_int_or_string(self) -> bool {
        self.either(|schema| schema.int_or_string || schema.format.as_deref() == Some("int-or-string"))
    }

    /// Says whether it is a quantity (`cpu: 500m`), where `1` and `1000m` are the same.
    #[must_use]
    pub fn is_quantity(self) -> bool {
        let by_pattern =
            |schema: &Schema| schema.pattern.as_ref().is_some_and(|pattern| pattern.text.starts_with(QUANTITY_PATTERN));
        self.either(|schema| {
            schema.format.as_deref() == Some("quantity") || (schema.int_or_string && by_pattern(schema))
        })
    }

    /// Says whether keys that are not known here are kept, not refused.
    #[must_use]
    pub fn preserves_unknown(self) -> bool {
        let open = |schema: &Schema| {
            schema.preserve_unknown || matches!(schema.additional_properties, Some(AdditionalProperties::Allowed(true)))
        };
        self.either(open)
    }

    /// Says whether a value stands here that no schema is of: the server takes texts, numbers and lists, and knows no key.
    #[must_use]
    pub fn is_pruned(self) -> bool {
        self.own.pruned
    }

    /// Says whether a whole object stands here, with `apiVersion`, `kind` and `metadata`.
    #[must_use]
    pub fn is_embedded_resource(self) -> bool {
        self.either(|schema| schema.embedded_resource)
    }

    /// What the server's validation code asks of this place beyond its OpenAPI, the field's own markers first.
    pub fn markers(self) -> impl Iterator<Item = &'a Markers> {
        self.layers().filter_map(|schema| schema.markers.as_deref())
    }

    /// Says whether `null` means absent here because the server decodes into a Go type; else the schema decides.
    #[must_use]
    pub fn is_go_type(self) -> bool {
        self.store.go_types
    }

    /// Says whether `null` is a value of its own here.
    #[must_use]
    pub fn is_nullable(self) -> bool {
        self.either(|schema| schema.nullable)
    }

    /// Says whether a CEL rule stands here or below.
    #[must_use]
    pub fn has_rules(self) -> bool {
        self.either(|schema| schema.has_rules)
    }

    /// Says whether the schema of a custom resource fills something in here or below.
    #[must_use]
    pub fn has_defaults(self) -> bool {
        self.either(|schema| schema.has_defaults)
    }

    /// The CEL rules of this place.
    pub(crate) fn validations(self) -> &'a [Validation] {
        if self.own.validations.is_empty() { &self.target.validations } else { &self.own.validations }
    }

    /// The fields that the server's validation code asks to be there and to hold something.
    pub fn asked(self) -> impl Iterator<Item = &'a str> {
        self.target.asked.iter().map(|name| &**name)
    }

    /// The fields that name others which must not be set beside them.
    pub fn forbidding(self) -> impl Iterator<Item = (&'a str, Node<'a>)> {
        self.target.forbidding.iter().filter_map(move |name| Some((&**name, self.field(name)?)))
    }

    /// Fields of which one may be set, each with whether one must be.
    pub(crate) fn unions(self) -> &'a [Union] {
        &self.target.unions
    }

    /// The bare name of the definition that stands here (`io.k8s.api.core.v1.Container`).
    #[must_use]
    pub fn definition(self) -> Option<&'a str> {
        self.own.reference.as_deref()
    }

    /// The schemas that judge the value here, the field's own first.
    pub(crate) fn layers(self) -> impl Iterator<Item = &'a Schema> {
        let target = (!std::ptr::eq(self.own, self.target)).then_some(self.target);
        std::iter::once(self.own).chain(target)
    }

    /// A part of this node's schema (`allOf`, `not`, …) as a node.
    pub(crate) fn part(self, schema: &'a Schema) -> Node<'a> {
        Node::new(self.store, schema)
    }
}
