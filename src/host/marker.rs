//! Our own comments among all comments: the hidden marker, and the one decision that keeps a topic's comment single.
//!
//! A comment is ours when its first line is the topic's marker *and* our account wrote it; a marker in anybody else's
//! comment means nothing. The decision ([`decide`]) is pure, and `ensure` runs it over any host that can list,
//! create, edit and delete comments: an answer lost on the way is followed by looking again, never by blind repetition.

use super::Ensured;
use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use async_trait::async_trait;

/// The topic of the comment that says why a pull request was closed.
pub(crate) const CLOSED: &str = "closed";

/// The hidden first line of a comment of `topic`.
#[must_use]
pub fn marker(topic: &str) -> String {
    format!("<!-- mergeline:{topic} -->")
}

/// The text that a host stores for `body`: the topic's marker, then the body.
#[must_use]
pub fn mark(topic: &str, body: &str) -> String {
    format!("{}\n{body}", marker(topic))
}

/// Says whether the first line of `text` is the marker of `topic`. Hosts may store `\r\n`.
#[must_use]
pub fn is_marked(topic: &str, text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.trim_end() == marker(topic))
}

/// A comment as a host lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comment {
    /// Its number on the host; a greater one is newer.
    pub id: u64,
    /// Login of its author.
    pub author: String,
    /// Its text, with the marker.
    pub body: String,
}

/// Which writes would make a topic's comment single and current. Empty when it is so already.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Post this text.
    pub create: Option<String>,
    /// Replace the text of this comment.
    pub update: Option<(u64, String)>,
    /// Delete these, twins and withdrawn ones.
    pub delete: Vec<u64>,
}

impl Plan {
    /// Says whether nothing is to be written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Decides what makes `comments` hold exactly one comment of `topic` by `own` with `body`, or none without a body.
///
/// The oldest of ours stays, whatever the order of the list: its links and its place in the discussion are known to
/// people. Line ends and white space at the end, which hosts change, make no difference.
#[must_use]
pub fn decide(comments: &[Comment], own: &str, topic: &str, body: Option<&str>) -> Plan {
    let mut ours: Vec<&Comment> =
        comments.iter().filter(|c| c.author.eq_ignore_ascii_case(own) && is_marked(topic, &c.body)).collect();
    ours.sort_by_key(|comment| comment.id);
    let Some(body) = body else {
        return Plan { delete: ours.iter().map(|comment| comment.id).collect(), ..Plan::default() };
    };
    let text = mark(topic, body);
    let Some((oldest, twins)) = ours.split_first() else {
        return Plan { create: Some(text), ..Plan::default() };
    };
    let update = (!same_text(&oldest.body, &text)).then_some((oldest.id, text));
    Plan { create: None, update, delete: twins.iter().map(|comment| comment.id).collect() }
}

/// Compares texts as a host may have stored them: with `\r\n`, and without white space at the end. How long a run took,
/// which the small print at the end says, is no content: a comment is not edited for it alone.
#[must_use]
pub fn same_text(one: &str, other: &str) -> bool {
    let lines = |text: &str| text.trim_end().lines().map(timeless).collect::<Vec<_>>();
    lines(one) == lines(other)
}

/// A line of small print without ` in 0.3 s` or ` in 2 min 5 s`.
fn timeless(line: &str) -> String {
    if !line.starts_with("<sub>") {
        return line.to_owned();
    }
    let mut words: Vec<&str> = Vec::new();
    let mut parts = line.split(' ').peekable();
    while let Some(word) = parts.next() {
        let timed = word == "in" && parts.peek().is_some_and(|next| next.parse::<f64>().is_ok());
        if !timed {
            words.push(word);
            continue;
        }
        while parts.next_if(|next| next.parse::<f64>().is_ok() || ["s", "min", "s</sub>"].contains(next)).is_some() {}
    }
    words.join(" ")
}

/// A write that did not come back with a good answer.
#[derive(Debug)]
pub enum WriteError {
    /// The host refused or was never reached: nothing was done.
    NotDone(Failure),
    /// The answer was lost, or the host failed after taking the request: it may be done. Look before repeating.
    MaybeDone(Failure),
}

/// The result of a write that must not be repeated blindly.
pub type Written<T> = std::result::Result<T, WriteError>;

impl WriteError {
    /// The failure, when nobody looks again.
    #[must_use]
    pub fn into_failure(self) -> Failure {
        match self {
            Self::NotDone(failure) | Self::MaybeDone(failure) => failure,
        }
    }
}

/// The comments of one pull request, as a host gives them.
#[async_trait]
pub(crate) trait Comments: Send + Sync {
    /// The head of the pull request, now.
    async fn head(&self) -> Result<CommitId>;
    /// All comments, paged to the end.
    async fn list(&self) -> Result<Vec<Comment>>;
    /// Posts one.
    async fn create(&self, text: &str) -> Written<()>;
    /// Replaces the text of one.
    async fn update(&self, id: u64, text: &str) -> Result<()>;
    /// Deletes one; one that is gone already is no error.
    async fn delete(&self, id: u64) -> Result<()>;
}

/// How often [`ensure`] looks again: a lost answer, then a twin made by a race, then a last look.
const ROUNDS: usize = 4;

/// Makes the pull request have exactly one comment of `topic` by `own` with `body`; `None` removes it.
///
/// With `head`, nothing is written once the pull request's head is another one. After posting, the list is read again:
/// when another run posted at the same time, the newer twin is deleted by whoever sees it first.
///
/// # Errors
/// The host's failures, and [`FailureKind::Bug`](crate::failure::FailureKind::Bug) for a topic that a marker cannot hold.
pub(crate) async fn ensure(
    comments: &dyn Comments,
    own: &str,
    head: Option<&CommitId>,
    topic: &str,
    body: Option<&str>,
) -> Result<Ensured> {
    if topic.is_empty() || !topic.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'/' | b'_' | b'.')) {
        return Err(Failure::bug(format!("`{topic}` cannot be the topic of a comment")));
    }
    let mut outcome = Ensured::Unchanged;
    let mut lost = None;
    for _ in 0..ROUNDS {
        let plan = decide(&comments.list().await?, own, topic, body);
        if plan.is_empty() {
            // An answer was lost, but the effect is there: it was made by us.
            return Ok(if lost.is_some() && outcome == Ensured::Unchanged { Ensured::Created } else { outcome });
        }
        if let Some(head) = head
            && comments.head().await? != *head
        {
            return Ok(outcome);
        }
        for id in &plan.delete {
            comments.delete(*id).await?;
            outcome = if body.is_none() { Ensured::Removed } else { raise(outcome, Ensured::Updated) };
        }
        if let Some((id, text)) = &plan.update {
            comments.update(*id, text).await?;
            outcome = raise(outcome, Ensured::Updated);
        }
        let Some(text) = &plan.create else { return Ok(outcome) };
        match comments.create(text).await {
            Ok(()) => outcome = Ensured::Created,
            Err(WriteError::MaybeDone(failure)) => lost = Some(failure),
            Err(WriteError::NotDone(failure)) => return Err(failure),
        }
    }
    Err(lost.unwrap_or_else(|| {
        Failure::remote(format!("the comment `{topic}` did not stay: another run of Mergeline keeps removing it"))
    }))
}

/// Makes the comment of `topic` by `own` say `body` where there is one; where there is none, none is made.
///
/// # Errors
/// As for [`ensure`].
pub(crate) async fn amend(
    comments: &dyn Comments,
    own: &str,
    head: Option<&CommitId>,
    topic: &str,
    body: &str,
) -> Result<Ensured> {
    if decide(&comments.list().await?, own, topic, None).delete.is_empty() {
        return Ok(Ensured::Unchanged);
    }
    ensure(comments, own, head, topic, Some(body)).await
}

/// A comment that this call made stays "created" when it is tidied afterwards.
fn raise(before: Ensured, now: Ensured) -> Ensured {
    if before == Ensured::Created { before } else { now }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comment(id: u64, author: &str, body: &str) -> Comment {
        Comment { id, author: author.to_owned(), body: body.to_owned() }
    }

    #[test]
    fn how_long_a_run_took_is_no_content() {
        let body =
            |time: &str| format!("text in 1 s\n\n<sub>3f2c1ab against 9d04e77 · 2 objects rendered in {time}</sub>\n");
        assert!(same_text(&body("0.3 s"), &body("0.4 s")));
        assert!(same_text(&body("0.3 s"), &body("2 min 5 s")));
        assert!(!same_text(&body("0.3 s"), &body("0.3 s").replace("2 objects", "3 objects")));
        assert!(!same_text(&body("0.3 s"), &body("0.3 s").replace("text in 1 s", "text in 2 s")));
    }

    #[test]
    fn without_a_comment_of_ours_one_is_posted() {
        let forged = comment(1, "mallory", &mark("review", "all good"));
        let quoted = comment(2, "us", &format!("> {}", mark("review", "all good")));
        let other = comment(3, "us", &mark("review/web", "all good"));
        let plan = decide(&[forged, quoted, other], "us", "review", Some("bad"));
        assert_eq!(plan, Plan { create: Some(mark("review", "bad")), ..Plan::default() });
    }

    #[test]
    fn the_oldest_of_ours_stays_whatever_the_order() {
        let newest_first = [comment(9, "us", &mark("review", "new")), comment(4, "us", &mark("review", "old"))];
        let plan = decide(&newest_first, "us", "review", Some("new"));
        assert_eq!(plan, Plan { create: None, update: Some((4, mark("review", "new"))), delete: vec![9] });
    }

    #[test]
    fn line_ends_that_the_host_changed_make_no_difference() {
        let stored = comment(4, "Us", "<!-- mergeline:review -->\r\none\r\ntwo");
        assert!(decide(&[stored], "us", "review", Some("one\ntwo\n")).is_empty());
    }

    #[test]
    fn no_body_removes_only_ours() {
        let comments = [comment(1, "mallory", &mark("review", "x")), comment(2, "us", &mark("review", "x"))];
        assert_eq!(decide(&comments, "us", "review", None), Plan { delete: vec![2], ..Plan::default() });
        assert!(decide(&comments[..1], "us", "review", None).is_empty());
    }
}
