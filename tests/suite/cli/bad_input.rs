//! What a person gets wrong: a clear message, the right exit code.

use super::place::Place;

#[test]
fn an_unknown_key_in_the_configuration_is_named_with_its_place_and_a_guess() {
    let place = Place::plain();
    place.checkout.commit_file("mergeline.yaml", "version: 1\nenvironments:\n  dev:\n    sorce: web\n");
    for command in ["review", "validate"] {
        let said = place.run(&[command]).exits(2);
        assert!(said.err.contains("mergeline.yaml:4:5: "), "{}", said.err);
        assert!(said.err.contains("did you mean `source`"), "{}", said.err);
        assert_eq!(said.out, "");
    }
}

#[test]
fn a_configuration_that_a_change_breaks_is_a_finding_of_the_change() {
    let place = Place::plain();
    place.checkout.commit_file("mergeline.yaml", "version: 1\nenvironments:\n  dev:\n    source: web\n");
    place.checkout.write("mergeline.yaml", "version: 1\nenvironments:\n  dev:\n    sorce: web\n");
    let said = place.run(&["review"]).exits(1);
    assert!(said.out.contains("--> mergeline.yaml:4:5"), "{}", said.out);
}

#[test]
fn malformed_yaml_is_an_error_at_its_line() {
    let place = Place::plain();
    place.checkout.write("web/broken.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: [\n");
    let said = place.run(&["validate", "web"]).exits(1);
    assert!(said.out.contains("web/broken.yaml:"), "{}", said.out);
    assert!(said.out.contains("error[yaml-syntax]"), "{}", said.out);
}

/// The log of a job is read by its runner, and a terminal obeys what it shows.
#[test]
fn a_name_with_controls_and_commands_in_it_does_nothing_where_it_is_repeated() {
    let hostile = "no\u{1b}c\u{202e}\n::stop-commands::x";
    let said = Place::plain().run(&["validate", hostile]).exits(3);
    assert!(said.err.contains("no⟨U+001B⟩c⟨U+202E⟩"), "{}", said.err);
    assert!(said.err.lines().all(|line| !line.starts_with("::")), "{}", said.err);
}

#[test]
fn a_repository_without_commits_says_what_to_do() {
    let said = Place::empty().run(&["review"]).exits(2);
    assert!(said.err.contains("has no commits yet"), "{}", said.err);
    assert!(said.err.contains("hint: commit something first"), "{}", said.err);
}

#[test]
fn a_folder_outside_of_any_repository_says_so() {
    let place = Place::empty();
    let elsewhere = place.beside("elsewhere");
    let said = place.run_in(&elsewhere, &["review"], "").exits(2);
    assert!(said.err.contains("is not in a Git repository"), "{}", said.err);
    place.run_in(&elsewhere, &["-C", "nowhere", "review"], "").exits(3);
}

#[test]
fn names_that_are_not_there_are_refused_by_name() {
    let place = Place::plain();
    let said = place.run(&["review", "--base", "nowhere"]).exits(2);
    assert!(said.err.contains("`nowhere` names no commit"), "{}", said.err);
    let said = place.run(&["review", "--environment", "moon"]).exits(2);
    assert!(said.err.contains("there is no environment `moon`"), "{}", said.err);
    let said = place.run(&["review", "--kubernetes", "1.2"]).exits(2);
    assert!(said.err.contains("known are 1.29, 1.30"), "{}", said.err);
    let said = place.run(&["review", "--output", "pdf"]).exits(2);
    assert!(said.err.contains("`pdf` is no format"), "{}", said.err);
    let said = place.run(&["drift", "--anything", "prod"]).exits(2);
    assert!(said.err.contains("`mergeline drift` is not supported yet"), "{}", said.err);
    place.run(&["reviw"]).exits(2);
}

#[test]
fn paths_that_hold_nothing_exit_with_three() {
    let place = Place::plain();
    place.run(&["validate", "nowhere"]).exits(3);
    place.run(&["render", "nowhere"]).exits(3);
    place.checkout.write("docs/README.md", "# words\n");
    for command in ["validate", "render"] {
        let said = place.run(&[command, "docs"]).exits(3);
        assert!(said.err.contains("`docs` holds no manifest"), "{}", said.err);
    }
}

#[test]
fn a_remote_base_names_the_setting_that_allows_it() {
    let place = Place::plain();
    place.checkout.write("app/kustomization.yaml", "resources: [https://example.com/x.yaml]\n");
    let said = place.run(&["review"]).exits(1);
    assert!(said.out.contains("render.kustomize.allow-remote"), "{}", said.out);
}
