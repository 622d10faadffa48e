//! Source files and places in them.

use crate::finding::{Excerpt, Place};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// A file that values were read from. Shared by every value that came from it.
pub struct Source {
    file: Arc<File>,
}

struct File {
    path: String,
    text: String,
    /// How many lines of the file stand before the text.
    lines_before: u32,
    line_starts: OnceLock<Vec<u32>>,
    /// How many characters stand before each [`STEP`] of the text.
    characters: OnceLock<Vec<u32>>,
}

/// How many bytes are counted for a column, however long the line is.
const STEP: usize = 1024;

impl Source {
    /// A file with its text. `path` is relative to the repository root, `/` between parts.
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        Self::part(path, text, 0)
    }

    /// A part of a file that begins at a line of its own, behind `lines_before` others: places are those in the file.
    pub fn part(path: impl Into<String>, text: impl Into<String>, lines_before: u32) -> Arc<Self> {
        let (line_starts, characters) = Default::default();
        let file = File { path: path.into(), text: text.into(), lines_before, line_starts, characters };
        Arc::new(Self { file: Arc::new(file) })
    }

    /// The same file with a count of owners of its own: threads that all count at one place wait for each other.
    #[must_use]
    pub(super) fn again(&self) -> Arc<Self> {
        Arc::new(Self { file: Arc::clone(&self.file) })
    }

    /// Path relative to the repository root.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.file.path
    }

    /// The whole text, or that of the part.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.file.text
    }

    fn line_starts(&self) -> &[u32] {
        self.file.line_starts.get_or_init(|| {
            let breaks = self.file.text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            let starts = breaks.map(|(at, _)| u32::try_from(at + 1).unwrap_or(u32::MAX));
            std::iter::once(0).chain(starts).collect()
        })
    }

    /// The line of a byte offset into the text, from 1, and how many bytes of it stand before the offset.
    #[must_use]
    pub fn line_and_offset(&self, byte: u32) -> (u32, u32) {
        let starts = self.line_starts();
        let line = starts.partition_point(|start| *start <= byte).max(1);
        let number = u32::try_from(line).unwrap_or(u32::MAX).saturating_add(self.file.lines_before);
        (number, byte - starts[line - 1])
    }

    /// Line and column of a byte offset into the text, both from 1; the column counts characters.
    #[must_use]
    pub fn line_and_column(&self, byte: u32) -> (u32, u32) {
        let (line, offset) = self.line_and_offset(byte);
        let end = (byte as usize).min(self.file.text.len());
        let start = end.saturating_sub(offset as usize);
        let column = match end - start {
            0..STEP => count_characters(&self.file.text.as_bytes()[start..end]),
            _ => self.characters_before(end) - self.characters_before(start),
        };
        (line, column.saturating_add(1))
    }

    /// How many characters stand before a byte of the text.
    fn characters_before(&self, byte: usize) -> u32 {
        let bytes = self.file.text.as_bytes();
        let counts = self.file.characters.get_or_init(|| {
            let mut count = 0;
            let steps = bytes.chunks(STEP).map(|step| {
                count += count_characters(step);
                count
            });
            std::iter::once(0).chain(steps).collect()
        });
        let step = byte / STEP;
        counts[step] + count_characters(&bytes[step * STEP..byte])
    }

    /// The text of a line (from 1) without its line end.
    #[must_use]
    pub fn line(&self, line: u32) -> &str {
        let starts = self.line_starts();
        let Some(line) = line.checked_sub(self.file.lines_before) else { return "" };
        let Some(start) = starts.get(line.saturating_sub(1) as usize) else { return "" };
        let rest = self.file.text.get(*start as usize..).unwrap_or_default();
        rest.split('\n').next().unwrap_or_default().trim_end_matches('\r')
    }
}

/// How many characters begin in these bytes.
fn count_characters(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count()).unwrap_or(u32::MAX)
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({})", self.file.path)
    }
}

/// Where a value or key came from: a file and a byte span in it.
#[derive(Clone)]
pub struct Origin {
    source: Arc<Source>,
    start: u32,
    end: u32,
}

impl Origin {
    /// The bytes `start..end` of `source`.
    #[must_use]
    pub fn new(source: Arc<Source>, start: u32, end: u32) -> Self {
        Self { source, start, end }
    }

    /// The file.
    #[must_use]
    pub fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// First byte and the byte after the last.
    #[must_use]
    pub fn span(&self) -> (u32, u32) {
        (self.start, self.end)
    }

    /// The place without the text of its line: for origins inside secrets.
    #[must_use]
    pub fn place_without_excerpt(&self) -> Place {
        let (line, column) = self.source.line_and_column(self.start);
        Place::at(self.source.path(), line, column)
    }

    /// What stands before it on its line.
    #[must_use]
    pub fn before(&self) -> &str {
        let (_, offset) = self.source.line_and_offset(self.start);
        self.source.text().get((self.start - offset) as usize..self.start as usize).unwrap_or_default()
    }

    /// The place as people read it, with the text of its line unless that is too long for a person.
    #[must_use]
    pub fn place(&self) -> Place {
        const LONGEST_LINE: usize = 400;
        let mut place = self.place_without_excerpt();
        let (line, column) = (place.line.unwrap_or(1), place.column.unwrap_or(1));
        let text = self.source.line(line);
        if text.len() > LONGEST_LINE {
            // Nobody can tell from the place whether a secret value stands before it, whose length the column would tell.
            place.column = place.column.filter(|_| !self.before().contains(['{', '[', ',']));
            return place;
        }
        let span = self.source.text().get(self.start as usize..self.end as usize).unwrap_or_default();
        let first = span.lines().next().unwrap_or_default().trim_end();
        let rest = text.chars().count().saturating_sub(column as usize - 1);
        let width = first.chars().count().min(rest).max(1);
        place.excerpt = Some(Excerpt { line: text.to_owned(), width: u32::try_from(width).unwrap_or(1) });
        place
    }
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.place_without_excerpt())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_start_at_one() {
        let source = Source::new("a.yaml", "é: ü\r\nkey: value\n");
        assert_eq!(source.line_and_column(0), (1, 1));
        assert_eq!(source.line_and_column(4), (1, 4));
        let value = u32::try_from(source.text().find("value").unwrap_or_default()).unwrap_or_default();
        assert_eq!(source.line_and_column(value), (2, 6));
        assert_eq!(source.line(1), "é: ü");
        let place = Origin::new(Arc::clone(&source), value, value + 5).place();
        assert_eq!(place.to_string(), "a.yaml:2:6");
        assert_eq!(place.excerpt, Some(Excerpt { line: "key: value".into(), width: 5 }));
    }

    #[test]
    fn columns_of_a_long_line_are_those_of_its_characters() {
        let source = Source::new("a.yaml", format!("x\n{}\ny", "é: ü, ".repeat(2000)));
        for at in [0, 1, 700, 1023, 1024, 1025, 8000, 15_999] {
            let byte = 2 + at;
            let Some(before) = source.text().get(2..byte as usize) else { continue };
            let column = u32::try_from(before.chars().count() + 1).unwrap_or_default();
            assert_eq!(source.line_and_column(byte), (2, column), "{at}");
        }
    }

    #[test]
    fn places_in_a_part_are_those_in_the_file() {
        let source = Source::part("a.yaml", "a: 1\nkey: value\n", 40);
        assert_eq!((source.line_and_column(5), source.line(42), source.line(2)), ((42, 1), "key: value", ""));
        assert_eq!(Origin::new(source, 10, 15).place().excerpt.map(|excerpt| excerpt.line), Some("key: value".into()));
    }
}
