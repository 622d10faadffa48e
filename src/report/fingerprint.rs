//! What makes a finding the same finding in two runs, for hosts that compare their reports.
//!
//! Lines and columns are left out, so that a finding stays itself while the file grows above it. Findings that are the
//! same in everything else are told apart by their order. Findings are redacted before they get here, and so no hash is
//! made of a secret.

use crate::finding::{Finding, ObjectRef};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// The fingerprints of findings, in their order: 32 hexadecimal digits each, all different.
#[must_use]
pub(super) fn fingerprints(findings: &[Finding]) -> Vec<String> {
    let mut seen: HashMap<[u8; 32], u32> = HashMap::new();
    let unique = |finding| {
        let identity = identity(finding);
        let earlier = seen.entry(identity).or_default();
        let mut hash = Sha256::new_with_prefix(identity);
        hash.update(earlier.to_le_bytes());
        *earlier += 1;
        hash.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
    };
    findings.iter().map(unique).collect()
}

fn identity(finding: &Finding) -> [u8; 32] {
    let object = finding.object.as_ref();
    let told = |part: fn(&ObjectRef) -> &str| object.map(part).unwrap_or_default();
    let parts = [
        finding.rule.as_ref(),
        finding.place.as_ref().map(|place| place.path.as_str()).unwrap_or_default(),
        told(|object| &object.api_version),
        told(|object| &object.kind),
        told(|object| object.namespace.as_deref().unwrap_or_default()),
        told(|object| &object.name),
        finding.pointer.as_deref().unwrap_or_default(),
        &finding.message,
        // What has a place is one finding for all units that share it.
        if finding.place.is_none() { finding.unit.as_deref().unwrap_or_default() } else { "" },
    ];
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Place;
    use crate::report::sample;

    #[test]
    fn fingerprints_stay_when_lines_move_and_differ_between_findings() {
        let mut findings = sample::review().findings;
        findings.push(findings[0].clone());
        let before = fingerprints(&findings);
        let distinct: std::collections::BTreeSet<&String> = before.iter().collect();
        assert_eq!(distinct.len(), findings.len());
        for finding in &mut findings {
            let path = finding.place.as_ref().map(|place| place.path.clone());
            finding.place = path.map(|path| Place::at(path, 99, 1));
        }
        assert_eq!(fingerprints(&findings), before);
        findings[0].message.push('!');
        let after = fingerprints(&findings);
        assert_ne!(after[0], before[0]);
        assert_eq!(after[1], before[1]);
    }
}
