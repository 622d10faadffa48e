//! Clusters: discovery, list, get, dry-run, apply, delete, watch.
//!
//! `kube` types stay below this room; the trait speaks [`Object`]s. A write takes a grant that only [`crate::trust`]
//! makes. Semantics are those of the Kubernetes API server.

pub mod kube;
pub mod kubeconfig;
pub mod memory;
mod schemas;
mod selector;

pub use kube::KubeCluster;
pub use kubeconfig::{KubeconfigSource, connect};
pub use memory::MemoryCluster;
pub use schemas::{PulledSchemas, pull_schemas};

use crate::failure::Result;
use crate::manifest::{Object, TypeKey, Value};
use crate::trust::ApplyGrant;
use async_trait::async_trait;
use base64::Engine as _;
use futures::stream::BoxStream;

/// A kind that the server serves.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceKind {
    /// Group, version and kind.
    pub type_key: TypeKey,
    /// The name in the URL: `deployments`.
    pub plural: String,
    /// Objects live in namespaces.
    pub namespaced: bool,
    /// `get`, `list`, `patch`, `delete`, `watch`, …
    pub verbs: Vec<String>,
}

/// What the server serves, read once per run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Discovery {
    /// Every kind in every served version; the preferred version of a group first.
    pub kinds: Vec<ResourceKind>,
    /// Groups (`group/version`) whose API service did not answer; nothing is known of their kinds.
    pub unavailable: Vec<String>,
}

impl Discovery {
    /// The kind with exactly this group, version and kind.
    #[must_use]
    pub fn find(&self, type_key: &TypeKey) -> Option<&ResourceKind> {
        self.kinds.iter().find(|kind| kind.type_key == *type_key)
    }

    /// The preferred version of a group's kind.
    #[must_use]
    pub fn preferred(&self, group: &str, kind: &str) -> Option<&ResourceKind> {
        self.kinds.iter().find(|served| served.type_key.group == group && served.type_key.kind == kind)
    }
}

/// Which objects of a kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// One namespace, or all.
    pub namespace: Option<String>,
    /// A label selector in the API's syntax: `applyset.kubernetes.io/part-of=…`.
    pub labels: Option<String>,
}

/// What names one object on the server.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// The kind.
    pub kind: ResourceKind,
    /// `None` for cluster-scoped kinds.
    pub namespace: Option<String>,
    /// The name.
    pub name: String,
}

/// One reason in a [`Rejection`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The field as the server names it (`spec.template.spec.containers[0].image`); empty when it names none.
    pub field: String,
    /// The server's word for the reason: `FieldValueInvalid`, `FieldManagerConflict`, …
    pub reason: String,
    /// The server's sentence. May quote values: redact before it becomes text.
    pub message: String,
}

/// Why the server refused a request. This is a verdict on the object, not a broken world.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// HTTP status code.
    pub code: u16,
    /// The server's word: `Invalid`, `Forbidden`, `Conflict`, `NotFound`, `AlreadyExists`, …
    pub reason: String,
    /// The server's sentence. May quote values: redact before it becomes text.
    pub message: String,
    /// The single reasons.
    pub causes: Vec<Cause>,
}

/// The server's answer to a write: the object as it would be or is now, or why not.
pub type Verdict = std::result::Result<Object, Rejection>;

/// How an object is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApplyOptions {
    /// The field manager: `mergeline/ENV/UNIT`.
    pub field_manager: String,
    /// Take over fields that other managers own.
    pub force: bool,
}

/// What a watch tells.
#[derive(Debug, Clone, PartialEq)]
pub enum WatchEvent {
    /// The object is like this now (also told for each object when the watch begins).
    Seen(Object),
    /// The object is gone, or left the scope; this is its last state.
    Gone(Object),
    /// Everything that was there when the watch began (or was taken up again) has been told: who was not seen is absent.
    Synced,
}

/// A Kubernetes cluster.
///
/// Every implementation passes the contract suite in `tests/suite/contract/cluster.rs`.
///
/// # Errors
/// Every verb fails with [`crate::failure::FailureKind::Remote`] when the server cannot be reached or fails after
/// retries (429 with `Retry-After`, 503, GOAWAY, webhook and etcd hiccups are retried within a budget). What the server
/// says about an object is a [`Verdict`], not an error.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// The server's version: `1.36`.
    async fn version(&self) -> Result<String>;

    /// What the server serves. Asked anew at each call: CRDs come and go.
    async fn discover(&self) -> Result<Discovery>;

    /// The OpenAPI v3 documents of the group versions that the server serves, as JSON texts. What an aggregated API server
    /// does not answer is left out.
    async fn openapi(&self) -> Result<Vec<String>>;

    /// All objects of a kind in a scope, paged to the end. Empty when the server does not serve the kind (any more):
    /// then none can exist.
    async fn list(&self, kind: &ResourceKind, scope: &Scope) -> Result<Vec<Object>>;

    /// One object; `None` when there is none.
    async fn get(&self, target: &Target) -> Result<Option<Object>>;

    /// Server-side apply without effect: full admission, strict field validation.
    async fn dry_run(&self, target: &Target, object: &Object, options: &ApplyOptions) -> Result<Verdict>;

    /// Server-side apply with strict field validation. A Secret's `stringData` is sent as `data`: the server would
    /// otherwise never remove a key that leaves it.
    async fn apply(
        &self,
        grant: &ApplyGrant,
        target: &Target,
        object: &Object,
        options: &ApplyOptions,
    ) -> Result<Verdict>;

    /// Compare-and-swap: creates the object when it has no `metadata.resourceVersion`, else replaces exactly that
    /// version; a loser gets a `Conflict` or `AlreadyExists` rejection. For leases and inventories.
    async fn replace(&self, grant: &ApplyGrant, target: &Target, object: &Object) -> Result<Verdict>;

    /// Deletes an object if it still has this UID (background propagation). `Ok(Ok(()))` also when it is gone already.
    async fn delete(
        &self,
        grant: &ApplyGrant,
        target: &Target,
        uid: &str,
    ) -> Result<std::result::Result<(), Rejection>>;

    /// Tells the state of every object of the kind in the scope now, then [`WatchEvent::Synced`], then each change, until
    /// the stream is dropped.
    /// Lost connections are taken up again; a stream item is an error only when that fails.
    async fn watch(&self, kind: &ResourceKind, scope: &Scope) -> Result<BoxStream<'static, Result<WatchEvent>>>;
}

/// The object as it is sent: a Secret's `stringData` moved into `data`, where it wins as it does on the server.
///
/// The server itself does that move only while decoding: the owner's fields then name `stringData` alone, and a key that
/// leaves it stays in `data` for ever (seen on 1.36; the contract suite holds our behaviour).
fn encode_string_data(object: &Object) -> Object {
    let mut object = object.clone();
    let is_secret = object.is_secret();
    let Some(plain) =
        object.value_mut().as_map_mut().filter(|_| is_secret).and_then(|map| map.shift_remove("stringData"))
    else {
        return object;
    };
    let mut data = object.value().get("data").filter(|data| !data.is_null()).cloned().unwrap_or_else(Value::null);
    for (key, value) in plain.as_map().into_iter().flatten() {
        match value.as_str() {
            Some(text) => data.set(key.as_str(), base64::engine::general_purpose::STANDARD.encode(text)),
            // Not a string: the server says so.
            None => data.set(key.as_str(), value.clone()),
        }
    }
    if !data.is_null() {
        object.value_mut().set("data", data);
    }
    object
}
