//! Values to YAML text that both Go dialects read back as the same values.
//!
//! Deterministic: the same value gives the same bytes. Keys stay in the order given ([`canonical`] sorts them); numbers
//! are written by value as Go prints them (`0644` as `420`, `1.0` as `1`); long lines are not folded.
//!
//! The one text that does not survive is the key `<<`: kustomize takes it for a merge even in quotes.

use crate::manifest::value::{Data, Key, Map, NumberKind, Value};
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

/// The YAML text of one document, ending in a line end.
#[must_use]
pub fn write(value: &Value) -> String {
    write_documents(&[value])
}

/// The YAML text of several documents with `---` lines between them.
#[must_use]
pub fn write_documents(values: &[&Value]) -> String {
    let mut text = String::new();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            text.push_str("---\n");
        }
        let options = serde_saphyr::ser_options! { folded_wrap_chars: usize::MAX };
        let start = text.len();
        serde_saphyr::to_fmt_writer_with_options(&mut text, &Written(value), options)
            .expect("because every value has a YAML form and a string takes every byte");
        quote_separators(&mut text, start, value);
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    text
}

/// Quotes the keys at the root that begin like a separator: the emitter writes some of them plain, and they stand at the start of
/// a line.
fn quote_separators(text: &mut String, start: usize, value: &Value) {
    let keys = value.as_map().into_iter().flat_map(Map::keys).map(Key::as_str);
    for key in keys.filter(|key| key.starts_with("---")) {
        let plain = format!("{key}:");
        let mut lines = text[start..].match_indices(&plain).map(|(at, _)| start + at);
        let at = lines.find(|at| *at == start || text.as_bytes().get(at - 1) == Some(&b'\n'));
        if let Some(at) = at {
            // The strings of JSON are double-quoted scalars.
            text.replace_range(at..at + key.len(), &serde_json::Value::from(key).to_string());
        }
    }
}

/// The same value with its keys in the order of environment branches.
///
/// At the top: `apiVersion`, `kind`, `metadata`, then the others by bytes. In `metadata`: `name`, `namespace`, `labels`,
/// `annotations`, then the others. Everywhere below: by bytes. Lists keep their order.
#[must_use]
pub fn canonical(value: &Value) -> Value {
    const TOP: &[&str] = &["apiVersion", "kind", "metadata"];
    const METADATA: &[&str] = &["name", "namespace", "labels", "annotations"];
    let mut sorted = ordered(value, TOP);
    if let (Some(from), Some(to)) = (value.get("metadata"), sorted.get_mut("metadata")) {
        *to = ordered(from, METADATA);
    }
    sorted
}

/// Sorts the keys of `value` with those of `first` in front, and everything below it.
fn ordered(value: &Value, first: &[&str]) -> Value {
    let data = match &value.data {
        Data::Map(map) => {
            let rank = |key: &Key| first.iter().position(|name| *name == key.text).unwrap_or(first.len());
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by(|(a, _), (b, _)| rank(a).cmp(&rank(b)).then_with(|| a.text.cmp(&b.text)));
            Data::Map(entries.into_iter().map(|(key, value)| (key.clone(), ordered(value, &[]))).collect::<Map>())
        }
        Data::List(items) => Data::List(items.iter().map(|item| ordered(item, &[])).collect()),
        other => other.clone(),
    };
    Value { data, origin: value.origin.clone() }
}

/// Says whether a text of several lines would not survive as a block: go-yaml takes a tab at its start for indentation,
/// and blank lines at its end depend on what follows the block in the file.
fn must_be_quoted(text: &str) -> bool {
    text.contains('\n') && (text.ends_with("\n\n") || text.trim_start_matches('\n').starts_with(['\t']) || text == "\n")
}

/// Keeps the emitter's trait off [`Value`] itself, so that nothing else serialises manifests by accident.
struct Written<'a>(&'a Value);

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0.data {
            Data::Null => serializer.serialize_unit(),
            Data::Bool(flag) => serializer.serialize_bool(*flag),
            Data::Number(number) => match (number.kind(), number.as_i64()) {
                (_, Some(n)) | (NumberKind::Integer(n), None) => serializer.serialize_i64(n),
                (NumberKind::Unsigned(n), None) => serializer.serialize_u64(n),
                (NumberKind::Float(n), None) => serializer.serialize_f64(n),
            },
            // One that begins like a separator could stand at the start of a line.
            Data::String(text) if must_be_quoted(text) || text.starts_with("---") => {
                serde_saphyr::DoubleQuoted(text).serialize(serializer)
            }
            Data::String(text) => serializer.serialize_str(text),
            Data::List(items) => {
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(&Written(item)))?;
                list.end()
            }
            Data::Map(map) => {
                let mut entries = serializer.serialize_map(Some(map.len()))?;
                map.iter().try_for_each(|(key, value)| entries.serialize_entry(key.as_str(), &Written(value)))?;
                entries.end()
            }
        }
    }
}
