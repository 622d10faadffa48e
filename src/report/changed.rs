//! The lines that a change touches: what hosts show of a file, and where a remark can stand.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// Hosts show this many unchanged lines around a changed one.
const CONTEXT: u32 = 3;
/// What differs in the middle of two files with more lines than this is taken as changed altogether.
const COMPARED: usize = 20_000;

/// The lines of the head that a change adds or rewrites, by path. Files that it leaves alone have none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChangedLines {
    files: BTreeMap<String, FileLines>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct FileLines {
    /// New lines.
    changed: Vec<RangeInclusive<u32>>,
    /// Between these and the line before, something is gone.
    gone: Vec<u32>,
}

impl ChangedLines {
    /// Takes a file in: its text before the change, and after it.
    pub fn add(&mut self, path: &str, before: Option<&str>, after: &str) {
        self.files.insert(path.to_owned(), compare(before.unwrap_or_default(), after));
    }

    /// Says whether a line is new or rewritten.
    #[must_use]
    pub fn is_changed(&self, path: &str, line: u32) -> bool {
        self.files.get(path).is_some_and(|file| file.changed.iter().any(|range| range.contains(&line)))
    }

    /// Says whether hosts show a line as a part of the change: it is changed, or few lines from one that is.
    #[must_use]
    pub fn is_shown(&self, path: &str, line: u32) -> bool {
        let near = |from: u32, to: u32| line + CONTEXT >= from && line <= to.saturating_add(CONTEXT);
        self.files.get(path).is_some_and(|file| {
            file.changed.iter().any(|range| near(*range.start(), *range.end()))
                || file.gone.iter().any(|at| near(*at, at.saturating_sub(1)))
        })
    }
}

fn compare(before: &str, after: &str) -> FileLines {
    let (before, after): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let same = before.iter().zip(&after).take_while(|(one, other)| one == other).count();
    let (before, rest) = (&before[same..], &after[same..]);
    let tail = before.iter().rev().zip(rest.iter().rev()).take_while(|(one, other)| one == other).count();
    let (before, rest) = (&before[..before.len() - tail], &rest[..rest.len() - tail]);
    let mut lines = FileLines::default();
    let mut note = |at: usize, count: usize, gone: usize| {
        let line = |index: usize| u32::try_from(same + index + 1).unwrap_or(u32::MAX);
        if count > 0 {
            lines.changed.push(line(at)..=line(at + count - 1));
        } else if gone > 0 {
            lines.gone.push(line(at));
        }
    };
    if before.is_empty() || rest.is_empty() || before.len().max(rest.len()) > COMPARED {
        note(0, rest.len(), before.len());
        return lines;
    }
    for op in similar::capture_diff_slices(similar::Algorithm::Myers, before, rest) {
        if op.tag() != similar::DiffTag::Equal {
            note(op.new_range().start, op.new_range().len(), op.old_range().len());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(before: Option<&str>, after: &str) -> ChangedLines {
        let mut lines = ChangedLines::default();
        lines.add("a", before, after);
        lines
    }

    fn text(lines: &[u32]) -> String {
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    #[test]
    fn new_and_rewritten_lines_are_changed_and_those_beside_them_are_shown() {
        let before: Vec<u32> = (1..=30).collect();
        let mut after = before.clone();
        after[9] = 100;
        after.insert(20, 200);
        let lines = changed(Some(&text(&before)), &text(&after));
        let which = |is: &dyn Fn(u32) -> bool| (1..=31).filter(|line| is(*line)).collect::<Vec<u32>>();
        assert_eq!(which(&|line| lines.is_changed("a", line)), [10, 21]);
        let near: Vec<u32> = (7..=13).chain(18..=24).collect();
        assert_eq!(which(&|line| lines.is_shown("a", line)), near);
        assert!(!lines.is_changed("b", 10));
    }

    #[test]
    fn where_lines_are_gone_those_around_are_shown() {
        let lines = changed(Some(&text(&[1, 2, 3, 4, 5, 6, 7, 8, 9])), &text(&[1, 2, 3, 4, 6, 7, 8, 9]));
        assert_eq!((1..=8).filter(|line| lines.is_shown("a", *line)).collect::<Vec<u32>>(), [2, 3, 4, 5, 6, 7]);
        assert!((1..=8).all(|line| !lines.is_changed("a", line)));
    }

    #[test]
    fn all_of_a_new_file_is_changed_and_nothing_of_one_that_stays() {
        assert!((1..=3).all(|line| changed(None, "a\nb\nc\n").is_changed("a", line)));
        assert!((1..=3).all(|line| !changed(Some("a\nb\nc\n"), "a\nb\nc\n").is_shown("a", line)));
    }
}
