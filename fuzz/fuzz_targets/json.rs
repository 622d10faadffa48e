//! Any bytes behind a brace: kubectl tries JSON first.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut file = b"{\"a\":".to_vec();
    file.extend(bytes);
    mergeline::manifest::yaml::examine(&file);
});
