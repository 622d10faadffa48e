//! `replacement`: an object is deleted and another kind, group or namespace of it created in its place.

use super::{Check, Edit, Found, Risk};
use crate::finding::Severity;

pub(super) const RISK: Risk = Risk {
    id: "replacement",
    severity: Severity::Warning,
    about: "an object is deleted and another kind, group or namespace of it created in its place",
    check: Check::Edit(check),
};

fn check(edit: &Edit<'_>, found: &mut Found<'_>) {
    if let (true, Some(before), Some(after)) = (edit.replaced, edit.before, edit.after) {
        found.at(
            after,
            "",
            format!("`{}` is deleted and `{}` created in its place", before.reference(), after.reference()),
        );
    }
}
