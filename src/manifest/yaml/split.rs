//! Splits a file into documents as kubectl and kustomize do, before any YAML is parsed. A broken document therefore never
//! hides the next one.
//!
//! Decided by `YAMLOrJSONDecoder` and `YAMLReader` of k8s.io/apimachinery and `splitDocuments` of kyaml: a line that starts
//! with `---` ends the document, only spaces and a comment may follow. kubectl reads a file that begins with `{` as JSON
//! values in a row as long as it is that.

use super::Dialect;
use super::json::value_end;

/// A part of a file, with byte offsets into the whole text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Piece<'a> {
    /// The text between two separators, without a byte order mark.
    Document { start: usize, text: &'a str },
    /// A value that is read as JSON.
    Json { start: usize, text: &'a str },
    /// A line that starts with `---` and goes on with something else: `start..end`.
    BadSeparator { start: usize, end: usize },
    /// The byte where a row of JSON values stops to be one; the rest is not read.
    BadJson { at: usize },
}

impl<'a> Piece<'a> {
    /// The text of a document.
    pub(super) fn content(&self) -> Option<&'a str> {
        match self {
            Self::Document { text, .. } | Self::Json { text, .. } => Some(text),
            Self::BadSeparator { .. } | Self::BadJson { .. } => None,
        }
    }
}

/// The pieces of `text` in order. Documents that hold only spaces and comments are left out.
pub(super) fn pieces(text: &str, dialect: Dialect) -> impl Iterator<Item = Piece<'_>> {
    let mark = bom(text);
    let json = dialect == Dialect::Kubectl && begins_as_json(&text[mark..]);
    Pieces { text, at: mark, pending: None, done: false, dialect, json: json.then_some(0) }
}

struct Pieces<'a> {
    text: &'a str,
    at: usize,
    pending: Option<Piece<'a>>,
    done: bool,
    dialect: Dialect,
    /// How many JSON values were read, while the file is a row of them.
    json: Option<usize>,
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
            if let Some(count) = self.json {
                match self.json(count) {
                    None => continue,
                    piece => return piece,
                }
            }
            let start = self.at + bom(&self.text[self.at..]);
            let separator = separator_from(self.text, start, self.dialect);
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

impl<'a> Pieces<'a> {
    /// The next of a row of JSON values. `None` when the file ends or goes on as YAML: after at most one value it may.
    fn json(&mut self, count: usize) -> Option<Piece<'a>> {
        match value_end(self.text, self.at) {
            Ok(None) => self.done = true,
            Ok(Some(end)) => {
                let text = &self.text[self.at..end];
                let value = text.trim_start_matches([' ', '\t', '\r', '\n']);
                self.at = end;
                self.json = Some(count + 1);
                return Some(Piece::Json { start: end - value.len(), text: value });
            }
            Err(at) if count > 1 => {
                self.done = true;
                return Some(Piece::BadJson { at });
            }
            Err(at) => {
                self.json = None;
                // The decoder looks at four bytes before it changes to YAML.
                if count > 0 && self.text.len() - self.at < 4 {
                    self.done = true;
                    return Some(Piece::BadJson { at });
                }
                let rest = &self.text[self.at..];
                let line_end = rest.find('\n').map_or(rest.len(), |at| at + 1);
                let blank = rest[..line_end].trim_start();
                self.at += if blank.is_empty() { line_end } else { line_end - blank.len() };
            }
        }
        None
    }
}

/// Says whether kubectl tries JSON: the first character that is no space, of the first 4,096 bytes, is `{`.
pub(super) fn begins_as_json(text: &str) -> bool {
    const LOOKED_AT: usize = 4096;
    let first = text.char_indices().find(|(_, c)| !c.is_whitespace());
    first.is_some_and(|(at, c)| c == '{' && at < LOOKED_AT)
}

/// The start of the first separator at or after `from` (a line start): a line that begins with `---`.
///
/// In the first line of a document it is YAML's own marker; to kustomize also in a last line without a line end.
fn separator_from(text: &str, from: usize, dialect: Dialect) -> Option<usize> {
    let rest = &text[from..];
    match dialect {
        Dialect::Kubectl => {
            let first = rest.split_inclusive('\n').next().unwrap_or_default();
            let trailing = first.strip_prefix("---").map(str::trim);
            if trailing.is_some_and(|trailing| !trailing.is_empty() && !trailing.starts_with('#')) {
                return Some(from);
            }
            rest.find("\n---").map(|at| from + at + 1)
        }
        Dialect::Kustomize => {
            let found = rest.find("\n---").map(|at| from + at + 1)?;
            text[found..].contains('\n').then_some(found)
        }
    }
}

fn bom(text: &str) -> usize {
    if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 }
}

fn is_blank(document: &str) -> bool {
    let marker = |rest: &&str| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']);
    let document = document.strip_prefix("---").filter(marker).unwrap_or(document);
    document.lines().all(|line| {
        let line = line.trim_matches([' ', '\r']);
        line.is_empty() || line.starts_with('#')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn documents(text: &str, dialect: Dialect) -> Vec<(usize, &str)> {
        pieces(text, dialect)
            .filter_map(|piece| match piece {
                Piece::Document { start, text } | Piece::Json { start, text } => Some((start, text)),
                Piece::BadSeparator { .. } | Piece::BadJson { .. } => None,
            })
            .collect()
    }

    #[test]
    fn documents_are_split_at_lines_of_dashes() {
        for dialect in [Dialect::Kubectl, Dialect::Kustomize] {
            assert_eq!(documents("a: 1\n---\nb: 2\n", dialect), [(0, "a: 1\n"), (9, "b: 2\n")]);
            assert_eq!(documents("a: 1\r\n--- # c\r\nb: 2", dialect), [(0, "a: 1\r\n"), (15, "b: 2")]);
            assert_eq!(documents("a: |\n  ---\n  b\n", dialect), [(0, "a: |\n  ---\n  b\n")]);
            assert_eq!(documents("", dialect), []);
        }
        // A separator in the first line of a document is left to the grammar.
        assert_eq!(documents("---\n---\n# only\n---\na: 1\n---", Dialect::Kubectl), [(19, "a: 1\n")]);
        assert_eq!(documents("\u{feff}---\na: 1", Dialect::Kubectl), [(3, "---\na: 1")]);
        assert_eq!(documents("x\n---\n\u{feff}a: 1", Dialect::Kubectl), [(0, "x\n"), (9, "a: 1")]);
        assert_eq!(
            documents("--- {a: 1}\n---\nb: 2\n---", Dialect::Kustomize),
            [(0, "--- {a: 1}\n"), (15, "b: 2\n---")]
        );
    }

    #[test]
    fn text_after_a_separator_is_named() {
        let all: Vec<_> = pieces("a: 1\n--- {b: 2}\r\nc: 3\n", Dialect::Kubectl).collect();
        let expected = [
            Piece::Document { start: 0, text: "a: 1\n" },
            Piece::BadSeparator { start: 5, end: 15 },
            Piece::Document { start: 17, text: "c: 3\n" },
        ];
        assert_eq!(all, expected);
    }

    #[test]
    fn json_values_in_a_row_are_documents_to_kubectl() {
        assert_eq!(
            documents("{\"a\":1}{\"b\":2}\n [3]\n", Dialect::Kubectl),
            [(0, "{\"a\":1}"), (7, "{\"b\":2}"), (16, "[3]")]
        );
        assert_eq!(documents("{\"a\":1}\n---\nb: 2\n", Dialect::Kubectl), [(0, "{\"a\":1}"), (8, "---\nb: 2\n")]);
        assert_eq!(documents("{a: 1}\n", Dialect::Kubectl), [(0, "{a: 1}\n")]);
        let all: Vec<_> = pieces("{}{}\n---\n", Dialect::Kubectl).collect();
        assert_eq!(all.last(), Some(&Piece::BadJson { at: 6 }));
    }
}
