//! `major-image`: an image moves to another major version, or back.

use super::image::{image, version};
use super::workload::{container, containers};
use super::{Check, Edit, Found, Risk};
use crate::finding::Severity;

pub(super) const RISK: Risk = Risk {
    id: "major-image",
    severity: Severity::Warning,
    about: "an image moves to another major version, or back to an older one",
    check: Check::Edit(check),
};

fn check(edit: &Edit<'_>, found: &mut Found<'_>) {
    let Some((before, after)) = edit.kept() else { return };
    for (pointer, name, item) in containers(after) {
        let Some(was) = container(before, name).and_then(image) else { continue };
        let Some(is) = image(item) else { continue };
        if was.repository != is.repository {
            continue;
        }
        let (Some(old), Some(new)) = (was.tag.and_then(version), is.tag.and_then(version)) else { continue };
        let tags = format!("{} → {}", was.tag.unwrap_or_default(), is.tag.unwrap_or_default());
        if old[0] != new[0] {
            found.at(after, &format!("{pointer}/image"), format!("`{name}` moves to another major version: {tags}"));
        } else if new < old {
            found.at(after, &format!("{pointer}/image"), format!("`{name}` goes back to an older version: {tags}"));
        }
    }
}
