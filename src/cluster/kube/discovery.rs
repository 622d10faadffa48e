//! What the server serves: two requests by aggregated discovery (KEP-3352), one more per group version where the server
//! does not know that.

use super::KubeCluster;
use super::request::Request;
use crate::cluster::{Discovery, ResourceKind};
use crate::failure::Result;
use crate::manifest::TypeKey;
use futures::StreamExt as _;
use serde_json::Value as Json;

const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,\
    application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";

fn text<'a>(json: &'a Json, key: &str) -> &'a str {
    json[key].as_str().unwrap_or_default()
}

fn list<'a>(json: &'a Json, key: &str) -> impl Iterator<Item = &'a Json> {
    json[key].as_array().into_iter().flatten()
}

fn verbs(json: &Json) -> Vec<String> {
    list(json, "verbs").filter_map(Json::as_str).map(str::to_owned).collect()
}

impl KubeCluster {
    pub(super) async fn discovery(&self) -> Result<Discovery> {
        let mut discovery = Discovery::default();
        for path in ["/api", "/apis"] {
            let request = Request::new("GET", path).accept(AGGREGATED);
            let answer = self.send(&request).await?;
            if answer.code != 200 {
                return Err(self.refused(&request, &answer));
            }
            let json = self.json(&answer)?;
            match text(&json, "kind") {
                "APIGroupDiscoveryList" => aggregated(&json, &mut discovery),
                _ => self.one_by_one(path, &json, &mut discovery).await?,
            }
        }
        Ok(discovery)
    }

    /// The documents that `/openapi/v3` names, a few at a time. One that is not answered is left out: it is of an API server
    /// behind this one.
    pub(super) async fn openapi_documents(&self) -> Result<Vec<String>> {
        let index = Request::new("GET", "/openapi/v3").accept("application/json");
        let answer = self.send(&index).await?;
        if answer.code != 200 {
            return Err(self.refused(&index, &answer));
        }
        let json = self.json(&answer)?;
        let paths = json["paths"].as_object().into_iter().flatten();
        let groups = paths.filter(|(name, _)| name.starts_with("api/") || name.starts_with("apis/"));
        let names: Vec<String> = groups.map(|(name, _)| format!("/openapi/v3/{name}")).collect();
        let quick = self.clone().with_retry_budget(std::time::Duration::from_secs(5));
        let documents = futures::stream::iter(names).map(|path| {
            let quick = quick.clone();
            async move { quick.send(&Request::new("GET", path).accept("application/json")).await }
        });
        let documents: Vec<_> = documents.buffered(8).collect().await;
        let answered = documents.into_iter().filter_map(|answer| answer.ok().filter(|answer| answer.code == 200));
        Ok(answered.filter_map(|answer| String::from_utf8(answer.body).ok()).collect())
    }

    /// Asks for each group version on its own; one whose API service does not answer is noted as unavailable.
    async fn one_by_one(&self, root: &str, json: &Json, discovery: &mut Discovery) -> Result<()> {
        let core = list(json, "versions").filter_map(Json::as_str).map(str::to_owned);
        let groups = list(json, "groups").flat_map(|group| {
            let preferred = text(&group["preferredVersion"], "groupVersion");
            let others = list(group, "versions").map(|version| text(version, "groupVersion"));
            std::iter::once(preferred).chain(others.filter(move |other| *other != preferred)).map(str::to_owned)
        });
        for group_version in core.chain(groups).filter(|name| !name.is_empty()).collect::<Vec<_>>() {
            let path = format!("{root}/{group_version}");
            let quick = self.clone().with_retry_budget(std::time::Duration::from_secs(1));
            match quick.send(&Request::new("GET", path)).await {
                Ok(answer) if answer.code == 200 => {
                    let json = self.json(&answer)?;
                    for resource in list(&json, "resources").filter(|resource| !text(resource, "name").contains('/')) {
                        discovery.kinds.push(ResourceKind {
                            type_key: TypeKey::new(&group_version, text(resource, "kind")),
                            plural: text(resource, "name").to_owned(),
                            namespaced: resource["namespaced"] == true,
                            verbs: verbs(resource),
                        });
                    }
                }
                Ok(_) | Err(_) => discovery.unavailable.push(group_version),
            }
        }
        Ok(())
    }
}

/// Reads an `APIGroupDiscoveryList`. Groups and versions come in the server's order of preference.
fn aggregated(json: &Json, discovery: &mut Discovery) {
    for group in list(json, "items") {
        let name = text(&group["metadata"], "name");
        for version in list(group, "versions") {
            let group_version = match name {
                "" => text(version, "version").to_owned(),
                name => format!("{name}/{}", text(version, "version")),
            };
            if text(version, "freshness") == "Stale" {
                discovery.unavailable.push(group_version);
                continue;
            }
            for resource in list(version, "resources") {
                let kind = text(&resource["responseKind"], "kind");
                if kind.is_empty() {
                    continue;
                }
                discovery.kinds.push(ResourceKind {
                    type_key: TypeKey::new(&group_version, kind),
                    plural: text(resource, "resource").to_owned(),
                    namespaced: text(resource, "scope") == "Namespaced",
                    verbs: verbs(resource),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_group_version_is_unavailable() {
        let json = serde_json::json!({"items": [{"metadata": {"name": "metrics.k8s.io"}, "versions": [
            {"version": "v1beta1", "freshness": "Stale", "resources": [
                {"resource": "pods", "responseKind": {"kind": "PodMetrics"}, "scope": "Namespaced", "verbs": ["get"]}]},
            {"version": "v1", "freshness": "Current", "resources": [
                {"resource": "nodes", "responseKind": {"kind": "NodeMetrics"}, "scope": "Cluster", "verbs": ["get"]}]},
        ]}]});
        let mut discovery = Discovery::default();
        aggregated(&json, &mut discovery);
        assert_eq!(discovery.unavailable, ["metrics.k8s.io/v1beta1"]);
        assert_eq!(discovery.kinds.len(), 1);
        assert_eq!(discovery.kinds[0].type_key, TypeKey::new("metrics.k8s.io/v1", "NodeMetrics"));
        assert!(!discovery.kinds[0].namespaced);
    }
}
