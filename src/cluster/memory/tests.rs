#![allow(clippy::unwrap_used)]
//! What the memory cluster does besides the contract: faults, counting, stuck objects, files.

use super::*;
use crate::commit::CommitId;
use crate::event::{Event, Trigger};
use crate::failure::FailureKind;
use crate::manifest::TypeKey;
use crate::manifest::json::from_json;
use crate::trust::Grants;
use serde_json::json;

fn grant() -> ApplyGrant {
    let event = Event { trigger: Trigger::Terminal, host: None, actor: None, run_url: None };
    Grants::judge(&event).apply("dev", &CommitId::parse(&"1".repeat(40)).unwrap()).unwrap()
}

async fn target(cluster: &MemoryCluster, object: &Object) -> Target {
    let kind = cluster.discover().await.unwrap().find(&object.type_key()).unwrap().clone();
    let namespace = object.namespace().map(str::to_owned);
    Target { kind, namespace, name: object.name().unwrap().to_owned() }
}

async fn apply(cluster: &MemoryCluster, object: &Object) -> Result<Verdict> {
    let kind = kinds::built_in().into_iter().find(|served| served.kind.type_key == object.type_key()).unwrap().kind;
    let namespace = object.namespace().map(str::to_owned);
    let target = Target { kind, namespace, name: object.name().unwrap().to_owned() };
    let options = ApplyOptions { field_manager: "test".into(), force: false };
    cluster.apply(&grant(), &target, object, &options).await
}

fn settings() -> Object {
    let metadata = json!({"name": "settings", "namespace": "default"});
    Object::new(from_json(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "1"}})))
        .unwrap()
}

fn deployment() -> Object {
    let spec = json!({
        "replicas": 2,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}},
    });
    let metadata = json!({"name": "web", "namespace": "default"});
    let json = json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec});
    Object::new(from_json(&json)).unwrap()
}

#[tokio::test]
async fn a_failing_request_changes_nothing_and_the_next_one_works() {
    let cluster = MemoryCluster::new();
    cluster.fault(Some(Fault::Fails(1)));
    let failure = apply(&cluster, &settings()).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Remote);
    assert!(cluster.get(&target(&cluster, &settings()).await).await.unwrap().is_none());
    assert!(apply(&cluster, &settings()).await.unwrap().is_ok());
    assert_eq!(cluster.requests()["apply"], 2);
}

#[tokio::test]
async fn a_lost_answer_took_effect() {
    let cluster = MemoryCluster::new();
    cluster.fault(Some(Fault::AnswerLost(1)));
    assert!(apply(&cluster, &settings()).await.is_err());
    assert!(cluster.get(&target(&cluster, &settings()).await).await.unwrap().is_some());
}

#[tokio::test]
async fn a_cluster_that_went_away_stays_away_until_it_is_back() {
    let cluster = MemoryCluster::new();
    cluster.fault(Some(Fault::DownFrom(2)));
    assert!(cluster.version().await.is_ok());
    assert!(cluster.version().await.is_err());
    assert!(cluster.discover().await.is_err());
    cluster.fault(None);
    assert!(cluster.discover().await.is_ok());
}

#[tokio::test]
async fn workloads_are_ready_at_once_unless_stuck() {
    let cluster = MemoryCluster::new();
    cluster.stuck("web");
    apply(&cluster, &deployment()).await.unwrap().unwrap();
    let target = target(&cluster, &deployment()).await;
    let ready = async || {
        let live = cluster.get(&target).await.unwrap().unwrap();
        live.value().path(&["status", "readyReplicas"]).and_then(Value::as_i64)
    };
    assert_eq!(ready().await, Some(0));
    cluster.unstick("web");
    assert_eq!(ready().await, Some(2));
}

#[tokio::test]
async fn a_stuck_definition_serves_no_custom_resources() {
    let cluster = MemoryCluster::new();
    cluster.stuck("widgets.example.com");
    let spec = json!({
        "group": "example.com", "scope": "Namespaced", "names": {"kind": "Widget", "plural": "widgets"},
        "versions": [{"name": "v1", "served": true, "storage": true}],
    });
    let json = json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"}, "spec": spec});
    apply(&cluster, &Object::new(from_json(&json)).unwrap()).await.unwrap().unwrap();
    let widget = TypeKey::new("example.com/v1", "Widget");
    assert!(cluster.discover().await.unwrap().find(&widget).is_none());
    cluster.unstick("widgets.example.com");
    assert!(cluster.discover().await.unwrap().find(&widget).is_some());
}

#[tokio::test]
async fn admission_can_be_made_to_refuse_an_object() {
    let cluster = MemoryCluster::new();
    cluster.deny("ConfigMap", "settings", "not on Fridays");
    let rejection = apply(&cluster, &settings()).await.unwrap().unwrap_err();
    assert_eq!(rejection.message, "configmaps \"settings\" is forbidden: not on Fridays");
    assert_eq!(rejection.code, 403);
}

#[tokio::test]
async fn an_edit_by_a_person_takes_the_field() {
    let cluster = MemoryCluster::new();
    apply(&cluster, &settings()).await.unwrap().unwrap();
    let target = target(&cluster, &settings()).await;
    cluster.edit(&target, "kubectl-edit", |object| object.get_mut("data").unwrap().set("a", "2")).unwrap();
    let rejection = apply(&cluster, &settings()).await.unwrap().unwrap_err();
    assert_eq!(rejection.causes[0].message, "conflict with \"kubectl-edit\" using v1");
}

#[tokio::test]
async fn a_file_keeps_the_cluster_with_its_owners_and_versions() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cluster.json");
    let first = MemoryCluster::open(&path).unwrap();
    apply(&first, &deployment()).await.unwrap().unwrap();
    apply(&first, &settings()).await.unwrap().unwrap();
    let second = MemoryCluster::open(&path).unwrap();
    assert_eq!(first.objects(), second.objects());
    let before = second.get(&target(&second, &settings()).await).await.unwrap().unwrap();
    assert_eq!(apply(&second, &settings()).await.unwrap().unwrap(), before);
    let fresh = apply(
        &second,
        &Object::new(from_json(&json!({"apiVersion": "v1", "kind": "Namespace",
        "metadata": {"name": "shop"}})))
        .unwrap(),
    )
    .await
    .unwrap()
    .unwrap();
    let uids: BTreeSet<String> = second
        .objects()
        .iter()
        .map(|o| o.value().path(&["metadata", "uid"]).unwrap().as_str().unwrap().to_owned())
        .collect();
    assert_eq!(uids.len(), second.objects().len());
    assert_eq!(fresh.name(), Some("shop"));
}

#[test]
fn a_file_that_is_no_snapshot_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "{\"version\": 9}").unwrap();
    let failure = MemoryCluster::open(file.path()).err().unwrap();
    assert_eq!(failure.kind(), FailureKind::Usage);
    assert!(failure.message().ends_with("its version is not 1"), "{failure}");
}

#[tokio::test]
async fn an_ordered_list_keeps_the_order_of_the_configuration() {
    let cluster = MemoryCluster::new();
    let with = |names: &[&str]| {
        let mut object = deployment();
        let items: Vec<_> = names.iter().map(|name| json!({"name": name, "image": "i"})).collect();
        let spec = object.value_mut().get_mut("spec").unwrap().get_mut("template").unwrap().get_mut("spec").unwrap();
        spec.set("containers", from_json(&json!(items)));
        object
    };
    apply(&cluster, &with(&["a", "b", "c"])).await.unwrap().unwrap();
    let after = apply(&cluster, &with(&["c", "d", "a"])).await.unwrap().unwrap();
    let containers = after.value().at("/spec/template/spec/containers").unwrap().as_list().unwrap();
    let names: Vec<_> = containers.iter().map(|c| c.get("name").unwrap().as_str().unwrap()).collect();
    assert_eq!(names, ["c", "d", "a"]);
}
