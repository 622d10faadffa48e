//! What the lab's API server says of an object, and of what sort its refusal is.

use mergeline_lab::Cluster;
use reqwest::header::CONTENT_TYPE;
use reqwest::{Certificate, Client, RequestBuilder, Response};
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::time::Duration;

/// The API server, asked without a change to what it stores.
pub(crate) struct Server {
    client: Client,
    url: String,
    token: String,
    namespace: String,
    /// Plural and scope of each kind, by group/version and kind.
    kinds: BTreeMap<(String, String), (String, bool)>,
}

/// Why the server refuses an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Sort {
    /// Unknown fields, types, forms and limits of a schema, CEL.
    Structure,
    /// Two items of a list with one key.
    List,
    /// `metadata`.
    Metadata,
    /// Group, version, kind or scope.
    Scope,
    /// Validation of Kubernetes' own types that is written in Go.
    Hand,
    /// The same of a CustomResourceDefinition.
    Definition,
    /// Something else than the object: what the cluster holds, how it is set up.
    Surroundings,
}

/// An answer.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Taken,
    Refused { sort: Sort, message: String, fields: Vec<String> },
}

impl Sort {
    /// The sort that a record names.
    pub(crate) fn named(name: &str) -> Self {
        let all = [Self::Structure, Self::List, Self::Metadata, Self::Scope, Self::Hand, Self::Definition];
        all.into_iter().find(|sort| format!("{sort:?}") == name).unwrap_or(Self::Surroundings)
    }
}

impl Server {
    pub(crate) async fn new(cluster: &Cluster, namespace: &str) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let authority = Certificate::from_pem(&std::fs::read(&cluster.certificate_authority).unwrap()).unwrap();
        let client = Client::builder()
            .http1_only()
            .tls_certs_only([authority])
            .timeout(Duration::from_secs(60))
            .build()
            .unwrap();
        let (url, token) = (cluster.server.clone(), cluster.admin_token.clone());
        let mut server = Self { client, url, token, namespace: namespace.to_owned(), kinds: BTreeMap::new() };
        server.discover().await;
        server
    }

    /// Reads which kinds are served.
    pub(crate) async fn discover(&mut self) {
        let mut groups = vec!["api/v1".to_owned()];
        let listed = self.get("apis").await;
        for group in listed["groups"].as_array().into_iter().flatten() {
            let versions = group["versions"].as_array().into_iter().flatten();
            groups.extend(versions.map(|version| format!("apis/{}", version["groupVersion"].as_str().unwrap())));
        }
        for group in groups {
            let listed = self.get(&group).await;
            let api_version = group.trim_start_matches("apis/").trim_start_matches("api/").to_owned();
            for resource in listed["resources"].as_array().into_iter().flatten() {
                let (name, kind) = (resource["name"].as_str().unwrap(), resource["kind"].as_str().unwrap());
                if !name.contains('/') {
                    let scope = resource["namespaced"].as_bool().unwrap();
                    self.kinds.insert((api_version.clone(), kind.to_owned()), (name.to_owned(), scope));
                }
            }
        }
    }

    async fn get(&self, path: &str) -> Json {
        let request = self.client.get(format!("{}/{path}", self.url)).bearer_auth(&self.token);
        request.send().await.unwrap().json().await.unwrap_or(Json::Null)
    }

    /// Where objects of the case's kind are made; `None` when the server has no such kind.
    fn place(&self, object: &Json) -> Option<String> {
        let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        let (plural, namespaced) = self.kinds.get(&(api_version.clone(), kind))?;
        let root = if api_version.contains('/') { "apis" } else { "api" };
        let namespace = object["metadata"]["namespace"].as_str().filter(|name| !name.is_empty());
        let namespace = namespace.unwrap_or(&self.namespace);
        let namespace: String =
            percent_encoding::utf8_percent_encode(namespace, percent_encoding::NON_ALPHANUMERIC).to_string();
        Some(if *namespaced {
            format!("{}/{root}/{api_version}/namespaces/{namespace}/{plural}", self.url)
        } else {
            format!("{}/{root}/{api_version}/{plural}", self.url)
        })
    }

    /// Whether it would make the object: `dryRun=All&fieldValidation=Strict`.
    pub(crate) async fn create(&self, object: &Json) -> Answer {
        let Some(place) = self.place(object) else { return unserved() };
        let request = self.client.post(format!("{place}?dryRun=All&fieldValidation=Strict"));
        let request = request.bearer_auth(&self.token).header(CONTENT_TYPE, "application/json");
        let Some(response) = sent(request.body(object.to_string())).await else { return broke_off() };
        self.answer(response, object).await
    }

    /// Whether it would take the object by server-side apply, which is how objects are delivered.
    pub(crate) async fn apply(&self, object: &Json) -> Answer {
        let Some(place) = self.place(object) else { return unserved() };
        let name = object["metadata"]["name"].as_str().unwrap_or("unnamed");
        let name = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
        let query = "dryRun=All&fieldValidation=Strict&fieldManager=verdict&force=true";
        let request = self.client.patch(format!("{place}/{name}?{query}"));
        let request = request.bearer_auth(&self.token).header(CONTENT_TYPE, "application/apply-patch+yaml");
        let Some(response) = sent(request.body(object.to_string())).await else { return broke_off() };
        self.answer(response, object).await
    }

    /// Applies the object as [`Server::apply`] would, and keeps it.
    pub(crate) async fn put(&self, object: &Json) -> Answer {
        let Some(place) = self.place(object) else { return unserved() };
        let name = object["metadata"]["name"].as_str().unwrap_or("unnamed");
        let request =
            self.client.patch(format!("{place}/{name}?fieldValidation=Strict&fieldManager=verdict&force=true"));
        let request = request.bearer_auth(&self.token).header(CONTENT_TYPE, "application/apply-patch+yaml");
        let Some(response) = sent(request.body(object.to_string())).await else { return broke_off() };
        self.answer(response, object).await
    }

    /// Takes the object away again; namespaced ones go with their namespace.
    pub(crate) async fn delete(&self, object: &Json) {
        let Some(place) = self.place(object).filter(|place| !place.contains("/namespaces/")) else { return };
        let name = object["metadata"]["name"].as_str().unwrap_or("unnamed");
        drop(sent(self.client.delete(format!("{place}/{name}")).bearer_auth(&self.token)).await);
    }

    async fn answer(&self, response: Response, object: &Json) -> Answer {
        let code = response.status();
        let status: Json = response.json().await.unwrap_or(Json::Null);
        if code.is_success() || status["reason"] == "AlreadyExists" {
            return Answer::Taken;
        }
        let message = status["message"].as_str().unwrap_or_default().to_owned();
        let causes: Vec<&Json> = status["details"]["causes"].as_array().into_iter().flatten().collect();
        let fields: Vec<String> =
            causes.iter().filter_map(|cause| cause["field"].as_str()).map(str::to_owned).collect();
        let own = !object["apiVersion"].as_str().is_some_and(|version| version.contains(".example.com/"));
        let sort = match code.as_u16() {
            422 => {
                let metadata = |field: &String| {
                    field == "metadata" || (field.starts_with("metadata.") && !field.starts_with("metadata.taints"))
                };
                let twice = |cause: &&&Json| cause["reason"] == "FieldValueDuplicate";
                if fields.iter().any(metadata) {
                    Sort::Metadata
                } else if !own {
                    Sort::Structure
                } else if object["kind"] == "CustomResourceDefinition" {
                    Sort::Definition
                } else if causes.iter().filter(twice).count() == causes.len() && !causes.is_empty() {
                    Sort::List
                } else {
                    Sort::Hand
                }
            }
            404 if message.contains("requested resource") => Sort::Scope,
            400 if message.contains("does not match the") => Sort::Scope,
            // A review that is answered, not kept.
            400 if message.contains("no namespace on request") => Sort::Hand,
            400 => Sort::Structure,
            500 if message.contains("duplicate entries for key") => Sort::List,
            _ => Sort::Surroundings,
        };
        Answer::Refused { sort, message, fields }
    }
}

/// Sends a request, again where the connection broke: nothing is stored.
async fn sent(request: RequestBuilder) -> Option<Response> {
    for turn in 0..8 {
        match request.try_clone().unwrap().send().await {
            Ok(response) if response.status() != 429 => return Some(response),
            _ => tokio::time::sleep(Duration::from_millis(250 << turn)).await,
        }
    }
    None
}

fn broke_off() -> Answer {
    let message = "the server broke the connection off, time and again".to_owned();
    Answer::Refused { sort: Sort::Surroundings, message, fields: Vec::new() }
}

fn unserved() -> Answer {
    let message = "the server has no such kind".to_owned();
    Answer::Refused { sort: Sort::Scope, message, fields: Vec::new() }
}
