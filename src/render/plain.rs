//! Plain manifests: files of YAML or JSON as `kubectl apply -f` takes them.

use super::ignored::Ignored;
use super::{RenderOptions, Rendered, foreign, kustomize, path};
use crate::failure::Result;
use crate::finding::{Finding, Place};
use crate::git::tree::{Entry, EntryKind, Tree};
use crate::manifest::objects::expand;
use crate::manifest::yaml::{self, Budget, Dialect, Reading};
use crate::manifest::{Data, Object, Origin, Source, Value};
use crate::unit::Unit;
use std::sync::Arc;

/// What one file holds.
#[derive(Debug, Default)]
pub(super) struct FileContent {
    pub(super) objects: Vec<Object>,
    pub(super) findings: Vec<Finding>,
    /// Documents that are no objects and do not claim to be one: values, CI files and the like.
    pub(super) others: Vec<Value>,
    /// Every document could be read.
    pub(super) complete: bool,
}

/// Reads the objects of a file, with the items of `List`s taken out.
pub(super) fn read(file: &str, bytes: &[u8], budget: &Budget) -> FileContent {
    FileContent::read(yaml::read_bytes(file, bytes, Dialect::Kubectl, budget), budget)
}

impl FileContent {
    fn read(reading: Reading, budget: &Budget) -> Self {
        let complete = !reading.findings.iter().any(|finding| finding.severity == crate::finding::Severity::Error);
        let mut content = Self::of(reading.documents, budget);
        content.complete &= complete;
        content.findings.splice(0..0, reading.findings);
        content
    }

    /// Tells the objects among documents apart.
    pub(super) fn of(documents: Vec<Value>, budget: &Budget) -> Self {
        let mut content = Self { complete: true, ..Self::default() };
        documents.into_iter().for_each(|document| content.take(document, budget));
        content
    }

    fn take(&mut self, document: Value, budget: &Budget) {
        if document.get("apiVersion").is_none() && document.get("kind").is_none() {
            self.others.push(document);
            return;
        }
        let before = self.findings.len();
        expand(document, &mut self.objects, &mut self.findings, budget);
        self.complete &= self.findings.len() == before;
    }
}

/// Says cheaply whether a text may hold an object, or may have been meant to.
pub(super) fn looks_like_manifest(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let mentions = |key: &str| {
        text.match_indices(key).any(|(at, _)| {
            let before = text[..at].chars().next_back();
            let after = text[at + key.len()..].trim_start_matches(['"', '\'', ' ']).starts_with(':');
            after && before.is_none_or(|c| c.is_whitespace() || matches!(c, '"' | '\'' | '{' | ',' | '-' | '\u{feff}'))
        })
    };
    mentions("apiVersion") && mentions("kind")
}

/// Says that a text holds an object without reading it: its first document begins with `apiVersion` and `kind` in block
/// style, as nearly all do. False says nothing.
///
/// Whatever follows, that document is an object or an error: the third line begins a key at the same column, so that the
/// values of the two end where their lines end.
pub(super) fn begins_with_object(bytes: &[u8]) -> Option<(&str, &str)> {
    let head = &bytes[..bytes.len().min(1024)];
    let text = std::str::from_utf8(head).or_else(|error| std::str::from_utf8(&head[..error.valid_up_to()])).ok()?;
    let mut lines = text.split('\n').skip_while(|line| line.is_empty() || line.starts_with('#') || *line == "---");
    let (api_version, kind) = (simple(lines.next()?, "apiVersion: ")?, simple(lines.next()?, "kind: ")?);
    lines.next().filter(|line| line.starts_with(|c: char| c.is_ascii_alphabetic()))?;
    Some((api_version, kind))
}

/// What stands behind `key` on a line, when it is a string that needs no quotes and nothing follows it.
fn simple<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let value = line.strip_prefix(key)?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'-');
    let is_text = || matches!(yaml::plain_meaning(value, Dialect::Kubectl), yaml::Plain::Text);
    let begins = value.starts_with(|c: char| c.is_ascii_alphabetic());
    (begins && value.bytes().all(fits) && is_text()).then_some(value)
}

/// Renders a file that was named itself: a document in it that is no object is an error.
pub(super) fn render_file(tree: &dyn Tree, file: &str, budget: &Budget) -> Result<Rendered> {
    let rendered = render_content(file, read(file, &tree.read(file)?.unwrap_or_default(), budget));
    if rendered.objects.is_empty() && rendered.findings.is_empty() {
        return Ok(Rendered::broken(nothing(file)));
    }
    Ok(rendered)
}

/// Renders a part of such a file.
pub(super) fn render_part(source: &Arc<Source>, budget: &Budget) -> Rendered {
    render_content(source.path(), FileContent::read(yaml::read(source, Dialect::Kubectl, budget), budget))
}

/// Renders some documents of a file.
pub(super) fn render_documents(documents: &yaml::Documents<'_>, budget: &Budget) -> Rendered {
    render_content(documents.path(), FileContent::read(documents.read(), budget))
}

fn render_content(file: &str, content: FileContent) -> Rendered {
    let FileContent { objects, mut findings, others, mut complete } = content;
    for other in &others {
        let place = other.origin.as_ref().map_or_else(|| Place::file(file), Origin::place_without_excerpt);
        let message = match other.data {
            Data::Map(_) => "this document is no Kubernetes object: `apiVersion` and `kind` are missing",
            Data::List(_) => "this document is a list and no Kubernetes object",
            _ => "this document is a single value and no Kubernetes object",
        };
        findings.push(Finding::error("not-an-object", message).at(place));
        complete = false;
    }
    Rendered { objects, findings, complete }
}

/// Renders a folder without a kustomization: the files directly in it, or, when no object is there, those below it.
pub(super) fn render_directory(tree: &dyn Tree, unit: &Unit, options: &RenderOptions) -> Result<Rendered> {
    let directory = unit.path.as_str();
    let ignored = Ignored::above(tree, directory, &options.ignore)?;
    let mut rendered = Rendered { complete: true, findings: ignored.findings.clone(), ..Rendered::default() };
    rendered.complete &= rendered.findings.is_empty();
    let direct = tree.list(directory)?;
    for entry in &direct {
        rendered.add(tree, entry, &ignored, &options.budget)?;
    }
    if rendered.objects.is_empty() && rendered.complete {
        rendered.add_below(tree, directory, &ignored, &options.budget)?;
    } else {
        rendered.name_what_is_left_out(tree, unit, &ignored)?;
    }
    if rendered.objects.is_empty() && rendered.complete {
        return Ok(Rendered::broken(nothing(directory)));
    }
    Ok(rendered)
}

impl Rendered {
    fn add(&mut self, tree: &dyn Tree, entry: &Entry, ignored: &Ignored, budget: &Budget) -> Result<()> {
        let file = entry.path.as_str();
        if !path::is_manifest_name(file) || path::name(file).starts_with('.') || ignored.has(file) {
            return Ok(());
        }
        match entry.kind {
            EntryKind::File => {}
            EntryKind::Symlink => {
                let message = format!("`{file}` is a symbolic link, and links are not followed");
                let finding = Finding::error("symlink", message).at(Place::file(file));
                self.findings.push(finding.hint("put the file itself there, or use a kustomization to share it"));
                self.complete = false;
                return Ok(());
            }
            EntryKind::Directory | EntryKind::Submodule => return Ok(()),
        }
        let bytes = tree.read(file)?.unwrap_or_default();
        let mut content = read(file, &bytes, budget);
        if content.objects.is_empty() && !looks_like_manifest(&bytes) {
            return Ok(());
        }
        let (tools, objects) = content.objects.drain(..).partition::<Vec<_>, _>(foreign::is_tool_file);
        for tool in tools {
            let message = format!(
                "{} {} is the file of a tool, not an object of a cluster: left out",
                tool.api_version(),
                tool.kind()
            );
            let place = tool.value().origin_at("/kind").map(Origin::place_without_excerpt);
            self.findings.push(Finding::info("not-an-object", message).at(place));
        }
        self.objects.extend(objects);
        self.findings.extend(content.findings);
        self.complete &= content.complete;
        Ok(())
    }

    /// The files below `directory`, except those of kustomizations and charts there, which are each named.
    fn add_below(&mut self, tree: &dyn Tree, directory: &str, ignored: &Ignored, budget: &Budget) -> Result<()> {
        for entry in tree.list(directory)?.into_iter().filter(|entry| entry.kind == EntryKind::Directory) {
            let below = entry.path.as_str();
            if path::name(below).starts_with('.') || ignored.has(&path::join(below, "any")) {
                continue;
            }
            let chart = path::join(below, "Chart.yaml");
            if let Some(file) = kustomize::files_in(tree, below)?.first() {
                let message = format!(
                    "`{below}` is a kustomization of its own and no part of the folder `{directory}` of plain manifests"
                );
                let finding = Finding::error("nested-source", message).at(Place::file(file.as_str()));
                self.findings
                    .push(finding.hint("name it as a source by itself, or add a kustomization that lists everything"));
                self.complete = false;
                continue;
            }
            if tree.kind(&chart)? == Some(EntryKind::File) {
                self.findings.push(foreign::chart(&chart));
                self.complete = false;
                continue;
            }
            for file in tree.list(below)? {
                self.add(tree, &file, ignored, budget)?;
            }
            self.add_below(tree, below, ignored, budget)?;
        }
        Ok(())
    }

    /// Names the folders below a configured unit that hold manifests and are no part of it, as `kubectl apply -f` has it.
    /// With discovery they are units themselves.
    fn name_what_is_left_out(&mut self, tree: &dyn Tree, unit: &Unit, ignored: &Ignored) -> Result<()> {
        if super::discover::is_discovered(unit) {
            return Ok(());
        }
        let mut below: Vec<(String, String)> = Vec::new();
        for entry in tree.walk(&unit.path)? {
            let folder = path::parent(&entry.path);
            let relative = entry.path[unit.path.len()..].trim_start_matches('/');
            let candidate = folder != unit.path && entry.kind == EntryKind::File && path::is_manifest_name(&entry.path);
            let seen = below.iter().any(|(known, _)| path::is_within(folder, known));
            if candidate
                && !seen
                && !path::is_hidden(relative)
                && !ignored.has(&entry.path)
                && looks_like_manifest(&tree.read(&entry.path)?.unwrap_or_default())
            {
                below.push((folder.to_owned(), entry.path));
            }
        }
        for (folder, file) in below {
            let message = format!(
                "`{folder}` holds manifests that are no part of `{}`: a folder of plain manifests is the files directly in it",
                unit.name
            );
            let finding = Finding::warning("nested-source", message).at(Place::file(file));
            self.findings.push(finding.hint(
                "add a kustomization that lists them, name the folder as a source, or name it in `.mergelineignore`",
            ));
        }
        Ok(())
    }
}

pub(super) fn nothing(what: &str) -> Finding {
    let shown = if what.is_empty() { "the root of the repository" } else { what };
    Finding::error("nothing-to-render", format!("`{shown}` holds no Kubernetes object"))
        .at(Place::file(what))
        .hint("a source is a kustomization, a folder with manifests, or a file of them")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::git::tree::MemoryTree;
    use crate::render::render;

    fn object(kind: &str, name: &str) -> String {
        format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: {name}}}\n")
    }

    /// The objects as `kind name`, the findings as `rule place`, and whether the render is complete.
    fn rendered(path: &str, files: &[(&str, &str)]) -> (Vec<String>, Vec<String>, bool) {
        let tree = files.iter().fold(MemoryTree::new(), |tree, (path, text)| tree.with(*path, *text));
        let unit = Unit { environment: "dev".into(), name: "web".into(), path: path.into() };
        let rendered = render(&tree, &unit, &RenderOptions::default()).unwrap();
        assert!(
            rendered
                .findings
                .iter()
                .all(|finding| finding.unit.as_deref() == Some("web") && finding.environments == ["dev"])
        );
        let place = |finding: &Finding| finding.place.as_ref().map(ToString::to_string).unwrap_or_default();
        let objects = rendered.objects.iter().map(|object| object.reference().to_string()).collect();
        (
            objects,
            rendered.findings.iter().map(|finding| format!("{} {}", finding.rule, place(finding))).collect(),
            rendered.complete,
        )
    }

    #[test]
    fn an_object_is_told_by_its_first_lines_or_not_at_all() {
        let told = |text: &str| begins_with_object(text.as_bytes()).map(|(version, kind)| format!("{version} {kind}"));
        assert_eq!(
            told("# x\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n").as_deref(),
            Some("apps/v1 Deployment")
        );
        for text in [
            "apiVersion: v1\nkind: Pod\n",
            "apiVersion: v1\nkind: Pod\n  more\n",
            "apiVersion: v1\nkind: null\nmetadata: {}\n",
            "apiVersion: v1\nkind: \"Pod\"\nmetadata: {}\n",
            "kind: Pod\napiVersion: v1\nmetadata: {}\n",
            "a: \"\napiVersion: v1\nkind: Pod\nmetadata: {}\"\n",
        ] {
            assert_eq!(told(text), None, "{text}");
        }
    }

    #[test]
    fn a_folder_is_the_files_directly_in_it() {
        let (a, b) = (object("ConfigMap", "a"), object("ConfigMap", "b"));
        let result = rendered("app", &[("app/a.yaml", &a), ("app/values.yaml", "x: 1"), ("app/more/b.yaml", &b)]);
        assert_eq!(result, (vec!["ConfigMap a".into()], vec!["nested-source app/more/b.yaml".into()], true));
    }

    #[test]
    fn a_folder_without_objects_of_its_own_is_what_lies_below() {
        let (a, b) = (object("ConfigMap", "a"), object("ConfigMap", "b"));
        let result = rendered("app", &[("app/one/a.yaml", &a), ("app/two/deep/b.yml", &b), ("app/README.md", "x")]);
        assert_eq!(result, (vec!["ConfigMap a".into(), "ConfigMap b".into()], vec![], true));
        let (_, findings, complete) =
            rendered("app", &[("app/one/a.yaml", &a), ("app/two/kustomization.yaml", "resources: []")]);
        assert_eq!((findings, complete), (vec!["nested-source app/two/kustomization.yaml".into()], false));
    }

    #[test]
    fn lists_are_taken_apart() {
        let list = "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: a}}\n- {apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Pod, metadata: {name: b}}]}\n";
        assert_eq!(rendered("a.yaml", &[("a.yaml", list)]).0, ["Secret a", "Pod b"]);
    }

    #[test]
    fn what_cannot_be_read_makes_the_render_incomplete() {
        let a = object("ConfigMap", "a");
        let (objects, findings, complete) =
            rendered("app", &[("app/a.yaml", &a), ("app/b.yaml", "apiVersion: v1\nkind: X\n  a: b: c\n")]);
        assert_eq!((objects.len(), complete), (1, false));
        assert!(findings[0].starts_with("yaml-syntax app/b.yaml:3:"), "{findings:?}");
        let (_, findings, complete) =
            rendered("app", &[("app/a.yaml", "apiVersion: v1\nkin: Pod\nkind: ''\nmetadata: {name: x}\n")]);
        assert_eq!((findings, complete), (vec!["not-an-object app/a.yaml:1:1".into()], false));
    }

    #[test]
    fn nothing_there_is_never_an_empty_success() {
        assert_eq!(rendered("gone", &[("app/a.yaml", "x: 1")]).1, ["missing-source gone"]);
        assert_eq!(rendered("app", &[("app/a.yaml", "x: 1")]), (vec![], vec!["nothing-to-render app".into()], false));
        assert_eq!(rendered("x.yaml", &[("x.yaml", "x: 1")]).1, ["not-an-object x.yaml:1:1"]);
    }

    #[test]
    fn objects_that_stand_for_more_are_named() {
        let application = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: x}\n";
        let (objects, findings, complete) = rendered("a.yaml", &[("a.yaml", application)]);
        assert_eq!((objects.len(), findings, complete), (1, vec!["not-rendered a.yaml:3:18".into()], true));
    }
}
