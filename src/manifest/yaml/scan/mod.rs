//! Text to tokens, by the algorithm of libyaml, of which go-yaml is a port.
//!
//! What is a token, where a map key may stand and what is refused is decided by `scannerc.go` of go-yaml v2 (kubectl) and v3
//! (kustomize), and not by the grammar of YAML 1.2: both take continuation lines of quoted text at any column, treat U+0085,
//! U+2028 and U+2029 as line ends, and want a key on one line of at most 1,024 characters.

mod key;
mod name;
mod scalar;

use super::events::SyntaxError;
use key::SimpleKey;
use std::borrow::Cow;
use std::collections::VecDeque;

/// A token with its bytes.
#[derive(Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind<'a>,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// What a token is.
#[derive(Debug)]
pub(super) enum Kind<'a> {
    StreamEnd,
    Directive,
    DocumentStart,
    DocumentEnd,
    BlockList,
    BlockMap,
    BlockEnd,
    FlowList,
    FlowListEnd,
    FlowMap,
    FlowMapEnd,
    BlockEntry,
    FlowEntry,
    Key,
    Value,
    Alias(&'a str),
    Anchor(&'a str),
    /// Handle (`!`, `!!`, `!x!` or nothing) and suffix.
    Tag(&'a str, Cow<'a, str>),
    Scalar(Cow<'a, str>, Style),
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Quoted,
    /// `|`.
    Literal,
    /// `>`.
    Folded,
}

pub(super) struct Scanner<'a> {
    text: &'a str,
    bytes: &'a [u8],
    /// The text counts as ending in a line end, even where it does not.
    final_break: bool,
    at: usize,
    line: usize,
    line_start: usize,
    tokens: VecDeque<Token<'a>>,
    /// How many tokens were taken.
    taken: usize,
    /// How many tokens beyond the next one are looked at before that one is given: errors in them count.
    ahead: usize,
    /// The column of the innermost block collection, and of those around it; -1 for none.
    indent: isize,
    indents: Vec<isize>,
    flow_level: usize,
    /// One for each flow level.
    keys: Vec<SimpleKey>,
    key_allowed: bool,
    ended: bool,
    /// The next token is certain, and was not taken yet.
    certain: bool,
}

/// Bytes that end a line, or may be the first of a character that does.
const ENDS_LINE: [bool; 256] = table(b"\0\n\r\xc2\xe2");

/// Bytes that may end a word of a plain scalar, or begin a character that does.
const ENDS_PLAIN: [bool; 256] = table(b"\0 \t\n\r:,?[]{}\xc2\xe2");

/// Bytes that mean something inside quotes, or may be the first of a character that does.
const ENDS_QUOTED: [bool; 256] = table(b"\0 \t\n\r\"'\\\xc2\xe2");

const fn table(bytes: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut at = 0;
    while at < bytes.len() {
        table[bytes[at] as usize] = true;
        at += 1;
    }
    table
}

type Scanned<T> = Result<T, SyntaxError>;

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str, final_break: bool, ahead: usize) -> Self {
        Self {
            text,
            bytes: text.as_bytes(),
            final_break: final_break && !text.ends_with('\n'),
            at: 0,
            line: 0,
            line_start: 0,
            tokens: VecDeque::new(),
            taken: 0,
            ahead,
            indent: -1,
            indents: Vec::new(),
            flow_level: 0,
            keys: vec![SimpleKey::default()],
            key_allowed: true,
            ended: false,
            certain: false,
        }
    }

    /// The next token, which stays.
    pub(super) fn peek(&mut self) -> Scanned<&Token<'a>> {
        if !self.certain {
            self.fill()?;
        }
        Ok(self.tokens.front().expect("because a stream that has ended keeps its last token"))
    }

    /// The next token.
    pub(super) fn take(&mut self) -> Scanned<Token<'a>> {
        if !self.certain {
            self.fill()?;
        }
        self.certain = false;
        self.taken += 1;
        Ok(self.tokens.pop_front().expect("because a stream that has ended keeps its last token"))
    }

    /// Scans until the next token is certain: while it may turn out to be a key, a token may come before it.
    fn fill(&mut self) -> Scanned<()> {
        loop {
            if self.tokens.len() > self.ahead || (self.ended && !self.tokens.is_empty()) {
                let head = self.taken;
                let waiting = self.keys.iter().position(|key| key.possible && key.token == head);
                match waiting {
                    Some(index) if !self.ended && self.key_is_valid(index)? => {}
                    _ => {
                        self.certain = true;
                        return Ok(());
                    }
                }
            }
            self.fetch()?;
        }
    }

    fn fetch(&mut self) -> Scanned<()> {
        self.skip_to_token()?;
        let column = self.column();
        self.unroll(column);
        let byte = self.byte(self.at);
        if byte == 0 {
            self.unroll(-1);
            self.remove_key()?;
            self.key_allowed = false;
            self.ended = true;
            self.push(Kind::StreamEnd, self.at, self.at);
            return Ok(());
        }
        if column == 0 {
            let indicator = match byte {
                b'%' => Some(Kind::Directive),
                b'-' if self.is_document_indicator() => Some(Kind::DocumentStart),
                b'.' if self.is_document_indicator() => Some(Kind::DocumentEnd),
                _ => None,
            };
            if let Some(kind) = indicator {
                self.unroll(-1);
                self.remove_key()?;
                self.key_allowed = false;
                let start = self.at;
                if matches!(kind, Kind::Directive) {
                    self.directive()?;
                } else {
                    self.at += 3;
                }
                self.push(kind, start, self.at);
                return Ok(());
            }
        }
        let blank_follows = self.is_blank_or_end(self.at + 1);
        match byte {
            b'[' => self.flow_start(Kind::FlowList),
            b'{' => self.flow_start(Kind::FlowMap),
            b']' => self.flow_end(Kind::FlowListEnd),
            b'}' => self.flow_end(Kind::FlowMapEnd),
            b',' => {
                self.remove_key()?;
                self.key_allowed = true;
                self.indicator(Kind::FlowEntry)
            }
            b'-' if blank_follows => self.block_entry(),
            b'?' if self.flow_level > 0 || blank_follows => self.explicit_key(),
            b':' if self.flow_level > 0 || blank_follows => self.value(),
            b'*' | b'&' => {
                self.save_key()?;
                self.key_allowed = false;
                self.anchor(byte == b'*')
            }
            b'!' => {
                self.save_key()?;
                self.key_allowed = false;
                self.tag()
            }
            b'|' | b'>' if self.flow_level == 0 => {
                self.remove_key()?;
                self.key_allowed = true;
                self.block_scalar(byte == b'|')
            }
            b'\'' | b'"' => {
                self.save_key()?;
                self.key_allowed = false;
                self.quoted_scalar(byte)
            }
            b'#' | b'%' | b'@' | b'`' | b'|' | b'>' | b'\t' => {
                self.refuse("found a character that cannot start any token", self.at)
            }
            _ => {
                self.save_key()?;
                self.key_allowed = false;
                self.plain_scalar()
            }
        }
    }

    fn indicator(&mut self, kind: Kind<'a>) -> Scanned<()> {
        self.at += 1;
        self.push(kind, self.at - 1, self.at);
        Ok(())
    }

    fn flow_start(&mut self, kind: Kind<'a>) -> Scanned<()> {
        self.save_key()?;
        self.keys.push(SimpleKey::default());
        self.flow_level += 1;
        self.key_allowed = true;
        self.indicator(kind)
    }

    fn flow_end(&mut self, kind: Kind<'a>) -> Scanned<()> {
        self.remove_key()?;
        if self.flow_level > 0 {
            self.flow_level -= 1;
            self.keys.pop();
        }
        self.key_allowed = false;
        self.indicator(kind)
    }

    fn block_entry(&mut self) -> Scanned<()> {
        if self.flow_level == 0 {
            if !self.key_allowed {
                return self.refuse("block sequence entries are not allowed in this context", self.at);
            }
            self.roll(self.column(), None, Kind::BlockList, self.at);
        }
        self.remove_key()?;
        self.key_allowed = true;
        self.indicator(Kind::BlockEntry)
    }

    fn explicit_key(&mut self) -> Scanned<()> {
        if self.flow_level == 0 {
            if !self.key_allowed {
                return self.refuse("mapping keys are not allowed in this context", self.at);
            }
            self.roll(self.column(), None, Kind::BlockMap, self.at);
        }
        self.remove_key()?;
        self.key_allowed = self.flow_level == 0;
        self.indicator(Kind::Key)
    }

    fn value(&mut self) -> Scanned<()> {
        let last = self.keys.len() - 1;
        if self.key_is_valid(last)? {
            let key = self.keys[last];
            let index = key.token.saturating_sub(self.taken).min(self.tokens.len());
            self.tokens.insert(index, Token { kind: Kind::Key, start: key.at, end: key.at });
            self.roll(isize::try_from(key.column).unwrap_or(isize::MAX), Some(index), Kind::BlockMap, key.at);
            self.keys[last].possible = false;
            self.key_allowed = false;
        } else {
            if self.flow_level == 0 {
                if !self.key_allowed {
                    return self.refuse("mapping values are not allowed in this context", self.at);
                }
                self.roll(self.column(), None, Kind::BlockMap, self.at);
            }
            self.key_allowed = self.flow_level == 0;
        }
        self.indicator(Kind::Value)
    }

    /// Begins a block collection at a deeper column.
    fn roll(&mut self, column: isize, index: Option<usize>, kind: Kind<'a>, at: usize) {
        if self.flow_level == 0 && self.indent < column {
            self.indents.push(self.indent);
            self.indent = column;
            self.tokens.insert(index.unwrap_or(self.tokens.len()), Token { kind, start: at, end: at });
        }
    }

    /// Ends the block collections that are deeper than `column`.
    fn unroll(&mut self, column: isize) {
        if self.flow_level > 0 {
            return;
        }
        while self.indent > column {
            self.push(Kind::BlockEnd, self.at, self.at);
            self.indent = self.indents.pop().unwrap_or(-1);
        }
    }

    fn skip_to_token(&mut self) -> Scanned<()> {
        // go-yaml v3 reads the comment behind a token together with the blanks before it.
        let comment_may_follow =
            self.ahead > 0 && !matches!(self.tokens.back(), Some(Token { kind: Kind::BlockEntry, .. }));
        if comment_may_follow && self.at < self.bytes.len() {
            let blanks = self.bytes[self.at..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            if blanks > 0 && self.byte(self.at + blanks) == b'#' && self.at > self.line_start {
                self.at += blanks;
            }
        }
        loop {
            let tabs = self.flow_level > 0 || !self.key_allowed;
            let blank = |byte: &&u8| **byte == b' ' || (tabs && **byte == b'\t');
            self.at += self.bytes.get(self.at..).unwrap_or_default().iter().take_while(blank).count();
            if self.byte(self.at) == b'#' {
                self.skip_to_break();
            }
            if self.break_at(self.at) == 0 {
                return Ok(());
            }
            self.skip_break();
            self.key_allowed |= self.flow_level == 0;
        }
    }

    fn push(&mut self, kind: Kind<'a>, start: usize, end: usize) {
        self.tokens.push_back(Token { kind, start, end });
    }

    fn refuse<T>(&self, message: &str, at: usize) -> Scanned<T> {
        Err(SyntaxError { message: message.to_owned(), at: at.min(self.text.len()) })
    }

    /// The column of the next byte.
    fn column(&self) -> isize {
        isize::try_from(self.at - self.line_start).unwrap_or(isize::MAX)
    }

    /// The byte at a place; 0 behind the end.
    fn byte(&self, at: usize) -> u8 {
        match self.bytes.get(at) {
            Some(byte) => *byte,
            None if at == self.bytes.len() && self.final_break => b'\n',
            None => 0,
        }
    }

    /// The length of the line end at a place; 0 for none.
    fn break_at(&self, at: usize) -> usize {
        match self.byte(at) {
            b'\n' => 1,
            b'\r' => 1 + usize::from(self.byte(at + 1) == b'\n'),
            0xc2 if self.byte(at + 1) == 0x85 => 2,
            0xe2 if self.byte(at + 1) == 0x80 && matches!(self.byte(at + 2), 0xa8 | 0xa9) => 3,
            _ => 0,
        }
    }

    fn is_blank(&self, at: usize) -> bool {
        matches!(self.byte(at), b' ' | b'\t')
    }

    /// A blank, a line end, or the end of the text.
    fn is_blank_or_end(&self, at: usize) -> bool {
        match self.byte(at) {
            b' ' | b'\t' | b'\n' | b'\r' | 0 => true,
            0xc2 | 0xe2 => self.break_at(at) > 0,
            _ => false,
        }
    }

    /// How many bytes from here on are in none of those of `table`.
    fn run(&self, table: &[bool; 256]) -> usize {
        let rest = self.bytes.get(self.at..).unwrap_or_default();
        rest.iter().take_while(|byte| !table[usize::from(**byte)]).count()
    }

    /// `---` or `...` with a blank behind it; the caller knows that it is at the start of a line.
    fn is_document_indicator(&self) -> bool {
        let marks = self.bytes.get(self.at..self.at + 3);
        matches!(marks, Some(b"---" | b"...")) && self.is_blank_or_end(self.at + 3)
    }

    fn skip_to_break(&mut self) {
        loop {
            self.at += self.run(&ENDS_LINE);
            if self.byte(self.at) == 0 || self.break_at(self.at) > 0 {
                return;
            }
            self.at += 1;
        }
    }

    fn skip_break(&mut self) {
        self.at += self.break_at(self.at);
        self.line += 1;
        self.line_start = self.at;
    }

    /// Adds the line end at this place to `text` as go-yaml keeps it, and goes behind it.
    fn read_break(&mut self, text: &mut String) {
        match self.break_at(self.at) {
            0 => return,
            3 => text.push_str(self.text.get(self.at..self.at + 3).unwrap_or_default()),
            _ => text.push('\n'),
        }
        self.skip_break();
    }

    /// The text between two places, without what lies behind its end.
    fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end.min(self.text.len())).unwrap_or_default()
    }
}
