//! What people have silenced: rules by configuration, and single places by a comment in the file.
//!
//! Nothing disappears: what is silenced is part of the report with the reason. A comment is part of the change and counts
//! in its review, where everybody sees it; configuration is taken from where it is trusted, which the caller has decided.
//!
//! The form, decided by `docs/rules.md`: `# mergeline: ignore RULE[,RULE] REASON` on the line of the finding, on lines of
//! its own directly above, or above the first line of the document that the finding is in.

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

/// Takes out what is silenced. `tree` holds the files that findings are in, when people write those; `policy` is the
/// trusted configuration. Of files whose comments are known already, none is read.
///
/// # Errors
/// When the tree cannot be read.
pub(super) fn silence(
    findings: Vec<Finding>,
    tree: Option<&dyn Tree>,
    mut known: Comments,
    policy: Option<&Config>,
    redactor: &Redactor,
) -> Result<Heard> {
    let mut heard = Heard::default();
    let mut files: BTreeMap<String, Vec<Comment>> = BTreeMap::new();
    for mut finding in findings {
        let can_be_silenced = rule::find(&finding.rule).is_some_and(|rule| rule.can_be_silenced);
        if !can_be_silenced {
            heard.findings.push(finding);
            continue;
        }
        match policy.and_then(|config| config.model().validate.rules.0.get(finding.rule.as_ref())) {
            Some(RuleLevel::Off) => {
                heard.silenced.push(Silenced { finding, by: SilencedBy::Configuration });
                continue;
            }
            Some(RuleLevel::Warning) => finding.severity = Severity::Warning,
            Some(RuleLevel::Error) => finding.severity = Severity::Error,
            None => {}
        }
        let (Some(tree), Some(place)) = (tree, finding.place.as_ref()) else {
            heard.findings.push(finding);
            continue;
        };
        if !files.contains_key(&place.path) {
            let found = match known.of.remove(&place.path) {
                Some(found) => found,
                None => comments(&String::from_utf8_lossy(&tree.read(&place.path)?.unwrap_or_default())),
            };
            let wrong = found.iter().filter_map(|comment| comment.wrong(&place.path));
            heard.findings.extend(wrong.map(|finding| redactor.finding(finding)));
            files.insert(place.path.clone(), found);
        }
        let comment = files[&place.path].iter().find(|comment| comment.silences(&finding.rule, place.line));
        match comment {
            Some(comment) => {
                let by = SilencedBy::Comment(redactor.text(&comment.reason).to_string());
                heard.silenced.push(Silenced { finding, by });
            }
            None => heard.findings.push(finding),
        }
    }
    Ok(heard)
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
}

impl Comment {
    fn silences(&self, rule: &str, line: Option<u32>) -> bool {
        // What is wrong with a file as a whole is silenced at its top.
        let line = line.unwrap_or(1);
        let covered = (self.lines.0..=self.lines.1).contains(&line) || line == self.line;
        covered && !self.reason.is_empty() && self.rules.iter().any(|known| known == rule)
    }

    /// Why it does nothing, or less than it says.
    fn wrong(&self, path: &str) -> Option<Finding> {
        let finding = |message: String, hint: String| {
            Some(Finding::warning("ignore-comment", message).at(Place::at(path, self.line, 1)).hint(hint))
        };
        let form = "write `# mergeline: ignore RULE REASON`";
        if self.rules.is_empty() {
            return finding("this comment names no rule, and so ignores nothing".to_owned(), form.to_owned());
        }
        for id in &self.rules {
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
        if self.reason.is_empty() {
            let message = format!("ignoring `{}` needs a reason", self.rules.join("`, `"));
            return finding(message, form.to_owned());
        }
        None
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
            let comment = Comment { line: number, lines: (number, number), rules, reason };
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
        silence(vec![finding], Some(&tree), Comments::default(), None, &Redactor::new()).unwrap()
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
        let text = "version: 1\nvalidate: {rules: {schema: off, absent-secret: error, unknown-field: warning}}\n";
        let config = Config::parse(text.as_bytes()).unwrap();
        let findings = vec![
            Finding::error("schema", "a"),
            Finding::warning("absent-secret", "b"),
            Finding::error("unknown-field", "c"),
            Finding::error("yaml-syntax", "d"),
        ];
        let heard = silence(findings, None, Comments::default(), Some(&config), &Redactor::new()).unwrap();
        assert_eq!(heard.silenced.len(), 1);
        let severities: Vec<Severity> = heard.findings.iter().map(|finding| finding.severity).collect();
        assert_eq!(severities, [Severity::Error, Severity::Warning, Severity::Error]);
    }
}
