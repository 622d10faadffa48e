//! The verdicts of kubeconform's and kubectl-validate's own fixtures, where they are beside the repository.

use crate::beside::beside;
use crate::validate::{judge, objects};
use mergeline::finding::{Finding, Severity};
use mergeline::manifest::Object;
use mergeline::schema::Catalog;
use mergeline::validate::{self, Options};
use serde_json::Value as Json;
use std::fs;

/// Rules that go beyond what kubeconform looks at.
const BEYOND_SCHEMAS: [&str; 2] = ["selector-mismatch", "missing-name"];

fn errors(findings: &[Finding]) -> Vec<&Finding> {
    findings.iter().filter(|finding| finding.severity == Severity::Error).collect()
}

#[test]
fn kubeconforms_fixtures_get_its_verdicts() {
    let Some(folder) = beside("conformance/validation") else { return };
    let expected: Json = serde_json::from_str(&fs::read_to_string(folder.join("expected.json")).unwrap()).unwrap();
    let mut wrong = Vec::new();
    let mut compared = 0;
    for case in expected["cases"].as_array().unwrap() {
        let name = case["file"].as_str().unwrap();
        let path = folder.join("kubeconform").join(name);
        let files = if path.is_dir() {
            let mut files: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()).collect();
            files.sort();
            files
        } else {
            vec![path]
        };
        for (mode, strict) in [("lenient", false), ("strict", true)] {
            let Some(wanted) = case[mode].as_str() else { continue };
            // Judged by a JSON Schema file of the user's; `validate.schemas` comes later.
            if case["schema"].is_string() {
                continue;
            }
            compared += 1;
            let options = Options { strict, ..Options::default() };
            let (mut count, mut refused, mut unknown) = (0, Vec::new(), false);
            for file in &files {
                let text = fs::read_to_string(file).unwrap();
                let verdict = judge(name, &text, &options);
                count += objects(name, &text).0.len();
                unknown |= !verdict.unchecked.is_empty();
                let found = verdict.findings.into_iter().filter(|finding| finding.severity == Severity::Error);
                refused.extend(found.filter(|finding| !BEYOND_SCHEMAS.contains(&&*finding.rule)));
            }
            // kubeconform without `-strict` takes the last of two keys; the API server's clients do so too, silently.
            if mode == "lenient" {
                refused.retain(|finding| finding.rule != "duplicate-key");
            }
            let got = match (count, refused.is_empty()) {
                (0, _) => "empty",
                (_, false) => "invalid",
                (_, true) if unknown => "unknown-kind",
                (_, true) => "valid",
            };
            let got = if wanted == "error" && got == "empty" { "error" } else { got };
            let field = case["field"].as_str().map(|field| format!("/{}", field.replace('.', "/")));
            let at_field = field.is_none_or(|field| {
                wanted != "invalid" || refused.iter().any(|finding| finding.pointer.as_deref() == Some(&field))
            });
            let counted = case["resources"].as_u64().is_none_or(|resources| resources as usize == count);
            if got != wanted || !at_field || !counted {
                let said: Vec<String> = refused.iter().map(|f| format!("[{}] {}", f.rule, f.message)).collect();
                wrong.push(format!("{name} {mode}: wanted {wanted}, got {got} of {count}: {}", said.join("; ")));
            }
        }
    }
    assert!(compared > 25, "{compared}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The answer of the API server that a fixture of kubectl-validate holds in the comment at its top.
fn status(document: &str) -> Option<Json> {
    let lines = document.lines().map_while(|line| line.strip_prefix('#'));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    // Prose may follow the JSON.
    serde_json::Deserializer::from_str(&text).into_iter::<Json>().next()?.ok()
}

/// `spec.containers[0].ports[2]` as a JSON pointer.
///
/// The server calls the root `<nil>` where a rule is about the whole object.
fn pointer(field: &str) -> String {
    if field == "<nil>" {
        return String::new();
    }
    field.split('.').fold(String::new(), |path, part| path + "/" + &part.replace('[', "/").replace(']', ""))
}

/// Where kubectl-validate differs from the API server, and we go with the server.
const DIFFERENCES: [(&str, &str); 1] = [(
    "configmap.yaml",
    "a finalizer without a domain: kubectl-validate takes it, kube-apiserver 1.36.3 refuses it (`neither a standard finalizer name nor is it fully qualified`)",
)];

#[test]
fn kubectl_validates_fixtures_get_the_servers_verdicts() {
    let Some(folder) = beside("conformance/validation").map(|folder| folder.join("kubectl-validate")) else { return };
    let mut catalog = Catalog::bundled("1.36").unwrap();
    for crds in ["crds", "more-crds"] {
        for entry in fs::read_dir(folder.join(crds)).unwrap() {
            let path = entry.unwrap().path();
            let (objects, _) = objects(&path.to_string_lossy(), &fs::read_to_string(&path).unwrap());
            let problems = catalog.add_definitions(&objects);
            assert!(problems.is_empty(), "{}: {problems:?}", path.display());
            let refused = validate::validate(&objects, &catalog, &Options::default());
            let refused = errors(&refused.findings);
            assert!(path.ends_with("not-a-crd-should-be-ignored.yaml") || refused.is_empty(), "{refused:?}");
        }
    }
    let mut wrong = Vec::new();
    let mut compared = 0;
    let mut files: Vec<_> =
        fs::read_dir(folder.join("manifests")).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        for document in fs::read_to_string(&file).unwrap().split("\n---") {
            let Some(wanted) = status(document.trim_start()) else { continue };
            let document_objects: Vec<Object> = objects(&name, document).0;
            let verdict = validate::validate(&document_objects, &catalog, &Options::default());
            let refused = errors(&verdict.findings);
            compared += 1;
            let said: Vec<String> =
                refused.iter().map(|f| format!("{} {}", f.pointer.as_deref().unwrap_or("-"), f.message)).collect();
            if wanted["status"] == "Success" {
                if DIFFERENCES.iter().any(|(file, _)| *file == name) {
                    assert!(!refused.is_empty(), "{name} differs no more");
                } else if !refused.is_empty() {
                    wrong.push(format!("{name}: the server takes it, we say: {}", said.join("; ")));
                }
                continue;
            }
            let fields: Vec<&str> = wanted["details"]["causes"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|cause| cause["field"].as_str())
                .collect();
            for field in fields {
                let pointer = pointer(field);
                let named = |finding: &&&Finding| {
                    let at = finding.pointer.as_deref().unwrap_or_default();
                    // The server names the map of labels, we name the label.
                    at == pointer
                        || at.strip_prefix(&pointer).is_some_and(|rest| rest.starts_with('/'))
                        || (finding.rule == "missing-name" && pointer.starts_with(at))
                };
                if !refused.iter().any(|finding| named(&finding)) {
                    wrong.push(format!("{name}: the server refuses `{field}`, we say: {}", said.join("; ")));
                }
            }
            if refused.is_empty() {
                wrong.push(format!("{name}: the server refuses it, we do not"));
            }
        }
    }
    assert!(compared > 12, "{compared}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
