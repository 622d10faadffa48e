//! Server-side apply: merging, comparing, ownership, conflicts, pruning. Pure.
//!
//! Follows what the API server's structured-merge-diff does: who applies a field owns it; changing a field that another
//! manager owns is a conflict unless forced; a field that its last owner stops applying is removed.

use super::fields::{FieldSet, Path, Step, path_text};
use super::shape::{ListShape, Typing, below};
use crate::manifest::{Data, Key, Map, Value};
use std::collections::BTreeMap;

/// How a manager wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Operation {
    /// Server-side apply.
    Apply,
    /// Create, replace or patch.
    Update,
}

/// Who manages which fields: one entry of `metadata.managedFields`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Manager {
    pub(super) name: String,
    pub(super) operation: Operation,
    pub(super) api_version: String,
    pub(super) subresource: String,
    pub(super) time: String,
    pub(super) fields: FieldSet,
}

impl Manager {
    fn is(&self, other: &Self) -> bool {
        let identity = |m: &Self| (m.name.clone(), m.operation, m.subresource.clone(), m.api_version.clone());
        identity(self) == identity(other)
    }
}

/// Another manager owns the field with another value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conflict {
    /// The manager as the server prints it.
    pub(super) manager: String,
    pub(super) path: Path,
}

impl Conflict {
    fn with(manager: &Manager, path: Path) -> Self {
        let subresource = match manager.subresource.as_str() {
            "" => String::new(),
            name => format!(" with subresource \"{name}\""),
        };
        let printed = match manager.operation {
            Operation::Apply => format!("\"{}\"{subresource}", manager.name),
            Operation::Update => format!("\"{}\"{subresource} using {}", manager.name, manager.api_version),
        };
        Self { manager: printed, path }
    }
}

/// The server's sentence about conflicts.
pub(super) fn conflict_message(conflicts: &[Conflict]) -> String {
    if let [only] = conflicts {
        return format!("Apply failed with 1 conflict: conflict with {}: {}", only.manager, path_text(&only.path));
    }
    let mut by_manager: BTreeMap<&str, Vec<&Path>> = BTreeMap::new();
    for conflict in conflicts {
        by_manager.entry(&conflict.manager).or_default().push(&conflict.path);
    }
    let mut lines = Vec::new();
    for (manager, paths) in by_manager {
        lines.push(format!("conflicts with {manager}:"));
        lines.extend(paths.iter().map(|path| format!("- {}", path_text(path))));
    }
    format!("Apply failed with {} conflicts: {}", conflicts.len(), lines.join("\n"))
}

/// What differs between two values.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Comparison {
    /// Only in the new one, or with another value there.
    pub(super) changed: FieldSet,
    /// Only in the old one.
    pub(super) removed: FieldSet,
}

/// Applies `config` for `manager` (whose `fields` are decided here) over what is live. `said` are all its fields.
///
/// # Errors
/// The conflicts, unless `force`.
pub(super) fn apply(
    live: &Value,
    managers: &[Manager],
    config: &Value,
    mut manager: Manager,
    said: FieldSet,
    force: bool,
    typing: Typing<'_>,
) -> Result<(Value, Vec<Manager>), Vec<Conflict>> {
    let merged = merge(Some(live), config, &mut Vec::new(), typing);
    let mine = |other: &&Manager| other.is(&manager);
    let last = managers.iter().find(mine).map(|m| m.fields.clone()).unwrap_or_default();
    let mut others: Vec<Manager> = managers.iter().filter(|other| !other.is(&manager)).cloned().collect();

    let mut kept = said.clone();
    others.iter().for_each(|other| kept.extend(&other.fields));
    let dropped = last.with_parents().minus(&kept.with_parents());
    let pruned = without(&merged, &dropped, &mut Vec::new(), typing);

    let comparison = compare(live, &pruned, typing);
    let mut conflicts = Vec::new();
    for other in &others {
        let paths = other.fields.and(&comparison.changed).0;
        conflicts.extend(paths.into_iter().map(|path| Conflict::with(other, path)));
    }
    if !force && !conflicts.is_empty() {
        return Err(conflicts);
    }
    for other in &mut others {
        other.fields = other.fields.minus(&comparison.changed).minus(&comparison.removed);
    }
    manager.fields = ownable(said);
    others.push(manager);
    others.retain(|other| !other.fields.is_empty());
    Ok((pruned, others))
}

/// Hands the ownership over after `manager` wrote `new` where `live` was (create, replace, status writes).
pub(super) fn update(
    live: &Value,
    managers: &[Manager],
    new: &Value,
    mut manager: Manager,
    typing: Typing<'_>,
) -> Vec<Manager> {
    let comparison = compare(live, new, typing);
    let mine = |other: &&Manager| other.is(&manager);
    let mut fields = managers.iter().find(mine).map(|m| m.fields.clone()).unwrap_or_default();
    let mut others: Vec<Manager> = managers.iter().filter(|other| !other.is(&manager)).cloned().collect();
    for other in &mut others {
        other.fields = other.fields.minus(&comparison.changed).minus(&comparison.removed);
    }
    fields.extend(&comparison.changed);
    manager.fields = ownable(fields.minus(&comparison.removed));
    others.push(manager);
    others.retain(|other| !other.fields.is_empty());
    others
}

/// Fields that nobody owns: what names the object, and what the server fills in.
const STRIPPED: &[&[&str]] = &[
    &["apiVersion"],
    &["kind"],
    &["metadata"],
    &["metadata", "name"],
    &["metadata", "namespace"],
    &["metadata", "creationTimestamp"],
    &["metadata", "deletionTimestamp"],
    &["metadata", "generation"],
    &["metadata", "managedFields"],
    &["metadata", "resourceVersion"],
    &["metadata", "uid"],
];

/// Without the fields that nobody owns.
fn ownable(mut set: FieldSet) -> FieldSet {
    for stripped in STRIPPED {
        set.0.remove(&stripped.iter().map(|name| Step::Field((*name).to_owned())).collect::<Path>());
    }
    set
}

/// The fields that a configuration says something of.
pub(super) fn said_fields(config: &Value, typing: Typing<'_>) -> FieldSet {
    let mut set = FieldSet::default();
    collect(config, &mut Vec::new(), typing, &mut set);
    set
}

fn collect(value: &Value, path: &mut Path, typing: Typing<'_>, set: &mut FieldSet) {
    match &value.data {
        Data::Map(entries) if !typing.map_is_atomic(path) => {
            if entries.is_empty() && !path.is_empty() {
                set.0.insert(path.clone());
            }
            for (key, child) in entries {
                path.push(Step::Field(key.text.to_string()));
                collect(child, path, typing, set);
                path.pop();
            }
        }
        Data::List(items) => match typing.list(path) {
            ListShape::Atomic => {
                set.0.insert(path.clone());
            }
            shape => {
                for item in items {
                    let Some(step) = Typing::item_step(&shape, item) else { continue };
                    path.push(step);
                    set.0.insert(path.clone());
                    if shape != ListShape::Set {
                        collect(item, path, typing, set);
                    }
                    path.pop();
                }
            }
        },
        _ => {
            set.0.insert(path.clone());
        }
    }
}

/// `config` over `live`: maps and keyed lists are merged, all else is replaced. Nulls are dropped.
fn merge(live: Option<&Value>, config: &Value, path: &mut Path, typing: Typing<'_>) -> Value {
    match (&config.data, live.map(|live| &live.data)) {
        (Data::Map(new), old) if !typing.map_is_atomic(path) => {
            let mut merged = match old {
                Some(Data::Map(old)) => old.clone(),
                _ => Map::new(),
            };
            for (key, child) in new {
                if child.is_null() {
                    merged.shift_remove(key.as_str());
                    continue;
                }
                path.push(Step::Field(key.text.to_string()));
                let child = merge(merged.get(key.as_str()), child, path, typing);
                path.pop();
                merged.insert(Key::new(key.text.clone()), child);
            }
            merged.into()
        }
        (Data::List(new), Some(Data::List(old))) => match typing.list(path) {
            ListShape::Atomic => config.clone(),
            shape => merge_items(old, new, &shape, path, typing).into(),
        },
        _ => config.clone(),
    }
}

/// Interleaves two lists as the server does: the configuration's order wins for items that both have, live ones keep
/// their place between them.
fn merge_items(old: &[Value], new: &[Value], shape: &ListShape, path: &mut Path, typing: Typing<'_>) -> Vec<Value> {
    let steps =
        |items: &[Value]| -> Vec<Option<Step>> { items.iter().map(|item| Typing::item_step(shape, item)).collect() };
    let (left, right) = (steps(old), steps(new));
    let mut shared = right.iter().filter(|step| left.contains(step)).peekable();
    let (mut l, mut r, mut merged) = (0, 0, Vec::new());
    while l < old.len() || r < new.len() {
        if l < old.len() && !right.contains(&left[l]) {
            merged.push(old[l].clone());
            l += 1;
        } else if l < old.len() && (r >= new.len() || shared.peek() != Some(&&left[l])) {
            l += 1;
        } else {
            let twin = left.iter().position(|step| *step == right[r]).map(|at| &old[at]);
            if twin.is_some() {
                shared.next();
                l += usize::from(l < old.len() && left[l] == right[r]);
            }
            match (shape, right[r].clone()) {
                (ListShape::Keyed(_), Some(step)) => {
                    path.push(step);
                    merged.push(merge(twin, &new[r], path, typing));
                    path.pop();
                }
                _ => merged.push(new[r].clone()),
            }
            r += 1;
        }
    }
    merged
}

/// The value without the nodes at `paths`.
fn without(value: &Value, paths: &FieldSet, path: &mut Path, typing: Typing<'_>) -> Value {
    if paths.is_empty() {
        return value.clone();
    }
    match &value.data {
        Data::Map(entries) if !typing.map_is_atomic(path) => {
            let mut kept = Map::new();
            for (key, child) in entries {
                path.push(Step::Field(key.text.to_string()));
                if !paths.0.contains(path) {
                    kept.insert(key.clone(), without(child, paths, path, typing));
                }
                path.pop();
            }
            kept.into()
        }
        Data::List(items) => match typing.list(path) {
            ListShape::Atomic => value.clone(),
            shape => {
                let mut kept = Vec::new();
                for item in items {
                    let Some(step) = Typing::item_step(&shape, item) else {
                        kept.push(item.clone());
                        continue;
                    };
                    path.push(step);
                    if !paths.0.contains(path) {
                        kept.push(without(item, paths, path, typing));
                    }
                    path.pop();
                }
                kept.into()
            }
        },
        _ => value.clone(),
    }
}

/// What differs from `old` to `new`.
pub(super) fn compare(old: &Value, new: &Value, typing: Typing<'_>) -> Comparison {
    let mut comparison = Comparison::default();
    walk(old, new, &mut Vec::new(), typing, &mut comparison);
    comparison
}

fn walk(old: &Value, new: &Value, path: &mut Path, typing: Typing<'_>, found: &mut Comparison) {
    if old == new {
        return;
    }
    match (&old.data, &new.data) {
        (Data::Map(left), Data::Map(right)) if !typing.map_is_atomic(path) => {
            for (key, before) in left {
                let mut path = below(path, Step::Field(key.text.to_string()));
                match right.get(key.as_str()) {
                    Some(after) => walk(before, after, &mut path, typing, found),
                    None => whole(before, path, typing, &mut found.removed),
                }
            }
            for (key, after) in right.iter().filter(|(key, _)| !left.contains_key(key.as_str())) {
                whole(after, below(path, Step::Field(key.text.to_string())), typing, &mut found.changed);
            }
        }
        (Data::List(left), Data::List(right)) if typing.list(path) != ListShape::Atomic => {
            let shape = typing.list(path);
            let index = |items: &'_ [Value]| -> BTreeMap<Step, Value> {
                items.iter().filter_map(|item| Some((Typing::item_step(&shape, item)?, item.clone()))).collect()
            };
            let (left, right) = (index(left), index(right));
            for (step, before) in &left {
                let mut path = below(path, step.clone());
                match right.get(step) {
                    Some(after) if shape != ListShape::Set => walk(before, after, &mut path, typing, found),
                    Some(_) => {}
                    None => whole(before, path, typing, &mut found.removed),
                }
            }
            for (step, after) in right.iter().filter(|(step, _)| !left.contains_key(step)) {
                whole(after, below(path, step.clone()), typing, &mut found.changed);
            }
        }
        _ => {
            found.changed.0.insert(path.clone());
        }
    }
}

/// A node that is on one side only, with all that is in it.
fn whole(value: &Value, mut path: Path, typing: Typing<'_>, set: &mut FieldSet) {
    if !matches!(path.last(), Some(Step::Field(_))) {
        set.0.insert(path.clone());
    }
    if !matches!(path.last(), Some(Step::Member(_))) {
        collect(value, &mut path, typing, set);
    }
}
