//! Plain, quoted and block scalars. A scalar that stands in the text as it is read is borrowed from it.

use super::{ENDS_PLAIN, ENDS_QUOTED, Kind, Scanned, Scanner, Style};
use std::borrow::Cow;

/// Text that is put together from parts of a file.
struct Pieced<'a> {
    text: String,
    /// Where the part begins that is not yet in `text`.
    from: usize,
    /// Nothing was added yet: the whole is one part.
    whole: bool,
    scanner_text: &'a str,
}

impl<'a> Pieced<'a> {
    fn new(scanner_text: &'a str, from: usize) -> Self {
        Self { text: String::new(), from, whole: true, scanner_text }
    }

    /// Adds the part up to `end` and then `more`; the next part begins at `next`.
    fn add(&mut self, end: usize, more: &str, next: usize) {
        self.text.push_str(self.part(end));
        self.text.push_str(more);
        self.from = next;
        self.whole = false;
    }

    fn part(&self, end: usize) -> &'a str {
        self.scanner_text.get(self.from..end.min(self.scanner_text.len())).unwrap_or_default()
    }

    fn finish(mut self, end: usize) -> Cow<'a, str> {
        let part = self.part(end);
        if self.whole {
            return Cow::Borrowed(part);
        }
        self.text.push_str(part);
        Cow::Owned(self.text)
    }
}

/// What lines become when they are joined: a space, or their line ends but the first.
fn folded(first: &str, others: &str) -> String {
    match (first.starts_with('\n'), others.is_empty()) {
        (true, true) => " ".to_owned(),
        (true, false) => others.to_owned(),
        (false, _) => format!("{first}{others}"),
    }
}

impl Scanner<'_> {
    pub(super) fn plain_scalar(&mut self) -> Scanned<()> {
        let (start, indent) = (self.at, self.indent + 1);
        let mut end = start;
        let mut pieced = Pieced::new(self.text, start);
        let (mut first, mut others) = (String::new(), String::new());
        let mut new_line = false;
        loop {
            let at_margin = self.at == self.line_start;
            if (at_margin && self.is_document_indicator()) || self.byte(self.at) == b'#' {
                break;
            }
            let from = self.at;
            loop {
                self.at += self.run(&ENDS_PLAIN);
                if self.is_blank_or_end(self.at) {
                    break;
                }
                let ends = match self.byte(self.at) {
                    b':' => self.is_blank_or_end(self.at + 1),
                    b',' | b'?' | b'[' | b']' | b'{' | b'}' => self.flow_level > 0,
                    _ => false,
                };
                if ends {
                    break;
                }
                self.at += 1;
            }
            if self.at > from {
                if new_line {
                    pieced.add(end, &folded(&first, &others), from);
                    first.clear();
                    others.clear();
                    new_line = false;
                }
                end = self.at;
            }
            if !self.is_blank(self.at) && self.break_at(self.at) == 0 {
                break;
            }
            loop {
                if self.is_blank(self.at) {
                    if new_line && self.column() < indent && self.byte(self.at) == b'\t' {
                        return self.refuse("found a tab character that violates indentation", self.at);
                    }
                    self.at += 1;
                } else if self.break_at(self.at) > 0 {
                    self.read_break(if new_line { &mut others } else { &mut first });
                    new_line = true;
                } else {
                    break;
                }
            }
            if self.flow_level == 0 && self.column() < indent {
                break;
            }
        }
        self.push(Kind::Scalar(pieced.finish(end), Style::Plain), start, end);
        self.key_allowed |= new_line;
        Ok(())
    }

    pub(super) fn quoted_scalar(&mut self, quote: u8) -> Scanned<()> {
        let start = self.at;
        self.at += 1;
        let mut pieced = Pieced::new(self.text, self.at);
        let (mut first, mut others) = (String::new(), String::new());
        loop {
            if self.at == self.line_start && self.is_document_indicator() {
                return self.refuse("found an unexpected document indicator in a quoted scalar", start);
            }
            if self.byte(self.at) == 0 {
                return self.refuse("a quoted scalar does not end", start);
            }
            let mut new_line = false;
            loop {
                self.at += self.run(&ENDS_QUOTED);
                if self.is_blank_or_end(self.at) {
                    break;
                }
                let byte = self.byte(self.at);
                if byte == quote {
                    if quote == b'"' || self.byte(self.at + 1) != b'\'' {
                        break;
                    }
                    pieced.add(self.at, "'", self.at + 2);
                    self.at += 2;
                } else if byte == b'\\' && quote == b'"' {
                    if self.break_at(self.at + 1) > 0 {
                        let end = self.at;
                        self.at += 1;
                        self.skip_break();
                        pieced.add(end, "", self.at);
                        new_line = true;
                        break;
                    }
                    let escape = self.at;
                    let meant = self.escape(start)?;
                    pieced.add(escape, meant.encode_utf8(&mut [0; 4]), self.at);
                } else {
                    self.at += 1;
                }
            }
            if self.byte(self.at) == quote {
                break;
            }
            let blanks = self.at;
            loop {
                if self.is_blank(self.at) {
                    self.at += 1;
                } else if self.break_at(self.at) > 0 {
                    if new_line {
                        self.read_break(&mut others);
                    } else {
                        pieced.add(blanks, "", self.at);
                        self.read_break(&mut first);
                        new_line = true;
                    }
                } else {
                    break;
                }
            }
            if new_line {
                // Nothing is left of the line end behind a backslash.
                let joined = if first.is_empty() { others.clone() } else { folded(&first, &others) };
                pieced.from = self.at;
                pieced.text.push_str(&joined);
                first.clear();
                others.clear();
            }
        }
        let text = pieced.finish(self.at);
        self.at += 1;
        self.push(Kind::Scalar(text, Style::Quoted), start, self.at);
        Ok(())
    }

    /// The character of the escape at this place, and goes behind it.
    fn escape(&mut self, start: usize) -> Scanned<char> {
        let digits = match self.byte(self.at + 1) {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            other => {
                let meant = match other {
                    b'0' => '\0',
                    b'a' => '\u{7}',
                    b'b' => '\u{8}',
                    b't' | b'\t' => '\t',
                    b'n' => '\n',
                    b'v' => '\u{b}',
                    b'f' => '\u{c}',
                    b'r' => '\r',
                    b'e' => '\u{1b}',
                    b' ' => ' ',
                    b'"' => '"',
                    b'\'' => '\'',
                    b'\\' => '\\',
                    b'N' => '\u{85}',
                    b'_' => '\u{a0}',
                    b'L' => '\u{2028}',
                    b'P' => '\u{2029}',
                    _ => return self.refuse("found an unknown escape in a quoted scalar", self.at),
                };
                self.at += 2;
                return Ok(meant);
            }
        };
        let hex = self.slice(self.at + 2, self.at + 2 + digits);
        if hex.len() != digits || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return self.refuse("an escape in a quoted scalar lacks its hexadecimal digits", self.at);
        }
        let Some(meant) = u32::from_str_radix(hex, 16).ok().and_then(char::from_u32) else {
            let message =
                "an escape in a quoted scalar is no Unicode character: kubectl and kustomize take no surrogate pairs";
            return self.refuse(message, if self.at < start { start } else { self.at });
        };
        self.at += 2 + digits;
        Ok(meant)
    }

    pub(super) fn block_scalar(&mut self, literal: bool) -> Scanned<()> {
        let start = self.at;
        self.at += 1;
        // Whether all final line ends are kept, or none; the rule is one.
        let mut keep: Option<bool> = None;
        let mut increment = 0;
        for _ in 0..2 {
            match self.byte(self.at) {
                sign @ (b'+' | b'-') if keep.is_none() => keep = Some(sign == b'+'),
                b'0' if increment == 0 => return self.refuse("found an indentation indicator of 0", start),
                digit @ b'1'..=b'9' if increment == 0 => increment = isize::from(digit - b'0'),
                _ => break,
            }
            self.at += 1;
        }
        while self.is_blank(self.at) {
            self.at += 1;
        }
        if self.byte(self.at) == b'#' {
            self.skip_to_break();
        }
        if !self.is_blank_or_end(self.at) {
            return self.refuse("did not find the expected comment or line end behind `|` or `>`", start);
        }
        if self.break_at(self.at) > 0 {
            self.skip_break();
        }
        let mut indent = if increment > 0 { self.indent.max(0) + increment } else { 0 };
        let mut text = String::new();
        let (mut ended, mut blank_lines) = (String::new(), String::new());
        let mut end = self.block_breaks(&mut indent, &mut blank_lines, start)?;
        let mut was_blank = false;
        while self.column() == indent && self.byte(self.at) != 0 {
            let is_blank = self.is_blank(self.at);
            if !literal && !was_blank && !is_blank && ended.starts_with('\n') {
                if blank_lines.is_empty() {
                    text.push(' ');
                }
            } else {
                text.push_str(&ended);
            }
            text.push_str(&blank_lines);
            ended.clear();
            blank_lines.clear();
            was_blank = is_blank;
            let line = self.at;
            self.skip_to_break();
            text.push_str(self.slice(line, self.at));
            self.read_break(&mut ended);
            end = self.block_breaks(&mut indent, &mut blank_lines, start)?;
        }
        if keep != Some(false) {
            text.push_str(&ended);
        }
        if keep == Some(true) {
            text.push_str(&blank_lines);
        }
        self.push(Kind::Scalar(Cow::Owned(text), if literal { Style::Literal } else { Style::Folded }), start, end);
        Ok(())
    }

    /// Reads the indentation and the blank lines before the next line of a block; finds the indentation when it is 0.
    fn block_breaks(&mut self, indent: &mut isize, breaks: &mut String, start: usize) -> Scanned<usize> {
        let (mut deepest, mut end) = (0, self.at);
        loop {
            while (*indent == 0 || self.column() < *indent) && self.byte(self.at) == b' ' {
                self.at += 1;
            }
            deepest = deepest.max(self.column());
            if (*indent == 0 || self.column() < *indent) && self.byte(self.at) == b'\t' {
                return self.refuse("found a tab character where an indentation space is expected", start);
            }
            if self.break_at(self.at) == 0 {
                break;
            }
            self.read_break(breaks);
            end = self.at;
        }
        if *indent == 0 {
            *indent = deepest.max(self.indent + 1).max(1);
        }
        Ok(end)
    }
}
