//! Any bytes as a manifest, in both dialects.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| mergeline::manifest::yaml::examine(bytes));
