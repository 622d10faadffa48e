//! Functions on texts (cel-go `ext.Strings` version 2, and Kubernetes' regular expressions). Places count characters.

use super::super::evaluate::Budget;
use super::super::value::{Cel, Outcome, failed};
use crate::schema::go_pattern;
use regex::Regex;
use std::cell::RefCell;
use std::collections::HashMap;

/// How many compiled patterns a thread keeps.
const KEPT_PATTERNS: usize = 64;

thread_local! {
    static PATTERNS: RefCell<HashMap<String, Option<Regex>>> = RefCell::default();
}

/// A pattern as the server's RE2 reads it.
fn pattern<T>(text: &str, go: impl FnOnce(&Regex) -> T) -> Option<T> {
    PATTERNS.with_borrow_mut(|kept| {
        if !kept.contains_key(text) {
            if kept.len() >= KEPT_PATTERNS {
                kept.clear();
            }
            kept.insert(text.to_owned(), go_pattern(text));
        }
        kept.get(text)?.as_ref().map(go)
    })
}

pub(super) fn matches<'a>(text: &str, of: &str) -> Outcome<'a> {
    pattern(of, |regex| regex.is_match(text)).map_or_else(|| failed("error parsing regexp"), |is| Ok(Cel::Bool(is)))
}

pub(super) fn library<'a>(name: &str, arguments: &[Cel<'a>]) -> Option<Outcome<'a>> {
    match (name, arguments) {
        ("quote", [Cel::Text(text)]) => Some(Ok(Cel::text(format!("{text:?}")))),
        _ => None,
    }
}

/// A method of a text; `None` when there is no such.
pub(super) fn method<'a>(text: &str, name: &str, arguments: &[Cel<'a>], budget: &mut Budget) -> Option<Outcome<'a>> {
    let bool = |flag: bool| Some(Ok(Cel::Bool(flag)));
    let made = |text: String| Some(Ok(Cel::text(text)));
    match (name, arguments) {
        ("startsWith", [Cel::Text(other)]) => bool(text.starts_with(&**other)),
        ("endsWith", [Cel::Text(other)]) => bool(text.ends_with(&**other)),
        ("contains", [Cel::Text(other)]) => bool(text.contains(&**other)),
        ("matches", [Cel::Text(of)]) => Some(matches(text, of)),
        ("find", [Cel::Text(of)]) => {
            let found = pattern(of, |regex| regex.find(text).map_or("", |found| found.as_str()).to_owned());
            Some(found.map_or_else(|| failed("error parsing regexp"), |found| Ok(Cel::text(found))))
        }
        ("findAll", [Cel::Text(of)]) => Some(find_all(text, of, usize::MAX)),
        ("findAll", [Cel::Text(of), Cel::Int(most)]) => {
            Some(find_all(text, of, usize::try_from(*most).unwrap_or(usize::MAX)))
        }
        ("charAt", [Cel::Int(at)]) => {
            let count = text.chars().count() as i64;
            Some(match at {
                _ if *at == count => Ok(Cel::text("")),
                _ if *at < 0 || *at > count => failed(format!("index out of range: {at}")),
                _ => Ok(Cel::text(
                    text.chars().nth(usize::try_from(*at).unwrap_or(0)).map(String::from).unwrap_or_default(),
                )),
            })
        }
        ("indexOf", [Cel::Text(other)]) => Some(index_of(text, other, 0)),
        ("indexOf", [Cel::Text(other), Cel::Int(from)]) => Some(index_of(text, other, *from)),
        ("lastIndexOf", [Cel::Text(other)]) => Some(last_index_of(text, other, i64::MAX)),
        ("lastIndexOf", [Cel::Text(other), Cel::Int(to)]) => Some(last_index_of(text, other, *to)),
        ("lowerAscii", []) => made(text.to_ascii_lowercase()),
        ("upperAscii", []) => made(text.to_ascii_uppercase()),
        ("trim", []) => made(text.trim().to_owned()),
        ("replace", [Cel::Text(from), Cel::Text(to)]) => Some(replace(text, from, to, usize::MAX, budget)),
        ("replace", [Cel::Text(from), Cel::Text(to), Cel::Int(most)]) => {
            Some(replace(text, from, to, usize::try_from(*most).unwrap_or(usize::MAX), budget))
        }
        ("split", [Cel::Text(by)]) => Some(Ok(split(text, by, usize::MAX))),
        ("split", [Cel::Text(by), Cel::Int(most)]) => {
            Some(Ok(split(text, by, usize::try_from(*most).unwrap_or(usize::MAX))))
        }
        ("substring", [Cel::Int(from)]) => Some(substring(text, *from, text.chars().count() as i64)),
        ("substring", [Cel::Int(from), Cel::Int(to)]) => Some(substring(text, *from, *to)),
        ("format", [values @ (Cel::Items(..) | Cel::List(_))]) => {
            Some(format(text, &values.items().unwrap_or_default()))
        }
        _ => None,
    }
}

fn find_all<'a>(text: &str, of: &str, most: usize) -> Outcome<'a> {
    let found = pattern(of, |regex| {
        regex.find_iter(text).take(most).map(|found| Cel::text(found.as_str())).collect::<Vec<_>>()
    });
    found.map_or_else(|| failed("error parsing regexp"), |found| Ok(Cel::list(found)))
}

/// The place of the character that begins at a byte.
fn place(text: &str, byte: usize) -> i64 {
    text[..byte].chars().count() as i64
}

fn byte(text: &str, place: i64) -> Option<usize> {
    let place = usize::try_from(place).ok()?;
    text.char_indices().map(|(at, _)| at).chain([text.len()]).nth(place)
}

fn index_of<'a>(text: &str, other: &str, from: i64) -> Outcome<'a> {
    let Some(start) = byte(text, from) else { return failed(format!("index out of range: {from}")) };
    Ok(Cel::Int(text[start..].find(other).map_or(-1, |at| place(text, start + at))))
}

fn last_index_of<'a>(text: &str, other: &str, to: i64) -> Outcome<'a> {
    let found = text.rmatch_indices(other).map(|(at, _)| place(text, at)).find(|at| *at <= to);
    if to < 0 {
        return failed(format!("index out of range: {to}"));
    }
    Ok(Cel::Int(found.unwrap_or(-1)))
}

fn replace<'a>(text: &str, from: &str, to: &str, most: usize, budget: &mut Budget) -> Outcome<'a> {
    let count = text.matches(from).take(most).count();
    budget.spend(text.len() / 8 + count.saturating_mul(to.len()) / 8)?;
    Ok(Cel::text(text.replacen(from, to, most)))
}

fn split<'a>(text: &str, by: &str, most: usize) -> Cel<'a> {
    let parts: Vec<String> = match most {
        0 => Vec::new(),
        // Go splits by the empty text into characters.
        _ if by.is_empty() => text.chars().map(String::from).collect(),
        _ => text.splitn(most, by).map(str::to_owned).collect(),
    };
    Cel::list(parts.into_iter().map(Cel::text).collect())
}

fn substring<'a>(text: &str, from: i64, to: i64) -> Outcome<'a> {
    match (byte(text, from), byte(text, to)) {
        (Some(start), Some(end)) if start <= end => Ok(Cel::text(&text[start..end])),
        _ => failed(format!("invalid substring range. start: {from}, end: {to}")),
    }
}

/// `%s %d %f %x …` (cel-go `ext`, `formatting.go`): what messages use of it.
fn format<'a>(text: &str, values: &[Cel<'a>]) -> Outcome<'a> {
    let mut out = String::new();
    let mut values = values.iter();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        if chars.peek() == Some(&'%') {
            chars.next();
            out.push('%');
            continue;
        }
        let mut precision = None;
        if chars.peek() == Some(&'.') {
            chars.next();
            let mut digits = String::new();
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            precision = digits.parse::<usize>().ok().filter(|precision| *precision <= 1000);
        }
        let (Some(clause), Some(value)) = (chars.next(), values.next()) else {
            return failed("index of format out of range");
        };
        match (clause, value) {
            ('s', value) => out.push_str(&shown(value)),
            ('d', Cel::Int(n)) => out.push_str(&n.to_string()),
            ('d', Cel::Uint(n)) => out.push_str(&n.to_string()),
            ('f', Cel::Double(n)) => out.push_str(&format!("{n:.*}", precision.unwrap_or(6))),
            ('e', Cel::Double(n)) => out.push_str(&format!("{n:.*e}", precision.unwrap_or(6))),
            ('b', Cel::Int(n)) => out.push_str(&format!("{n:b}")),
            ('b', Cel::Bool(flag)) => out.push(if *flag { '1' } else { '0' }),
            ('o', Cel::Int(n)) => out.push_str(&format!("{n:o}")),
            ('x', Cel::Int(n)) => out.push_str(&format!("{n:x}")),
            ('X', Cel::Int(n)) => out.push_str(&format!("{n:X}")),
            ('x', Cel::Text(text)) => text.bytes().for_each(|byte| out.push_str(&format!("{byte:02x}"))),
            _ => return failed(format!("error during formatting: `%{clause}` of {}", value.kind())),
        }
    }
    Ok(Cel::text(out))
}

fn shown(value: &Cel<'_>) -> String {
    match value {
        Cel::Null => "null".to_owned(),
        Cel::Bool(flag) => flag.to_string(),
        Cel::Int(n) => n.to_string(),
        Cel::Uint(n) => n.to_string(),
        Cel::Double(n) => n.to_string(),
        Cel::Text(text) => text.to_string(),
        Cel::Duration(span) => super::time::seconds(*span),
        Cel::Time(time) => time.to_string(),
        Cel::Type(name) => (*name).to_owned(),
        Cel::Items(..) | Cel::List(_) => {
            let items: Vec<String> = value.items().unwrap_or_default().iter().map(shown).collect();
            format!("[{}]", items.join(", "))
        }
        Cel::Entries(..) | Cel::Map(_) => {
            let mut entries: Vec<String> = value
                .entries()
                .unwrap_or_default()
                .iter()
                .map(|(key, value)| format!("{}: {}", shown(key), shown(value)))
                .collect();
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.kind().to_owned(),
    }
}
