//! One HTTP client for every hosted host: retries, paging, pacing, and failures that say what to do.
//!
//! Reading and idempotent writes are repeated after connection errors, server errors and rate limits. A write that
//! creates something is repeated only when it certainly was not taken; otherwise it answers
//! [`MaybeDone`](super::marker::WriteError::MaybeDone), and the caller looks before it tries again. What was read once is
//! asked for again with its `ETag`. The credential goes into one sensitive header and nowhere else: not into addresses,
//! errors or logs.

mod call;
mod error;
mod limit;
mod memory;
mod pace;
#[cfg(test)]
mod tests;

use crate::failure::{Failure, Result};
use crate::secret::Secret;
use backon::{ExponentialBuilder, Retryable};
use call::Repeat;
pub(super) use call::{Call, is_segment, segment};
use error::Sent;
pub(super) use error::{CREATE_ATTEMPTS, HttpError, create_once};
use memory::Memory;
pub(super) use pace::Pace;
use pace::Turns;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH, LINK, USER_AGENT};
use reqwest::redirect::Policy;
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use std::sync::Once;
use std::time::Duration;
use tokio::time::Instant;

/// How often a request is repeated, beside the first time.
const REPEATS: usize = 4;
/// The longest wait that a host may ask for; with a longer one the run ends, and a later one goes on.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How long a host is left alone before the caller looks whether a write was done whose answer was lost.
const BREATH: Duration = Duration::from_millis(200);
/// No list is this long; a host that pages for ever must not keep us.
const MOST_PAGES: usize = 1000;

/// What differs from host to host.
#[derive(Debug, Clone)]
pub(super) struct Dialect {
    /// The host's name, for messages.
    pub name: &'static str,
    /// The header that carries the token.
    pub token_header: HeaderName,
    /// What stands before the token in it, with its space.
    pub token_prefix: &'static str,
    /// Media type that is asked for.
    pub accept: &'static str,
    /// The query parameter that sets the size of a page, and its greatest value.
    pub page_size: (&'static str, usize),
    /// What every request says besides: the version of the API.
    pub headers: &'static [(&'static str, &'static str)],
    /// How fast writes may come.
    pub pace: Pace,
}

/// A client of one host's API.
#[derive(Debug)]
pub(super) struct HttpClient {
    http: reqwest::Client,
    base: String,
    token: Option<Secret>,
    dialect: Dialect,
    turns: Turns,
    memory: Memory,
}

/// A good answer.
#[derive(Debug, Clone)]
struct Answer {
    headers: HeaderMap,
    body: Vec<u8>,
}

impl HttpClient {
    /// A client for the API at `base`.
    ///
    /// # Errors
    /// Usage when the address or the token cannot be used; remote when TLS cannot be set up.
    pub(super) fn new(base: &str, token: Option<&Secret>, dialect: Dialect) -> Result<Self> {
        static TLS: Once = Once::new();
        // An error means that another part of the process has installed one already; any will do.
        TLS.call_once(|| drop(rustls::crypto::ring::default_provider().install_default()));
        let address = url::Url::parse(base)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
                Failure::usage(format!("the address of {}'s API is not an http(s) address", dialect.name))
            })?;
        if !address.username().is_empty() || address.password().is_some() {
            return Err(Failure::usage(format!("the address of {}'s API holds a credential", dialect.name))
                .hint("give the token in its own variable; addresses end up in logs"));
        }
        let token = token.filter(|token| !token.is_empty());
        let mut headers = HeaderMap::new();
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("mergeline/", env!("CARGO_PKG_VERSION"))));
        headers.insert(ACCEPT, HeaderValue::from_static(dialect.accept));
        for (name, value) in dialect.headers {
            headers.insert(*name, HeaderValue::from_static(value));
        }
        if let Some(token) = token {
            let value = HeaderValue::from_str(&format!("{}{}", dialect.token_prefix, token.expose().trim()));
            let mut value = value.map_err(|_| {
                Failure::usage(format!("the token for {} has characters that no token has", dialect.name))
                    .hint("look for a line break or a quotation mark in the variable that holds it")
            })?;
            value.set_sensitive(true);
            headers.insert(dialect.token_header.clone(), value);
        }
        let http = reqwest::Client::builder()
            .default_headers(headers)
            // A redirected write would become a read and seem to succeed.
            .redirect(Policy::none())
            .connect_timeout(Duration::from_secs(10))
            .timeout(Duration::from_secs(60))
            .build()
            .map_err(|error| {
                Failure::remote("cannot set up TLS")
                    .because(error.without_url())
                    .hint("install the system's CA certificates, or name a bundle in SSL_CERT_FILE")
            })?;
        let base = base.trim_end_matches('/').to_owned();
        let turns = Turns::new(dialect.pace);
        Ok(Self { http, base, token: token.cloned(), dialect, turns, memory: Memory::default() })
    }

    /// Says whether there is a credential at all.
    pub(super) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// Asks for pages of at most `size` from now on.
    pub(super) fn set_page_size(&mut self, size: usize) {
        self.dialect.page_size.1 = size;
    }

    /// Sends a call whose answer has no content of interest.
    pub(super) async fn send(&self, call: &Call) -> Sent<()> {
        self.answer(call).await.map(drop)
    }

    /// Sends a call and reads its answer.
    pub(super) async fn json<T: DeserializeOwned>(&self, call: &Call) -> Sent<T> {
        let answer = self.answer(call).await?;
        self.decode(call, &answer)
    }

    /// Reads what may not be there: `None` for 404.
    pub(super) async fn find<T: DeserializeOwned>(&self, call: &Call) -> Sent<Option<T>> {
        match self.json(call).await {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.status == Some(StatusCode::NOT_FOUND) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes what is at `path`; what is gone already is deleted.
    pub(super) async fn remove(&self, path: impl Into<String>, needs: &'static str) -> Sent<()> {
        match self.send(&Call::delete(path, needs)).await {
            Err(error) if error.status == Some(StatusCode::NOT_FOUND) => Ok(()),
            sent => sent,
        }
    }

    /// Reads a list to its end.
    ///
    /// The end is where the host says so (`Link`, `X-Next-Page`, `X-Total-Count`), else after a page that is not full.
    pub(super) async fn list<T: DeserializeOwned>(&self, call: &Call) -> Sent<Vec<T>> {
        self.list_at(call, None).await
    }

    /// Reads a list to its end whose pages are objects that hold it in `field` (GitHub's check runs).
    pub(super) async fn list_in<T: DeserializeOwned>(&self, call: &Call, field: &str) -> Sent<Vec<T>> {
        self.list_at(call, Some(field)).await
    }

    async fn list_at<T: DeserializeOwned>(&self, call: &Call, field: Option<&str>) -> Sent<Vec<T>> {
        let (size_name, size) = self.dialect.page_size;
        let mut items: Vec<T> = Vec::new();
        for page in 1..=MOST_PAGES {
            let call = call.clone().query(size_name, size.to_string()).query("page", page.to_string());
            let answer = self.answer(&call).await?;
            let more: Vec<T> = match field {
                None => self.decode(&call, &answer)?,
                Some(field) => {
                    let mut page: Map<String, Value> = self.decode(&call, &answer)?;
                    let inner = page.remove(field).unwrap_or_default().to_string().into_bytes();
                    self.decode(&call, &Answer { headers: answer.headers.clone(), body: inner })?
                }
            };
            let count = more.len();
            items.extend(more);
            if count >= size {
                self.memory.forget(&call.address());
            }
            if count == 0 || !has_next(&answer.headers, items.len(), count, size) {
                return Ok(items);
            }
        }
        let failure = Failure::remote(format!("{} lists `{}` without an end", self.dialect.name, call.path));
        Err(HttpError::of(failure))
    }

    fn decode<T: DeserializeOwned>(&self, call: &Call, answer: &Answer) -> Sent<T> {
        let mut json = serde_json::Deserializer::from_slice(&answer.body);
        serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let what = format!(
                "{}'s answer to {} {} is not what its API describes",
                self.dialect.name, call.method, call.path
            );
            let failure = Failure::remote(what).because(error).hint(format!(
                "see that `{}` is the root of the API and that no proxy answers in its place",
                self.base
            ));
            // The request itself was carried out.
            let maybe_done = call.repeat == Repeat::Creates;
            HttpError { failure, status: None, said: String::new(), maybe_done, again: false, retry_after: None }
        })
    }

    async fn answer(&self, call: &Call) -> Sent<Answer> {
        let waits = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(300))
            .with_max_delay(Duration::from_secs(10))
            .with_max_times(REPEATS)
            .with_jitter();
        let answer = (|| self.once(call))
            .retry(waits)
            .sleep(tokio::time::sleep)
            .when(|error| error.again)
            .adjust(|error, wait| match (wait, error.retry_after) {
                (Some(_), Some(asked)) if asked > LONGEST_WAIT => None,
                (Some(wait), Some(asked)) => Some(wait.max(asked)),
                (wait, _) => wait,
            })
            .notify(
                |error, wait| tracing::debug!(method = %call.method, path = call.path, ?wait, %error.failure, "again"),
            )
            .await;
        if answer.as_ref().is_err_and(|error| error.maybe_done) {
            // The caller looks what came of it: a host in trouble gets a moment first.
            tokio::time::sleep(BREATH).await;
        }
        answer
    }

    async fn once(&self, call: &Call) -> Sent<Answer> {
        if call.method != Method::GET && !call.outside {
            self.turns.next().await;
        }
        let root = if call.outside { "" } else { self.base.as_str() };
        let mut request = self.http.request(call.method.clone(), format!("{root}{}", call.path));
        if !call.query.is_empty() {
            request = request.query(&call.query);
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let address = (call.method == Method::GET).then(|| call.address());
        let known = address.as_ref().and_then(|address| self.memory.recall(address));
        if let Some((tag, _)) = &known {
            request = request.header(IF_NONE_MATCH, tag);
        }
        let start = Instant::now();
        let response = request.send().await.map_err(|error| self.lost(call, error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        tracing::debug!(method = %call.method, path = call.path, status = status.as_u16(), elapsed = ?start.elapsed());
        let body = response.bytes().await.map_err(|error| self.lost(call, error))?;
        if status.is_success() {
            let answer = Answer { headers, body: body.to_vec() };
            if let Some(address) = address {
                self.memory.keep(address, &answer);
            }
            return Ok(answer);
        }
        if let (StatusCode::NOT_MODIFIED, Some((_, answer))) = (status, known) {
            return Ok(answer);
        }
        Err(self.refused(call, status, &headers, &body))
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn has_next(headers: &HeaderMap, all: usize, page: usize, size: usize) -> bool {
    if let Some(total) = header(headers, "x-total-count").and_then(|total| total.parse::<usize>().ok()) {
        return all < total;
    }
    if let Some(links) = header(headers, LINK.as_str()) {
        return links.contains("rel=\"next\"");
    }
    if let Some(next) = header(headers, "x-next-page") {
        return !next.trim().is_empty();
    }
    // A page that holds more than was asked for comes from a list that is not paged.
    page == size
}
