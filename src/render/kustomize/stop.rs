//! Why a build ends: a finding about the source, or a tree that cannot be read.

use super::node::Fault;
use crate::failure::Failure;
use crate::finding::{Finding, Place};
use crate::manifest::Origin;

/// The end of a build.
#[derive(Debug)]
pub(super) enum Stop {
    /// The source is wrong, or asks for what is not allowed.
    Refused(Vec<Finding>),
    /// The tree cannot be read.
    Failed(Failure),
}

/// What a part of a build gives.
pub(super) type Built<T> = Result<T, Stop>;

impl Stop {
    /// kustomize would not build this.
    pub(super) fn refused(message: impl Into<String>, origin: Option<&Origin>) -> Self {
        Self::because(Finding::error("kustomize", message).at(origin.map(Origin::place)))
    }

    pub(super) fn because(finding: Finding) -> Self {
        Self::Refused(vec![finding])
    }

    /// What a filter said, at the directive that it worked for.
    pub(super) fn fault(fault: Fault, origin: Option<&Origin>) -> Self {
        Self::refused(fault, origin)
    }

    /// Adds what to do next.
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        if let Self::Refused(findings) = &mut self
            && let Some(first) = findings.first_mut()
        {
            first.hint = Some(hint.into());
        }
        self
    }

    /// Adds another place that has to do with it.
    pub(super) fn related(mut self, origin: Option<&Origin>, why: &str) -> Self {
        if let (Self::Refused(findings), Some(origin)) = (&mut self, origin) {
            for finding in findings {
                finding.related.push((origin.place_without_excerpt(), why.to_owned()));
            }
        }
        self
    }

    /// Adds the fix that is known of the same place.
    pub(super) fn mended_as(mut self, told: &[Finding]) -> Self {
        if let Self::Refused(findings) = &mut self {
            for finding in findings.iter_mut().filter(|finding| finding.place.is_some()) {
                let same = told.iter().find(|other| other.place == finding.place && other.fix.is_some());
                finding.fix = same.and_then(|other| other.fix.clone());
            }
        }
        self
    }

    /// Adds a place to findings that have none.
    pub(super) fn or_at(mut self, file: &str, origin: Option<&Origin>) -> Self {
        if let Self::Refused(findings) = &mut self {
            for finding in findings.iter_mut().filter(|finding| finding.place.is_none()) {
                finding.place = Some(origin.map_or_else(|| Place::file(file), Origin::place));
            }
        }
        self
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
