//! The OpenAPI of custom resources: the schemas of their definitions. Of its own kinds the memory cluster has none.

use super::State;
use crate::manifest::Value;
use crate::manifest::json::to_json;
use serde_json::json;

impl State {
    /// One document for each served version of a definition.
    pub(super) fn openapi(&self) -> Vec<String> {
        let documents = self.custom_kinds().into_iter().filter_map(|served| {
            let key = &served.kind.type_key;
            let definition = self.objects.iter().find(|(id, stored)| {
                let text = |path: &[&str]| stored.value.path(path).and_then(Value::as_str);
                id.is_crd()
                    && text(&["spec", "group"]) == Some(key.group.as_str())
                    && text(&["spec", "names", "kind"]) == Some(key.kind.as_str())
            });
            let versions = definition?.1.value.path(&["spec", "versions"])?.as_list()?;
            let version =
                versions.iter().find(|it| it.get("name").and_then(Value::as_str) == Some(key.version.as_str()))?;
            let kind = json!({"group": key.group, "version": key.version, "kind": key.kind});
            let mut schema = to_json(version.path(&["schema", "openAPIV3Schema"])?);
            schema["x-kubernetes-group-version-kind"] = json!([kind]);
            let namespaced = if served.kind.namespaced { "/namespaces/{namespace}" } else { "" };
            let path = format!("/apis/{}/{}{namespaced}/{}", key.group, key.version, served.kind.plural);
            let mut paths = json!({&path: {"get": {"x-kubernetes-group-version-kind": kind}}});
            if served.status {
                paths[format!("{path}/{{name}}/status")] = paths[&path].clone();
            }
            let mut reversed: Vec<&str> = key.group.split('.').collect();
            reversed.reverse();
            let name = format!("{}.{}.{}", reversed.join("."), key.version, key.kind);
            Some(json!({"openapi": "3.0.0", "paths": paths, "components": {"schemas": {name: schema}}}).to_string())
        });
        documents.collect()
    }
}
