//! A broken world: what could not be done, why, and what to do next. Vocabulary: imported by every room.
//!
//! A bad manifest is a [`Finding`](crate::finding::Finding), never a `Failure`. The kind of a failure picks the exit
//! code of the process (DESIGN §3, exit codes); nothing else does.

use std::error::Error;
use std::fmt;

/// Whose fault a failure is; decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// Wrong usage or configuration: the person who called can mend it. Exit code 2.
    Usage,
    /// A path that was named explicitly holds nothing. Exit code 3.
    NothingThere,
    /// A host or cluster could not be reached or failed, or a branch kept moving; a retry may help. Exit code 4.
    Remote,
    /// Refused by trust or safety policy; nothing was changed. Exit code 5.
    Refused,
    /// A defect of Mergeline itself. Exit code 70.
    Bug,
}

impl FailureKind {
    /// Every kind, for the tests that reach each one.
    pub const ALL: [Self; 5] = [Self::Usage, Self::NothingThere, Self::Remote, Self::Refused, Self::Bug];

    /// The exit code of the process (DESIGN §3).
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::NothingThere => 3,
            Self::Remote => 4,
            Self::Refused => 5,
            Self::Bug => 70,
        }
    }
}

/// What could not be done, with what to do next.
///
/// The message is one lower-case sentence without a full stop that says what and where.
#[derive(Debug)]
pub struct Failure {
    kind: FailureKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
    hints: Vec<String>,
}

/// The result of anything that touches the world.
pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    /// A failure of `kind` with its sentence.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None, hints: Vec::new() }
    }

    /// Wrong usage or configuration.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Usage, message)
    }

    /// A path that was named explicitly holds nothing.
    pub fn nothing_there(message: impl Into<String>) -> Self {
        Self::new(FailureKind::NothingThere, message)
    }

    /// A host or cluster failed.
    pub fn remote(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Remote, message)
    }

    /// Refused by trust or safety policy.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Refused, message)
    }

    /// A defect of Mergeline itself.
    pub fn bug(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Bug, message)
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds a sentence that says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Whose fault it is.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        self.kind
    }

    /// The sentence alone, without causes.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to do next, in the order added.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.hints
    }
}

impl fmt::Display for Failure {
    /// The sentence and its causes, outermost first, joined by colons. A cause that the sentence repeats is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut said = self.message.clone();
        let mut cause = self.source();
        while let Some(error) = cause {
            let text = error.to_string();
            if !said.contains(&text) {
                write!(f, ": {text}")?;
                said = text;
            }
            cause = error.source();
        }
        Ok(())
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.source.as_deref().map(|e| e as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_the_design() {
        let codes: Vec<u8> = FailureKind::ALL.iter().map(|kind| kind.exit_code()).collect();
        assert_eq!(codes, [2, 3, 4, 5, 70]);
    }

    #[test]
    fn causes_follow_the_sentence_once() {
        let inner = std::io::Error::other("connection refused");
        let failure =
            Failure::remote("cannot reach the host").because(Failure::remote("connection refused").because(inner));
        assert_eq!(failure.to_string(), "cannot reach the host: connection refused");
    }
}
