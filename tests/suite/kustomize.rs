//! The native kustomize engine against the answers of kustomize 5.8.1.
//!
//! `../shared/conformance/kustomize.tar.gz` holds inputs and answers; without it the cases of `tests/cases/render` remain.

use crate::beside::beside;
use mergeline::git::tree::MemoryTree;
use mergeline::manifest::{Budget, Data, Dialect, Key, Origin, Source, Value, yaml};
use mergeline::render::inputs;
use mergeline::render::kustomize::{Cache, build};
use mergeline::unit::Unit;
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
    let archive = beside("conformance/kustomize.tar.gz")?;
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
    let cache = Cache::default();
    let product = build(tree, &case.directory, &cache, case.unrestricted).unwrap();
    let unit = Unit { environment: "dev".to_owned(), name: case.name.clone(), path: case.directory.clone() };
    let inputs = inputs(tree, &unit).unwrap();
    for file in cache.reads().into_iter().filter(|_| product.built) {
        assert!(inputs.read(&file), "{}: a change of `{file}`, which the build reads, would not be seen", case.name);
    }
    if product.built { Ok(product.values) } else { Err(format!("{:?}", product.findings[0])) }
}

#[test]
fn every_case_of_the_archive_is_what_kustomize_makes_of_it() {
    let Some((_folder, cases)) = cases() else { return };
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

/// Differences from kustomize that were found and mended: `tests/cases/kustomize/CASE/in` is a tree, `app` is built in it,
/// and `expected.yaml` is what kustomize prints; where there is none, kustomize refuses it.
#[test]
fn differences_that_were_mended_stay_mended() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/kustomize");
    for case in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        let product = build(&super::render::tree_of(&case.join("in")), "app", &Cache::default(), false).unwrap();
        let printed = yaml::print_documents(&product.values.iter().collect::<Vec<_>>());
        let Ok(expected) = fs::read_to_string(case.join("expected.yaml")) else {
            assert!(!product.built, "{}", case.display());
            continue;
        };
        assert!(printed == expected, "{}: {:?}\n{printed}", case.display(), product.findings);
    }
}

/// Calls `visit` with each scalar below, its key and the origin of both.
fn fields<'a>(value: &'a Value, key: Option<&'a Key>, visit: &mut dyn FnMut(&'a Value, Option<&'a Key>)) {
    match &value.data {
        Data::List(items) => items.iter().for_each(|item| fields(item, key, visit)),
        Data::Map(map) => map.iter().for_each(|(key, item)| fields(item, Some(key), visit)),
        _ => visit(value, key),
    }
}

/// The text of a file at an origin.
fn at(origin: &Origin) -> &str {
    let (start, end) = origin.span();
    origin.source().text().get(start as usize..end as usize).unwrap_or_default()
}

/// Says whether a field leads to a place that a person can edit to change it: the same key or value, or a directive.
fn is_placed(tree: &MemoryTree, value: &Value, key: Option<&Key>) -> bool {
    let there = |origin: &&Origin| tree.files().any(|(path, _)| path == origin.source().path());
    let key_origin = key.and_then(|key| key.origin.as_ref()).filter(there);
    let value_origin = value.origin.as_ref().filter(there);
    let text = match &value.data {
        Data::String(text) => text.clone(),
        Data::Number(number) => number.literal().to_owned(),
        Data::Bool(flag) => flag.to_string(),
        _ => "null".to_owned(),
    };
    let directive = |origin: &Origin| {
        let name = origin.source().path().rsplit('/').next().unwrap_or_default();
        mergeline::render::kustomize::is_kustomization_name(name)
    };
    let same_key = key_origin.zip(key).is_some_and(|(origin, key)| at(origin).trim_matches(['"', '\'']) == key.text);
    let value_origin = value_origin.filter(|origin| origin.span().1 > 0);
    same_key || value_origin.is_some_and(|origin| directive(origin) || at(origin).contains(&text))
}

#[test]
fn most_fields_lead_to_the_line_that_sets_them() {
    let Some((_folder, cases)) = cases() else { return };
    let (mut placed, mut all, mut lost) = (0_u32, 0_u32, BTreeMap::<String, u32>::new());
    for case in cases.iter().filter(|case| !case.fails) {
        let tree = super::render::tree_of(&case.folder.join("input"));
        for value in built(&tree, case).unwrap() {
            let origin = value.origin.as_ref().unwrap_or_else(|| panic!("{}: an object has no origin", case.name));
            assert!(tree.files().any(|(path, _)| path == origin.source().path()), "{}: {origin:?}", case.name);
            fields(&value, None, &mut |value, key| {
                all += 1;
                if is_placed(&tree, value, key) {
                    placed += 1;
                } else {
                    *lost.entry(key.map(|key| key.text.to_string()).unwrap_or_default()).or_default() += 1;
                }
            });
        }
    }
    let mut lost: Vec<_> = lost.into_iter().collect();
    lost.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    lost.truncate(12);
    println!("{placed} of {all} fields are placed; most others: {lost:?}");
    assert!(placed * 100 >= all * 80, "{placed} of {all} fields");
}

/// The folders below that hold a kustomization.
fn kustomizations(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    if entries.iter().any(|path| path.ends_with("kustomization.yaml")) {
        found.push(folder.to_owned());
    }
    entries.iter().filter(|path| path.is_dir() && !path.ends_with(".git")).for_each(|path| kustomizations(path, found));
}

#[test]
fn real_repositories_are_what_kustomize_makes_of_them() {
    let (Some(tools), Some(inputs)) = (mergeline_lab::needs::tools(), beside("inputs")) else { return };
    let (mut equal, mut remote, mut wrong) = (0, 0, Vec::new());
    for repository in fs::read_dir(&inputs).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        let tree = super::render::tree_of(&repository);
        let cache = Cache::default();
        let mut folders = Vec::new();
        kustomizations(&repository, &mut folders);
        for folder in folders {
            let directory = folder.strip_prefix(&repository).unwrap().to_str().unwrap();
            let product = build(&tree, directory, &cache, false).unwrap();
            if product.findings.iter().any(|finding| finding.rule == "remote-resource") {
                remote += 1;
                continue;
            }
            let done = std::process::Command::new(&tools.kustomize).arg("build").arg(&folder).output().unwrap();
            let expected = String::from_utf8(done.stdout).unwrap();
            let printed = yaml::print_documents(&product.values.iter().collect::<Vec<_>>());
            if done.status.success() == product.built && (!done.status.success() || printed == expected) {
                equal += 1;
            } else {
                wrong.push(format!("{}: {:?}", folder.display(), product.findings.first()));
            }
        }
    }
    println!("{equal} equal to the byte, {remote} need the network");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
