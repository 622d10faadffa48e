//! The lines of a diff while they are made, and the paths that name where they are.

use super::change::{DiffLine, LineKind};
use super::redact::{Redacted, Redactor};

/// How many unchanged lines are kept around a change.
const CONTEXT: usize = 3;

/// One side of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Before,
    After,
}

impl Side {
    pub(super) fn of(kind: LineKind) -> Self {
        if kind == LineKind::Removed { Self::Before } else { Self::After }
    }
}

/// One side or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sides {
    Before,
    After,
    Both,
}

impl Sides {
    pub(super) fn indices(self) -> std::ops::Range<usize> {
        match self {
            Self::Before => 0..1,
            Self::After => 1..2,
            Self::Both => 0..2,
        }
    }
}

impl From<Side> for Sides {
    fn from(side: Side) -> Self {
        match side {
            Side::Before => Self::Before,
            Side::After => Self::After,
        }
    }
}

/// The lines so far. Texts that come in have been redacted.
#[derive(Default)]
pub(super) struct Lines {
    /// Kind, text, and the path of what the line shows.
    lines: Vec<(LineKind, String, usize)>,
    /// What stands in place of the indentation of the next line of each side: the dash of a list item.
    pending: [Option<String>; 2],
}

impl Lines {
    /// Begins a list item: the next line of these sides carries its dash.
    pub(super) fn item(&mut self, sides: Sides, indent: usize) {
        for side in sides.indices() {
            let lead = self.pending[side].take().unwrap_or_else(|| " ".repeat(indent));
            self.pending[side] = Some(lead + "- ");
        }
    }

    /// A line of one side.
    pub(super) fn one(&mut self, side: Side, indent: usize, text: &str, path: usize) {
        let (kind, index) = match side {
            Side::Before => (LineKind::Removed, 0),
            Side::After => (LineKind::Added, 1),
        };
        let lead = self.pending[index].take().unwrap_or_else(|| " ".repeat(indent));
        self.lines.push((kind, (lead + text).trim_end().to_owned(), path));
    }

    /// A line of both sides; two lines when only one of them begins a list item.
    pub(super) fn both(&mut self, indent: usize, text: &str, path: usize) {
        if self.pending[0] == self.pending[1] {
            let lead = self.pending[0].take().unwrap_or_else(|| " ".repeat(indent));
            self.pending[1] = None;
            self.lines.push((LineKind::Context, (lead + text).trim_end().to_owned(), path));
        } else {
            self.one(Side::Before, indent, text, path);
            self.one(Side::After, indent, text, path);
        }
    }

    /// The diff: changed lines with their context, and a header where lines are left out
    /// above: the path of the first change below it.
    pub(super) fn finish(self, paths: &Paths, redactor: &Redactor) -> Vec<DiffLine> {
        let changed: Vec<usize> =
            self.lines.iter().enumerate().filter(|(_, line)| line.0 != LineKind::Context).map(|(at, _)| at).collect();
        let mut diff = Vec::new();
        let mut next = 0;
        for at in changed {
            let start = at.saturating_sub(CONTEXT).max(next);
            if start > next {
                let label = paths.label(self.lines[at].2);
                if !label.is_empty() {
                    diff.push(DiffLine { kind: LineKind::Header, text: redactor.text(&label) });
                }
            }
            let end = (at + CONTEXT + 1).min(self.lines.len());
            if end > start {
                let lines = self.lines[start..end].iter();
                diff.extend(lines.map(|(kind, text, _)| DiffLine { kind: *kind, text: Redacted::wrap(text.clone()) }));
                next = end;
            }
        }
        diff
    }
}

/// Paths as a tree, so that a path costs its last part alone.
pub(super) struct Paths {
    parts: Vec<(usize, String)>,
}

impl Paths {
    /// The whole object.
    pub(super) const ROOT: usize = 0;

    pub(super) fn new() -> Self {
        Self { parts: vec![(0, String::new())] }
    }

    /// The value of a key.
    pub(super) fn key(&mut self, parent: usize, key: &str) -> usize {
        let plain =
            !key.is_empty() && key.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'$'));
        let part = match (plain, parent) {
            (true, Self::ROOT) => key.to_owned(),
            (true, _) => format!(".{key}"),
            (false, _) => format!("[{key:?}]"),
        };
        self.add(parent, part)
    }

    /// A list item.
    pub(super) fn item(&mut self, parent: usize, name: &str) -> usize {
        self.add(parent, format!("[{name}]"))
    }

    /// The lines of a string: a header names the string itself there.
    pub(super) fn inside(&mut self, path: usize) -> usize {
        self.add(path, String::new())
    }

    pub(super) fn is_metadata(&self, path: usize) -> bool {
        self.parts[path].1.trim_start_matches('.') == "metadata"
    }

    fn add(&mut self, parent: usize, part: String) -> usize {
        self.parts.push((parent, part));
        self.parts.len() - 1
    }

    /// The path as people write it; not redacted.
    pub(super) fn label(&self, mut path: usize) -> String {
        let mut parts = Vec::new();
        while path != Self::ROOT {
            let (parent, part) = &self.parts[path];
            parts.push(part.as_str());
            path = *parent;
        }
        parts.reverse();
        parts.concat()
    }
}
