//! The catalogs of several environments, each of its own Kubernetes version.

use super::Catalog;
use std::collections::BTreeMap;

/// A catalog for each name that has a version of its own, and one for all others. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Catalogs {
    general: Catalog,
    own: BTreeMap<String, Catalog>,
}

impl Catalogs {
    /// The same for all.
    #[must_use]
    pub fn new(general: Catalog) -> Self {
        Self { general, own: BTreeMap::new() }
    }

    /// Gives `name` its own.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, catalog: Catalog) -> Self {
        self.own.insert(name.into(), catalog);
        self
    }

    /// The one for all that have none of their own.
    #[must_use]
    pub fn general(&self) -> &Catalog {
        &self.general
    }

    /// The one of `name`.
    #[must_use]
    pub fn of(&self, name: &str) -> &Catalog {
        self.own.get(name).unwrap_or(&self.general)
    }

    /// Changes every catalog.
    pub fn each(&mut self, mut change: impl FnMut(&mut Catalog)) {
        change(&mut self.general);
        self.own.values_mut().for_each(change);
    }

    /// The versions of those names, for people: `1.34`, or `1.33, 1.34`.
    #[must_use]
    pub fn versions<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> String {
        let mut versions: Vec<_> = names.into_iter().map(|name| self.of(name)).collect();
        if versions.is_empty() {
            versions.push(&self.general);
        }
        versions.sort_by_key(|catalog| catalog.minor());
        versions.dedup_by_key(|catalog| catalog.minor());
        versions.iter().map(|catalog| catalog.version()).collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn versions_are_told_once_and_in_order() {
        let bundled = |version| Catalog::bundled(version).unwrap();
        let catalogs = Catalogs::new(bundled("1.34")).with("old", bundled("1.30"));
        assert_eq!(catalogs.of("old").version(), "1.30");
        assert_eq!(catalogs.versions(["dev", "old", "prod"]), "1.30, 1.34");
        assert_eq!(catalogs.versions([]), "1.34");
    }
}
