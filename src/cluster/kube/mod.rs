//! A real Kubernetes API server.
//!
//! Requests are plain HTTP through `kube`'s client (TLS, credentials, proxies): objects stay our own values from end to
//! end. What the server says about an object is a [`Rejection`]; retries and what counts as a broken world are decided
//! in `request`. Decided by the Kubernetes API conventions and, where these are silent, by a server 1.36.

mod discovery;
mod request;
#[cfg(test)]
mod tests;
mod watch;

use super::{
    ApplyOptions, Cluster, Discovery, Rejection, ResourceKind, Scope, Target, Verdict, WatchEvent, encode_string_data,
};
use crate::failure::{Failure, Result};
use crate::manifest::json::{from_json, to_json};
use crate::manifest::{Object, Value};
use crate::trust::ApplyGrant;
use async_trait::async_trait;
use futures::stream::BoxStream;
use request::{Answer, Repeat, Request};
use std::time::Duration;

/// The field manager of creates and replaces.
const MANAGER: &str = "mergeline";

/// Objects in one answer to a list.
const PAGE: &str = "500";

/// How long failing requests are tried again before they are given up.
const RETRY_BUDGET: Duration = Duration::from_secs(30);

/// A client of one API server. Clones share its connections.
#[derive(Clone)]
pub struct KubeCluster {
    client: ::kube::Client,
    server: String,
    retry_budget: Duration,
}

/// One page or all pages of a list, and the version to watch from.
struct Listing {
    objects: Vec<Object>,
    revision: String,
}

impl KubeCluster {
    /// A client for a configuration that [`super::kubeconfig`] read.
    ///
    /// # Errors
    /// When its certificates, proxy or credentials cannot be used.
    pub(super) fn new(mut config: ::kube::Config) -> Result<Self> {
        // Retries are ours: a budget for the whole request, and the server's words decide.
        config.default_retry = false;
        config.connect_timeout = Some(Duration::from_secs(10));
        let server = config.cluster_url.to_string().trim_end_matches('/').to_owned();
        let client = ::kube::Client::try_from(config)
            .map_err(|error| Failure::usage(format!("cannot use the kubeconfig for `{server}`")).because(error))?;
        Ok(Self { client, server, retry_budget: RETRY_BUDGET })
    }

    /// How long failing requests are tried again; zero: not at all.
    #[must_use]
    pub fn with_retry_budget(mut self, budget: Duration) -> Self {
        self.retry_budget = budget;
        self
    }

    /// The URL of the server.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server
    }

    async fn patch(&self, target: &Target, object: &Object, options: &ApplyOptions, dry_run: bool) -> Result<Verdict> {
        let object = encode_string_data(object);
        let mut request = Request::new("PATCH", object_path(target))
            .query("fieldManager", &options.field_manager)
            .query("force", if options.force { "true" } else { "false" })
            .query("fieldValidation", "Strict")
            .body("application/apply-patch+yaml", &to_json(object.value()));
        if dry_run {
            request = request.query("dryRun", "All");
        }
        self.send(&request).await?.verdict(self, target)
    }

    /// All objects in the scope; `None` when the kind is not served.
    async fn pages(&self, kind: &ResourceKind, scope: &Scope) -> Result<Option<Listing>> {
        let mut paged = true;
        loop {
            match self.pages_until_expired(kind, scope, paged).await? {
                Some(listing) => return Ok(listing),
                // The pages outlived the server's memory of that version: take everything in one answer.
                None if paged => paged = false,
                None => return Err(self.failed(&format!("list `{}`", kind.plural), "the list expired")),
            }
        }
    }

    /// `None`: the list expired on the way. `Some(None)`: the kind is not served.
    async fn pages_until_expired(
        &self,
        kind: &ResourceKind,
        scope: &Scope,
        paged: bool,
    ) -> Result<Option<Option<Listing>>> {
        let mut objects = Vec::new();
        let mut token = String::new();
        loop {
            let mut request = list_request(kind, scope);
            if paged {
                request = request.query("limit", PAGE);
            }
            if !token.is_empty() {
                request = request.query("continue", &token);
            }
            let answer = self.send(&request).await?;
            match answer.code {
                200 => {}
                404 => return Ok(Some(None)),
                410 => return Ok(None),
                _ => return Err(self.refused(&request, &answer)),
            }
            let mut list = from_json(&self.json(&answer)?);
            let text = |key| list.path(&["metadata", key]).and_then(Value::as_str).unwrap_or_default().to_owned();
            (token, objects) = {
                let (next, revision) = (text("continue"), text("resourceVersion"));
                let items = list.get_mut("items").and_then(Value::as_list_mut).map(std::mem::take).unwrap_or_default();
                for item in items {
                    objects.push(self.item(kind, item)?);
                }
                if next.is_empty() {
                    return Ok(Some(Some(Listing { objects, revision })));
                }
                (next, objects)
            };
        }
    }

    /// An item of a list, which lacks its type.
    fn item(&self, kind: &ResourceKind, item: Value) -> Result<Object> {
        let typed = [("apiVersion", kind.type_key.api_version()), ("kind", kind.type_key.kind.clone())];
        let mut value: crate::manifest::Map = typed.into_iter().map(|(key, text)| (key.into(), text.into())).collect();
        if let crate::manifest::Data::Map(entries) = item.data {
            value.extend(entries.into_iter().filter(|(key, _)| !matches!(key.as_str(), "apiVersion" | "kind")));
        }
        Object::new(value.into()).map_err(|error| self.failed(&format!("list `{}`", kind.plural), &error.to_string()))
    }
}

impl Answer {
    /// The object that a write answered, or why not.
    fn verdict(&self, cluster: &KubeCluster, target: &Target) -> Result<Verdict> {
        if (200..300).contains(&self.code) {
            let object = Object::new(from_json(&cluster.json(self)?));
            return object.map(Ok).map_err(|error| cluster.failed(&object_path(target), &error.to_string()));
        }
        Ok(Err(self.rejection()))
    }
}

/// `/apis/apps/v1/namespaces/shop/deployments`.
fn collection_path(kind: &ResourceKind, namespace: Option<&str>) -> String {
    let (group, version) = (&kind.type_key.group, &kind.type_key.version);
    let root = if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
    match namespace.filter(|_| kind.namespaced) {
        Some(namespace) => format!("{root}/namespaces/{}/{}", request::escape(namespace), kind.plural),
        None => format!("{root}/{}", kind.plural),
    }
}

fn object_path(target: &Target) -> String {
    format!("{}/{}", collection_path(&target.kind, target.namespace.as_deref()), request::escape(&target.name))
}

fn list_request(kind: &ResourceKind, scope: &Scope) -> Request {
    let request = Request::new("GET", collection_path(kind, scope.namespace.as_deref()));
    match &scope.labels {
        Some(labels) => request.query("labelSelector", labels),
        None => request,
    }
}

#[async_trait]
impl Cluster for KubeCluster {
    async fn version(&self) -> Result<String> {
        let request = Request::new("GET", "/version");
        let answer = self.send(&request).await?;
        if answer.code != 200 {
            return Err(self.refused(&request, &answer));
        }
        let json = self.json(&answer)?;
        // Hosted clusters answer `36+`.
        let part = |key: &str| json[key].as_str().unwrap_or_default().trim_end_matches('+').to_owned();
        Ok(format!("{}.{}", part("major"), part("minor")))
    }

    async fn discover(&self) -> Result<Discovery> {
        self.discovery().await
    }

    async fn openapi(&self) -> Result<Vec<String>> {
        self.openapi_documents().await
    }

    async fn list(&self, kind: &ResourceKind, scope: &Scope) -> Result<Vec<Object>> {
        Ok(self.pages(kind, scope).await?.map(|listing| listing.objects).unwrap_or_default())
    }

    async fn get(&self, target: &Target) -> Result<Option<Object>> {
        let request = Request::new("GET", object_path(target));
        let answer = self.send(&request).await?;
        match answer.code {
            404 => Ok(None),
            200 => answer.verdict(self, target).map(std::result::Result::ok),
            _ => Err(self.refused(&request, &answer)),
        }
    }

    async fn dry_run(&self, target: &Target, object: &Object, options: &ApplyOptions) -> Result<Verdict> {
        self.patch(target, object, options, true).await
    }

    async fn apply(
        &self,
        _grant: &ApplyGrant,
        target: &Target,
        object: &Object,
        options: &ApplyOptions,
    ) -> Result<Verdict> {
        self.patch(target, object, options, false).await
    }

    async fn replace(&self, _grant: &ApplyGrant, target: &Target, object: &Object) -> Result<Verdict> {
        let object = encode_string_data(object);
        let version = object.value().path(&["metadata", "resourceVersion"]).and_then(Value::as_str);
        let (method, path) = match version.filter(|version| !version.is_empty()) {
            Some(_) => ("PUT", object_path(target)),
            None => ("POST", collection_path(&target.kind, target.namespace.as_deref())),
        };
        // Sent again after its answer was lost, it would lose against itself: the caller has to look.
        let request = Request::new(method, path)
            .query("fieldManager", MANAGER)
            .query("fieldValidation", "Strict")
            .body("application/json", &to_json(object.value()))
            .repeat(Repeat::WhenUntouched);
        self.send(&request).await?.verdict(self, target)
    }

    async fn delete(
        &self,
        _grant: &ApplyGrant,
        target: &Target,
        uid: &str,
    ) -> Result<std::result::Result<(), Rejection>> {
        let options = serde_json::json!({
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": uid},
            "propagationPolicy": "Background",
        });
        let request = Request::new("DELETE", object_path(target)).body("application/json", &options);
        let answer = self.send(&request).await?;
        match answer.code {
            200..300 | 404 => Ok(Ok(())),
            _ => Ok(Err(answer.rejection())),
        }
    }

    async fn watch(&self, kind: &ResourceKind, scope: &Scope) -> Result<BoxStream<'static, Result<WatchEvent>>> {
        watch::watch(self.clone(), kind.clone(), scope.clone()).await
    }
}
