//! Mergeline: GitOps from the repository itself.
//!
//! Every command is three steps, and the rooms of this crate are laid out by them: *observe* (read-only snapshots),
//! *decide* (pure functions from a snapshot to a plan), *act* (keyed, idempotent operations).

pub mod commit;
pub mod failure;
pub mod finding;
pub mod operation;
pub mod rule;
pub mod secret;
pub mod unit;

pub mod cli;
pub mod cluster;
pub mod config;
pub mod deliver;
pub mod diff;
pub mod download;
pub mod event;
pub mod git;
pub mod host;
pub mod intent;
pub mod manifest;
pub mod promote;
pub mod render;
pub mod report;
pub mod review;
pub mod run;
pub mod schema;
pub mod setup;
pub mod trust;
pub mod validate;
