//! A bundle: kinds and definitions as a server serves them, without prose, and what is known beyond that.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::markers;
use super::sources::{Release, Sources};

/// Fields that the server's OpenAPI calls required and the server takes absent: each was put to kube-apiserver 1.36.3 in an
/// object that holds all else it needs. Go cannot tell a zero from nothing, some are filled in, and what belongs to a
/// feature that is off is dropped unread.
const NOT_REQUIRED: [(&str, &[&str]); 23] = [
    ("api.apps.v1.ControllerRevision", &["revision"]),
    ("api.batch.v1.PodFailurePolicy", &["rules"]),
    ("api.core.v1.ClusterTrustBundleProjection", &["path"]),
    ("api.core.v1.ConfigMapNodeConfigSource", &["kubeletConfigKey", "name", "namespace"]),
    ("api.core.v1.Event", &["involvedObject", "metadata"]),
    ("api.core.v1.HTTPHeader", &["value"]),
    ("api.core.v1.ISCSIPersistentVolumeSource", &["lun"]),
    ("api.core.v1.ISCSIVolumeSource", &["lun"]),
    ("api.core.v1.LimitRangeSpec", &["limits"]),
    ("api.core.v1.PodCertificateProjection", &["keyType", "signerName"]),
    ("api.core.v1.PreferredSchedulingTerm", &["preference"]),
    ("api.core.v1.ScaleIOVolumeSource", &["secretRef"]),
    ("api.core.v1.SleepAction", &["seconds"]),
    ("api.core.v1.TypedLocalObjectReference", &["kind"]),
    ("api.discovery.v1.ForZone", &["name"]),
    ("DeviceClass", &["spec"]),
    ("ResourceClaim", &["spec"]),
    ("ResourceClaimTemplate", &["spec"]),
    ("ResourceClaimTemplateSpec", &["spec"]),
    ("api.storage.v1.CSIDriver", &["spec"]),
    ("api.storage.v1.CSINode", &["spec"]),
    ("api.storage.v1.CSINodeSpec", &["drivers"]),
    ("api.storage.v1.TokenRequest", &["audience"]),
];

/// Types whose required fields the server asks for in some places only: nothing in the metadata of a pod template is
/// looked at but labels and annotations.
const NEVER_REQUIRED: [&str; 1] = ["apimachinery.pkg.apis.meta.v1.OwnerReference"];

/// Enumerations of features that are off: the server drops the field unread.
const NO_ENUM: [(&str, &str); 1] = [("api.core.v1.Lifecycle", "stopSignal")];

/// A kind that has a resource of its own.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) plural: String,
    pub(crate) namespaced: bool,
    pub(crate) short_names: Vec<String>,
}

/// The bundle of a release, from the files in its Go modules.
pub(crate) fn bundle(sources: &Sources, release: &Release) -> Result<Value, String> {
    let folder = sources.kubernetes(release.kubernetes)?;
    let mut definitions = Map::new();
    for document in documents(&folder.join("api/openapi-spec/v3"), "_openapi.json")? {
        if let Some(schemas) = document["components"]["schemas"].as_object() {
            definitions.extend(schemas.iter().map(|(name, schema)| (name.clone(), schema.clone())));
        }
    }
    let code = read(&folder.join("pkg/generated/openapi/zz_generated.openapi.go"))?;
    enumerations(&code, &mut definitions)?;
    let instance = read(&folder.join("pkg/controlplane/instance.go"))?;
    let kinds = kinds(&folder.join("api/discovery"))?;
    let served: Vec<Kind> = kinds.iter().filter(|kind| served_by_default(kind, &instance)).cloned().collect();
    let (kinds, mut definitions) = assemble(&kinds, &served, &definitions)?;
    markers::write(sources, release, &mut definitions)?;
    Ok(document(release.kubernetes, &kinds, &definitions))
}

/// `{kubernetes, kinds, definitions}`, definitions by name in order.
pub(crate) fn document(version: &str, kinds: &[Value], definitions: &BTreeMap<String, Value>) -> Value {
    json!({"kubernetes": version, "kinds": kinds, "definitions": definitions})
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))
}

fn documents(folder: &Path, ending: &str) -> Result<Vec<Value>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("cannot read `{}`: {error}", folder.display()))?;
    let mut paths: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    let wanted = paths.iter().filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.ends_with(ending) && (name.starts_with("api__") || name.starts_with("apis__"))
    });
    let parse = |path: &std::path::PathBuf| {
        serde_json::from_str(&read(path)?).map_err(|error| format!("`{}`: {error}", path.display()))
    };
    wanted.map(parse).collect()
}

/// Every kind that discovery tells a resource of.
fn kinds(folder: &Path) -> Result<Vec<Kind>, String> {
    let mut kinds = Vec::new();
    for list in documents(folder, ".json")?.iter().filter(|document| document["kind"] == "APIResourceList") {
        let group_version = list["groupVersion"].as_str().unwrap_or_default();
        let (group, version) = group_version.split_once('/').unwrap_or(("", group_version));
        for resource in list["resources"].as_array().into_iter().flatten() {
            let text = |key: &str| resource[key].as_str().unwrap_or_default().to_owned();
            if text("name").contains('/') {
                continue;
            }
            let short = resource["shortNames"].as_array().into_iter().flatten();
            kinds.push(Kind {
                group: group.to_owned(),
                version: version.to_owned(),
                kind: text("kind"),
                plural: text("name"),
                namespaced: resource["namespaced"] == true,
                short_names: short.filter_map(Value::as_str).map(str::to_owned).collect(),
            });
        }
    }
    kinds.sort();
    Ok(kinds)
}

/// Says whether a server serves a kind as it comes: every stable version, and the beta ones of before 1.24 that
/// `legacyBetaEnabledByDefaultResources` names (`pkg/controlplane/instance.go`).
fn served_by_default(kind: &Kind, instance: &str) -> bool {
    let stable = kind.version.trim_start_matches('v').bytes().all(|byte| byte.is_ascii_digit());
    let list = instance.split_once("legacyBetaEnabledByDefaultResources = ").map_or("", |(_, rest)| rest);
    let list = list.split_once("\n\t}").map_or("", |(list, _)| list);
    let resource = format!("{}.SchemeGroupVersion.WithResource(\"{}\")", kind.version, kind.plural);
    stable || list.contains(&resource)
}

/// Writes the enumerations into `definitions`: the files of the module were written with `OpenAPIEnums` off, servers serve
/// them, and both are made from this code.
fn enumerations(code: &str, definitions: &mut Map<String, Value>) -> Result<(), String> {
    let names: std::collections::HashMap<String, String> =
        definitions.keys().map(|name| (function(name), name.clone())).collect();
    let (mut definition, mut field) = (None, String::new());
    for line in code.lines() {
        if let Some(rest) = line.strip_prefix("func schema_") {
            definition = names.get(rest.split('(').next().unwrap_or_default());
        } else if let Some(rest) = line.strip_prefix("\t\t\t\t\t\"") {
            field = rest.split('"').next().unwrap_or_default().to_owned();
        } else if let (Some(rest), Some(name)) = (line.trim().strip_prefix("Enum:"), definition) {
            let values: Vec<&str> = rest.split('"').skip(1).step_by(2).collect();
            let property = definitions.get_mut(name).and_then(|it| it.get_mut("properties")?.get_mut(&field));
            let holder = property.and_then(|property| match property["type"].as_str() {
                Some("array") => property.get_mut("items"),
                Some("object") => property.get_mut("additionalProperties"),
                _ => Some(property),
            });
            let (Some(holder), false) = (holder, values.is_empty()) else {
                return Err(format!("`{name}.{field}` has an enumeration and no place for it"));
            };
            holder["enum"] = values.into();
        }
    }
    Ok(())
}

/// The end of the name of the Go function that makes a definition.
fn function(definition: &str) -> String {
    let name = match definition.strip_prefix("io.k8s.api.") {
        Some(rest) => format!("k8sio.api.{rest}"),
        None => definition.split_once(".pkg.").map_or(definition.to_owned(), |(_, rest)| format!("pkg.{rest}")),
    };
    name.replace(['.', '-'], "_")
}

/// The kinds and the definitions that they reach, of which `served` are served as a server comes.
pub(crate) fn assemble(
    all: &[Kind],
    served: &[Kind],
    definitions: &Map<String, Value>,
) -> Result<(Vec<Value>, BTreeMap<String, Value>), String> {
    let served: HashSet<(&str, &str, &str)> =
        served.iter().map(|kind| (&*kind.group, &*kind.version, &*kind.kind)).collect();
    let mut kinds = Vec::new();
    let mut wanted = vec!["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta".to_owned()];
    for entry in all {
        let Kind { group, version, kind, plural, namespaced, short_names } = entry;
        let this = json!({"group": group, "version": version, "kind": kind});
        let is_this = |schema: &Value| {
            schema["x-kubernetes-group-version-kind"].as_array().is_some_and(|kinds| kinds.contains(&this))
        };
        let Some((name, _)) = definitions.iter().find(|(_, schema)| is_this(schema)) else {
            return Err(format!("no definition says that it is {group}/{version} {kind}"));
        };
        wanted.push(name.clone());
        let by_default = served.contains(&(group, version, kind));
        let mut kind = json!({"group": group, "version": version, "kind": kind, "plural": plural,
            "namespaced": namespaced, "servedByDefault": by_default, "definition": name});
        if !short_names.is_empty() {
            kind["shortNames"] = short_names.clone().into();
        }
        kinds.push(kind);
    }
    let mut kept = BTreeMap::new();
    while let Some(name) = wanted.pop() {
        if kept.contains_key(&name) {
            continue;
        }
        let schema = definitions.get(&name).ok_or_else(|| format!("`{name}` is referred to and not defined"))?;
        let schema = definition(&name, schema, &mut wanted)?;
        kept.insert(name, schema);
    }
    Ok((kinds, kept))
}

/// What OpenAPI cannot say of a Go type that reads its JSON itself.
fn definition(name: &str, schema: &Value, wanted: &mut Vec<String>) -> Result<Value, String> {
    let short = name.rsplit('.').next().unwrap_or_default();
    Ok(match short {
        "Quantity" => json!({"format": "quantity"}),
        "IntOrString" => json!({"x-kubernetes-int-or-string": true}),
        "RawExtension" | "FieldsV1" => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
        "JSON" | "JSONSchemaPropsOrArray" | "JSONSchemaPropsOrBool" | "JSONSchemaPropsOrStringArray" => {
            json!({"x-kubernetes-preserve-unknown-fields": true})
        }
        "MicroTime" => json!({"type": "string", "format": "micro-time"}),
        _ => enforced(name, keep(name, schema, wanted)?),
    })
}

/// Leaves out what the server says and does not ask for.
fn enforced(name: &str, mut schema: Value) -> Value {
    let is = |suffix: &str| name == suffix || name.ends_with(&format!(".{suffix}"));
    let waived: Vec<&str> =
        NOT_REQUIRED.iter().filter(|(suffix, _)| is(suffix)).flat_map(|(_, fields)| *fields).copied().collect();
    if NEVER_REQUIRED.iter().any(|suffix| is(suffix)) {
        schema["required"] = json!([]);
    } else if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|field| !field.as_str().is_some_and(|field| waived.contains(&field)));
    }
    for (_, field) in NO_ENUM.iter().filter(|(suffix, _)| is(suffix)) {
        let field = schema.get_mut("properties").and_then(|properties| properties.get_mut(field));
        if let Some(field) = field.and_then(Value::as_object_mut) {
            field.shift_remove("enum");
        }
    }
    schema
}

/// The keywords that say something, prose dropped. A keyword that is not known here is an error: nothing gets lost unseen.
fn keep(place: &str, schema: &Value, wanted: &mut Vec<String>) -> Result<Value, String> {
    let mut kept = Map::new();
    for (keyword, value) in schema.as_object().into_iter().flatten() {
        match keyword.as_str() {
            "description" | "x-kubernetes-group-version-kind" | "x-kubernetes-unions" => {}
            "$ref" => {
                let name = value.as_str().and_then(|text| text.rsplit('/').next()).unwrap_or_default();
                wanted.push(name.to_owned());
                kept.insert("$ref".to_owned(), name.into());
            }
            // A reference with something beside it is written as `allOf` with one part.
            "allOf" => {
                let parts = value.as_array().map(Vec::as_slice).unwrap_or_default();
                let [part] = parts else { return Err(format!("`{place}`: `allOf` with {} parts", parts.len())) };
                if let Value::Object(part) = keep(place, part, wanted)? {
                    kept.extend(part);
                }
            }
            "properties" => {
                let mut fields = Map::new();
                for (name, field) in value.as_object().into_iter().flatten() {
                    fields.insert(name.clone(), keep(&format!("{place}.{name}"), field, wanted)?);
                }
                kept.insert(keyword.clone(), fields.into());
            }
            "items" | "additionalProperties" => {
                kept.insert(keyword.clone(), keep(&format!("{place}[]"), value, wanted)?);
            }
            "type"
            | "format"
            | "required"
            | "enum"
            | "default"
            | "x-kubernetes-list-type"
            | "x-kubernetes-list-map-keys"
            | "x-kubernetes-map-type"
            | "x-kubernetes-patch-merge-key"
            | "x-kubernetes-patch-strategy"
            | "x-kubernetes-int-or-string"
            | "x-kubernetes-embedded-resource"
            | "x-kubernetes-preserve-unknown-fields" => {
                kept.insert(keyword.clone(), value.clone());
            }
            other => return Err(format!("`{place}` has the keyword `{other}`, which the generator does not know")),
        }
    }
    Ok(kept.into())
}
