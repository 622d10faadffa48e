//! `mergeline validate` and `mergeline render`.

use super::place::{self, DEPLOYMENT, Place, definition};
use std::ffi::OsString;

#[test]
fn every_unit_of_the_repository_is_judged_and_the_version_is_said() {
    let said = Place::plain().run(&["validate"]).exits(0);
    assert!(said.out.contains("2 objects rendered and checked against Kubernetes 1."), "{}", said.out);
}

#[test]
fn standard_input_is_judged_at_its_lines() {
    let place = Place::plain();
    let input = DEPLOYMENT.replace("replicas: 2", "replicas: three");
    let said = place.run_in(&place.beside("elsewhere"), &["validate", "-"], &input).exits(1);
    assert!(said.out.contains("--> stdin:5:13"), "{}", said.out);
}

#[test]
fn folders_outside_of_a_repository_are_judged_with_paths_as_the_person_sees_them() {
    let place = Place::empty();
    let folder = place.beside("elsewhere");
    std::fs::create_dir_all(folder.join("deep/.hidden")).unwrap();
    std::fs::write(folder.join("deep/web.yml"), DEPLOYMENT.replace("replicas: 2", "replicas: three")).unwrap();
    std::fs::write(folder.join("deep/.hidden/web.yml"), "a: [").unwrap();
    for path in ["deep", ".", "deep/web.yml"] {
        let said = place.run_in(&folder, &["validate", path], "").exits(1);
        assert!(said.out.contains("--> deep/web.yml:5:13"), "{path}: {}", said.out);
        assert!(said.out.contains("1 object rendered"), "{path}: {}", said.out);
    }
}

#[test]
fn definitions_beside_the_objects_count() {
    let place = Place::plain();
    let spec = "{type: object, properties: {size: {type: integer}}}";
    place.checkout.write("crds/widget.yaml", definition("Widget", spec));
    let widget = "{apiVersion: example.com/v1, kind: Widget, metadata: {name: a}, spec: {size: big}}\n";
    place.checkout.write("widgets/a.yaml", widget);
    let said = place.run(&["validate", "widgets"]).exits(1);
    assert!(said.out.contains("`spec.size` must be an integer"), "{}", said.out);
    assert!(said.out.contains("1 object rendered and checked"), "{}", said.out);
}

#[test]
fn rendering_prints_the_objects_and_what_is_wrong_goes_to_standard_error() {
    let place = Place::plain();
    let said = place.run(&["render", "api"]).exits(0);
    assert!(said.out.starts_with("apiVersion: v1\n"), "{}", said.out);
    assert_eq!(said.err, "");
    place.checkout.write("api/broken.yaml", "apiVersion: v1\nkind: [\n");
    let said = place.run(&["render", "api"]).exits(1);
    assert_eq!(said.out, "");
    assert!(said.err.contains("api/broken.yaml"), "{}", said.err);
}

#[test]
fn an_overlay_outside_of_a_repository_renders_with_its_base() {
    let Some(place) = Place::shop() else { return };
    let folder = place.beside("elsewhere");
    std::fs::rename(place.checkout.path.join("apps"), folder.join("apps")).unwrap();
    let overlay = folder.join("apps/web/overlays/dev");
    let said = place.run_in(&overlay, &["render"], "").exits(0);
    assert!(said.out.contains("namespace: shop-dev"), "{}", said.out);
    let said = place.run_in(&folder, &["validate", "apps/web/overlays/dev"], "").exits(0);
    assert!(said.out.contains("3 objects rendered and checked"), "{}", said.out);
}

const BROKEN: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nsurprise: 1\n";

#[test]
fn every_format_goes_to_its_file_in_one_run() {
    let place = Place::plain();
    place.change("web/deployment.yaml", "replicas: 2", "replicas: three");
    let formats = ["json", "sarif", "junit", "gitlab", "github", "markdown"];
    let outputs: Vec<String> = formats.iter().map(|format| format!("--output={format}=report.{format}")).collect();
    for command in ["validate", "review"] {
        let mut arguments = vec![command, "--output=text"];
        arguments.extend(outputs.iter().map(String::as_str));
        let said = place.run(&arguments).exits(1);
        assert!(said.out.contains("error[schema]"), "{}", said.out);
        let read =
            |format: &str| std::fs::read_to_string(place.checkout.path.join(format!("report.{format}"))).unwrap();
        let sarif: serde_json::Value = serde_json::from_str(&read("sarif")).unwrap();
        let result = &sarif["runs"][0]["results"][0];
        assert_eq!(result["ruleId"], "schema", "{command}");
        assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], 5);
        let quality: serde_json::Value = serde_json::from_str(&read("gitlab")).unwrap();
        assert_eq!(quality[0]["location"]["path"], "web/deployment.yaml");
        assert_eq!(result["partialFingerprints"]["mergeline/v1"], quality[0]["fingerprint"]);
        assert!(read("junit").contains("<failure type=\"error\""));
        assert!(read("github").starts_with("::error file=web/deployment.yaml,line=5,"));
        assert!(read("markdown").contains("**Error**"));
        formats
            .iter()
            .for_each(|format| std::fs::remove_file(place.checkout.path.join(format!("report.{format}"))).unwrap());
    }
}

#[test]
fn what_a_comment_silences_is_counted_and_told() {
    let place = Place::plain();
    let text = BROKEN.replace("surprise: 1", "surprise: 1 # mergeline: ignore unknown-field a webhook knows it");
    place.checkout.write("api/a.yaml", text);
    let said = place.run(&["validate"]).exits(0);
    assert!(
        said.out.contains("silenced: `unknown-field` at api/a.yaml:4:1 by a comment: a webhook knows it"),
        "{}",
        said.out
    );
    assert!(said.out.contains("pass: 1 silenced finding"), "{}", said.out);
    let json = place.run(&["validate", "--output", "json"]).exits(0).json();
    assert_eq!(json["silenced"][0]["by"], "comment");
    let review = place.run(&["review", "--output", "markdown"]).exits(0);
    assert!(review.out.contains("<b>Silenced</b>"), "{}", review.out);
}

#[test]
fn configuration_silences_rules_and_a_change_cannot_do_so_for_itself() {
    let place = Place::plain();
    let config = "version: 1\nenvironments: {dev: {source: \"*\"}}\n";
    place.checkout.write("mergeline.yaml", config);
    place.checkout.commit("configure");
    place.checkout.write("api/a.yaml", BROKEN);
    place.run(&["validate"]).exits(1);
    place.checkout.write("mergeline.yaml", format!("{config}validate: {{rules: {{unknown-field: off}}}}\n"));
    let said = place.run(&["validate"]).exits(0);
    assert!(said.out.contains("silenced: `unknown-field` by `validate.rules`"), "{}", said.out);
    // The working tree is trusted by who stands in it; a review goes by the branch that the change is for.
    let said = place.run(&["review"]).exits(1);
    assert!(said.out.contains("error[unknown-field]"), "{}", said.out);
}

#[test]
fn a_rule_is_explained_without_a_network_and_a_slip_in_its_name_is_told() {
    let place = Place::empty();
    let said = place.run(&["validate", "--explain", "absent-secret"]).exits(0);
    assert!(said.out.starts_with("absent-secret (warning, can be silenced)\n\nA pod or Ingress names"), "{}", said.out);
    let said = place.run(&["validate", "--explain", "absent-secrets"]).exits(2);
    assert!(said.err.contains("did you mean `absent-secret`?"), "{}", said.err);
}

#[test]
fn what_a_unit_refers_to_is_looked_for_in_the_whole_repository() {
    let place = Place::plain();
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: b, envFrom: [{configMapRef: {name: settings}}]}]}\n";
    place.checkout.write("job/pod.yaml", pod);
    let said = place.run(&["validate"]).exits(0);
    assert!(said.out.contains("warning[absent-config-map]"), "{}", said.out);
    // A file alone may be a part of something.
    assert!(!place.run(&["validate", "job/pod.yaml"]).exits(0).out.contains("absent-config-map"));
    place.checkout.write("other/settings.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: settings}}\n");
    assert!(!place.run(&["validate"]).exits(0).out.contains("absent-config-map"));
}

#[test]
fn kubeconforms_flags_are_taken() {
    let place = Place::empty();
    let run = |arguments: &[&str], input: &str| {
        let mut all = vec!["validate"];
        all.extend(arguments);
        place.run_in(&place.beside("elsewhere"), &all, input)
    };
    let flags = [
        "-strict",
        "-summary",
        "-verbose",
        "-n",
        "8",
        "-exit-on-error",
        "-cache",
        "/tmp",
        "-schema-location",
        "default",
    ];
    let mut arguments = flags.to_vec();
    arguments.extend(["-kubernetes-version", "1.34.0", "-output", "json", "-"]);
    let report = run(&arguments, BROKEN).exits(1).json();
    assert_eq!(report["findings"][0]["rule"], "unknown-field");
    let widget = "{apiVersion: example.com/v1, kind: Widget, metadata: {name: a}}\n";
    run(&["-fail-on", "warning", "-"], widget).exits(2);
    run(&["--fail-on", "warning", "-"], widget).exits(1);
    run(&["-ignore-missing-schemas", "--fail-on", "warning", "-"], widget).exits(0);
    let said = run(&["-skip", "Job,v1/ConfigMap", "-"], BROKEN).exits(0);
    assert!(said.out.contains("not checked: 1 v1 ConfigMap (skipped by `--skip`)"), "{}", said.out);
    let said = run(&["-reject", "ConfigMap", "-"], "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n").exits(1);
    assert!(said.out.contains("error[rejected-kind]"), "{}", said.out);
    for (arguments, hint) in [
        (&["-insecure-skip-tls-verify", "-"][..], "nothing is fetched"),
        (&["-output", "tap", "-"], "junit"),
        (&["-kubernetes-version", "1.2.3", "-"], "bundled"),
    ] {
        let said = run(arguments, BROKEN).exits(2);
        assert!(said.err.contains(hint), "{}", said.err);
    }
}

#[test]
fn patterns_and_ignored_files_are_told_apart_from_what_was_named() {
    let place = Place::plain();
    place.checkout.write("k8s/good.yaml", BROKEN.replace("surprise: 1\n", ""));
    place.checkout.write("k8s/deep/bad.yaml", BROKEN);
    place.checkout.write("k8s/.mergelineignore", "deep/\n");
    for pattern in ["k8s/*.yaml", "k8s/**/*.yaml", "k8s"] {
        assert!(place.run(&["validate", pattern]).exits(0).out.contains("1 object rendered"), "{pattern}");
    }
    place.run(&["validate", "k8s/deep/bad.yaml"]).exits(1);
    place.run(&["validate", "k8s/*.toml"]).exits(3);
    place.checkout.write("k8s/.mergelineignore", "");
    place.run(&["validate", "k8s/**/*.yaml"]).exits(1);
    place.run(&["validate", "-ignore-filename-pattern", "deep/.*", "k8s"]).exits(0);
}

#[test]
fn what_reading_finds_is_silenced_like_any_rule() {
    let cases = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/validate");
    let silenceable = ["boolean-key", "number-key", "merge-override"];
    let text = |rule: &str| {
        let mut files = std::fs::read_dir(cases.join(rule)).unwrap().map(|entry| entry.unwrap().path());
        let file = files.find(|file| file.extension().is_some_and(|extension| extension == "yaml")).unwrap();
        std::fs::read_to_string(file).unwrap()
    };
    let said = |place: &Place, of: &str| -> Vec<String> {
        let report = place.run(&["validate", "maps", "-o", "json"]).exits(0).json();
        let findings = report[of].as_array().unwrap().iter();
        // A silenced one holds the finding.
        let rule = |finding: &serde_json::Value| {
            let rule = finding["rule"].as_str().or_else(|| finding["finding"]["rule"].as_str());
            rule.unwrap().to_owned()
        };
        findings.map(rule).collect()
    };
    let place = Place::empty();
    for rule in silenceable {
        place.checkout.write(&format!("maps/{rule}.yaml"), text(rule));
    }
    let found = said(&place, "findings");
    assert!(silenceable.iter().all(|rule| found.iter().any(|found| found == rule)), "{found:?}");
    for rule in silenceable {
        place
            .checkout
            .write(&format!("maps/{rule}.yaml"), format!("# mergeline: ignore {rule} it is meant\n{}", text(rule)));
    }
    let (found, silenced) = (said(&place, "findings"), said(&place, "silenced"));
    assert!(!found.iter().any(|found| silenceable.contains(&found.as_str())), "{found:?}");
    assert!(silenceable.iter().all(|rule| silenced.iter().any(|silenced| silenced == rule)), "{silenced:?}");
}

/// Fifty runs by several threads, in folders and on standard input, each in every format.
#[test]
fn fifty_runs_give_the_same_bytes() {
    let place = Place::empty();
    let folder = place.beside("fleet");
    for n in 0..24 {
        let app = folder.join(format!("app-{n}"));
        std::fs::create_dir_all(&app).unwrap();
        let broken = DEPLOYMENT.replace("replicas: 2", &format!("replicas: three\n  odd-{n}: 1"));
        std::fs::write(app.join("web.yaml"), if n % 3 == 0 { &broken } else { DEPLOYMENT }).unwrap();
        let more = format!(
            "{BROKEN}---\n{BROKEN}---\napiVersion: kind-{}.example/v1\nkind: Odd\nmetadata: {{name: o}}\n---\na: [{}\n",
            n % 5,
            if n % 4 == 0 { "" } else { "]" }
        );
        std::fs::write(app.join("more.yaml"), more).unwrap();
    }
    let stream: String = (0..24)
        .map(|n| format!("{}---\n{BROKEN}---\n", DEPLOYMENT.replace("web", &format!("web-{}", n % 20))))
        .collect();
    let formats = ["json", "sarif", "junit", "gitlab", "github", "markdown", "html", "text"];
    let variables = |threads: usize| {
        let home: OsString = place.beside("home").into();
        [("HOME", home), ("SOURCE_DATE_EPOCH", "0".into()), ("RAYON_NUM_THREADS", threads.to_string().into())]
    };
    let mut first: [Option<Vec<String>>; 2] = [None, None];
    for run in 0..50 {
        let out = place.beside(&format!("out-{run}"));
        let outputs: Vec<String> =
            formats.iter().map(|format| format!("--output={format}={}/{format}", out.display())).collect();
        let (target, input) = if run % 5 == 4 { ("-", stream.as_str()) } else { (".", "") };
        let mut arguments = vec!["validate", target, "--output=text"];
        arguments.extend(outputs.iter().map(String::as_str));
        let said = place::run(&folder, &arguments, input, &variables(1 + run % 4)).exits(1);
        let mut bytes = vec![said.out];
        bytes.extend(formats.iter().map(|format| std::fs::read_to_string(out.join(format)).unwrap()));
        let first = &mut first[usize::from(target == "-")];
        assert!(*first.get_or_insert_with(|| bytes.clone()) == bytes, "run {run} differs");
    }
}

/// Documents of a megabyte each: the stream is long enough to be judged in parts, and soon read.
#[test]
fn a_long_stream_is_judged_in_parts_at_its_own_lines() {
    let place = Place::empty();
    let line = "    some text that is of no concern to anybody at all, and so on, and so forth, to the end of it\n";
    let text = line.repeat(9_000);
    let mut stream = String::new();
    for n in 0..11 {
        stream +=
            &format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: map-{n}}}\ndata:\n  text: |\n{text}---\n");
    }
    assert!(stream.len() > 8 << 20);
    let lines = stream.lines().count();
    stream += "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map-0}\nsurprise: 1\n";
    let said = place.run_in(&place.beside("elsewhere"), &["validate", "-"], &stream).exits(1);
    for told in [
        format!("--> stdin:{}:18", lines + 3),
        format!("--> stdin:{}:1", lines + 4),
        "first defined here".to_owned(),
        "stdin:3:18".to_owned(),
        "12 objects rendered and checked".to_owned(),
    ] {
        assert!(said.out.contains(&told), "{told}: {}", said.out);
    }
}
