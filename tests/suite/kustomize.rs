//! The native kustomize engine against the answers of kustomize 5.8.1.
//!
//! `../shared/conformance/kustomize.tar.gz` holds inputs and answers; without it the cases of `tests/cases/render` remain.

use mergeline::git::tree::MemoryTree;
use mergeline::manifest::{Budget, Dialect, Source, Value, yaml};
use mergeline::render::kustomize::{Cache, build};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// A case of the archive.
struct Case {
    name: String,
    area: String,
    directory: String,
    unrestricted: bool,
    fails: bool,
    folder: PathBuf,
}

/// Unpacks the archive once for this run; `None` where it is not.
fn cases() -> Option<(tempfile::TempDir, Vec<Case>)> {
    let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/conformance/kustomize.tar.gz");
    if !archive.exists() {
        return None;
    }
    let folder = tempfile::tempdir().unwrap();
    let done =
        std::process::Command::new("tar").arg("xzf").arg(&archive).arg("-C").arg(folder.path()).status().unwrap();
    assert!(done.success());
    let index: serde_json::Value =
        serde_json::from_slice(&fs::read(folder.path().join("index.json")).unwrap()).unwrap();
    let cases = index["cases"].as_array().unwrap().iter().map(|case| {
        let text = |key: &str| case[key].as_str().unwrap_or_default().to_owned();
        let flags = case["flags"].as_array().cloned().unwrap_or_default();
        Case {
            name: text("name"),
            area: text("area"),
            directory: text("dir").trim_matches(['.', '/']).to_owned(),
            unrestricted: flags
                .iter()
                .any(|flag| flag.as_str().is_some_and(|flag| flag.contains("LoadRestrictionsNone"))),
            fails: text("expect") == "error",
            folder: folder.path().join(text("name")),
        }
    });
    let cases = cases.collect();
    Some((folder, cases))
}

/// The documents of a text as kustomize reads them.
fn documents(text: &str) -> Vec<Value> {
    let budget = Budget { expanded: 4_000_000, ..Budget::default() };
    yaml::read(&Source::new("expected.yaml", text), Dialect::Kustomize, &budget).documents
}

fn built(tree: &MemoryTree, case: &Case) -> Result<Vec<Value>, String> {
    let product = build(tree, &case.directory, &Cache::default(), case.unrestricted).unwrap();
    if product.findings.is_empty() { Ok(product.values) } else { Err(format!("{:?}", product.findings[0])) }
}

#[test]
fn every_case_of_the_archive_is_what_kustomize_makes_of_it() {
    let Some((_folder, cases)) = cases() else {
        println!("skipped: ../shared/conformance is not there");
        return;
    };
    let mut areas: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut wrong = Vec::new();
    let (mut bytes, mut texts) = (0, 0);
    for case in &cases {
        let input = case.folder.join("input");
        let tree = if input.exists() { super::render::tree_of(&input) } else { MemoryTree::new() };
        let expected = fs::read_to_string(case.folder.join("expected.yaml")).unwrap_or_default();
        let why = match (built(&tree, case), case.fails) {
            (Ok(_), true) => Some("is built, and must be refused".to_owned()),
            (Err(_), true) => None,
            (Err(finding), false) => Some(format!("is refused: {finding}")),
            (Ok(got), false) => {
                let printed = yaml::print_documents(&got.iter().collect::<Vec<_>>());
                texts += 1;
                bytes += usize::from(printed == expected);
                if std::env::var_os("KUSTOMIZE_BYTES").is_some() && printed != expected {
                    fs::write(case.folder.join("got.yaml"), &printed).unwrap();
                    println!("other bytes: {}", case.name);
                }
                // The bytes decide where a reader of YAML 1.2 takes line breaks of YAML 1.1 for text.
                (printed != expected && got != documents(&expected)).then(|| {
                    let diff = similar::TextDiff::from_lines(&expected, &printed);
                    format!("differs:\n{}", diff.unified_diff().context_radius(3))
                })
            }
        };
        let counts = areas.entry(case.area.clone()).or_default();
        counts.1 += 1;
        match why {
            None => counts.0 += 1,
            Some(why) => wrong.push(format!("{} ({}) {why}", case.name, case.area)),
        }
    }
    for (area, (right, all)) in &areas {
        println!("{area}: {right} of {all}");
    }
    println!("{} of {} cases; {bytes} of {texts} to the byte", cases.len() - wrong.len(), cases.len());
    assert!(wrong.is_empty(), "{} cases:\n{}", wrong.len(), wrong.join("\n"));
}
