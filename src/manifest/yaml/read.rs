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
use std::collections::HashMap;
use std::sync::Arc;

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
    let mut report = Report::new(source, budget);
    let mut documents = Vec::new();
    let text = source.text();
    let mut meter = Meter::new(budget);
    if text.len() > budget.bytes || u32::try_from(text.len()).is_err() {
        report.over_budget(Limit::Bytes, 0);
        return Reading { documents, findings: report.into_findings() };
    }
    for piece in pieces(text, dialect) {
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
            Ok(()) => document(start, events, dialect, depth, &mut meter, &mut report, &mut documents),
            Err(limit) => Err(Stop::Budget(limit, offset(start))),
        };
        match stop {
            Ok(()) => {}
            Err(Stop::Syntax(message, at)) => report.syntax(at, &message),
            Err(Stop::Budget(limit, at)) => {
                report.over_budget(limit, at);
                if limit != Limit::Depth {
                    break;
                }
            }
        }
    }
    Reading { documents, findings: report.into_findings() }
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
