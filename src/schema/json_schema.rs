//! JSON Schema (drafts 4 to 2020-12) as a schema of ours: what both can say is taken over, the rest is told.
//!
//! Unlike in the schema of a CustomResourceDefinition, fields that a schema does not name are allowed unless it says
//! `additionalProperties: false`.

use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// A JSON Schema taken over.
pub(super) struct Converted {
    /// Schemas in our form, by name; the whole is called [`ROOT`].
    pub(super) definitions: BTreeMap<String, Value>,
    /// Keywords that say more than ours can: what they ask for is not judged.
    pub(super) not_evaluated: BTreeSet<String>,
}

/// The name of the whole schema.
pub(super) const ROOT: &str = "#";

/// The most definitions of one schema.
const MOST_DEFINITIONS: usize = 10_000;

/// Takes a schema over. `file` gives another file that it refers to, by the path as written.
///
/// # Errors
/// A reference that leads nowhere, or out of the repository.
pub(super) fn convert(schema: &Value, file: &dyn Fn(&str) -> Option<Value>) -> Result<Converted, String> {
    let mut converter = Converter {
        files: BTreeMap::from([(String::new(), schema.clone())]),
        file,
        wanted: vec![ROOT.to_owned()],
        not_evaluated: BTreeSet::new(),
    };
    let mut definitions = BTreeMap::new();
    while let Some(name) = converter.wanted.pop() {
        if definitions.contains_key(&name) {
            continue;
        }
        if definitions.len() >= MOST_DEFINITIONS {
            return Err(format!("it has more than {MOST_DEFINITIONS} definitions"));
        }
        let (path, schema) = converter.find(&name)?;
        let converted = converter.schema(&path, &schema)?;
        definitions.insert(name, converted);
    }
    Ok(Converted { definitions, not_evaluated: converter.not_evaluated })
}

struct Converter<'a> {
    /// Files that were read, by path; the schema itself has the empty one.
    files: BTreeMap<String, Value>,
    file: &'a dyn Fn(&str) -> Option<Value>,
    wanted: Vec<String>,
    not_evaluated: BTreeSet<String>,
}

impl Converter<'_> {
    /// The schema that a name (`FILE#POINTER`) stands for, with the path of its file.
    fn find(&mut self, name: &str) -> Result<(String, Value), String> {
        let (path, pointer) = name.split_once('#').unwrap_or((name, ""));
        if !self.files.contains_key(path) {
            let read = (self.file)(path).ok_or_else(|| format!("it refers to `{path}`, which is not there"))?;
            self.files.insert(path.to_owned(), read);
        }
        let found = self.files[path].pointer(pointer);
        let found = found.ok_or_else(|| format!("it refers to `{name}`, which is not there"))?;
        Ok((path.to_owned(), found.clone()))
    }

    fn reference(&mut self, path: &str, text: &str) -> Result<Value, String> {
        if text.contains("://") {
            return Err(format!("it refers to `{text}`: schemas are not fetched for references"));
        }
        let (file, pointer) = text.split_once('#').unwrap_or((text, ""));
        if !(pointer.is_empty() || pointer.starts_with('/')) {
            return Err(format!("it refers to `{text}` by an anchor, which is not supported"));
        }
        let name = format!("{}#{pointer}", if file.is_empty() { path } else { file });
        self.wanted.push(name.clone());
        Ok(name.into())
    }

    fn schema(&mut self, path: &str, schema: &Value) -> Result<Value, String> {
        let schema = match schema {
            Value::Object(schema) => schema,
            Value::Bool(true) => return Ok(json!({"x-kubernetes-preserve-unknown-fields": true})),
            Value::Bool(false) => return Ok(json!({"not": {}})),
            _ => return Err("a schema in it is neither an object nor a boolean".to_owned()),
        };
        let mut kept = Map::new();
        for (keyword, value) in schema {
            self.keyword(path, keyword, value, &mut kept)?;
        }
        if is_int_or_string(&kept) {
            kept.shift_remove("oneOf");
            kept.shift_remove("anyOf");
            kept.insert("x-kubernetes-int-or-string".to_owned(), true.into());
        }
        let open = !schema.contains_key("additionalProperties") || schema["additionalProperties"] == true;
        let is_map = kept.get("type").is_some_and(|kind| kind == "object") || kept.contains_key("properties");
        if open && is_map {
            kept.insert("x-kubernetes-preserve-unknown-fields".to_owned(), true.into());
        }
        Ok(kept.into())
    }

    fn keyword(
        &mut self,
        path: &str,
        keyword: &str,
        value: &Value,
        kept: &mut Map<String, Value>,
    ) -> Result<(), String> {
        match keyword {
            "type" => types(value, kept),
            "const" => put(kept, "enum", json!([value])),
            "$ref" => {
                let text = value.as_str().ok_or("a `$ref` in it is no text")?;
                put(kept, "$ref", self.reference(path, text)?);
            }
            "exclusiveMinimum" if value.is_number() => {
                put(kept, "minimum", value.clone());
                put(kept, keyword, true.into());
            }
            "exclusiveMaximum" if value.is_number() => {
                put(kept, "maximum", value.clone());
                put(kept, keyword, true.into());
            }
            // The exclusive bound was there first.
            "minimum" if kept.get("exclusiveMinimum") == Some(&Value::Bool(true)) && kept.contains_key("minimum") => {}
            "maximum" if kept.get("exclusiveMaximum") == Some(&Value::Bool(true)) && kept.contains_key("maximum") => {}
            "properties" => {
                let mut fields = Map::new();
                for (name, field) in value.as_object().into_iter().flatten() {
                    fields.insert(name.clone(), self.schema(path, field)?);
                }
                put(kept, keyword, fields.into());
            }
            "allOf" | "anyOf" | "oneOf" => {
                let parts = value.as_array().into_iter().flatten().map(|part| self.schema(path, part));
                let parts = parts.collect::<Result<Vec<Value>, String>>()?;
                put(kept, keyword, parts.into());
            }
            "items" if value.is_array() => drop(self.not_evaluated.insert(keyword.to_owned())),
            "items" | "not" => {
                let part = self.schema(path, value)?;
                put(kept, keyword, part);
            }
            "additionalProperties" => {
                let part = if value.is_boolean() { value.clone() } else { self.schema(path, value)? };
                put(kept, keyword, part);
            }
            "patternProperties" => {
                self.not_evaluated.insert(keyword.to_owned());
                put(kept, "x-kubernetes-preserve-unknown-fields", true.into());
            }
            "required" if !value.is_array() => {}
            "required" | "enum" | "default" | "format" | "nullable" | "minimum" | "maximum" | "exclusiveMinimum"
            | "exclusiveMaximum" | "multipleOf" | "minLength" | "maxLength" | "pattern" | "minItems" | "maxItems"
            | "uniqueItems" | "minProperties" | "maxProperties" => put(kept, keyword, value.clone()),
            "x-kubernetes-group-version-kind" => {}
            _ if keyword.starts_with("x-kubernetes-") => put(kept, keyword, value.clone()),
            "if"
            | "then"
            | "else"
            | "dependencies"
            | "dependentRequired"
            | "dependentSchemas"
            | "propertyNames"
            | "contains"
            | "minContains"
            | "maxContains"
            | "prefixItems"
            | "additionalItems"
            | "unevaluatedProperties"
            | "unevaluatedItems"
            | "$dynamicRef"
            | "$recursiveRef" => {
                self.not_evaluated.insert(keyword.to_owned());
            }
            // What annotates, names or holds definitions asks for nothing.
            _ => {}
        }
        Ok(())
    }
}

fn put(kept: &mut Map<String, Value>, name: &str, value: Value) {
    kept.insert(name.to_owned(), value);
}

/// `type` as one name or several, `null` among them.
fn types(value: &Value, kept: &mut Map<String, Value>) {
    let names: Vec<&str> = match value {
        Value::String(name) => vec![name.as_str()],
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if names.contains(&"null") {
        kept.insert("nullable".to_owned(), true.into());
    }
    let rest: Vec<&str> = names.into_iter().filter(|name| *name != "null").collect();
    match rest[..] {
        [] => {}
        [only] => drop(kept.insert("type".to_owned(), only.into())),
        ["integer", "string"] | ["string", "integer"] => {
            kept.insert("x-kubernetes-int-or-string".to_owned(), true.into());
        }
        _ => {
            let parts: Vec<Value> = rest.iter().map(|name| json!({"type": name})).collect();
            kept.insert("anyOf".to_owned(), parts.into());
        }
    }
}

/// `oneOf` a string and an integer, as schemas that were made from Kubernetes' own say it.
fn is_int_or_string(kept: &Map<String, Value>) -> bool {
    let parts = kept.get("oneOf").or_else(|| kept.get("anyOf")).and_then(Value::as_array);
    let bare = |part: &Value, name: &str| part.as_object().is_some_and(|it| it.len() == 1) && part["type"] == name;
    match parts.map(Vec::as_slice) {
        Some([a, b]) => (bare(a, "string") && bare(b, "integer")) || (bare(a, "integer") && bare(b, "string")),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn root(schema: &Value) -> Value {
        convert(schema, &|_| None).unwrap().definitions.remove(ROOT).unwrap()
    }

    #[test]
    fn types_of_every_draft_come_to_the_same() {
        assert_eq!(root(&json!({"type": ["string", "null"]})), json!({"nullable": true, "type": "string"}));
        assert_eq!(root(&json!({"type": ["integer", "string"]})), json!({"x-kubernetes-int-or-string": true}));
        let two = json!({"oneOf": [{"type": "string"}, {"type": "integer"}]});
        assert_eq!(root(&two), json!({"x-kubernetes-int-or-string": true}));
        assert_eq!(root(&json!({"const": 3})), json!({"enum": [3]}));
        let draft_4 = json!({"minimum": 1, "exclusiveMinimum": true});
        assert_eq!(root(&draft_4), draft_4);
        assert_eq!(root(&json!({"exclusiveMinimum": 1})), draft_4);
    }

    #[test]
    fn a_map_is_open_unless_it_says_otherwise() {
        let open = json!({"type": "object", "properties": {"a": true}});
        assert_eq!(root(&open)["x-kubernetes-preserve-unknown-fields"], true);
        let closed = json!({"type": "object", "properties": {}, "additionalProperties": false});
        assert_eq!(root(&closed), closed);
    }

    #[test]
    fn references_are_followed_inside_and_to_files_beside_and_nowhere_else() {
        let schema = json!({
            "properties": {"a": {"$ref": "#/definitions/a"}, "b": {"$ref": "_definitions.json#/definitions/b"}},
            "definitions": {"a": {"properties": {"again": {"$ref": "#/definitions/a"}}}},
        });
        let beside = |path: &str| {
            (path == "_definitions.json")
                .then(|| json!({"definitions": {"b": {"$ref": "#/definitions/c"}, "c": {"type": "integer"}}}))
        };
        let names: Vec<String> = convert(&schema, &beside).unwrap().definitions.into_keys().collect();
        let wanted = ["#", "#/definitions/a", "_definitions.json#/definitions/b", "_definitions.json#/definitions/c"];
        assert_eq!(names, wanted);
        for (bad, why) in [
            ("https://example.com/x.json", "are not fetched"),
            ("#/definitions/none", "is not there"),
            ("other.json#/a", "is not there"),
            ("#anchor", "by an anchor"),
        ] {
            let error = convert(&json!({"$ref": bad}), &|_| None).map(|_| ()).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_judged_is_told() {
        let schema = json!({"if": {}, "then": {}, "patternProperties": {"^a": {}}, "type": "object"});
        let told: Vec<String> = convert(&schema, &|_| None).unwrap().not_evaluated.into_iter().collect();
        assert_eq!(told, ["if", "patternProperties", "then"]);
    }
}
