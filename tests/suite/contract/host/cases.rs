//! What every host promises, case by case.

use super::fixture::{Fixture, Who};
use mergeline::commit::CommitId;
use mergeline::event::{Event, PullRequestAction, PullRequestEvent, Trigger};
use mergeline::failure::FailureKind;
use mergeline::host::marker::mark;
use mergeline::host::{
    Annotation, AnnotationLevel, Check, Deployment, Ensured, Landing, PullRequestDraft, PullRequestQuery,
    PullRequestState, Rights, Status, StatusGrant, StatusState,
};
use mergeline::trust::{CommentGrant, Grants, PromoteGrant};

pub(super) use super::remarks::*;

/// What a pull request's own job may do.
pub(super) fn review_grant(number: u64, head: &CommitId) -> CommentGrant {
    let trigger = Trigger::PullRequest(PullRequestEvent {
        number,
        action: PullRequestAction::Changed,
        head: head.clone(),
        head_branch: "change".to_owned(),
        base_branch: "main".to_owned(),
        from_fork: false,
        privileged: false,
    });
    Grants::judge(&Event { trigger, host: None, actor: None, run_url: None }).review().unwrap().clone()
}

fn terminal() -> Grants {
    Grants::judge(&Event { trigger: Trigger::Terminal, host: None, actor: None, run_url: None })
}

fn promote_grant() -> PromoteGrant {
    terminal().promote("prod").unwrap()
}

fn draft(head: &str) -> PullRequestDraft {
    PullRequestDraft {
        head_branch: head.to_owned(),
        base_branch: "main".to_owned(),
        title: "prod: web 2.0 → 2.1".to_owned(),
        body: "What and why.\n\n- one\n- two".to_owned(),
        labels: vec!["mergeline".to_owned()],
    }
}

fn status(context: &str, state: StatusState, description: &str) -> Status {
    Status { context: context.to_owned(), state, description: description.to_owned(), url: None }
}

/// A pull request from `change` to `main`, opened by a person: its number and its head.
async fn pull_request(fixture: &dyn Fixture) -> (u64, CommitId) {
    fixture.commit("main", None, "README", "hello").await;
    let head = fixture.commit("change", Some("main"), "web.yaml", "replicas: 2").await;
    (fixture.open_pull_request("change", "main").await, head)
}

async fn ours(fixture: &dyn Fixture, number: u64) -> Vec<String> {
    let own = fixture.host().identity().await.unwrap();
    fixture.comments(number).await.into_iter().filter(|c| c.author == own).map(|c| c.body).collect()
}

pub(super) async fn repository_facts_name_the_default_branch_and_our_rights(fixture: &dyn Fixture) {
    fixture.commit("main", None, "README", "hello").await;
    let facts = fixture.host().repository().await.unwrap();
    assert_eq!(facts.default_branch, "main");
    assert!(facts.own_rights >= Rights::Write, "{facts:?}");
    assert!(!facts.web_url.ends_with('/'));
    assert_eq!(fixture.host_as(Who::Reader).repository().await.unwrap().own_rights, Rights::Read);
}

pub(super) async fn rights_of_a_writer_a_reader_and_a_stranger_are_told_apart(fixture: &dyn Fixture) {
    fixture.commit("main", None, "README", "hello").await;
    assert_eq!(fixture.host().rights(&fixture.login(Who::Writer)).await.unwrap(), Rights::Write);
    assert!(fixture.host().rights(&fixture.login(Who::Reader)).await.unwrap() < Rights::Write);
    assert!(fixture.host().rights(&fixture.login(Who::Stranger)).await.unwrap() < Rights::Write);
    assert_eq!(fixture.host().rights("nobody-has-this-name").await.unwrap(), Rights::None);
}

pub(super) async fn twenty_runs_on_one_pull_request_make_one_comment(fixture: &dyn Fixture) {
    let (number, head) = pull_request(fixture).await;
    let grant = review_grant(number, &head);
    for run in 0..20 {
        let body = format!("### Mergeline: run {}", run / 2);
        let ensured = fixture.host().ensure_comment(&grant, "review", Some(&body)).await.unwrap();
        let expected = match run {
            0 => Ensured::Created,
            run if run % 2 == 0 => Ensured::Updated,
            _ => Ensured::Unchanged,
        };
        assert_eq!(ensured, expected, "run {run}");
    }
    assert_eq!(ours(fixture, number).await, [mark("review", "### Mergeline: run 9")]);
}

pub(super) async fn an_unchanged_comment_makes_no_write(fixture: &dyn Fixture) {
    let (number, head) = pull_request(fixture).await;
    let grant = review_grant(number, &head);
    let body = "one line \n\n```diff\n- a\n+ b\n```\n";
    fixture.host().ensure_comment(&grant, "review", Some(body)).await.unwrap();
    let before = fixture.writes();
    for _ in 0..3 {
        assert_eq!(fixture.host().ensure_comment(&grant, "review", Some(body)).await.unwrap(), Ensured::Unchanged);
    }
    assert_eq!(fixture.host().ensure_comment(&grant, "other", None).await.unwrap(), Ensured::Unchanged);
    assert_eq!(fixture.writes(), before);
}

pub(super) async fn a_forged_marker_in_a_foreign_comment_is_not_touched(fixture: &dyn Fixture) {
    let (number, head) = pull_request(fixture).await;
    let forged = mark("review", "### Mergeline: all good, merge me");
    fixture.comment_as(Who::Writer, number, &forged).await;
    let grant = review_grant(number, &head);
    fixture.host().ensure_comment(&grant, "review", Some("1 error")).await.unwrap();
    fixture.host().ensure_comment(&grant, "review", None).await.unwrap();
    let comments = fixture.comments(number).await;
    assert_eq!(comments.len(), 1);
    assert_eq!((comments[0].author.as_str(), comments[0].body.as_str()), (&*fixture.login(Who::Writer), &*forged));
}

pub(super) async fn twins_are_removed_and_the_oldest_stays(fixture: &dyn Fixture) {
    let (number, head) = pull_request(fixture).await;
    for text in ["first", "second", "third"] {
        fixture.comment_as(Who::Us, number, &mark("review", text)).await;
    }
    let oldest = fixture.comments(number).await[0].id;
    let grant = review_grant(number, &head);
    let ensured = fixture.host().ensure_comment(&grant, "review", Some("second")).await.unwrap();
    assert_eq!(ensured, Ensured::Updated);
    let comments = fixture.comments(number).await;
    assert_eq!(comments.len(), 1);
    assert_eq!((comments[0].id, comments[0].body.clone()), (oldest, mark("review", "second")));
}

pub(super) async fn a_removed_comment_is_gone_and_topics_do_not_mix(fixture: &dyn Fixture) {
    let (number, head) = pull_request(fixture).await;
    let grant = review_grant(number, &head);
    fixture.host().ensure_comment(&grant, "review", Some("a")).await.unwrap();
    fixture.host().ensure_comment(&grant, "review/web", Some("b")).await.unwrap();
    assert_eq!(fixture.host().ensure_comment(&grant, "review", None).await.unwrap(), Ensured::Removed);
    assert_eq!(ours(fixture, number).await, [mark("review/web", "b")]);
}

pub(super) async fn amending_changes_a_comment_that_is_there_and_makes_none(fixture: &dyn Fixture) {
    let (number, head) = pull_request(fixture).await;
    let grant = review_grant(number, &head);
    fixture.comment_as(Who::Writer, number, &mark("review", "forged")).await;
    let before = fixture.writes();
    let host = fixture.host();
    assert_eq!(host.amend_comment(&grant, "review", "nothing changes").await.unwrap(), Ensured::Unchanged);
    assert_eq!(fixture.writes(), before);
    host.ensure_comment(&grant, "review", Some("1 error")).await.unwrap();
    assert_eq!(host.amend_comment(&grant, "review", "nothing changes").await.unwrap(), Ensured::Updated);
    assert_eq!(host.amend_comment(&grant, "review", "nothing changes").await.unwrap(), Ensured::Unchanged);
    assert_eq!(ours(fixture, number).await, [mark("review", "nothing changes")]);
}

pub(super) async fn nothing_is_written_once_the_head_moved(fixture: &dyn Fixture) {
    let (number, head) = pull_request(fixture).await;
    let stale = review_grant(number, &head);
    let new = fixture.commit("change", None, "web.yaml", "replicas: 3").await;
    assert_eq!(fixture.host().pull_request(number).await.unwrap().head, new);
    let before = fixture.writes();
    let ensured = fixture.host().ensure_comment(&stale, "review", Some("stale")).await.unwrap();
    assert_eq!(ensured, Ensured::Unchanged);
    assert_eq!(fixture.writes(), before);
    assert!(fixture.comments(number).await.is_empty());
}

pub(super) async fn our_comment_is_found_behind_sixty_others(fixture: &dyn Fixture) {
    let (number, head) = pull_request(fixture).await;
    for n in 0..60 {
        fixture.comment_as(Who::Writer, number, &format!("chatter {n}")).await;
    }
    let grant = review_grant(number, &head);
    fixture.host().ensure_comment(&grant, "review", Some("a")).await.unwrap();
    assert_eq!(fixture.host().ensure_comment(&grant, "review", Some("b")).await.unwrap(), Ensured::Updated);
    assert_eq!(fixture.host().ensure_comment(&grant, "review", Some("b")).await.unwrap(), Ensured::Unchanged);
    assert_eq!(fixture.comments(number).await.len(), 61);
    assert_eq!(ours(fixture, number).await, [mark("review", "b")]);
}

pub(super) async fn a_lost_answer_makes_no_second_comment(fixture: &dyn Fixture) {
    let (number, head) = pull_request(fixture).await;
    let grant = review_grant(number, &head);
    fixture.host().identity().await.unwrap();
    fixture.lose_next_answer();
    assert_eq!(fixture.host().ensure_comment(&grant, "review", Some("a")).await.unwrap(), Ensured::Created);
    assert_eq!(ours(fixture, number).await, [mark("review", "a")]);
}

pub(super) async fn an_equal_status_is_not_posted_again(fixture: &dyn Fixture) {
    let (number, head) = pull_request(fixture).await;
    let grant = review_grant(number, &head);
    let grant = StatusGrant::Review(&grant);
    let host = fixture.host();
    let mut pending = status("mergeline/review", StatusState::Pending, "reading");
    pending.url = Some("https://ci.example.com/runs/1".to_owned());
    assert_eq!(host.ensure_status(&grant, &pending).await.unwrap(), Ensured::Created);
    let before = fixture.writes();
    assert_eq!(host.ensure_status(&grant, &pending).await.unwrap(), Ensured::Unchanged);
    assert_eq!(fixture.writes(), before);
    let long = "é".repeat(1000);
    let failure = status("mergeline/review", StatusState::Failure, &long);
    assert_eq!(host.ensure_status(&grant, &failure).await.unwrap(), Ensured::Updated);
    assert_eq!(host.ensure_status(&grant, &failure).await.unwrap(), Ensured::Unchanged);
    assert_eq!(fixture.writes(), before + 1);
}

pub(super) async fn the_newest_status_of_each_context_is_listed_with_its_author(fixture: &dyn Fixture) {
    let (number, head) = pull_request(fixture).await;
    let review = review_grant(number, &head);
    let grant = StatusGrant::Review(&review);
    let host = fixture.host();
    for n in 0..13 {
        let state = if n % 2 == 0 { StatusState::Pending } else { StatusState::Error };
        host.ensure_status(&grant, &status("mergeline/prod", state, &format!("step {n}"))).await.unwrap();
        if n == 0 {
            host.ensure_status(&grant, &status("mergeline/review", StatusState::Success, "good")).await.unwrap();
        }
    }
    let mut posted = host.statuses(&head).await.unwrap();
    posted.sort_by(|a, b| a.status.context.cmp(&b.status.context));
    assert_eq!(posted.len(), 2, "{posted:?}");
    assert_eq!(posted[0].status, status("mergeline/prod", StatusState::Pending, "step 12"));
    assert_eq!(posted[1].status, status("mergeline/review", StatusState::Success, "good"));
    assert_eq!(posted[0].author, host.identity().await.unwrap());
    assert!(posted[0].posted_at >= posted[1].posted_at);
}

pub(super) async fn a_commit_without_statuses_has_none(fixture: &dyn Fixture) {
    let head = fixture.commit("main", None, "README", "hello").await;
    assert_eq!(fixture.host().statuses(&head).await.unwrap(), []);
}

fn check(annotations: u32) -> Check {
    let annotation = |line: u32| Annotation {
        path: "web.yaml".to_owned(),
        line,
        column: (line.is_multiple_of(2)).then_some(3),
        level: if line.is_multiple_of(2) { AnnotationLevel::Failure } else { AnnotationLevel::Warning },
        title: "schema".to_owned(),
        message: format!("line {line} is wrong"),
    };
    Check {
        name: "Mergeline".to_owned(),
        state: StatusState::Failure,
        title: format!("{annotations} errors"),
        summary: "### Much is wrong".to_owned(),
        annotations: (1..=annotations).map(annotation).collect(),
        url: Some("https://ci.example.com/runs/1".to_owned()),
    }
}

pub(super) async fn a_check_has_all_its_annotations_once_where_there_are_checks(fixture: &dyn Fixture) {
    let (number, head) = pull_request(fixture).await;
    let review = review_grant(number, &head);
    let (grant, host) = (StatusGrant::Review(&review), fixture.host());
    let first = host.ensure_check(&grant, &check(120)).await.unwrap();
    if first == Ensured::Unsupported {
        assert_eq!((fixture.writes(), host.limits().check), (0, None));
        return;
    }
    assert_eq!((first, fixture.checks(&head).await), (Ensured::Created, vec![("Mergeline".to_owned(), 120)]));
    let before = fixture.writes();
    assert_eq!(host.ensure_check(&grant, &check(120)).await.unwrap(), Ensured::Unchanged);
    assert_eq!(fixture.writes(), before);
    // With no remark to take back, it is edited in place; else it is made anew, and the newest counts.
    let good = Check { state: StatusState::Success, title: "nothing is wrong".to_owned(), ..check(0) };
    assert_eq!(host.ensure_check(&grant, &good).await.unwrap(), Ensured::Updated);
    assert_eq!(fixture.checks(&head).await.last(), Some(&("Mergeline".to_owned(), 0)));
    assert_eq!(host.ensure_check(&grant, &good).await.unwrap(), Ensured::Unchanged);
    let other = Check { title: "still nothing".to_owned(), ..good };
    let before = fixture.checks(&head).await.len();
    assert_eq!(host.ensure_check(&grant, &other).await.unwrap(), Ensured::Updated);
    assert_eq!(fixture.checks(&head).await.len(), before);
}

pub(super) async fn a_lost_answer_makes_no_second_check_and_no_annotation_twice(fixture: &dyn Fixture) {
    let (number, head) = pull_request(fixture).await;
    let review = review_grant(number, &head);
    let (grant, host) = (StatusGrant::Review(&review), fixture.host());
    if host.limits().check.is_none() {
        return;
    }
    host.identity().await.unwrap();
    fixture.lose_next_answer();
    assert_eq!(host.ensure_check(&grant, &check(70)).await.unwrap(), Ensured::Created);
    assert_eq!(fixture.checks(&head).await, [("Mergeline".to_owned(), 70)]);
}

fn deployment(commit: &CommitId, state: StatusState, description: &str) -> Deployment {
    Deployment { environment: "prod".to_owned(), commit: commit.clone(), state, description: description.to_owned() }
}

pub(super) async fn a_lost_answer_makes_no_second_deployment(fixture: &dyn Fixture) {
    let commit = fixture.commit("main", None, "README", "hello").await;
    let grant = terminal().apply("prod", &commit).unwrap();
    if !fixture.has_deployments() {
        return;
    }
    fixture.host().identity().await.unwrap();
    fixture.lose_next_answer();
    let good = deployment(&commit, StatusState::Success, "12 of 12 healthy");
    assert_eq!(fixture.host().ensure_deployment(&grant, &good).await.unwrap(), Ensured::Created);
    assert_eq!(fixture.deployments("prod").await, [(commit.clone(), "success".to_owned())]);
    assert_eq!(fixture.host().ensure_deployment(&grant, &good).await.unwrap(), Ensured::Unchanged);
}

pub(super) async fn a_deployment_that_fails_and_then_goes_well_says_so(fixture: &dyn Fixture) {
    let commit = fixture.commit("main", None, "README", "hello").await;
    let grant = terminal().apply("prod", &commit).unwrap();
    if !fixture.has_deployments() {
        return;
    }
    let host = fixture.host();
    let bad = deployment(&commit, StatusState::Failure, &"3 of 12 healthy ".repeat(30));
    assert_eq!(host.ensure_deployment(&grant, &bad).await.unwrap(), Ensured::Created);
    assert_eq!(host.ensure_deployment(&grant, &bad).await.unwrap(), Ensured::Unchanged);
    let good = deployment(&commit, StatusState::Success, "12 of 12 healthy");
    assert_eq!(host.ensure_deployment(&grant, &good).await.unwrap(), Ensured::Updated);
    assert_eq!(fixture.deployments("prod").await.last(), Some(&(commit, "success".to_owned())));
    let next = fixture.commit("main", None, "README", "hello again").await;
    let grant = terminal().apply("prod", &next).unwrap();
    let good = deployment(&next, StatusState::Success, "12 of 12 healthy");
    assert!(matches!(host.ensure_deployment(&grant, &good).await.unwrap(), Ensured::Created | Ensured::Updated));
    assert_eq!(fixture.deployments("prod").await.last(), Some(&(next, "success".to_owned())));
}

pub(super) async fn ensuring_a_pull_request_twice_gives_the_same_number(fixture: &dyn Fixture) {
    fixture.commit("main", None, "README", "hello").await;
    let head = fixture.commit("promote/prod", Some("main"), "web.yaml", "2.1").await;
    let host = fixture.host();
    let (ensured, made) = host.ensure_pull_request(&promote_grant(), &draft("promote/prod")).await.unwrap();
    assert_eq!(ensured, Ensured::Created);
    assert_eq!((made.state, &made.head, made.from_fork), (PullRequestState::Open, &head, false));
    assert_eq!((made.title.as_str(), made.body.as_str()), ("prod: web 2.0 → 2.1", "What and why.\n\n- one\n- two"));
    assert_eq!((made.head_branch.as_str(), made.base_branch.as_str()), ("promote/prod", "main"));
    assert_eq!(made.labels, ["mergeline"]);
    assert_eq!(made.author, host.identity().await.unwrap());
    let before = fixture.writes();
    let (ensured, again) = host.ensure_pull_request(&promote_grant(), &draft("promote/prod")).await.unwrap();
    assert_eq!((ensured, again.number), (Ensured::Unchanged, made.number));
    assert_eq!(fixture.writes(), before);
    let other = PullRequestDraft { title: "prod: web 2.0 → 2.2".to_owned(), ..draft("promote/prod") };
    let (ensured, edited) = host.ensure_pull_request(&promote_grant(), &other).await.unwrap();
    assert_eq!((ensured, edited.number, edited.title), (Ensured::Updated, made.number, other.title));
}

pub(super) async fn a_lost_answer_makes_no_second_pull_request(fixture: &dyn Fixture) {
    fixture.commit("main", None, "README", "hello").await;
    fixture.commit("promote/prod", Some("main"), "web.yaml", "2.1").await;
    let host = fixture.host();
    fixture.lose_next_answer();
    let without_labels = PullRequestDraft { labels: vec![], ..draft("promote/prod") };
    let (ensured, made) = host.ensure_pull_request(&promote_grant(), &without_labels).await.unwrap();
    assert_eq!((ensured, made.state), (Ensured::Created, PullRequestState::Open));
    assert_eq!(host.pull_requests(&PullRequestQuery::default()).await.unwrap().len(), 1);
}

pub(super) async fn a_closed_pull_request_is_not_reopened_by_ensure(fixture: &dyn Fixture) {
    fixture.commit("main", None, "README", "hello").await;
    fixture.commit("promote/prod", Some("main"), "web.yaml", "2.1").await;
    let host = fixture.host();
    let (_, first) = host.ensure_pull_request(&promote_grant(), &draft("promote/prod")).await.unwrap();
    fixture.close_as_person(first.number).await;
    // Whether a closed one is a rejection is the caller's decision; the verb looks at open ones only.
    let (ensured, second) = host.ensure_pull_request(&promote_grant(), &draft("promote/prod")).await.unwrap();
    assert_eq!(ensured, Ensured::Created);
    assert_ne!(first.number, second.number);
    assert_eq!(host.pull_request(first.number).await.unwrap().state, PullRequestState::Closed);
    let closed = PullRequestQuery {
        head_branch: Some("promote/prod".to_owned()),
        base_branch: Some("main".to_owned()),
        state: Some(PullRequestState::Closed),
    };
    let numbers: Vec<u64> = host.pull_requests(&closed).await.unwrap().iter().map(|pull| pull.number).collect();
    assert_eq!(numbers, [first.number]);
}

pub(super) async fn closing_says_why_once(fixture: &dyn Fixture) {
    let (number, _) = pull_request(fixture).await;
    let host = fixture.host();
    let reason = "the environment `qa` is not configured any more";
    assert_eq!(host.close_pull_request(&promote_grant(), number, reason).await.unwrap(), Ensured::Updated);
    assert_eq!(host.pull_request(number).await.unwrap().state, PullRequestState::Closed);
    let before = fixture.writes();
    assert_eq!(host.close_pull_request(&promote_grant(), number, reason).await.unwrap(), Ensured::Unchanged);
    assert_eq!(fixture.writes(), before);
    let comments = ours(fixture, number).await;
    assert_eq!(comments.len(), 1);
    assert!(comments[0].ends_with(reason), "{comments:?}");
}

pub(super) async fn landing_merges_the_judged_head_once(fixture: &dyn Fixture) {
    let (number, head) = pull_request(fixture).await;
    let host = fixture.host();
    let Landing::Landed(commit) = host.land(&promote_grant(), number, &head).await.unwrap() else {
        panic!("not landed");
    };
    assert_eq!(fixture.branch("main").await, commit);
    assert_eq!(fixture.file("main", "web.yaml").await.as_deref(), Some("replicas: 2"));
    let pull = host.pull_request(number).await.unwrap();
    assert_eq!((pull.state, pull.merge_commit.as_ref()), (PullRequestState::Merged, Some(&commit)));
    assert_eq!(pull.merged_by, Some(host.identity().await.unwrap()));
    assert_eq!(pull.head, head);
    assert!(pull.merged_at.is_some());
    let before = fixture.writes();
    assert_eq!(host.land(&promote_grant(), number, &head).await.unwrap(), Landing::AlreadyMerged);
    assert_eq!(fixture.writes(), before);
}

pub(super) async fn a_landed_pull_request_is_landed_once(fixture: &dyn Fixture) {
    let (number, head) = pull_request(fixture).await;
    let host = fixture.host();
    let Landing::Landed(commit) = host.land(&promote_grant(), number, &head).await.unwrap() else {
        panic!("not landed");
    };
    assert_eq!(fixture.branch("main").await, commit);
    assert_eq!(host.pull_request(number).await.unwrap().state, PullRequestState::Merged);
    let query = |state| PullRequestQuery { state: Some(state), ..PullRequestQuery::default() };
    assert_eq!(host.pull_requests(&query(PullRequestState::Open)).await.unwrap(), []);
    assert_eq!(host.pull_requests(&query(PullRequestState::Merged)).await.unwrap().len(), 1);
    let before = fixture.writes();
    assert_eq!(host.land(&promote_grant(), number, &head).await.unwrap(), Landing::AlreadyMerged);
    assert_eq!((fixture.writes(), fixture.branch("main").await), (before, commit));
    // The branch serves again for the next change.
    let next = fixture.commit("change", Some("main"), "web.yaml", "replicas: 5").await;
    let (ensured, made) = host.ensure_pull_request(&promote_grant(), &draft("change")).await.unwrap();
    assert_eq!((ensured, made.head), (Ensured::Created, next));
    assert_ne!(made.number, number);
}

pub(super) async fn a_lost_answer_to_landing_is_still_landed(fixture: &dyn Fixture) {
    let (number, head) = pull_request(fixture).await;
    // The host may need a moment to see that it can be merged; ask once before the loss is armed.
    fixture.settle(number).await;
    fixture.lose_next_answer();
    let landing = fixture.host().land(&promote_grant(), number, &head).await.unwrap();
    assert_eq!(landing, Landing::Landed(fixture.branch("main").await));
    assert_eq!(fixture.file("main", "web.yaml").await.as_deref(), Some("replicas: 2"));
}

pub(super) async fn a_moved_head_is_not_landed(fixture: &dyn Fixture) {
    let (number, judged) = pull_request(fixture).await;
    fixture.commit("change", None, "web.yaml", "replicas: 300").await;
    assert_eq!(fixture.host().land(&promote_grant(), number, &judged).await.unwrap(), Landing::HeadMoved);
    assert_eq!(fixture.host().pull_request(number).await.unwrap().state, PullRequestState::Open);
    assert_eq!(fixture.file("main", "web.yaml").await, None);
}

pub(super) async fn conflicts_are_refused_with_a_reason(fixture: &dyn Fixture) {
    let (number, head) = pull_request(fixture).await;
    fixture.commit("main", None, "web.yaml", "replicas: 7").await;
    match fixture.host().land(&promote_grant(), number, &head).await.unwrap() {
        Landing::Refused(reason) => assert!(!reason.trim().is_empty()),
        other => panic!("{other:?}"),
    }
}

pub(super) async fn a_closed_pull_request_is_not_landed(fixture: &dyn Fixture) {
    let (number, head) = pull_request(fixture).await;
    fixture.close_as_person(number).await;
    let landing = fixture.host().land(&promote_grant(), number, &head).await.unwrap();
    assert!(matches!(landing, Landing::Refused(_)), "{landing:?}");
    assert_eq!(fixture.file("main", "web.yaml").await, None);
}

pub(super) async fn a_persons_merge_is_seen(fixture: &dyn Fixture) {
    let (number, _) = pull_request(fixture).await;
    fixture.merge_as_person(number).await;
    let pull = fixture.host().pull_request(number).await.unwrap();
    assert_eq!(pull.state, PullRequestState::Merged);
    assert_eq!(pull.merge_commit, Some(fixture.branch("main").await));
    assert_eq!(pull.merged_by, Some(fixture.login(Who::Writer)));
    let query = PullRequestQuery { state: Some(PullRequestState::Merged), ..PullRequestQuery::default() };
    let mut listed = fixture.host().pull_requests(&query).await.unwrap();
    listed[0].merged_by.clone_from(&pull.merged_by);
    assert_eq!(listed, [pull]);
    let query = PullRequestQuery { state: Some(PullRequestState::Closed), ..PullRequestQuery::default() };
    assert_eq!(fixture.host().pull_requests(&query).await.unwrap(), []);
}

pub(super) async fn a_pull_request_from_a_fork_is_known_as_one(fixture: &dyn Fixture) {
    fixture.commit("main", None, "README", "hello").await;
    let (number, head) = fixture.open_from_fork("change", "main", "web.yaml", "replicas: 9").await;
    let pull = fixture.host().pull_request(number).await.unwrap();
    assert!(pull.from_fork);
    assert_eq!((pull.head, pull.head_branch.as_str()), (head, "change"));
    // A branch of the same name in the repository is another one.
    fixture.commit("change", Some("main"), "db.yaml", "1").await;
    let (ensured, made) = fixture.host().ensure_pull_request(&promote_grant(), &draft("change")).await.unwrap();
    assert_eq!(ensured, Ensured::Created);
    assert_ne!(made.number, number);
}

pub(super) async fn a_reader_is_refused_and_told_why(fixture: &dyn Fixture) {
    let (number, head) = pull_request(fixture).await;
    let reader = fixture.host_as(Who::Reader);
    let review = review_grant(number, &head);
    let refused = reader
        .ensure_status(&StatusGrant::Review(&review), &status("mergeline/review", StatusState::Success, "good"))
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Remote, "{refused}");
    assert!(!refused.hints().is_empty(), "{refused}");
    assert_eq!(fixture.host().statuses(&head).await.unwrap(), []);
    match reader.land(&promote_grant(), number, &head).await {
        Err(failure) => assert_eq!(failure.kind(), FailureKind::Remote),
        Ok(landing) => assert!(matches!(landing, Landing::Refused(_)), "{landing:?}"),
    }
    assert_eq!(fixture.file("main", "web.yaml").await, None);
}

pub(super) async fn a_forbidden_pull_request_names_the_setting(fixture: &dyn Fixture) {
    fixture.commit("main", None, "README", "hello").await;
    fixture.commit("promote/prod", Some("main"), "web.yaml", "2.1").await;
    if !fixture.forbid_pull_requests().await {
        return;
    }
    let refused = fixture.host().ensure_pull_request(&promote_grant(), &draft("promote/prod")).await.unwrap_err();
    assert_eq!(refused.kind(), FailureKind::Remote);
    let said = format!("{refused} {}", refused.hints().join(" "));
    assert!(said.contains("pull request") || said.contains("pull-request"), "{said}");
    assert!(!refused.hints().is_empty());
}

pub(super) async fn a_missing_pull_request_is_a_clear_failure(fixture: &dyn Fixture) {
    fixture.commit("main", None, "README", "hello").await;
    let failure = fixture.host().pull_request(999).await.unwrap_err();
    assert_eq!(failure.kind(), FailureKind::Remote);
    assert!(failure.to_string().contains("999"), "{failure}");
}

pub(super) async fn pull_requests_are_listed_newest_first_to_the_end(fixture: &dyn Fixture) {
    fixture.commit("main", None, "README", "hello").await;
    let mut numbers = Vec::new();
    for n in 0..7 {
        let branch = format!("change-{n}");
        fixture.commit(&branch, Some("main"), &format!("file-{n}"), "x").await;
        numbers.push(fixture.open_pull_request(&branch, "main").await);
    }
    numbers.reverse();
    let query = PullRequestQuery { base_branch: Some("main".to_owned()), ..PullRequestQuery::default() };
    let listed = fixture.host().pull_requests(&query).await.unwrap();
    assert_eq!(listed.iter().map(|pull| pull.number).collect::<Vec<_>>(), numbers);
    let query = PullRequestQuery { head_branch: Some("change-0".to_owned()), ..PullRequestQuery::default() };
    let listed = fixture.host().pull_requests(&query).await.unwrap();
    assert_eq!(listed.iter().map(|pull| pull.number).collect::<Vec<_>>(), numbers[6..]);
}

pub(super) async fn a_deployment_is_recorded_once_where_there_are_such_records(fixture: &dyn Fixture) {
    let commit = fixture.commit("main", None, "README", "hello").await;
    let grant = terminal().apply("prod", &commit).unwrap();
    let deployment = Deployment {
        environment: "prod".to_owned(),
        commit: commit.clone(),
        state: StatusState::Success,
        description: "12 of 12 healthy".to_owned(),
    };
    let first = fixture.host().ensure_deployment(&grant, &deployment).await.unwrap();
    let before = fixture.writes();
    let second = fixture.host().ensure_deployment(&grant, &deployment).await.unwrap();
    assert!(
        matches!(
            (first, second),
            (Ensured::Created, Ensured::Unchanged) | (Ensured::Unsupported, Ensured::Unsupported)
        ),
        "{first:?} {second:?}"
    );
    assert_eq!(fixture.writes(), before);
}
