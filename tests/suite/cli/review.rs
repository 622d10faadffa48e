//! `mergeline review`.

use super::place::{Place, definition};
use serde_json::json;

#[test]
fn nothing_changed_passes_and_says_so() {
    let said = Place::plain().run(&["review"]).exits(0);
    assert!(said.out.contains("nothing changes"), "{}", said.out);
    assert!(said.out.contains("2 units are as before"), "{}", said.out);
}

#[test]
fn a_typo_in_the_working_tree_fails_at_its_line() {
    let place = Place::plain();
    place.change("web/deployment.yaml", "replicas: 2", "replicas: three");
    let said = place.run(&["review"]).exits(1);
    assert!(said.out.contains("--> web/deployment.yaml:5:13"), "{}", said.out);
    assert!(said.out.contains("`spec.replicas` must be an integer, got string \"three\""), "{}", said.out);
    assert!(said.out.contains("-  replicas: 2\n      +  replicas: three"), "{}", said.out);
    place.run(&["review", "--fail-on", "never"]).exits(0);
}

#[test]
fn untracked_files_count_and_only_what_changed_is_looked_at() {
    let place = Place::plain();
    place.checkout.write("new/map.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: new}, data: {a: b}}\n");
    let report = place.run(&["review", "-o", "json"]).exits(0).json();
    let changes = &report["changes"];
    assert_eq!(changes[0]["action"], "create");
    assert_eq!(changes[0]["unit"], "new");
    assert_eq!(changes[1], json!(null));
    assert_eq!(report["counts"]["objects"]["rendered"], 1);
}

#[test]
fn a_branch_is_reviewed_from_where_it_left_the_default_branch() {
    let place = Place::plain();
    place.checkout.git(&["switch", "--quiet", "--create", "feature"]);
    place.change("web/deployment.yaml", "1.0.0", "1.1.0");
    place.checkout.commit("raise");
    place.checkout.git(&["switch", "--quiet", "main"]);
    place.checkout.write("web/deployment.yaml", super::place::DEPLOYMENT.replace("replicas: 2", "replicas: 9"));
    place.checkout.commit("meanwhile");
    let report = place.run(&["review", "--head", "feature", "-o", "json"]).exits(0).json();
    let fields = report["changes"][0]["fields"].as_array().unwrap();
    assert_eq!(fields.len(), 1, "{report:#}");
    assert_eq!(fields[0]["after"], "example.com/web:1.1.0");
    assert_eq!(
        place.run(&["review", "--base", "main~1", "-o", "json"]).exits(0).json()["changes"][0]["fields"][0]["after"],
        "9"
    );
}

#[test]
fn a_unit_that_stops_rendering_has_its_diff_withheld_and_no_deletion_is_claimed() {
    let place = Place::plain();
    place.checkout.write("web/deployment.yaml", "apiVersion: apps/v1\nkind: Deployment\n  metadata: {}\n");
    let said = place.run(&["review"]).exits(1);
    assert!(said.out.contains("web/deployment.yaml:3"), "{}", said.out);
    assert!(said.out.contains("web: the diff is withheld"), "{}", said.out);
    assert!(said.out.contains("what changes is not known"), "{}", said.out);
    assert!(!said.out.contains("deletion"), "{}", said.out);
}

#[test]
fn a_unit_that_goes_is_its_objects_deleted() {
    let place = Place::plain();
    place.checkout.git(&["rm", "--quiet", "-r", "api"]);
    let report = place.run(&["review", "-o", "json"]).exits(0).json();
    assert_eq!(report["changes"][0]["action"], "delete");
    assert_eq!(report["counts"]["changes"]["delete"], 1);
}

#[test]
fn the_target_branch_decides_on_policy_and_a_change_of_it_is_announced() {
    let place = Place::plain();
    let config = "version: 1\nenvironments:\n  dev: {source: web}\nreview: {fail-on: error}\n";
    place.checkout.commit_file("mergeline.yaml", config);
    place.checkout.write("mergeline.yaml", config.replace("error", "never"));
    place.change("web/deployment.yaml", "replicas: 2", "replicas: three");
    let said = place.run(&["review"]).exits(1);
    assert!(said.out.contains("info[configuration-change]"), "{}", said.out);
}

#[test]
fn without_a_configuration_at_the_target_the_changes_own_says_where_units_are_and_nothing_else() {
    let place = Place::plain();
    let config = "version: 1\nenvironments:\n  dev: {source: web}\nreview: {fail-on: never}\n";
    place.checkout.write("mergeline.yaml", config);
    place.change("web/deployment.yaml", "replicas: 2", "replicas: three");
    let report = place.run(&["review", "-o", "json"]).exits(1).json();
    assert_eq!(report["changes"][0]["environment"], "dev");
    assert!(report["findings"].to_string().contains("configuration-from-head"), "{report:#}");
}

#[test]
fn a_typo_in_a_base_is_one_finding_that_names_every_environment() {
    let Some(place) = Place::shop() else { return };
    place.change("apps/web/base/deployment.yaml", "replicas: 2", "replicas: three");
    place.checkout.git(&["switch", "--quiet", "--create", "typo"]);
    place.checkout.commit("typo");
    let report = place.run(&["review", "-o", "json"]).exits(1).json();
    let findings = report["findings"].as_array().unwrap();
    assert_eq!(findings.len(), 1, "{report:#}");
    let finding = &findings[0];
    assert_eq!(finding["path"], "apps/web/base/deployment.yaml");
    assert_eq!((&finding["line"], &finding["column"]), (&json!(6), &json!(13)));
    assert_eq!(finding["environments"], json!(["dev", "staging", "prod"]));
    assert_eq!(finding["unit"], "web");
    assert_eq!(finding["object"]["namespace"], json!(null), "it is another one in each environment");
    let one = place.run(&["review", "--environment", "prod", "-o", "json"]).exits(1).json();
    assert_eq!(one["findings"][0]["environments"], json!(["prod"]));
    assert_eq!(one["changes"].as_array().unwrap().len(), 1);
}

#[test]
fn a_definition_that_changes_is_judged_with_the_objects_of_its_environment_alone() {
    let Some(place) = Place::shop() else { return };
    // In `dev` the field gets another type; the object beside it was right before.
    place.change("apps/platform/overlays/dev/promotion-crd.yaml", "percent: {type: integer", "percent: {type: string");
    let report = place.run(&["review", "-o", "json"]).exits(1).json();
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().any(|it| it["path"] == "apps/platform/overlays/dev/settings.yaml"), "{report:#}");
    assert!(findings.iter().all(|it| it["environments"] == json!(["dev"])), "{report:#}");
}

#[test]
fn a_missing_overlay_is_named() {
    let Some(place) = Place::shop() else { return };
    place.change("apps/web/overlays/dev/kustomization.yaml", "../../base", "../../bases");
    let said = place.run(&["review"]).exits(1);
    assert!(said.out.contains("apps/web/overlays/dev/kustomization.yaml"), "{}", said.out);
    assert!(said.out.contains("apps/web/bases"), "{}", said.out);
}

#[test]
fn a_rule_that_compares_with_the_former_object_is_judged_with_the_one_of_the_base() {
    let place = Place::plain();
    let database =
        "apiVersion: example.com/v1\nkind: Database\nmetadata: {name: main}\nspec:\n  engine: postgres\n  size: 1\n";
    let spec = r#"{type: object, properties: {engine: {type: string}, size: {type: integer}},
        x-kubernetes-validations: [{rule: "self.engine == oldSelf.engine", message: the engine cannot be changed}]}"#;
    place.checkout.commit_file("data/crd.yaml", &definition("Database", spec));
    place.checkout.commit_file("data/main.yaml", database);
    // What may change does.
    place.checkout.write("data/main.yaml", database.replace("size: 1", "size: 2"));
    place.run(&["review"]).exits(0);
    // A new object has no former one.
    place.checkout.write("data/other.yaml", database.replace("main", "other").replace("postgres", "mysql"));
    place.run(&["review"]).exits(0);
    place.checkout.write("data/main.yaml", database.replace("postgres", "mysql"));
    let said = place.run(&["review"]).exits(1);
    assert!(said.out.contains("error[cel]: `spec`: the engine cannot be changed"), "{}", said.out);
    assert!(said.out.contains("--> data/main.yaml:5:3"), "{}", said.out);
    assert_eq!(said.out.matches("error[cel]").count(), 1, "{}", said.out);
    // By itself the object is right.
    place.run(&["validate", "data"]).exits(0);
}
