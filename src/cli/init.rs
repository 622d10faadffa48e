//! `mergeline init`

use super::arguments::{Global, Init};
use super::{output, print};
use crate::config::{Config, PATH};
use crate::event::starter::{Needs, host_of_ci_files, starter};
use crate::failure::{Failure, Result};
use crate::git::{Repository, Tree};
use crate::host::HostKind;
use crate::setup::{configuration, environments};
use similar::TextDiff;
use std::fs;
use std::path::Path;

/// Writes the configuration and the CI file, each only where none is.
pub(crate) fn init(global: &Global, command: &Init) -> Result<u8> {
    let repository = Repository::discover(&global.folder()?)?;
    let root = repository.working_directory().map(Path::to_owned).ok_or_else(|| {
        Failure::usage("this repository has no working tree").hint("run `mergeline init` in a clone that has one")
    })?;
    let tree = repository.working_tree()?;
    let has = |path: &str| tree.kind(path).is_ok_and(|kind| kind.is_some());
    let location = repository.remote_location(&command.remote)?;
    let kind = host(command.host.as_deref(), location.as_deref(), has)?;

    // A configuration that is there is what the CI file must serve.
    let own = Config::load(&tree)?.usable()?;
    let text = match &own {
        Some(_) => None,
        None => Some(configuration::text(&environments(&tree)?)),
    };
    let config = match (own, &text) {
        (Some(config), _) => config,
        (None, text) => {
            let parsed = Config::parse(text.as_deref().unwrap_or_default().as_bytes());
            parsed.map_err(|found| {
                let what = found.first().map(|finding| finding.message.clone()).unwrap_or_default();
                Failure::bug(format!("the configuration that would be written is wrong: {what}"))
            })?
        }
    };
    let needs = Needs {
        default_branch: repository.default_branch().unwrap_or_else(|_| "main".to_owned()),
        branches: config.environments().filter_map(|(_, environment)| environment.branch.clone()).collect(),
        secrets: config.kubeconfig_variables(),
    };
    let starter = starter(kind, &needs, has).ok_or_else(|| {
        Failure::usage(format!("`mergeline init` writes nothing for {kind} yet"))
            .hint("`mergeline review` and `mergeline validate` work in any job; `--host` names another host")
    })?;

    let mut lines = Vec::new();
    let mut left = Vec::new();
    match &text {
        Some(text) => write(&root, PATH, text, &mut lines, &mut left)?,
        None => lines.push(format!("kept {PATH}")),
    }
    write(&root, &starter.path, &starter.text, &mut lines, &mut left)?;
    let names: Vec<&str> = config.environments().map(|(name, _)| name).collect();
    lines.push(match names.as_slice() {
        [] => format!("no environments were found: pull requests are reviewed; {PATH} says how to deliver merges"),
        names => format!("environments: {}", names.join(", ")),
    });
    for (path, difference) in &left {
        lines.push(format!(
            "\n{path} is yours and was left as it is; to have what Mergeline would write (+):\n\n{difference}"
        ));
    }
    lines.push("\nnext:".to_owned());
    let look = format!("look at {PATH}, and at `mergeline review`: what your working tree changes");
    let push = format!("commit both files and push them to `{}`; then open a pull request", needs.default_branch);
    let steps = std::iter::once(look).chain(starter.steps).chain([push]);
    lines.extend(steps.enumerate().map(|(at, step)| format!("  {}. {step}", at + 1)));
    // Environments are called as folders of the repository are.
    print::data(&crate::report::visible::visible(&(lines.join("\n") + "\n")))
}

/// The host: what a person says, else what the remote's name says, else what CI files say.
fn host(named: Option<&str>, location: Option<&str>, has: impl Fn(&str) -> bool) -> Result<HostKind> {
    let known = "name it: `--host github`, `--host gitea` or `--host gitlab`";
    if let Some(word) = named {
        return HostKind::named(word).ok_or_else(|| Failure::usage(format!("`{word}` is no kind of host")).hint(known));
    }
    location.and_then(HostKind::of_remote).or_else(|| host_of_ci_files(has)).ok_or_else(|| {
        let what = match location {
            Some(_) => "neither the remote's name nor a CI file tells which host this repository is on",
            None => "there is no remote, and no CI file, that tells which host this repository is on",
        };
        Failure::usage(what).hint(known)
    })
}

/// Writes a file that is not there; one that is there and differs is left, with its difference.
fn write(root: &Path, path: &str, text: &str, lines: &mut Vec<String>, left: &mut Vec<(String, String)>) -> Result<()> {
    let place = root.join(path);
    if place.symlink_metadata().is_err() {
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)
                .map_err(|error| Failure::usage(format!("cannot make `{}`", folder.display())).because(error))?;
        }
        output::write_file(&place, text.as_bytes())?;
        lines.push(format!("wrote {path}"));
        return Ok(());
    }
    let there = fs::read_to_string(&place)
        .map_err(|error| Failure::usage(format!("cannot read `{path}`, which is there already")).because(error))?;
    if there.replace("\r\n", "\n") == text {
        lines.push(format!("kept {path}"));
    } else {
        lines.push(format!("kept {path}, which differs"));
        let difference = TextDiff::from_lines(there.as_str(), text).unified_diff().context_radius(2).to_string();
        left.push((path.to_owned(), difference));
    }
    Ok(())
}
