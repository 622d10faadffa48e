//! From the text of a file to its documents.

use super::Dialect;
use super::budget::{Budget, Limit, Meter};
use super::build::{Builder, Stop};
use super::events::{Events, Span};
use super::grammar::YamlEvents;
use super::json::JsonEvents;
use super::report::Report;
use super::split::{Piece, pieces};
use crate::finding::Finding;
use crate::manifest::source::Source;
use crate::manifest::value::Value;
use rayon::prelude::*;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// A text of so many bytes is worth the processors.
const LONG: usize = 64 << 10;
/// A longer one is read in a row: it could hold many times the keys and values that are allowed before the shares are summed up.
const LONGEST: usize = 8 << 20;
/// How many shares each processor gets, as documents take unlike times.
const SHARES: usize = 4;

/// What a file holds, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Reading {
    /// The documents that could be read, in order; empty and null ones are left out.
    pub documents: Vec<Value>,
    /// In order of their place, but for budgets. A document with an error may still be among the documents.
    pub findings: Vec<Finding>,
}

/// Reads all documents of `source`. Never fails: what is wrong is a finding, and the other documents are still read.
///
/// JSON is YAML. Rules: `yaml-syntax`, `yaml-budget`, `yaml-value`, `duplicate-key`, `boolean-key`, `number-key`,
/// `non-string-key`, `merge-key`, `merge-override`, `unread-document`.
#[must_use]
pub fn read(source: &Arc<Source>, dialect: Dialect, budget: &Budget) -> Reading {
    if (LONG..=LONGEST).contains(&source.text().len()) {
        return Documents::of(source, dialect, budget).read();
    }
    whole(source, budget).map_or_else(|told| told, |text| in_a_row(source, pieces(text, dialect), dialect, budget))
}

/// Some of the documents of a text, not read yet.
pub struct Documents<'a> {
    source: &'a Arc<Source>,
    dialect: Dialect,
    budget: &'a Budget,
    /// Nothing where the text is too long, or holds too many: then it is read as a whole, as far as it may be.
    pieces: Option<Vec<Piece<'a>>>,
}

impl<'a> Documents<'a> {
    /// The documents of a text.
    #[must_use]
    pub fn of(source: &'a Arc<Source>, dialect: Dialect, budget: &'a Budget) -> Self {
        let found = whole(source, budget).ok().map(|text| {
            // One more than allowed tells that there are too many.
            pieces(text, dialect).take(budget.documents.saturating_add(1)).collect::<Vec<_>>()
        });
        Self { source, dialect, budget, pieces: found.filter(|pieces| pieces.len() <= budget.documents) }
    }

    /// Takes out what stands in `other` as well, byte by byte: of what stands several times, as many as both have. Gives those
    /// of `other`.
    #[must_use]
    pub fn split_same<'b>(&mut self, other: &mut Documents<'b>) -> Documents<'b> {
        let mut same = Vec::new();
        if let (Some(own), Some(others)) = (&mut self.pieces, &mut other.pieces) {
            let mut places: HashMap<&str, VecDeque<usize>> = HashMap::new();
            for (at, text) in own.iter().enumerate().filter_map(|(at, piece)| Some((at, piece.content()?))) {
                places.entry(text).or_default().push_back(at);
            }
            let mut is_same = vec![false; own.len()];
            others.retain(|piece| {
                let place = piece.content().and_then(|text| places.get_mut(text)?.pop_front());
                let Some(place) = place else { return true };
                is_same[place] = true;
                same.push(*piece);
                false
            });
            let mut is_same = is_same.into_iter();
            own.retain(|_| is_same.next() != Some(true));
        }
        Documents { pieces: Some(same), ..*other }
    }

    /// Takes out those whose text is wanted; all of a text that is read as a whole.
    #[must_use]
    pub fn split_off(&mut self, is_wanted: impl Fn(&str) -> bool) -> Self {
        let wanted = self.pieces.take().map(|pieces| {
            let (wanted, others) = pieces.into_iter().partition(|piece| piece.content().is_none_or(&is_wanted));
            self.pieces = Some(others);
            wanted
        });
        let all = Documents { pieces: wanted, ..*self };
        self.pieces.get_or_insert_default();
        all
    }

    /// The path of the file.
    #[must_use]
    pub fn path(&self) -> &str {
        self.source.path()
    }

    /// Reads them by the rules of [`read()`]. The budget is that of one file.
    #[must_use]
    pub fn read(&self) -> Reading {
        let Self { source, dialect, budget, pieces } = self;
        let Some(pieces) = pieces else {
            let text = whole(source, budget);
            return text.map_or_else(
                |told| told,
                |text| in_a_row(source, super::split::pieces(text, *dialect), *dialect, budget),
            );
        };
        let length: usize = pieces.iter().filter_map(Piece::content).map(str::len).sum();
        let is_shared = (LONG..=LONGEST).contains(&length);
        let at_once = if is_shared { at_once(source, pieces, *dialect, budget) } else { None };
        at_once.unwrap_or_else(|| in_a_row(source, pieces.iter().copied(), *dialect, budget))
    }
}

/// The text of a file, or what is said of one that is too long.
fn whole<'a>(source: &'a Arc<Source>, budget: &Budget) -> Result<&'a str, Reading> {
    let text = source.text();
    if text.len() > budget.bytes || u32::try_from(text.len()).is_err() {
        let mut report = Report::new(source, budget);
        report.over_budget(Limit::Bytes, 0);
        return Err(Reading { documents: Vec::new(), findings: report.into_findings() });
    }
    Ok(text)
}

fn in_a_row<'a>(
    source: &'a Arc<Source>,
    pieces: impl Iterator<Item = Piece<'a>>,
    dialect: Dialect,
    budget: &'a Budget,
) -> Reading {
    let mut part = Part::new(source, budget);
    part.read(pieces, dialect, budget);
    Reading { documents: part.documents, findings: part.report.into_findings() }
}

/// Reads documents on all processors. `None` where that could tell more or less than reading them in a row: a budget may be
/// exceeded, or more is wrong than is shown.
fn at_once(source: &Arc<Source>, pieces: &[Piece<'_>], dialect: Dialect, budget: &Budget) -> Option<Reading> {
    let share = pieces.len().div_ceil(SHARES * rayon::current_num_threads()).max(1);
    let shares: Vec<(Arc<Source>, &[Piece<'_>])> =
        pieces.chunks(share).map(|pieces| (source.again(), pieces)).collect();
    let parts = shares.par_iter().map(|(source, pieces)| {
        let mut part = Part::new(source, budget);
        part.read(pieces.iter().copied(), dialect, budget).then_some(part)
    });
    let parts: Vec<Part<'_>> = parts.collect::<Option<_>>()?;
    let mut meter = Meter::new(budget);
    let mut reading = Reading::default();
    for part in parts {
        meter.join(&part.meter, budget).ok()?;
        reading.documents.extend(part.documents);
        reading.findings.extend(part.report.into_findings());
    }
    // One that left something out says so in one finding more.
    (reading.findings.len() <= budget.findings).then_some(reading)
}

/// Documents that are read one after the other.
struct Part<'a> {
    report: Report<'a>,
    meter: Meter,
    documents: Vec<Value>,
}

impl<'a> Part<'a> {
    fn new(source: &'a Arc<Source>, budget: &'a Budget) -> Self {
        Self { report: Report::new(source, budget), meter: Meter::new(budget), documents: Vec::new() }
    }

    /// Reads all pieces; false when a budget ended it before.
    fn read(&mut self, pieces: impl Iterator<Item = Piece<'a>>, dialect: Dialect, budget: &Budget) -> bool {
        let Self { report, meter, documents } = self;
        for piece in pieces {
            let (start, text, is_json) = match piece {
                Piece::Document { start, text } => (start, text, false),
                Piece::Json { start, text } => (start, text, true),
                Piece::BadJson { at } => {
                    report.begin_unread();
                    report.bad_json(offset(at));
                    continue;
                }
                Piece::BadSeparator { start, end } => {
                    report.begin_unread();
                    report.bad_separator(Span { start: offset(start), end: offset(end) });
                    continue;
                }
            };
            report.begin(text);
            let depth = budget.effective_depth();
            let events = if is_json {
                Events::Json(JsonEvents::new(text, start))
            } else {
                Events::Yaml(Box::new(YamlEvents::new(text, start, dialect)))
            };
            let stop = match meter.document() {
                Ok(()) => document(start, events, dialect, depth, meter, report, documents),
                Err(limit) => Err(Stop::Budget(limit, offset(start))),
            };
            match stop {
                Ok(()) => {}
                Err(Stop::Syntax(message, at)) => report.syntax(at, &message),
                Err(Stop::Budget(limit, at)) => {
                    report.over_budget(limit, at);
                    if limit != Limit::Depth {
                        return false;
                    }
                }
            }
        }
        true
    }
}

fn document<'a>(
    start: usize,
    events: Events<'a>,
    dialect: Dialect,
    depth: usize,
    meter: &mut Meter,
    report: &mut Report<'a>,
    documents: &mut Vec<Value>,
) -> Result<(), Stop> {
    let mut builder = Builder {
        events,
        report,
        meter,
        dialect,
        depth,
        anchors: HashMap::new(),
        in_flow: false,
        in_merge: false,
        last_end: offset(start),
    };
    let Some(value) = builder.document()? else { return Ok(()) };
    // Go reads one document of each part. Whatever else is there would be lost without a word.
    let unread = builder.unread();
    builder.report.finish(&value);
    if !value.is_null() {
        documents.push(value);
    }
    if let Some(span) = unread {
        report.unread_document(span);
    }
    Ok(())
}

/// Reads bytes that nobody has looked at: the entry for fuzzing. Bytes that are no UTF-8 are a `yaml-syntax` finding.
#[must_use]
pub fn read_bytes(path: &str, bytes: &[u8], dialect: Dialect, budget: &Budget) -> Reading {
    let (text, broken) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            (std::str::from_utf8(valid).unwrap_or_default(), Some(error.valid_up_to()))
        }
    };
    let source = Source::new(path, text);
    let Some(at) = broken else { return read(&source, dialect, budget) };
    let (line, column) = source.line_and_column(offset(at));
    let message = "the file is no UTF-8 text";
    let finding = Finding::error("yaml-syntax", message).at(crate::finding::Place::at(path, line, column));
    Reading { documents: Vec::new(), findings: vec![finding] }
}

/// What must hold for any bytes: reading ends, every finding has a place in the file, and what was read is written so that both
/// dialects read it back. The one entry of the fuzz targets and of the tests that stand in for them.
///
/// # Panics
/// When it does not hold.
pub fn examine(bytes: &[u8]) {
    let budget = Budget { bytes: 1 << 20, nodes: 50_000, expanded: 10_000, ..Budget::default() };
    for dialect in [Dialect::Kubectl, Dialect::Kustomize] {
        let reading = read_bytes("a.yaml", bytes, dialect, &budget);
        let placed = |finding: &Finding| finding.place.as_ref().is_some_and(|place| place.line.is_some());
        let counted = |finding: &Finding| finding.rule == "yaml-budget";
        assert!(
            reading.findings.iter().all(|finding| placed(finding) || counted(finding)),
            "a finding without a place"
        );
        for document in &reading.documents {
            let text = super::write(document);
            let again = read(&Source::new("b.yaml", text.as_str()), dialect, &Budget::default());
            // Kustomize takes the key `<<` for a merge even in quotes.
            if dialect == Dialect::Kustomize && again.findings.iter().any(|finding| finding.rule == "merge-key") {
                continue;
            }
            assert_eq!(again.documents.first(), Some(document), "{text}");
        }
    }
}

fn offset(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Documents of which some are wrong, each in its own way.
    fn long_text() -> String {
        let document = |number: usize| match number % 97 {
            13 => "a: 1\na: 2\n".to_owned(),
            40 => "a: [\n".to_owned(),
            70 => "a: 1\n...\nb: 2\n".to_owned(),
            _ => format!(
                "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: web-{number}}}\ndata: {{key: &a of some length, others: [*a, *a, *a, *a]}}\n"
            ),
        };
        (0..1_000).map(document).collect::<Vec<_>>().join("---\n")
    }

    #[test]
    fn a_long_text_is_read_as_a_short_one_is() {
        let source = Source::new("a.yaml", long_text());
        assert!(source.text().len() > LONG);
        for dialect in [Dialect::Kubectl, Dialect::Kustomize] {
            let in_a_row = |budget: &Budget| {
                let reading = in_a_row(&source, pieces(source.text(), dialect), dialect, budget);
                (reading.documents, reading.findings)
            };
            let found: Vec<Piece<'_>> = pieces(source.text(), dialect).collect();
            let at_once = at_once(&source, &found, dialect, &Budget::default()).map(|it| (it.documents, it.findings));
            assert_eq!(at_once, Some(in_a_row(&Budget::default())));
            let small = [
                Budget { findings: 7, ..Budget::default() },
                Budget { nodes: 5_000, ..Budget::default() },
                Budget { bytes: source.text().len(), ..Budget::default() },
                Budget { expanded: 400, ..Budget::default() },
                Budget { documents: 900, ..Budget::default() },
            ];
            for budget in small {
                let reading = read(&source, dialect, &budget);
                let expected = in_a_row(&budget);
                assert!(expected.1.iter().any(|finding| finding.rule == "yaml-budget"), "{budget:?}");
                assert_eq!((reading.documents, reading.findings), expected, "{budget:?}");
            }
        }
    }
    #[test]
    fn what_stands_in_both_texts_is_read_once() {
        let document = |name: &str| format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}}}\n");
        let text = |names: &[&str]| names.iter().map(|name| document(name)).collect::<Vec<_>>().join("---\n");
        let before = Source::new("before.yaml", text(&["a", "b", "b", "gone", "b"]));
        let after = Source::new("after.yaml", text(&["b", "new", "a", "b", "a"]));
        let split = |budget: &Budget| {
            let mut own = Documents::of(&before, Dialect::Kubectl, budget);
            let mut others = Documents::of(&after, Dialect::Kubectl, budget);
            let same = own.split_same(&mut others);
            [same.read(), own.read(), others.read()]
        };
        let both = split(&Budget::default());
        let names = |reading: &Reading| {
            let name = |document: &Value| {
                let origin = document.origin.as_ref().map(|origin| origin.place_without_excerpt().to_string());
                format!("{} {}", document.path(&["metadata", "name"]).and_then(Value::as_str).unwrap(), origin.unwrap())
            };
            reading.documents.iter().map(name).collect::<Vec<_>>()
        };
        assert_eq!(names(&both[0]), ["b after.yaml:1:1", "a after.yaml:5:1", "b after.yaml:7:1"]);
        assert_eq!(names(&both[1]), ["gone before.yaml:7:1", "b before.yaml:9:1"]);
        assert_eq!(names(&both[2]), ["new after.yaml:3:1", "a after.yaml:9:1"]);
        let few = Budget { documents: 4, ..Budget::default() };
        assert_eq!(split(&few).map(|reading| reading.documents.len()), [0, 4, 4]);
    }
}
