use super::{Budget, Dialect, Source, kubectl, kustomize, read, told};
use mergeline_lab::noise::Noise;
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

/// Inputs that were made to cost more than they are long. None may take more than a fraction of a second, which a test that times
/// itself could not say on a busy machine: it would end by the time limit of the run.
#[test]
fn every_hostile_file_ends_as_a_finding() {
    let deep_json = format!("{{\"a\":{}", "[".repeat(1_000_000));
    let table: Vec<(&str, String)> = vec![
        ("separators that are none", "---x\n".repeat(200_000)),
        ("keys in a row", "? ".repeat(200_000)),
        ("lists in a row", "- ".repeat(200_000)),
        ("open brackets", "[".repeat(1_000_000)),
        ("open braces", "{".repeat(1_000_000)),
        ("json without an end", deep_json),
        ("a quote without an end", format!("a: \"{}", "x ".repeat(1_000_000))),
        ("escapes without an end", format!("a: \"{}", "\\x41".repeat(500_000))),
        ("one key too long", format!("{}: 1", "k".repeat(1_000_000))),
        (
            "anchors",
            (0..100_000).fold(String::new(), |mut text, n| {
                writeln!(text, "k{n}: &a{n} [1, 2").unwrap();
                text
            }),
        ),
        ("aliases of nothing", "- *a\n".repeat(100_000)),
        ("directives", "%YAML 1.2\n".repeat(100_000)),
        ("duplicates", "a: 1\n".repeat(300_000)),
        ("tabs", "\t".repeat(1_000_000)),
        ("line ends", format!("a: [{}", "\n".repeat(2_000_000))),
        ("comments", format!("a: [{}", "# x\n".repeat(500_000))),
        ("document ends", "...\n".repeat(300_000)),
        ("colons", ":".repeat(1_000_000)),
        ("values in a row", ": ".repeat(300_000)),
        ("zeros", "\0".repeat(1_000_000)),
        ("bad merges", format!("a: {{{}}}", "<<: 1, ".repeat(100_000))),
        ("a number of a million digits that is no number", format!("a: !!int {}x", "9".repeat(1_000_000))),
    ];
    for (name, text) in table {
        for reading in [kubectl(&text), kustomize(&text)] {
            assert!(!reading.findings.is_empty(), "{name}");
            assert!(reading.findings.len() <= Budget::default().findings + 1, "{name}: {}", reading.findings.len());
        }
    }
    // These are odd and right.
    let tags = format!("a: {}", "!".repeat(1_000_000));
    let tag_escapes = format!("a: !{}", "%41".repeat(300_000));
    for text in [
        tags,
        tag_escapes,
        "---\n".repeat(500_000),
        "\n".repeat(3_000_000),
        "# x\n".repeat(500_000),
        format!("a: {}", "9".repeat(300_000)),
    ] {
        assert_eq!(kubectl(&text).findings, []);
    }
}

#[test]
fn nothing_panics_on_soup() {
    let rounds = std::env::var("MERGELINE_SOUP").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(4_000_u64);
    let seed = std::env::var("MERGELINE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    let mut noise = Noise::new(seed);
    for _ in 0..rounds {
        super::super::examine(noise.soup(24).as_bytes());
    }
}
