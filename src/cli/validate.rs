//! `mergeline validate`

use super::arguments::{Global, Validate};
use super::hiding::Hiding;
use super::kubeconform;
use super::output::{self, Outputs};
use super::patterns;
use super::places::Named;
use super::print;
use super::review::render_options;
use crate::config::Config;
use crate::download::Download;
use crate::failure::{Failure, Result};
use crate::finding::Finding;
use crate::git::tree::MemoryTree;
use crate::git::{RememberingTree, Repository, Tree};
use crate::manifest::yaml::{Budget, Parts};
use crate::render;
use crate::report::{Links, Report};
use crate::review::ValidateInput;
use crate::rule;
use crate::unit::Unit;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What standard input is called in places.
pub(super) const STDIN: &str = "stdin";
/// A stream of so many bytes is judged in parts.
const LONG: u64 = 8 << 20;

/// Validates what was named, or every unit of the repository.
pub(crate) fn validate(global: &Global, command: &Validate) -> Result<u8> {
    if let Some(id) = &command.explain {
        return explain(id);
    }
    let started = Instant::now();
    command.kubeconform.check()?;
    let folder = global.folder()?;
    let formats =
        command.judging.outputs.iter().map(|format| kubeconform::format(format)).collect::<Result<Vec<_>>>()?;
    let outputs = Outputs::parse(&formats, &folder, global.colours())?;
    let paths = patterns::expand(&folder, &command.paths)?;
    let dash = paths.iter().any(|path| path == Path::new("-"));
    let mut report = match paths.len() {
        0 => repository(&folder, command)?,
        1 if dash => standard_input(command)?,
        _ if dash => return Err(Failure::usage("`-` is standard input and stands alone")),
        _ => named(&folder, &paths, command)?,
    };
    report.elapsed = output::elapsed(started);
    outputs.write(&report)
}

/// Prints the section of a rule.
fn explain(id: &str) -> Result<u8> {
    let Some(rule) = rule::find(id) else {
        let hint = match crate::schema::nearest(id, rule::all().iter().map(|rule| rule.id)) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the rules are: {}", rule::all().iter().map(|rule| rule.id).collect::<Vec<_>>().join(", ")),
        };
        return Err(Failure::usage(format!("there is no rule `{id}`")).hint(hint));
    };
    let silence = if rule.can_be_silenced { "can be silenced" } else { "cannot be silenced" };
    print::data(&format!("{} ({}, {silence})\n\n{}\n\n{}\n", rule.id, rule.severity, rule.text, rule::url(rule.id)))
}

/// Every unit of the repository, as the working tree has it.
fn repository(folder: &Path, command: &Validate) -> Result<Report> {
    let repository = Repository::discover(folder)?;
    let tree = repository.working_tree()?;
    let tree = Hiding::new(&tree, &command.kubeconform.ignore_filename_pattern)?;
    let tree = RememberingTree::new(&tree);
    let config = Config::load(&tree)?.usable()?;
    let options = render_options();
    let (units, findings) = match &config {
        Some(config) => config.units(&tree)?,
        None => {
            let found = render::discover(&tree, &options)?;
            (found.units, found.findings)
        }
    };
    judge(&tree, units, findings, vec![String::new()], config.as_ref(), true, command)
}

fn standard_input(command: &Validate) -> Result<Report> {
    let unreadable = |error| Failure::usage("cannot read standard input").because(error);
    let budget = Budget::default();
    let mut stream = std::io::stdin();
    let mut bytes = Vec::new();
    stream.by_ref().take(LONG).read_to_end(&mut bytes).map_err(unreadable)?;
    let units = vec![unit(STDIN)];
    if (bytes.len() as u64) < LONG {
        let tree = MemoryTree::new().with(STDIN, bytes);
        return judge(&tree, units, Vec::new(), vec![STDIN.to_owned()], None, false, command);
    }
    if Parts::begins_as_json(&bytes) {
        // No line ends a JSON value: it is read as a whole or, beyond the budget, not at all.
        let most = (budget.bytes as u64).saturating_add(1);
        stream.by_ref().take(most).read_to_end(&mut bytes).map_err(unreadable)?;
        let tree = MemoryTree::new().with(STDIN, bytes);
        return judge(&tree, units, Vec::new(), vec![STDIN.to_owned()], None, false, command);
    }
    let download = crate::download::Web::new();
    let tree = MemoryTree::new();
    let input = input(&tree, units, Vec::new(), Vec::new(), None, false, command, &download);
    crate::review::validate_stream(input, &mut bytes.as_slice().chain(stream))
}

/// Files and folders that were named.
fn named(folder: &Path, paths: &[PathBuf], command: &Validate) -> Result<Report> {
    let named = Named::open(folder, paths)?;
    let hiding = Hiding::new(named.tree(), &command.kubeconform.ignore_filename_pattern)?;
    let tree = RememberingTree::new(&hiding);
    let options = render_options();
    let (mut units, mut findings) = (Vec::new(), Vec::new());
    // A file alone may be a part of something: what it refers to may be in the rest.
    let mut whole = true;
    for (given, path) in paths.iter().zip(named.paths()) {
        if named.is_file(path)? {
            whole = false;
            units.extend((!hiding.hides(path)).then(|| unit(path)));
            continue;
        }
        let found = render::discover_in(&tree, path, &options)?;
        if found.units.is_empty() && found.findings.is_empty() {
            return Err(Failure::nothing_there(format!("`{}` holds no manifest", given.display())));
        }
        units.extend(found.units);
        findings.extend(found.findings);
    }
    units.sort();
    units.dedup();
    let definitions = named.definition_folders();
    let mut report = judge(&tree, units, findings, definitions, None, whole, command)?;
    report.findings = report.findings.into_iter().map(|finding| named.as_seen(finding)).collect();
    for silenced in &mut report.silenced {
        silenced.finding = named.as_seen(silenced.finding.clone());
    }
    Ok(report)
}

fn unit(path: &str) -> Unit {
    Unit { environment: render::discover::ENVIRONMENT.to_owned(), name: path.to_owned(), path: path.to_owned() }
}

#[allow(clippy::too_many_arguments)]
fn judge(
    tree: &dyn Tree,
    units: Vec<Unit>,
    findings: Vec<Finding>,
    definitions: Vec<String>,
    config: Option<&Config>,
    whole: bool,
    command: &Validate,
) -> Result<Report> {
    let download = crate::download::Web::new();
    crate::review::validate(input(tree, units, findings, definitions, config, whole, command, &download))
}

#[allow(clippy::too_many_arguments)]
fn input<'a>(
    tree: &'a dyn Tree,
    units: Vec<Unit>,
    findings: Vec<Finding>,
    definitions: Vec<String>,
    config: Option<&'a Config>,
    whole: bool,
    command: &Validate,
    download: &'a dyn Download,
) -> ValidateInput<'a> {
    ValidateInput {
        tree,
        commit: None,
        units,
        findings,
        definitions,
        config,
        render: render_options(),
        kubernetes: command.judging.kubernetes.clone().or_else(|| command.kubeconform.kubernetes()),
        whole,
        strictness: command.kubeconform.strictness(command.strictness.asked()),
        skip: command.skip.clone(),
        reject: command.reject.clone(),
        fail_on: command.judging.fail_on(),
        links: Links::default(),
        download,
        secrets: super::review::secret_variables(),
    }
}
