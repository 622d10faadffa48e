//! In which order objects are applied and pruned.
//!
//! Kinds are told by group *and* kind: a custom resource called `Namespace` in another group waits its turn like any
//! other. What must exist before others can be accepted comes in a wave of its own and is waited for. The orders of
//! kubectl, Flux, Argo CD and cli-utils were compared; where they differ, the one is taken in which each object comes
//! after all that it may need at admission.

use crate::cluster::Target;
use crate::manifest::ObjectKey;

/// When an object is applied: waves go one after the other, each waits for the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Wave {
    /// Namespaces and CRDs: waited for until they are active and established.
    Foundations,
    /// What others name at admission: classes, service accounts, roles, quotas, configuration, storage.
    Supplies,
    /// Everything else.
    Workloads,
    /// Bindings of admission that would judge the rest: webhooks, policies, API services.
    Gatekeepers,
}

/// The wave of a kind.
#[must_use]
pub fn wave(group: &str, kind: &str) -> Wave {
    match (group, kind) {
        ("", "Namespace") | ("apiextensions.k8s.io", "CustomResourceDefinition") => Wave::Foundations,
        ("", "ResourceQuota" | "LimitRange" | "ServiceAccount" | "Secret" | "ConfigMap")
        | ("", "PersistentVolume" | "PersistentVolumeClaim")
        | ("rbac.authorization.k8s.io", _)
        | ("scheduling.k8s.io", "PriorityClass")
        | ("node.k8s.io", "RuntimeClass")
        | ("storage.k8s.io", "StorageClass" | "CSIDriver")
        | ("networking.k8s.io", "IngressClass" | "NetworkPolicy")
        | ("gateway.networking.k8s.io", "GatewayClass") => Wave::Supplies,
        ("admissionregistration.k8s.io", _) | ("apiregistration.k8s.io", "APIService") => Wave::Gatekeepers,
        _ => Wave::Workloads,
    }
}

/// The place of a kind within its wave; lower goes first.
fn rank(group: &str, kind: &str) -> u8 {
    match (group, kind) {
        ("", "Namespace") => 0,
        ("", "ResourceQuota" | "LimitRange") | ("scheduling.k8s.io" | "node.k8s.io" | "storage.k8s.io", _) => 1,
        ("", "ServiceAccount") => 2,
        ("", "Secret" | "ConfigMap") => 3,
        ("rbac.authorization.k8s.io", "ClusterRole" | "Role") => 4,
        ("rbac.authorization.k8s.io", _) => 5,
        ("", "PersistentVolume") => 6,
        ("", "PersistentVolumeClaim") => 7,
        ("", "Service") => 8,
        ("admissionregistration.k8s.io", _) => 12,
        ("autoscaling" | "policy", _) => 10,
        _ => 9,
    }
}

/// Wave, rank, kind, group, namespace, name.
type SortKey = (Wave, u8, String, String, Option<String>, String);

fn sort_key(group: &str, kind: &str, namespace: Option<&str>, name: &str) -> SortKey {
    let owned = str::to_owned;
    (wave(group, kind), rank(group, kind), owned(kind), owned(group), namespace.map(owned), owned(name))
}

/// What targets are sorted by for applying: each comes after what it may need; the same set gives the same order.
pub(super) fn key(target: &Target) -> SortKey {
    let kind = &target.kind.type_key;
    sort_key(&kind.group, &kind.kind, target.namespace.as_deref(), &target.name)
}

/// Sorts keys for pruning: the reverse of applying, so that nothing goes before what needs it. Custom resources go
/// before their definition: they are workloads, it is a foundation.
pub fn sort_for_prune(keys: &mut [ObjectKey]) {
    keys.sort_by_cached_key(|key| {
        std::cmp::Reverse(sort_key(&key.group, &key.kind, key.namespace.as_deref(), &key.name))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(group: &str, kind: &str) -> ObjectKey {
        ObjectKey { group: group.into(), kind: kind.into(), namespace: None, name: "x".into() }
    }

    #[test]
    fn a_namespace_of_another_group_is_no_foundation() {
        assert_eq!(wave("", "Namespace"), Wave::Foundations);
        assert_eq!(wave("servicebus.azure.com", "Namespace"), Wave::Workloads);
    }

    #[test]
    fn roles_come_before_their_bindings_and_accounts_before_both() {
        let order = |group, kind| (wave(group, kind), rank(group, kind));
        assert!(order("", "ServiceAccount") < order("rbac.authorization.k8s.io", "Role"));
        assert!(order("rbac.authorization.k8s.io", "Role") < order("rbac.authorization.k8s.io", "RoleBinding"));
        assert!(order("", "ConfigMap") < order("apps", "Deployment"));
    }

    #[test]
    fn pruning_goes_backwards() {
        let mut keys = [
            key("", "Namespace"),
            key("apps", "Deployment"),
            key("apiextensions.k8s.io", "CustomResourceDefinition"),
            key("shop.example.com", "Promotion"),
        ];
        sort_for_prune(&mut keys);
        let kinds: Vec<&str> = keys.iter().map(|key| key.kind.as_str()).collect();
        assert_eq!(kinds, ["Promotion", "Deployment", "CustomResourceDefinition", "Namespace"]);
    }
}
