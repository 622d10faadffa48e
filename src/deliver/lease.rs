//! The lease of an environment: one run at a time writes to it, and never an older commit after a newer one.
//!
//! A `coordination.k8s.io/v1` Lease, taken by compare-and-swap. A holder that died is waited out by its own duration,
//! measured on our own clock from when the lease was first seen unchanged, as leader election does: clocks of two
//! machines are never compared. A holder renews well before that, and writes nothing while it is not sure that the
//! lease is its own. The lease also names the newest commit whose delivery was begun, so that an older one is refused
//! even when the newer one changed nothing or was killed half-way.

use super::inventory::{COMMIT, NAMESPACE, environment_label};
use crate::cluster::{Cluster, ResourceKind, Target};
use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use crate::manifest::value::map;
use crate::manifest::{Object, TypeKey, Value};
use crate::trust::ApplyGrant;
use jiff::Timestamp;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long a holder that says nothing is waited for.
const DURATION: Duration = Duration::from_secs(60);
/// How old the last renewal may be when something is written.
const FRESH: Duration = Duration::from_secs(15);
/// After how long without a renewal others may soon take the lease: what is under way is dropped.
const DOUBTFUL: Duration = Duration::from_secs(45);

/// A held lease.
pub(super) struct Lease {
    target: Target,
    holder: String,
    held: Mutex<Held>,
}

struct Held {
    version: String,
    acquired: String,
    commit: Option<CommitId>,
    renewed: Instant,
}

/// What a run that may have to wait is told.
pub(super) struct Patience {
    /// How long to wait for another holder.
    pub(super) limit: Duration,
}

fn target(repository: &str, environment: &str) -> Target {
    let type_key = TypeKey { group: "coordination.k8s.io".into(), version: "v1".into(), kind: "Lease".into() };
    let verbs = Vec::new();
    let kind = ResourceKind { type_key, plural: "leases".into(), namespaced: true, verbs };
    Target {
        kind,
        namespace: Some(NAMESPACE.to_owned()),
        name: format!("mergeline-{}", environment_label(repository, environment)),
    }
}

fn now() -> String {
    Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

fn lease(target: &Target, holder: &str, held: &Held) -> Object {
    let mut metadata = map([("name", Value::from(target.name.as_str())), ("namespace", NAMESPACE.into())]);
    if !held.version.is_empty() {
        metadata.set("resourceVersion", held.version.as_str());
    }
    if let Some(commit) = &held.commit {
        metadata.set("annotations", map([(COMMIT, commit.as_str())]));
    }
    let spec = map([
        ("holderIdentity", Value::from(holder)),
        ("leaseDurationSeconds", i64::try_from(DURATION.as_secs()).unwrap_or(60).into()),
        ("acquireTime", held.acquired.as_str().into()),
        ("renewTime", now().into()),
    ]);
    let fields = [
        ("apiVersion", Value::from("coordination.k8s.io/v1")),
        ("kind", "Lease".into()),
        ("metadata", metadata),
        ("spec", spec),
    ];
    Object::new(map(fields)).expect("because it has a type")
}

fn version(object: &Object) -> Option<String> {
    object.value().path(&["metadata", "resourceVersion"]).and_then(Value::as_str).map(str::to_owned)
}

fn holder(object: &Object) -> Option<&str> {
    object.value().path(&["spec", "holderIdentity"]).and_then(Value::as_str).filter(|holder| !holder.is_empty())
}

fn commit(object: &Object) -> Option<CommitId> {
    object.annotation(COMMIT).and_then(|text| CommitId::parse(text).ok())
}

/// The newest commit whose delivery to the environment was begun.
///
/// # Errors
/// When the cluster cannot be asked.
pub(super) async fn begun(cluster: &dyn Cluster, repository: &str, environment: &str) -> Result<Option<CommitId>> {
    Ok(cluster.get(&target(repository, environment)).await?.as_ref().and_then(commit))
}

impl Lease {
    /// Takes the lease, waiting for another run as long as `patience` says.
    ///
    /// # Errors
    /// Remote, naming the holder, when the wait is over.
    pub(super) async fn take(
        cluster: &dyn Cluster,
        grant: &ApplyGrant,
        repository: &str,
        identity: &str,
        patience: &Patience,
    ) -> Result<Self> {
        let target = target(repository, grant.environment());
        let begun = Instant::now();
        let mut seen: Option<(String, Instant)> = None;
        loop {
            let live = cluster.get(&target).await?;
            let current = live.as_ref().and_then(version);
            let other = live.as_ref().and_then(holder).filter(|holder| *holder != identity).map(str::to_owned);
            let expired = match (&other, &current, &seen) {
                (None, ..) => true,
                (Some(_), Some(now), Some((then, since))) if now == then => since.elapsed() >= DURATION,
                (Some(_), Some(now), _) => {
                    seen = Some((now.clone(), Instant::now()));
                    false
                }
                (Some(_), None, _) => false,
            };
            if expired {
                let commit = live.as_ref().and_then(commit);
                // The time is taken before the request: it counts from when the server may have written.
                let renewed = Instant::now();
                let mut held = Held { version: current.clone().unwrap_or_default(), acquired: now(), commit, renewed };
                if let Ok(taken) = cluster.replace(grant, &target, &lease(&target, identity, &held)).await? {
                    held.version = version(&taken).unwrap_or_default();
                    return Ok(Self { target, holder: identity.to_owned(), held: Mutex::new(held) });
                }
                // Another run was quicker: look again.
            }
            if begun.elapsed() >= patience.limit {
                let who = other.unwrap_or_else(|| "another run".to_owned());
                return Err(Failure::remote(format!(
                    "`{}` is being delivered by {who}, which did not finish within {} s",
                    grant.environment(),
                    patience.limit.as_secs()
                ))
                .hint(format!(
                    "run again later; a lease whose holder died ends by itself after {} s",
                    DURATION.as_secs()
                )));
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// Makes sure, before a write, that the lease is still held.
    ///
    /// # Errors
    /// Remote when the lease was lost: nothing more may be written.
    pub(super) async fn hold(&self, cluster: &dyn Cluster, grant: &ApplyGrant) -> Result<()> {
        let mut held = self.held.lock().await;
        if held.renewed.elapsed() < FRESH {
            return Ok(());
        }
        self.renew(cluster, grant, &mut held).await
    }

    /// Says that the delivery of the grant's commit begins now.
    ///
    /// # Errors
    /// Remote when the lease was lost.
    pub(super) async fn begin(&self, cluster: &dyn Cluster, grant: &ApplyGrant) -> Result<()> {
        let mut held = self.held.lock().await;
        held.commit = Some(grant.commit().clone());
        self.renew(cluster, grant, &mut held).await
    }

    /// Holds the lease until dropped.
    ///
    /// # Errors
    /// Remote when it was lost or could not be renewed in time.
    pub(super) async fn keep(&self, cluster: &dyn Cluster, grant: &ApplyGrant) -> Result<Infallible> {
        loop {
            tokio::time::sleep(FRESH).await;
            let renewed = self.held.lock().await.renewed;
            match tokio::time::timeout_at(renewed + DOUBTFUL, self.hold(cluster, grant)).await {
                Ok(result) => result?,
                Err(_) => return Err(self.lost(grant)),
            }
        }
    }

    async fn renew(&self, cluster: &dyn Cluster, grant: &ApplyGrant, held: &mut Held) -> Result<()> {
        for _ in 0..3 {
            let renewed = Instant::now();
            let answer = cluster.replace(grant, &self.target, &lease(&self.target, &self.holder, held)).await;
            if let Ok(Ok(object)) = &answer {
                held.version = version(object).unwrap_or_default();
                held.renewed = renewed;
                return Ok(());
            }
            // Refused, or the answer was lost: whose is it?
            match cluster.get(&self.target).await? {
                Some(live) if holder(&live) == Some(&self.holder) => {
                    held.version = version(&live).unwrap_or_default();
                }
                _ => return Err(self.lost(grant)),
            }
        }
        Err(self.lost(grant))
    }

    fn lost(&self, grant: &ApplyGrant) -> Failure {
        Failure::remote(format!("the lease of `{}` was lost or taken over by another run", grant.environment()))
            .hint("nothing more was written; the other run continues, or run again")
    }

    /// Gives the lease back. Losing it meanwhile is no matter.
    pub(super) async fn release(self, cluster: &dyn Cluster, grant: &ApplyGrant) -> Result<()> {
        let held = self.held.into_inner();
        cluster.replace(grant, &self.target, &lease(&self.target, "", &held)).await?.ok();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn environments_have_leases_of_their_own_under_legal_names() {
        let name = |environment: &str| target("acme/shop", environment).name;
        assert!(name("prod").starts_with("mergeline-prod-"));
        let names = ["Prod", "a_b", "a.b", "a-b", "x/y", &"long".repeat(40)].map(name);
        let legal = |name: &String| {
            name.len() <= 253 && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        };
        assert!(names.iter().all(legal), "{names:?}");
        let distinct: std::collections::BTreeSet<&String> = names.iter().collect();
        assert_eq!(distinct.len(), names.len());
    }
}
