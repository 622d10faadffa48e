//! Integration tests: one binary, so that one link serves them all.
#![allow(clippy::unwrap_used)]

mod architecture;
mod contract;
mod deliver;
mod render;
mod report;
mod validate;
