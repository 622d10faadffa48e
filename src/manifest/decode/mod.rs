//! Values into our own structs, with the place of whatever does not fit.
//!
//! For configuration and for the parts of objects that Mergeline interprets. Structs with `deny_unknown_fields` give the
//! place of the unknown key. What serde buffers (untagged and internally tagged enums, `flatten`) loses its inner path:
//! the error is then at the value that was buffered.
//!
//! Messages name keys, types and the words of closed enums, never the text of other values: it may be a secret.

mod fault;

use super::source::Origin;
use super::value::{Data, Map, NumberKind, Value, escape_token};
use crate::finding::{Finding, Place};
use fault::Fault;
use serde::de::value::{BorrowedStrDeserializer, StrDeserializer};
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use std::fmt;

/// Why a value does not fit a struct, and where.
#[derive(Debug, Clone)]
pub struct DecodeError {
    /// One lower-case sentence without a full stop.
    pub message: String,
    /// JSON pointer (RFC 6901) to the value or unknown key.
    pub pointer: String,
    /// Where it stands: the key when that is unknown, else the value. `None` for values that no file holds.
    pub origin: Option<Origin>,
    /// What to do next.
    pub hint: Option<String>,
}

impl DecodeError {
    /// The error as a finding of `rule`, with the text of its line.
    #[must_use]
    pub fn finding(&self, rule: &'static str) -> Finding {
        let mut finding = Finding::error(rule, self.message.as_str()).pointer(self.pointer.as_str());
        finding.place = self.place();
        finding.hint.clone_from(&self.hint);
        finding
    }

    /// Where it stands, with the text of its line.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        self.origin.as_ref().map(Origin::place)
    }
}

impl fmt::Display for DecodeError {
    /// `mergeline.yaml:3:5: unknown field `x``
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{}: {}", origin.place_without_excerpt(), self.message),
            None if self.pointer.is_empty() => f.write_str(&self.message),
            None => write!(f, "{}: {}", self.pointer, self.message),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Reads `value` as a `T`. `null` is a missing option.
///
/// # Errors
/// The first thing that does not fit.
pub fn decode<T: DeserializeOwned>(value: &Value) -> Result<T, DecodeError> {
    T::deserialize(Node(value)).map_err(|fault| DecodeError {
        message: fault.message,
        pointer: fault.path.iter().rev().map(|token| format!("/{}", escape_token(token))).collect(),
        origin: fault.origin,
        hint: fault.hint,
    })
}

/// The one of `known` that `word` was probably meant to be.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const CLOSE: f64 = 0.8;
    let word = word.to_lowercase();
    let scored = known.into_iter().map(|name| {
        let lower = name.to_lowercase();
        let typo = word.chars().count() > 2 && strsim::damerau_levenshtein(&word, &lower) == 1;
        (strsim::jaro_winkler(&word, &lower).max(if typo { 0.95 } else { 0.0 }), name)
    });
    let best = scored.max_by(|(a, _), (b, _)| a.total_cmp(b))?;
    (best.0 >= CLOSE).then_some(best.1)
}

/// A value as serde's data model.
#[derive(Clone, Copy)]
struct Node<'de>(&'de Value);

impl<'de> Node<'de> {
    fn unexpected(self) -> Unexpected<'de> {
        match &self.0.data {
            Data::Null => Unexpected::Unit,
            Data::Bool(flag) => Unexpected::Bool(*flag),
            Data::Number(number) => match number.kind() {
                NumberKind::Integer(n) => Unexpected::Signed(n),
                NumberKind::Unsigned(n) => Unexpected::Unsigned(n),
                NumberKind::Float(n) => Unexpected::Float(n),
            },
            Data::String(text) => Unexpected::Str(text),
            Data::List(_) => Unexpected::Seq,
            Data::Map(_) => Unexpected::Map,
        }
    }
}

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let visited = match &self.0.data {
            Data::Null => visitor.visit_unit(),
            Data::Bool(flag) => visitor.visit_bool(*flag),
            Data::Number(number) => match (number.as_i64(), number.kind()) {
                (Some(n), _) | (None, NumberKind::Integer(n)) => visitor.visit_i64(n),
                (None, NumberKind::Unsigned(n)) => visitor.visit_u64(n),
                (None, NumberKind::Float(n)) => visitor.visit_f64(n),
            },
            Data::String(text) => visitor.visit_borrowed_str(text),
            Data::List(items) => visitor.visit_seq(Items { items, next: 0 }),
            Data::Map(map) => visitor.visit_map(Fields { map, next: 0 }),
        };
        visited.map_err(|fault| fault.at(self.0.origin.as_ref()))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.0.is_null() { visitor.visit_none() } else { visitor.visit_some(self) }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self).map_err(|fault| fault.at(self.0.origin.as_ref()))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let visited = match &self.0.data {
            Data::String(text) => visitor.visit_enum(text.as_str().into_deserializer() as StrDeserializer<'_, Fault>),
            Data::Map(map) if map.len() == 1 => visitor.visit_enum(Choice(map)),
            Data::Map(_) => Err(Fault::new("expected a map with one key".into())),
            _ => Err(de::Error::invalid_type(self.unexpected(), &"a string or a map with one key")),
        };
        visited.map_err(|fault| fault.at(self.0.origin.as_ref()))
    }

    /// serde would also read a list as a struct, field by field.
    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.0.data {
            Data::List(_) => Err(de::Error::invalid_type(self.unexpected(), &"a map")),
            _ => self.deserialize_any(visitor),
        }
        .map_err(|fault: Fault| fault.at(self.0.origin.as_ref()))
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map identifier
    }
}

struct Items<'de> {
    items: &'de [Value],
    next: usize,
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Fault> {
        let Some(item) = self.items.get(self.next) else { return Ok(None) };
        let index = self.next;
        self.next += 1;
        seed.deserialize(Node(item)).map(Some).map_err(|fault| fault.at(item.origin.as_ref()).within(index.to_string()))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len() - self.next)
    }
}

struct Fields<'de> {
    map: &'de Map,
    next: usize,
}

impl<'de> MapAccess<'de> for Fields<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Fault> {
        let Some((key, _)) = self.map.get_index(self.next) else { return Ok(None) };
        let read = seed.deserialize(BorrowedStrDeserializer::new(&key.text));
        read.map(Some).map_err(|fault: Fault| fault.at(key.origin.as_ref()).within(key.as_str()))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (key, value) = self.map.get_index(self.next).expect("because serde asks for a value after its key");
        self.next += 1;
        let origin = value.origin.as_ref().or(key.origin.as_ref());
        seed.deserialize(Node(value)).map_err(|fault| fault.at(origin).within(key.as_str()))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.map.len() - self.next)
    }
}

/// An enum written as a map with one key: `{exec: {command: x}}`.
struct Choice<'de>(&'de Map);

impl<'de> EnumAccess<'de> for Choice<'de> {
    type Error = Fault;
    type Variant = Payload<'de>;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Payload<'de>), Fault> {
        let (key, value) = self.0.get_index(0).expect("because a choice is a map with one key");
        let read = seed.deserialize(BorrowedStrDeserializer::new(&key.text));
        let variant = read.map_err(|fault: Fault| fault.at(key.origin.as_ref()).within(key.as_str()))?;
        Ok((variant, Payload { key: key.as_str(), value }))
    }
}

struct Payload<'de> {
    key: &'de str,
    value: &'de Value,
}

impl<'de> Payload<'de> {
    fn locate<T>(&self, read: Result<T, Fault>) -> Result<T, Fault> {
        read.map_err(|fault| fault.at(self.value.origin.as_ref()).within(self.key))
    }
}

impl<'de> VariantAccess<'de> for Payload<'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        let read = if self.value.is_null() {
            Ok(())
        } else {
            Err(de::Error::invalid_type(Node(self.value).unexpected(), &"nothing"))
        };
        self.locate(read)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        let read = seed.deserialize(Node(self.value));
        self.locate(read)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        let read = Node(self.value).deserialize_any(visitor);
        self.locate(read)
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, Fault> {
        let read = Node(self.value).deserialize_any(visitor);
        self.locate(read)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::manifest::{Budget, Dialect, Source, yaml};
    use serde::Deserialize;
    use std::collections::BTreeMap;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    struct Config {
        version: u32,
        #[serde(default)]
        environments: BTreeMap<String, Environment>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields, rename_all = "kebab-case")]
    struct Environment {
        source: String,
        branch: Option<String>,
        #[serde(default)]
        needs: Vec<String>,
        land: Option<Land>,
        weight: Option<f64>,
        from: Option<From>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum Land {
        Auto,
        Human,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "kebab-case")]
    enum From {
        Env(String),
        File { path: String },
    }

    fn config(text: &str) -> Result<Config, DecodeError> {
        let reading = yaml::read(&Source::new("m.yaml", text), Dialect::Kubectl, &Budget::default());
        decode(&reading.documents[0])
    }

    #[test]
    fn a_value_becomes_a_struct() {
        let text = "version: 1\nenvironments:\n  dev: {source: a, branch: ~, needs: [x], land: auto, weight: 2, from: {file: {path: p}}}\n";
        let dev = config(text).unwrap().environments.remove("dev").unwrap();
        let from = Some(From::File { path: "p".into() });
        let expected = Environment {
            source: "a".into(),
            branch: None,
            needs: vec!["x".into()],
            land: Some(Land::Auto),
            weight: Some(2.0),
            from,
        };
        assert_eq!(dev, expected);
    }

    #[test]
    fn what_does_not_fit_is_named_with_its_place() {
        let dev = |fields: &str| format!("version: 1\nenvironments:\n  dev:\n    {fields}\n");
        // text, error with place, pointer, hint
        let table = [
            (
                "version: 1\nenvironment: {}",
                "m.yaml:2:1: unknown field `environment`",
                "/environment",
                "did you mean `environments`?",
            ),
            ("version: 1\nzzz: {}", "m.yaml:2:1: unknown field `zzz`", "/zzz", "known here: `version`, `environments`"),
            ("version: x", "m.yaml:1:10: expected an integer of at least 0, got a string", "/version", ""),
            ("version: -1", "m.yaml:1:10: expected an integer of at least 0", "/version", ""),
            ("environments: {}", "m.yaml:1:1: the field `version` is missing", "", ""),
            (
                &dev("sorce: x"),
                "m.yaml:4:5: unknown field `sorce`",
                "/environments/dev/sorce",
                "did you mean `source`?",
            ),
            (
                &dev("source: 1.34"),
                "m.yaml:4:13: expected a string, got a number",
                "/environments/dev/source",
                "put the value in quotes",
            ),
            (
                &dev("{source: a, needs: [b, 1]}"),
                "m.yaml:4:28: expected a string, got an integer",
                "/environments/dev/needs/1",
                "put the value in quotes",
            ),
            (
                &dev("{source: a, land: atuo}"),
                "m.yaml:4:23: unknown value `atuo`",
                "/environments/dev/land",
                "did you mean `auto`?",
            ),
            (
                &dev("{source: a, from: {evn: x}}"),
                "m.yaml:4:24: unknown value `evn`",
                "/environments/dev/from/evn",
                "did you mean `env`?",
            ),
            (
                &dev("{source: a, from: {env: [x]}}"),
                "m.yaml:4:29: expected a string, got a list",
                "/environments/dev/from/env",
                "",
            ),
            (&dev("- source"), "m.yaml:4:5: expected a map, got a list", "/environments/dev", ""),
        ];
        for (text, message, pointer, hint) in table {
            let error = config(text).unwrap_err();
            assert_eq!(error.to_string(), message, "{text}");
            assert_eq!(error.pointer, pointer, "{text}");
            assert_eq!(error.hint.as_deref().unwrap_or_default(), hint, "{text}");
            assert_eq!(
                error.finding("config").place.unwrap().excerpt.unwrap().line,
                text.lines().nth(error.place().unwrap().line.unwrap() as usize - 1).unwrap()
            );
        }
    }
}
