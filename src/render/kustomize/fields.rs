//! Reading of kustomization files as Go's JSON decoder reads them: strict about unknown fields and types, and without
//! regard to the case of a field's letters. Null is a field that is not there.

use super::stop::{Built, Stop};
use crate::manifest::decode::nearest;
use crate::manifest::{Data, Map, Origin, Value};

/// A text with its place.
#[derive(Debug, Clone, Default)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) origin: Option<Origin>,
}

/// A key and a text of a map, each with its place.
#[derive(Debug, Clone)]
pub(super) struct Pair {
    pub(super) key: Text,
    pub(super) value: Text,
}

impl Text {
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

/// The fields of a struct.
pub(super) struct Fields<'a> {
    map: Option<&'a Map>,
    /// What it is, for messages: `images`.
    what: &'a str,
    /// Scalars become texts where texts are wanted, as sigs.k8s.io/yaml has it when it knows the type.
    lenient: bool,
    origin: Option<&'a Origin>,
}

impl<'a> Fields<'a> {
    /// The fields of `value`; with `known`, all others are refused.
    pub(super) fn new(value: &'a Value, what: &'a str, known: Option<&[&str]>) -> Built<Self> {
        let map = match &value.data {
            Data::Null => None,
            Data::Map(map) => Some(map),
            _ => return Err(Stop::refused(format!("`{what}` must be a map"), value.origin.as_ref())),
        };
        for (key, _) in map.into_iter().flatten() {
            let Some(known) = known else { break };
            if known.iter().any(|name| name.eq_ignore_ascii_case(&key.text)) {
                continue;
            }
            let of = if what.is_empty() { String::new() } else { format!(" in `{what}`") };
            let stop = Stop::refused(format!("kustomize knows no field `{}`{of}", key.text), key.origin.as_ref());
            return Err(match nearest(&key.text, known.iter().copied()) {
                Some(name) => stop.hint(format!("did you mean `{name}`?")),
                None => stop,
            });
        }
        Ok(Self { map, what, lenient: known.is_none(), origin: value.origin.as_ref() })
    }

    pub(super) fn origin(&self) -> Option<Origin> {
        self.origin.cloned()
    }

    /// A field that is there and not null.
    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        let map = self.map?;
        let value = map
            .get(name)
            .or_else(|| map.iter().find(|(key, _)| key.text.eq_ignore_ascii_case(name)).map(|(_, value)| value));
        value.filter(|value| !value.is_null())
    }

    /// Where the key of a field stands.
    pub(super) fn key_origin(&self, name: &str) -> Option<Origin> {
        let map = self.map?;
        let mut keys = map.keys().filter(|key| key.text.eq_ignore_ascii_case(name));
        keys.next().and_then(|key| key.origin.clone())
    }

    fn wrong<T>(&self, name: &str, wanted: &str, value: &Value) -> Built<T> {
        let field = if self.what.is_empty() { name.to_owned() } else { format!("{}.{name}", self.what) };
        let stop = Stop::refused(format!("`{field}` must be {wanted}"), value.origin.as_ref().or(self.origin));
        let scalar = matches!(value.data, Data::Bool(_) | Data::Number(_));
        Err(if scalar && wanted.contains("string") { stop.hint("put the value in quotes") } else { stop })
    }

    pub(super) fn text(&self, name: &str) -> Built<Text> {
        match self.get(name) {
            None => Ok(Text::default()),
            Some(value) => self.text_of(name, value),
        }
    }

    fn text_of(&self, name: &str, value: &Value) -> Built<Text> {
        let text = match &value.data {
            Data::Null => return Ok(Text::default()),
            Data::String(text) => text.clone(),
            Data::Bool(flag) if self.lenient => flag.to_string(),
            Data::Number(number) if self.lenient => match number.as_i64() {
                Some(integer) => integer.to_string(),
                None => super::scalar::shortest(number.as_f64()),
            },
            _ => return self.wrong(name, "a string", value),
        };
        Ok(Text { text, origin: value.origin.clone() })
    }

    pub(super) fn flag(&self, name: &str) -> Built<bool> {
        match self.get(name).map(|value| (value, &value.data)) {
            None => Ok(false),
            Some((_, Data::Bool(flag))) => Ok(*flag),
            Some((value, _)) => self.wrong(name, "true or false", value),
        }
    }

    pub(super) fn integer(&self, name: &str) -> Built<i64> {
        match self.get(name).map(|value| (value, value.as_i64())) {
            None => Ok(0),
            Some((_, Some(number))) => Ok(number),
            Some((value, None)) => self.wrong(name, "an integer", value),
        }
    }

    pub(super) fn list(&self, name: &str) -> Built<&'a [Value]> {
        match self.get(name).map(|value| (value, value.as_list())) {
            None => Ok(&[]),
            Some((_, Some(items))) => Ok(items),
            Some((value, None)) => self.wrong(name, "a list", value),
        }
    }

    pub(super) fn texts(&self, name: &str) -> Built<Vec<Text>> {
        let one = |item| self.text_of(name, item);
        self.list(name)?.iter().map(one).collect()
    }

    /// A map of strings, sorted by key as kustomize goes through it.
    pub(super) fn pairs(&self, name: &str) -> Built<Vec<Pair>> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        let Some(map) = value.as_map() else { return self.wrong(name, "a map of strings", value) };
        let mut pairs = Vec::with_capacity(map.len());
        for (key, value) in map {
            let value = self.text_of(&format!("{name}.{}", key.text), value)?;
            let key = Text { text: key.text.to_string(), origin: key.origin.clone() };
            pairs.push(Pair { key, value });
        }
        pairs.sort_by(|a, b| a.key.text.cmp(&b.key.text));
        Ok(pairs)
    }
}
