//! Every rule by its id, as `docs/rules.md` describes it. Vocabulary: imported by every room.
//!
//! The document is part of the binary, so that what is printed, what a SARIF file carries and what people read on the web
//! are one text.

use crate::finding::Severity;
use std::sync::LazyLock;

/// A rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Kebab-case; its anchor in the docs.
    pub id: &'static str,
    /// What its findings mostly weigh.
    pub severity: Severity,
    /// Whether configuration and comments may silence it.
    pub can_be_silenced: bool,
    /// What it finds, one sentence.
    pub about: &'static str,
    /// Its whole section as Markdown, without the heading.
    pub text: &'static str,
}

const DOCUMENT: &str = include_str!("../docs/rules.md");

static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
    // A section ends where the next one begins, of a rule or of a chapter.
    let sections = DOCUMENT.split("\n### `").skip(1);
    let mut rules: Vec<Rule> = sections.filter_map(parse).collect();
    rules.sort_by_key(|rule| rule.id);
    rules
});

/// Reads what follows "### `".
fn parse(section: &'static str) -> Option<Rule> {
    let section = section.split("\n## ").next()?;
    let (id, rest) = section.split_once("`\n\n")?;
    let (facts, text) = rest.split_once("\n\n")?;
    let severity = match facts.split(' ').next()? {
        "error" => Severity::Error,
        "warning" => Severity::Warning,
        "info" => Severity::Info,
        _ => return None,
    };
    let about = text.split("\n\n").next()?.trim();
    Some(Rule { id, severity, can_be_silenced: facts.ends_with("can be silenced"), about, text: text.trim() })
}

/// All rules, by id.
#[must_use]
pub fn all() -> &'static [Rule] {
    &RULES
}

/// A rule by its id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Rule> {
    RULES.binary_search_by(|rule| rule.id.cmp(id)).ok().map(|at| &RULES[at])
}

/// The page and anchor that explains a rule.
#[must_use]
pub fn url(id: &str) -> String {
    format!("https://mergeline.dev/rules/{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_section_of_the_document_is_a_rule() {
        assert_eq!(all().len(), DOCUMENT.matches("\n### ").count());
        let schema = find("schema");
        assert_eq!(schema.map(|rule| (rule.severity, rule.can_be_silenced)), Some((Severity::Error, true)));
        assert_eq!(find("yaml-syntax").map(|rule| rule.can_be_silenced), Some(false));
        for rule in all() {
            let sentence = rule.about.ends_with('.') && !rule.about.contains('\n');
            assert!(sentence, "`{}` does not begin with one sentence on one line: {}", rule.id, rule.about);
        }
        assert_eq!(find("surprise"), None);
    }
}
