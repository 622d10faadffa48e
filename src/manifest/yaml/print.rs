//! Values as go-yaml v2 prints them: what `kubectl` and `kustomize` write.
//!
//! Sequences stand under their key without indentation, keys are sorted as people expect (`a9` before `a10`), and long plain
//! lines are folded at a space behind column 80. Decided by `encode.go`, `sorter.go` and `emitterc.go` of go-yaml v2.

use super::Dialect;
use super::resolve::{Plain, plain_meaning};
use crate::manifest::value::{Data, Map, Number, NumberKind, Value};
use std::cmp::Ordering;

/// The column behind which lines are folded.
const WIDTH: usize = 80;

/// The documents as `kubectl kustomize` prints them, with `---` lines between.
#[must_use]
pub fn print_documents(values: &[&Value]) -> String {
    let mut text = String::new();
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            text.push_str("---\n");
        }
        let mut printer = Printer { text: &mut text, line: 0 };
        printer.line = printer.text.len();
        printer.root(value);
    }
    text
}

/// The order of two keys: letters behind everything else, runs of digits by their number.
#[must_use]
pub fn key_order(a: &str, b: &str) -> Ordering {
    if a == b {
        return Ordering::Equal;
    }
    match (is_less(a, b), is_less(b, a)) {
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        _ => a.cmp(b),
    }
}

fn is_less(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    for at in 0..a.len().min(b.len()) {
        if a[at] == b[at] {
            continue;
        }
        let (a_letter, b_letter) = (a[at].is_alphabetic(), b[at].is_alphabetic());
        if a_letter && b_letter {
            return a[at] < b[at];
        }
        if a_letter || b_letter {
            return b_letter;
        }
        let mut start = 0_i64;
        if a[at] == '0' || b[at] == '0' {
            let before = a[..at].iter().rev().take_while(|c| c.is_numeric());
            start = i64::from(before.into_iter().any(|c| *c != '0'));
        }
        let run = |text: &[char]| {
            let digits = text[at..].iter().take_while(|c| c.is_numeric());
            digits.fold((start, 0), |(number, length), c| {
                let digit = i64::from(u32::from(*c)) - i64::from(u32::from('0'));
                (number.wrapping_mul(10).wrapping_add(digit), length + 1)
            })
        };
        let ((a_number, a_length), (b_number, b_length)) = (run(&a), run(&b));
        if a_number != b_number {
            return a_number < b_number;
        }
        if a_length != b_length {
            return a_length < b_length;
        }
        return a[at] < b[at];
    }
    a.len() < b.len()
}

struct Printer<'a> {
    text: &'a mut String,
    /// Where the current line begins.
    line: usize,
}

impl Printer<'_> {
    fn root(&mut self, value: &Value) {
        match &value.data {
            Data::Map(map) if !map.is_empty() => self.map(map, 0, false),
            Data::List(items) if !items.is_empty() => self.list(items, 0, false),
            _ => {
                self.scalar(value, 0, false);
                self.end();
            }
        }
    }

    fn end(&mut self) {
        if !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.line = self.text.len();
    }

    fn indent(&mut self, indent: usize) {
        self.line = self.text.len();
        self.text.extend(std::iter::repeat_n(' ', indent));
    }

    fn column(&self) -> usize {
        self.text[self.line..].chars().count()
    }

    fn map(&mut self, map: &Map, indent: usize, mut inline: bool) {
        let mut entries: Vec<_> = map.iter().collect();
        entries.sort_by(|(a, _), (b, _)| key_order(&a.text, &b.text));
        for (key, value) in entries {
            if !std::mem::take(&mut inline) {
                self.indent(indent);
            }
            // Keys longer than 128 bytes, or of several lines, are written with `?`.
            let simple = key.text.len() <= 128 && !key.text.contains('\n');
            if simple {
                self.string(&key.text, indent, true);
                self.text.push(':');
            } else {
                self.text.push_str("? ");
                self.string(&key.text, indent + 2, false);
                self.end();
                self.indent(indent);
                self.text.push(':');
            }
            self.value(value, indent, false);
        }
    }

    fn list(&mut self, items: &[Value], indent: usize, mut inline: bool) {
        for item in items {
            if !std::mem::take(&mut inline) {
                self.indent(indent);
            }
            self.text.push('-');
            self.value(item, indent, true);
        }
    }

    /// What follows a `:` or `-`.
    fn value(&mut self, value: &Value, indent: usize, in_list: bool) {
        match &value.data {
            Data::Map(map) if !map.is_empty() => {
                if in_list {
                    self.text.push(' ');
                    self.map(map, indent + 2, true);
                } else {
                    self.end();
                    self.map(map, indent + 2, false);
                }
            }
            Data::List(items) if !items.is_empty() => {
                if in_list {
                    self.text.push(' ');
                    self.list(items, indent + 2, true);
                } else {
                    self.end();
                    self.list(items, indent, false);
                }
            }
            _ => {
                self.text.push(' ');
                self.scalar(value, indent + 2, false);
                self.end();
            }
        }
    }

    fn scalar(&mut self, value: &Value, indent: usize, key: bool) {
        match &value.data {
            Data::Null => self.text.push_str("null"),
            Data::Bool(flag) => self.text.push_str(if *flag { "true" } else { "false" }),
            Data::Number(number) => self.text.push_str(&number_text(number)),
            Data::List(_) => self.text.push_str("[]"),
            Data::Map(_) => self.text.push_str("{}"),
            Data::String(text) => self.string(text, indent, key),
        }
    }

    fn string(&mut self, text: &str, indent: usize, key: bool) {
        let facts = Facts::of(text);
        let multiline = text.contains('\n');
        let plain = is_plain(text);
        if multiline && facts.block && !key {
            return self.literal(text, indent);
        }
        if multiline || !plain {
            return self.double(text, indent, key);
        }
        if facts.plain && !(text.is_empty() && key) {
            self.plain(text, indent, key);
        } else if facts.single {
            self.single(text, indent, key);
        } else {
            self.double(text, indent, key);
        }
    }

    /// Writes text, folding it at single spaces.
    fn plain(&mut self, text: &str, indent: usize, key: bool) {
        let mut spaces = false;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c == ' ' && !key && !spaces && self.column() > WIDTH && chars.peek() != Some(&' ') {
                self.text.push('\n');
                self.indent(indent);
            } else {
                self.text.push(c);
            }
            spaces = c == ' ';
        }
    }

    fn single(&mut self, text: &str, indent: usize, key: bool) {
        self.text.push('\'');
        let mut spaces = false;
        let mut at = 0;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let inside = at > 0 && at < text.len() - 1;
            if c == ' ' && !key && !spaces && inside && self.column() > WIDTH && chars.peek() != Some(&' ') {
                self.text.push('\n');
                self.indent(indent);
            } else {
                if c == '\'' {
                    self.text.push('\'');
                }
                self.text.push(c);
                if matches!(c, '\u{2028}' | '\u{2029}') {
                    self.indent(indent);
                }
            }
            spaces = c == ' ';
            at += c.len_utf8();
        }
        self.text.push('\'');
    }

    fn double(&mut self, text: &str, indent: usize, key: bool) {
        self.text.push('"');
        let mut spaces = false;
        let mut at = 0;
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            if c == ' ' {
                if !key && !spaces && at > 0 && at < text.len() - 1 && self.column() > WIDTH {
                    self.text.push('\n');
                    self.indent(indent);
                    if chars.peek() == Some(&' ') {
                        self.text.push('\\');
                    }
                } else {
                    self.text.push(' ');
                }
                spaces = true;
            } else {
                escape(c, self.text);
                spaces = false;
            }
            at += c.len_utf8();
        }
        self.text.push('"');
    }

    fn literal(&mut self, text: &str, indent: usize) {
        self.text.push('|');
        if text.starts_with([' ', '\n']) {
            self.text.push('2');
        }
        if !text.ends_with('\n') {
            self.text.push('-');
        } else if text == "\n" || text.ends_with("\n\n") {
            self.text.push('+');
        }
        self.text.push('\n');
        let body = text.strip_suffix('\n').unwrap_or(text);
        for line in body.split('\n') {
            if !line.is_empty() {
                self.indent(indent);
                self.text.push_str(line);
            }
            self.text.push('\n');
        }
        self.line = self.text.len();
    }
}

/// Whether a text without quotes reads back as a string, as go-yaml v2 asks.
fn is_plain(text: &str) -> bool {
    text != "<<" && matches!(plain_meaning(text, Dialect::Kubectl), Plain::Text) && !is_base_60(text) || text == "="
}

/// `12:30:45`, a number in YAML 1.1.
fn is_base_60(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let Some((first, rest)) = unsigned.split_once(':') else { return false };
    let mut digits = first.bytes();
    let start = digits.next().is_some_and(|byte| byte.is_ascii_digit())
        && digits.all(|byte| byte.is_ascii_digit() || byte == b'_');
    let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
    let sixtieth = |part: &str| match part.as_bytes() {
        [one] => one.is_ascii_digit(),
        [ten, one] => (b'0'..=b'5').contains(ten) && one.is_ascii_digit(),
        _ => false,
    };
    start && whole.split(':').all(sixtieth) && fraction.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_')
}

/// A number as Go prints what JSON holds.
fn number_text(number: &Number) -> String {
    match (number.as_i64(), number.kind()) {
        (Some(n), _) | (None, NumberKind::Integer(n)) => n.to_string(),
        (None, NumberKind::Unsigned(n)) => n.to_string(),
        (None, NumberKind::Float(n)) => {
            // JSON writes numbers below 1e21 in full; whole ones that fit are integers again.
            if n.fract() == 0.0 && n.abs() < 1e21 {
                let whole = format!("{n:.0}");
                if whole.parse::<i64>().is_ok() || whole.parse::<u64>().is_ok() {
                    return whole;
                }
            }
            let shortest = format!("{n:e}");
            let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
            let exponent: i32 = exponent.parse().unwrap_or_default();
            if (-4..6).contains(&exponent) {
                return n.to_string();
            }
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}e{sign}{:02}", exponent.abs())
        }
    }
}

/// What the emitter finds out about a text.
struct Facts {
    plain: bool,
    single: bool,
    block: bool,
}

impl Facts {
    fn of(text: &str) -> Self {
        if text.is_empty() {
            return Self { plain: true, single: true, block: false };
        }
        let is_break = |c: char| matches!(c, '\r' | '\n' | '\u{85}' | '\u{2028}' | '\u{2029}');
        let chars: Vec<char> = text.chars().collect();
        let blank = |at: usize| chars.get(at).is_none_or(|c| matches!(c, ' ' | '\t'));
        let blank_or_break = |at: usize| chars.get(at).is_none_or(|c| matches!(c, ' ' | '\t' | '\0') || is_break(*c));
        let mut indicators = text.starts_with("---") || text.starts_with("...");
        let (mut special, mut breaks, mut break_space, mut space_break) = (false, false, false, false);
        let (mut previous_space, mut previous_break) = (false, false);
        for (at, c) in chars.iter().copied().enumerate() {
            indicators |= match c {
                '#' | ',' | '[' | ']' | '{' | '}' | '&' | '*' | '!' | '|' | '>' | '\'' | '"' | '%' | '@' | '`'
                    if at == 0 =>
                {
                    true
                }
                '?' | '-' if at == 0 => blank(at + 1),
                ':' => blank(at + 1),
                '#' => at > 0 && blank_or_break(at - 1),
                _ => false,
            };
            special |= !is_printable(c);
            if c == ' ' {
                break_space |= previous_break;
                (previous_space, previous_break) = (true, false);
            } else if is_break(c) {
                breaks = true;
                space_break |= previous_space;
                (previous_space, previous_break) = (false, true);
            } else {
                (previous_space, previous_break) = (false, false);
            }
        }
        let (first, last) = (chars[0], chars[chars.len() - 1]);
        let edges = first == ' ' || last == ' ' || is_break(first) || is_break(last);
        let bad = space_break || special;
        Self {
            plain: !(edges || break_space || bad || breaks || indicators),
            single: !(break_space || bad),
            block: !(last == ' ' || bad),
        }
    }
}

fn is_printable(c: char) -> bool {
    matches!(c, '\n' | ' '..='~' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

fn escape(c: char, text: &mut String) {
    let short = match c {
        '\0' => "\\0",
        '\u{7}' => "\\a",
        '\u{8}' => "\\b",
        '\t' => "\\t",
        '\n' => "\\n",
        '\u{b}' => "\\v",
        '\u{c}' => "\\f",
        '\r' => "\\r",
        '\u{1b}' => "\\e",
        '"' => "\\\"",
        '\\' => "\\\\",
        '\u{85}' => "\\N",
        '\u{2028}' => "\\L",
        '\u{2029}' => "\\P",
        c if is_printable(c) => return text.push(c),
        c => {
            let code = u32::from(c);
            return text.push_str(&match code {
                0..=0xff => format!("\\x{code:02X}"),
                0x100..=0xffff => format!("\\u{code:04X}"),
                _ => format!("\\U{code:08X}"),
            });
        }
    };
    text.push_str(short);
}
