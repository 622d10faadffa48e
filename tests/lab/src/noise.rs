//! Texts that nobody writes: tokens of YAML in a row, and what is near a text, by a generator that is the same everywhere.

/// What YAML has signs for, and what has been trouble.
pub const TOKENS: [&str; 48] = [
    "a",
    ":",
    ": ",
    " ",
    "\n",
    "\n  ",
    "-",
    "- ",
    "? ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "&a ",
    "*a",
    "!",
    "!!int ",
    "!!binary ",
    "|",
    ">",
    ">-\n ",
    "\"",
    "'",
    "#",
    "\t",
    "<<",
    "<<: ",
    "%",
    "$",
    "---",
    "---\n",
    "\n---\n",
    "...",
    "\r",
    "\r\n",
    "é",
    "\u{feff}",
    "\u{85}",
    "\u{2028}",
    "\0",
    "1",
    "9223372036854775808",
    "2001-01-01",
    "\\",
    "\\u00",
    "{\"a\":",
    "  ",
];

/// Marsaglia's xorshift: enough to be varied.
#[derive(Debug)]
pub struct Noise(u64);

impl Noise {
    /// The generator that begins with `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.max(1))
    }

    /// A number below `bound`, which counts as 1 where it is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        // Below a `usize`, and so one.
        usize::try_from(self.0 % bound.max(1) as u64).unwrap_or(0)
    }

    /// So many of [`TOKENS`] in a row.
    pub fn soup(&mut self, tokens: usize) -> String {
        (0..tokens).map(|_| TOKENS[self.below(TOKENS.len())]).collect()
    }

    /// One of `seeds` with a few of its bytes taken out, doubled, or replaced by tokens, a byte, or another seed's.
    ///
    /// # Panics
    /// When there is no seed.
    pub fn near(&mut self, seeds: &[&str]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].as_bytes().to_vec();
        for _ in 0..=self.below(4) {
            let at = self.below(bytes.len() + 1);
            let end = (at + self.below(12)).min(bytes.len());
            match self.below(6) {
                0 => drop(bytes.drain(at..end)),
                1 => bytes.insert(at, u8::try_from(self.below(256)).unwrap_or(0)),
                2 => drop(bytes.splice(at..at, TOKENS[self.below(TOKENS.len())].bytes())),
                3 => drop(bytes.splice(at..end, TOKENS[self.below(TOKENS.len())].bytes())),
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
