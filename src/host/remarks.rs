//! Our remarks on lines of a pull request, each found again by its marker *and* our authorship.
//!
//! As for comments ([`super::marker`]): the decision is pure, and an answer lost on the way is followed by looking again.
//! A remark whose finding is gone is deleted, unless somebody answered it: then it stays and says that it is settled.

use super::Ensured;
use super::marker::{WriteError, Written, mark, same_text};
use crate::commit::CommitId;
use crate::failure::Result;
use async_trait::async_trait;

/// What a remark says that people answered and whose finding is gone.
const SETTLED: &str = "Settled: this is found no more.";

/// What shall be said beside a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Path from the repository's root.
    pub path: String,
    /// Line of the head, from 1; one that the pull request adds or rewrites.
    pub line: u32,
    /// Names it among our remarks on the pull request; stays the same when its line moves. Letters and digits.
    pub key: String,
    /// Markdown.
    pub body: String,
}

impl Remark {
    /// The text that a host stores: the marker, then the body.
    #[must_use]
    pub(super) fn text(&self) -> String {
        mark(&topic(&self.key), &self.body)
    }
}

/// A remark as a host lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Posted {
    /// Its number on the host; a greater one is newer.
    pub id: u64,
    /// Login of its author.
    pub author: String,
    /// Its text, with the marker.
    pub body: String,
    /// Somebody wrote below it.
    pub answered: bool,
}

fn topic(key: &str) -> String {
    format!("line/{key}")
}

/// The key in a marker of ours.
pub(super) fn key_of(text: &str) -> Option<&str> {
    text.lines().next()?.trim_end().strip_prefix("<!-- mergeline:line/")?.strip_suffix(" -->")
}

/// Which writes make the remarks be these and no others.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan<'a> {
    create: Vec<&'a Remark>,
    update: Vec<(u64, String)>,
    delete: Vec<u64>,
}

/// Decides what makes `posted` hold each of `wanted` once by `own`. The oldest of twins stays.
fn decide<'a>(posted: &[Posted], own: &str, wanted: &'a [Remark]) -> Plan<'a> {
    let mut ours: Vec<(&str, &Posted)> = posted
        .iter()
        .filter(|it| it.author.eq_ignore_ascii_case(own))
        .filter_map(|it| Some((key_of(&it.body)?, it)))
        .collect();
    ours.sort_by_key(|(_, it)| it.id);
    let mut plan = Plan::default();
    let mut kept: Vec<&str> = Vec::new();
    for (key, it) in &ours {
        let wanted = wanted.iter().find(|remark| remark.key == **key).filter(|_| !kept.contains(key));
        let text = match wanted {
            Some(remark) => remark.text(),
            None if it.answered => mark(&topic(key), SETTLED),
            None => {
                plan.delete.push(it.id);
                continue;
            }
        };
        if wanted.is_some() {
            kept.push(key);
        }
        if !same_text(&it.body, &text) {
            plan.update.push((it.id, text));
        }
    }
    plan.create = wanted.iter().filter(|remark| !kept.contains(&remark.key.as_str())).collect();
    plan
}

/// The remarks of one pull request, as a host gives them.
#[async_trait]
pub(super) trait Remarks: Send + Sync {
    /// The head of the pull request, now.
    async fn head(&self) -> Result<CommitId>;
    /// All remarks on its lines, paged to the end.
    async fn list(&self) -> Result<Vec<Posted>>;
    /// Writes new ones, together where the host can. One whose line the host does not show is left out.
    async fn create(&self, head: &CommitId, remarks: &[&Remark]) -> Written<()>;
    /// Replaces the text of one.
    async fn update(&self, id: u64, text: &str) -> Result<()>;
    /// Deletes one; one that is gone already is no error.
    async fn delete(&self, id: u64) -> Result<()>;
}

/// How often [`ensure`] looks: at first, after what it wrote, and once more where an answer was lost.
const ROUNDS: usize = 3;

/// Makes our remarks on the pull request be these. Nothing is written once its head is another one.
///
/// # Errors
/// The host's failures.
pub(super) async fn ensure(remarks: &dyn Remarks, own: &str, head: &CommitId, wanted: &[Remark]) -> Result<Ensured> {
    let mut outcome = Ensured::Unchanged;
    let mut created = false;
    for _ in 0..ROUNDS {
        let mut plan = decide(&remarks.list().await?, own, wanted);
        if created {
            // What the host left out would be left out again.
            plan.create.clear();
        }
        if plan == Plan::default() {
            return Ok(outcome);
        }
        if remarks.head().await? != *head {
            return Ok(outcome);
        }
        for id in plan.delete {
            remarks.delete(id).await?;
            outcome = if wanted.is_empty() { Ensured::Removed } else { Ensured::Updated };
        }
        for (id, text) in &plan.update {
            remarks.update(*id, text).await?;
            outcome = Ensured::Updated;
        }
        if plan.create.is_empty() {
            return Ok(outcome);
        }
        match remarks.create(head, &plan.create).await {
            Ok(()) => created = true,
            // Looking again tells which of them are there.
            Err(WriteError::MaybeDone(_)) => {}
            Err(WriteError::NotDone(failure)) => return Err(failure),
        }
        if outcome == Ensured::Unchanged {
            outcome = Ensured::Created;
        }
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remark(key: &str, body: &str) -> Remark {
        Remark { path: "a.yaml".to_owned(), line: 3, key: key.to_owned(), body: body.to_owned() }
    }

    fn posted(id: u64, author: &str, key: &str, body: &str) -> Posted {
        Posted { id, author: author.to_owned(), body: remark(key, body).text(), answered: false }
    }

    #[test]
    fn each_is_written_once_edited_in_place_and_deleted_when_it_is_gone() {
        let there = [
            posted(9, "us", "a", "one"),
            posted(4, "us", "a", "one"),
            posted(5, "Us", "b", "old"),
            posted(6, "us", "c", "x"),
        ];
        let wanted = [remark("a", "one"), remark("b", "new"), remark("d", "more")];
        let plan = decide(&there, "us", &wanted);
        assert_eq!((plan.delete, plan.update), (vec![6, 9], vec![(5, remark("b", "new").text())]));
        assert_eq!(plan.create, [&wanted[2]]);
        assert_eq!(decide(&there[1..2], "us", &wanted[..1]), Plan::default());
    }

    #[test]
    fn others_and_our_other_comments_are_let_alone_and_what_was_answered_stays() {
        let mut answered = posted(3, "us", "a", "one");
        answered.answered = true;
        let comment = Posted { id: 4, author: "us".to_owned(), body: mark("review", "x"), answered: false };
        let there = [posted(1, "mallory", "a", "one"), answered, comment];
        let plan = decide(&there, "us", &[]);
        assert_eq!((plan.delete, plan.update.len()), (vec![], 1));
        assert!(plan.update[0].1.ends_with(SETTLED));
    }
}
