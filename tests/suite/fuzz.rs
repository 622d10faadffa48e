//! The fuzz targets without a fuzzer: their seeds, and mutations of these by a generator whose seed is printed.
//!
//! `MERGELINE_FUZZ=100000 MERGELINE_SEED=3 cargo test --release --test suite fuzz` runs as many inputs of each as you like.

#[path = "../../fuzz/bodies.rs"]
#[allow(dead_code, missing_docs, unreachable_pub)]
mod bodies;

use bodies::{TARGETS, Target};
use mergeline_lab::noise::Noise;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

#[test]
fn every_target_ends_on_its_seeds_and_what_is_near_them() {
    let seed = number("MERGELINE_SEED").unwrap_or(20_261_122);
    let inputs = number("MERGELINE_FUZZ").unwrap_or(300);
    println!("seed {seed}, {inputs} inputs for each target");
    let only = std::env::var("MERGELINE_FUZZ_TARGET").ok();
    for Target { name, body, seeds } in &TARGETS {
        if only.as_ref().is_some_and(|only| only != name) {
            continue;
        }
        seeds.iter().for_each(|seed| body(seed.as_bytes()));
        let mut noise = Noise::new(seed);
        for number in 0..inputs {
            let bytes = noise.near(seeds);
            let ended = std::panic::catch_unwind(|| body(&bytes));
            assert!(ended.is_ok(), "{name}, input {number} of seed {seed}: {:?}", String::from_utf8_lossy(&bytes));
        }
    }
}

#[test]
fn every_target_has_its_program() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    let manifest = std::fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    for Target { name, .. } in &TARGETS {
        let program = std::fs::read_to_string(folder.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(program.contains(&format!("bodies::run(\"{name}\", bytes)")), "{name}");
        assert!(manifest.contains(&format!("name = \"{name}\"\npath = \"fuzz_targets/{name}.rs\"")), "{name}");
    }
}
