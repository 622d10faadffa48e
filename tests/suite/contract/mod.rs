//! Contracts: each trait's promises, written once and kept by every implementation.

mod cluster;
mod host;
mod tree;
