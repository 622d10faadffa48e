//! Charts of kustomizations, rendered by the lab's Helm here and by kustomize with the same Helm.
//!
//! `tests/cases/kustomize-charts/CASE` is a kustomization; the chart of `charts` is put beside it.

use mergeline::git::tree::MemoryTree;
use mergeline::manifest::{Object, yaml};
use mergeline::render::{RenderOptions, Rendered, find_helm, inputs, render};
use mergeline::unit::Unit;
use std::fs;
use std::path::Path;
use std::process::Command;

fn unit() -> Unit {
    Unit { environment: "dev".to_owned(), name: "app".to_owned(), path: "app".to_owned() }
}

/// The tree of a case, with its chart wherever a case looks for it.
fn tree_of(case: &Path) -> MemoryTree {
    let chart = super::render::tree_of(&case.parent().unwrap().join("charts/web"));
    let mut tree = MemoryTree::new();
    for (path, bytes) in super::render::tree_of(case).files() {
        tree.insert(format!("app/{path}"), bytes);
    }
    for (path, bytes) in chart.files() {
        tree.insert(format!("app/charts/web/{path}"), bytes);
        tree.insert(format!("app/deep/home/web-1.0.0/web/{path}"), bytes);
    }
    tree
}

fn rendered(tree: &MemoryTree, helm: Option<&Path>) -> Rendered {
    let helm = helm.and_then(|helm| find_helm(helm.parent().unwrap().as_os_str()));
    render(tree, &unit(), &RenderOptions { helm, ..RenderOptions::default() }).unwrap()
}

#[test]
fn charts_are_what_kustomize_makes_of_them() {
    let Some(tools) = mergeline_lab::needs::tools() else { return };
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/kustomize-charts");
    let (mut built, mut refused) = (0, 0);
    for case in
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(|case| !case.ends_with("charts"))
    {
        let tree = tree_of(&case);
        let disk = tempfile::tempdir().unwrap();
        for (path, bytes) in tree.files() {
            let file = disk.path().join(path);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, bytes).unwrap();
        }
        let mut oracle = Command::new(&tools.kustomize);
        oracle.args(["build", "--enable-helm", "--helm-command"]).arg(&tools.helm).arg(disk.path().join("app"));
        let done = oracle.output().unwrap();
        let ours = rendered(&tree, Some(&tools.helm));
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        assert_eq!(done.status.success(), !name.starts_with("refused"), "{}", String::from_utf8_lossy(&done.stderr));
        assert_eq!(ours.complete, done.status.success(), "{name}: {:?}", ours.findings);
        if !ours.complete {
            let place = ours.findings[0].place.as_ref().unwrap();
            assert!(place.path.starts_with("app/kustomization.yaml") && place.line.is_some(), "{:?}", ours.findings);
            assert!(!format!("{:?}", ours.findings).contains("mergeline-chart-"), "{:?}", ours.findings);
            refused += 1;
            continue;
        }
        let printed = yaml::print_documents(&ours.objects.iter().map(Object::value).collect::<Vec<_>>());
        assert_eq!(printed, String::from_utf8(done.stdout).unwrap(), "{name}");
        assert!(ours.objects.iter().all(|object| object.value().origin.is_some()), "{name}: an object has no origin");
        built += 1;
    }
    assert!(built >= 5 && refused >= 5, "{built} and {refused}");
}

#[test]
fn charts_are_refused_where_they_cannot_be_rendered() {
    let case = |text: &str| {
        tree_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/kustomize-charts/plain"))
            .with("app/kustomization.yaml", text)
    };
    let missing = rendered(&case("helmCharts:\n- name: web\n  releaseName: r\n"), None);
    assert!(!missing.complete);
    assert!(missing.findings[0].message.contains("`helm` is not installed"), "{:?}", missing.findings);
    let remote = rendered(&case("helmCharts:\n- name: other\n  repo: https://charts.example.com\n"), None);
    assert_eq!(remote.findings[0].rule, "remote-resource");
    assert!(remote.findings[0].hint.as_deref().unwrap().contains("render.kustomize.allow-remote"));
    assert_eq!(remote.findings[0].place.as_ref().unwrap().line, Some(3));
}

#[test]
fn a_chart_is_among_the_inputs_of_what_renders_it() {
    let tree = tree_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/kustomize-charts/values"));
    let inputs = inputs(&tree, &unit()).unwrap();
    for file in ["app/charts/web/templates/new.yaml", "app/charts/web/values.yaml", "app/more.yaml"] {
        assert!(inputs.read(file), "{file}");
    }
    assert!(!inputs.read("app/deep/other.yaml"));
}

#[test]
fn secrets_of_values_are_in_no_finding() {
    let Some(tools) = mergeline_lab::needs::tools() else { return };
    let tree = tree_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/kustomize-charts/refused-by-chart"));
    let refused = rendered(&tree, Some(&tools.helm));
    let text = format!("{:?}", refused.findings);
    assert!(text.contains("is weak") && !refused.findings[0].message.contains("hunter22"), "{text}");
}
