//! Chat commands in comments on promotion pull requests: who is obeyed, about which head, and what the answer says.

use super::hosted::{BRANCHES, Hosted, Local};
use super::place::Said;
use mergeline::host::marker::Comment;
use mergeline::host::{PullRequest, PullRequestQuery, PullRequestState, Rights};
use serde_json::json;

const SHOP: &str = "acme/shop";
/// After whatever the embedded host wrote.
const LATER: &str = "2999-01-01T00:00:00Z";
/// Before it.
const EARLIER: &str = "2000-01-01T00:00:00Z";

/// A shop whose first release waits before prod for a person, and a member who may write.
fn waiting() -> (Hosted, Local) {
    let (mut hosted, local) = Hosted::local(BRANCHES);
    hosted.once(&["promote"]).exits(0);
    hosted.set("MERGELINE_HOST", format!("local={}", local.host.folder().display()));
    local.host.set_member("ada", Rights::Write).unwrap();
    local.host.set_member("eve", Rights::Read).unwrap();
    (hosted, local)
}

fn promotion(local: &Local) -> PullRequest {
    use mergeline::host::Host;
    let query = PullRequestQuery { base_branch: Some("env/prod".to_owned()), ..PullRequestQuery::default() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let pulls = runtime.block_on(local.host.pull_requests(&query)).unwrap();
    pulls.into_iter().next().unwrap()
}

fn says(hosted: &mut Hosted, number: u64, author: &str, body: &str, written_at: &str) -> Said {
    let payload = json!({
        "action": "created",
        "issue": {"number": number, "pull_request": {}},
        "comment": {"body": body, "user": {"login": author, "type": "User"}, "created_at": written_at},
    });
    hosted.as_job("issue_comment", &payload.to_string(), SHOP, "http://127.0.0.1:1");
    hosted.run(&["run"])
}

/// What was answered; at most one comment of the answer's topic stands.
fn answer(local: &Local, number: u64) -> Option<String> {
    let comments = local.host.comments(number).unwrap();
    let answers: Vec<&Comment> = comments.iter().filter(|comment| comment.body.contains("mergeline:answer")).collect();
    assert!(answers.len() <= 1, "{answers:#?}");
    answers.first().map(|comment| comment.body.clone())
}

#[test]
fn a_promotion_is_landed_by_a_comment_of_somebody_who_may_merge() {
    let (mut hosted, local) = waiting();
    let pull = promotion(&local);
    says(&mut hosted, pull.number, "ada", "/mergeline land\nthe shop is closed", LATER).exits(0);
    assert_eq!(promotion(&local).state, PullRequestState::Merged);
    assert!(answer(&local, pull.number).unwrap().contains("Landed."));
    // Said again, there is nothing left to land, and nothing is written.
    let before = local.everything();
    says(&mut hosted, pull.number, "ada", "/mergeline land", LATER).exits(0);
    assert!(before == local.everything());
}

#[test]
fn who_may_not_write_is_not_obeyed_and_not_answered() {
    let (mut hosted, local) = waiting();
    let number = promotion(&local).number;
    let before = local.everything();
    for author in ["eve", "mallory"] {
        for body in ["/mergeline land", "/mergeline help", "/mergeline rollback"] {
            let said = says(&mut hosted, number, author, body, LATER).exits(5);
            assert!(said.err.contains("may not write to this repository"), "{}", said.err);
        }
    }
    assert!(before == local.everything());
}

#[test]
fn a_command_is_about_the_head_that_its_author_saw() {
    let (mut hosted, local) = waiting();
    let pull = promotion(&local);
    let short = &pull.head.as_str()[..12];
    says(&mut hosted, pull.number, "ada", "/mergeline land", EARLIER).exits(0);
    assert!(
        answer(&local, pull.number).unwrap().contains(&format!(
            "may be newer than the command; to land it, say `/mergeline land {}",
            pull.head.short()
        ))
    );
    says(&mut hosted, pull.number, "ada", &format!("/mergeline land {}", "0".repeat(12)), LATER).exits(0);
    assert!(answer(&local, pull.number).unwrap().contains("by now"));
    assert_eq!(promotion(&local).state, PullRequestState::Open);
    says(&mut hosted, pull.number, "ada", &format!("/mergeline land {short}"), EARLIER).exits(0);
    assert_eq!(promotion(&local).state, PullRequestState::Merged);
}

#[test]
fn what_is_no_promotion_and_what_is_no_command_is_answered_and_not_done() {
    let (mut hosted, local) = waiting();
    hosted.push("change", &[("web/other.yaml", "{apiVersion: v1, kind: ConfigMap, metadata: {name: other}}\n")]);
    let change = local.open("change", None).number;
    says(&mut hosted, change, "ada", "/mergeline land", LATER).exits(0);
    assert!(answer(&local, change).unwrap().contains("this is no promotion"));
    let promotion = promotion(&local).number;
    says(&mut hosted, promotion, "ada", "/mergeline rollback prod", LATER).exits(0);
    let text = answer(&local, promotion).unwrap();
    assert!(
        text.contains("`rollback` written so is no command") && text.contains("/mergeline land [COMMIT]"),
        "{text}"
    );
    says(&mut hosted, promotion, "ada", "/mergeline <img src=x> @everyone", LATER).exits(0);
    let text = answer(&local, promotion).unwrap();
    assert!(!text.contains("<img") && !text.contains("@everyone"), "{text}");
    says(&mut hosted, promotion, "ada", "/mergeline", LATER).exits(0);
    let text = answer(&local, promotion).unwrap();
    assert!(text.contains("Commands are the whole first line"), "{text}");
}

#[test]
fn a_gate_holds_whoever_asks() {
    let gated = BRANCHES.replace("needs: [dev]", "needs: [dev], gates: {soak: 1h}");
    let (mut hosted, local) = Hosted::local(&gated);
    hosted.once(&["promote"]).exits(0);
    hosted.set("MERGELINE_HOST", format!("local={}", local.host.folder().display()));
    local.host.set_member("ada", Rights::Admin).unwrap();
    let number = promotion(&local).number;
    says(&mut hosted, number, "ada", "/mergeline land", LATER).exits(0);
    assert_eq!(promotion(&local).state, PullRequestState::Open);
    let text = answer(&local, number).unwrap();
    assert!(text.contains("Not landed yet") && text.contains("soak"), "{text}");
}
