//! Releases as trees: what an environment's branch would hold. Writes trees to the local object database only.

use super::observe::{Scene, content};
use crate::commit::CommitId;
use crate::failure::Result;
use crate::finding::Finding;
use crate::git::tree::EntryKind;
use crate::git::{Tree, TreeEdit, TreeId};
use crate::manifest::{Object, TypeKey};
use crate::render::{self, layout};
use crate::unit::Unit;
use std::collections::BTreeMap;
use std::rc::Rc;

/// A release, rendered for one environment.
pub(super) struct RenderedRelease {
    /// The tree that the environment's branch would have.
    pub(super) tree: TreeId,
    /// The same without the CI files that it carries.
    pub(super) content: TreeId,
    /// Its units with their objects, by name; a failed unit has its former ones.
    pub(super) units: Vec<layout::LaidOutUnit>,
    /// Units that failed to render and keep their former subtree.
    pub(super) failed: Vec<String>,
    /// What rendering found.
    pub(super) findings: Vec<Finding>,
}

/// Renders releases, each once, however often a run looks again.
#[derive(Default)]
pub struct Renderings {
    made: BTreeMap<(String, CommitId, CommitId, Option<CommitId>), Rc<RenderedRelease>>,
}

impl Renderings {
    /// The tree that `release` gives for `environment` under the configuration at `tip`. `former` is the commit whose
    /// subtree a unit keeps that fails to render.
    pub(super) fn release(
        &mut self,
        scene: &Scene<'_>,
        environment: &str,
        release: &CommitId,
        former: Option<&CommitId>,
        tip: &CommitId,
    ) -> Result<Rc<RenderedRelease>> {
        let key = (environment.to_owned(), tip.clone(), release.clone(), former.cloned());
        if let Some(made) = self.made.get(&key) {
            return Ok(Rc::clone(made));
        }
        let made = Rc::new(make(scene, environment, release, former)?);
        self.made.insert(key, Rc::clone(&made));
        Ok(made)
    }
}

fn make(
    scene: &Scene<'_>,
    environment: &str,
    release: &CommitId,
    former: Option<&CommitId>,
) -> Result<RenderedRelease> {
    // A shallow clone has neither a release that is not the newest, nor where a branch was before.
    let needed: Vec<CommitId> = [Some(release), former].into_iter().flatten().cloned().collect();
    scene.repository.fetch(scene.remote, &needed)?;
    let source = scene.repository.tree(release)?;
    let (units, mut findings) = scene.config.units(&source)?;
    let units: Vec<Unit> = units.into_iter().filter(|unit| unit.environment == environment).collect();
    let rendered = render::render_all(&source, &units, scene.render)?;
    let mut catalog = scene.catalogs.of(environment).clone();
    catalog.add_definitions(rendered.iter().flat_map(|rendered| &rendered.objects));
    let namespaced = |key: &TypeKey| catalog.is_namespaced(&key.group, &key.kind);
    let former = former.map(|commit| scene.repository.tree(commit)).transpose()?;

    let mut edits = Vec::new();
    let mut failed = Vec::new();
    let mut laid_out = Vec::new();
    for (unit, rendered) in units.iter().zip(rendered) {
        findings.extend(rendered.findings);
        let files = match rendered.complete {
            true => layout::unit_files(&unit.name, &rendered.objects, namespaced),
            false => Err(Vec::new()),
        };
        let objects = match files {
            Ok(files) => {
                edits.extend(files.into_iter().map(|(path, bytes)| TreeEdit::Put { path, bytes }));
                rendered.objects
            }
            Err(duplicates) => {
                findings.extend(duplicates);
                failed.push(unit.name.clone());
                keep(former.as_ref().map(|tree| tree as &dyn Tree), &unit.name, &mut edits)?
            }
        };
        laid_out.push(layout::LaidOutUnit { name: unit.name.clone(), objects });
    }
    let names: Vec<String> = units.iter().map(|unit| unit.name.clone()).collect();
    let bytes = layout::metadata_file(environment, &names);
    edits.push(TreeEdit::Put { path: layout::METADATA.to_owned(), bytes });
    edits.extend(ci_files(&source, &scene.facts.ci_paths)?);
    let tree = scene.repository.write_tree(None, &edits)?;
    let content = content(scene, &tree)?;
    let mut redactor = scene.redactor.clone();
    laid_out.iter().for_each(|unit| redactor.learn(&unit.objects));
    redactor.hide_sources(&findings, |path| source.read(path))?;
    let findings = findings.into_iter().map(|finding| redactor.finding(finding)).collect();
    Ok(RenderedRelease { tree, content, units: laid_out, failed, findings })
}

/// Takes a failed unit's files over from the environment's former tree, and reads them.
fn keep(former: Option<&dyn Tree>, unit: &str, edits: &mut Vec<TreeEdit>) -> Result<Vec<Object>> {
    let Some(former) = former else { return Ok(Vec::new()) };
    for entry in former.walk(&layout::unit_folder(unit))? {
        if let Some(bytes) = former.read(&entry.path)? {
            edits.push(TreeEdit::Put { path: entry.path, bytes });
        }
    }
    let units = layout::read(former)?.units;
    Ok(units.into_iter().find(|known| known.name == unit).map(|known| known.objects).unwrap_or_default())
}

/// The CI files that call Mergeline, byte for byte from the release: hosts read the CI file of the pushed branch, and a
/// person's merge into a branch without one would start nothing (DESIGN §4 "Waking").
fn ci_files(source: &dyn Tree, places: &[String]) -> Result<Vec<TreeEdit>> {
    let mut edits = Vec::new();
    for place in places {
        let paths = match source.kind(place)? {
            Some(EntryKind::File) => vec![place.clone()],
            _ => source.walk(place)?.into_iter().map(|entry| entry.path).collect(),
        };
        for path in paths {
            let Some(bytes) = source.read(&path)? else { continue };
            let text = String::from_utf8_lossy(&bytes);
            // `uses: mergeline/mergeline@…`, `component: …/mergeline/mergeline/mergeline@…`, or the program itself.
            if ["mergeline/mergeline@", "mergeline run", "/templates/mergeline.yml"]
                .iter()
                .any(|call| text.contains(call))
            {
                edits.push(TreeEdit::Put { path, bytes });
            }
        }
    }
    Ok(edits)
}
