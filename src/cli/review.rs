//! `mergeline review`

use super::arguments::{FailOn, Global, Judging, Review};
use super::output::Outputs;
use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use crate::git::{Repository, Tree};
use crate::render::{RenderOptions, find_helm, find_kustomize};
use crate::report;
use crate::review::{Configuration, Input, Side};
use std::time::Instant;

/// Reviews a change of the repository that the folder is in.
pub(crate) fn review(global: &Global, command: &Review) -> Result<u8> {
    let started = Instant::now();
    let folder = global.folder()?;
    let outputs = Outputs::parse(&command.judging.outputs, &folder, global.colours())?;
    let repository = Repository::discover(&folder)?;
    let head = match &command.head {
        Some(revision) => repository.resolve(revision)?,
        None => repository.head()?,
    };
    let target = target(&repository, command.base.as_deref())?;
    let base = repository.merge_base(&target, &head)?.ok_or_else(|| {
        Failure::usage(format!("`{}` and `{}` have no commit in common", target.short(), head.short()))
            .hint("name a base that the change started from: `--base REVISION`")
    })?;
    let base_tree = repository.tree(&base)?;
    let head_tree: Box<dyn Tree> = match &command.head {
        Some(_) => Box::new(repository.tree(&head)?),
        None => Box::new(repository.working_tree()?),
    };
    let mut report = crate::review::review(&Input {
        configuration: Configuration::of(&repository.tree(&target)?, head_tree.as_ref())?,
        base: Some(Side { tree: &base_tree, commit: Some(base) }),
        head: Side { tree: head_tree.as_ref(), commit: command.head.as_ref().map(|_| head) },
        environments: command.environments.clone(),
        render: render_options(),
        kubernetes: command.judging.kubernetes.clone(),
        strictness: command.strictness.asked(),
        fail_on: command.judging.fail_on(),
        links: report::Links::default(),
        download: &crate::download::Web::new(),
        secrets: secret_variables(),
    })?;
    report.elapsed = super::output::elapsed(started);
    outputs.write(&report)
}

/// The tip that the change is meant for: the revision that was named, else the default branch.
fn target(repository: &Repository, named: Option<&str>) -> Result<CommitId> {
    if let Some(revision) = named {
        return repository.resolve(revision);
    }
    let cannot_tell = |failure: Failure| failure.hint("name the base: `--base REVISION`");
    let branch = repository.default_branch().map_err(cannot_tell)?;
    repository.branch_head(&branch)?.ok_or_else(|| {
        Failure::usage(format!("the default branch `{branch}` is not in this clone"))
            .hint(format!("fetch it (`git fetch origin {branch}`), or name the base: `--base REVISION`"))
    })
}

/// What the variables of the process hold that must not show.
pub(crate) fn secret_variables() -> Vec<crate::secret::Secret> {
    let text = |value: std::ffi::OsString| value.to_string_lossy().into_owned();
    let variables: Vec<(String, String)> = std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect();
    crate::secret::of_variables(variables.iter().map(|(name, value)| (name.as_str(), value.as_str())))
}

/// How this machine renders.
pub(crate) fn render_options() -> RenderOptions {
    let path = std::env::var_os("PATH").unwrap_or_default();
    RenderOptions { kustomize: find_kustomize(&path), helm: find_helm(&path), ..RenderOptions::default() }
}

impl Judging {
    /// The threshold that was asked for.
    pub(crate) fn fail_on(&self) -> Option<report::FailOn> {
        self.fail_on.map(|fail_on| match fail_on {
            FailOn::Error => report::FailOn::Error,
            FailOn::Warning => report::FailOn::Warning,
            FailOn::Never => report::FailOn::Never,
        })
    }
}
