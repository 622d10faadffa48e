//! `suspended`: what reconciled or ran by itself stops doing so, or starts again.

use super::{Check, Edit, Found, Risk, group};
use crate::finding::Severity;
use crate::manifest::{Object, Value};

pub(super) const RISK: Risk = Risk {
    id: "suspended",
    severity: Severity::Warning,
    about: "a schedule, rollout or reconciliation is suspended or resumed",
    check: Check::Edit(check),
};

fn check(edit: &Edit<'_>, found: &mut Found<'_>) {
    let Some(after) = edit.after else { return };
    let flag = match (group(after), after.kind()) {
        ("batch", "CronJob" | "Job") => "suspend",
        ("apps", "Deployment") | ("argoproj.io", "Rollout") => "paused",
        (group, _) if group == "fluxcd.io" || group.ends_with(".fluxcd.io") => "suspend",
        ("argoproj.io", "Application") => {
            automation(edit, after, found);
            return;
        }
        _ => return,
    };
    if after.kind() == "Kustomization" {
        pruning(edit, after, found);
    }
    let on = |object: &Object| object.value().path(&["spec", flag]).and_then(Value::as_bool) == Some(true);
    let was = edit.former().is_some_and(on);
    let pointer = format!("/spec/{flag}");
    match (was, on(after)) {
        (false, true) => {
            found.at(
                after,
                &pointer,
                format!("the {} is {}: it does nothing until somebody resumes it", after.kind(), word(flag)),
            );
        }
        (true, false) => {
            found.at(after, &pointer, format!("the {} is resumed: what waited happens now", after.kind()));
        }
        _ => {}
    }
}

fn word(flag: &str) -> &'static str {
    if flag == "paused" { "paused" } else { "suspended" }
}

/// Flux comes to delete what leaves Git, or no longer does.
fn pruning(edit: &Edit<'_>, after: &Object, found: &mut Found<'_>) {
    let Some(before) = edit.former() else { return };
    let prunes = |object: &Object| object.value().path(&["spec", "prune"]).and_then(Value::as_bool) == Some(true);
    match (prunes(before), prunes(after)) {
        (false, true) => {
            found.at(after, "/spec/prune", "the Kustomization comes to delete what leaves Git");
        }
        (true, false) => {
            found.at(
                after,
                "/spec/prune",
                "the Kustomization no longer deletes what leaves Git: it stays in the cluster",
            );
        }
        _ => {}
    }
}

/// Argo CD's own loop: automated sync, self-heal and prune.
fn automation(edit: &Edit<'_>, after: &Object, found: &mut Found<'_>) {
    const POLICY: [&str; 3] = ["spec", "syncPolicy", "automated"];
    let Some(before) = edit.former() else { return };
    let automated = |object: &Object| object.value().path(&POLICY).filter(|it| !it.is_null()).cloned();
    let pointer = "/spec/syncPolicy/automated";
    match (automated(before), automated(after)) {
        (Some(_), None) => {
            found.at(after, pointer, "the Application is no longer synced by itself");
        }
        (None, Some(_)) => {
            found.at(after, pointer, "the Application comes to be synced by itself");
        }
        (Some(was), Some(is)) => {
            let on = |of: &Value, key: &str| of.get(key).and_then(Value::as_bool) == Some(true);
            if on(&is, "prune") && !on(&was, "prune") {
                let message = "the Application comes to delete what leaves Git";
                found.at(after, &format!("{pointer}/prune"), message);
            }
            if on(&was, "selfHeal") && !on(&is, "selfHeal") {
                found.at(after, pointer, "the Application no longer mends what is changed by hand");
            }
        }
        (None, None) => {}
    }
}
