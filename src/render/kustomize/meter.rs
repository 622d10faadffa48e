//! What one build may cost, so that a small hostile repository cannot keep a machine busy.
//!
//! kustomize has no limits. These are far above what people write: they stop overlays that double each other, directives
//! that are applied a million times, and generators that read one large file again and again.

use super::stop::{Built, Stop};
use crate::manifest::Origin;
use std::cell::Cell;

/// How many kustomizations one build may read, and how many it may enter.
pub(super) const KUSTOMIZATIONS: usize = 4_000;
/// How many resources one build may hold, and how many fields they may have when they are read.
const RESOURCES: usize = 15_000;
const FIELDS: usize = 4_000_000;
/// How often directives may look at a resource.
const LOOKS: usize = 10_000_000;
/// How many bytes generators may put into ConfigMaps and Secrets.
const GENERATED: usize = 64 << 20;
/// How many fields, and 64 bytes of their texts each, one build may give.
pub(super) const OUTPUT: usize = 8_000_000;

/// Counts what a build costs.
#[derive(Debug, Default)]
pub(super) struct Meter {
    entered: Cell<usize>,
    looks: Cell<usize>,
    generated: Cell<usize>,
}

fn add(to: &Cell<usize>, amount: usize) -> usize {
    to.set(to.get().saturating_add(amount));
    to.get()
}

impl Meter {
    /// Counts a kustomization that is entered.
    pub(super) fn enter(&self, origin: Option<&Origin>) -> Built<()> {
        if add(&self.entered, 1) <= KUSTOMIZATIONS {
            return Ok(());
        }
        let message = format!("one build enters more than {KUSTOMIZATIONS} kustomizations");
        Err(Stop::refused(message, origin).hint("flatten them"))
    }

    /// Counts a directive that looks at resources `looks` times.
    pub(super) fn look(&self, looks: usize, origin: Option<&Origin>) -> Built<()> {
        if add(&self.looks, looks) <= LOOKS {
            return Ok(());
        }
        let message = format!("the directives of one build look at resources more than {LOOKS} times");
        Err(Stop::refused(message, origin).hint("build fewer resources at once, or say it in fewer directives"))
    }

    /// Counts bytes of a generator.
    pub(super) fn generate(&self, bytes: usize, origin: Option<&Origin>) -> Built<()> {
        if add(&self.generated, bytes) <= GENERATED {
            return Ok(());
        }
        let message = format!("the generators of one build read more than {} MB", GENERATED >> 20);
        Err(Stop::refused(message, origin).hint("a ConfigMap or Secret may hold 1 MB"))
    }

    /// Judges how much is held at once.
    pub(super) fn hold(resources: usize, fields: usize, origin: Option<&Origin>) -> Built<()> {
        let (most, what) = if resources > RESOURCES {
            (RESOURCES, "resources")
        } else if fields > FIELDS {
            (FIELDS, "fields")
        } else {
            return Ok(());
        };
        Err(Stop::refused(format!("one build holds more than {most} {what}"), origin))
    }
}
