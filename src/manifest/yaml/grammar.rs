//! Tokens to events: the grammar, as the states of libyaml's parser, of which go-yaml's is a port.
//!
//! Decided by `parserc.go` of go-yaml, and by its reader where characters are concerned.

use super::Dialect;
use super::events::{Event, Scalar, Span, SyntaxError, known_tag};
use super::scan::{Kind, Scanner, Style, Token};
use std::borrow::Cow;
use std::collections::HashMap;

/// What is expected next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The first document, which needs no `---`.
    FirstDocument,
    Document,
    DocumentContent,
    DocumentEnd,
    BlockNode,
    ListEntry,
    /// A list at the column of the key that it belongs to.
    IndentlessEntry,
    MapKey,
    MapValue,
    FlowListEntry {
        first: bool,
    },
    PairKey,
    PairValue,
    PairEnd,
    FlowMapKey {
        first: bool,
    },
    FlowMapValue,
    FlowMapNoValue,
    End,
}

/// The events of a text in YAML.
pub(super) struct YamlEvents<'a> {
    scanner: Scanner<'a>,
    base: usize,
    length: usize,
    forbidden: Option<usize>,
    state: State,
    states: Vec<State>,
    /// Anchors by name; the last of a name counts.
    anchors: HashMap<&'a str, usize>,
    anchor_count: usize,
}

/// A step of the grammar: places are in the text of the document.
type Step<'a> = Result<(Event<'a>, usize, usize), SyntaxError>;

impl<'a> YamlEvents<'a> {
    /// `text` stands at byte `base` of its file.
    pub(super) fn new(text: &'a str, base: usize, dialect: Dialect) -> Self {
        let scanner = match dialect {
            // kubectl reads lines and ends each.
            Dialect::Kubectl => Scanner::new(text, true, 0),
            // go-yaml v3 looks two tokens ahead, for its comments.
            Dialect::Kustomize => Scanner::new(text, false, 2),
        };
        Self {
            scanner,
            base,
            length: text.len(),
            forbidden: forbidden(text.as_bytes()),
            state: State::FirstDocument,
            states: Vec::new(),
            anchors: HashMap::new(),
            anchor_count: 0,
        }
    }

    /// The next event with its span in the whole file; `End` for ever after the last.
    pub(super) fn next(&mut self) -> Result<(Event<'a>, Span), SyntaxError> {
        let base = self.base;
        self.placed().map_err(|error| SyntaxError { at: error.at + base, ..error })
    }

    fn placed(&mut self) -> Result<(Event<'a>, Span), SyntaxError> {
        if let Some(at) = self.forbidden {
            self.state = State::End;
            self.forbidden = None;
            return Err(SyntaxError { message: "control characters are not allowed".into(), at });
        }
        let step = self.step();
        if step.is_err() {
            self.state = State::End;
        }
        let (event, start, end) = step?;
        let offset = |at: usize| u32::try_from(self.base + at.min(self.length)).unwrap_or(u32::MAX);
        Ok((event, Span { start: offset(start), end: offset(end) }))
    }

    fn step(&mut self) -> Step<'a> {
        match self.state {
            State::End => Ok((Event::End, self.length, self.length)),
            State::FirstDocument | State::Document => self.document_start(),
            State::DocumentContent => {
                let token = self.scanner.peek()?;
                let (at, empty) = (
                    token.start,
                    matches!(token.kind, Kind::Directive | Kind::DocumentStart | Kind::DocumentEnd | Kind::StreamEnd),
                );
                if empty {
                    self.pop();
                    return Ok(nothing(at));
                }
                self.node(true, false)
            }
            State::DocumentEnd => {
                let token = self.scanner.peek()?;
                let (at, explicit) = (token.start, matches!(token.kind, Kind::DocumentEnd));
                if explicit {
                    self.scanner.take()?;
                }
                self.state = State::Document;
                Ok((Event::DocumentEnd, at, at))
            }
            State::BlockNode => self.node(true, false),
            State::ListEntry => self.list_entry(),
            State::IndentlessEntry => self.indentless_entry(),
            State::MapKey => self.map_key(),
            State::MapValue => self.map_value(),
            State::FlowListEntry { first } => self.flow_list_entry(first),
            State::PairKey => self.pair_key(),
            State::PairValue => self.pair_value(),
            State::PairEnd => {
                let at = self.scanner.peek()?.start;
                self.state = State::FlowListEntry { first: false };
                Ok((Event::MapEnd, at, at))
            }
            State::FlowMapKey { first } => self.flow_map_key(first),
            State::FlowMapValue => self.flow_map_value(),
            State::FlowMapNoValue => {
                let at = self.scanner.peek()?.start;
                self.state = State::FlowMapKey { first: false };
                Ok(nothing(at))
            }
        }
    }

    fn pop(&mut self) {
        self.state = self.states.pop().unwrap_or(State::End);
    }

    fn document_start(&mut self) -> Step<'a> {
        let implicit = self.state == State::FirstDocument;
        if !implicit {
            while matches!(self.scanner.peek()?.kind, Kind::DocumentEnd) {
                self.scanner.take()?;
            }
        }
        let token = self.scanner.peek()?;
        let (start, end) = (token.start, token.end);
        match token.kind {
            Kind::StreamEnd => {
                self.state = State::End;
                Ok((Event::End, start, start))
            }
            Kind::Directive => {
                let message = "directives are not read: kubectl and kustomize refuse `%` at the start of a line";
                refuse(message, start)
            }
            Kind::DocumentStart => {
                self.scanner.take()?;
                self.states.push(State::DocumentEnd);
                self.state = State::DocumentContent;
                Ok((Event::DocumentStart, start, end))
            }
            _ if implicit => {
                self.states.push(State::DocumentEnd);
                self.state = State::BlockNode;
                Ok((Event::DocumentStart, start, start))
            }
            _ => refuse("did not find the expected `---`", start),
        }
    }

    fn node(&mut self, block: bool, indentless: bool) -> Step<'a> {
        let (mut anchor, mut tag) = (0, None);
        let mut start: Option<usize> = None;
        let mut end = 0;
        let (mut seen_anchor, mut seen_tag) = (false, false);
        loop {
            let token = self.scanner.peek()?;
            match &token.kind {
                Kind::Alias(name) if start.is_none() => {
                    let (name, at, end) = (*name, token.start, token.end);
                    let Some(anchor) = self.anchors.get(name).copied() else {
                        return refuse(&format!("unknown anchor `{name}`"), at);
                    };
                    self.scanner.take()?;
                    self.pop();
                    return Ok((Event::Alias(anchor), at, end));
                }
                Kind::Anchor(name) if !seen_anchor => {
                    let name = *name;
                    seen_anchor = true;
                    self.anchor_count += 1;
                    anchor = self.anchor_count;
                    self.anchors.insert(name, anchor);
                }
                Kind::Tag(handle, suffix) if !seen_tag => {
                    seen_tag = true;
                    tag = Some(known_tag(handle, suffix).ok_or_else(|| SyntaxError {
                        message: format!("the tag handle `{handle}` is not defined"),
                        at: token.start,
                    })?);
                }
                _ => break,
            }
            let token = self.scanner.take()?;
            start.get_or_insert(token.start);
            end = token.end;
        }
        let token = self.scanner.peek()?;
        let (at, token_end) = (token.start, token.end);
        let begins = start.unwrap_or(at);
        match &token.kind {
            Kind::BlockEntry if indentless => {
                self.state = State::IndentlessEntry;
                Ok((Event::List(anchor, false), begins, token_end))
            }
            Kind::Scalar(..) => {
                let Token { kind: Kind::Scalar(text, style), .. } = self.scanner.take()? else {
                    return refuse("a value is missing", at);
                };
                self.pop();
                // The place of a scalar is that of its text, without anchor and tag.
                Ok((Event::Scalar(Scalar { text, style, anchor, tag }), at, token_end))
            }
            Kind::FlowList => {
                self.scanner.take()?;
                self.state = State::FlowListEntry { first: true };
                Ok((Event::List(anchor, true), at, token_end))
            }
            Kind::FlowMap => {
                self.scanner.take()?;
                self.state = State::FlowMapKey { first: true };
                Ok((Event::Map(anchor, true), at, token_end))
            }
            Kind::BlockList if block => {
                self.scanner.take()?;
                self.state = State::ListEntry;
                Ok((Event::List(anchor, false), at, token_end))
            }
            Kind::BlockMap if block => {
                self.scanner.take()?;
                self.state = State::MapKey;
                Ok((Event::Map(anchor, false), at, token_end))
            }
            _ if start.is_some() => {
                self.pop();
                let scalar = Scalar { text: Cow::Borrowed(""), style: Style::Plain, anchor, tag };
                Ok((Event::Scalar(scalar), end, end))
            }
            _ => refuse("did not find the expected value", at),
        }
    }

    /// A value that ends at one of `ends` before it begins is empty; else `then` follows the node.
    fn node_or_nothing(
        &mut self,
        ends: fn(&Kind<'a>) -> bool,
        then: State,
        block: bool,
        indentless: bool,
        at: usize,
    ) -> Step<'a> {
        if ends(&self.scanner.peek()?.kind) {
            self.state = then;
            return Ok(nothing(at));
        }
        self.states.push(then);
        self.node(block, indentless)
    }

    fn list_entry(&mut self) -> Step<'a> {
        let token = self.scanner.peek()?;
        let (start, end) = (token.start, token.end);
        match token.kind {
            Kind::BlockEntry => {
                self.scanner.take()?;
                let ends = |kind: &Kind<'a>| matches!(kind, Kind::BlockEntry | Kind::BlockEnd);
                self.node_or_nothing(ends, State::ListEntry, true, false, end)
            }
            Kind::BlockEnd => {
                self.scanner.take()?;
                self.pop();
                Ok((Event::ListEnd, start, end))
            }
            _ => refuse("did not find the expected `-` of a list item", start),
        }
    }

    fn indentless_entry(&mut self) -> Step<'a> {
        let token = self.scanner.peek()?;
        let (start, end) = (token.start, token.end);
        if !matches!(token.kind, Kind::BlockEntry) {
            self.pop();
            return Ok((Event::ListEnd, start, start));
        }
        self.scanner.take()?;
        let ends = |kind: &Kind<'a>| matches!(kind, Kind::BlockEntry | Kind::Key | Kind::Value | Kind::BlockEnd);
        self.node_or_nothing(ends, State::IndentlessEntry, true, false, end)
    }

    fn map_key(&mut self) -> Step<'a> {
        let token = self.scanner.peek()?;
        let (start, end) = (token.start, token.end);
        match token.kind {
            Kind::Key => {
                self.scanner.take()?;
                let ends = |kind: &Kind<'a>| matches!(kind, Kind::Key | Kind::Value | Kind::BlockEnd);
                self.node_or_nothing(ends, State::MapValue, true, true, end)
            }
            Kind::BlockEnd => {
                self.scanner.take()?;
                self.pop();
                Ok((Event::MapEnd, start, end))
            }
            _ => refuse("did not find the expected key of a map", start),
        }
    }

    fn map_value(&mut self) -> Step<'a> {
        let token = self.scanner.peek()?;
        let (start, end) = (token.start, token.end);
        if !matches!(token.kind, Kind::Value) {
            self.state = State::MapKey;
            return Ok(nothing(start));
        }
        self.scanner.take()?;
        let ends = |kind: &Kind<'a>| matches!(kind, Kind::Key | Kind::Value | Kind::BlockEnd);
        self.node_or_nothing(ends, State::MapKey, true, true, end)
    }

    /// Takes the comma before an entry of `[]` or `{}`; false at its end.
    fn flow_entry(&mut self, first: bool, is_end: fn(&Kind<'a>) -> bool, expected: &str) -> Result<bool, SyntaxError> {
        if is_end(&self.scanner.peek()?.kind) {
            return Ok(false);
        }
        if !first {
            let token = self.scanner.peek()?;
            if !matches!(token.kind, Kind::FlowEntry) {
                return refuse(expected, token.start);
            }
            self.scanner.take()?;
        }
        Ok(!is_end(&self.scanner.peek()?.kind))
    }

    fn flow_list_entry(&mut self, first: bool) -> Step<'a> {
        let is_end = |kind: &Kind<'a>| matches!(kind, Kind::FlowListEnd);
        if self.flow_entry(first, is_end, "did not find the expected `,` or `]`")? {
            let token = self.scanner.peek()?;
            let (start, end) = (token.start, token.end);
            if matches!(token.kind, Kind::Key) {
                self.scanner.take()?;
                self.state = State::PairKey;
                return Ok((Event::Map(0, true), start, end));
            }
            self.states.push(State::FlowListEntry { first: false });
            return self.node(false, false);
        }
        let token = self.scanner.take()?;
        self.pop();
        Ok((Event::ListEnd, token.start, token.end))
    }

    fn pair_key(&mut self) -> Step<'a> {
        let token = self.scanner.peek()?;
        let end = token.end;
        if matches!(token.kind, Kind::Value | Kind::FlowEntry | Kind::FlowListEnd) {
            // libyaml takes the token, whatever it is.
            self.scanner.take()?;
            self.state = State::PairValue;
            return Ok(nothing(end));
        }
        self.states.push(State::PairValue);
        self.node(false, false)
    }

    fn pair_value(&mut self) -> Step<'a> {
        let token = self.scanner.peek()?;
        let (start, end) = (token.start, token.end);
        if !matches!(token.kind, Kind::Value) {
            self.state = State::PairEnd;
            return Ok(nothing(start));
        }
        self.scanner.take()?;
        let ends = |kind: &Kind<'a>| matches!(kind, Kind::FlowEntry | Kind::FlowListEnd);
        self.node_or_nothing(ends, State::PairEnd, false, false, end)
    }

    fn flow_map_key(&mut self, first: bool) -> Step<'a> {
        let is_end = |kind: &Kind<'a>| matches!(kind, Kind::FlowMapEnd);
        if self.flow_entry(first, is_end, "did not find the expected `,` or `}`")? {
            let token = self.scanner.peek()?;
            let end = token.end;
            if matches!(token.kind, Kind::Key) {
                self.scanner.take()?;
                let ends = |kind: &Kind<'a>| matches!(kind, Kind::Value | Kind::FlowEntry | Kind::FlowMapEnd);
                return self.node_or_nothing(ends, State::FlowMapValue, false, false, end);
            }
            self.states.push(State::FlowMapNoValue);
            return self.node(false, false);
        }
        let token = self.scanner.take()?;
        self.pop();
        Ok((Event::MapEnd, token.start, token.end))
    }

    fn flow_map_value(&mut self) -> Step<'a> {
        let token = self.scanner.peek()?;
        let (start, end) = (token.start, token.end);
        if !matches!(token.kind, Kind::Value) {
            self.state = State::FlowMapKey { first: false };
            return Ok(nothing(start));
        }
        self.scanner.take()?;
        let ends = |kind: &Kind<'a>| matches!(kind, Kind::FlowEntry | Kind::FlowMapEnd);
        self.node_or_nothing(ends, State::FlowMapKey { first: false }, false, false, end)
    }
}

/// A value that is not there.
fn nothing<'a>(at: usize) -> (Event<'a>, usize, usize) {
    (Event::Scalar(Scalar { text: Cow::Borrowed(""), style: Style::Plain, anchor: 0, tag: None }), at, at)
}

fn refuse<T>(message: &str, at: usize) -> Result<T, SyntaxError> {
    Err(SyntaxError { message: message.to_owned(), at })
}

/// The first byte of a character that go-yaml's reader refuses.
fn forbidden(bytes: &[u8]) -> Option<usize> {
    let suspect =
        |byte: u8| (byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r')) || matches!(byte, 0x7f | 0xc2 | 0xef);
    // Whole blocks without a branch: hardly any text has such a byte.
    const BLOCK: usize = 64;
    for (block, start) in bytes.chunks(BLOCK).zip((0..).step_by(BLOCK)) {
        if !block.iter().fold(false, |any, byte| any | suspect(*byte)) {
            continue;
        }
        let found = block.iter().zip(start..).find(|(byte, at): &(&u8, usize)| match byte {
            // U+0080 to U+009F but U+0085.
            0xc2 => bytes.get(at + 1).is_some_and(|next| *next < 0xa0 && *next != 0x85),
            // U+FFFE and U+FFFF.
            0xef => bytes.get(at + 1..at + 3).is_some_and(|next| next[0] == 0xbf && next[1] >= 0xbe),
            byte => suspect(**byte),
        });
        if let Some((_, at)) = found {
            return Some(at);
        }
    }
    None
}
