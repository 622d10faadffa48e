//! Compares the answers, and says what came out.

use super::Case;
use super::server::{Answer, Sort};
use mergeline::finding::{Finding, Severity};
use serde_json::json;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::time::Duration;

/// What came out so far.
pub(super) struct Tally {
    seed: u64,
    group: String,
    cases: usize,
    taken: usize,
    /// Refusals by sort: all, and those that we give too.
    refused: BTreeMap<Sort, (usize, usize)>,
    /// Cases where the verdict differs and must not.
    wrong: Vec<String>,
    /// What is refused by hand-written validation and not by us, by what the server says.
    missed: BTreeMap<String, (usize, String)>,
    /// Refusals where one of our errors is at one of the server's fields, and all that name fields.
    fields: (usize, usize),
    record: String,
    /// The same of the wrong ones alone.
    wrong_record: String,
}

impl Tally {
    pub(super) fn new(seed: u64, group: &str) -> Self {
        Self {
            seed,
            group: group.to_owned(),
            cases: 0,
            taken: 0,
            refused: BTreeMap::new(),
            wrong: Vec::new(),
            missed: BTreeMap::new(),
            fields: (0, 0),
            record: format!("{}\n", json!({"group": group})),
            wrong_record: String::new(),
        }
    }

    pub(super) fn add(&mut self, case: &Case, ours: &[Finding], answer: Answer) {
        self.cases += 1;
        let said: Vec<String> = ours
            .iter()
            .map(|finding| {
                format!("[{}] {} {}", finding.rule, finding.pointer.as_deref().unwrap_or("-"), finding.message)
            })
            .collect();
        let entry = match &answer {
            Answer::Taken => json!({"case": case.name, "object": case.object, "ours": said, "server": null}),
            Answer::Refused { sort, message, fields } => {
                json!({"case": case.name, "object": case.object, "ours": said, "server": message, "sort": format!("{sort:?}"), "fields": fields})
            }
        };
        writeln!(self.record, "{entry}").unwrap();
        let before = self.wrong.len();
        self.compare(case, ours, &said, answer);
        if self.wrong.len() > before {
            writeln!(self.wrong_record, "{entry}").unwrap();
        }
    }

    fn compare(&mut self, case: &Case, ours: &[Finding], said: &[String], answer: Answer) {
        match answer {
            Answer::Taken => {
                self.taken += 1;
                if ours.iter().any(|finding| finding.severity == Severity::Error) {
                    self.wrong.push(format!(
                        "taken by the server, refused by us: {}\n    {}",
                        case.name,
                        said.join("\n    ")
                    ));
                }
            }
            Answer::Refused { sort, message, fields } => {
                let counts = self.refused.entry(sort).or_default();
                counts.0 += 1;
                counts.1 += usize::from(!ours.is_empty());
                if !ours.is_empty() && !fields.is_empty() {
                    self.fields.1 += 1;
                    let places: Vec<String> = fields.iter().map(|field| pointer(field)).collect();
                    let near = |finding: &Finding| {
                        let at = finding.pointer.as_deref().unwrap_or_default();
                        places.iter().any(|place| at.starts_with(place.as_str()) || place.starts_with(at))
                    };
                    self.fields.0 += usize::from(ours.iter().any(near));
                }
                if !ours.is_empty() {
                    return;
                }
                match sort {
                    Sort::Surroundings => {}
                    Sort::Hand | Sort::Definition => {
                        let what = shape(&message.replace(&self.group, "GROUP"));
                        let entry = self.missed.entry(what).or_insert_with(|| (0, case.name.clone()));
                        entry.0 += 1;
                    }
                    _ => self
                        .wrong
                        .push(format!("refused by the server ({sort:?}), taken by us: {}\n    {message}", case.name)),
                }
            }
        }
    }

    /// The cases whose verdict must not differ and does.
    pub(super) fn wrong(&self) -> &[String] {
        &self.wrong
    }

    /// Which part of what is refused by hand-written validation we refuse too.
    pub(super) fn caught_by_hand(&self) -> f64 {
        let (all, caught) = self.refused.get(&Sort::Hand).copied().unwrap_or((1, 1));
        caught as f64 / all as f64
    }

    pub(super) fn report(&self, took: Duration) -> String {
        let mut text = String::new();
        writeln!(
            text,
            "verdicts: seed {}, {} cases in {:.1} s, {} taken",
            self.seed,
            self.cases,
            took.as_secs_f64(),
            self.taken
        )
        .unwrap();
        for (sort, (all, caught)) in &self.refused {
            let part = *caught as f64 * 100.0 / *all as f64;
            writeln!(text, "  refused for {sort:?}: {all}, by us too {caught} ({part:.1} %)").unwrap();
        }
        writeln!(text, "  at the server's field: {} of {}", self.fields.0, self.fields.1).unwrap();
        writeln!(text, "  wrong: {}", self.wrong.len()).unwrap();
        self.wrong.iter().take(60).for_each(|wrong| writeln!(text, "- {wrong}").unwrap());
        text
    }

    /// What hand-written validation refuses and we do not, the frequent first.
    pub(super) fn list(&self) -> String {
        let mut missed: Vec<_> = self.missed.iter().collect();
        missed.sort_by_key(|(what, (count, _))| (std::cmp::Reverse(*count), what.as_str()));
        let (all, caught) = self.refused.get(&Sort::Hand).copied().unwrap_or_default();
        let (definitions, caught_definitions) = self.refused.get(&Sort::Definition).copied().unwrap_or_default();
        let mut text = format!(
            "# What the server refuses and we do not\n\nMade by `MERGELINE_VERDICT_CASES={} MERGELINE_VERDICT_SEED={} MERGELINE_VERDICT_LIST=1 cargo test --test suite verdict::`.\n\
             Of {all} objects that Go validation refuses {caught} are refused here too ({:.1} %), \
             of {definitions} CustomResourceDefinitions {caught_definitions} ({:.1} %). The rest, by frequency:\n\n| times | the server says |\n|---|---|\n",
            self.cases,
            self.seed,
            caught as f64 * 100.0 / all.max(1) as f64,
            caught_definitions as f64 * 100.0 / definitions.max(1) as f64,
        );
        for (what, (count, _)) in missed {
            writeln!(text, "| {count} | {} |", what.replace('|', "\\|")).unwrap();
        }
        text
    }

    pub(super) fn record(&self) -> &str {
        &self.record
    }

    pub(super) fn wrong_record(&self) -> &str {
        &self.wrong_record
    }
}

/// A refusal without what differs from case to case: names, numbers, values.
fn shape(message: &str) -> String {
    let (head, rest) = message.split_once("is invalid: ").unwrap_or(("", message));
    let kind = head.split(['.', ' ']).next().unwrap_or_default();
    let rest = rest.trim_start_matches('[');
    let mut text = String::new();
    let mut quoted = false;
    for c in rest.chars() {
        if c == '"' {
            quoted = !quoted;
            text.push_str(if quoted { "\"…" } else { "\"" });
        } else if !quoted {
            text.push(if c.is_ascii_digit() { '0' } else { c });
        }
    }
    let text: String = text.replace('\n', " ").chars().take(160).collect();
    format!("{kind}: {text}")
}

/// `spec.containers[0].ports[2]` as a JSON pointer.
fn pointer(field: &str) -> String {
    if field == "<nil>" {
        return String::new();
    }
    field.split('.').fold(String::new(), |path, part| path + "/" + &part.replace('[', "/").replace(']', ""))
}

/// Says it past libtest, which keeps what a passing test writes.
pub(super) fn say(report: &str) {
    drop(std::io::stderr().write_all(report.as_bytes()));
}
