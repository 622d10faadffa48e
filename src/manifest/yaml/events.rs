//! The YAML grammar as a stream of events: the only file that knows `granit-parser`.

use granit_parser::{ErrorKind, Event as Raw, Parser, ScalarStyle, StrInput, StructureStyle};
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
    /// Written without quotes and not as a block.
    pub(super) plain: bool,
    /// 0 for none.
    pub(super) anchor: usize,
    pub(super) tag: Option<Tag>,
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

/// What the grammar refuses, and where.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) message: String,
    pub(super) at: u32,
    /// Nesting was the reason.
    pub(super) too_deep: bool,
}

/// The events of one document's text.
pub(super) struct Events<'a> {
    parser: Parser<'a, StrInput<'a>>,
    text: &'a str,
    base: usize,
    failed: bool,
    /// Where the last event ended.
    last_end: u32,
}

impl<'a> Events<'a> {
    /// `text` stands at byte `base` of its file; `depth` bounds nested collections.
    pub(super) fn new(text: &'a str, base: usize, depth: usize) -> Self {
        let options = granit_parser::options! {
            emit_comments: false,
            disallow_directives: true,
            flow_nesting_limit: depth + 1,
            block_nesting_limit: depth + 1,
        };
        Self { parser: Parser::new_from_str_with_options(text, options), text, base, failed: false, last_end: 0 }
    }

    /// The next event with its span; `End` for ever after the last.
    pub(super) fn next(&mut self) -> Result<(Event<'a>, Span), SyntaxError> {
        loop {
            let end = self.offset(self.text.len());
            if self.failed {
                return Ok((Event::End, Span { start: end, end }));
            }
            let (event, span) = match self.parser.next_event() {
                None => return Ok((Event::End, Span { start: end, end })),
                Some(Ok(event)) => event,
                Some(Err(error)) => {
                    self.failed = true;
                    let at = self.byte(error.marker());
                    let too_deep = matches!(error.kind(), ErrorKind::RecursionLimitExceeded);
                    return Err(SyntaxError { message: said(error.kind()), at, too_deep });
                }
            };
            let mut span = Span { start: self.byte(&span.start), end: self.byte(&span.end) };
            if let Raw::Scalar(_, ScalarStyle::Literal | ScalarStyle::Folded, ..) = event {
                span.start = self.block_header(span.start);
            }
            self.last_end = self.last_end.max(span.end);
            let event = match event {
                Raw::Scalar(text, style, anchor, tag) => {
                    let nothing = style == ScalarStyle::Plain && span.start == span.end;
                    // The parser writes `~` for some of the values that are not there.
                    let text = if nothing { Cow::Borrowed("") } else { text };
                    let tag = tag.as_deref().map(known_tag);
                    Event::Scalar(Scalar { text, plain: style == ScalarStyle::Plain, anchor, tag })
                }
                Raw::SequenceStart(style, anchor, _) => Event::List(anchor, style == StructureStyle::Flow),
                Raw::SequenceEnd => Event::ListEnd,
                Raw::MappingStart(style, anchor, _) => Event::Map(anchor, style == StructureStyle::Flow),
                Raw::MappingEnd => Event::MapEnd,
                Raw::Alias(anchor) => Event::Alias(anchor),
                Raw::DocumentStart(..) => Event::DocumentStart,
                Raw::DocumentEnd => Event::DocumentEnd,
                Raw::StreamEnd => Event::End,
                // The start of the stream, and presentation that is switched off above.
                _ => continue,
            };
            return Ok((event, span));
        }
    }

    /// The byte of the `|` or `>` whose text starts at `start`: the parser's span begins behind it.
    fn block_header(&self, start: u32) -> u32 {
        let within = |at: u32| (at as usize).saturating_sub(self.base);
        let before = self.text.get(within(self.last_end)..within(start)).unwrap_or_default();
        let line_start = before.trim_end().rfind('\n').map_or(0, |at| at + 1);
        let line = &before[line_start..];
        let header = line
            .char_indices()
            .find(|(at, c)| matches!(c, '|' | '>') && line[..*at].chars().next_back().is_none_or(char::is_whitespace));
        header.map_or(start, |(at, _)| start - u32::try_from(before.len() - line_start - at).unwrap_or_default())
    }

    fn byte(&self, marker: &granit_parser::Marker) -> u32 {
        let within = marker
            .byte_offset()
            .unwrap_or_else(|| self.text.char_indices().nth(marker.index()).map_or(self.text.len(), |(at, _)| at));
        self.offset(within.min(self.text.len()))
    }

    fn offset(&self, within: usize) -> u32 {
        u32::try_from(self.base + within).unwrap_or(u32::MAX)
    }
}

/// The parser's sentence as ours: lower case, no full stop.
fn said(kind: &ErrorKind) -> String {
    match kind {
        ErrorKind::DirectiveDisallowed => {
            "directives are not read: kubectl and kustomize refuse `%` at the start of a line".into()
        }
        _ => kind.to_string().trim_end_matches('.').to_owned(),
    }
}

fn known_tag(tag: &granit_parser::Tag) -> Tag {
    if tag.original() == "!" {
        return Tag::NonSpecific;
    }
    match tag.suffix_in_namespace("tag:yaml.org,2002:").as_deref() {
        Some("str") => Tag::Str,
        Some("int") => Tag::Int,
        Some("float") => Tag::Float,
        Some("bool") => Tag::Bool,
        Some("null") => Tag::Null,
        Some("timestamp") => Tag::Timestamp,
        Some("binary") => Tag::Binary,
        Some("merge") => Tag::Merge,
        _ => Tag::Other,
    }
}
