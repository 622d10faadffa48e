//! Which findings stand on lines that the change touches, and what these lines should say.

use crate::failure::Result;
use crate::finding::{Finding, Severity};
use crate::git::tree::Tree;
use crate::report::markdown::escape::may_be_offered;
use crate::report::{ChangedLines, LineFinding};
use std::collections::BTreeMap;

/// The lines that the change touches in files with findings, and the findings on lines that are new or rewritten: errors, and
/// what can be mended for certain. The weightiest come first.
///
/// # Errors
/// When a tree cannot be read.
pub(super) fn on_lines(
    findings: &[Finding],
    base: Option<&dyn Tree>,
    head: &dyn Tree,
) -> Result<(ChangedLines, Vec<LineFinding>)> {
    let mut lines = ChangedLines::default();
    let mut texts: BTreeMap<&str, Option<String>> = BTreeMap::new();
    for place in findings.iter().filter_map(|finding| finding.place.as_ref()) {
        if texts.contains_key(place.path.as_str()) {
            continue;
        }
        let text = |bytes: Option<Vec<u8>>| bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        let after = text(head.read(&place.path)?);
        if let Some(after) = &after {
            let before = base.map(|base| base.read(&place.path)).transpose()?.flatten();
            lines.add(&place.path, text(before).as_deref(), after);
        }
        texts.insert(&place.path, after);
    }
    let mut found: Vec<LineFinding> = findings
        .iter()
        .filter_map(|finding| {
            let place = finding.place.as_ref()?;
            let line = place.line.filter(|line| lines.is_changed(&place.path, *line))?;
            let index = usize::try_from(line).ok()?.checked_sub(1)?;
            let now = texts.get(place.path.as_str())?.as_ref()?.lines().nth(index)?.to_owned();
            let instead = mended(finding, &now);
            // Of a line that may hold a secret value nothing is kept, not even what a hash is made of.
            let is_shown = place.excerpt.as_ref().is_some_and(|excerpt| excerpt.line == now);
            let now = if is_shown { now } else { String::new() };
            (finding.severity == Severity::Error || instead.is_some()).then(|| LineFinding {
                finding: finding.clone(),
                path: place.path.clone(),
                line,
                now,
                instead,
            })
        })
        .collect();
    found.sort_by_key(|it| std::cmp::Reverse((it.finding.severity, it.instead.is_some())));
    Ok((lines, found))
}

/// The line as it should be. Nothing where the finding's excerpt is not the line itself: then something in it is masked.
fn mended(finding: &Finding, now: &str) -> Option<String> {
    let (fix, place) = (finding.fix.as_ref()?, finding.place.as_ref()?);
    let excerpt = place.excerpt.as_ref().filter(|excerpt| excerpt.line == now)?;
    let at = |column: u32| now.char_indices().map(|(at, _)| at).chain([now.len()]).nth(usize::try_from(column).ok()?);
    let start = place.column?.checked_sub(1)?;
    let (start, end) = (at(start)?, at(start + excerpt.width)?);
    let instead = fix.apply(now.get(start..end)?)?;
    let instead = format!("{}{instead}{}", &now[..start], &now[end..]);
    may_be_offered(&instead).then_some(instead)
}
