//! Finds values in a text: as they stand, wrapped over lines, and torn at the end of one.

use aho_corasick::{AhoCorasick, MatchKind};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::OnceLock;

/// Shorter values are not looked for over line ends: two words side by side could be one by chance.
const WRAPPED: usize = 40;
/// Fewer letters of a value tell nothing at the end of a line.
const TORN: usize = 6;

/// A part of a text, and what it is replaced by where that is no mask.
pub(super) type Span<'a> = (usize, usize, Option<&'a str>);

/// All values, ready to be looked for.
#[derive(Clone)]
pub(super) struct Matcher {
    values: BTreeSet<String>,
    /// Whether each of them is an encoding.
    encoded: Vec<bool>,
    /// Each value from its end to its beginning.
    reversed: OnceLock<BTreeSet<String>>,
    whole: Option<AhoCorasick>,
    replacements: Vec<Option<String>>,
    wrapped: OnceLock<Option<AhoCorasick>>,
}

impl Matcher {
    /// Of values, each with whether it is an encoding, and names with what is shown of them.
    pub(super) fn new<'v>(values: impl Iterator<Item = (&'v str, bool)>, generated: &BTreeMap<String, String>) -> Self {
        let values: BTreeMap<String, bool> = values.map(|(value, encoded)| (value.to_owned(), encoded)).collect();
        let encoded = values.values().copied().collect();
        let values: BTreeSet<String> = values.into_keys().collect();
        let names = generated.keys().map(String::as_str);
        let whole = automaton(values.iter().map(String::as_str).chain(names).collect());
        let shown = generated.values().map(|shown| Some(shown.clone()));
        let replacements = values.iter().map(|_| None).chain(shown).collect();
        Self { values, encoded, reversed: OnceLock::new(), whole, replacements, wrapped: OnceLock::new() }
    }

    /// Every place of `text` that holds a value.
    pub(super) fn spans(&self, text: &str) -> Vec<Span<'_>> {
        let Some(whole) = &self.whole else { return Vec::new() };
        let replacement = |at: usize| self.replacements.get(at).and_then(Option::as_deref);
        let found = whole.find_overlapping_iter(text);
        let mut spans: Vec<Span<'_>> = Vec::new();
        for found in found {
            let at = found.pattern().as_usize();
            let (start, end) = match self.encoded.get(at) {
                Some(true) => run(text, found.start(), found.end()),
                // What is encoded may have been learned without its padding, which tells of its length.
                _ => (found.start(), found.end() + padding(&text[found.end()..])),
            };
            spans.push((start, end, replacement(at)));
        }
        if text.trim_end().contains('\n') {
            spans.extend(self.over_lines(text));
        }
        spans.extend(text.match_indices('…').filter_map(|(at, _)| Some((self.cut_short(&text[..at])?, at, None))));
        spans
    }

    /// Values that are wrapped: the text is looked through without its white space.
    fn over_lines(&self, text: &str) -> Vec<Span<'_>> {
        let wrapped = self.wrapped.get_or_init(|| {
            let packed = self.values.iter().map(|value| packed(value).0).filter(|value| value.len() >= WRAPPED);
            let packed: BTreeSet<String> = packed.collect();
            automaton(packed.iter().map(String::as_str).collect())
        });
        let Some(wrapped) = wrapped else { return Vec::new() };
        let (packed, places) = packed(text);
        let found = wrapped.find_overlapping_iter(&packed);
        found.map(|found| (places[found.start()], places[found.end() - 1] + 1, None)).collect()
    }

    /// Where the beginning of a value starts that a message cuts short: at the end of `text`.
    fn cut_short(&self, text: &str) -> Option<usize> {
        let starts = text.char_indices().map(|(at, _)| at).rev().take(512).filter(|at| text.len() - at >= TORN);
        starts.filter(|at| begins(&self.values, &text[*at..])).min()
    }

    /// Says whether a line begins or ends in the middle of a value, as one that YAML folds does.
    pub(super) fn is_torn(&self, line: &str) -> bool {
        if self.whole.is_none() {
            return false;
        }
        let edge = |c: char| c.is_whitespace() || "\"'\\".contains(c);
        let line = line.trim_matches(edge);
        let reversed = self.reversed.get_or_init(|| self.values.iter().map(|it| it.chars().rev().collect()).collect());
        let backwards: String = line.chars().rev().collect();
        let torn = |text: &str, values: &BTreeSet<String>| {
            let cuts = text.char_indices().map(|(at, _)| at).filter(|at| text.len() - at >= TORN);
            cuts.take(4096).any(|at| begins(values, &text[at..]))
        };
        torn(line, &self.values) || torn(&backwards, reversed)
    }
}

/// The whole encoded text that a part of it stands in: its ends hold bits of the value, and its length tells the value's.
fn run(text: &str, start: usize, end: usize) -> (usize, usize) {
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/_-=".contains(byte);
    let bytes = text.as_bytes();
    let before = bytes[..start].iter().rev().take_while(|byte| inside(byte)).count();
    let after = bytes[end..].iter().take_while(|byte| inside(byte)).count();
    (start - before, end + after)
}

fn padding(rest: &str) -> usize {
    rest.bytes().take(2).take_while(|byte| *byte == b'=').count()
}

/// Says whether one of the values begins with this text.
fn begins(values: &BTreeSet<String>, text: &str) -> bool {
    values
        .range::<str, _>((Bound::Included(text), Bound::Unbounded))
        .next()
        .is_some_and(|value| value.starts_with(text))
}

fn automaton(patterns: Vec<&str>) -> Option<AhoCorasick> {
    if patterns.is_empty() {
        return None;
    }
    let automaton = AhoCorasick::builder().match_kind(MatchKind::Standard).build(patterns);
    Some(automaton.expect("because patterns of manifests within the reader's budget fit an automaton"))
}

/// The text without white space, and where each of its bytes stood.
fn packed(text: &str) -> (String, Vec<usize>) {
    let (mut packed, mut places) = (String::with_capacity(text.len()), Vec::with_capacity(text.len()));
    for (at, letter) in text.char_indices().filter(|(_, letter)| !letter.is_whitespace()) {
        packed.push(letter);
        places.extend(at..at + letter.len_utf8());
    }
    (packed, places)
}
