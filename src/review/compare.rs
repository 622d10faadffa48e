//! Two sides that a person names, compared: what `mergeline diff` says.
//!
//! Nothing is judged: the two may be two environments, two versions of a chart, or what another tool has rendered.

use crate::diff::diff;
use crate::failure::{Failure, Result};
use crate::git::Tree;
use crate::manifest::Source;
use crate::render::discover::ENVIRONMENT;
use crate::render::{self, RenderOptions, Rendered, RenderedTexts};
use crate::report::{FailOn, Report, merge_findings};
use crate::secret::Secret;
use crate::unit::Unit;
use std::sync::Arc;

/// One of the two.
pub enum Given<'a> {
    /// A path of a tree: a kustomization, or a folder of manifests.
    Folder {
        /// The tree.
        tree: &'a dyn Tree,
        /// The path in it.
        path: String,
    },
    /// A text of manifests.
    Text(Arc<Source>),
}

/// What to compare.
pub struct CompareInput<'a> {
    /// From.
    pub before: Given<'a>,
    /// To.
    pub after: Given<'a>,
    /// What people call the two together.
    pub name: String,
    /// How to render.
    pub render: RenderOptions,
    /// The Kubernetes version that says how lists merge; the newest bundled one without.
    pub kubernetes: Option<String>,
    /// Values that must not show, wherever they stand.
    pub secrets: Vec<Secret>,
}

/// Tells what differs between two sides. A side that does not render has its diff withheld, and the report fails.
///
/// # Errors
/// When a side holds no manifest, a tree cannot be read, or the Kubernetes version is not bundled.
pub fn compare(input: &CompareInput<'_>) -> Result<Report> {
    let unit = Unit { environment: ENVIRONMENT.to_owned(), name: input.name.clone(), path: String::new() };
    let (catalog, rendered) =
        rayon::join(|| super::judge::catalogs(input.kubernetes.as_deref(), None), || input.rendered(&unit));
    let (RenderedTexts { same, before, after }, mut catalog) = (rendered?, catalog?.0.general().clone());

    let mut redactor = super::redactor(None, &input.secrets);
    redactor.learn(&same.objects);
    let sides = [&same, &before, &after];
    let findings = sides.iter().flat_map(|side| side.findings.iter().cloned()).collect::<Vec<_>>();
    redactor.hide_sources(&findings, |path| input.read(path))?;

    let mut report = Report::new("diff");
    report.environments = vec![ENVIRONMENT.to_owned()];
    if sides.iter().all(|side| side.complete) {
        for side in sides {
            // What is wrong with a definition is for those who judge by it.
            drop(catalog.add_definitions(&side.objects));
        }
        report.changes.extend(diff(&unit, &before.objects, &after.objects, Some(&catalog), &redactor));
    } else {
        // Learned all the same: what is said of it may quote it.
        sides.iter().for_each(|side| redactor.learn(&side.objects));
        report.withheld.push(unit);
    }
    let findings = findings.into_iter().map(|finding| redactor.finding(finding)).collect();
    report.findings = merge_findings(findings, &report.environments);
    Ok(report.judged(FailOn::Error))
}

impl CompareInput<'_> {
    fn rendered(&self, unit: &Unit) -> Result<RenderedTexts> {
        if let (Given::Text(before), Given::Text(after)) = (&self.before, &self.after) {
            return Ok(render::render_texts(before, after, unit, &self.render));
        }
        let side = |given: &Given<'_>| match given {
            Given::Folder { tree, path } => folder(*tree, path, unit, &self.render),
            Given::Text(source) => Ok(render::render_part(source, unit, &self.render)),
        };
        let same = Rendered { complete: true, ..Rendered::default() };
        Ok(RenderedTexts { same, before: side(&self.before)?, after: side(&self.after)? })
    }

    /// The bytes of a file of either side.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        for given in [&self.before, &self.after] {
            match given {
                Given::Text(source) if source.path() == path => return Ok(Some(source.text().as_bytes().to_vec())),
                Given::Folder { tree, .. } => {
                    if let Some(bytes) = tree.read(path)? {
                        return Ok(Some(bytes));
                    }
                }
                Given::Text(_) => {}
            }
        }
        Ok(None)
    }
}

fn folder(tree: &dyn Tree, path: &str, unit: &Unit, options: &RenderOptions) -> Result<Rendered> {
    let unit = Unit { path: path.to_owned(), ..unit.clone() };
    let rendered = render::render(tree, &unit, options)?;
    if rendered.objects.is_empty() && rendered.findings.iter().any(|finding| finding.rule == "nothing-to-render") {
        return Err(Failure::nothing_there(format!("`{path}` holds no manifest")));
    }
    Ok(rendered)
}
