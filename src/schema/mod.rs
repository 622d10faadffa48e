//! What Kubernetes knows of a kind in one version: structure, scope, plural, defaults, enums, list types, merge keys.
//!
//! Owns the bundled schemas (what a real API server of that version serves, see `schemas/kubernetes/README.md`), those of
//! CustomResourceDefinitions, and the typed view of both. It judges nothing: `validate/` does. It reads no file and
//! no network; the bundle is part of the binary.
//!
//! Decided by the OpenAPI v3 documents of the API server, its discovery, and the structural schemas of
//! `apiextensions.k8s.io/v1`.

mod bundle;
mod catalog;
mod custom;
mod definition;
mod lifecycle;
mod markers;
mod near;
mod node;

pub use bundle::UnknownVersion;
pub use catalog::{Catalog, KindSchema, KindSource, Lookup};
pub(crate) use definition::Schema;
pub use lifecycle::{Lifecycle, Minor};
pub use markers::Markers;
pub use near::nearest;
pub use node::{Kind, ListType, Node};
