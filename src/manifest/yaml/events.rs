//! What a document is made of, one event after the other, whether it is written in YAML or in JSON.

use super::grammar::YamlEvents;
use super::json::JsonEvents;
use super::scan::Style;
use std::borrow::Cow;

/// What the grammar says comes next.
#[derive(Debug)]
pub(super) enum Event<'a> {
    Scalar(Scalar<'a>),
    /// A list starts; the number is its anchor, 0 for none, and the flag says that it is written in `[]`.
    List(usize, bool),
    ListEnd,
    /// A map starts; the number is its anchor, 0 for none, and the flag says that it is written in `{}`.
    Map(usize, bool),
    MapEnd,
    Alias(usize),
    DocumentStart,
    DocumentEnd,
    /// The end of the text.
    End,
}

/// A scalar before it is resolved.
#[derive(Debug)]
pub(super) struct Scalar<'a> {
    /// Unescaped and unfolded.
    pub(super) text: Cow<'a, str>,
    pub(super) style: Style,
    /// 0 for none.
    pub(super) anchor: usize,
    pub(super) tag: Option<Tag>,
}

impl Scalar<'_> {
    /// Written without quotes and not as a block.
    pub(super) fn is_plain(&self) -> bool {
        self.style == Style::Plain
    }
}

/// The tags that Go resolves; every other one leaves a scalar as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    /// `!` alone.
    NonSpecific,
    Str,
    Int,
    Float,
    Bool,
    Null,
    Timestamp,
    Binary,
    Merge,
    Other,
}

/// A byte span in the whole file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u32,
    pub(super) end: u32,
}

/// What the grammar refuses, and where: in the text that the events are of.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) message: String,
    pub(super) at: usize,
}

/// The events of one document's text.
pub(super) enum Events<'a> {
    Yaml(Box<YamlEvents<'a>>),
    Json(JsonEvents<'a>),
}

impl<'a> Events<'a> {
    /// The next event with its span; `End` for ever after the last. The place of an error is one in the whole file.
    pub(super) fn next(&mut self) -> Result<(Event<'a>, Span), SyntaxError> {
        match self {
            Self::Yaml(events) => events.next(),
            Self::Json(events) => Ok(events.next()),
        }
    }
}

/// What a tag is; `None` for one whose handle no directive defines.
pub(super) fn known_tag(handle: &str, suffix: &str) -> Option<Tag> {
    let yaml = match handle {
        "" if suffix == "!" => return Some(Tag::NonSpecific),
        "" => suffix.strip_prefix("tag:yaml.org,2002:"),
        "!" => None,
        "!!" => Some(suffix),
        _ => return None,
    };
    Some(match yaml {
        Some("str") => Tag::Str,
        Some("int") => Tag::Int,
        Some("float") => Tag::Float,
        Some("bool") => Tag::Bool,
        Some("null") => Tag::Null,
        Some("timestamp") => Tag::Timestamp,
        Some("binary") => Tag::Binary,
        Some("merge") => Tag::Merge,
        _ => Tag::Other,
    })
}
