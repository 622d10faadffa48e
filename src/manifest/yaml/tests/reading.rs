use super::{kubectl, kustomize, told};
use crate::finding::{Finding, Severity};
use crate::manifest::Value;

fn texts(reading: &super::Reading) -> Vec<String> {
    reading.documents.iter().map(|value| format!("{value:?}")).collect()
}

/// The text under the origin of a value.
fn under<'a>(text: &'a str, value: &Value) -> &'a str {
    let (start, end) = value.origin.as_ref().unwrap().span();
    &text[start as usize..end as usize]
}

#[test]
fn every_key_and_value_knows_its_bytes() {
    let text =
        "# é\na: 1\n---\nlist:\n- \"x\"\n- {k: 'v' }\nblock: |\n  one\n  two\nempty:\nmap:\n  k: v # c\n\n# end\n";
    let reading = kubectl(text);
    assert_eq!(reading.findings, []);
    let value = &reading.documents[1];
    assert_eq!(under(text, value.at("/list/0").unwrap()), "\"x\"");
    assert_eq!(under(text, value.at("/list/1").unwrap()), "{k: 'v' }");
    assert_eq!(under(text, value.at("/list/1/k").unwrap()), "'v'");
    assert_eq!(under(text, value.at("/list").unwrap()), "- \"x\"\n- {k: 'v' }");
    assert_eq!(under(text, value.at("/map").unwrap()), "k: v");
    assert_eq!(under(text, value.at("/block").unwrap()), "|\n  one\n  two\n");
    let key = value.key_origin_at("/map/k").unwrap();
    assert_eq!(key.place().to_string(), "a.yaml:12:3");
    assert_eq!(value.origin_at("/empty").unwrap().place().line, Some(10));
    assert_eq!(value.origin_at("/map/k").unwrap().place().to_string(), "a.yaml:12:6");
}

#[test]
fn documents_are_read_with_their_own_lines() {
    let text =
        "\u{feff}---\r\na: 1\r\n--- # next\r\n\r\nb: 2\r\n---\n# nothing\n---\n---\n~\n---\n{\"c\": [1, 2]}\n...\n";
    let reading = kubectl(text);
    assert_eq!(reading.findings, []);
    assert_eq!(texts(&reading), ["{\"a\": 1}", "{\"b\": 2}", "{\"c\": [1, 2]}"]);
    assert_eq!(reading.documents[1].origin_at("/b").unwrap().place().to_string(), "a.yaml:5:4");
    let json = "{\n\t\"kind\": \"List\",\n\t\"items\": [ ],\n\t\"url\": \"a\\/b\"\n}\n";
    assert_eq!(texts(&kubectl(json)), ["{\"kind\": \"List\", \"items\": [], \"url\": \"a/b\"}"]);
}

#[test]
fn a_broken_document_hides_no_other() {
    let reading = kubectl("a: [1\n---\nb: 2\n---\nc: @d\n---\nd: 4\n");
    assert_eq!(texts(&reading), ["{\"b\": 2}", "{\"d\": 4}"]);
    assert_eq!(reading.findings.len(), 2);
    assert!(reading.findings.iter().all(|f| f.rule == "yaml-syntax" && f.severity == Severity::Error));
    let place = reading.findings[1].place.as_ref().unwrap();
    assert_eq!(place.line, Some(5));
    assert_eq!(place.excerpt.as_ref().unwrap().line, "c: @d");
}

#[test]
fn what_kubectl_drops_or_refuses_between_documents_is_said() {
    let after_end = kubectl("a: 1\n...\nb: 2\n---\nc: 3\n");
    assert_eq!(texts(&after_end), ["{\"a\": 1}", "{\"c\": 3}"]);
    assert_eq!(told(&after_end), ["unread-document a.yaml:3:1"]);
    let after_dashes = kubectl("a: 1\n--- {b: 2}\n---x\nc: 3\n");
    assert_eq!(texts(&after_dashes), ["{\"a\": 1}", "{\"c\": 3}"]);
    assert_eq!(told(&after_dashes), ["yaml-syntax a.yaml:2:1", "yaml-syntax a.yaml:3:1"]);
    let directive = kubectl("%YAML 1.2\n---\na: 1\n");
    assert_eq!(texts(&directive), ["{\"a\": 1}"]);
    assert_eq!(told(&directive), ["yaml-syntax a.yaml:1:1"]);
}

#[test]
fn a_duplicate_key_names_both_places_and_keeps_the_last() {
    let reading =
        kubectl("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  a: one\n  b: two\n  a: three\n");
    assert_eq!(told(&reading), ["duplicate-key a.yaml:7:3"]);
    let finding: &Finding = &reading.findings[0];
    assert_eq!(finding.related[0].0.to_string(), "a.yaml:5:3");
    assert_eq!(finding.place.as_ref().unwrap().excerpt.as_ref().unwrap().line, "  a: three");
    assert_eq!(finding.object.as_ref().unwrap().to_string(), "ConfigMap x");
    assert_eq!(reading.documents[0].path(&["data", "a"]).unwrap().as_str(), Some("three"));
    assert_eq!(reading.documents[0].key_origin_at("/data/a").unwrap().place().line, Some(7));
    assert_eq!(
        told(&kubectl("{y: 1, yes: 2}")),
        ["boolean-key a.yaml:1:2", "boolean-key a.yaml:1:8", "duplicate-key a.yaml:1:8"]
    );
    assert_eq!(told(&kubectl("{1: a, \"1\": b}")), ["duplicate-key a.yaml:1:8"]);
}

#[test]
fn merges_are_expanded_and_an_override_is_no_duplicate() {
    let anchors = "x: &x {a: 1, b: 2}\nw: &w {b: 3, c: 4}\n";
    let merged = |text: &str, reading: fn(&str) -> super::Reading| {
        let reading = reading(&format!("{anchors}{text}"));
        (format!("{:?}", reading.documents[0].get("z").unwrap()), told(&reading))
    };
    let none: Vec<String> = Vec::new();
    for dialect in [kubectl as fn(&str) -> super::Reading, kustomize] {
        assert_eq!(merged("z: {<<: *x, b: 5}", dialect), ("{\"a\": 1, \"b\": 5}".into(), none.clone()));
        let list = merged("z: {<<: [*x, *w]}", dialect);
        assert_eq!(list, ("{\"a\": 1, \"b\": 2, \"c\": 4}".into(), none.clone()));
        assert_eq!(merged("z: {<<: 1}", dialect).1, ["merge-key a.yaml:3:5"]);
        assert_eq!(merged("z: {<<: *x, b: 5, b: 6}", dialect).1, ["duplicate-key a.yaml:3:19"]);
    }
    assert_eq!(merged("z: {b: 5, <<: *x}", kustomize), ("{\"b\": 5, \"a\": 1}".into(), none.clone()));
    let overridden = merged("z: {b: 5, <<: *x}", kubectl);
    assert_eq!(overridden, ("{\"b\": 2, \"a\": 1}".into(), vec!["merge-override a.yaml:3:11".into()]));
    assert_eq!(merged("z: {<<: *x, <<: *w}", kubectl), ("{\"a\": 1, \"b\": 3, \"c\": 4}".into(), none));
    assert_eq!(merged("z: {<<: *x, <<: *w}", kustomize).1, ["duplicate-key a.yaml:3:13"]);
    assert_eq!(texts(&kubectl("\"<<\": {a: 1}")), ["{\"<<\": {\"a\": 1}}"]);
}

#[test]
fn an_alias_is_its_target_with_the_place_of_the_target() {
    let text = "x: &x [1, {k: v}]\n--- # anchors end here\nq: &y [1, {k: v}]\nz: *y\n*y : 1\n";
    let reading = kubectl(text);
    assert_eq!(reading.documents[1].at("/z/1/k").unwrap().origin.as_ref().unwrap().place().to_string(), "a.yaml:3:15");
    assert_eq!(told(&reading), ["non-string-key a.yaml:5:1"]);
    assert_eq!(told(&kubectl("a: &x 1\n---\nb: *x\n")), ["yaml-syntax a.yaml:3:4"]);
    assert_eq!(told(&kubectl("a: &x [*x]\n")), ["yaml-syntax a.yaml:1:8"]);
    assert_eq!(texts(&kubectl("x: &a abc\n*a : d\n")), ["{\"x\": \"abc\", \"abc\": \"d\"}"]);
}

#[test]
fn no_line_of_a_secret_is_quoted() {
    for text in [
        "kind: Secret\nstringData:\n  a: hunter2\n  a: hunter2\n",
        "kind: Secret\nstringData: {a: hunter2\n",
        "kind: Secret\nstringData: {a: !!int hunter2}\n",
        "kind: \"\\x53ecret\"\nstringData: {a: hunter2, a: hunter2}\n",
        "kind: List\nitems:\n- kind: \"\\x53ecret\"\n  stringData: {a: hunter2, a: hunter2}\n",
    ] {
        let reading = kubectl(text);
        assert_eq!(reading.findings.len(), 1, "{text}");
        assert!(!format!("{:?}", reading.findings).contains("hunter2"), "{text}");
        assert!(reading.findings[0].place.as_ref().unwrap().line.is_some(), "{text}");
    }
}

#[test]
fn bytes_that_are_no_text_are_a_finding() {
    let reading = crate::manifest::yaml::read_bytes(
        "a.yaml",
        b"a: 1\nb: \xff\n",
        super::Dialect::Kubectl,
        &super::Budget::default(),
    );
    assert_eq!(told(&reading), ["yaml-syntax a.yaml:2:4"]);
}
