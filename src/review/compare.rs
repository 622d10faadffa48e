//! Two sides that a person names, compared: what `mergeline diff` says.
//!
//! Nothing is judged: the two may be two environments, two versions of a chart, or what another tool has rendered.

use crate::diff::{Redactor, diff};
use crate::failure::{Failure, Result};
use crate::git::Tree;
use crate::manifest::yaml::Documents;
use crate::manifest::{Dialect, Source};
use crate::render::discover::ENVIRONMENT;
use crate::render::{self, RenderOptions, Rendered};
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
        /// What people call it.
        named: String,
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

/// Tells what differs between two sides. A side that does not render has its diff withheld, and the report fails; a document that
/// stands in both texts differs in nothing, whether it can be read or not.
///
/// # Errors
/// When a side holds no manifest, a tree cannot be read, or the Kubernetes version is not bundled.
pub fn compare(input: &CompareInput<'_>) -> Result<Report> {
    let unit = Unit { environment: ENVIRONMENT.to_owned(), name: input.name.clone(), path: String::new() };
    let mut redactor = super::redactor(None, &input.secrets);
    let (catalog, sides) =
        rayon::join(|| super::judge::catalogs(input.kubernetes.as_deref(), None), || input.sides(&unit, &mut redactor));
    let (sides, mut catalog) = (sides?, catalog?.0.general().clone());
    let findings = sides.iter().flat_map(|side| side.findings.iter().cloned()).collect::<Vec<_>>();
    redactor.hide_sources(&findings, |path| input.read(path))?;

    let mut report = Report::new("diff");
    report.environments = vec![ENVIRONMENT.to_owned()];
    if sides.iter().all(|side| side.complete) {
        for side in &sides {
            // What is wrong with a definition is for those who judge by it.
            drop(catalog.add_definitions(&side.objects));
        }
        let [before, after, _] = &sides;
        report.changes.extend(diff(&unit, &before.objects, &after.objects, Some(&catalog), &redactor));
    } else {
        report.withheld.push(unit);
    }
    let findings = findings.into_iter().map(|finding| redactor.finding(finding)).collect();
    report.findings = merge_findings(findings, &report.environments);
    Ok(report.judged(FailOn::Error))
}

impl CompareInput<'_> {
    /// What stands before, what stands after, and what stands in both as far as it is of use. The redactor learns from all.
    fn sides(&self, unit: &Unit, redactor: &mut Redactor) -> Result<[Rendered; 3]> {
        let (Given::Text(before), Given::Text(after)) = (&self.before, &self.after) else {
            let side = |given: &Given<'_>| match given {
                Given::Folder { tree, path, named } => folder(*tree, path, named, unit, &self.render),
                Given::Text(source) => Ok(render::render_part(source, unit, &self.render)),
            };
            let (before, after) = rayon::join(|| side(&self.before), || side(&self.after));
            let (before, after) = (before?, after?);
            redactor.learn(&before.objects);
            redactor.learn(&after.objects);
            return Ok([before, after, Rendered { complete: true, ..Rendered::default() }]);
        };
        let documents = |source| Documents::of(source, Dialect::Kubectl, &self.render.budget);
        let (mut before, mut after) = (documents(before), documents(after));
        let mut same = before.split_same(&mut after);
        let render = |documents: &Documents<'_>| render::render_documents(documents, unit, &self.render);
        // A definition says how lists of its kind merge.
        let telling =
            same.split_off(|text| Redactor::may_learn_from(text) || text.contains("CustomResourceDefinition"));
        let (before, (after, telling)) = rayon::join(|| render(&before), || (render(&after), render(&telling)));
        let mut sides = [before, after, telling];
        sides.iter().for_each(|side| redactor.learn(&side.objects));
        if redactor.has_learned() {
            // Values that are names of objects are not masked. What is wrong with these is on both sides the same.
            let rest = render(&same);
            redactor.learn(&rest.objects);
            sides[2].objects.extend(rest.objects);
        }
        Ok(sides)
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

fn folder(tree: &dyn Tree, path: &str, named: &str, unit: &Unit, options: &RenderOptions) -> Result<Rendered> {
    let unit = Unit { path: path.to_owned(), ..unit.clone() };
    let rendered = render::render(tree, &unit, options)?;
    if rendered.holds_nothing() {
        return Err(Failure::nothing_there(format!("`{named}` holds no manifest")));
    }
    Ok(rendered)
}
