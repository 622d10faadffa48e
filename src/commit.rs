//! The name of a commit. Vocabulary: imported by every room.

use std::fmt;

/// A full Git object name of a commit: 40 (SHA-1) or 64 (SHA-256) lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CommitId(String);

/// The text given is not a full commit name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a full commit name (40 or 64 hexadecimal digits)")]
pub struct NotACommitId(pub String);

impl CommitId {
    /// Reads a full commit name; upper-case digits are folded.
    ///
    /// # Errors
    /// [`NotACommitId`] for anything but 40 or 64 hexadecimal digits.
    pub fn parse(text: &str) -> Result<Self, NotACommitId> {
        let full = matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
        if full { Ok(Self(text.to_ascii_lowercase())) } else { Err(NotACommitId(text.to_owned())) }
    }

    /// The full name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first seven digits, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..7]
    }

    /// Says whether this is the all-zero name that hosts send for "no commit" (a branch made or deleted).
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0.bytes().all(|b| b == b'0')
    }
}

impl fmt::Display for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CommitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CommitId({})", self.short())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn short_and_zero_names() {
        let zero = CommitId::parse(&"0".repeat(40)).unwrap();
        assert!(zero.is_zero());
        let id = CommitId::parse("3F2C1AB000000000000000000000000000000000").unwrap();
        assert_eq!(id.short(), "3f2c1ab");
        assert!(!id.is_zero());
        assert!(CommitId::parse("main").is_err());
    }
}
