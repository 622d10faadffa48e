//! What every host promises of remarks beside lines.

use super::cases::review_grant;
use super::fixture::{Fixture, Who};
use mergeline::commit::CommitId;
use mergeline::host::{Ensured, Remark};

const FILE: &str = "web.yaml";

fn text(replicas: &str) -> String {
    let lines: String = (1..=30).map(|line| format!("# line {line}\n")).collect();
    format!("{lines}replicas: {replicas}\nimage: web\n")
}

/// A pull request that adds lines 31 and 32 of a file of 30, and its head.
pub(super) async fn pull_request(fixture: &dyn Fixture) -> (u64, CommitId) {
    let lines: String = (1..=30).map(|line| format!("# line {line}\n")).collect();
    fixture.commit("main", None, FILE, &lines).await;
    let head = fixture.commit("change", Some("main"), FILE, &text("'3'")).await;
    (fixture.open_pull_request("change", "main").await, head)
}

pub(super) fn remark(key: &str, line: u32, body: &str) -> Remark {
    Remark { path: FILE.to_owned(), line, key: key.to_owned(), body: body.to_owned() }
}

/// Line and text of our own remarks, without their markers.
pub(super) async fn ours(fixture: &dyn Fixture, number: u64) -> Vec<(u64, String)> {
    let own = fixture.host().identity().await.unwrap();
    let remarks = fixture.remarks(number).await.into_iter().filter(|(_, author, ..)| *author == own);
    let mut ours: Vec<(u64, String)> = remarks
        .map(|(_, _, path, line, body)| {
            assert_eq!(path, FILE);
            let (marker, body) = body.split_once('\n').unwrap();
            assert!(marker.starts_with("<!-- mergeline:line/"), "{marker}");
            (line, body.trim().to_owned())
        })
        .collect();
    ours.sort();
    ours
}

pub(super) fn said(line: u64, body: &str) -> (u64, String) {
    (line, body.to_owned())
}

pub(super) async fn remarks_stand_on_their_lines_once_and_go_when_they_are_mended(fixture: &dyn Fixture) {
    let (number, head) = pull_request(fixture).await;
    let (grant, host) = (review_grant(number, &head), fixture.host());
    let both = [remark("a1", 31, "leave the quotes out"), remark("b2", 32, "name a tag")];
    assert_eq!(host.ensure_remarks(&grant, &both).await.unwrap(), Ensured::Created);
    let there = [said(31, "leave the quotes out"), said(32, "name a tag")];
    assert_eq!(ours(fixture, number).await, there);
    let before = fixture.writes();
    for _ in 0..3 {
        assert_eq!(host.ensure_remarks(&grant, &both).await.unwrap(), Ensured::Unchanged);
    }
    assert_eq!(fixture.writes(), before);
    // A comment of ours and its finder have nothing to do with them.
    host.ensure_comment(&grant, "review", Some("1 error")).await.unwrap();
    assert_eq!(host.ensure_comment(&grant, "review", Some("1 error")).await.unwrap(), Ensured::Unchanged);

    let edited = [both[0].clone(), remark("b2", 32, "pin a digest")];
    assert_eq!(host.ensure_remarks(&grant, &edited).await.unwrap(), Ensured::Updated);
    assert_eq!(ours(fixture, number).await, [said(31, "leave the quotes out"), said(32, "pin a digest")]);
    assert_eq!(host.ensure_remarks(&grant, &edited[1..]).await.unwrap(), Ensured::Updated);
    assert_eq!(ours(fixture, number).await, [said(32, "pin a digest")]);
    assert_eq!(host.ensure_remarks(&grant, &[]).await.unwrap(), Ensured::Removed);
    assert_eq!(fixture.remarks(number).await, []);
    assert_eq!(host.ensure_remarks(&grant, &[]).await.unwrap(), Ensured::Unchanged);
}

pub(super) async fn a_remark_that_somebody_answered_stays_and_is_called_settled(fixture: &dyn Fixture) {
    let (number, head) = pull_request(fixture).await;
    let (grant, host) = (review_grant(number, &head), fixture.host());
    host.ensure_remarks(&grant, &[remark("a1", 31, "leave the quotes out")]).await.unwrap();
    let id = fixture.remarks(number).await[0].0;
    fixture.answer_remark(number, id, "why?").await;
    assert_eq!(host.ensure_remarks(&grant, &[]).await.unwrap(), Ensured::Updated);
    let left = ours(fixture, number).await;
    assert!(left.len() == 1 && left[0].1.starts_with("Settled"), "{left:?}");
    assert_eq!(host.ensure_remarks(&grant, &[]).await.unwrap(), Ensured::Unchanged);
}

pub(super) async fn a_line_that_the_pull_request_does_not_show_has_no_remark(fixture: &dyn Fixture) {
    let (number, head) = pull_request(fixture).await;
    let (grant, host) = (review_grant(number, &head), fixture.host());
    let both = [remark("a1", 2, "far from the change"), remark("b2", 31, "leave the quotes out")];
    host.ensure_remarks(&grant, &both).await.unwrap();
    let there = ours(fixture, number).await;
    assert!(there.contains(&said(31, "leave the quotes out")), "{there:?}");
    // Some hosts take a remark on any line of the file; none gets one twice.
    assert!(there.len() <= 2, "{there:?}");
    let again = ours(fixture, number).await;
    host.ensure_remarks(&grant, &both).await.unwrap();
    assert_eq!(ours(fixture, number).await, again);
}

pub(super) async fn a_lost_answer_makes_no_remark_twice(fixture: &dyn Fixture) {
    let (number, head) = pull_request(fixture).await;
    let (grant, host) = (review_grant(number, &head), fixture.host());
    host.identity().await.unwrap();
    fixture.lose_next_answer();
    let both = [remark("a1", 31, "leave the quotes out"), remark("b2", 32, "name a tag")];
    assert_eq!(host.ensure_remarks(&grant, &both).await.unwrap(), Ensured::Created);
    assert_eq!(ours(fixture, number).await, [said(31, "leave the quotes out"), said(32, "name a tag")]);
}

pub(super) async fn no_remark_is_written_once_the_head_moved(fixture: &dyn Fixture) {
    let (number, head) = pull_request(fixture).await;
    let stale = review_grant(number, &head);
    let new = fixture.commit("change", None, FILE, &text("4")).await;
    assert_eq!(fixture.host().pull_request(number).await.unwrap().head, new);
    let before = fixture.writes();
    let remarks = [remark("a1", 31, "stale")];
    assert_eq!(fixture.host().ensure_remarks(&stale, &remarks).await.unwrap(), Ensured::Unchanged);
    assert_eq!(fixture.writes(), before);
    // Nor does anybody else's account remove ours.
    fixture.host_as(Who::Writer).ensure_remarks(&review_grant(number, &new), &[]).await.unwrap();
}
