//! What is wrong with a manifest, as data. Vocabulary: imported by every room.
//!
//! A check that was skipped is a finding that says so: nothing passes silently.

use std::borrow::Cow;
use std::fmt;

/// How much a finding weighs.
///
/// `Error` means: the API server of the target version would refuse this object by itself (DESIGN §4, Judging), or the
/// source cannot be read or rendered. Ordered from light to heavy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; never fails a run.
    Info,
    /// Probably wrong, or not evaluated.
    Warning,
    /// Would be refused.
    Error,
}

impl Severity {
    /// The word used in every output: `error`, `warning` or `info`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A place in a file of the repository that a person can open.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Place {
    /// Path relative to the repository root, `/` between parts.
    pub path: String,
    /// Line, from 1; `None` when only the file is known.
    pub line: Option<u32>,
    /// Column in characters, from 1.
    pub column: Option<u32>,
    /// The text of that line and what to underline in it.
    pub excerpt: Option<Excerpt>,
}

/// One source line with the part that a finding is about. Redacted before it gets here.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Excerpt {
    /// The line without its line end.
    pub line: String,
    /// How many characters to underline from the column on; at least 1.
    pub width: u32,
}

impl Place {
    /// A file as a whole.
    pub fn file(path: impl Into<String>) -> Self {
        Self { path: path.into(), line: None, column: None, excerpt: None }
    }

    /// A position in a file, from 1.
    pub fn at(path: impl Into<String>, line: u32, column: u32) -> Self {
        Self { path: path.into(), line: Some(line), column: Some(column), excerpt: None }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
            if let Some(column) = self.column {
                write!(f, ":{column}")?;
            }
        }
        Ok(())
    }
}

/// Names an object as a person reads it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ObjectRef {
    /// `apps/v1`.
    pub api_version: String,
    /// `Deployment`.
    pub kind: String,
    /// `None` for cluster-scoped objects and where none is set.
    pub namespace: Option<String>,
    /// The name, or the `generateName` prefix followed by `*`.
    pub name: String,
}

impl fmt::Display for ObjectRef {
    /// `Deployment shop/web`, `Namespace shop`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{} {namespace}/{}", self.kind, self.name),
            None => write!(f, "{} {}", self.kind, self.name),
        }
    }
}

/// One thing that is wrong, or was not checked.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Finding {
    /// The rule's id: kebab-case, the name of its file and its anchor in the docs.
    pub rule: Cow<'static, str>,
    /// How much it weighs.
    pub severity: Severity,
    /// One lower-case sentence without a full stop; names in backticks. Holds no secret value.
    pub message: String,
    /// Where a person can mend it.
    pub place: Option<Place>,
    /// JSON pointer (RFC 6901) into the object.
    pub pointer: Option<String>,
    /// The object it is about.
    pub object: Option<ObjectRef>,
    /// The environments it reaches, in configuration order; one finding per source place.
    pub environments: Vec<String>,
    /// The unit it was found in; `None` when several share it.
    pub unit: Option<String>,
    /// Other places that belong to it (the first of two duplicate keys).
    pub related: Vec<(Place, String)>,
    /// What to do next, one sentence.
    pub hint: Option<String>,
    /// How the text at the place is mended, where that is certain.
    pub fix: Option<Fix>,
}

/// How the text that a finding underlines is mended.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Fix {
    /// It is this word, in the quotes that it has.
    Word(String),
    /// It stands in quotes.
    Quotes,
    /// It stands without its quotes.
    NoQuotes,
}

impl Fix {
    /// The text in place of `text`, as YAML; `None` where that is not as certain as it seemed.
    #[must_use]
    pub fn apply(&self, text: &str) -> Option<String> {
        let plain = |word: &str| {
            let mut letters = word.chars();
            letters.next().is_some_and(|first| first.is_ascii_alphanumeric())
                && letters.all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'))
        };
        let quote = text.chars().next().filter(|c| matches!(c, '"' | '\''));
        let bare = quote.and_then(|quote| text.strip_prefix(quote)?.strip_suffix(quote));
        if !plain(bare.unwrap_or(text)) {
            return None;
        }
        match (self, quote, bare) {
            (Self::Word(word), Some(quote), Some(_)) if plain(word) => Some(format!("{quote}{word}{quote}")),
            (Self::Word(word), None, None) if plain(word) => Some(word.clone()),
            (Self::Quotes, None, None) => Some(format!("\"{text}\"")),
            (Self::NoQuotes, Some(_), Some(bare)) => Some(bare.to_owned()),
            _ => None,
        }
    }
}

impl Finding {
    /// A finding of `rule` with its sentence; the rest is added by the builder methods.
    pub fn new(rule: impl Into<Cow<'static, str>>, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            rule: rule.into(),
            severity,
            message: message.into(),
            place: None,
            pointer: None,
            object: None,
            environments: Vec::new(),
            unit: None,
            related: Vec::new(),
            hint: None,
            fix: None,
        }
    }

    /// An error.
    pub fn error(rule: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(rule, Severity::Error, message)
    }

    /// A warning.
    pub fn warning(rule: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(rule, Severity::Warning, message)
    }

    /// A note.
    pub fn info(rule: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self::new(rule, Severity::Info, message)
    }

    /// Says where it can be mended.
    #[must_use]
    pub fn at(mut self, place: impl Into<Option<Place>>) -> Self {
        self.place = place.into();
        self
    }

    /// Says which field of the object.
    #[must_use]
    pub fn pointer(mut self, pointer: impl Into<String>) -> Self {
        self.pointer = Some(pointer.into());
        self
    }

    /// Says which object.
    #[must_use]
    pub fn about(mut self, object: ObjectRef) -> Self {
        self.object = Some(object);
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Says how it is mended for certain.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<Option<Fix>>) -> Self {
        self.fix = fix.into();
        self
    }

    /// Adds another place that belongs to it, with a word on why.
    #[must_use]
    pub fn related(mut self, place: Place, why: impl Into<String>) -> Self {
        self.related.push((place, why.into()));
        self
    }

    /// The page and anchor that explains the rule.
    #[must_use]
    pub fn help_url(&self) -> String {
        crate::rule::url(&self.rule)
    }
}

#[cfg(test)]
mod tests {
    use super::Fix;

    #[test]
    fn a_fix_keeps_quotes_and_leaves_what_it_does_not_understand() {
        let word = Fix::Word("replicas".to_owned());
        assert_eq!(word.apply("replcas").as_deref(), Some("replicas"));
        assert_eq!(word.apply("\"replcas\"").as_deref(), Some("\"replicas\""));
        assert_eq!(Fix::Quotes.apply("8080").as_deref(), Some("\"8080\""));
        assert_eq!(Fix::NoQuotes.apply("'3'").as_deref(), Some("3"));
        for text in ["&anchor x", "\"a", "{a: b}", "", "*x", "!!str 3", "a\"b"] {
            assert_eq!(word.apply(text), None, "{text}");
        }
        assert_eq!(Fix::Quotes.apply("'3'"), None);
        assert_eq!(Fix::NoQuotes.apply("3"), None);
    }
}
