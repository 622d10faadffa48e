//! `cargo xtask schemas`: makes the bundled schemas from what a real API server serves.
//!
//! It starts the lab's etcd and, on it, two API servers: one as it comes, one with every API switched on. Structure comes from
//! `/openapi/v3`, plurals and scope from discovery; what only the second server serves is marked so. Prose is dropped; a
//! definition that several groups serve is kept once. See `schemas/kubernetes/README.md`.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use mergeline_lab::{Cache, KUBERNETES_VERSION, part};
use serde_json::{Map, Value, json};

use crate::{Outcome, say};

/// What to do with the bundle.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Write the bundle as plain JSON to this file instead, to look at it
    #[arg(long)]
    plain: Option<PathBuf>,
}

/// Fields that the server's OpenAPI calls required and the server takes absent: each was put to kube-apiserver 1.36.3 in an
/// object that holds all else it needs. Go cannot tell a zero from nothing, some are filled in, and what belongs to a
/// feature that is off is dropped unread.
const NOT_REQUIRED: [(&str, &[&str]); 23] = [
    ("api.apps.v1.ControllerRevision", &["revision"]),
    ("api.batch.v1.PodFailurePolicy", &["rules"]),
    ("api.core.v1.ClusterTrustBundleProjection", &["path"]),
    ("api.core.v1.ConfigMapNodeConfigSource", &["kubeletConfigKey", "name", "namespace"]),
    ("api.core.v1.Event", &["involvedObject", "metadata"]),
    ("api.core.v1.HTTPHeader", &["value"]),
    ("api.core.v1.ISCSIPersistentVolumeSource", &["lun"]),
    ("api.core.v1.ISCSIVolumeSource", &["lun"]),
    ("api.core.v1.LimitRangeSpec", &["limits"]),
    ("api.core.v1.PodCertificateProjection", &["keyType", "signerName"]),
    ("api.core.v1.PreferredSchedulingTerm", &["preference"]),
    ("api.core.v1.ScaleIOVolumeSource", &["secretRef"]),
    ("api.core.v1.SleepAction", &["seconds"]),
    ("api.core.v1.TypedLocalObjectReference", &["kind"]),
    ("api.discovery.v1.ForZone", &["name"]),
    ("DeviceClass", &["spec"]),
    ("ResourceClaim", &["spec"]),
    ("ResourceClaimTemplate", &["spec"]),
    ("ResourceClaimTemplateSpec", &["spec"]),
    ("api.storage.v1.CSIDriver", &["spec"]),
    ("api.storage.v1.CSINode", &["spec"]),
    ("api.storage.v1.CSINodeSpec", &["drivers"]),
    ("api.storage.v1.TokenRequest", &["audience"]),
];

/// Types whose required fields the server asks for in some places only: nothing in the metadata of a pod template is
/// looked at but labels and annotations.
const NEVER_REQUIRED: [&str; 1] = ["apimachinery.pkg.apis.meta.v1.OwnerReference"];

/// Enumerations of features that are off: the server drops the field unread.
const NO_ENUM: [(&str, &str); 1] = [("api.core.v1.Lifecycle", "stopSignal")];

const TOKEN: &str = "schemas";
const DISCOVERY: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let cache = Cache::open().map_err(|error| error.to_string())?;
    let program = part("cluster").ok_or("the lab has no part `cluster`")?;
    cache.build(&[program]).map_err(|error| error.to_string())?;
    let folder = tempfile::tempdir().map_err(|error| format!("cannot make a folder: {error}"))?;
    let lab = Servers { program: cache.program(program), folder: folder.path().to_owned(), children: Vec::new() };
    let bundle = lab.read()?;
    let text = bundle.to_string();
    let kinds = bundle["kinds"].as_array().map_or(0, Vec::len);
    if let Some(path) = &arguments.plain {
        fs::write(path, &text).map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    let minor = KUBERNETES_VERSION.rsplit_once('.').map_or(KUBERNETES_VERSION, |(minor, _)| minor);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/kubernetes");
    let path = root.join(format!("{minor}.json.zst"));
    let plain = folder.path().join("bundle.json");
    fs::write(&plain, &text).map_err(|error| format!("cannot write the bundle: {error}"))?;
    let zstd = Command::new("zstd").args(["-19", "--quiet", "--force", "-o"]).arg(&path).arg(&plain).status();
    if !zstd.is_ok_and(|status| status.success()) {
        return Err("cannot run `zstd`; install it".to_owned());
    }
    let size = fs::metadata(&path).map_or(0, |metadata| metadata.len());
    say(&format!(
        "schemas: Kubernetes {KUBERNETES_VERSION}: {kinds} kinds, {} bytes of JSON in {size} bytes",
        text.len()
    ));
    Ok(ExitCode::SUCCESS)
}

/// The servers that the schemas come from; stopped when dropped.
struct Servers {
    program: PathBuf,
    folder: PathBuf,
    children: Vec<Child>,
}

impl Drop for Servers {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Servers {
    fn read(mut self) -> Result<Value, String> {
        let key = self.folder.join("key");
        let made = Command::new(&self.program).arg("genkey").arg(&key).status();
        if !made.is_ok_and(|status| status.success()) {
            return Err("cannot make a key for the API server".to_owned());
        }
        let tokens = format!("{TOKEN},admin,admin,\"system:masters\"\n");
        fs::write(self.folder.join("tokens.csv"), tokens).map_err(|error| format!("cannot write tokens: {error}"))?;
        let etcd = format!("http://127.0.0.1:{}", free_port()?);
        let peer = format!("http://127.0.0.1:{}", free_port()?);
        let data = self.folder.join("etcd").display().to_string();
        self.start(&[
            "etcd",
            "--data-dir",
            &data,
            "--listen-client-urls",
            &etcd,
            "--advertise-client-urls",
            &etcd,
            "--listen-peer-urls",
            &peer,
            "--initial-advertise-peer-urls",
            &peer,
            "--initial-cluster",
            &format!("default={peer}"),
            "--unsafe-no-fsync",
            "--log-level",
            "error",
        ])?;
        let plain = self.api_server(&etcd, "plain", &[])?;
        let all = self.api_server(&etcd, "all", &["--runtime-config", "api/all=true"])?;
        bundle(&plain, &all)
    }

    fn start(&mut self, arguments: &[&str]) -> Result<(), String> {
        let mut command = Command::new(&self.program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().map_err(|error| format!("cannot start `{}`: {error}", arguments[0]))?;
        self.children.push(child);
        Ok(())
    }

    fn api_server(&mut self, etcd: &str, name: &str, flags: &[&str]) -> Result<Server, String> {
        let port = free_port()?.to_string();
        let (key, tokens) = (self.folder.join("key"), self.folder.join("tokens.csv"));
        let (key, tokens) = (key.display().to_string(), tokens.display().to_string());
        let certificates = self.folder.join(name).display().to_string();
        let mut arguments = vec!["kube-apiserver", "--etcd-servers", etcd, "--etcd-prefix", name];
        arguments.extend(["--bind-address", "127.0.0.1", "--secure-port", &port, "--cert-dir", &certificates]);
        arguments.extend(["--service-account-issuer", "https://kubernetes.default.svc"]);
        arguments.extend(["--service-account-key-file", &key, "--service-account-signing-key-file", &key]);
        arguments.extend(["--token-auth-file", &tokens, "--authorization-mode", "RBAC"]);
        arguments.extend(["--service-cluster-ip-range", "10.0.0.0/16", "--endpoint-reconciler-type", "none"]);
        arguments.extend(flags);
        self.start(&arguments)?;
        let server = Server { url: format!("https://127.0.0.1:{port}") };
        for _ in 0..120 {
            if server.text("/readyz", "*/*").is_ok_and(|text| text == "ok") {
                return Ok(server);
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        Err(format!("the API server `{name}` is not ready after a minute"))
    }
}

/// Group, version, kind, plural, namespaced.
type Kind = (String, String, String, String, bool);

/// A running API server with a certificate of its own making.
struct Server {
    url: String,
}

impl Server {
    fn text(&self, path: &str, accept: &str) -> Result<String, String> {
        let mut command = Command::new("curl");
        command.args(["--silent", "--fail", "--insecure", "--noproxy", "*", "--header"]);
        command.args([&format!("Authorization: Bearer {TOKEN}"), "--header", &format!("Accept: {accept}")]);
        let output = command
            .arg(format!("{}{path}", self.url))
            .output()
            .map_err(|error| format!("cannot run `curl`: {error}"))?;
        if !output.status.success() {
            return Err(format!("the API server does not answer `{path}`"));
        }
        String::from_utf8(output.stdout).map_err(|_| format!("the answer to `{path}` is not text"))
    }

    fn json(&self, path: &str, accept: &str) -> Result<Value, String> {
        serde_json::from_str(&self.text(path, accept)?).map_err(|error| format!("the answer to `{path}`: {error}"))
    }

    /// Every definition by name, as served.
    fn definitions(&self) -> Result<Map<String, Value>, String> {
        let mut definitions = Map::new();
        let index = self.json("/openapi/v3", "application/json")?;
        for path in keys(&index["paths"]).filter(|path| path.starts_with("api/") || path.starts_with("apis/")) {
            let document = self.json(&format!("/openapi/v3/{path}"), "application/json")?;
            if let Some(schemas) = document["components"]["schemas"].as_object() {
                definitions.extend(schemas.iter().map(|(name, schema)| (name.clone(), schema.clone())));
            }
        }
        Ok(definitions)
    }

    /// Every kind that has a resource of its own, in order.
    fn kinds(&self) -> Result<Vec<Kind>, String> {
        let mut kinds = Vec::new();
        for path in ["/api", "/apis"] {
            let list = self.json(path, DISCOVERY)?;
            for group in list["items"].as_array().into_iter().flatten() {
                let group_name = group["metadata"]["name"].as_str().unwrap_or_default();
                for version in group["versions"].as_array().into_iter().flatten() {
                    let version_name = version["version"].as_str().unwrap_or_default();
                    for resource in version["resources"].as_array().into_iter().flatten() {
                        let response = &resource["responseKind"];
                        let (Some(kind), Some(plural)) = (response["kind"].as_str(), resource["resource"].as_str())
                        else {
                            return Err(format!(
                                "discovery of `{group_name}/{version_name}` has a resource without a kind"
                            ));
                        };
                        let namespaced = resource["scope"] == "Namespaced";
                        let names = [group_name, version_name, kind, plural].map(str::to_owned);
                        let [group_name, version_name, kind, plural] = names;
                        kinds.push((group_name, version_name, kind, plural, namespaced));
                    }
                }
            }
        }
        kinds.sort();
        Ok(kinds)
    }
}

fn keys(value: &Value) -> impl Iterator<Item = &str> {
    value.as_object().into_iter().flat_map(|map| map.keys().map(String::as_str))
}

fn free_port() -> Result<u16, String> {
    let bound = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    bound.map(|address| address.port()).map_err(|error| format!("cannot find a free port: {error}"))
}

/// The bundle: `{kubernetes, kinds, definitions}`, definitions by name in order, only those that a kind reaches.
fn bundle(plain: &Server, all: &Server) -> Result<Value, String> {
    let served = plain.kinds()?;
    let definitions = all.definitions()?;
    let mut kinds = Vec::new();
    let mut wanted = vec!["io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta".to_owned()];
    for entry in all.kinds()? {
        let by_default = served.contains(&entry);
        let (group, version, kind, plural, namespaced) = entry;
        let this = json!({"group": group, "version": version, "kind": kind});
        let is_this = |schema: &Value| {
            schema["x-kubernetes-group-version-kind"].as_array().is_some_and(|kinds| kinds.contains(&this))
        };
        let Some((name, _)) = definitions.iter().find(|(_, schema)| is_this(schema)) else {
            return Err(format!("no definition says that it is {group}/{version} {kind}"));
        };
        wanted.push(name.clone());
        kinds
            .push(json!({"group": group, "version": version, "kind": kind, "plural": plural, "namespaced": namespaced,
            "servedByDefault": by_default, "definition": name}));
    }
    let mut kept = std::collections::BTreeMap::new();
    while let Some(name) = wanted.pop() {
        if kept.contains_key(&name) {
            continue;
        }
        let schema = definitions.get(&name).ok_or_else(|| format!("`{name}` is referred to and not defined"))?;
        let schema = definition(&name, schema, &mut wanted)?;
        kept.insert(name, schema);
    }
    Ok(json!({"kubernetes": KUBERNETES_VERSION, "kinds": kinds, "definitions": kept}))
}

/// What OpenAPI cannot say of a Go type that reads its JSON itself.
fn definition(name: &str, schema: &Value, wanted: &mut Vec<String>) -> Result<Value, String> {
    let short = name.rsplit('.').next().unwrap_or_default();
    Ok(match short {
        "Quantity" => json!({"format": "quantity"}),
        "IntOrString" => json!({"x-kubernetes-int-or-string": true}),
        "RawExtension" | "FieldsV1" => json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true}),
        "JSON" | "JSONSchemaPropsOrArray" | "JSONSchemaPropsOrBool" | "JSONSchemaPropsOrStringArray" => {
            json!({"x-kubernetes-preserve-unknown-fields": true})
        }
        "MicroTime" => json!({"type": "string", "format": "micro-time"}),
        _ => enforced(name, keep(name, schema, wanted)?),
    })
}

/// Leaves out what the server says and does not ask for.
fn enforced(name: &str, mut schema: Value) -> Value {
    let is = |suffix: &str| name == suffix || name.ends_with(&format!(".{suffix}"));
    let waived: Vec<&str> =
        NOT_REQUIRED.iter().filter(|(suffix, _)| is(suffix)).flat_map(|(_, fields)| *fields).copied().collect();
    if NEVER_REQUIRED.iter().any(|suffix| is(suffix)) {
        schema["required"] = json!([]);
    } else if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
        required.retain(|field| !field.as_str().is_some_and(|field| waived.contains(&field)));
    }
    for (_, field) in NO_ENUM.iter().filter(|(suffix, _)| is(suffix)) {
        if let Some(field) = schema["properties"][field].as_object_mut() {
            field.shift_remove("enum");
        }
    }
    schema
}

/// The keywords that say something, prose dropped. A keyword that is not known here is an error: nothing gets lost unseen.
fn keep(place: &str, schema: &Value, wanted: &mut Vec<String>) -> Result<Value, String> {
    let mut kept = Map::new();
    for (keyword, value) in schema.as_object().into_iter().flatten() {
        match keyword.as_str() {
            "description" | "x-kubernetes-group-version-kind" | "x-kubernetes-unions" => {}
            "$ref" => {
                let name = value.as_str().and_then(|text| text.rsplit('/').next()).unwrap_or_default();
                wanted.push(name.to_owned());
                kept.insert("$ref".to_owned(), name.into());
            }
            // A reference with something beside it is written as `allOf` with one part.
            "allOf" => {
                let parts = value.as_array().map(Vec::as_slice).unwrap_or_default();
                let [part] = parts else { return Err(format!("`{place}`: `allOf` with {} parts", parts.len())) };
                if let Value::Object(part) = keep(place, part, wanted)? {
                    kept.extend(part);
                }
            }
            "properties" => {
                let mut fields = Map::new();
                for (name, field) in value.as_object().into_iter().flatten() {
                    fields.insert(name.clone(), keep(&format!("{place}.{name}"), field, wanted)?);
                }
                kept.insert(keyword.clone(), fields.into());
            }
            "items" | "additionalProperties" => {
                kept.insert(keyword.clone(), keep(&format!("{place}[]"), value, wanted)?);
            }
            "type"
            | "format"
            | "required"
            | "enum"
            | "default"
            | "x-kubernetes-list-type"
            | "x-kubernetes-list-map-keys"
            | "x-kubernetes-map-type"
            | "x-kubernetes-patch-merge-key"
            | "x-kubernetes-patch-strategy"
            | "x-kubernetes-int-or-string"
            | "x-kubernetes-embedded-resource"
            | "x-kubernetes-preserve-unknown-fields" => {
                kept.insert(keyword.clone(), value.clone());
            }
            other => return Err(format!("`{place}` has the keyword `{other}`, which the generator does not know")),
        }
    }
    Ok(kept.into())
}
