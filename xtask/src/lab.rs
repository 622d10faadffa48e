//! `cargo xtask lab`: the real parts for the tests, built, kept up, looked at.

use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use mergeline_lab::{CURRENT, Cache, Lab, PARTS, Part, RunningLab, Selection, Tools};

use crate::{Outcome, print, say};

/// What can be done with the lab.
#[derive(clap::Subcommand)]
pub(crate) enum Task {
    /// Build the parts that tests need into the cache folder; each part is built once per version
    Build {
        /// Also the peers of the benchmarks and the checkers of `cargo xtask lint`
        #[arg(long)]
        all: bool,
        /// Only the parts of this name (`gitea`, `cluster`, `kubectl`, …); repeatable
        #[arg(long, conflicts_with = "all")]
        part: Vec<String>,
    },
    /// Start a lab, print how to be let in, and keep it up until Ctrl-C
    Up {
        /// Start only this; programs are always there
        #[arg(long)]
        only: Option<Only>,
    },
    /// Print the paths of the programs
    Tools,
}

/// A part that `lab up --only` starts.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Only {
    /// The Kubernetes cluster
    Cluster,
    /// The Git host with its runner
    Gitea,
    /// Nothing: kubectl, kustomize and helm for tests of renderers
    Tools,
}

impl Only {
    fn selection(only: Option<Self>) -> Selection {
        match only {
            None => Selection::ALL,
            Some(Self::Cluster) => Selection { cluster: true, gitea: false },
            Some(Self::Gitea) => Selection { cluster: false, gitea: true },
            Some(Self::Tools) => Selection { cluster: false, gitea: false },
        }
    }
}

/// Does one of the tasks.
pub(crate) fn run(task: &Task) -> Outcome {
    match task {
        Task::Build { all, part } => build(*all, part),
        Task::Up { only } => up(Only::selection(*only)),
        Task::Tools => tools(),
    }
    .map_err(|error| error.to_string())
}

fn build(all: bool, names: &[String]) -> Result<ExitCode, mergeline_lab::LabError> {
    let parts: Vec<&Part> = if all {
        PARTS.iter().collect()
    } else if names.is_empty() {
        Selection::ALL.parts()
    } else {
        names.iter().map(|name| find(name)).collect::<Result<_, _>>()?
    };
    let cache = Cache::open()?;
    cache.build(&parts)?;
    say(&format!("lab: {} parts are in {}", parts.len(), cache.root().display()));
    Ok(ExitCode::SUCCESS)
}

fn find(name: &str) -> Result<&'static Part, mergeline_lab::LabError> {
    mergeline_lab::part(name).ok_or_else(|| {
        let names: Vec<_> = PARTS.iter().map(|part| part.name).collect();
        mergeline_lab::LabError::new(format!("the lab has no part `{name}`; it has {}", names.join(", ")))
    })
}

fn up(selection: Selection) -> Result<ExitCode, mergeline_lab::LabError> {
    let cache = Cache::open()?;
    cache.build(&selection.parts())?;
    let mut running = RunningLab::start(&cache, selection)?;
    say(&format!("lab: ready after {:.1} s; Ctrl-C stops it", running.started_in().as_secs_f64()));
    describe(running.lab());
    print(&format!("export {CURRENT}={}", running.description().display()));
    loop {
        // Ctrl-C ends this process, and with it the parts: see `mergeline_lab`'s processes.
        std::thread::sleep(Duration::from_secs(1));
        running.still_runs()?;
    }
}

fn describe(lab: &Lab) {
    if let Some(cluster) = &lab.cluster {
        print(&format!("cluster     {}", cluster.server));
        print(&format!("kubeconfig  {}", cluster.kubeconfig.display()));
        print(&format!("admin       token {}", cluster.admin_token));
        print(&format!("viewer      token {} (no rights)", cluster.viewer_token));
    }
    if let Some(gitea) = &lab.gitea {
        print(&format!("gitea       {} (organisation `{}`)", gitea.url, gitea.organisation));
        for user in [&gitea.admin, &gitea.second] {
            print(&format!("{:<12}password {} token {}", user.name, user.password, user.token));
        }
    }
    print(&format!("logs        {}", lab.folder.join("logs").display()));
}

fn tools() -> Result<ExitCode, mergeline_lab::LabError> {
    let tools = Tools::of(&Cache::open()?)?;
    for (name, path) in
        [("kubectl", Some(&tools.kubectl)), ("kustomize", Some(&tools.kustomize)), ("helm", Some(&tools.helm))]
            .into_iter()
            .chain([("kubeconform", tools.kubeconform.as_ref()), ("dyff", tools.dyff.as_ref())])
    {
        match path {
            Some(path) => print(&format!("{name:<12}{}", path.display())),
            None => print(&format!("{name:<12}(not built; `cargo xtask lab build --all`)")),
        }
    }
    Ok(ExitCode::SUCCESS)
}
