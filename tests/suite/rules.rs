//! Every rule in the code has its section in `docs/rules.md`, and every section a rule; the examples there are true.

use crate::validate::judge;
use mergeline::finding::Severity;
use mergeline::rule;
use mergeline::validate::Options;
use mergeline::validate::rules::RULES;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let test = ["tests", "tests.rs", "sample.rs", "leaks.rs", "memory"].contains(&name.as_str());
        match path.is_dir() {
            true if !test => sources(&path, files),
            false if !test && name.ends_with(".rs") => files.push(path),
            _ => {}
        }
    }
}

/// The ids that findings are made with, by the file that makes them.
fn in_code() -> BTreeMap<String, PathBuf> {
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let made = regex::Regex::new(
        r#"(?:Finding::(?:error|warning|info|new)|Problem::new|\bwrong|changed_key|elsewhere)\(\s*(?:if \w+ \{ )?"([a-z]+(?:-[a-z]+)*)"|\bid: "([a-z-]+)""#,
    )
    .unwrap();
    let mut ids = BTreeMap::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let product = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap();
        for found in made.captures_iter(product) {
            let id = found.get(1).or(found.get(2)).unwrap().as_str();
            ids.insert(id.to_owned(), file.clone());
        }
    }
    ids
}

#[test]
fn every_rule_in_the_code_has_its_section_and_every_section_its_rule() {
    let code = in_code();
    let documented: BTreeSet<&str> = rule::all().iter().map(|rule| rule.id).collect();
    let missing: Vec<_> = code.iter().filter(|(id, _)| !documented.contains(id.as_str())).collect();
    assert!(missing.is_empty(), "rules without a section in docs/rules.md (`### \\`ID\\``): {missing:?}");
    // Some are named by a constant.
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    let text: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let dead: Vec<_> = documented.iter().filter(|id| !text.contains(&format!("\"{id}\""))).collect();
    assert!(dead.is_empty(), "sections of docs/rules.md without a rule: {dead:?}");
}

#[test]
fn rules_on_objects_weigh_what_the_document_says() {
    for rule in &RULES {
        let documented = rule::find(rule.id).unwrap_or_else(|| panic!("`{}` has no section", rule.id));
        assert_eq!(documented.severity, rule.severity, "{}", rule.id);
    }
}

#[test]
fn the_examples_of_the_document_are_true() {
    for rule in rule::all() {
        let blocks = rule.text.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
        for block in blocks {
            let verdict = judge("example.yaml", block, &Options::default());
            let broken = verdict.findings.iter().any(|finding| finding.rule == rule.id);
            let said = format!("{}:\n{block}\n{:?}", rule.id, verdict.findings);
            match block.lines().next() {
                Some("# bad") => assert!(broken, "{said}"),
                Some("# good") => {
                    let wrong = verdict.findings.iter().any(|finding| finding.severity == Severity::Error);
                    assert!(!broken && !wrong, "{said}");
                }
                first => panic!("{}: an example begins with `# bad` or `# good`, not {first:?}", rule.id),
            }
        }
    }
}
