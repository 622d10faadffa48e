//! The lab itself, tried: does each part do what the tests of Mergeline take for granted?

#![allow(clippy::unwrap_used)]

use std::fs;
use std::process::Command;
use std::time::Duration;

use mergeline_lab::needs;
use serde_json::json;

#[test]
fn a_deployment_becomes_available_on_simulated_nodes() {
    let Some(cluster) = needs::cluster() else { return };
    let namespace = cluster.create_namespace("lab-rollout").unwrap();
    cluster
        .apply(&format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: {namespace}}}\nspec:\n  replicas: 3\n  \
             selector: {{matchLabels: {{app: web}}}}\n  template:\n    metadata: {{labels: {{app: web}}}}\n    \
             spec: {{containers: [{{name: web, image: nginx}}]}}\n"
        ))
        .unwrap();
    cluster
        .kubectl(&["wait", "deployment/web", "-n", &namespace, "--for=condition=Available", "--timeout=60s"])
        .unwrap();
    let nodes =
        cluster.kubectl(&["get", "pods", "-n", &namespace, "-o", "jsonpath={.items[*].spec.nodeName}"]).unwrap();
    assert_eq!(nodes.split_whitespace().count(), 3, "{nodes}");

    cluster.kubectl(&["delete", "namespace", &namespace, "--wait=true", "--timeout=60s"]).unwrap();
    let gone = cluster.kubectl(&["get", "namespace", &namespace]).unwrap_err().to_string();
    assert!(gone.contains("NotFound"), "{gone}");
}

#[test]
fn the_viewer_may_do_nothing_and_the_wrong_token_is_unauthorized() {
    let Some(cluster) = needs::cluster() else { return };
    let ask = |token: &str| {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("kubeconfig");
        fs::write(&config, cluster.kubeconfig_for(token, "default").unwrap()).unwrap();
        let mut kubectl = Command::new(&cluster.kubectl);
        let output = kubectl
            .arg("--kubeconfig")
            .arg(&config)
            .args(["get", "--raw", "/api/v1/namespaces/default/pods"])
            .output()
            .unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(ask(&cluster.admin_token), (true, String::new()));
    let (allowed, answer) = ask(&cluster.viewer_token);
    assert!(!allowed && answer.contains("\"viewer\" cannot list resource \"pods\""), "{answer}");
    let (allowed, answer) = ask("wrong");
    assert!(!allowed && answer.contains("Unauthorized"), "{answer}");
}

#[test]
fn the_programs_are_of_the_versions_that_the_list_says() {
    let Some(tools) = needs::tools() else { return };
    for (program, arguments, name) in [
        (&tools.kubectl, &["version", "--client"][..], "kubectl"),
        (&tools.kustomize, &["version"], "kustomize"),
        (&tools.helm, &["version", "--short"], "helm"),
    ] {
        let output = Command::new(program).args(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let version = mergeline_lab::part(name).unwrap().version;
        assert!(text.contains(version), "{name} {version}: {text}");
    }
}

const WORKFLOW: &str = r#"
on: {push: {branches: [main]}, workflow_dispatch: {}}
jobs:
  try:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@CHECKOUT
      - env: {PASSWORD: "${{ secrets.PASSWORD }}"}
        run: |
          echo "depth $(git rev-list --count HEAD) on $(git branch --show-current)"
          echo "file $(cat note.txt) event $GITHUB_EVENT_NAME of $GITHUB_REPOSITORY"
          echo "secret ${#PASSWORD} digits, given as $PASSWORD"
          git fetch --quiet --unshallow origin && echo "later git commands are let in: $(git rev-list --count HEAD) commits"
          test -x "$MERGELINE_BINARY" && echo "the binary answers $("$MERGELINE_BINARY" hello)"
"#;

fn a_push_is_checked_out_with(checkout: &str) {
    let Some(gitea) = needs::gitea() else { return };
    gitea.set_job_binary("/bin/echo".as_ref()).unwrap();
    let repository = gitea.create_repository("lab-workflow").unwrap();
    gitea.set_secret(&repository, "PASSWORD", "correct horse").unwrap();
    // A private repository: reading its history needs the job's token.
    gitea.as_admin().expect("PATCH", &format!("/repos/{repository}"), Some(&json!({"private": true}))).unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("note.txt"), "one").unwrap();
    gitea.push_folder(folder.path(), &repository, "main", "First").unwrap();
    fs::write(folder.path().join("note.txt"), "two").unwrap();
    fs::create_dir_all(folder.path().join(".github/workflows")).unwrap();
    fs::write(folder.path().join(".github/workflows/try.yml"), WORKFLOW.replace("CHECKOUT", checkout)).unwrap();
    let commit = gitea.push_folder(folder.path(), &repository, "main", "Second").unwrap();

    let run =
        gitea.wait_for_run(&repository, Duration::from_secs(90), |run| run["head_sha"] == commit.as_str()).unwrap();
    let log = run.log();
    assert_eq!(run.conclusion(), "success", "{log}");
    assert_eq!(run.value["event"], "push");
    assert!(log.contains("depth 1 on main"), "{log}");
    assert!(log.contains(&format!("file two event push of {repository}")), "{log}");
    assert!(log.contains("secret 13 digits, given as ***"), "{log}");
    assert!(log.contains("later git commands are let in: 2 commits"), "{log}");
    assert!(log.contains("the binary answers hello"), "{log}");

    if checkout == "v7" {
        gitea.dispatch(&repository, "try.yml", "main", &json!({})).unwrap();
        let run = gitea
            .wait_for_run(&repository, Duration::from_secs(90), |run| run["event"] == "workflow_dispatch")
            .unwrap();
        assert!(run.log().contains("event workflow_dispatch"), "{}", run.log());
        let runs = gitea.wait_until_quiet(&repository, Duration::from_secs(30)).unwrap();
        assert_eq!(runs.iter().filter(|run| run["event"] == "workflow_dispatch").count(), 1);
    }
}

#[test]
fn a_push_starts_its_workflow_and_the_token_is_left_in_a_file_of_its_own() {
    a_push_is_checked_out_with("v7");
}

#[test]
fn a_push_starts_its_workflow_and_the_token_is_left_in_the_git_config() {
    a_push_is_checked_out_with("v5");
}

#[test]
fn a_pull_request_starts_its_workflow_at_its_head() {
    let Some(gitea) = needs::gitea() else { return };
    let repository = gitea.create_repository("lab-pull").unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir_all(folder.path().join(".github/workflows")).unwrap();
    let workflow = "on: pull_request\njobs:\n  try:\n    runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@v7\n      \
                    - run: echo \"at $(git rev-parse HEAD) for $GITHUB_REF into $GITHUB_BASE_REF\"\n";
    fs::write(folder.path().join(".github/workflows/try.yml"), workflow).unwrap();
    gitea.push_folder(folder.path(), &repository, "main", "First").unwrap();
    fs::write(folder.path().join("note.txt"), "one").unwrap();
    let commit = gitea.push_folder(folder.path(), &repository, "change", "Second").unwrap();
    let pull = json!({"head": "change", "base": "main", "title": "Change"});
    gitea.as_admin().expect("POST", &format!("/repos/{repository}/pulls"), Some(&pull)).unwrap();
    let run = gitea.wait_for_run(&repository, Duration::from_secs(90), |run| run["event"] == "pull_request").unwrap();
    assert_eq!(run.conclusion(), "success", "{}", run.log());
    assert!(run.log().contains(&format!("at {commit} for refs/pull/1/head into main")), "{}", run.log());
}

#[test]
fn a_person_without_rights_is_refused() {
    let Some(gitea) = needs::gitea() else { return };
    let repository = gitea.create_repository("lab-rights").unwrap();
    let comment = json!({"title": "Not mine"});
    let (status, answer) = gitea.as_second().api("PATCH", &format!("/repos/{repository}"), Some(&comment)).unwrap();
    assert_eq!(status, 403, "{answer}");
    let (status, _) = gitea.with_token("wrong").api("GET", "/user", None).unwrap();
    assert_eq!(status, 401);
}
