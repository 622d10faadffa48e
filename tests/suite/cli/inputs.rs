//! Real repositories, where they are beside this one: what they render to is taken by servers every day, and so nothing
//! may be said of it but what is not rendered or has no schema.

use super::place::run;
use crate::beside::{beside, folders_with};
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// What may be said: facts about sources and coverage, no judgement of an object.
const ALLOWED: [&str; 7] = [
    "deprecated-kustomization-field",
    "kustomize-warning",
    "not-an-object",
    "not-rendered",
    "nothing-to-render",
    "unknown-kind",
    "unlisted-manifest",
];

/// Findings that judge, as `rule place message`.
fn judged(folder: &Path, arguments: &[&str], input: &str, path: &Path) -> (usize, Vec<String>) {
    let home = tempfile::tempdir().unwrap();
    let variables: [(&str, OsString); 2] = [("PATH", path.into()), ("HOME", home.path().into())];
    let said = run(folder, arguments, input, &variables);
    let report = said.json();
    let text = |finding: &serde_json::Value, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
    let findings = report["findings"].as_array().unwrap().iter();
    let wrong = findings.filter(|finding| {
        let unknown_as_warning = text(finding, "rule") != "unknown-kind" || text(finding, "severity") == "warning";
        !ALLOWED.contains(&text(finding, "rule").as_str()) || !unknown_as_warning
    });
    let wrong =
        wrong.map(|it| format!("{} {}:{} {}", text(it, "rule"), text(it, "path"), it["line"], text(it, "message")));
    (report["counts"]["objects"]["checked"].as_u64().unwrap() as usize, wrong.collect())
}

#[test]
fn real_repositories_are_taken_as_servers_take_them() {
    let Some(inputs) = beside("inputs") else { return };
    let Some(tools) = mergeline_lab::needs::tools() else { return };
    let path = tools.kustomize.parent().unwrap();
    let mut checked = 0;
    let mut wrong = Vec::new();
    for entry in std::fs::read_dir(&inputs).unwrap().flatten().filter(|entry| entry.path().is_dir()) {
        let (count, said) = judged(&entry.path(), &["validate", "--output", "json", "."], "", path);
        checked += count;
        wrong.extend(said.into_iter().map(|said| format!("{}: {said}", entry.file_name().to_string_lossy())));
    }
    for chart in folders_with(&inputs, "Chart.yaml") {
        let rendered = Command::new(&tools.helm).args(["template", "release"]).arg(&chart).output().unwrap();
        // A chart whose dependencies are on another machine cannot be rendered here.
        if !rendered.status.success() {
            continue;
        }
        let text = String::from_utf8(rendered.stdout).unwrap();
        let (count, said) = judged(&inputs, &["validate", "--output", "json", "-"], &text, path);
        checked += count;
        wrong.extend(said.into_iter().map(|said| format!("{}: {said}", chart.display())));
    }
    assert!(checked > 60, "{checked}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
