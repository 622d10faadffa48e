//! Paths of replacements and variables: fields, indices, `[key=value]` and `*`.
//!
//! Decided by `PathMatcher` and `PathGetter` of `kyaml/yaml`.

use super::node::{DEEPEST, Entry, Fault, Key, Kind, Make, Node};
use super::scalar::{Style, Tag};
use super::structured;
use crate::manifest::Origin;
use regex::Regex;

/// One step down a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    Entry(usize),
    Item(usize),
}

/// What a path leads to.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) places: Vec<Vec<Step>>,
    /// It led into the text of a scalar, which kustomize finds and then forgets.
    pub(super) detached: bool,
}

fn is_index(part: &str) -> Option<usize> {
    part.strip_prefix('+').unwrap_or(part).parse().ok()
}

fn is_list_part(part: &str) -> bool {
    part.starts_with('[') && part.ends_with(']')
}

/// The node at a place.
pub(super) fn at<'a>(node: &'a mut Node, place: &[Step]) -> Option<&'a mut Node> {
    place.iter().try_fold(node, |node, step| match step {
        Step::Entry(at) => node.entries_mut()?.get_mut(*at).map(|entry| &mut entry.value),
        Step::Item(at) => node.items_mut()?.get_mut(*at),
    })
}

/// Finds all nodes that a path leads to, making what is missing when `create` says of which kind its end is.
///
/// # Errors
/// When a part of the path does not fit what is there.
pub(super) fn find(
    node: &mut Node,
    path: &[String],
    create: Option<Make>,
    origin: Option<&Origin>,
) -> Result<Found, Fault> {
    if path.len() > DEEPEST {
        return Err(format!("a path has more than {DEEPEST} parts"));
    }
    let mut found = Found::default();
    Search { create, origin }.search(node, path, &mut Vec::new(), &mut found)?;
    Ok(found)
}

struct Search<'a> {
    create: Option<Make>,
    origin: Option<&'a Origin>,
}

impl Search<'_> {
    /// The kind of what the rest of the path needs.
    fn kind_for(&self, rest: &[String]) -> Make {
        match rest.first() {
            Some(part) if is_list_part(part) || is_index(part).is_some() => Make::List,
            Some(part) if !part.is_empty() => Make::Map,
            _ => self.create.unwrap_or(Make::Scalar),
        }
    }

    fn search(&self, node: &mut Node, path: &[String], here: &mut Vec<Step>, found: &mut Found) -> Result<(), Fault> {
        let Some((part, rest)) = path.split_first() else {
            found.places.push(here.clone());
            return Ok(());
        };
        if let Some(index) = is_index(part) {
            return self.index(node, index, rest, here, found);
        }
        if is_list_part(part) {
            return self.matching(node, part, rest, here, found, true);
        }
        if part == "*" {
            need_list(node)?;
            for at in 0..node.items().len() {
                self.item(node, at, rest, here, found)?;
            }
            return Ok(());
        }
        self.field(node, part, rest, here, found)
    }

    fn item(
        &self,
        node: &mut Node,
        at: usize,
        rest: &[String],
        here: &mut Vec<Step>,
        found: &mut Found,
    ) -> Result<(), Fault> {
        let Some(item) = node.items_mut().and_then(|items| items.get_mut(at)) else { return Ok(()) };
        here.push(Step::Item(at));
        let searched = self.search(item, rest, here, found);
        here.pop();
        searched
    }

    fn field(
        &self,
        node: &mut Node,
        part: &str,
        rest: &[String],
        here: &mut Vec<Step>,
        found: &mut Found,
    ) -> Result<(), Fault> {
        if node.is_null() {
            return Ok(());
        }
        if !node.is_map() {
            return Err(format!("`{part}` of a path needs a map"));
        }
        let at = match (node.position(part), self.create) {
            (Some(at), _) => at,
            (None, None) => return Ok(()),
            (None, Some(_)) => {
                let value = Node::empty(self.kind_for(rest), self.origin.cloned());
                let Some(entries) = node.entries_mut() else { return Ok(()) };
                entries.push(Entry { key: Key::bare(part, self.origin), value });
                entries.len() - 1
            }
        };
        let Some(field) = node.entries_mut().and_then(|entries| entries.get_mut(at)).map(|entry| &mut entry.value)
        else {
            return Ok(());
        };
        if field.is_scalar() && !rest.is_empty() {
            let mut inner = structured::parse(field.text()).ok_or("a path leads through a scalar")?;
            let inside = find(&mut inner, rest, self.create, self.origin)?;
            found.detached |= !inside.places.is_empty() || inside.detached;
            return Ok(());
        }
        here.push(Step::Entry(at));
        let searched = self.search(field, rest, here, found);
        here.pop();
        searched
    }

    fn index(
        &self,
        node: &mut Node,
        index: usize,
        rest: &[String],
        here: &mut Vec<Step>,
        found: &mut Found,
    ) -> Result<(), Fault> {
        need_list(node)?;
        if node.items().len() == index && self.create.is_some() {
            let item = Node::empty(self.kind_for(rest), self.origin.cloned());
            node.items_mut().into_iter().for_each(|items| items.push(item.clone()));
        }
        if index >= node.items().len() {
            return Err(format!("a path names the item {index} of a list of {}", node.items().len()));
        }
        self.item(node, index, rest, here, found)
    }

    fn matching(
        &self,
        node: &mut Node,
        part: &str,
        rest: &[String],
        here: &mut Vec<Step>,
        found: &mut Found,
        may_create: bool,
    ) -> Result<(), Fault> {
        let inner = part.strip_suffix(']').unwrap_or(part);
        let inner = inner.strip_prefix('[').unwrap_or(inner);
        let (key, pattern) = inner.split_once('=').ok_or("`[]` in a path must hold `key=value`")?;
        need_list(node)?;
        // Most patterns are words, and most builds ask for them in every resource.
        let is_word =
            pattern.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'/' | b'_' | b':'));
        let regex = (!is_word).then(|| Regex::new(pattern)).transpose();
        let regex = regex.map_err(|_| format!("`{pattern}` is no regular expression"))?;
        let matches = |text: &str| regex.as_ref().map_or_else(|| text.contains(pattern), |regex| regex.is_match(text));
        let before = (found.places.len(), found.detached);
        for at in 0..node.items().len() {
            let item = &node.items()[at];
            let value = if key.is_empty() { Some(item) } else { item.get(key) };
            if !value.is_some_and(|value| matches(written(value).trim())) {
                continue;
            }
            if key.is_empty() {
                here.push(Step::Item(at));
                found.places.push(here.clone());
                here.pop();
            } else {
                self.item(node, at, rest, here, found)?;
            }
        }
        if before != (found.places.len(), found.detached) || self.create.is_none() || !may_create {
            return Ok(());
        }
        let value = Node::untagged(pattern, self.origin.cloned());
        let item = if key.is_empty() {
            value
        } else {
            Node::map(vec![Entry { key: Key::bare(key, self.origin), value }], self.origin.cloned())
        };
        node.items_mut().into_iter().for_each(|items| items.push(item.clone()));
        self.matching(node, part, rest, here, found, false)
    }
}

fn need_list(node: &Node) -> Result<(), Fault> {
    if node.is_null() || matches!(node.kind, Kind::List(_)) { Ok(()) } else { Err("a path needs a list".to_owned()) }
}

/// A node as go-yaml writes it.
fn written(node: &Node) -> String {
    let Some(scalar) = node.as_scalar() else { return structured::write(node) };
    let doubled = || format!("\"{}\"", scalar.text.replace('\\', "\\\\").replace('"', "\\\""));
    match scalar.style {
        Style::Double => doubled(),
        Style::Single => format!("'{}'", scalar.text.replace('\'', "''")),
        Style::Plain if scalar.tag == Tag::Str && !super::scalar::reads_as_string(&scalar.text) => doubled(),
        Style::Plain if !super::scalar::may_be_plain(&scalar.text) => format!("'{}'", scalar.text.replace('\'', "''")),
        _ => scalar.text.clone(),
    }
}

/// The node at a path without patterns or `*`.
///
/// # Errors
/// When a part of the path does not fit what is there.
pub(super) fn lookup<'a>(node: &'a Node, path: &[String]) -> Result<Option<&'a Node>, Fault> {
    let mut node = node;
    for part in path.iter().map(|part| part.trim()).filter(|part| !part.is_empty()) {
        let next = if let Some(index) = is_index(part) {
            need_list(node)?;
            node.items().get(index)
        } else if part == "-" {
            need_list(node)?;
            node.items().last()
        } else if part == "*" {
            return Err("`*` is not allowed in this path".to_owned());
        } else if is_list_part(part) {
            need_list(node)?;
            let inner = &part[1..part.len() - 1];
            let (key, value) = inner.split_once('=').ok_or("`[]` in a path must hold `key=value`")?;
            node.items().iter().find(|item| {
                if key.is_empty() {
                    item.text() == value
                } else {
                    item.get(key).is_some_and(|found| found.text() == value)
                }
            })
        } else {
            if node.is_null() {
                return Ok(None);
            }
            if !node.is_map() {
                return Err(format!("`{part}` of a path needs a map"));
            }
            node.get(part)
        };
        match next {
            Some(next) => node = next,
            None => return Ok(None),
        }
    }
    Ok(Some(node))
}
