//! `validate.schemas`, `--schema`, `--unknown`, `--kubernetes` and `mergeline schema pull`, as a person uses them.

use super::hosted::kubeconfig;
use super::place::{Place, definition};
use serde_json::json;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

const THING: &str = "\
apiVersion: example.com/v1
kind: Thing
metadata: {name: one}
spec:
  size: large
";

/// A JSON Schema of it, in which the size is a number.
const SCHEMA: &str = r##"{
  "$schema": "http://json-schema.org/draft-07/schema#",
  "type": "object",
  "properties": {
    "apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"type": "object"},
    "spec": {"$ref": "#/definitions/spec"}
  },
  "definitions": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}, "additionalProperties": false}}
}"##;

/// What a definition of it says of its `spec`.
const SIZED: &str = "{type: object, properties: {size: {type: integer}}}";

const WRONG: &str = "app/thing.yaml:5:9";
const MUST: &str = "`spec.size` must be an integer, got string \"large\"";

fn place() -> Place {
    let place = Place::empty();
    place.checkout.write("app/thing.yaml", THING);
    place
}

fn configured(schemas: &str) -> Place {
    let place = place();
    let text =
        format!("version: 1\nenvironments:\n  dev: {{source: app}}\nvalidate:\n  schemas:\n    - \"{schemas}\"\n");
    place.checkout.write("mergeline.yaml", text);
    place
}

#[test]
fn a_kind_that_nothing_is_known_of_weighs_what_a_person_says() {
    let place = place();
    let said = place.run(&["validate"]).exits(0);
    assert!(said.out.contains("warning[unknown-kind]") && said.out.contains("no schema is known"), "{}", said.out);
    let said = place.run(&["validate", "--unknown", "fail"]).exits(1);
    assert!(said.out.contains("error[unknown-kind]"), "{}", said.out);
    let said = place.run(&["validate", "--unknown", "ignore"]).exits(0);
    assert!(!said.out.contains("[unknown-kind]"), "{}", said.out);
    let json = place.run(&["validate", "--unknown", "ignore", "-o", "json"]).exits(0).json();
    assert_eq!(json["counts"]["objects"]["unchecked"][0]["count"], 1, "counted all the same: {json}");
    place
        .checkout
        .write("mergeline.yaml", "version: 1\nenvironments:\n  dev: {source: app}\nvalidate: {unknown: fail}\n");
    place.run(&["validate"]).exits(1);
    place.run(&["validate", "--unknown", "warn"]).exits(0);
}

#[test]
fn files_folders_patterns_and_templates_hold_schemas() {
    let named = SCHEMA.replacen(
        "{\"type\": \"string\"}, \"kind\": {\"type\": \"string\"}",
        "{\"const\": \"example.com/v1\"}, \"kind\": {\"const\": \"Thing\"}",
        1,
    );
    for (path, text, location) in [
        ("schemas/thing.json", named.as_str(), "schemas/thing.json"),
        ("schemas/thing.json", named.as_str(), "schemas"),
        ("schemas/thing.json", named.as_str(), "schemas/*.json"),
        (
            "schemas/example.com/thing_v1.json",
            SCHEMA,
            "schemas/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json",
        ),
        (
            "k/v1.34.0-standalone-strict/thing-example-v1.json",
            SCHEMA,
            "k/{{ .NormalizedKubernetesVersion }}-standalone{{ .StrictSuffix }}/{{ .ResourceKind }}{{ .KindSuffix }}.json",
        ),
    ] {
        let place = configured(location);
        place.checkout.write(path, text);
        let said = place.run(&["validate", "--kubernetes", "1.34"]).exits(1);
        assert!(said.out.contains(WRONG) && said.out.contains(MUST), "{location}: {}", said.out);
        assert!(!said.out.contains("unknown-kind"), "{location}: {}", said.out);
    }
    let place = self::place();
    place.checkout.write("elsewhere/example.com/thing.json", SCHEMA);
    let said = place.run(&["validate", "--schema", "elsewhere/{{.Group}}/{{.ResourceKind}}.json"]).exits(1);
    assert!(said.out.contains(WRONG) && said.out.contains(MUST), "{}", said.out);
}

#[test]
fn a_location_that_is_wrong_is_told_at_its_line() {
    for (location, why) in [
        ("schemas/none.json", "warning[schema-source]: the location `schemas/none.json` of schemas matches nothing"),
        ("../x.json", "is no path from the root of the repository"),
        ("{{.Grupp}}.json", "known are `{{.NormalizedKubernetesVersion}}`"),
        ("https://user:pw@example.com/x.json", "holds a user or password"),
    ] {
        let said = configured(location).run(&["validate"]);
        assert!(said.out.contains(why) && said.out.contains("mergeline.yaml:6:7"), "{location}: {}", said.out);
    }
    let place = configured("schemas/broken.json");
    place.checkout.write("schemas/broken.json", "{\n  \"type\": oops\n}");
    let said = place.run(&["validate"]).exits(1);
    assert!(said.out.contains("error[schema-source]") && said.out.contains("schemas/broken.json:2"), "{}", said.out);
}

#[test]
fn definitions_are_known_from_another_unit_and_from_files_that_are_not_rendered() {
    let place = place();
    place.checkout.write("crds/thing.yaml", definition("Thing", SIZED));
    let said = place.run(&["validate"]).exits(1);
    assert!(said.out.contains(WRONG) && said.out.contains(MUST), "{}", said.out);
    place.checkout.write("mergeline.yaml", "version: 1\nenvironments:\n  dev: {source: app}\n");
    let said = place.run(&["validate"]).exits(1);
    assert!(said.out.contains(WRONG) && said.out.contains(MUST), "{}", said.out);
}

/// Gives the schema for each path that ends as it should, and counts requests by its file of them.
fn server() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 4096];
            let read = stream.read(&mut request).unwrap_or_default();
            let is_thing = String::from_utf8_lossy(&request[..read]).starts_with("GET /example.com/thing_v1.json ");
            let (status, body) = if is_thing { ("200 OK", SCHEMA) } else { ("404 Not Found", "") };
            let head = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    address
}

#[test]
fn a_schema_is_downloaded_where_the_configuration_names_its_address_and_kept() {
    let address = server();
    let place = configured(&format!("{address}/{{{{.Group}}}}/{{{{.ResourceKind}}}}_{{{{.ResourceAPIVersion}}}}.json"));
    let said = place.run(&["validate"]).exits(1);
    assert!(said.out.contains(WRONG) && said.out.contains(MUST), "{}", said.out);
    let cache = place.beside("home").join(".cache/mergeline/downloads/sha256");
    assert_eq!(std::fs::read_dir(cache).unwrap().count(), 1);

    // A server that is not there: the kind is not checked, and that is said.
    let place = configured("http://127.0.0.1:1/{{.Group}}/{{.ResourceKind}}.json");
    let said = place.run(&["validate"]).exits(0);
    assert!(said.out.contains("warning[schema-source]: a schema is missing: cannot download"), "{}", said.out);
    assert!(said.out.contains("warning[unknown-kind]"), "{}", said.out);
    place.run(&["validate", "--unknown", "fail"]).exits(1);
}

#[test]
fn each_environment_is_judged_by_its_own_version() {
    let place = Place::empty();
    place.checkout.write("app/policy.yaml", "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {name: x}\nspec: {matchConstraints: {resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments]}]}, validations: [{expression: \"true\"}]}\n");
    let two = "version: 1\nkubernetes: \"1.30\"\nenvironments:\n  dev: {source: app}\n  old: {source: app, kubernetes: \"1.29.4\"}\n";
    place.checkout.write("mergeline.yaml", two);
    let said = place.run(&["validate"]).exits(1);
    assert!(said.out.contains("Kubernetes 1.29 does not serve"), "{}", said.out);
    assert!(said.out.contains("rendered into: old") && !said.out.contains("Kubernetes 1.30 does not"), "{}", said.out);
    place.run(&["validate", "--kubernetes", "1.30.2"]).exits(0);
}

#[test]
fn a_version_that_is_not_bundled_is_an_error_with_those_that_are() {
    let place = place();
    let said = place.run(&["validate", "--kubernetes", "1.99"]).exits(2);
    assert!(said.err.contains("no schemas are bundled for Kubernetes `1.99`"), "{}", said.err);
    assert!(said.err.contains("newer than this Mergeline") && said.err.contains("1.29, 1.30"), "{}", said.err);
    place.checkout.write("mergeline.yaml", "version: 1\nkubernetes: \"1.12\"\nenvironments:\n  dev: {source: app}\n");
    let said = place.run(&["validate"]).exits(1);
    assert!(said.out.contains("error[kubernetes-version]") && said.out.contains("mergeline.yaml:2:13"), "{}", said.out);
    assert!(said.out.contains("known are 1.29, 1.30"), "{}", said.out);
}

#[test]
fn schemas_are_pulled_from_a_cluster_and_judge_its_custom_resources() {
    let place = configured("schemas/cluster.json");
    let state = place.beside("cluster").join("state.json");
    let served = json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "things.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced",
            "names": {"kind": "Thing", "listKind": "ThingList", "plural": "things", "singular": "thing"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema":
                {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}}}}}}}]},
        "status": {"conditions": [{"type": "Established", "status": "True"}]},
    });
    std::fs::write(
        &state,
        json!({"version": 1, "revision": 1, "serial": 1, "ticks": 1, "stuck": [], "objects": [served]}).to_string(),
    )
    .unwrap();
    let config = place.beside("cluster").join("kubeconfig");
    std::fs::write(&config, kubeconfig(&format!("memory://{}", state.display()), "token")).unwrap();
    std::fs::create_dir_all(place.checkout.path.join("schemas")).unwrap();
    let config = config.to_str().unwrap();
    let said = place.run(&["schema", "pull", "--kubeconfig", config, "--output", "schemas/cluster.json"]).exits(0);
    assert!(said.err.contains("1 kinds of a cluster of Kubernetes 1.36"), "{}", said.err);
    let said = place.run(&["validate"]).exits(1);
    assert!(said.out.contains(WRONG) && said.out.contains(MUST), "{}", said.out);
    assert!(place.run(&["schema", "pull", "--kubeconfig", config]).exits(0).out.contains("\"kind\": \"Thing\""));
    let missing = place.run(&["schema", "pull"]).exits(2);
    assert!(missing.err.contains("cannot read the kubeconfig"), "{}", missing.err);
}
