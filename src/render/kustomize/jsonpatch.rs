//! JSON patches (RFC 6902) as the library reads them that kustomize uses.
//!
//! Differs from the standard where `evanphx/json-patch` v4 does: `replace` makes a key of a map that is not there, a
//! negative index counts from the end, and the first part of a path is passed over whatever it holds. Afterwards the whole
//! object has been JSON once: numbers are floating-point, styles are gone.

use super::inline::place_nodes;
use super::node::{COPIES, Entry, Fault, Key, Kind, Node};
use super::scalar::{Scalar, Style, Tag, may_be_plain, shortest};
use crate::manifest::value::NumberKind;
use crate::manifest::yaml::{self, Budget, Dialect, Plain, plain_meaning};
use crate::manifest::{Data, Origin, Source};
use std::sync::Arc;

/// A patch: operations in order.
#[derive(Debug, Clone)]
pub(super) struct JsonPatch(Vec<Operation>);

#[derive(Debug, Clone)]
struct Operation {
    operation: String,
    path: Option<String>,
    from: Option<String>,
    value: Node,
    has_value: bool,
}

impl JsonPatch {
    /// Reads a patch; a text that starts with `[` must be JSON.
    ///
    /// # Errors
    /// When it is no list of maps.
    pub(super) fn parse(file: &str, text: &str, inline: Option<&Origin>) -> Result<Self, Fault> {
        if text.is_empty() {
            return Err("the patch is empty".to_owned());
        }
        if text.starts_with('[') && serde_json::from_str::<serde::de::IgnoredAny>(text).is_err() {
            return Err("a patch that starts with `[` must be JSON".to_owned());
        }
        let reading = yaml::read(&Source::new(file, text), Dialect::Kubectl, &Budget::default());
        let wrong = |finding: &crate::finding::Finding| {
            finding.severity == crate::finding::Severity::Error && finding.rule != "duplicate-key"
        };
        if reading.findings.iter().any(wrong) {
            return Err("the patch is no YAML".to_owned());
        }
        let Some(document) = reading.documents.first() else { return Ok(Self(Vec::new())) };
        let mut nodes = [Node::of_json(document)];
        if inline.is_some() {
            place_nodes(&mut nodes, text, inline);
        }
        let [node] = nodes;
        let Kind::List(items) = &node.kind else { return Err("a JSON patch is a list of operations".to_owned()) };
        let operation = |item: &Node| {
            if !item.is_map() && !item.is_null() {
                return Err("an operation of a JSON patch is a map".to_owned());
            }
            let text = |key: &str| item.get(key).filter(|value| !value.is_null()).map(|value| value.text().to_owned());
            Ok(Operation {
                operation: text("op").unwrap_or_default(),
                path: text("path"),
                from: text("from"),
                value: item.get("value").cloned().unwrap_or_else(|| null(item.origin.clone())),
                has_value: item.get("value").is_some(),
            })
        };
        items.iter().map(operation).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many operations it has.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Applies the patch to an object.
    ///
    /// # Errors
    /// When an operation cannot be applied.
    pub(super) fn apply(&self, node: &mut Node) -> Result<(), Fault> {
        normalise(node)?;
        let mut budget = COPIES;
        for operation in &self.0 {
            operation.apply(node, &mut budget)?;
        }
        if !node.is_map() {
            return Err("the patch leaves no map".to_owned());
        }
        normalise(node)
    }
}

fn null(origin: Option<Origin>) -> Node {
    Node::scalar(Scalar::new("null", Tag::Null, Style::Plain), origin)
}

impl Operation {
    fn apply(&self, root: &mut Node, budget: &mut usize) -> Result<(), Fault> {
        let depth = self.path.as_deref().unwrap_or_default().matches('/').count();
        let Self { operation, path, from, value, .. } = self;
        let needed =
            |path: &Option<String>, name: &str| path.clone().ok_or_else(|| format!("`{operation}` needs `{name}`"));
        let within = |fault: Fault, path: &str| format!("`{operation}` cannot be applied at `{path}`: {fault}");
        match operation.as_str() {
            "add" => {
                let path = needed(path, "path")?;
                value.pay(depth, budget)?;
                let (parent, key) = parent(root, &path)?;
                add(parent, &key, value.clone()).map_err(|fault| within(fault, &path))
            }
            "remove" => {
                let path = needed(path, "path")?;
                let (parent, key) = parent(root, &path)?;
                remove(parent, &key).map(drop).map_err(|fault| within(fault, &path))
            }
            "replace" => {
                let path = needed(path, "path")?;
                if path.is_empty() {
                    *root = value.clone();
                    return if root.is_scalar() {
                        Err("the whole object cannot become a scalar".to_owned())
                    } else {
                        Ok(())
                    };
                }
                value.pay(depth, budget)?;
                let (parent, key) = parent(root, &path)?;
                replace(parent, &key, value.clone()).map_err(|fault| within(fault, &path))
            }
            "move" | "copy" => {
                let from = needed(from, "from")?;
                let (parent_from, key) = parent(root, &from)?;
                let value = get(parent_from, &key).map_err(|fault| within(fault, &from))?;
                if operation == "move" {
                    remove(parent_from, &key).map_err(|fault| within(fault, &from))?;
                }
                let path = needed(path, "path")?;
                let (parent, key) = parent(root, &path)?;
                let value = value.unwrap_or_else(|| null(None));
                value.pay(depth, budget)?;
                add(parent, &key, value).map_err(|fault| within(fault, &path))
            }
            "test" => {
                let path = needed(path, "path")?;
                let found = if path.is_empty() {
                    Some(root.clone())
                } else {
                    let (parent, key) = parent(root, &path)?;
                    get(parent, &key).map_err(|fault| within(fault, &path))?
                };
                let equal = match found.filter(|found| !found.is_null()) {
                    None => value.is_null(),
                    Some(_) if !self.has_value => false,
                    Some(found) => json(&found)? == json(value)?,
                };
                if equal { Ok(()) } else { Err(format!("the test at `{path}` fails")) }
            }
            other => Err(format!("`{other}` is no operation of a JSON patch")),
        }
    }
}

fn json(node: &Node) -> Result<String, Fault> {
    let mut text = String::new();
    super::gojson::value(node, &mut text)?;
    Ok(text)
}

/// The list or map that a path ends in, and the last part of the path.
fn parent<'a>(root: &'a mut Node, path: &str) -> Result<(&'a mut Node, String), Fault> {
    let decoded = |part: &str| part.replace("~1", "/").replace("~0", "~");
    let parts: Vec<&str> = path.split('/').collect();
    let missing = || format!("a JSON patch names `{path}`, which is not there");
    let [_, middle @ .., last] = parts.as_slice() else { return Err(missing()) };
    let mut node = root;
    for part in middle {
        let part = decoded(part);
        let next = match &node.kind {
            Kind::Map(_) => node.get_mut(&part),
            Kind::List(items) => {
                let at = index(&part, items.len()).filter(|at| *at < items.len());
                at.and_then(|at| node.items_mut().and_then(|items| items.get_mut(at)))
            }
            Kind::Scalar(_) => None,
        };
        node = next.filter(|node| !node.is_scalar()).ok_or_else(missing)?;
    }
    if node.is_scalar() {
        return Err(missing());
    }
    Ok((node, decoded(last)))
}

/// An index of a list, counted from its end when it is negative.
fn index(text: &str, length: usize) -> Option<usize> {
    let number: i64 = text.parse().ok()?;
    if number >= 0 {
        return usize::try_from(number).ok();
    }
    length.checked_sub(usize::try_from(number.unsigned_abs()).ok()?)
}

fn outside(key: &str) -> Fault {
    format!("`{key}` is no place of the list")
}

fn get(parent: &Node, key: &str) -> Result<Option<Node>, Fault> {
    match &parent.kind {
        Kind::List(items) => {
            let at = index(key, items.len()).ok_or_else(|| outside(key))?;
            items.get(at).cloned().map(Some).ok_or_else(|| outside(key))
        }
        _ => Ok(parent.get(key).cloned()),
    }
}

fn put(parent: &mut Node, key: &str, value: Node) {
    let origin = value.origin.clone();
    match parent.position(key) {
        Some(at) => {
            if let Some(entries) = parent.entries_mut() {
                entries[at].value = value;
            }
        }
        None => {
            if let Some(entries) = parent.entries_mut() {
                entries.push(Entry { key: Key { text: key.into(), origin, bare: false }, value });
            }
        }
    }
}

fn add(parent: &mut Node, key: &str, value: Node) -> Result<(), Fault> {
    let Some(items) = parent.items_mut() else {
        put(parent, key, value);
        return Ok(());
    };
    if key == "-" {
        items.push(value);
        return Ok(());
    }
    let at = index(key, items.len() + 1).filter(|at| *at <= items.len()).ok_or_else(|| outside(key))?;
    items.insert(at, value);
    Ok(())
}

fn replace(parent: &mut Node, key: &str, value: Node) -> Result<(), Fault> {
    let Some(items) = parent.items_mut() else {
        put(parent, key, value);
        return Ok(());
    };
    let at = index(key, items.len()).ok_or_else(|| outside(key))?;
    *items.get_mut(at).ok_or_else(|| outside(key))? = value;
    Ok(())
}

fn remove(parent: &mut Node, key: &str) -> Result<Option<Node>, Fault> {
    let Some(items) = parent.items_mut() else {
        let removed = parent.clear(key);
        return if removed.is_some() { Ok(removed) } else { Err("it is not there".to_owned()) };
    };
    let at = index(key, items.len()).filter(|at| *at < items.len()).ok_or_else(|| outside(key))?;
    Ok(Some(items.remove(at)))
}

/// What is left of a tree that was JSON once.
pub(super) fn normalise(node: &mut Node) -> Result<(), Fault> {
    normalise_in(node, false)
}

fn normalise_in(node: &mut Node, flow: bool) -> Result<(), Fault> {
    let flow = flow || node.is_flow();
    match &mut node.kind {
        Kind::Scalar(scalar) if flow && scalar.text.is_empty() => {
            *scalar = Scalar::new("", Tag::Str, Style::Double);
            Ok(())
        }
        Kind::Scalar(scalar) => {
            *scalar = normal(scalar)?;
            Ok(())
        }
        Kind::List(items) => Arc::make_mut(items).iter_mut().try_for_each(|item| normalise_in(item, flow)),
        Kind::Map(entries) => Arc::make_mut(entries).iter_mut().try_for_each(|entry| {
            if entry.key.bare && super::scalar::is_bad_bare_key(&entry.key.text) {
                return Err(format!("the key `{}` is read as no string", entry.key.text));
            }
            entry.key.bare = false;
            normalise_in(&mut entry.value, flow)
        }),
    }
}

fn normal(scalar: &Scalar) -> Result<Scalar, Fault> {
    Ok(match scalar.data()? {
        Data::Null => Scalar::new("null", Tag::Null, Style::Plain),
        Data::Bool(flag) => Scalar::new(flag.to_string(), Tag::Bool, Style::Plain),
        Data::Number(number) => {
            let text = shortest(number.as_f64());
            let meaning = plain_meaning(&text, Dialect::Kustomize);
            let float = matches!(meaning, Plain::Number(NumberKind::Float(_)));
            Scalar::new(text, if float { Tag::Float } else { Tag::Int }, Style::Plain)
        }
        Data::String(text) => {
            let plain = matches!(plain_meaning(&text, Dialect::Kubectl), Plain::Text)
                && matches!(plain_meaning(&text, Dialect::Kustomize), Plain::Text);
            let style = match () {
                () if text.contains('\n') => Style::Literal,
                () if !plain => Style::Double,
                () if !may_be_plain(&text) => Style::Single,
                () => Style::Plain,
            };
            Scalar::new(text, Tag::Str, style)
        }
        Data::List(_) | Data::Map(_) => Scalar::new("", Tag::Unset, Style::Plain),
    })
}
