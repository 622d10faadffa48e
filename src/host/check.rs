//! A verdict on a commit with places in its files.
//!
//! GitHub calls it a check run and shows its annotations beside the lines of the change. Where a host has no such thing,
//! the commit status and the comment say the same.

use super::StatusState;

/// What a check shall say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its name on the commit: one check of each name.
    pub name: String,
    /// The verdict; a check that is pending has no annotations yet.
    pub state: StatusState,
    /// One line.
    pub title: String,
    /// Markdown, within [`super::Limits::check`].
    pub summary: String,
    /// Places, the weightiest first; all of them are given to the host, in as many calls as it takes.
    pub annotations: Vec<Annotation>,
    /// A page to read more, if any.
    pub url: Option<String>,
}

/// How much an annotation weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AnnotationLevel {
    /// Worth knowing.
    Notice,
    /// Probably wrong.
    Warning,
    /// Wrong.
    Failure,
}

impl AnnotationLevel {
    /// `notice`, `warning`, `failure`: the words of GitHub's check runs, used by the local host too.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Failure => "failure",
        }
    }
}

/// A remark on a place in a file of the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// Path from the repository's root.
    pub path: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: Option<u32>,
    /// How much it weighs.
    pub level: AnnotationLevel,
    /// What it is about: the rule.
    pub title: String,
    /// The sentence.
    pub message: String,
}
