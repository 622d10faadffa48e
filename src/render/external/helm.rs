//! An installed Helm, for the charts of kustomizations.
//!
//! It renders charts of the repository and nothing else: it gets a private copy of the chart and its values, an empty folder
//! for all of its own, no variable that leads anywhere, a time limit and an output limit. Templates of charts run no
//! programs. The flags are those that kustomize passes.

use super::process::{self, Ended, Limits};
use super::{is_program, told};
use crate::failure::{Failure, Result};
use crate::manifest::yaml::{self, Budget, Dialect};
use crate::render::RenderOptions;
use crate::render::kustomize::{Answer, Charts, Order};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::{fs, io};

/// A program that renders charts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helm {
    /// Where it is, absolute.
    pub program: PathBuf,
}

/// Finds `helm` in the folders of `path`, the value of the variable `PATH`. Relative folders are left out: what is checked
/// out must not choose the program.
#[must_use]
pub fn find_helm(path: &OsStr) -> Option<Helm> {
    let programs = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    let mut programs = programs.map(|folder| folder.join(format!("helm{}", std::env::consts::EXE_SUFFIX)));
    programs.find(|program| is_program(program)).map(|program| Helm { program })
}

/// Helm within the limits of a render.
pub(in crate::render) struct Limited<'a> {
    pub(in crate::render) helm: &'a Helm,
    pub(in crate::render) options: &'a RenderOptions,
}

impl Charts for Limited<'_> {
    fn template(&self, order: &Order) -> Result<Answer> {
        let failed = |error: io::Error| Failure::usage("cannot write a chart into a temporary folder").because(error);
        let folder = workshop().map_err(failed)?;
        let root = folder.path().canonicalize().map_err(failed)?;
        let arguments = written(order, &root).map_err(failed)?;
        let names = ["PATH", "HOME", "TMPDIR", "HELM_CONFIG_HOME", "HELM_CACHE_HOME", "HELM_DATA_HOME"];
        let environment = names.map(|name| (name, root.join("empty")));
        let limits = Limits { time: self.options.time_limit, output: self.options.output_limit };
        let program = &self.helm.program;
        let done = process::run(program, &arguments, &root, &environment, limits).map_err(|error| {
            Failure::usage(format!("cannot run `{}`", program.display())).because(error).hint("install Helm")
        })?;
        Ok(match done.ended {
            Ended::Well => match String::from_utf8(done.stdout) {
                Ok(text) => Answer::Manifests(text),
                Err(_) => Answer::Refused("its output is no UTF-8 text".to_owned()),
            },
            Ended::Badly => Answer::Refused(reason(&done.stderr, &root, order)),
            Ended::OutOfTime => {
                Answer::Refused(format!("it was not done after {} s", self.options.time_limit.as_secs()))
            }
            Ended::TooMuchOutput => {
                Answer::Refused(format!("it printed more than {} MB", self.options.output_limit >> 20))
            }
        })
    }
}

/// A folder that nobody else can look into.
fn workshop() -> io::Result<tempfile::TempDir> {
    let mut builder = tempfile::Builder::new();
    builder.prefix("mergeline-chart-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
    let folder = builder.tempdir()?;
    fs::create_dir(folder.path().join("empty"))?;
    Ok(folder)
}

/// Writes the chart and its values, and gives the arguments of `helm`.
fn written(order: &Order, root: &Path) -> io::Result<Vec<OsString>> {
    let chart = root.join("chart").join(&order.name);
    for (path, bytes) in &order.files {
        let file = path.split('/').fold(chart.clone(), |folder, part| folder.join(part));
        if let Some(parent) = file.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(file, bytes)?;
    }
    let mut arguments: Vec<OsString> = vec!["template".into()];
    // A value stands behind `=`, so that none is taken for a flag.
    let release = if order.release.is_empty() { "--generate-name".into() } else { order.release.clone() };
    let mut flag = |name: &str, value: &OsStr| {
        if !value.is_empty() {
            let mut flag = OsString::from(format!("{name}="));
            flag.push(value);
            arguments.push(flag);
        }
    };
    flag("--namespace", order.namespace.as_ref());
    flag("--name-template", order.name_template.as_ref());
    for (index, values) in order.values.iter().enumerate() {
        let file = root.join(format!("values-{index}.yaml"));
        fs::write(&file, values)?;
        flag("--values", file.as_ref());
    }
    order.api_versions.iter().for_each(|version| flag("--api-versions", version.as_ref()));
    flag("--kube-version", order.kube_version.as_ref());
    let switches = [
        ("--include-crds", order.include_crds),
        ("--skip-tests", order.skip_tests),
        ("--no-hooks", order.skip_hooks),
        ("--devel", order.devel),
        ("--debug", order.debug),
    ];
    arguments.extend(switches.into_iter().filter(|(_, on)| *on).map(|(switch, _)| switch.into()));
    if order.release.is_empty() {
        arguments.push(release.into());
        arguments.push("--".into());
    } else {
        arguments.push("--".into());
        arguments.push(release.into());
    }
    arguments.push(chart.into());
    Ok(arguments)
}

/// What Helm says, without temporary paths and values.
fn reason(stderr: &[u8], root: &Path, order: &Order) -> String {
    let text = String::from_utf8_lossy(stderr);
    let at = text.find("Error: ").map_or(0, |at| at + "Error: ".len());
    let text = text[at..].trim().replace(&format!("{}/", root.join("chart").display()), "");
    let mut text = text.replace(&*root.to_string_lossy(), "").replace('\n', " ");
    let mut values = BTreeSet::new();
    for bytes in &order.values {
        for document in yaml::read_bytes("values.yaml", bytes, Dialect::Kubectl, &Budget::default()).documents {
            told::scalars(&document, &mut values);
        }
    }
    let mut values: Vec<String> = values.into_iter().filter(|value| value.len() >= 4).collect();
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    for value in values {
        text = text.replace(&value, "…");
    }
    text.chars().take(told::LONGEST).collect()
}
