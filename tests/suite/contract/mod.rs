//! Contracts: each trait's promises, written once and kept by every implementation.

mod cluster;
pub(crate) mod host;
mod tree;
