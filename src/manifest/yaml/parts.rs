//! Cuts a stream of YAML documents into parts that can be read by themselves, so that a long one is never held as a whole.
//!
//! A part ends before a line that begins with `---`, which ends a document wherever it stands, also inside a block scalar
//! (`split` says who decided so). Every part but the first therefore begins with that line, and is read as it would be in the
//! whole. A stream that begins with `{` is JSON to kubectl, whose values no line ends: it is not cut
//! ([`Parts::begins_as_json`]).

use super::split;

/// How a stream is cut.
#[derive(Debug)]
pub struct Parts {
    /// Bytes of a part from which on it ends with its document.
    enough: usize,
    /// Bytes that one document may have.
    longest: usize,
    /// What is not yet cut.
    pending: Vec<u8>,
    /// Up to here there is no separator in it.
    searched: usize,
    /// Lines before it.
    lines: u32,
    /// Inside a document that is too long.
    dropping: bool,
}

/// A part of a stream.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// What it holds.
    pub content: Content,
    /// How many lines stand before it.
    pub lines_before: u32,
}

/// What a part holds.
#[derive(Debug, PartialEq, Eq)]
pub enum Content {
    /// Some documents.
    Text(Vec<u8>),
    /// A document of more bytes than are allowed, which was dropped.
    TooLong,
}

impl Parts {
    /// Cuts after about `enough` bytes; a document of more than `longest` bytes is dropped.
    #[must_use]
    pub fn new(enough: usize, longest: usize) -> Self {
        Self { enough, longest, pending: Vec::new(), searched: 0, lines: 0, dropping: false }
    }

    /// Says whether kubectl tries to read a stream as JSON values, by its first bytes (4,096 are enough).
    #[must_use]
    pub fn begins_as_json(bytes: &[u8]) -> bool {
        let head = &bytes[..bytes.len().min(4096)];
        let valid = std::str::from_utf8(head).map_or_else(|error| error.valid_up_to(), str::len);
        let text = std::str::from_utf8(&head[..valid]).unwrap_or_default();
        split::begins_as_json(text.strip_prefix('\u{feff}').unwrap_or(text))
    }

    /// Takes the next bytes of the stream; gives the parts that end in them.
    pub fn push(&mut self, bytes: &[u8]) -> Vec<Part> {
        self.pending.extend_from_slice(bytes);
        let mut parts = Vec::new();
        while let Some(part) = self.cut() {
            parts.push(part);
        }
        parts
    }

    /// The end of the stream: the last part.
    #[must_use]
    pub fn finish(mut self) -> Option<Part> {
        if self.pending.is_empty() || self.dropping {
            return None;
        }
        Some(self.take(self.pending.len()))
    }

    fn cut(&mut self) -> Option<Part> {
        if self.dropping {
            let end = separator(&self.pending);
            self.dropping = end.is_none();
            // The last bytes may be the beginning of a separator.
            let gone = end.unwrap_or(self.pending.len().saturating_sub(SEPARATOR.len()));
            self.lines = self.lines.saturating_add(line_ends(&self.pending[..gone]));
            self.pending.drain(..gone);
            self.searched = 0;
            end?;
        }
        if self.pending.len() < self.enough {
            return None;
        }
        let from = self.searched.saturating_sub(SEPARATOR.len());
        // What lies before was looked at when there was less.
        if let Some(end) = last_separator(&self.pending[from..]).map(|at| from + at).filter(|end| *end > 0) {
            return Some(self.take(end));
        }
        self.searched = self.pending.len();
        if self.pending.len() <= self.longest {
            return None;
        }
        self.dropping = true;
        Some(Part { content: Content::TooLong, lines_before: self.lines })
    }

    fn take(&mut self, end: usize) -> Part {
        let rest = self.pending.split_off(end);
        let text = std::mem::replace(&mut self.pending, rest);
        let lines_before = self.lines;
        self.lines = self.lines.saturating_add(line_ends(&text));
        self.searched = 0;
        Part { content: Content::Text(text), lines_before }
    }
}

/// A line end and what begins a separator.
const SEPARATOR: &[u8] = b"\n---";

/// The start of the first line that is a separator, but for the first line of all.
fn separator(bytes: &[u8]) -> Option<usize> {
    bytes.windows(SEPARATOR.len()).position(|window| window == SEPARATOR).map(|at| at + 1)
}

/// The start of the last such line.
fn last_separator(bytes: &[u8]) -> Option<usize> {
    bytes.windows(SEPARATOR.len()).rposition(|window| window == SEPARATOR).map(|at| at + 1)
}

fn line_ends(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.iter().filter(|byte| **byte == b'\n').count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str, step: usize, enough: usize, longest: usize) -> Vec<(String, u32)> {
        let mut parts = Parts::new(enough, longest);
        let mut found: Vec<Part> = text.as_bytes().chunks(step).flat_map(|bytes| parts.push(bytes)).collect();
        found.extend(parts.finish());
        let told = |part: Part| match part.content {
            Content::Text(bytes) => (String::from_utf8_lossy(&bytes).into_owned(), part.lines_before),
            Content::TooLong => ("too long".to_owned(), part.lines_before),
        };
        found.into_iter().map(told).collect()
    }

    #[test]
    fn parts_end_between_documents_and_know_their_lines_however_the_bytes_come() {
        let text = "a: 1\n---\nb: |\n  x\n---\nc: 1\r\n--- # d\r\nd: 1\n---";
        for step in [1, 3, 7, text.len()] {
            let parts = cut(text, step, 8, 1000);
            assert_eq!(parts.iter().map(|(text, _)| text.as_str()).collect::<String>(), text, "{step}");
            assert!(parts.len() > 1 || step == text.len(), "{step}");
            let mut lines = 0;
            for (at, (part, before)) in parts.iter().enumerate() {
                assert!(at == 0 || part.starts_with("---"), "{step}: {part:?}");
                assert_eq!(*before, lines);
                lines += line_ends(part.as_bytes());
            }
        }
        assert_eq!(cut("", 1, 8, 100), []);
    }

    #[test]
    fn a_document_that_is_too_long_is_dropped_and_the_next_one_is_not() {
        let text = format!("a: 1\n---\nb: {}\n---\nc: 1\n", "x\n  ".repeat(100));
        for step in [1, 10, 50] {
            let parts = cut(&text, step, 8, 64);
            assert_eq!(parts[0], ("a: 1\n".to_owned(), 0), "{step}");
            assert_eq!(parts[1], ("too long".to_owned(), 1));
            assert_eq!(parts[2], ("---\nc: 1\n".to_owned(), 103));
        }
    }
}
