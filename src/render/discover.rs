//! Discovery: which folders are units when no configuration names them.
//!
//! The rules (DESIGN §3), in the words of the documentation:
//! - A kustomization that no other one references is a unit. One that is referenced is part of the other's render. A
//!   component that nobody uses is named in a finding. On a circle of references, the first by path is a unit, so that its
//!   render can say so.
//! - Any other folder with an object directly in it is a unit of its own, without the folders below it; those are units
//!   themselves. So each file belongs to one unit, and adding a file never moves another folder's objects.
//! - No object: files that a kustomization references, files of a chart, hidden files and folders, what
//!   `.mergelineignore` names, and the files of tools (a kind cluster, a Skaffold pipeline, a kubeconfig).
//! - A file in the folder of a kustomization that does not list it is deployed by nobody: a warning.
//! - YAML that cannot be read and looks like a manifest makes its folder a unit, so that its render says what is wrong.

use super::ignored::Ignored;
use super::kustomize::{self, Kustomization, Reference, Role};
use super::{RenderOptions, foreign, path, plain};
use crate::failure::Result;
use crate::finding::{Finding, Place};
use crate::git::tree::{Entry, EntryKind, Tree};
use crate::manifest::Budget;
use crate::unit::Unit;
use std::collections::{BTreeMap, BTreeSet};

/// The environment of units that no configuration names.
pub const ENVIRONMENT: &str = "default";

/// What was found.
#[derive(Debug, Clone, Default)]
pub struct Discovery {
    /// The units, by path.
    pub units: Vec<Unit>,
    /// Charts, and files that nobody deploys.
    pub findings: Vec<Finding>,
}

/// Finds the units of a tree without configuration.
///
/// # Errors
/// When the tree cannot be read.
pub fn discover(tree: &dyn Tree, options: &RenderOptions) -> Result<Discovery> {
    discover_in(tree, "", options)
}

/// Finds the units below a folder, as if nothing else referenced them: what is outside counts as far as they read it.
///
/// # Errors
/// When the tree cannot be read.
pub fn discover_in(tree: &dyn Tree, folder: &str, options: &RenderOptions) -> Result<Discovery> {
    let entries = tree.walk(folder)?;
    let ignored = match folder {
        "" => Ignored::read(tree, &entries, &options.ignore)?,
        _ => Ignored::above(tree, folder, &options.ignore)?,
    };
    let considered: Vec<&Entry> = entries
        .iter()
        .filter(|entry| !path::is_hidden(entry.path.strip_prefix(folder).unwrap_or(&entry.path)))
        .filter(|entry| path::is_manifest_or_kustomization(&entry.path) && !ignored.has(&entry.path))
        .collect();
    let charts = Charts::among(&considered);
    let graph = Graph::read(tree, &considered)?;

    let mut findings = ignored.findings.clone();
    findings.extend(charts.outermost().map(|folder| foreign::chart(&path::join(folder, "Chart.yaml"))));
    let mut folders: BTreeSet<&str> = BTreeSet::new();
    for root in graph.roots() {
        if charts.own(&root.file) {
            let message = "this kustomization belongs to a chart and is not rendered yet: it needs the chart's output";
            findings.push(Finding::warning("not-rendered", message).at(Place::file(root.file.as_str())));
        } else if root.is_component() {
            let message = "no kustomization uses this component, so it is not rendered";
            findings.push(Finding::warning("unused-component", message).at(Place::file(root.file.as_str())));
        } else {
            folders.insert(root.directory.as_str());
        }
    }
    for entry in considered {
        let file = entry.path.as_str();
        let folder = path::parent(file);
        if kustomize::is_kustomization_name(path::name(file)) || graph.references(file) || charts.own(file) {
            continue;
        }
        if entry.kind != EntryKind::File || !holds_object(tree, file, &options.budget)? {
            continue;
        }
        if graph.by_folder.contains_key(folder) {
            let message =
                format!("the kustomization of `{folder}` does not list `{}`, so nobody deploys it", path::name(file));
            let finding = Finding::warning("unlisted-manifest", message).at(Place::file(file));
            findings.push(finding.hint("add it to `resources`, or name it in `.mergelineignore`"));
        } else {
            folders.insert(folder);
        }
    }
    let unit = |folder: &str| Unit {
        environment: ENVIRONMENT.to_owned(),
        name: if folder.is_empty() { ".".to_owned() } else { folder.to_owned() },
        path: folder.to_owned(),
    };
    Ok(Discovery { units: folders.into_iter().map(unit).collect(), findings })
}

/// Says whether a unit was found by discovery.
pub(super) fn is_discovered(unit: &Unit) -> bool {
    unit.environment == ENVIRONMENT && (unit.name == unit.path || unit.path.is_empty())
}

/// A file with an object of a cluster, or one that was meant to be and cannot be read.
fn holds_object(tree: &dyn Tree, file: &str, budget: &Budget) -> Result<bool> {
    let bytes = tree.read(file)?.unwrap_or_default();
    if plain::begins_with_object(&bytes).is_some_and(|(version, kind)| !foreign::is_of_tool(version, kind)) {
        return Ok(true);
    }
    if !plain::looks_like_manifest(&bytes) {
        return Ok(false);
    }
    let content = plain::read(file, &bytes, budget);
    let objects = content.objects.iter().any(|object| !foreign::is_tool_file(object));
    Ok(objects || (!content.complete && content.objects.is_empty()))
}

/// The charts of a tree.
struct Charts<'a> {
    folders: BTreeSet<&'a str>,
}

impl<'a> Charts<'a> {
    fn among(entries: &[&'a Entry]) -> Self {
        let charts =
            entries.iter().filter(|entry| path::name(&entry.path) == "Chart.yaml" && entry.kind == EntryKind::File);
        Self { folders: charts.map(|entry| path::parent(&entry.path)).collect() }
    }

    /// The charts that are not inside `charts/` of another one.
    fn outermost(&self) -> impl Iterator<Item = &'a str> {
        let inside =
            |folder: &str| self.folders.iter().any(|outer| path::is_within(folder, &path::join(outer, "charts")));
        self.folders.iter().copied().filter(move |folder| !inside(folder))
    }

    /// Says whether a file is part of a chart: directly in its folder, or in one of the folders that Helm reads.
    fn own(&self, file: &str) -> bool {
        let folder = path::parent(file);
        self.folders.iter().any(|chart| {
            let parts = ["templates", "charts", "crds", "ci"];
            folder == *chart || parts.iter().any(|part| path::is_within(folder, &path::join(chart, part)))
        })
    }
}

/// The kustomizations of a tree and what they reference.
struct Graph {
    by_folder: BTreeMap<String, Kustomization>,
    /// Every path that some kustomization references, as a file or folder.
    referenced: BTreeSet<String>,
    /// Kustomization folders that others build on, by the folder of the other.
    edges: BTreeMap<String, Vec<String>>,
}

impl Graph {
    fn read(tree: &dyn Tree, entries: &[&Entry]) -> Result<Self> {
        let mut graph = Self { by_folder: BTreeMap::new(), referenced: BTreeSet::new(), edges: BTreeMap::new() };
        for entry in entries {
            if kustomize::is_kustomization_name(path::name(&entry.path)) && entry.kind == EntryKind::File {
                let kustomization = Kustomization::read(&entry.path, &tree.read(&entry.path)?.unwrap_or_default());
                graph.by_folder.entry(kustomization.directory.clone()).or_insert(kustomization);
            }
        }
        for (folder, kustomization) in &graph.by_folder {
            let mut targets = Vec::new();
            for Reference { path: target, role, .. } in
                kustomization.references().into_iter().filter_map(Reference::resolved)
            {
                if matches!(role, Role::Build | Role::Component | Role::Plugin)
                    && graph.by_folder.contains_key(&target)
                    && target != *folder
                {
                    targets.push(target.clone());
                }
                graph.referenced.insert(target);
            }
            graph.edges.insert(folder.clone(), targets);
        }
        Ok(graph)
    }

    fn references(&self, file: &str) -> bool {
        self.referenced.contains(file)
    }

    /// Kustomizations that no other one builds on, and the first of each circle that nothing else reaches.
    fn roots(&self) -> Vec<&Kustomization> {
        let targets: BTreeSet<&String> = self.edges.values().flatten().collect();
        let mut roots: Vec<&String> = self.by_folder.keys().filter(|folder| !targets.contains(folder)).collect();
        let mut reached = BTreeSet::new();
        let mut next = roots.clone();
        let mut rest = self.by_folder.keys();
        loop {
            while let Some(folder) = next.pop() {
                if reached.insert(folder) {
                    next.extend(self.edges.get(folder).into_iter().flatten());
                }
            }
            match rest.find(|folder| !reached.contains(folder)) {
                Some(circle) => {
                    roots.push(circle);
                    next.push(circle);
                }
                None => break,
            }
        }
        roots.iter().filter_map(|folder| self.by_folder.get(*folder)).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::git::tree::MemoryTree;

    const OBJECT: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

    /// The paths of the units, and the findings as `rule path`.
    fn found(files: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let tree = files.iter().fold(MemoryTree::new(), |tree, (path, text)| tree.with(*path, *text));
        let discovery = discover(&tree, &RenderOptions::default()).unwrap();
        let place = |finding: &Finding| finding.place.as_ref().map(ToString::to_string).unwrap_or_default();
        let findings =
            discovery.findings.iter().map(|finding| format!("{} {}", finding.rule, place(finding))).collect();
        (discovery.units.into_iter().map(|unit| unit.path).collect(), findings)
    }

    #[test]
    fn roots_are_kustomizations_that_no_other_references_and_folders_with_objects() {
        let (units, findings) = found(&[
            ("base/kustomization.yaml", "resources: [a.yaml]"),
            ("base/a.yaml", OBJECT),
            ("overlays/dev/kustomization.yml", "resources: [../../base]\npatches: [{path: patch.yaml}]"),
            ("overlays/dev/patch.yaml", OBJECT),
            ("overlays/prod/Kustomization", "bases: [../../base]\ncomponents: [../../parts/tls]"),
            ("parts/tls/kustomization.yaml", "kind: Component"),
            ("plain/a.yaml", OBJECT),
            ("plain/deeper/b.json", r#"{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}"#),
        ]);
        assert_eq!(units, ["overlays/dev", "overlays/prod", "plain", "plain/deeper"]);
        assert_eq!(findings, [""; 0]);
    }

    #[test]
    fn charts_are_named_once_and_their_files_are_no_units() {
        let (units, findings) = found(&[
            ("chart/Chart.yaml", "apiVersion: v2\nname: x\nversion: 1.0.0"),
            ("chart/values.yaml", "a: b"),
            ("chart/templates/a.yaml", "apiVersion: v1\nkind: {{ .Values.kind }}\n"),
            ("chart/charts/sub/Chart.yaml", "apiVersion: v2\nname: y"),
            ("chart/charts/sub/templates/a.yaml", OBJECT),
            ("chart/overlays/a.yaml", OBJECT),
        ]);
        assert_eq!(units, ["chart/overlays"]);
        assert_eq!(findings, ["not-rendered chart/Chart.yaml"]);
    }

    #[test]
    fn files_that_are_no_objects_make_no_unit() {
        let (units, findings) = found(&[
            (".github/workflows/ci.yaml", OBJECT),
            (".gitlab-ci.yml", OBJECT),
            ("compose/docker-compose.yml", "services: {web: {image: nginx}}"),
            ("kind/cluster.yaml", "apiVersion: kind.x-k8s.io/v1alpha4\nkind: Cluster"),
            ("values.yaml", "ingress:\n  apiVersion: networking.k8s.io/v1\n  kind: Ingress\n"),
            ("vendor/a.yaml", OBJECT),
            (".mergelineignore", "/vendor\n"),
            ("broken/notes.yaml", "a: [\n"),
        ]);
        assert_eq!((units, findings), (vec![], vec![]));
    }

    #[test]
    fn broken_manifests_make_their_folder_a_unit() {
        let (units, _) = found(&[("app/a.yaml", "apiVersion: v1\nkind: ConfigMap\n  metadata: x\n")]);
        assert_eq!(units, ["app"]);
    }

    #[test]
    fn a_manifest_beside_a_kustomization_that_does_not_list_it_is_named() {
        let (units, findings) = found(&[
            ("app/kustomization.yaml", "resources: [a.yaml]"),
            ("app/a.yaml", OBJECT),
            ("app/forgotten.yaml", OBJECT),
        ]);
        assert_eq!(units, ["app"]);
        assert_eq!(findings, ["unlisted-manifest app/forgotten.yaml"]);
    }

    #[test]
    fn a_circle_of_kustomizations_is_a_unit_so_that_it_is_reported() {
        let (units, _) =
            found(&[("a/kustomization.yaml", "resources: [../b]"), ("b/kustomization.yaml", "resources: [../a]")]);
        assert_eq!(units, ["a"]);
    }
}
