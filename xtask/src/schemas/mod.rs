//! `cargo xtask schemas`: makes the bundled schemas, and compares them with what a real API server serves.
//!
//! What every minor version serves is in the Go module `k8s.io/kubernetes`, written there by its own build: OpenAPI v3 and
//! discovery of a server with every API switched on, and the Go code that its OpenAPI is made from, which alone has the
//! enumerations. Validation markers and the lifecycle of APIs come from the sources of the types. `check` puts the result
//! beside the lab's server. See `docs/schemas.md`.

mod golang;
mod lifecycle;
mod live;
mod markers;
mod openapi;
mod sources;

use std::fs;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use mergeline_lab::{Cache, KUBERNETES_VERSION};
use serde_json::Value;
use sources::{RELEASES, Release, Sources};

use crate::{Outcome, say};

/// What to do with the bundle.
#[derive(clap::Subcommand)]
pub(crate) enum Task {
    /// Make the bundled schemas anew from Kubernetes' Go modules; needs `go` and `zstd`, downloads about 200 MB once
    Bundle(Arguments),
    /// Compare the bundled schemas of the lab's version with what its API server serves; needs `curl` and `zstd`
    Check,
}

/// Which bundles to make, and where to.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Make the one of this minor version alone (`1.34`); may be given several times
    #[arg(long = "only", value_name = "X.Y")]
    only: Vec<String>,
    /// Write plain JSON into this folder instead, to look at it
    #[arg(long, value_name = "DIR")]
    plain: Option<PathBuf>,
}

pub(crate) fn run(task: &Task) -> Outcome {
    match task {
        Task::Bundle(arguments) => bundle(arguments),
        Task::Check => check(),
    }
}

fn bundle(arguments: &Arguments) -> Outcome {
    let sources = Sources::open()?;
    let folder = crate::root().join("schemas/kubernetes");
    for release in RELEASES.iter().filter(|release| wanted(arguments, release)) {
        let bundle = openapi::bundle(&sources, release)?;
        let kinds = bundle["kinds"].as_array().map_or(0, Vec::len);
        let text = bundle.to_string();
        if let Some(plain) = &arguments.plain {
            let path = plain.join(format!("{}.json", release.minor()));
            fs::write(&path, &text).map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
            continue;
        }
        let path = folder.join(format!("{}.json.zst", release.minor()));
        compress(&text, &path)?;
        let size = fs::metadata(&path).map_or(0, |metadata| metadata.len());
        say(&format!("Kubernetes {}: {kinds} kinds, {} bytes of JSON in {size}", release.kubernetes, text.len()));
    }
    if arguments.only.is_empty() {
        let table = lifecycle::table(&sources)?;
        let path = arguments.plain.as_ref().unwrap_or(&folder).join("lifecycle.txt");
        fs::write(&path, table).map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn wanted(arguments: &Arguments, release: &Release) -> bool {
    arguments.only.is_empty() || arguments.only.iter().any(|minor| minor == release.minor())
}

fn compress(text: &str, path: &std::path::Path) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| format!("cannot make a folder: {error}"))?;
    let plain = folder.path().join("bundle.json");
    fs::write(&plain, text).map_err(|error| format!("cannot write the bundle: {error}"))?;
    let zstd = Command::new("zstd").args(["--ultra", "-22", "--quiet", "--force", "-o"]).arg(path).arg(&plain).status();
    if zstd.is_ok_and(|status| status.success()) { Ok(()) } else { Err("cannot run `zstd`; install it".to_owned()) }
}

/// Says every difference between the bundle of the lab's version and the lab's server.
fn check() -> Outcome {
    let minor = KUBERNETES_VERSION.rsplit_once('.').map_or(KUBERNETES_VERSION, |(minor, _)| minor);
    let path = crate::root().join(format!("schemas/kubernetes/{minor}.json.zst"));
    let output = Command::new("zstd").args(["-dcq"]).arg(&path).output();
    let output = output.map_err(|error| format!("cannot run `zstd`: {error}"))?;
    let mut bundled: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("`{}`: {error}", path.display()))?;
    let cache = Cache::open().map_err(|error| error.to_string())?;
    let served = live::bundle(&cache)?;
    let mut differences = Vec::new();
    if let Some(definitions) = bundled["definitions"].as_object_mut() {
        definitions.values_mut().for_each(markers::strip);
        // The module's files also have what is behind feature gates that are off.
        definitions.retain(|name, _| !served["definitions"][name].is_null());
    }
    if let (Some(kinds), Some(served)) = (bundled["kinds"].as_array_mut(), served["kinds"].as_array()) {
        let extra = |kind: &Value| kind["servedByDefault"] == false && !served.contains(kind);
        kinds.retain(|kind| !extra(kind));
    }
    differ("", &bundled, &served, &mut differences);
    for line in &differences {
        say(line);
    }
    say(&format!("{} differences between the bundle and kube-apiserver {KUBERNETES_VERSION}", differences.len()));
    Ok(if differences.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn differ(path: &str, bundled: &Value, served: &Value, differences: &mut Vec<String>) {
    match (bundled, served) {
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            for key in keys {
                let null = Value::Null;
                let (a, b) = (a.get(key).unwrap_or(&null), b.get(key).unwrap_or(&null));
                differ(&format!("{path}/{key}"), a, b, differences);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                differ(&format!("{path}/{index}"), a, b, differences);
            }
        }
        (a, b) if a == b => {}
        (a, b) => differences.push(format!("{path}: bundled {a}, served {b}")),
    }
}
