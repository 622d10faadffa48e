//! The lab's real API server, for comparison: `/openapi/v3` and discovery of a server as it comes and of one with every API
//! switched on.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mergeline_lab::{Cache, KUBERNETES_VERSION, part};
use serde_json::{Map, Value};

use super::openapi::{self, Kind};

const TOKEN: &str = "schemas";
const DISCOVERY: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// The bundle of the lab's version as its servers tell it: without markers.
pub(crate) fn bundle(cache: &Cache) -> Result<Value, String> {
    let program = part("cluster").ok_or("the lab has no part `cluster`")?;
    cache.build(&[program]).map_err(|error| error.to_string())?;
    let folder = tempfile::tempdir().map_err(|error| format!("cannot make a folder: {error}"))?;
    let lab = Servers { program: cache.program(program), folder: folder.path().to_owned(), children: Vec::new() };
    lab.read()
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
        let (kinds, definitions) = openapi::assemble(&all.kinds()?, &plain.kinds()?, &all.definitions()?)?;
        Ok(openapi::document(KUBERNETES_VERSION, &kinds, &definitions))
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
                        let short = resource["shortNames"].as_array().into_iter().flatten();
                        kinds.push(Kind {
                            group: group_name.to_owned(),
                            version: version_name.to_owned(),
                            kind: kind.to_owned(),
                            plural: plural.to_owned(),
                            namespaced: resource["scope"] == "Namespaced",
                            short_names: short.filter_map(Value::as_str).map(str::to_owned).collect(),
                        });
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
