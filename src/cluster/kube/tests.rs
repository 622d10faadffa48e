#![allow(clippy::unwrap_used)]
//! What a server does at its worst, played by a stub on loopback: one scripted answer a request.

use super::*;
use crate::commit::CommitId;
use crate::event::{Event, Trigger};
use crate::failure::FailureKind;
use crate::manifest::TypeKey;
use crate::trust::Grants;
use futures::StreamExt;
use serde_json::json;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Status line and headers, then the body.
type Reply = (&'static str, String);

struct Stub {
    cluster: KubeCluster,
    requests: Arc<Mutex<Vec<String>>>,
}

/// Answers the requests one after the other; an empty reply closes the connection.
async fn stub(replies: Vec<Reply>) -> Stub {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&requests);
    tokio::spawn(async move {
        let mut replies: VecDeque<Reply> = replies.into();
        while let Some((head, body)) = replies.pop_front() {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut text = Vec::new();
            let mut buffer = [0; 4096];
            // Each request comes on a connection of its own, and is small.
            while !complete(&text) {
                let read = socket.read(&mut buffer).await.unwrap();
                text.extend_from_slice(&buffer[..read]);
            }
            let line = String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned();
            seen.lock().unwrap().push(line);
            if !head.is_empty() {
                let length = body.len();
                let reply = format!("HTTP/1.1 {head}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
                socket.write_all(reply.as_bytes()).await.unwrap();
            }
        }
    });
    let config = ::kube::Config::new(format!("http://127.0.0.1:{port}").parse().unwrap());
    let cluster = KubeCluster::new(config).unwrap().with_retry_budget(Duration::from_secs(1));
    Stub { cluster, requests }
}

fn complete(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok()).unwrap_or(0);
    body.len() >= length
}

impl Stub {
    fn seen(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn status(code: u16, message: &str) -> String {
    json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "message": message}).to_string()
}

fn kind() -> ResourceKind {
    let type_key = TypeKey::new("v1", "ConfigMap");
    ResourceKind { type_key, plural: "configmaps".into(), namespaced: true, verbs: Vec::new() }
}

fn item(name: &str, version: u32) -> serde_json::Value {
    json!({"metadata": {"name": name, "namespace": "shop", "uid": name, "resourceVersion": version.to_string()}})
}

fn list(items: &[serde_json::Value], version: u32, next: &str) -> Reply {
    let metadata = json!({"resourceVersion": version.to_string(), "continue": next});
    ("200 OK", json!({"kind": "ConfigMapList", "metadata": metadata, "items": items}).to_string())
}

fn object() -> (Target, Object) {
    let mut value = from_json(&item("settings", 1));
    value.set("apiVersion", "v1");
    value.set("kind", "ConfigMap");
    let target = Target { kind: kind(), namespace: Some("shop".into()), name: "settings".into() };
    (target, Object::new(value).unwrap())
}

fn options() -> ApplyOptions {
    ApplyOptions { field_manager: "test".into(), force: false }
}

fn grant() -> ApplyGrant {
    let event = Event { trigger: Trigger::Terminal, host: None, actor: None, run_url: None };
    Grants::judge(&event).apply("dev", &CommitId::parse(&"1".repeat(40)).unwrap()).unwrap()
}

#[tokio::test]
async fn throttling_hiccups_and_lost_connections_are_tried_again() {
    let (target, object) = object();
    let done = ("200 OK", object.to_json().to_string());
    let stub = stub(vec![
        ("429 Too Many Requests\r\nretry-after: 0", "Too many requests, please try again later.".into()),
        ("500 Internal Server Error", status(500, "etcdserver: leader changed")),
        ("", String::new()),
        ("503 Service Unavailable", "starting".into()),
        done,
    ])
    .await;
    let verdict = stub.cluster.apply(&grant(), &target, &object, &options()).await.unwrap();
    assert_eq!(verdict.unwrap().name(), Some("settings"));
    assert_eq!(stub.seen().len(), 5);
}

#[tokio::test]
async fn a_server_that_keeps_failing_is_given_up_with_its_words() {
    let (target, object) = object();
    let hook = "Internal error occurred: failed calling webhook \"policy.example.com\": connection refused";
    let stub = stub(vec![("500 Internal Server Error", status(500, hook)); 20]).await;
    let cluster = stub.cluster.clone().with_retry_budget(Duration::from_millis(300));
    let failure = cluster.dry_run(&target, &object, &options()).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Remote);
    assert!(failure.message().contains("policy.example.com"), "{failure}");
    assert!(stub.seen().len() > 1);
}

#[tokio::test]
async fn a_wrong_type_is_a_rejection_although_the_server_says_500() {
    let (target, object) = object();
    let words =
        "failed to create typed patch object (shop/settings; v1, Kind=ConfigMap): .data: expected map, got list";
    let stub = stub(vec![("500 Internal Server Error", status(500, words))]).await;
    let rejection = stub.cluster.dry_run(&target, &object, &options()).await.unwrap().unwrap_err();
    assert_eq!((rejection.code, rejection.message.as_str()), (500, words));
    assert_eq!(stub.seen().len(), 1);
}

#[tokio::test]
async fn a_compare_and_swap_whose_answer_is_lost_is_not_sent_again() {
    let (target, object) = object();
    let stub = stub(vec![("", String::new()), ("200 OK", object.to_json().to_string())]).await;
    let failure = stub.cluster.replace(&grant(), &target, &object).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Remote);
    assert_eq!(
        stub.seen(),
        ["PUT /api/v1/namespaces/shop/configmaps/settings?fieldManager=mergeline&fieldValidation=Strict HTTP/1.1"]
    );
}

#[tokio::test]
async fn unknown_credentials_and_missing_roles_say_what_to_do() {
    let unknown = stub(vec![("401 Unauthorized", status(401, "Unauthorized"))]).await;
    let failure = unknown.cluster.discover().await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Usage);
    assert!(!failure.hints().is_empty());
    let forbidden =
        stub(vec![("403 Forbidden", status(403, "forbidden: User \"viewer\" cannot get path \"/api\""))]).await;
    let failure = forbidden.cluster.discover().await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Usage);
    assert!(failure.message().contains("viewer") && !failure.hints().is_empty(), "{failure}");
}

#[tokio::test]
async fn lists_are_paged_to_the_end() {
    let stub = stub(vec![list(&[item("a", 1)], 9, "more"), list(&[item("b", 2)], 9, "")]).await;
    let scope = Scope { namespace: Some("shop".into()), labels: Some("app=web".into()) };
    let objects = stub.cluster.list(&kind(), &scope).await.unwrap();
    assert_eq!(objects.iter().filter_map(Object::name).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(objects[0].api_version(), "v1");
    let path = "/api/v1/namespaces/shop/configmaps?labelSelector=app%3Dweb&limit=500";
    assert_eq!(stub.seen(), [format!("GET {path} HTTP/1.1"), format!("GET {path}&continue=more HTTP/1.1")]);
}

#[tokio::test]
async fn a_list_that_expires_between_pages_begins_again() {
    let expired = ("410 Gone", status(410, "the provided continue parameter is too old"));
    let whole = list(&[item("a", 1), item("b", 2)], 10, "");
    let stub = stub(vec![list(&[item("a", 1)], 9, "more"), expired, whole]).await;
    let objects = stub.cluster.list(&kind(), &Scope::default()).await.unwrap();
    assert_eq!(objects.len(), 2);
    assert_eq!(stub.seen()[2], "GET /api/v1/configmaps HTTP/1.1");
}

#[tokio::test]
async fn a_watch_that_lost_its_place_tells_what_happened_meanwhile() {
    let event = |kind: &str, object: serde_json::Value| json!({"type": kind, "object": object}).to_string();
    let mut added = item("b", 6);
    added["apiVersion"] = "v1".into();
    added["kind"] = "ConfigMap".into();
    let old = json!({"kind": "Status", "apiVersion": "v1", "code": 410, "status": "Failure", "reason": "Expired", "message": "too old"});
    let events = format!("{}\n{}\n", event("ADDED", added), event("ERROR", old));
    let stub = stub(vec![
        list(&[item("a", 1), item("c", 3)], 5, ""),
        ("200 OK", events),
        list(&[item("b", 6), item("c", 7)], 8, ""),
    ])
    .await;
    let watch = stub.cluster.watch(&kind(), &Scope::default()).await.unwrap();
    let told: Vec<String> = watch
        .take(7)
        .map(|event| match event.unwrap() {
            WatchEvent::Seen(object) => format!("seen {}", object.name().unwrap()),
            WatchEvent::Gone(object) => format!("gone {}", object.name().unwrap()),
            WatchEvent::Synced => "synced".to_owned(),
        })
        .collect()
        .await;
    assert_eq!(told, ["seen a", "seen c", "synced", "seen b", "seen c", "gone a", "synced"]);
    assert!(stub.seen()[1].contains("watch=true") && stub.seen()[1].contains("resourceVersion=5"));
}

#[tokio::test]
async fn an_api_service_that_does_not_answer_is_unavailable_and_the_rest_goes_on() {
    let versions = json!({"kind": "APIVersions", "versions": ["v1"]}).to_string();
    let core = json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": [
        {"name": "configmaps", "kind": "ConfigMap", "namespaced": true, "verbs": ["get", "list"]},
        {"name": "pods/log", "kind": "Pod", "namespaced": true, "verbs": ["get"]},
    ]});
    let group = json!({"groupVersion": "metrics.k8s.io/v1beta1"});
    let groups = json!({"kind": "APIGroupList", "groups": [
        {"name": "metrics.k8s.io", "versions": [group], "preferredVersion": group}]});
    let dead = ("503 Service Unavailable", "service unavailable".to_owned());
    let mut replies = vec![("200 OK", versions), ("200 OK", core.to_string()), ("200 OK", groups.to_string())];
    replies.extend(vec![dead; 20]);
    let stub = stub(replies).await;
    let discovery = stub.cluster.discover().await.unwrap();
    assert_eq!(discovery.unavailable, ["metrics.k8s.io/v1beta1"]);
    assert_eq!(discovery.kinds.len(), 1);
    assert_eq!(discovery.preferred("", "ConfigMap").unwrap().plural, "configmaps");
}
