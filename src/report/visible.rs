//! Characters that do something to the text around them, made visible.
//!
//! Control characters drive terminals, bidirectional controls reorder what a reviewer reads ("Trojan Source"), and
//! invisible ones hide differences. All foreign text passes here before it becomes output for people.

use std::borrow::Cow;

/// Says whether the character acts on the text around it or cannot be seen.
fn acts(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' => true,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}' => true,
        c => c.is_control(),
    }
}

/// Replaces such characters by `⟨U+202E⟩`; line ends and tabs stay, and so do all other texts.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if acts(c) { shown.push_str(&format!("⟨U+{:04X}⟩", u32::from(c))) } else { shown.push(c) }
    }
    Cow::Owned(shown)
}

/// The same on one line: line ends and tabs become spaces.
#[must_use]
pub fn one_line(text: &str) -> String {
    visible(&text.replace("\r\n", " ")).replace(['\n', '\t'], " ")
}

/// One line of at most `max` characters, with `…` where it is cut.
#[must_use]
pub fn cut(text: &str, max: usize) -> String {
    let line = one_line(text);
    match line.char_indices().nth(max) {
        None => line,
        Some(_) => line.chars().take(max.saturating_sub(1)).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_acts_becomes_visible_and_the_rest_stays() {
        assert_eq!(visible("a\u{202e}b\u{1b}[31m\r"), "a⟨U+202E⟩b⟨U+001B⟩[31m⟨U+000D⟩");
        assert!(matches!(visible("naïve ✓ text\n\tmore"), Cow::Borrowed(_)));
        assert_eq!(cut("one\ntwo three", 8), "one two…");
    }
}
