//! Property: a Secret's value is in no output, in no shape, and its change is in every one.
#![allow(clippy::unwrap_used)]

use super::{
    FailOn, Report, Silenced, SilencedBy, annotations, code_quality, html, json, junit, markdown, merge_findings,
    sarif, status, text,
};
use crate::diff::{Redactor, diff};
use crate::finding::{Excerpt, Finding, Place};
use crate::host::limits::LOCAL;
use crate::manifest::value::map;
use crate::manifest::{Object, Value};
use crate::operation::{Operation, OperationStatus, Verb};
use crate::unit::Unit;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

fn quoted(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

fn percent(value: &str) -> String {
    percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Where people and renderers put a value, apart from the Secret itself.
fn shapes(value: &str) -> Vec<(String, String)> {
    let encoded = STANDARD.encode(value);
    let shapes = [
        value.to_owned(),
        format!("--password={value}"),
        format!("a={value}\nb=2\n"),
        format!("{{\"password\": {}}}", quoted(value)),
        format!("postgres://shop:{}@db/shop", percent(value)),
        format!("postgres://shop:{value}@db/shop"),
        encoded.clone(),
        STANDARD.encode(format!("shop:{value}")),
        STANDARD.encode(format!("u:{value}@host")),
        STANDARD.encode(format!("us:{value}, and more")),
        URL_SAFE_NO_PAD.encode(value),
        STANDARD.encode(&encoded),
        format!("Authorization: Basic {}", STANDARD.encode(format!("me:{value}"))),
        value.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}")),
        format!("x{value}y{value}{value}"),
        format!("- {value}\n- other\n"),
        format!("apiVersion: v1\nkind: Secret\nstringData:\n  p: {value}\n"),
        format!("ENC[AES256_GCM,data:{value},iv:x,tag:y,type:str]"),
        format!("nginx:{value}"),
        format!("{value} {value}"),
    ];
    shapes.into_iter().enumerate().map(|(at, shape)| (format!("shape-{at}"), shape)).collect()
}

fn render(value: &str, generated: &str) -> Vec<Object> {
    let object = |api_version: &str, kind: &str, name: &str, rest: Vec<(&str, Value)>| {
        let mut object = map([("apiVersion", Value::from(api_version)), ("kind", kind.into())]);
        let applied = format!("{{\"kind\":\"Secret\",\"stringData\":{{\"p\":{}}}}}", quoted(value));
        object.set(
            "metadata",
            map([
                ("name", Value::from(name)),
                (
                    "annotations",
                    map([
                        ("kubectl.kubernetes.io/last-applied-configuration", applied.as_str()),
                        ("checksum/secret", &format!("{value}{value}")),
                        ("note", value),
                    ]),
                ),
            ]),
        );
        rest.into_iter().for_each(|(key, value)| object.set(key, value));
        Object::new(object).unwrap()
    };
    let shaped: Value = map(shapes(value));
    let data = map([("password", STANDARD.encode(value)), ("again", STANDARD.encode(format!("{value}\n")))]);
    let nested =
        map([("apiVersion", Value::from("v1")), ("kind", "Secret".into()), ("stringData", map([("p", value)]))]);
    let container = map([
        ("name", Value::from("web")),
        ("image", format!("nginx:{value}").into()),
        ("env", vec![map([("name", "P"), ("value", value)])].into()),
        ("args", vec![Value::from(format!("--token={value}"))].into()),
    ]);
    let sealed = map([("encryptedData", map([("p", value)])), ("template", map([("data", map([("q", value)]))]))]);
    vec![
        object("v1", "Secret", &format!("creds-{generated}"), vec![("data", data)]),
        object("v1", "Secret", "plain", vec![("stringData", map([("p", value)]))]),
        object("v1", "ConfigMap", "config", vec![("data", shaped)]),
        object("v1", "Pod", "web", vec![("spec", map([("containers", vec![container])]))]),
        object("bitnami.com/v1alpha1", "SealedSecret", "sealed", vec![("spec", sealed)]),
        object("example.com/v1", "Set", "set", vec![("spec", map([("objects", vec![nested])]))]),
        object("example.com/v1", "Keyed", "keyed", vec![("spec", map([(value, map([("x", value)]))]))]),
        object("example.com/v1", "Listed", "listed", vec![("spec", map([("items", vec![map([("name", value)])])]))]),
    ]
}

fn outputs(report: &Report) -> Vec<(&'static str, String)> {
    vec![
        ("text", text::text(report, false)),
        ("coloured text", text::text(report, true)),
        ("comment", markdown::comment(report, &LOCAL)),
        ("summary", markdown::summary(report)),
        ("promotion", markdown::change_summary(report, 60_000, LOCAL.unit)),
        ("json", json::json(report)),
        ("annotations", annotations::annotations(report)),
        ("junit", junit::junit(report)),
        ("sarif", sarif::sarif(report)),
        ("code quality", code_quality::code_quality(report)),
        ("html", html::html(report).unwrap()),
        ("status", status::description(report, &LOCAL)),
        ("debug", format!("{report:?}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_output_holds_a_planted_value_and_each_tells_its_change(
        old in "Zq[A-Za-z0-9!@#%&*_+=.:/\"'$é -]{4,24}v",
        new in "Zk[A-Za-z0-9!@#%&*_+=.:/\"'$é -]{4,24}w",
    ) {
        let (before, after) = (render(&old, "2456789bcd"), render(&new, "dcb9876542"));
        let mut redactor = Redactor::new();
        redactor.learn(&before);
        redactor.learn(&after);
        let unit = Unit { environment: "prod".into(), name: "shop".into(), path: "apps/shop".into() };
        let mut report = Report::new("review");
        report.environments = vec!["prod".into()];
        report.changes.extend(diff(&unit, &before, &after, None, &Redactor::new()));
        report.changes.extend(diff(&unit, &before, &[], None, &Redactor::new()));
        report.changes.extend(diff(&unit, &[], &after, None, &Redactor::new()));
        let place = Place { excerpt: Some(Excerpt { line: format!("  p: {new}"), width: 4 }), ..Place::at("a.yaml", 3, 6) };
        let finding = Finding::error("schema", format!("must be a number, got {new:?} ({})", STANDARD.encode(&new)))
            .at(place)
            .pointer(format!("/data/{new}"))
            .hint(format!("remove {new}"))
            .about(after[0].reference());
        report.findings = merge_findings(vec![redactor.finding(finding)], &report.environments);
        let reason = redactor.text(&format!("it is {new}")).to_string();
        let silenced = report.findings[0].clone();
        report.silenced.push(Silenced { finding: silenced, by: SilencedBy::Comment(reason) });
        let reason = redactor.text(&format!("admission webhook denied {new}: was {old}")).to_string();
        report.operations = vec![Operation::planned(Verb::Apply, "k", "Secret creds").with(OperationStatus::Failed, reason)];
        let report = report.judged(FailOn::Error);

        prop_assert_eq!(report.changes.changes.iter().filter(|it| it.action == crate::diff::Action::Update).count(), before.len());
        let mut needles = vec!["2456789bcd".to_owned(), "dcb9876542".to_owned()];
        for value in [&old, &new] {
            let inner = STANDARD.encode(format!("shop:{value}"));
            needles.extend([
                value.clone(),
                value[2..].trim().to_owned(),
                quoted(value).trim_matches('"').to_owned(),
                percent(value),
                STANDARD.encode(value).trim_end_matches('=').to_owned(),
                inner[10..inner.len() - 4].to_owned(),
                value.bytes().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}")),
            ]);
        }
        for (format, output) in outputs(&report) {
            for needle in needles.iter().filter(|needle| needle.len() >= 6) {
                prop_assert!(!output.contains(needle.as_str()), "{needle} in {format}:\n{output}");
            }
        }
        let told = text::text(&report, false);
        prop_assert!(told.contains("-  password: •••••• (before)") && told.contains("+  password: •••••• (after)"), "{told}");
    }
}
