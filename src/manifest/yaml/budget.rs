//! How much one file may cost to read: the guard against bombs.

/// Limits for one file. Exceeding one is a `yaml-budget` finding; what was read until then is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of the file, and bytes of all keys and strings after aliases are expanded.
    pub bytes: usize,
    /// Nested lists and maps. Values above [`Budget::DEEPEST`] count as that: values are dropped and compared by
    /// recursion.
    pub depth: usize,
    /// Keys and values, over all documents of the file.
    pub nodes: usize,
    /// Keys and values that anchors and aliases add to that: each anchored value counts again at its anchor and at
    /// each alias.
    pub expanded: usize,
    /// Documents that hold something.
    pub documents: usize,
    /// Findings reported for one file; the rest is counted in one more finding.
    pub findings: usize,
}

impl Budget {
    /// The depth that no configuration can exceed.
    pub const DEEPEST: usize = 250;

    /// The depth that counts.
    #[must_use]
    pub fn effective_depth(&self) -> usize {
        self.depth.min(Self::DEEPEST)
    }
}

impl Default for Budget {
    /// 32 MiB, 100 levels, 4 million keys and values, 400,000 more by aliases, 250,000 documents, 200 findings: several
    /// times the largest manifests in use (CRD bundles of about 5 MB).
    fn default() -> Self {
        Self { bytes: 32 << 20, depth: 100, nodes: 4_000_000, expanded: 400_000, documents: 250_000, findings: 200 }
    }
}

/// Which limit was exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    Bytes,
    Depth,
    Nodes,
    Expanded,
    Documents,
}

/// What is left of a budget while a file is read.
#[derive(Debug)]
pub(super) struct Meter {
    bytes: usize,
    nodes: usize,
    expanded: usize,
    documents: usize,
}

impl Meter {
    pub(super) fn new(budget: &Budget) -> Self {
        Self { bytes: budget.bytes, nodes: budget.nodes, expanded: budget.expanded, documents: budget.documents }
    }

    /// Pays for `nodes` keys and values with `bytes` of text.
    pub(super) fn spend(&mut self, nodes: usize, bytes: usize) -> Result<(), Limit> {
        self.nodes = self.nodes.checked_sub(nodes).ok_or(Limit::Nodes)?;
        self.bytes = self.bytes.checked_sub(bytes).ok_or(Limit::Bytes)?;
        Ok(())
    }

    /// Pays for what an anchor or alias copies.
    pub(super) fn copy(&mut self, nodes: usize, bytes: usize) -> Result<(), Limit> {
        self.expanded = self.expanded.checked_sub(nodes).ok_or(Limit::Expanded)?;
        self.bytes = self.bytes.checked_sub(bytes).ok_or(Limit::Bytes)?;
        Ok(())
    }

    /// Pays for what was read with another meter of the same budget.
    pub(super) fn join(&mut self, other: &Self, budget: &Budget) -> Result<(), Limit> {
        let left = |here: usize, there: usize, whole: usize| here.checked_sub(whole - there);
        self.bytes = left(self.bytes, other.bytes, budget.bytes).ok_or(Limit::Bytes)?;
        self.nodes = left(self.nodes, other.nodes, budget.nodes).ok_or(Limit::Nodes)?;
        self.expanded = left(self.expanded, other.expanded, budget.expanded).ok_or(Limit::Expanded)?;
        self.documents = left(self.documents, other.documents, budget.documents).ok_or(Limit::Documents)?;
        Ok(())
    }

    /// Pays for one document.
    pub(super) fn document(&mut self) -> Result<(), Limit> {
        self.documents = self.documents.checked_sub(1).ok_or(Limit::Documents)?;
        Ok(())
    }
}
