//! The one error of this crate: a sentence for the developer who reads the failed test.

use std::fmt;

/// Why a part of the lab could not be built, started or asked. Its text says what was tried, where, and what to do.
#[derive(Debug, Clone)]
pub struct LabError(String);

/// What everything in this crate returns.
pub type LabResult<T> = Result<T, LabError>;

impl LabError {
    /// An error that reads as `message`.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

impl fmt::Display for LabError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for LabError {}

/// Says what was being done when another library's error came up.
pub(crate) trait Doing<T> {
    /// Puts `cannot WHAT: ` before the error.
    fn doing(self, what: impl FnOnce() -> String) -> LabResult<T>;
}

impl<T, E: fmt::Display> Doing<T> for Result<T, E> {
    fn doing(self, what: impl FnOnce() -> String) -> LabResult<T> {
        self.map_err(|error| LabError(format!("cannot {}: {error}", what())))
    }
}
