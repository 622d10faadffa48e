//! What a request comes to that has no good answer, in words that say what to do.

use super::call::Repeat;
use super::{Call, HttpClient, header, limit};
use crate::failure::{Failure, Result};
use crate::host::marker::WriteError;
use crate::secret::mask;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, LOCATION};
use serde_json::Value;
use std::time::{Duration, SystemTime};

/// A request that did not come back with a good answer.
#[derive(Debug)]
pub(in crate::host) struct HttpError {
    pub(super) failure: Failure,
    pub(super) status: Option<StatusCode>,
    /// The host's own words.
    pub(super) said: String,
    /// It may have been carried out.
    pub(super) maybe_done: bool,
    /// Whether another attempt makes sense, and what the host asks to wait.
    pub(super) again: bool,
    pub(super) retry_after: Option<Duration>,
}

impl HttpError {
    pub(in crate::host) fn status(&self) -> Option<u16> {
        self.status.map(|status| status.as_u16())
    }

    /// The host's own words, one line; empty when it said nothing.
    pub(in crate::host) fn said(&self) -> &str {
        &self.said
    }

    /// Says whether the request may have been carried out although it failed.
    pub(in crate::host) fn maybe_done(&self) -> bool {
        self.maybe_done
    }

    /// Adds a hint.
    pub(in crate::host) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.failure = self.failure.hint(hint);
        self
    }
}

impl HttpError {
    /// What failed on the way to a request.
    pub(in crate::host) fn of(failure: Failure) -> Self {
        Self { failure, status: None, said: String::new(), maybe_done: false, again: false, retry_after: None }
    }
}

impl From<HttpError> for Failure {
    fn from(error: HttpError) -> Self {
        error.failure
    }
}

impl From<HttpError> for WriteError {
    fn from(error: HttpError) -> Self {
        if error.maybe_done { Self::MaybeDone(error.failure) } else { Self::NotDone(error.failure) }
    }
}

/// What came of a request.
pub(in crate::host) type Sent<T> = std::result::Result<T, HttpError>;

/// How often what creates something is sent at most, when answers are lost.
pub(in crate::host) const CREATE_ATTEMPTS: u32 = 3;

/// Creates something once: where the answer to `send` was lost, or `taken` says that another run was faster, `look` finds what
/// is there before it is sent again.
pub(in crate::host) async fn create_once<T, S, L>(
    send: impl Fn() -> S + Send,
    taken: impl Fn(&HttpError) -> bool + Send,
    look: impl Fn() -> L + Send,
) -> Sent<T>
where
    S: Future<Output = Sent<T>> + Send,
    L: Future<Output = Result<Option<T>>> + Send,
{
    let mut attempt = 1;
    loop {
        let error = match send().await {
            Ok(made) => return Ok(made),
            Err(error) if error.maybe_done || taken(&error) => error,
            Err(error) => return Err(error),
        };
        if let Some(found) = look().await.map_err(HttpError::of)? {
            return Ok(found);
        }
        if attempt == CREATE_ATTEMPTS {
            return Err(error);
        }
        attempt += 1;
    }
}

impl HttpClient {
    /// There was no answer, or only the beginning of one.
    pub(super) fn lost(&self, call: &Call, error: reqwest::Error) -> HttpError {
        let name = self.dialect.name;
        let sent = !error.is_connect() && !error.is_builder();
        let timeout = error.is_timeout();
        let what = if sent {
            format!("{name} did not answer {} {}", call.method, call.path)
        } else {
            format!("cannot reach {name} at {}", self.base)
        };
        let mut failure = Failure::remote(what).because(error.without_url());
        failure = if timeout {
            failure.hint("it took too long; try again later")
        } else {
            failure.hint("see that the address is right and can be reached from here, and try again")
        };
        HttpError {
            failure,
            status: None,
            said: String::new(),
            maybe_done: sent && call.repeat == Repeat::Creates,
            again: !sent || call.repeat == Repeat::Safe,
            retry_after: None,
        }
    }

    /// The host answered, and not well.
    pub(super) fn refused(&self, call: &Call, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> HttpError {
        let name = self.dialect.name;
        let said = mask(&message(body), &self.token);
        let limit = limit::limited(status, headers, &said, SystemTime::now());
        let retry_after = limit.and_then(|limit| limit.wait);
        let limited = limit.is_some();
        let mut what = format!("{name} answered {status} to {} {}", call.method, call.path);
        if !said.is_empty() {
            what = format!("{what}: {said}");
        }
        let failure = Failure::remote(what);
        let failure = if limited {
            let wait = retry_after.map_or_else(String::new, |wait| format!("; it asks to wait {} s", wait.as_secs()));
            failure.hint(format!("{name} limits how much this token may ask{wait}"))
        } else if status.is_redirection() {
            let location = mask(header(headers, LOCATION.as_str()).unwrap_or("somewhere else"), &self.token);
            failure.hint(format!("it moved to {location}: use the new address or name"))
        } else {
            match (status, &self.token) {
                (StatusCode::UNAUTHORIZED, None) => {
                    failure.hint("no token was given (`MERGELINE_TOKEN`); this needs one")
                }
                (StatusCode::UNAUTHORIZED, Some(_)) => failure.hint("the token is wrong, expired or revoked"),
                (StatusCode::FORBIDDEN, _) => failure.hint(format!("the token lacks a permission: {}", call.needs)),
                (StatusCode::NOT_FOUND, None) => failure.hint(
                    "see that the repository's name is right; no token was given (`MERGELINE_TOKEN`), \
                     and for what needs one, the answer is the same",
                ),
                (StatusCode::NOT_FOUND, Some(_)) => failure.hint(
                    "see that the repository's name is right and that the token reaches it: \
                     for what a token may not see, the answer is the same",
                ),
                (status, _) if status.is_server_error() => {
                    failure.hint(format!("{name} has trouble of its own: run again later, all that was done stays"))
                }
                _ => failure,
            }
        };
        let broken = status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT;
        HttpError {
            failure,
            status: Some(status),
            said,
            maybe_done: broken && call.repeat == Repeat::Creates,
            again: limited || broken && call.repeat == Repeat::Safe,
            retry_after,
        }
    }
}

/// The `message` (GitLab also: `error`) of a host's answer with GitHub's `errors`, else its text, as one short line.
fn message(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<Value>(body) {
        Ok(json) => {
            let mut text = match json.get("message").or_else(|| json.get("error")) {
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
                None => String::new(),
            };
            for error in json.get("errors").and_then(Value::as_array).into_iter().flatten() {
                let word = |name: &str| error.get(name).and_then(Value::as_str);
                match (word("message").or_else(|| error.as_str()), word("field"), word("code")) {
                    (Some(message), ..) => text += &format!("; {message}"),
                    (None, Some(field), Some(code)) => text += &format!("; `{field}` is {code}"),
                    _ => {}
                }
            }
            text
        }
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
