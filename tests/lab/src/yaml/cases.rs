//! All cases of a seed.

use super::Case;
use super::random::Random;
use super::trees::Trees;
use super::{documents, scalars};

/// The seed of the cases that are kept in the repository.
pub const SEED: u64 = 2026;

/// What makes a text an object.
const HEAD: &str = "apiVersion: example.com/v1\nkind: Case\nmetadata: {name: c}\n";

/// The cases of `seed`: the fixed ones are the same for every seed. No text occurs twice.
#[must_use]
pub fn cases(seed: u64) -> Vec<Case> {
    let mut all = Cases { found: Vec::new(), random: Random::new(seed) };
    all.scalars();
    all.quoted();
    all.blocks();
    all.trees();
    all.files();
    let mut seen = std::collections::HashSet::new();
    all.found.retain(|case| seen.insert(case.text.clone()));
    all.found
}

struct Cases {
    found: Vec<Case>,
    random: Random,
}

impl Cases {
    fn add(&mut self, group: &str, text: String) {
        self.found.push(Case { group: group.to_owned(), text, object: true });
    }

    /// `scalar` where a scalar may stand.
    fn everywhere(&mut self, scalar: &str) {
        self.add("scalar", format!("{HEAD}k: {scalar}\n"));
        self.add("scalar-item", format!("{HEAD}k:\n- {scalar}\n- x\n"));
        self.add("scalar-flow", format!("{HEAD}k: {{a: {scalar} , b: [{scalar} , x]}}\n"));
        self.add("key", format!("{HEAD}k:\n  {scalar}: x\n"));
        self.add("key-flow", format!("{HEAD}k: {{{scalar} : x}}\n"));
    }

    /// `scalar` at one place of the above.
    fn somewhere(&mut self, scalar: &str) {
        match self.random.below(6) {
            0 => self.add("key", format!("{HEAD}k:\n  {scalar}: x\n")),
            1 => self.add("scalar-flow", format!("{HEAD}k: [{scalar} , {scalar}]\n")),
            2 => self.add("scalar-item", format!("{HEAD}k:\n  - {scalar}\n")),
            3 => self.add("key", format!("{HEAD}? {scalar}\n: x\n")),
            _ => self.add("scalar", format!("{HEAD}k: {scalar}\n")),
        }
    }

    fn scalars(&mut self) {
        scalars::plain().for_each(|scalar| self.everywhere(&scalar));
        for scalar in scalars::tagged() {
            self.add("tag", format!("{HEAD}k: {scalar}\n"));
            if !scalar.contains('\n') {
                self.add("tag-key", format!("{HEAD}k:\n  {scalar} : x\n"));
                self.add("tag-flow", format!("{HEAD}k: [{scalar} ]\n"));
            }
        }
        for make in [scalars::number, scalars::date, scalars::word] {
            for _ in 0..900 {
                let scalar = make(&mut self.random);
                self.somewhere(&scalar);
            }
        }
    }

    fn quoted(&mut self) {
        for make in [scalars::double_quoted, scalars::single_quoted] {
            for _ in 0..500 {
                let scalar = make(&mut self.random);
                if scalar.contains('\n') {
                    self.add("quoted", format!("{HEAD}k: {scalar}\nz: 1\n"));
                } else {
                    self.somewhere(&scalar);
                }
            }
        }
        for _ in 0..300 {
            let scalar = scalars::plain_lines(&mut self.random);
            self.add("lines", format!("{HEAD}k: {scalar}\nz: 1\n"));
        }
    }

    fn blocks(&mut self) {
        for _ in 0..1_000 {
            let indent = self.random.below(2) * 2;
            let block = scalars::block(&mut self.random, indent);
            let open = if indent == 0 { "k: " } else { "k:\n- " };
            let after = self.random.pick(&["z: 1\n", "z: 1\n", "", "# note\nz: 1\n", "---\n", "...\n", "\n\nz: 1\n"]);
            let text = format!("{HEAD}{open}{block}{after}");
            let text = if self.random.chance(15) { text.trim_end_matches('\n').to_owned() } else { text };
            let text = if self.random.chance(5) { text.replace('\n', "\r\n") } else { text };
            self.add("block", text);
        }
    }

    fn trees(&mut self) {
        for number in 0..1_600 {
            let odd_keys = if number % 4 == 0 { 10 } else { 0 };
            let depth = 1 + self.random.below(4);
            let entries = Trees::new(&mut self.random, odd_keys).entries(0, depth);
            let text = format!("{HEAD}{entries}");
            if number % 5 == 0 {
                let broken = self.broken(&text);
                self.add("typo", broken);
            }
            self.add("tree", text);
        }
    }

    /// The text with one slip of the hand behind its head.
    fn broken(&mut self, text: &str) -> String {
        let mut characters: Vec<char> = text.chars().collect();
        let head = HEAD.chars().count();
        let at = head + self.random.below(characters.len() - head);
        match self.random.below(4) {
            0 => {
                characters.remove(at);
            }
            1 => characters.insert(
                at,
                self.random
                    .pick(&[" ", "\t", ":", "-", "'", "\"", "\n", "#", "}", "]", ",", "&", "*"])
                    .chars()
                    .next()
                    .unwrap_or(' '),
            ),
            2 if at + 1 < characters.len() => characters.swap(at, at + 1),
            _ => {
                let line_start = characters[..at].iter().rposition(|c| *c == '\n').map_or(0, |found| found + 1);
                if characters.get(line_start) == Some(&' ') {
                    characters.remove(line_start);
                } else {
                    characters.insert(line_start, ' ');
                }
            }
        }
        characters.into_iter().collect()
    }

    fn files(&mut self) {
        for _ in 0..700 {
            let text = documents::file(&mut self.random);
            self.add("documents", text);
        }
        for _ in 0..400 {
            let text = documents::json(&mut self.random);
            self.add("json", text);
        }
        for _ in 0..500 {
            let text = documents::anything(&mut self.random);
            self.found.push(Case { group: "anything".to_owned(), text, object: false });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_cases_each_time() {
        let one = cases(SEED);
        assert!(one.len() > 5_000);
        assert_eq!(one, cases(SEED));
    }
}
