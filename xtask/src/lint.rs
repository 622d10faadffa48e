//! `cargo xtask lint`: our own workflows and action, and what our dependencies may be.
//!
//! Workflow checks need no network; cargo-deny fetches the crates of other platforms once, to read their licences.
//!
//! Advisories are not checked here: their database comes over the network, and an old copy says "clean" too. The hosted workflow does it.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use mergeline_lab::{Cache, part};

use crate::{Outcome, root, say};

/// Runs every check and says at the end which failed.
pub(crate) fn run() -> Outcome {
    let root = root();
    let workflows = workflows(&root)?;
    let action = existing(&root, "action.yml")?;
    existing(&root, "deny.toml")?;

    let cache = Cache::open().map_err(|error| error.to_string())?;
    let find = |name: &str| part(name).ok_or_else(|| format!("the lab has no part `{name}`"));
    let (linters, deny) = (find("workflow-linters")?, find("cargo-deny")?);
    cache.build(&[linters, deny]).map_err(|error| error.to_string())?;
    let linter = |name: &str| Command::new(cache.folder(linters).join(name));

    let mut schema_of_workflows = linter("check-jsonschema");
    schema_of_workflows.args(["--builtin-schema", "vendor.github-workflows"]).args(&workflows);
    let mut schema_of_action = linter("check-jsonschema");
    schema_of_action.args(["--builtin-schema", "vendor.github-actions"]).arg(&action);
    let mut schema_of_component = linter("check-jsonschema");
    let jobs = component_jobs(&root, cache.root())?;
    schema_of_component.args(["--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]).arg(&jobs);
    let mut zizmor = linter("zizmor");
    zizmor.args(["--offline", "--no-progress", "--persona", "auditor"]).args(&workflows).arg(&action);
    let mut dependencies = Command::new(cache.program(deny));
    dependencies.args(["--log-level", "error", "--locked", "--workspace", "check", "licenses", "bans", "sources"]);

    let mut failed = Vec::new();
    for (name, mut command) in [
        ("workflow schema", schema_of_workflows),
        ("action schema", schema_of_action),
        ("component schema", schema_of_component),
        ("zizmor", zizmor),
        ("cargo-deny", dependencies),
    ] {
        say(&format!("lint: {name}"));
        let status = command.current_dir(&root).status().map_err(|error| format!("cannot run {name}: {error}"))?;
        if !status.success() {
            failed.push(name);
        }
    }
    if failed.is_empty() { Ok(ExitCode::SUCCESS) } else { Err(format!("lint found problems: {}", failed.join(", "))) }
}

/// The jobs of GitLab's component, as a file of their own: its head says what may be put in, and the schema is one of jobs.
fn component_jobs(root: &Path, cache: &Path) -> Result<PathBuf, String> {
    let path = existing(root, "templates/mergeline.yml")?;
    let text = std::fs::read_to_string(&path).map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
    let (_, jobs) = text.split_once("\n---\n").ok_or("`templates/mergeline.yml` has no head that ends in `---`")?;
    let jobs_alone = cache.join("component.gitlab-ci.yml");
    std::fs::write(&jobs_alone, jobs).map_err(|error| format!("cannot write `{}`: {error}", jobs_alone.display()))?;
    Ok(jobs_alone)
}

fn existing(root: &Path, name: &str) -> Result<PathBuf, String> {
    let path = root.join(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("`{name}` is missing at the repository's root: nothing to check"))
    }
}

fn workflows(root: &Path) -> Result<Vec<PathBuf>, String> {
    let folder = root.join(".github/workflows");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("`.github/workflows` cannot be read: {error}"))?;
    let mut files: Vec<_> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yml" || extension == "yaml"));
    files.sort();
    if files.is_empty() { Err("`.github/workflows` holds no workflow: nothing to check".to_owned()) } else { Ok(files) }
}
