//! The schema of a definition: structural, supported, and consistent with its defaults and rules.
//!
//! Decided by `pkg/apiserver/schema/validation.go` and `pkg/apis/apiextensions/validation/validation.go`.

use super::super::cel;
use super::super::defaults;
use super::super::message::{got, quote};
use super::super::problem::At;
use super::super::structure::Walk;
use super::Report;
use crate::manifest::{Data, Value, value::escape_token};
use crate::schema::{Node, go_pattern};

/// Where in a schema a part of it stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Level {
    Root,
    Field,
    Item,
}

const TYPES: [&str; 6] = ["array", "boolean", "integer", "number", "object", "string"];
/// Keywords of JSON Schema that a definition may not have.
const UNSUPPORTED: [&str; 6] = ["id", "$ref", "definitions", "dependencies", "patternProperties", "additionalItems"];
/// Keywords that only the structure may have, not what stands in `allOf` and its like.
const STRUCTURE_ONLY: [&str; 11] = [
    "type",
    "default",
    "nullable",
    "title",
    "description",
    "x-kubernetes-preserve-unknown-fields",
    "x-kubernetes-embedded-resource",
    "x-kubernetes-int-or-string",
    "x-kubernetes-list-type",
    "x-kubernetes-list-map-keys",
    "x-kubernetes-map-type",
];

/// What a schema stands in.
pub(super) struct Around<'a> {
    /// What a schema itself looks like; OpenAPI says it of the root and of fields, not of items and values.
    pub(super) of_schemas: Option<Node<'a>>,
    /// The status is a subresource: the root must be an object for another reason as well.
    pub(super) status: bool,
}

/// Judges a whole schema; `known` is what was read of it.
pub(super) fn judge(schema: &Value, known: Option<Node<'_>>, pointer: &str, around: &Around<'_>, report: &mut Report) {
    let mut walk = Structural { report, around };
    walk.part(schema, known, pointer, Level::Root, true);
}

struct Structural<'r> {
    report: &'r mut Report,
    around: &'r Around<'r>,
}

fn says_int_or_string(parts: &[Value]) -> bool {
    matches!(parts, [one, two] if text(one, "type") == "integer" && text(two, "type") == "string")
}

fn text<'v>(schema: &'v Value, name: &str) -> &'v str {
    schema.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn flag(schema: &Value, name: &str) -> bool {
    schema.get(name).and_then(Value::as_bool) == Some(true)
}

fn there<'v>(schema: &'v Value, name: &str) -> Option<&'v Value> {
    schema.get(name).filter(|value| !value.is_null())
}

impl Structural<'_> {
    fn said(&mut self, pointer: &str, message: impl Into<String>) {
        self.report.value(pointer, message);
    }

    fn part(&mut self, schema: &Value, known: Option<Node<'_>>, pointer: &str, level: Level, correlated: bool) {
        if schema.as_map().is_none() {
            return;
        }
        self.keywords(schema, pointer);
        let kind = text(schema, "type");
        let (preserves, embedded) =
            (flag(schema, "x-kubernetes-preserve-unknown-fields"), flag(schema, "x-kubernetes-embedded-resource"));
        let int_or_string = flag(schema, "x-kubernetes-int-or-string");
        if kind.is_empty() {
            let why = match level {
                Level::Root => "the root of a schema must have a `type`",
                Level::Field => "a field must have a `type`",
                Level::Item => "the items of a list must have a `type`",
            };
            if !(int_or_string || preserves) {
                self.report.add(At::Key, pointer, why.to_owned());
            }
        }
        if level == Level::Root && !kind.is_empty() && kind != "object" {
            let why = if self.around.status { " where the status is a subresource" } else { "" };
            self.said(&format!("{pointer}/type"), format!("the root of a schema must be of type `object`{why}"));
        }
        let properties = schema.get("properties").and_then(Value::as_map);
        if embedded && kind != "object" {
            self.said(&format!("{pointer}/type"), "an embedded resource must be of type `object`");
        }
        if embedded && !preserves && properties.is_none_or(crate::manifest::Map::is_empty) {
            self.said(pointer, "an embedded resource must have `properties`, or preserve unknown fields");
        }
        if level == Level::Root || embedded {
            self.head(schema, pointer, level == Level::Root);
        }
        let free = schema.get("additionalProperties").filter(|free| !free.is_null());
        if free.is_some() && properties.is_some_and(|properties| !properties.is_empty()) {
            self.said(
                &format!("{pointer}/additionalProperties"),
                "`additionalProperties` and `properties` exclude each other",
            );
        }
        if kind == "array" && there(schema, "items").is_none() {
            self.report.add(At::Key, pointer, "a list must have `items`".to_owned());
        }
        self.list(schema, pointer, kind);
        self.rules(schema, known, pointer, correlated);
        self.default(schema, known, pointer);
        for name in ["allOf", "anyOf", "oneOf"] {
            let parts = schema.get(name).and_then(Value::as_list).unwrap_or_default();
            // `anyOf: [{type: integer}, {type: string}]` says int-or-string again.
            let again = int_or_string && (name == "allOf" || says_int_or_string(parts));
            for (index, nested) in parts.iter().enumerate() {
                self.nested(nested, schema, &format!("{pointer}/{name}/{index}"), again);
            }
        }
        if let Some(not) = there(schema, "not") {
            self.nested(not, schema, &format!("{pointer}/not"), int_or_string);
        }
        for (name, field) in properties.into_iter().flatten() {
            let name = name.as_str();
            let known = known.and_then(|node| node.field(name));
            if field.is_null() {
                let at = format!("{pointer}/properties/{}", escape_token(name));
                self.said(&at, "a field must have a schema");
            }
            self.part(field, known, &format!("{pointer}/properties/{}", escape_token(name)), Level::Field, correlated);
        }
        if let Some(items) = there(schema, "items") {
            // Only the items of a list with keys can be found again.
            let correlated = correlated && text(schema, "x-kubernetes-list-type") == "map";
            let known = known.and_then(Node::items);
            let at = format!("{pointer}/items");
            match &items.data {
                Data::Map(_) => self.typed(items, &at),
                Data::List(_) => self.said(&at, "`items` must be one schema, not a list of them"),
                // The server reads anything else as no items.
                _ => {}
            }
            self.part(items, known, &at, Level::Item, correlated);
        }
        if let Some(free) = free {
            let known = known.and_then(Node::values);
            let at = format!("{pointer}/additionalProperties");
            match &free.data {
                Data::Map(_) => self.typed(free, &at),
                Data::Bool(_) => {}
                _ => {
                    self.said(
                        &at,
                        format!("`additionalProperties` must be a schema or true, got {}", got(free, false)),
                    );
                }
            }
            self.part(free, known, &format!("{pointer}/additionalProperties"), Level::Field, correlated);
        }
    }

    /// The types of the keywords of a schema.
    fn typed(&mut self, schema: &Value, pointer: &str) {
        if let Some(node) = self.around.of_schemas {
            // The server does not look for unknown keywords here.
            self.report.problems.extend(Walk::inner(node, schema, pointer, false));
        }
    }

    /// What is wrong with single keywords, wherever a schema stands.
    fn keywords(&mut self, schema: &Value, pointer: &str) {
        let kind = text(schema, "type");
        if !kind.is_empty() && !TYPES.contains(&kind) {
            self.said(
                &format!("{pointer}/type"),
                format!("`type` must be one of {}, got {}", TYPES.join(", "), quote(kind)),
            );
        }
        for name in
            UNSUPPORTED.into_iter().filter(|name| there(schema, name).is_some_and(|value| value.as_str() != Some("")))
        {
            let message = format!("`{name}` is not supported in a definition");
            self.report.add(At::Key, &format!("{pointer}/{}", escape_token(name)), message);
        }
        if flag(schema, "uniqueItems") {
            self.said(
                &format!("{pointer}/uniqueItems"),
                "`uniqueItems` cannot be true: use `x-kubernetes-list-type: set`",
            );
        }
        if schema.get("additionalProperties").and_then(Value::as_bool) == Some(false) {
            self.said(&format!("{pointer}/additionalProperties"), "`additionalProperties` cannot be false");
        }
        if let Some(pattern) =
            schema.get("pattern").and_then(Value::as_str).filter(|pattern| go_pattern(pattern).is_none())
        {
            self.said(
                &format!("{pointer}/pattern"),
                format!("the pattern {} is no regular expression", quote(pattern)),
            );
        }
        for (name, choices) in [
            ("x-kubernetes-list-type", &["atomic", "set", "map"][..]),
            ("x-kubernetes-map-type", &["atomic", "granular"]),
        ] {
            let value = schema.get(name).and_then(Value::as_str);
            if let Some(value) = value.filter(|value| !choices.contains(value)) {
                self.said(
                    &format!("{pointer}/{name}"),
                    format!("`{name}` must be one of {}, got {}", choices.join(", "), quote(value)),
                );
            }
        }
    }

    /// `apiVersion`, `kind` and `metadata` are the server's own.
    fn head(&mut self, schema: &Value, pointer: &str, root: bool) {
        for (name, wanted) in [("apiVersion", "string"), ("kind", "string"), ("metadata", "object")] {
            let Some(field) = schema.get("properties").and_then(|properties| properties.get(name)) else { continue };
            let at = format!("{pointer}/properties/{name}");
            if text(field, "type") != wanted && !text(field, "type").is_empty() {
                self.said(&format!("{at}/type"), format!("`{name}` must be of type `{wanted}`"));
            }
            let fields = field.get("properties").and_then(Value::as_map).filter(|_| name == "metadata" && root);
            let more = fields.into_iter().flatten().find(|(key, _)| !matches!(key.as_str(), "name" | "generateName"));
            if let Some((key, _)) = more {
                let at = format!("{at}/properties/{}", escape_token(key.as_str()));
                self.said(&at, "of `metadata` a schema may only restrict `name` and `generateName`");
            }
        }
    }

    fn list(&mut self, schema: &Value, pointer: &str, kind: &str) {
        let keys = schema.get("x-kubernetes-list-map-keys").and_then(Value::as_list).unwrap_or_default();
        let keys: Vec<&str> = keys.iter().filter_map(Value::as_str).collect();
        let list_type = text(schema, "x-kubernetes-list-type");
        let at = format!("{pointer}/x-kubernetes-list-type");
        if !list_type.is_empty() && kind != "array" {
            self.said(&at, "`x-kubernetes-list-type` may only be set where the type is `array`");
        }
        if !text(schema, "x-kubernetes-map-type").is_empty() && kind != "object" {
            self.said(
                &format!("{pointer}/x-kubernetes-map-type"),
                "`x-kubernetes-map-type` may only be set where the type is `object`",
            );
        }
        if !keys.is_empty() && list_type != "map" {
            self.said(pointer, "`x-kubernetes-list-type` must be `map` where there are `x-kubernetes-list-map-keys`");
        }
        let Some(items) = there(schema, "items") else { return };
        if matches!(list_type, "map" | "set") && flag(items, "nullable") {
            self.said(&format!("{pointer}/items/nullable"), "the items of a set or of a list with keys cannot be null");
        }
        if list_type == "set" {
            let whole = match text(items, "type") {
                "object" => text(items, "x-kubernetes-map-type") == "atomic",
                "array" => matches!(text(items, "x-kubernetes-list-type"), "" | "atomic"),
                _ => true,
            };
            if !whole {
                self.said(&format!("{pointer}/items"), "the items of a set must be scalars or atomic");
            }
        }
        if list_type != "map" {
            return;
        }
        if keys.is_empty() {
            self.report.add(At::Key, &at, "a list of type `map` must have `x-kubernetes-list-map-keys`".to_owned());
        }
        if text(items, "type") != "object" && !text(items, "type").is_empty() {
            self.said(&format!("{pointer}/items/type"), "the items of a list with keys must be objects");
        }
        let required = items.get("required").and_then(Value::as_list).unwrap_or_default();
        for (index, key) in keys.iter().enumerate() {
            let at = format!("{pointer}/x-kubernetes-list-map-keys/{index}");
            let field = items.get("properties").and_then(|properties| properties.get(key));
            if keys[..index].contains(key) {
                self.said(&at, format!("the key {} is there twice", quote(key)));
                continue;
            }
            let Some(field) = field else {
                self.said(&at, format!("the items have no field {}", quote(key)));
                continue;
            };
            if matches!(text(field, "type"), "object" | "array") {
                self.said(&at, format!("the key {} must be a scalar", quote(key)));
            }
            let is_required = required.iter().any(|name| name.as_str() == Some(key));
            if !is_required && field.get("default").is_none() {
                self.said(&at, format!("the key {} must be required or have a default", quote(key)));
            }
            if flag(field, "nullable") {
                self.said(&at, format!("the key {} cannot be nullable", quote(key)));
            }
        }
    }

    /// What stands in `allOf` and its like only restricts what the structure names.
    fn nested(&mut self, schema: &Value, structure: &Value, pointer: &str, int_or_string: bool) {
        if schema.as_map().is_none() {
            return;
        }
        self.keywords(schema, pointer);
        for name in STRUCTURE_ONLY {
            let is_set =
                there(schema, name).is_some_and(|value| value.as_str() != Some("") && value.as_bool() != Some(false));
            if is_set && !(name == "type" && int_or_string) {
                self.said(
                    &format!("{pointer}/{}", escape_token(name)),
                    format!("`{name}` may only stand in the structure, outside of `allOf` and its like"),
                );
            }
        }
        if there(schema, "additionalProperties").is_some() {
            self.said(
                &format!("{pointer}/additionalProperties"),
                "`additionalProperties` may only stand in the structure",
            );
        }
        let outside = |name: &str| structure.get("properties").and_then(|fields| fields.get(name));
        for (name, field) in schema.get("properties").and_then(Value::as_map).into_iter().flatten() {
            let at = format!("{pointer}/properties/{}", escape_token(name.as_str()));
            match outside(name.as_str()) {
                Some(outer) => self.nested(field, outer, &at, flag(outer, "x-kubernetes-int-or-string")),
                None => self.nested(field, &Value::null(), &at, false),
            }
        }
        if let Some(items) = there(schema, "items") {
            let at = format!("{pointer}/items");
            match &items.data {
                Data::Map(_) => self.typed(items, &at),
                Data::List(_) => self.said(&at, "`items` must be one schema, not a list of them"),
                _ => {}
            }
            match there(structure, "items") {
                Some(outer) => self.nested(items, outer, &at, flag(outer, "x-kubernetes-int-or-string")),
                None => self.nested(items, &Value::null(), &at, false),
            }
        }
        for name in ["allOf", "anyOf", "oneOf"] {
            for (index, below) in schema.get(name).and_then(Value::as_list).unwrap_or_default().iter().enumerate() {
                self.nested(below, structure, &format!("{pointer}/{name}/{index}"), int_or_string);
            }
        }
        if let Some(not) = there(schema, "not") {
            self.nested(not, structure, &format!("{pointer}/not"), int_or_string);
        }
    }

    fn rules(&mut self, schema: &Value, known: Option<Node<'_>>, pointer: &str, correlated: bool) {
        let rules = schema.get("x-kubernetes-validations").and_then(Value::as_list).unwrap_or_default();
        for (index, rule) in rules.iter().enumerate() {
            let at = format!("{pointer}/x-kubernetes-validations/{index}");
            let expression = text(rule, "rule").trim();
            if expression.is_empty() {
                self.report.add(At::Key, &at, "a rule must have an expression".to_owned());
                continue;
            }
            let optional = rule.get("optionalOldSelf").and_then(Value::as_bool);
            let uses_old = match known {
                Some(node) => match cel::compile(expression, node, optional == Some(true), "bool") {
                    Ok(uses_old) => uses_old,
                    Err(why) => {
                        self.said(
                            &format!("{at}/rule"),
                            format!("the rule {} cannot be compiled: {why}", quote(expression)),
                        );
                        continue;
                    }
                },
                None => expression.contains("oldSelf"),
            };
            if optional.is_some() && !uses_old {
                self.said(
                    &format!("{at}/optionalOldSelf"),
                    "`optionalOldSelf` may only be set where the rule uses `oldSelf`",
                );
            }
            if uses_old && !correlated {
                let message = "`oldSelf` cannot be used below a list whose items have no keys";
                self.said(&format!("{at}/rule"), message);
            }
            self.messages(rule, known, &at, optional == Some(true));
        }
    }

    fn messages(&mut self, rule: &Value, known: Option<Node<'_>>, at: &str, optional: bool) {
        if let Some(message) = rule.get("message").and_then(Value::as_str) {
            let wrong = (message.trim().is_empty() && !message.is_empty())
                || message.trim().contains('\n')
                || message.len() > 2048;
            if wrong {
                self.said(&format!("{at}/message"), "the message of a rule must be one line of at most 2048 bytes");
            }
        }
        if let Some(expression) = rule.get("messageExpression").and_then(Value::as_str) {
            let at = format!("{at}/messageExpression");
            match known {
                _ if expression.is_empty() => {}
                _ if expression.trim().is_empty() => self.said(&at, "`messageExpression` must not be blank"),
                Some(node) => {
                    if let Err(why) = cel::compile(expression, node, optional, "string") {
                        self.said(&at, format!("{} cannot be compiled: {why}", quote(expression)));
                    }
                }
                None => {}
            }
        }
        let reason = text(rule, "reason");
        const REASONS: [&str; 4] =
            ["FieldValueInvalid", "FieldValueForbidden", "FieldValueRequired", "FieldValueDuplicate"];
        if !reason.is_empty() && !REASONS.contains(&reason) {
            self.said(
                &format!("{at}/reason"),
                format!("the reason of a rule must be one of {}, got {}", REASONS.join(", "), quote(reason)),
            );
        }
        if let Some(path) = rule.get("fieldPath").and_then(Value::as_str) {
            let found = known.map(|node| cel::place_of(node, path).is_some());
            if found == Some(false) && !path.is_empty() {
                self.said(&format!("{at}/fieldPath"), format!("{} is no path of a field below", quote(path)));
            }
        }
    }

    /// A default must be what its own schema takes.
    fn default(&mut self, schema: &Value, known: Option<Node<'_>>, pointer: &str) {
        let (Some(default), Some(node)) = (schema.get("default"), known) else { return };
        let at = format!("{pointer}/default");
        if default.is_null() {
            return;
        }
        let value = defaults::filled(node, default);
        let problems = Walk::inner(node, &value, &at, true);
        if let Some(first) = problems.into_iter().next() {
            self.said(&at, format!("the default does not fit its schema: {}", first.message));
        }
    }
}
