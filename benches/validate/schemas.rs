//! Schemas for kubeconform, from what the lab's API server serves.

use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The kinds of the corpus.
const KINDS: [&str; 12] = [
    "ConfigMap",
    "CronJob",
    "Deployment",
    "HorizontalPodAutoscaler",
    "Ingress",
    "NetworkPolicy",
    "PodDisruptionBudget",
    "Role",
    "RoleBinding",
    "Secret",
    "Service",
    "ServiceAccount",
];

/// The program and its `-schema-location`; nothing without a running lab that has both.
pub(crate) fn kubeconform(folder: &Path) -> Option<(PathBuf, String)> {
    let lab = mergeline_lab::Lab::current().ok()??;
    let (program, cluster) = (lab.tools.kubeconform?, lab.cluster?);
    let folder = folder.join("schemas");
    let location = format!("{}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json", folder.display());
    if folder.is_dir() {
        return Some((program, location));
    }
    fs::create_dir_all(&folder).unwrap();
    let mut kubectl = Command::new(&lab.tools.kubectl);
    let served =
        kubectl.arg("--kubeconfig").arg(&cluster.kubeconfig).args(["get", "--raw", "/openapi/v2"]).output().unwrap();
    let openapi: Value = serde_json::from_slice(&served.stdout).unwrap();
    let definitions = openapi["definitions"].as_object().unwrap();
    for definition in definitions.values() {
        for identity in definition["x-kubernetes-group-version-kind"].as_array().into_iter().flatten() {
            let text = |key: &str| identity[key].as_str().unwrap_or_default();
            let kind = text("kind");
            if !KINDS.contains(&kind) {
                continue;
            }
            let group = text("group").split('.').next().filter(|group| !group.is_empty());
            let suffix: Vec<&str> = group.into_iter().chain([text("version")]).collect();
            let name = format!("{}-{}.json", kind.to_lowercase(), suffix.join("-")).to_lowercase();
            let schema = resolved(definition, definitions, &mut HashSet::new());
            fs::write(folder.join(name), schema.to_string()).unwrap();
        }
    }
    Some((program, location))
}

/// The schema with its references in place, without prose, and closed to unknown fields.
fn resolved(schema: &Value, definitions: &Map<String, Value>, open: &mut HashSet<String>) -> Value {
    let Some(map) = schema.as_object() else { return schema.clone() };
    if let Some(name) = map.get("$ref").and_then(Value::as_str) {
        let name = name.trim_start_matches("#/definitions/");
        if !open.insert(name.to_owned()) {
            return json!({});
        }
        let found = if name.ends_with("IntOrString") {
            json!({"oneOf": [{"type": "string"}, {"type": "integer"}]})
        } else if name.ends_with("Quantity") {
            json!({"oneOf": [{"type": "string"}, {"type": "number"}]})
        } else {
            resolved(&definitions[name], definitions, open)
        };
        open.remove(name);
        return found;
    }
    let mut made = Map::new();
    for (key, value) in map {
        match key.as_str() {
            "type" | "required" | "enum" | "format" => {
                made.insert(key.clone(), value.clone());
            }
            "items" => {
                made.insert(key.clone(), resolved(value, definitions, open));
            }
            "additionalProperties" => {
                made.insert(key.clone(), resolved(value, definitions, open));
            }
            "properties" => {
                let fields = value.as_object().into_iter().flatten();
                let fields: Map<_, _> =
                    fields.map(|(name, field)| (name.clone(), resolved(field, definitions, open))).collect();
                made.insert(key.clone(), fields.into());
            }
            _ => {}
        }
    }
    if made.contains_key("properties") && !made.contains_key("additionalProperties") {
        made.insert("additionalProperties".into(), false.into());
    }
    made.into()
}
