//! Use case: what a repository needs before its first run. Pure: from a tree to the files that `mergeline init` writes.
//!
//! It owns the guess which folders are environments ([`layout`]) and the text of a first configuration ([`configuration`]).
//! The CI file belongs to the host's events ([`crate::event::starter`]). Refuses to overwrite: that is the caller's to see.

pub mod configuration;
pub mod layout;

pub use layout::{Found, environments};
