//! `mergeline init`: what it writes for which host, and what it never touches.

use super::place::{Place, Said};
use std::fs;
use std::path::Path;

const OVERLAY: &str = "resources: [../../base]\n";

/// A repository with applications over three environments, on this remote.
fn place(remote: Option<&str>) -> Place {
    let place = Place::empty();
    for environment in ["dev", "prod", "staging"] {
        place.checkout.write(&format!("apps/web/overlays/{environment}/kustomization.yaml"), OVERLAY);
    }
    place.checkout.commit("first");
    if let Some(remote) = remote {
        place.checkout.git(&["remote", "add", "origin", remote]);
    }
    place
}

fn example(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/shop").join(file)).unwrap()
}

fn written(place: &Place, file: &str) -> String {
    fs::read_to_string(place.checkout.path.join(file)).unwrap()
}

#[test]
fn github_and_gitea_get_the_files_of_the_example() {
    for (remote, secrets) in [
        ("https://github.com/acme/shop.git", "Settings, Secrets and variables, Actions"),
        ("git@github.example.com:acme/shop.git", "Allow GitHub Actions to create and approve pull requests"),
        ("https://gitea.example.com/acme/shop.git", "Settings, Actions, Secrets"),
    ] {
        let place = place(Some(remote));
        let said = place.run(&["init"]).exits(0);
        assert_eq!(written(&place, "mergeline.yaml"), example("mergeline.yaml"));
        assert_eq!(written(&place, ".github/workflows/mergeline.yml"), example(".github/workflows/mergeline.yml"));
        assert!(said.out.contains("environments: dev, staging, prod"), "{}", said.out);
        assert!(said.out.contains("DEV_KUBECONFIG, STAGING_KUBECONFIG, PROD_KUBECONFIG"), "{}", said.out);
        assert!(said.out.contains(secrets), "{}", said.out);
    }
}

#[test]
fn a_second_run_writes_nothing() {
    let place = place(Some("https://github.com/acme/shop.git"));
    place.run(&["init"]).exits(0);
    let files = || place.checkout.git(&["status", "--porcelain", "--untracked-files=all"]);
    let before = files();
    let said = place.run(&["init"]).exits(0);
    assert!(said.out.contains("kept mergeline.yaml\nkept .github/workflows/mergeline.yml\n"), "{}", said.out);
    assert!(!said.out.contains("wrote"), "{}", said.out);
    assert_eq!(files(), before);
}

#[test]
fn what_is_there_is_never_overwritten_and_the_difference_is_shown() {
    let place = place(Some("https://github.com/acme/shop.git"));
    let own = "name: mine\non: push\n";
    place.checkout.write(".github/workflows/mergeline.yml", own);
    let said = place.run(&["init"]).exits(0);
    assert_eq!(written(&place, ".github/workflows/mergeline.yml"), own);
    assert!(said.out.contains("wrote mergeline.yaml"), "{}", said.out);
    assert!(said.out.contains(".github/workflows/mergeline.yml is yours and was left as it is"), "{}", said.out);
    assert!(said.out.contains("\n-name: mine\n") && said.out.contains("\n+name: mergeline\n"), "{}", said.out);
}

#[test]
fn the_workflow_serves_the_configuration_that_is_there() {
    let place = place(Some("https://github.com/acme/shop.git"));
    let own = "version: 1\nenvironments:\n  eu: {source: web, branch: live/eu, cluster: {kubeconfig: {env: EU}}}\n";
    place.checkout.write("mergeline.yaml", own);
    place.run(&["init"]).exits(0);
    assert_eq!(written(&place, "mergeline.yaml"), own);
    let workflow = written(&place, ".github/workflows/mergeline.yml");
    assert!(workflow.contains("live/eu") && workflow.contains("EU: \"${{ secrets.EU }}\""), "{workflow}");

    place.checkout.write("mergeline.yaml", "version: 7\n");
    fs::remove_file(place.checkout.path.join(".github/workflows/mergeline.yml")).unwrap();
    let said = place.run(&["init"]).exits(2);
    assert!(said.err.contains("mergeline.yaml:1"), "{}", said.err);
    assert!(!place.checkout.path.join(".github/workflows/mergeline.yml").exists());
}

#[test]
fn a_repository_without_known_environments_gets_a_file_that_explains() {
    let place = Place::plain();
    place.checkout.git(&["remote", "add", "origin", "https://github.com/acme/shop.git"]);
    let said = place.run(&["init"]).exits(0);
    assert!(said.out.contains("no environments were found: pull requests are reviewed"), "{}", said.out);
    assert!(written(&place, "mergeline.yaml").contains("# environments:\n"));
    assert!(!written(&place, ".github/workflows/mergeline.yml").contains("secrets."));
    place.run(&["validate"]).exits(0);
}

#[test]
fn the_host_is_what_a_person_says_else_the_remote_else_the_ci_files() {
    let nothing = |said: Said, place: &Place| {
        assert!(said.err.contains("--host github"), "{}", said.err);
        assert_eq!(place.checkout.git(&["status", "--porcelain"]), "");
    };
    let unknown = place(Some("https://git.example.com/acme/shop.git"));
    nothing(unknown.run(&["init"]).exits(2), &unknown);
    nothing(unknown.run(&["init", "--host", "svn"]).exits(2), &unknown);
    let bitbucket = unknown.run(&["init", "--host", "bitbucket"]).exits(2);
    assert!(bitbucket.err.contains("writes nothing for Bitbucket yet"), "{}", bitbucket.err);
    assert_eq!(unknown.checkout.git(&["status", "--porcelain"]), "");

    let traced = place(None);
    traced.checkout.write(".gitea/workflows/ci.yml", "on: push\n");
    traced.checkout.commit("ci");
    traced.run(&["init"]).exits(0);
    assert!(traced.checkout.path.join(".gitea/workflows/mergeline.yml").exists());

    unknown.run(&["init", "--host", "forgejo"]).exits(0);
    assert!(unknown.checkout.path.join(".github/workflows/mergeline.yml").exists());
}

/// What the README shows is what `init` writes, and what the tests of the hosts run.
#[test]
fn the_readme_shows_the_files_of_the_example() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    for file in [".github/workflows/mergeline.yml", "mergeline.yaml"] {
        let block = format!("```yaml\n# {file}\n{}```\n", example(file));
        assert!(readme.contains(&block), "the README lacks:\n{block}");
    }
}
