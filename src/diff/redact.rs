//! Redaction by construction: the only way from a manifest's text to an output.
//!
//! A [`Redacted`] is made by a [`Redactor`] alone, and a redactor masks by place (Secret data, the last-applied
//! annotation, SOPS and sealed values, checksums) and by value (every Secret value it has learned, in the shapes that
//! renderers and people put them in). Value, length and hash never show; that something changed always does.
//! Decided by DESIGN §4 "Reviewing".

mod learn;
mod places;

use crate::finding::{Finding, ObjectRef, Place};
use crate::manifest::Object;
use crate::secret::{MASK, Secret};
use aho_corasick::AhoCorasick;
use learn::Learned;
use std::fmt;
use std::sync::{LazyLock, OnceLock};

/// Text that has passed redaction.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Redacted(String);

impl Redacted {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Text of this room's own making around redacted text; `make` must add nothing foreign.
    pub(super) fn wrap(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Redacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl AsRef<str> for Redacted {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl PartialEq<str> for Redacted {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Redacted {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

/// Knows what must not show. Teach it every render, before and after, of every unit, then let it make text.
#[derive(Clone, Default)]
pub struct Redactor {
    learned: Learned,
    automaton: OnceLock<Option<(AhoCorasick, Vec<Option<String>>)>>,
}

impl Redactor {
    /// A redactor that knows no values yet; it masks by place alone.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Learns the Secret values and the names in `objects`.
    pub fn learn(&mut self, objects: &[Object]) {
        if self.learned.objects(objects) {
            self.automaton = OnceLock::new();
        }
    }

    /// Learns what another redactor has learned.
    pub fn absorb(&mut self, other: Self) {
        self.learned.absorb(other.learned);
        self.automaton = OnceLock::new();
    }

    /// Learns a value from elsewhere: a token, a value passed to a chart.
    pub fn learn_secret(&mut self, secret: &Secret) {
        if self.learned.value(secret.expose()) {
            self.automaton = OnceLock::new();
        }
    }

    /// Says whether everything that `other` has learned is known here.
    pub(super) fn knows(&self, other: &Self) -> bool {
        self.learned.contains(&other.learned)
    }

    /// Masks every learned value, every `ENC[…]` of SOPS, and the generated part of Secrets' names.
    #[must_use]
    pub fn text(&self, text: &str) -> Redacted {
        let mut spans: Vec<(usize, usize, Option<&str>)> = Vec::new();
        if let Some((automaton, replacements)) = self.automaton.get_or_init(|| self.learned.automaton()) {
            for found in automaton.find_overlapping_iter(text) {
                spans.push((found.start(), found.end(), replacements[found.pattern().as_usize()].as_deref()));
            }
        }
        if text.contains("ENC[") {
            spans.extend(SOPS.find_iter(text).map(|found| (found.start(), found.end(), None)));
        }
        if spans.is_empty() {
            return Redacted(text.to_owned());
        }
        Redacted(cover(text, spans))
    }

    /// The object as it may be shown: same keys and list lengths outside of what is masked.
    ///
    /// Two objects that differ only in what is masked give the same view: use [`super::diff`] to see that they differ.
    #[must_use]
    pub fn redact_object(&self, object: &Object) -> Object {
        let mut view = object.clone();
        *view.value_mut() = places::with_redacted_keys(self, self.shown(object));
        view
    }

    /// A tree of the same shape as the object's, with every text masked that must be; keys are left.
    pub(super) fn shown(&self, object: &Object) -> crate::manifest::Value {
        places::shown(self, object.value())
    }

    /// The name of an object as it may be shown: the generated part of a Secret's name becomes `<hash>`.
    #[must_use]
    pub fn reference(&self, reference: &ObjectRef) -> ObjectRef {
        let mut shown = reference.clone();
        if shown.kind == "Secret"
            && let Some((base, _)) = generated_name(&shown.name)
        {
            shown.name = format!("{base}-<hash>");
        }
        shown
    }

    /// A finding whose texts may be shown. Validators quote what they got; this is where the quote is masked.
    #[must_use]
    pub fn finding(&self, mut finding: Finding) -> Finding {
        let in_secret = finding.object.as_ref().is_some_and(|object| object.kind == "Secret")
            && finding.pointer.as_deref().is_some_and(|at| at.starts_with("/data") || at.starts_with("/stringData"));
        let line = |text: &str| {
            let text = self.text(text).0;
            if in_secret { QUOTED.replace_all(&text, MASK).into_owned() } else { text }
        };
        let place = |mut place: Place| {
            // A masked line has other columns: better no excerpt than a wrong underline.
            place.excerpt = place.excerpt.filter(|excerpt| !in_secret && self.text(&excerpt.line) == *excerpt.line);
            place
        };
        finding.message = line(&finding.message);
        finding.hint = finding.hint.as_deref().map(line);
        finding.pointer = finding.pointer.as_deref().map(|pointer| self.text(pointer).0);
        finding.place = finding.place.map(place);
        finding.related = finding.related.into_iter().map(|(at, why)| (place(at), line(&why))).collect();
        finding.object = finding.object.as_ref().map(|object| self.reference(object));
        finding
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor(…)")
    }
}

static SOPS: LazyLock<regex::Regex> =
    LazyLock::new(|| regex::Regex::new(r"ENC\[[^\]]*\]?").expect("because the pattern is constant"));

/// What a message about a Secret's data may quote of it: from the first quote to the last one, and numbers.
static QUOTED: LazyLock<regex::Regex> =
    LazyLock::new(|| regex::Regex::new(r#"(?s)".*"|"\S*|\b[0-9][0-9.]*\b"#).expect("because the pattern is constant"));

/// Replaces the spans; those that touch or overlap become one mask, so that their number says nothing.
fn cover(text: &str, mut spans: Vec<(usize, usize, Option<&str>)>) -> String {
    // Of two spans with one start, the longer one first.
    spans.sort_by_key(|(start, end, _)| (*start, std::cmp::Reverse(*end)));
    let mut merged: Vec<(usize, usize, Option<&str>)> = Vec::new();
    for (start, end, replacement) in spans {
        match merged.last_mut() {
            Some(last) if start <= last.1 && !(start == last.1 && last.2.is_some()) => {
                if end > last.1 {
                    *last = (last.0, end, None);
                } else if replacement.is_none() {
                    // A value inside a generated name: the mask wins.
                    last.2 = None;
                }
            }
            _ => merged.push((start, end, replacement)),
        }
    }
    let mut covered = String::with_capacity(text.len());
    let mut at = 0;
    for (start, end, replacement) in merged {
        covered.push_str(&text[at..start]);
        covered.push_str(replacement.unwrap_or(MASK));
        at = end;
    }
    covered.push_str(&text[at..]);
    covered
}

/// Splits a name that kustomize generated: `NAME-` and ten characters of its hash alphabet (hexadecimal digits with
/// vowels and their look-alikes replaced).
#[must_use]
pub fn generated_name(name: &str) -> Option<(&str, &str)> {
    let (base, hash) = name.rsplit_once('-')?;
    let in_alphabet = |byte: u8| b"2456789bcdfghkmt".contains(&byte);
    (hash.len() == 10 && hash.bytes().all(in_alphabet) && !base.is_empty()).then_some((base, hash))
}

#[cfg(test)]
mod tests;
