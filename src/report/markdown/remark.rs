//! What is said beside one line of a pull request.

use super::escape::{fence, link, message, suggestion, text, url};
use crate::finding::Severity;
use crate::report::visible::cut;
use crate::report::words::listed;
use crate::report::{LineFinding, Report};

/// A message longer than this is cut; the comment and the report have all.
const LONGEST: usize = 1000;

/// The body of a remark. `info` opens a block whose text the host offers to put in place of the line; where it has no such
/// thing, the line is shown as a diff.
#[must_use]
pub fn remark(it: &LineFinding, report: &Report, info: Option<&str>) -> String {
    let finding = &it.finding;
    let word = match finding.severity {
        Severity::Error => "Error",
        Severity::Warning => "Warning",
        Severity::Info => "Note",
    };
    let mut body = format!("**{word}** {}\n", message(&cut(&finding.message, LONGEST)));
    if let Some(hint) = &finding.hint {
        // A word of ours first: what begins a line may be a list, a heading, a quote.
        body += &format!("\nHint: {}\n", message(&cut(hint, LONGEST)));
    }
    match (&it.instead, info) {
        (Some(instead), Some(info)) => body += &format!("\n{}", suggestion(info, instead)),
        (Some(instead), None) => {
            body += &format!("\n{}", fence("diff", [format!("-{}", it.now), format!("+{instead}")]));
        }
        (None, _) => {}
    }
    let mut small = vec![link(&finding.rule, &url(&finding.help_url()))];
    let reached: Vec<&String> = finding.environments.iter().filter(|name| *name != "default").collect();
    if !reached.is_empty() && report.environments.len() > 1 {
        small.push(text(&listed(&reached, 6)));
    }
    body + &format!("\n<sub>{}</sub>\n", small.join(" · "))
}
