//! Judges the structure of an object by the schema of its kind: fields, types, values, list keys.
//!
//! Follows kube-apiserver 1.36 with `fieldValidation=Strict`, as measured: a field that is `null` is absent; a `null` list
//! item of a custom resource is an error; an empty string in an enumeration of Kubernetes' own types is absent; `required`
//! and limits do not hold in `status`, which the server drops, though its types and names do.

use super::format;
use super::message::{expected, field, got, names, path, quote};
use super::problem::{At, Problem};
use super::relations;
use crate::finding::Fix;
use crate::manifest::value::{NumberKind, push_token};
use crate::manifest::{Data, Map, Object, Value};
use crate::schema::{Kind, KindSchema, ListType, Node, Schema, is_quantity, nearest};
use std::collections::HashMap;
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

/// How a value of the wrong type is written as one of the right type.
fn written_otherwise(must: &str, value: &Value) -> Option<String> {
    match (must, &value.data) {
        ("a string", Data::Number(number)) => Some(format!("put it in quotes: \"{}\"", number.literal())),
        ("a string", Data::Bool(flag)) => Some(format!("put it in quotes: \"{flag}\"")),
        ("an integer" | "a number" | "an integer of 32 bits", Data::String(text)) if text.parse::<i64>().is_ok() => {
            Some("leave the quotes out".to_owned())
        }
        ("true or false", Data::String(text)) if matches!(text.as_str(), "true" | "false") => {
            Some("leave the quotes out".to_owned())
        }
        ("a list", Data::String(text)) if text.len() <= 40 => Some(format!("write a list: `[{text}]`")),
        ("a list", Data::Map(_)) => Some("begin the item with `- `".to_owned()),
        (_, Data::String(text)) if must == expected(Kind::Quantity) => {
            let bare = text.trim_end_matches(['b', 'B']);
            let fits = bare.len() < text.len() && is_quantity(bare);
            fits.then(|| format!("did you mean `{bare}`? quantities have no unit of bytes"))
        }
        _ => None,
    }
}

/// How the text of such a value is mended, where one way alone leads there.
fn mended(must: &str, value: &Value) -> Option<Fix> {
    match (must, &value.data) {
        ("a string", Data::Number(_) | Data::Bool(_)) => Some(Fix::Quotes),
        ("an integer" | "an integer of 32 bits", Data::String(text)) if text.parse::<i64>().is_ok() => {
            Some(Fix::NoQuotes)
        }
        ("true or false", Data::String(text)) if matches!(text.as_str(), "true" | "false") => Some(Fix::NoQuotes),
        _ => None,
    }
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
        let (hint, fix) =
            if self.secret { (None, None) } else { (written_otherwise(must, value), mended(must, value)) };
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

    /// Reports items that are the same to the server: it refuses them when they are applied.
    pub(super) fn duplicates(&mut self, items: &[Value], identity: impl Fn(&Value) -> Option<String>, applied: bool) {
        if items.len() < 2 {
            return;
        }
        let mut seen: HashMap<String, usize> = HashMap::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let Some(identity) = identity(item) else { continue };
            if let Some(first) = seen.get(&identity).copied() {
                let list = self.pointer.clone();
                self.below_index(index, |walk| {
                    let same = format!("`{}[{first}]`", path(&list));
                    let what = if walk.secret { String::new() } else { format!(": {identity}") };
                    let message = format!("{} is the same item as {same}{what}", field(&walk.pointer));
                    walk.problem(DUPLICATE_ITEM, At::Value, message, None);
                    if let Some(problem) = walk.problems.last_mut().filter(|_| applied) {
                        problem.hint = Some("server-side apply refuses two list items with one key".to_owned());
                        problem.related = Some((format!("{list}/{first}"), "the first of them"));
                    }
                });
            } else {
                seen.insert(identity, index);
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

    /// Enumerations, bounds, patterns and alternatives of one schema.
    fn limits(&mut self, node: Node<'_>, schema: &Schema, value: &Value) {
        let choices = &schema.choices;
        let absent = node.is_go_type() && value.as_str() == Some("");
        if !choices.is_empty() && !absent && !choices.contains(value) {
            self.not_among(choices, value);
        }
        match &value.data {
            Data::Number(number) => self.number(schema, number.as_f64(), value),
            Data::String(text) => self.text(node, schema, text, value),
            Data::List(items) => self.count(items.len(), schema.min_items, schema.max_items, "items"),
            Data::Map(map) => self.count(map.len(), schema.min_properties, schema.max_properties, "entries"),
            Data::Null | Data::Bool(_) => {}
        }
        if let (Data::List(items), true) = (&value.data, schema.unique_items) {
            self.duplicates(items, |item| Some(identity(item)), false);
        }
        self.alternatives(node, schema, value);
    }

    pub(super) fn not_among(&mut self, choices: &[Value], value: &Value) {
        let texts: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
        let said: Vec<String> = choices.iter().map(identity).collect();
        let must = if said.len() == 1 { said[0].clone() } else { format!("one of {}", said.join(", ")) };
        let meant = value.as_str().filter(|_| !self.secret).and_then(|text| nearest(text, texts));
        self.wrong(&must, value);
        if let (Some(problem), Some(meant)) = (self.problems.last_mut(), meant) {
            problem.hint = Some(format!("did you mean {}?", quote(meant)));
            problem.fix = Some(Fix::Word(meant.to_owned()));
        }
    }

    fn number(&mut self, schema: &Schema, number: f64, value: &Value) {
        let low = schema.minimum.filter(|least| number < *least || (schema.exclusive_minimum && number <= *least));
        if let Some(least) = low {
            let word = if schema.exclusive_minimum { "greater than" } else { "at least" };
            self.wrong(&format!("{word} {least}"), value);
        }
        let high = schema.maximum.filter(|most| number > *most || (schema.exclusive_maximum && number >= *most));
        if let Some(most) = high {
            let word = if schema.exclusive_maximum { "less than" } else { "at most" };
            self.wrong(&format!("{word} {most}"), value);
        }
        if let Some(step) = schema.multiple_of {
            // The server compares whole numbers with the whole part of the step, and refuses them where that is zero.
            let whole = matches!(&value.data, Data::Number(number) if !matches!(number.kind(), NumberKind::Float(_)));
            let right = if whole {
                step.trunc() > 0.0 && (number / step.trunc()).fract() == 0.0
            } else {
                is_multiple(number, step)
            };
            if !right {
                self.wrong(&format!("a multiple of {step}"), value);
            }
        }
    }

    fn text(&mut self, node: Node<'_>, schema: &Schema, text: &str, value: &Value) {
        if schema.min_length.is_some() || schema.max_length.is_some() {
            let length = text.chars().count() as u64;
            if let Some(least) = schema.min_length.filter(|least| length < *least) {
                self.wrong(&format!("at least {least} characters long"), value);
            }
            if let Some(most) = schema.max_length.filter(|most| length > *most) {
                self.wrong(&format!("at most {most} characters long"), value);
            }
        }
        let pattern = schema.pattern.as_ref();
        if let Some(pattern) = pattern.filter(|p| p.regex().is_some_and(|regex| !regex.is_match(text))) {
            let must = format!("a string that matches `{}`", pattern.text);
            self.wrong(if node.is_quantity() { expected(Kind::Quantity) } else { &must }, value);
        }
    }

    pub(super) fn count(&mut self, count: usize, least: Option<u64>, most: Option<u64>, what: &str) {
        let count = count as u64;
        let bound = match (least.filter(|least| count < *least), most.filter(|most| count > *most)) {
            (Some(1), _) if what == "items" => "an item".to_owned(),
            (Some(1), _) => "an entry".to_owned(),
            (Some(least), _) => format!("at least {least} {what}"),
            (_, Some(most)) => format!("at most {most} {what}"),
            _ => return,
        };
        let message = format!("{} must have {bound}, got {count}", field(&self.pointer));
        self.problem(SCHEMA, At::Value, message, None);
    }

    fn alternatives(&mut self, node: Node<'_>, schema: &Schema, value: &Value) {
        // The two spellings of int-or-string say nothing that its type has not said.
        let is_type = schema.int_or_string;
        for part in &schema.all_of {
            self.in_part(|walk| walk.value(node.part(part), value));
        }
        if !schema.any_of.is_empty() && !is_type {
            let fits = schema.any_of.iter().filter(|part| self.fits(node.part(part), value)).count();
            if fits == 0 {
                self.no_alternative(node, &schema.any_of, value, "at least one");
            }
        }
        if !schema.one_of.is_empty() && !is_type {
            let fits = schema.one_of.iter().filter(|part| self.fits(node.part(part), value)).count();
            match fits {
                1 => {}
                0 => self.no_alternative(node, &schema.one_of, value, "exactly one"),
                _ => self.too_many(&schema.one_of, value, fits),
            }
        }
        if let Some(not) = &schema.not
            && self.fits(node.part(not), value)
        {
            let message = format!("{} has a form that its definition excludes", field(&self.pointer));
            let forbidden = (!not.required.is_empty())
                .then(|| format!("not all of {} may be set together", names(not.required.iter().map(|name| &**name))));
            self.problem(SCHEMA, At::Value, message, forbidden);
        }
    }

    fn in_part(&mut self, go: impl FnOnce(&mut Self)) {
        let was = std::mem::replace(&mut self.part, true);
        go(self);
        self.part = was;
    }

    fn fits(&mut self, node: Node<'_>, value: &Value) -> bool {
        let before = self.problems.len();
        self.in_part(|walk| walk.value(node, value));
        let fits = self.problems.len() == before;
        self.problems.truncate(before);
        fits
    }

    /// None of the alternatives fits: says which fields would do, or what the only candidate lacks, or just that.
    fn no_alternative(&mut self, node: Node<'_>, parts: &[Schema], value: &Value, how_many: &str) {
        if let Some(fields) = single_fields(parts) {
            let message = format!("{} must have {how_many} of the fields {}", field(&self.pointer), names(fields));
            self.problem(SCHEMA, At::Value, message, None);
            return;
        }
        if let [only] = parts {
            self.in_part(|walk| walk.value(node.part(only), value));
            return;
        }
        let count = parts.len();
        let message = format!("{} fits none of the {count} forms that its definition allows", field(&self.pointer));
        self.problem(SCHEMA, At::Value, message, None);
    }

    fn too_many(&mut self, parts: &[Schema], value: &Value, fits: usize) {
        let set: Option<Vec<&str>> =
            single_fields(parts).map(|fields| fields.into_iter().filter(|name| value.get(name).is_some()).collect());
        let message = match set {
            Some(set) => format!("{} must have only one of the fields {}", field(&self.pointer), names(set)),
            None => format!("{} fits {fits} forms, of which its definition allows one at a time", field(&self.pointer)),
        };
        self.problem(SCHEMA, At::Value, message, None);
    }
}

/// `IsFloat64AJSONInteger` of what a number divided by a step comes to: whole but for an error of rounding, and no more than
/// JSON's numbers hold exactly.
fn is_multiple(number: f64, step: f64) -> bool {
    const MOST: f64 = 9_007_199_254_740_991.0;
    let count = if step < 1.0 { 1.0 / step * number } else { number / step };
    let off = (count - count.trunc()).abs();
    step > 0.0
        && count.is_finite()
        && count.abs() <= MOST
        && (off == 0.0 || off / (count.abs() + count.trunc().abs()) < 1e-9)
}

/// Says whether the server looks at no more than the types of what stands in a field.
fn is_unasked(node: Node<'_>, name: &str) -> bool {
    match name {
        "volumeClaimTemplates" => true,
        "selector" => node.definition().is_some_and(|definition| definition.ends_with(".MetricIdentifier")),
        _ => false,
    }
}

/// The fields, when each alternative is the presence of one.
fn single_fields(parts: &[Schema]) -> Option<Vec<&str>> {
    parts.iter().map(|part| if let [name] = &part.required[..] { Some(&**name) } else { None }).collect()
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

/// An item of a set as text; equal items have equal texts.
pub(super) fn identity(value: &Value) -> String {
    match &value.data {
        Data::String(text) => format!("{text:?}"),
        Data::Number(number) => number.as_i64().map_or_else(|| number.as_f64().to_string(), |n| n.to_string()),
        Data::Bool(flag) => flag.to_string(),
        Data::Null => "null".to_owned(),
        Data::List(items) => format!("[{}]", items.iter().map(identity).collect::<Vec<_>>().join(", ")),
        Data::Map(map) => {
            let mut entries: Vec<String> =
                map.iter().map(|(key, value)| format!("{:?}: {}", key.as_str(), identity(value))).collect();
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// The key of an item of a map list, defaults filled in; `None` when nothing of it is there.
fn keyed(of: Node<'_>, keys: &[String], item: &Value) -> Option<String> {
    let map = item.as_map()?;
    let mut any = false;
    let parts: Vec<String> = keys
        .iter()
        .map(|key| {
            let said = map.get(key.as_str()).filter(|value| !value.is_null());
            any |= said.is_some();
            let value = said.or_else(|| of.field(key).and_then(Node::default));
            format!("{key} {}", value.map_or_else(|| "absent".to_owned(), identity))
        })
        .collect();
    any.then(|| parts.join(", "))
}
