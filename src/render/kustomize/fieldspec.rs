//! Field specifications: paths through objects of some kinds, and the walk along them.
//!
//! Decided by `api/filters/fieldspec` and `api/types/fieldspec.go`. Lists on the way are entered item by item.

use super::ids::Gvk;
use super::node::{DEEPEST, Entry, Fault, Key, Kind, Make, Node};
use super::scalar::{Scalar, Style, Tag};
use crate::manifest::Origin;
use std::sync::Arc;

/// A path in objects of some kinds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FieldSpec {
    pub(super) gvk: Gvk,
    pub(super) path: String,
    /// The path is made where it leads to nothing.
    pub(super) create: bool,
    segments: Vec<Segment>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Segment {
    name: String,
    /// Written `name[]`: never made, and null becomes an empty list.
    list: bool,
}

impl FieldSpec {
    pub(super) fn new(gvk: Gvk, path: &str, create: bool) -> Self {
        let segment = |part: String| match part.strip_suffix("[]") {
            Some(name) => Segment { name: name.to_owned(), list: true },
            None => Segment { name: part, list: false },
        };
        let segments = split(path, '/').into_iter().map(segment).collect();
        Self { gvk, path: path.to_owned(), create, segments }
    }

    /// Says whether the path is for objects of this kind.
    pub(super) fn is_for(&self, gvk: &Gvk) -> bool {
        gvk.is_selected(&self.gvk)
    }

    /// Says whether the walk would change or visit anything.
    fn reaches(&self, node: &Node, making: bool) -> bool {
        (making && self.create) || leads(node, &self.segments)
    }

    /// Says whether the path leads to anything in an object.
    pub(super) fn leads_somewhere(&self, node: &Node) -> bool {
        leads(node, &self.segments)
    }

    /// Calls `set` for each node that the path leads to; `make` is what stands at its end where the path is made.
    ///
    /// # Errors
    /// When the path leads through a scalar, or `set` fails.
    pub(super) fn visit(
        &self,
        node: &mut Node,
        make: Option<Make>,
        origin: Option<&Origin>,
        set: &mut dyn FnMut(&mut Node) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        if !self.reaches(node, make.is_some()) {
            return Ok(());
        }
        let make = make.filter(|_| self.create);
        if self.segments.len() > DEEPEST {
            return Err(format!("a path has more than {DEEPEST} parts"));
        }
        walk(node, &self.segments, make, origin, set).map_err(|fault| format!("{fault}, at `{}`", self.path))
    }
}

/// Says whether the walk along a path comes to its end, an error, or a null that becomes a list.
fn leads(node: &Node, path: &[Segment]) -> bool {
    // So long a path is an error, which the walk will say.
    if path.len() > DEEPEST {
        return true;
    }
    let Some((first, rest)) = path.split_first() else { return true };
    match &node.kind {
        Kind::Scalar(scalar) => scalar.tag != Tag::Null,
        Kind::List(items) => items.iter().any(|item| leads(item, path)),
        Kind::Map(_) => {
            first.name.is_empty()
                || node.get(&first.name).is_some_and(|value| (first.list && value.is_null()) || leads(value, rest))
        }
    }
}

fn walk(
    node: &mut Node,
    path: &[Segment],
    make: Option<Make>,
    origin: Option<&Origin>,
    set: &mut dyn FnMut(&mut Node) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let Some((first, rest)) = path.split_first() else { return set(node) };
    if node.is_null() {
        return Ok(());
    }
    match &mut node.kind {
        Kind::Scalar(_) => Err("the path leads through a scalar".to_owned()),
        Kind::List(items) => {
            for item in Arc::make_mut(items) {
                if make.is_some() || leads(item, path) {
                    walk(item, path, make, origin, set)?;
                }
            }
            Ok(())
        }
        Kind::Map(_) if first.name.is_empty() => Err("a part of the path is empty".to_owned()),
        Kind::Map(entries) => {
            let wanted = match make {
                _ if first.list => None,
                Some(make) if rest.is_empty() => Some(make),
                Some(_) => Some(Make::Map),
                None => None,
            };
            let at = entries.iter().position(|entry| *entry.key.text == first.name);
            let entries = Arc::make_mut(entries);
            let at = match (at, wanted) {
                (Some(at), _) => at,
                (None, None) => return Ok(()),
                (None, Some(wanted)) => {
                    let key = Key::bare(&first.name, origin);
                    entries.push(Entry { key, value: Node::empty(wanted, origin.cloned()) });
                    entries.len() - 1
                }
            };
            let Some(entry) = entries.get_mut(at) else { return Ok(()) };
            let field = &mut entry.value;
            if field.is_null() {
                match (first.list, wanted) {
                    (true, _) => *field = Node::list(Vec::new(), field.origin.clone()),
                    (_, Some(make @ (Make::Scalar | Make::Untagged))) => {
                        let text = field.text().to_owned();
                        let tag = if make == Make::Scalar { Tag::Str } else { Tag::Unset };
                        *field = Node::scalar(Scalar::new(text, tag, Style::Plain), field.origin.clone());
                    }
                    (_, Some(wanted)) => *field = Node::empty(wanted, field.origin.clone()),
                    (_, None) => {}
                }
            }
            walk(field, rest, make, origin, set)
        }
    }
}

/// Splits a path at `delimiter` where no backslash stands before it; a leading delimiter counts for nothing.
pub(super) fn split(path: &str, delimiter: char) -> Vec<String> {
    let mut parts = path.split(delimiter).peekable();
    if path.contains(delimiter) && parts.peek() == Some(&"") {
        parts.next();
    }
    let mut found: Vec<String> = Vec::new();
    for part in parts {
        match found.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push(delimiter);
                last.push_str(part);
            }
            _ => found.push(part.to_owned()),
        }
    }
    found
}

/// Splits a path of a replacement or variable: what stands in brackets is one part.
pub(super) fn split_with_brackets(path: &str) -> Vec<String> {
    let mut parts = split(path, '.').into_iter();
    let mut found = Vec::new();
    while let Some(part) = parts.next() {
        if !part.starts_with('[') || part.ends_with(']') {
            found.push(part);
            continue;
        }
        let mut whole = part;
        for part in parts.by_ref() {
            whole.push('.');
            whole.push_str(&part);
            if part.ends_with(']') {
                break;
            }
        }
        found.push(if whole.contains('=') { whole } else { whole.trim_matches(['[', ']']).to_owned() });
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_split_as_kustomize_splits_them() {
        assert_eq!(split("/a/b", '/'), ["a", "b"]);
        assert_eq!(split(r"metadata/annotations/nginx\/x", '/'), ["metadata", "annotations", "nginx/x"]);
        assert_eq!(split_with_brackets("spec.[name=a.b].x"), ["spec", "[name=a.b]", "x"]);
        assert_eq!(split_with_brackets("data.[a.b]"), ["data", "a.b"]);
    }
}
