//! Remarks beside the lines of a pull request: few, each once, and gone when what they say is mended.
//!
//! Each new one may notify people, so that they are written together, at most ten at a time stand there, and where a host
//! shows the findings of a check beside their lines only those remain that offer the line as it should be.

use crate::failure::Result;
use crate::host::{Ensured, Host, Remark};
use crate::report::{LineFinding, Report, markdown};
use crate::trust::CommentGrant;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;

/// How many remarks stand on a pull request at most. All findings are in the comment.
const MOST: usize = 10;

/// The findings that are told beside their lines on this host.
pub(super) fn told<'a>(host: &dyn Host, report: &'a Report) -> Vec<&'a LineFinding> {
    let annotated = host.limits().check.is_some();
    let found = report.remarks.iter().flatten().filter(|it| !annotated || it.instead.is_some());
    found.take(MOST).collect()
}

/// Makes the pull request have these remarks and no others of ours.
///
/// # Errors
/// The host's failures.
pub(super) async fn write(
    host: &dyn Host,
    grant: &CommentGrant,
    report: &Report,
    told: &[&LineFinding],
) -> Result<Ensured> {
    let suggestion = host.limits().suggestion;
    let mut seen: HashMap<String, usize> = HashMap::new();
    let remark = |it: &&LineFinding| {
        // Two equal lines may have the same fault: each has its remark.
        let same = seen.entry(key(it, 0)).or_default();
        *same += 1;
        let body = markdown::remark(it, report, suggestion);
        Remark { path: it.path.clone(), line: it.line, key: key(it, *same - 1), body }
    };
    let remarks: Vec<Remark> = told.iter().map(remark).collect();
    host.ensure_remarks(grant, &remarks).await
}

/// Names a remark by what it says of which text: it stays the same when lines above it come and go.
fn key(it: &LineFinding, before: usize) -> String {
    let mut hash = Sha256::new();
    for part in [&*it.finding.rule, &it.path, &it.finding.message, it.now.trim()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.update(before.to_be_bytes());
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
