//! A value as it stands in a manifest: ordered maps, numbers with their literal, an origin on every node.

use super::source::Origin;
use smol_str::SmolStr;
use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

pub use super::map::Map;

/// A node of a manifest. Equality looks at the data alone, never at the origin.
#[derive(Clone)]
pub struct Value {
    /// What it is.
    pub data: Data,
    /// Where it came from; `None` for values that Mergeline or a renderer made.
    pub origin: Option<Origin>,
}

/// The data of a node.
#[derive(Clone, PartialEq)]
pub enum Data {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number with its literal.
    Number(Number),
    /// A string.
    String(String),
    /// A list.
    List(Vec<Value>),
    /// A map in input order.
    Map(Map),
}

/// A map key with its origin; compared, hashed and looked up by its text alone.
///
/// Half of what is in a manifest are keys, and hardly any is longer than 23 bytes: up to there none takes memory of its own.
#[derive(Clone)]
pub struct Key {
    /// The text.
    pub text: SmolStr,
    /// Where it stands.
    pub origin: Option<Origin>,
}

/// A number: its value, and the literal it was written as (`0644`, `1e3`, `1.0`).
#[derive(Clone)]
pub struct Number {
    literal: SmolStr,
    kind: NumberKind,
}

/// The value of a [`Number`].
#[derive(Debug, Clone, Copy)]
pub enum NumberKind {
    /// Fits a signed 64-bit integer.
    Integer(i64),
    /// Too large for a signed, fits an unsigned 64-bit integer.
    Unsigned(u64),
    /// Finite floating point.
    Float(f64),
}

impl Number {
    /// A number with the literal it was written as.
    pub fn new(literal: impl Into<SmolStr>, kind: NumberKind) -> Self {
        Self { literal: literal.into(), kind }
    }

    /// As written.
    #[must_use]
    pub fn literal(&self) -> &str {
        &self.literal
    }

    /// The value.
    #[must_use]
    pub fn kind(&self) -> NumberKind {
        self.kind
    }

    /// The value when it is integral and fits: `1.0` is the integer 1, as the API server's JSON reads it.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match self.kind {
            NumberKind::Integer(n) => Some(n),
            NumberKind::Unsigned(_) => None,
            #[allow(clippy::cast_possible_truncation)]
            NumberKind::Float(f) => (f.fract() == 0.0 && f.abs() < 9.007_199_254_740_992e15).then_some(f as i64),
        }
    }

    /// The value as floating point, rounded where it must be.
    #[must_use]
    #[allow(clippy::cast_precision_loss)]
    pub fn as_f64(&self) -> f64 {
        match self.kind {
            NumberKind::Integer(n) => n as f64,
            NumberKind::Unsigned(n) => n as f64,
            NumberKind::Float(f) => f,
        }
    }
}

impl From<i64> for Number {
    fn from(n: i64) -> Self {
        Self::new(n.to_string(), NumberKind::Integer(n))
    }
}

/// By value: `0644` and `420` are the same number, and so are `1` and `1.0`.
impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        match (self.kind, other.kind) {
            (NumberKind::Unsigned(a), NumberKind::Unsigned(b)) => a == b,
            _ => match (self.as_i64(), other.as_i64()) {
                (Some(a), Some(b)) => a == b,
                (None, None) => self.as_f64() == other.as_f64(),
                _ => false,
            },
        }
    }
}

impl Key {
    /// A key that Mergeline made.
    pub fn new(text: impl Into<SmolStr>) -> Self {
        Self { text: text.into(), origin: None }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Key {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.as_str().hash(state);
    }
}

impl From<&str> for Key {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Key {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        self.data == other.data
    }
}

impl From<Data> for Value {
    fn from(data: Data) -> Self {
        Self { data, origin: None }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Data::String(text.to_owned()).into()
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Data::String(text).into()
    }
}

impl From<bool> for Value {
    fn from(flag: bool) -> Self {
        Data::Bool(flag).into()
    }
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Data::Number(n.into()).into()
    }
}

impl From<Vec<Value>> for Value {
    fn from(items: Vec<Value>) -> Self {
        Data::List(items).into()
    }
}

impl From<Map> for Value {
    fn from(map: Map) -> Self {
        Data::Map(map).into()
    }
}

/// Builds a map value from entries, for the objects that Mergeline itself writes.
pub fn map<K: Into<Key>, V: Into<Value>>(entries: impl IntoIterator<Item = (K, V)>) -> Value {
    entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect::<Map>().into()
}

impl Value {
    /// `null` without an origin.
    #[must_use]
    pub fn null() -> Self {
        Data::Null.into()
    }

    /// Adds where it came from.
    #[must_use]
    pub fn with_origin(mut self, origin: impl Into<Option<Origin>>) -> Self {
        self.origin = origin.into();
        self
    }

    /// Says whether it is `null`.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.data, Data::Null)
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.data {
            Data::String(text) => Some(text),
            _ => None,
        }
    }

    /// The flag.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self.data {
            Data::Bool(flag) => Some(flag),
            _ => None,
        }
    }

    /// The integer.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match &self.data {
            Data::Number(number) => number.as_i64(),
            _ => None,
        }
    }

    /// The items of a list.
    #[must_use]
    pub fn as_list(&self) -> Option<&[Value]> {
        match &self.data {
            Data::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a map.
    #[must_use]
    pub fn as_map(&self) -> Option<&Map> {
        match &self.data {
            Data::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The items of a list, to change them.
    pub fn as_list_mut(&mut self) -> Option<&mut Vec<Value>> {
        match &mut self.data {
            Data::List(items) => Some(items),
            _ => None,
        }
    }

    /// The entries of a map, to change them.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.data {
            Data::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The value of `key` when this is a map that has it.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map()?.get(key)
    }

    /// The value of `key`, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.as_map_mut()?.get_mut(key)
    }

    /// Follows map keys from here: `value.path(&["metadata", "name"])`.
    #[must_use]
    pub fn path(&self, keys: &[&str]) -> Option<&Value> {
        keys.iter().try_fold(self, |value, key| value.get(key))
    }

    /// Sets `key`, keeping its place when it is there; makes a map of anything else first.
    pub fn set(&mut self, key: &str, value: impl Into<Value>) {
        if self.as_map().is_none() {
            self.data = Data::Map(Map::new());
        }
        if let Some(map) = self.as_map_mut() {
            map.insert(Key::new(key), value.into());
        }
    }

    /// Removes `key`, keeping the order of the others.
    pub fn remove(&mut self, key: &str) -> Option<Value> {
        self.as_map_mut()?.shift_remove(key)
    }

    /// The node at a JSON pointer (RFC 6901); the empty pointer is this node.
    #[must_use]
    pub fn at(&self, pointer: &str) -> Option<&Value> {
        tokens(pointer).try_fold(self, |value, token| match &value.data {
            Data::Map(map) => map.get(&token),
            Data::List(items) => items.get(token.parse::<usize>().ok()?),
            _ => None,
        })
    }

    /// The origin of the value at a JSON pointer, or of its nearest ancestor that has one.
    #[must_use]
    pub fn origin_at(&self, pointer: &str) -> Option<&Origin> {
        let mut nearest = self.origin.as_ref();
        let mut value = self;
        for token in tokens(pointer) {
            let next = match &value.data {
                Data::Map(map) => map.get(&token),
                Data::List(items) => token.parse::<usize>().ok().and_then(|index| items.get(index)),
                _ => None,
            };
            let Some(next) = next else { break };
            nearest = next.origin.as_ref().or(nearest);
            value = next;
        }
        nearest
    }

    /// The origin of the key that a JSON pointer ends in, or of the value there when it is a list item.
    #[must_use]
    pub fn key_origin_at(&self, pointer: &str) -> Option<&Origin> {
        let (parent, last) = pointer.rsplit_once('/')?;
        let key = self.at(parent)?.as_map().and_then(|map| map.get_key_value(&unescape(last)));
        key.and_then(|(key, _)| key.origin.as_ref()).or_else(|| self.origin_at(pointer))
    }
}

/// The unescaped tokens of a JSON pointer.
fn tokens(pointer: &str) -> impl Iterator<Item = Cow<'_, str>> {
    pointer.split('/').skip(1).map(unescape)
}

fn unescape(token: &str) -> Cow<'_, str> {
    if token.contains('~') { Cow::Owned(token.replace("~1", "/").replace("~0", "~")) } else { Cow::Borrowed(token) }
}

/// Escapes one token for a JSON pointer (RFC 6901 §3).
#[must_use]
pub fn escape_token(token: &str) -> String {
    let mut escaped = String::with_capacity(token.len());
    push_escaped(&mut escaped, token);
    escaped
}

/// Adds one token to a JSON pointer: `/` and its escaped text.
pub fn push_token(pointer: &mut String, token: &str) {
    pointer.push('/');
    push_escaped(pointer, token);
}

fn push_escaped(pointer: &mut String, token: &str) {
    if !token.bytes().any(|byte| matches!(byte, b'~' | b'/')) {
        pointer.push_str(token);
        return;
    }
    for c in token.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            other => pointer.push(other),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text)
    }
}

impl fmt::Debug for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.literal)
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.data.fmt(f)
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(flag) => flag.fmt(f),
            Self::Number(number) => number.fmt(f),
            Self::String(text) => text.fmt(f),
            Self::List(items) => items.fmt(f),
            Self::Map(map) => map.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_are_equal_by_value_and_keep_their_literal() {
        let octal = Number::new("0644", NumberKind::Integer(420));
        assert_eq!(octal, Number::from(420));
        assert_eq!(octal.literal(), "0644");
        assert_eq!(Number::new("1.0", NumberKind::Float(1.0)), Number::from(1));
        assert_ne!(Number::new("1.5", NumberKind::Float(1.5)), Number::from(1));
        assert_ne!(Number::new("18446744073709551615", NumberKind::Unsigned(u64::MAX)), Number::from(-1));
    }

    #[test]
    fn maps_are_equal_in_any_order_and_keep_their_own() {
        let one = map([("a", 1), ("b", 2)]);
        let two = map([("b", 2), ("a", 1)]);
        assert_eq!(one, two);
        assert_eq!(one.as_map().unwrap().keys().map(Key::as_str).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn pointers_unescape_their_tokens() {
        let value = map([("metadata", map([("annotations", map([("example.com/a~b", "x")]))]))]);
        assert_eq!(value.at("/metadata/annotations/example.com~1a~0b").unwrap().as_str(), Some("x"));
        assert!(value.at("/metadata/labels").is_none());
    }
}
