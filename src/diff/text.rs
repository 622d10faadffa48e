//! YAML text of scalars and small collections, for people: what a diff line or a field shows.
//!
//! This is display, not the YAML writer: texts may be masks, and a string of several lines is always a block.

use crate::manifest::Data;

/// A scalar as YAML writes it, in quotes where the plain text would be read as something else.
pub(super) fn scalar(data: &Data) -> String {
    match data {
        Data::Null => "null".to_owned(),
        Data::Bool(flag) => flag.to_string(),
        Data::Number(number) => number.literal().to_owned(),
        Data::String(text) if is_plain(text) => text.clone(),
        Data::String(text) => quoted(text),
        Data::List(_) | Data::Map(_) => flow(data),
    }
}

/// A value on one line, in flow style.
pub(super) fn flow(data: &Data) -> String {
    match data {
        Data::List(items) => {
            let items: Vec<String> = items.iter().map(|item| in_flow(&item.data)).collect();
            format!("[{}]", items.join(", "))
        }
        Data::Map(map) => {
            let entries: Vec<String> = map
                .iter()
                .map(|(key, value)| {
                    format!("{}: {}", in_flow(&Data::String(key.text.to_string())), in_flow(&value.data))
                })
                .collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => scalar(other),
    }
}

fn in_flow(data: &Data) -> String {
    match data {
        Data::String(text) if text.contains([',', '[', ']', '{', '}']) => quoted(text),
        other => flow(other),
    }
}

/// A string of several lines that a block can show line by line.
pub(super) fn is_block(text: &str) -> bool {
    text.contains('\n') && !text.trim_matches('\n').is_empty() && !text.starts_with(' ')
}

/// The sign of a block: how it ends.
pub(super) fn block_header(text: &str) -> &'static str {
    match (text.ends_with('\n'), text.ends_with("\n\n")) {
        (false, _) => "|-",
        (true, false) => "|",
        (true, true) => "|+",
    }
}

/// A map key as YAML writes it.
pub(super) fn key(text: &str) -> String {
    if is_plain(text) { text.to_owned() } else { quoted(text) }
}

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// Says whether YAML 1.1 reads the plain text as this very string.
fn is_plain(text: &str) -> bool {
    let Some(first) = text.chars().next() else { return false };
    let indicator = "!&*>|%@`\"'#{}[],".contains(first)
        || (matches!(first, '-' | '?' | ':') && text.chars().nth(1).is_none_or(char::is_whitespace));
    let inside =
        text.contains(": ") || text.contains(" #") || text.ends_with(':') || text.chars().any(char::is_control);
    let padded = text.trim() != text;
    !(indicator || inside || padded || reads_as_other(text))
}

fn reads_as_other(text: &str) -> bool {
    const WORDS: [&str; 13] =
        ["true", "false", "yes", "no", "on", "off", "y", "n", "null", "~", ".nan", ".inf", "-.inf"];
    if WORDS.contains(&text.to_ascii_lowercase().as_str()) || matches!(text, "=" | "<<" | "---" | "...") {
        return true;
    }
    let unsigned = text.trim_start_matches(['+', '-']);
    if !unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') {
        return false;
    }
    let digits = unsigned.replace('_', "");
    digits.parse::<f64>().is_ok()
        || digits.strip_prefix("0x").is_some_and(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit()))
        || digits.strip_prefix("0o").is_some_and(|octal| octal.bytes().all(|b| b.is_ascii_digit()))
        || digits.strip_prefix("0b").is_some_and(|binary| binary.bytes().all(|b| b.is_ascii_digit()))
        || digits.bytes().all(|b| b.is_ascii_digit() || b == b':')
        || is_timestamp(text)
}

fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() >= 8 && bytes[..4].iter().all(u8::is_ascii_digit) && bytes[4] == b'-' && bytes[5..].contains(&b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Value;
    use crate::manifest::value::map;

    #[test]
    fn strings_that_would_read_as_something_else_are_quoted() {
        for text in
            ["yes", "3", "0x1f", "1:30", "", " a", "a: b", "- a", "#x", "null", "1e3", "2024-01-02", "a\nb", "{a}"]
        {
            assert!(scalar(&Data::String(text.into())).starts_with('"'), "{text}");
        }
        for text in ["1.27.0", "nginx:1.27", "http://x", "a-b", "-a", "10m", "500m", "/x", "•••••• (before)"]
        {
            assert_eq!(scalar(&Data::String(text.into())), text);
        }
    }

    #[test]
    fn collections_go_on_one_line() {
        let value = map([("a", Value::from(vec![Value::from(1), "x, y".into()])), ("b", map([("c", true)]))]);
        assert_eq!(flow(&value.data), "{a: [1, \"x, y\"], b: {c: true}}");
    }
}
