//! Strategic merge: a patch into a resource, with the list keys that [`super::schema`] knows.
//!
//! Written after the walk of `kyaml/yaml/walk` and `merge2`, oddities included, because they decide the output: in a list
//! merged by key the items of the patch come first, and null in a map that the patch brings is left out.

use super::elements::{self, matches};
use super::node::{Fault, Kind, Node};
use super::scalar::{Scalar, Style, Tag};
use super::schema::{Schema, Shape};
use std::sync::Arc;

/// What a patch says about a map or list by `$patch`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Directive {
    Merge,
    Replace,
    Delete,
}

/// Merges `patch` into `target`; `None` when nothing is left.
///
/// # Errors
/// When a field is a list in one and a map or scalar in the other, or `$patch` says what nobody knows.
pub(super) fn merge(target: &Node, patch: &Node, schema: &Schema) -> Result<Option<Node>, Fault> {
    if matches!(directive(patch)?, (Directive::Replace, _)) {
        // kustomize forgets the result.
        return Ok(Some(target.clone()));
    }
    Walk { schema, path: Vec::new() }.walk(Some(target), Some(patch), None)
}

/// How long lists may be that are merged by key: the time for it grows with the square.
const LONGEST: usize = 5_000;

struct Walk<'a> {
    schema: &'a Schema,
    path: Vec<String>,
}

/// Nothing, or null.
fn is_missing(node: Option<&Node>) -> bool {
    node.is_none_or(Node::is_null)
}

impl Walk<'_> {
    fn here(&self) -> String {
        self.path.join(".")
    }

    fn walk(
        &mut self,
        dest: Option<&Node>,
        patch: Option<&Node>,
        shape: Option<Arc<Shape>>,
    ) -> Result<Option<Node>, Fault> {
        let shape = shape.or_else(|| [dest, patch].into_iter().flatten().find_map(|node| self.shape_of(node)));
        let first = [dest, patch].into_iter().flatten().find(|node| !node.is_null());
        let Some(first) = first else { return self.map(dest, patch, shape.as_ref()) };
        let same = |node: &Node| std::mem::discriminant(&node.kind) == std::mem::discriminant(&first.kind);
        if ![dest, patch].into_iter().flatten().all(|node| node.is_null() || same(node)) {
            return Err(format!(
                "`{}` is a map, list or scalar in the patch, and another of them in its target",
                self.here()
            ));
        }
        match first.kind {
            Kind::Map(_) => self.map(dest, patch, shape.as_ref()),
            Kind::Scalar(_) => Ok(patch.or(dest).cloned()),
            Kind::List(_) => match shape.as_deref().and_then(Shape::merge_keys) {
                None => Ok(patch.or(dest).cloned()),
                Some(keys) => {
                    let keys = keys.to_vec();
                    self.list(dest, patch, &keys, shape.as_deref())
                }
            },
        }
    }

    fn shape_of(&self, node: &Node) -> Option<Arc<Shape>> {
        let text = |key| node.get(key).map(Node::text).filter(|text| !text.is_empty());
        self.schema.of_type(text("apiVersion")?, text("kind")?)
    }

    fn map(
        &mut self,
        dest: Option<&Node>,
        patch: Option<&Node>,
        shape: Option<&Arc<Shape>>,
    ) -> Result<Option<Node>, Fault> {
        if is_missing(dest) {
            if patch.is_none()
                && let Some(Kind::Scalar(null)) = dest.map(|node| &node.kind)
                && !null.text.is_empty()
            {
                let kept = Scalar { keep: true, ..Scalar::new(null.text.as_str(), Tag::Null, Style::Plain) };
                return Ok(Some(Node::scalar(kept, dest.and_then(|node| node.origin.clone()))));
            }
            let Some(patch) = patch else { return Ok(None) };
            // A directive that nobody knows is not minded here.
            let (directive, patch) = directive(patch).unwrap_or((Directive::Merge, patch.clone()));
            return match directive {
                Directive::Delete => Ok(None),
                Directive::Merge | Directive::Replace => self.alone(patch, shape).map(Some),
            };
        }
        let Some(dest) = dest else { return Ok(None) };
        let Some(patch) = patch else { return self.fields(dest.clone(), None, shape).map(Some) };
        if patch.is_null() {
            return Ok(None);
        }
        let (directive, patch) = directive(patch)?;
        match directive {
            Directive::Delete => Ok(None),
            Directive::Replace => self.alone(patch, shape).map(Some),
            Directive::Merge => self.fields(dest.clone(), Some(&patch), shape).map(Some),
        }
    }

    /// Merges all fields of `patch` into `dest`.
    fn fields(&mut self, mut dest: Node, patch: Option<&Node>, shape: Option<&Arc<Shape>>) -> Result<Node, Fault> {
        // Without a patch only empty nulls can go; most maps have none.
        let mut names: Vec<Arc<str>> = match patch {
            Some(patch) => patch.entries().iter().map(|entry| Arc::clone(&entry.key.text)).collect(),
            None => Vec::new(),
        };
        // Names that are there twice are taken out below.
        let alone = dest.entries().iter().filter(|entry| may_change_alone(&entry.value));
        names.extend(alone.map(|entry| Arc::clone(&entry.key.text)));
        names.sort();
        names.dedup();
        if names.len().saturating_mul(dest.entries().len()) > LONGEST * LONGEST {
            return Err(format!("`{}` has too many fields for so large a patch", self.here()));
        }
        for name in names {
            let own = dest.get(&name).cloned();
            let theirs = patch.and_then(|patch| patch.entries().iter().find(|entry| entry.key.text == name));
            let keys = [dest.entries().iter().find(|entry| entry.key.text == name), theirs];
            let commented = keys.into_iter().flatten().find_map(|entry| Shape::of_comment(entry.key.origin.as_ref()?));
            let field_shape = commented.or_else(|| shape.and_then(|shape| self.schema.field(shape, &name)));
            self.path.push(name.to_string());
            let merged = self.walk(own.as_ref(), theirs.map(|entry| &entry.value), field_shape)?;
            self.path.pop();
            match merged {
                None => drop(dest.clear(&name)),
                Some(value) => {
                    let bare = dest.position(&name).is_none();
                    dest.set(&name, value, theirs.and_then(|entry| entry.key.origin.as_ref()))?;
                    if bare
                        && let (Some(theirs), Some(entries)) = (theirs, dest.entries_mut())
                        && let Some(entry) = entries.iter_mut().find(|entry| entry.key.text == name)
                    {
                        entry.key.bare = theirs.key.bare;
                    }
                }
            }
        }
        Ok(dest)
    }

    /// What becomes of a part of a patch that meets nothing: nulls and directives in it are obeyed.
    fn alone(&mut self, mut patch: Node, shape: Option<&Arc<Shape>>) -> Result<Node, Fault> {
        if patch.entries().iter().all(|entry| entry.value.is_scalar() && !entry.value.is_null()) {
            return Ok(patch);
        }
        let names: Vec<Arc<str>> = patch.entries().iter().map(|entry| Arc::clone(&entry.key.text)).collect();
        for name in names {
            let Some(value) = patch.get(&name) else { continue };
            let value = value.clone();
            let field_shape = shape.and_then(|shape| self.schema.field(shape, &name));
            match self.alone_value(value, field_shape)? {
                None => drop(patch.clear(&name)),
                Some(value) => {
                    if let Some(place) = patch.get_mut(&name) {
                        *place = value;
                    }
                }
            }
        }
        Ok(patch)
    }

    fn alone_value(&mut self, value: Node, shape: Option<Arc<Shape>>) -> Result<Option<Node>, Fault> {
        let shape = shape.or_else(|| self.shape_of(&value));
        match &value.kind {
            Kind::Scalar(scalar) => Ok((scalar.tag != Tag::Null).then_some(value)),
            Kind::Map(_) => {
                let (directive, value) = directive(&value)?;
                if directive == Directive::Delete {
                    return Ok(None);
                }
                self.alone(value, shape.as_ref()).map(Some)
            }
            Kind::List(_) => match shape.as_deref().and_then(Shape::merge_keys) {
                None => Ok(Some(value)),
                Some(keys) => {
                    let keys = keys.to_vec();
                    match list_directive(&value)? {
                        (Directive::Delete, _) => Ok(None),
                        (_, value) => self.list(None, Some(&value), &keys, shape.as_deref()),
                    }
                }
            },
        }
    }

    /// Merges lists by key. Where there is no list to merge into, the list of the patch is merged with itself, as kyaml
    /// does.
    fn list(
        &mut self,
        dest: Option<&Node>,
        patch: Option<&Node>,
        keys: &[String],
        shape: Option<&Shape>,
    ) -> Result<Option<Node>, Fault> {
        let (own, theirs) = match (dest.filter(|dest| !dest.is_null()), patch) {
            (None, None) => return Ok(None),
            (Some(dest), None) => (Some(dest.clone()), None),
            (None, Some(patch)) => (None, Some(patch.clone())),
            (Some(_), Some(patch)) if patch.is_null() => return Ok(None),
            (Some(dest), Some(patch)) => match list_directive(patch)? {
                (Directive::Delete, _) => return Ok(None),
                (Directive::Replace, patch) => (None, Some(patch)),
                (Directive::Merge, patch) => (Some(dest.clone()), Some(patch)),
            },
        };
        let origin = own.as_ref().or(theirs.as_ref()).and_then(|node| node.origin.clone());
        let shared = own.is_none();
        let mut lists = Lists {
            dest: own.or_else(|| theirs.clone()).map(|node| node.items().to_vec()).unwrap_or_default(),
            patch: theirs.map(|node| node.items().to_vec()),
            shared,
        };
        let merged = self.items(&mut lists, keys, shape)?;
        Ok(Some(Node::list(merged, origin)))
    }

    fn items(&mut self, lists: &mut Lists, keys: &[String], shape: Option<&Shape>) -> Result<Vec<Node>, Fault> {
        let primitive = keys.is_empty();
        let key_list: Vec<String> = if primitive { vec![String::new()] } else { keys.to_vec() };
        if lists.sources().nth(LONGEST).is_some() {
            return Err(format!("`{}` is merged by key, and has more than {LONGEST} items", self.here()));
        }
        let mut values = if primitive { lists.primitive_values() } else { lists.key_values(keys) };
        if key_list.len() > 1 {
            elements::join_values(&mut values);
        }
        let item_shape = shape.and_then(|shape| self.schema.items(shape));
        let mut added: Vec<Node> = Vec::new();
        let mut valid_keys = Vec::new();
        for one in values.clone().iter().filter(|one| !one.is_empty()) {
            let (keys, texts) = elements::valid(&values, one, &key_list);
            let (own_keys, own_texts) = elements::valid(std::slice::from_ref(&texts), &texts, &keys);
            let merged = self.item(lists, &own_keys, &own_texts, item_shape.as_ref())?;
            valid_keys.clone_from(&keys);
            let gone =
                merged.as_ref().is_none_or(|node| node.is_null() || (node.is_map() && node.entries().is_empty()));
            if gone && !keys.is_empty() {
                for _ in &keys {
                    elements::set(&mut lists.dest, None, &keys, &texts);
                }
                continue;
            }
            let Some(mut merged) = merged else { continue };
            for (key, text) in keys.iter().zip(&texts) {
                if !key.is_empty() && merged.is_map() && merged.get(key).is_none() && !text.is_empty() {
                    merged.set(key, Node::untagged(text.as_str(), merged.origin.clone()), None)?;
                }
            }
            elements::set(&mut added, Some(merged), &keys, &texts);
        }
        if values.is_empty() {
            return Ok(std::mem::take(&mut lists.dest));
        }
        elements::append(&mut added, std::mem::take(&mut lists.dest), &valid_keys)?;
        Ok(added)
    }

    /// Merges the items of both lists that have these keys, and leaves the result in the list of the target.
    fn item(
        &mut self,
        lists: &mut Lists,
        keys: &[String],
        texts: &[String],
        shape: Option<&Arc<Shape>>,
    ) -> Result<Option<Node>, Fault> {
        let own = lists.dest.iter().position(|item| matches(item, keys, texts));
        if lists.shared {
            let Some(at) = own else { return Ok(None) };
            let value = lists.dest[at].clone();
            let merged = self.alone_value(value, shape.cloned())?;
            if let Some(merged) = &merged {
                lists.dest[at] = merged.clone();
            }
            return Ok(merged);
        }
        let theirs = lists.patch.iter().flatten().find(|item| matches(item, keys, texts)).cloned();
        let dest = own.map(|at| lists.dest[at].clone());
        let replaced = theirs.as_ref().is_some_and(|item| matches!(directive(item), Ok((Directive::Replace, _))));
        let merged = self.walk(dest.as_ref(), theirs.as_ref(), shape.cloned())?;
        if let (Some(at), Some(merged), false) = (own, &merged, replaced)
            && merged.is_map()
        {
            lists.dest[at] = merged.clone();
        }
        Ok(merged)
    }
}

/// Two lists while they are merged.
struct Lists {
    dest: Vec<Node>,
    patch: Option<Vec<Node>>,
    /// Both are one: the patch's own.
    shared: bool,
}

impl Lists {
    /// The patch's items first.
    fn sources(&self) -> impl Iterator<Item = &Node> {
        self.patch.iter().flatten().chain(&self.dest)
    }

    fn key_values(&self, keys: &[String]) -> Vec<Vec<String>> {
        let mut found: Vec<Vec<String>> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for item in self.sources() {
            let value =
                |key: &String| item.get(key).filter(|value| !value.is_empty()).map_or("", Node::text).to_owned();
            let values: Vec<String> = keys.iter().map(value).collect();
            if seen.insert(values.clone()) {
                found.push(values);
            }
        }
        found
    }

    fn primitive_values(&self) -> Vec<Vec<String>> {
        let mut found: Vec<Vec<String>> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for item in self.sources() {
            if seen.insert(item.text().to_owned()) {
                found.push(vec![item.text().to_owned()]);
            }
        }
        found
    }
}

/// Says whether a field can change although the patch does not name it: nulls without a text go, and lists that are merged
/// by key are put in order.
fn may_change_alone(value: &Node) -> bool {
    match &value.kind {
        Kind::Scalar(scalar) => scalar.tag == Tag::Null,
        Kind::Map(entries) => entries.iter().any(|entry| may_change_alone(&entry.value)),
        Kind::List(items) => {
            !items.is_empty() && items.iter().any(|item| !item.is_scalar() || item.is_null()) || items.len() > 1
        }
    }
}

/// What a map says by `$patch`, and the map without it.
fn directive(patch: &Node) -> Result<(Directive, Node), Fault> {
    let said = match &patch.kind {
        Kind::Map(_) => patch.get("$patch"),
        Kind::Scalar(_) if patch.is_null() => return Ok((Directive::Merge, patch.clone())),
        _ => None,
    };
    let Some(said) = said else { return Ok((Directive::Merge, patch.clone())) };
    let directive = known(said)?;
    let mut rest = patch.clone();
    rest.clear("$patch");
    Ok((directive, rest))
}

/// What an item `{$patch: …}` of a list says, and the list without such items.
fn list_directive(patch: &Node) -> Result<(Directive, Node), Fault> {
    let item = patch.items().iter().find(|item| item.get("$patch").is_some());
    let Some(said) = item.filter(|item| item.entries().len() == 1).and_then(|item| item.get("$patch")) else {
        return Ok((Directive::Merge, patch.clone()));
    };
    let directive = known(said)?;
    let mut items = patch.items().to_vec();
    elements::set(&mut items, None, &["$patch".to_owned()], &[said.text().to_owned()]);
    Ok((directive, Node::list(items, patch.origin.clone())))
}

fn known(said: &Node) -> Result<Directive, Fault> {
    match said.text() {
        "merge" => Ok(Directive::Merge),
        "replace" => Ok(Directive::Replace),
        "delete" => Ok(Directive::Delete),
        other => Err(format!("`$patch` is `{other}`, and only `merge`, `replace` and `delete` are known")),
    }
}
