//! A unit: one application in one environment. Vocabulary: imported by every room.

use std::fmt;

/// One application in one environment: one render, one apply, one prune, one inventory.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Unit {
    /// The environment's name; `default` without configuration.
    pub environment: String,
    /// The unit's name, unique within its environment: the text that `*` matched in the environment's `source`, several
    /// joined by `-`; without a star the last folder. Without configuration, the path itself.
    pub name: String,
    /// The folder (or file) that it is rendered from, relative to the repository root, without a trailing `/`; empty
    /// for the root itself.
    pub path: String,
}

impl fmt::Display for Unit {
    /// `web in prod`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.name, self.environment)
    }
}
