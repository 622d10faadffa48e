//! Rendering: a source in a tree becomes objects that know where they came from.
//!
//! Owns discovery (which folders are units when nothing is configured), plain manifests, the reading of kustomization
//! files, and the external renderer. Pure over [`Tree`] but for [`external`], which runs one program of the machine. What
//! cannot be rendered is a finding and makes the result incomplete, so that nobody takes "not rendered" for "deleted".
//! Refuses remote resources, plugins, symbolic links and paths that leave the tree. Charts, Argo CD and Flux objects are
//! not rendered yet, and each is a `not-rendered` warning. Decided by DESIGN §3 and §4 "Rendering".

pub mod discover;
pub mod external;
mod foreign;
mod ignored;
mod inputs;
pub mod kustomize;
mod path;
mod plain;
mod provenance;

pub use discover::{Discovery, discover, discover_in};
pub mod layout;

pub use external::helm::{Helm, find_helm};
pub use external::{Kustomize, KustomizeKind, find_kustomize};
pub use inputs::{Inputs, inputs};

use crate::failure::Result;
use crate::finding::{Finding, Place};
use crate::git::tree::{EntryKind, Tree};
use crate::manifest::yaml::Documents;
use crate::manifest::{Budget, Object, Source};
use crate::unit::Unit;
use rayon::prelude::*;
use std::sync::Arc;
use std::time::Duration;

/// What kustomizations may use beyond the files of the repository. Only trusted configuration may set it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Resources on other machines.
    pub remote: bool,
    /// Exec and container plugins.
    pub plugins: bool,
}

/// How to render.
#[derive(Debug, Clone)]
pub struct RenderOptions {
    /// The program for kustomizations that use what is [`Allowed`] and not built in, found once by [`find_kustomize`].
    /// All others are built by [`kustomize::build`].
    pub kustomize: Option<Kustomize>,
    /// The program that renders the charts of kustomizations, found once by [`find_helm`].
    pub helm: Option<Helm>,
    /// What kustomizations may use.
    pub allowed: Allowed,
    /// Lines of a `.gitignore` that apply from the root of the tree, on top of its `.mergelineignore` files.
    pub ignore: Vec<String>,
    /// How long one external program may take.
    pub time_limit: Duration,
    /// How many bytes one external program may print.
    pub output_limit: usize,
    /// How much one file of manifests may cost to read. Only trusted configuration may raise it.
    pub budget: Budget,
}

impl Default for RenderOptions {
    fn default() -> Self {
        Self {
            kustomize: None,
            helm: None,
            allowed: Allowed::default(),
            ignore: Vec::new(),
            time_limit: Duration::from_secs(60),
            output_limit: 256 << 20,
            budget: Budget::default(),
        }
    }
}

/// What a unit rendered to.
#[derive(Debug, Clone, Default)]
pub struct Rendered {
    /// The objects, in the renderer's order.
    pub objects: Vec<Object>,
    /// What is wrong, with the unit and its environment on each.
    pub findings: Vec<Finding>,
    /// Everything the unit is made of is among the objects. When false, the objects must not be compared, applied or
    /// committed: what is missing is unknown, not deleted.
    pub complete: bool,
}

impl Rendered {
    /// Says of every finding which unit it is of, and what of the objects is not rendered yet.
    fn of(&mut self, unit: &Unit) {
        self.findings.extend(foreign::not_rendered_yet(&self.objects));
        for finding in &mut self.findings {
            finding.unit.get_or_insert_with(|| unit.name.clone());
            if finding.environments.is_empty() {
                finding.environments.push(unit.environment.clone());
            }
        }
    }

    /// Says whether there is no manifest at all, which is another thing than one that cannot be read.
    #[must_use]
    pub fn holds_nothing(&self) -> bool {
        self.objects.is_empty() && self.findings.iter().any(|finding| finding.rule == "nothing-to-render")
    }

    /// Nothing, because of one finding.
    fn broken(finding: Finding) -> Self {
        Self { objects: Vec::new(), findings: vec![finding], complete: false }
    }
}

/// Renders a unit: a folder with a kustomization by kustomize, a folder without as plain manifests, or one file.
///
/// A folder of plain manifests is what `kubectl apply -f FOLDER` takes: the files directly in it. When there is no object
/// directly in it, the folders below count too, as far as they are no kustomizations or charts of their own.
///
/// # Errors
/// When the tree cannot be read, or the machine cannot run a program or write temporary files. What is wrong with the
/// source is a finding.
pub fn render(tree: &dyn Tree, unit: &Unit, options: &RenderOptions) -> Result<Rendered> {
    render_cached(tree, unit, options, &kustomize::Cache::default())
}

/// [`render()`] with what other units of the same tree have read already.
fn render_cached(tree: &dyn Tree, unit: &Unit, options: &RenderOptions, cache: &kustomize::Cache) -> Result<Rendered> {
    let mut rendered = match tree.kind(&unit.path)? {
        None => Rendered::broken(missing(tree, &unit.path)?),
        Some(EntryKind::File) => plain::render_file(tree, &unit.path, &options.budget)?,
        Some(EntryKind::Directory) => render_directory(tree, unit, options, cache)?,
        Some(EntryKind::Symlink) => Rendered::broken(
            Finding::error("symlink", format!("`{}` is a symbolic link, and links are not followed", unit.path))
                .at(Place::file(unit.path.as_str()))
                .hint("name the folder that it points to"),
        ),
        Some(EntryKind::Submodule) => Rendered::broken(
            Finding::error(
                "missing-source",
                format!("`{}` is a submodule, whose files are not in this repository", unit.path),
            )
            .at(Place::file(unit.path.as_str())),
        ),
    };
    rendered.of(unit);
    Ok(rendered)
}

/// Renders many units, some at a time; the answers come in the order of the units. Bases that they share are read and
/// built once.
///
/// # Errors
/// As for [`render`]; the first failure in the order of the units.
pub fn render_all(tree: &dyn Tree, units: &[Unit], options: &RenderOptions) -> Result<Vec<Rendered>> {
    render_each(tree, units, options, |_, rendered| rendered)
}

/// [`render_all`], where only what `then` makes of each is kept.
///
/// # Errors
/// As for [`render`]; the first failure in the order of the units.
pub fn render_each<T: Send>(
    tree: &dyn Tree,
    units: &[Unit],
    options: &RenderOptions,
    then: impl Fn(&Unit, Rendered) -> T + Sync,
) -> Result<Vec<T>> {
    let cache = kustomize::Cache::default();
    units.par_iter().map(|unit| Ok(then(unit, render_cached(tree, unit, options, &cache)?))).collect()
}

/// The finding for a unit that holds nothing.
#[must_use]
pub fn nothing_in(unit: &Unit) -> Finding {
    let mut rendered = Rendered::broken(plain::nothing(&unit.path));
    rendered.of(unit);
    rendered.findings.remove(0)
}

/// Renders a part of a file of plain manifests. A part without an object is none to complain of.
#[must_use]
pub fn render_part(source: &Arc<Source>, unit: &Unit, options: &RenderOptions) -> Rendered {
    let mut rendered = plain::render_part(source, &options.budget);
    rendered.of(unit);
    rendered
}

/// Renders some documents of a text of plain manifests.
#[must_use]
pub fn render_documents(documents: &Documents<'_>, unit: &Unit, options: &RenderOptions) -> Rendered {
    let mut rendered = plain::render_documents(documents, &options.budget);
    rendered.of(unit);
    rendered
}

fn render_directory(
    tree: &dyn Tree,
    unit: &Unit,
    options: &RenderOptions,
    cache: &kustomize::Cache,
) -> Result<Rendered> {
    if !kustomize::files_in(tree, &unit.path)?.is_empty() {
        return render_kustomization(tree, unit, options, cache);
    }
    let chart = path::join(&unit.path, "Chart.yaml");
    if tree.kind(&chart)? == Some(EntryKind::File) {
        return Ok(Rendered::broken(foreign::chart(&chart)));
    }
    plain::render_directory(tree, unit, options)
}

fn render_kustomization(
    tree: &dyn Tree,
    unit: &Unit,
    options: &RenderOptions,
    cache: &kustomize::Cache,
) -> Result<Rendered> {
    let helm = options.helm.as_ref().map(|helm| external::helm::Limited { helm, options });
    let charts = helm.as_ref().map(|helm| helm as &dyn kustomize::Charts);
    let kustomize::Product { values, mut findings, built } =
        kustomize::build_with(tree, &unit.path, cache, false, charts)?;
    if !built {
        let Allowed { remote, plugins } = options.allowed;
        let allowed = |finding: &Finding| match finding.rule.as_ref() {
            kustomize::REMOTE => remote,
            kustomize::PLUGIN => plugins,
            _ => false,
        };
        if findings.iter().any(allowed) {
            return external::render(tree, unit, options);
        }
        return Ok(Rendered { objects: Vec::new(), findings, complete: false });
    }
    let mut objects = Vec::with_capacity(values.len());
    let noted = findings.len();
    for value in values {
        match Object::new_or_back(value) {
            Ok(object) => objects.push(object),
            Err((value, why)) => {
                let place = value.origin.as_ref().map(crate::manifest::Origin::place_without_excerpt);
                findings.push(Finding::error("not-an-object", why.to_string()).at(place));
            }
        }
    }
    if findings.len() > noted {
        return Ok(Rendered { objects: Vec::new(), findings, complete: false });
    }
    if objects.is_empty() {
        let file = path::join(&unit.path, "kustomization.yaml");
        let message = "this kustomization renders to no object";
        findings.push(Finding::warning("nothing-to-render", message).at(Place::file(file)));
    }
    Ok(Rendered { objects, findings, complete: true })
}

/// The finding for a path that is not there, naming the first part that is missing.
fn missing(tree: &dyn Tree, wanted: &str) -> Result<Finding> {
    let finding = Finding::error("missing-source", format!("`{wanted}` is not there")).at(Place::file(wanted));
    let mut there = String::new();
    for part in wanted.split('/') {
        let next = path::join(&there, part);
        match tree.kind(&next)? {
            Some(EntryKind::Directory) => there = next,
            Some(EntryKind::Symlink) => {
                return Ok(finding.hint(format!("`{next}` is a symbolic link, and links are not followed")));
            }
            Some(EntryKind::Submodule) => {
                return Ok(finding.hint(format!("`{next}` is a submodule, whose files are not in this repository")));
            }
            Some(EntryKind::File) => return Ok(finding.hint(format!("`{next}` is a file"))),
            None => break,
        }
    }
    let names: Vec<String> = tree.list(&there)?.into_iter().map(|entry| entry.path).collect();
    let hint = match (there.is_empty(), names.is_empty()) {
        (_, true) => "the repository has no files".to_owned(),
        (true, false) => format!("the root of the repository has: {}", some_of(&names)),
        (false, false) => format!("`{there}` has: {}", some_of(&names)),
    };
    Ok(finding.hint(hint))
}

/// The last parts of up to eight paths.
fn some_of(paths: &[String]) -> String {
    let mut names: Vec<&str> = paths.iter().take(8).map(|path| path.rsplit('/').next().unwrap_or(path)).collect();
    if paths.len() > names.len() {
        names.push("…");
    }
    names.join(", ")
}
