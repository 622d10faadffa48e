//! Values that must never be printed. Vocabulary: imported by every room.
//!
//! A [`Secret`] has no `Display`, its `Debug` says nothing about it, and it cannot be serialised: the only way to
//! its text is [`Secret::expose`], which is easy to find in a review.

use std::fmt;

/// A token, password or credential.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one call that needs it (a header, a file that a child process reads).
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Says whether nothing is wrapped; CI systems set absent secrets to the empty text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// What stands in every output where a secret value was.
pub const MASK: &str = "••••••";

/// Replaces every occurrence of each of `secrets` in `text` by [`MASK`].
///
/// Values shorter than 6 bytes are left: masking `no` or `1` would destroy the text and hide nothing (DESIGN §4,
/// by-value masking).
#[must_use]
pub fn mask<'a>(text: &str, secrets: impl IntoIterator<Item = &'a Secret>) -> String {
    let mut values: Vec<&str> = secrets.into_iter().map(Secret::expose).filter(|v| v.len() >= 6).collect();
    // Longest first: a secret that contains another one must go whole.
    values.sort_by_key(|v| std::cmp::Reverse(v.len()));
    values.iter().fold(text.to_owned(), |text, value| text.replace(value, MASK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_tells_nothing() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }

    #[test]
    fn the_longer_of_two_overlapping_secrets_goes_whole() {
        let secrets = [Secret::new("hunter2"), Secret::new("hunter2-and-more")];
        assert_eq!(mask("a hunter2-and-more b hunter2", &secrets), format!("a {MASK} b {MASK}"));
    }

    #[test]
    fn short_values_are_left_alone() {
        assert_eq!(mask("replicas: 1", &[Secret::new("1")]), "replicas: 1");
    }
}
