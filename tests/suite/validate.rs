//! Fixtures of the rules: `tests/cases/validate/RULE/CASE.yaml` beside the findings that it must give.

use mergeline::finding::{Finding, Place, Severity};
use mergeline::manifest::yaml::{self, Budget, Dialect};
use mergeline::manifest::{Object, Source, Value};
use mergeline::schema::Catalog;
use mergeline::validate::{self, Options, Verdict};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/validate")
}

/// The objects of a file, those in lists by themselves, and what reading it found.
pub(crate) fn objects(name: &str, text: &str) -> (Vec<Object>, Vec<Finding>) {
    let source = Source::new(name, text);
    let reading = yaml::read(&source, Dialect::Kubectl, &Budget::default());
    let expand = |value: Value| match value.get("items").and_then(Value::as_list) {
        Some(items) if value.get("kind").and_then(Value::as_str).is_some_and(|kind| kind.ends_with("List")) => {
            items.to_vec()
        }
        _ => vec![value],
    };
    let values = reading.documents.into_iter().flat_map(expand);
    (values.filter_map(|value| Object::new(value).ok()).collect(), reading.findings)
}

/// What Mergeline says of a file, the CustomResourceDefinitions in it known.
pub(crate) fn judge(name: &str, text: &str, options: &Options) -> Verdict {
    let mut catalog = Catalog::bundled("1.36").unwrap();
    let (objects, reading) = objects(name, text);
    let mut findings = reading;
    findings.extend(catalog.add_definitions(&objects));
    let mut verdict = validate::validate(&objects, &catalog, options);
    findings.append(&mut verdict.findings);
    findings.extend(verdict.absent.iter().map(|absent| absent.finding.clone()));
    Verdict { findings, ..verdict }
}

fn show(verdict: &Verdict) -> String {
    let mut text = String::new();
    for finding in &verdict.findings {
        let place = finding.place.as_ref().map(Place::to_string).unwrap_or_default();
        writeln!(text, "{}[{}] {place} {}", finding.severity, finding.rule, finding.message).unwrap();
        writeln!(text, "    at {}", finding.pointer.as_deref().unwrap_or("-")).unwrap();
        if let Some(excerpt) = finding.place.as_ref().and_then(|place| place.excerpt.as_ref()) {
            let column = finding.place.as_ref().and_then(|place| place.column).unwrap_or(1) as usize;
            let marked: String = excerpt.line.chars().skip(column - 1).take(excerpt.width as usize).collect();
            writeln!(text, "    marks {marked}").unwrap();
        }
        for (place, why) in &finding.related {
            writeln!(text, "    and {place} {why}").unwrap();
        }
        if let Some(hint) = &finding.hint {
            writeln!(text, "    hint: {hint}").unwrap();
        }
    }
    writeln!(text, "checked {}", verdict.checked).unwrap();
    for unchecked in &verdict.unchecked {
        writeln!(text, "unchecked {} {}: {}", unchecked.count, unchecked.type_key, unchecked.reason).unwrap();
    }
    text
}

/// Rules of the chapters "Objects" and "Reading YAML" without a folder here, and where they are tried.
const ELSEWHERE: [(&str, &str); 2] = [
    ("rejected-kind", "a flag of the command line: tests/suite/cli/validate.rs"),
    ("not-an-object", "what reads a tree says it, not what reads a file: src/render"),
];

/// The ids of the sections of a chapter of `docs/rules.md`.
fn chapter(name: &str) -> Vec<&'static str> {
    let document = include_str!("../../docs/rules.md");
    let chapter = document.split("\n## ").find(|chapter| chapter.starts_with(name)).unwrap();
    let sections = chapter.split("\n### `").skip(1).filter_map(|section| section.split('`').next());
    sections.filter(|id| !ELSEWHERE.iter().any(|(elsewhere, _)| elsewhere == id)).collect()
}

/// Every rule that looks at objects or at YAML: those of the registry, and those of the document.
fn with_fixtures() -> std::collections::BTreeSet<&'static str> {
    let registry = validate::rules::RULES.iter().map(|rule| rule.id);
    registry.chain(chapter("Objects")).chain(chapter("Reading YAML")).collect()
}

#[test]
fn every_rule_on_a_change_has_its_folder() {
    let folder = cases().with_file_name("risk");
    // It looks at a whole change: `src/diff/risk/blast_radius.rs`.
    for id in chapter("Changes").into_iter().filter(|id| *id != "blast-radius") {
        assert!(folder.join(id).is_dir(), "the rule `{id}` has no fixtures");
    }
}

#[test]
fn every_rule_finds_what_its_fixtures_hold() {
    for id in with_fixtures() {
        let folder = cases().join(id);
        let mut files: Vec<PathBuf> = fs::read_dir(&folder)
            .unwrap_or_else(|_| panic!("the rule `{id}` has no fixtures"))
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
            .collect();
        files.sort();
        assert!(!files.is_empty(), "the rule `{id}` has no fixtures");
        let mut found = false;
        for file in files {
            let case = file.file_stem().unwrap().to_string_lossy().into_owned();
            let verdict = judge(&format!("{case}.yaml"), &fs::read_to_string(&file).unwrap(), &Options::default());
            found |= verdict.findings.iter().any(|finding| finding.rule == id);
            insta::with_settings!({snapshot_path => &folder, prepend_module_to_snapshot => false, omit_expression => true}, {
                insta::assert_snapshot!(case, show(&verdict));
            });
        }
        assert!(found, "no fixture of `{id}` gives a finding of it");
        let documented = mergeline::rule::find(id).unwrap_or_else(|| panic!("`{id}` has no section in docs/rules.md"));
        assert_eq!(mergeline::rule::url(documented.id), format!("https://mergeline.dev/rules/{id}"));
    }
}

#[test]
fn every_folder_of_fixtures_is_of_a_rule() {
    for entry in fs::read_dir(cases()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(with_fixtures().contains(&*name), "`{name}` is no rule");
    }
}

#[test]
fn no_value_of_a_secret_is_said() {
    let text = fs::read_to_string(cases().join("schema/secret.yaml")).unwrap();
    let verdict = judge("secret.yaml", &text, &Options::default());
    assert!(verdict.findings.len() >= 4);
    let said = format!("{:?}", verdict.findings);
    for value in ["hunter2", "5432", "is-not-base64", "98765"] {
        assert!(!said.contains(value), "{value}: {said}");
    }
}

#[test]
fn lenient_passes_over_unknown_fields_and_nothing_else() {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nsurprise: 1\ndata: []\n";
    let lenient = Options { strict: false, ..Options::default() };
    let rules = |options| judge("a.yaml", text, options).findings.into_iter().map(|f| f.rule).collect::<Vec<_>>();
    assert_eq!(rules(&lenient), ["schema"]);
    assert_eq!(rules(&Options::default()), ["unknown-field", "schema"]);
}

/// Each was put to kube-apiserver 1.36.3 with nothing but a name.
#[test]
fn an_object_of_a_name_alone_is_taken_where_the_server_takes_it() {
    let taken = [
        "v1 ConfigMap, v1 Endpoints, v1 LimitRange, v1 Namespace, v1 Node, v1 ResourceQuota, v1 Secret, v1 ServiceAccount",
        "admissionregistration.k8s.io/v1 MutatingWebhookConfiguration, networking.k8s.io/v1 NetworkPolicy",
        "admissionregistration.k8s.io/v1 ValidatingWebhookConfiguration, coordination.k8s.io/v1 Lease",
        "policy/v1 PodDisruptionBudget, rbac.authorization.k8s.io/v1 ClusterRole, rbac.authorization.k8s.io/v1 Role",
        "resource.k8s.io/v1 DeviceClass, resource.k8s.io/v1 ResourceClaim, resource.k8s.io/v1 ResourceClaimTemplate",
        "scheduling.k8s.io/v1 PriorityClass, storage.k8s.io/v1 CSIDriver, storage.k8s.io/v1 CSINode",
    ];
    for kind in taken.iter().flat_map(|line| line.split(", ")) {
        let (api_version, kind) = kind.split_once(' ').unwrap();
        let text = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: x}}\n");
        let verdict = judge("x.yaml", &text, &Options::default());
        let refused = verdict.findings.iter().any(|finding| finding.severity == Severity::Error);
        assert!(!refused, "{kind}: {:?}", verdict.findings);
        assert_eq!(verdict.checked, 1);
    }
    for kind in ["v1 Pod", "apps/v1 Deployment", "batch/v1 Job"] {
        let (api_version, kind) = kind.split_once(' ').unwrap();
        let text = format!("apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: x}}\n");
        assert!(!judge("x.yaml", &text, &Options::default()).findings.is_empty(), "{kind}");
    }
}
