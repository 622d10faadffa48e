//! What people have silenced: rules by configuration, single places by a comment in the file, objects by an annotation.
//!
//! Nothing disappears: what is silenced is part of the report with the reason. A comment is part of the change and counts
//! in its review, where everybody sees it, with the word that this change adds it; configuration is taken from where it is
//! trusted, which the caller has decided.
//!
//! The form, decided by `docs/rules.md`: `# mergeline: ignore RULE[,RULE] REASON` on the line of the finding, on lines of
//! its own directly above, or above the first line of the document that the finding is in.

use super::annotated::Annotated;
use crate::config::{Config, RuleLevel};
use crate::diff::Redactor;
use crate::failure::Result;
use crate::finding::{Finding, Place, Severity};
use crate::git::tree::Tree;
use crate::report::{Silenced, SilencedBy};
use crate::rule;
use std::collections::BTreeMap;

/// What is left of findings, and what was silenced.
#[derive(Debug, Default)]
pub(super) struct Heard {
    pub(super) findings: Vec<Finding>,
    pub(super) silenced: Vec<Silenced>,
}

/// The comments of texts that are no longer there when they are asked for, by path.
#[derive(Debug, Default)]
pub(super) struct Comments {
    of: BTreeMap<String, Vec<Comment>>,
}

impl Comments {
    /// Finds the comments in a part of a file that begins behind `lines_before` lines.
    pub(super) fn read(&mut self, path: &str, text: &str, lines_before: u32) {
        let moved = comments(text).into_iter().map(|comment| Comment {
            line: comment.line.saturating_add(lines_before),
            lines: (comment.lines.0.saturating_add(lines_before), comment.lines.1.saturating_add(lines_before)),
            ..comment
        });
        self.of.entry(path.to_owned()).or_default().extend(moved);
    }

    /// Adds those of the parts behind.
    pub(super) fn add(&mut self, other: Self) {
        for (path, comments) in other.of {
            self.of.entry(path).or_default().extend(comments);
        }
    }
}

/// Who may silence what.
pub(super) struct Voices<'a> {
    /// The files that findings are in, when people write those.
    pub(super) tree: Option<&'a dyn Tree>,
    /// The same files before the change, if there is one.
    pub(super) base: Option<&'a dyn Tree>,
    /// The trusted configuration.
    pub(super) policy: Option<&'a Config>,
    /// What objects say of themselves.
    pub(super) annotated: &'a Annotated,
    pub(super) redactor: &'a Redactor,
}

/// Takes out what is silenced. Of files whose comments are known already, none is read.
///
/// # Errors
/// When a tree cannot be read.
pub(super) fn silence(findings: Vec<Finding>, mut known: Comments, voices: &Voices<'_>) -> Result<Heard> {
    let Voices { tree, base, policy, annotated, redactor } = *voices;
    let mut heard = Heard { findings: annotated.wrong().to_vec(), ..Heard::default() };
    let mut files: BTreeMap<String, Vec<Comment>> = BTreeMap::new();
    for mut finding in findings {
        let can_be_silenced = rule::find(&finding.rule).is_some_and(|rule| rule.can_be_silenced);
        if !can_be_silenced {
            heard.findings.push(finding);
            continue;
        }
        let setting = policy.and_then(|config| config.model().validate.rules.0.get(finding.rule.as_ref()));
        match setting.map(|setting| setting.level) {
            Some(RuleLevel::Off) => {
                let reason = setting.and_then(|setting| setting.reason.clone());
                heard.silenced.push(Silenced { finding, by: SilencedBy::Configuration(reason) });
                continue;
            }
            Some(RuleLevel::Warning) => finding.severity = Severity::Warning,
            Some(RuleLevel::Error) => finding.severity = Severity::Error,
            None => {}
        }
        if let Some(reason) = annotated.silences(&finding) {
            let by = SilencedBy::Annotation(redactor.text(&reason).to_string());
            heard.silenced.push(Silenced { finding, by });
            continue;
        }
        let (Some(tree), Some(place)) = (tree, finding.place.as_ref()) else {
            heard.findings.push(finding);
            continue;
        };
        if !files.contains_key(&place.path) {
            let mut found = match known.of.remove(&place.path) {
                Some(found) => found,
                None => comments(&text_of(tree, &place.path)?),
            };
            let wrong = found
                .iter()
                .filter_map(|comment| wrong(&comment.rules, &comment.reason, &Place::at(&place.path, comment.line, 1)));
            heard.findings.extend(wrong.map(|finding| redactor.finding(finding)));
            if let Some(base) = base.filter(|_| !found.is_empty()) {
                let before = comments(&text_of(base, &place.path)?);
                found.iter_mut().for_each(|comment| comment.is_new = !before.iter().any(|old| old.says_as(comment)));
            }
            files.insert(place.path.clone(), found);
        }
        let comment = files[&place.path].iter().find(|comment| comment.silences(&finding.rule, place.line));
        match comment {
            Some(comment) => {
                let reason = with_newness(&comment.reason, comment.is_new);
                let by = SilencedBy::Comment(redactor.text(&reason).to_string());
                heard.silenced.push(Silenced { finding, by });
            }
            None => heard.findings.push(finding),
        }
    }
    Ok(heard)
}

fn text_of(tree: &dyn Tree, path: &str) -> Result<String> {
    Ok(String::from_utf8_lossy(&tree.read(path)?.unwrap_or_default()).into_owned())
}

/// The reason, and that it comes with the change that it speaks for.
pub(super) fn with_newness(reason: &str, is_new: bool) -> String {
    if is_new { format!("{reason} (added by this change)") } else { reason.to_owned() }
}

/// Why a wish to ignore `rules` does nothing, or less than it says.
pub(super) fn wrong(rules: &[String], reason: &str, place: &Place) -> Option<Finding> {
    let finding =
        |message: String, hint: String| Some(Finding::warning("ignore-comment", message).at(place.clone()).hint(hint));
    let form = "write `# mergeline: ignore RULE REASON`, or the annotation `ignore.mergeline.dev/RULE: REASON`";
    if rules.is_empty() {
        return finding("this comment names no rule, and so ignores nothing".to_owned(), form.to_owned());
    }
    for id in rules {
        match rule::find(id) {
            Some(rule) if rule.can_be_silenced => {}
            Some(_) => {
                let hint = format!("see `mergeline validate --explain {id}`");
                return finding(format!("the rule `{id}` cannot be silenced"), hint);
            }
            None => {
                let hint = crate::schema::nearest(id, rule::all().iter().map(|rule| rule.id)).map_or_else(
                    || "rules are named in brackets: `error[RULE]`".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                return finding(format!("there is no rule `{id}` to ignore"), hint);
            }
        }
    }
    if reason.is_empty() {
        return finding(format!("ignoring `{}` needs a reason", rules.join("`, `")), form.to_owned());
    }
    None
}

/// One `# mergeline: ignore` comment.
#[derive(Debug, PartialEq, Eq)]
struct Comment {
    /// The line it stands on, from 1.
    line: u32,
    /// The lines it speaks of, the first and the last.
    lines: (u32, u32),
    rules: Vec<String>,
    reason: String,
    /// It was not there before the change.
    is_new: bool,
}

impl Comment {
    fn silences(&self, rule: &str, line: Option<u32>) -> bool {
        // What is wrong with a file as a whole is silenced at its top.
        let line = line.unwrap_or(1);
        let covered = (self.lines.0..=self.lines.1).contains(&line) || line == self.line;
        covered && !self.reason.is_empty() && self.rules.iter().any(|known| known == rule)
    }

    /// Says whether it is the same wish, wherever it stands.
    fn says_as(&self, other: &Self) -> bool {
        self.rules == other.rules && self.reason == other.reason
    }
}

/// Every such comment of a text.
fn comments(text: &str) -> Vec<Comment> {
    if !text.contains("mergeline:") {
        return Vec::new();
    }
    let mut found = Vec::new();
    // Comments on lines of their own wait for the line that they stand above.
    let mut waiting: Vec<Comment> = Vec::new();
    let mut heading: Vec<Comment> = Vec::new();
    let mut begun = false;
    let mut last = 0;
    for (number, line) in (1u32..).zip(text.lines()) {
        last = number;
        let separator = line.strip_prefix("---").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']));
        if separator {
            end(&mut heading, number.saturating_sub(1), &mut found);
            found.append(&mut waiting);
            begun = false;
            continue;
        }
        let content = line.trim_start();
        if content.is_empty() {
            continue;
        }
        let alone = content.starts_with('#');
        if let Some((rules, reason)) = directive(line) {
            let comment = Comment { line: number, lines: (number, number), rules, reason, is_new: false };
            if alone { waiting.push(comment) } else { found.push(comment) }
        }
        if alone {
            continue;
        }
        for mut comment in waiting.drain(..) {
            comment.lines = (number, number);
            if begun { found.push(comment) } else { heading.push(comment) }
        }
        begun = true;
    }
    end(&mut heading, last, &mut found);
    found.append(&mut waiting);
    found.sort_by_key(|comment| comment.line);
    found
}

/// Ends a document: what stands above its first line speaks of all of it.
fn end(heading: &mut Vec<Comment>, last: u32, found: &mut Vec<Comment>) {
    for mut comment in heading.drain(..) {
        comment.lines.1 = last.max(comment.lines.0);
        found.push(comment);
    }
}

/// The rules and the reason of a line with a directive in a comment.
fn directive(line: &str) -> Option<(Vec<String>, String)> {
    let after = line.match_indices('#').find_map(|(at, _)| {
        let begins = line[..at].chars().next_back().is_none_or(char::is_whitespace);
        let rest = line[at + 1..].trim_start().strip_prefix("mergeline:")?.trim_start().strip_prefix("ignore")?;
        (begins && (rest.is_empty() || rest.starts_with(char::is_whitespace))).then_some(rest)
    })?;
    let after = after.trim();
    let (rules, reason) = after.split_once(char::is_whitespace).unwrap_or((after, ""));
    let rules = rules.split(',').filter(|rule| !rule.is_empty()).map(str::to_owned).collect();
    Some((rules, reason.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::git::tree::MemoryTree;

    const FILE: &str = "\
# mergeline: ignore absent-secret,absent-role the platform team makes it
kind: A
spec:
  # mergeline: ignore schema the server is patched
  # and this is no directive
  replicas: three
  image: x # mergeline: ignore unknown-field made known by a webhook
---
kind: B
# mergeline: ignore
# mergeline: ignore surprise because
# mergeline: ignore yaml-syntax because
# mergeline: ignore schema
spec: {}
";

    fn heard(rule: &'static str, line: u32) -> Heard {
        let tree = MemoryTree::new().with("a.yaml", FILE);
        let finding = Finding::error(rule, "wrong").at(Place::at("a.yaml", line, 1));
        heard_with(vec![finding], Some(&tree), None, None)
    }

    fn heard_with(
        findings: Vec<Finding>,
        tree: Option<&dyn Tree>,
        base: Option<&dyn Tree>,
        policy: Option<&Config>,
    ) -> Heard {
        let (annotated, redactor) = (Annotated::default(), Redactor::new());
        silence(
            findings,
            Comments::default(),
            &Voices { tree, base, policy, annotated: &annotated, redactor: &redactor },
        )
        .unwrap()
    }

    fn is_silenced(rule: &'static str, line: u32) -> bool {
        !heard(rule, line).silenced.is_empty()
    }

    #[test]
    fn comments_count_on_their_line_above_it_and_above_the_document() {
        assert!(is_silenced("absent-secret", 2) && is_silenced("absent-role", 7));
        assert!(is_silenced("schema", 6) && is_silenced("unknown-field", 7));
        for (rule, line) in [("absent-secret", 9), ("schema", 7), ("schema", 2), ("schema", 14), ("unknown-field", 6)] {
            assert!(!is_silenced(rule, line), "{rule} {line}");
        }
        let silenced = heard("schema", 6).silenced;
        assert_eq!(silenced[0].by, SilencedBy::Comment("the server is patched".into()));
    }

    #[test]
    fn a_comment_that_comes_with_the_change_is_told_as_such() {
        let (head, base) = (MemoryTree::new().with("a.yaml", FILE), MemoryTree::new().with("a.yaml", "kind: A\n"));
        let finding = || vec![Finding::error("schema", "wrong").at(Place::at("a.yaml", 6, 1))];
        let reason = |base: &MemoryTree| heard_with(finding(), Some(&head), Some(base), None).silenced[0].by.clone();
        assert_eq!(reason(&base), SilencedBy::Comment("the server is patched (added by this change)".into()));
        assert_eq!(reason(&head), SilencedBy::Comment("the server is patched".into()));
    }

    #[test]
    fn comments_that_do_nothing_are_told() {
        let told: Vec<String> = heard("schema", 2)
            .findings
            .iter()
            .filter(|finding| finding.rule == "ignore-comment")
            .map(|finding| format!("{}: {}", finding.place.as_ref().unwrap(), finding.message))
            .collect();
        assert_eq!(
            told,
            [
                "a.yaml:10:1: this comment names no rule, and so ignores nothing",
                "a.yaml:11:1: there is no rule `surprise` to ignore",
                "a.yaml:12:1: the rule `yaml-syntax` cannot be silenced",
                "a.yaml:13:1: ignoring `schema` needs a reason",
            ]
        );
    }

    #[test]
    fn configuration_silences_and_weighs_rules() {
        let text = "version: 1\nvalidate: {rules: {schema: {level: off, reason: we know}, absent-secret: error, unknown-field: warning}}\n";
        let config = Config::parse(text.as_bytes()).unwrap();
        let findings = vec![
            Finding::error("schema", "a"),
            Finding::warning("absent-secret", "b"),
            Finding::error("unknown-field", "c"),
            Finding::error("yaml-syntax", "d"),
        ];
        let heard = heard_with(findings, None, None, Some(&config));
        assert_eq!(heard.silenced.len(), 1);
        assert_eq!(heard.silenced[0].by, SilencedBy::Configuration(Some("we know".into())));
        let severities: Vec<Severity> = heard.findings.iter().map(|finding| finding.severity).collect();
        assert_eq!(severities, [Severity::Error, Severity::Warning, Severity::Error]);
    }
}
