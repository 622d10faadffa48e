//! Redaction by construction: the only way from a manifest's text to an output.
//!
//! A [`Redacted`] is made by a [`Redactor`] alone, and a redactor masks by place (Secret data, the last-applied
//! annotation, SOPS and sealed values, checksums, secret values that a chart is given, configured paths) and by value (every
//! Secret value it has learned, in the shapes that renderers and people put them in). Value, length and hash never show; that something changed always does.
//! Decided by DESIGN §4 "Reviewing".

mod learn;
mod matcher;
mod passed;
mod places;

use crate::finding::{Finding, ObjectRef, Place};
use crate::manifest::{Object, Origin};
use crate::operation::Operation;
use crate::secret::{MASK, Secret, SecretPath};
use learn::Learned;
use matcher::{Matcher, Span};
use std::borrow::Cow;
use std::collections::HashSet;
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
    matcher: OnceLock<Matcher>,
    paths: Vec<SecretPath>,
    hidden: HashSet<String>,
}

impl Redactor {
    /// A redactor that knows no values yet; it masks by place alone.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A redactor for which what stands at these paths is secret too. Say it before it learns anything.
    #[must_use]
    pub fn with_paths(paths: Vec<SecretPath>) -> Self {
        Self { paths, ..Self::default() }
    }

    /// Learns the Secret values and the names in `objects`.
    pub fn learn(&mut self, objects: &[Object]) {
        if self.learned.objects(objects, &self.paths) {
            self.matcher = OnceLock::new();
        }
    }

    /// Learns what another redactor has learned.
    pub fn absorb(&mut self, other: Self) {
        self.learned.absorb(other.learned);
        self.hidden.extend(other.hidden);
        self.matcher = OnceLock::new();
    }

    /// Takes what a finding quotes of this file for secret where no object says otherwise: Secrets are made of the file, and
    /// what cannot be read of it cannot be learned.
    pub fn hide_file(&mut self, path: impl Into<String>) {
        self.hidden.insert(path.into());
    }

    /// Learns a value from elsewhere: a token, a value passed to a chart.
    pub fn learn_secret(&mut self, secret: &Secret) {
        if self.learned.value(secret.expose()) {
            self.matcher = OnceLock::new();
        }
    }

    /// Says whether the text of a document may hold what is to be learned; a text that does not may be left unread where nothing
    /// but this is asked of it, unless there are paths or a value was learned elsewhere.
    #[must_use]
    pub fn may_learn_from(text: &str) -> bool {
        learn::may_teach(text)
    }

    /// Says whether there is any value to look for.
    #[must_use]
    pub fn has_learned(&self) -> bool {
        !self.paths.is_empty() || self.learned.has_values()
    }

    /// A redactor that has learned from these two renders as well: this one where it knows all of it.
    pub(super) fn taught(&self, before: &[Object], after: &[Object]) -> Cow<'_, Self> {
        let learned = |objects: &[Object]| {
            let mut learned = Learned::default();
            learned.objects(objects, &self.paths);
            learned
        };
        let (before, after) = rayon::join(|| learned(before), || learned(after));
        if self.learned.contains(&before) && self.learned.contains(&after) {
            return Cow::Borrowed(self);
        }
        let mut all = self.clone();
        all.learned.absorb(before);
        all.learned.absorb(after);
        all.matcher = OnceLock::new();
        Cow::Owned(all)
    }

    /// Masks every learned value, every `ENC[…]` of SOPS, private keys, passwords in addresses, and the generated part of
    /// Secrets' names.
    #[must_use]
    pub fn text(&self, text: &str) -> Redacted {
        let spans = self.spans(text);
        if spans.is_empty() {
            return Redacted(text.to_owned());
        }
        Redacted(cover(text, spans))
    }

    /// Says whether something of this text is masked.
    fn is_masked(&self, text: &str) -> bool {
        !self.spans(text).is_empty()
    }

    fn spans(&self, text: &str) -> Vec<Span<'_>> {
        let mut spans = self.matcher().spans(text);
        if text.contains("ENC[") {
            spans.extend(SOPS.find_iter(text).map(|found| (found.start(), found.end(), None)));
        }
        if text.contains("-----BEGIN") {
            spans.extend(ARMOUR.find_iter(text).map(|found| (found.start(), found.end(), None)));
        }
        if text.contains("://") && text.contains('@') {
            spans.extend(
                LOGIN.captures_iter(text).filter_map(|found| found.get(1)).map(|it| (it.start(), it.end(), None)),
            );
        }
        if text.contains("Secret") {
            spans.extend(
                GENERATED
                    .captures_iter(text)
                    .filter_map(|found| found.get(1))
                    .map(|it| (it.start(), it.end(), Some(HASH))),
            );
        }
        spans
    }

    fn matcher(&self) -> &Matcher {
        self.matcher.get_or_init(|| self.learned.matcher())
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
        places::View::of(self, object).shown(object.value())
    }

    pub(super) fn paths(&self) -> &[SecretPath] {
        &self.paths
    }

    /// The name of an object as it may be shown: the generated part of a Secret's name becomes `<hash>`.
    #[must_use]
    pub fn reference(&self, reference: &ObjectRef) -> ObjectRef {
        let mut shown = reference.clone();
        if shown.kind == "Secret"
            && let Some((base, _)) = generated_name(&shown.name)
        {
            shown.name = format!("{base}-{HASH}");
        }
        // What no object can be called is no name, and may be anything.
        let is_name = |text: &str| text.bytes().all(|it| matches!(it, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b':'));
        if !is_name(&reference.name) && shown.name == reference.name {
            shown.name = self.text(&shown.name).0;
        }
        shown.namespace = shown.namespace.map(|it| if is_name(&it) { it } else { self.text(&it).0 });
        shown
    }

    /// Where something stands, without its line, and without its column behind a value: that would be the value's length.
    pub(super) fn place_of(&self, origin: &Origin) -> Place {
        const LONGEST: usize = 4096;
        let mut place = origin.place_without_excerpt();
        let before = origin.before();
        if self.is_behind(&place) || before.len() > LONGEST || self.is_masked(before) {
            place.column = None;
        }
        place
    }

    /// Likewise of a place that was told with its line.
    fn place(&self, mut place: Place) -> Place {
        let is_behind_in = |excerpt: &crate::finding::Excerpt| {
            let column = usize::try_from(place.column.unwrap_or(1)).unwrap_or(usize::MAX);
            let end =
                excerpt.line.char_indices().nth(column.saturating_sub(1)).map_or(excerpt.line.len(), |(at, _)| at);
            self.is_masked(&excerpt.line[..end])
        };
        if self.is_behind(&place) || place.excerpt.as_ref().is_some_and(is_behind_in) {
            place.column = None;
        }
        place
    }

    fn is_behind(&self, place: &Place) -> bool {
        let (line, column) = (place.line.unwrap_or_default(), place.column.unwrap_or_default());
        self.learned.is_behind(&place.path, line, column)
    }

    /// A finding whose texts may be shown. Validators quote what they got; this is where the quote is masked.
    #[must_use]
    pub fn finding(&self, mut finding: Finding) -> Finding {
        let in_secret = match (&finding.object, &finding.pointer) {
            (Some(object), pointer) => self.is_secret_place(&object.kind, pointer.as_deref().unwrap_or_default()),
            (None, _) => {
                let places = finding.place.iter().chain(finding.related.iter().map(|(place, _)| place));
                places.into_iter().any(|place| self.is_hidden(&place.path))
            }
        };
        let line = |text: &str| {
            let text = self.text(text).0;
            if in_secret { QUOTED.replace_all(&text, MASK).into_owned() } else { text }
        };
        let place = |place: Place| {
            let mut place = self.place(place);
            if finding.object.is_none() && self.is_hidden(&place.path) {
                place.column = None;
            }
            // A masked line has other columns: better no excerpt than a wrong underline.
            place.excerpt = place.excerpt.filter(|excerpt| {
                !in_secret && self.text(&excerpt.line) == *excerpt.line && !self.matcher().is_torn(&excerpt.line)
            });
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

    /// An operation whose texts may be shown.
    #[must_use]
    pub fn operation(&self, mut operation: Operation) -> Operation {
        let text = |text: String| self.text(&text).0;
        operation.key = text(operation.key);
        operation.target = text(operation.target);
        operation.reason = operation.reason.map(text);
        operation
    }

    /// Hides those of the files that `findings` stand in which Secrets are made of. `read` gives the bytes of a file.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn hide_sources<E>(
        &mut self,
        findings: &[Finding],
        mut read: impl FnMut(&str) -> Result<Option<Vec<u8>>, E>,
    ) -> Result<(), E> {
        for path in findings.iter().filter_map(|finding| finding.place.as_ref()).map(|place| &place.path) {
            if !self.hidden.contains(path)
                && let Some(bytes) = read(path)?
                && makes_secrets(&String::from_utf8_lossy(&bytes))
            {
                self.hide_file(path);
            }
        }
        Ok(())
    }

    /// Says whether nothing is quoted of a file: Secrets are made of it.
    fn is_hidden(&self, path: &str) -> bool {
        const PLAIN: [&str; 9] = ["env", "properties", "txt", "pem", "key", "crt", "conf", "ini", "enc"];
        let name = path.rsplit('/').next().unwrap_or(path);
        self.hidden.contains(path)
            || name.starts_with(".env")
            || name.rsplit_once('.').is_some_and(|(_, ending)| PLAIN.contains(&ending))
    }

    /// Says whether the field at `pointer` of an object of this kind holds secret values, so that nothing is quoted of it.
    fn is_secret_place(&self, kind: &str, pointer: &str) -> bool {
        if kind == "Secret" {
            // What is not of a Secret's own form may be a value at the wrong place.
            return !["/metadata", "/kind", "/apiVersion", "/type", "/immutable"]
                .iter()
                .any(|open| pointer.starts_with(open));
        }
        let keys: Vec<String> =
            pointer.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~")).collect();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        (kind == "SealedSecret" && pointer.starts_with("/spec"))
            || self.paths.iter().any(|path| path.is_about(kind) && path.covers(&keys))
            || passed::is_secret_place(kind, &keys)
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor(…)")
    }
}

static SOPS: LazyLock<regex::Regex> =
    LazyLock::new(|| regex::Regex::new(r"ENC\[[^\]]*\]?").expect("because the pattern is constant"));

/// Keys and messages in their armour: private ones, and what SOPS encrypts its data key to.
static ARMOUR: LazyLock<regex::Regex> = LazyLock::new(|| {
    let label = "(?:[A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?|AGE ENCRYPTED FILE|PGP MESSAGE)";
    regex::Regex::new(&format!("(?s)-----BEGIN {label}-----.*?(?:-----END [A-Z0-9 ]+-----|$)"))
        .expect("because the pattern is constant")
});

/// The password of an address, which no Secret need hold.
static LOGIN: LazyLock<regex::Regex> = LazyLock::new(|| {
    regex::Regex::new(r"://[^/\s:@\x22']*:([^@\s/\x22']+)@").expect("because the pattern is constant")
});

/// The generated part of a Secret's name where it is called by kind and name, as everybody calls objects.
static GENERATED: LazyLock<regex::Regex> = LazyLock::new(|| {
    regex::Regex::new(r"Secret [^\s`]*-([2456789bcdfghkmt]{10})(?:$|[^0-9A-Za-z.-])")
        .expect("because the pattern is constant")
});

/// What is shown of it.
const HASH: &str = "<hash>";

/// What a message about a Secret's data may quote of it: from the first quote to the last one, and numbers.
static QUOTED: LazyLock<regex::Regex> =
    LazyLock::new(|| regex::Regex::new(r#"(?s)".*"|"\S*|\b[0-9][0-9.]*\b"#).expect("because the pattern is constant"));

/// Replaces the spans; those that touch or overlap become one mask, so that their number says nothing.
fn cover(text: &str, mut spans: Vec<Span<'_>>) -> String {
    // Of two spans with one start, the longer one first.
    spans.sort_by_key(|(start, end, _)| (*start, std::cmp::Reverse(*end)));
    let mut merged: Vec<Span<'_>> = Vec::new();
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

/// Says whether Secrets are made of this text.
#[must_use]
pub fn makes_secrets(text: &str) -> bool {
    text.contains("secretGenerator")
        || (text.contains("Secret") && text.lines().any(|line| line.contains("kind") && line.contains("Secret")))
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
