//! The schemas that are part of the binary.

use super::definition::{Schema, Store};
use serde::Deserialize;
use std::collections::HashMap;
use std::io::Read;
use std::sync::{Arc, OnceLock};

/// A bundled minor version, decoded when first used.
struct Bundled {
    minor: &'static str,
    compressed: &'static [u8],
    decoded: OnceLock<Arc<Bundle>>,
}

/// Oldest first. Made by `cargo xtask schemas`.
static BUNDLES: [Bundled; 1] = [Bundled {
    minor: "1.36",
    compressed: include_bytes!("../../schemas/kubernetes/1.36.json.zst"),
    decoded: OnceLock::new(),
}];

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
    pub(super) definition: Box<str>,
}

#[derive(Deserialize)]
struct Document {
    kinds: Vec<BundledKind>,
    definitions: HashMap<Box<str>, Schema>,
}

/// A Kubernetes version that no schemas are bundled for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("Kubernetes `{asked}` is not known; known are {}", known.join(", "))]
pub struct UnknownVersion {
    /// As asked for.
    pub asked: String,
    /// The versions that are bundled, oldest first.
    pub known: Vec<&'static str>,
}

/// The bundled minor versions, oldest first.
pub(super) fn versions() -> Vec<&'static str> {
    BUNDLES.iter().map(|bundle| bundle.minor).collect()
}

/// The bundle of `version`: `1.36`, `v1.36` or `1.36.2`; the patch does not matter.
pub(super) fn find(version: &str) -> Result<(&'static str, Arc<Bundle>), UnknownVersion> {
    let mut parts = version.trim().trim_start_matches('v').split('.');
    let minor = format!("{}.{}", parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let unknown = || UnknownVersion { asked: version.to_owned(), known: versions() };
    let bundled = BUNDLES.iter().find(|bundle| bundle.minor == minor).ok_or_else(unknown)?;
    Ok((bundled.minor, Arc::clone(bundled.decoded.get_or_init(|| Arc::new(decode(bundled.compressed))))))
}

fn decode(compressed: &[u8]) -> Bundle {
    let mut text = Vec::new();
    ruzstd::decoding::StreamingDecoder::new(compressed)
        .expect("because the bundle is a part of the binary that the tests decode")
        .read_to_end(&mut text)
        .expect("because the bundle is a part of the binary that the tests decode");
    let mut document: Document =
        serde_json::from_slice(&text).expect("because the bundle is a part of the binary that the tests decode");
    document.definitions.values_mut().for_each(Schema::prepare);
    let store = Store { definitions: document.definitions, base: None, go_types: true };
    Bundle { kinds: document.kinds, store: Arc::new(store) }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
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
            bundle.store.definitions.values().for_each(|schema| check(&bundle.store, schema));
        }
    }

    #[test]
    fn patches_and_a_leading_v_do_not_matter() {
        assert_eq!(find("v1.36.9").unwrap().0, "1.36");
        assert_eq!(find("1.3").unwrap_err().to_string(), "Kubernetes `1.3` is not known; known are 1.36");
    }
}
