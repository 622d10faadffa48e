//! Replacements inside the text of a scalar that is YAML or JSON itself.
//!
//! Decided by `setValueInStructuredData` of `api/filters/replacement`: JSON is written anew with sorted keys, YAML keeps
//! its styles.

use super::matcher::{self, Step};
use super::node::{Fault, Kind, Make, Node};
use super::replacement::lend;
use super::scalar::{Style, Tag, may_be_plain, reads_as_string};
use crate::finding::Severity;
use crate::manifest::Source;
use crate::manifest::yaml::{self, Budget, Dialect};

/// The first document of a text; `None` when it is no YAML.
pub(super) fn parse(text: &str) -> Option<Node> {
    let reading = yaml::read(&Source::new("", text), Dialect::Kustomize, &Budget::default());
    let wrong = |finding: &crate::finding::Finding| {
        finding.severity == Severity::Error && matches!(finding.rule.as_ref(), "yaml-syntax" | "yaml-budget")
    };
    if reading.findings.iter().any(wrong) {
        return None;
    }
    reading.documents.first().map(Node::of)
}

/// Sets a field inside the text of a scalar on the way of `path`.
///
/// # Errors
/// When there is no such scalar, or no such field in its text.
pub(super) fn set(node: &mut Node, value: &Node, path: &[String], create: Option<Make>) -> Result<(), Fault> {
    let none = || "no text on the way of the path".to_owned();
    let mut place: Option<(Vec<Step>, usize)> = None;
    for length in 1..path.len() {
        let Ok(Some(found)) = matcher::lookup(node, &path[..length]) else { continue };
        if found.is_scalar() && parse(found.text()).is_some() {
            place = Some((steps(node, &path[..length]).ok_or_else(none)?, length));
            break;
        }
    }
    let (place, length) = place.ok_or_else(none)?;
    let scalar = matcher::at(node, &place).ok_or_else(none)?;
    let text = scalar.text().to_owned();
    let mut inner = parse(&text).ok_or_else(none)?;
    let found = matcher::find(&mut inner, &path[length..], create, value.origin.as_ref())?;
    if found.places.is_empty() {
        return Err(none());
    }
    for place in &found.places {
        if let Some(target) = matcher::at(&mut inner, place) {
            lend(target, value, value.text());
        }
    }
    let first = text.trim().chars().next();
    let changed = if matches!(first, Some('{' | '[')) { json(&inner, &text)? } else { write(&inner).trim().to_owned() };
    if let Kind::Scalar(scalar) = &mut scalar.kind {
        scalar.text = changed;
    }
    scalar.origin = value.origin.clone().or_else(|| scalar.origin.take());
    Ok(())
}

/// The steps to the node that [`matcher::lookup`] finds.
fn steps(node: &Node, path: &[String]) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    let mut node = node;
    for at in 0..path.len() {
        let next = matcher::lookup(node, &path[at..=at]).ok()??;
        let step = node.entries().iter().position(|entry| std::ptr::eq(&raw const entry.value, next)).map(Step::Entry);
        let item = || node.items().iter().position(|item| std::ptr::eq(item, next)).map(Step::Item);
        steps.push(step.or_else(item)?);
        node = next;
    }
    Some(steps)
}

fn json(node: &Node, original: &str) -> Result<String, Fault> {
    let mut compact = String::new();
    super::gojson::value(node, &mut compact)?;
    if !(original.contains('\n') && original.contains("  ")) {
        return Ok(compact);
    }
    Ok(indented(&compact))
}

/// Compact JSON as `json.MarshalIndent` writes it.
fn indented(compact: &str) -> String {
    let mut text = String::with_capacity(compact.len() * 2);
    let mut depth = 0;
    let mut quoted = false;
    let mut escaped = false;
    let mut chars = compact.chars().peekable();
    while let Some(c) = chars.next() {
        if quoted {
            text.push(c);
            quoted = escaped || c != '"';
            escaped = !escaped && c == '\\';
            continue;
        }
        match c {
            '"' => {
                quoted = true;
                text.push(c);
            }
            '{' | '[' => {
                text.push(c);
                if matches!(chars.peek(), Some('}' | ']')) {
                    text.extend(chars.next());
                } else {
                    depth += 1;
                    text.push('\n');
                    text.push_str(&"  ".repeat(depth));
                }
            }
            '}' | ']' => {
                depth -= 1;
                text.push('\n');
                text.push_str(&"  ".repeat(depth));
                text.push(c);
            }
            ',' => {
                text.push_str(",\n");
                text.push_str(&"  ".repeat(depth));
            }
            ':' => text.push_str(": "),
            other => text.push(other),
        }
    }
    text
}

/// A tree as go-yaml v3 writes it with kyaml's indentation.
pub(super) fn write(node: &Node) -> String {
    let mut text = String::new();
    block(node, 0, &mut text);
    text
}

fn block(node: &Node, indent: usize, text: &mut String) {
    let pad = " ".repeat(indent);
    match &node.kind {
        Kind::Map(entries) if !entries.is_empty() => {
            for (index, entry) in entries.iter().enumerate() {
                if index > 0 || !text.ends_with("- ") {
                    text.push_str(&pad);
                }
                text.push_str(&key(&entry.key.text));
                text.push(':');
                match &entry.value.kind {
                    Kind::Map(inner) if !inner.is_empty() => {
                        text.push('\n');
                        block(&entry.value, indent + 2, text);
                    }
                    Kind::List(inner) if !inner.is_empty() => {
                        text.push('\n');
                        block(&entry.value, indent, text);
                    }
                    _ => inline(&entry.value, indent + 2, text, true),
                }
            }
        }
        Kind::List(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                if index > 0 || !text.ends_with("- ") {
                    text.push_str(&pad);
                }
                text.push_str("- ");
                match &item.kind {
                    Kind::Map(inner) if !inner.is_empty() => block(item, indent + 2, text),
                    Kind::List(inner) if !inner.is_empty() => block(item, indent + 2, text),
                    _ => inline(item, indent + 2, text, false),
                }
            }
        }
        _ => inline(node, indent, text, false),
    }
}

fn inline(node: &Node, indent: usize, text: &mut String, after_key: bool) {
    let mut push = |value: &str| {
        if after_key && !value.is_empty() {
            text.push(' ');
        }
        text.push_str(value);
        text.push('\n');
    };
    let Some(scalar) = node.as_scalar() else {
        return push(if node.is_map() { "{}" } else { "[]" });
    };
    let single = || format!("'{}'", scalar.text.replace('\'', "''"));
    let double = || {
        let mut quoted = String::new();
        super::gojson::string(&scalar.text, &mut quoted);
        quoted
    };
    match scalar.style {
        Style::Literal | Style::Folded if scalar.text.contains('\n') => push(&literal(&scalar.text, indent)),
        Style::Plain if scalar.text.contains('\n') => push(&literal(&scalar.text, indent)),
        Style::Single => push(&single()),
        Style::Double => push(&double()),
        _ if scalar.tag == Tag::Str && !reads_as_string(&scalar.text) => push(&double()),
        _ if !may_be_plain(&scalar.text) => push(&single()),
        _ => push(&scalar.text),
    }
}

fn literal(content: &str, indent: usize) -> String {
    let chomp = match content {
        content if !content.ends_with('\n') => "-",
        content if content.ends_with("\n\n") => "+",
        _ => "",
    };
    let pad = " ".repeat(indent);
    let lines: Vec<String> = content
        .strip_suffix('\n')
        .unwrap_or(content)
        .split('\n')
        .map(|line| if line.is_empty() { String::new() } else { format!("{pad}{line}") })
        .collect();
    format!("|{chomp}\n{}", lines.join("\n"))
}

fn key(text: &str) -> String {
    if text.is_empty() || !may_be_plain(text) {
        format!("'{}'", text.replace('\'', "''"))
    } else if reads_as_string(text) {
        text.to_owned()
    } else {
        format!("\"{text}\"")
    }
}
