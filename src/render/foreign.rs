//! What looks like a Kubernetes object and is none, and what is one but stands for more that is not rendered yet.

use crate::finding::{Finding, Place};
use crate::manifest::{Object, Origin};

/// API groups (and versions without a group) of files that tools read and no API server serves.
const TOOL_GROUPS: [&str; 22] = [
    "apiserver.config.k8s.io",
    "audit.k8s.io",
    "backstage.io",
    "builtin",
    "client.authentication.k8s.io",
    "config.kubernetes.io",
    "container-structure-test",
    "ctlptl.dev",
    "eksctl.io",
    "k0s.k0sproject.io",
    "k3d.io",
    "kind.x-k8s.io",
    "kpt.dev",
    "krew.googlecontainertools.github.com",
    "kubeadm.k8s.io",
    "kubelet.config.k8s.io",
    "kubeproxy.config.k8s.io",
    "kubescheduler.config.k8s.io",
    "kustomize.config.k8s.io",
    "schema.plugin.fluxcd.io",
    "skaffold",
    "tilt.dev",
];

/// Says whether this is the file of a tool (a kind cluster, a Skaffold pipeline, a kubeconfig, a kustomization): it has
/// `apiVersion` and `kind`, and no API server knows it.
pub(super) fn is_tool_file(object: &Object) -> bool {
    is_of_tool(object.api_version(), object.kind())
}

/// The same by what the object names.
pub(super) fn is_of_tool(api_version: &str, kind: &str) -> bool {
    let group = api_version.split('/').next().unwrap_or_default();
    let kubeconfig = api_version == "v1" && kind == "Config";
    kubeconfig || TOOL_GROUPS.contains(&group)
}

/// One `not-rendered` warning for each object that stands for others: what they are, this version does not know.
pub(super) fn not_rendered_yet(objects: &[Object]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for object in objects {
        let group = object.api_version().split_once('/').map_or("", |(group, _)| group);
        let tool = match (group, object.kind()) {
            ("argoproj.io", "Application" | "ApplicationSet") => "Argo CD",
            ("kustomize.toolkit.fluxcd.io", "Kustomization")
            | ("helm.toolkit.fluxcd.io", "HelmRelease")
            | ("fluxcd.controlplane.io", "ResourceSet") => "Flux",
            ("helm.cattle.io", "HelmChart") => "the Helm controller",
            _ => continue,
        };
        let reference = object.reference();
        let message =
            format!("what {tool} makes of `{reference}` is not rendered yet: only the object itself is examined");
        let place = object.value().origin_at("/metadata/name").map(Origin::place);
        findings.push(Finding::warning("not-rendered", message).at(place).about(reference));
    }
    findings
}

/// The `not-rendered` warning of a chart.
pub(super) fn chart(chart_file: &str) -> Finding {
    Finding::warning("not-rendered", "charts are not rendered yet: what this one installs is not examined")
        .at(Place::file(chart_file))
        .hint("to leave it out without a word, name its folder in `.mergelineignore`")
}
