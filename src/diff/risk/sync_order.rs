//! `sync-order`: an object comes to be applied at another moment than before.

use super::{Check, Edit, Found, Risk};
use crate::finding::Severity;
use crate::manifest::value::escape_token;

pub(super) const RISK: Risk = Risk {
    id: "sync-order",
    severity: Severity::Warning,
    about: "the sync wave or hook of an object changes",
    check: Check::Edit(check),
};

const ORDER: [&str; 6] = [
    "argocd.argoproj.io/sync-wave",
    "argocd.argoproj.io/hook",
    "argocd.argoproj.io/hook-delete-policy",
    "helm.sh/hook",
    "helm.sh/hook-weight",
    "helm.sh/hook-delete-policy",
];

fn check(edit: &Edit<'_>, found: &mut Found<'_>) {
    let Some((before, after)) = edit.kept() else { return };
    for annotation in ORDER {
        let message = match (before.annotation(annotation), after.annotation(annotation)) {
            (was, is) if was == is => continue,
            (Some(was), Some(is)) => format!("`{annotation}` becomes `{is}`, was `{was}`"),
            (None, Some(is)) => format!("`{annotation}` is set to `{is}`"),
            (Some(was), None) => format!("`{annotation}` goes away, was `{was}`"),
            (None, None) => continue,
        };
        found.at(after, &format!("/metadata/annotations/{}", escape_token(annotation)), message);
    }
}
