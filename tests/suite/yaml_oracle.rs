//! YAML as kubectl and kustomize themselves read it: their answers to generated cases are kept in the repository.
//!
//! `cargo xtask yaml-oracle` makes the answers. A case that differs must stand in `differences.txt` with its reason.

use mergeline::finding::{Finding, Severity};
use mergeline::manifest::value::map;
use mergeline::manifest::{Budget, Dialect, Source, Value, to_json, yaml};
use mergeline_lab::yaml::{Answer, Answered, Tool};
use serde_json::Value as Json;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Errors where the tools go on and lose something: Mergeline refuses them on purpose, and its reading must still be theirs.
const STRICTER: &[&str] = &["duplicate-key", "unread-document", "merge-key"];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/manifest/yaml-oracle")
}

fn kept() -> Vec<Answered> {
    let packed = std::fs::read(folder().join("answers.jsonl.zst")).unwrap();
    let mut text = String::new();
    ruzstd::decoding::StreamingDecoder::new(packed.as_slice()).unwrap().read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// How Mergeline differs from `answer`; nothing when it does not.
fn difference(tool: Tool, text: &str, answer: &Answer) -> Option<String> {
    let dialect = match tool {
        Tool::Kubectl => Dialect::Kubectl,
        Tool::Kustomize => Dialect::Kustomize,
    };
    let reading = yaml::read(&Source::new("a.yaml", text), dialect, &Budget::default());
    let ours: Vec<Json> = reading.documents.iter().map(to_json).collect();
    let errors = || reading.findings.iter().filter(|finding| finding.severity == Severity::Error);
    let same_until =
        |count: usize| answer.documents.iter().zip(&ours).take(count).all(|(theirs, ours)| same(theirs, ours));
    if let Some(why) = &answer.refused {
        // No YAML is wrong where an object lacks its name.
        let other_reason = tool == Tool::Kustomize && why.contains("missing Resource metadata");
        let refused = errors().next().is_some() || other_reason;
        // What the tool read before it stopped is read the same; what Mergeline reads behind it is its own affair.
        return match (refused, same_until(usize::MAX)) {
            (false, _) => Some(format!("refused ({why}) is taken as {}", show(&ours))),
            (true, false) => Some(format!("before the error {} is {}", show(&answer.documents), show(&ours))),
            (true, true) => None,
        };
    }
    // kustomize refuses duplicate keys; kubectl takes the last.
    let stricter = |finding: &&Finding| STRICTER.contains(&&*finding.rule);
    if let Some(finding) = errors().find(|finding| !stricter(finding)) {
        return Some(format!("{} is refused: {}", show(&answer.documents), finding.message));
    }
    let equal = answer.documents.len() == ours.len() && same_until(usize::MAX);
    (!equal).then(|| format!("{} is {}", show(&answer.documents), show(&ours)))
}

fn show(documents: &[Json]) -> String {
    documents.iter().map(Json::to_string).collect::<Vec<_>>().join(" ")
}

/// Equal as JSON objects are; numbers by value.
fn same(a: &Json, b: &Json) -> bool {
    match (a, b) {
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| same(value, other)))
        }
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        (Json::Number(a), Json::Number(b)) => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a == b,
            // Beyond 64 bits with a sign the tools go on with floating point.
            _ => match (a.as_f64(), b.as_f64()) {
                // serde_json reads the last digit of a float only roughly.
                (Some(a), Some(b)) => (a - b).abs() <= a.abs() * 1e-15,
                _ => false,
            },
        },
        _ => a == b,
    }
}

/// A difference that is known, with its reason.
#[derive(serde::Deserialize, PartialEq, Debug)]
struct Known {
    tool: Tool,
    text: String,
    why: String,
}

/// Every difference as tool, text and what it is, and how many answers were compared for each tool.
fn differences(cases: &[Answered]) -> (Vec<(Tool, String, String)>, [usize; 2]) {
    let mut found = Vec::new();
    let mut counts = [0; 2];
    for Answered { case, kubectl, kustomize } in cases {
        let answers = [(Tool::Kubectl, Some(kubectl)), (Tool::Kustomize, kustomize.as_ref())];
        for (index, (tool, answer)) in answers.into_iter().enumerate() {
            let Some(answer) = answer else { continue };
            counts[index] += 1;
            found.extend(difference(tool, &case.text, answer).map(|what| (tool, case.text.clone(), what)));
        }
    }
    (found, counts)
}

fn at_most_two_in_a_thousand(found: &[(Tool, String, String)], counts: [usize; 2]) {
    for (tool, count) in [Tool::Kubectl, Tool::Kustomize].into_iter().zip(counts) {
        let differing = found.iter().filter(|(other, ..)| *other == tool).count();
        assert!(differing * 1_000 <= count * 2, "{tool:?}: {differing} of {count} differ");
    }
}

#[test]
fn yaml_is_read_as_kubectl_and_kustomize_read_it() {
    let cases = kept();
    let (found, counts) = differences(&cases);
    assert!(counts.iter().all(|count| *count >= 5_000), "{counts:?}");
    at_most_two_in_a_thousand(&found, counts);
    let text = std::fs::read_to_string(folder().join("differences.jsonl")).unwrap();
    let known: Vec<Known> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(known.iter().all(|one| !one.why.is_empty()));
    let new = found.iter().filter(|(tool, text, _)| !known.iter().any(|one| one.tool == *tool && one.text == *text));
    let new: Vec<String> = new
        .map(|(tool, text, what)| format!("{}\n    {what}", serde_json::json!({"tool": tool, "text": text, "why": ""})))
        .collect();
    assert!(new.is_empty(), "new differences; mend them or list them with their reason:\n{}", new.join("\n"));
    let gone = known.iter().filter(|one| !found.iter().any(|(tool, text, _)| *tool == one.tool && *text == one.text));
    let gone: Vec<&Known> = gone.collect();
    assert!(gone.is_empty(), "listed and no longer different: {gone:#?}");
}

/// Cases of another seed, asked now: they are no part of the list, so the share alone counts.
#[test]
fn cases_of_another_seed_are_read_as_the_tools_answer_today() {
    if mergeline_lab::needs::tools().is_none() {
        return;
    }
    let seed = std::process::id().into();
    let sample = yaml_cases(seed);
    let answered = mergeline_lab::yaml::answer(sample).unwrap();
    let (found, counts) = differences(&answered);
    println!("seed {seed}: {} of {counts:?} differ", found.len());
    let shown: Vec<String> = found.iter().map(|(tool, text, what)| format!("{tool:?} {text:?}\n    {what}")).collect();
    println!("{}", shown.join("\n"));
    at_most_two_in_a_thousand(&found, counts);
}

/// What Mergeline writes, read by both tools: thousands of texts as value, list item and key.
#[test]
fn every_text_that_is_written_is_read_back_by_both_tools() {
    if mergeline_lab::needs::tools().is_none() {
        return;
    }
    let texts = texts();
    let documents: Vec<Value> = texts
        .chunks(20)
        .map(|chunk| {
            let entries = chunk.iter().enumerate().map(|(number, text)| {
                let inner = map([(text.as_str(), vec![Value::from(text.as_str())])]);
                (format!("k{number}"), Value::from(vec![Value::from(text.as_str()), inner]))
            });
            let head = [("apiVersion", "example.com/v1"), ("kind", "Case")]
                .map(|(key, text)| (key.to_owned(), Value::from(text)));
            let name = [("metadata".to_owned(), map([("name", "c")]))];
            map(head.into_iter().chain(name).chain(entries))
        })
        .collect();
    let written: Vec<String> = documents.iter().map(yaml::write).collect();
    for tool in [Tool::Kubectl, Tool::Kustomize] {
        let questions: Vec<(Tool, &str)> = written.iter().map(|text| (tool, text.as_str())).collect();
        let answers = mergeline_lab::yaml::ask(&questions).unwrap();
        for ((document, text), answer) in documents.iter().zip(&written).zip(answers) {
            assert_eq!(answer.refused, None, "{tool:?}: {text}");
            assert!(same(&answer.documents[0], &to_json(document)), "{tool:?}: {text}\n{}", answer.documents[0]);
        }
    }
}

/// The texts of the scalars of a seed. Without U+0085, which kustomize's printer loses, U+007F, which it then cannot read, and
/// `<<`, which it takes for a merge.
fn texts() -> Vec<String> {
    let mut texts: Vec<String> = Vec::new();
    for case in mergeline_lab::yaml::cases(mergeline_lab::yaml::SEED) {
        let is_scalar = ["scalar", "quoted", "lines", "block"].contains(&case.group.as_str());
        let body = case.text.rsplit_once("\nk: ").map(|(_, body)| body.to_owned());
        texts.extend(body.filter(|_| is_scalar));
    }
    texts.sort();
    texts.dedup();
    texts.retain(|text| !text.contains(['\u{85}', '\u{7f}']) && text != "<<");
    assert!(texts.len() > 2_000, "{}", texts.len());
    texts
}

/// Every fourth case of a seed.
fn yaml_cases(seed: u64) -> Vec<mergeline_lab::yaml::Case> {
    mergeline_lab::yaml::cases(seed).into_iter().step_by(4).collect()
}
