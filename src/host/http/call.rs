//! One request, and whether it may be sent twice.

use reqwest::Method;
use serde_json::Value;

/// Whether a request may be sent twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Twice is once.
    Safe,
    /// It creates something.
    Creates,
}

/// One request.
#[derive(Debug, Clone)]
pub(in crate::host) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: Vec<(&'static str, String)>,
    pub(super) body: Option<Value>,
    pub(super) repeat: Repeat,
    /// `path` is a whole address.
    pub(super) outside: bool,
    /// The permission that it takes, for the hint of a refusal.
    pub(super) needs: &'static str,
}

impl Call {
    /// Reads `path`, which starts with `/` and is encoded.
    pub(in crate::host) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path, Repeat::Safe, "read access to the repository")
    }

    /// Creates something; not repeated blindly.
    pub(in crate::host) fn create(path: impl Into<String>, body: Value, needs: &'static str) -> Self {
        Self { body: Some(body), ..Self::new(Method::POST, path, Repeat::Creates, needs) }
    }

    /// Changes something in place.
    pub(in crate::host) fn change(path: impl Into<String>, body: Value, needs: &'static str) -> Self {
        Self { body: Some(body), ..Self::new(Method::PATCH, path, Repeat::Safe, needs) }
    }

    /// Puts something in place of what is there; twice is once.
    pub(in crate::host) fn replace(path: impl Into<String>, body: Value, needs: &'static str) -> Self {
        Self { body: Some(body), ..Self::new(Method::PUT, path, Repeat::Safe, needs) }
    }

    /// Deletes something.
    pub(in crate::host) fn delete(path: impl Into<String>, needs: &'static str) -> Self {
        Self::new(Method::DELETE, path, Repeat::Safe, needs)
    }

    /// What it reads, for remembering the answer.
    pub(super) fn address(&self) -> String {
        format!("{}?{:?}", self.path, self.query)
    }

    fn new(method: Method, path: impl Into<String>, repeat: Repeat, needs: &'static str) -> Self {
        Self { method, path: path.into(), query: Vec::new(), body: None, repeat, outside: false, needs }
    }

    /// Not repeated blindly although its method would let one think so: what it does is more when it is done twice.
    #[must_use]
    pub(in crate::host) fn once(mut self) -> Self {
        self.repeat = Repeat::Creates;
        self
    }

    /// Repeated when its answer is lost: doing it twice is doing it once.
    #[must_use]
    pub(in crate::host) fn repeatable(mut self) -> Self {
        self.repeat = Repeat::Safe;
        self
    }

    /// Asks a question by POST at a place of the same host beside the API's root (GraphQL). Nothing is changed by it.
    pub(in crate::host) fn ask_at(url: impl Into<String>, body: Value) -> Self {
        let call = Self::new(Method::POST, url, Repeat::Safe, "read access to the repository");
        Self { body: Some(body), outside: true, ..call }
    }

    /// Adds a query parameter.
    #[must_use]
    pub(in crate::host) fn query(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.query.push((name, value.into()));
        self
    }
}

/// Encodes one segment of a path.
pub(in crate::host) fn segment(text: &str) -> String {
    use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
    const UNSAFE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(text, UNSAFE).to_string()
}

/// Says whether `text` can be one segment of a path: dots alone would climb out of it, encoded or not.
pub(in crate::host) fn is_segment(text: &str) -> bool {
    !text.is_empty() && !text.contains('/') && text.bytes().any(|byte| byte != b'.')
}
