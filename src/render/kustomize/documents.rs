//! Files and texts to resources: documents told apart, lists taken apart, what is no resource refused.
//!
//! Decided by `kyaml/kio/byteio_reader.go` and `api/resource/factory.go`.

use super::inline::place_nodes;
use super::node::{Fault, Kind, Node};
use super::resource::Resource;
use super::scalar::{Scalar, Style, Tag};
use crate::finding::{Finding, Severity};
use crate::manifest::yaml::{self, Budget, Dialect};
use crate::manifest::{Data, Origin, Source};
use rayon::prelude::*;
use std::collections::VecDeque;
use std::sync::Arc;

/// The resources of a file.
pub(super) fn of_file(file: &str, bytes: &[u8]) -> Result<Vec<Resource>, Vec<Finding>> {
    let reading = yaml::read_bytes(file, bytes, Dialect::Kustomize, &Budget::default());
    resources(reading, |_| {})
}

/// The resources of a text that stands in a kustomization.
pub(super) fn of_text(text: &str, origin: Option<&Origin>) -> Result<Vec<Resource>, Vec<Finding>> {
    let file = origin.map_or("", |origin| origin.source().path());
    let reading = yaml::read(&Source::new(file, text), Dialect::Kustomize, &Budget::default());
    resources(reading, |nodes| place_nodes(nodes, text, origin)).map_err(|mut findings| {
        // Places inside the text are no places of the file.
        for finding in &mut findings {
            finding.place = origin.map(Origin::place_without_excerpt);
            finding.related.clear();
        }
        findings
    })
}

fn resources(reading: yaml::Reading, place: impl Fn(&mut [Node])) -> Result<Vec<Resource>, Vec<Finding>> {
    // kustomize drops what stands behind `...` and says nothing.
    // A key that is no string is refused in the end, if it is still there.
    let later = |finding: &Finding| {
        finding.rule == "unread-document"
            || (finding.rule == "merge-key" && finding.message.contains("quotes"))
            || (finding.rule == "non-string-key"
                && ["a number", "a boolean"].iter().any(|what| finding.message.ends_with(what)))
    };
    let wrong = |finding: &Finding| finding.severity == Severity::Error && !later(finding);
    let wrong: Vec<Finding> = reading.findings.into_iter().filter(wrong).collect();
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let mut nodes: Vec<Node> = reading.documents.par_iter().with_min_len(16).map(Node::of).collect();
    place(&mut nodes);
    let refused = |(fault, origin): (Fault, Option<Origin>)| {
        vec![Finding::error("not-an-object", fault).at(origin.as_ref().map(Origin::place_without_excerpt))]
    };
    if let [only] = nodes.as_slice()
        && matches!(only.get("kind").map(Node::text), Some("List" | "ResourceList"))
        && (only.get("items").is_some() || only.get("functionConfig").is_some())
    {
        nodes = only.get("items").map(|items| items.items().to_vec()).unwrap_or_default();
    }
    take_apart(nodes).map_err(refused)
}

/// Checks each node, and puts the items of lists behind the others.
fn take_apart(nodes: Vec<Node>) -> Result<Vec<Resource>, (Fault, Option<Origin>)> {
    let mut queue: VecDeque<Node> = checked(nodes)?.into();
    let mut resources = Vec::with_capacity(queue.len());
    while let Some(node) = queue.pop_front() {
        let is_list = node.get("kind").is_some_and(|kind| kind.text().ends_with("List"));
        let Some(items) = node.get("items").filter(|_| is_list) else {
            resources.push(Resource::new(node));
            continue;
        };
        match &items.kind {
            Kind::List(items) => {
                let items = items.iter().map(through_json).collect::<Result<Vec<_>, _>>();
                let items = items.map_err(|fault| (fault, node.origin.clone()))?;
                queue.extend(checked(items)?);
            }
            _ if items.is_null() => {}
            _ => return Err(("`items` must be a list".to_owned(), items.origin.clone())),
        }
    }
    Ok(resources)
}

/// Leaves out empty nodes.
///
/// # Errors
/// When one has no kind, or no name.
fn checked(nodes: Vec<Node>) -> Result<Vec<Node>, (Fault, Option<Origin>)> {
    let mut good = Vec::with_capacity(nodes.len());
    for node in nodes.into_iter().filter(|node| !node.is_empty()) {
        let has = |path: &[&str]| node.path(path).is_some_and(|value| !value.is_empty() && !value.text().is_empty());
        let wrong = |message: &str| Err((message.to_owned(), node.origin.clone()));
        if !node.is_map() {
            return wrong("the document is not a map");
        }
        if !has(&["kind"]) {
            return wrong("`kind` is missing");
        }
        let is_list = node.get("kind").is_some_and(|kind| kind.text().ends_with("List"));
        if !is_list && !has(&["metadata", "name"]) {
            return wrong("`metadata.name` is missing");
        }
        good.push(node);
    }
    Ok(good)
}

/// An item of a list, which kustomize turns into JSON and reads again.
fn through_json(node: &Node) -> Result<Node, Fault> {
    let origin = node.origin.clone();
    Ok(match &node.kind {
        Kind::Scalar(scalar) => {
            let (text, tag, style) = match scalar.data()? {
                Data::String(text) => (text, Tag::Str, Style::Double),
                Data::Number(number) if tag_of(&number) == Tag::Int => (integer(&number), Tag::Int, Style::Plain),
                Data::Number(number) => {
                    let text = super::gojson::float(number.as_f64());
                    let tag = if text.contains(['.', 'e']) { Tag::Float } else { Tag::Int };
                    (text, tag, Style::Plain)
                }
                Data::Bool(flag) => (flag.to_string(), Tag::Bool, Style::Plain),
                _ => ("null".to_owned(), Tag::Null, Style::Plain),
            };
            Node::scalar(Scalar::new(text, tag, style), origin)
        }
        Kind::List(items) => Node::list(items.iter().map(through_json).collect::<Result<_, _>>()?, origin),
        Kind::Map(entries) => {
            let mut entries: Vec<_> = entries.to_vec();
            for entry in &mut entries {
                entry.value = through_json(&entry.value)?;
            }
            Node { kind: Kind::Map(Arc::new(entries)), origin }
        }
    })
}

fn tag_of(number: &crate::manifest::Number) -> Tag {
    if matches!(number.kind(), crate::manifest::value::NumberKind::Float(_)) { Tag::Float } else { Tag::Int }
}

fn integer(number: &crate::manifest::Number) -> String {
    match number.kind() {
        crate::manifest::value::NumberKind::Integer(n) => n.to_string(),
        crate::manifest::value::NumberKind::Unsigned(n) => n.to_string(),
        crate::manifest::value::NumberKind::Float(n) => n.to_string(),
    }
}
