//! The bundled schemas: every version knows its own kinds, and the lab's version is what the lab's server serves.

use super::validate::objects;
use mergeline::cluster::kubeconfig::Location;
use mergeline::cluster::{KubeconfigSource, connect, pull_schemas};
use mergeline::manifest::{TypeKey, Value};
use mergeline::schema::{Catalog, Kind, KindSource, Node};
use mergeline::validate::{self, Options};
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;
use std::fs;
use std::io::Read as _;
use std::path::Path;

/// The rules about kinds and versions that an object of this type breaks in a version.
fn told(version: &str, api_version: &str, kind: &str) -> String {
    let catalog = Catalog::bundled(version).unwrap();
    let text = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: x}}\n");
    let verdict = validate::validate(&objects("x.yaml", &text).0, &catalog, &Options::default());
    let about = ["removed-api", "deprecated-api", "not-served", "unknown-kind"];
    let mut findings = verdict.findings.iter().filter(|finding| about.contains(&&*finding.rule));
    let told =
        findings.next().map_or_else(|| "served".to_owned(), |finding| format!("{} {}", finding.severity, finding.rule));
    assert!(findings.next().is_none(), "{version} {api_version} {kind}");
    told
}

#[test]
fn versions_know_when_apis_came_and_went() {
    let (served, deprecated, removed, not_served) =
        ("served", "warning deprecated-api", "error removed-api", "error not-served");
    let off = "warning not-served";
    // From Kubernetes' own deprecation guide and release notes.
    for (api_version, kind, versions) in [
        ("policy/v1beta1", "PodSecurityPolicy", vec![("1.29", removed), ("1.37", removed)]),
        ("policy/v1beta1", "PodDisruptionBudget", vec![("1.29", removed)]),
        ("batch/v1beta1", "CronJob", vec![("1.29", removed), ("1.36", removed)]),
        ("batch/v1", "CronJob", vec![("1.29", served), ("1.37", served)]),
        ("extensions/v1beta1", "Ingress", vec![("1.29", removed), ("1.37", removed)]),
        ("extensions/v1beta1", "Deployment", vec![("1.29", removed)]),
        ("networking.k8s.io/v1beta1", "Ingress", vec![("1.30", removed)]),
        ("networking.k8s.io/v1beta1", "IngressClass", vec![("1.30", removed)]),
        ("apps/v1beta1", "Deployment", vec![("1.29", removed)]),
        ("apps/v1beta2", "DaemonSet", vec![("1.37", removed)]),
        ("autoscaling/v2beta1", "HorizontalPodAutoscaler", vec![("1.29", removed)]),
        ("autoscaling/v2beta2", "HorizontalPodAutoscaler", vec![("1.29", removed)]),
        ("rbac.authorization.k8s.io/v1beta1", "Role", vec![("1.29", removed)]),
        ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition", vec![("1.29", removed)]),
        ("admissionregistration.k8s.io/v1beta1", "ValidatingWebhookConfiguration", vec![("1.29", removed)]),
        ("discovery.k8s.io/v1beta1", "EndpointSlice", vec![("1.29", removed)]),
        ("storage.k8s.io/v1beta1", "CSIStorageCapacity", vec![("1.29", removed)]),
        ("flowcontrol.apiserver.k8s.io/v1beta2", "FlowSchema", vec![("1.29", removed)]),
        (
            "flowcontrol.apiserver.k8s.io/v1beta3",
            "FlowSchema",
            vec![("1.29", deprecated), ("1.31", deprecated), ("1.32", removed), ("1.37", removed)],
        ),
        ("flowcontrol.apiserver.k8s.io/v1", "FlowSchema", vec![("1.29", served), ("1.37", served)]),
        (
            "admissionregistration.k8s.io/v1",
            "ValidatingAdmissionPolicy",
            vec![("1.29", not_served), ("1.30", served), ("1.37", served)],
        ),
        ("admissionregistration.k8s.io/v1", "MutatingAdmissionPolicy", vec![("1.35", not_served), ("1.36", served)]),
        ("resource.k8s.io/v1", "ResourceClaim", vec![("1.33", not_served), ("1.34", served), ("1.37", served)]),
        ("resource.k8s.io/v1beta1", "ResourceClaim", vec![("1.31", not_served), ("1.32", off), ("1.36", off)]),
        ("networking.k8s.io/v1", "ServiceCIDR", vec![("1.32", not_served), ("1.33", served)]),
        ("storage.k8s.io/v1", "VolumeAttributesClass", vec![("1.33", not_served), ("1.34", served)]),
        ("v1", "Endpoints", vec![("1.29", served), ("1.32", served), ("1.33", deprecated), ("1.37", deprecated)]),
        ("v1", "Pod", vec![("1.29", served), ("1.37", served)]),
        ("apps/v1", "Deployment", vec![("1.29", served), ("1.37", served)]),
        ("apps/v2", "Deployment", vec![("1.29", not_served)]),
        ("apps/v1", "Deploymnt", vec![("1.29", "error unknown-kind")]),
    ] {
        for (version, wanted) in versions {
            assert_eq!(told(version, api_version, kind), wanted, "{api_version} {kind} in {version}");
        }
    }
}

#[test]
fn what_is_gone_names_what_came() {
    let text = "apiVersion: flowcontrol.apiserver.k8s.io/v1beta1\nkind: FlowSchema\nmetadata: {name: x}\n";
    let hint = |version| {
        let catalog = Catalog::bundled(version).unwrap();
        let verdict = validate::validate(&objects("x.yaml", text).0, &catalog, &Options::default());
        verdict.findings[0].hint.clone().unwrap()
    };
    for version in ["1.29", "1.37"] {
        assert_eq!(hint(version), "use `flowcontrol.apiserver.k8s.io/v1` FlowSchema");
    }
}

/// A value that fits a place, with all that must be there.
fn sample(node: Node<'_>, depth: usize) -> Json {
    if let Some(choice) = node.choices().first().and_then(Value::as_str) {
        return choice.into();
    }
    match node.kind() {
        Kind::Map if depth < 12 => {
            let fields =
                node.required().filter_map(|name| Some((name.to_owned(), sample(node.field(name)?, depth + 1))));
            Json::Object(fields.collect())
        }
        Kind::List => node.items().map_or(json!([]), |items| json!([sample(items, depth + 1)])),
        Kind::Integer | Kind::IntOrString | Kind::Number => json!(1),
        Kind::Boolean => json!(true),
        Kind::Quantity => json!("1"),
        Kind::String => match node.format() {
            Some("date-time") => json!("2026-01-01T00:00:00Z"),
            Some("micro-time") => json!("2026-01-01T00:00:00.000000Z"),
            Some("byte") => json!("eA=="),
            _ => json!("x"),
        },
        Kind::Map | Kind::Any => json!({}),
    }
}

#[test]
fn every_version_judges_an_object_of_each_of_its_kinds() {
    for version in Catalog::versions() {
        let catalog = Catalog::bundled(version).unwrap();
        let mut judged = 0;
        for kind in catalog.kinds() {
            let mut object = sample(kind.root(), 0);
            object["apiVersion"] = kind.type_key.api_version().into();
            object["kind"] = kind.type_key.kind.clone().into();
            object["metadata"] = json!({"name": "x"});
            let rules = |object: &Json| -> BTreeSet<String> {
                let (objects, _) = objects("x.json", &object.to_string());
                let verdict = validate::validate(&objects, &catalog, &Options::default());
                assert_eq!(verdict.checked, 1, "{version} {}", kind.type_key);
                verdict.findings.into_iter().map(|finding| finding.rule.into_owned()).collect()
            };
            let right = rules(&object);
            for rule in ["unknown-field", "unknown-kind", "removed-api"] {
                assert!(!right.contains(rule), "{version} {}: {right:?}", kind.type_key);
            }
            assert_eq!(
                right.contains("not-served"),
                kind.source == KindSource::SwitchedOff,
                "{version} {}",
                kind.type_key
            );
            object["surprise"] = json!(1);
            assert!(rules(&object).contains("unknown-field"), "{version} {}", kind.type_key);
            judged += 1;
        }
        assert!(judged > 70, "{version}: {judged}");
    }
}

/// What the generator changed on purpose.
const WAIVED: [&str; 1] = ["api.core.v1.Lifecycle/properties/stopSignal/enum"];

#[tokio::test]
async fn the_bundle_of_the_labs_version_is_what_its_server_serves() {
    let Some(cluster) = mergeline_lab::needs::cluster() else { return };
    let location = Location::File(cluster.kubeconfig.clone());
    let source = KubeconfigSource { location, context: None, checkout: None, allow_exec: false };
    let pulled = pull_schemas(connect(&source).await.unwrap().as_ref(), true).await.unwrap();
    let served: Json = serde_json::from_str(&pulled.text).unwrap();
    let path = format!("schemas/kubernetes/{}.json.zst", pulled.version);
    let compressed = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let mut text = String::new();
    ruzstd::decoding::StreamingDecoder::new(compressed.as_slice()).unwrap().read_to_string(&mut text).unwrap();
    let mut bundle: Json = serde_json::from_str(&text).unwrap();

    let catalog = Catalog::bundled(&pulled.version).unwrap();
    let of = |kind: &Json| {
        let text = |key: &str| kind[key].as_str().unwrap().to_owned();
        (
            TypeKey { group: text("group"), version: text("version"), kind: text("kind") },
            text("plural"),
            kind["namespaced"] == true,
        )
    };
    let mut compared = 0;
    for (key, plural, namespaced) in served["kinds"].as_array().unwrap().iter().map(of) {
        // Custom resources come and go with the other tests.
        let Some(known) = catalog.kind(&key) else {
            assert!(key.group.ends_with("example.com") || !key.group.ends_with("k8s.io"), "{key} is not bundled");
            continue;
        };
        assert_eq!((known.plural.as_str(), known.namespaced), (plural.as_str(), namespaced), "{key}");
        assert_eq!(known.source, KindSource::Bundled, "{key}");
        compared += 1;
    }
    assert!(compared > 60, "{compared}");

    let mut differences = Vec::new();
    for (name, definition) in bundle["definitions"].as_object_mut().unwrap() {
        let other = &served["definitions"][name];
        if !other.is_null() {
            differ(name, definition, other, &mut differences);
        }
    }
    differences.retain(|line| !WAIVED.iter().any(|waived| line.contains(waived)));
    assert!(differences.is_empty(), "run `cargo xtask schemas bundle`:\n{}", differences.join("\n"));
}

/// What differs, but for required fields (those that the server takes absent are left out), markers, and unions, which the
/// server does not judge by.
fn differ(path: &str, bundled: &Json, served: &Json, differences: &mut Vec<String>) {
    let empty = Map::new();
    match (bundled.as_object(), served.as_object()) {
        (None, None) if bundled == served => {}
        (Some(_), None) | (None, Some(_)) if !bundled.is_null() && !served.is_null() => {
            differences.push(format!("{path}: {bundled} is {served}"));
        }
        (None, None) => differences.push(format!("{path}: {bundled} is {served}")),
        (a, b) => {
            let (a, b) = (a.unwrap_or(&empty), b.unwrap_or(&empty));
            let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys
                .into_iter()
                .filter(|key| !matches!(key.as_str(), "required" | "x-mergeline-markers" | "x-kubernetes-unions"))
            {
                let (a, b) = (a.get(key).unwrap_or(&Json::Null), b.get(key).unwrap_or(&Json::Null));
                differ(&format!("{path}/{key}"), a, b, differences);
            }
        }
    }
}
