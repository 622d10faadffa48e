//! Values to and from JSON, for the boundaries that speak it: the schema library and the cluster client.
//!
//! Never for the way of a manifest from file to branch: JSON has no origins and no number literals.

use super::object::{NotAnObject, Object};
use super::value::{Data, Key, Map, Number, NumberKind, Value};
use serde_json::Value as Json;

/// The JSON of a value. Integral floating-point numbers become integers, as Go prints them.
#[must_use]
pub fn to_json(value: &Value) -> Json {
    match &value.data {
        Data::Null => Json::Null,
        Data::Bool(flag) => Json::Bool(*flag),
        Data::Number(number) => match (number.as_i64(), number.kind()) {
            (Some(n), _) | (None, NumberKind::Integer(n)) => Json::from(n),
            (None, NumberKind::Unsigned(n)) => Json::from(n),
            (None, NumberKind::Float(n)) => Json::from(n),
        },
        Data::String(text) => Json::String(text.clone()),
        Data::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Data::Map(map) => Json::Object(map.iter().map(|(key, value)| (key.text.to_string(), to_json(value))).collect()),
    }
}

/// A value from JSON, without origins; key order is kept.
#[must_use]
pub fn from_json(json: &Json) -> Value {
    let data = match json {
        Json::Null => Data::Null,
        Json::Bool(flag) => Data::Bool(*flag),
        Json::Number(number) => Data::Number(number_from(number)),
        Json::String(text) => Data::String(text.clone()),
        Json::Array(items) => Data::List(items.iter().map(from_json).collect()),
        Json::Object(map) => {
            Data::Map(map.iter().map(|(key, value)| (Key::new(key.as_str()), from_json(value))).collect::<Map>())
        }
    };
    data.into()
}

fn number_from(number: &serde_json::Number) -> Number {
    let kind = match (number.as_i64(), number.as_u64()) {
        (Some(n), _) => NumberKind::Integer(n),
        (None, Some(n)) => NumberKind::Unsigned(n),
        (None, None) => NumberKind::Float(number.as_f64().unwrap_or_default()),
    };
    Number::new(number.to_string(), kind)
}

impl Object {
    /// The object as the API server's JSON.
    #[must_use]
    pub fn to_json(&self) -> Json {
        to_json(self.value())
    }

    /// An object from the API server's JSON.
    ///
    /// # Errors
    /// [`NotAnObject`] says what is missing.
    pub fn from_json(json: &Json) -> Result<Self, NotAnObject> {
        Self::new(from_json(json))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::manifest::{Budget, Dialect, Source, yaml};

    #[test]
    fn json_keeps_order_and_numbers() {
        let text = "{\"b\":[1,-2,18446744073709551615,1.5,1e+300,null,true,\"x\"],\"a\":{}}";
        let json: Json = serde_json::from_str(text).unwrap();
        assert_eq!(to_json(&from_json(&json)).to_string(), text);
        let read =
            yaml::read(&Source::new("a.yaml", "a: 0644\nb: 1.0\nc: 1e3\n"), Dialect::Kubectl, &Budget::default());
        assert_eq!(to_json(&read.documents[0]).to_string(), "{\"a\":420,\"b\":1,\"c\":1000}");
    }
}
