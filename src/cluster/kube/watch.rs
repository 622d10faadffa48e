//! List, then watch, and again when the server forgot where we were: one stream that never tells a gap.

use super::{KubeCluster, Listing, list_request};
use crate::cluster::{ResourceKind, Scope, WatchEvent};
use crate::failure::{Failure, Result};
use crate::manifest::json::from_json;
use crate::manifest::{Object, Value};
use ::kube::core::WatchEvent as Raw;
use futures::stream::{self, BoxStream, StreamExt};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How long the server keeps one watch open.
const SERVER_TIME: &str = "290";
/// How long a watch may be silent: longer than the server keeps it open.
const SILENCE: Duration = Duration::from_secs(310);
/// How long to wait before a watch that ended at once is opened again.
const PAUSE: Duration = Duration::from_millis(500);

type Key = (Option<String>, String);

struct Watch {
    cluster: KubeCluster,
    kind: ResourceKind,
    scope: Scope,
    /// What the receiver believes to exist.
    known: BTreeMap<Key, Object>,
    queue: VecDeque<WatchEvent>,
    /// Where to watch from; `None`: list first.
    revision: Option<String>,
    events: Option<BoxStream<'static, std::result::Result<Raw<serde_json::Value>, ::kube::Error>>>,
    over: bool,
}

fn key(object: &Object) -> Key {
    (object.namespace().map(str::to_owned), object.name().unwrap_or_default().to_owned())
}

fn version(object: &Object) -> Option<&str> {
    object.value().path(&["metadata", "resourceVersion"]).and_then(Value::as_str)
}

/// Begins a watch; the first list is done when this returns.
pub(super) async fn watch(
    cluster: KubeCluster,
    kind: ResourceKind,
    scope: Scope,
) -> Result<BoxStream<'static, Result<WatchEvent>>> {
    let (known, queue) = (BTreeMap::new(), VecDeque::new());
    let mut watch = Watch { cluster, kind, scope, known, queue, revision: None, events: None, over: false };
    watch.relist().await?;
    Ok(stream::unfold(watch, async |mut watch| {
        if watch.over {
            return None;
        }
        let event = watch.next().await;
        watch.over = event.is_err();
        Some((event, watch))
    })
    .boxed())
}

impl Watch {
    /// Takes the state as a list and queues what the receiver does not know.
    async fn relist(&mut self) -> Result<()> {
        let Some(Listing { objects, revision }) = self.cluster.pages(&self.kind, &self.scope).await? else {
            let (kind, server) = (&self.kind.type_key, self.cluster.server());
            return Err(Failure::remote(format!("the API server `{server}` does not serve {kind} (any more)")));
        };
        let mut gone = std::mem::take(&mut self.known);
        for object in objects {
            let before = gone.remove(&key(&object));
            if before.as_ref().and_then(version) != version(&object) || before.is_none() {
                self.queue.push_back(WatchEvent::Seen(object.clone()));
            }
            self.known.insert(key(&object), object);
        }
        self.queue.extend(gone.into_values().map(WatchEvent::Gone));
        self.queue.push_back(WatchEvent::Synced);
        self.revision = Some(revision);
        Ok(())
    }

    async fn next(&mut self) -> Result<WatchEvent> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Ok(event);
            }
            let Some(revision) = self.revision.clone() else {
                self.relist().await?;
                continue;
            };
            let Some(events) = &mut self.events else {
                self.open(&revision).await?;
                continue;
            };
            match tokio::time::timeout(SILENCE, events.next()).await {
                Ok(Some(Ok(event))) => self.take(event)?,
                // Ended, lost or silent: go on from the last version that was told.
                Ok(Some(Err(_)) | None) => {
                    self.events = None;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(_) => self.events = None,
            }
        }
    }

    async fn open(&mut self, revision: &str) -> Result<()> {
        let request = list_request(&self.kind, &self.scope)
            .query("watch", "true")
            .query("allowWatchBookmarks", "true")
            .query("resourceVersion", revision)
            .query("timeoutSeconds", SERVER_TIME);
        let http = request.http().map_err(|error| Failure::bug("cannot build a watch request").because(error))?;
        match self.cluster.client.request_events::<serde_json::Value>(http).await {
            Ok(events) => self.events = Some(events.boxed()),
            // Too old, or the server has trouble: a list either mends it, or says what is wrong after its retries.
            Err(_) => {
                self.revision = None;
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    fn take(&mut self, event: Raw<serde_json::Value>) -> Result<()> {
        let (json, gone) = match event {
            Raw::Added(json) | Raw::Modified(json) => (json, false),
            Raw::Deleted(json) => (json, true),
            Raw::Bookmark(mark) => {
                self.revision = Some(mark.metadata.resource_version);
                return Ok(());
            }
            Raw::Error(_) => {
                self.events = None;
                self.revision = None;
                return Ok(());
            }
        };
        let object = self.cluster.item(&self.kind, from_json(&json))?;
        self.revision = version(&object).map(str::to_owned).or_else(|| self.revision.take());
        if gone {
            self.known.remove(&key(&object));
            self.queue.push_back(WatchEvent::Gone(object));
        } else {
            self.known.insert(key(&object), object.clone());
            self.queue.push_back(WatchEvent::Seen(object));
        }
        Ok(())
    }
}
