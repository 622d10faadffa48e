//! The form of a kustomization: which fields there are at every depth, of which type, and which are deprecated.
//!
//! Decided by the Go types of kustomize's API (`api/types` 0.21), which it reads strictly: an unknown field or a value of
//! another type ends the build with a message without a line. As Go does, names are taken in any case of letters, and
//! `null` for anything.

use crate::finding::{Finding, Fix, Place};
use crate::manifest::value::NumberKind;
use crate::manifest::{Data, Key, Map as Entries, Number, Origin, Value};
use crate::schema::{nearest, only_nearest};

/// What a place must hold.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Flag,
    Integer,
    Texts,
    /// A map of strings.
    TextMap,
    Map(Fields),
    List(Fields),
    Anything,
}

type Fields = &'static [(&'static str, Form)];

use Form::{Anything, Flag, Integer, List, Map, Text, TextMap, Texts};

const OPTIONS: Fields =
    &[("labels", TextMap), ("annotations", TextMap), ("disableNameSuffixHash", Flag), ("immutable", Flag)];
const SELECTOR: Fields = &[
    ("group", Text),
    ("version", Text),
    ("kind", Text),
    ("name", Text),
    ("namespace", Text),
    ("annotationSelector", Text),
    ("labelSelector", Text),
];
const PATCH: Fields = &[
    ("path", Text),
    ("patch", Text),
    ("target", Map(SELECTOR)),
    ("options", Map(&[("allowNameChange", Flag), ("allowKindChange", Flag)])),
];
const IMAGE: Fields = &[("name", Text), ("newName", Text), ("tagSuffix", Text), ("newTag", Text), ("digest", Text)];
const FIELD_OPTIONS: Fields = &[("delimiter", Text), ("index", Integer), ("encoding", Text), ("create", Flag)];
const CONFIG_MAP: Fields = &[
    ("namespace", Text),
    ("name", Text),
    ("behavior", Text),
    ("envs", Texts),
    ("env", Text),
    ("files", Texts),
    ("literals", Texts),
    ("options", Map(OPTIONS)),
];
const SECRET: Fields = &[
    ("namespace", Text),
    ("name", Text),
    ("behavior", Text),
    ("envs", Texts),
    ("env", Text),
    ("files", Texts),
    ("literals", Texts),
    ("options", Map(OPTIONS)),
    ("type", Text),
];
const REPLACEMENT: Fields = &[
    ("path", Text),
    (
        "source",
        Map(&[
            ("group", Text),
            ("version", Text),
            ("kind", Text),
            ("name", Text),
            ("namespace", Text),
            ("fieldPath", Text),
            ("options", Map(FIELD_OPTIONS)),
        ]),
    ),
    ("sourceValue", Text),
    (
        "targets",
        List(&[
            ("select", Map(SELECTOR)),
            ("reject", List(SELECTOR)),
            ("fieldPaths", Texts),
            ("options", Map(FIELD_OPTIONS)),
        ]),
    ),
];

/// The fields of a kustomization. Charts are refused elsewhere, by what they are.
const FIELDS: Fields = &[
    ("apiVersion", Text),
    ("kind", Text),
    ("metadata", Map(&[("name", Text), ("namespace", Text), ("labels", TextMap), ("annotations", TextMap)])),
    ("openapi", TextMap),
    ("namePrefix", Text),
    ("nameSuffix", Text),
    ("namespace", Text),
    ("commonLabels", TextMap),
    (
        "labels",
        List(&[("pairs", TextMap), ("includeSelectors", Flag), ("includeTemplates", Flag), ("fields", Anything)]),
    ),
    ("commonAnnotations", TextMap),
    ("patchesStrategicMerge", Texts),
    ("patchesJson6902", List(PATCH)),
    ("patches", List(PATCH)),
    ("images", List(IMAGE)),
    ("imageTags", List(IMAGE)),
    ("replacements", List(REPLACEMENT)),
    ("replicas", List(&[("name", Text), ("count", Integer)])),
    ("vars", Anything),
    (
        "sortOptions",
        Map(&[("order", Text), ("legacySortOptions", Map(&[("orderFirst", Texts), ("orderLast", Texts)]))]),
    ),
    ("resources", Texts),
    ("components", Texts),
    ("crds", Texts),
    ("bases", Texts),
    ("configMapGenerator", List(CONFIG_MAP)),
    ("secretGenerator", List(SECRET)),
    ("helmGlobals", Anything),
    ("helmCharts", Anything),
    ("helmChartInflationGenerator", Anything),
    ("generatorOptions", Map(OPTIONS)),
    ("configurations", Texts),
    ("generators", Texts),
    ("transformers", Texts),
    ("validators", Texts),
    ("buildMetadata", Texts),
];

/// Fields that `kustomize edit fix` rewrites, and what takes their place.
const DEPRECATED: [(&str, &str); 7] = [
    ("bases", "resources"),
    ("commonLabels", "labels"),
    ("patchesStrategicMerge", "patches"),
    ("patchesJson6902", "patches"),
    ("vars", "replacements"),
    ("imageTags", "images"),
    ("helmChartInflationGenerator", "helmCharts"),
];

/// Says whether kustomize's own warning of a deprecated field says what [`judge`] has said with its line.
pub(in crate::render) fn is_told(warning: &str) -> bool {
    warning.contains("deprecated") && DEPRECATED.iter().any(|(field, _)| warning.contains(&format!("'{field}'")))
}

/// What is wrong with the form of a kustomization's document, which is a map.
pub(super) fn judge(file: &str, value: &Value) -> Vec<Finding> {
    let mut judge = Judge { file, findings: Vec::new(), path: Vec::new(), secret: false };
    judge.map(value, FIELDS);
    judge.findings
}

struct Judge<'a> {
    file: &'a str,
    findings: Vec<Finding>,
    path: Vec<String>,
    /// Inside what makes Secrets: nothing of it is quoted.
    secret: bool,
}

impl Judge<'_> {
    fn add(&mut self, finding: Finding, origin: Option<&Origin>) {
        let place = match origin {
            None => Place::file(self.file),
            Some(origin) if self.secret => origin.place_without_excerpt(),
            Some(origin) => origin.place(),
        };
        self.findings.push(finding.at(place));
    }

    fn within(&mut self, step: String, go: impl FnOnce(&mut Self)) {
        self.path.push(step);
        go(self);
        self.path.pop();
    }

    fn map(&mut self, value: &Value, fields: Fields) {
        let Data::Map(map) = &value.data else { return };
        for (key, value) in map {
            // `labels` and the like read any case; a file with two of them is kustomize's to settle.
            let Some((name, form)) = fields.iter().find(|(name, _)| key.text.eq_ignore_ascii_case(name)) else {
                let meant = self.meant(key, value, fields, map);
                self.unknown(key, fields, meant);
                continue;
            };
            if self.path.is_empty() {
                self.deprecated(key, name);
                // Whoever reads this file after kustomize looks for the name as it is.
                if key.text != *name {
                    let message =
                        format!("kustomize reads `{}` as `{name}`, whatever the case of its letters", key.text);
                    let fix = (!map.contains_key(name)).then(|| Fix::Word((*name).to_owned()));
                    let finding = Finding::error("kustomization", message).hint(format!("write `{name}`")).fix(fix);
                    self.add(finding, key.origin.as_ref());
                    continue;
                }
            }
            let generators = self.path.last().is_some_and(|step| step.contains("Generator["));
            if generators && *name == "env" {
                let finding = Finding::info(
                    "deprecated-kustomization-field",
                    "kustomize has deprecated the field `env` of generators",
                );
                self.add(finding.hint("write `envs: [FILE]`"), key.origin.as_ref());
            }
            let secret = self.secret;
            self.secret |= *name == "secretGenerator";
            self.within((*name).to_owned(), |judge| judge.value(value, *form));
            self.secret = secret;
        }
    }

    /// The field that an unknown one must be: the only one as near, not there yet, that takes such a value.
    fn meant(&self, key: &Key, value: &Value, fields: Fields, map: &Entries) -> Option<Fix> {
        let name = only_nearest(&key.text, fields.iter().map(|(name, _)| *name))?;
        let (_, form) = fields.iter().find(|(field, _)| *field == name)?;
        let mut judge = Judge { file: self.file, findings: Vec::new(), path: vec![name.to_owned()], secret: true };
        judge.value(value, *form);
        let is_there = map.keys().any(|other| other.text.eq_ignore_ascii_case(name));
        (judge.findings.is_empty() && !is_there).then(|| Fix::Word(name.to_owned()))
    }

    fn unknown(&mut self, key: &Key, fields: Fields, meant: Option<Fix>) {
        let here = self.path.join(".");
        let place = if here.is_empty() { String::new() } else { format!(" in `{here}`") };
        let finding = Finding::error("kustomization", format!("kustomize knows no field `{}`{place}", key.text));
        let finding = match nearest(&key.text, fields.iter().map(|(name, _)| *name)) {
            Some(near) => finding.hint(format!("did you mean `{near}`?")),
            None if here.is_empty() => finding,
            None => {
                let names: Vec<String> = fields.iter().map(|(name, _)| format!("`{name}`")).collect();
                finding.hint(format!("the fields here are {}", names.join(", ")))
            }
        };
        self.add(finding.fix(meant), key.origin.as_ref());
    }

    fn deprecated(&mut self, key: &Key, name: &str) {
        if let Some((_, instead)) = DEPRECATED.iter().find(|(field, _)| *field == name) {
            let finding =
                Finding::info("deprecated-kustomization-field", format!("kustomize has deprecated the field `{name}`"));
            self.add(finding.hint(format!("write `{instead}`; `kustomize edit fix` does it")), key.origin.as_ref());
        }
    }

    fn value(&mut self, value: &Value, form: Form) {
        let must = match (form, &value.data) {
            (Anything, _) | (_, Data::Null) => return,
            (Text, Data::String(_)) | (Flag, Data::Bool(_)) => return,
            (Integer, Data::Number(number)) if is_integer(number) => return,
            (Map(fields), Data::Map(_)) => return self.map(value, fields),
            (TextMap, Data::Map(map)) => {
                for (key, value) in map {
                    self.within(key.text.to_string(), |judge| judge.value(value, Text));
                }
                return;
            }
            (Texts | List(_), Data::List(items)) => {
                let last = self.path.pop().unwrap_or_default();
                for (index, item) in items.iter().enumerate() {
                    self.within(format!("{last}[{index}]"), |judge| match (form, &item.data) {
                        (List(fields), Data::Map(_)) => judge.map(item, fields),
                        (_, Data::Null) => {}
                        (List(_), _) => judge.wrong(item, "a map"),
                        _ => judge.value(item, Text),
                    });
                }
                return self.path.push(last);
            }
            (Text, _) => "a string",
            (Flag, _) => "true or false",
            (Integer, _) => "an integer",
            (Map(_) | TextMap, _) => "a map",
            (Texts, _) => "a list of strings",
            (List(_), _) => "a list of maps",
        };
        self.wrong(value, must);
    }

    fn wrong(&mut self, value: &Value, must: &str) {
        let got = match &value.data {
            Data::Null => "null",
            Data::Bool(_) => "a boolean",
            Data::Number(_) => "a number",
            Data::String(_) => "a string",
            Data::List(_) => "a list",
            Data::Map(_) => "a map",
        };
        let message = format!("`{}` must be {must}, got {got}", self.path.join("."));
        let finding = Finding::error("kustomization", message);
        let quote = must == "a string" && matches!(value.data, Data::Bool(_) | Data::Number(_));
        let finding = if quote { finding.hint("put the value in quotes").fix(Fix::Quotes) } else { finding };
        self.add(finding, value.origin.as_ref());
    }
}

/// Says whether Go takes the number for an integer, once it is JSON: `2.0` is written as `2`.
fn is_integer(number: &Number) -> bool {
    match number.kind() {
        NumberKind::Integer(_) => true,
        NumberKind::Unsigned(_) => false,
        NumberKind::Float(number) => number.fract() == 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Kustomization;
    use crate::finding::Fix;

    fn told(text: &str) -> Vec<String> {
        let findings = Kustomization::read("kustomization.yaml", text.as_bytes()).findings;
        let told = findings.iter().map(|finding| {
            let place = finding.place.as_ref().map(ToString::to_string).unwrap_or_default();
            let hint = finding.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
            format!("{}:{} {}{hint}", finding.severity, place.trim_start_matches("kustomization.yaml"), finding.message)
        });
        told.collect()
    }

    #[test]
    fn fields_are_known_at_every_depth() {
        let text = "\
resuorces: [a.yaml]
patches:
- path: a.yaml
  target: {kind: Deployment, nme: web}
configMapGenerator:
- {name: a, literal: [a=b], surprise: 1}
";
        assert_eq!(
            told(text),
            [
                "error::1:1 kustomize knows no field `resuorces` (did you mean `resources`?)",
                "error::4:30 kustomize knows no field `nme` in `patches[0].target` (did you mean `name`?)",
                "error::6:13 kustomize knows no field `literal` in `configMapGenerator[0]` (did you mean `literals`?)",
                "error::6:29 kustomize knows no field `surprise` in `configMapGenerator[0]` (the fields here are `namespace`, `name`, `behavior`, `envs`, `env`, `files`, `literals`, `options`)",
            ]
        );
    }

    #[test]
    fn what_can_be_mended_for_certain_has_a_fix() {
        let fixes = |text: &str| -> Vec<Option<Fix>> {
            let findings = Kustomization::read("kustomization.yaml", text.as_bytes()).findings;
            findings.into_iter().map(|finding| finding.fix).collect()
        };
        let word = |name: &str| [Some(Fix::Word(name.to_owned()))];
        assert_eq!(fixes("resource: [a.yaml]\n"), word("resources"));
        assert_eq!(fixes("Resources: [a.yaml]\n"), word("resources"));
        assert_eq!(fixes("patches: [{path: a.yaml, target: {nme: web}}]\n"), word("name"));
        assert_eq!(fixes("images: [{name: a, newTag: 1.0}]\n"), [Some(Fix::Quotes)]);
        // Two are as near, it is there already, it takes no such value, it is far.
        for text in [
            "configMapGenerator: [{name: a, envz: [a]}]\n",
            "resource: [a.yaml]\nresources: [b.yaml]\n",
            "resource: a.yaml\n",
            "surprise: [a.yaml]\n",
        ] {
            assert_eq!(fixes(text), [None], "{text}");
        }
    }

    #[test]
    fn values_have_their_type_and_null_is_nothing() {
        let text = "\
resources: a.yaml
namespace: 12
commonAnnotations: {a: true, b: text}
images: [{name: a, newTag: 1.0}, web]
replicas: [{name: web, count: \"2\"}]
components:
labels: [{pairs: {app: web}, includeSelectors: yes}]
sortOptions: {order: fifo}
";
        assert_eq!(
            told(text),
            [
                "error::1:12 `resources` must be a list of strings, got a string",
                "error::2:12 `namespace` must be a string, got a number (put the value in quotes)",
                "error::3:24 `commonAnnotations.a` must be a string, got a boolean (put the value in quotes)",
                "error::4:28 `images[0].newTag` must be a string, got a number (put the value in quotes)",
                "error::4:34 `images[1]` must be a map, got a string",
                "error::5:31 `replicas[0].count` must be an integer, got a string",
            ]
        );
    }

    #[test]
    fn deprecated_fields_name_what_takes_their_place() {
        let text = "bases: [../base]\ncommonLabels: {a: b}\nsecretGenerator: [{name: a, env: a.env}]\n";
        let told = told(text);
        assert_eq!(
            told[0],
            "info::1:1 kustomize has deprecated the field `bases` (write `resources`; `kustomize edit fix` does it)"
        );
        assert_eq!(told.len(), 3);
    }

    #[test]
    fn nothing_of_a_secret_generator_is_quoted() {
        let text = "secretGenerator:\n- {name: a, literals: [{password: hunter2}]}\n";
        let findings = Kustomization::read("kustomization.yaml", text.as_bytes()).findings;
        assert_eq!(findings.len(), 1);
        assert!(!format!("{findings:?}").contains("hunter2"));
    }
}
