//! Anchors, aliases, tags and directives.

use super::{Kind, Scanned, Scanner};
use std::borrow::Cow;

fn is_alpha(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

impl<'a> Scanner<'a> {
    pub(super) fn anchor(&mut self, is_alias: bool) -> Scanned<()> {
        let start = self.at;
        self.at += 1;
        while is_alpha(self.byte(self.at)) {
            self.at += 1;
        }
        let name = self.slice(start + 1, self.at);
        let ends = matches!(self.byte(self.at), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if name.is_empty() || !(ends || self.is_blank_or_end(self.at)) {
            let what = if is_alias { "an alias" } else { "an anchor" };
            return self.refuse(&format!("{what} has a name of ASCII letters, digits, `-` and `_`"), start);
        }
        self.push(if is_alias { Kind::Alias(name) } else { Kind::Anchor(name) }, start, self.at);
        Ok(())
    }

    pub(super) fn tag(&mut self) -> Scanned<()> {
        let start = self.at;
        let (handle, suffix) = if self.byte(start + 1) == b'<' {
            self.at += 2;
            let suffix = self.tag_uri("", start)?;
            if self.byte(self.at) != b'>' {
                return self.refuse("did not find the expected '>' of a tag", start);
            }
            self.at += 1;
            ("", suffix)
        } else {
            self.at += 1;
            while is_alpha(self.byte(self.at)) {
                self.at += 1;
            }
            if self.byte(self.at) == b'!' {
                self.at += 1;
                let handle = self.slice(start, self.at);
                (handle, self.tag_uri("", start)?)
            } else {
                let head = self.slice(start, self.at);
                let suffix = self.tag_uri(head, start)?;
                if suffix.is_empty() { ("", Cow::Borrowed("!")) } else { ("!", suffix) }
            }
        };
        if !self.is_blank_or_end(self.at) {
            return self.refuse("a tag ends with a space or line end", start);
        }
        self.push(Kind::Tag(handle, suffix), start, self.at);
        Ok(())
    }

    /// The rest of a tag, with what of it was read as `head` (a `!` first).
    fn tag_uri(&mut self, head: &'a str, tag: usize) -> Scanned<Cow<'a, str>> {
        let start = self.at;
        let mut escaped: Option<Vec<u8>> = None;
        loop {
            let byte = self.byte(self.at);
            if byte == b'%' {
                let digits = self.slice(self.at + 1, self.at + 3);
                let Some(octet) = u8::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 2) else {
                    return self.refuse("did not find an URI-escaped octet in a tag", tag);
                };
                let so_far = self.slice(start, self.at).as_bytes();
                escaped.get_or_insert_with(|| so_far.to_vec()).push(octet);
                self.at += 3;
            } else if is_alpha(byte) || b";/?:@&=+$,.!~*'()[]".contains(&byte) {
                if let Some(escaped) = &mut escaped {
                    escaped.push(byte);
                }
                self.at += 1;
            } else {
                break;
            }
        }
        if head.is_empty() && self.at == start {
            return self.refuse("did not find the expected name of a tag", tag);
        }
        let head = head.get(1..).unwrap_or_default();
        match escaped {
            None => Ok(Cow::Borrowed(self.slice(start - head.len(), self.at))),
            Some(bytes) => match String::from_utf8(bytes) {
                Ok(text) => Ok(Cow::Owned(format!("{head}{text}"))),
                Err(_) => self.refuse("a tag is no UTF-8 text", tag),
            },
        }
    }

    /// Goes behind a directive. What it says does not count: the parser refuses each.
    pub(super) fn directive(&mut self) -> Scanned<()> {
        let start = self.at;
        self.at += 1;
        while is_alpha(self.byte(self.at)) {
            self.at += 1;
        }
        if !matches!(self.slice(start + 1, self.at), "YAML" | "TAG") {
            return self.refuse("found an unknown directive", start);
        }
        self.skip_to_break();
        Ok(())
    }
}
