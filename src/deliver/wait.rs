//! Waiting for health: one watch for each kind, until every object is healthy or failed, or the time is over.

use super::health::{Health, health};
use super::preflight::key_of;
use crate::cluster::{Cluster, ResourceKind, Scope, Target, WatchEvent};
use crate::failure::{FailureKind, Result};
use crate::manifest::{Object, ObjectKey};
use futures::stream::{SelectAll, StreamExt};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The health of each object as it was last seen.
pub(super) type Seen = BTreeMap<ObjectKey, Health>;

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

/// The scopes to fall back on when a credential may not look into all namespaces: one for each.
pub(super) fn scopes_by_namespace(namespaces: &BTreeSet<Option<&str>>, labels: &str) -> Option<Vec<Scope>> {
    let narrow = namespaces.len() > 1 && namespaces.iter().all(Option::is_some);
    narrow.then(|| namespaces.iter().map(|namespace| scope([*namespace], labels)).collect())
}

/// Waits until every target is healthy or failed, at most `limit`. What is `known` to be healthy is not asked for.
pub(super) async fn wait(
    cluster: &dyn Cluster,
    targets: &[&Target],
    known: &BTreeMap<ObjectKey, Object>,
    labels: &str,
    limit: Duration,
) -> Result<Seen> {
    let mut seen = Seen::new();
    let mut kinds: BTreeMap<&ResourceKind, Vec<&Target>> = BTreeMap::new();
    for target in targets {
        let key = key_of(target);
        let healthy = known.get(&key).is_some_and(|object| health(object) == Health::Healthy);
        if is_silent(&target.kind) || healthy {
            seen.insert(key, Health::Healthy);
        } else {
            seen.insert(key, Health::InProgress("it is not there yet".to_owned()));
            kinds.entry(&target.kind).or_default().push(target);
        }
    }
    if kinds.is_empty() {
        return Ok(seen);
    }
    let deadline = tokio::time::Instant::now() + limit;
    let mut streams = SelectAll::new();
    for (kind, targets) in kinds {
        let namespaces: BTreeSet<Option<&str>> = targets.iter().map(|target| target.namespace.as_deref()).collect();
        match cluster.watch(kind, &scope(namespaces.iter().copied(), labels)).await {
            Ok(stream) => streams.push(stream),
            Err(failure) => match scopes_by_namespace(&namespaces, labels) {
                Some(scopes) if failure.kind() == FailureKind::Usage => {
                    for scope in &scopes {
                        streams.push(cluster.watch(kind, scope).await?);
                    }
                }
                _ => return Err(failure),
            },
        }
    }
    while seen.values().any(|health| matches!(health, Health::InProgress(_))) {
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
        *entry = state;
    }
}
