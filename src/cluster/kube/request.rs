//! One request: sending it, trying it again, and what its answer means.
//!
//! Tried again within the budget: 429 (as long as `Retry-After` says), 503, 504, lost connections, and the 500s of a
//! server that is not settled (etcd without leader, a webhook that does not answer). A 500 that is about the object itself
//! (`failed to create typed patch object`, how servers up to 1.36 answer a wrong type or an unknown field) is a rejection.

use super::KubeCluster;
use crate::cluster::{Cause, Rejection};
use crate::failure::{Failure, Result};
use ::kube::client::Body;
use backon::{ExponentialBuilder, Retryable};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::error::Error;
use std::time::Duration;

/// How long the server may take for one answer; admission webhooks may take 30 s.
const ANSWER_TIME: Duration = Duration::from_secs(60);

/// Everything but RFC 3986's unreserved characters and the colon, which RBAC names hold.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

/// A path segment or query value.
pub(super) fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// When a failed request may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Always: doing it twice is doing it once.
    Always,
    /// Only when the server cannot have done it.
    WhenUntouched,
}

/// A request that can be sent several times.
#[derive(Debug, Clone)]
pub(super) struct Request {
    method: &'static str,
    path: String,
    query: Vec<(String, String)>,
    accept: &'static str,
    body: Option<(&'static str, Vec<u8>)>,
    repeat: Repeat,
}

/// What the server answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) code: u16,
    pub(super) body: Vec<u8>,
    retry_after: Option<Duration>,
}

/// A try that failed.
enum Trouble {
    /// Worth trying again.
    Passing { why: Failure, after: Option<Duration> },
    /// Not.
    Lasting(Failure),
}

impl Request {
    pub(super) fn new(method: &'static str, path: impl Into<String>) -> Self {
        let (query, accept, body) = (Vec::new(), "application/json", None);
        Self { method, path: path.into(), query, accept, body, repeat: Repeat::Always }
    }

    pub(super) fn query(mut self, key: &str, value: &str) -> Self {
        self.query.push((key.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn accept(mut self, kinds: &'static str) -> Self {
        self.accept = kinds;
        self
    }

    pub(super) fn body(mut self, kind: &'static str, json: &serde_json::Value) -> Self {
        self.body = Some((kind, json.to_string().into_bytes()));
        self
    }

    pub(super) fn repeat(mut self, repeat: Repeat) -> Self {
        self.repeat = repeat;
        self
    }

    /// `GET /api/v1/namespaces/shop/configmaps`, for people.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    pub(super) fn http(&self) -> std::result::Result<http::Request<Vec<u8>>, http::Error> {
        let pair = |(key, value): &(String, String)| format!("{key}={}", escape(value));
        let query: Vec<String> = self.query.iter().map(pair).collect();
        let uri = if query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, query.join("&")) };
        let mut builder = http::Request::builder().method(self.method).uri(uri).header("accept", self.accept);
        if let Some((kind, _)) = &self.body {
            builder = builder.header("content-type", *kind);
        }
        builder.body(self.body.as_ref().map(|(_, body)| body.clone()).unwrap_or_default())
    }
}

impl Answer {
    /// The server's `Status`, or one made of an answer that is none.
    pub(super) fn rejection(&self) -> Rejection {
        let json: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let text = |value: &serde_json::Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        if json["kind"] != "Status" {
            // Paths that are not served are answered by the bare web server.
            let (reason, message) = match self.code {
                404 => ("NotFound", "the server could not find the requested resource".to_owned()),
                _ => ("", String::from_utf8_lossy(&self.body).trim().to_owned()),
            };
            return Rejection { code: self.code, reason: reason.to_owned(), message, causes: Vec::new() };
        }
        let cause = |cause: &serde_json::Value| Cause {
            field: text(cause, "field"),
            reason: text(cause, "reason"),
            message: text(cause, "message"),
        };
        let causes = json["details"]["causes"].as_array().map(|causes| causes.iter().map(cause).collect());
        let code = json["code"].as_u64().and_then(|code| u16::try_from(code).ok()).unwrap_or(self.code);
        let (reason, message) = (text(&json, "reason"), text(&json, "message"));
        Rejection { code, reason, message, causes: causes.unwrap_or_default() }
    }

    /// Says whether this answer may be another one in a moment.
    fn passes(&self, repeat: Repeat) -> bool {
        match self.code {
            429 | 503 => true,
            504 => repeat == Repeat::Always,
            409 => self.rejection().message.contains("on resourcequotas"),
            500 => !self.is_about_the_object() && repeat == Repeat::Always,
            _ => false,
        }
    }

    fn is_about_the_object(&self) -> bool {
        let message = self.rejection().message;
        ["failed to create typed patch object", "failed to create manager for existing fields"]
            .iter()
            .any(|start| message.contains(start))
    }
}

impl KubeCluster {
    /// Sends a request until it is answered or the budget is spent. Any answer but a passing one is `Ok`.
    ///
    /// # Errors
    /// When the server cannot be reached, keeps failing, or does not know these credentials.
    pub(super) async fn send(&self, request: &Request) -> Result<Answer> {
        let first = (self.retry_budget / 100).clamp(Duration::from_millis(10), Duration::from_millis(200));
        let backoff = ExponentialBuilder::default()
            .with_min_delay(first)
            .with_max_delay(Duration::from_secs(8))
            .with_jitter()
            .without_max_times()
            .with_total_delay(Some(self.retry_budget));
        let budget = self.retry_budget;
        (|| self.attempt(request))
            .retry(backoff)
            .when(|trouble| matches!(trouble, Trouble::Passing { .. }))
            .adjust(|trouble, delay| match trouble {
                Trouble::Passing { after: Some(after), .. } => delay.map(|_| *after).filter(|after| *after <= budget),
                _ => delay,
            })
            .await
            .map_err(|trouble| match trouble {
                Trouble::Passing { why, .. } | Trouble::Lasting(why) => why,
            })
    }

    async fn attempt(&self, request: &Request) -> std::result::Result<Answer, Trouble> {
        let http = request.http().map_err(|error| {
            Trouble::Lasting(Failure::bug(format!("cannot build the request `{}`", request.name())).because(error))
        })?;
        let exchange = async {
            let response = self.client.send(http.map(Body::from)).await?;
            let code = response.status().as_u16();
            let seconds = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
            let body = response.into_body().collect_bytes().await?.to_vec();
            Ok::<_, ::kube::Error>(Answer { code, body, retry_after: seconds.map(Duration::from_secs) })
        };
        let answer = match tokio::time::timeout(ANSWER_TIME, exchange).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(self.unreachable(error, request)),
            Err(_) => {
                let why = self.failed(&request.name(), &format!("no answer within {} s", ANSWER_TIME.as_secs()));
                return Err(match request.repeat {
                    Repeat::Always => Trouble::Passing { why, after: None },
                    Repeat::WhenUntouched => Trouble::Lasting(why),
                });
            }
        };
        if answer.code == 401 {
            let why = Failure::usage(format!(
                "the API server `{}` does not accept the kubeconfig's credentials",
                self.server
            ))
            .hint("the token or certificate may have expired, or belong to another cluster");
            return Err(Trouble::Lasting(why));
        }
        if answer.passes(request.repeat) {
            let why = self.failed(&request.name(), &format!("{} {}", answer.code, answer.rejection().message));
            return Err(Trouble::Passing { why, after: answer.retry_after });
        }
        if answer.code >= 500 && !answer.is_about_the_object() {
            let why = self.failed(&request.name(), &format!("{} {}", answer.code, answer.rejection().message));
            return Err(Trouble::Lasting(why));
        }
        Ok(answer)
    }

    fn unreachable(&self, error: ::kube::Error, request: &Request) -> Trouble {
        let chain = chain_of(&error);
        let server = &self.server;
        if matches!(error, ::kube::Error::Auth(_)) {
            return Trouble::Lasting(Failure::usage(format!("cannot get credentials for `{server}`")).because(error));
        }
        if chain.contains("invalid peer certificate") {
            let why = Failure::usage(format!("the certificate of `{server}` is not trusted: {chain}"))
                .hint("set `certificate-authority-data` (or `tls-server-name`) in the kubeconfig");
            return Trouble::Lasting(why);
        }
        let why = Failure::remote(format!("cannot reach the API server `{server}`: {chain}"));
        let untouched = ["(Connect)", "dns error", "Connection refused"].iter().any(|word| chain.contains(word));
        match request.repeat {
            Repeat::WhenUntouched if !untouched => Trouble::Lasting(why),
            _ => Trouble::Passing { why, after: None },
        }
    }

    /// The body of a good answer.
    pub(super) fn json(&self, answer: &Answer) -> Result<serde_json::Value> {
        serde_json::from_slice(&answer.body)
            .map_err(|error| Failure::remote(format!("`{}` answered no JSON", self.server)).because(error))
    }

    pub(super) fn failed(&self, what: &str, why: &str) -> Failure {
        Failure::remote(format!("the API server `{}` failed: {what}: {why}", self.server))
    }

    /// The server refused to be read.
    pub(super) fn refused(&self, request: &Request, answer: &Answer) -> Failure {
        let rejection = answer.rejection();
        let message = format!("the API server `{}` refuses `{}`: {}", self.server, request.name(), rejection.message);
        match answer.code {
            403 => {
                Failure::usage(message).hint("the kubeconfig's user lacks a role for this; see the docs on permissions")
            }
            _ => Failure::remote(message),
        }
    }
}

/// An error with its causes, each said once.
fn chain_of(error: &dyn Error) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut next: Option<&dyn Error> = Some(error);
    while let Some(error) = next {
        let text = error.to_string();
        if !said.iter().any(|before| before.contains(&text)) {
            said.push(text);
        }
        next = error.source();
    }
    said.join(": ")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn answer(code: u16, body: &str) -> Answer {
        Answer { code, body: body.as_bytes().to_vec(), retry_after: None }
    }

    fn status(code: u16, message: &str) -> Answer {
        let body = serde_json::json!({"kind": "Status", "code": code, "message": message});
        answer(code, &body.to_string())
    }

    #[test]
    fn a_path_that_is_not_served_is_not_found() {
        let rejection = answer(404, "404 page not found\n").rejection();
        assert_eq!((rejection.code, rejection.reason.as_str()), (404, "NotFound"));
        assert_eq!(rejection.message, "the server could not find the requested resource");
    }

    #[test]
    fn an_unsettled_server_is_tried_again_and_a_wrong_type_is_not() {
        assert!(status(500, "etcdserver: leader changed").passes(Repeat::Always));
        assert!(status(500, "Internal error occurred: failed calling webhook \"x\"").passes(Repeat::Always));
        assert!(!status(500, "failed to create typed patch object (a/b; v1, Kind=C): …").passes(Repeat::Always));
        assert!(answer(429, "Too many requests, please try again later.").passes(Repeat::WhenUntouched));
        assert!(status(409, "Operation cannot be fulfilled on resourcequotas \"q\"").passes(Repeat::Always));
        assert!(!status(409, "Operation cannot be fulfilled on configmaps \"c\"").passes(Repeat::Always));
    }

    #[test]
    fn a_compare_and_swap_is_not_repeated_once_it_may_have_happened() {
        assert!(!status(500, "etcdserver: request timed out").passes(Repeat::WhenUntouched));
        assert!(!status(504, "timeout").passes(Repeat::WhenUntouched));
        assert!(status(503, "starting").passes(Repeat::WhenUntouched));
    }

    #[test]
    fn queries_are_escaped() {
        let request = Request::new("PATCH", "/api/v1/x").query("fieldManager", "mergeline/dev/web&force=true");
        assert_eq!(
            request.http().unwrap().uri().to_string(),
            "/api/v1/x?fieldManager=mergeline%2Fdev%2Fweb%26force%3Dtrue"
        );
    }
}
