//! Scalars as they stand in a file: plain, quoted, in blocks, with tags.

use super::random::Random;

/// Plain scalars that mean something to one reader or look as if they did.
pub(super) const PLAIN: &[&str] = &[
    "~",
    "null",
    "Null",
    "NULL",
    "nULL",
    "y",
    "Y",
    "n",
    "N",
    "yes",
    "Yes",
    "YES",
    "yEs",
    "no",
    "No",
    "NO",
    "true",
    "True",
    "TRUE",
    "tRue",
    "false",
    "False",
    "FALSE",
    "on",
    "On",
    "ON",
    "oN",
    "off",
    "Off",
    "OFF",
    "t",
    "f",
    "T",
    "F",
    "0",
    "-0",
    "+0",
    "00",
    "000",
    "7",
    "-7",
    "+7",
    "007",
    "-007",
    "08",
    "09",
    "-08",
    "0o7",
    "0o17",
    "0O17",
    "-0o7",
    "0o-7",
    "0o",
    "0o8",
    "0x",
    "0x1f",
    "0X1F",
    "-0x1F",
    "0x-1",
    "0b",
    "0b11",
    "0B11",
    "-0b11",
    "0b-1",
    "0b2",
    "0b1_1",
    "0x_f",
    "0x1_f",
    "0o1_7",
    "1_000",
    "1__0",
    "_1",
    "1_",
    "-_1",
    "+_1",
    "-1_0",
    "0_7",
    "1_0.5",
    "1._5",
    "1.5_",
    "1_.5",
    ".5_0",
    ".5__0",
    "._5",
    "1.",
    "-1.",
    ".5",
    "-.5",
    "+.5",
    "1.0",
    "1.50",
    "10.0",
    "1.e1",
    "1e3",
    "1E3",
    "1e+3",
    "1e-3",
    "1.5e3",
    ".5e1",
    "1e",
    "e1",
    "1e400",
    "-1e400",
    "1e-400",
    "1_0e1",
    "1e1_0",
    "1e+",
    "1ee1",
    "1.2.3",
    "1.2.3.4",
    "1..2",
    ".",
    "..",
    "-.",
    "+.",
    "+",
    "-x",
    "0.1",
    "0.30000000000000004",
    "1e15",
    "1e16",
    "1e20",
    "1e21",
    "1e22",
    "123456789012345678",
    "1234567890123456789",
    "9007199254740993",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "+9223372036854775807",
    "+9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "0xffffffffffffffff",
    "0x8000000000000000",
    "-0x8000000000000000",
    "0b111111111111111111111111111111111111111111111111111111111111111",
    "0777777777777777777777",
    "1777777777777777777777",
    "01777777777777777777777",
    "100000000000000000000000",
    ".inf",
    ".Inf",
    ".INF",
    "-.inf",
    "+.inf",
    "-.INF",
    "+.Inf",
    ".iNF",
    "inf",
    "Infinity",
    "-Inf",
    ".nan",
    ".NaN",
    ".NAN",
    ".nAn",
    "nan",
    "NaN",
    "-.nan",
    "1:30",
    "12:30:45",
    "190:20:30",
    "-1:30",
    "0:0",
    "1:60",
    "01:02",
    "20:30.5",
    "2001-01-01",
    "2001-1-1",
    "2001-12-14",
    "2001-13-01",
    "2001-02-30",
    "2000-02-29",
    "1900-02-29",
    "2001-01-01T10:00:00Z",
    "2001-01-01t10:00:00z",
    "2001-01-01T10:00:00+01:00",
    "2001-01-01T10:00:00.123456789Z",
    "2001-01-01T10:00:00.5-05:30",
    "2001-01-01 10:00:00",
    "2001-01-01 10:00:00.25",
    "2001-01-01 1:2:3",
    "2001-01-01T1:2:3Z",
    "2001-01-01T10:00:00",
    "2001-01-01 10:00:00 Z",
    "2001-01-01 24:00:00",
    "0000-01-01",
    "9999-12-31",
    "20010101",
    "2001-01",
    "01-01-2001",
    "<<",
    "=",
    "-",
    "--",
    "---x",
    "?x",
    "?-",
    "x?",
    ":x",
    "x:",
    "x:y",
    "x: y",
    "x :y",
    "::",
    "#x",
    "x#y",
    "x #y",
    "x # y",
    "*x",
    "&x",
    "&x y",
    "!x",
    "%x",
    "@x",
    "`x",
    "|x",
    ">x",
    "'x",
    "\"x",
    "x'y",
    "x\"y",
    "\\x",
    "x\\ny",
    "[x",
    "x]",
    "x[y]",
    "{x",
    "x}",
    "x{y}",
    "{{ x }}",
    "{{x}}",
    "x,y",
    ",x",
    "x,",
    "a b",
    "a  b",
    "a\tb",
    "a b ",
    "\u{e9}",
    "\u{65e5}\u{672c}",
    "\u{1f389}",
    "\u{a0}",
    "a\u{a0}b",
    "\u{2028}",
    "\u{85}",
    "\u{feff}x",
    "x\u{feff}",
    "\u{7f}",
    "\u{fffd}",
    "$x",
    "${x}",
    "$(x)",
    "/x",
    "x/y",
    "1.2.3-r4",
    "v1",
    "1Gi",
    "500m",
    "1e3m",
    "0.5",
    "100%",
    "10.0.0.0/8",
    "::1",
    "a:1",
    "http://x.y/z?a=b&c=d#e",
    "nginx:1.27",
    "x@sha256:00",
    "*/5 * * * *",
    "5 * * * *",
    "@daily",
    "0 0 * * *",
    "deadbeef",
    "1234e5",
    "12345e6",
    "0e0",
    "7e2f",
    "1d2",
    "0d10",
    "0b",
    "0xg",
    "1h30m",
];

const TAGS: &[&str] = &[
    "!!str",
    "!!int",
    "!!float",
    "!!bool",
    "!!null",
    "!!binary",
    "!!timestamp",
    "!",
    "!foo",
    "!!merge",
    "!!seq",
    "!!map",
    "!!foo",
    "!<tag:yaml.org,2002:int>",
    "!<tag:yaml.org,2002:str>",
];

/// Values that tags are put before.
const TAGGED: &[&str] = &[
    "",
    "1",
    "-1",
    "01",
    "1.5",
    "1e3",
    ".inf",
    "abc",
    "yes",
    "true",
    "tRue",
    "y",
    "~",
    "null",
    "aGk=",
    "aG k=",
    "%",
    "2001-01-01",
    "<<",
    "\"1\"",
    "\"x\"",
    "'1.5'",
    "\"yes\"",
    "'true'",
    "\"\"",
    "''",
    "\"aGk=\"",
    "\"null\"",
    "'2001-01-01'",
    "0x1f",
    "1_000",
    "18446744073709551615",
    "[]",
    "{}",
    "[1]",
    "{a: 1}",
    "|\n    1\n",
    "|\n    aGk=\n",
    ">-\n    x\n    y\n",
];

/// Every plain scalar above.
pub(super) fn plain() -> impl Iterator<Item = String> {
    PLAIN.iter().map(|text| (*text).to_owned())
}

/// Every tag before every tagged value.
pub(super) fn tagged() -> impl Iterator<Item = String> {
    TAGS.iter()
        .flat_map(|tag| TAGGED.iter().map(move |value| format!("{tag} {value}").trim_end_matches(' ').to_owned()))
}

/// Something like a number.
pub(super) fn number(random: &mut Random) -> String {
    let sign = random.pick(&["", "", "", "-", "+", "--"]);
    let prefix = random.pick(&["", "", "", "", "0", "0x", "0o", "0b", "00", "_", "0X"]);
    let digits = random.pick(&["01", "01234567", "0123456789", "0123456789_", "0123456789abcdefABCDEF", "1234567890."]);
    let body = random.repeat(0, 12, |random| pick_char(random, digits));
    let tail = match random.below(6) {
        0 => format!(".{}", random.repeat(0, 5, |random| pick_char(random, "0123456789_"))),
        1 => {
            let exponent = random.pick(&["e", "E", "e+", "e-", "e_"]);
            format!("{exponent}{}", random.repeat(0, 3, |random| pick_char(random, "0123456789")))
        }
        2 => random.pick(&["_", ".", "e", ":30", "x", "."]).to_owned(),
        _ => String::new(),
    };
    format!("{sign}{prefix}{body}{tail}")
}

/// Something like a date.
pub(super) fn date(random: &mut Random) -> String {
    let year = random.pick(&["2001", "2000", "1900", "0001", "9999", "201", "20011"]);
    let month = random.pick(&["01", "1", "02", "12", "13", "00", "6"]);
    let day = random.pick(&["01", "1", "28", "29", "30", "31", "32", "0"]);
    let between = random.pick(&["T", "t", " ", "", "  ", "_"]);
    if between.is_empty() {
        return format!("{year}-{month}-{day}");
    }
    let hour = random.pick(&["00", "1", "23", "24", "09"]);
    let minute = random.pick(&["00", "5", "59", "60"]);
    let second = random.pick(&["00", "7", "59", "60"]);
    let fraction = random.pick(&["", "", "", ".5", ".250", ".123456789", ".1234567891", ",5", "."]);
    let zone =
        random.pick(&["", "Z", "z", "+01:00", "-05:30", "+00:00", "+1", " Z", " +01:00", "+24:00", "+25:00", "-23:59"]);
    format!("{year}-{month}-{day}{between}{hour}:{minute}:{second}{fraction}{zone}")
}

/// A word of plain characters.
pub(super) fn word(random: &mut Random) -> String {
    let characters = "abcxyzABCnNyY019-_./:#,[]{}!&*?|>'\"%@`~ =+\\\u{e9}\u{1f389}";
    let first = pick_char(random, "abcxyzABCnNyY019-_./:#!&*?|>%@`~=+\\\u{e9}");
    let rest = random.repeat(0, 8, |random| pick_char(random, characters));
    format!("{first}{rest}").trim_end().to_owned()
}

/// A double-quoted scalar; some are broken.
pub(super) fn double_quoted(random: &mut Random) -> String {
    const PIECES: &[&str] = &[
        "a",
        "b c",
        " ",
        "  ",
        "\t",
        "'",
        "#",
        ": ",
        "- ",
        "{",
        "\\n",
        "\\t",
        "\\\\",
        "\\\"",
        "\\/",
        "\\0",
        "\\a",
        "\\b",
        "\\e",
        "\\f",
        "\\r",
        "\\v",
        "\\ ",
        "\\_",
        "\\N",
        "\\L",
        "\\P",
        "\\x41",
        "\\xe9",
        "\\u00e9",
        "\\u2028",
        "\\ud83d\\ude00",
        "\\U0001f389",
        "\\x4",
        "\\q",
        "\\u12",
        "\n  ",
        "\n\n  ",
        " \n  ",
        "\\\n  ",
        "\\\n   \\ ",
        "\n  \n  ",
        "\u{e9}",
        "\u{1f389}",
        "\\ud83d",
        "\u{85}",
        "\u{2029}",
        "%",
    ];
    let rare = random.chance(8);
    let inner = random.repeat(0, 6, |random| {
        let piece = random.pick(PIECES);
        let broken =
            matches!(piece, "\u{85}" | "\\N" | "\\x4" | "\\q" | "\\u12" | "\\ud83d" | "\\ud83d\\ude00" | "\\/");
        if broken && !rare { String::from("x") } else { piece.to_owned() }
    });
    format!("\"{inner}\"")
}

/// A single-quoted scalar.
pub(super) fn single_quoted(random: &mut Random) -> String {
    const PIECES: &[&str] = &[
        "a", "b c", " ", "  ", "\t", "''", "\"", "#", ": ", "- ", "{", "\\n", "\\", "\n  ", "\n\n  ", " \n  ",
        "\n  \n  ", "\u{e9}", "%", "1",
    ];
    let inner = random.repeat(0, 6, |random| random.pick(PIECES).to_owned());
    format!("'{inner}'")
}

/// A block scalar for a key at column `indent`, with the line end that closes it, or without at the end of a file.
pub(super) fn block(random: &mut Random, indent: usize) -> String {
    let style = random.pick(&["|", ">"]);
    let chomp = random.pick(&["", "", "-", "+"]);
    let own = 1 + random.below(4);
    let explicit = random.chance(20);
    let header = match (explicit, random.chance(50)) {
        (false, _) => format!("{style}{chomp}"),
        (true, true) => format!("{style}{own}{chomp}"),
        (true, false) => format!("{style}{chomp}{own}"),
    };
    let comment = if random.chance(10) { " # note" } else { "" };
    let trail = if random.chance(5) { " " } else { "" };
    let margin = " ".repeat(indent + own);
    const LINES: &[&str] = &[
        "one",
        "two words",
        "  deeper",
        "   deepest",
        "",
        "",
        "# no comment",
        "tail ",
        "a: b",
        "- x",
        "\ttab",
        "x\ty",
        "'q'",
        "\"q\"",
        "\\n",
        "...",
        "{{ x }}",
        "\u{e9}",
        "%TAG",
        "long words long words long words long words long words long words long words long words",
    ];
    let mut text = format!("{header}{trail}{comment}\n");
    let count = random.below(7);
    for number in 0..count {
        let line = random.pick(LINES);
        if line.is_empty() {
            let spaces = if random.chance(20) { random.below(indent + own + 2) } else { 0 };
            text.push_str(&" ".repeat(spaces));
        } else {
            // Leading spaces on the first line decide the indentation: keep them rare.
            let line = if number == 0 && random.chance(80) { line.trim_start() } else { line };
            text.push_str(&margin);
            text.push_str(line);
        }
        text.push('\n');
    }
    text
}

/// A plain scalar over several lines, for a key at column 0.
pub(super) fn plain_lines(random: &mut Random) -> String {
    let first = random.pick(&["one", "1", "a b", "yes", "2001-01-01", "x:y", "-x"]);
    let rest = random.repeat(1, 4, |random| {
        let gap = random.pick(&["\n  ", "\n\n  ", "\n   ", " \n  ", "\n  \n  ", "\n \t "]);
        format!(
            "{gap}{}",
            random.pick(&[
                "two", "# no", "3", "-", "- x", "a#b", "it's", "\"q\"", "[x]", "{x}", "k:v", "%x", "&x", "*x", "!x",
                "k: v", "x # c"
            ])
        )
    });
    format!("{first}{rest}")
}

fn pick_char(random: &mut Random, characters: &str) -> String {
    let count = characters.chars().count();
    characters.chars().nth(random.below(count)).map(String::from).unwrap_or_default()
}
