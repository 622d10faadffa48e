//! Any bytes as `mergeline.yaml`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let tree = mergeline::git::tree::MemoryTree::new().with("mergeline.yaml", bytes);
    let _ = mergeline::config::Config::load(&tree);
});
