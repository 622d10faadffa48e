//! JSON as kubectl takes it: values one after the other, each read by the rules of JSON and not of YAML.
//!
//! Decided by `encoding/json`, which `YAMLOrJSONDecoder` of k8s.io/apimachinery asks first when a file begins with `{`.

use super::events::{Event, Scalar, Span};
use super::scan::Style;
use std::borrow::Cow;

/// The end of the JSON value that begins at byte `at` of `text`, behind white space: `Ok(None)` when only white space is left.
///
/// # Errors
/// The byte where it stops to be JSON.
pub(super) fn value_end(text: &str, at: usize) -> Result<Option<usize>, usize> {
    let bytes = text.as_bytes();
    let mut at = skip_space(bytes, at);
    if at == bytes.len() {
        return Ok(None);
    }
    // True for `{`.
    let mut open: Vec<bool> = Vec::new();
    loop {
        // A value begins here.
        at = match bytes.get(at) {
            Some(b'{') => {
                at = skip_space(bytes, at + 1);
                if bytes.get(at) != Some(&b'}') {
                    open.push(true);
                    at = key_end(bytes, at)?;
                    continue;
                }
                at + 1
            }
            Some(b'[') => {
                at = skip_space(bytes, at + 1);
                if bytes.get(at) != Some(&b']') {
                    open.push(false);
                    continue;
                }
                at + 1
            }
            Some(b'"') => string_end(bytes, at)?,
            Some(b'-' | b'0'..=b'9') => number_end(bytes, at)?,
            _ => literal_end(bytes, at)?,
        };
        // A value has ended here: what it is in may end too.
        loop {
            let Some(in_map) = open.last() else { return Ok(Some(at)) };
            at = skip_space(bytes, at);
            match (bytes.get(at), in_map) {
                (Some(b','), true) => {
                    at = key_end(bytes, skip_space(bytes, at + 1))?;
                    break;
                }
                (Some(b','), false) => {
                    at = skip_space(bytes, at + 1);
                    break;
                }
                (Some(b'}'), true) | (Some(b']'), false) => {
                    open.pop();
                    at += 1;
                }
                _ => return Err(at),
            }
        }
    }
}

fn skip_space(bytes: &[u8], from: usize) -> usize {
    let space = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    from + bytes[from.min(bytes.len())..].iter().take_while(space).count()
}

/// The begin of the value that belongs to the key at `at`.
fn key_end(bytes: &[u8], at: usize) -> Result<usize, usize> {
    if bytes.get(at) != Some(&b'"') {
        return Err(at);
    }
    let colon = skip_space(bytes, string_end(bytes, at)?);
    if bytes.get(colon) == Some(&b':') { Ok(skip_space(bytes, colon + 1)) } else { Err(colon) }
}

fn string_end(bytes: &[u8], start: usize) -> Result<usize, usize> {
    let mut at = start + 1;
    loop {
        match bytes.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => match bytes.get(at + 1) {
                Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => at += 2,
                Some(b'u') if bytes.get(at + 2..at + 6).is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) => {
                    at += 6;
                }
                _ => return Err(at),
            },
            Some(byte) if *byte >= b' ' => at += 1,
            _ => return Err(at),
        }
    }
}

fn number_end(bytes: &[u8], start: usize) -> Result<usize, usize> {
    let digits = |from: usize| {
        let count = bytes[from.min(bytes.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count > 0 { Ok(from + count) } else { Err(from) }
    };
    let mut at = start + usize::from(bytes.get(start) == Some(&b'-'));
    at = if bytes.get(at) == Some(&b'0') { at + 1 } else { digits(at)? };
    if bytes.get(at) == Some(&b'.') {
        at = digits(at + 1)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        at += usize::from(matches!(bytes.get(at), Some(b'+' | b'-')));
        at = digits(at)?;
    }
    Ok(at)
}

fn literal_end(bytes: &[u8], at: usize) -> Result<usize, usize> {
    let found =
        [&b"true"[..], b"false", b"null"].into_iter().find(|word| bytes[at.min(bytes.len())..].starts_with(word));
    found.map(|word| at + word.len()).ok_or(at)
}

/// The events of one JSON value that [`value_end`] has looked at.
pub(super) struct JsonEvents<'a> {
    text: &'a str,
    base: usize,
    at: usize,
}

impl<'a> JsonEvents<'a> {
    /// `text` stands at byte `base` of its file.
    pub(super) fn new(text: &'a str, base: usize) -> Self {
        Self { text, base, at: 0 }
    }

    /// The next event with its span; `End` for ever after the last.
    pub(super) fn next(&mut self) -> (Event<'a>, Span) {
        let bytes = self.text.as_bytes();
        let between = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | b':');
        self.at += bytes[self.at..].iter().take_while(between).count();
        let start = self.at;
        let (event, end) = match bytes.get(start) {
            None => (Event::End, start),
            Some(b'{') => (Event::Map(0, true), start + 1),
            Some(b'}') => (Event::MapEnd, start + 1),
            Some(b'[') => (Event::List(0, true), start + 1),
            Some(b']') => (Event::ListEnd, start + 1),
            Some(b'"') => {
                let end = string_end(bytes, start).unwrap_or(bytes.len());
                let inner = self.text.get(start + 1..end - 1).unwrap_or_default();
                (Event::Scalar(Scalar { text: unescaped(inner), style: Style::Quoted, anchor: 0, tag: None }), end)
            }
            Some(_) => {
                let inside = |byte: &&u8| !between(byte) && !matches!(byte, b'}' | b']');
                let end = start + bytes[start..].iter().take_while(inside).count();
                let text = Cow::Borrowed(self.text.get(start..end).unwrap_or_default());
                (Event::Scalar(Scalar { text, style: Style::Plain, anchor: 0, tag: None }), end)
            }
        };
        self.at = end;
        let offset = |at: usize| u32::try_from(self.base + at).unwrap_or(u32::MAX);
        (event, Span { start: offset(start), end: offset(end) })
    }
}

/// The text of a string whose escapes are right. A half of a surrogate pair is U+FFFD, as in Go.
fn unescaped(inner: &str) -> Cow<'_, str> {
    if !inner.contains('\\') {
        return Cow::Borrowed(inner);
    }
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let escape = rest.as_bytes().get(at + 1).copied().unwrap_or(b'\\');
        rest = rest.get(at + 2..).unwrap_or_default();
        match escape {
            b'b' => text.push('\u{8}'),
            b'f' => text.push('\u{c}'),
            b'n' => text.push('\n'),
            b'r' => text.push('\r'),
            b't' => text.push('\t'),
            b'u' => {
                let (high, behind) = code_unit(rest);
                rest = behind;
                let low = rest.strip_prefix("\\u").map(code_unit).filter(|(low, _)| (0xdc00..0xe000).contains(low));
                match low {
                    Some((low, behind)) if (0xd800..0xdc00).contains(&high) => {
                        rest = behind;
                        let code = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                        text.push(char::from_u32(code).unwrap_or('\u{fffd}'));
                    }
                    _ => text.push(char::from_u32(high).unwrap_or('\u{fffd}')),
                }
            }
            other => text.push(char::from(other)),
        }
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// The four hexadecimal digits that `text` begins with, and what follows.
fn code_unit(text: &str) -> (u32, &str) {
    let (digits, rest) = text.split_at_checked(4).unwrap_or((text, ""));
    (u32::from_str_radix(digits, 16).unwrap_or(0xfffd), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_where_json_says() {
        for (text, end) in [
            ("{}", Ok(Some(2))),
            (" {\"a\": [1, -0.5e+3, true, null, \"\\u00e9\\/\"] } x", Ok(Some(45))),
            ("[[],{}]{", Ok(Some(7))),
            (" \r\n\t", Ok(None)),
            ("{a: 1}", Err(1)),
            ("{\"a\": 01}", Err(7)),
            ("{\"a\": 1,}", Err(8)),
            ("[1,]", Err(3)),
            ("\"\t\"", Err(1)),
            ("\"\\x41\"", Err(1)),
            ("nul", Err(0)),
            ("[1", Err(2)),
        ] {
            assert_eq!(value_end(text, 0), end, "{text}");
        }
        assert_eq!(value_end(&"[".repeat(1_000_000), 0), Err(1_000_000));
    }

    #[test]
    fn escapes_are_those_of_json() {
        assert_eq!(
            unescaped("a\\n\\\"\\/\\u00e9\\ud83d\\ude00\\ud83dx\\ude00"),
            "a\n\"/\u{e9}\u{1f600}\u{fffd}x\u{fffd}"
        );
    }
}
