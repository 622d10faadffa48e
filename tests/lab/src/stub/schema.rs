//! Schemas of OpenAPI 2 and 3.0 as JSON Schema: they differ in what `nullable` and the exclusive bounds mean.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

/// The schema as JSON Schema 2020-12, still with its references into the description.
pub(super) fn convert(schema: &Value) -> Value {
    let Some(object) = schema.as_object() else { return schema.clone() };
    let mut made = Map::new();
    for (key, value) in object {
        let value = match key.as_str() {
            "nullable" | "example" | "examples" | "discriminator" | "xml" | "externalDocs" | "description"
            | "readOnly" | "writeOnly" | "deprecated" | "title" | "default" => continue,
            "properties" | "patternProperties" | "definitions" => Value::Object(
                value.as_object().into_iter().flatten().map(|(name, schema)| (name.clone(), convert(schema))).collect(),
            ),
            "allOf" | "anyOf" | "oneOf" => value.as_array().into_iter().flatten().map(convert).collect(),
            "items" | "not" | "additionalProperties" => convert(value),
            "exclusiveMinimum" | "exclusiveMaximum" if value.is_boolean() => continue,
            // Older descriptions write `required` beside a property, which means nothing to JSON Schema.
            "required" if !value.is_array() => continue,
            _ => value.clone(),
        };
        made.insert(key.clone(), value);
    }
    for (flag, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        if object.get(flag) == Some(&Value::Bool(true))
            && let Some(value) = made.remove(bound)
        {
            made.insert(flag.to_owned(), value);
        }
    }
    if made.get("type") == Some(&json!("file")) {
        return json!({});
    }
    let nullable = |name: &str| object.get(name) == Some(&Value::Bool(true));
    if nullable("nullable") || nullable("x-nullable") {
        return json!({"anyOf": [Value::Object(made), {"type": "null"}]});
    }
    Value::Object(made)
}

/// The schema with everything that it refers to, as a document of its own.
///
/// References are `#/components/schemas/NAME` or `#/definitions/NAME` of `description`.
pub(super) fn close(schema: &Value, description: &Value) -> Value {
    let root = convert(schema);
    let mut wanted = references(&root);
    let mut seen = BTreeSet::new();
    let (mut components, mut definitions) = (Map::new(), Map::new());
    while let Some(reference) = wanted.pop_first() {
        if !seen.insert(reference.clone()) {
            continue;
        }
        let target = description.pointer(reference.trim_start_matches('#'));
        let target = convert(target.unwrap_or(&Value::Bool(false)));
        wanted.extend(references(&target));
        if let Some(name) = reference.strip_prefix("#/components/schemas/") {
            components.insert(name.to_owned(), target);
        } else if let Some(name) = reference.strip_prefix("#/definitions/") {
            definitions.insert(name.to_owned(), target);
        }
    }
    json!({"allOf": [root], "components": {"schemas": components}, "definitions": definitions})
}

fn references(schema: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut open = vec![schema];
    while let Some(value) = open.pop() {
        match value {
            Value::Object(object) => {
                if let Some(reference) = object.get("$ref").and_then(Value::as_str) {
                    found.insert(reference.to_owned());
                }
                open.extend(object.values());
            }
            Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
    found
}

/// Drops what is said to people: two thirds of a description.
#[must_use]
pub(crate) fn without_prose(value: Value, names: bool) -> Value {
    match value {
        Value::Object(object) => Value::Object(
            object
                .into_iter()
                .filter(|(key, value)| names || !is_prose(key, value))
                // Below `properties`, keys are names, not words of the description language.
                .map(|(key, value)| {
                    let names = !names && key == "properties";
                    (key, without_prose(value, names))
                })
                .collect(),
        ),
        Value::Array(items) => items.into_iter().map(|item| without_prose(item, false)).collect(),
        other => other,
    }
}

fn is_prose(key: &str, value: &Value) -> bool {
    match key {
        "example" | "examples" | "externalDocs" | "x-webhooks" | "webhooks" | "x-github" => true,
        "description" | "summary" => value.is_string(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_null_is_said_as_json_schema_says_it() {
        let schema = json!({"type": "object", "properties": {
            "nullable": {"type": "string", "enum": ["a"], "nullable": true},
            "much": {"type": "integer", "minimum": 0, "exclusiveMinimum": true},
        }});
        let expected = json!({"type": "object", "properties": {
            "nullable": {"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "null"}]},
            "much": {"type": "integer", "exclusiveMinimum": 0},
        }});
        assert_eq!(convert(&schema), expected);
    }

    #[test]
    fn references_are_followed_to_their_end() {
        let description = json!({"components": {"schemas": {
            "a": {"properties": {"b": {"$ref": "#/components/schemas/b"}}},
            "b": {"properties": {"a": {"$ref": "#/components/schemas/a"}}},
            "c": {},
        }}});
        let closed = close(&json!({"$ref": "#/components/schemas/a"}), &description);
        let names: Vec<_> = closed["components"]["schemas"].as_object().into_iter().flatten().map(|(n, _)| n).collect();
        assert_eq!(names, ["a", "b"]);
    }

    #[test]
    fn prose_goes_and_properties_of_those_names_stay() {
        let kept = without_prose(
            json!({"description": "x", "properties": {"description": {"type": "string", "example": "y"}}}),
            false,
        );
        assert_eq!(kept, json!({"properties": {"description": {"type": "string"}}}));
    }
}
