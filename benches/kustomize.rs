//! How fast kustomizations are built, beside the original on the same files.
//!
//!     cargo bench --bench kustomize -- /path/to/kubectl
//!
//! (a) one full overlay (prefix, selector labels, annotations, namespace, images, patches of both kinds, a generator with
//! references, a replacement) of 100 to 2,000 Deployments and Services; (b) 200 overlays that share a base, in one process
//! here, one process each for the original. The figures to compare are the ratios. Nothing fails here: the budgets are those
//! of the design.
//!
//! `cargo bench --bench kustomize -- --hostile` prints how long hostile kustomizations take instead: each ends within a second.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

#[path = "../tests/suite/kustomize_hostile.rs"]
mod hostile;

use mergeline::git::tree::MemoryTree;
use mergeline::render::{RenderOptions, render_all};
use mergeline::unit::Unit;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const FULL: &str = "resources: [../base]\nnamePrefix: p-\nnamespace: shop\nlabels:\n- pairs: {team: shop}\n  includeSelectors: true\ncommonAnnotations: {note: x}\nimages:\n- {name: nginx, newTag: '2'}\n- {name: envoy, newName: other/envoy}\nconfigMapGenerator:\n- name: settings\n  literals: [a=b]\npatches:\n- target: {kind: Deployment}\n  patch: |-\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: any}\n    spec: {template: {spec: {containers: [{name: web, resources: {limits: {cpu: '1'}}}]}}}\n- target: {kind: Service}\n  patch: |-\n    - {op: add, path: /spec/type, value: NodePort}\nreplacements:\n- source: {kind: ConfigMap, name: settings, fieldPath: data.a}\n  targets:\n  - select: {kind: Deployment}\n    fieldPaths: [metadata.annotations.copied]\n    options: {create: true}\n";

/// A Deployment and a Service for each number.
fn objects(count: usize) -> String {
    let mut text = String::new();
    for n in 0..count {
        write!(
            text,
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web{n}, labels: {{app: web{n}}}}}\nspec:\n  selector: {{matchLabels: {{app: web{n}}}}}\n  template:\n    metadata: {{labels: {{app: web{n}}}}}\n    spec:\n      containers:\n      - name: web\n        image: nginx:1\n        ports: [{{containerPort: 80}}]\n        envFrom: [{{configMapRef: {{name: settings}}}}]\n      - {{name: side, image: 'envoy:1'}}\n---\napiVersion: v1\nkind: Service\nmetadata: {{name: web{n}}}\nspec:\n  selector: {{app: web{n}}}\n  ports: [{{port: 80}}]\n"
        )
        .unwrap();
    }
    text
}

fn full(count: usize) -> Vec<(String, String)> {
    vec![
        ("base/all.yaml".to_owned(), objects(count)),
        ("base/kustomization.yaml".to_owned(), "resources: [all.yaml]\n".to_owned()),
        ("app/kustomization.yaml".to_owned(), FULL.to_owned()),
    ]
}

fn units(paths: &[String]) -> Vec<Unit> {
    paths.iter().map(|path| Unit { environment: "dev".into(), name: path.clone(), path: path.clone() }).collect()
}

/// The best of three.
fn here(files: &[(String, String)], paths: &[String]) -> Duration {
    let tree = files.iter().fold(MemoryTree::new(), |tree, (path, text)| tree.with(path.as_str(), text.as_str()));
    let times = (0..3).map(|_| {
        let started = Instant::now();
        let rendered = render_all(&tree, &units(paths), &RenderOptions::default()).unwrap();
        assert!(rendered.iter().all(|one| one.complete), "{:?}", rendered[0].findings);
        started.elapsed()
    });
    times.min().unwrap()
}

fn there(kubectl: &Path, files: &[(String, String)], paths: &[String]) -> Duration {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let file = folder.path().join(path);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
    let verb = if kubectl.ends_with("kustomize") { "build" } else { "kustomize" };
    let started = Instant::now();
    for path in paths {
        let done = Command::new(kubectl).arg(verb).arg(folder.path().join(path)).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    started.elapsed()
}

fn compare(what: &str, kubectl: Option<&Path>, files: &[(String, String)], paths: &[String]) {
    let ours = here(files, paths);
    let theirs = kubectl.map(|kubectl| there(kubectl, files, paths));
    let ratio = theirs.map(|theirs| theirs.as_secs_f64() / ours.as_secs_f64());
    println!(
        "{what}: {ours:.1?} here, {} by the original, {:.0} times",
        theirs.map_or("-".into(), |time| format!("{time:.1?}")),
        ratio.unwrap_or_default()
    );
}

/// The most memory that this process had, in MB.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap_or_default() / 1024
}

fn main() {
    if std::env::args().any(|argument| argument == "--hostile") {
        let all = [
            hostile::circles_and_towers,
            hostile::paths_and_links,
            hostile::fans,
            hostile::bombs,
            hostile::copies,
            hostile::numbers_of_directives,
        ];
        return all.into_iter().for_each(|one| one());
    }
    let kubectl = std::env::args().nth(1).filter(|argument| !argument.starts_with('-')).map(PathBuf::from);
    for count in [100, 250, 500, 1_000, 2_000] {
        // The original takes minutes for the largest.
        let original = kubectl.as_deref().filter(|_| count <= 500);
        compare(&format!("{count} Deployments and {count} Services"), original, &full(count), &["app".to_owned()]);
    }
    let mut files = full(5);
    let mut paths = Vec::new();
    for n in 0..200 {
        let path = format!("overlays/o{n}");
        files.push((
            format!("{path}/kustomization.yaml"),
            FULL.replace("../base", "../../base").replace("p-", &format!("o{n}-")),
        ));
        paths.push(path);
    }
    compare("200 overlays of one base", kubectl.as_deref(), &files, &paths);
    println!("peak memory here: {} MB", peak());
}
