//! Regular expressions as the API server reads them: Go's RE2 syntax.
//!
//! Decided by `https://github.com/google/re2/wiki/Syntax`. Both engines match in linear time; where the syntax differs
//! (classes of ASCII alone, what stands for itself), the expression is rewritten.

use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use std::sync::OnceLock;

/// A regular expression, compiled when first used.
#[derive(Debug, Deserialize)]
#[serde(from = "String")]
pub(crate) struct Pattern {
    pub(crate) text: String,
    compiled: OnceLock<Option<Regex>>,
}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self { text, compiled: OnceLock::new() }
    }
}

impl Pattern {
    /// The expression; `None` when it is none.
    pub(crate) fn regex(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| go_pattern(&self.text)).as_ref()
    }
}

/// Compiles an expression in Go's syntax; `None` when it is none.
pub(crate) fn go_pattern(text: &str) -> Option<Regex> {
    // An expression from the repository may not take all the memory there is.
    RegexBuilder::new(&translated(text)?).size_limit(4 << 20).build().ok()
}

/// Whether what came last is a repetition, which only `?` may follow.
#[derive(Clone, Copy)]
enum Repeated {
    No,
    Once,
    Lazily,
}

/// Writes Go's syntax in that of this engine.
fn translated(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len() + 8);
    let mut rest = text;
    let mut in_class = false;
    let mut repeated = Repeated::No;
    while let Some(c) = rest.chars().next() {
        let tail = &rest[c.len_utf8()..];
        let repeats = !in_class && (matches!(c, '*' | '+' | '?') || c == '{' && is_repetition(tail));
        repeated = match (repeated, repeats) {
            (_, false) => Repeated::No,
            (Repeated::No, true) => Repeated::Once,
            (Repeated::Once, true) if c == '?' => Repeated::Lazily,
            // Go refuses to repeat a repetition.
            (_, true) => return None,
        };
        match c {
            '\\' => {
                let escaped = tail.chars().next()?;
                let after = &tail[escaped.len_utf8()..];
                rest = after;
                match (escaped, in_class) {
                    ('d', false) => out.push_str("[0-9]"),
                    ('d', true) => out.push_str("0-9"),
                    ('D', _) => out.push_str("[^0-9]"),
                    ('w', false) => out.push_str("[0-9A-Za-z_]"),
                    ('w', true) => out.push_str("0-9A-Za-z_"),
                    ('W', _) => out.push_str("[^0-9A-Za-z_]"),
                    ('s', false) => out.push_str("[\\t\\n\\f\\r ]"),
                    ('s', true) => out.push_str("\\t\\n\\f\\r "),
                    ('S', _) => out.push_str("[^\\t\\n\\f\\r ]"),
                    ('b', false) => out.push_str("(?-u:\\b)"),
                    ('B', false) => out.push_str("(?-u:\\B)"),
                    ('Q', false) => {
                        let (quoted, after) = after.split_once("\\E").unwrap_or((after, ""));
                        out.push_str(&regex::escape(quoted));
                        rest = after;
                    }
                    // A class by its name, a character by its number: the braces belong to it.
                    ('p' | 'P' | 'x', _) if after.starts_with('{') => {
                        let (name, after) = after.split_once('}')?;
                        out.push('\\');
                        out.push(escaped);
                        out.push_str(name);
                        out.push('}');
                        rest = after;
                    }
                    // Back references and the like are refused by both.
                    ('1'..='9' | 'C' | 'Z', _) => return None,
                    _ => {
                        out.push('\\');
                        out.push(escaped);
                    }
                }
                continue;
            }
            '[' if in_class => {
                // `[[:alpha:]]`; a bracket alone stands for itself.
                match tail.starts_with(':').then(|| tail.find(":]")).flatten() {
                    Some(end) => {
                        out.push_str(&rest[..end + 3]);
                        rest = &rest[end + 3..];
                        continue;
                    }
                    None => out.push_str("\\["),
                }
            }
            '[' => {
                in_class = true;
                out.push('[');
                rest = tail;
                if let Some(after) = rest.strip_prefix('^') {
                    out.push('^');
                    rest = after;
                }
                // Right after the opening a closing bracket stands for itself.
                if let Some(after) = rest.strip_prefix(']') {
                    out.push_str("\\]");
                    rest = after;
                }
                continue;
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            // Set operations of this engine that Go does not have.
            '&' | '~' if in_class => {
                out.push('\\');
                out.push(c);
            }
            '-' if in_class && tail.starts_with('-') && !tail[1..].starts_with(']') => out.push_str("\\-"),
            '{' if repeats => {
                let (count, after) = tail.split_once('}')?;
                out.push('{');
                out.push_str(count);
                out.push('}');
                rest = after;
                continue;
            }
            '{' if !in_class => out.push_str("\\{"),
            '}' if !in_class => out.push_str("\\}"),
            _ => out.push(c),
        }
        rest = tail;
    }
    (!in_class).then_some(out)
}

/// `2}`, `2,}`, `2,3}`: else the brace stands for itself.
fn is_repetition(after_brace: &str) -> bool {
    let Some((inner, _)) = after_brace.split_once('}') else { return false };
    let (least, most) = inner.split_once(',').unwrap_or((inner, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::go_pattern;

    #[test]
    fn classes_are_of_ascii_alone_as_in_go() {
        let is = |pattern: &str, text: &str| go_pattern(pattern).unwrap().is_match(text);
        assert!(is(r"^\d+$", "12") && !is(r"^\d+$", "٣"));
        assert!(is(r"^[\w.-]+$", "a_b.c-d") && !is(r"^\w+$", "ä"));
        assert!(is(r"^[^\s]$", "ä") && is(r"^\S$", "ä") && !is(r"^\s$", "\u{a0}"));
        assert!(is("(?i)^ab$", "AB"));
    }

    #[test]
    fn what_stands_for_itself_in_go_does_so_here() {
        let is = |pattern: &str, text: &str| go_pattern(pattern).unwrap().is_match(text);
        assert!(
            is(r"^[[]$", "[") && is(r"^[]]$", "]") && is(r"^[a&&b]+$", "&") && is(r"^a{$", "a{") && is(r"^{x}$", "{x}")
        );
        assert!(is(r"^[[:alpha:]_]+$", "a_") && is(r"^a{2,3}$", "aaa") && is(r"^\/x$", "/x"));
        assert!(is(r"^\p{L}\pL$", "äö") && is(r"\Qa.b\E", "a.b") && !is(r"\Qa.b\E", "axb"));
        assert!(is(r"^\x{1F600}?a$", "a"));
        for wrong in ["(", "[a", r"(?=a)", r"(a)\1", "a**", "a{2}*", "a+??", "(?P<n"] {
            assert!(go_pattern(wrong).is_none(), "{wrong}");
        }
    }
}
