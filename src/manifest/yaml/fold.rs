//! Folded text (`>`) as kustomize keeps it: it writes every node as text and reads that again, and its writer adds line ends.
//!
//! Decided by `yaml_emitter_write_folded_scalar` of go-yaml v3, which looks at the first character of the whole text where it
//! means that of the next line.

use super::Dialect;
use super::events::{Event, Events};
use super::grammar::YamlEvents;

/// What is left of a folded text once kustomize has written and read it; `None` when it cannot read that any more.
pub(super) fn written_again(text: &str) -> Option<String> {
    // Nothing can change, or the writer takes double quotes instead.
    let changes = text.contains('\n') || text.starts_with('\t');
    if !changes || text.contains(" \n") || text.ends_with(' ') || text.chars().any(is_special) {
        return Some(text.to_owned());
    }
    let file = format!("k: {}", written(text));
    let mut events = Events::Yaml(Box::new(YamlEvents::new(&file, 0, Dialect::Kustomize)));
    let mut scalars = 0;
    loop {
        match events.next().ok()?.0 {
            Event::Scalar(scalar) if scalars == 1 => return Some(scalar.text.into_owned()),
            Event::Scalar(_) => scalars += 1,
            Event::End => return None,
            _ => {}
        }
    }
}

/// The text as a folded block.
fn written(text: &str) -> String {
    let indent_hint = if text.starts_with([' ', '\n']) { "2" } else { "" };
    let chomp_hint = match text.strip_suffix('\n') {
        None => "-",
        Some(rest) if rest.is_empty() || rest.ends_with('\n') => "+",
        Some(_) => "",
    };
    let first = text.trim_start_matches('\n').chars().next();
    let adds = !matches!(first, None | Some(' ' | '\t'));
    let mut block = format!(">{indent_hint}{chomp_hint}\n");
    let (mut at_start, mut deeper) = (true, true);
    for c in text.chars() {
        if c == '\n' {
            if !at_start && !deeper && adds {
                block.push('\n');
            }
            at_start = true;
        } else if at_start {
            block.push_str("  ");
            deeper = matches!(c, ' ' | '\t');
            at_start = false;
        }
        block.push(c);
    }
    block
}

/// Says whether go-yaml takes a character for one that does not belong in a block; it takes all beyond U+FFFF for such.
fn is_special(c: char) -> bool {
    match c {
        '\n' | '\t' | ' '..='~' => false,
        '\u{feff}' | '\u{fffe}' | '\u{ffff}' => true,
        _ => !('\u{a0}'..='\u{ffff}').contains(&c) || matches!(c, '\u{2028}' | '\u{2029}'),
    }
}

#[cfg(test)]
mod tests {
    use super::written_again;

    #[test]
    fn lines_that_are_deeper_are_set_off_once_more() {
        assert_eq!(written_again("a\n  b\n").as_deref(), Some("a\n\n  b\n"));
        assert_eq!(written_again("a\n").as_deref(), Some("a\n"));
        assert_eq!(written_again("a\n\n").as_deref(), Some("a\n\n\n"));
        assert_eq!(written_again("a \n  b").as_deref(), Some("a \n  b"));
        assert_eq!(written_again("\ta\nb"), None);
    }
}
