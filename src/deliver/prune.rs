//! Brakes that need a look at what else is there: a definition that still has objects, a namespace that still holds
//! objects of others.

use super::plan::{Fate, Leaver};
use super::preflight::{AT_ONCE, Live};
use crate::cluster::{Cluster, Discovery, ResourceKind, Scope};
use crate::failure::Result;
use crate::manifest::{Object, ObjectKey, Value};
use futures::stream::StreamExt;
use std::collections::BTreeSet;

/// Keeps what would take objects with it that do not leave in the same run.
pub(super) async fn guard(
    cluster: &dyn Cluster,
    discovery: &Discovery,
    leavers: &mut [Leaver],
    live: &Live,
) -> Result<()> {
    let leaving: BTreeSet<ObjectKey> = leavers
        .iter()
        .filter(|leaver| matches!(leaver.fate, Fate::Delete(_)))
        .map(|leaver| leaver.entry.key())
        .collect();
    for leaver in leavers.iter_mut().filter(|leaver| matches!(leaver.fate, Fate::Delete(_))) {
        let (kinds, scope) = match (leaver.entry.group.as_str(), leaver.entry.kind.as_str()) {
            ("", "Namespace") => {
                let scope = Scope { namespace: Some(leaver.entry.name.clone()), labels: None };
                (kinds(discovery, |kind| kind.namespaced), scope)
            }
            ("apiextensions.k8s.io", "CustomResourceDefinition") => {
                let Some(definition) = live.members.get(&leaver.entry.key()) else { continue };
                let text = |path: &[&str]| definition.value().path(path).and_then(Value::as_str).unwrap_or_default();
                let (group, kind) = (text(&["spec", "group"]), text(&["spec", "names", "kind"]));
                let is_its = |served: &ResourceKind| served.type_key.group == group && served.type_key.kind == kind;
                (kinds(discovery, is_its), Scope::default())
            }
            _ => continue,
        };
        let listing = kinds.into_iter().map(async |kind| cluster.list(kind, &scope).await);
        let lists: Vec<_> = futures::stream::iter(listing).buffered(AT_ONCE).collect().await;
        let mut staying = Vec::new();
        for list in lists {
            staying.extend(list?.iter().filter(|object| stays(object, &leaving)).map(Object::key));
        }
        if let Some(first) = staying.first() {
            let count = staying.len();
            leaver.fate = Fate::Kept(format!("{count} objects that do not leave would go with it, `{first}` first"));
        }
    }
    Ok(())
}

/// The listable kinds that are `wanted`, each in one version.
fn kinds(discovery: &Discovery, wanted: impl Fn(&ResourceKind) -> bool) -> Vec<&ResourceKind> {
    let mut seen = BTreeSet::new();
    let listable = |kind: &&ResourceKind| kind.verbs.is_empty() || kind.verbs.iter().any(|verb| verb == "list");
    let kinds = discovery.kinds.iter().filter(|kind| wanted(kind)).filter(listable);
    kinds.filter(|kind| seen.insert((&kind.type_key.group, &kind.type_key.kind))).collect()
}

/// Says whether an object would be lost that somebody wanted: neither leaving itself, nor made by the cluster.
fn stays(object: &Object, leaving: &BTreeSet<ObjectKey>) -> bool {
    let owners = object.value().path(&["metadata", "ownerReferences"]).and_then(Value::as_list).unwrap_or_default();
    let key = object.key();
    let of_the_cluster = matches!(
        (key.group.as_str(), key.kind.as_str(), key.name.as_str()),
        ("", "ServiceAccount", "default")
            | ("", "ConfigMap", "kube-root-ca.crt")
            | ("" | "events.k8s.io", "Event", _)
            | ("", "Endpoints", _)
            | ("discovery.k8s.io", "EndpointSlice", _)
            | ("coordination.k8s.io", "Lease", _)
            | ("metrics.k8s.io", ..)
    );
    owners.is_empty() && !of_the_cluster && !leaving.contains(&key)
}
