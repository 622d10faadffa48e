//! When Kubernetes' own APIs came, are deprecated and go.

use crate::manifest::TypeKey;
use std::collections::HashMap;
use std::fmt;
use std::sync::OnceLock;

/// Made by `cargo xtask schemas bundle`.
const TABLE: &str = include_str!("../../schemas/kubernetes/lifecycle.txt");

/// A minor version of Kubernetes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Minor {
    major: u16,
    minor: u16,
}

impl Minor {
    /// Reads `1.34`, `v1.34` or `1.34.2`; the patch does not matter.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().trim_start_matches('v').splitn(3, '.');
        let mut number = || parts.next().filter(|part| part.bytes().all(|byte| byte.is_ascii_digit()))?.parse().ok();
        Some(Self { major: number()?, minor: number()? })
    }
}

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// The life of an API, as the server's own warnings tell it (`prerelease-lifecycle-gen`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lifecycle {
    /// The first version with it.
    pub introduced: Option<Minor>,
    /// The first version that warns of it.
    pub deprecated: Option<Minor>,
    /// The first version without it.
    pub removed: Option<Minor>,
    /// What to use in its place.
    pub replacement: Option<TypeKey>,
}

impl Lifecycle {
    /// The life of `key`; `None` for what was never a part of Kubernetes.
    #[must_use]
    pub fn of(key: &TypeKey) -> Option<&'static Self> {
        table().get(key)
    }

    /// Says whether a group was ever Kubernetes' own.
    pub(super) fn knows_group(group: &str) -> bool {
        table().keys().any(|key| key.group == group)
    }
}

fn table() -> &'static HashMap<TypeKey, Lifecycle> {
    static READ: OnceLock<HashMap<TypeKey, Lifecycle>> = OnceLock::new();
    READ.get_or_init(|| TABLE.lines().filter(|line| !line.starts_with('#')).filter_map(row).collect())
}

fn row(line: &str) -> Option<(TypeKey, Lifecycle)> {
    let mut words = line.split_whitespace();
    let (api_version, kind) = (words.next()?, words.next()?);
    let mut minor = || words.next().and_then(Minor::parse);
    let (introduced, deprecated, removed) = (minor(), minor(), minor());
    let replacement = words.next().and_then(|word| word.split_once(':'));
    let replacement = replacement.map(|(api_version, kind)| TypeKey::new(api_version, kind));
    Some((TypeKey::new(api_version, kind), Lifecycle { introduced, deprecated, removed, replacement }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read() {
        let lines = TABLE.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(table().len(), lines);
        assert!(lines > 150, "{lines}");
        let words = |line: &str| line.split_whitespace().count();
        assert!(TABLE.lines().filter(|line| !line.starts_with('#')).all(|line| words(line) == 6));
    }

    #[test]
    fn an_old_ingress_says_when_it_went_and_what_came() {
        let life = Lifecycle::of(&TypeKey::new("extensions/v1beta1", "Ingress")).unwrap();
        assert_eq!(life.removed, Minor::parse("1.22"));
        assert_eq!(life.replacement, Some(TypeKey::new("networking.k8s.io/v1", "Ingress")));
        assert_eq!(Lifecycle::of(&TypeKey::new("example.com/v1", "Ingress")), None);
    }
}
