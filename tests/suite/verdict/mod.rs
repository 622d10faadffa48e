//! The API server is the judge: what it refuses we refuse, what it takes we take.
//!
//! A seeded generator spoils valid objects of every built-in kind and of twenty custom ones (`tests/cases/verdict`), and each
//! is put to the lab's server with `dryRun=All&fieldValidation=Strict`. A bounded number runs with every test run. The whole:
//!
//! ```console
//! $ MERGELINE_VERDICT_CASES=12000 cargo test --test suite verdict:: -- --nocapture
//! ```
//!
//! `MERGELINE_VERDICT_SEED` chooses other cases, `MERGELINE_VERDICT_LIST=1` writes the list of what is not caught
//! (`tests/cases/verdict/not-caught.md`), `MERGELINE_VERDICT_RECORD=FILE` writes each case with both answers, and
//! `MERGELINE_VERDICT_REPLAY=FILE` judges the cases of such a file again by the server's answers in it.
//! `MERGELINE_VERDICT_WIDE=1` puts every text and number at every place of every template (tens of thousands of cases), and
//! `MERGELINE_VERDICT_KEEP=1` adds what comes out wrong to `once-wrong.jsonl`, which is judged again by every test run.

mod mutate;
mod random;
pub(crate) mod server;
mod tally;

use crate::validate::objects;
use futures::StreamExt as _;
use mergeline::finding::{Finding, Severity};
use mergeline::manifest::TypeKey;
use mergeline::schema::Catalog;
use mergeline::validate::{self, Options};
use random::Random;
use serde_json::Value as Json;
use server::{Answer, Server, Sort};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tally::Tally;

/// How many cases run without being asked for more, beside those that every run has.
const CASES: usize = 400;
/// How many requests are under way at once.
const CONCURRENT: usize = 8;
/// The group of the definitions on disk; each run has one of its own.
const GROUP: &str = "verdict.example.com";

/// A valid object.
struct Template {
    name: String,
    object: Json,
    definition: bool,
}

/// A case: an object and how it was made.
pub(super) struct Case {
    pub(super) name: String,
    pub(super) object: Json,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/verdict")
}

fn from_environment<T: std::str::FromStr>(name: &str, otherwise: T) -> T {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

/// The documents of the files in a folder as JSON, their group and namespace filled in.
fn documents(part: &str, group: &str, namespace: &str) -> Vec<(String, Json)> {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder().join(part)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut found = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap().replace(GROUP, group).replace("NAMESPACE", namespace);
        let (objects, findings) = objects(&file.to_string_lossy(), &text);
        assert!(findings.is_empty(), "{findings:?}");
        found.extend(objects.into_iter().map(|object| {
            let name = format!("{} {}", object.kind(), object.name().unwrap_or_default());
            (name, to_json(object.value()))
        }));
    }
    found
}

pub(crate) fn to_json(value: &mergeline::manifest::Value) -> Json {
    use mergeline::manifest::Data;
    match &value.data {
        Data::Null => Json::Null,
        Data::Bool(flag) => (*flag).into(),
        Data::Number(number) => number.as_i64().map_or_else(|| number.as_f64().into(), Into::into),
        Data::String(text) => text.as_str().into(),
        Data::List(items) => items.iter().map(to_json).collect(),
        Data::Map(map) => map.iter().map(|(key, value)| (key.text.clone(), to_json(value))).collect(),
    }
}

/// The errors that we give for a case.
fn errors(case: &Json, catalog: &Catalog) -> Vec<Finding> {
    let text = case.to_string();
    let (objects, mut findings) = objects("case.json", &text);
    if objects.is_empty() {
        findings.push(Finding::error("not-an-object", "the document is no object"));
    }
    // A definition is judged by itself, as in a run.
    let mut own = None;
    if case["kind"] == "CustomResourceDefinition" {
        let known = own.insert(catalog.clone());
        findings.extend(known.add_definitions(&objects));
    }
    let catalog = own.as_ref().unwrap_or(catalog);
    findings.extend(validate::validate(&objects, catalog, &Options::default()).findings);
    // That a kind is not known, or only served where it is switched on, is a warning: it is said.
    let said = |finding: &Finding| matches!(&*finding.rule, "unknown-kind" | "not-served");
    findings.retain(|finding| finding.severity == Severity::Error || said(finding));
    findings
}

/// Makes the cases: every template as it is, what is asked of each, then spoiled ones.
fn cases(templates: &[Template], catalog: &Catalog, count: usize, wide: bool, random: &mut Random) -> Vec<Case> {
    let mut cases: Vec<Case> =
        templates.iter().map(|t| Case { name: format!("{}: as it is", t.name), object: t.object.clone() }).collect();
    for template in templates {
        let mut swept = mutate::sweep(&template.object);
        if wide {
            swept.extend(mutate::wide_sweep(&template.object));
        }
        let swept = swept.into_iter();
        cases.extend(swept.map(|(how, object)| Case { name: format!("{}: {how}", template.name), object }));
    }
    let before = cases.len();
    while cases.len() < before + count {
        let mut template = random.pick(templates);
        // The definitions of the custom resources are many: one time in four.
        if template.definition && random.chance(75) {
            template = random.pick(templates);
        }
        let mut object = template.object.clone();
        let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
        let kind = catalog.kind(&TypeKey::new(&text("apiVersion"), &text("kind")));
        let mut how = mutate::mutate(&mut object, kind.map(|kind| kind.root()), random);
        if random.chance(15) {
            how = format!("{how}, {}", mutate::mutate(&mut object, kind.map(|kind| kind.root()), random));
        }
        if object != template.object {
            cases.push(Case { name: format!("{}: {how}", template.name), object });
        }
    }
    cases
}

/// Removes the definitions of a run, however it ends.
struct Installed<'a> {
    cluster: &'a mergeline_lab::Cluster,
    names: Vec<String>,
    namespace: String,
}

impl Drop for Installed<'_> {
    fn drop(&mut self) {
        let names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        let arguments = [&["delete", "--wait=false", "--ignore-not-found", "crd"][..], &names].concat();
        drop(self.cluster.kubectl(&arguments));
        drop(self.cluster.kubectl(&["delete", "--wait=false", "namespace", &self.namespace]));
    }
}

/// Judges recorded cases again, without a server.
fn replay(path: &str) -> Tally {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let group = lines.next().unwrap()["group"].as_str().unwrap().to_owned();
    let definitions = documents("definitions", &group, "replay");
    let definitions = definitions.iter().filter(|(_, object)| object["kind"] == "CustomResourceDefinition");
    let definitions: Vec<String> = definitions.map(|(_, object)| object.to_string()).collect();
    let mut catalog = Catalog::bundled("1.36").unwrap();
    catalog.add_definitions(&objects("definitions.yaml", &definitions.join("\n---\n")).0);
    let mut tally = Tally::new(0, &group);
    for line in lines {
        let text = |field: &str| line[field].as_str().unwrap_or_default().to_owned();
        let fields = line["fields"].as_array().into_iter().flatten();
        let fields = fields.filter_map(Json::as_str).map(str::to_owned).collect();
        let refused = || Answer::Refused { sort: Sort::named(&text("sort")), message: text("server"), fields };
        let answer = if line["server"].is_null() { Answer::Taken } else { refused() };
        let case = Case { name: text("case"), object: line["object"].clone() };
        let ours = errors(&case.object, &catalog);
        tally.add(&case, &ours, answer);
    }
    tally
}

/// Cases that came out wrong once, with the server's answers.
fn once_wrong() -> PathBuf {
    folder().join("once-wrong.jsonl")
}

#[test]
fn what_came_out_wrong_once_comes_out_right() {
    let tally = replay(&once_wrong().to_string_lossy());
    assert!(tally.wrong().is_empty(), "{}", tally.report(Duration::ZERO));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_server_and_we_refuse_the_same_objects() {
    if let Ok(path) = std::env::var("MERGELINE_VERDICT_REPLAY") {
        let tally = replay(&path);
        tally::say(&tally.report(Duration::ZERO));
        return tally::say(&tally.list());
    }
    let Some(cluster) = mergeline_lab::needs::cluster() else { return };
    let seed = from_environment("MERGELINE_VERDICT_SEED", 1_u64);
    let count = from_environment("MERGELINE_VERDICT_CASES", CASES);
    let started = Instant::now();
    let namespace = cluster.create_namespace("verdict").unwrap();
    let group = format!("{namespace}.example.com");
    let documents_of = |part| documents(part, &group, &namespace);
    let (custom, own) = (documents_of("definitions"), documents_of("kinds"));
    let is_definition = |object: &Json| object["kind"] == "CustomResourceDefinition";
    let definitions: Vec<&Json> = custom.iter().map(|(_, object)| object).filter(|o| is_definition(o)).collect();
    let names = definitions.iter().map(|d| d["metadata"]["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let _installed = Installed { cluster, names: names.clone(), namespace: namespace.clone() };
    let manifests: Vec<String> = definitions.iter().map(ToString::to_string).collect();
    cluster.apply(&manifests.join("\n---\n")).unwrap();
    let wait = [
        &["wait", "--for=condition=Established", "--timeout=60s", "crd"][..],
        &names.iter().map(String::as_str).collect::<Vec<_>>(),
    ];
    cluster.kubectl(&wait.concat()).unwrap();

    let mut catalog = Catalog::bundled("1.36").unwrap();
    let (defined, _) = objects("definitions.yaml", &manifests.join("\n---\n"));
    let problems = catalog.add_definitions(&defined);
    assert!(problems.is_empty(), "{problems:?}");
    let templates: Vec<Template> = own
        .into_iter()
        .chain(custom.clone())
        .map(|(name, object)| Template { definition: is_definition(&object), name, object })
        .collect();

    let mut random = Random::new(seed);
    let wide = from_environment("MERGELINE_VERDICT_WIDE", 0) == 1;
    let cases = cases(&templates, &catalog, count, wide, &mut random);
    let server = Server::new(cluster, &namespace).await;
    let mut tally = Tally::new(seed, &group);
    let mut answers = futures::stream::iter(cases.into_iter().map(|case| {
        let (server, catalog) = (&server, &catalog);
        async move {
            let ours = errors(&case.object, catalog);
            let mut answer = server.create(&case.object).await;
            if matches!(answer, Answer::Taken) && !ours.is_empty() {
                // Delivered by server-side apply, which refuses list items with one key that a plain creation takes.
                answer = server.apply(&case.object).await;
            }
            (case, ours, answer)
        }
    }))
    .buffered(CONCURRENT);
    while let Some((case, ours, answer)) = answers.next().await {
        tally.add(&case, &ours, answer);
    }
    let report = tally.report(started.elapsed());
    tally::say(&report);
    if from_environment("MERGELINE_VERDICT_LIST", 0) == 1 {
        fs::write(folder().join("not-caught.md"), tally.list()).unwrap();
    }
    if from_environment("MERGELINE_VERDICT_KEEP", 0) == 1 {
        let kept = fs::read_to_string(once_wrong()).unwrap();
        let wrong = tally.wrong_record().replace(&group, GROUP).replace(&namespace, "verdict");
        fs::write(once_wrong(), kept + &wrong).unwrap();
    }
    if let Ok(path) = std::env::var("MERGELINE_VERDICT_RECORD") {
        fs::write(path, tally.record()).unwrap();
    }
    assert!(tally.wrong().is_empty(), "{report}");
    assert!(tally.caught_by_hand() >= 0.6, "{report}");
}
