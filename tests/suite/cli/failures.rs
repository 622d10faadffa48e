//! Each kind of failure through the binary: what is said, the exit code, and that nothing was written.

use super::hosted::{BRANCHES, DIRECT, Hosted, kubeconfig};
use mergeline::failure::FailureKind;

const ENVIRONMENT_COMMANDS: [&[&str]; 4] = [&["run"], &["promote"], &["apply", "dev"], &["status"]];

#[test]
fn each_kind_of_failure_has_its_exit_code() {
    let (mut hosted, _local) = Hosted::local(DIRECT);
    hosted.once(&["apply", "moon"]).exits(2);
    hosted.once(&["validate", "nowhere"]).exits(3);
    hosted.once(&["status", "--host", "gitea=http://127.0.0.1:1/api/v1", "--repository", "a/b"]).exits(4);
    hosted.clone.write("kubeconfig", kubeconfig("http://127.0.0.1:1", "x"));
    hosted.set("DEV_KUBECONFIG", hosted.clone.path.join("kubeconfig"));
    hosted.once(&["apply", "dev"]).exits(5);
    // A defect is reached on purpose in `cli::tests` alone: no flag of the binary leads there.
    let codes: Vec<u8> = FailureKind::ALL.iter().map(|kind| kind.exit_code()).collect();
    assert_eq!(codes, [2, 3, 4, 5, 70]);
}

#[test]
fn a_broken_configuration_stops_every_command_on_environments_at_its_place() {
    let (hosted, local) = Hosted::local("version: 1\nenvironments:\n  dev:\n    sorce: web\n");
    let before = local.everything();
    for command in ENVIRONMENT_COMMANDS {
        let said = hosted.run(command).exits(2);
        assert!(said.err.contains("mergeline.yaml:4:5: "), "{command:?}: {}", said.err);
        assert!(said.err.contains("did you mean `source`"), "{command:?}: {}", said.err);
        assert_eq!(said.out, "", "{command:?}");
    }
    assert!(before == local.everything());
}

#[test]
fn without_a_configuration_there_are_no_environments_to_act_on() {
    let (hosted, local) = Hosted::empty();
    hosted.push("main", &[("web/map.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: web}}\n")]);
    let before = local.everything();
    for command in &ENVIRONMENT_COMMANDS[1..] {
        let said = hosted.run(command).exits(2);
        assert!(said.err.contains("there is no `mergeline.yaml` at "), "{command:?}: {}", said.err);
        assert!(said.err.contains("hint: environments are configured there"), "{command:?}: {}", said.err);
    }
    // A run has nothing to do there, which is no mistake.
    let said = hosted.run(&["run"]).exits(0);
    assert!(said.err.contains("nothing to do: no environments are configured"), "{}", said.err);
    assert!(before == local.everything());
}

#[test]
fn names_that_are_not_configured_are_refused_with_those_that_are() {
    let (hosted, local) = Hosted::local(BRANCHES);
    let before = local.everything();
    for command in [&["apply", "moon"][..], &["promote", "moon"], &["run", "--environment", "moon"]] {
        let said = hosted.run(command).exits(2);
        assert!(said.err.contains("there is no environment `moon`"), "{command:?}: {}", said.err);
        assert!(said.err.contains("dev, prod"), "{command:?}: {}", said.err);
    }
    for command in [&["promote"][..], &["run"], &["apply", "dev"]] {
        let said = hosted.run(&[command, &["--kubernetes", "1.2"]].concat()).exits(2);
        assert!(said.err.contains("no schemas are bundled for Kubernetes `1.2`"), "{command:?}: {}", said.err);
        assert!(said.err.contains("hint: known are 1.29, 1.30"), "{command:?}: {}", said.err);
    }
    assert!(before == local.everything());
}

#[test]
fn an_empty_repository_says_so_wherever_it_is_met() {
    let (hosted, local) = Hosted::empty();
    let before = local.everything();
    let said = hosted.run(&["review"]).exits(2);
    assert!(said.err.contains("has no commits yet"), "{}", said.err);
    let said = hosted.run(&["run"]).exits(0);
    assert!(said.err.contains("nothing to do: the repository has no branch yet"), "{}", said.err);
    for command in &ENVIRONMENT_COMMANDS[1..] {
        let said = hosted.run(command).exits(2);
        assert!(said.err.contains("the remote has no branch `main`"), "{command:?}: {}", said.err);
        assert!(said.err.contains("hint: push at least one commit"), "{command:?}: {}", said.err);
    }
    assert!(before == local.everything());
}

#[test]
fn a_host_is_named_or_known_from_the_remote() {
    let hosted = Hosted::new();
    hosted.clone.commit_file("mergeline.yaml", BRANCHES);
    for command in ENVIRONMENT_COMMANDS {
        let said = hosted.run(command).exits(2);
        assert!(said.err.contains("no Git host is known"), "{command:?}: {}", said.err);
        assert!(said.err.contains("--host gitea="), "{command:?}: {}", said.err);
    }
    let said = hosted.run(&["status", "--host", "local=nowhere"]).exits(2);
    assert!(said.err.contains("there is no local host in `nowhere`"), "{}", said.err);
    let said = hosted.run(&["status", "--host", "svn=x"]).exits(2);
    assert!(said.err.contains("`svn` is no kind of host"), "{}", said.err);
    let said = hosted.run(&["status", "--host", "gitea=http://127.0.0.1:1/api/v1", "--repository", "a/b"]).exits(4);
    assert!(said.err.contains("cannot reach Gitea at http://127.0.0.1:1"), "{}", said.err);
    assert!(said.err.contains("hint: "), "{}", said.err);
}

#[test]
fn a_remote_that_is_gone_is_a_failure_of_the_world() {
    let (mut hosted, local) = Hosted::local(BRANCHES);
    hosted.clone.git(&["remote", "set-url", "origin", "file:///nowhere/repository.git"]);
    hosted.set("MERGELINE_HOST", format!("local={}", local.host.folder().display()));
    let before = local.everything();
    for command in ENVIRONMENT_COMMANDS {
        let said = hosted.run(command).exits(4);
        assert!(said.err.contains("nowhere/repository.git"), "{command:?}: {}", said.err);
    }
    assert!(before == local.everything());
}

#[test]
fn a_push_that_the_server_refuses_changes_nothing_and_says_what_to_do() {
    use std::os::unix::fs::PermissionsExt;
    let (hosted, local) = Hosted::local(BRANCHES);
    let hook = local.host.repository_path().join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, "#!/bin/sh\necho protected branch >&2\nexit 1\n").unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let heads = || local.host.repository_path().to_str().map(|path| hosted.clone.git(&["ls-remote", path]));
    let before = heads();
    let said = hosted.run(&["promote"]).exits(4);
    assert!(said.err.contains("cannot push `env/dev`"), "{}", said.err);
    assert!(said.err.contains("protected branch"), "{}", said.err);
    assert!(said.err.contains("branch protection"), "{}", said.err);
    assert_eq!(before, heads());
    std::fs::remove_file(hook).unwrap();
    hosted.run(&["promote"]).exits(0);
}

#[test]
fn a_host_that_forbids_jobs_to_open_pull_requests_names_the_setting_and_the_next_run_goes_on() {
    let (hosted, local) = Hosted::local(BRANCHES);
    local.host.let_jobs_create_pull_requests(false).unwrap();
    let said = hosted.run(&["promote"]).exits(4);
    assert!(said.err.contains("a setting of the repository forbids jobs to create pull requests"), "{}", said.err);
    assert!(said.err.contains("hint: "), "{}", said.err);
    local.host.let_jobs_create_pull_requests(true).unwrap();
    hosted.run(&["promote"]).exits(0);
}

#[test]
fn commands_that_are_not_there_yet_say_so() {
    let hosted = Hosted::new();
    for command in ["drift", "rollback", "why", "log"] {
        for arguments in [&[command][..], &[command, "prod", "--since", "1h"]] {
            let said = hosted.run(arguments).exits(2);
            assert!(said.err.contains(&format!("`mergeline {command}` is not supported yet")), "{}", said.err);
            assert!(said.err.contains("hint: the status table in the README"), "{}", said.err);
            assert_eq!(said.out, "");
        }
    }
}
