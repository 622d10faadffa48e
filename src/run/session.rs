//! What a run works with: the repository, its remote, the host, the trusted tip.

use crate::commit::CommitId;
use crate::config::{self, Config, Loaded};
use crate::diff::Redactor;
use crate::event::{Event, Surroundings, Trigger};
use crate::failure::{Failure, Result};
use crate::finding::Finding;
use crate::git::{Remote, Repository};
use crate::host::{self, Address, Host, RepositoryFacts, Rights};
use crate::render::{Allowed, RenderOptions, find_helm, find_kustomize};
use crate::report::Links;
use crate::schema::{Catalog, Catalogs};
use crate::secret::Secret;
use crate::trust::Grants;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What a command is given.
#[derive(Debug, Clone)]
pub struct Setting {
    /// The folder to work in.
    pub directory: PathBuf,
    /// The environment variables of the process and the event's payload.
    pub surroundings: Surroundings,
    /// The host that a person named: `KIND=API-URL` or `local=FOLDER`.
    pub host: Option<String>,
    /// The repository on the host that a person named: `OWNER/NAME`.
    pub repository: Option<String>,
    /// The remote's name.
    pub remote: String,
}

/// A repository on its host, and what this run may do there.
pub struct Session {
    /// The clone at hand.
    pub repository: Repository,
    /// The root of the working tree.
    pub checkout: PathBuf,
    /// Where branches are fetched from and pushed to.
    pub remote: Remote,
    /// What made this run start.
    pub event: Event,
    /// What it may do.
    pub grants: Grants,
    /// The Git host.
    pub host: Box<dyn Host>,
    /// Facts of the repository there.
    pub facts: RepositoryFacts,
    /// How sources are rendered.
    pub render: RenderOptions,
    /// Variables of the process: kubeconfigs are read from them.
    pub surroundings: Surroundings,
    /// Where the host shows files and commits.
    pub links: Links,
    /// What [`Session::heads`] saw, until somebody needs newer ones.
    seen: Mutex<Option<BTreeMap<String, CommitId>>>,
}

/// A branch's tip with its configuration.
pub struct Tip {
    /// The commit.
    pub commit: CommitId,
    /// Its configuration, when there is one that can be used.
    pub config: Option<Config>,
    /// Why its configuration cannot be used.
    pub broken: Vec<Finding>,
}

impl Session {
    /// Opens the repository and connects to its host.
    ///
    /// # Errors
    /// Usage when there is no repository or no host is known; remote when the host cannot be reached.
    pub async fn open(setting: &Setting) -> Result<Self> {
        let repository = Repository::discover(&setting.directory)?;
        let checkout = repository.working_directory().map_or_else(|| setting.directory.clone(), Path::to_path_buf);
        let mut event = Event::detect(&setting.surroundings)?;
        let address = address(setting, &repository, &event)?;
        let reach = |location: &str| {
            Remote::new(location).with_username(address.git_username()).with_credential(address.token.clone())
        };
        let mut remote = reach(&setting.remote);
        if let Some(target) = address.job.as_ref().and_then(|job| job.clone_url.as_deref()) {
            // A job that runs in a fork looks at the repository that the fork is of. Where that is closed to it, the fork's own
            // branches have to do: nothing but a report comes of it.
            let target = reach(target);
            if repository.remote_heads(&target).is_ok() {
                remote = target;
            }
        }
        let host = host::connect(&address)?;
        let facts = host.repository().await?;
        event.host = Some(address);
        let grants = match event.commander() {
            Some(login) => Grants::judge_command(&event, host.rights(login).await? >= Rights::Write),
            None => Grants::judge(&event),
        };
        let path = setting.surroundings.get("PATH").unwrap_or_default();
        let path = OsStr::new(path);
        let render =
            RenderOptions { kustomize: find_kustomize(path), helm: find_helm(path), ..RenderOptions::default() };
        let links = Links {
            file: facts.links.file.clone(),
            line: facts.links.line.clone(),
            commit: facts.links.commit.clone(),
            report: None,
        };
        let surroundings = setting.surroundings.clone();
        Ok(Self {
            repository,
            checkout,
            remote,
            event,
            grants,
            host,
            facts,
            render,
            surroundings,
            links,
            seen: Mutex::default(),
        })
    }

    /// The heads of the remote's branches.
    ///
    /// # Errors
    /// Remote when they cannot be read.
    pub fn heads(&self) -> Result<BTreeMap<String, CommitId>> {
        let heads = self.repository.remote_heads(&self.remote)?;
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some(heads.clone());
        Ok(heads)
    }

    /// The heads of the remote's branches: those that [`Session::heads`] saw, if nobody worked with them yet.
    pub(super) fn heads_now(&self) -> Result<BTreeMap<String, CommitId>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).take();
        seen.map_or_else(|| self.repository.remote_heads(&self.remote), Ok)
    }

    /// The tip of a branch with its configuration.
    ///
    /// # Errors
    /// Usage when the remote has no such branch.
    pub fn tip(&self, heads: &BTreeMap<String, CommitId>, branch: &str) -> Result<Tip> {
        let Some(commit) = heads.get(branch).cloned() else {
            return Err(Failure::usage(format!("the remote has no branch `{branch}`"))
                .hint("push at least one commit to the default branch first"));
        };
        self.repository.fetch(&self.remote, std::slice::from_ref(&commit))?;
        let loaded = Config::load(&self.repository.tree(&commit)?)?;
        let (config, broken) = match loaded {
            Loaded::Absent => (None, Vec::new()),
            Loaded::Config(config) => (Some(*config), Vec::new()),
            Loaded::Broken(findings) => (None, findings),
        };
        Ok(Tip { commit, config, broken })
    }

    /// How a configuration wants sources rendered.
    #[must_use]
    pub fn render_options(&self, config: Option<&Config>) -> RenderOptions {
        let ignore = config.map(|config| config.model().render.ignore.clone()).unwrap_or_default();
        let kustomize = config.map(|config| config.model().render.kustomize.clone()).unwrap_or_default();
        let allowed = Allowed { remote: kustomize.allow_remote, plugins: kustomize.allow_plugins };
        RenderOptions { ignore, allowed, ..self.render.clone() }
    }

    /// The value of a variable that the configuration names.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<Secret> {
        self.surroundings.get(name).map(Secret::new)
    }

    /// What variables hold that must not show.
    #[must_use]
    pub fn secret_variables(&self) -> Vec<Secret> {
        let variables = self.surroundings.variables.iter();
        crate::secret::of_variables(variables.map(|(name, value)| (name.as_str(), value.as_str())))
    }

    /// What masks in everything that this run says: it knows the configured paths and the variables.
    #[must_use]
    pub fn redactor(&self, config: Option<&Config>) -> Redactor {
        let mut redactor = Redactor::with_paths(config.map(Config::secret_paths).unwrap_or_default());
        self.secret_variables().iter().for_each(|secret| redactor.learn_secret(secret));
        redactor
    }

    /// Says whether a person sits at a terminal.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.event.trigger == Trigger::Terminal
    }
}

/// What is known of kinds in the version that is asked for, else in the configuration's for each environment, else in the
/// newest.
///
/// # Errors
/// Usage, naming the versions that are known.
pub fn catalogs(asked: Option<&str>, config: Option<&Config>) -> Result<Catalogs> {
    let of = |version: &str| {
        Catalog::bundled(version).map_err(|unknown| {
            let hint = unknown.hint();
            let set = format!("set `kubernetes` in `{}` or `--kubernetes`", config::PATH);
            Failure::usage(unknown.to_string()).because(unknown).hint(hint).hint(set)
        })
    };
    let configured = config.and_then(|config| config.model().kubernetes.as_ref()).map(ToString::to_string);
    let version = asked.map(str::to_owned).or(configured);
    let mut catalogs = Catalogs::new(of(version.as_deref().unwrap_or_else(|| Catalog::newest()))?);
    let environments = config.filter(|_| asked.is_none()).into_iter().flat_map(Config::environments);
    for (name, environment) in environments {
        if let Some(version) = &environment.kubernetes {
            catalogs = catalogs.with(name, of(&version.to_string())?);
        }
    }
    Ok(catalogs)
}

/// Where the host is: what a person said, else what the CI says, else what stands behind the remote.
fn address(setting: &Setting, repository: &Repository, event: &Event) -> Result<Address> {
    let token = setting.surroundings.get("MERGELINE_TOKEN").map(Secret::new);
    let location = repository.remote_location(&setting.remote)?;
    if let Some(text) = &setting.host {
        return Address::parse(text, setting.repository.as_deref(), location.as_deref(), token);
    }
    if let Some(address) = &event.host {
        return Ok(address.clone());
    }
    location.as_deref().and_then(Address::behind).ok_or_else(|| {
        Failure::usage("no Git host is known: this is no CI job, and none was named")
            .hint("name it: `--host gitea=https://git.example.com/api/v1`, with its token in `MERGELINE_TOKEN`")
    })
}
