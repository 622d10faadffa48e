//! What kustomize says on standard error, in the words of the repository.

use super::materialise::Workshop;
use crate::finding::{Finding, Place};
use crate::manifest::yaml::{self, Budget, Dialect};
use crate::manifest::{Data, Value};
use crate::render::kustomize::{Closure, Kustomization, form};
use std::collections::BTreeSet;

/// The longest message that a finding repeats.
pub(super) const LONGEST: usize = 1_000;

/// The text without temporary paths and without secret values.
pub(super) fn in_repository_words(stderr: &[u8], workshop: &Workshop, closure: &Closure) -> String {
    let mut text = String::from_utf8_lossy(stderr).into_owned();
    let tree = workshop.folder("").to_string_lossy().into_owned();
    text = text.replace(&format!("{tree}/"), "").replace(&tree, ".");
    text = text.replace(&*workshop.root().to_string_lossy(), "");
    let mut values: Vec<String> = secret_values(closure).into_iter().collect();
    // The longest first, so that no rest of one stays behind.
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    for value in values {
        text = text.replace(&value, "…");
    }
    text
}

/// Every value of a Secret, or that becomes one, among the files of a build.
fn secret_values(closure: &Closure) -> BTreeSet<String> {
    let mut values = BTreeSet::new();
    for kustomization in &closure.kustomizations {
        let generators = kustomization.value.get("secretGenerator").and_then(Value::as_list).unwrap_or_default();
        for generator in generators {
            for literal in generator.get("literals").and_then(Value::as_list).unwrap_or_default() {
                let text = literal.as_str().unwrap_or_default();
                values
                    .insert(text.split_once('=').map_or(text, |(_, value)| value).trim_matches(['"', '\'']).to_owned());
            }
        }
        for reference in kustomization.references() {
            if reference.field.starts_with("secretGenerator") {
                let bytes = closure.files.get(&reference.path).map(Vec::as_slice).unwrap_or_default();
                for line in String::from_utf8_lossy(bytes).lines() {
                    values.insert(line.trim().to_owned());
                    values.extend(line.split_once('=').map(|(_, value)| value.trim().to_owned()));
                }
            }
        }
    }
    for (file, bytes) in &closure.files {
        let text = String::from_utf8_lossy(bytes);
        if !text.contains("Secret") && !text.contains("stringData") {
            continue;
        }
        for document in yaml::read_bytes(file, bytes, Dialect::Kustomize, &Budget::default()).documents {
            for key in ["data", "stringData"] {
                document.get(key).into_iter().for_each(|value| scalars(value, &mut values));
            }
        }
    }
    // Shorter ones stand for nothing, and masking them would leave no word whole.
    values.retain(|value| value.len() >= 4);
    values
}

/// Adds the texts of all scalars, whole and by line.
pub(super) fn scalars(value: &Value, found: &mut BTreeSet<String>) {
    match &value.data {
        Data::String(text) => {
            found.insert(text.clone());
            found.extend(text.lines().map(|line| line.trim().to_owned()));
        }
        Data::Number(number) => {
            found.insert(number.literal().to_owned());
        }
        Data::List(items) => items.iter().for_each(|item| scalars(item, found)),
        Data::Map(map) => map.values().for_each(|item| scalars(item, found)),
        Data::Null | Data::Bool(_) => {}
    }
}

/// The error of a build that failed, at the file that kustomize names last.
pub(super) fn verdict(text: &str, closure: &Closure, root: &Kustomization) -> Finding {
    let lines = text.lines().filter(|line| !line.starts_with("# Warning") && !line.trim().is_empty());
    let message = lines
        .map(|line| line.trim().trim_start_matches("Error: ").trim_start_matches("error: "))
        .collect::<Vec<_>>()
        .join("; ");
    let message = match message.is_empty() {
        true => "kustomize failed and said nothing".to_owned(),
        // kustomize tries each file as a folder too and ends with that, whatever was wrong.
        false => shortened(message.split(": must build at directory").next().unwrap_or_default()),
    };
    // Overlays are named first, the file that is wrong last.
    let named = closure.files.keys().filter_map(|file| {
        let name = crate::render::path::name(file);
        let at = text
            .rfind(file.as_str())
            .or_else(|| (!crate::render::kustomize::is_kustomization_name(name)).then(|| text.rfind(name)).flatten());
        at.map(|at| (at, file))
    });
    let file = named.max_by_key(|(at, file)| (*at, file.len())).map_or(root.file.as_str(), |(_, file)| file);
    Finding::error("kustomize", message).at(Place::file(file))
}

/// Warnings of a build that went well, deprecated fields above all.
pub(super) fn warnings(text: &str, root: &Kustomization) -> Vec<Finding> {
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("# Warning: "));
    // What our own reader has said, it has said with the line.
    let lines = lines.filter(|line| !form::is_told(line));
    let place = || Place::file(root.file.as_str());
    lines
        .map(|line| Finding::info("kustomize-warning", format!("kustomize warns: {}", shortened(line))).at(place()))
        .collect()
}

fn shortened(text: &str) -> String {
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    // kustomize nests its errors, and the cause comes last.
    let start = text.char_indices().rev().nth(LONGEST - 1).map_or(0, |(at, _)| at);
    format!("… {}", &text[start..])
}
