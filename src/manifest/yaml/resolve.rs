//! What a scalar means: the resolvers of go-yaml v2 and v3, and how keys become strings.
//!
//! Decided by `resolve.go` of both libraries and `convertToJSONableObject` of `sigs.k8s.io/yaml`.

use super::Dialect;
use super::events::{Scalar, Tag};
use super::fold;
use super::scan::Style;
use super::timestamp;
use crate::manifest::value::{Data, Number, NumberKind};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::borrow::Cow;

/// Why a scalar has no meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaningless {
    /// `.nan` or `.inf`: no JSON.
    NotFinite,
    /// The text does not fit its tag; the tag.
    TagMismatch(&'static str),
    /// `!!binary` without base64.
    NotBase64,
    /// A number in JSON that no floating point holds.
    TooLarge,
    /// Folded text that begins with a tab, which kustomize cannot read again.
    TabFirst,
    /// A time whose offset Go does not write.
    NoZone,
}

/// What a scalar stands for in `dialect`; `in_flow` when it stands inside `[]` or `{}`. One without a meaning comes back as
/// its text.
pub(super) fn resolve(scalar: Scalar<'_>, dialect: Dialect, in_flow: bool) -> Result<Data, (Meaningless, String)> {
    let plain = scalar.is_plain();
    let Scalar { text, style, tag, .. } = scalar;
    if dialect == Dialect::Kustomize {
        let untagged = tag.is_none() || (tag == Some(Tag::NonSpecific) && text.is_empty());
        if in_flow && plain && untagged && quoted_by_kyaml(&text) {
            return Ok(Data::String(text.into_owned()));
        }
        if style == Style::Folded && matches!(tag, None | Some(Tag::Str | Tag::NonSpecific | Tag::Other)) {
            return match fold::written_again(&text) {
                Some(text) => Ok(Data::String(text)),
                None => Err((Meaningless::TabFirst, text.into_owned())),
            };
        }
    }
    let tag = match (tag, dialect) {
        (None, _) | (Some(Tag::NonSpecific), Dialect::Kustomize) if plain => None,
        (Some(tag @ (Tag::Int | Tag::Float | Tag::Bool | Tag::Null | Tag::Timestamp)), _) => Some(tag),
        (Some(Tag::Binary), _) => return binary(&text).map_err(|why| (why, text.into_owned())),
        _ => return Ok(Data::String(text.into_owned())),
    };
    let try_timestamp = matches!(tag, None | Some(Tag::Timestamp));
    let meaning = implicit(&text, dialect, try_timestamp);
    match (tag, meaning) {
        (None, Plain::NotFinite) | (Some(Tag::Float), Plain::NotFinite) => {
            Err((Meaningless::NotFinite, text.into_owned()))
        }
        (None | Some(Tag::Timestamp), Plain::Timestamp(normal)) => Ok(Data::String(match dialect {
            Dialect::Kubectl => text.into_owned(),
            Dialect::Kustomize
                if normal.get(normal.len() - 6..normal.len() - 3).is_some_and(|zone| &zone[1..] == "24") =>
            {
                return Err((Meaningless::NoZone, text.into_owned()));
            }
            Dialect::Kustomize => normal,
        })),
        (None | Some(Tag::Null), Plain::Null) => Ok(Data::Null),
        (None | Some(Tag::Bool), Plain::Bool(flag)) => Ok(Data::Bool(flag)),
        (None | Some(Tag::Int), Plain::Number(kind @ (NumberKind::Integer(_) | NumberKind::Unsigned(_))))
        | (None | Some(Tag::Float), Plain::Number(kind @ NumberKind::Float(_))) => Ok(number(text, kind)),
        #[allow(clippy::cast_precision_loss)]
        (Some(Tag::Float), Plain::Number(NumberKind::Integer(n))) => Ok(number(text, NumberKind::Float(n as f64))),
        (None, Plain::Text) => Ok(Data::String(text.into_owned())),
        (tag, _) => {
            let tag = match tag {
                Some(Tag::Int) => "!!int",
                Some(Tag::Float) => "!!float",
                Some(Tag::Bool) => "!!bool",
                Some(Tag::Null) => "!!null",
                _ => "!!timestamp",
            };
            Err((Meaningless::TagMismatch(tag), text.into_owned()))
        }
    }
}

/// kyaml writes every node as text once more before it reads it. Inside `[]` and `{}` that puts quotes around nothing
/// and around times, which are strings from then on.
fn quoted_by_kyaml(text: &str) -> bool {
    text.is_empty() || (text.contains(':') && timestamp::normalise(text).is_some())
}

/// Says whether a scalar is the text that is written, in every dialect and wherever it stands: the quick answer for nearly all
/// keys. Where it says no, [`resolve`] decides.
pub(super) fn is_text(scalar: &Scalar<'_>) -> bool {
    const LONGEST_WORD: usize = 5;
    let text = &*scalar.text;
    scalar.tag.is_none()
        && scalar.anchor == 0
        && match scalar.style {
            Style::Quoted => text != "<<",
            Style::Plain if !text.starts_with(|c: char| c.is_ascii_alphabetic()) => false,
            // kubectl's words are those of kustomize and more.
            Style::Plain => text.len() > LONGEST_WORD || matches!(word(text, Dialect::Kubectl), Plain::Text),
            Style::Literal | Style::Folded => false,
        }
}

/// Says whether a plain scalar is `null`.
pub(super) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// The text of a key that is `.inf` or `.nan`, as `sigs.k8s.io/yaml` writes it.
pub(super) fn not_finite_key(scalar: &Scalar<'_>) -> Option<&'static str> {
    if !(scalar.is_plain() && scalar.tag.is_none()) && scalar.tag != Some(Tag::Float) {
        return None;
    }
    match &*scalar.text {
        ".nan" | ".NaN" | ".NAN" => Some(".nan"),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Some(".inf"),
        "-.inf" | "-.Inf" | "-.INF" => Some("-.inf"),
        _ => None,
    }
}

fn number(literal: Cow<'_, str>, kind: NumberKind) -> Data {
    Data::Number(Number::new(literal.into_owned(), kind))
}

fn binary(text: &str) -> Result<Data, Meaningless> {
    let compact: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    let bytes = STANDARD.decode(compact).map_err(|_| Meaningless::NotBase64)?;
    // Go replaces each byte that is no UTF-8 by itself.
    let mut decoded = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        decoded.push_str(chunk.valid());
        decoded.extend(chunk.invalid().iter().map(|_| '\u{fffd}'));
    }
    Ok(Data::String(decoded))
}

/// What a plain scalar without a tag means.
#[derive(Debug, Clone)]
pub enum Plain {
    /// Nothing, `~` or `null`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A finite number.
    Number(NumberKind),
    /// `.nan` or `.inf`.
    NotFinite,
    /// A date or time, with its RFC 3339 form.
    Timestamp(String),
    /// A string.
    Text,
}

/// What a text means when it stands alone, without quotes and without a tag, outside of `[]` and `{}`.
#[must_use]
pub fn plain_meaning(text: &str, dialect: Dialect) -> Plain {
    implicit(text, dialect, true)
}

fn implicit(text: &str, dialect: Dialect, try_timestamp: bool) -> Plain {
    let Some(first) = text.bytes().next() else { return Plain::Null };
    match first {
        b'~' | b'y' | b'Y' | b'n' | b'N' | b't' | b'T' | b'f' | b'F' | b'o' | b'O' => word(text, dialect),
        b'.' if matches!(text, ".nan" | ".NaN" | ".NAN" | ".inf" | ".Inf" | ".INF") => Plain::NotFinite,
        // Go's ParseFloat lets an underscore stand between two digits.
        b'.' if text.contains('_') => {
            let digit = |at: Option<usize>| at.and_then(|at| text.as_bytes().get(at)).is_some_and(u8::is_ascii_digit);
            let between = |at: usize| digit(at.checked_sub(1)) && digit(Some(at + 1));
            let separated = text.bytes().enumerate().all(|(at, byte)| byte != b'_' || between(at));
            if separated { float(&text.replace('_', "")) } else { Plain::Text }
        }
        b'.' => float(text),
        b'+' | b'-' if matches!(&text[1..], ".inf" | ".Inf" | ".INF") => Plain::NotFinite,
        b'0'..=b'9' | b'+' | b'-' => {
            if try_timestamp && let Some(normal) = timestamp::normalise(text) {
                return Plain::Timestamp(normal);
            }
            let plain = if text.contains('_') { Cow::Owned(text.replace('_', "")) } else { Cow::Borrowed(text) };
            integer(&plain, dialect).map_or_else(|| float(&plain), Plain::Number)
        }
        _ => Plain::Text,
    }
}

fn word(text: &str, dialect: Dialect) -> Plain {
    match text {
        "~" | "null" | "Null" | "NULL" => Plain::Null,
        "true" | "True" | "TRUE" => Plain::Bool(true),
        "false" | "False" | "FALSE" => Plain::Bool(false),
        _ if dialect == Dialect::Kustomize => Plain::Text,
        "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Plain::Bool(true),
        "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Plain::Bool(false),
        _ => Plain::Text,
    }
}

/// `strconv.ParseInt(text, 0, 64)`, then `ParseUint`, then what go-yaml tries by itself.
fn integer(text: &str, dialect: Dialect) -> Option<NumberKind> {
    let (negative, unsigned) = match text.as_bytes()[0] {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let bytes = unsigned.as_bytes();
    let (radix, digits) = match bytes {
        [b'0', b'x' | b'X', ..] => (16, &unsigned[2..]),
        [b'0', b'b' | b'B', ..] => (2, &unsigned[2..]),
        [b'0', b'o' | b'O', ..] => (8, &unsigned[2..]),
        [b'0', _, ..] => (8, &unsigned[1..]),
        _ => (10, unsigned),
    };
    if let Some(kind) = digits_of(digits, radix, negative) {
        // Only a number without a sign may exceed the signed range.
        return (!matches!(kind, NumberKind::Unsigned(_)) || bytes.len() == text.len()).then_some(kind);
    }
    // go-yaml cuts `0b` and `0o` itself, and lets a sign follow.
    let radix = match (bytes, dialect) {
        ([b'0', b'b', ..], _) => 2,
        ([b'0', b'o', ..], Dialect::Kustomize) => 8,
        _ => return None,
    };
    if text.starts_with('+') || negative {
        return None;
    }
    match digits.as_bytes() {
        [b'-', ..] => digits_of(&digits[1..], radix, true),
        [b'+', ..] => digits_of(&digits[1..], radix, false).filter(|kind| matches!(kind, NumberKind::Integer(_))),
        _ => None,
    }
}

fn digits_of(digits: &str, radix: u32, negative: bool) -> Option<NumberKind> {
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    let n = u64::from_str_radix(digits, radix).ok()?;
    if negative {
        return 0_i64.checked_sub_unsigned(n).map(NumberKind::Integer);
    }
    Some(i64::try_from(n).map_or(NumberKind::Unsigned(n), NumberKind::Integer))
}

/// `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`, finite.
fn float(text: &str) -> Plain {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent))),
        None => (unsigned, None),
    };
    let all_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let some_digits = |part: &str| !part.is_empty() && all_digits(part);
    let shaped = match mantissa.split_once('.') {
        Some(("", fraction)) => some_digits(fraction),
        Some((whole, fraction)) => some_digits(whole) && all_digits(fraction),
        None => some_digits(mantissa),
    };
    if !shaped || !exponent.is_none_or(some_digits) {
        return Plain::Text;
    }
    match text.parse::<f64>() {
        Ok(value) if value.is_finite() => Plain::Number(NumberKind::Float(value)),
        _ => Plain::Text,
    }
}

/// A floating-point key as text: `strconv.FormatFloat(value, 'g', -1, 32)`, so `12345678.9` is `1.2345679e+07`.
#[must_use]
#[allow(clippy::cast_possible_truncation)]
pub(super) fn float_key(value: f64) -> String {
    let value = value as f32;
    if value.is_infinite() {
        return if value > 0.0 { ".inf".into() } else { "-.inf".into() };
    }
    let shortest = format!("{value:e}");
    let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return value.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}
