//! Formats, files, and what must be in none of them.

use super::place::Place;

const FORMATS: [&str; 4] = ["text", "json", "markdown", "github"];

#[test]
fn json_is_what_its_published_schema_says() {
    let place = Place::plain();
    place.change("web/deployment.yaml", "replicas: 2", "replicas: three");
    place.checkout.write("new/widget.yaml", "{apiVersion: example.com/v1, kind: Widget, metadata: {name: a}}\n");
    let schema = place.run(&["schema", "report"]).exits(0).json();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let diff = ["diff", "web/deployment.yaml", "new", "-o", "json"];
    for report in [place.run(&["review", "-o", "json"]), place.run(&["validate", "-o", "json"]), place.run(&diff)] {
        let errors: Vec<String> = validator.iter_errors(&report.json()).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
}

#[test]
fn a_secret_value_is_in_no_output_while_its_change_is() {
    let place = Place::plain();
    let secret = |value: &str| {
        format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: creds}}\nstringData:\n  password: {value}\n")
    };
    let former = "correct-horse-battery";
    let latter = "staple-of-the-realm";
    place.checkout.commit_file("creds/secret.yaml", &secret(former));
    place.checkout.write("creds/secret.yaml", secret(latter));
    // The value elsewhere: in another unit, and where a verdict would quote it.
    place.change("web/deployment.yaml", "replicas: 2", &format!("replicas: {latter}"));
    place.checkout.write(
        "api/map.yaml",
        format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: m}}, data: {{u: 'db://{former}@x'}}}}"),
    );
    // And once more in a Secret that cannot be read.
    place.checkout.write(
        "creds/broken.yaml",
        "apiVersion: v1\nkind: Secret\nstringData:\n  password: never-committed-value: x\n",
    );
    for format in FORMATS {
        for command in ["review", "validate"] {
            let said = place.run(&[command, "-vv", "--output", format]).exits(1);
            for value in [former, latter, "never-committed-value"] {
                assert!(!said.all().contains(value), "{command} {format} shows `{value}`:\n{}", said.all());
            }
        }
    }
    std::fs::remove_file(place.checkout.path.join("creds/broken.yaml")).unwrap();
    let report = place.run(&["review", "-o", "json"]).exits(1).json();
    let changes = report["changes"].as_array().unwrap();
    assert!(changes.iter().any(|change| change["object"]["kind"] == "Secret"), "{report:#}");
}

#[test]
fn each_output_goes_where_it_is_sent() {
    let place = Place::plain();
    place.change("web/deployment.yaml", "replicas: 2", "replicas: three");
    let said = place.run(&["review", "-o", "json=report.json", "-o", "markdown=comment.md", "-o", "github"]).exits(1);
    assert!(said.out.starts_with("::error "), "{}", said.out);
    let read = |name: &str| std::fs::read_to_string(place.checkout.path.join(name)).unwrap();
    assert!(read("report.json").contains("\"verdict\": \"fail\""));
    assert!(read("comment.md").starts_with("### Mergeline: 1 error"));
    let said = place.run(&["review", "-o", "json=nowhere/report.json"]).exits(2);
    assert!(said.err.contains("cannot write"), "{}", said.err);
}

#[test]
fn schemas_and_completions_are_printed() {
    let place = Place::empty();
    let published = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/mergeline.schema.json"));
    assert_eq!(place.run(&["schema", "config"]).exits(0).out, published.unwrap());
    for shell in ["bash", "zsh", "fish"] {
        assert!(place.run(&["completions", shell]).exits(0).out.contains("mergeline"));
    }
    assert!(place.run(&["--version"]).exits(0).out.starts_with("mergeline "));
}
