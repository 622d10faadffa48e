//! `storage`: a workload's data comes to lie elsewhere, or to be deleted with it.

use super::workload::pod;
use super::{Check, Edit, Found, Risk, group, text};
use crate::finding::Severity;
use crate::manifest::Value;

pub(super) const RISK: Risk = Risk {
    id: "storage",
    severity: Severity::Warning,
    about: "a workload stops using a claim, or its data comes to be deleted with it",
    check: Check::Edit(check),
};

fn check(edit: &Edit<'_>, found: &mut Found<'_>) {
    let Some((before, after)) = edit.kept() else { return };
    if (group(after), after.kind()) == ("", "PersistentVolume") {
        let policy = |object| text(object, &["spec", "persistentVolumeReclaimPolicy"]);
        if policy(after) == Some("Delete") && policy(before) != Some("Delete") {
            let pointer = "/spec/persistentVolumeReclaimPolicy";
            found.at(after, pointer, "the storage behind this volume comes to be deleted with its claim");
        }
    }
    for (key, when) in [("whenDeleted", "is deleted"), ("whenScaled", "is scaled down")] {
        let path = ["spec", "persistentVolumeClaimRetentionPolicy", key];
        if text(after, &path) == Some("Delete") && text(before, &path) != Some("Delete") {
            let pointer = format!("/spec/persistentVolumeClaimRetentionPolicy/{key}");
            found.at(after, &pointer, format!("its claims come to be deleted with their data when it {when}"));
        }
    }
    let Some((root, spec)) = pod(after) else { return };
    let kept = volumes(spec);
    for (name, claim) in pod(before).map(|(_, spec)| volumes(spec)).unwrap_or_default() {
        match kept.iter().find(|(of, _)| *of == name) {
            Some((_, now)) if *now == claim => {}
            Some((_, Some(now))) => {
                if let Some(was) = claim {
                    found.at(
                        after,
                        &format!("{root}/volumes"),
                        format!("volume `{name}` moves from claim `{was}` to `{now}`"),
                    );
                }
            }
            _ => {
                if let Some(was) = claim {
                    found.at(
                        after,
                        &format!("{root}/volumes"),
                        format!("volume `{name}` no longer uses claim `{was}`"),
                    );
                }
            }
        }
    }
}

/// Each volume's name with the claim behind it.
fn volumes(spec: &Value) -> Vec<(&str, Option<&str>)> {
    let items = spec.get("volumes").and_then(Value::as_list).unwrap_or_default();
    items.iter().filter_map(volume).collect()
}

/// A volume's name with the claim behind it.
fn volume(item: &Value) -> Option<(&str, Option<&str>)> {
    let claim = item.path(&["persistentVolumeClaim", "claimName"]).and_then(Value::as_str);
    Some((item.get("name")?.as_str()?, claim))
}
