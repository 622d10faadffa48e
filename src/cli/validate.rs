//! `mergeline validate`

use super::arguments::{Global, Validate};
use super::output::Outputs;
use super::places::Named;
use super::review::render_options;
use crate::config::Config;
use crate::failure::{Failure, Result};
use crate::finding::Finding;
use crate::git::tree::MemoryTree;
use crate::git::{Repository, Tree};
use crate::render;
use crate::report::{Links, Report};
use crate::review::ValidateInput;
use crate::unit::Unit;
use std::io::Read;
use std::path::Path;
use std::time::Instant;

/// What standard input is called in places.
const STDIN: &str = "stdin";

/// Validates what was named, or every unit of the repository.
pub(crate) fn validate(global: &Global, command: &Validate) -> Result<u8> {
    let started = Instant::now();
    let folder = global.folder()?;
    let outputs = Outputs::parse(&command.judging.outputs, &folder, global.colours())?;
    let dash = command.paths.iter().any(|path| path == Path::new("-"));
    let mut report = match command.paths.len() {
        0 => repository(&folder, command)?,
        1 if dash => standard_input(command)?,
        _ if dash => return Err(Failure::usage("`-` is standard input and stands alone")),
        _ => named(&folder, command)?,
    };
    report.elapsed = started.elapsed();
    outputs.write(&report)
}

/// Every unit of the repository, as the working tree has it.
fn repository(folder: &Path, command: &Validate) -> Result<Report> {
    let repository = Repository::discover(folder)?;
    let tree = repository.working_tree()?;
    let config = Config::load(&tree)?.usable()?;
    let options = render_options();
    let (units, findings) = match &config {
        Some(config) => config.units(&tree)?,
        None => {
            let found = render::discover(&tree, &options)?;
            (found.units, found.findings)
        }
    };
    judge(&tree, units, findings, vec![String::new()], config.as_ref(), command)
}

fn standard_input(command: &Validate) -> Result<Report> {
    let mut bytes = Vec::new();
    std::io::stdin()
        .lock()
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::usage("cannot read standard input").because(error))?;
    let tree = MemoryTree::new().with(STDIN, bytes);
    judge(&tree, vec![unit(STDIN)], Vec::new(), vec![STDIN.to_owned()], None, command)
}

/// Files and folders that were named.
fn named(folder: &Path, command: &Validate) -> Result<Report> {
    let named = Named::open(folder, &command.paths)?;
    let (tree, options) = (named.tree(), render_options());
    let (mut units, mut findings) = (Vec::new(), Vec::new());
    for (given, path) in command.paths.iter().zip(named.paths()) {
        if named.is_file(path)? {
            units.push(unit(path));
            continue;
        }
        let found = render::discover_in(tree, path, &options)?;
        if found.units.is_empty() && found.findings.is_empty() {
            return Err(Failure::nothing_there(format!("`{}` holds no manifest", given.display())));
        }
        units.extend(found.units);
        findings.extend(found.findings);
    }
    units.sort();
    units.dedup();
    let definitions = named.definition_folders();
    let mut report = judge(tree, units, findings, definitions, None, command)?;
    report.findings = report.findings.into_iter().map(|finding| named.as_seen(finding)).collect();
    Ok(report)
}

fn unit(path: &str) -> Unit {
    Unit { environment: render::discover::ENVIRONMENT.to_owned(), name: path.to_owned(), path: path.to_owned() }
}

fn judge(
    tree: &dyn Tree,
    units: Vec<Unit>,
    findings: Vec<Finding>,
    definitions: Vec<String>,
    config: Option<&Config>,
    command: &Validate,
) -> Result<Report> {
    crate::review::validate(ValidateInput {
        tree,
        commit: None,
        units,
        findings,
        definitions,
        config,
        render: render_options(),
        kubernetes: command.judging.kubernetes.clone(),
        fail_on: command.judging.fail_on(),
        links: Links::default(),
    })
}
