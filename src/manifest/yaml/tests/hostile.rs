use super::{Budget, Dialect, Source, kubectl, kustomize, read, told};
use std::fmt::Write;

fn only_budget(text: &str) {
    let reading = kubectl(text);
    let rules: Vec<_> = reading.findings.iter().map(|finding| finding.rule.as_ref()).collect();
    assert_eq!(rules, ["yaml-budget"]);
}

#[test]
fn nesting_ends_at_the_budget() {
    for open in ["[", "{a: ", "- ", "? "] {
        only_budget(&open.repeat(100_000));
    }
    let blocks = |levels: usize| {
        (0..levels).fold(String::new(), |mut text, level| {
            writeln!(text, "{}a:", " ".repeat(level)).unwrap();
            text
        })
    };
    only_budget(&blocks(2_000));
    only_budget(&blocks(102));
    assert_eq!(told(&kubectl(&blocks(100))), Vec::<String>::new());
    // An alias may not put together what may not be written.
    let flow = |levels: usize, inner: &str| format!("{}{inner}{}", "[".repeat(levels), "]".repeat(levels));
    only_budget(&format!("a: &a {}\nb: {}\n", flow(60, "1"), flow(60, "*a")));
}

#[test]
fn a_bomb_of_aliases_is_a_finding() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..=9 {
        let items = vec![format!("*a{}", level - 1); 9].join(", ");
        writeln!(text, "a{level}: &a{level} [{items}]").unwrap();
    }
    only_budget(&text);
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(1 << 20), vec!["*a"; 1000].join(","));
    only_budget(&long);
    let merges = format!(
        "a: &a {{{}}}\nb:\n{}",
        (0..1000).fold(String::new(), |mut keys, n| {
            write!(keys, "k{n}: 1, ").unwrap();
            keys
        }),
        "- {<<: *a}\n".repeat(10_000)
    );
    only_budget(&merges);
}

#[test]
fn documents_and_findings_are_counted() {
    let budget = Budget { documents: 10, ..Budget::default() };
    let reading = read(&Source::new("a.yaml", "a: 1\n---\n".repeat(11)), Dialect::Kubectl, &budget);
    assert_eq!(reading.documents.len(), 10);
    assert_eq!(told(&reading), ["yaml-budget a.yaml:21:1"]);
    assert_eq!(told(&kubectl(&"---\n".repeat(1_000_000))), Vec::<String>::new());
    let reading = kubectl(&"a: [\n---\n".repeat(10_000));
    assert_eq!(reading.findings.len(), Budget::default().findings + 1);
    let budget = Budget { bytes: 3, ..Budget::default() };
    assert_eq!(told(&read(&Source::new("a.yaml", "a: 1"), Dialect::Kubectl, &budget)), ["yaml-budget a.yaml:1:1"]);
}

#[test]
fn nothing_panics_on_soup() {
    let tokens = [
        "a", ":", " ", "\n", "-", "- ", "? ", "[", "]", "{", "}", ",", "&a ", "*a", "!", "!!int ", "|", ">", "\"", "'",
        "#", "\t", "<<", "%", "---", "...", "\r", "é", "\u{feff}", "\0", "1", "  ",
    ];
    let mut state: u64 = 7;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..24 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            text.push_str(tokens[(state >> 33) as usize % tokens.len()]);
        }
        for reading in [kubectl(&text), kustomize(&text)] {
            for finding in &reading.findings {
                assert!(finding.place.as_ref().unwrap().line.is_some());
            }
        }
    }
}
