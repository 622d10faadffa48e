//! The tree that a build works on: what kyaml's node is to kustomize, with the place that set each part.
//!
//! A scalar keeps the text, the tag and the style it was written in, because kustomize resolves a scalar only when it
//! prints: a number that replaces a quoted string stays a string. Lists and maps are shared until they change, so that a
//! base is copied for each overlay at no cost. Decided by `yaml.Node` of go-yaml v3 and `kyaml/yaml/fns.go`.

use super::scalar::{Scalar, Style, Tag, is_bad_bare_key, is_non_string_in_yaml_1_1};
use crate::manifest::{Data, Origin, Value};
use std::sync::Arc;

/// Why a filter cannot do its work: one lower-case sentence that repeats no value.
pub(super) type Fault = String;

/// How deep an object may become, and how long a path may be that makes one deeper.
pub(super) const DEEPEST: usize = 200;
/// How much may be copied within objects in one step of a build.
pub(super) const COPIES: usize = 1_000_000;

/// A node with the place of the text or directive that it came from.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) origin: Option<Origin>,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Scalar(Scalar),
    List(Arc<Vec<Node>>),
    Map(Arc<Vec<Entry>>),
}

/// A key with its value. Maps are short: they are searched from the front, as kyaml does.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) value: Node,
}

#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) text: Arc<str>,
    pub(super) origin: Option<Origin>,
    /// Written by kustomize without quotes: a text that reads back as something else is an error in the end.
    pub(super) bare: bool,
}

/// What a filter creates where a path leads to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Make {
    Scalar,
    /// A scalar that is not said to be a string: null that is there keeps its text and stays null.
    Untagged,
    List,
    Map,
}

impl Node {
    pub(super) fn scalar(scalar: Scalar, origin: Option<Origin>) -> Self {
        Self { kind: Kind::Scalar(scalar), origin }
    }

    /// A scalar without a tag: its text decides what it is.
    pub(super) fn untagged(text: impl Into<String>, origin: Option<Origin>) -> Self {
        Self::scalar(Scalar::new(text, Tag::Unset, Style::Plain), origin)
    }

    /// A string, whatever its text.
    pub(super) fn string(text: impl Into<String>, origin: Option<Origin>) -> Self {
        Self::scalar(Scalar::new(text, Tag::Str, Style::Plain), origin)
    }

    pub(super) fn list(items: Vec<Node>, origin: Option<Origin>) -> Self {
        Self { kind: Kind::List(Arc::new(items)), origin }
    }

    pub(super) fn map(entries: Vec<Entry>, origin: Option<Origin>) -> Self {
        Self { kind: Kind::Map(Arc::new(entries)), origin }
    }

    /// Nothing yet, of the kind that is wanted.
    pub(super) fn empty(make: Make, origin: Option<Origin>) -> Self {
        match make {
            Make::Scalar | Make::Untagged => Self::untagged("", origin),
            Make::List => Self::list(Vec::new(), origin),
            Make::Map => Self::map(Vec::new(), origin),
        }
    }

    /// A node from a document that was read as JSON is: what its scalars mean decides, not how they are written.
    pub(super) fn of_json(value: &Value) -> Self {
        let mut node = Self::of(value);
        node.plain_from(value);
        node
    }

    fn plain_from(&mut self, value: &Value) {
        match (&mut self.kind, &value.data) {
            (Kind::Scalar(scalar), data) => *scalar = Scalar::of(data, None),
            (Kind::List(nodes), Data::List(items)) => {
                Arc::make_mut(nodes).iter_mut().zip(items).for_each(|(node, item)| node.plain_from(item));
            }
            (Kind::Map(entries), Data::Map(map)) => {
                Arc::make_mut(entries).retain(|entry| map.contains_key(&entry.key.text));
                for entry in Arc::make_mut(entries) {
                    entry.key.bare = false;
                    if let Some(value) = map.get(&entry.key.text) {
                        entry.value.plain_from(value);
                    }
                }
            }
            _ => {}
        }
    }

    /// A node from a document that the kustomize dialect read.
    pub(super) fn of(value: &Value) -> Self {
        let kind = match &value.data {
            Data::List(items) => Kind::List(Arc::new(items.iter().map(Self::of).collect())),
            Data::Map(map) => {
                let entry = |(key, value): (&crate::manifest::Key, &Value)| Entry {
                    key: Key {
                        text: key.text.as_str().into(),
                        origin: key.origin.clone(),
                        bare: is_bad_bare_key(&key.text) && is_unquoted(key.origin.as_ref()),
                    },
                    value: Self::of(value),
                };
                // kyaml takes the key `<<` out even where it is quoted.
                Kind::Map(Arc::new(map.iter().filter(|(key, _)| key.text != "<<").map(entry).collect()))
            }
            data => Kind::Scalar(Scalar::of(data, value.origin.as_ref())),
        };
        Self { kind, origin: value.origin.clone() }
    }

    /// What the scalar's text is; empty for lists and maps, as `Node.Value` is.
    pub(super) fn text(&self) -> &str {
        match &self.kind {
            Kind::Scalar(scalar) => &scalar.text,
            _ => "",
        }
    }

    pub(super) fn as_scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            Kind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    pub(super) fn is_scalar(&self) -> bool {
        matches!(self.kind, Kind::Scalar(_))
    }

    pub(super) fn is_map(&self) -> bool {
        matches!(self.kind, Kind::Map(_))
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(scalar) if scalar.tag == Tag::Null)
    }

    /// Says whether it is a list or map that is written with brackets or braces: go-yaml writes an empty text in there with
    /// quotes, and so reads it back as a string.
    pub(super) fn is_flow(&self) -> bool {
        let Some(origin) = self.origin.as_ref().filter(|_| !self.is_scalar()) else { return false };
        let first = origin.source().text().as_bytes().get(origin.span().0 as usize);
        matches!(first, Some(b'{' | b'['))
    }

    /// How many nodes it has; a long text counts as several.
    pub(super) fn size(&self) -> usize {
        1 + self.text().len() / 64
            + self.items().iter().map(Self::size).sum::<usize>()
            + self.entries().iter().map(|entry| entry.value.size()).sum::<usize>()
    }

    /// Null, `{}` or `[]`.
    pub(super) fn is_empty(&self) -> bool {
        match &self.kind {
            Kind::Scalar(scalar) => scalar.tag == Tag::Null,
            Kind::List(items) => items.is_empty(),
            Kind::Map(entries) => entries.is_empty(),
        }
    }

    pub(super) fn entries(&self) -> &[Entry] {
        match &self.kind {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    pub(super) fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            _ => &[],
        }
    }

    pub(super) fn entries_mut(&mut self) -> Option<&mut Vec<Entry>> {
        match &mut self.kind {
            Kind::Map(entries) => Some(Arc::make_mut(entries)),
            _ => None,
        }
    }

    pub(super) fn items_mut(&mut self) -> Option<&mut Vec<Node>> {
        match &mut self.kind {
            Kind::List(items) => Some(Arc::make_mut(items)),
            _ => None,
        }
    }

    pub(super) fn position(&self, key: &str) -> Option<usize> {
        self.entries().iter().position(|entry| &*entry.key.text == key)
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.entries().iter().find(|entry| &*entry.key.text == key).map(|entry| &entry.value)
    }

    pub(super) fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        let at = self.position(key)?;
        self.entries_mut().and_then(|entries| entries.get_mut(at)).map(|entry| &mut entry.value)
    }

    pub(super) fn path(&self, keys: &[&str]) -> Option<&Node> {
        keys.iter().try_fold(self, |node, key| node.get(key))
    }

    /// The map at `key`, made when nothing or null is there.
    pub(super) fn map_at(&mut self, key: &str, origin: Option<&Origin>) -> Result<&mut Node, Fault> {
        let present = self.get(key).is_some();
        let entries = self.entries_mut().ok_or_else(|| format!("`{key}` cannot be set: a map is needed"))?;
        if !present {
            entries.push(Entry { key: Key::bare(key, origin), value: Node::map(Vec::new(), origin.cloned()) });
        }
        let entry = entries.iter_mut().find(|entry| &*entry.key.text == key);
        let value = entry.map(|entry| &mut entry.value).ok_or_else(|| format!("`{key}` is not there"))?;
        Ok(value)
    }

    /// Takes a key out; gives its value back.
    pub(super) fn clear(&mut self, key: &str) -> Option<Node> {
        let at = self.position(key)?;
        self.entries_mut().map(|entries| entries.remove(at).value)
    }

    /// Writes another node over this one where it stands: its style stays, and so does the tie to the nodes that
    /// kustomize wrote together with it.
    pub(super) fn overwrite(&mut self, mut value: Node) {
        if let (Kind::Scalar(old), Kind::Scalar(new)) = (&self.kind, &mut value.kind) {
            new.style = old.style;
            new.tie = old.tie;
            if new.text == old.text && new.tag == old.tag {
                // What says the same again has set nothing.
                value.origin = self.origin.take();
            }
        }
        *self = value;
    }

    /// Sets the key of a map; null takes it out unless it must stay.
    pub(super) fn set(&mut self, key: &str, value: Node, key_origin: Option<&Origin>) -> Result<(), Fault> {
        if value.is_null() && !value.as_scalar().is_some_and(|scalar| scalar.keep) {
            self.clear(key);
            return Ok(());
        }
        if let Some(at) = self.position(key) {
            if let Some(entries) = self.entries_mut() {
                entries[at].value.overwrite(value);
            }
            return Ok(());
        }
        let value = value.quoted_if_needed();
        let Some(entries) = self.entries_mut() else {
            return if self.is_null() { Ok(()) } else { Err(format!("`{key}` cannot be set: a map is needed")) };
        };
        entries.push(Entry { key: Key::bare(key, key_origin), value });
        Ok(())
    }

    /// A value for a key that was not there: with quotes when its text would be read as anything but a string.
    pub(super) fn quoted_if_needed(mut self) -> Self {
        if let Kind::Scalar(scalar) = &mut self.kind
            && matches!(scalar.tag, Tag::Unset | Tag::Str)
            && scalar.style == Style::Plain
            && is_non_string_in_yaml_1_1(&scalar.text)
        {
            scalar.style = Style::Double;
        }
        self
    }

    /// Writes a scalar over a scalar.
    pub(super) fn set_scalar(&mut self, value: Node) -> Result<(), Fault> {
        if !self.is_scalar() {
            return Err("a scalar is needed, and a list or map is there".to_owned());
        }
        if !value.is_null() {
            self.overwrite(value);
        }
        Ok(())
    }

    /// Sets `metadata.KEY` or another nested key to a scalar without a tag.
    pub(super) fn set_text(&mut self, path: &[&str], text: &str, origin: Option<&Origin>) -> Result<(), Fault> {
        let Some((last, parents)) = path.split_last() else { return Ok(()) };
        let mut node = self;
        for key in parents {
            node = node.map_at(key, origin)?;
        }
        node.set(last, Node::untagged(text, origin.cloned()), origin)
    }

    /// The texts of a map's values by key, in the order of the map; the first of equal keys.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&Arc<str>, &str)> {
        self.entries().iter().map(|entry| (&entry.key.text, entry.value.text()))
    }

    /// Pays for a copy of this node that will stand `depth` levels deep.
    ///
    /// # Errors
    /// When copies of copies have become too many, or too deep to walk.
    pub(super) fn pay(&self, depth: usize, budget: &mut usize) -> Result<(), Fault> {
        if depth > DEEPEST {
            return Err(format!("an object would be more than {DEEPEST} levels deep"));
        }
        let size = 1 + self.text().len() / 64;
        *budget = budget.checked_sub(size).ok_or("copies of copies grow too large")?;
        self.items().iter().try_for_each(|item| item.pay(depth + 1, budget))?;
        self.entries().iter().try_for_each(|entry| entry.value.pay(depth + 1, budget))
    }

    /// Calls `visit` for each scalar below.
    pub(super) fn scalars_mut(&mut self, visit: &mut dyn FnMut(&mut Node)) {
        match &mut self.kind {
            Kind::Scalar(_) => visit(self),
            Kind::List(items) => Arc::make_mut(items).iter_mut().for_each(|item| item.scalars_mut(visit)),
            Kind::Map(entries) => {
                Arc::make_mut(entries).iter_mut().for_each(|entry| entry.value.scalars_mut(visit));
            }
        }
    }

    /// Calls `visit` for each scalar below.
    pub(super) fn scalars(&self, visit: &mut dyn FnMut(&Scalar, &Node)) {
        match &self.kind {
            Kind::Scalar(scalar) => visit(scalar, self),
            Kind::List(items) => items.iter().for_each(|item| item.scalars(visit)),
            Kind::Map(entries) => entries.iter().for_each(|entry| entry.value.scalars(visit)),
        }
    }
}

/// Says whether a key stands in its file without quotes.
fn is_unquoted(origin: Option<&Origin>) -> bool {
    let Some(origin) = origin else { return false };
    let text = origin.source().text().as_bytes();
    text.get(origin.span().0 as usize).is_some_and(|byte| !matches!(byte, b'"' | b'\''))
}

impl Key {
    /// A key that kustomize writes itself.
    pub(super) fn bare(text: &str, origin: Option<&Origin>) -> Self {
        Self { text: text.into(), origin: origin.cloned(), bare: true }
    }
}
