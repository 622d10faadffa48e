//! The only way for foreign text into Markdown: names, messages, paths, file contents.
//!
//! What comes out has no structure of its own in CommonMark, GFM or GitLab's dialect, mentions nobody, links nowhere,
//! is no quick action and cannot look like our comment's marker. Decided by CommonMark 0.31 and the hosts'
//! reference syntax. Callers never begin a line with it, except in a [`fence`], where each line has a sign in front.

use crate::report::visible::{one_line, visible};

/// Breaks words that hosts give a meaning to; takes no room.
const BREAK: char = '\u{200b}';

/// Foreign text in a sentence or table cell.
#[must_use]
pub fn text(foreign: &str) -> String {
    let line = one_line(foreign);
    let mut out = String::with_capacity(line.len() + 8);
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' => out.extend(['\\', c]),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // Strike-through, image, mathematics, and references: people, issues, labels, milestones, snippets.
            '~' | '!' | '$' => out.extend(['\\', c, BREAK]),
            '@' | '#' | '%' | '^' => out.extend([c, BREAK]),
            // Addresses become links by themselves.
            ':' if characters.peek() == Some(&'/') => out.extend([c, BREAK]),
            '.' if out.ends_with("www") || out.ends_with("WWW") => out.extend([BREAK, c]),
            '-' if out.to_ascii_lowercase().ends_with("gh") => out.extend([c, BREAK]),
            c => out.push(c),
        }
        if c == '&' && characters.peek().is_some_and(char::is_ascii_digit) {
            out.push(BREAK);
        }
    }
    out
}

/// A foreign name that emphasis is put around: no white space at its ends, never empty.
#[must_use]
pub fn name(foreign: &str) -> String {
    let line = one_line(foreign);
    if line.trim().is_empty() { "∅".to_owned() } else { text(line.trim()) }
}

/// Foreign text as code within a sentence.
#[must_use]
pub fn code(foreign: &str) -> String {
    let line = break_marker(&one_line(foreign));
    if line.trim().is_empty() {
        return "`∅`".to_owned();
    }
    let ticks = "`".repeat(longest_run(&line) + 1);
    // A space on both sides is taken off again by the reader; it keeps backticks of the text from joining ours.
    let pad = if line.starts_with(['`', ' ']) || line.ends_with(['`', ' ']) { " " } else { "" };
    format!("{ticks}{pad}{line}{pad}{ticks}")
}

/// Foreign text as code within a table cell.
#[must_use]
pub fn cell_code(foreign: &str) -> String {
    // GFM takes `\|` in a cell as `|` before it looks for code; a backslash in front of it would join in.
    let safe = foreign.replace("\\|", "\\ |");
    code(&safe).replace('|', "\\|")
}

/// A sentence of ours with names in backticks, some of it foreign: the backticks make code, the rest is text.
#[must_use]
pub fn message(sentence: &str) -> String {
    let parts: Vec<&str> = sentence.split('`').collect();
    // Nothing between two backticks would let what follows begin the line.
    if parts.len().is_multiple_of(2) || parts.iter().skip(1).step_by(2).any(|part| part.is_empty()) {
        return text(sentence);
    }
    let told = parts.iter().enumerate().map(|(at, part)| match (at % 2, part.is_empty()) {
        (1, false) => code(part),
        _ => text(part),
    });
    told.collect()
}

/// Foreign text inside our HTML tags.
#[must_use]
pub fn html(foreign: &str) -> String {
    let mut out = String::new();
    for c in one_line(foreign).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '@' | '#' | '!' | '%' | '~' | '$' => out.extend([c, BREAK]),
            c => out.push(c),
        }
    }
    out
}

/// Lines in a fenced code block that nothing in them can close. Each line must begin with a sign of ours.
#[must_use]
pub fn fence(language: &str, lines: impl IntoIterator<Item = String>) -> String {
    let mut body = String::new();
    for line in lines {
        body.push_str(&break_marker(&visible(&line).replace('\n', " ")));
        body.push('\n');
    }
    let ticks = "`".repeat(longest_run(&body).max(2) + 1);
    format!("{ticks}{language}\n{body}{ticks}\n")
}

/// Says whether a line may be offered as it is: nothing in it has to be made visible, passes for a marker of ours, or begins
/// what a host would obey.
#[must_use]
pub fn may_be_offered(line: &str) -> bool {
    let shown = visible(line);
    shown == line && !line.contains(['\n', '\r']) && !line.contains("<!--") && !line.trim_start().starts_with('/')
}

/// A block whose one line the host offers to put in place of another: it stands there as it is ([`may_be_offered`]).
#[must_use]
pub fn suggestion(info: &str, line: &str) -> String {
    let ticks = "`".repeat(longest_run(line).max(2) + 1);
    format!("{ticks}{info}\n{line}\n{ticks}\n")
}

/// A link with foreign text to a URL that has been made by [`url()`].
#[must_use]
pub fn link(foreign: &str, url: &str) -> String {
    format!("[{}]({url})", text(foreign))
}

/// A URL from a template of the host, with foreign parts already percent-encoded; what could end a link is encoded.
#[must_use]
pub fn url(address: &str) -> String {
    let mut out = String::new();
    for c in address.chars() {
        match c {
            '(' | ')' | '<' | '>' | ' ' | '"' | '\\' | '`' | '[' | ']' | '|' | '*' | '_' => {
                out.push_str(&format!("%{:02X}", u32::from(c)));
            }
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

/// A hidden marker of our own must not be found in foreign text.
fn break_marker(text: &str) -> String {
    text.replace("<!--", &format!("<!{BREAK}--"))
}

/// The longest run of backticks anywhere; an indented fence closes as well.
fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_and_addresses_are_broken() {
        for (from, to) in [
            ("@alice", "@\u{200b}alice"),
            ("#12", "#\u{200b}12"),
            ("GH-12", "GH-\u{200b}12"),
            ("https://x.y", "https:\u{200b}//x.y"),
            ("www.x.y", "www\u{200b}.x.y"),
            ("<!-- a", "&lt;\\!\u{200b}-- a"),
            ("a\n/close", "a /close"),
        ] {
            assert_eq!(text(from), to);
        }
    }

    #[test]
    fn code_and_fences_are_longer_than_what_they_hold() {
        assert_eq!(code("a``b"), "```a``b```");
        assert_eq!(code("`a"), "`` `a ``");
        assert_eq!(code(""), "`∅`");
        assert_eq!(fence("diff", ["+   ````".to_owned()]), "`````diff\n+   ````\n`````\n");
        assert!(!fence("diff", ["+<!-- mergeline:review -->".to_owned()]).contains("<!--"));
        assert_eq!(message("`a` is `b"), "\\`a\\` is \\`b");
        assert_eq!(message("`a*` is *b"), "`a*` is \\*b");
        assert_eq!(message("``- x"), "\\`\\`- x");
    }
}
