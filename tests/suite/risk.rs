//! Fixtures of the risks: `tests/cases/risk/RISK/CASE.{before,after}.yaml` beside the findings that the change must give.

use crate::validate::objects;
use mergeline::diff::risk::{RISKS, Thresholds, of_set, of_unit};
use mergeline::diff::{ChangeSet, Redactor, diff};
use mergeline::finding::{Finding, Place};
use mergeline::manifest::Object;
use mergeline::unit::Unit;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/risk")
}

fn unit(name: &str) -> Unit {
    Unit { environment: "prod".into(), name: name.into(), path: name.into() }
}

fn read(folder: &Path, case: &str, side: &str) -> Vec<Object> {
    let name = format!("{case}.{side}.yaml");
    let (objects, findings) = objects(&name, &fs::read_to_string(folder.join(&name)).unwrap());
    assert_eq!(findings, []);
    objects
}

fn show(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let place = finding.place.as_ref().map_or_else(|| "-".to_owned(), Place::to_string);
        let object = finding.object.as_ref().map(ToString::to_string).unwrap_or_default();
        writeln!(text, "{}[{}] {place} {object}: {}", finding.severity, finding.rule, finding.message).unwrap();
        for (place, why) in &finding.related {
            writeln!(text, "    {place} {why}").unwrap();
        }
        if let Some(hint) = &finding.hint {
            writeln!(text, "    hint: {hint}").unwrap();
        }
    }
    text
}

/// The cases of a folder by name.
fn named(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|_| panic!("{} has no fixtures", folder.display()));
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut cases: Vec<String> = names.filter_map(|name| Some(name.strip_suffix(".after.yaml")?.to_owned())).collect();
    cases.sort();
    cases
}

#[test]
fn every_risk_finds_what_its_fixtures_hold() {
    for risk in RISKS.iter().filter(|risk| risk.id != "blast-radius") {
        let folder = cases().join(risk.id);
        let mut found = false;
        for case in named(&folder) {
            let (before, after) = (read(&folder, &case, "before"), read(&folder, &case, "after"));
            let findings = of_unit(&unit("shop"), &before, &after);
            let own: Vec<Finding> = findings.into_iter().filter(|finding| finding.rule == risk.id).collect();
            found |= !own.is_empty();
            insta::with_settings!({snapshot_path => &folder, prepend_module_to_snapshot => false, omit_expression => true}, {
                insta::assert_snapshot!(case, show(&own));
            });
        }
        assert!(found, "no fixture of `{0}` gives a finding of `{0}`", risk.id);
    }
}

#[test]
fn what_was_so_before_is_no_risk_of_the_change() {
    for risk in RISKS.iter().filter(|risk| risk.id != "blast-radius") {
        let folder = cases().join(risk.id);
        for case in named(&folder) {
            for side in ["before", "after"] {
                let objects = read(&folder, &case, side);
                assert_eq!(of_unit(&unit("shop"), &objects, &objects), [], "{} {case} {side}", risk.id);
            }
        }
    }
}

#[test]
fn every_folder_of_fixtures_is_of_a_risk_and_ids_are_told_once() {
    for entry in fs::read_dir(cases()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(RISKS.iter().any(|risk| risk.id == name), "`{name}` is no risk");
    }
    let mut ids: Vec<&str> = RISKS.iter().map(|risk| risk.id).collect();
    assert!(ids.is_sorted(), "{ids:?}");
    ids.dedup();
    assert_eq!(ids.len(), RISKS.len());
}

#[test]
fn a_change_that_reaches_far_is_told_for_its_environment() {
    let config = |unit: usize, value: &str| {
        let text = format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{unit}}}\ndata: {{a: {value}}}\n");
        objects("c.yaml", &text).0
    };
    let mut changes = ChangeSet::default();
    for at in 0..9 {
        changes.extend(diff(&unit(&format!("u{at}")), &config(at, "b"), &config(at, "c"), None, &Redactor::new()));
    }
    assert_eq!(of_set(&changes, &BTreeMap::new(), &Thresholds::default()), []);
    changes.extend(diff(&unit("u9"), &config(9, "b"), &[], None, &Redactor::new()));
    let findings = of_set(&changes, &BTreeMap::new(), &Thresholds::default());
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].environments, ["prod"]);
    assert_eq!(findings[0].message, "this changes 10 objects of 10 units at once, 1 of them deleted or replaced");
}

#[test]
fn a_definition_is_summed_up_field_by_field() {
    let folder = cases().join("definition-tightened");
    let (before, after) = (read(&folder, "widgets", "before"), read(&folder, "widgets", "after"));
    let changes = diff(&unit("shop"), &before, &after, None, &Redactor::new());
    let summary: String = changes[0].summary.iter().map(|line| format!("{line}\n")).collect();
    insta::with_settings!({snapshot_path => &folder, prepend_module_to_snapshot => false, omit_expression => true}, {
        insta::assert_snapshot!("summary", summary);
    });
    // A definition that comes or goes is one whole.
    assert!(diff(&unit("shop"), &[], &after, None, &Redactor::new()).iter().all(|change| change.summary.is_empty()));
}

#[test]
fn every_risk_has_its_section_with_its_severity() {
    for risk in &RISKS {
        let documented = mergeline::rule::find(risk.id).unwrap_or_else(|| panic!("`{}` has no section", risk.id));
        assert_eq!(documented.severity, risk.severity, "{}", risk.id);
        assert!(documented.can_be_silenced, "{}", risk.id);
    }
}
