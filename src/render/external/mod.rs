//! The external renderers: an installed kustomize, for what trusted configuration allows and this program does not do itself,
//! and an installed Helm for the charts of kustomizations ([`helm`]).
//!
//! The only part of this room that touches the machine. It runs for kustomizations that name remote resources, or exec and
//! container plugins, and only where that is [`Allowed`]; all others are built by [`super::kustomize`]. It gets a private copy
//! of exactly the files that the build reads, no variables but `PATH` and two that lead nowhere, no standard input, a time
//! limit and an output limit. What it prints on standard error becomes
//! findings in the words of the repository: no temporary path, no secret value.

pub mod helm;
mod materialise;
mod process;
mod told;

use super::kustomize::{self, Closure};
use super::{Allowed, RenderOptions, Rendered, plain, provenance};
use crate::failure::{Failure, Result};
use crate::finding::{Finding, Place, Severity};
use crate::git::tree::Tree;
use crate::manifest::Source;
use crate::manifest::yaml::{self, Budget, Dialect};
use crate::unit::Unit;
use process::{Ended, Limits};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// A program that renders kustomizations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kustomize {
    /// Where it is, absolute.
    pub program: PathBuf,
    /// How it is called.
    pub kind: KustomizeKind,
    /// The folders it was found in, where it finds the programs that it needs itself.
    pub path: std::ffi::OsString,
}

/// How a program that renders kustomizations is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KustomizeKind {
    /// `kustomize build FOLDER`.
    Kustomize,
    /// `kubectl kustomize FOLDER`.
    Kubectl,
}

impl Kustomize {
    fn arguments(&self, allowed: Allowed) -> Vec<&'static str> {
        let mut arguments = vec![match self.kind {
            KustomizeKind::Kustomize => "build",
            KustomizeKind::Kubectl => "kustomize",
        }];
        if allowed.remote {
            // Charts of other machines are fetched by the Helm that is on the way of `PATH`.
            arguments.push("--enable-helm");
        }
        if allowed.plugins {
            arguments.push("--enable-alpha-plugins");
            if self.kind == KustomizeKind::Kustomize {
                arguments.push("--enable-exec");
            }
        }
        arguments
    }
}

/// Finds `kustomize`, else `kubectl`, in the folders of `path`, the value of the variable `PATH`. Relative folders are left
/// out: what is checked out must not choose the program.
#[must_use]
pub fn find_kustomize(path: &OsStr) -> Option<Kustomize> {
    let candidates = [("kustomize", KustomizeKind::Kustomize), ("kubectl", KustomizeKind::Kubectl)];
    candidates.into_iter().find_map(|(name, kind)| {
        let mut folders = std::env::split_paths(path).filter(|folder| folder.is_absolute());
        let program = folders.find_map(|folder| {
            let program = folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
            is_program(&program).then_some(program)
        })?;
        Some(Kustomize { program, kind, path: path.to_owned() })
    })
}

#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

/// Renders a folder with a kustomization.
pub(super) fn render(tree: &dyn Tree, unit: &Unit, options: &RenderOptions) -> Result<Rendered> {
    let closure = kustomize::closure(tree, &unit.path, options.allowed)?;
    if !closure.is_buildable() {
        return Ok(Rendered { objects: Vec::new(), findings: closure.findings, complete: false });
    }
    let Some(root) = closure.kustomizations.first() else {
        return Ok(Rendered { objects: Vec::new(), findings: closure.findings, complete: false });
    };
    let Some(tool) = &options.kustomize else {
        let message =
            "this kustomization needs what only a kustomize can do: neither `kustomize` nor `kubectl` is installed";
        let finding = Finding::error("kustomize-missing", message).at(Place::file(root.file.as_str()));
        let hint = "install kustomize 5 (https://kubectl.docs.kubernetes.io/installation/kustomize/) or kubectl, and see that `PATH` leads to it";
        return Ok(Rendered::broken(finding.hint(hint)));
    };

    let asked = provenance::asks_for_origins(root);
    let workshop = materialise::Workshop::set_up(&closure, root, asked, options.allowed)?;
    let limits = Limits { time: options.time_limit, output: options.output_limit };
    let folder = workshop.folder(&unit.path);
    let mut environment = workshop.environment();
    environment[0].1 = PathBuf::from(&tool.path);
    let mut arguments: Vec<OsString> = tool.arguments(options.allowed).into_iter().map(OsString::from).collect();
    arguments.push(folder.clone().into());
    let done = process::run(&tool.program, &arguments, &folder, &environment, limits).map_err(|error| {
        Failure::usage(format!("cannot run `{}`", tool.program.display()))
            .because(error)
            .hint("install kustomize 5 or kubectl")
    })?;
    let stderr = told::in_repository_words(&done.stderr, &workshop, &closure);
    let mut findings = closure.findings.clone();
    let here = || Place::file(root.file.as_str());
    let failed = |message: String, findings: Vec<Finding>| {
        let mut findings = findings;
        findings.push(Finding::error("kustomize", message).at(here()));
        Rendered { objects: Vec::new(), findings, complete: false }
    };
    match done.ended {
        Ended::Well => {}
        Ended::Badly => {
            // Our own reader knows the line; kustomize often does not. Its verdict is said only when ours are silent.
            let own = broken_sources(&closure);
            if !own.is_empty() {
                findings.extend(own);
                return Ok(Rendered { objects: Vec::new(), findings, complete: false });
            }
            findings.push(told::verdict(&stderr, &closure, root));
            return Ok(Rendered { objects: Vec::new(), findings, complete: false });
        }
        Ended::OutOfTime => {
            return Ok(failed(format!("kustomize was not done after {} s", options.time_limit.as_secs()), findings));
        }
        Ended::TooMuchOutput => {
            return Ok(failed(format!("kustomize printed more than {} MB", options.output_limit >> 20), findings));
        }
    }
    findings.extend(told::warnings(&stderr, root));

    let Ok(text) = String::from_utf8(done.stdout) else {
        return Ok(failed("kustomize printed what is no UTF-8 text".to_owned(), findings));
    };
    let source = Source::new(root.file.as_str(), text);
    let budget = Budget { bytes: options.output_limit, ..Budget::default() };
    let reading = yaml::read(&source, Dialect::Kubectl, &budget);
    let mut content = plain::FileContent::of(reading.documents, &budget);
    if reading.findings.iter().chain(&content.findings).any(|finding| finding.severity == Severity::Error) {
        // Places would be those of the output, which nobody can open.
        let wrong = reading.findings.into_iter().chain(content.findings).map(|mut finding| {
            finding.place = Some(here());
            finding.related.clear();
            finding.message = format!("in the output of kustomize: {}", finding.message);
            finding
        });
        findings.extend(wrong);
        return Ok(Rendered { objects: Vec::new(), findings, complete: false });
    }
    provenance::attach(&mut content.objects, &closure, root, asked);
    if content.objects.is_empty() {
        let message = "this kustomization renders to no object";
        findings.push(Finding::warning("nothing-to-render", message).at(here()));
    }
    Ok(Rendered { objects: content.objects, findings, complete: true })
}

/// Errors in the YAML of resources and patches, with their lines.
fn broken_sources(closure: &Closure) -> Vec<Finding> {
    let known: Vec<&str> = closure.kustomizations.iter().map(|kustomization| kustomization.file.as_str()).collect();
    let manifests =
        closure.files.iter().filter(|(file, _)| !known.contains(&file.as_str()) && super::path::is_manifest_name(file));
    let manifests = manifests.filter(|(file, _)| closure.is_read_as_yaml(file));
    let read = |(file, bytes): (&String, &Vec<u8>)| {
        yaml::read_bytes(file, bytes, Dialect::Kustomize, &Budget::default()).findings
    };
    manifests.flat_map(read).filter(|finding| finding.severity == Severity::Error).collect()
}
