//! A cluster with a namespace of its own for one test.

use mergeline::cluster::kubeconfig::{KubeconfigSource, Location, connect};
use mergeline::cluster::{ApplyOptions, Cluster, Discovery, MemoryCluster, ResourceKind, Scope, Target, Verdict};
use mergeline::commit::CommitId;
use mergeline::event::{Event, Trigger};
use mergeline::manifest::{Data, Key, Map, Number, Object, TypeKey, Value};
use mergeline::trust::{ApplyGrant, Grants};
use std::sync::atomic::{AtomicU32, Ordering};

/// A cluster, its kinds, and the test's namespace.
pub(super) struct Arena {
    pub(super) cluster: Box<dyn Cluster>,
    pub(super) namespace: String,
    pub(super) grant: ApplyGrant,
    discovery: Discovery,
}

impl Arena {
    pub(super) async fn memory() -> Self {
        Self::on(Box::new(MemoryCluster::new())).await
    }

    /// On the lab's API server; `None` where no lab runs.
    pub(super) async fn real() -> Option<Self> {
        let location = Location::File(mergeline_lab::needs::cluster()?.kubeconfig.clone());
        let source = KubeconfigSource { location, context: None, checkout: None, allow_exec: false };
        Some(Self::on(connect(&source).await.unwrap()).await)
    }

    async fn on(cluster: Box<dyn Cluster>) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let namespace = format!("contract-{}-{number}", std::process::id());
        let event = Event { trigger: Trigger::Terminal, host: None, actor: None, run_url: None };
        let commit = CommitId::parse(&"1".repeat(40)).unwrap();
        let grant = Grants::judge(&event).apply("dev", &commit).unwrap();
        let discovery = cluster.discover().await.unwrap();
        let arena = Self { cluster, namespace, grant, discovery };
        let object = arena.object("v1", "Namespace", &arena.namespace, serde_json::json!({}));
        arena.apply(&object, "arena").await.unwrap();
        arena
    }

    /// Begins the deletion of the namespace; nobody waits for it.
    pub(super) async fn tear_down(&self) {
        let target = self.target_of("v1", "Namespace", &self.namespace);
        if let Some(namespace) = self.cluster.get(&target).await.unwrap() {
            self.cluster.delete(&self.grant, &target, uid(&namespace)).await.unwrap().unwrap();
        }
    }

    /// A kind that this server serves.
    pub(super) fn kind(&self, api_version: &str, kind: &str) -> ResourceKind {
        self.discovery.find(&TypeKey::new(api_version, kind)).unwrap().clone()
    }

    /// The target of an object in the test's namespace, or of a cluster-scoped one.
    pub(super) fn target_of(&self, api_version: &str, kind: &str, name: &str) -> Target {
        let kind = self.kind(api_version, kind);
        let namespace = kind.namespaced.then(|| self.namespace.clone());
        Target { kind, namespace, name: name.to_owned() }
    }

    pub(super) fn target(&self, object: &Object) -> Target {
        self.target_of(object.api_version(), object.kind(), object.name().unwrap())
    }

    /// An object with a name and what `body` says besides; in the test's namespace where the kind has one.
    pub(super) fn object(&self, api_version: &str, kind: &str, name: &str, body: serde_json::Value) -> Object {
        let namespaced = self.discovery.find(&TypeKey::new(api_version, kind)).is_none_or(|kind| kind.namespaced);
        let mut object = serde_json::json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name}});
        if namespaced {
            object["metadata"]["namespace"] = self.namespace.as_str().into();
        }
        merge(&mut object, body);
        Object::new(value(object)).unwrap()
    }

    /// A ConfigMap named `settings`.
    pub(super) fn settings(&self, data: &serde_json::Value) -> Object {
        self.object("v1", "ConfigMap", "settings", serde_json::json!({"data": data}))
    }

    /// A Deployment whose pods have one container, `web`.
    pub(super) fn deployment(&self, name: &str, container: serde_json::Value) -> Object {
        let mut web = serde_json::json!({"name": "web", "image": "web:1"});
        merge(&mut web, container);
        let spec = serde_json::json!({
            "replicas": 1,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [web]}},
        });
        self.object("apps/v1", "Deployment", name, serde_json::json!({"spec": spec}))
    }

    pub(super) async fn apply(&self, object: &Object, manager: &str) -> Verdict {
        self.apply_with(object, manager, false).await
    }

    pub(super) async fn force(&self, object: &Object, manager: &str) -> Verdict {
        self.apply_with(object, manager, true).await
    }

    async fn apply_with(&self, object: &Object, manager: &str, force: bool) -> Verdict {
        let options = ApplyOptions { field_manager: manager.to_owned(), force };
        self.cluster.apply(&self.grant, &self.target(object), object, &options).await.unwrap()
    }

    pub(super) async fn dry_run(&self, object: &Object, manager: &str) -> Verdict {
        let options = ApplyOptions { field_manager: manager.to_owned(), force: false };
        self.cluster.dry_run(&self.target(object), object, &options).await.unwrap()
    }

    pub(super) async fn get(&self, object: &Object) -> Option<Object> {
        self.cluster.get(&self.target(object)).await.unwrap()
    }

    /// The kind as discovered now.
    pub(super) async fn discovered(&self, api_version: &str, kind: &str) -> Option<ResourceKind> {
        self.cluster.discover().await.unwrap().find(&TypeKey::new(api_version, kind)).cloned()
    }

    pub(super) fn scope(&self, labels: Option<&str>) -> Scope {
        Scope { namespace: Some(self.namespace.clone()), labels: labels.map(str::to_owned) }
    }
}

pub(super) fn uid(object: &Object) -> &str {
    object.value().path(&["metadata", "uid"]).and_then(Value::as_str).unwrap()
}

pub(super) fn version(object: &Object) -> &str {
    object.value().path(&["metadata", "resourceVersion"]).and_then(Value::as_str).unwrap()
}

/// The text at a pointer; empty when there is none.
pub(super) fn text<'a>(object: &'a Object, pointer: &str) -> &'a str {
    object.value().at(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// Lays `over` on `json`, map by map.
fn merge(json: &mut serde_json::Value, over: serde_json::Value) {
    match (json, over) {
        (serde_json::Value::Object(map), serde_json::Value::Object(over)) => {
            for (key, value) in over {
                merge(map.entry(key).or_insert(serde_json::Value::Null), value);
            }
        }
        (json, over) => *json = over,
    }
}

/// JSON as a manifest value.
pub(super) fn value(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::null(),
        serde_json::Value::Bool(flag) => flag.into(),
        serde_json::Value::Number(number) => Data::Number(Number::from(number.as_i64().unwrap())).into(),
        serde_json::Value::String(text) => text.into(),
        serde_json::Value::Array(items) => items.into_iter().map(value).collect::<Vec<_>>().into(),
        serde_json::Value::Object(map) => {
            map.into_iter().map(|(key, child)| (Key::from(key), value(child))).collect::<Map>().into()
        }
    }
}
