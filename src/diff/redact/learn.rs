//! What is masked because of its value: Secret values in the shapes that they turn up in elsewhere.

use super::matcher::Matcher;
use super::places::{LAST_APPLIED, Part, TELLING, configured, secret_part};
use super::{generated_name, passed};
use crate::manifest::{Data, Object, Value};
use crate::secret::SecretPath;
use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD, URL_SAFE};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

/// The shortest value that is masked by value (DESIGN §4): shorter ones would destroy text and hide nothing.
const SHORTEST: usize = 6;
/// Values longer than this are masked as they are and line by line, not in every encoding.
const LONG: usize = 4096;
/// Reads base64 with or without padding and with sloppy trailing bits, as people paste it.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Values to mask and names not to.
#[derive(Clone, Default)]
pub(super) struct Learned {
    values: BTreeSet<String>,
    /// Those of them that are encodings: what stands around one encodes the same text.
    encoded: HashSet<String>,
    names: HashSet<String>,
    generated: BTreeMap<String, String>,
    /// Lines of files, from 1, on which something stands behind a secret value, and the value's column: the column of what
    /// stands behind it tells its length.
    crowded: HashMap<(String, u32), u32>,
}

impl Learned {
    /// Learns from objects; says whether anything is new.
    pub(super) fn objects(&mut self, objects: &[Object], paths: &[SecretPath]) -> bool {
        let count = |it: &Self| (it.values.len(), it.names.len(), it.generated.len(), it.crowded.len());
        let before = count(self);
        for object in objects {
            let (name, namespace) = (object.name(), object.namespace());
            self.names.extend(name.into_iter().chain(namespace).map(str::to_owned));
            if object.is_secret()
                && let Some((base, hash)) = name.and_then(generated_name)
            {
                self.names.insert(base.to_owned());
                self.generated.insert(format!("{base}-{hash}"), format!("{base}-<hash>"));
            }
            self.tree(object.value());
            for value in configured(object, paths) {
                self.leaves(value, false);
            }
            // A word of the language would be found everywhere.
            let passed =
                passed::values(object).into_iter().filter(|value| !value.as_str().is_some_and(passed::is_word));
            passed.for_each(|value| self.leaves(value, false));
            for value in passed::written(object) {
                self.value(&value);
            }
        }
        before != count(self)
    }

    /// Learns what another has learned.
    pub(super) fn absorb(&mut self, other: Self) {
        self.values.extend(other.values);
        self.encoded.extend(other.encoded);
        self.names.extend(other.names);
        self.generated.extend(other.generated);
        for (line, column) in other.crowded {
            self.crowd(line, column);
        }
    }

    /// Learns one value in all its shapes; says whether anything is new.
    pub(super) fn value(&mut self, text: &str) -> bool {
        let before = self.values.len();
        self.shapes(text, 0);
        before != self.values.len()
    }

    /// Says whether all of `other` is here.
    pub(super) fn contains(&self, other: &Self) -> bool {
        other.values.is_subset(&self.values)
            && other.names.is_subset(&self.names)
            && other.generated.keys().all(|name| self.generated.contains_key(name))
            && other.crowded.iter().all(|(line, column)| self.crowded.get(line).is_some_and(|known| known <= column))
    }

    /// Says whether a secret value stands before a column on its line.
    pub(super) fn is_behind(&self, path: &str, line: u32, column: u32) -> bool {
        !self.crowded.is_empty() && self.crowded.get(&(path.to_owned(), line)).is_some_and(|value| *value < column)
    }

    fn crowd(&mut self, line: (String, u32), column: u32) {
        let known = self.crowded.entry(line).or_insert(column);
        *known = column.min(*known);
    }

    /// Says whether there is anything to look for; names alone are none.
    pub(super) fn has_values(&self) -> bool {
        !self.values.is_empty() || !self.generated.is_empty()
    }

    /// What finds all values, and what replaces each.
    pub(super) fn matcher(&self) -> Matcher {
        let values = self.values.iter().filter(|value| !self.names.contains(*value));
        Matcher::new(values.map(|value| (value.as_str(), self.encoded.contains(value))), &self.generated)
    }

    fn tree(&mut self, value: &Value) {
        match &value.data {
            Data::List(items) => items.iter().for_each(|item| self.tree(item)),
            Data::Map(map) => {
                for (key, child) in map {
                    match secret_part(value, key.as_str()) {
                        Some(Part::Entries | Part::Leaves | Part::Whole) => {
                            let encoded = key.as_str() != "stringData";
                            if key.as_str() == "sops" {
                                self.crowds(child);
                            } else {
                                self.leaves(child, encoded);
                            }
                        }
                        None if key.as_str() == LAST_APPLIED => self.last_applied(child),
                        None => self.tree(child),
                    }
                }
            }
            _ => {}
        }
    }

    /// Notes the line that a secret value ends on, if it does not end with it.
    fn crowds(&mut self, value: &Value) {
        let Some(origin) = &value.origin else { return };
        let (source, (start, end)) = (origin.source(), origin.span());
        let rest = source.text().get(end as usize..).unwrap_or_default();
        let closing = |c: char| matches!(c, '"' | '\'' | ',' | ']' | '}' | ' ' | '\t' | '\r');
        let rest = rest.trim_start_matches(closing);
        if rest.is_empty() || rest.starts_with(['\n', '#']) {
            return;
        }
        // A value over several lines stands from the beginning of its last one on.
        let (line, offset) = source.line_and_offset(end);
        let begins = offset.saturating_sub(end - start);
        let key = (source.path().to_owned(), line);
        // A letter has four bytes at most: what is known stands before this for certain.
        if self.crowded.get(&key).is_none_or(|known| *known > begins / 4) {
            let column = if begins == 0 { 1 } else { source.line_and_column(start).1 };
            self.crowd(key, column);
        }
    }

    fn leaves(&mut self, value: &Value, encoded: bool) {
        if !matches!(value.data, Data::Map(_) | Data::List(_)) {
            self.crowds(value);
        }
        match &value.data {
            Data::String(text) => self.leaf(text, encoded),
            Data::Number(number) => self.leaf(number.literal(), encoded),
            Data::List(items) => items.iter().for_each(|item| self.leaves(item, encoded)),
            Data::Map(map) => {
                for (key, child) in map {
                    // `password: password` is a placeholder; masking the word would hide field names.
                    let placeholder = child.as_str().is_some_and(|text| {
                        text.eq_ignore_ascii_case(key.as_str())
                            || LENIENT.decode(text.trim()).is_ok_and(|bytes| bytes == key.as_str().as_bytes())
                    });
                    if !placeholder {
                        self.leaves(child, encoded);
                    }
                }
            }
            Data::Null | Data::Bool(_) => {}
        }
    }

    fn leaf(&mut self, text: &str, encoded: bool) {
        self.shapes(text, 0);
        if encoded {
            let packed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
            self.add(&packed);
            if let Ok(bytes) = LENIENT.decode(&packed) {
                self.bytes(&bytes, 0);
            }
        }
    }

    /// The former manifest that `kubectl apply` keeps: JSON text.
    fn last_applied(&mut self, value: &Value) {
        let Some(former) = value.as_str().and_then(|text| serde_json::from_str::<serde_json::Value>(text).ok()) else {
            return;
        };
        if former.get("kind").and_then(serde_json::Value::as_str) != Some("Secret") {
            return;
        }
        for (key, encoded) in [("data", true), ("stringData", false)] {
            let entries = former.get(key).and_then(serde_json::Value::as_object);
            for text in entries.into_iter().flatten().filter_map(|(_, value)| value.as_str()) {
                self.leaf(text, encoded);
            }
        }
    }

    fn bytes(&mut self, bytes: &[u8], depth: u8) {
        if let Ok(text) = std::str::from_utf8(bytes) {
            self.shapes(text, depth);
        } else {
            self.encodings(bytes);
        }
    }

    fn shapes(&mut self, text: &str, depth: u8) {
        let trimmed = text.trim();
        if trimmed.len() < SHORTEST || is_plain(trimmed) {
            return;
        }
        self.add(text);
        self.add(trimmed);
        if trimmed.len() <= LONG {
            self.encodings(text.as_bytes());
            self.encodings(trimmed.as_bytes());
            // As a text in JSON, and in JSON that is a text in JSON; line ends may be left out of the latter.
            let mut quoted = trimmed.to_owned();
            for _ in 0..2 {
                let literal = serde_json::Value::from(quoted).to_string();
                quoted = literal[1..literal.len() - 1].to_owned();
                self.add(&quoted);
            }
            self.add(&percent_encoding::utf8_percent_encode(trimmed, percent_encoding::NON_ALPHANUMERIC).to_string());
        }
        for part in parts(trimmed) {
            self.add(part);
        }
        // Encoded twice: a chart that pipes an encoded value through `b64enc`.
        if depth < 2
            && trimmed.len() >= 12
            && let Ok(bytes) = LENIENT.decode(trimmed)
            && bytes.len() >= SHORTEST
            && std::str::from_utf8(&bytes).is_ok_and(|text| !text.contains(|c: char| c.is_control() && c != '\n'))
        {
            self.bytes(&bytes, depth + 1);
        }
    }

    /// Base64 of the bytes, alone and as a part of something longer that was encoded.
    fn encodings(&mut self, bytes: &[u8]) {
        if bytes.len() < SHORTEST || bytes.len() > LONG {
            return;
        }
        for engine in [&STANDARD, &URL_SAFE] {
            self.add_encoded(engine.encode(bytes).trim_end_matches('='));
            for offset in 1..3 {
                let mut padded = vec![0; offset];
                padded.extend_from_slice(bytes);
                let text = engine.encode(&padded);
                // Characters that also hold bits of the bytes before or after are not known.
                let first = (offset * 8).div_ceil(6);
                let last = padded.len() * 8 / 6;
                self.add_encoded(&text[first..last]);
            }
            let whole = bytes.len() * 8 / 6;
            self.add_encoded(&engine.encode(bytes)[..whole]);
        }
        let mut hex = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            hex.extend([byte >> 4, byte & 15].map(|digit| char::from_digit(u32::from(digit), 16).unwrap_or_default()));
        }
        self.add_encoded(&hex.to_uppercase());
        self.add_encoded(&hex);
    }

    fn add_encoded(&mut self, value: &str) {
        // `5820474E61` reads as a number, and a longer one is nobody's count of anything.
        if value.len() >= 2 * SHORTEST || (value.len() >= SHORTEST && !is_plain(value)) {
            self.values.insert(value.to_owned());
            self.encoded.insert(value.to_owned());
        }
    }

    fn add(&mut self, value: &str) {
        if value.len() >= SHORTEST && !is_plain(value) {
            self.values.insert(value.to_owned());
        }
    }
}

/// Says whether values may be learned from a text in YAML or JSON, read by any dialect: it names a kind or key that holds some,
/// or is written so that such a name may not stand in it as it is (escapes, and tags, of which `!!binary` decodes).
pub(super) fn may_teach(text: &str) -> bool {
    static WORDS: LazyLock<AhoCorasick> = LazyLock::new(|| {
        let words = TELLING.into_iter().chain(passed::kinds()).chain(["\\", "!"]);
        AhoCorasick::new(words).expect("because the words are constant")
    });
    WORDS.is_match(text)
}

/// Booleans, numbers and nulls are not masked by value.
fn is_plain(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "true" | "false" | "null" | "yes" | "no" | "on" | "off")
        || text.parse::<f64>().is_ok()
}

/// The parts of a longer value that are secret by themselves: the lines of a key, what stands after `password=`, the
/// password in a URL.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    let several = text.contains(['\n', ' ', '=', '"', ':', ',']);
    let words = text.split(|c: char| c.is_whitespace() || "\"',;={}[]".contains(c));
    let words = words.filter(move |word| several && word.len() >= 12 && looks_random(word));
    // A map in one line is as good as one over several.
    let flow = text.split(['\n', ',', '{', '}']).filter(|_| text.contains('{'));
    let assigned = text.lines().chain(flow).filter_map(assigned);
    let login = text.split("://").skip(1).filter_map(|rest| {
        let (login, _) = rest.split('/').next()?.rsplit_once('@')?;
        Some(login.split_once(':')?.1)
    });
    // Each line of a key in its armour, down to the short one at the end.
    let armoured = text.contains("-----BEGIN");
    let lines = text.lines().map(str::trim).filter(move |line| armoured && !line.starts_with("-----"));
    words.chain(assigned).chain(login).chain(lines).filter(|part| part.len() >= SHORTEST)
}

/// The value of a line such as `DB_PASSWORD=…` or `"token": "…"`.
fn assigned(line: &str) -> Option<&str> {
    const WORDS: [&str; 6] = ["pass", "secret", "token", "key", "auth", "cred"];
    let (key, value) = line.split_once(['=', ':'])?;
    let key = key.to_ascii_lowercase();
    let value = value.trim().trim_end_matches(',').trim_matches(['"', '\'']);
    WORDS.iter().any(|word| key.contains(word)).then_some(value)
}

/// Letters and digits mixed, as no host name, word or version is.
fn looks_random(word: &str) -> bool {
    let has = |test: fn(&char) -> bool| word.chars().any(|c| test(&c));
    has(char::is_ascii_digit)
        && has(char::is_ascii_alphabetic)
        && (has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase) || !word.contains(['.', '/', '-']))
}
