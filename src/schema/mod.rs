//! What Kubernetes knows of a kind in one version: structure, scope, plural, defaults, enums, list types, merge keys.
//!
//! Owns the bundled schemas (what a real API server of that version serves, see `schemas/kubernetes/README.md`), those of
//! CustomResourceDefinitions and of files that a configuration names, and the typed view of all. It judges nothing: `validate/` does. It reads no file and
//! no network; the bundle is part of the binary.
//!
//! Decided by the OpenAPI v3 documents of the API server, its discovery, and the structural schemas of
//! `apiextensions.k8s.io/v1`.

mod asked;
mod bundle;
mod burden;
mod catalog;
mod catalogs;
mod configured;
mod custom;
mod definition;
mod json_schema;
mod lifecycle;
mod location;
mod markers;
mod near;
mod node;
mod pattern;
mod quantity;
mod served;
mod validation;

pub use bundle::UnknownVersion;
pub use catalog::{Catalog, KindSchema, KindSource, Lookup};
pub use catalogs::Catalogs;
pub(crate) use definition::Schema;
pub use lifecycle::{Lifecycle, Minor};
pub use location::{Location, Template};
pub use markers::Markers;
pub use near::{nearest, only_nearest};
pub use node::{Kind, ListType, Node};
pub(crate) use pattern::go_pattern;
pub(crate) use quantity::{Quantity, is_quantity};
pub use served::condense;
pub(crate) use validation::Validation;
