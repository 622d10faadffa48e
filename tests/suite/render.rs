//! Rendering, case by case: `tests/cases/render/CASE/in` is a tree, `unit` the path that is rendered, and what comes out is
//! `expected.yaml` (objects), `expected.places` (where each scalar came from) and `expected.findings`.
//!
//! `UPDATE_CASES=1` writes what comes out; look at the difference before committing it.

use mergeline::finding::Finding;
use mergeline::git::tree::MemoryTree;
use mergeline::manifest::{Data, Value, value::escape_token, yaml};
use mergeline::render::{RenderOptions, Rendered, render};
use mergeline::unit::Unit;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

fn case(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/render").join(name)
}

/// Everything below a folder as a tree.
pub(crate) fn tree_of(folder: &Path) -> MemoryTree {
    fn add(tree: &mut MemoryTree, root: &Path, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                add(tree, root, &path);
            } else {
                tree.insert(path.strip_prefix(root).unwrap().to_str().unwrap(), fs::read(&path).unwrap());
            }
        }
    }
    let mut tree = MemoryTree::new();
    add(&mut tree, folder, folder);
    tree
}

fn rendered(name: &str) -> Rendered {
    let path = fs::read_to_string(case(name).join("unit")).unwrap().trim().to_owned();
    let unit = Unit { environment: "dev".into(), name: "web".into(), path };
    render(&tree_of(&case(name).join("in")), &unit, &RenderOptions::default()).unwrap()
}

fn check(name: &str, rendered: &Rendered) {
    let objects: Vec<&Value> = rendered.objects.iter().map(mergeline::manifest::Object::value).collect();
    let mut places = String::new();
    for object in &rendered.objects {
        writeln!(places, "{}", object.reference()).unwrap();
        leaves(object.value(), "", &mut |pointer| {
            let place = object.value().origin_at(pointer).map(|origin| origin.place_without_excerpt().to_string());
            let key = object.value().key_origin_at(pointer).map(|origin| origin.place_without_excerpt().to_string());
            writeln!(places, "  {pointer} key {} value {}", key.unwrap_or("-".into()), place.unwrap_or("-".into()))
                .unwrap();
        });
    }
    let findings: String = rendered.findings.iter().map(|finding| format!("{}\n", told(finding))).collect();
    expect(&case(name).join("expected.yaml"), &yaml::write_documents(&objects));
    expect(&case(name).join("expected.places"), &places);
    expect(&case(name).join("expected.findings"), &findings);
    let failed = rendered.findings.iter().any(|finding| finding.severity == mergeline::finding::Severity::Error);
    assert_eq!(rendered.complete, !failed);
}

fn told(finding: &Finding) -> String {
    let place = finding.place.as_ref().map(ToString::to_string).unwrap_or_default();
    format!("{}[{}] {place}: {}", finding.severity, finding.rule, finding.message)
}

fn leaves(value: &Value, pointer: &str, visit: &mut dyn FnMut(&str)) {
    match &value.data {
        Data::List(items) => {
            items.iter().enumerate().for_each(|(index, item)| leaves(item, &format!("{pointer}/{index}"), visit));
        }
        Data::Map(map) => {
            map.iter().for_each(|(key, item)| leaves(item, &format!("{pointer}/{}", escape_token(&key.text)), visit));
        }
        _ => visit(pointer),
    }
}

/// Compares with a file; an empty text is no file.
fn expect(file: &Path, text: &str) {
    if std::env::var_os("UPDATE_CASES").is_some() {
        if text.is_empty() {
            drop(fs::remove_file(file));
        } else {
            fs::write(file, text).unwrap();
        }
    }
    let expected = fs::read_to_string(file).unwrap_or_default();
    similar_text(&expected, text, file);
}

fn similar_text(expected: &str, got: &str, file: &Path) {
    assert!(expected == got, "{}\n--- expected\n{expected}\n--- got\n{got}", file.display());
}

#[test]
fn a_folder_of_plain_manifests_is_its_objects() {
    check("plain", &rendered("plain"));
}

#[test]
fn a_missing_base_is_named_at_its_line() {
    check("missing-base", &rendered("missing-base"));
}

#[test]
fn every_field_of_an_overlay_knows_where_it_came_from() {
    check("overlay", &rendered("overlay"));
}

#[test]
fn what_kustomize_refuses_is_said_in_the_words_of_the_repository_and_without_secrets() {
    let rendered = rendered("refused-by-kustomize");
    check("refused-by-kustomize", &rendered);
    let told = format!("{:?}", rendered.findings);
    assert!(!told.contains("canary") && !told.contains("mergeline-render"), "{told}");
}

#[test]
fn broken_yaml_in_a_base_is_reported_at_its_line() {
    check("broken-resource", &rendered("broken-resource"));
}
