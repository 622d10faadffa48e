//! The schemas that are part of the binary.

use super::definition::{Definition, Packed, Store};
use super::lifecycle::Minor;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, OnceLock};

/// A bundled minor version, decoded when first used.
struct Bundled {
    minor: &'static str,
    compressed: &'static [u8],
    decoded: OnceLock<Arc<Bundle>>,
}

/// A bundle by its minor version.
macro_rules! bundled {
    ($minor:literal) => {
        Bundled {
            minor: $minor,
            compressed: include_bytes!(concat!("../../schemas/kubernetes/", $minor, ".json.zst")),
            decoded: OnceLock::new(),
        }
    };
}

/// Oldest first. Made by `cargo xtask schemas bundle`.
static BUNDLES: [Bundled; 9] = [
    bundled!("1.29"),
    bundled!("1.30"),
    bundled!("1.31"),
    bundled!("1.32"),
    bundled!("1.33"),
    bundled!("1.34"),
    bundled!("1.35"),
    bundled!("1.36"),
    bundled!("1.37"),
];

/// A bundle as it is written.
#[derive(Deserialize)]
struct Document {
    kinds: Vec<BundledKind>,
    #[serde(borrow)]
    definitions: HashMap<Box<str>, &'static RawValue>,
}

/// What one API server serves.
#[derive(Debug)]
pub(super) struct Bundle {
    pub(super) kinds: Vec<BundledKind>,
    pub(super) store: Arc<Store>,
}

/// A kind that has a resource of its own.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BundledKind {
    pub(super) group: String,
    pub(super) version: String,
    pub(super) kind: String,
    pub(super) plural: String,
    pub(super) namespaced: bool,
    pub(super) served_by_default: bool,
    #[serde(default)]
    pub(super) short_names: Vec<String>,
    /// Says whether `status` is a resource of its own; asked for where a server's OpenAPI told it.
    #[serde(default)]
    pub(super) status: bool,
    pub(super) definition: Box<str>,
}

/// A Kubernetes version that no schemas are bundled for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no schemas are bundled for Kubernetes `{asked}`")]
pub struct UnknownVersion {
    /// As asked for.
    pub asked: String,
    /// The versions that are bundled, oldest first.
    pub known: Vec<&'static str>,
}

impl UnknownVersion {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        let known = self.known.join(", ");
        let newest = self.known.last().copied().and_then(Minor::parse);
        match Minor::parse(&self.asked) {
            Some(asked) if newest.is_some_and(|newest| asked > newest) => format!(
                "it is newer than this Mergeline: take a newer one, or judge by the newest that is known; known are {known}"
            ),
            Some(_) => format!("known are {known}"),
            None => format!("a version is major and minor, such as 1.34; known are {known}"),
        }
    }
}

/// The bundled minor versions, oldest first.
pub(super) fn versions() -> Vec<&'static str> {
    BUNDLES.iter().map(|bundle| bundle.minor).collect()
}

/// The bundle of `version`: `1.36`, `v1.36` or `1.36.2`; the patch does not matter.
pub(super) fn find(version: &str) -> Result<(&'static str, Arc<Bundle>), UnknownVersion> {
    let unknown = || UnknownVersion { asked: version.to_owned(), known: versions() };
    let minor = Minor::parse(version).ok_or_else(unknown)?.to_string();
    let bundled = BUNDLES.iter().find(|bundle| bundle.minor == minor).ok_or_else(unknown)?;
    Ok((bundled.minor, Arc::clone(bundled.decoded.get_or_init(|| Arc::new(decode(bundled))))))
}

fn decode(bundled: &Bundled) -> Bundle {
    /// More than any bundle has, so that it never grows.
    const ENOUGH: usize = 4 << 20;
    let mut text = Vec::with_capacity(ENOUGH);
    ruzstd::decoding::StreamingDecoder::new(bundled.compressed)
        .expect("because the bundle is a part of the binary that the tests decode")
        .read_to_end(&mut text)
        .expect("because the bundle is a part of the binary that the tests decode");
    // Kept for as long as the process runs, as all that is a part of the binary.
    let text: &'static [u8] = text.leak();
    let document: Document =
        serde_json::from_slice(text).expect("because the bundle is a part of the binary that the tests decode");
    let minor = Minor::parse(bundled.minor).expect("because the table of bundles names versions");
    let packed = document.definitions.into_iter().map(|(name, json)| (name, Packed::new(json)));
    let mut packed = packed.collect();
    super::asked::add(&mut packed, minor);
    let definitions = packed.into_iter().map(|(name, packed)| (name, Definition::Packed(packed))).collect();
    let store = Store { definitions, base: None, go_types: true };
    Bundle { kinds: document.kinds, store: Arc::new(store) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::definition::Schema;
    use super::*;

    #[test]
    fn every_bundle_decodes_and_each_of_its_references_is_defined() {
        fn check(store: &Store, schema: &Schema) {
            if let Some(name) = &schema.reference {
                assert!(store.find(name).is_some(), "{name}");
            }
            schema.properties.values().for_each(|field| check(store, field));
            schema.items.iter().for_each(|items| check(store, items));
        }
        for version in versions() {
            let (_, bundle) = find(version).unwrap();
            assert!(bundle.kinds.len() > 70, "{version}");
            for kind in &bundle.kinds {
                assert!(bundle.store.find(&kind.definition).is_some(), "{}", kind.definition);
            }
            bundle.store.definitions.values().for_each(|definition| check(&bundle.store, definition.schema()));
        }
    }

    #[test]
    fn patches_and_a_leading_v_do_not_matter() {
        assert_eq!(find("v1.36.9").unwrap().0, "1.36");
        assert_eq!(find("1.3").unwrap_err().hint(), format!("known are {}", versions().join(", ")));
        assert!(find("1.99").unwrap_err().hint().starts_with("it is newer than this Mergeline"));
        assert!(find("latest").unwrap_err().hint().starts_with("a version is major and minor"));
    }

    #[test]
    fn all_bundles_together_take_less_than_a_megabyte() {
        let size: usize = BUNDLES.iter().map(|bundle| bundle.compressed.len()).sum();
        assert!(size < 1_000_000, "{size}");
    }
}
