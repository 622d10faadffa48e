//! Remarks on GitLab go out together, and what publishing would take along is not let lie or said.

use super::cases::review_grant;
use super::fixture::{Fixture, Who};
use super::gitlab::{GitLab, PROJECT, address};
use super::remarks::{ours, pull_request, remark, said};
use mergeline::host::{Ensured, GitLabHost, Host, Remark};
use mergeline_lab::gitlab::Account;
use mergeline_lab::stub::{Fault, Injection};

fn two() -> [Remark; 2] {
    [remark("a1", 31, "leave the quotes out"), remark("b2", 32, "name a tag")]
}

fn there() -> [(u64, String); 2] {
    [said(31, "leave the quotes out"), said(32, "name a tag")]
}

fn publishes(request: &mergeline_lab::stub::Request) -> bool {
    request.path.ends_with("/bulk_publish")
}

#[tokio::test]
async fn all_new_remarks_of_a_review_are_one_notification_and_twenty_runs_add_none() {
    let gitlab = GitLab::new();
    let (number, head) = pull_request(&gitlab).await;
    let grant = review_grant(number, &head);
    assert_eq!(gitlab.host().ensure_remarks(&grant, &two()).await.unwrap(), Ensured::Created);
    let writes = gitlab.writes();
    for _ in 0..20 {
        assert_eq!(gitlab.host().ensure_remarks(&grant, &two()).await.unwrap(), Ensured::Unchanged);
    }
    assert_eq!((gitlab.writes(), ours(&gitlab, number).await.as_slice()), (writes, there().as_slice()));
    let server = gitlab.stub.service();
    assert_eq!((server.notified(PROJECT, number), server.drafts(PROJECT, number)), (1, vec![]));
}

#[tokio::test]
async fn an_answer_that_is_lost_at_any_write_gives_each_remark_once_and_leaves_no_draft() {
    for fault in [Fault::DropBefore, Fault::DropAfter, Fault::Truncate, Fault::StatusAfter(502)] {
        for n in 1..=3 {
            let gitlab = GitLab::new();
            let (number, head) = pull_request(&gitlab).await;
            let host = gitlab.host();
            host.identity().await.unwrap();
            gitlab.stub.inject(Injection::nth_write(n, fault.clone()));
            host.ensure_remarks(&review_grant(number, &head), &two()).await.unwrap();
            assert_eq!(ours(&gitlab, number).await, there(), "write {n}, {fault:?}");
            let server = gitlab.stub.service();
            assert_eq!(server.drafts(PROJECT, number), [""; 0], "write {n}, {fault:?}");
            assert_eq!(server.notified(PROJECT, number), 1, "write {n}, {fault:?}");
        }
    }
}

#[tokio::test]
async fn what_a_cut_run_drafted_is_published_once_or_deleted_and_never_said_late() {
    let gitlab = GitLab::new();
    let (number, head) = pull_request(&gitlab).await;
    let (grant, server) = (review_grant(number, &head), gitlab.stub.service());
    // Cut before it published: whatever it tries then is lost.
    gitlab.stub.inject(Injection::next(Fault::DropBefore).matching(publishes).always());
    drop(gitlab.host().ensure_remarks(&grant, &two()).await);
    gitlab.stub.calm();
    for remark in two() {
        let text = mergeline::host::marker::mark(&format!("line/{}", remark.key), &remark.body);
        server.begin_review(&us(&gitlab), PROJECT, number, &text);
    }
    // The place of these drafts is none: they are deleted, the others taken up.
    assert_eq!(gitlab.host().ensure_remarks(&grant, &two()).await.unwrap(), Ensured::Created);
    assert_eq!(ours(&gitlab, number).await, there());
    assert_eq!((server.notified(PROJECT, number), server.drafts(PROJECT, number)), (1, vec![]));

    // Nothing is left to say: what an older run drafted goes, too.
    let stale = mergeline::host::marker::mark("line/c3", "an older finding");
    server.begin_review(&us(&gitlab), PROJECT, number, &stale);
    assert_eq!(gitlab.host().ensure_remarks(&grant, &two()).await.unwrap(), Ensured::Unchanged);
    assert_eq!((server.notified(PROJECT, number), server.drafts(PROJECT, number)), (1, vec![]));
    assert_eq!(ours(&gitlab, number).await, there());
}

#[tokio::test]
async fn a_review_that_a_person_began_with_our_account_is_not_published() {
    let gitlab = GitLab::new();
    let (number, head) = pull_request(&gitlab).await;
    let server = gitlab.stub.service();
    server.begin_review(&us(&gitlab), PROJECT, number, "not ready to say this");
    gitlab.host().ensure_remarks(&review_grant(number, &head), &two()).await.unwrap();
    assert_eq!(ours(&gitlab, number).await, there());
    assert_eq!(server.drafts(PROJECT, number), ["not ready to say this"]);
    assert_eq!(server.notified(PROJECT, number), 2);
}

#[tokio::test]
async fn a_server_without_drafts_and_one_that_does_not_publish_get_remarks_one_by_one() {
    let gitlab = GitLab::new();
    let (number, head) = pull_request(&gitlab).await;
    let server = gitlab.stub.service();
    server.be_without_drafts();
    gitlab.host().ensure_remarks(&review_grant(number, &head), &two()).await.unwrap();
    assert_eq!((ours(&gitlab, number).await.as_slice(), server.notified(PROJECT, number)), (there().as_slice(), 2));

    for status in [403, 500] {
        let gitlab = GitLab::new();
        let (number, head) = pull_request(&gitlab).await;
        let server = gitlab.stub.service();
        gitlab.stub.inject(Injection::next(Fault::Status(status)).matching(publishes).always());
        gitlab.host().ensure_remarks(&review_grant(number, &head), &two()).await.unwrap();
        assert_eq!(ours(&gitlab, number).await, there(), "{status}");
        assert_eq!(server.drafts(PROJECT, number), [""; 0], "{status}");
    }
}

#[tokio::test]
async fn a_remark_on_a_line_that_is_not_shown_does_not_keep_the_others_back() {
    let gitlab = GitLab::new();
    let (number, head) = pull_request(&gitlab).await;
    let [one, other] = two();
    let three = [remark("c3", 2, "far from the change"), one, other];
    let host = GitLabHost::new(&address(&gitlab.stub, &us(&gitlab).token)).unwrap();
    host.ensure_remarks(&review_grant(number, &head), &three).await.unwrap();
    let server = gitlab.stub.service();
    assert_eq!(ours(&gitlab, number).await, there());
    assert_eq!((server.notified(PROJECT, number), server.drafts(PROJECT, number)), (1, vec![]));
}

fn us(gitlab: &GitLab) -> Account {
    gitlab.account(Who::Us).clone()
}
