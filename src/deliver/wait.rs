//! Waiting for health: one watch for each kind, until every object is healthy or failed, or the time is over.

use super::health::{Health, health};
use super::preflight::key_of;
use crate::cluster::{Cluster, ResourceKind, Scope, Target, WatchEvent};
use crate::failure::Result;
use crate::manifest::{Object, ObjectKey};
use futures::stream::{SelectAll, StreamExt};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The last that was seen of each object: its state, and its health.
pub(super) type Seen = BTreeMap<ObjectKey, (Option<Object>, Health)>;

/// Kinds that no controller speaks about: they are as desired once they are there.
fn is_silent(kind: &ResourceKind) -> bool {
    let key = &kind.type_key;
    matches!(
        (key.group.as_str(), key.kind.as_str()),
        ("", "ConfigMap" | "Secret" | "ServiceAccount" | "LimitRange" | "Endpoints")
            | (
                "rbac.authorization.k8s.io" | "admissionregistration.k8s.io" | "scheduling.k8s.io" | "storage.k8s.io",
                _
            )
            | ("networking.k8s.io", "NetworkPolicy" | "IngressClass")
            | ("node.k8s.io" | "discovery.k8s.io", _)
    )
}

/// The scope of one list or watch for several objects of a kind: their namespace when they share one.
pub(super) fn scope<'a>(namespaces: impl IntoIterator<Item = Option<&'a str>>, labels: &str) -> Scope {
    let namespaces: BTreeSet<Option<&str>> = namespaces.into_iter().collect();
    let namespace = match namespaces.len() {
        1 => namespaces.into_iter().next().flatten().map(str::to_owned),
        _ => None,
    };
    Scope { namespace, labels: Some(labels.to_owned()) }
}

/// Waits until every target is healthy or failed, at most `limit`.
pub(super) async fn wait(cluster: &dyn Cluster, targets: &[&Target], labels: &str, limit: Duration) -> Result<Seen> {
    let mut seen = Seen::new();
    let mut kinds: BTreeMap<&ResourceKind, Vec<&Target>> = BTreeMap::new();
    for target in targets {
        if is_silent(&target.kind) {
            seen.insert(key_of(target), (None, Health::Healthy));
        } else {
            seen.insert(key_of(target), (None, Health::InProgress("it is not there yet".to_owned())));
            kinds.entry(&target.kind).or_default().push(target);
        }
    }
    if kinds.is_empty() {
        return Ok(seen);
    }
    let deadline = tokio::time::Instant::now() + limit;
    let mut streams = SelectAll::new();
    for (kind, targets) in kinds {
        let scope = scope(targets.iter().map(|target| target.namespace.as_deref()), labels);
        streams.push(cluster.watch(kind, &scope).await?);
    }
    while seen.values().any(|(_, health)| matches!(health, Health::InProgress(_))) {
        let Ok(event) = tokio::time::timeout_at(deadline, streams.next()).await else { break };
        match event {
            None => break,
            Some(event) => note(event?, &mut seen),
        }
    }
    Ok(seen)
}

fn note(event: WatchEvent, seen: &mut Seen) {
    let (object, state) = match event {
        WatchEvent::Seen(object) => {
            let state = health(&object);
            (object, state)
        }
        WatchEvent::Synced => return,
        WatchEvent::Gone(object) => (object, Health::InProgress("it was deleted by somebody".to_owned())),
    };
    if let Some(entry) = seen.get_mut(&object.key()) {
        *entry = (Some(object), state);
    }
}
