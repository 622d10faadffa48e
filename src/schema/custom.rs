//! Kinds that CustomResourceDefinitions define.

use super::catalog::{KindSchema, KindSource};
use super::definition::{AdditionalProperties, Schema, Store};
use crate::finding::Finding;
use crate::manifest::{Data, Number, Object, TypeKey, Value, value::NumberKind};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The definition in the bundle that `metadata` of every object is judged by.
const OBJECT_META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/// Says whether an object defines kinds: in the form of today, or in that of before Kubernetes 1.22.
pub(super) fn is_definition(object: &Object) -> bool {
    object.kind() == "CustomResourceDefinition"
        && matches!(object.api_version(), "apiextensions.k8s.io/v1" | "apiextensions.k8s.io/v1beta1")
}

/// A version of a definition.
struct Version<'a> {
    name: &'a str,
    served: bool,
    /// Where its schema stands, and the schema.
    pointer: String,
    schema: Option<&'a Value>,
    status: bool,
}

/// The versions of a definition. In the old form, one schema and one list of subresources may stand for all of them, and
/// a single version may have no list.
fn versions<'a>(value: &'a Value) -> Vec<Version<'a>> {
    let list = value.path(&["spec", "versions"]).and_then(Value::as_list).unwrap_or_default();
    let shared = value.path(&["spec", "validation", "openAPIV3Schema"]);
    let shared_status = value.path(&["spec", "subresources", "status"]).is_some();
    let shared_pointer = || "/spec/validation/openAPIV3Schema".to_owned();
    let version = |(index, version): (usize, &'a Value)| {
        let own = version.path(&["schema", "openAPIV3Schema"]);
        Version {
            name: version.get("name").and_then(Value::as_str).unwrap_or_default(),
            served: version.get("served").and_then(Value::as_bool).unwrap_or(false),
            pointer: match (own, shared) {
                (None, Some(_)) => shared_pointer(),
                _ => format!("/spec/versions/{index}/schema/openAPIV3Schema"),
            },
            schema: own.or(shared),
            status: shared_status || version.path(&["subresources", "status"]).is_some(),
        }
    };
    if list.is_empty() {
        let name = value.path(&["spec", "version"]).and_then(Value::as_str).unwrap_or_default();
        return vec![Version { name, served: true, pointer: shared_pointer(), schema: shared, status: shared_status }];
    }
    list.iter().enumerate().map(version).collect()
}

/// The kinds of a definition, one for each version that is served, and what is wrong with their schemas.
///
/// What is missing or of a wrong type outside the schemas is left to the judgement of the definition as an object.
pub(super) fn kinds(object: &Object, base: &Arc<Store>) -> (Vec<KindSchema>, Vec<Finding>) {
    let (mut kinds, mut findings) = (Vec::new(), Vec::new());
    let value = object.value();
    let text = |path: &[&str]| value.path(path).and_then(Value::as_str).unwrap_or_default().to_owned();
    let (group, kind, plural) =
        (text(&["spec", "group"]), text(&["spec", "names", "kind"]), text(&["spec", "names", "plural"]));
    let short_names = value.path(&["spec", "names", "shortNames"]).and_then(Value::as_list).unwrap_or_default();
    let short_names: Vec<String> = short_names.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let old = object.api_version() == "apiextensions.k8s.io/v1beta1";
    // The old form keeps fields that its schema does not name, unless it says otherwise.
    let open = old && value.path(&["spec", "preserveUnknownFields"]).and_then(Value::as_bool) != Some(false);
    let nothing = Value::from(crate::manifest::Map::new());
    for Version { name, served, pointer, schema, status } in versions(value) {
        if group.is_empty() || kind.is_empty() || name.is_empty() || !served {
            continue;
        }
        let Some(schema) = schema.or(old.then_some(&nothing)) else {
            findings.push(problem(object, &pointer, &format!("version `{name}` has no `openAPIV3Schema`")));
            continue;
        };
        let mut schema = match serde_path_to_error::deserialize::<_, Schema>(to_json(schema)) {
            Ok(mut schema) => {
                if open {
                    keep_unknown(&mut schema);
                } else {
                    prune_values(&mut schema);
                }
                schema
            }
            Err(error) => {
                let path = error.path().to_string();
                let message = format!("the schema of version `{name}` cannot be read at `{path}`: {}", error.inner());
                findings.push(problem(object, &pointer, &message));
                continue;
            }
        };
        let type_key = TypeKey { group: group.clone(), version: name.to_owned(), kind: kind.clone() };
        let cel_rules = survey(&mut schema);
        let root: Box<str> = type_key.to_string().into();
        let definitions = HashMap::from([(root.clone(), object_schema(schema))]);
        let store = Store::custom(definitions, Some(Arc::clone(base)));
        let namespaced = text(&["spec", "scope"]) != "Cluster";
        kinds.push(KindSchema {
            type_key,
            plural: plural.clone(),
            short_names: short_names.clone(),
            namespaced,
            scope_known: true,
            source: KindSource::Definition,
            status_subresource: status,
            cel_rules,
            store: Arc::new(store),
            root,
        });
    }
    (kinds, findings)
}

/// Keeps fields that are not named, here and below.
fn keep_unknown(schema: &mut Schema) {
    schema.preserve_unknown = true;
    schema.properties.values_mut().for_each(keep_unknown);
    schema.items.iter_mut().for_each(|items| keep_unknown(items));
    if let Some(AdditionalProperties::Schema(values)) = &mut schema.additional_properties {
        keep_unknown(values);
    }
}

/// `additionalProperties: true` allows any key and knows nothing of its value: the server prunes the keys of maps there
/// (`k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning`).
fn prune_values(schema: &mut Schema) {
    schema.properties.values_mut().for_each(prune_values);
    schema.items.iter_mut().for_each(|items| prune_values(items));
    match &mut schema.additional_properties {
        Some(AdditionalProperties::Schema(values)) => prune_values(values),
        Some(AdditionalProperties::Allowed(true)) if !schema.preserve_unknown => {
            let values = Schema { pruned: true, nullable: true, ..Schema::default() };
            schema.additional_properties = Some(AdditionalProperties::Schema(Box::new(values)));
        }
        _ => {}
    }
}

fn problem(object: &Object, pointer: &str, message: &str) -> Finding {
    let place = object.value().origin_at(pointer).map(crate::manifest::Origin::place);
    Finding::error("crd-schema", message).at(place).pointer(pointer).about(object.reference())
}

/// Gives a whole object its `apiVersion`, `kind` and `metadata`, here and where an embedded one stands.
fn object_schema(mut schema: Schema) -> Schema {
    embed(&mut schema, true);
    schema
}

fn embed(schema: &mut Schema, whole: bool) {
    for field in schema.properties.values_mut() {
        embed(field, false);
    }
    if let Some(items) = &mut schema.items {
        embed(items, false);
    }
    if let Some(AdditionalProperties::Schema(values)) = &mut schema.additional_properties {
        embed(values, false);
    }
    if !whole && !schema.embedded_resource {
        return;
    }
    for name in ["apiVersion", "kind"] {
        let field = schema.properties.entry(name.into()).or_default();
        field.kind = Some("string".into());
        if !whole {
            schema.required.push(name.into());
        }
    }
    // The definition may say only how names look; the rest of `metadata` is the server's own type.
    let said = schema.properties.insert("metadata".into(), Schema::default()).unwrap_or_default();
    let restricts = Schema { properties: only_names(said.properties), ..Schema::default() };
    let metadata = Schema { reference: Some(OBJECT_META.into()), all_of: vec![restricts], ..Schema::default() };
    schema.properties.insert("metadata".into(), metadata);
}

fn only_names(mut said: BTreeMap<Box<str>, Schema>) -> BTreeMap<Box<str>, Schema> {
    said.retain(|name, _| matches!(&**name, "name" | "generateName"));
    said
}

/// How many CEL rules stand in a schema.
pub(super) fn rules(schema: &Schema) -> usize {
    let below = schema.properties.values().chain(schema.items.as_deref()).map(rules).sum::<usize>();
    let values = match &schema.additional_properties {
        Some(AdditionalProperties::Schema(values)) => rules(values),
        _ => 0,
    };
    schema.validations.len() + below + values
}

/// Marks where rules and defaults are, and counts the rules.
pub(super) fn survey(schema: &mut Schema) -> usize {
    let values = match &mut schema.additional_properties {
        Some(AdditionalProperties::Schema(values)) => Some(&mut **values),
        _ => None,
    };
    let (mut count, mut defaults) = (schema.validations.len(), schema.default.is_some());
    for below in schema.properties.values_mut().chain(schema.items.as_deref_mut()).chain(values) {
        count += survey(below);
        defaults |= below.has_defaults;
    }
    (schema.has_rules, schema.has_defaults) = (count > 0, defaults);
    count
}

/// A schema as JSON: the schema of a definition is read here, never the manifest on its way to a cluster.
pub(super) fn to_json(value: &Value) -> serde_json::Value {
    match &value.data {
        Data::Null => serde_json::Value::Null,
        Data::Bool(flag) => (*flag).into(),
        Data::Number(number) => number_to_json(number),
        Data::String(text) => text.as_str().into(),
        Data::List(items) => items.iter().map(to_json).collect(),
        Data::Map(map) => {
            let entries = map.iter().filter(|(_, value)| !value.is_null());
            entries.map(|(key, value)| (key.text.clone(), to_json(value))).collect()
        }
    }
}

fn number_to_json(number: &Number) -> serde_json::Value {
    match number.kind() {
        NumberKind::Integer(n) => n.into(),
        NumberKind::Unsigned(n) => n.into(),
        NumberKind::Float(_) => number.as_i64().map_or_else(|| number.as_f64().into(), Into::into),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use crate::manifest::yaml::{Budget, Dialect};
    use crate::manifest::{Source, TypeKey, objects};
    use crate::schema::{Catalog, Kind};

    fn known(text: &str) -> Catalog {
        let mut catalog = Catalog::bundled("1.36").unwrap();
        let (objects, _) = objects(&Source::new("crd.yaml", text), Dialect::Kubectl, &Budget::default());
        let findings = catalog.add_definitions(&objects);
        assert!(findings.is_empty(), "{findings:?}");
        catalog
    }

    const OLD: &str = "\
apiVersion: apiextensions.k8s.io/v1beta1
kind: CustomResourceDefinition
metadata: {name: things.example.com}
spec:
  group: example.com
  names: {kind: Thing, plural: things, shortNames: [th]}
  scope: Namespaced
  subresources: {status: {}}
";
    const SCHEMA: &str = "  validation: {openAPIV3Schema: {type: object, properties: {spec: {type: integer}}}}\n";

    #[test]
    fn the_old_form_has_one_schema_for_all_its_versions() {
        let versions = "  versions: [{name: v1, served: true, storage: true}, {name: v2, served: true}, {name: v3, served: false}]\n";
        let catalog = known(&format!("{OLD}{SCHEMA}{versions}"));
        for version in ["v1", "v2"] {
            let kind = catalog.kind(&TypeKey::new(&format!("example.com/{version}"), "Thing")).unwrap();
            assert_eq!(kind.root().field("spec").unwrap().kind(), Kind::Integer);
            assert!(kind.status_subresource && kind.root().preserves_unknown());
            assert_eq!(kind.short_names, ["th"]);
        }
        assert!(catalog.kind(&TypeKey::new("example.com/v3", "Thing")).is_none());
    }

    #[test]
    fn the_old_form_may_have_one_version_and_no_schema() {
        let catalog = known(&format!("{OLD}  version: v1alpha1\n"));
        let kind = catalog.kind(&TypeKey::new("example.com/v1alpha1", "Thing")).unwrap();
        assert!(kind.root().preserves_unknown());
        let closed = known(&format!("{OLD}{SCHEMA}  version: v1\n  preserveUnknownFields: false\n"));
        assert!(!closed.kind(&TypeKey::new("example.com/v1", "Thing")).unwrap().root().preserves_unknown());
    }
}
