//! What a build reads, and what is refused of it.

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
    let found = of(&[("app/kustomization.yaml", "resources: [../b]"), ("b/kustomization.yaml", "resources: [../app]")]);
    assert!(found.findings[0].message.contains("in a circle"), "{:?}", found.findings);
    let mut tower = MemoryTree::new();
    for level in 0..10_000 {
        let text = format!("resources: [../l{}]", level + 1);
        tower.insert(format!("l{level}/kustomization.yaml"), text);
    }
    let found = closure(&tower, "l0", Allowed::default()).unwrap();
    assert!(!found.is_buildable() && found.kustomizations.len() <= DEPTH);
}
