//! What the answers of several hosts have in common.

use super::Rights;
use crate::failure::{Failure, Result};
use jiff::Timestamp;
use serde::Deserialize;

/// What the token may do in a repository, as GitHub tells it and Gitea after it.
#[derive(Debug, Deserialize)]
pub(super) struct Permissions {
    #[serde(default)]
    admin: bool,
    #[serde(default)]
    push: bool,
    #[serde(default)]
    pull: bool,
}

impl Permissions {
    pub(super) fn rights(&self) -> Rights {
        match self {
            Self { admin: true, .. } => Rights::Admin,
            Self { push: true, .. } => Rights::Write,
            Self { pull: true, .. } => Rights::Read,
            _ => Rights::None,
        }
    }
}

/// An account.
#[derive(Debug, Deserialize)]
pub(super) struct User {
    pub login: String,
}

impl User {
    /// Its login. An account that was deleted is nobody; no login is empty, so that nobody equals us.
    pub(super) fn login(user: Option<Self>) -> String {
        user.map(|user| user.login).unwrap_or_default()
    }
}

/// A point in time as RFC 3339 writes it, which is what every host sends.
pub(super) fn timestamp(text: &str) -> Result<Timestamp> {
    text.parse().map_err(|error: jiff::Error| Failure::remote(format!("`{text}` is no time")).because(error))
}
