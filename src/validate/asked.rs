//! What the server's validation code asks of its own types: markers of the Go source and the table of `schema`.
//!
//! Decided by `validation-gen` of `k8s.io/code-generator` and `pkg/apis/*/validation` of `k8s.io/kubernetes`.

use super::form;
use super::message::{field, names};
use super::problem::At;
use super::structure::{SCHEMA, Walk, identity};
use crate::manifest::{Data, Map, Value};
use crate::schema::{ListType, Markers, Node};

impl Walk {
    /// What is asked of the value that stands here.
    pub(super) fn asked(&mut self, node: Node<'_>, value: &Value) {
        for markers in node.markers() {
            let merged = matches!(node.list_type(), Some(ListType::Set | ListType::Map(_)));
            self.asked_by(markers, value, node.choices().is_empty(), !merged);
            if let (Data::List(items), Some(of)) = (&value.data, node.items()) {
                for fields in &markers.distinct {
                    self.duplicates(items, |item| distinct(of, fields, item), false);
                }
            }
        }
    }

    fn asked_by(&mut self, markers: &Markers, value: &Value, any_choice: bool, any_items: bool) {
        match &value.data {
            Data::Number(number) => {
                let number = number.as_f64();
                #[allow(clippy::cast_precision_loss)]
                let (least, most) =
                    (markers.minimum.map(|least| least as f64), markers.maximum.map(|most| most as f64));
                match (least.filter(|least| number < *least), most.filter(|most| number > *most)) {
                    (Some(least), _) => self.wrong(&format!("at least {least}"), value),
                    (_, Some(most)) => self.wrong(&format!("at most {most}"), value),
                    _ => self.formed(markers, value),
                }
            }
            Data::String(text) if text.is_empty() && markers.filled => self.wrong("a text that is not empty", value),
            // An empty text is an absent one.
            Data::String(text) if text.is_empty() => {}
            Data::String(text) => {
                if !markers.choices.is_empty() && any_choice && !markers.choices.iter().any(|choice| **choice == **text)
                {
                    let choices: Vec<Value> = markers.choices.iter().map(|choice| (&**choice).into()).collect();
                    self.not_among(&choices, value);
                    return;
                }
                let length = text.chars().count() as u64;
                if let Some(most) = markers.max_length.filter(|most| length > *most) {
                    self.wrong(&format!("at most {most} characters long"), value);
                }
                if let Some(most) = markers.max_bytes.filter(|most| text.len() as u64 > *most) {
                    self.wrong(&format!("at most {most} bytes long"), value);
                }
                self.formed(markers, value);
            }
            Data::List(items) => {
                self.count(items.len(), markers.min_items, markers.max_items, "items");
                if let Some(each) = &markers.each_value {
                    for (index, item) in items.iter().enumerate() {
                        self.below_index(index, |walk| {
                            walk.asked_by(each, item, true, true);
                            // In a list an empty text stands for itself; as the value of a label it is right.
                            let asked = each.format.as_deref().is_some_and(|format| format != "label-value");
                            if (item.is_null() || item.as_str() == Some("")) && (asked || !each.choices.is_empty()) {
                                walk.wrong("a text that is not empty", item);
                            }
                        });
                    }
                }
                match markers.unique.as_deref().filter(|_| any_items) {
                    Some("set") => self.duplicates(items, |item| Some(identity(item)), false),
                    Some("map") => self.duplicates(items, |item| keyed(&markers.list_map_keys, item), false),
                    _ => {}
                }
            }
            Data::Map(map) => {
                self.count(map.len(), None, markers.max_properties, "entries");
                for (key, value) in map {
                    if let Some(each) = &markers.each_key
                        && let Some(why) = each.format.as_deref().and_then(|format| form::refuses(format, key.as_str()))
                    {
                        self.below(key.as_str(), |walk| {
                            let message = format!("the key {:?} {why}", key.as_str());
                            walk.problem(SCHEMA, At::Key, message, None);
                        });
                    }
                    if let Some(each) = &markers.each_value {
                        self.below(key.as_str(), |walk| walk.asked_by(each, value, true, true));
                    }
                }
                for (name, markers) in &markers.subfields {
                    match map.get(name).filter(|value| !is_zero(value)) {
                        Some(value) => self.below(name, |walk| walk.asked_by(markers, value, true, true)),
                        None if markers.required => self.lacks(name),
                        None => {}
                    }
                }
            }
            Data::Null | Data::Bool(_) => {}
        }
    }

    /// The form of a text, or of a number where a text would do as well.
    fn formed(&mut self, markers: &Markers, value: &Value) {
        let Some(format) = markers.format.as_deref() else { return };
        let why = match &value.data {
            Data::String(text) => form::refuses(format, text),
            Data::Number(number) => number.as_i64().and_then(|number| form::refuses_number(format, number)),
            _ => None,
        };
        if let Some(why) = why {
            let said = if self.secret { String::new() } else { format!(", got {}", super::message::got(value, false)) };
            self.problem(SCHEMA, At::Value, format!("{} {why}{said}", field(&self.pointer)), None);
        }
    }

    fn lacks(&mut self, name: &str) {
        let message = format!("{} must have the field `{name}`", field(&self.pointer));
        self.problem(SCHEMA, At::Key, message, None);
    }

    /// Fields that must hold something, and fields of which one may be set.
    pub(super) fn asked_of_fields(&mut self, node: Node<'_>, map: &Map, meant: &[&str]) {
        for name in node.asked() {
            let value = map.get(name);
            // A struct without fields is there; a map without entries is not.
            let is_map = node.field(name).is_some_and(|field| field.values().is_some());
            let zero = |value: &Value| is_zero(value) && (is_map || value.as_map().is_none());
            if value.is_none_or(zero) && !meant.contains(&name) {
                // What OpenAPI requires was said when it is absent.
                let said = value.is_none_or(Value::is_null) && node.required().any(|required| required == name);
                match value.filter(|value| !value.is_null()) {
                    _ if said => {}
                    Some(value) => self.below(name, |walk| walk.wrong("set to something", value)),
                    None => self.lacks(name),
                }
            }
        }
        for union in node.unions() {
            let is_set = |name: &str| {
                let Some(value) = map.get(name).filter(|value| !value.is_null()) else { return false };
                match &value.data {
                    Data::String(text) if text.is_empty() => {
                        node.field(name).is_some_and(|field| field.markers().any(|markers| markers.pointer))
                    }
                    Data::Number(number) if number.as_i64() == Some(0) => {
                        !node.field(name).is_some_and(|field| field.markers().any(|markers| markers.plain))
                    }
                    Data::List(items) => !items.is_empty(),
                    _ => true,
                }
            };
            let set: Vec<&str> = union.members.iter().map(|name| &**name).filter(|name| is_set(name)).collect();
            if set.len() > 1 {
                let message = format!("{} must have only one of the fields {}", field(&self.pointer), names(set));
                self.problem(SCHEMA, At::Value, message, None);
            } else if set.is_empty() && union.needed && !union.members.iter().any(|name| meant.contains(&&**name)) {
                let members = union.members.iter().map(|name| &**name).filter(|name| node.field(name).is_some());
                let members: Vec<&str> = members.collect();
                let which = if members.len() > 8 {
                    "one of its kinds".to_owned()
                } else {
                    format!("one of the fields {}", names(members))
                };
                self.problem(SCHEMA, At::Value, format!("{} must have {which}", field(&self.pointer)), None);
            }
        }
        for (name, of) in node.forbidding().filter(|(name, _)| map.contains_key(name)) {
            for markers in of.markers().filter(|markers| !markers.dependent_forbidden.is_empty()) {
                if is_zero(&map[name]) {
                    continue;
                }
                for other in
                    markers.dependent_forbidden.iter().filter(|other| map.get(other).is_some_and(|v| !is_absent(v)))
                {
                    let message =
                        format!("{} must have only one of the fields {}", field(&self.pointer), names([name, other]));
                    self.problem(SCHEMA, At::Value, message, None);
                }
            }
        }
    }
}

/// Says whether Go reads the value as its zero: an empty text, list or map.
fn is_zero(value: &Value) -> bool {
    match &value.data {
        Data::Null => true,
        Data::String(text) => text.is_empty(),
        Data::List(items) => items.is_empty(),
        Data::Map(map) => map.is_empty(),
        Data::Bool(_) | Data::Number(_) => false,
    }
}

fn is_absent(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

/// The identity of an item; a field that is absent is empty.
fn keyed(keys: &[Box<str>], item: &Value) -> Option<String> {
    item.as_map()?;
    let part = |key: &str| item.get(key).filter(|value| !value.is_null()).map_or_else(|| "\"\"".to_owned(), identity);
    Some(keys.iter().map(|key| format!("{key} {}", part(key))).collect::<Vec<_>>().join(", "))
}

/// The identity of an item by some of its fields, their defaults filled in; none where the last of them holds nothing.
fn distinct(of: Node<'_>, fields: &[Box<str>], item: &Value) -> Option<String> {
    let held = |field: &str| {
        let said = item.get(field).filter(|value| !is_zero(value) && value.as_i64() != Some(0));
        said.or_else(|| of.field(field).and_then(Node::default))
    };
    held(fields.last()?)?;
    let part = |field: &str| held(field).map_or_else(|| "absent".to_owned(), identity);
    Some(fields.iter().map(|field| format!("{field} {}", part(field))).collect::<Vec<_>>().join(", "))
}
