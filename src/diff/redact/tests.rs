#![allow(clippy::unwrap_used)]
use super::*;
use crate::manifest::value::map;
use crate::manifest::{Object, Value};
use base64::Engine as _;

fn secret(key: &str, value: &str) -> Object {
    let data = base64::engine::general_purpose::STANDARD.encode(value);
    Object::new(map([
        ("apiVersion", Value::from("v1")),
        ("kind", "Secret".into()),
        ("metadata", map([("name", "creds-2456789bcd")])),
        ("data", map([(key, data)])),
    ]))
    .unwrap()
}

fn knowing(value: &str) -> Redactor {
    let mut redactor = Redactor::new();
    redactor.learn(&[secret("password", value)]);
    redactor
}

#[test]
fn values_are_masked_in_every_shape_they_turn_up_in() {
    let redactor = knowing("hunter2-Ω\"x");
    let encode = |text: &str| base64::engine::general_purpose::STANDARD.encode(text);
    for text in [
        "x hunter2-Ω\"x y".to_owned(),
        encode("hunter2-Ω\"x"),
        r#"{"p": "hunter2-Ω\"x"}"#.to_owned(),
        "postgres://u:hunter2%2D%CE%A9%22x@db".to_owned(),
    ] {
        assert!(redactor.text(&text).as_str().contains(MASK), "{text}");
        assert!(!redactor.text(&text).as_str().contains("hunter2"), "{text}");
    }
    for before in ["", "a", "ab", "user:"] {
        let login = encode(&format!("{before}hunter2-Ω\"x@"));
        assert!(redactor.text(&login).as_str().contains(MASK), "{login}");
    }
}

#[test]
fn an_encoding_that_reads_as_a_number_is_masked() {
    let redactor = knowing("X GNaRgDrCptYbGTw");
    assert_eq!(redactor.text("a: 5820474E61526744724370745962475477").as_str(), format!("a: {MASK}"));
}

#[test]
fn what_is_secret_in_a_kubeconfig_is_learned_alone() {
    let kubeconfig =
        r#"{"kind": "Config", "users": [{"name": "it", "user": {"token": "job-4a4d4457", "exec": null}}]}"#;
    let encoded = base64::engine::general_purpose::STANDARD.encode(kubeconfig);
    for text in [kubeconfig, encoded.as_str()] {
        let mut redactor = Redactor::new();
        redactor.learn_secret(&Secret::new(text));
        assert_eq!(redactor.text("a: x-job-4a4d4457-x"), format!("a: x-{MASK}-x").as_str());
    }
}

#[test]
fn the_generated_part_of_a_name_is_a_hash_of_values_and_shows_nowhere() {
    let redactor = Redactor::new();
    for (said, shown) in [
        ("`Secret creds-2456789bcd` is not there", "`Secret creds-<hash>` is not there"),
        ("Secret shop/creds-2456789bcd in prod", "Secret shop/creds-<hash> in prod"),
        ("apply/prod/web/Secret shop/creds-2456789bcd", "apply/prod/web/Secret shop/creds-<hash>"),
        ("Secret creds-2456789bcde", "Secret creds-2456789bcde"),
        ("ConfigMap creds-2456789bcd", "ConfigMap creds-2456789bcd"),
    ] {
        let operation = crate::operation::Operation::planned(crate::operation::Verb::Apply, said, said);
        assert_eq!(redactor.operation(operation.clone()).key, shown);
        assert_eq!(redactor.operation(operation).target, shown);
    }
}

#[test]
fn nothing_is_told_by_the_column_behind_a_value() {
    let text = "{apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {pin: '123'}, dta: 1}\n";
    let source = crate::manifest::Source::new("a.yaml", text);
    let objects =
        crate::manifest::objects(&source, crate::manifest::Dialect::Kubectl, &crate::manifest::yaml::Budget::default())
            .0;
    let mut redactor = Redactor::new();
    redactor.learn(&objects);
    let column = |pointer| redactor.place_of(objects[0].value().origin_at(pointer).unwrap()).column;
    assert_eq!([column("/kind"), column("/stringData/pin"), column("/dta")], [Some(24), Some(71), None]);
}

#[test]
fn overlapping_and_adjacent_values_become_one_mask() {
    let mut redactor = knowing("hunter2-abc");
    redactor.learn_secret(&Secret::new("abc-defghi"));
    assert_eq!(redactor.text("x hunter2-abc-defghi y"), format!("x {MASK} y").as_str());
    assert_eq!(redactor.text("hunter2-abchunter2-abc"), MASK);
}

#[test]
fn numbers_booleans_short_values_and_object_names_are_left() {
    for value in ["12345678", "true", "short"] {
        assert_eq!(knowing(value).text(&format!("a {value} b")), format!("a {value} b").as_str());
    }
    assert_eq!(knowing("creds-2456789bcd").text("envFrom creds"), "envFrom creds");
    assert_eq!(knowing("password").text("password: x"), "password: x", "a placeholder equal to its key");
}

#[test]
fn generated_names_of_secrets_show_no_hash() {
    assert_eq!(knowing("hunter2").text("name: creds-2456789bcd"), "name: creds-<hash>");
    assert_eq!(generated_name("web-9bfbmfgt2f"), Some(("web", "9bfbmfgt2f")));
    assert_eq!(generated_name("web-controller"), None);
}

#[test]
fn masks_by_place_need_no_learning() {
    let applied = map([("kubectl.kubernetes.io/last-applied-configuration", "{}"), ("checksum/config", "abc")]);
    let object = Object::new(map([
        ("apiVersion", Value::from("v1")),
        ("kind", "Secret".into()),
        ("metadata", map([("annotations", applied)])),
        ("data", map([("a", "YQ==")])),
        ("stringData", map([("b", "")])),
        ("note", "ENC[AES256_GCM,data:x,iv:y,tag:z,type:str]".into()),
    ]))
    .unwrap();
    let view = Redactor::new().redact_object(&object);
    for pointer in ["/data/a", "/stringData/b", "/note", "/metadata/annotations/checksum~1config"] {
        assert_eq!(view.value().at(pointer).unwrap().as_str(), Some(MASK), "{pointer}");
    }
}

#[test]
fn a_malformed_secret_is_masked_whole() {
    let object = Object::new(map([("apiVersion", "v1"), ("kind", "Secret"), ("data", "plain")])).unwrap();
    assert_eq!(Redactor::new().redact_object(&object).value().get("data").unwrap().as_str(), Some(MASK));
}

#[test]
fn a_finding_in_secret_data_quotes_nothing() {
    let object = secret("password", "hunter2");
    let finding = Finding::error("schema", "`data.pin` must be a string, got \"x1\"")
        .pointer("/data/pin")
        .about(object.reference())
        .at(Place { excerpt: None, ..Place::at("a.yaml", 3, 2) });
    let shown = Redactor::new().finding(finding);
    assert!(!shown.message.contains("x1"), "{}", shown.message);
    assert_eq!(shown.object.unwrap().name, "creds-<hash>");
}

/// What may be left unread teaches nothing, however the names of kinds and keys are written.
#[test]
fn a_text_that_teaches_a_value_is_one_to_learn_from() {
    use crate::manifest::{Budget, Dialect, Source, objects};
    let secret = |kind: &str| format!("apiVersion: v1\nkind: {kind}\nstringData: {{password: c0rrect-Horse7}}\n");
    let release = |kind: &str, fields: &str| format!("apiVersion: x.example.com/v1\nkind: {kind}\nspec: {fields}\n");
    let helm = "helm: {valuesObject: {password: c0rrect-Horse7}}";
    let texts = [
        secret("Secret"),
        secret("'Secret'"),
        secret("\"S\\x65cret\""),
        secret("!!binary U2VjcmV0"),
        secret("!<tag:yaml.org,2002:binary> U2VjcmV0"),
        secret("|-\n  Secret"),
        secret("\"Sec\\\n  ret\""),
        secret("&kind Secret"),
        "{\"apiVersion\":\"v1\",\"kind\":\"\\u0053ecret\",\"stringData\":{\"password\":\"c0rrect-Horse7\"}}".to_owned(),
        format!("apiVersion: v1\nkind: List\nitems:\n- {}", secret("Secret").replace('\n', "\n  ")),
        "apiVersion: v1\nkind: SecretList\nitems: [{stringData: {password: c0rrect-Horse7}}]\n".to_owned(),
        format!("apiVersion: v1\nkind: Pod\nspec:\n  any:\n  - {}", secret("Secret").replace('\n', "\n    ")),
        release("HelmRelease", "{values: {password: c0rrect-Horse7}}"),
        release("HelmChart", "{set: {password: c0rrect-Horse7}}"),
        release("HelmChartConfig", "{valuesContent: \"password: c0rrect-Horse7\"}"),
        release("Application", &format!("{{source: {{{helm}}}}}")),
        release("ApplicationSet", &format!("{{template: {{spec: {{sources: [{{{helm}}}]}}}}}}")),
        "apiVersion: v1\nkind: Pod\nmetadata:\n  annotations:\n    kubectl.kubernetes.io/last-applied-configuration: |\n      \
         {\"kind\": \"Secret\", \"stringData\": {\"password\": \"c0rrect-Horse7\"}}\n"
            .to_owned(),
    ];
    for text in texts {
        for dialect in [Dialect::Kubectl, Dialect::Kustomize] {
            let (objects, findings) = objects(&Source::new("a.yaml", text.as_str()), dialect, &Budget::default());
            assert!(findings.iter().all(|finding| finding.rule != "yaml-syntax"), "{text}");
            let mut redactor = Redactor::new();
            redactor.learn(&objects);
            // kustomize refuses some of these tags, and then there is nothing to learn.
            let learned = redactor.text("c0rrect-Horse7") == *MASK;
            assert!(learned || dialect == Dialect::Kustomize, "not learned from:\n{text}");
            assert_eq!(learned, redactor.has_learned(), "{text}");
            assert!(!learned || Redactor::may_learn_from(&text), "{text}");
        }
    }
    assert!(!Redactor::may_learn_from("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: web, labels: {by: Helm}}\n"));
}
