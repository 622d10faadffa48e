#![allow(clippy::unwrap_used)]
use crate::event::{Event, PullRequestEvent, Surroundings, Trigger};
use crate::failure::FailureKind;
use crate::host::HostKind;
use crate::trust::Grants;

const HEAD: &str = "2222222222222222222222222222222222222222";
const MERGE: &str = "4444444444444444444444444444444444444444";

/// A job in the project 7, which lies in nested groups of an installation below a path, with changes.
fn job(changes: &[(&str, &str)]) -> Surroundings {
    let mut surroundings = Surroundings::default();
    let common = [
        ("GITLAB_CI", "true"),
        ("CI", "true"),
        ("CI_API_V4_URL", "https://git.example.com/gitlab/api/v4"),
        ("CI_SERVER_URL", "https://git.example.com/gitlab"),
        ("CI_PROJECT_ID", "7"),
        ("CI_PROJECT_PATH", "acme/platform/shop"),
        ("CI_DEFAULT_BRANCH", "main"),
        ("CI_COMMIT_SHA", HEAD),
        ("CI_COMMIT_BEFORE_SHA", "0000000000000000000000000000000000000000"),
        ("CI_PIPELINE_ID", "91"),
        ("CI_JOB_URL", "https://git.example.com/gitlab/acme/platform/shop/-/jobs/5"),
        ("CI_JOB_TOKEN", "planted-job-token"),
        ("GITLAB_USER_LOGIN", "ada"),
    ];
    for (name, value) in common.iter().chain(changes) {
        surroundings.variables.insert((*name).to_owned(), (*value).to_owned());
    }
    surroundings
}

const REQUEST: [(&str, &str); 8] = [
    ("CI_PIPELINE_SOURCE", "merge_request_event"),
    ("CI_MERGE_REQUEST_IID", "4"),
    ("CI_MERGE_REQUEST_ID", "40004"),
    ("CI_MERGE_REQUEST_EVENT_TYPE", "detached"),
    ("CI_MERGE_REQUEST_PROJECT_ID", "7"),
    ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "7"),
    ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "change"),
    ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
];

fn request(changes: &[(&str, &str)]) -> Event {
    Event::detect(&job(&[&REQUEST, changes].concat())).unwrap()
}

fn pull(event: &Event) -> &PullRequestEvent {
    let Trigger::PullRequest(pull) = &event.trigger else { panic!("{:?}", event.trigger) };
    pull
}

#[test]
fn a_merge_request_is_told_by_its_number_in_the_project_and_the_head_of_its_branch() {
    let event = request(&[("GITLAB_TOKEN", "planted"), ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "")]);
    let pull = pull(&event);
    assert_eq!((pull.number, pull.head.as_str(), pull.from_fork), (4, HEAD, false));
    assert_eq!((pull.head_branch.as_str(), pull.base_branch.as_str()), ("change", "main"));
    let host = event.host.as_ref().unwrap();
    assert_eq!((host.kind, host.repository.as_str()), (HostKind::GitLab, "acme/platform/shop"));
    assert_eq!(host.api_url, "https://git.example.com/gitlab/api/v4");
    assert_eq!(host.web_url, "https://git.example.com/gitlab");
    assert_eq!(host.git_username(), "oauth2");
    let about = host.job.as_ref().unwrap();
    assert_eq!(about.pipeline, Some((HEAD.to_owned(), 91)));
    assert_eq!((about.report_only.as_ref(), about.clone_url.as_ref()), (None, None));
    assert!(!format!("{event:?}").contains("planted"));
    assert_eq!(event.actor.as_deref(), Some("ada"));
    assert!(Grants::judge(&event).review().is_some());
}

#[test]
fn in_merged_results_and_merge_trains_the_commit_at_hand_is_not_the_head() {
    for kind in ["merged_result", "merge_train"] {
        let changes = [("CI_MERGE_REQUEST_EVENT_TYPE", kind), ("CI_COMMIT_SHA", MERGE)];
        let event = request(&[changes.as_slice(), &[("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", HEAD)]].concat());
        assert_eq!(pull(&event).head.as_str(), HEAD);
        let failure = Event::detect(&job(&[&REQUEST[..], &changes].concat())).unwrap_err();
        assert!(failure.message().contains("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA"), "{failure}");
    }
}

#[test]
fn a_fork_is_one_wherever_its_pipeline_runs_and_gets_reports_alone() {
    let in_fork = [
        ("CI_PROJECT_ID", "8"),
        ("CI_PROJECT_PATH", "mallory/shop"),
        ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "8"),
        ("CI_MERGE_REQUEST_PROJECT_PATH", "acme/platform/shop"),
        ("CI_MERGE_REQUEST_PROJECT_URL", "https://git.example.com/gitlab/acme/platform/shop"),
    ];
    let in_target = [("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "8")];
    let unnamed = [("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "")];
    for (place, clone_url) in [
        (&in_fork[..], Some("https://git.example.com/gitlab/acme/platform/shop.git")),
        (&in_target[..], None),
        (&unnamed[..], None),
    ] {
        let event = request(&[place, &[("MERGELINE_TOKEN", "planted")]].concat());
        assert!(pull(&event).from_fork, "{place:?}");
        let host = event.host.as_ref().unwrap();
        assert_eq!(host.repository, "acme/platform/shop");
        assert!(host.report_only().unwrap().why.contains("fork"));
        assert_eq!(host.job.as_ref().unwrap().clone_url.as_deref(), clone_url);
        assert_eq!(
            (host.token.as_ref().unwrap().expose(), host.git_username()),
            ("planted-job-token", "gitlab-ci-token")
        );
        let grants = Grants::judge(&event);
        assert!(grants.review().is_none() && grants.promote("prod").is_err());
    }
}

#[test]
fn with_the_jobs_own_token_nothing_may_be_written() {
    let event = request(&[]);
    let why = event.host.as_ref().unwrap().report_only().unwrap();
    assert!(why.why.contains("CI_JOB_TOKEN") && why.hint.contains("project access token"), "{why:?}");
    let grants = Grants::judge(&event);
    assert!(grants.review().is_none());
    let push = Event::detect(&job(&[("CI_PIPELINE_SOURCE", "push"), ("CI_COMMIT_BRANCH", "main")])).unwrap();
    assert!(Grants::judge(&push).promote("prod").unwrap_err().contains("CI_JOB_TOKEN"));
}

#[test]
fn every_other_pipeline_is_a_push_a_schedule_a_request_of_somebody_or_nothing() {
    let push =
        Trigger::Push { branch: "env/dev".to_owned(), after: Some(crate::commit::CommitId::parse(HEAD).unwrap()) };
    for (changes, expected) in [
        (&[("CI_PIPELINE_SOURCE", "push"), ("CI_COMMIT_BRANCH", "env/dev")][..], push),
        (&[("CI_PIPELINE_SOURCE", "schedule"), ("CI_COMMIT_BRANCH", "main")], Trigger::Schedule),
        (&[("CI_PIPELINE_SOURCE", "web"), ("CI_COMMIT_BRANCH", "main")], Trigger::Dispatch),
        (&[("CI_PIPELINE_SOURCE", "trigger"), ("CI_COMMIT_TAG", "v1")], Trigger::Dispatch),
        (&[("CI_PIPELINE_SOURCE", "api")], Trigger::Dispatch),
        (&[("CI_PIPELINE_SOURCE", "parent_pipeline")], Trigger::Dispatch),
        (&[("CI_PIPELINE_SOURCE", "push"), ("CI_COMMIT_TAG", "v1")], Trigger::Other("push of the tag `v1`".into())),
        (
            &[("CI_PIPELINE_SOURCE", "external_pull_request_event")],
            Trigger::Other("external_pull_request_event".into()),
        ),
    ] {
        assert_eq!(Event::detect(&job(changes)).unwrap().trigger, expected);
    }
    let child = request(&[("CI_PIPELINE_SOURCE", "parent_pipeline")]);
    assert_eq!(pull(&child).number, 4);
}

#[test]
fn what_the_environment_lacks_is_named() {
    for (changes, named) in [
        (&[][..], "CI_PIPELINE_SOURCE"),
        (&[("CI_PIPELINE_SOURCE", "merge_request_event")], "CI_MERGE_REQUEST_IID"),
        (&[("CI_PIPELINE_SOURCE", "push")], "CI_COMMIT_BRANCH"),
        (&[("CI_PIPELINE_SOURCE", "push"), ("CI_COMMIT_BRANCH", "x"), ("CI_COMMIT_SHA", "x")], "CI_COMMIT_SHA"),
        (&[("CI_PIPELINE_SOURCE", "web"), ("CI_API_V4_URL", "")], "CI_API_V4_URL"),
    ] {
        let failure = Event::detect(&job(changes)).unwrap_err();
        assert_eq!(failure.kind(), FailureKind::Usage);
        assert!(failure.message().contains(named), "{failure}");
    }
}
