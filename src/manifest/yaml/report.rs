//! The findings of reading, with their places, kept within bounds and free of secrets.

use super::budget::{Budget, Limit};
use super::events::Span;
use super::resolve::Meaningless;
use crate::finding::{Finding, Place};
use crate::manifest::object::Object;
use crate::manifest::source::{Origin, Source};
use crate::manifest::value::Value;
use std::sync::Arc;

/// Collects the findings of one file.
pub(super) struct Report<'a> {
    pub(super) source: &'a Arc<Source>,
    budget: &'a Budget,
    findings: Vec<Finding>,
    left_out: usize,
    /// Where the findings of the current document start.
    document: usize,
    /// The text of the current document; nothing between documents, where nothing is quoted.
    text: Option<&'a str>,
    /// The current document may be quoted; found out when it is asked.
    quotable: Option<bool>,
}

impl<'a> Report<'a> {
    pub(super) fn new(source: &'a Arc<Source>, budget: &'a Budget) -> Self {
        Self { source, budget, findings: Vec::new(), left_out: 0, document: 0, text: None, quotable: None }
    }

    /// Begins a document: one that looks like a Secret is not quoted, even if it cannot be read.
    pub(super) fn begin(&mut self, text: &'a str) {
        self.document = self.findings.len();
        (self.text, self.quotable) = (Some(text), None);
    }

    /// Begins something between documents, which is never quoted.
    pub(super) fn begin_unread(&mut self) {
        self.document = self.findings.len();
        (self.text, self.quotable) = (None, None);
    }

    /// Ends a document that could be read: its findings say which object they are about.
    pub(super) fn finish(&mut self, value: &Value) {
        let found = &mut self.findings[self.document..];
        if found.is_empty() {
            return;
        }
        let secret = holds_secret(value);
        let object = Object::reference_of(value);
        for finding in found {
            finding.object.clone_from(&object);
            if secret {
                let related = finding.related.iter_mut().map(|(place, _)| place);
                finding.place.iter_mut().chain(related).for_each(|place| place.excerpt = None);
            }
        }
    }

    /// All findings, and one that counts those that were left out.
    pub(super) fn into_findings(mut self) -> Vec<Finding> {
        if self.left_out > 0 {
            let message = format!("{} more findings in this file are not shown", self.left_out);
            let hint = "mend the findings above, then look again";
            self.findings.push(Finding::error("yaml-budget", message).at(Place::file(self.source.path())).hint(hint));
        }
        self.findings
    }

    fn origin(&self, span: Span) -> Origin {
        Origin::new(Arc::clone(self.source), span.start, span.end)
    }

    fn place(&self, origin: &Origin) -> Place {
        if self.quotable == Some(true) { origin.place() } else { origin.place_without_excerpt() }
    }

    /// Adds what `finding` makes of the place, unless there are too many already.
    fn add(&mut self, span: Span, finding: impl FnOnce(&Self, Place) -> Finding) {
        if self.findings.len() >= self.budget.findings {
            self.left_out += 1;
            return;
        }
        let text = self.text;
        self.quotable.get_or_insert_with(|| text.is_some_and(|text| !looks_secret(text)));
        let place = self.place(&self.origin(span));
        let finding = finding(self, place);
        self.findings.push(finding);
    }

    pub(super) fn syntax(&mut self, at: u32, message: &str) {
        self.add(Span { start: at, end: at }, |_, place| {
            Finding::error("yaml-syntax", format!("this is no YAML: {message}")).at(place)
        });
    }

    pub(super) fn bad_separator(&mut self, span: Span) {
        self.add(span, |_, place| {
            Finding::error(
                "yaml-syntax",
                "only a comment may follow `---` on its line, as kubectl and kustomize read it",
            )
            .at(place)
            .hint("put what follows on a line of its own")
        });
    }

    pub(super) fn bad_json(&mut self, at: u32) {
        self.add(Span { start: at, end: at }, |_, place| {
            Finding::error("yaml-syntax", "after several JSON values in a row kubectl takes nothing but JSON")
                .at(place)
                .hint("separate the documents with `---` from the first one on")
        });
    }

    pub(super) fn unread_document(&mut self, span: Span) {
        self.add(span, |_, place| {
            Finding::error("unread-document", "kubectl and kustomize drop everything between `...` and the next `---`")
                .at(place)
                .hint("separate documents with `---`")
        });
    }

    pub(super) fn over_budget(&mut self, limit: Limit, at: u32) {
        let Budget { bytes, nodes, expanded, documents, .. } = self.budget;
        let message = match limit {
            Limit::Bytes => format!("the file holds more than {bytes} bytes of text with its aliases expanded"),
            Limit::Depth => format!("more than {} nested lists and maps", self.budget.effective_depth()),
            Limit::Nodes => format!("more than {nodes} keys and values"),
            Limit::Expanded => format!("aliases add more than {expanded} keys and values"),
            Limit::Documents => format!("more than {documents} documents in one file"),
        };
        // A place and no excerpt: the text around a bomb explains nothing.
        let origin = self.origin(Span { start: at, end: at });
        let place = origin.place_without_excerpt();
        let hint = match limit {
            Limit::Depth => "the document was not read; flatten it",
            _ => "reading stopped here; split the file",
        };
        if self.findings.len() < self.budget.findings {
            self.findings.push(Finding::error("yaml-budget", message).at(place).hint(hint));
        } else {
            self.left_out += 1;
        }
    }

    pub(super) fn duplicate_key(&mut self, key: &str, span: Span, first: Option<&Origin>) {
        let message = format!("the key `{}` is set twice in one map", shortened(key));
        self.add(span, |report, place| {
            let finding =
                Finding::error("duplicate-key", message).at(place).hint("remove one: only the last would count");
            match first {
                Some(first) => finding.related(report.place(first), "set here first"),
                None => finding,
            }
        });
    }

    pub(super) fn changed_key(&mut self, rule: &'static str, written: &str, read: &str, span: Span) {
        let written = shortened(written);
        self.add(span, |_, place| {
            Finding::warning(rule, format!("kubectl reads the key `{written}` as `{read}`"))
                .at(place)
                .hint(format!("write \"{written}\" in quotes, or `{read}` if that is meant"))
        });
    }

    pub(super) fn non_string_key(&mut self, what: &str, span: Span) {
        self.add(span, |_, place| {
            Finding::error("non-string-key", format!("a key must be a string, got {what}"))
                .at(place)
                .hint("put the key in quotes")
        });
    }

    pub(super) fn bad_merge(&mut self, span: Span, plain: bool) {
        self.add(span, |_, place| {
            if plain {
                let finding = Finding::error("merge-key", "`<<` takes a map or a list of maps").at(place);
                return finding.hint("quote `<<` if a key is meant");
            }
            Finding::error("merge-key", "kustomize drops the key `<<`, also in quotes").at(place).hint("rename the key")
        });
    }

    pub(super) fn second_merge(&mut self, span: Span) {
        self.add(span, |_, place| {
            Finding::error("duplicate-key", "the key `<<` is set twice in one map, which kustomize refuses")
                .at(place)
                .hint("merge a list: `<<: [*first, *second]`")
        });
    }

    pub(super) fn merge_overrides(&mut self, key: &str, span: Span) {
        let message = format!("this `<<` comes after `{}` and replaces it when kubectl reads it", shortened(key));
        self.add(span, |_, place| {
            Finding::warning("merge-override", message).at(place).hint("put `<<` first in its map")
        });
    }

    pub(super) fn meaningless(&mut self, why: Meaningless, span: Span) {
        self.add(span, |_, place| {
            let finding = match why {
                Meaningless::NotFinite => {
                    Finding::error("yaml-value", "`.inf` and `.nan` cannot be sent to an API server")
                        .hint("put it in quotes if text is meant")
                }
                Meaningless::TagMismatch(tag) => {
                    Finding::error("yaml-value", format!("the value does not fit its tag `{tag}`"))
                }
                Meaningless::TooLarge => Finding::error("yaml-value", "the number is too large"),
                Meaningless::NoZone => {
                    Finding::error("yaml-value", "kustomize writes no time with an offset of 24 hours")
                        .hint("put it in quotes if text is meant")
                }
                Meaningless::TabFirst => {
                    Finding::error("yaml-value", "kustomize cannot write folded text that begins with a tab")
                        .hint("use `|` in place of `>`")
                }
                Meaningless::NotBase64 => Finding::error("yaml-value", "`!!binary` needs base64"),
            };
            finding.at(place)
        });
    }
}

/// A key is quoted in messages up to a length that fits a line.
fn shortened(key: &str) -> String {
    const LONGEST: usize = 80;
    match key.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", &key[..at]),
        None => key.to_owned(),
    }
}

/// Says whether the text of a document must not be quoted: it names the kind Secret, or a generator with literals.
///
/// Judged on the text, because a document with a syntax error has no kind; when in doubt it is not quoted.
fn looks_secret(text: &str) -> bool {
    let word = |line: &str, at: usize, length: usize| {
        let bytes = line.as_bytes();
        let inside = |byte: &u8| byte.is_ascii_alphanumeric();
        !bytes[..at].last().is_some_and(inside) && !bytes.get(at + length).is_some_and(inside)
    };
    text.contains("secretGenerator")
        || text.match_indices("Secret").any(|(at, found)| word(text, at, found.len()))
        || text.lines().filter(|line| line.contains("kind")).any(|line| {
            let lower = line.to_ascii_lowercase();
            lower.match_indices("secret").any(|(at, found)| word(&lower, at, found.len()))
        })
}

/// Says whether a document is a Secret or a list that holds one, however its kind is spelt in the text.
fn holds_secret(value: &Value) -> bool {
    let is_secret = |value: &Value| value.get("kind").and_then(Value::as_str) == Some("Secret");
    let items = value.get("items").and_then(Value::as_list).unwrap_or_default();
    is_secret(value) || items.iter().any(is_secret)
}

#[cfg(test)]
mod tests {
    use super::looks_secret;

    #[test]
    fn a_text_that_names_the_kind_secret_looks_secret() {
        for text in
            ["kind: Secret\n", "{\"kind\":\"Secret\"}", "kind:\n  Secret\n", "kind: secret", "secretGenerator:\n"]
        {
            assert!(looks_secret(text), "{text}");
        }
        for text in ["kind: ExternalSecret\n", "secretName: x\n", "volumes: [{secret: {}}]", "kind: ConfigMap"] {
            assert!(!looks_secret(text), "{text}");
        }
    }
}
