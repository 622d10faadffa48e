//! Judges the structure of an object by the schema of its kind: fields, types, values, list keys.
//!
//! Follows kube-apiserver 1.36 with `fieldValidation=Strict`, as measured: a field that is `null` is absent; a `null` list
//! item of a custom resource is an error; an empty string in an enumeration of Kubernetes' own types is absent; `required`
//! and limits do not hold in `status`, which the server drops, though its types and names do.

mod alternatives;
mod bounds;
mod items;
mod rewrite;

use super::format;
use super::message::{expected, field, got, names, path};
use super::problem::{At, Problem};
use super::relations;
use crate::finding::Fix;
use crate::manifest::value::push_token;
use crate::manifest::{Data, Map, Object, Value};
use crate::schema::{Kind, KindSchema, ListType, Node, is_quantity, nearest};
pub(super) use items::identity;
use items::keyed;
use rewrite::rewritten;
use std::fmt::Write as _;

/// The rule of types, values and required fields.
pub(super) const SCHEMA: &str = "schema";
/// The rule of fields that the server does not know.
const UNKNOWN_FIELD: &str = "unknown-field";
/// The rule of list items that are the same to the server.
pub(super) const DUPLICATE_ITEM: &str = "duplicate-list-item";

/// Judges `object` by the schema of its kind; `strict` refuses unknown fields and list items that share their key.
///
/// `value` is the object with its defaults filled in.
pub(super) fn judge(object: &Object, value: &Value, kind: &KindSchema, strict: bool) -> Vec<Problem> {
    let mut walk = Walk { secret: object.is_secret(), strict, status: kind.status_subresource, ..Walk::default() };
    if object.kind() == "StatefulSet" {
        walk.claims = relations::claim_templates(object.value());
    }
    walk.value(kind.root(), value);
    if let (Some(map), Some(relation)) = (value.as_map(), relations::of(kind.definition())) {
        walk.related(0, relation, map);
    }
    walk.problems
}

/// A walk through an object and its schema.
#[derive(Default)]
pub(super) struct Walk {
    pub(super) pointer: String,
    problems: Vec<Problem>,
    pub(super) secret: bool,
    strict: bool,
    /// `status` is the server's own: what stands there in a manifest is dropped.
    status: bool,
    /// Inside such a `status`.
    relaxed: bool,
    /// Inside `allOf` and its like, which name fields without defining them.
    part: bool,
    /// Inside what the server does not look at when the object is made: the claim templates of a StatefulSet.
    unasked: bool,
    /// The volumes that a StatefulSet makes for its pods.
    pub(super) claims: Vec<String>,
}

impl Walk {
    /// Judges a value that stands at `pointer` of an object by `node`.
    pub(super) fn inner(node: Node<'_>, value: &Value, pointer: &str, strict: bool) -> Vec<Problem> {
        let mut walk = Walk { pointer: pointer.to_owned(), strict, ..Walk::default() };
        walk.value(node, value);
        walk.problems
    }

    pub(super) fn problem(&mut self, rule: &'static str, at: At, message: String, hint: Option<String>) {
        self.problems.push(Problem::new(rule, at, &self.pointer, message).hint(hint));
    }

    pub(super) fn wrong(&mut self, must: &str, value: &Value) {
        let message = format!("{} must be {must}, got {}", field(&self.pointer), got(value, self.secret));
        let rewritten = if self.secret { None } else { rewritten(must, value) };
        let (hint, fix) = rewritten.map_or((None, None), |(hint, fix)| (Some(hint), fix));
        self.problems.push(Problem::new(SCHEMA, At::Value, &self.pointer, message).hint(hint).fix(fix));
    }

    pub(super) fn below(&mut self, token: &str, go: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        push_token(&mut self.pointer, token);
        go(self);
        self.pointer.truncate(length);
    }

    pub(super) fn below_index(&mut self, index: usize, go: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        // Writing to a string cannot fail.
        let _ = write!(self.pointer, "/{index}");
        go(self);
        self.pointer.truncate(length);
    }

    fn value(&mut self, node: Node<'_>, value: &Value) {
        let kind = node.kind();
        let right = match (kind, &value.data) {
            // A part of a schema (`anyOf` and its like) may only say which fields must be there.
            (Kind::Any, Data::Map(map)) if self.part => {
                self.map(node, map);
                true
            }
            (Kind::Any, _) => true,
            (Kind::Map, Data::Map(map)) => {
                self.map(node, map);
                true
            }
            (Kind::List, Data::List(items)) => {
                self.list(node, items);
                true
            }
            (Kind::String | Kind::IntOrString, Data::String(_)) => true,
            (Kind::Integer | Kind::IntOrString, Data::Number(number)) => number.as_i64().is_some(),
            (Kind::Number, Data::Number(_)) | (Kind::Boolean, Data::Bool(_)) => true,
            // To the schema of a custom resource it is an integer or a string.
            (Kind::Quantity, Data::Number(number)) => node.is_go_type() || number.as_i64().is_some(),
            (Kind::Quantity, Data::String(text)) => !node.is_go_type() || is_quantity(text),
            _ => false,
        };
        if !right {
            self.wrong(expected(kind), value);
            return;
        }
        if node.is_pruned() && self.strict {
            self.pruned(value);
        }
        self.form(node, value);
        if !self.relaxed {
            for layer in node.layers() {
                self.limits(node, layer, value);
            }
            if !self.unasked {
                self.asked(node, value);
            }
        }
    }

    /// Reports the keys of maps where no schema knows any.
    fn pruned(&mut self, value: &Value) {
        match &value.data {
            Data::Map(map) => {
                for key in map.keys() {
                    self.below(key.as_str(), |walk| {
                        let message = format!("unknown field `{}`", path(&walk.pointer));
                        let hint = "`additionalProperties: true` knows no field of a value".to_owned();
                        walk.problem(UNKNOWN_FIELD, At::Key, message, Some(hint));
                    });
                }
            }
            Data::List(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.below_index(index, |walk| walk.pruned(item));
                }
            }
            _ => {}
        }
    }

    fn map(&mut self, node: Node<'_>, map: &Map) {
        let before = self.problems.len();
        let mut meant = Vec::new();
        for (key, value) in map {
            let name = key.as_str();
            let known = node.field(name).or_else(|| node.values());
            let Some(known) = known else {
                if !(self.part || node.preserves_unknown() || node.kind() == Kind::Any) && self.strict {
                    let near = nearest(name, node.fields().map(|(name, _)| name));
                    meant.extend(near);
                    let parent = if near.is_none() { parent(node, name) } else { None };
                    meant.extend(parent);
                    let hint = match (near, parent) {
                        (Some(near), _) => Some(format!("did you mean `{near}`?")),
                        (_, Some(parent)) => {
                            Some(format!("`{name}` is a field of `{parent}`: is it indented too little?"))
                        }
                        _ => known_here(node),
                    };
                    let free = near.filter(|near| !self.secret && !map.contains_key(near));
                    self.below(name, |walk| {
                        let message = format!("unknown field `{}`", path(&walk.pointer));
                        let problem = Problem::new(UNKNOWN_FIELD, At::Key, &walk.pointer, message).hint(hint);
                        walk.problems.push(problem.fix(free.map(|near| Fix::Word(near.to_owned()))));
                    });
                }
                continue;
            };
            // The server reads a field that is null as one that is not there. Where null is a value of its own, it is none of
            // an enumeration, not even of one that names it.
            if value.is_null() {
                let choices = known.choices();
                let of_its_own = !known.is_go_type() && known.is_nullable() && !self.relaxed;
                if of_its_own && !choices.is_empty() {
                    self.below(name, |walk| walk.not_among(choices, value));
                }
                continue;
            }
            let was = (self.relaxed, self.unasked);
            self.unasked |= node.is_go_type() && is_unasked(node, name);
            let is_root = self.pointer.is_empty() && self.status;
            // Below the root as well: a claim template has a status, which the server does not look at.
            self.relaxed |= name == "status" && (is_root || (node.is_go_type() && known.kind() == Kind::Map));
            self.below(name, |walk| walk.value(known, value));
            (self.relaxed, self.unasked) = was;
        }
        if !self.relaxed {
            self.required(node, map, &meant);
        }
        let asked = node.is_go_type() && !self.relaxed && !self.unasked;
        if let Some(relation) = node.definition().filter(|_| asked).and_then(relations::of) {
            self.related(before, relation, map);
        }
    }

    /// What fields ask of each other is asked where each of them is right: where nothing but relations was wrong since
    /// there were `before` problems.
    fn related(&mut self, before: usize, relation: relations::Relation, map: &Map) {
        if self.problems[before..].iter().any(|problem| !problem.related_fields) {
            return;
        }
        let before = self.problems.len();
        relation(self, map);
        self.problems[before..].iter_mut().for_each(|problem| problem.related_fields = true);
    }

    fn required(&mut self, node: Node<'_>, map: &Map, meant: &[&str]) {
        for name in node.required() {
            let there = map.get(name).is_some_and(|value| !value.is_null());
            // A misspelt field was reported with what was meant.
            if !there && !meant.contains(&name) {
                let message = format!("{} must have the field `{name}`", field(&self.pointer));
                let is_null = map.contains_key(name);
                let hint = is_null.then(|| "the server reads `null` as absent".to_owned());
                self.problem(SCHEMA, At::Key, message, hint);
            }
        }
        if !self.unasked {
            self.asked_of_fields(node, map, meant);
        }
        // A struct that is no pointer is there when it is left out, with all that is missing in it.
        for (name, field) in node.structs().filter(|(name, _)| *name != "status" && !meant.contains(name)) {
            let left_out =
                map.get(name).is_none_or(Value::is_null) && !node.required().any(|required| required == name);
            if left_out && !self.part {
                let before = self.problems.len();
                self.below(name, |walk| walk.required(field, &Map::new(), &[]));
                // All of it is missing at the place where it is left out: one finding says so.
                self.problems.truncate(before + 1);
            }
        }
    }

    fn list(&mut self, node: Node<'_>, items: &[Value]) {
        let Some(of) = node.items() else { return };
        for (index, item) in items.iter().enumerate() {
            self.below_index(index, |walk| {
                let by_key = matches!(node.list_type(), Some(ListType::Map(_)));
                match item.is_null() {
                    false => walk.value(of, item),
                    // Go reads null as the empty value; server-side apply has no key for it.
                    true if of.is_go_type() && !by_key => {
                        if of.kind() == Kind::Map && !walk.relaxed && !walk.unasked {
                            walk.asked_of_fields(of, &Map::new(), &[]);
                        }
                    }
                    true if of.layers().any(|layer| layer.nullable) || of.kind() == Kind::Any => {}
                    true => walk.wrong(expected(of.kind()), item),
                }
            });
        }
        if self.strict && !self.part {
            match node.list_type() {
                Some(ListType::Set) => self.duplicates(items, |item| Some(identity(item)), true),
                Some(ListType::Map(keys)) => self.duplicates(items, |item| keyed(of, keys, item), true),
                Some(ListType::Atomic) | None => {}
            }
        }
    }

    /// Ranges of integers and forms of texts.
    fn form(&mut self, node: Node<'_>, value: &Value) {
        match &value.data {
            Data::Number(number) => {
                // Kubernetes' own int-or-string is an int32 as well.
                let int32 = node.format() == Some("int32") || (node.is_go_type() && node.kind() == Kind::IntOrString);
                let fits = number.as_i64().is_none_or(|n| i32::try_from(n).is_ok());
                if int32 && !fits {
                    self.wrong("an integer of 32 bits", value);
                }
            }
            Data::String(text) => {
                let Some(form) = node.format() else { return };
                let judged = node.kind() == Kind::String && (node.is_go_type() || !self.relaxed);
                if judged && !format::matches(form, text, node.is_go_type()) {
                    self.wrong(format::example(form), value);
                }
            }
            _ => {}
        }
    }
}

/// Says whether the server looks at no more than the types of what stands in a field.
fn is_unasked(node: Node<'_>, name: &str) -> bool {
    match name {
        "volumeClaimTemplates" => true,
        "selector" => node.definition().is_some_and(|definition| definition.ends_with(".MetricIdentifier")),
        _ => false,
    }
}

/// The only field here that has a field called `name`.
fn parent<'a>(node: Node<'a>, name: &str) -> Option<&'a str> {
    let mut parents = node.fields().filter(|(parent, field)| *parent != "metadata" && field.field(name).is_some());
    match (parents.next(), parents.next()) {
        (Some((parent, _)), None) => Some(parent),
        _ => None,
    }
}

/// The fields that are known here, where they are few.
fn known_here(node: Node<'_>) -> Option<String> {
    let known: Vec<&str> = node.fields().map(|(name, _)| name).collect();
    (!known.is_empty() && known.len() <= 12).then(|| format!("known here are {}", names(known)))
}
