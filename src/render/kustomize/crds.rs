//! `crds`: OpenAPI definitions of custom kinds, whose extensions say which fields hold names, labels and annotations.
//!
//! Decided by `api/internal/accumulator/loadconfigfromcrds.go`.

use super::config::{Config, merge_one};
use super::fields::Text;
use super::fieldspec::FieldSpec;
use super::ids::Gvk;
use super::loader::Loader;
use super::node::Fault;
use super::stop::{Built, Stop};
use super::target::reference;
use crate::finding::Finding;
use crate::manifest::Value;
use crate::manifest::yaml::{self, Budget, Dialect};

/// Reads all files of `crds`.
pub(super) fn load(files: &[Text], loader: &Loader<'_>) -> Built<Config> {
    let mut config = Config::default();
    for file in files {
        let (path, bytes) = loader.load(&file.text, file.origin.as_ref())?;
        let fault = |fault| Stop::fault(fault, file.origin.as_ref());
        let reading = yaml::read_bytes(&path, &bytes, Dialect::Kubectl, &Budget::default());
        let unread = |finding: &Finding| matches!(finding.rule.as_ref(), "yaml-syntax" | "yaml-budget");
        if reading.findings.iter().any(unread) || bytes.is_empty() {
            return Err(fault(format!("`{path}` is no OpenAPI document")));
        }
        let Some(definitions) = reading.documents.first() else { continue };
        for (name, definition) in definitions.as_map().into_iter().flatten() {
            let has = |property: &str| definition.path(&["Schema", "properties", property]).is_some();
            if !(has("kind") && has("apiVersion") && has("metadata")) {
                continue;
            }
            let kind = name.text.rsplit('.').next().unwrap_or_default();
            let mut own = Config::default();
            walk(&mut own, kind, definitions, &name.text, &mut Vec::new()).map_err(fault)?;
            config = config.merged(&own).map_err(fault)?;
        }
    }
    Ok(config)
}

fn walk(config: &mut Config, kind: &str, definitions: &Value, name: &str, path: &mut Vec<String>) -> Result<(), Fault> {
    // Definitions may refer to each other in circles.
    if path.len() > 64 {
        return Err("the definitions refer to each other in a circle".to_owned());
    }
    let properties = definitions.get(name).and_then(|definition| definition.path(&["Schema", "properties"]));
    for (property_name, property) in properties.and_then(Value::as_map).into_iter().flatten() {
        let text = |key: &str| property.get(key).and_then(Value::as_str);
        path.push(property_name.text.to_string());
        let spec = |path: &[String]| FieldSpec::new(Gvk::new("", "", kind), &path.join("/"), false);
        if text("x-kubernetes-annotation").is_some() {
            merge_one(&mut config.common_annotations, &spec(path))?;
        }
        if text("x-kubernetes-label-selector").is_some() {
            merge_one(&mut config.common_labels, &spec(path))?;
        }
        if text("x-kubernetes-identity").is_some() {
            merge_one(&mut config.name_prefix, &spec(path))?;
        }
        if let (Some(version), Some(target)) =
            (text("x-kubernetes-object-ref-api-version"), text("x-kubernetes-object-ref-kind"))
        {
            path.push(text("x-kubernetes-object-ref-name-key").unwrap_or("name").to_owned());
            config.add_reference(&reference(target, version, spec(path)))?;
            path.pop();
        }
        if let Some(next) = text("$ref") {
            walk(config, kind, definitions, next, path)?;
        }
        path.pop();
    }
    Ok(())
}
