//! Mergeline.
fn main() {}
