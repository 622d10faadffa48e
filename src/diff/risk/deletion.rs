//! `deletion`: what goes away takes data or other objects with it.
//!
//! Whether it is deleted or stays behind is told as a delivery decides it ([`crate::manifest::keep`]).

use super::{Check, Edit, Found, Risk, group, text};
use crate::finding::Severity;
use crate::manifest::keep::{is_protected, kept_by};
use crate::manifest::{Object, Value};

pub(super) const RISK: Risk = Risk {
    id: "deletion",
    severity: Severity::Warning,
    about: "an object goes away that holds data, or that others go away with",
    check: Check::Edit(check),
};

fn check(edit: &Edit<'_>, found: &mut Found<'_>) {
    if edit.after.is_some() && !edit.replaced {
        return;
    }
    let Some(gone) = edit.before else { return };
    let Some(what) = loss(gone) else { return };
    match kept_by(gone) {
        Some(annotation) => {
            let message =
                format!("`{}` leaves the repository and stays in the cluster, kept by `{annotation}`", name(gone));
            found.gone(gone, message);
        }
        None => {
            let finding = found.gone(gone, format!("`{}` is deleted: {what}", name(gone)));
            if is_protected(group(gone), gone.kind()) {
                finding.hint = Some("`apply` deletes it only with `--allow-protected`".to_owned());
            }
        }
    }
}

fn name(object: &Object) -> String {
    object.reference().to_string()
}

/// What is lost with an object, for those with which something is.
fn loss(object: &Object) -> Option<String> {
    Some(match (group(object), object.kind()) {
        ("", "Namespace") => "everything in it goes with it".to_owned(),
        ("", "PersistentVolumeClaim") => "its data goes with it unless the volume is retained".to_owned(),
        ("", "PersistentVolume") => match text(object, &["spec", "persistentVolumeReclaimPolicy"]) {
            Some("Delete") => "the storage behind it is deleted".to_owned(),
            _ => "claims bound to it lose their storage".to_owned(),
        },
        ("apiextensions.k8s.io", "CustomResourceDefinition") => {
            let kind = text(object, &["spec", "names", "kind"]).unwrap_or("its kind");
            format!("every `{kind}` in the cluster goes with it")
        }
        ("apps", "StatefulSet") => {
            let policy = text(object, &["spec", "persistentVolumeClaimRetentionPolicy", "whenDeleted"]);
            let claims = object.value().path(&["spec", "volumeClaimTemplates"]).and_then(Value::as_list);
            match (policy, claims.is_some_and(|claims| !claims.is_empty())) {
                (Some("Delete"), true) => "its pods stop and its claims are deleted with their data".to_owned(),
                (_, true) => "its pods stop; its claims stay and cost until somebody deletes them".to_owned(),
                _ => "its pods stop".to_owned(),
            }
        }
        ("argoproj.io", "Application") => match has_finalizer(object, "resources-finalizer.argocd.argoproj.io") {
            true => "everything that it applied goes with it".to_owned(),
            false => "what it applied stays in the cluster and belongs to nobody".to_owned(),
        },
        ("argoproj.io", "ApplicationSet") => {
            let preserved = object.value().path(&["spec", "syncPolicy", "preserveResourcesOnDeletion"]);
            match preserved.and_then(Value::as_bool) {
                Some(true) => {
                    "its Applications go with it, and what they applied stays and belongs to nobody".to_owned()
                }
                _ => "its Applications go with it, and everything that they applied".to_owned(),
            }
        }
        ("kustomize.toolkit.fluxcd.io", "Kustomization") => {
            match object.value().path(&["spec", "prune"]).and_then(Value::as_bool) {
                Some(true) => "everything that it applied goes with it".to_owned(),
                _ => "what it applied stays in the cluster and belongs to nobody".to_owned(),
            }
        }
        ("helm.toolkit.fluxcd.io", "HelmRelease") => {
            "the release is uninstalled with all that its chart made".to_owned()
        }
        ("storage.k8s.io", "StorageClass") => "claims that name it get no volume any more".to_owned(),
        _ => return None,
    })
}

fn has_finalizer(object: &Object, name: &str) -> bool {
    let finalizers = object.value().path(&["metadata", "finalizers"]).and_then(Value::as_list).unwrap_or_default();
    // A suffix chooses in what order: `…/background`.
    finalizers
        .iter()
        .filter_map(Value::as_str)
        .any(|it| it == name || it.strip_prefix(name).is_some_and(|rest| rest.starts_with('/')))
}
