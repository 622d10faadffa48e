//! Scalars as kustomize carries them, and what they are in the end.
//!
//! Decided by `encode.go`, `resolve.go` and `emitterc.go` of go-yaml v3: kustomize prints every node as text and reads that
//! text before it prints the result.

use super::node::Fault;
use crate::manifest::value::NumberKind;
use crate::manifest::yaml::{Dialect, Plain, plain_meaning};
use crate::manifest::{Data, Number, Origin};

/// A scalar: its text, and how it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scalar {
    pub(super) text: String,
    pub(super) tag: Tag,
    pub(super) style: Style,
    /// Null that a strategic merge must not take for "remove".
    pub(super) keep: bool,
    /// Labels and annotations that one directive wrote into one object are one node in kustomize: a later change of one
    /// changes all. 0: on its own.
    pub(super) tie: u32,
}

/// What go-yaml took the scalar for when it read it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tag {
    /// Made by kustomize: the text decides when it is printed.
    Unset,
    Str,
    Int,
    Float,
    Bool,
    Null,
    Timestamp,
}

/// How a scalar is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    Plain,
    Single,
    Double,
    Literal,
    Folded,
}

impl Scalar {
    pub(super) fn new(text: impl Into<String>, tag: Tag, style: Style) -> Self {
        Self { text: text.into(), tag, style, keep: false, tie: 0 }
    }

    /// A scalar that a file holds; its style is seen in the text of the file.
    pub(super) fn of(data: &Data, origin: Option<&Origin>) -> Self {
        let written = origin.and_then(|origin| {
            let (start, end) = origin.span();
            origin.source().text().get(start as usize..end as usize)
        });
        match data {
            Data::Null => Self::new(written.unwrap_or("null"), Tag::Null, Style::Plain),
            Data::Bool(flag) => {
                let text = written.map_or_else(|| flag.to_string(), str::to_owned);
                Self::new(text, Tag::Bool, Style::Plain)
            }
            Data::Number(number) => {
                let tag = if matches!(number.kind(), NumberKind::Float(_)) { Tag::Float } else { Tag::Int };
                Self::new(number.literal(), tag, Style::Plain)
            }
            Data::String(text) => {
                let style = match written.and_then(|written| written.bytes().next()) {
                    Some(b'\'') => Style::Single,
                    Some(b'"') => Style::Double,
                    Some(b'|') => Style::Literal,
                    Some(b'>') => Style::Folded,
                    _ => Style::Plain,
                };
                if let (Style::Plain, Some(written)) = (style, written)
                    && written != text
                    && matches!(plain_meaning(written, Dialect::Kustomize), Plain::Timestamp(_))
                {
                    return Self::new(written, Tag::Timestamp, style);
                }
                Self::new(text.as_str(), Tag::Str, style)
            }
            Data::List(_) | Data::Map(_) => Self::new("", Tag::Unset, Style::Plain),
        }
    }

    fn is_quoted(&self) -> bool {
        self.style != Style::Plain
    }

    /// What it is in the output.
    ///
    /// # Errors
    /// When its text does not fit its tag, or is no JSON value.
    pub(super) fn data(&self) -> Result<Data, Fault> {
        let string = || Ok(Data::String(self.text.clone()));
        match self.tag {
            Tag::Str => return string(),
            Tag::Unset if self.is_quoted() || !may_be_plain(&self.text) => return string(),
            _ => {}
        }
        let meaning = plain_meaning(&self.text, Dialect::Kustomize);
        let number = |kind| Ok(Data::Number(Number::new(self.text.as_str(), kind)));
        let quoted = self.is_quoted();
        match (self.tag, meaning) {
            (_, Plain::NotFinite) => Err("a number that is not finite is no JSON value".to_owned()),
            (Tag::Unset, Plain::Text) => string(),
            (Tag::Int, Plain::Number(NumberKind::Integer(_) | NumberKind::Unsigned(_)))
            | (Tag::Float, Plain::Number(NumberKind::Float(_)))
            | (Tag::Bool, Plain::Bool(_))
            | (Tag::Null, Plain::Null)
            | (Tag::Timestamp, Plain::Timestamp(_))
                if quoted =>
            {
                string()
            }
            (Tag::Unset | Tag::Null, Plain::Null) => Ok(Data::Null),
            (Tag::Unset | Tag::Bool, Plain::Bool(flag)) => Ok(Data::Bool(flag)),
            (Tag::Unset | Tag::Timestamp, Plain::Timestamp(normal)) => Ok(Data::String(normal)),
            (Tag::Unset | Tag::Float, Plain::Number(kind)) => number(kind),
            (Tag::Int, Plain::Number(kind @ (NumberKind::Integer(_) | NumberKind::Unsigned(_)))) => number(kind),
            _ => Err("a value does not fit the type of the value that it replaces".to_owned()),
        }
    }
}

/// Says whether a text reads back as something else when it stands without quotes as a key.
pub(super) fn is_bad_bare_key(text: &str) -> bool {
    may_be_plain(text) && !text.is_empty() && !matches!(plain_meaning(text, Dialect::Kustomize), Plain::Text)
}

/// Says whether the emitter can write a text without quotes outside of `[]` and `{}`.
pub(super) fn may_be_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return true };
    let blank = |at: usize| bytes.get(at).is_none_or(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'));
    if text.starts_with("---") || text.starts_with("...") || *first == b' ' || *last == b' ' {
        return false;
    }
    match first {
        b'#' | b',' | b'[' | b']' | b'{' | b'}' | b'&' | b'*' | b'!' | b'|' | b'>' | b'\'' | b'"' | b'%' | b'@'
        | b'`' => return false,
        b'?' | b':' | b'-' if blank(1) => return false,
        _ => {}
    }
    let indicator = bytes.iter().enumerate().any(|(at, byte)| match byte {
        b':' => blank(at + 1),
        b'#' => at > 0 && blank(at - 1),
        _ => false,
    });
    !indicator && text.chars().all(is_printable)
}

/// Says whether a text without quotes reads back as a string.
pub(super) fn reads_as_string(text: &str) -> bool {
    text != "<<" && matches!(plain_meaning(text, Dialect::Kustomize), Plain::Text)
}

/// What libyaml calls printable, less line breaks.
pub(super) fn is_printable(c: char) -> bool {
    matches!(c, ' '..='~' | '\u{a0}'..='\u{2027}' | '\u{202a}'..='\u{d7ff}' | '\u{e000}'..='\u{fefe}' | '\u{ff00}'..='\u{fffd}')
}

/// Says whether a YAML 1.1 reader takes a text for anything but a string.
pub(super) fn is_non_string_in_yaml_1_1(text: &str) -> bool {
    if text.is_empty() || text.contains('\n') {
        return false;
    }
    if text.starts_with('#') || text.contains(": ") || text.ends_with(':') || text.starts_with(['{', '[']) {
        let reading = crate::manifest::yaml::read(
            &crate::manifest::Source::new("", text),
            Dialect::Kubectl,
            &crate::manifest::yaml::Budget::default(),
        );
        return reading.findings.is_empty()
            && reading.documents.first().is_none_or(|document| !matches!(document.data, Data::String(_)));
    }
    !matches!(plain_meaning(text, Dialect::Kubectl), Plain::Text)
}

/// A number as go-yaml writes it when it makes text of JSON.
pub(super) fn shortest(value: f64) -> String {
    let text = format!("{value:e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let exponent: i32 = exponent.parse().unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return value.to_string();
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}
