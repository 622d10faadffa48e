//! The formats of `--output FORMAT[=PATH]`.

use std::fmt;
use std::str::FromStr;

/// A format that a report can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// For a terminal.
    Text,
    /// The versioned shape of `schemas/report.schema.json`.
    Json,
    /// The review comment and step summary.
    Markdown,
    /// Workflow commands of GitHub and Gitea: annotations in the job's log.
    Github,
    /// The test report that CI systems show.
    Junit,
    /// GitLab's Code Quality report.
    Gitlab,
    /// The full report as one file for a browser.
    Html,
    /// SARIF 2.1.0, which code scanning reads.
    Sarif,
}

impl Format {
    /// Every format that is there.
    pub const ALL: [Self; 8] =
        [Self::Text, Self::Json, Self::Markdown, Self::Github, Self::Junit, Self::Gitlab, Self::Html, Self::Sarif];

    /// The word on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Markdown => "markdown",
            Self::Github => "github",
            Self::Junit => "junit",
            Self::Gitlab => "gitlab",
            Self::Html => "html",
            Self::Sarif => "sarif",
        }
    }
}

/// The words of all formats, for messages.
#[must_use]
pub fn supported() -> String {
    Format::ALL.map(Format::word).join(", ")
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// Why a text names no format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FormatError {
    /// Unknown.
    #[error("`{0}` is no format; supported are {known}", known = supported())]
    Unknown(String),
    /// `json=` without a path.
    #[error("`{0}=` names no file: write `{0}=PATH`, or `{0}` alone for standard output")]
    NoPath(Format),
}

impl FromStr for Format {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let known = Self::ALL.into_iter().find(|format| format.word() == text);
        known.ok_or_else(|| FormatError::Unknown(text.to_owned()))
    }
}

/// One `--output`: a format, and the file that it goes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The format.
    pub format: Format,
    /// The file; `None` for standard output.
    pub path: Option<String>,
}

impl FromStr for Output {
    type Err = FormatError;

    fn from_str(text: &str) -> Result<Self, FormatError> {
        let (format, path) = text.split_once('=').map_or((text, None), |(format, path)| (format, Some(path)));
        let format = format.parse()?;
        match path {
            Some("") => Err(FormatError::NoPath(format)),
            path => Ok(Self { format, path: path.map(str::to_owned) }),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn formats_that_are_not_there_are_refused_by_name() {
        assert_eq!("json=a=b".parse(), Ok(Output { format: Format::Json, path: Some("a=b".into()) }));
        assert!("pdf".parse::<Output>().unwrap_err().to_string().contains("supported are text, json"));
        assert_eq!("text=".parse::<Output>(), Err(FormatError::NoPath(Format::Text)));
    }
}
