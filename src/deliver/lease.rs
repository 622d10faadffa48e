//! The lease of an environment: one run at a time writes to it.
//!
//! A `coordination.k8s.io/v1` Lease, taken by compare-and-swap. A holder that died is waited out by its own duration,
//! measured on our own clock from when the lease was first seen unchanged, as leader election does: clocks of two
//! machines are never compared.

use super::inventory::{NAMESPACE, environment_label};
use crate::cluster::{Cluster, ResourceKind, Target};
use crate::failure::{Failure, Result};
use crate::manifest::value::map;
use crate::manifest::{Object, TypeKey, Value};
use crate::trust::ApplyGrant;
use jiff::Timestamp;
use std::time::{Duration, Instant};

/// How long a holder that says nothing is waited for.
const DURATION: Duration = Duration::from_secs(60);

/// A held lease.
pub(super) struct Lease {
    target: Target,
    holder: String,
    version: String,
}

/// What a run that may have to wait is told.
pub(super) struct Patience {
    /// How long to wait for another holder.
    pub(super) limit: Duration,
}

fn target(environment: &str) -> Target {
    let type_key = TypeKey { group: "coordination.k8s.io".into(), version: "v1".into(), kind: "Lease".into() };
    let verbs = Vec::new();
    let kind = ResourceKind { type_key, plural: "leases".into(), namespaced: true, verbs };
    let name = format!("mergeline-{}", environment_label(environment).to_ascii_lowercase().replace('_', "-"));
    Target { kind, namespace: Some(NAMESPACE.to_owned()), name }
}

fn lease(target: &Target, holder: &str, version: Option<&str>) -> Object {
    let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
    let mut metadata = map([("name", Value::from(target.name.as_str())), ("namespace", NAMESPACE.into())]);
    if let Some(version) = version {
        metadata.set("resourceVersion", version);
    }
    let seconds = i64::try_from(DURATION.as_secs()).unwrap_or(60);
    let mut spec = map([
        ("holderIdentity", Value::from(holder)),
        ("leaseDurationSeconds", seconds.into()),
        ("renewTime", now.as_str().into()),
    ]);
    if version.is_none() {
        spec.set("acquireTime", now);
    }
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

impl Lease {
    /// Takes the lease, waiting for another run as long as `patience` says.
    ///
    /// # Errors
    /// Remote, naming the holder, when the wait is over.
    pub(super) async fn take(
        cluster: &dyn Cluster,
        grant: &ApplyGrant,
        identity: &str,
        patience: &Patience,
    ) -> Result<Self> {
        let target = target(grant.environment());
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
                let object = lease(&target, identity, current.as_deref());
                if let Ok(taken) = cluster.replace(grant, &target, &object).await? {
                    let version = version(&taken).unwrap_or_default();
                    return Ok(Self { target, holder: identity.to_owned(), version });
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

    /// Says that this run is still at it.
    ///
    /// # Errors
    /// Remote when the lease was lost: nothing more may be written.
    pub(super) async fn renew(&mut self, cluster: &dyn Cluster, grant: &ApplyGrant) -> Result<()> {
        let object = lease(&self.target, &self.holder, Some(&self.version));
        match cluster.replace(grant, &self.target, &object).await? {
            Ok(renewed) => {
                self.version = version(&renewed).unwrap_or_default();
                Ok(())
            }
            Err(_) => {
                Err(Failure::remote(format!("the lease of `{}` was taken over by another run", grant.environment()))
                    .hint("nothing more was written; the other run continues"))
            }
        }
    }

    /// Gives the lease back. Losing it meanwhile is no matter.
    pub(super) async fn release(self, cluster: &dyn Cluster, grant: &ApplyGrant) -> Result<()> {
        let object = lease(&self.target, "", Some(&self.version));
        cluster.replace(grant, &self.target, &object).await?.ok();
        Ok(())
    }
}
