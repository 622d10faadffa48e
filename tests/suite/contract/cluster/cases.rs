//! The cases.

use super::arena::{Arena, text, uid, value, version};
use futures::StreamExt;
use mergeline::cluster::{Cause, Rejection, Scope, Target, WatchEvent};
use mergeline::manifest::{Object, Value};
use serde_json::json;
use std::time::Duration;

fn fields(rejection: &Rejection) -> Vec<&str> {
    rejection.causes.iter().map(|cause| cause.field.as_str()).collect()
}

pub(super) async fn applying_twice_leaves_the_resource_version_alone(arena: &Arena) {
    let object = arena.settings(&json!({"color": "red"}));
    let first = arena.apply(&object, "one").await.unwrap();
    let second = arena.apply(&object, "one").await.unwrap();
    assert_eq!(version(&first), version(&second));
    assert_eq!(uid(&first), uid(&second));
    assert_eq!(first, second);
}

pub(super) async fn a_field_of_another_manager_conflicts_and_names_the_manager(arena: &Arena) {
    arena.apply(&arena.settings(&json!({"color": "red", "size": "1"})), "one").await.unwrap();
    let rejection = arena.apply(&arena.settings(&json!({"color": "blue"})), "two").await.unwrap_err();
    assert_eq!((rejection.code, rejection.reason.as_str()), (409, "Conflict"));
    assert_eq!(rejection.message, "Apply failed with 1 conflict: conflict with \"one\": .data.color");
    assert_eq!(
        rejection.causes,
        [Cause {
            field: ".data.color".into(),
            reason: "FieldManagerConflict".into(),
            message: "conflict with \"one\"".into()
        }]
    );
    let both = arena.settings(&json!({"color": "blue", "size": "2"}));
    let rejection = arena.apply(&both, "two").await.unwrap_err();
    assert_eq!(
        rejection.message,
        "Apply failed with 2 conflicts: conflicts with \"one\":\n- .data.color\n- .data.size"
    );
}

pub(super) async fn an_edit_by_another_client_conflicts_too(arena: &Arena) {
    let object = arena.settings(&json!({"color": "red", "size": "1"}));
    let mut edited = arena.apply(&object, "one").await.unwrap();
    edited.value_mut().get_mut("data").unwrap().set("color", "blue");
    let edited = arena.cluster.replace(&arena.grant, &arena.target(&object), &edited).await.unwrap().unwrap();
    assert_eq!(text(&edited, "/data/color"), "blue");
    let rejection = arena.apply(&object, "one").await.unwrap_err();
    assert_eq!(rejection.message, "Apply failed with 1 conflict: conflict with \"mergeline\" using v1: .data.color");
    let forced = arena.force(&object, "one").await.unwrap();
    assert_eq!(text(&forced, "/data/color"), "red");
}

pub(super) async fn two_managers_may_own_the_same_value(arena: &Arena) {
    let object = arena.settings(&json!({"color": "red"}));
    arena.apply(&object, "one").await.unwrap();
    arena.apply(&object, "two").await.unwrap();
    let rejection = arena.apply(&arena.settings(&json!({"color": "blue"})), "one").await.unwrap_err();
    assert_eq!(rejection.causes[0].message, "conflict with \"two\"");
    // The last owner that stops applying it takes it away.
    arena.apply(&arena.settings(&json!({})), "one").await.unwrap();
    assert_eq!(text(&arena.get(&object).await.unwrap(), "/data/color"), "red");
    arena.apply(&arena.settings(&json!({})), "two").await.unwrap();
    assert_eq!(text(&arena.get(&object).await.unwrap(), "/data/color"), "");
}

pub(super) async fn force_takes_the_field_over(arena: &Arena) {
    arena.apply(&arena.settings(&json!({"color": "red", "size": "1"})), "one").await.unwrap();
    let forced = arena.force(&arena.settings(&json!({"color": "blue"})), "two").await.unwrap();
    assert_eq!(text(&forced, "/data/color"), "blue");
    // The former owner has lost it: not applying it any more does not remove it, applying it conflicts.
    let rejection = arena.apply(&arena.settings(&json!({"color": "red"})), "one").await.unwrap_err();
    assert_eq!(fields(&rejection), [".data.color"]);
    let after = arena.apply(&arena.settings(&json!({"size": "1"})), "one").await.unwrap();
    assert_eq!((text(&after, "/data/color"), text(&after, "/data/size")), ("blue", "1"));
}

pub(super) async fn a_field_dropped_by_its_manager_disappears(arena: &Arena) {
    arena.apply(&arena.settings(&json!({"color": "red", "size": "1"})), "one").await.unwrap();
    let after = arena.apply(&arena.settings(&json!({"size": "1"})), "one").await.unwrap();
    assert!(after.value().at("/data/color").is_none());
    assert_eq!(text(&after, "/data/size"), "1");

    let container = json!({"env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}], "resources": {"limits": {"cpu": "1"}}});
    arena.apply(&arena.deployment("web", container), "one").await.unwrap();
    let after =
        arena.apply(&arena.deployment("web", json!({"env": [{"name": "B", "value": "2"}]})), "one").await.unwrap();
    let container = after.value().at("/spec/template/spec/containers/0").unwrap();
    assert_eq!(container.get("env").unwrap().as_list().unwrap().len(), 1);
    assert_eq!(container.at("/env/0/name").unwrap().as_str(), Some("B"));
    assert!(container.at("/resources/limits/cpu").is_none());
}

pub(super) async fn a_field_that_another_manager_still_applies_stays(arena: &Arena) {
    arena.apply(&arena.settings(&json!({"color": "red", "size": "1"})), "one").await.unwrap();
    arena.apply(&arena.settings(&json!({"color": "red", "shape": "round"})), "two").await.unwrap();
    let after = arena.apply(&arena.settings(&json!({"size": "1"})), "one").await.unwrap();
    assert_eq!(text(&after, "/data/color"), "red");
    assert_eq!(text(&after, "/data/shape"), "round");
}

pub(super) async fn list_items_merge_by_their_keys(arena: &Arena) {
    let one = arena.deployment("web", json!({"env": [{"name": "A", "value": "1"}], "ports": [{"containerPort": 80}]}));
    arena.apply(&one, "one").await.unwrap();
    let spec = json!({"spec": {"template": {"spec": {"containers": [
        {"name": "sidecar", "image": "sidecar:1"},
        {"name": "web", "env": [{"name": "B", "value": "2"}], "ports": [{"containerPort": 80, "name": "http"}]},
    ]}}}});
    let two = arena.object("apps/v1", "Deployment", "web", spec);
    let after = arena.apply(&two, "two").await.unwrap();
    let containers = after.value().at("/spec/template/spec/containers").unwrap().as_list().unwrap();
    let web = containers.iter().find(|container| container.get("name").unwrap().as_str() == Some("web")).unwrap();
    assert_eq!(containers.len(), 2);
    assert_eq!(web.get("image").unwrap().as_str(), Some("web:1"));
    assert_eq!(web.get("env").unwrap().as_list().unwrap().len(), 2);
    let ports = web.get("ports").unwrap().as_list().unwrap();
    assert_eq!((ports.len(), ports[0].get("name").unwrap().as_str()), (1, Some("http")));

    let clash = json!({"spec": {"template": {"spec": {"containers": [{"name": "web", "image": "web:2"}]}}}});
    let rejection = arena.apply(&arena.object("apps/v1", "Deployment", "web", clash), "two").await.unwrap_err();
    assert_eq!(fields(&rejection), [".spec.template.spec.containers[name=\"web\"].image"]);
}

pub(super) async fn a_repeated_list_key_is_a_rejection(arena: &Arena) {
    let env = json!({"env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]});
    let rejection = arena.apply(&arena.deployment("web", env), "one").await.unwrap_err();
    assert!(rejection.message.contains("duplicate entries for key [name=\"A\"]"), "{}", rejection.message);
}

pub(super) async fn a_dry_run_changes_nothing(arena: &Arena) {
    let object = arena.settings(&json!({"color": "red"}));
    let live = arena.apply(&object, "one").await.unwrap();
    let would = arena.dry_run(&arena.settings(&json!({"color": "blue"})), "one").await.unwrap();
    assert_eq!(text(&would, "/data/color"), "blue");
    assert_eq!(arena.get(&object).await.unwrap(), live);
}

pub(super) async fn a_dry_run_of_a_new_object_answers_it(arena: &Arena) {
    let object = arena.settings(&json!({"color": "red"}));
    let would = arena.dry_run(&object, "one").await.unwrap();
    assert_eq!(text(&would, "/data/color"), "red");
    assert!(arena.get(&object).await.is_none());
}

pub(super) async fn deleting_with_a_wrong_uid_is_refused(arena: &Arena) {
    let object = arena.settings(&json!({}));
    let live = arena.apply(&object, "one").await.unwrap();
    let target = arena.target(&object);
    let rejection = arena.cluster.delete(&arena.grant, &target, "another").await.unwrap().unwrap_err();
    assert_eq!((rejection.code, rejection.reason.as_str()), (409, "Conflict"));
    assert!(rejection.message.contains("UID in the precondition (another)"), "{}", rejection.message);
    assert!(arena.get(&object).await.is_some());
    arena.cluster.delete(&arena.grant, &target, uid(&live)).await.unwrap().unwrap();
    assert!(arena.get(&object).await.is_none());
}

pub(super) async fn deleting_what_is_gone_is_fine(arena: &Arena) {
    let target = arena.target_of("v1", "ConfigMap", "never-was");
    assert_eq!(arena.cluster.delete(&arena.grant, &target, "any").await.unwrap(), Ok(()));
}

pub(super) async fn deleting_waits_for_finalizers(arena: &Arena) {
    let held = json!({"metadata": {"finalizers": ["example.com/hold"]}});
    let object = arena.object("v1", "ConfigMap", "settings", held);
    let live = arena.apply(&object, "one").await.unwrap();
    arena.cluster.delete(&arena.grant, &arena.target(&object), uid(&live)).await.unwrap().unwrap();
    let leaving = arena.get(&object).await.unwrap();
    assert_ne!(text(&leaving, "/metadata/deletionTimestamp"), "");
    arena.apply(&arena.object("v1", "ConfigMap", "settings", json!({})), "one").await.unwrap();
    assert!(arena.get(&object).await.is_none());
}

pub(super) async fn an_object_in_a_missing_namespace_is_rejected_as_not_found(arena: &Arena) {
    let mut object = arena.settings(&json!({}));
    object.value_mut().get_mut("metadata").unwrap().set("namespace", "nowhere");
    let target = Target { namespace: Some("nowhere".into()), ..arena.target(&object) };
    let options = mergeline::cluster::ApplyOptions { field_manager: "one".into(), force: false };
    let rejection = arena.cluster.apply(&arena.grant, &target, &object, &options).await.unwrap().unwrap_err();
    assert_eq!((rejection.code, rejection.reason.as_str()), (404, "NotFound"));
    assert_eq!(rejection.message, "namespaces \"nowhere\" not found");
    let rejection = arena.cluster.dry_run(&target, &object, &options).await.unwrap().unwrap_err();
    assert_eq!(rejection.message, "namespaces \"nowhere\" not found");
}

pub(super) async fn deleting_a_namespace_removes_its_content(arena: &Arena) {
    let object = arena.settings(&json!({"color": "red"}));
    arena.apply(&object, "one").await.unwrap();
    let namespaces = arena.kind("v1", "Namespace");
    let scope = Scope { namespace: None, labels: Some(format!("kubernetes.io/metadata.name={}", arena.namespace)) };
    let mut watch = arena.cluster.watch(&namespaces, &scope).await.unwrap();
    arena.tear_down().await;
    let gone = async {
        while let Some(event) = watch.next().await {
            if matches!(event.unwrap(), WatchEvent::Gone(_)) {
                return;
            }
        }
        panic!("the watch ended");
    };
    tokio::time::timeout(Duration::from_secs(60), gone).await.expect("the namespace goes");
    assert!(arena.get(&object).await.is_none());
}

fn widget_definition(arena: &Arena) -> Object {
    let group = format!("{}.example.com", arena.namespace);
    let schema = json!({"type": "object", "properties": {"spec": {"type": "object", "properties": {
        "size": {"type": "integer"},
        "parts": {"type": "array", "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["id"],
                  "items": {"type": "object", "required": ["id"], "properties": {
                      "id": {"type": "string"}, "color": {"type": "string"}}}},
        "tags": {"type": "array", "items": {"type": "string"}},
    }}}});
    let spec = json!({
        "group": group, "scope": "Namespaced",
        "names": {"kind": "Widget", "listKind": "WidgetList", "plural": "widgets", "singular": "widget"},
        "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}}],
    });
    let name = format!("widgets.{group}");
    arena.object("apiextensions.k8s.io/v1", "CustomResourceDefinition", &name, json!({"spec": spec}))
}

pub(super) async fn a_custom_resource_needs_its_definition_first(arena: &Arena) {
    let definition = widget_definition(arena);
    let api_version = format!("{}.example.com/v1", arena.namespace);
    let part = |id: &str, color: &str| json!({"id": id, "color": color});
    let widget = |spec: serde_json::Value| arena.object(&api_version, "Widget", "one", json!({"spec": spec}));
    let kind = mergeline::cluster::ResourceKind {
        type_key: mergeline::manifest::TypeKey::new(&api_version, "Widget"),
        plural: "widgets".into(),
        namespaced: true,
        verbs: Vec::new(),
    };
    let target = Target { kind, namespace: Some(arena.namespace.clone()), name: "one".into() };
    let options = |manager: &str| mergeline::cluster::ApplyOptions { field_manager: manager.into(), force: false };
    let first = widget(json!({"parts": [part("a", "red")], "tags": ["x"]}));
    let early = arena.cluster.apply(&arena.grant, &target, &first, &options("one")).await.unwrap().unwrap_err();
    assert_eq!((early.code, early.reason.as_str()), (404, "NotFound"));
    assert!(arena.discovered(&api_version, "Widget").await.is_none());

    let applied = arena.apply(&definition, "one").await.unwrap();
    let established = async {
        loop {
            let live = arena.get(&definition).await.unwrap();
            let conditions = live.value().at("/status/conditions").and_then(Value::as_list).unwrap_or_default();
            let is = |c: &Value, key, text| c.get(key).and_then(Value::as_str) == Some(text);
            let done = conditions.iter().any(|c| is(c, "type", "Established") && is(c, "status", "True"));
            if done && arena.discovered(&api_version, "Widget").await.is_some() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), established).await.expect("the definition is established");
    let apply = async |object: &Object, manager: &str| {
        // The API server serves a new kind a moment after it says so.
        for _ in 0..50 {
            let verdict = arena.cluster.apply(&arena.grant, &target, object, &options(manager)).await.unwrap();
            if !matches!(&verdict, Err(rejection) if rejection.code == 404) {
                return verdict;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("the kind is never served");
    };
    apply(&first, "one").await.unwrap();
    let after = apply(&widget(json!({"parts": [part("b", "blue")]})), "two").await.unwrap();
    assert_eq!(after.value().at("/spec/parts").unwrap().as_list().unwrap().len(), 2);
    let clash = apply(&widget(json!({"tags": ["y"]})), "two").await.unwrap_err();
    assert_eq!(fields(&clash), [".spec.tags"]);
    assert_eq!(after.value().at("/metadata/generation").unwrap().as_i64(), Some(2));

    arena.cluster.delete(&arena.grant, &arena.target(&definition), uid(&applied)).await.unwrap().unwrap();
    let gone = async {
        while arena.get(&definition).await.is_some() || arena.discovered(&api_version, "Widget").await.is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.expect("the definition goes");
}

pub(super) async fn an_unknown_kind_is_rejected_and_lists_nothing(arena: &Arena) {
    let kind = mergeline::cluster::ResourceKind {
        type_key: mergeline::manifest::TypeKey::new("nothing.example.com/v1", "Nothing"),
        plural: "nothings".into(),
        namespaced: true,
        verbs: Vec::new(),
    };
    let target = Target { kind: kind.clone(), namespace: Some(arena.namespace.clone()), name: "x".into() };
    let object = arena.object("nothing.example.com/v1", "Nothing", "x", json!({}));
    let options = mergeline::cluster::ApplyOptions { field_manager: "one".into(), force: false };
    let rejection = arena.cluster.dry_run(&target, &object, &options).await.unwrap().unwrap_err();
    assert_eq!((rejection.code, rejection.reason.as_str()), (404, "NotFound"));
    assert_eq!(rejection.message, "the server could not find the requested resource");
    assert_eq!(arena.cluster.list(&kind, &Scope::default()).await.unwrap(), []);
    assert_eq!(arena.cluster.get(&target).await.unwrap(), None);
    assert_eq!(arena.cluster.delete(&arena.grant, &target, "any").await.unwrap(), Ok(()));
}

pub(super) async fn immutable_fields_are_named_as_immutable(arena: &Arena) {
    arena.apply(&arena.deployment("web", json!({})), "one").await.unwrap();
    let mut changed = arena.deployment("web", json!({}));
    let labels = value(json!({"app": "other"}));
    let spec = changed.value_mut().get_mut("spec").unwrap();
    spec.get_mut("selector").unwrap().set("matchLabels", labels.clone());
    spec.get_mut("template").unwrap().get_mut("metadata").unwrap().set("labels", labels);
    let rejection = arena.apply(&changed, "one").await.unwrap_err();
    assert_eq!((rejection.code, rejection.reason.as_str()), (422, "Invalid"));
    assert_eq!(fields(&rejection), ["spec.selector"]);
    assert!(rejection.causes.iter().all(|cause| cause.message.contains("field is immutable")), "{rejection:?}");

    let job = |image: &str| {
        let pod = json!({"restartPolicy": "Never", "containers": [{"name": "work", "image": image}]});
        arena.object("batch/v1", "Job", "work", json!({"spec": {"template": {"spec": pod}}}))
    };
    arena.apply(&job("work:1"), "one").await.unwrap();
    let rejection = arena.apply(&job("work:2"), "one").await.unwrap_err();
    assert_eq!(fields(&rejection), ["spec.template"]);
    assert!(rejection.causes[0].message.ends_with("field is immutable"));

    let service = |address: &str| {
        let spec = json!({"clusterIP": address, "ports": [{"port": 80}], "selector": {"app": "web"}});
        arena.object("v1", "Service", "web", json!({"spec": spec}))
    };
    arena.apply(&service("None"), "one").await.unwrap();
    let rejection = arena.apply(&service("10.0.99.99"), "one").await.unwrap_err();
    assert_eq!(rejection.code, 422, "{rejection:?}");

    let claim = |mode: &str| {
        let spec = json!({"accessModes": [mode], "resources": {"requests": {"storage": "1Gi"}}});
        arena.object("v1", "PersistentVolumeClaim", "data", json!({"spec": spec}))
    };
    arena.apply(&claim("ReadWriteOnce"), "one").await.unwrap();
    let rejection = arena.apply(&claim("ReadWriteMany"), "one").await.unwrap_err();
    assert_eq!(fields(&rejection), ["spec"]);
    assert!(rejection.causes[0].message.contains("immutable"), "{rejection:?}");
}

pub(super) async fn the_generation_counts_changes_of_the_desired_state(arena: &Arena) {
    let generation = |object: &Object| object.value().at("/metadata/generation").and_then(Value::as_i64);
    let made = arena.apply(&arena.deployment("web", json!({})), "one").await.unwrap();
    assert_eq!(generation(&made), Some(1));
    let changed = arena.apply(&arena.deployment("web", json!({"image": "web:2"})), "one").await.unwrap();
    assert_eq!(generation(&changed), Some(2));
    let mut labelled = arena.deployment("web", json!({"image": "web:2"}));
    labelled.value_mut().get_mut("metadata").unwrap().set("labels", value(json!({"a": "b"})));
    assert_eq!(generation(&arena.apply(&labelled, "one").await.unwrap()), Some(2));
    let settings = arena.apply(&arena.settings(&json!({})), "one").await.unwrap();
    assert_eq!(generation(&settings), None);
}

pub(super) async fn a_broken_object_is_invalid_with_its_fields(arena: &Arena) {
    let mut object = arena.deployment("web", json!({}));
    object.value_mut().get_mut("spec").unwrap().remove("selector");
    let rejection = arena.dry_run(&object, "one").await.unwrap_err();
    assert_eq!((rejection.code, rejection.reason.as_str()), (422, "Invalid"));
    assert_eq!(fields(&rejection), ["spec.selector", "spec.template.metadata.labels"]);
    assert_eq!(rejection.causes[0].reason, "FieldValueRequired");
}

pub(super) async fn a_name_unlike_the_target_is_a_bad_request(arena: &Arena) {
    let object = arena.settings(&json!({}));
    let target = arena.target_of("v1", "ConfigMap", "another");
    let options = mergeline::cluster::ApplyOptions { field_manager: "one".into(), force: false };
    let rejection = arena.cluster.apply(&arena.grant, &target, &object, &options).await.unwrap().unwrap_err();
    assert_eq!((rejection.code, rejection.reason.as_str()), (400, "BadRequest"));
}

fn lease(arena: &Arena, holder: &str) -> Object {
    arena.object("coordination.k8s.io/v1", "Lease", "run", json!({"spec": {"holderIdentity": holder}}))
}

pub(super) async fn replace_creates_once(arena: &Arena) {
    let object = lease(arena, "one");
    let target = arena.target(&object);
    let made = arena.cluster.replace(&arena.grant, &target, &object).await.unwrap().unwrap();
    assert_eq!(text(&made, "/spec/holderIdentity"), "one");
    let rejection = arena.cluster.replace(&arena.grant, &target, &lease(arena, "two")).await.unwrap().unwrap_err();
    assert_eq!((rejection.code, rejection.reason.as_str()), (409, "AlreadyExists"));
}

pub(super) async fn replace_loses_a_race_with_a_conflict(arena: &Arena) {
    let object = lease(arena, "one");
    let target = arena.target(&object);
    let made = arena.cluster.replace(&arena.grant, &target, &object).await.unwrap().unwrap();
    let taken = |by: &str| {
        let mut object = made.clone();
        object.value_mut().get_mut("spec").unwrap().set("holderIdentity", by);
        object
    };
    let won = arena.cluster.replace(&arena.grant, &target, &taken("two")).await.unwrap().unwrap();
    assert_ne!(version(&made), version(&won));
    let lost = arena.cluster.replace(&arena.grant, &target, &taken("three")).await.unwrap().unwrap_err();
    assert_eq!((lost.code, lost.reason.as_str()), (409, "Conflict"));
    assert_eq!(text(&arena.get(&object).await.unwrap(), "/spec/holderIdentity"), "two");
}

async fn next(watch: &mut futures::stream::BoxStream<'static, mergeline::failure::Result<WatchEvent>>) -> WatchEvent {
    let event = tokio::time::timeout(Duration::from_secs(30), watch.next()).await;
    event.expect("an event comes").expect("the watch goes on").unwrap()
}

pub(super) async fn a_watch_tells_the_state_then_the_changes(arena: &Arena) {
    let object = arena.settings(&json!({"color": "red"}));
    let live = arena.apply(&object, "one").await.unwrap();
    let scope = arena.scope(None);
    let kind = arena.kind("v1", "ConfigMap");
    let mut watch = arena.cluster.watch(&kind, &scope).await.unwrap();
    let mut told = Vec::new();
    loop {
        match next(&mut watch).await {
            WatchEvent::Seen(object) => told.push(object),
            WatchEvent::Synced => break,
            event @ WatchEvent::Gone(_) => panic!("{event:?}"),
        }
    }
    assert!(told.contains(&live));
    // The cluster itself may put a certificate's ConfigMap beside ours.
    let mut settings = async || loop {
        let event = next(&mut watch).await;
        match &event {
            WatchEvent::Seen(object) | WatchEvent::Gone(object) if object.name() == Some("settings") => return event,
            _ => {}
        }
    };
    let changed = arena.apply(&arena.settings(&json!({"color": "blue"})), "one").await.unwrap();
    assert_eq!(settings().await, WatchEvent::Seen(changed));
    arena.cluster.delete(&arena.grant, &arena.target(&object), uid(&live)).await.unwrap().unwrap();
    let WatchEvent::Gone(last) = settings().await else { panic!("not told that it is gone") };
    assert_eq!(text(&last, "/data/color"), "blue");
}

pub(super) async fn a_watch_with_labels_tells_who_leaves(arena: &Arena) {
    let labelled =
        |unit: &str| arena.object("v1", "ConfigMap", "settings", json!({"metadata": {"labels": {"unit": unit}}}));
    arena.apply(&labelled("web"), "one").await.unwrap();
    let kind = arena.kind("v1", "ConfigMap");
    let mut watch = arena.cluster.watch(&kind, &arena.scope(Some("unit=web"))).await.unwrap();
    assert!(matches!(next(&mut watch).await, WatchEvent::Seen(_)));
    assert_eq!(next(&mut watch).await, WatchEvent::Synced);
    arena.apply(&labelled("db"), "one").await.unwrap();
    assert!(matches!(next(&mut watch).await, WatchEvent::Gone(object) if object.name() == Some("settings")));
}

pub(super) async fn label_selectors_select(arena: &Arena) {
    for (name, labels) in [("a", json!({"app": "web", "tier": "front"})), ("b", json!({"app": "db"})), ("c", json!({}))]
    {
        let object = arena.object("v1", "ConfigMap", name, json!({"metadata": {"labels": labels}}));
        arena.apply(&object, "one").await.unwrap();
    }
    let kind = arena.kind("v1", "ConfigMap");
    let names = async |selector: &str| {
        let objects = arena.cluster.list(&kind, &arena.scope(Some(selector))).await.unwrap();
        objects.iter().filter_map(|object| object.name().map(str::to_owned)).collect::<Vec<_>>()
    };
    assert_eq!(names("app=web").await, ["a"]);
    assert_eq!(names("app").await, ["a", "b"]);
    assert_eq!(names("app in (web, db),tier notin (front)").await, ["b"]);
    assert_eq!(names("app!=web,app").await, ["b"]);
    let listed = arena.cluster.list(&kind, &arena.scope(Some("app=web"))).await.unwrap();
    assert_eq!((listed[0].api_version(), listed[0].kind()), ("v1", "ConfigMap"));
}

pub(super) async fn a_key_that_leaves_string_data_is_removed(arena: &Arena) {
    let secret = |text: serde_json::Value| {
        arena.object("v1", "Secret", "login", json!({"stringData": text, "data": {"kept": "a2VwdA=="}}))
    };
    let both = arena.apply(&secret(json!({"user": "ann", "password": "hunter2"})), "one").await.unwrap();
    assert_eq!(text(&both, "/data/password"), "aHVudGVyMg==");
    assert_eq!(text(&both, "/data/kept"), "a2VwdA==");
    assert!(both.value().get("stringData").is_none());
    let after = arena.apply(&secret(json!({"user": "bob"})), "one").await.unwrap();
    assert_eq!(text(&after, "/data/user"), "Ym9i");
    assert!(after.value().at("/data/password").is_none());
}

pub(super) async fn dependents_go_with_their_owner(arena: &Arena) {
    let owner = arena.object("v1", "ConfigMap", "owner", json!({}));
    let live = arena.apply(&owner, "one").await.unwrap();
    let reference = json!([{"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid(&live)}]);
    let dependent = arena.object("v1", "Secret", "dependent", json!({"metadata": {"ownerReferences": reference}}));
    arena.apply(&dependent, "one").await.unwrap();
    let mut watch = arena.cluster.watch(&arena.kind("v1", "Secret"), &arena.scope(None)).await.unwrap();
    arena.cluster.delete(&arena.grant, &arena.target(&owner), uid(&live)).await.unwrap().unwrap();
    while !matches!(next(&mut watch).await, WatchEvent::Gone(_)) {}
    assert!(arena.get(&dependent).await.is_none());
}

pub(super) async fn discovery_knows_the_common_kinds(arena: &Arena) {
    let discovery = arena.cluster.discover().await.unwrap();
    assert_eq!(discovery.unavailable, Vec::<String>::new());
    for (group, kind, plural, namespaced) in [
        ("", "ConfigMap", "configmaps", true),
        ("", "Namespace", "namespaces", false),
        ("apps", "Deployment", "deployments", true),
        ("batch", "CronJob", "cronjobs", true),
        ("autoscaling", "HorizontalPodAutoscaler", "horizontalpodautoscalers", true),
        ("networking.k8s.io", "Ingress", "ingresses", true),
        ("rbac.authorization.k8s.io", "ClusterRole", "clusterroles", false),
        ("apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinitions", false),
        ("events.k8s.io", "Event", "events", true),
    ] {
        let found = discovery.preferred(group, kind).unwrap();
        assert_eq!((found.plural.as_str(), found.namespaced), (plural, namespaced));
        assert!(found.verbs.iter().any(|verb| verb == "patch"), "{found:?}");
    }
    assert_eq!(discovery.preferred("autoscaling", "HorizontalPodAutoscaler").unwrap().type_key.version, "v2");
    assert_eq!(arena.cluster.version().await.unwrap().split('.').next(), Some("1"));
}

pub(super) async fn openapi_describes_custom_resources(arena: &Arena) {
    let definition = widget_definition(arena);
    arena.apply(&definition, "one").await.unwrap();
    let key = mergeline::manifest::TypeKey::new(&format!("{}.example.com/v1", arena.namespace), "Widget");
    // The API server publishes a definition a moment after it serves it.
    let pulled = async {
        loop {
            let pulled = mergeline::cluster::pull_schemas(arena.cluster.as_ref(), false).await.unwrap();
            let json: serde_json::Value = serde_json::from_str(&pulled.text).unwrap();
            let kinds = json["kinds"].as_array().unwrap().clone();
            if let Some(kind) = kinds.into_iter().find(|kind| kind["group"] == key.group) {
                return (kind, json["definitions"].clone());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    let (kind, definitions) = tokio::time::timeout(Duration::from_secs(60), pulled).await.expect("it is published");
    assert_eq!(
        (&kind["plural"], &kind["namespaced"], &kind["status"]),
        (&json!("widgets"), &json!(true), &json!(false))
    );
    let schema = &definitions[kind["definition"].as_str().unwrap()];
    let parts = &schema["properties"]["spec"]["properties"]["parts"];
    assert_eq!(parts["x-kubernetes-list-map-keys"], json!(["id"]));
    assert_eq!(parts["items"]["required"], json!(["id"]));
}
