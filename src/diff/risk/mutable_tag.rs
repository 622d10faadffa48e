//! `mutable-tag`: an image whose bytes may change under its name.

use super::image::image;
use super::workload::{container, containers};
use super::{Check, Edit, Found, Risk};
use crate::finding::Severity;

pub(super) const RISK: Risk = Risk {
    id: "mutable-tag",
    severity: Severity::Warning,
    about: "an image is named by a tag that moves: `latest`, a branch, or none",
    check: Check::Edit(check),
};

fn check(edit: &Edit<'_>, found: &mut Found<'_>) {
    const MOVING: [&str; 12] = [
        "latest", "main", "master", "edge", "nightly", "dev", "develop", "stable", "snapshot", "canary", "beta", "head",
    ];
    let Some(after) = edit.after else { return };
    for (pointer, name, item) in containers(after) {
        let Some(is) = image(item).filter(|image| !image.pinned) else { continue };
        let moving = is.tag.is_none_or(|tag| MOVING.contains(&tag.to_ascii_lowercase().as_str()));
        let text = item.get("image");
        let known = edit.former().and_then(|former| container(former, name)).and_then(|item| item.get("image")) == text;
        if moving && !known {
            let what = match is.tag {
                Some(tag) => format!("the tag `{tag}`, which moves"),
                None => "no tag, which means `latest`".to_owned(),
            };
            found.at(after, &format!("{pointer}/image"), format!("the image of `{name}` has {what}")).hint =
                Some("name a version or a digest: a restart may bring other bytes".to_owned());
        }
    }
}
