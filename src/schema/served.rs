//! Kinds as a server describes them: OpenAPI v3 documents (`/openapi/v3/apis/GROUP/VERSION`), made into one small document.

use super::bundle::BundledKind;
use super::definition::Schema;
use crate::manifest::TypeKey;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, HashMap};

/// The form of a bundle: kinds, and the definitions that they reach.
#[derive(Deserialize)]
pub(super) struct Document {
    pub(super) kinds: Vec<BundledKind>,
    pub(super) definitions: HashMap<Box<str>, Schema>,
}

/// Says whether a JSON value has the form of a bundle.
pub(super) fn is_bundle(json: &Value) -> bool {
    json["kinds"].is_array() && json["definitions"].is_object()
}

/// Says whether a JSON value is an OpenAPI v3 document with schemas.
pub(super) fn is_openapi(json: &Value) -> bool {
    json["components"]["schemas"].is_object()
}

/// What OpenAPI v3 documents of a server tell of the kinds that `keep` wants, as one document in the form of a bundle:
/// kinds in order, the definitions that they reach, no prose.
///
/// Scope and plural come from the paths. Kinds that have no path of their own (lists, options) are left out.
#[must_use]
pub fn condense(documents: &[Value], version: &str, keep: &dyn Fn(&TypeKey) -> bool) -> Value {
    let empty = Map::new();
    let mut resources: BTreeMap<TypeKey, Resource> = BTreeMap::new();
    let mut schemas: BTreeMap<&str, &Value> = BTreeMap::new();
    for document in documents {
        for (path, operations) in document["paths"].as_object().unwrap_or(&empty) {
            resource(path, operations, &mut resources);
        }
        let found = document["components"]["schemas"].as_object().unwrap_or(&empty);
        schemas.extend(found.iter().map(|(name, schema)| (name.as_str(), schema)));
    }
    let mut of: BTreeMap<TypeKey, &str> = BTreeMap::new();
    for (name, schema) in &schemas {
        for kind in schema["x-kubernetes-group-version-kind"].as_array().into_iter().flatten() {
            of.insert(type_key(kind), name);
        }
    }
    let (mut kinds, mut wanted, mut kept) = (Vec::new(), Vec::new(), BTreeMap::new());
    for (key, resource) in resources.iter().filter(|(key, _)| keep(key)) {
        let Some(name) = of.get(key) else { continue };
        wanted.push((*name).to_owned());
        kinds.push(json!({"group": key.group, "version": key.version, "kind": key.kind, "plural": resource.plural,
            "namespaced": resource.namespaced, "status": resource.status, "servedByDefault": true, "definition": name}));
    }
    while let Some(name) = wanted.pop() {
        if let (false, Some(schema)) = (kept.contains_key(&name), schemas.get(name.as_str())) {
            let schema = definition(&name, schema, &mut wanted);
            kept.insert(name, schema);
        }
    }
    json!({"kubernetes": version, "kinds": kinds, "definitions": kept})
}

#[derive(Default)]
struct Resource {
    plural: String,
    namespaced: bool,
    status: bool,
}

/// Reads `{group, version, kind}`.
pub(super) fn type_key(kind: &Value) -> TypeKey {
    let text = |name: &str| kind[name].as_str().unwrap_or_default().to_owned();
    TypeKey { group: text("group"), version: text("version"), kind: text("kind") }
}

/// Notes what a path says of its resource: `/apis/GROUP/VERSION[/namespaces/{namespace}]/PLURAL[/{name}[/status]]`.
fn resource(path: &str, operations: &Value, resources: &mut BTreeMap<TypeKey, Resource>) {
    let mut parts: Vec<&str> = path.split('/').skip(1).collect();
    let root = match parts.first() {
        Some(&"api") => 2,
        Some(&"apis") => 3,
        _ => return,
    };
    if parts.len() <= root || parts[root] == "watch" {
        return;
    }
    parts.drain(..root);
    let namespaced = parts.len() > 2 && parts[..2] == ["namespaces", "{namespace}"];
    if namespaced {
        parts.drain(..2);
    }
    let status = match parts[..] {
        [_] | [_, "{name}"] => false,
        [_, "{name}", "status"] => true,
        _ => return,
    };
    let kinds = operations.as_object().into_iter().flat_map(Map::values);
    for kind in kinds.filter_map(|operation| operation.get("x-kubernetes-group-version-kind")) {
        let resource = resources.entry(type_key(kind)).or_default();
        parts[0].clone_into(&mut resource.plural);
        resource.namespaced |= namespaced;
        resource.status |= status;
    }
}

/// A definition without prose, `$ref` as a bare name, and what OpenAPI cannot say of a Go type that reads its JSON itself.
fn definition(name: &str, schema: &Value, wanted: &mut Vec<String>) -> Value {
    if !name.starts_with("io.k8s.") {
        return keep(schema, wanted);
    }
    match name.rsplit('.').next().unwrap_or_default() {
        "Quantity" => json!({"format": "quantity"}),
        "IntOrString" => json!({"x-kubernetes-int-or-string": true}),
        "RawExtension" | "FieldsV1" => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
        "JSON" | "JSONSchemaPropsOrArray" | "JSONSchemaPropsOrBool" | "JSONSchemaPropsOrStringArray" => {
            json!({"x-kubernetes-preserve-unknown-fields": true})
        }
        "MicroTime" => json!({"type": "string", "format": "micro-time"}),
        _ => keep(schema, wanted),
    }
}

fn keep(schema: &Value, wanted: &mut Vec<String>) -> Value {
    let Some(schema) = schema.as_object() else { return schema.clone() };
    let mut kept = Map::new();
    for (keyword, value) in schema {
        match keyword.as_str() {
            "description"
            | "title"
            | "example"
            | "externalDocs"
            | "x-kubernetes-group-version-kind"
            | "x-kubernetes-selectable-fields" => {}
            "$ref" => {
                let name = value.as_str().and_then(|text| text.rsplit('/').next()).unwrap_or_default();
                wanted.push(name.to_owned());
                kept.insert(keyword.clone(), name.into());
            }
            "properties" => {
                let fields = value.as_object().into_iter().flatten();
                let fields: Map<_, _> = fields.map(|(name, field)| (name.clone(), keep(field, wanted))).collect();
                kept.insert(keyword.clone(), fields.into());
            }
            // A reference with something beside it is written as `allOf` with one part.
            "allOf" if value.as_array().is_some_and(|parts| parts.len() == 1 && parts[0].get("$ref").is_some()) => {
                if let Value::Object(part) = keep(&value[0], wanted) {
                    kept.extend(part);
                }
            }
            "allOf" | "anyOf" | "oneOf" => {
                let parts = value.as_array().into_iter().flatten().map(|part| keep(part, wanted));
                kept.insert(keyword.clone(), parts.collect());
            }
            "items" | "additionalProperties" | "not" => drop(kept.insert(keyword.clone(), keep(value, wanted))),
            _ => drop(kept.insert(keyword.clone(), value.clone())),
        }
    }
    kept.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document() -> Value {
        let kind = json!({"group": "example.com", "version": "v1", "kind": "Thing"});
        let get = json!({"get": {"x-kubernetes-group-version-kind": kind}});
        json!({
            "paths": {
                "/apis/example.com/v1/": {"get": {}},
                "/apis/example.com/v1/things": get,
                "/apis/example.com/v1/namespaces/{namespace}/things": get,
                "/apis/example.com/v1/namespaces/{namespace}/things/{name}/status": get,
                "/apis/example.com/v1/namespaces/{namespace}/things/{name}/scale":
                    {"get": {"x-kubernetes-group-version-kind": {"group": "autoscaling", "version": "v1", "kind": "Scale"}}},
            },
            "components": {"schemas": {
                "com.example.v1.Thing": {
                    "x-kubernetes-group-version-kind": [kind], "type": "object", "description": "A thing.",
                    "properties": {
                        "description": {"type": "string", "description": "Prose."},
                        "metadata": {"allOf": [{"$ref": "#/components/schemas/io.k8s.Meta"}], "description": "Prose."},
                    },
                },
                "io.k8s.Meta": {"type": "object"},
                "io.k8s.Unused": {"type": "object"},
            }},
        })
    }

    #[test]
    fn kinds_have_scope_and_plural_and_what_they_reach() {
        let wanted = json!({
            "kubernetes": "1.36",
            "kinds": [{"group": "example.com", "version": "v1", "kind": "Thing", "plural": "things", "namespaced": true,
                "status": true, "servedByDefault": true, "definition": "com.example.v1.Thing"}],
            "definitions": {
                "com.example.v1.Thing": {"type": "object", "properties": {
                    "description": {"type": "string"}, "metadata": {"$ref": "io.k8s.Meta"}}},
                "io.k8s.Meta": {"type": "object"},
            },
        });
        assert_eq!(condense(&[document()], "1.36", &|_| true), wanted);
    }

    #[test]
    fn kinds_that_nobody_wants_are_left_out() {
        let condensed = condense(&[document()], "1.36", &|key| key.group != "example.com");
        assert_eq!(condensed, json!({"kubernetes": "1.36", "kinds": [], "definitions": {}}));
    }
}
