//! The description of a running lab, as the file `lab.json` that its starter writes and the tests read.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::cluster::Cluster;
use crate::error::{Doing, LabResult};
use crate::gitea::Gitea;

/// The environment variable that holds the path of `lab.json`.
pub const CURRENT: &str = "MERGELINE_LAB";

/// The environment variable that, set to `1`, makes a missing part a failed test instead of a skipped one.
pub const REQUIRED: &str = "MERGELINE_LAB_REQUIRED";

/// A running lab: where its parts are and how to be let in. Everything is gone when the lab stops.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Lab {
    /// The lab's private folder; `logs/` in it has one file per part.
    pub folder: PathBuf,
    /// Programs for tests to call.
    pub tools: Tools,
    /// The Kubernetes cluster, when it was asked for.
    pub cluster: Option<Cluster>,
    /// The Git host, when it was asked for.
    pub gitea: Option<Gitea>,
}

/// Absolute paths of programs, of exactly the versions in the list of parts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Tools {
    /// `kubectl`.
    pub kubectl: PathBuf,
    /// `kustomize`.
    pub kustomize: PathBuf,
    /// `helm`.
    pub helm: PathBuf,
    /// `kubeconform`, a peer in benchmarks; absent unless built with `--all`.
    pub kubeconform: Option<PathBuf>,
    /// `dyff`, a peer in benchmarks; absent unless built with `--all`.
    pub dyff: Option<PathBuf>,
}

impl Lab {
    /// The lab that [`CURRENT`] points at; nothing when it is unset or empty.
    ///
    /// # Errors
    /// When the variable points at something that is not a lab's description.
    pub fn current() -> LabResult<Option<Self>> {
        match std::env::var_os(CURRENT).filter(|path| !path.is_empty()) {
            None => Ok(None),
            Some(path) => Self::read(Path::new(&path)).map(Some),
        }
    }

    /// Reads a `lab.json`.
    ///
    /// # Errors
    /// When it cannot be read or is something else.
    pub fn read(path: &Path) -> LabResult<Self> {
        let text = fs::read_to_string(path)
            .doing(|| format!("read `{}` (is the lab still running? see `cargo xtask lab up`)", path.display()))?;
        serde_json::from_str(&text).doing(|| format!("read `{}` as a lab's description", path.display()))
    }

    /// Writes the description as `lab.json` into the lab's folder and gives the file's path.
    pub(crate) fn write(&self) -> LabResult<PathBuf> {
        let path = self.folder.join("lab.json");
        let text = serde_json::to_string_pretty(self).doing(|| "write the lab's description".to_owned())?;
        crate::running::write_private(&path, &text)?;
        Ok(path)
    }
}
