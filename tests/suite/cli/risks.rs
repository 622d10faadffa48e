//! Risks of a change as a person sees, weighs and silences them.

use super::place::Place;
use serde_json::Value as Json;

const CLAIM: &str = "apiVersion: v1
kind: PersistentVolumeClaim
metadata:
  name: NAME
  annotations: {ANNOTATIONS}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
";

fn claim(name: &str, annotations: &str) -> String {
    CLAIM.replace("NAME", name).replace("ANNOTATIONS", annotations)
}

/// A shop with its configuration and two claims, committed.
fn shop(configuration: &str) -> Place {
    let place = Place::empty();
    place
        .checkout
        .write("mergeline.yaml", format!("version: 1\nenvironments: {{prod: {{source: 'apps/*'}}}}\n{configuration}"));
    place.checkout.write("apps/web/deployment.yaml", super::place::DEPLOYMENT);
    place.checkout.write("apps/db/kept.yaml", claim("kept", "ignore.mergeline.dev/deletion: moved to the vault"));
    place.checkout.write("apps/db/data.yaml", claim("data", ""));
    place.checkout.write("apps/db/more.yaml", claim("more", ""));
    place.checkout.commit("first");
    place
}

fn remove(place: &Place, file: &str) {
    std::fs::remove_file(place.checkout.path.join(file)).unwrap();
}

/// The findings of a rule, as `object: message`.
fn told(report: &Json, rule: &str) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter().filter(|finding| finding["rule"] == rule);
    findings
        .map(|it| format!("{}: {}", it["object"]["name"].as_str().unwrap_or("-"), it["message"].as_str().unwrap()))
        .collect()
}

fn silenced(report: &Json) -> Vec<String> {
    let silenced = report["silenced"].as_array().unwrap().iter();
    silenced.map(|it| format!("{} {} {}", it["finding"]["rule"], it["by"], it["reason"]).replace('"', "")).collect()
}

#[test]
fn what_goes_away_is_silenced_by_the_annotation_that_it_had() {
    let place = shop("");
    remove(&place, "apps/db/kept.yaml");
    remove(&place, "apps/db/data.yaml");
    let report = place.run(&["review", "-o", "json"]).exits(0).json();
    let gone = told(&report, "deletion");
    assert_eq!(gone.len(), 1, "{gone:?}");
    assert!(gone[0].starts_with("data: "), "{gone:?}");
    assert_eq!(silenced(&report), ["deletion annotation moved to the vault"]);
    let said = place.run(&["review"]).exits(0);
    assert!(said.out.contains("apps/db/data.yaml:1:1 it stands here before the change"), "{}", said.out);
    assert!(
        said.out.contains("`deletion` of `PersistentVolumeClaim kept` by an annotation: moved to the vault"),
        "{}",
        said.out
    );
}

#[test]
fn a_wish_that_comes_with_the_change_is_counted_and_marked() {
    let place = shop("");
    place.change("apps/web/deployment.yaml", "replicas: 2", "replicas: 0 # mergeline: ignore scaled-to-zero at night");
    place.change(
        "apps/web/deployment.yaml",
        "metadata: {name: web}",
        "metadata: {name: web, annotations: {ignore.mergeline.dev/privilege: it must}}",
    );
    place.change("apps/web/deployment.yaml", "    spec:\n", "    spec:\n      hostNetwork: true\n");
    let report = place.run(&["review", "-o", "json"]).exits(0).json();
    assert_eq!(told(&report, "scaled-to-zero"), [""; 0]);
    let mut silenced = silenced(&report);
    silenced.sort();
    assert_eq!(
        silenced,
        [
            "privilege annotation it must (added by this change)",
            "scaled-to-zero comment at night (added by this change)"
        ]
    );
    let comment = place.run(&["review", "-o", "markdown"]).exits(0);
    assert!(
        comment.out.contains("<b>Silenced</b> · 2") && comment.out.contains("added by this change"),
        "{}",
        comment.out
    );
}

#[test]
fn a_wish_without_a_reason_or_a_rule_does_nothing_and_is_told() {
    let place = shop("");
    place.change(
        "apps/web/deployment.yaml",
        "metadata: {name: web}",
        "metadata: {name: web, annotations: {ignore.mergeline.dev/privilege: '', ignore.mergeline.dev/privileges: 'no'}}",
    );
    place.change("apps/web/deployment.yaml", "    spec:\n", "    spec:\n      hostNetwork: true\n");
    let report = place.run(&["review", "-o", "json"]).exits(0).json();
    assert_eq!(told(&report, "privilege").len(), 1);
    let wrong = told(&report, "ignore-comment").join("\n");
    assert!(
        wrong.contains("ignoring `privilege` needs a reason") && wrong.contains("there is no rule `privileges`"),
        "{wrong}"
    );
}

#[test]
fn a_change_cannot_switch_off_its_own_risks() {
    let place = shop("validate: {rules: {exposure: {level: off, reason: tested elsewhere}}}\n");
    place.change("mergeline.yaml", "exposure: {level: off, reason: tested elsewhere}", "deletion: off");
    place.change("mergeline.yaml", "validate:", "review: {thresholds: {deletions: 1000}}\nvalidate:");
    remove(&place, "apps/db/data.yaml");
    place.checkout.write("apps/web/service.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}\n");
    let report = place.run(&["review", "-o", "json"]).exits(0).json();
    assert_eq!(told(&report, "deletion").len(), 1);
    assert_eq!(silenced(&report), ["exposure configuration tested elsewhere"]);
}

#[test]
fn thresholds_and_weights_are_those_of_the_configuration() {
    let place = shop("review: {thresholds: {deletions: 2}}\nvalidate: {rules: {blast-radius: error}}\n");
    remove(&place, "apps/db/data.yaml");
    place.run(&["review"]).exits(0);
    remove(&place, "apps/db/more.yaml");
    let report = place.run(&["review", "-o", "json"]).exits(1).json();
    let reach = told(&report, "blast-radius");
    assert_eq!(reach, ["-: this changes 2 objects of 1 units at once, 2 of them deleted or replaced, where 3 were"]);
    // Half of what is there is much, however little that is.
    let place = shop("");
    for file in ["kept", "data", "more"] {
        remove(&place, &format!("apps/db/{file}.yaml"));
    }
    let report = place.run(&["review", "-o", "json"]).exits(0).json();
    assert_eq!(told(&report, "blast-radius").len(), 1);
}

#[test]
fn wrong_settings_are_told_with_their_place() {
    let place = shop("review: {secret-paths: [nothing], thresholds: {unit: 3}}\n");
    let said = place.run(&["review"]).exits(2);
    assert!(said.err.contains("unit"), "{}", said.err);
    let place = shop("review: {secret-paths: [nothing]}\n");
    let said = place.run(&["review"]).exits(2);
    assert!(said.err.contains("the secret path `nothing` is none"), "{}", said.err);
}
