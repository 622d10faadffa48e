//! Events to values: anchors, aliases, merges and keys, every node with its origin and paid for.

use super::Dialect;
use super::budget::{Limit, Meter};
use super::events::{Event, Events, Scalar, Span, SyntaxError, Tag};
use super::report::Report;
use super::resolve::{self, Meaningless};
use super::timestamp;
use crate::manifest::source::Origin;
use crate::manifest::value::{Data, Key, Map, NumberKind, Value};
use smol_str::SmolStr;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Why a document could not be read to its end.
#[derive(Debug)]
pub(super) enum Stop {
    Syntax(String, u32),
    Budget(Limit, u32),
}

impl From<SyntaxError> for Stop {
    fn from(error: SyntaxError) -> Self {
        Self::Syntax(error.message, u32::try_from(error.at).unwrap_or(u32::MAX))
    }
}

/// Builds the values of one document's text.
pub(super) struct Builder<'a, 'r> {
    pub(super) events: Events<'a>,
    pub(super) report: &'r mut Report<'a>,
    pub(super) meter: &'r mut Meter,
    pub(super) dialect: Dialect,
    pub(super) depth: usize,
    /// Values by anchor, with their height.
    pub(super) anchors: HashMap<usize, (Value, usize)>,
    /// Inside `[]` or `{}`.
    pub(super) in_flow: bool,
    /// Inside the value of `<<`.
    pub(super) in_merge: bool,
    /// The end of the last thing that has text.
    pub(super) last_end: u32,
}

/// A value, and how many lists and maps are nested in it.
type Built = (Value, usize);

impl<'a> Builder<'a, '_> {
    fn next(&mut self) -> Result<(Event<'a>, Span), Stop> {
        let (event, span) = self.events.next()?;
        if span.end > span.start {
            self.last_end = span.end;
        }
        Ok((event, span))
    }

    fn spend(&mut self, nodes: usize, bytes: usize, at: u32) -> Result<(), Stop> {
        self.meter.spend(nodes, bytes).map_err(|limit| Stop::Budget(limit, at))
    }

    fn origin(&self, start: u32, end: u32) -> Origin {
        Origin::new(Arc::clone(self.report.source), start, end.max(start))
    }

    /// The first document: `Ok(None)` when the text has none.
    pub(super) fn document(&mut self) -> Result<Option<Value>, Stop> {
        loop {
            match self.next()? {
                (Event::End, _) => return Ok(None),
                (Event::DocumentStart, _) => {}
                (event, span) => {
                    let (value, _) = self.node(event, span, 1)?;
                    // Go asks for the end of the document, and with it for what comes behind.
                    self.next()?;
                    return Ok(Some(value));
                }
            }
        }
    }

    /// The place of what stands behind the first document, which Go does not look at.
    pub(super) fn unread(&mut self) -> Option<Span> {
        match self.next() {
            Ok((Event::End, _)) => None,
            Ok((Event::DocumentStart, begin)) => match self.next() {
                Ok((Event::Scalar(scalar), span)) if scalar.text.is_empty() && span.start == span.end => None,
                Ok((_, span)) => Some(span),
                Err(_) => Some(begin),
            },
            Ok((_, span)) => Some(span),
            Err(Stop::Syntax(_, at) | Stop::Budget(_, at)) => Some(Span { start: at, end: at }),
        }
    }

    /// The node that `event` begins. `level` is its own depth: 1 at the root.
    fn node(&mut self, event: Event<'a>, span: Span, level: usize) -> Result<Built, Stop> {
        let (built, anchor) = match event {
            Event::Scalar(scalar) => {
                let anchor = scalar.anchor;
                self.spend(1, scalar.text.len(), span.start)?;
                ((self.scalar(scalar, span), 0), anchor)
            }
            Event::List(anchor, flow) => {
                let outside = self.in_flow;
                self.in_flow |= flow;
                let built = self.list(span, level)?;
                self.in_flow = outside;
                (built, anchor)
            }
            Event::Map(anchor, flow) => {
                let outside = self.in_flow;
                self.in_flow |= flow;
                let built = self.map(span, level)?;
                self.in_flow = outside;
                (built, anchor)
            }
            Event::Alias(anchor) => return self.alias(anchor, span, level),
            // The grammar lets no other event begin a node.
            _ => {
                return Err(Stop::Syntax("a value is missing".to_owned(), span.start));
            }
        };
        if anchor != 0 {
            let (value, height) = &built;
            let (nodes, bytes) = weight(value);
            self.meter.copy(nodes, bytes).map_err(|limit| Stop::Budget(limit, span.start))?;
            self.anchors.insert(anchor, (value.clone(), *height));
        }
        Ok(built)
    }

    fn scalar(&mut self, scalar: Scalar<'a>, span: Span) -> Value {
        let json_number = scalar.is_plain() && matches!(self.events, Events::Json(_));
        let data = match resolve::resolve(scalar, self.dialect, self.in_flow) {
            // In YAML it would be text.
            Ok(Data::String(text)) if json_number => {
                self.report.meaningless(Meaningless::TooLarge, span);
                Data::String(text)
            }
            Ok(data) => data,
            Err((why, written)) => {
                self.report.meaningless(why, span);
                Data::String(written)
            }
        };
        Value { data, origin: Some(self.origin(span.start, span.end)) }
    }

    fn alias(&mut self, anchor: usize, span: Span, level: usize) -> Result<Built, Stop> {
        let Some((value, height)) = self.anchors.get(&anchor) else {
            // The anchor is still open: `&a [*a]`.
            return Err(Stop::Syntax("an alias inside the value that it names".to_owned(), span.start));
        };
        let (nodes, bytes) = weight(value);
        self.meter.copy(nodes, bytes).map_err(|limit| Stop::Budget(limit, span.start))?;
        if level + height > self.depth + 1 {
            return Err(Stop::Budget(Limit::Depth, span.start));
        }
        let (mut value, height) = (value.clone(), *height);
        if self.in_flow && !self.in_merge && self.dialect == Dialect::Kustomize {
            quote_nothing(&mut value);
        }
        Ok((value, height))
    }

    fn descend(&mut self, span: Span, level: usize) -> Result<(), Stop> {
        if level > self.depth {
            return Err(Stop::Budget(Limit::Depth, span.start));
        }
        self.spend(1, 0, span.start)
    }

    fn list(&mut self, span: Span, level: usize) -> Result<Built, Stop> {
        self.descend(span, level)?;
        let mut items = Vec::new();
        let mut height = 0;
        loop {
            let (event, item_span) = self.next()?;
            if matches!(event, Event::ListEnd) {
                break;
            }
            let (item, item_height) = self.node(event, item_span, level + 1)?;
            height = height.max(item_height);
            items.push(item);
        }
        let origin = Some(self.origin(span.start, self.last_end));
        Ok((Value { data: Data::List(items), origin }, height + 1))
    }

    fn map(&mut self, span: Span, level: usize) -> Result<Built, Stop> {
        self.descend(span, level)?;
        let mut entries = Entries::default();
        let mut height = 0;
        loop {
            let (event, key_span) = self.next()?;
            if matches!(event, Event::MapEnd) {
                break;
            }
            if let Event::Scalar(scalar) = &event
                && resolve::is_text(scalar)
            {
                self.spend(1, scalar.text.len(), key_span.start)?;
                let text = SmolStr::new(&scalar.text);
                let (event, value_span) = self.next()?;
                let outside = std::mem::replace(&mut self.in_merge, false);
                let (value, value_height) = self.node(event, value_span, level + 1)?;
                self.in_merge = outside;
                height = height.max(value_height);
                self.enter(&mut entries, text, key_span, value);
                continue;
            }
            let written = match &event {
                Event::Scalar(scalar) => Written::of(scalar, self.dialect),
                _ => Written::default(),
            };
            let as_is = written.as_is(level == 1);
            let key = match written.not_finite {
                _ if as_is => self.plain_key(event, key_span)?,
                Some(text) => self.not_finite_key(text, key_span)?,
                None => self.node(event, key_span, level + 1)?.0,
            };
            let (event, value_span) = self.next()?;
            let outside = std::mem::replace(&mut self.in_merge, written.merge.is_some());
            let (value, value_height) = self.node(event, value_span, level + 1)?;
            self.in_merge = outside;
            height = height.max(value_height);
            if let Some(merge) = written.merge {
                self.merge(&mut entries, value, key_span, merge);
                continue;
            }
            let text = match key {
                Value { data: Data::String(text), .. } if as_is => Some(text),
                _ if as_is => None,
                key => self.key_text(key, &written, key_span),
            };
            let Some(text) = text else { continue };
            self.enter(&mut entries, text.into(), key_span, value);
        }
        let origin = Some(self.origin(span.start, self.last_end));
        Ok((Value { data: Data::Map(entries.map), origin }, height + 1))
    }

    /// Sets an entry of a map, and says so when its key is there already.
    fn enter(&mut self, entries: &mut Entries, text: SmolStr, span: Span, value: Value) {
        let origin = Some(self.origin(span.start, span.end));
        if let Some(first) = entries.set(Key { text, origin }, value) {
            let text = entries.last_set().unwrap_or_default();
            self.report.duplicate_key(&text, span, first.origin.as_ref());
        }
    }

    /// A key at the root of what kustomize reads: its text, whatever it looks like.
    fn plain_key(&mut self, event: Event<'a>, span: Span) -> Result<Value, Stop> {
        let Event::Scalar(scalar) = event else { return Ok(Value::null()) };
        self.spend(1, scalar.text.len(), span.start)?;
        let bare = scalar.is_plain() && scalar.anchor == 0 && scalar.tag.is_none();
        if bare && !scalar.text.is_empty() && resolve::is_null(&scalar.text) {
            self.report.non_string_key("null", span);
        }
        Ok(Value::from(scalar.text.into_owned()).with_origin(self.origin(span.start, span.end)))
    }

    /// A key such as `.inf`, which no value may be.
    fn not_finite_key(&mut self, text: &str, span: Span) -> Result<Value, Stop> {
        self.spend(1, text.len(), span.start)?;
        let origin = self.origin(span.start, span.end);
        let (start, end) = origin.span();
        let written = origin.source().text().get(start as usize..end as usize).unwrap_or_default();
        if self.dialect == Dialect::Kustomize {
            self.report.non_string_key("a number", span);
        } else if written != text {
            self.report.changed_key("number-key", written, text, span);
        }
        Ok(Value::from(text).with_origin(origin))
    }

    /// `<<`: in go-yaml v2 the later of `<<` and a key wins, in kustomize the key; of a list, the earlier map.
    fn merge(&mut self, entries: &mut Entries, value: Value, span: Span, merge: Merge) {
        let plain = merge == Merge::Plain;
        if plain && self.dialect == Dialect::Kustomize && std::mem::replace(&mut entries.has_merge, true) {
            self.report.second_merge(span);
        }
        if !plain {
            return self.report.bad_merge(span, false);
        }
        let maps = match value.data {
            Data::Map(map) => vec![map],
            Data::List(items) => {
                let count = items.len();
                let maps: Vec<Map> = items
                    .into_iter()
                    .filter_map(|item| match item.data {
                        Data::Map(map) => Some(map),
                        _ => None,
                    })
                    .collect();
                if maps.len() < count {
                    self.report.bad_merge(span, true);
                }
                maps
            }
            _ => return self.report.bad_merge(span, true),
        };
        let mut merged_now = HashSet::new();
        for (key, value) in maps.into_iter().flatten() {
            if !merged_now.insert(key.text.clone()) {
                continue;
            }
            let explicit = entries.is_explicit(&key.text);
            if explicit && self.dialect == Dialect::Kubectl {
                self.report.merge_overrides(&key.text, span);
            }
            if !explicit || self.dialect == Dialect::Kubectl {
                entries.merge(key, value);
            }
        }
    }

    /// The string that a key becomes; `None` for keys that have none. Says so where that is not what was written.
    fn key_text(&mut self, key: Value, form: &Written, span: Span) -> Option<String> {
        let kustomize = self.dialect == Dialect::Kustomize;
        let Value { data, origin } = key;
        let written = origin.as_ref().map(|origin| {
            let (start, end) = origin.span();
            origin.source().text().get(start as usize..end as usize).unwrap_or_default()
        });
        let written = written.unwrap_or_default();
        let is_flag = matches!(data, Data::Bool(_));
        let text = match data {
            Data::String(text) => {
                if kustomize && form.tagged {
                    self.report.non_string_key("a value with a tag", span);
                } else if kustomize && form.timestamp && !(self.in_flow && written.contains(':')) {
                    self.report.non_string_key("a timestamp", span);
                }
                return Some(if form.timestamp { written.to_owned() } else { text });
            }
            Data::Bool(flag) => flag.to_string(),
            Data::Number(number) => match number.kind() {
                NumberKind::Integer(n) => n.to_string(),
                NumberKind::Float(n) => resolve::float_key(n),
                NumberKind::Unsigned(n) => {
                    self.report.non_string_key("a number above 9223372036854775807", span);
                    return Some(n.to_string());
                }
            },
            Data::Null => {
                self.report.non_string_key("null", span);
                return None;
            }
            Data::List(_) => {
                self.report.non_string_key("a list", span);
                return None;
            }
            Data::Map(_) => {
                self.report.non_string_key("a map", span);
                return None;
            }
        };
        if kustomize {
            self.report.non_string_key(if is_flag { "a boolean" } else { "a number" }, span);
        } else if written != text {
            self.report.changed_key(if is_flag { "boolean-key" } else { "number-key" }, written, &text, span);
        }
        Some(text)
    }
}

/// Makes values that are not there empty strings: kyaml writes quotes for them inside `[]` and `{}`.
fn quote_nothing(value: &mut Value) {
    match &mut value.data {
        Data::Null if value.origin.as_ref().is_some_and(|origin| origin.span().0 == origin.span().1) => {
            value.data = Data::String(String::new());
        }
        Data::List(items) => items.iter_mut().for_each(quote_nothing),
        Data::Map(map) => map.values_mut().for_each(quote_nothing),
        _ => {}
    }
}

/// How a key is written.
#[derive(Default)]
struct Written {
    merge: Option<Merge>,
    not_finite: Option<&'static str>,
    /// With a tag that kustomize takes for no string.
    tagged: bool,
    timestamp: bool,
    /// A scalar of kustomize's whose text no tag changes.
    textual: bool,
    /// Empty, but for an anchor or `!`.
    marked: bool,
}

/// What makes a key a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Merge {
    /// `<<`.
    Plain,
    /// `"<<"`, which kustomize takes for a merge as well, and drops when it is none.
    Quoted,
}

impl Written {
    fn of(scalar: &Scalar<'_>, dialect: Dialect) -> Self {
        let kustomize = dialect == Dialect::Kustomize;
        let plain = match scalar.tag {
            None => scalar.is_plain(),
            Some(Tag::NonSpecific) => scalar.is_plain() && !kustomize,
            Some(tag) => tag == Tag::Merge,
        };
        let merge = match &*scalar.text {
            "<<" if plain => Some(Merge::Plain),
            "<<" if kustomize => Some(Merge::Quoted),
            _ => None,
        };
        let textual = kustomize && matches!(scalar.tag, None | Some(Tag::NonSpecific | Tag::Str | Tag::Other));
        let plain_or_marked = scalar.is_plain() && matches!(scalar.tag, None | Some(Tag::NonSpecific));
        let marked = scalar.text.is_empty() && plain_or_marked && (scalar.anchor > 0 || scalar.tag.is_some());
        Self {
            merge,
            not_finite: resolve::not_finite_key(scalar),
            tagged: !matches!(scalar.tag, None | Some(Tag::Str | Tag::NonSpecific)),
            timestamp: kustomize && plain_or_marked && timestamp::normalise(&scalar.text).is_some(),
            textual,
            marked: kustomize && marked,
        }
    }

    /// Says whether the text is the key: to kustomize at the root, and where it marks a merge.
    fn as_is(&self, root: bool) -> bool {
        self.merge == Some(Merge::Quoted) || self.marked || (root && self.textual)
    }
}

/// Keys and values in a tree with the bytes of their text.
fn weight(value: &Value) -> (usize, usize) {
    match &value.data {
        Data::Null | Data::Bool(_) => (1, 0),
        Data::Number(number) => (1, number.literal().len()),
        Data::String(text) => (1, text.len()),
        Data::List(items) => items.iter().map(weight).fold((1, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1)),
        Data::Map(map) => map.iter().fold((1, 0), |sum, (key, value)| {
            let one = weight(value);
            (sum.0 + one.0 + 1, sum.1 + one.1 + key.text.len())
        }),
    }
}

/// A map while it is built: which of its entries came from `<<`.
#[derive(Default)]
struct Entries {
    map: Map,
    merged: HashSet<String>,
    has_merge: bool,
    last: usize,
}

impl Entries {
    /// Sets an explicit key; gives back the former key when that is a duplicate.
    fn set(&mut self, key: Key, value: Value) -> Option<Key> {
        let merged = !self.merged.is_empty() && self.merged.remove(key.as_str());
        match self.map.get_index_of(&key.text) {
            Some(at) => {
                let former = self.replace(at, key, value);
                former.filter(|_| !merged)
            }
            None => {
                self.last = self.map.push(key, value);
                None
            }
        }
    }

    /// Sets a key from `<<`.
    fn merge(&mut self, key: Key, value: Value) {
        self.merged.insert(key.text.to_string());
        match self.map.get_index_of(&key.text) {
            Some(at) => drop(self.replace(at, key, value)),
            None => drop(self.map.push(key, value)),
        }
    }

    /// Replaces key and value where they stand: the text is the same, the origin is not.
    fn replace(&mut self, at: usize, key: Key, value: Value) -> Option<Key> {
        self.last = at;
        let (old_key, old_value) = self.map.entry_at_mut(at)?;
        *old_value = value;
        Some(std::mem::replace(old_key, key))
    }

    fn is_explicit(&self, key: &str) -> bool {
        self.map.contains_key(key) && !self.merged.contains(key)
    }

    /// The text of the key that was set last.
    fn last_set(&self) -> Option<String> {
        self.map.get_index(self.last).map(|(key, _)| key.text.to_string())
    }
}
