//! What plugins and charts of a build read, with every plugin refused that kustomize does not bring along.

use super::{Closure, link_on, place_all};
use crate::failure::Result;
use crate::git::tree::{EntryKind, Tree};
use crate::manifest::yaml::{self, Budget, Dialect};
use crate::manifest::{Origin, Source, Value};
use crate::render::kustomize::references::{self, Target};
use crate::render::kustomize::{Kustomization, charts};
use crate::render::path;

impl Closure {
    pub(super) fn plugin_file(&mut self, tree: &dyn Tree, directory: &str, file: &str, bytes: &[u8]) -> Result<()> {
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
    pub(super) fn plugin(&mut self, tree: &dyn Tree, directory: &str, configuration: &Value) -> Result<()> {
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
    pub(super) fn charts(&mut self, tree: &dyn Tree, directory: &str, kustomization: &Kustomization) -> Result<()> {
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
pub(super) fn inline_plugins(kustomization: &Kustomization) -> Vec<Value> {
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
