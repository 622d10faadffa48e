//! Mergeline.
