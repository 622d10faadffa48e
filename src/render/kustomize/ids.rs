//! What identifies a resource while it is built, and which kinds belong to no namespace.
//!
//! Decided by `kyaml/resid` and the namespaced kinds of Kubernetes 1.21 that kustomize has built in: a kind that is not
//! among them counts as namespaced.

use super::schema::Schema;

/// The namespace that kustomize notes for what belongs to none.
const NO_NAMESPACE: &str = "_non_namespaceable_";

/// Group, version and kind; empty parts select everything.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Gvk {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
}

/// An identity: that of a resource now, or one that it had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Id {
    pub(super) gvk: Gvk,
    pub(super) name: String,
    pub(super) namespace: String,
    /// Known only of current identities.
    pub(super) cluster_scoped: bool,
}

impl Gvk {
    pub(super) fn new(group: &str, version: &str, kind: &str) -> Self {
        Self { group: group.to_owned(), version: version.to_owned(), kind: kind.to_owned() }
    }

    /// From `apps/v1` and a kind.
    pub(super) fn of(api_version: &str, kind: &str) -> Self {
        let (group, version) = api_version.split_once('/').unwrap_or(("", api_version));
        Self::new(group, version, kind)
    }

    /// Says whether a selector, whose empty parts match everything, selects this.
    pub(super) fn is_selected(&self, selector: &Gvk) -> bool {
        let part = |wanted: &str, own: &str| wanted.is_empty() || wanted == own;
        part(&selector.group, &self.group) && part(&selector.version, &self.version) && part(&selector.kind, &self.kind)
    }

    /// As kustomize writes it: `Deployment.v1.apps`, `Namespace.v1.[noGrp]`.
    pub(super) fn written(&self) -> String {
        let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
        format!("{}.{}.{}", or(&self.kind, "[noKind]"), or(&self.version, "[noVer]"), or(&self.group, "[noGrp]"))
    }

    /// The text by which kustomize orders kinds that have no rank.
    pub(super) fn sort_text(&self) -> String {
        let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
        format!("{}_{}_{}", or(&self.group, "~G"), or(&self.version, "~V"), or(&self.kind, "~K"))
    }
}

impl Id {
    /// The namespace that counts when identities are compared.
    pub(super) fn effective_namespace(&self) -> &str {
        match self.namespace.as_str() {
            _ if self.cluster_scoped => NO_NAMESPACE,
            "" => "default",
            other => other,
        }
    }

    /// One text for all identities that are equal.
    pub(super) fn key(&self) -> String {
        let Gvk { group, version, kind } = &self.gvk;
        [group, version, kind, self.name.as_str(), self.effective_namespace()].join("\u{0}")
    }

    pub(super) fn equals(&self, other: &Id) -> bool {
        self.name == other.name && self.gvk == other.gvk && self.effective_namespace() == other.effective_namespace()
    }

    pub(super) fn same_namespace(&self, other: &Id) -> bool {
        self.effective_namespace() == other.effective_namespace()
    }

    /// What a person calls it.
    pub(super) fn named(&self) -> String {
        if self.namespace.is_empty() || self.namespace == NO_NAMESPACE {
            format!("{} {}", self.gvk.kind, self.name)
        } else {
            format!("{} {}/{}", self.gvk.kind, self.namespace, self.name)
        }
    }
}

/// Kinds of Kubernetes 1.21 without a namespace, by the group and version that kustomize knows.
const CLUSTER_SCOPED: &[(&str, &[&str])] = &[
    ("admissionregistration.k8s.io/v1", &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"]),
    ("admissionregistration.k8s.io/v1beta1", &["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"]),
    ("apiextensions.k8s.io/v1", &["CustomResourceDefinition"]),
    ("apiextensions.k8s.io/v1beta1", &["CustomResourceDefinition"]),
    ("apiregistration.k8s.io/v1", &["APIService"]),
    ("apiregistration.k8s.io/v1beta1", &["APIService"]),
    ("certificates.k8s.io/v1", &["CertificateSigningRequest"]),
    ("certificates.k8s.io/v1beta1", &["CertificateSigningRequest"]),
    ("flowcontrol.apiserver.k8s.io/v1beta1", &["FlowSchema", "PriorityLevelConfiguration"]),
    ("networking.k8s.io/v1", &["IngressClass"]),
    ("networking.k8s.io/v1beta1", &["IngressClass"]),
    ("node.k8s.io/v1", &["RuntimeClass"]),
    ("node.k8s.io/v1beta1", &["RuntimeClass"]),
    ("policy/v1beta1", &["PodSecurityPolicy"]),
    ("rbac.authorization.k8s.io/v1", &["ClusterRole", "ClusterRoleBinding"]),
    ("rbac.authorization.k8s.io/v1beta1", &["ClusterRole", "ClusterRoleBinding"]),
    ("scheduling.k8s.io/v1", &["PriorityClass"]),
    ("scheduling.k8s.io/v1beta1", &["PriorityClass"]),
    ("storage.k8s.io/v1", &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"]),
    ("storage.k8s.io/v1beta1", &["CSIDriver", "CSINode", "StorageClass", "VolumeAttachment"]),
    ("v1", &["ComponentStatus", "Namespace", "Node", "NodeProxyOptions", "PersistentVolume"]),
];

/// Says whether kustomize is certain that a kind belongs to no namespace.
pub(super) fn is_cluster_scoped(api_version: &str, kind: &str, schema: &Schema) -> bool {
    let built_in = CLUSTER_SCOPED.iter().any(|(group, kinds)| *group == api_version && kinds.contains(&kind));
    built_in || schema.custom_scope(api_version, kind) == Some(false)
}
