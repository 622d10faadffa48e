//! Everything that one build reads, followed through all kustomizations, with all that must not be built refused.

use super::references::{self, Reference, Role, Target};
use super::{Kustomization, charts, files_in};
use crate::failure::Result;
use crate::finding::{Finding, Place, Severity};
use crate::git::tree::{EntryKind, Tree};
use crate::manifest::yaml::{self, Budget, Dialect};
use crate::manifest::{Origin, Source, Value};
use crate::render::{Allowed, path};
use std::collections::{BTreeMap, BTreeSet};

/// How deep kustomizations may build on each other; far above any that people write.
const DEPTH: usize = 100;
/// How many kustomizations and bytes one build may read.
const KUSTOMIZATIONS: usize = 10_000;
const BYTES: usize = 256 << 20;

/// Everything that one build reads.
#[derive(Debug, Default)]
pub struct Closure {
    /// The kustomizations, the root of the build first, each before those it builds on.
    pub kustomizations: Vec<Kustomization>,
    /// The files with their bytes, kustomizations included.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The patch files, in the order in which kustomizations name them.
    pub patches: Vec<String>,
    /// The files of objects, in the order in which kustomizations name them.
    pub resources: Vec<String>,
    /// The files that configure plugins.
    pub plugins: Vec<String>,
    /// Folders of which everything is read: charts.
    pub folders: BTreeSet<String>,
    /// Paths that were looked for and are not there: a build changes when they appear.
    pub missing: BTreeSet<String>,
    /// Why it must not, or cannot, be built. Empty: it may.
    pub findings: Vec<Finding>,
    bytes: usize,
    allowed: Allowed,
}

/// Follows everything that the kustomization in `directory` reads.
///
/// # Errors
/// When the tree cannot be read.
pub fn closure(tree: &dyn Tree, directory: &str, allowed: Allowed) -> Result<Closure> {
    let mut closure = Closure { allowed, ..Closure::default() };
    closure.folder(tree, directory, false, &mut Vec::new())?;
    closure.findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    Ok(closure)
}

impl Closure {
    /// Says whether it may be built.
    #[must_use]
    pub fn is_buildable(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity < Severity::Error)
    }

    /// Says whether kustomize reads the objects, patches or configuration in a file, and not its bare bytes.
    pub(in crate::render) fn is_read_as_yaml(&self, file: &str) -> bool {
        [&self.resources, &self.patches, &self.plugins].iter().any(|files| files.iter().any(|known| known == file))
    }

    fn refuse(&mut self, message: impl Into<String>, place: impl Into<Option<Place>>, hint: &str) {
        self.findings.push(Finding::error("kustomization", message).at(place).hint(hint));
    }

    fn folder(&mut self, tree: &dyn Tree, directory: &str, plugin: bool, above: &mut Vec<String>) -> Result<()> {
        let files = files_in(tree, directory)?;
        for name in super::NAMES {
            let file = path::join(directory, name);
            if !files.contains(&file) {
                self.missing.insert(file);
            }
        }
        let Some(file) = files.first() else { return Ok(()) };
        if let Some(second) = files.get(1) {
            self.refuse(
                format!("`{file}` and `{second}` are both the kustomization of one folder"),
                Place::file(second.as_str()),
                "remove one",
            );
        }
        if self.files.contains_key(file) {
            return Ok(());
        }
        let Some(bytes) = self.file(tree, file, None)? else { return Ok(()) };
        let kustomization = Kustomization::read(file, &bytes);
        self.findings.extend(kustomization.findings.iter().cloned());
        self.charts(tree, directory, &kustomization)?;
        if self.kustomizations.len() >= KUSTOMIZATIONS || above.len() >= DEPTH {
            let message =
                format!("kustomizations build on each other more than {DEPTH} deep, or are more than {KUSTOMIZATIONS}");
            self.refuse(message, Place::file(file.as_str()), "flatten them");
            return Ok(());
        }
        let references = kustomization.references();
        let plugins = inline_plugins(&kustomization);
        self.kustomizations.push(kustomization);
        above.push(directory.to_owned());
        for configuration in plugins {
            self.plugin(tree, directory, &configuration)?;
        }
        for reference in references {
            self.follow(tree, directory, &reference, plugin, above)?;
        }
        above.pop();
        Ok(())
    }

    fn follow(
        &mut self,
        tree: &dyn Tree,
        directory: &str,
        reference: &Reference,
        plugin: bool,
        above: &mut Vec<String>,
    ) -> Result<()> {
        let place = reference.origin.as_ref().map(Origin::place);
        let Reference { field, text, path: target, .. } = reference;
        match reference.target {
            Target::Tree => {}
            Target::Remote if self.allowed.remote => return Ok(()),
            Target::Remote => {
                let hint = "put a copy into the repository: a build must not depend on the network";
                self.refuse(format!("`{field}` names `{text}`, which is not in this repository"), place, hint);
                return Ok(());
            }
            Target::Outside => {
                let hint = "a build reads nothing outside the repository: move the file into it";
                self.refuse(format!("`{field}` names `{text}`, which leads out of the repository"), place, hint);
                return Ok(());
            }
        }
        if let Some(link) = link_on(tree, target)? {
            let hint = "links are not followed: name what it points to";
            self.refuse(format!("`{field}` names `{text}`, and `{link}` is a symbolic link"), place, hint);
            return Ok(());
        }
        let folders = matches!(reference.role, Role::Build | Role::Component | Role::Plugin);
        match tree.kind(target)? {
            Some(EntryKind::Directory) if folders => self.folder_reference(tree, reference, plugin, above),
            Some(EntryKind::File) if reference.role != Role::Component => {
                let Some(bytes) = self.file(tree, target, place)? else { return Ok(()) };
                match reference.role {
                    Role::Patch if !self.patches.contains(target) => self.patches.push(target.clone()),
                    Role::Plugin => self.plugin_file(tree, directory, target, &bytes)?,
                    Role::Build if plugin => self.plugin_file(tree, directory, target, &bytes)?,
                    Role::Build => self.resources.push(target.clone()),
                    _ => {}
                }
                Ok(())
            }
            Some(kind) => {
                let is = match kind {
                    EntryKind::Directory => "a folder, and a file is needed",
                    EntryKind::Submodule => "a submodule, whose files are not in this repository",
                    EntryKind::File => "a file, and a folder is needed",
                    EntryKind::Symlink => "a symbolic link",
                };
                self.refuse(format!("`{field}` names `{text}`, which is {is}"), place, "correct the path");
                Ok(())
            }
            None => {
                self.missing.insert(target.clone());
                let shown = if target == text { String::new() } else { format!(": `{target}` is not there") };
                let message = format!("`{field}` names `{text}`, which does not exist{shown}");
                self.findings.push(
                    Finding::error("missing-source", message)
                        .at(place)
                        .hint("correct the path, or add what is missing"),
                );
                Ok(())
            }
        }
    }

    fn folder_reference(
        &mut self,
        tree: &dyn Tree,
        reference: &Reference,
        plugin: bool,
        above: &mut Vec<String>,
    ) -> Result<()> {
        let place = reference.origin.as_ref().map(Origin::place);
        let Reference { field, text, path: target, .. } = reference;
        let here = above.last().cloned().unwrap_or_default();
        if above.contains(target) {
            let message = match here == *target {
                true => format!("`{field}` names its own folder"),
                false => format!(
                    "kustomizations build on each other in a circle: `{target}` builds on `{here}`, which names `{text}`"
                ),
            };
            self.refuse(message, place, "take one of the references out");
            return Ok(());
        }
        let files = files_in(tree, target)?;
        let Some(file) = files.first() else {
            self.missing.extend(super::NAMES.map(|name| path::join(target, name)));
            let message = format!("`{field}` names the folder `{text}`, which has no kustomization");
            self.refuse(message, place, "add a `kustomization.yaml` there, or name the files");
            return Ok(());
        };
        if tree.kind(file)? == Some(EntryKind::Symlink) {
            self.refuse(
                format!("`{file}` is a symbolic link"),
                place,
                "links are not followed: put the file itself there",
            );
            return Ok(());
        }
        self.folder(tree, target, plugin || reference.role == Role::Plugin, above)
    }

    /// Reads a file once; `None` when it cannot be taken, which is then a finding.
    fn file(&mut self, tree: &dyn Tree, file: &str, place: Option<Place>) -> Result<Option<Vec<u8>>> {
        if let Some(bytes) = self.files.get(file) {
            return Ok(Some(bytes.clone()));
        }
        if tree.kind(file)? != Some(EntryKind::File) {
            let place = place.unwrap_or_else(|| Place::file(file));
            self.refuse(
                format!("`{file}` is no ordinary file"),
                place,
                "links are not followed: put the file itself there",
            );
            return Ok(None);
        }
        let bytes = tree.read(file)?.unwrap_or_default();
        self.bytes += bytes.len();
        if self.bytes > BYTES {
            if self.bytes - bytes.len() <= BYTES {
                let message = format!("one build reads more than {} MB", BYTES >> 20);
                self.refuse(message, place.unwrap_or_else(|| Place::file(file)), "split it");
            }
            return Ok(None);
        }
        self.files.insert(file.to_owned(), bytes.clone());
        Ok(Some(bytes))
    }

    fn plugin_file(&mut self, tree: &dyn Tree, directory: &str, file: &str, bytes: &[u8]) -> Result<()> {
        if !self.plugins.iter().any(|known| known == file) {
            self.plugins.push(file.to_owned());
        }
        let reading = yaml::read_bytes(file, bytes, Dialect::Kubectl, &Budget::default());
        self.findings.extend(reading.findings);
        for configuration in &reading.documents {
            self.plugin(tree, directory, configuration)?;
        }
        Ok(())
    }

    /// Only plugins that are built into kustomize run, and of those not the one that fetches charts.
    fn plugin(&mut self, tree: &dyn Tree, directory: &str, configuration: &Value) -> Result<()> {
        let text = |keys: &[&str]| configuration.path(keys).and_then(Value::as_str).unwrap_or_default();
        let kind = text(&["kind"]);
        let place = configuration.origin_at("/kind").map(Origin::place);
        let annotations = configuration.path(&["metadata", "annotations"]).and_then(Value::as_map);
        let function = annotations.is_some_and(|map| {
            map.keys().any(|key| matches!(key.as_str(), "config.kubernetes.io/function" | "config.k8s.io/function"))
        });
        let hint = "only kustomize's built-in plugins are run";
        if self.allowed.plugins && (function || text(&["apiVersion"]) != "builtin") {
            return self.executable(tree, directory, configuration);
        }
        if function {
            self.refuse(
                format!("`{kind}` is an exec or container plugin (`config.kubernetes.io/function`)"),
                place,
                hint,
            );
            return Ok(());
        }
        if text(&["apiVersion"]) != "builtin" {
            self.refuse(
                format!("`{kind}` of `{}` is a plugin that is not built in", text(&["apiVersion"])),
                place,
                hint,
            );
            return Ok(());
        }
        if kind == "HelmChartInflationGenerator" {
            return self.chart(tree, directory, text(&["chartHome"]), configuration);
        }
        for reference in references::of_plugin(directory, configuration) {
            if reference.target == Target::Tree && tree.kind(&reference.path)?.is_none() {
                // Not every plugin reads every field; kustomize knows which do.
                self.missing.insert(reference.path);
                continue;
            }
            self.follow(tree, directory, &reference, false, &mut vec![directory.to_owned()])?;
        }
        Ok(())
    }

    /// Takes the program of an exec plugin along.
    fn executable(&mut self, tree: &dyn Tree, directory: &str, configuration: &Value) -> Result<()> {
        for key in ["config.kubernetes.io/function", "config.k8s.io/function"] {
            let function = configuration.path(&["metadata", "annotations", key]).and_then(Value::as_str);
            let source = Source::new("", function.unwrap_or_default());
            let function = yaml::read(&source, Dialect::Kubectl, &Budget::default()).documents.into_iter().next();
            let program = function.as_ref().and_then(|function| function.path(&["exec", "path"]));
            let program = program.and_then(Value::as_str).and_then(|program| path::resolve(directory, program));
            if let Some(program) = program
                && link_on(tree, &program)?.is_none()
                && tree.kind(&program)? == Some(EntryKind::File)
            {
                self.file(tree, &program, None)?;
            }
        }
        Ok(())
    }

    /// Takes the charts of a kustomization along.
    fn charts(&mut self, tree: &dyn Tree, directory: &str, kustomization: &Kustomization) -> Result<()> {
        let home = kustomization.value.path(&["helmGlobals", "chartHome"]).and_then(Value::as_str).unwrap_or_default();
        for chart in kustomization.value.get("helmCharts").and_then(Value::as_list).unwrap_or_default() {
            self.chart(tree, directory, home, chart)?;
        }
        Ok(())
    }

    /// Takes a chart along, and the files of its values.
    fn chart(&mut self, tree: &dyn Tree, directory: &str, home: &str, chart: &Value) -> Result<()> {
        let get = |key: &str| references::in_any_capitals(chart, key);
        let text = |key: &str| get(key).and_then(Value::as_str).unwrap_or_default();
        let place = chart.origin_at("/name").map(Origin::place);
        let (name, version, repo) = (text("name"), text("version"), text("repo"));
        let folder = path::resolve(directory, &charts::folder(home, name, version, repo));
        let values = path::resolve(directory, &format!("{}/values.yaml", charts::folder(home, name, "", "")));
        let own = path::resolve(directory, text("valuesFile")).filter(|_| !text("valuesFile").is_empty());
        let more = get("additionalValuesFiles").and_then(Value::as_list).unwrap_or_default();
        let more = more.iter().filter_map(Value::as_str).filter_map(|file| path::resolve(directory, file));
        for file in values.into_iter().chain(own).chain(more) {
            if link_on(tree, &file)?.is_none() && tree.kind(&file)? == Some(EntryKind::File) {
                self.file(tree, &file, None)?;
            } else {
                self.missing.insert(file);
            }
        }
        let Some(folder) = folder else {
            self.refuse(format!("the chart `{name}` lies outside of the repository"), place, "move it into it");
            return Ok(());
        };
        if link_on(tree, &folder)?.is_none() && tree.kind(&folder)? == Some(EntryKind::Directory) {
            for entry in tree.walk(&folder)? {
                if entry.kind == EntryKind::File {
                    self.file(tree, &entry.path, None)?;
                }
            }
        } else if !self.allowed.remote || repo.is_empty() {
            let message = format!("the chart `{name}` is not in this repository: `{folder}` is not there");
            self.refuse(message, place, "put the chart there");
        }
        self.folders.insert(folder);
        Ok(())
    }
}

/// The configurations of plugins that are written into the kustomization itself.
fn inline_plugins(kustomization: &Kustomization) -> Vec<Value> {
    let mut found = Vec::new();
    for field in ["generators", "transformers", "validators"] {
        for entry in kustomization.value.get(field).and_then(Value::as_list).unwrap_or_default() {
            let Some(text) = entry.as_str().filter(|text| text.contains('\n') || text.contains(": ")) else { continue };
            let source = Source::new(kustomization.file.as_str(), text);
            for mut document in yaml::read(&source, Dialect::Kubectl, &Budget::default()).documents {
                place_all(&mut document, entry.origin.as_ref());
                found.push(document);
            }
        }
    }
    found
}

/// Gives every node of a document that was written inside a string the place of that string.
pub(in crate::render) fn place_all(value: &mut Value, origin: Option<&Origin>) {
    value.origin = origin.cloned();
    match &mut value.data {
        crate::manifest::Data::List(items) => items.iter_mut().for_each(|item| place_all(item, origin)),
        crate::manifest::Data::Map(map) => {
            let entries = std::mem::take(map);
            *map = entries
                .into_iter()
                .map(|(mut key, mut value)| {
                    key.origin = origin.cloned();
                    place_all(&mut value, origin);
                    (key, value)
                })
                .collect();
        }
        _ => {}
    }
}

/// The first symbolic link on the way to a path.
fn link_on(tree: &dyn Tree, target: &str) -> Result<Option<String>> {
    let ends = target.match_indices('/').map(|(at, _)| at).chain([target.len()]);
    for end in ends {
        if tree.kind(&target[..end])? == Some(EntryKind::Symlink) {
            return Ok(Some(target[..end].to_owned()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::git::tree::MemoryTree;

    const OBJECT: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n";

    fn of(files: &[(&str, &str)]) -> Closure {
        let tree = files.iter().fold(MemoryTree::new(), |tree, (path, text)| tree.with(*path, *text));
        closure(&tree, "app", Allowed::default()).unwrap()
    }

    fn refusals(text: &str) -> Vec<String> {
        let found = of(&[("app/kustomization.yaml", text), ("app/a.yaml", OBJECT)]);
        let place = |finding: &Finding| finding.place.as_ref().map(ToString::to_string).unwrap_or_default();
        found.findings.iter().map(|finding| format!("{} {}", place(finding), finding.message)).collect()
    }

    #[test]
    fn everything_that_a_build_reads_is_followed() {
        let found = of(&[
            (
                "app/kustomization.yaml",
                "resources: [../base, a.yaml]\nconfigMapGenerator: [{name: c, files: [key=conf/x.ini], envs: [e.env]}]\npatches: [{path: p.yaml}]\ntransformers: [labels.yaml]",
            ),
            ("app/a.yaml", OBJECT),
            ("app/conf/x.ini", "x"),
            ("app/conf/unused.ini", "x"),
            ("app/e.env", "A=b"),
            ("app/p.yaml", OBJECT),
            ("app/labels.yaml", "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: l}"),
            ("base/kustomization.yaml", "resources: [d.yaml]"),
            ("base/d.yaml", OBJECT),
        ]);
        assert!(found.is_buildable(), "{:?}", found.findings);
        let expected = [
            "app/a.yaml",
            "app/conf/x.ini",
            "app/e.env",
            "app/kustomization.yaml",
            "app/labels.yaml",
            "app/p.yaml",
            "base/d.yaml",
            "base/kustomization.yaml",
        ];
        assert_eq!(found.files.keys().collect::<Vec<_>>(), expected);
        assert!(found.missing.contains("app/Kustomization"));
    }

    #[test]
    fn what_must_not_be_built_is_refused_at_its_line() {
        let cases = [
            (
                "resources:\n- https://example.com/x.yaml\n",
                "app/kustomization.yaml:2:3 `resources` names `https://example.com/x.yaml`, which is not in this repository",
            ),
            (
                "resources: [a.yaml, 'github.com/org/repo?ref=v1']",
                "app/kustomization.yaml:1:21 `resources` names `github.com/org/repo?ref=v1`, which is not in this repository",
            ),
            (
                "resources: [../../etc]",
                "app/kustomization.yaml:1:13 `resources` names `../../etc`, which leads out of the repository",
            ),
            (
                "resources: [/etc/passwd]",
                "app/kustomization.yaml:1:13 `resources` names `/etc/passwd`, which leads out of the repository",
            ),
            (
                "resources: [../base]",
                "app/kustomization.yaml:1:13 `resources` names `../base`, which does not exist: `base` is not there",
            ),
            ("resources: [.]", "app/kustomization.yaml:1:13 `resources` names its own folder"),
            (
                "helmCharts: [{name: x}]",
                "app/kustomization.yaml:1:21 the chart `x` is not in this repository: `app/charts/x` is not there",
            ),
            ("resourcs: [a.yaml]", "app/kustomization.yaml:1:1 kustomize knows no field `resourcs`"),
            (
                "components: [a.yaml]",
                "app/kustomization.yaml:1:14 `components` names `a.yaml`, which is a file, and a folder is needed",
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(refusals(text), [expected]);
        }
    }

    #[test]
    fn other_capitals_and_documents_that_are_addresses_lead_past_no_check() {
        for text in [
            "Resources: [https://example.com/x.yaml]",
            "patches: [{Path: https://example.com/x.yaml}]",
            "configMapGenerator: [{name: x, FILES: [https://example.com/x]}]",
            "patchesStrategicMerge: ['https://example.com/x?a: b']",
            "transformers: ['HTTPS://example.com/x?a: b']",
        ] {
            let found = of(&[("app/kustomization.yaml", text)]);
            assert!(!found.is_buildable(), "{text}");
        }
        let labels = "resources: [a.yaml]\nlabels: [{pairs: {Env: x, Path: z}}]\ncommonAnnotations: {FILES: z}\n";
        assert_eq!(refusals(labels), [""; 0]);
    }

    #[test]
    fn exec_and_container_plugins_are_refused() {
        let function = "transformers:\n- |-\n  apiVersion: v1\n  kind: Mine\n  metadata: {name: x, annotations: {config.kubernetes.io/function: 'container: {image: x}'}}\n";
        assert_eq!(
            refusals(function),
            ["app/kustomization.yaml:2:3 `Mine` is an exec or container plugin (`config.kubernetes.io/function`)"]
        );
        let legacy = of(&[
            ("app/kustomization.yaml", "generators: [plugin]"),
            ("app/plugin/kustomization.yaml", "resources: [p.yaml]"),
            ("app/plugin/p.yaml", "apiVersion: example.com/v1\nkind: Sops\nmetadata: {name: x}"),
        ]);
        assert_eq!(legacy.findings[0].message, "`Sops` of `example.com/v1` is a plugin that is not built in");
    }

    /// A tree in which some paths are symbolic links.
    struct Linked(MemoryTree, &'static [&'static str]);

    impl Tree for Linked {
        fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
            self.0.read(path)
        }
        fn kind(&self, path: &str) -> Result<Option<EntryKind>> {
            if self.1.contains(&path) { Ok(Some(EntryKind::Symlink)) } else { self.0.kind(path) }
        }
        fn list(&self, directory: &str) -> Result<Vec<crate::git::tree::Entry>> {
            self.0.list(directory)
        }
        fn walk(&self, directory: &str) -> Result<Vec<crate::git::tree::Entry>> {
            self.0.walk(directory)
        }
        fn identity(&self, path: &str) -> Result<Option<String>> {
            self.0.identity(path)
        }
    }

    #[test]
    fn symbolic_links_are_refused_wherever_they_stand() {
        let files = [
            ("app/kustomization.yaml", "resources: [a.yaml, ../base]"),
            ("app/a.yaml", OBJECT),
            ("base/kustomization.yaml", "resources: []"),
        ];
        let tree = || files.iter().fold(MemoryTree::new(), |tree, (path, text)| tree.with(*path, *text));
        for links in [&["app/a.yaml"][..], &["base"], &["base/kustomization.yaml"], &["app/kustomization.yaml"]] {
            let links: &'static [&'static str] = Box::leak(links.to_vec().into_boxed_slice());
            let found = closure(&Linked(tree(), links), "app", Allowed::default()).unwrap();
            assert!(!found.is_buildable(), "{links:?}");
        }
    }

    #[test]
    fn circles_and_towers_end_as_findings() {
        let found =
            of(&[("app/kustomization.yaml", "resources: [../b]"), ("b/kustomization.yaml", "resources: [../app]")]);
        assert!(found.findings[0].message.contains("in a circle"), "{:?}", found.findings);
        let mut tower = MemoryTree::new();
        for level in 0..10_000 {
            let text = format!("resources: [../l{}]", level + 1);
            tower.insert(format!("l{level}/kustomization.yaml"), text);
        }
        let found = closure(&tower, "l0", Allowed::default()).unwrap();
        assert!(!found.is_buildable() && found.kustomizations.len() <= DEPTH);
    }
}
