//! Splits a file into documents as kubectl and kustomize do: by lines, before any YAML is parsed.
//!
//! Decided by `YAMLReader` of k8s.io/apimachinery and `splitDocuments` of kyaml: a line that starts with `---` ends the
//! document, only spaces and a comment may follow. A broken document therefore never hides the next one.

/// A part of a file, with byte offsets into the whole text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// The text between two separators, without a byte order mark.
    Document { start: usize, text: &'a str },
    /// A line that starts with `---` and goes on with something else: `start..end`.
    BadSeparator { start: usize, end: usize },
}

/// The pieces of `text` in order. Documents that hold only spaces and comments are left out.
pub(super) fn pieces(text: &str) -> impl Iterator<Item = Piece<'_>> {
    Pieces { text, at: 0, pending: None, done: false }
}

struct Pieces<'a> {
    text: &'a str,
    at: usize,
    pending: Option<Piece<'a>>,
    done: bool,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        loop {
            if let Some(piece) = self.pending.take() {
                return Some(piece);
            }
            if self.done {
                return None;
            }
            let start = self.at + bom(&self.text[self.at..]);
            let separator = separator_from(self.text, start);
            let end = separator.unwrap_or(self.text.len());
            match separator {
                Some(line_start) => {
                    let line = self.text[line_start..].split_inclusive('\n').next().unwrap_or_default();
                    let trailing = line[3..].trim();
                    if !trailing.is_empty() && !trailing.starts_with('#') {
                        let end = line_start + line.trim_end().len();
                        self.pending = Some(Piece::BadSeparator { start: line_start, end });
                    }
                    self.at = line_start + line.len();
                }
                None => self.done = true,
            }
            let document = &self.text[start..end];
            if !is_blank(document) {
                return Some(Piece::Document { start, text: document });
            }
        }
    }
}

/// The start of the first line at or after `from` (a line start) that begins with `---`.
fn separator_from(text: &str, from: usize) -> Option<usize> {
    if text[from..].starts_with("---") {
        return Some(from);
    }
    text[from..].find("\n---").map(|at| from + at + 1)
}

fn bom(text: &str) -> usize {
    if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
}

fn is_blank(document: &str) -> bool {
    document.lines().all(|line| {
        let line = line.trim_matches([' ', '\t', '\r']);
        line.is_empty() || line.starts_with('#')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(text: &str) -> Vec<(usize, &str)> {
        pieces(text)
            .filter_map(|piece| match piece {
                Piece::Document { start, text } => Some((start, text)),
                Piece::BadSeparator { .. } => None,
            })
            .collect()
    }

    #[test]
    fn documents_are_split_at_lines_of_dashes() {
        assert_eq!(documents("a: 1\n---\nb: 2\n"), [(0, "a: 1\n"), (9, "b: 2\n")]);
        assert_eq!(documents("a: 1\r\n--- # c\r\nb: 2"), [(0, "a: 1\r\n"), (15, "b: 2")]);
        assert_eq!(documents("---\n---\n# only\n---\na: 1\n---"), [(19, "a: 1\n")]);
        assert_eq!(documents("\u{feff}---\na: 1"), [(7, "a: 1")]);
        assert_eq!(documents("---\n\u{feff}a: 1"), [(7, "a: 1")]);
        assert_eq!(documents("a: |\n  ---\n  b\n"), [(0, "a: |\n  ---\n  b\n")]);
        assert_eq!(documents(""), []);
    }

    #[test]
    fn text_after_a_separator_is_named() {
        let all: Vec<_> = pieces("a: 1\n--- {b: 2}\r\nc: 3\n").collect();
        let expected = [
            Piece::Document { start: 0, text: "a: 1\n" },
            Piece::BadSeparator { start: 5, end: 15 },
            Piece::Document { start: 17, text: "c: 3\n" },
        ];
        assert_eq!(all, expected);
    }
}
