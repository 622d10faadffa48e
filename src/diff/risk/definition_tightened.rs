//! `definition-tightened`: a CustomResourceDefinition no longer takes what it took.
//!
//! Stored objects stay as they are until somebody writes them; then the server refuses them (Kubernetes documentation,
//! "Versions in CustomResourceDefinitions"). A version that is stored and goes away makes the update itself refused
//! ("must have at least one version that is in status.storedVersions").

use super::{Check, Edit, Found, Risk};
use crate::diff::definition::{edits, is_definition};
use crate::finding::Severity;
use indexmap::IndexMap;

pub(super) const RISK: Risk = Risk {
    id: "definition-tightened",
    severity: Severity::Warning,
    about: "a CustomResourceDefinition drops a version or refuses what it took",
    check: Check::Edit(check),
};

/// More than this of one version are counted: the definition was rewritten.
const MOST: usize = 12;

fn check(edit: &Edit<'_>, found: &mut Found<'_>) {
    let Some((before, after)) = edit.kept().filter(|(_, after)| is_definition(after)) else { return };
    let mut shown: IndexMap<String, usize> = IndexMap::new();
    for edit in edits(before, after).into_iter().filter(|edit| edit.tighter) {
        let Some(version) = edit.version.as_ref().filter(|_| !edit.of_version) else {
            let finding = found.at(after, &edit.pointer, edit.message);
            if edit.pointer == "/spec/versions" {
                finding.hint = Some("objects stored in it must be migrated before it is dropped".to_owned());
            }
            continue;
        };
        let count = shown.entry(version.clone()).or_default();
        *count += 1;
        if *count <= MOST {
            found.at(after, &edit.pointer, format!("{version}: {}", edit.message));
        }
    }
    for (version, count) in shown.into_iter().filter(|(_, count)| *count > MOST) {
        found.at(after, "/spec/versions", format!("{version}: {} more fields are tightened", count - MOST));
    }
}
