//! Files of several documents: separators, ends, directives, line ends, marks, JSON.

use super::random::Random;

/// What may stand between two documents, and what people write there by mistake.
const SEPARATORS: &[&str] = &[
    "---\n",
    "---\n",
    "---\n",
    "--- \n",
    "---\t\n",
    "--- # note\n",
    "---  # note\n",
    "---\n---\n",
    "---\n\n---\n",
    "---\n# note\n",
    "---\n# note\n---\n",
    "---\r\n",
    "...\n---\n",
    "...\n",
    "... # note\n---\n",
    "---x\n",
    "--- x\n",
    "----\n",
    "--- {a: 1}\n",
    "--- |\n  x\n---\n",
    " ---\n",
    "---#\n",
    "---\n%YAML 1.1\n---\n",
    "%YAML 1.1\n---\n",
    "\u{feff}---\n",
    "---\n\u{feff}",
    "---\n~\n---\n",
    "---\nnull\n---\n",
    "\n---\n\n",
    "---\n  \n---\n",
    "---\n...\n",
    "...\n...\n---\n",
    "---\n--- \n---\n",
    "",
];

const STARTS: &[&str] = &[
    "",
    "",
    "",
    "---\n",
    "--- \n",
    "--- # note\n",
    "\u{feff}",
    "\u{feff}---\n",
    "# note\n",
    "# note\n---\n",
    "\n",
    "\n\n---\n",
    "%YAML 1.1\n---\n",
    "%YAML 1.2\n---\n",
    "%TAG ! tag:x,2000:\n---\n",
    "---\n---\n",
    "...\n",
    "  \n---\n",
    "\t\n",
    "---\n# note\n",
    "\u{feff}# note\n",
    "%FOO\n---\n",
    "---x\n",
];

const ENDS: &[&str] = &[
    "",
    "",
    "",
    "---\n",
    "---",
    "...\n",
    "...",
    "\n\n",
    "# note\n",
    "---\n# note",
    "---\n---\n",
    "...\n---\n",
    "\n---\n\n",
    "...\n# x\n",
    "\t\n",
];

/// An object that is the `number`th of its file.
fn object(random: &mut Random, number: usize) -> String {
    let name = format!("c{number}");
    match random.below(8) {
        0 => format!(
            "{{\"apiVersion\": \"example.com/v1\", \"kind\": \"Case\", \"metadata\": {{\"name\": \"{name}\"}}, \"a\": {number}}}\n"
        ),
        1 => format!("{{apiVersion: example.com/v1, kind: Case, metadata: {{name: {name}}}}}\n"),
        2 => format!("apiVersion: example.com/v1\nkind: Case\nmetadata:\n  name: {name}\na: |\n  x\n  ---\n  y\n"),
        3 => format!("apiVersion: example.com/v1\nkind: Case\nmetadata: {{name: {name}}}\na: |\n  x\n\n"),
        4 => format!("  apiVersion: example.com/v1\n  kind: Case\n  metadata: {{name: {name}}}\n"),
        5 => {
            format!("# {name}\napiVersion: example.com/v1\nkind: Case # x\nmetadata:\n  name: {name}\na: &a 1\nb: *a\n")
        }
        _ => format!("apiVersion: example.com/v1\nkind: Case\nmetadata:\n  name: {name}\n"),
    }
}

/// A file of up to four objects.
pub(super) fn file(random: &mut Random) -> String {
    let mut text = random.pick(STARTS).to_owned();
    let count = 1 + random.below(4);
    for number in 0..count {
        if number > 0 {
            text.push_str(random.pick(SEPARATORS));
        }
        text.push_str(&object(random, number));
    }
    text.push_str(random.pick(ENDS));
    match random.below(8) {
        0 => text.replace("\r\n", "\n").replace('\n', "\r\n"),
        1 => text.trim_end_matches('\n').to_owned(),
        _ => text,
    }
}

/// A file whose documents may be anything.
pub(super) fn anything(random: &mut Random) -> String {
    const DOCUMENTS: &[&str] = &[
        "x\n",
        "1\n",
        "- a\n- b\n",
        "[1, 2]\n",
        "[1,\n2]\n",
        "{}\n",
        "[]\n",
        "\"a\"\n",
        "'a\n  b'\n",
        "|\n  x\n",
        ">\n  x\n",
        "~\n",
        "null\n",
        "",
        "\n",
        "a: 1\n",
        "a:\n- 1\n",
        "? a\n",
        "? a\n: b\n",
        "- - a\n  - b\n",
        "-\n",
        "&a x\n",
        "!!str 1\n",
        "a: 1\nb\n",
        "a\nb\n",
        "a: b: c\n",
        "# x\n",
        "{a: 1}\n",
        "{\"a\": 1}\n",
        "{\"a\": 1}{\"b\": 2}\n",
        "{\"a\": 1} {\"b\": 2} {\"c\": 3}\n",
        "{\"a\": 1}\n{\"b\": 2}\n",
        "{a: 1}{b: 2}\n",
        "{\"a\": 1},\n",
        "\t{\"a\": 1}\n",
        "\ta: 1\n",
        "a:\t1\n",
        "a: 1 \t# x\n",
        "a:\n\t- 1\n",
        "a:\n  b: 1\n c: 2\n",
        "- a\n-b\n",
        "a: 1\n\tb: 2\n",
        "*a\n",
        "<<: {a: 1}\n",
        "{\"a\": 1, \"a\": 2}\n",
        "[{\"a\": 1}]\n",
        "\"a\" : 1\n",
        "{\"a\": \"\\ud83d\\ude00\"}\n",
        "{\"a\": \"\\/\"}\n",
        "{\"a\": 1e400}\n",
        "{\"a\": 1.0}\n",
        "{\"a\": NaN}\n",
        "{\"a\": 01}\n",
        "{\"a\": 1,}\n",
        "{\"y\": 1}\n",
        "{y: 1}\n",
    ];
    let mut text = random.pick(STARTS).to_owned();
    for number in 0..=random.below(3) {
        if number > 0 {
            text.push_str(random.pick(SEPARATORS));
        }
        text.push_str(random.pick(DOCUMENTS));
    }
    text.push_str(random.pick(ENDS));
    text
}

/// An object in JSON, sometimes with something that YAML reads otherwise or not at all.
pub(super) fn json(random: &mut Random) -> String {
    let value = |random: &mut Random| {
        random
            .pick(&[
                "1",
                "-1",
                "0",
                "1.0",
                "1.5",
                "1e3",
                "1E+2",
                "-0",
                "-0.0",
                "1e400",
                "01",
                "0x1",
                "+1",
                ".5",
                "1.",
                "true",
                "false",
                "null",
                "True",
                "yes",
                "NaN",
                "\"\"",
                "\"x\"",
                "\"yes\"",
                "\"1\"",
                "\"a\\nb\"",
                "\"\\/\"",
                "\"\\u00e9\"",
                "\"\\ud83d\\ude00\"",
                "\"\\ud83d\"",
                "\"\\x41\"",
                "\"\\u0000\"",
                "\"a\tb\"",
                "\"\u{e9}\"",
                "'x'",
                "[]",
                "{}",
                "[1, 2]",
                "[1,2,]",
                "{\"a\": {\"b\": [null]}}",
                "{\"a\": 1, \"a\": 2}",
                "18446744073709551616",
                "9223372036854775808",
                "12345678901234567890",
                "0.1",
                "1e-7",
                "123456789.125",
                "\"\u{2028}\"",
                "\"\u{7f}\"",
                "\"---\"",
                "\"a\\u2028b\"",
            ])
            .to_owned()
    };
    let separator = random.pick(&[": ", ":", " : ", ":\t", ":\n"]);
    let line = random.pick(&["", " ", "\n  ", "\n\t", "\r\n\t"]);
    let entries = random.repeat(0, 3, |random| {
        let key =
            random.pick(&["\"a\"", "\"y\"", "\"1\"", "\"<<\"", "\"a b\"", "\"\\u0061\"", "\"on\"", "\"~\"", "\"\""]);
        format!(",{line}{key}{separator}{}", value(random))
    });
    let end = random.pick(&["", "\n", "\n", "\r\n", "\n\n", "\n---\n", " # x\n", "x", "}", "\n{", "\n...\n"]);
    let start = random.pick(&["", "", "", " ", "\n", "\t", "---\n", "\u{feff}"]);
    let name = "\"metadata\":{\"name\":\"c\"}";
    format!(
        "{start}{{{line}\"apiVersion\":\"example.com/v1\",{line}\"kind\":\"Case\",{line}{name}{entries}{line}}}{end}"
    )
}
