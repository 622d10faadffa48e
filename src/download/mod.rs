//! What must come from outside: downloaded over HTTP, kept in the user's cache, verified when it is read again.
//!
//! Owns the policy for addresses, the limits, and the cache. Nothing is downloaded that trusted configuration or a person
//! did not name: whoever calls decides that. A redirect never leads from the public network to a private one, nor from
//! `https` to `http`; a download ends by size and by time. Decided by DESIGN §4 "Rendering": no network unless allowed.

mod cache;
mod policy;
#[cfg(test)]
mod tests;

use crate::failure::{Failure, Result};
use cache::{Cache, Kept};
use reqwest::header::{LOCATION, USER_AGENT};
use reqwest::redirect::Policy;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Mutex, Once, PoisonError};
use std::time::Duration;
use url::Url;

/// Gets files from addresses.
pub trait Download: Send + Sync {
    /// The bytes at an address; `None` when the server says that nothing is there.
    ///
    /// # Errors
    /// Remote when the server cannot be reached or fails; refused when the address or a redirect is against the policy.
    fn get(&self, address: &str) -> Result<Option<Vec<u8>>>;
}

/// Downloads nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Offline;

impl Download for Offline {
    fn get(&self, address: &str) -> Result<Option<Vec<u8>>> {
        Err(Failure::refused(format!("`{address}` is not downloaded: this run stays off the network")))
    }
}

/// How much and how long.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most bytes of one answer.
    pub size: usize,
    /// How long one download may take, with its redirects.
    pub time: Duration,
    /// How long what was downloaded counts as fresh.
    pub fresh: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { size: 16 << 20, time: Duration::from_secs(30), fresh: Duration::from_secs(24 * 3600) }
    }
}

/// The most redirects of one download.
const MOST_REDIRECTS: usize = 5;

/// Downloads over HTTP, with a cache. An answer holds for a whole run, and on disk until it is no longer fresh; one that is
/// not fresh is used where the server fails.
#[derive(Debug)]
pub struct Web {
    cache: Cache,
    limits: Limits,
    /// What this run was told, by address: a server that failed once is not asked a thousand times.
    told: Mutex<HashMap<String, std::result::Result<Kept, String>>>,
}

impl Web {
    /// Keeps downloads in the user's cache folder: `MERGELINE_CACHE`, else `XDG_CACHE_HOME/mergeline`, else
    /// `HOME/.cache/mergeline`; nowhere when none of the three is set.
    #[must_use]
    pub fn new() -> Self {
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder = set("MERGELINE_CACHE")
            .or_else(|| Some(set("XDG_CACHE_HOME")?.join("mergeline")))
            .or_else(|| Some(set("HOME")?.join(".cache/mergeline")));
        Self::with(folder, Limits::default())
    }

    /// Keeps downloads in `folder`.
    #[must_use]
    pub fn with(folder: Option<PathBuf>, limits: Limits) -> Self {
        let cache = Cache::at(folder.map(|folder| folder.join("downloads")));
        Self { cache, limits, told: Mutex::default() }
    }

    fn ask(&self, address: &str) -> Result<Kept> {
        let kept = self.cache.find(address);
        if let Some((kept, age)) = &kept
            && *age <= self.limits.fresh
        {
            return Ok(kept.clone());
        }
        match self.fetch(address) {
            Ok(answer) => {
                self.cache.keep(address, &answer);
                Ok(answer)
            }
            // Old is better than nothing, unless the policy says no.
            Err(failure) => match kept {
                Some((kept, _)) if failure.kind() == crate::failure::FailureKind::Remote => Ok(kept),
                _ => Err(failure),
            },
        }
    }

    /// Runs the download on a thread of its own: the caller may stand inside of a runtime.
    fn fetch(&self, address: &str) -> Result<Kept> {
        let limits = self.limits;
        let run = || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(|error| Failure::bug("cannot start a runtime").because(error))?;
            runtime.block_on(async {
                let timeout = || Failure::remote(format!("`{address}` took longer than {} s", limits.time.as_secs()));
                tokio::time::timeout(limits.time, follow(address, limits)).await.unwrap_or_else(|_| Err(timeout()))
            })
        };
        std::thread::scope(|scope| scope.spawn(run).join())
            .unwrap_or_else(|_| Err(Failure::bug(format!("the download of `{address}` broke"))))
    }
}

impl Default for Web {
    fn default() -> Self {
        Self::new()
    }
}

impl Download for Web {
    fn get(&self, address: &str) -> Result<Option<Vec<u8>>> {
        let told = || self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = told().get(address) {
            return known.clone().map(Kept::into_bytes).map_err(Failure::remote);
        }
        let answer = self.ask(address);
        let kept = answer.as_ref().map(Clone::clone).map_err(ToString::to_string);
        told().insert(address.to_owned(), kept);
        answer.map(Kept::into_bytes)
    }
}

/// Asks an address, and those that it leads to.
async fn follow(address: &str, limits: Limits) -> Result<Kept> {
    let first =
        Url::parse(address).map_err(|error| Failure::usage(format!("`{address}` is no address")).because(error))?;
    policy::named(&first).map_err(|why| Failure::refused(format!("`{address}` {why}")))?;
    let (mut current, mut pinned) = (first.clone(), None);
    for _ in 0..=MOST_REDIRECTS {
        let response = client(&current, pinned.as_deref(), limits)?
            .get(current.clone())
            .header(USER_AGENT, concat!("mergeline/", env!("CARGO_PKG_VERSION")))
            .send()
            .await
            .map_err(|error| Failure::remote(format!("cannot download `{address}`")).because(error.without_url()))?;
        let status = response.status();
        let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        match (status.as_u16(), location) {
            (200..=299, _) => return body(address, response, limits.size).await,
            (404 | 410, _) => return Ok(Kept::Absent),
            (301 | 302 | 303 | 307 | 308, Some(location)) => {
                let next = current.join(location).map_err(|error| {
                    Failure::remote(format!("`{address}` leads to what is no address")).because(error)
                })?;
                let refused = |why: String| {
                    Failure::refused(format!("`{address}` is not downloaded: it leads to `{next}`, {why}"))
                };
                pinned = policy::redirect(&first, &current, &next).await.map_err(refused)?;
                current = next;
            }
            _ => return Err(Failure::remote(format!("cannot download `{address}`: the server answers {status}"))),
        }
    }
    Err(Failure::remote(format!("cannot download `{address}`: it leads on more than {MOST_REDIRECTS} times")))
}

/// A client that follows no redirect by itself and goes to the addresses that were checked.
fn client(url: &Url, pinned: Option<&[SocketAddr]>, limits: Limits) -> Result<reqwest::Client> {
    static PROVIDER: Once = Once::new();
    // Fails only when somebody else was first, which is as good.
    PROVIDER.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
    let mut builder = reqwest::Client::builder()
        .redirect(Policy::none())
        .connect_timeout(limits.time.min(Duration::from_secs(10)))
        .timeout(limits.time);
    if let (Some(addresses), Some(host)) = (pinned, url.host_str()) {
        builder = builder.resolve_to_addrs(host, addresses);
    }
    builder.build().map_err(|error| Failure::remote("cannot make an HTTP client").because(error))
}

async fn body(address: &str, mut response: reqwest::Response, most: usize) -> Result<Kept> {
    let mut bytes = Vec::new();
    let broken =
        |error: reqwest::Error| Failure::remote(format!("cannot download `{address}`")).because(error.without_url());
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        if bytes.len() + chunk.len() > most {
            return Err(Failure::refused(format!("`{address}` is larger than {most} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(Kept::Bytes(bytes))
}
