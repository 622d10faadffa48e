//! Starts a lab, holds it, and ends it.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::builder::Cache;
use crate::cluster::{self, Cluster};
use crate::error::{Doing, LabError, LabResult};
use crate::gitea::{self, Gitea};
use crate::lab::{Lab, Tools};
use crate::parts::{PARTS, Part, Purpose, part};
use crate::process::{Process, random_token};

/// Which parts to start. The programs for tests are always there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selection {
    /// The Kubernetes cluster.
    pub cluster: bool,
    /// The Git host with its runner.
    pub gitea: bool,
}

impl Selection {
    /// Everything.
    pub const ALL: Self = Self { cluster: true, gitea: true };

    /// The parts that have to be built for it.
    #[must_use]
    pub fn parts(self) -> Vec<&'static Part> {
        PARTS
            .iter()
            .filter(|part| match part.purpose {
                Purpose::Tool | Purpose::Stub => true,
                Purpose::Cluster => self.cluster,
                Purpose::Gitea => self.gitea,
                Purpose::Bench | Purpose::Lint => false,
            })
            .collect()
    }
}

/// A lab that runs as long as this value lives: dropping it, or the end of this process in whatever way, ends every part.
#[derive(Debug)]
pub struct RunningLab {
    lab: Lab,
    description: PathBuf,
    processes: Vec<Process>,
    started_in: Duration,
    keep_folder: bool,
    // Held as long as the lab runs; the next lab removes folders whose lock nobody holds.
    _lock: File,
}

impl RunningLab {
    /// Starts the selected parts on free ports in a new private folder and waits until all are ready.
    ///
    /// # Errors
    /// When a part was not built, ends by itself, or is not ready in time: with the end of its log. What was already started is stopped.
    pub fn start(cache: &Cache, selection: Selection) -> LabResult<Self> {
        if let Some(part) = selection.parts().into_iter().find(|part| part.purpose != Purpose::Stub && !cache.has(part))
        {
            return Err(LabError::new(format!("the lab's {} is not built; run `cargo xtask lab build`", part.name)));
        }
        let start = Instant::now();
        let (folder, lock) = make_folder(&cache.root().join("running"))?;
        let logs = folder.join("logs");
        fs::create_dir(&logs).doing(|| format!("make `{}`", logs.display()))?;

        // Both wait for their own processes most of the time: side by side they take as long as the slower one.
        let (cluster, gitea) = std::thread::scope(|scope| {
            let cluster =
                selection.cluster.then(|| scope.spawn(|| cluster::start(cache, &folder.join("cluster"), &logs)));
            let gitea = selection.gitea.then(|| gitea::start(cache, &folder.join("gitea"), &logs));
            (cluster.map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))), gitea)
        });
        let mut processes = Vec::new();
        let mut keep = |parts: Vec<Process>| processes.extend(parts);
        let cluster: Option<Cluster> = cluster.transpose()?.map(|(cluster, parts)| (keep(parts), cluster).1);
        let gitea: Option<Gitea> = gitea.transpose()?.map(|(gitea, parts)| (keep(parts), gitea).1);

        let lab = Lab { folder, tools: tools(cache)?, cluster, gitea };
        let description = lab.write()?;
        Ok(Self { lab, description, processes, started_in: start.elapsed(), keep_folder: false, _lock: lock })
    }

    /// What runs, and how to be let in.
    #[must_use]
    pub fn lab(&self) -> &Lab {
        &self.lab
    }

    /// The path of `lab.json`, for the variable `MERGELINE_LAB`.
    #[must_use]
    pub fn description(&self) -> &Path {
        &self.description
    }

    /// How long it took until everything was ready.
    #[must_use]
    pub fn started_in(&self) -> Duration {
        self.started_in
    }

    /// Leaves the lab's folder in place when it stops, for its logs (until the next lab starts); gives the folder of the logs.
    pub fn keep_folder(&mut self) -> PathBuf {
        self.keep_folder = true;
        self.lab.folder.join("logs")
    }

    /// Checks that every part still runs.
    ///
    /// # Errors
    /// When one has ended by itself, with the end of its log.
    pub fn still_runs(&mut self) -> LabResult<()> {
        self.processes.iter_mut().try_for_each(Process::still_runs)
    }
}

impl Drop for RunningLab {
    fn drop(&mut self) {
        // All at once, then wait for each: those that need time take it side by side.
        self.processes.iter_mut().rev().for_each(Process::ask_to_end);
        while let Some(process) = self.processes.pop() {
            drop(process);
        }
        if !self.keep_folder {
            drop(fs::remove_dir_all(&self.lab.folder));
        }
    }
}

/// Writes a file that only its owner may read.
pub(crate) fn write_private(path: &Path, text: &str) -> LabResult<()> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .doing(|| format!("write `{}`", path.display()))
}

/// Makes a folder for one lab, and removes those of labs that are gone (killed, or kept for their logs).
fn make_folder(parent: &Path) -> LabResult<(PathBuf, File)> {
    fs::create_dir_all(parent).doing(|| format!("make `{}`", parent.display()))?;
    // One starter at a time, so that nobody removes a folder between its making and its locking.
    let gate = File::create(parent.join("gate.lock")).doing(|| format!("write in `{}`", parent.display()))?;
    gate.lock().doing(|| format!("lock `{}`", parent.display()))?;
    for entry in fs::read_dir(parent).doing(|| format!("read `{}`", parent.display()))?.flatten() {
        let folder = entry.path();
        let abandoned = File::open(folder.join("lock")).map_or(folder.is_dir(), |lock| lock.try_lock().is_ok());
        if abandoned {
            drop(fs::remove_dir_all(&folder));
        }
    }
    let folder = parent.join(&random_token()?[..8]);
    fs::DirBuilder::new().mode(0o700).create(&folder).doing(|| format!("make `{}`", folder.display()))?;
    let lock = File::create(folder.join("lock")).doing(|| format!("write in `{}`", folder.display()))?;
    lock.lock().doing(|| format!("lock `{}`", folder.display()))?;
    Ok((folder, lock))
}

fn tools(cache: &Cache) -> LabResult<Tools> {
    let find = |name: &str| part(name).filter(|part| cache.has(part)).map(|part| cache.program(part));
    let need = |name: &str| {
        find(name).ok_or_else(|| LabError::new(format!("the lab's {name} is not built; run `cargo xtask lab build`")))
    };
    Ok(Tools {
        kubectl: need("kubectl")?,
        kustomize: need("kustomize")?,
        helm: need("helm")?,
        kubeconform: find("kubeconform"),
        dyff: find("dyff"),
    })
}

/// The programs that a lab of this cache offers, without starting anything.
impl Tools {
    /// Reads them from the cache.
    ///
    /// # Errors
    /// When one that tests need is not built yet.
    pub fn of(cache: &Cache) -> LabResult<Self> {
        tools(cache)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_folder_whose_lab_is_gone_is_removed_and_one_in_use_is_not() {
        let parent = tempfile::tempdir().unwrap();
        let (used, _lock) = make_folder(parent.path()).unwrap();
        let (gone, lock) = make_folder(parent.path()).unwrap();
        drop(lock);
        make_folder(parent.path()).unwrap();
        assert!(used.is_dir());
        assert!(!gone.exists());
    }

    #[test]
    fn tools_alone_need_neither_the_cluster_nor_the_git_host() {
        let names: Vec<_> = Selection { cluster: false, gitea: false }.parts().iter().map(|part| part.name).collect();
        assert_eq!(
            names,
            ["kubectl", "yaml-oracle", "helm", "kustomize", "github-api", "act", "gitlab-ci-local", "chromium"]
        );
    }
}
