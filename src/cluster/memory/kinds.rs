//! The kinds that the memory cluster serves by itself, one served version each.
//!
//! A table of the API server's stable kinds (1.36). Kinds that are no plain objects (reviews, bindings, subresources)
//! and versions beside the preferred one are not served.

use crate::cluster::ResourceKind;
use crate::manifest::TypeKey;

/// Objects live in namespaces.
const N: u8 = 1;
/// The server counts generations.
const G: u8 = 2;
/// Status is a subresource: what an apply says of it is ignored.
const S: u8 = 4;

type Row = (&'static str, &'static [(&'static str, &'static str, u8)]);

const KINDS: &[Row] = &[
    (
        "v1",
        &[
            ("ConfigMap", "configmaps", N),
            ("Endpoints", "endpoints", N),
            ("Event", "events", N),
            ("LimitRange", "limitranges", N),
            ("Namespace", "namespaces", S),
            ("Node", "nodes", S),
            ("PersistentVolume", "persistentvolumes", S),
            ("PersistentVolumeClaim", "persistentvolumeclaims", N | S),
            ("Pod", "pods", N | G | S),
            ("PodTemplate", "podtemplates", N | G),
            ("ReplicationController", "replicationcontrollers", N | G | S),
            ("ResourceQuota", "resourcequotas", N | S),
            ("Secret", "secrets", N),
            ("Service", "services", N | S),
            ("ServiceAccount", "serviceaccounts", N),
        ],
    ),
    ("apiregistration.k8s.io/v1", &[("APIService", "apiservices", S)]),
    (
        "apps/v1",
        &[
            ("ControllerRevision", "controllerrevisions", N),
            ("DaemonSet", "daemonsets", N | G | S),
            ("Deployment", "deployments", N | G | S),
            ("ReplicaSet", "replicasets", N | G | S),
            ("StatefulSet", "statefulsets", N | G | S),
        ],
    ),
    ("events.k8s.io/v1", &[("Event", "events", N)]),
    ("autoscaling/v2", &[("HorizontalPodAutoscaler", "horizontalpodautoscalers", N | S)]),
    ("batch/v1", &[("CronJob", "cronjobs", N | G | S), ("Job", "jobs", N | G | S)]),
    ("certificates.k8s.io/v1", &[("CertificateSigningRequest", "certificatesigningrequests", S)]),
    (
        "networking.k8s.io/v1",
        &[
            ("IPAddress", "ipaddresses", 0),
            ("Ingress", "ingresses", N | G | S),
            ("IngressClass", "ingressclasses", G),
            ("NetworkPolicy", "networkpolicies", N | G),
            ("ServiceCIDR", "servicecidrs", S),
        ],
    ),
    ("policy/v1", &[("PodDisruptionBudget", "poddisruptionbudgets", N | G | S)]),
    (
        "rbac.authorization.k8s.io/v1",
        &[
            ("ClusterRole", "clusterroles", 0),
            ("ClusterRoleBinding", "clusterrolebindings", 0),
            ("Role", "roles", N),
            ("RoleBinding", "rolebindings", N),
        ],
    ),
    (
        "storage.k8s.io/v1",
        &[
            ("CSIDriver", "csidrivers", 0),
            ("CSINode", "csinodes", 0),
            ("CSIStorageCapacity", "csistoragecapacities", N),
            ("StorageClass", "storageclasses", 0),
            ("VolumeAttachment", "volumeattachments", S),
            ("VolumeAttributesClass", "volumeattributesclasses", 0),
        ],
    ),
    (
        "admissionregistration.k8s.io/v1",
        &[
            ("MutatingWebhookConfiguration", "mutatingwebhookconfigurations", G),
            ("ValidatingAdmissionPolicy", "validatingadmissionpolicies", G | S),
            ("ValidatingAdmissionPolicyBinding", "validatingadmissionpolicybindings", G),
            ("ValidatingWebhookConfiguration", "validatingwebhookconfigurations", G),
        ],
    ),
    ("apiextensions.k8s.io/v1", &[("CustomResourceDefinition", "customresourcedefinitions", G | S)]),
    ("scheduling.k8s.io/v1", &[("PriorityClass", "priorityclasses", G)]),
    ("coordination.k8s.io/v1", &[("Lease", "leases", N)]),
    ("node.k8s.io/v1", &[("RuntimeClass", "runtimeclasses", 0)]),
    ("discovery.k8s.io/v1", &[("EndpointSlice", "endpointslices", N | G)]),
    (
        "flowcontrol.apiserver.k8s.io/v1",
        &[("FlowSchema", "flowschemas", G | S), ("PriorityLevelConfiguration", "prioritylevelconfigurations", G | S)],
    ),
    (
        "resource.k8s.io/v1",
        &[
            ("DeviceClass", "deviceclasses", G),
            ("ResourceClaim", "resourceclaims", N | S),
            ("ResourceClaimTemplate", "resourceclaimtemplates", N),
            ("ResourceSlice", "resourceslices", G),
        ],
    ),
];

/// A served kind with what the server does about it.
#[derive(Debug, Clone)]
pub(super) struct Served {
    pub(super) kind: ResourceKind,
    pub(super) generation: bool,
    pub(super) status: bool,
}

/// The verbs of an ordinary kind.
pub(super) fn all_verbs() -> Vec<String> {
    ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"].map(str::to_owned).to_vec()
}

/// The table.
pub(super) fn built_in() -> Vec<Served> {
    let served = |api_version: &str, &(kind, plural, flags): &(&str, &str, u8)| Served {
        kind: ResourceKind {
            type_key: TypeKey::new(api_version, kind),
            plural: plural.to_owned(),
            namespaced: flags & N != 0,
            verbs: all_verbs(),
        },
        generation: flags & G != 0,
        status: flags & S != 0,
    };
    KINDS.iter().flat_map(|(version, kinds)| kinds.iter().map(move |kind| served(version, kind))).collect()
}
