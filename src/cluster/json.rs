//! JSON at the API server's boundary: values to JSON and back.

use crate::manifest::value::NumberKind;
use crate::manifest::{Data, Key, Map, Number, Value};

/// A value as JSON; key order is kept. A float that JSON cannot say becomes null, as no manifest can hold one.
pub(super) fn to_json(value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match &value.data {
        Data::Null => Json::Null,
        Data::Bool(flag) => Json::Bool(*flag),
        Data::Number(number) => match number.kind() {
            NumberKind::Integer(n) => n.into(),
            NumberKind::Unsigned(n) => n.into(),
            NumberKind::Float(f) => f.into(),
        },
        Data::String(text) => Json::String(text.clone()),
        Data::List(items) => Json::Array(items.iter().map(to_json).collect()),
        Data::Map(map) => Json::Object(map.iter().map(|(key, value)| (key.text.clone(), to_json(value))).collect()),
    }
}

/// JSON as a value without origins.
pub(super) fn from_json(json: serde_json::Value) -> Value {
    use serde_json::Value as Json;
    match json {
        Json::Null => Value::null(),
        Json::Bool(flag) => flag.into(),
        Json::Number(number) => Data::Number(number_from(&number)).into(),
        Json::String(text) => text.into(),
        Json::Array(items) => items.into_iter().map(from_json).collect::<Vec<_>>().into(),
        Json::Object(map) => {
            map.into_iter().map(|(key, value)| (Key::from(key), from_json(value))).collect::<Map>().into()
        }
    }
}

fn number_from(number: &serde_json::Number) -> Number {
    let kind = match (number.as_i64(), number.as_u64()) {
        (Some(n), _) => NumberKind::Integer(n),
        (None, Some(n)) => NumberKind::Unsigned(n),
        (None, None) => NumberKind::Float(number.as_f64().unwrap_or_default()),
    };
    Number::new(number.to_string(), kind)
}
