//! Walks an object before and after at once and tells the fields that change and the lines of its diff.
//!
//! Both come from one walk over aligned trees, so that the two never disagree and a re-ordered list is no diff. Each
//! side is a pair: the raw tree decides what differs, the shown tree is what may be seen.

use super::change::{DiffLine, FieldAction, FieldChange, LineKind};
use super::lines::{Lines, Paths, Side, Sides};
use super::matching::{Pairs, by_identity, in_order, interleave, item_name};
use super::redact::{Redacted, Redactor};
use super::spot::{Matching, Spot, identity};
use super::text;
use crate::finding::Place;
use crate::manifest::{Data, Map, Object, Value};
use crate::schema::Quantity;
use crate::secret::MASK;

/// A value and what may be seen of it.
#[derive(Clone, Copy)]
struct Seen<'a> {
    raw: &'a Value,
    shown: &'a Value,
}

impl<'a> Seen<'a> {
    /// The entries, unless the map is masked as a whole.
    fn map(self) -> Option<(&'a Map, &'a Map)> {
        Some((self.raw.as_map()?, self.shown.as_map()?))
    }

    fn list(self) -> Option<(&'a [Value], &'a [Value])> {
        Some((self.raw.as_list()?, self.shown.as_list()?))
    }

    /// Both texts of a string that a block shows.
    fn block(self) -> Option<(&'a str, &'a str)> {
        let (raw, shown) = (self.raw.as_str()?, self.shown.as_str()?);
        text::is_block(shown).then_some((raw, shown))
    }
}

/// What differs between two objects.
pub(super) struct Comparison {
    pub(super) fields: Vec<FieldChange>,
    pub(super) lines: Vec<DiffLine>,
}

/// Compares two objects.
pub(super) fn compare(before: &Object, after: &Object, spot: Spot<'_>, redactor: &Redactor) -> Comparison {
    let (shown_before, shown_after) = (redactor.shown(before), redactor.shown(after));
    let mut walk = Walk::new(redactor);
    let before = Seen { raw: before.value(), shown: &shown_before };
    let after = Seen { raw: after.value(), shown: &shown_after };
    walk.both(before, after, spot, Step { path: Paths::ROOT, indent: 0 });
    let lines = if walk.fields.is_empty() { Vec::new() } else { walk.lines.finish(&walk.paths, redactor) };
    Comparison { fields: walk.fields, lines }
}

/// The lines of an object that comes or goes as a whole.
pub(super) fn whole(object: &Object, kind: LineKind, redactor: &Redactor) -> Vec<DiffLine> {
    let shown = redactor.shown(object);
    let mut walk = Walk::new(redactor);
    walk.emit(&shown, Side::of(kind), Step { path: Paths::ROOT, indent: 0 });
    walk.lines.finish(&walk.paths, redactor)
}

struct Walk<'a> {
    redactor: &'a Redactor,
    fields: Vec<FieldChange>,
    lines: Lines,
    paths: Paths,
    pointers: [Vec<String>; 2],
}

/// Where the walk is.
#[derive(Clone, Copy)]
struct Step {
    path: usize,
    indent: usize,
}

impl<'a> Walk<'a> {
    fn new(redactor: &'a Redactor) -> Self {
        Self {
            redactor,
            fields: Vec::new(),
            lines: Lines::default(),
            paths: Paths::new(),
            pointers: [Vec::new(), Vec::new()],
        }
    }

    fn both<'m>(&mut self, before: Seen<'m>, after: Seen<'m>, spot: Spot<'m>, step: Step) {
        if let (Some(old), Some(new)) = (before.map(), after.map()) {
            self.maps(old, new, spot, step);
        } else if let (Some(old), Some(new)) = (before.list(), after.list()) {
            self.lists(old, new, spot, step);
        } else {
            // Callers handle scalars with their key; only a scalar document or item gets here.
            self.leaf("", before, after, spot, step);
        }
    }

    fn maps<'m>(&mut self, before: (&'m Map, &'m Map), after: (&'m Map, &'m Map), spot: Spot<'m>, step: Step) {
        let kept = after.0.keys().enumerate().map(|(at, key)| (before.0.get_index_of(key.as_str()), Some(at)));
        let gone = before.0.keys().enumerate().filter(|(_, key)| !after.0.contains_key(key.as_str())).map(|(at, _)| at);
        for (old, new) in interleave(kept.collect(), gone.collect()) {
            let seen = |(raw, shown): (&'m Map, &'m Map), at: usize| Seen { raw: &raw[at], shown: &shown[at] };
            let name = |map: &'m Map, at: usize| map.get_index(at).map_or("", |(key, _)| key.as_str());
            match (old, new) {
                (Some(b), Some(a)) => {
                    let key = name(after.0, a);
                    self.entry(key, seen(before, b), seen(after, a), spot.field(key), step);
                }
                (Some(b), None) => self.one(name(before.0, b), seen(before, b), Side::Before, step),
                (None, Some(a)) => self.one(name(after.0, a), seen(after, a), Side::After, step),
                (None, None) => {}
            }
        }
    }

    /// An entry on both sides.
    fn entry(&mut self, key: &str, before: Seen<'_>, after: Seen<'_>, spot: Spot<'_>, step: Step) {
        let below = Step { path: self.paths.key(step.path, key), indent: step.indent };
        self.enter(Sides::Both, key);
        let label = text::key(self.redactor.text(key).as_str());
        match (collection(before), collection(after)) {
            (Some(old), Some(new)) if old == new => {
                self.lines.both(step.indent, &format!("{label}:"), below.path);
                let deeper = if old == Collection::Map { step.indent + 2 } else { step.indent };
                self.both(before, after, spot, Step { indent: deeper, ..below });
            }
            _ => self.leaf(&label, before, after, spot, below),
        }
        self.leave(Sides::Both);
    }

    /// An entry on one side.
    fn one(&mut self, key: &str, value: Seen<'_>, side: Side, step: Step) {
        if key == "creationTimestamp" && value.raw.is_null() && self.paths.is_metadata(step.path) {
            // Generators write `creationTimestamp: null`; the API server drops it.
            return;
        }
        let below = Step { path: self.paths.key(step.path, key), indent: step.indent };
        self.enter(side.into(), key);
        self.field_of(side, value, below.path);
        self.leave(side.into());
        self.emit_entry(key, value.shown, side, step);
    }

    fn lists(&mut self, before: (&[Value], &[Value]), after: (&[Value], &[Value]), spot: Spot<'_>, step: Step) {
        let matching = spot.matching(before.0, after.0);
        let pairs = match &matching {
            Matching::Ordered => in_order(before.0, after.0),
            Matching::Set => by_identity(before.0, after.0, |item| Some(vec![text::flow(&item.data)])),
            Matching::Keys { keys, .. } => by_identity(before.0, after.0, |item| identity(item, keys)),
        };
        if matches!(matching, Matching::Keys { ordered: true, .. }) {
            self.order(&pairs, after.0.len(), &matching, after.0, step);
        }
        for (old, new) in pairs {
            let name = |items: &[Value], at: usize| item_name(&items[at], &matching, at);
            let common = |b: usize, a: usize| match item_name(&before.0[b], &matching, a) == name(after.0, a) {
                true => name(after.0, a),
                false => item_name(&after.0[a], &Matching::named(), a),
            };
            match (old, new) {
                (Some(b), Some(a)) => {
                    let below = Step { path: self.paths.item(step.path, &common(b, a)), indent: step.indent };
                    self.enter_at(b, a);
                    let (old, new) = (
                        Seen { raw: &before.0[b], shown: &before.1[b] },
                        Seen { raw: &after.0[a], shown: &after.1[a] },
                    );
                    match (collection(old), collection(new)) {
                        (Some(x), Some(y)) if x == y => {
                            self.lines.item(Sides::Both, step.indent);
                            self.both(old, new, spot.item(), Step { indent: step.indent + 2, ..below });
                        }
                        _ => self.leaf_item(old, new, spot.item(), below),
                    }
                    self.leave(Sides::Both);
                }
                (Some(b), None) => {
                    let item = Seen { raw: &before.0[b], shown: &before.1[b] };
                    self.one_item(&name(before.0, b), b, item, Side::Before, step);
                }
                (None, Some(a)) => {
                    let item = Seen { raw: &after.0[a], shown: &after.1[a] };
                    self.one_item(&name(after.0, a), a, item, Side::After, step);
                }
                (None, None) => {}
            }
        }
    }

    /// Where items are matched by name and yet run in order, a new order is a change of the list.
    fn order(&mut self, pairs: &Pairs, length: usize, matching: &Matching, after: &[Value], step: Step) {
        let mut kept: Vec<(usize, usize)> = pairs.iter().filter_map(|(old, new)| Some(((*old)?, (*new)?))).collect();
        kept.sort_by_key(|(_, new)| *new);
        if length < 2 || kept.is_sorted_by_key(|(old, _)| *old) {
            return;
        }
        let names = |kept: &[(usize, usize)]| {
            let names: Vec<String> = kept.iter().map(|(_, new)| item_name(&after[*new], matching, *new)).collect();
            Some(self.redactor.text(&format!("order: {}", names.join(", "))))
        };
        let now = names(&kept);
        kept.sort_by_key(|(old, _)| *old);
        let was = names(&kept);
        self.push(FieldAction::Changed, was.clone(), now.clone(), None, step.path);
        for (side, text) in [(Side::Before, was), (Side::After, now)] {
            let text = text.map(|text| format!("# {text}")).unwrap_or_default();
            self.lines.one(side, step.indent, &text, step.path);
        }
    }

    fn one_item(&mut self, name: &str, at: usize, item: Seen<'_>, side: Side, step: Step) {
        let below = Step { path: self.paths.item(step.path, name), indent: step.indent };
        self.enter(side.into(), &at.to_string());
        self.field_of(side, item, below.path);
        self.leave(side.into());
        self.emit_item(item.shown, side, below);
    }

    fn leaf_item(&mut self, before: Seen<'_>, after: Seen<'_>, spot: Spot<'_>, step: Step) {
        self.lines.item(Sides::Both, step.indent);
        self.leaf("", before, after, spot, Step { indent: step.indent + 2, ..step });
    }

    /// A value that is no map or list on both sides: the same, another text, or another type.
    fn leaf(&mut self, label: &str, before: Seen<'_>, after: Seen<'_>, spot: Spot<'_>, step: Step) {
        let lead = if label.is_empty() { String::new() } else { format!("{label}: ") };
        if same(before.raw, after.raw, spot) {
            match after.block() {
                Some((_, shown)) => {
                    self.lines.both(step.indent, &format!("{lead}{}", text::block_header(shown)), step.path);
                    let deeper = block_indent(label, step.indent);
                    let inside = self.paths.inside(step.path);
                    shown.lines().for_each(|line| self.lines.both(deeper, line, inside));
                }
                None => self.lines.both(step.indent, &format!("{lead}{}", text::flow(&after.shown.data)), step.path),
            }
            return;
        }
        let (was, now) = self.told_apart(before.shown, after.shown);
        let place = after.raw.origin.as_ref().map(|origin| self.redactor.place_of(origin));
        self.push(FieldAction::Changed, Some(was.clone()), Some(now.clone()), place, step.path);
        if let (Some(old), Some(new)) = (before.block(), after.block()) {
            self.blocks(&lead, label, old, new, step);
            return;
        }
        for (side, seen, told) in [(Side::Before, before, was), (Side::After, after, now)] {
            if collection(seen).is_some() || seen.block().is_some() {
                self.emit_labelled(label, seen.shown, side, step);
            } else {
                self.lines.one(side, step.indent, &format!("{lead}{told}"), step.path);
            }
        }
    }

    /// Two strings of several lines, as a diff of their lines.
    fn blocks(&mut self, lead: &str, label: &str, before: (&str, &str), after: (&str, &str), step: Step) {
        let (old_header, new_header) = (text::block_header(before.1), text::block_header(after.1));
        if old_header == new_header {
            self.lines.both(step.indent, &format!("{lead}{new_header}"), step.path);
        } else {
            self.lines.one(Side::Before, step.indent, &format!("{lead}{old_header}"), step.path);
            self.lines.one(Side::After, step.indent, &format!("{lead}{new_header}"), step.path);
        }
        let indent = block_indent(label, step.indent);
        let inside = self.paths.inside(step.path);
        let shown: [Vec<&str>; 2] = [before.1.lines().collect(), after.1.lines().collect()];
        let raw: [Vec<&str>; 2] = [before.0.lines().collect(), after.0.lines().collect()];
        // A mask over several lines leaves fewer of them: then the shown lines are all that can be compared.
        let whole = raw[0].len() == shown[0].len() && raw[1].len() == shown[1].len();
        let compared = if whole { &raw } else { &shown };
        let mut edits = old_header != new_header;
        for op in similar::capture_diff_slices(similar::Algorithm::Myers, &compared[0], &compared[1]) {
            let (tag, old, new) = op.as_tag_tuple();
            if tag == similar::DiffTag::Equal {
                shown[1][new].iter().for_each(|line| self.lines.both(indent, line, inside));
                continue;
            }
            edits = true;
            for line in &shown[0][old.clone()] {
                let line =
                    if shown[1][new.clone()].contains(line) { marked(line, "before") } else { (*line).to_owned() };
                self.lines.one(Side::Before, indent, &line, inside);
            }
            for line in &shown[1][new] {
                let line =
                    if shown[0][old.clone()].contains(line) { marked(line, "after") } else { (*line).to_owned() };
                self.lines.one(Side::After, indent, &line, inside);
            }
        }
        if !edits {
            self.lines.one(Side::Before, indent, &format!("{MASK} (before)"), inside);
            self.lines.one(Side::After, indent, &format!("{MASK} (after)"), inside);
        }
    }

    fn emit(&mut self, shown: &Value, side: Side, step: Step) {
        match &shown.data {
            Data::Map(map) => map.iter().for_each(|(key, child)| self.emit_entry(key.as_str(), child, side, step)),
            Data::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    let path = self.paths.item(step.path, &at.to_string());
                    self.emit_item(item, side, Step { path, ..step });
                }
            }
            other => self.lines.one(side, step.indent, &text::scalar(other), step.path),
        }
    }

    fn emit_entry(&mut self, key: &str, shown: &Value, side: Side, step: Step) {
        let path = self.paths.key(step.path, key);
        let label = text::key(self.redactor.text(key).as_str());
        self.emit_labelled(&label, shown, side, Step { path, ..step });
    }

    fn emit_labelled(&mut self, label: &str, shown: &Value, side: Side, step: Step) {
        let lead = if label.is_empty() { String::new() } else { format!("{label}: ") };
        match &shown.data {
            Data::Map(map) if !map.is_empty() => {
                if label.is_empty() {
                    return self.emit(shown, side, step);
                }
                self.lines.one(side, step.indent, &format!("{label}:"), step.path);
                self.emit(shown, side, Step { indent: step.indent + 2, ..step });
            }
            Data::List(items) if !items.is_empty() => {
                if !label.is_empty() {
                    self.lines.one(side, step.indent, &format!("{label}:"), step.path);
                }
                self.emit(shown, side, step);
            }
            Data::String(block) if text::is_block(block) => {
                self.lines.one(side, step.indent, &format!("{lead}{}", text::block_header(block)), step.path);
                let (indent, inside) = (block_indent(label, step.indent), self.paths.inside(step.path));
                block.lines().for_each(|line| self.lines.one(side, indent, line, inside));
            }
            other => self.lines.one(side, step.indent, &format!("{lead}{}", text::scalar(other)), step.path),
        }
    }

    fn emit_item(&mut self, shown: &Value, side: Side, step: Step) {
        self.lines.item(side.into(), step.indent);
        self.emit_labelled("", shown, side, Step { indent: step.indent + 2, ..step });
    }

    /// What a field shows of a value: strings of several lines as they are, else YAML.
    fn told(&self, shown: &Value) -> Redacted {
        match &shown.data {
            Data::String(block) if text::is_block(block) => Redacted::wrap(block.clone()),
            // Keys of the collection have not been redacted by value yet.
            Data::Map(_) | Data::List(_) => self.redactor.text(&text::flow(&shown.data)),
            scalar => Redacted::wrap(text::scalar(scalar)),
        }
    }

    /// What two different values show; where a mask hides the difference, a word tells them apart.
    fn told_apart(&self, before: &Value, after: &Value) -> (Redacted, Redacted) {
        let (old, new) = (self.told(before), self.told(after));
        if old != new {
            return (old, new);
        }
        let told = |side| Redacted::wrap(marked(old.as_str(), side));
        (told("before"), told("after"))
    }

    fn field_of(&mut self, side: Side, value: Seen<'_>, path: usize) {
        let text = Some(self.told(value.shown));
        let place = value.raw.origin.as_ref().map(|origin| self.redactor.place_of(origin));
        match side {
            Side::Before => self.push(FieldAction::Removed, text, None, place, path),
            Side::After => self.push(FieldAction::Added, None, text, place, path),
        }
    }

    fn push(
        &mut self,
        action: FieldAction,
        before: Option<Redacted>,
        after: Option<Redacted>,
        place: Option<Place>,
        path: usize,
    ) {
        let side = usize::from(action != FieldAction::Removed);
        let pointer = self.pointers[side].concat();
        let label = self.redactor.text(&self.paths.label(path));
        self.fields.push(FieldChange { pointer: self.redactor.text(&pointer), label, action, before, after, place });
    }

    fn enter(&mut self, sides: Sides, token: &str) {
        let token = format!("/{}", crate::manifest::value::escape_token(token));
        for side in sides.indices() {
            self.pointers[side].push(token.clone());
        }
    }

    fn enter_at(&mut self, before: usize, after: usize) {
        self.pointers[0].push(format!("/{before}"));
        self.pointers[1].push(format!("/{after}"));
    }

    fn leave(&mut self, sides: Sides) {
        for side in sides.indices() {
            self.pointers[side].pop();
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Collection {
    Map,
    List,
}

/// What has lines of its own below its key: a map or list that is neither empty nor masked.
fn collection(seen: Seen<'_>) -> Option<Collection> {
    match (&seen.raw.data, &seen.shown.data) {
        (Data::Map(raw), Data::Map(_)) if !raw.is_empty() => Some(Collection::Map),
        (Data::List(raw), Data::List(_)) if !raw.is_empty() => Some(Collection::List),
        _ => None,
    }
}

/// A block stands two deeper than its key; as an item of a list, at the item's own indentation.
fn block_indent(label: &str, indent: usize) -> usize {
    if label.is_empty() { indent } else { indent + 2 }
}

/// Equality of two scalars, or of anything whose sides have no common shape.
fn same(before: &Value, after: &Value, spot: Spot<'_>) -> bool {
    if before == after {
        return true;
    }
    let quantity = |value: &Value| match &value.data {
        Data::Number(number) => Quantity::parse(number.literal())?.exact(),
        Data::String(text) => Quantity::parse(text)?.exact(),
        _ => None,
    };
    spot.is_quantity() && quantity(before).is_some_and(|one| quantity(after) == Some(one))
}

/// Adds `(before)` or `(after)` to what is masked in `shown`.
fn marked(shown: &str, side: &str) -> String {
    for mask in [MASK, "<hash>"] {
        if shown.contains(mask) {
            return shown.replace(mask, &format!("{mask} ({side})"));
        }
    }
    format!("{shown} ({side})")
}
