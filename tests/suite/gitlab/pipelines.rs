//! The component, included as the README says and run by `gitlab-ci-local` for each kind of pipeline.

use super::shop::{PROJECT, Shop, app, readme};
use mergeline_lab::gitlab::{Button, Cause};
use mergeline_lab::needs;

/// What the job leaves as artifacts.
const CODE_QUALITY: &str = "mergeline-report/code-quality.json";
const JUNIT: &str = "mergeline-report/junit.xml";

fn wrong(unit: &str) -> (String, String) {
    let (path, text) = app(unit, "dev", "1.0");
    (path, text.replace("replicas: 1", "replicas: three"))
}

#[test]
fn a_release_goes_through_all_environments_by_branch_pipelines_and_a_persons_merge() {
    let Some(runner) = needs::gitlab_runner() else { return };
    let shop = Shop::new(None);
    let server = shop.server();
    let job = shop.pipeline(runner, Cause::Push("main"));
    assert!(job.passed, "{}", job.log);
    for branch in ["env/dev", "env/staging", "mergeline/promote/prod"] {
        assert_eq!(shop.file(branch, ".gitlab-ci.yml"), shop.file("main", ".gitlab-ci.yml"), "{branch}");
    }
    assert!(shop.cluster("staging").contains("web:1.0") && shop.cluster("prod").is_empty());
    let [(iid, "opened")] = server.requests_to(PROJECT, "env/prod")[..] else { panic!("{}", job.log) };

    // The promotion's own merge request pipeline says it once more, in place; then nothing is left to say.
    let before = shop.stub.writes();
    let job = shop.pipeline(runner, Cause::MergeRequest(iid));
    assert!(job.passed, "{}", job.log);
    assert_eq!(server.remarks(PROJECT, iid).len(), 1);
    assert!(shop.stub.writes() <= before + 2, "{:#?}", shop.stub.log());
    let before = shop.stub.writes();
    let job = shop.pipeline(runner, Cause::Schedule);
    assert!(job.passed && job.log.contains("prod"), "{}", job.log);
    assert_eq!(shop.stub.writes(), before, "{:#?}", shop.stub.log().last());

    server.merge(&shop.ada, PROJECT, iid, Button::Merge);
    let job = shop.pipeline(runner, Cause::Push("env/prod"));
    assert!(job.passed, "{}", job.log);
    assert!(shop.cluster("prod").contains("web:1.0"));
    let delivered: Vec<_> =
        server.deployments(PROJECT).into_iter().map(|[name, sha, state, _]| (name, sha, state)).collect();
    let expected = ["dev", "staging", "prod"]
        .map(|name| (name.to_owned(), shop.head(&format!("env/{name}")), "success".to_owned()));
    assert_eq!(delivered, expected);

    let before = shop.stub.writes();
    let job = shop.pipeline(runner, Cause::Web);
    assert!(job.passed && job.log.contains("prod"), "{}", job.log);
    assert_eq!(shop.stub.writes(), before);
}

#[test]
fn a_merge_request_gets_one_note_and_reports_in_detached_and_merged_results_pipelines() {
    let Some(runner) = needs::gitlab_runner() else { return };
    let shop = Shop::new(None);
    let server = shop.server();
    let (path, text) = wrong("web");
    let iid = shop.propose("change", &[(&path, text)]);
    let detached = shop.pipeline(runner, Cause::MergeRequest(iid));
    assert!(!detached.passed, "{}", detached.log);
    let merged = shop.pipeline(runner, Cause::MergedResult(iid));
    assert!(!merged.passed, "{}", merged.log);
    let notes = server.remarks(PROJECT, iid);
    assert_eq!(notes.len(), 1, "{notes:#?}");
    assert_eq!(notes[0].author, shop.us.username);
    assert!(notes[0].body.contains("`spec.replicas` must be an integer"), "{}", notes[0].body);
    let states: Vec<_> = server.statuses(PROJECT).into_iter().map(|(_, name, state)| (name, state)).collect();
    assert_eq!(states, [("mergeline/review".to_owned(), "failed".to_owned())]);
    for job in [&detached, &merged] {
        let quality: serde_json::Value = serde_json::from_str(&job.artifact(CODE_QUALITY).unwrap()).unwrap();
        assert_eq!(quality[0]["location"]["path"], path.as_str(), "{quality}");
        assert!(job.artifact(JUNIT).unwrap().contains("<testsuite"));
        assert!(job.artifact("mergeline-report/report.html").unwrap().contains("spec.replicas"));
    }
}

#[test]
fn with_the_jobs_own_token_or_from_a_fork_reports_are_all_and_a_tag_starts_nothing() {
    let Some(runner) = needs::gitlab_runner() else { return };
    let shop = Shop::new(None);
    let server = shop.server();
    let (path, text) = wrong("web");
    let iid = shop.propose("change", &[(&path, text.clone())]);
    let job = shop.prepare(&shop.ada, Cause::MergeRequest(iid)).with(&[("MERGELINE_TOKEN", "")]).run(runner);
    assert!(!job.passed && job.artifact(CODE_QUALITY).unwrap().contains("spec.replicas"), "{}", job.log);
    assert_eq!(job.log.matches("project access token").count(), 1, "{}", job.log);

    let (iid, fork, mallory) = shop.propose_from_fork(&[(&path, text)]);
    let job = shop.prepare(&mallory, Cause::InFork(iid, &fork)).run(runner);
    assert!(!job.passed && job.artifact(CODE_QUALITY).unwrap().contains("spec.replicas"), "{}", job.log);
    assert_eq!(server.remarks(PROJECT, iid), []);

    let job = shop.pipeline(runner, Cause::Tag("v7"));
    assert!(job.artifact(JUNIT).is_none(), "{}", job.log);
    assert_eq!(shop.stub.log().len(), 0, "{:#?}", shop.stub.log());
}

#[test]
fn the_readme_the_documentation_and_init_give_the_same_file() {
    let file = readme("# .gitlab-ci.yml");
    let documentation = include_str!("../../../docs/gitlab.md");
    assert!(documentation.contains(&file), "docs/gitlab.md does not have\n{file}");
    use mergeline::event::starter::{Needs, starter};
    let branches = ["env/dev", "env/staging", "env/prod"].map(str::to_owned).to_vec();
    let needs = Needs { default_branch: "main".to_owned(), branches, secrets: vec!["DEV_KUBECONFIG".to_owned()] };
    let written = starter(mergeline::host::HostKind::GitLab, &needs, |_| false).unwrap();
    assert_eq!((written.path.as_str(), written.text), (".gitlab-ci.yml", file));
}
