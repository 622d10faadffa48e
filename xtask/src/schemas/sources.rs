//! Files of Kubernetes' Go modules: downloaded by the Go command, one module at a time; only what is needed stays.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use mergeline_lab::Cache;
use serde_json::Value;

use crate::say;

/// A release that schemas are bundled of: the newest patch of its minor version that the Go module proxy has.
pub(crate) struct Release {
    /// The version of `k8s.io/kubernetes`, without `v`.
    pub(crate) kubernetes: &'static str,
    /// The version of `k8s.io/api` and its like, without `v`.
    pub(crate) staging: &'static str,
}

/// Oldest first; the same minors as in `src/schema/bundle.rs`.
pub(crate) const RELEASES: [Release; 9] = [
    Release { kubernetes: "1.29.6", staging: "0.29.6" },
    Release { kubernetes: "1.30.14", staging: "0.30.14" },
    Release { kubernetes: "1.31.14", staging: "0.31.14" },
    Release { kubernetes: "1.32.13", staging: "0.32.13" },
    Release { kubernetes: "1.33.13", staging: "0.33.13" },
    Release { kubernetes: "1.34.4", staging: "0.34.4" },
    Release { kubernetes: "1.35.4", staging: "0.35.4" },
    Release { kubernetes: "1.36.3", staging: "0.36.3" },
    Release { kubernetes: "1.37.1", staging: "0.37.1" },
];

/// Versions of `k8s.io/api` from before the first bundled release, oldest first: they know when APIs went that are gone.
pub(crate) const OLD_APIS: [&str; 10] =
    ["0.19.16", "0.20.15", "0.21.14", "0.22.17", "0.23.17", "0.24.17", "0.25.16", "0.26.15", "0.27.16", "0.28.15"];

impl Release {
    /// `1.34`.
    pub(crate) fn minor(&self) -> &'static str {
        self.kubernetes.rsplit_once('.').map_or(self.kubernetes, |(minor, _)| minor)
    }
}

/// The folder that they are kept in: below the lab's cache.
pub(crate) struct Sources {
    root: PathBuf,
}

impl Sources {
    pub(crate) fn open() -> Result<Self, String> {
        let cache = Cache::open().map_err(|error| error.to_string())?;
        Ok(Self { root: cache.root().join("schemas") })
    }

    /// What is needed of `k8s.io/kubernetes`.
    pub(crate) fn kubernetes(&self, version: &str) -> Result<PathBuf, String> {
        self.fetch("k8s.io/kubernetes", version, &|path| {
            path.starts_with("api/openapi-spec/v3")
                || path.starts_with("api/discovery")
                || path == Path::new("pkg/controlplane/instance.go")
                || path == Path::new("pkg/generated/openapi/zz_generated.openapi.go")
        })
    }

    /// The sources of types of `k8s.io/api` and its like.
    pub(crate) fn types(&self, module: &str, version: &str) -> Result<PathBuf, String> {
        self.fetch(module, version, &|path| {
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            let is_types = name.ends_with("types.go") || name.starts_with("types_");
            is_types || name == "register.go" || name == "zz_generated.prerelease-lifecycle.go"
        })
    }

    fn fetch(&self, module: &str, version: &str, keep: &dyn Fn(&Path) -> bool) -> Result<PathBuf, String> {
        let folder = self.root.join(format!("{module}@{version}"));
        if folder.is_dir() {
            return Ok(folder);
        }
        say(&format!("downloading {module}@v{version}"));
        let failed = |error: std::io::Error| format!("cannot keep `{module}`: {error}");
        fs::create_dir_all(&self.root).map_err(failed)?;
        // Away with the whole module afterwards: it is large.
        let download = tempfile::tempdir_in(&self.root).map_err(failed)?;
        let output = Command::new("go")
            .args(["mod", "download", "-json", &format!("{module}@v{version}")])
            .env("GOMODCACHE", download.path())
            .env("GOFLAGS", "-modcacherw")
            .env("GOTOOLCHAIN", "local")
            .current_dir(download.path())
            .output()
            .map_err(|error| format!("cannot run `go`: {error}"))?;
        let answer: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let Some(from) = answer["Dir"].as_str() else {
            let error = answer["Error"].as_str().unwrap_or("no answer");
            return Err(format!("cannot download `{module}` {version}: {error}"));
        };
        let part = self.root.join(format!("{}.part", module.replace('/', "_")));
        let _ = fs::remove_dir_all(&part);
        copy(Path::new(from), Path::new(""), &part, keep).map_err(failed)?;
        fs::create_dir_all(folder.parent().unwrap_or(&self.root)).map_err(failed)?;
        fs::rename(&part, &folder).map_err(failed)?;
        Ok(folder)
    }
}

fn copy(root: &Path, below: &Path, to: &Path, keep: &dyn Fn(&Path) -> bool) -> std::io::Result<()> {
    for entry in fs::read_dir(root.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(root, &path, to, keep)?;
        } else if keep(&path) {
            let target = to.join(&path);
            fs::create_dir_all(target.parent().unwrap_or(to))?;
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
