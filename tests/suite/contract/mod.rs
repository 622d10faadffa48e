//! Contracts: each trait's promises, written once and kept by every implementation.

mod host;
