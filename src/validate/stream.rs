//! The verdict on a stream of objects that are never all there: part by part, with what one part must know of the others.
//!
//! The same as the verdict on all of them at once without [`Options::whole`], whatever the parts; only the steps that costly
//! CEL rules may take are shared within a part. What is kept of an object is
//! its identity and its place; what is said is bounded, because a hostile stream could say it of every object.

use super::rules::{Named, NamesSeen, named};
use super::tally::Tally;
use super::{Options, Verdict};
use crate::finding::{Finding, Severity};
use crate::manifest::Object;
use crate::schema::Catalog;
use std::collections::{BTreeMap, HashMap};

/// What was found in a part by itself.
#[derive(Debug)]
pub struct Part {
    tally: Tally,
    names: Vec<Named>,
}

/// What was found so far.
#[derive(Debug, Default)]
pub struct Stream {
    tally: Tally,
    /// By the number of their part: parts may be judged in another order, and the first of two names is the one that counts.
    names: BTreeMap<usize, Vec<Named>>,
    /// How many findings were left out, and the heaviest of them.
    left_out: Option<(usize, Severity)>,
}

impl Part {
    /// Judges the objects of a part.
    #[must_use]
    pub fn judge(objects: &[Object], catalog: &Catalog, options: &Options) -> Self {
        let (tally, _) = Tally::of(objects, &HashMap::new(), catalog, options);
        Self { tally, names: named(objects, catalog) }
    }
}

impl Stream {
    /// So many findings are kept; the others are counted.
    pub const MOST_FINDINGS: usize = 10_000;

    /// Adds what was found in the part of this number in the stream.
    pub fn add(&mut self, number: usize, part: Part) {
        self.tally.absorb(part.tally);
        self.names.insert(number, part.names);
        self.leave_out();
    }

    fn leave_out(&mut self) {
        for finding in self.tally.findings.drain(Self::MOST_FINDINGS.min(self.tally.findings.len())..) {
            let (count, severity) = self.left_out.unwrap_or((0, finding.severity));
            self.left_out = Some((count + 1, severity.max(finding.severity)));
        }
    }

    /// The verdict on all parts.
    #[must_use]
    pub fn finish(mut self, catalog: &Catalog, options: &Options) -> Verdict {
        let mut seen = NamesSeen::default();
        let names = std::mem::take(&mut self.names).into_values().flatten();
        self.tally.findings.extend(names.filter_map(|named| seen.add(named)));
        self.leave_out();
        let mut verdict = Verdict::default();
        self.tally.finish(&mut verdict, catalog, options);
        if let Some((count, severity)) = self.left_out {
            let message = format!("{count} more findings in this stream are not shown");
            let finding = Finding::new("yaml-budget", severity, message);
            verdict.findings.push(finding.hint("mend the findings above, then look again"));
        }
        verdict
    }
}
