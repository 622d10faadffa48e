//! What keeps an object in the cluster when its manifest goes away.

use super::Object;

/// Markers by which people and other tools say that an object shall outlive its manifest.
const KEEP: [(&str, &str); 4] = [
    ("mergeline.dev/prune", "disabled"),
    ("kustomize.toolkit.fluxcd.io/prune", "disabled"),
    ("argocd.argoproj.io/sync-options", "Prune=false"),
    ("helm.sh/resource-policy", "keep"),
];

/// The annotation that keeps `object` in the cluster, if one does.
#[must_use]
pub fn kept_by(object: &Object) -> Option<&'static str> {
    let marked = |(annotation, value): &&(&str, &str)| {
        object.annotation(annotation).is_some_and(|found| found.split(',').any(|one| one.trim() == *value))
    };
    KEEP.iter().find(marked).map(|(annotation, _)| *annotation)
}

/// Kinds whose deletion takes data or other people's objects with it: pruned only when a person says so.
#[must_use]
pub fn is_protected(group: &str, kind: &str) -> bool {
    matches!(
        (group, kind),
        ("", "Namespace" | "PersistentVolume" | "PersistentVolumeClaim")
            | ("apiextensions.k8s.io", "CustomResourceDefinition")
            | ("storage.k8s.io", "StorageClass")
            | ("apps", "StatefulSet")
    )
}
