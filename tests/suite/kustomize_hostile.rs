//! Kustomizations that nobody means well with: each ends as a finding at a place, after a bounded number of reads.
//!
//! How long each takes is printed, and nothing fails for it. The largest cases are left out of builds without optimisations.

use mergeline::failure::Result;
use mergeline::finding::Finding;
use mergeline::git::tree::{Entry, EntryKind, MemoryTree, Tree};
use mergeline::render::kustomize::{Cache, build};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// Whether the tests are built with optimisations: the largest cases take long without.
const FAST: bool = !cfg!(debug_assertions);

const MAP: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: 0123456789}\n";

/// A tree that counts what is asked of it, in which some paths are symbolic links.
#[derive(Default)]
struct Hostile {
    files: MemoryTree,
    links: BTreeSet<&'static str>,
    asked: AtomicUsize,
}

impl Hostile {
    fn with(mut self, path: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        self.files.insert(path, text);
        self
    }

    fn link(mut self, path: &'static str, target: &str) -> Self {
        self.files.insert(path, target);
        self.links.insert(path);
        self
    }

    /// The first finding of the build of `app`, which must have a place in a file.
    fn refusal(&self, what: &str) -> Finding {
        let started = Instant::now();
        let product = build(self, "app", &Cache::default(), false).unwrap();
        let asked = self.asked.load(Ordering::Relaxed);
        println!("{what}: {:.1?}, the tree was asked {asked} times", started.elapsed());
        assert!(!product.built, "{what} is built");
        assert!(asked < 100_000, "{what}: the tree was asked {asked} times");
        let finding = product.findings.into_iter().next().unwrap();
        let place = finding.place.as_ref().unwrap_or_else(|| panic!("{what}: {finding:?} has no place"));
        assert!(place.line.is_some() || !place.path.is_empty(), "{what}: {finding:?}");
        finding
    }

    fn refused_because(&self, what: &str, why: &str) {
        let finding = self.refusal(what);
        assert!(finding.message.contains(why), "{what}: {finding:?}");
    }

    /// Ends in any way.
    fn ends(&self, what: &str) {
        let started = Instant::now();
        let product = build(self, "app", &Cache::default(), false).unwrap();
        println!("{what}: {:.1?}, built: {}", started.elapsed(), product.built);
        assert!(product.built || product.findings.iter().all(|finding| finding.place.is_some()), "{what}");
    }
}

impl Tree for Hostile {
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.files.read(path)
    }
    fn kind(&self, path: &str) -> Result<Option<EntryKind>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if self.links.contains(path) { Ok(Some(EntryKind::Symlink)) } else { self.files.kind(path) }
    }
    fn list(&self, directory: &str) -> Result<Vec<Entry>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let mut entries = self.files.list(directory)?;
        for entry in entries.iter_mut().filter(|entry| self.links.contains(entry.path.as_str())) {
            entry.kind = EntryKind::Symlink;
        }
        Ok(entries)
    }
    fn walk(&self, directory: &str) -> Result<Vec<Entry>> {
        self.files.walk(directory)
    }
    fn identity(&self, path: &str) -> Result<Option<String>> {
        self.files.identity(path)
    }
}

fn app(text: impl Into<Vec<u8>>) -> Hostile {
    Hostile::default().with("app/kustomization.yaml", text).with("app/a.yaml", MAP)
}

pub(crate) fn circles_and_towers() {
    app("resources: [../b]").with("b/kustomization.yaml", "resources: [../app]").refused_because("a circle", "circle");
    app("components: [../b]")
        .with("b/kustomization.yaml", "kind: Component\ncomponents: [../b]")
        .refused_because("a component of itself", "own folder");
    app("transformers: [../b]")
        .with("b/kustomization.yaml", "transformers: [../app]")
        .refused_because("transformers in a circle", "circle");
    let mut tower = app("resources: [../l1]");
    for level in 1..10_000 {
        tower = tower.with(format!("l{level}/kustomization.yaml"), format!("resources: [../l{}]", level + 1));
    }
    tower.refused_because("10,000 bases on each other", "deep");
    let path = format!("resources: [{}a.yaml]", "x/../".repeat(100_000));
    app(path).ends("a path of 500,000 characters");
    let deep = "b/".repeat(10_000);
    app(format!("resources: [{deep}a.yaml]")).refusal("10,000 folders that are not there");
}

pub(crate) fn paths_and_links() {
    for outside in ["../../etc/passwd", "/etc/passwd", "../other.yaml", "../../../app/a.yaml"] {
        for field in [
            format!("resources: [{outside}]"),
            format!("patches: [{{path: {outside}}}]"),
            format!("configMapGenerator: [{{name: x, files: [{outside}]}}]"),
            format!("configMapGenerator: [{{name: x, envs: [{outside}]}}]"),
            format!("configurations: [{outside}]"),
            format!("crds: [{outside}]"),
            format!("components: [{outside}]"),
            format!("transformers: [{outside}]"),
            format!("openapi: {{path: {outside}}}"),
            format!("replacements: [{{path: {outside}}}]"),
        ] {
            app(field.as_str()).with("other.yaml", MAP).refusal(&field);
        }
    }
    let linked = |field: &str| {
        app(field)
            .link("app/inside.yaml", "a.yaml")
            .link("app/outside.yaml", "../../../etc/passwd")
            .link("app/absolute.yaml", "/etc/passwd")
            .link("app/folder", "../base")
            .link("app/itself", "itself")
            .with("base/kustomization.yaml", "resources: []\nnamePrefix: x")
    };
    for name in ["inside.yaml", "outside.yaml", "absolute.yaml", "folder", "folder/kustomization.yaml", "itself"] {
        for field in [
            format!("resources: [{name}]"),
            format!("configMapGenerator: [{{name: x, files: [{name}]}}]"),
            format!("patches: [{{path: {name}, target: {{kind: X}}}}]"),
            format!("components: [{name}]"),
        ] {
            linked(&field).refusal(&field);
        }
    }
    Hostile::default().link("app/kustomization.yaml", "../b/kustomization.yaml").refusal("a linked kustomization");
}

pub(crate) fn fans() {
    let fan = |part: &str, header: &str, own: fn(usize, &str) -> String| {
        let mut tree = app(format!("resources: [a.yaml]\n{part}: [../l39]"));
        for level in 0..40_usize {
            let text = |side: &str| match level {
                0 => format!("{header}{}", own(0, side)),
                _ => format!("{header}{part}: [../l{}a, ../l{}b]\n{}", level - 1, level - 1, own(level, side)),
            };
            for side in ["a", "b"] {
                tree = tree.with(format!("l{level}{side}/kustomization.yaml"), text(side));
            }
        }
        let both = format!("{header}{part}: [../l38a, ../l38b]\n");
        tree.with("l39/kustomization.yaml", both).with("l0a/a.yaml", MAP).with("l0b/a.yaml", MAP)
    };
    let component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n";
    fan("components", component, |_, side| format!("namePrefix: {side}\n"))
        .refused_because("components that double names", "more than");
    if FAST {
        fan("components", component, |_, _| "commonLabels: {a: b}\n".to_owned())
            .refused_because("components that double", "more than");
        fan("resources", "", |level, side| match level {
            0 => format!("resources: [a.yaml]\nnamePrefix: {side}\n"),
            _ => format!("namePrefix: {side}\n"),
        })
        .refused_because("bases that double", "more than");
    }
    // Origins are noted by the way to a base, so that bases cannot be built once for all.
    let noted = fan("resources", "buildMetadata: [originAnnotations]\n", |level, side| match level {
        0 => format!("resources: [a.yaml]\nnamePrefix: {side}\n"),
        _ => format!("namePrefix: {side}\n"),
    });
    if FAST {
        noted
            .with("app/kustomization.yaml", "resources: [../l39]\nbuildMetadata: [originAnnotations]\n")
            .refused_because("bases with origins that double", "more than");
    }
    fan("resources", "", |_, side| {
        format!("configMapGenerator: [{{name: {side}, literals: [a=b]}}]\nnamePrefix: {side}")
    })
    .refusal("generators that double");
    let large = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\nlist: [{}]\n", "x, ".repeat(100_000));
    fan("resources", "", |level, side| match level {
        0 => format!("resources: [a.yaml]\nnamePrefix: {side}\n"),
        _ => format!("namePrefix: {side}\n"),
    })
    .with("l0a/a.yaml", large.as_str())
    .with("l0b/a.yaml", large.as_str())
    .refused_because("large objects that double", "more than");
}

pub(crate) fn bombs() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let aliases = vec![format!("*a{}", level - 1); 10].join(", ");
        writeln!(bomb, "a{level}: &a{level} [{aliases}]").unwrap();
    }
    let indented = bomb.replace('\n', "\n  ");
    let finding = app("resources: [bomb.yaml]")
        .with("app/bomb.yaml", format!("{MAP}spec:\n  {indented}"))
        .refusal("an alias bomb");
    assert_eq!(finding.rule, "yaml-budget");
    app(bomb.as_str()).refusal("a kustomization that is an alias bomb");
    for field in ["configurations", "transformers", "crds"] {
        app(format!("resources: [a.yaml]\n{field}: [bomb.yaml]")).with("app/bomb.yaml", bomb.as_str()).refusal(field);
    }
    app("resources: [a.yaml]\npatches: [{path: bomb.yaml, target: {kind: ConfigMap}}]")
        .with("app/bomb.yaml", format!("{MAP}spec:\n  {indented}"))
        .refusal("a patch that is an alias bomb");
    let nested = |open: &str, close: &str| format!("{MAP}spec: {}{}\n", open.repeat(100_000), close.repeat(100_000));
    app("resources: [deep.yaml]").with("app/deep.yaml", nested("[", "]")).refusal("100,000 brackets");
    app("resources: [deep.yaml]").with("app/deep.yaml", nested("{a: ", "}")).refusal("100,000 braces");
    app(format!("resources: {}", "[".repeat(100_000))).refusal("a kustomization of brackets");
}

pub(crate) fn copies() {
    let text = "- source: {kind: ConfigMap, fieldPath: data.a}\n  targets:\n  - {select: {kind: ConfigMap}, fieldPaths: [data.a], options: {delimiter: '#', index: 9}}\n";
    app(format!("resources: [a.yaml]\nreplacements:\n{}", text.repeat(60)))
        .refused_because("a text that doubles", "too large");
    let copies = "- {op: copy, from: /data, path: /data/b}\n- {op: copy, from: /data, path: /data/c}\n".repeat(30);
    app("resources: [a.yaml]\npatches: [{path: p.yaml, target: {kind: ConfigMap}}]")
        .with("app/p.yaml", copies)
        .refused_because("copies of copies", "too large");
    let whole = "- source: {kind: ConfigMap, fieldPath: data}\n  targets:\n  - {select: {kind: ConfigMap}, fieldPaths: [data.x], options: {create: true}}\n";
    app(format!("resources: [a.yaml]\nreplacements:\n{}", whole.repeat(60))).ends("maps within themselves");
    let large = "x".repeat(1 << 20);
    let files: Vec<String> = (0..10_000).map(|n| format!("k{n}=large.txt")).collect();
    app(format!("configMapGenerator: [{{name: x, files: [{}]}}]", files.join(", ")))
        .with("app/large.txt", large.as_str())
        .refused_because("one large file 10,000 times", "more than");
    let generators: String = (0..1_000).map(|n| format!("- {{name: x{n}, files: [large.txt]}}\n")).collect();
    app(format!("secretGenerator:\n{generators}"))
        .with("app/large.txt", large.as_str())
        .refused_because("1,000 large Secrets", "more than");
    let uses = "$(V)".repeat(100_000);
    let many: String = (0..20).map(|n| format!("---\napiVersion: v1\nkind: Pod\nmetadata: {{name: p{n}}}\nspec: {{containers: [{{name: x, args: [\"{uses}\"]}}]}}\n")).collect();
    app("resources: [v.yaml, pods.yaml]\nvars: [{name: V, objref: {kind: ConfigMap, name: v, apiVersion: v1}, fieldref: {fieldpath: data.v}}]")
        .with("app/v.yaml", format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: v}}\ndata: {{v: {}}}\n", "y".repeat(10_000)))
        .with("app/pods.yaml", many)
        .refused_because("variables of large values", "too large");
}

pub(crate) fn numbers_of_directives() {
    let many = if FAST { 100_000 } else { 5_000 };
    let literals: Vec<String> = (0..many).map(|n| format!("k{n}=v")).collect();
    app(format!("configMapGenerator: [{{name: x, literals: [{}]}}]", literals.join(", "))).ends("very many literals");
    let variables: String = (0..2 * many).map(|n| format!("K{n}=v\n")).collect();
    app("configMapGenerator: [{name: x, envs: [a.env]}]\nnamePrefix: p")
        .with("app/a.env", variables.as_str())
        .ends("very many variables");
    app("resources: [../base]\nconfigMapGenerator: [{name: x, behavior: merge, envs: [a.env]}]")
        .with("app/a.env", variables.as_str())
        .with("base/a.env", variables.as_str())
        .with("base/kustomization.yaml", "configMapGenerator: [{name: x, envs: [a.env]}]")
        .ends("very many variables merged");
    let keys: String = (0..many / 2).map(|n| format!("  k{n}: v\n")).collect();
    let wide = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\ndata:\n{keys}");
    app("resources: [a.yaml]\npatches: [{path: p.yaml}]")
        .with("app/a.yaml", wide.as_str())
        .with("app/p.yaml", wide.as_str())
        .ends("very many keys patched");
    let operations: String = (0..many / 2).map(|n| format!("- {{op: add, path: /data/x{n}, value: v}}\n")).collect();
    app("resources: [a.yaml]\npatches: [{path: p.yaml, target: {kind: ConfigMap}}]")
        .with("app/a.yaml", wide.as_str())
        .with("app/p.yaml", operations)
        .ends("very many operations on as many keys");
    let objects: String =
        (0..many / 5).map(|n| format!("---\n{}", MAP.replace("name: a", &format!("name: a{n}")))).collect();
    let images: String = (0..50_000_000 / many).map(|n| format!("- {{name: i{n}, newTag: x}}\n")).collect();
    app(format!("resources: [a.yaml]\nimages:\n{images}"))
        .with("app/a.yaml", objects.as_str())
        .refused_because("very many images on very many objects", "more than");
    let pattern = "(a{0,900}){0,30}".to_owned() + &"(x+x+)+y".repeat(20);
    app(format!("resources: [a.yaml]\npatches:\n- target: {{name: '{pattern}'}}\n  patch: |-\n    - {{op: remove, path: /data}}\n"))
        .with("app/a.yaml", objects.as_str())
        .ends("a pattern that grows");
}

#[test]
fn hostile_circles_and_towers_end_as_findings() {
    circles_and_towers();
}

#[test]
fn hostile_paths_and_links_lead_nowhere() {
    paths_and_links();
}

#[test]
fn hostile_fans_end_as_findings() {
    fans();
}

#[test]
fn hostile_bombs_end_as_findings() {
    bombs();
}

#[test]
fn hostile_copies_end_as_findings() {
    copies();
}

#[test]
fn hostile_numbers_of_directives_end() {
    numbers_of_directives();
}
