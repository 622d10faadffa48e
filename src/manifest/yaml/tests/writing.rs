use super::super::{canonical, write, write_documents};
use super::{kubectl, kustomize};
use crate::manifest::value::{Data, Number, NumberKind, map};
use crate::manifest::{Key, Map, Value};
use proptest::prelude::*;

fn survives(value: &Value) -> Result<(), String> {
    let text = write(value);
    for (index, reading) in [kubectl(&text), kustomize(&text)].into_iter().enumerate() {
        // The one text that does not survive.
        if index == 1 && reading.findings.iter().any(|finding| finding.rule == "merge-key") {
            continue;
        }
        if !reading.findings.is_empty() {
            return Err(format!("{value:?} is refused as\n{text}\n{:?}", reading.findings));
        }
        let read = reading.documents.first().cloned().unwrap_or_else(Value::null);
        if read != *value {
            return Err(format!("{value:?} is read back as {read:?} from\n{text}"));
        }
    }
    Ok(())
}

const TRICKY: &[&str] = &[
    "",
    " ",
    "  x",
    "x ",
    "\t",
    "\tx",
    "x\ty",
    "on",
    "y",
    "Y",
    "n",
    "no",
    "off",
    "yes",
    "true",
    "null",
    "~",
    "Null",
    "1",
    "-1",
    "+1",
    "0x1f",
    "0o17",
    "0b-1",
    "0o-7",
    "017",
    "08",
    "1_000",
    "_1",
    "1.",
    ".5",
    "1e3",
    "1e400",
    ".inf",
    "-.INF",
    ".nan",
    "12:30:45",
    "1:30",
    "2001-01-01",
    "2001-1-1 10:00:00",
    "<<",
    "=",
    "-",
    "--",
    "---",
    "--- x",
    "---x",
    "---}...!",
    "...",
    "?",
    "? a",
    ":",
    "a:",
    "a: b",
    ":a",
    "a #b",
    "#a",
    "a#b",
    "- a",
    "*a",
    "&a",
    "!a",
    "%a",
    "@a",
    "`a",
    "[a",
    "]",
    "{a",
    "}",
    ",",
    "a,b",
    "'",
    "\"",
    "a'b",
    "a\"b",
    "\\",
    "|",
    ">",
    "\n",
    "\n\n",
    "a\n",
    "a\nb",
    "a\n\nb\n\n",
    " a\nb",
    "\n a\nb\n",
    "\na",
    "a \nb",
    "a\n b\n",
    "a\n\tb",
    "\t a\nb",
    "a\r\nb",
    "\r",
    "a\n---\nb",
    "---\na\n",
    "# a\nb",
    "a\n# b\n",
    "\u{0}",
    "\u{7f}",
    "\u{85}",
    "\u{a0}",
    "\u{2028}",
    "\u{feff}",
    "\u{feff}a\nb",
    "é",
    "日本",
    "\u{1f389}",
    "\u{fffe}",
    "a\u{1}b",
    "{{ .Values.x }}",
    "key: |",
    "null\n",
    "1\n",
    "\u{1b}[0m",
];

#[test]
fn tricky_strings_survive_as_value_item_and_key() {
    let long = "long words ".repeat(60);
    for text in TRICKY.iter().copied().chain([long.as_str(), long.trim()]) {
        survives(&map([("k", text)])).unwrap();
        survives(&map([("k", vec![Value::from(text), map([(text, text)])])])).unwrap();
        survives(&map([(text, map([(text, vec![Value::from(vec![Value::from(text)])])]))])).unwrap();
    }
    let numbers =
        ["kind", "other"].map(|key| (key, Value::from(Data::Number(Number::new("1e3", NumberKind::Float(1e3))))));
    assert_eq!(write(&map(numbers)), "kind: 1000\nother: 1000\n");
}

#[test]
fn text_is_written_as_people_write_it() {
    let value = map([
        ("apiVersion", Value::from("apps/v1")),
        (
            "items",
            vec![map([("name", Value::from("a")), ("args", vec![Value::from("--x")].into())]), Map::new().into()]
                .into(),
        ),
        ("script", "one\ntwo\n".into()),
        ("mode", Data::Number(Number::new("0644", NumberKind::Integer(420))).into()),
        ("none", Value::null()),
        ("long", "word ".repeat(30).trim().into()),
    ]);
    insta::assert_snapshot!(write_documents(&[&value, &map([("a", 1)])]));
}

#[test]
fn canonical_order_puts_identity_first_and_the_rest_by_bytes() {
    let metadata = map([
        ("labels", map([("b", "1"), ("a", "2")])),
        ("uid", "u".into()),
        ("name", "web".into()),
        ("annotations", Map::new().into()),
        ("namespace", "s".into()),
    ]);
    let value = map([
        ("spec", map([("kind", "x"), ("a", "y")])),
        ("data", Value::null()),
        ("metadata", metadata),
        ("kind", "K".into()),
        ("apiVersion", "v1".into()),
    ]);
    let text = write(&canonical(&value));
    let expected = "apiVersion: v1\nkind: K\nmetadata:\n  name: web\n  namespace: s\n  labels:\n    a: '2'\n    b: '1'\n  annotations: {}\n  uid: u\ndata: null\nspec:\n  a: \"y\"\n  kind: x\n";
    assert_eq!(text.replace('\'', "\""), expected.replace('\'', "\""));
    assert_eq!(canonical(&value), value);
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(TRICKY).prop_map(str::to_owned),
        "[ -~]{0,12}",
        "[-+_.0-9xobeE:]{1,8}",
        "[ a\\n\\t:#'\"\\-]{0,16}",
        prop::collection::vec(any::<char>(), 0..8).prop_map(|chars| chars.into_iter().collect()),
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::null()),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_filter("finite", |n| n.is_finite()).prop_map(|n| Data::Number(Number::new(
            n.to_string(),
            NumberKind::Float(n)
        ))
        .into()),
        (i64::MAX as u64 + 1..).prop_map(|n| Data::Number(Number::new(n.to_string(), NumberKind::Unsigned(n))).into()),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((any_text().prop_map(Key::from), inner), 0..5)
                .prop_map(|entries| entries.into_iter().collect::<Map>().into()),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back_in_both_dialects(value in any_value()) {
        survives(&value).map_err(TestCaseError::fail)?;
    }
}
