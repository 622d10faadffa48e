//! Kinds from files that a configuration names: CustomResourceDefinitions, what `mergeline schema pull` wrote, OpenAPI v3
//! documents, JSON Schemas.

use super::bundle::BundledKind;
use super::burden;
use super::catalog::{Catalog, KindSchema, KindSource};
use super::custom;
use super::definition::{Schema, Store};
use super::json_schema::{self, Converted};
use super::served::{self, Document};
use crate::finding::{Finding, Place};
use crate::manifest::yaml::{self, Budget, Dialect};
use crate::manifest::{Source, TypeKey, Value, objects};
use serde_json::Value as Json;
use std::collections::HashMap;
use std::sync::Arc;

/// The rule of findings about such files.
const RULE: &str = "schema-source";

impl Catalog {
    /// Adds the kinds that a file of schemas describes. `expected` is the kind that a JSON Schema is of when its file was
    /// looked up by that kind; `beside` gives a file next to it, for references.
    ///
    /// What is known already stays: kinds of Kubernetes itself, those of CustomResourceDefinitions, and those that were
    /// added before. Gives what is wrong with the file; nothing passes silently.
    pub fn add_schemas(
        &mut self,
        source: &Arc<Source>,
        expected: Option<&TypeKey>,
        beside: &dyn Fn(&str) -> Option<Vec<u8>>,
    ) -> Vec<Finding> {
        let json = source.path().ends_with(".json") || source.text().trim_start().starts_with('{');
        let documents = if json { read_json(source) } else { read_yaml(source) };
        let documents = match documents {
            Ok(documents) => documents,
            Err(findings) => return findings,
        };
        let mut findings = Vec::new();
        let mut found = Vec::new();
        for document in documents {
            let kinds = match &document {
                _ if served::is_bundle(&document) => bundle(document, self.base()),
                _ if served::is_openapi(&document) => bundle(served::condense(&[document], "", &|_| true), self.base()),
                _ if is_definition(&document) => {
                    let (objects, _) = objects(source, Dialect::Kubectl, &Budget::default());
                    findings.extend(self.add_definitions(&objects));
                    break;
                }
                _ => json_schema(&document, expected, self.base(), beside).map(|(kinds, open)| {
                    findings.extend(not_evaluated(source, &open));
                    kinds
                }),
            };
            match kinds {
                Ok(kinds) => found.extend(kinds),
                Err(why) => {
                    findings.push(wrong(source, format!("`{}` is no schema that can be used: {why}", source.path())));
                }
            }
        }
        found.into_iter().for_each(|kind| self.add(kind));
        findings
    }
}

fn wrong(source: &Source, message: String) -> Finding {
    Finding::error(RULE, message).at(Place::file(source.path()))
}

fn not_evaluated(source: &Source, keywords: &std::collections::BTreeSet<String>) -> Option<Finding> {
    let names: Vec<String> = keywords.iter().map(|keyword| format!("`{keyword}`")).collect();
    let message = format!("what {} say in `{}` is not evaluated", names.join(", "), source.path());
    (!names.is_empty()).then(|| Finding::warning("not-evaluated", message).at(Place::file(source.path())))
}

fn read_json(source: &Source) -> Result<Vec<Json>, Vec<Finding>> {
    serde_json::from_str(source.text()).map(|json| vec![json]).map_err(|error| {
        let place = Place::at(
            source.path(),
            u32::try_from(error.line()).unwrap_or(1),
            u32::try_from(error.column()).unwrap_or(1).max(1),
        );
        vec![Finding::error(RULE, format!("`{}` is no JSON: {error}", source.path())).at(place)]
    })
}

fn read_yaml(source: &Arc<Source>) -> Result<Vec<Json>, Vec<Finding>> {
    let reading = yaml::read(source, Dialect::Kubectl, &Budget::default());
    let is_map = |value: &&Value| value.as_map().is_some();
    match reading.findings.is_empty() {
        true => Ok(reading.documents.iter().filter(is_map).map(custom::to_json).collect()),
        false => Err(reading.findings),
    }
}

fn is_definition(json: &Json) -> bool {
    let is = |json: &Json| {
        json["kind"] == "CustomResourceDefinition"
            && json["apiVersion"].as_str().is_some_and(|version| version.starts_with("apiextensions.k8s.io/"))
    };
    is(json) || json["items"].as_array().is_some_and(|items| items.iter().any(is))
}

/// The kinds of a document in the form of a bundle. What the server's own types are is known better already.
fn bundle(document: Json, base: &Arc<Store>) -> Result<Vec<KindSchema>, String> {
    let Document { kinds, mut definitions } = serde_path_to_error::deserialize(document)
        .map_err(|error| format!("at `{}`: {}", error.path(), error.inner()))?;
    definitions.retain(|name, _| base.find(name).is_none());
    for schema in definitions.values_mut() {
        schema.prepare();
        custom::survey(schema);
    }
    let store = Store::custom(definitions, Some(Arc::clone(base)));
    burden::check(&store).map_err(|why| format!("it {why}"))?;
    let store = Arc::new(store);
    let kinds = kinds.into_iter().filter(|kind| store.find(&kind.definition).is_some());
    Ok(kinds.map(|kind| served_kind(kind, &store)).collect())
}

fn served_kind(kind: BundledKind, store: &Arc<Store>) -> KindSchema {
    let BundledKind { group, version, kind, plural, namespaced, short_names, definition, status, .. } = kind;
    let cel_rules = store.find(&definition).map_or(0, |(_, schema)| custom::rules(schema));
    KindSchema {
        type_key: TypeKey { group, version, kind },
        plural,
        short_names,
        namespaced,
        scope_known: true,
        source: KindSource::Configured,
        status_subresource: status,
        cel_rules,
        store: Arc::clone(store),
        root: definition,
    }
}

type Described = (Vec<KindSchema>, std::collections::BTreeSet<String>);

fn json_schema(
    json: &Json,
    expected: Option<&TypeKey>,
    base: &Arc<Store>,
    beside: &dyn Fn(&str) -> Option<Vec<u8>>,
) -> Result<Described, String> {
    let keys = expected.map_or_else(|| kinds_of(json), |key| vec![key.clone()]);
    if keys.is_empty() {
        return Err("it does not say which kind it is of; name its file by a template such as \
            `schemas/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json`"
            .to_owned());
    }
    let file = |path: &str| beside(path).and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let Converted { definitions, not_evaluated } = json_schema::convert(json, &file)?;
    let mut read = HashMap::new();
    for (name, definition) in definitions {
        let mut schema: Schema = serde_path_to_error::deserialize(definition)
            .map_err(|error| format!("`{name}` at `{}`: {}", error.path(), error.inner()))?;
        schema.prepare();
        if name == json_schema::ROOT {
            whole(&mut schema);
        }
        read.insert(name.into(), schema);
    }
    let store = Store::custom(read, Some(Arc::clone(base)));
    burden::check(&store).map_err(|why| format!("it {why}"))?;
    let store = Arc::new(store);
    let kind = |key: TypeKey| KindSchema {
        plural: format!("{}s", key.kind.to_lowercase()),
        short_names: Vec::new(),
        // Not known; nothing is said of a namespace then.
        namespaced: true,
        scope_known: false,
        source: KindSource::Configured,
        status_subresource: false,
        cel_rules: 0,
        store: Arc::clone(&store),
        root: json_schema::ROOT.into(),
        type_key: key,
    };
    Ok((keys.into_iter().map(kind).collect(), not_evaluated))
}

/// Every object has these; schemas that were made from CustomResourceDefinitions may leave them out.
fn whole(schema: &mut Schema) {
    if !schema.properties.is_empty() {
        for name in ["apiVersion", "kind", "metadata"] {
            schema.properties.entry(name.into()).or_default();
        }
    }
}

/// The kinds that a JSON Schema says it is of: by Kubernetes' own keyword, or by the only values of `apiVersion` and
/// `kind`.
fn kinds_of(json: &Json) -> Vec<TypeKey> {
    let kinds = &json["x-kubernetes-group-version-kind"];
    let kinds = kinds.as_array().map_or_else(|| std::slice::from_ref(kinds), Vec::as_slice);
    let said: Vec<TypeKey> = kinds.iter().filter(|kind| kind.is_object()).map(served::type_key).collect();
    if !said.is_empty() {
        return said;
    }
    let only = |field: &str| {
        let field = &json["properties"][field];
        let choices = field["enum"].as_array().filter(|choices| choices.len() == 1).map(|choices| &choices[0]);
        field["const"].as_str().or_else(|| choices?.as_str())
    };
    match (only("apiVersion"), only("kind")) {
        (Some(api_version), Some(kind)) => vec![TypeKey::new(api_version, kind)],
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn added(path: &str, text: &str, expected: Option<&TypeKey>) -> (Catalog, Vec<String>) {
        let mut catalog = Catalog::bundled("1.36").unwrap();
        let findings = catalog.add_schemas(&Source::new(path, text), expected, &|_| None);
        (catalog, findings.into_iter().map(|finding| finding.message).collect())
    }

    fn thing() -> TypeKey {
        TypeKey::new("example.com/v1", "Thing")
    }

    #[test]
    fn a_json_schema_is_of_the_kind_that_it_was_looked_up_by() {
        let text = r#"{"type": "object", "properties": {"spec": {"type": "integer"}}, "additionalProperties": false}"#;
        let (catalog, findings) = added("thing_v1.json", text, Some(&thing()));
        assert_eq!(findings, [""; 0]);
        let kind = catalog.kind(&thing()).unwrap();
        assert_eq!((kind.source, kind.root().field("spec").is_some()), (KindSource::Configured, true));
        assert_eq!(catalog.is_namespaced("example.com", "Thing"), None);
        assert!(added("thing_v1.json", text, None).1[0].contains("does not say which kind it is of"));
    }

    #[test]
    fn a_json_schema_of_one_version_says_nothing_of_another() {
        let (catalog, _) = added("thing_v1.json", "{}", Some(&thing()));
        assert!(matches!(catalog.lookup(&TypeKey::new("example.com/v2", "Thing")), crate::schema::Lookup::Unknown(_)));
    }

    #[test]
    fn a_json_schema_may_say_its_kind() {
        let text = r#"{"properties": {"apiVersion": {"const": "example.com/v1"}, "kind": {"enum": ["Thing"]}}}"#;
        assert!(added("x.json", text, None).0.kind(&thing()).is_some());
        let text =
            r#"{"x-kubernetes-group-version-kind": [{"group": "example.com", "version": "v1", "kind": "Thing"}]}"#;
        assert!(added("x.json", text, None).0.kind(&thing()).is_some());
    }

    #[test]
    fn no_file_replaces_a_kind_of_kubernetes_itself() {
        let pod = TypeKey::new("v1", "Pod");
        let (catalog, findings) = added("pod.json", "{}", Some(&pod));
        assert_eq!((findings.len(), catalog.kind(&pod).unwrap().source), (0, KindSource::Bundled));
    }

    #[test]
    fn a_definition_is_taken_as_one_in_json_too() {
        let text = r#"{"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "things.example.com"},
            "spec": {"group": "example.com", "scope": "Cluster", "names": {"kind": "Thing", "plural": "things"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": {"type": "object"}}}]}}"#;
        let (catalog, findings) = added("crd.json", text, None);
        assert_eq!(findings, [""; 0]);
        assert_eq!(catalog.kind(&thing()).unwrap().source, KindSource::Definition);
    }

    #[test]
    fn a_schema_that_never_ends_is_refused() {
        let text = r##"{"$ref": "#/definitions/a", "definitions": {"a": {"allOf": [{"$ref": "#/definitions/a"}]}}}"##;
        assert!(added("thing_v1.json", text, Some(&thing())).1[0].contains("refers to itself by `allOf`"));
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_place() {
        let mut catalog = Catalog::bundled("1.36").unwrap();
        let findings = catalog.add_schemas(&Source::new("x.json", "{\n  \"type\": oops}"), None, &|_| None);
        assert_eq!(findings[0].place.as_ref().unwrap().to_string(), "x.json:2:11");
    }
}
