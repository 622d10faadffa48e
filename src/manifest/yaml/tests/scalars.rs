use super::{kubectl, kustomize, told};
use crate::manifest::Value;
use crate::manifest::value::{Data, NumberKind};

/// A value as JSON-like text with its type visible.
fn shown(value: &Value) -> String {
    match &value.data {
        Data::Null => "null".into(),
        Data::Bool(flag) => flag.to_string(),
        Data::Number(number) => match number.kind() {
            NumberKind::Integer(n) => n.to_string(),
            NumberKind::Unsigned(n) => format!("u{n}"),
            NumberKind::Float(n) => format!("f{n}"),
        },
        Data::String(text) => format!("{text:?}"),
        other => format!("{other:?}"),
    }
}

#[test]
fn scalars_mean_what_each_go_library_makes_of_them() {
    // text, kubectl, kustomize
    let table = [
        ("", "null", "null"),
        ("~", "null", "null"),
        ("Null", "null", "null"),
        ("nULL", "\"nULL\"", "\"nULL\""),
        ("true", "true", "true"),
        ("tRue", "\"tRue\"", "\"tRue\""),
        ("y", "true", "\"y\""),
        ("Yes", "true", "\"Yes\""),
        ("yEs", "\"yEs\"", "\"yEs\""),
        ("on", "true", "\"on\""),
        ("n", "false", "\"n\""),
        ("No", "false", "\"No\""),
        ("OFF", "false", "\"OFF\""),
        ("\"no\"", "\"no\"", "\"no\""),
        ("'1'", "\"1\"", "\"1\""),
        ("0", "0", "0"),
        ("-0", "0", "0"),
        ("+5", "5", "5"),
        ("0644", "420", "420"),
        ("0o17", "15", "15"),
        ("0x1f", "31", "31"),
        ("0b11", "3", "3"),
        ("-0b11", "-3", "-3"),
        ("0b-1", "-1", "-1"),
        ("0o-7", "\"0o-7\"", "-7"),
        ("0x", "\"0x\"", "\"0x\""),
        ("08", "f8", "f8"),
        ("1_000", "1000", "1000"),
        ("_1", "\"_1\"", "\"_1\""),
        ("1.", "f1", "f1"),
        ("1.0", "f1", "f1"),
        (".5", "f0.5", "f0.5"),
        (".5_0", "f0.5", "f0.5"),
        (".5__0", "\".5__0\"", "\".5__0\""),
        ("1e3", "f1000", "f1000"),
        ("1e400", "\"1e400\"", "\"1e400\""),
        ("1e", "\"1e\"", "\"1e\""),
        ("-x", "\"-x\"", "\"-x\""),
        ("9223372036854775807", "9223372036854775807", "9223372036854775807"),
        ("9223372036854775808", "u9223372036854775808", "u9223372036854775808"),
        ("+9223372036854775808", "f9223372036854776000", "f9223372036854776000"),
        ("-9223372036854775808", "-9223372036854775808", "-9223372036854775808"),
        ("18446744073709551616", "f18446744073709552000", "f18446744073709552000"),
        ("12:30:45", "\"12:30:45\"", "\"12:30:45\""),
        ("1:30", "\"1:30\"", "\"1:30\""),
        ("2001-01-01", "\"2001-01-01\"", "\"2001-01-01T00:00:00Z\""),
        ("1.2.3", "\"1.2.3\"", "\"1.2.3\""),
        ("<<", "\"<<\"", "\"<<\""),
        ("!!str 3", "\"3\"", "\"3\""),
        ("!!str", "\"\"", "\"\""),
        ("! 2", "\"2\"", "2"),
        ("! \"2\"", "\"2\"", "\"2\""),
        ("!foo 4", "\"4\"", "\"4\""),
        ("!!int \"7\"", "7", "7"),
        ("!!float 5", "f5", "f5"),
        ("!!bool \"yes\"", "true", "refused"),
        ("!!int abc", "refused", "refused"),
        ("!!binary aGk=", "\"hi\"", "\"hi\""),
        ("!!binary \"*\"", "refused", "refused"),
        (".inf", "refused", "refused"),
        ("-.INF", "refused", "refused"),
        (".nan", "refused", "refused"),
        ("|\n  x", "\"x\\n\"", "\"x\""),
        ("|-\n  x\n   y\n", "\"x\\n y\"", "\"x\\n y\""),
        (">\n  x\n  y\n", "\"x y\\n\"", "\"x y\\n\""),
        ("\"\\u00e9\\x41\\n\"", "\"éA\\n\"", "\"éA\\n\""),
    ];
    for (text, v2, v3) in table {
        let document = format!("k: {text}");
        for (reading, expected) in [(kubectl(&document), v2), (kustomize(&document), v3)] {
            if expected == "refused" {
                assert_eq!(told(&reading).len(), 1, "{text:?}");
                assert!(told(&reading)[0].starts_with("yaml-value "), "{text:?}");
                continue;
            }
            assert_eq!(reading.findings, [], "{text:?}");
            assert_eq!(shown(reading.documents[0].get("k").unwrap()), expected, "{text:?}");
        }
    }
}

#[test]
fn keys_resolve_before_they_become_strings() {
    // key, what kubectl makes of it, its finding, kustomize's finding
    let table = [
        ("y", "true", "boolean-key", ""),
        ("on", "true", "boolean-key", ""),
        ("yes", "true", "boolean-key", ""),
        ("no", "false", "boolean-key", ""),
        ("true", "true", "", "non-string-key"),
        ("\"y\"", "y", "", ""),
        ("1", "1", "", "non-string-key"),
        ("0x10", "16", "number-key", "non-string-key"),
        ("1.5", "1.5", "", "non-string-key"),
        ("1.50", "1.5", "number-key", "non-string-key"),
        ("1e30", "1e+30", "number-key", "non-string-key"),
        ("12345678.9", "1.2345679e+07", "number-key", "non-string-key"),
        ("100000.5", "100000.5", "", "non-string-key"),
        ("0.00001", "1e-05", "number-key", "non-string-key"),
        ("2001-01-01", "2001-01-01", "", "non-string-key"),
        ("\"2001-01-01\"", "2001-01-01", "", ""),
        (".inf", ".inf", "", "non-string-key"),
        ("+.INF", ".inf", "number-key", "non-string-key"),
        ("18446744073709551615", "18446744073709551615", "non-string-key", "non-string-key"),
    ];
    let rules = |told: Vec<String>| told.join(",").split(' ').next().unwrap_or_default().to_owned();
    for (key, text, v2, v3) in table {
        let document = format!("{key}: x\n");
        let reading = kubectl(&document);
        assert_eq!(reading.documents[0].as_map().unwrap()[0].as_str(), Some("x"), "{key}");
        assert_eq!(reading.documents[0].as_map().unwrap().keys().next().unwrap().as_str(), text, "{key}");
        assert_eq!(rules(told(&reading)), v2, "{key}");
        assert_eq!(rules(told(&kustomize(&format!("k:\n  {key}: x\n")))), v3, "{key}");
        // At the root kustomize takes the text of a key for what it is.
        let root = kustomize(&document);
        let shown = key.trim_matches('"');
        assert_eq!((told(&root), root.documents[0].get(shown).and_then(Value::as_str)), (vec![], Some("x")), "{key}");
    }
    for key in ["~", "? [a]\n", "? {a: b}\n"] {
        let document = format!("{key}: x\nb: 1\n");
        assert_eq!(rules(told(&kubectl(&document))), "non-string-key", "{key}");
        assert_eq!(kubectl(&document).documents[0].as_map().unwrap().len(), 1, "{key}");
    }
}

#[test]
fn kustomize_quotes_times_and_nothing_inside_brackets() {
    let values = |text: &str| format!("{:?}", kustomize(text).documents[0].get("a").unwrap());
    assert_eq!(values("a: [2001-01-01 10:00:00, 2001-01-01]"), "[\"2001-01-01 10:00:00\", \"2001-01-01T00:00:00Z\"]");
    assert_eq!(values("a: {b: }"), "{\"b\": \"\"}");
    assert_eq!(values("a:\n  b:\n  c: 2001-01-01 10:00:00"), "{\"b\": null, \"c\": \"2001-01-01T10:00:00Z\"}");
}
