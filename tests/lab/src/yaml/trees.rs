//! Lists and maps in all styles, nested: indentation, flow, anchors, aliases, merges, comments, keys of every kind.

use super::random::Random;
use super::scalars;

/// Writes random trees; anchors are remembered so that aliases mostly find one.
pub(super) struct Trees<'r> {
    pub(super) random: &'r mut Random,
    anchors: Vec<(String, bool)>,
    /// Per cent of keys that are no simple word.
    odd_keys: usize,
    keys: usize,
}

impl<'r> Trees<'r> {
    pub(super) fn new(random: &'r mut Random, odd_keys: usize) -> Self {
        Self { random, anchors: Vec::new(), odd_keys, keys: 0 }
    }

    /// The entries of a block map at `indent`, each with its line end.
    pub(super) fn entries(&mut self, indent: usize, depth: usize) -> String {
        let margin = " ".repeat(indent);
        let mut text = String::new();
        for _ in 0..=self.random.below(4) {
            if self.random.chance(8) {
                text.push_str(self.random.pick(&["\n", "# note\n", "   # note\n", "  \n", "\n\n"]));
            }
            if self.random.chance(8) && self.anchors.iter().any(|(_, map)| *map) {
                let merge = self.merge();
                text.push_str(&format!("{margin}<<: {merge}\n"));
                continue;
            }
            let key = self.key();
            let gap = self.random.pick(&[":", ":", ":", ":", ":", " :"]);
            let value = self.value(indent, depth);
            if self.random.chance(3) {
                text.push_str(&format!("{margin}? {key}\n{margin}:{value}"));
            } else {
                text.push_str(&format!("{margin}{key}{gap}{value}"));
            }
        }
        text
    }

    /// What follows the colon of a key at `indent`, to the end of its last line.
    fn value(&mut self, indent: usize, depth: usize) -> String {
        let anchor = if self.random.chance(10) { Some(format!("a{}", self.anchors.len())) } else { None };
        let mark = anchor.as_ref().map(|name| format!(" &{name}")).unwrap_or_default();
        let end = self.random.pick(&["\n", "\n", "\n", "\n", "\n", " # note\n", "  \n", " \t# note\n"]);
        let (text, map) = match self.random.below(if depth == 0 { 5 } else { 10 }) {
            0 => (format!("{mark}{}{end}", self.random.pick(&["", " []", " {}", " ~"])), false),
            1 => (format!("{mark} {}{end}", self.flow(depth)), false),
            2 if self.random.chance(50) => {
                let block = scalars::block(self.random, indent);
                (format!("{mark} {block}"), false)
            }
            2..=4 if anchor.is_none() && self.random.chance(20) => (format!(" {}{end}", self.alias()), false),
            2..=4 => (format!("{mark} {}{end}", self.scalar()), false),
            5..=7 => {
                let deeper = indent + 1 + self.random.below(3);
                (format!("{mark}{end}{}", self.entries(deeper, depth - 1)), true)
            }
            _ => {
                let deeper = indent + self.random.below(3);
                (format!("{mark}{end}{}", self.items(deeper, depth - 1)), false)
            }
        };
        if let Some(name) = anchor {
            self.anchors.push((name, map));
        }
        text
    }

    /// The items of a block list at `indent`.
    fn items(&mut self, indent: usize, depth: usize) -> String {
        let margin = " ".repeat(indent);
        let mut text = String::new();
        for _ in 0..=self.random.below(3) {
            let gap = 1 + self.random.below(2);
            let space = " ".repeat(gap);
            match self.random.below(if depth == 0 { 4 } else { 8 }) {
                0 => text.push_str(&format!("{margin}-\n")),
                1 => text.push_str(&format!("{margin}-{space}{}\n", self.flow(depth))),
                2 | 3 => text.push_str(&format!("{margin}-{space}{}\n", self.scalar())),
                4 => {
                    let inner = self.items(indent + gap + 1, depth - 1);
                    text.push_str(&format!("{margin}-{space}{}", inner.trim_start_matches(' ')));
                }
                _ => {
                    let inner = self.entries(indent + gap + 1, depth - 1);
                    // A comment or blank line cannot stand behind the dash.
                    let inner = inner.trim_start_matches([' ', '\n']);
                    if inner.starts_with('#') {
                        text.push_str(&format!("{margin}-\n{margin} {inner}"));
                    } else {
                        text.push_str(&format!("{margin}-{space}{inner}"));
                    }
                }
            }
        }
        text
    }

    /// A list or map in brackets.
    fn flow(&mut self, depth: usize) -> String {
        let count = self.random.below(4);
        let comma = self.random.pick(&[", ", ",", " , ", ",\n          "]);
        let tail = if self.random.chance(10) { "," } else { "" };
        let tail = if count == 0 { "" } else { tail };
        let pad = self.random.pick(&["", " "]);
        if self.random.chance(50) {
            let items: Vec<_> = (0..count).map(|_| self.flow_value(depth)).collect();
            return format!("[{pad}{}{tail}{pad}]", items.join(comma));
        }
        let entries: Vec<_> = (0..count)
            .map(|_| {
                let key = self.key();
                match self.random.below(12) {
                    0 => key,
                    1 => format!("{key}: "),
                    2 => format!("{}:{}", self.quoted_key(), self.flow_value(depth)),
                    _ => format!("{key}: {}", self.flow_value(depth)),
                }
            })
            .collect();
        format!("{{{pad}{}{tail}{pad}}}", entries.join(comma))
    }

    fn flow_value(&mut self, depth: usize) -> String {
        if depth > 0 && self.random.chance(25) {
            return self.flow(depth - 1);
        }
        if self.random.chance(5) {
            return self.alias();
        }
        let scalar = self.scalar();
        // In brackets these end a plain scalar, as a rule by mistake.
        let ends = !scalar.starts_with(['"', '\'']) && scalar.contains([',', '[', ']', '{', '}', '#']);
        if ends && self.random.chance(95) { String::from("x") } else { scalar }
    }

    fn scalar(&mut self) -> String {
        match self.random.below(8) {
            0 => scalars::double_quoted(self.random),
            1 => scalars::single_quoted(self.random),
            2 => scalars::number(self.random),
            3 => self.random.pick(scalars::PLAIN).to_owned(),
            _ => self
                .random
                .pick(&["x", "web", "a b", "1", "80", "true", "\"1\"", "nginx:1.27", "/healthz", "500m", "''"])
                .to_owned(),
        }
    }

    fn key(&mut self) -> String {
        self.keys += 1;
        if self.random.chance(self.odd_keys) {
            return match self.random.below(3) {
                0 => self.random.pick(scalars::PLAIN).to_owned(),
                1 => scalars::number(self.random),
                _ => self
                    .random
                    .pick(&["? x", "a b", "x:y", "a#b", "&k x", "!!str 1", "<<", "[a]", "{a: b}", "*a0 "])
                    .to_owned(),
            };
        }
        match self.random.below(20) {
            0 => self.quoted_key(),
            // A duplicate now and then.
            1 => "k1".to_owned(),
            _ => format!("k{}", self.keys),
        }
    }

    fn quoted_key(&mut self) -> String {
        let keys = self.keys;
        self.random.pick(&["\"y\"", "'on'", "\"1\"", "'a b'", "\"a\\tb\"", "'~'"]).to_owned().replacen(
            'b',
            &format!("b{keys}"),
            1,
        )
    }

    fn alias(&mut self) -> String {
        match self.anchors.len() {
            0 => "x".to_owned(),
            count => format!("*{}", self.anchors[self.random.below(count)].0),
        }
    }

    fn merge(&mut self) -> String {
        let maps: Vec<_> = self.anchors.iter().filter(|(_, map)| *map).map(|(name, _)| name.clone()).collect();
        let one = maps[self.random.below(maps.len())].clone();
        match self.random.below(4) {
            0 => format!("[*{one}, *{}]", maps[self.random.below(maps.len())]),
            1 => format!("[*{one}, {{m: 1}}]"),
            _ => format!("*{one}"),
        }
    }
}
