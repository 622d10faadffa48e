//! Chat commands: what a person with the right to merge asks for in a comment, judged on the default branch.
//!
//! A command is bound to the head that its author saw: the one that they name, else the one that our own review status was
//! on when they wrote. Whoever may not write gets no answer and changes nothing. Decided by DESIGN §4 "Trusting" and "Waking".

use super::command::Ran;
use super::reconcile::{ReconcileOptions, reconcile};
use super::session::{Session, Tip};
use crate::event::chat::{Asked, Command, GRAMMAR};
use crate::failure::{Failure, Result};
use crate::host::{PullRequest, PullRequestState};
use crate::report::Report;
use crate::review::CONTEXT;
use jiff::Timestamp;

/// The topic of the answer: one comment a pull request, edited in place.
const TOPIC: &str = "answer";

/// Obeys or refuses a command, and says which on the pull request.
///
/// # Errors
/// Refused when its author may not write to the repository; else as reconciling does.
pub(super) async fn answer(
    session: &Session,
    options: &ReconcileOptions,
    number: u64,
    asked: &Asked,
    written_at: Option<Timestamp>,
    tip: &Tip,
    tell: &dyn Fn(&str),
) -> Result<Ran> {
    if !session.grants.why_not().is_empty() {
        return Err(Failure::refused(session.grants.why_not().to_owned())
            .hint("chat commands are for people who may merge: give them write access on the host"));
    }
    let pull = session.host.pull_request(number).await?;
    let head = match asked {
        Asked::Nothing => return Ok(Ran::nothing("the comment gives no command")),
        Asked::Command(Command::Help) => return say(session, options, &pull, &help()).await,
        Asked::Unknown(word) => {
            let what = word.as_ref().map_or_else(|| "that".to_owned(), |word| format!("`{word}` written so"));
            return say(session, options, &pull, &format!("{what} is no command of Mergeline.\n\n{}", help())).await;
        }
        Asked::Command(Command::Land { head }) => head,
    };
    // Landed by a button already: what is left is to deliver it, which every run does.
    let land = match pull.state {
        PullRequestState::Merged => None,
        PullRequestState::Open | PullRequestState::Closed => {
            match refusal(session, &pull, head.as_deref(), written_at, tip).await? {
                Some(why) => return say(session, options, &pull, &format!("Not landed: {why}.")).await,
                None => Some((pull.number, pull.head.clone())),
            }
        }
    };
    let options = ReconcileOptions { asked: land.clone(), ..options.clone() };
    let done = reconcile(session, &options, tell).await?;
    if let Some((number, _)) = land.filter(|_| !options.dry_run) {
        let landed = session.host.pull_request(number).await?.state == PullRequestState::Merged;
        let next =
            done.board.iter().find_map(|row| row.next.as_deref().filter(|next| next.contains(&format!("#{number}"))));
        let text = match (landed, next) {
            (true, _) => "Landed.".to_owned(),
            (false, Some(next)) => format!("Not landed yet: {}.", crate::report::markdown::escape::text(next)),
            (false, None) => "Not landed: the log of the run says why.".to_owned(),
        };
        say(session, &options, &pull, &text).await?;
    }
    Ok(Ran { report: done.report, board: done.board, nothing: None, failure: done.failure })
}

/// Why a pull request cannot be landed by a command, if so.
async fn refusal(
    session: &Session,
    pull: &PullRequest,
    head: Option<&str>,
    written_at: Option<Timestamp>,
    tip: &Tip,
) -> Result<Option<String>> {
    if pull.state == PullRequestState::Closed {
        return Ok(Some("it was closed, which rejects its release".to_owned()));
    }
    let environment = tip.config.as_ref().and_then(|config| config.environment_of_branch(&pull.base_branch));
    let promotion = environment.is_some_and(|name| pull.head_branch == crate::promote::promotion_branch(name));
    if !promotion || pull.from_fork {
        return Ok(Some(
            "this is no promotion; merge it as you merge others, and what it changes is delivered".to_owned(),
        ));
    }
    let short = pull.head.short();
    if let Some(head) = head {
        return Ok((!pull.head.as_str().starts_with(head)).then(|| format!("its head is {short} by now")));
    }
    // The status is posted with every head that we propose, by the host's clock.
    let own = session.host.identity().await?;
    let statuses = session.host.statuses(&pull.head).await?;
    let reported = statuses
        .iter()
        .find(|posted| posted.status.context == CONTEXT && posted.author.eq_ignore_ascii_case(&own))
        .map(|posted| posted.posted_at);
    Ok(match (reported, written_at) {
        (Some(reported), Some(written)) if reported <= written => None,
        _ => Some(format!("its head {short} may be newer than the command; to land it, say `/mergeline land {short}`")),
    })
}

fn help() -> String {
    let line = |(command, what): &(&str, &str)| format!("- `{command}`: {what}\n");
    format!(
        "Commands are the whole first line of a new comment, by people who may merge:\n\n{}",
        GRAMMAR.iter().map(line).collect::<String>()
    )
}

/// Answers on the pull request; a run that may write nothing says it to its caller alone.
async fn say(session: &Session, options: &ReconcileOptions, pull: &PullRequest, text: &str) -> Result<Ran> {
    if let Some(grant) = session.grants.review_of(pull.number, &pull.head).filter(|_| !options.dry_run) {
        session.host.ensure_comment(&grant, TOPIC, Some(text)).await?;
    }
    Ok(Ran { report: Report::new("run"), ..Ran::nothing(text.lines().next().unwrap_or_default()) })
}
