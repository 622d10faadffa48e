//! Two sets of objects → what changes, field by field, with every secret masked.
//!
//! Owns matching of objects and list items, comparison by value, and redaction: text leaves this room only as
//! [`Redacted`]. Refuses to read files or render. Decided by DESIGN §4 "Reviewing", the Kubernetes API conventions (list
//! types and merge keys) and RFC 6901 (pointers).

pub mod change;
mod compare;
mod definition;
mod footprint;
mod images;
mod lines;
mod matching;
mod pairing;
pub mod redact;
pub mod risk;
mod spot;
mod text;

pub use change::{Action, Change, ChangeSet, DiffLine, FieldAction, FieldChange, FoldedChange, ImageChange, LineKind};
pub use footprint::Footprint;
pub use redact::{Redacted, Redactor};

use crate::finding::ObjectRef;
use crate::manifest::Object;
use crate::schema::Catalog;
use crate::unit::Unit;
use pairing::{Pair, pair};
use rayon::prelude::*;
use spot::Spot;

/// Tells what changes from `before` to `after`: the two renders of one unit.
///
/// `catalog` says how lists merge and what is a quantity; without it, the names of Kubernetes' own fields do.
/// `redactor` masks what it has learned; the Secrets of these two renders are learned here in any case. Teach it all
/// other renders first, since a value of one unit's Secret may stand in another unit's ConfigMap. Changes come in the
/// order of `after`, then the deleted ones in the order of `before`. A render against itself gives none.
#[must_use]
pub fn diff(
    unit: &Unit,
    before: &[Object],
    after: &[Object],
    catalog: Option<&Catalog>,
    redactor: &Redactor,
) -> Vec<Change> {
    let redactor = redactor.taught(before, after);
    pair(before, after).into_par_iter().filter_map(|pair| change(unit, &pair, catalog, &redactor)).collect()
}

fn change(unit: &Unit, pair: &Pair<'_>, catalog: Option<&Catalog>, redactor: &Redactor) -> Option<Change> {
    let (object, action) = match pair {
        Pair::Created(object) => (*object, Action::Create),
        Pair::Deleted(object) => (*object, Action::Delete),
        Pair::Kept(_, object) => (*object, Action::Update),
        Pair::Replaced(_, object) => (*object, Action::Replace),
    };
    let mut change = Change {
        environment: unit.environment.clone(),
        unit: unit.name.clone(),
        object: redactor.reference(&object.reference()),
        former: None,
        action,
        fields: Vec::new(),
        summary: Vec::new(),
        lines: Vec::new(),
        images: Vec::new(),
        footprint: (Footprint::default(), Footprint::default()),
        place: object.value().origin.as_ref().map(|origin| redactor.place_of(origin)),
    };
    match pair {
        Pair::Created(object) => {
            change.lines = compare::whole(object, LineKind::Added, redactor);
            change.footprint.1 = footprint::of(object).unwrap_or_default();
        }
        Pair::Deleted(object) => {
            change.lines = compare::whole(object, LineKind::Removed, redactor);
            change.footprint.0 = footprint::of(object).unwrap_or_default();
        }
        Pair::Kept(before, after) | Pair::Replaced(before, after) => {
            if before.value() == after.value() {
                return None;
            }
            let comparison = compare::compare(before, after, Spot::root(catalog, &object.type_key()), redactor);
            if comparison.fields.is_empty() {
                return None;
            }
            let former = before.reference();
            let same_version = ObjectRef { api_version: object.api_version().to_owned(), ..former.clone() };
            if same_version != object.reference() {
                change.former = Some(redactor.reference(&former));
            }
            let first = comparison.fields.iter().find(|field| field.action != FieldAction::Removed);
            change.place = first.and_then(|field| field.place.clone()).or(change.place);
            if definition::is_definition(before) && definition::is_definition(after) {
                let edits = definition::edits(before, after);
                change.summary = edits.iter().map(|edit| redactor.text(&edit.line())).collect();
            }
            change.fields = comparison.fields;
            change.lines = comparison.lines;
            change.images = images::changes(before, after, redactor);
            // What cannot be read on one side cannot be compared.
            change.footprint = footprint::of(before).zip(footprint::of(after)).unwrap_or_default();
        }
    }
    Some(change)
}

#[cfg(test)]
mod tests;
