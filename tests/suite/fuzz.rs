//! The fuzz targets without a fuzzer: their seeds, and mutations of these by a generator whose seed is printed.
//!
//! `MERGELINE_FUZZ=100000 MERGELINE_SEED=3 cargo test --release --test suite fuzz` runs as many inputs of each as you like.

#[path = "../../fuzz/bodies.rs"]
#[allow(dead_code, missing_docs, unreachable_pub)]
mod bodies;

use bodies::{TARGETS, Target};

/// Marsaglia's xorshift: enough to be varied, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).unwrap()
    }

    fn mutated(&mut self, seeds: &[&str]) -> Vec<u8> {
        const SOUP: [&str; 28] = [
            ":",
            ": ",
            "\n",
            "- ",
            "? ",
            "[",
            "]",
            "{",
            "}",
            ",",
            "&a ",
            "*a",
            "!!int ",
            "|",
            ">-\n ",
            "\"",
            "'",
            "#",
            "\t",
            "<<: ",
            "---\n",
            "\r\n",
            "é",
            "\u{feff}",
            "\0",
            "9223372036854775808",
            "%",
            "$",
        ];
        let mut bytes = seeds[self.below(seeds.len())].as_bytes().to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let end = (at + self.below(12)).min(bytes.len());
            match self.below(6) {
                0 => drop(bytes.drain(at..end)),
                1 => bytes.insert(at, u8::try_from(self.below(256)).unwrap()),
                2 => drop(bytes.splice(at..at, SOUP[self.below(SOUP.len())].bytes())),
                3 => drop(bytes.splice(at..end, SOUP[self.below(SOUP.len())].bytes())),
                4 => {
                    let copy = bytes[at..end].to_vec();
                    let to = self.below(bytes.len() + 1);
                    drop(bytes.splice(to..to, copy));
                }
                _ => {
                    let other = seeds[self.below(seeds.len())].as_bytes();
                    let from = self.below(other.len() + 1);
                    drop(bytes.splice(at.., other[from..].iter().copied()));
                }
            }
        }
        bytes
    }
}

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
        let mut random = Random(seed.max(1));
        for number in 0..inputs {
            let bytes = random.mutated(seeds);
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
