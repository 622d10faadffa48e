//! Requests to Gitea's API, as tests make them.

use std::time::Duration;

use serde_json::Value;
use ureq::Agent;

use crate::error::{Doing, LabError, LabResult};

/// Somebody who talks to the API.
#[derive(Debug, Clone)]
pub struct Client {
    agent: Agent,
    url: String,
    authorization: String,
}

impl Client {
    pub(crate) fn new(url: &str, token: &str) -> Self {
        Self::with_authorization(url, format!("token {token}"))
    }

    pub(crate) fn with_password(url: &str, user: &str, password: &str) -> Self {
        use base64::Engine as _;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
        Self::with_authorization(url, format!("Basic {pair}"))
    }

    fn with_authorization(url: &str, authorization: String) -> Self {
        let settings = Agent::config_builder()
            // Refusals are answers that tests look at.
            .http_status_as_error(false)
            .proxy(None)
            .timeout_global(Some(Duration::from_secs(30)))
            .build();
        Self { agent: settings.into(), url: url.to_owned(), authorization }
    }

    /// Sends one request to `/api/v1PATH` and gives status and body; a body that is not JSON comes as a string, none as null.
    ///
    /// # Errors
    /// Only when the host does not answer; a refusal is an answer.
    pub fn api(&self, method: &str, path: &str, body: Option<&Value>) -> LabResult<(u16, Value)> {
        let (status, text) = self.send(method, path, body)?;
        let value =
            if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
        Ok((status, value))
    }

    /// Like [`Client::api`] for requests that must succeed.
    ///
    /// # Errors
    /// When the status is not 2xx; with the host's answer.
    pub fn expect(&self, method: &str, path: &str, body: Option<&Value>) -> LabResult<Value> {
        match self.api(method, path, body)? {
            (200..=299, value) => Ok(value),
            (status, value) => Err(LabError::new(format!("{method} {path}: Gitea answered {status}: {value}"))),
        }
    }

    /// Gets what is not JSON, for instance a log.
    ///
    /// # Errors
    /// When the status is not 2xx.
    pub fn text(&self, path: &str) -> LabResult<String> {
        match self.send("GET", path, None)? {
            (200..=299, text) => Ok(text),
            (status, text) => Err(LabError::new(format!("GET {path}: Gitea answered {status}: {text}"))),
        }
    }

    fn send(&self, method: &str, path: &str, body: Option<&Value>) -> LabResult<(u16, String)> {
        let what = || format!("send {method} {path} to Gitea");
        let request = ureq::http::Request::builder()
            .method(method)
            .uri(format!("{}/api/v1{path}", self.url))
            .header("authorization", &self.authorization)
            .header("content-type", "application/json");
        let text = body.map(Value::to_string).unwrap_or_default();
        let request = request.body(text).doing(what)?;
        let mut response = self.agent.run(request).doing(what)?;
        let status = response.status().as_u16();
        let text = response.body_mut().with_config().limit(64 << 20).read_to_vec().doing(what)?;
        Ok((status, String::from_utf8_lossy(&text).into_owned()))
    }
}
