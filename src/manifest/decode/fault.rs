//! What serde says is wrong, in the words of YAML.

use super::nearest;
use crate::manifest::source::Origin;
use serde::de::{self, Unexpected};
use std::fmt;

/// An error on its way out: the path grows from the leaf to the root.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) message: String,
    pub(super) path: Vec<String>,
    pub(super) origin: Option<Origin>,
    pub(super) hint: Option<String>,
}

impl Fault {
    pub(super) fn new(message: String) -> Self {
        Self { message, path: Vec::new(), origin: None, hint: None }
    }

    pub(super) fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }

    /// Sets the place unless something deeper has done so.
    pub(super) fn at(mut self, origin: Option<&Origin>) -> Self {
        if self.origin.is_none() {
            self.origin = origin.cloned();
        }
        self
    }

    pub(super) fn within(mut self, token: impl Into<String>) -> Self {
        self.path.push(token.into());
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(got: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        let (got, scalar) = match got {
            Unexpected::Bool(_) => ("a boolean", true),
            Unexpected::Unsigned(_) | Unexpected::Signed(_) => ("an integer", true),
            Unexpected::Float(_) => ("a number", true),
            Unexpected::Char(_) | Unexpected::Str(_) => ("a string", false),
            Unexpected::Unit | Unexpected::Option => ("null", false),
            Unexpected::Seq => ("a list", false),
            Unexpected::Map => ("a map", false),
            _ => ("something else", false),
        };
        let expected = in_words(&expected.to_string());
        let quote = scalar && expected.contains("a string");
        Self::new(format!("expected {expected}, got {got}")).hint(quote.then(|| "put the value in quotes".into()))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(format!("expected {}", in_words(&expected.to_string())))
    }

    fn invalid_length(length: usize, expected: &dyn de::Expected) -> Self {
        Self::new(format!("expected {}, got {length} items", in_words(&expected.to_string())))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("unknown field `{field}`")).hint(suggestion(field, expected))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        Self::new(format!("unknown value `{variant}`")).hint(suggestion(variant, expected))
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("the field `{field}` is missing"))
    }
}

/// serde's names of Rust types in the words of YAML.
fn in_words(expected: &str) -> String {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => "an integer of at least 0".into(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "an integer".into(),
        "f32" | "f64" => "a number".into(),
        "a sequence" => "a list".into(),
        other if other.starts_with("struct ") => "a map".into(),
        other if other.starts_with("enum ") => "one of a few words".into(),
        other => other.into(),
    }
}

fn suggestion(word: &str, known: &[&str]) -> Option<String> {
    let list = || known.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    match nearest(word, known.iter().copied()) {
        Some(name) => Some(format!("did you mean `{name}`?")),
        None if known.is_empty() => None,
        None => Some(format!("known here: {}", list())),
    }
}
