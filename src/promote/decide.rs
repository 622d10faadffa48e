//! What one environment needs next, as a pure function of what was seen.

use crate::commit::CommitId;

/// An environment as promotion sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Its branch.
    pub branch: String,
    /// The environments that must have delivered a release first.
    pub needs: Vec<String>,
    /// Lands by itself once nothing holds it.
    pub lands_by_itself: bool,
    /// Gates that this version cannot evaluate; they hold every landing (fail closed).
    pub unknown_gates: Vec<String>,
}

/// The head of an environment branch, with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// The commit.
    pub commit: CommitId,
    /// Its tree.
    pub tree: String,
    /// The release whose render this tree is, re-rendered and compared; `None` when no release renders to it.
    pub attested: Option<CommitId>,
    /// The empty root commit that a branch starts as.
    pub seed: bool,
    /// Delivered: our own identity said so on this commit, or there is no cluster to deliver to.
    pub delivered: bool,
}

/// The open or closed promotion pull request, and the branch it comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    /// The head of the promotion branch on the remote.
    pub branch_head: Option<CommitId>,
    /// The promotion branch's head is a commit that Mergeline made, or one that is merged already.
    pub branch_is_ours: bool,
    /// The promotion branch's head is a commit of ours that brings exactly the candidate's tree to the environment's
    /// head: a release that changes nothing here leaves it as it is, with its approvals.
    pub holds_candidate: bool,
    /// The open pull request's number.
    pub open: Option<u64>,
    /// The head of the open pull request that a person who may merge it asked to land.
    pub asked: Option<CommitId>,
    /// Heads of promotion pull requests that a person closed without merging.
    pub rejected: Vec<CommitId>,
}

/// A release for one environment, rendered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The commit on the default branch.
    pub release: CommitId,
    /// The tree that it renders to.
    pub tree: String,
    /// The promotion commit that would land it: [`Self::tree`] on the environment branch's head.
    pub commit: CommitId,
    /// Units that failed to render and keep their former subtree; they hold the landing.
    pub failed_units: Vec<String>,
}

/// What an environment before this one has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upstream {
    /// Its name.
    pub name: String,
    /// The newest release that it has delivered, if any.
    pub delivered: Option<CommitId>,
}

/// Why an environment's branch is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blocker {
    /// The branch's head is no render of any release: somebody changed it by hand.
    HumanEdit,
    /// Somebody pushed to the promotion branch.
    EditedPromotion,
    /// A person closed this release's pull request.
    Rejected,
}

/// A promotion pull request that shall be open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The commit that the promotion branch must be at.
    pub commit: CommitId,
    /// The branch must be pushed: it is absent, or holds an older promotion of ours.
    pub push: bool,
    /// What the push must find on the remote.
    pub expected: Option<CommitId>,
    /// Land it now.
    pub land: bool,
    /// What holds it, in people's words; empty exactly when `land` is set.
    pub waiting: Vec<String>,
}

/// What an environment needs next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// The branch does not exist: push the empty root commit first.
    Seed,
    /// The branch has exactly the candidate's tree. An open pull request is out of date: close it.
    Covered {
        /// The open pull request to close.
        close: Option<u64>,
    },
    /// The environment follows the default branch: commit the render on its branch.
    Follow {
        /// What the push must find on the remote.
        expected: CommitId,
    },
    /// A promotion pull request.
    Propose(Proposal),
    /// Nothing to promote until something else happens.
    Wait(String),
    /// A person's act is respected.
    Blocked(Blocker),
}

/// The release that an environment may take next: with `needs`, the newest that every one of them has delivered.
///
/// `is_ancestor(a, b)` says whether `a` is an ancestor of `b` or the same commit.
///
/// # Errors
/// What is waited for, in people's words.
pub fn candidate(
    environment: &Environment,
    head_of_default: &CommitId,
    upstreams: &[Upstream],
    is_ancestor: impl Fn(&CommitId, &CommitId) -> bool,
) -> Result<CommitId, String> {
    let mut oldest: Option<&CommitId> = None;
    for need in &environment.needs {
        let upstream = upstreams.iter().find(|upstream| upstream.name == *need);
        let Some(delivered) = upstream.and_then(|upstream| upstream.delivered.as_ref()) else {
            return Err(format!("{need} has delivered nothing yet"));
        };
        oldest = match oldest {
            Some(oldest) if is_ancestor(oldest, delivered) => Some(oldest),
            Some(other) if !is_ancestor(delivered, other) => {
                let (ours, theirs) = (delivered.short(), other.short());
                return Err(format!("{need} has {ours}, which is on another line of history than {theirs}"));
            }
            _ => Some(delivered),
        };
    }
    Ok(oldest.unwrap_or(head_of_default).clone())
}

/// Decides what `environment` needs, given its branch's head, its promotion, and the rendered candidate.
#[must_use]
pub fn decide(environment: &Environment, head: Option<&Head>, seen: &Seen, candidate: &Candidate) -> Decision {
    let Some(head) = head else { return Decision::Seed };
    // A unit that failed to render keeps whatever is on the branch: equal trees prove nothing then.
    if head.attested.is_none() && !head.seed && (head.tree != candidate.tree || !candidate.failed_units.is_empty()) {
        return Decision::Blocked(Blocker::HumanEdit);
    }
    if head.tree == candidate.tree {
        return Decision::Covered { close: seen.open };
    }
    if environment.needs.is_empty() {
        // To follow is to land.
        return match candidate.failed_units.is_empty() && environment.unknown_gates.is_empty() {
            true => Decision::Follow { expected: head.commit.clone() },
            false => Decision::Wait(holds(environment, candidate).join(", then ")),
        };
    }
    propose(environment, seen, candidate)
}

fn propose(environment: &Environment, seen: &Seen, candidate: &Candidate) -> Decision {
    let standing = seen.branch_head.as_ref().filter(|_| seen.holds_candidate);
    let commit = standing.unwrap_or(&candidate.commit);
    if seen.rejected.contains(commit) {
        return Decision::Blocked(Blocker::Rejected);
    }
    let up_to_date = seen.branch_head.as_ref() == Some(commit);
    if seen.branch_head.is_some() && !up_to_date && !seen.branch_is_ours {
        return Decision::Blocked(Blocker::EditedPromotion);
    }
    let mut waiting = holds(environment, candidate);
    let asked = up_to_date && seen.asked.as_ref() == Some(commit);
    if !environment.lands_by_itself && !asked {
        waiting.push("a person merges it".to_owned());
    }
    Decision::Propose(Proposal {
        commit: commit.clone(),
        push: !up_to_date,
        expected: seen.branch_head.clone(),
        land: waiting.is_empty(),
        waiting,
    })
}

/// What holds every landing of a candidate, in people's words.
fn holds(environment: &Environment, candidate: &Candidate) -> Vec<String> {
    let gate = |gate: &String| format!("the gate `{gate}` is not supported yet");
    let mut holds: Vec<String> = environment.unknown_gates.iter().map(gate).collect();
    if !candidate.failed_units.is_empty() {
        holds.push(format!("{} failed to render and keeps its former state", candidate.failed_units.join(", ")));
    }
    holds
}

/// The newest release that an environment has delivered.
///
/// A release that changes nothing here counts as delivered once the branch's head is: the head's tree is its render.
#[must_use]
pub(super) fn delivered(head: Option<&Head>, candidate: Option<&Candidate>) -> Option<CommitId> {
    let head = head.filter(|head| head.delivered)?;
    match candidate {
        Some(candidate) if candidate.tree == head.tree && candidate.failed_units.is_empty() => {
            Some(candidate.release.clone())
        }
        _ => head.attested.clone(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn id(digit: char) -> CommitId {
        CommitId::parse(&digit.to_string().repeat(40)).unwrap()
    }

    fn staging() -> Environment {
        Environment {
            name: "staging".into(),
            branch: "env/staging".into(),
            needs: vec!["dev".into()],
            lands_by_itself: true,
            unknown_gates: vec![],
        }
    }

    fn dev() -> Environment {
        Environment { name: "dev".into(), branch: "env/dev".into(), needs: vec![], ..staging() }
    }

    fn head(tree: &str) -> Head {
        Head { commit: id('a'), tree: tree.into(), attested: Some(id('1')), seed: false, delivered: true }
    }

    fn release(tree: &str) -> Candidate {
        Candidate { release: id('2'), tree: tree.into(), commit: id('c'), failed_units: vec![] }
    }

    fn proposal(decision: Decision) -> Proposal {
        match decision {
            Decision::Propose(proposal) => proposal,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_absent_branch_is_seeded_first() {
        assert_eq!(decide(&staging(), None, &Seen::default(), &release("new")), Decision::Seed);
    }

    #[test]
    fn an_environment_without_needs_follows_the_default_branch() {
        let decision = decide(&dev(), Some(&head("old")), &Seen::default(), &release("new"));
        assert_eq!(decision, Decision::Follow { expected: id('a') });
    }

    #[test]
    fn a_promotion_is_pushed_and_landed_when_nothing_holds_it() {
        let proposal = proposal(decide(&staging(), Some(&head("old")), &Seen::default(), &release("new")));
        assert!(proposal.push && proposal.land);
        assert_eq!(proposal.expected, None);
    }

    #[test]
    fn a_second_run_pushes_nothing() {
        let seen = Seen { branch_head: Some(id('c')), branch_is_ours: true, open: Some(7), ..Seen::default() };
        let human = Environment { lands_by_itself: false, ..staging() };
        let proposal = proposal(decide(&human, Some(&head("old")), &seen, &release("new")));
        assert!(!proposal.push && !proposal.land);
        assert_eq!(proposal.waiting, ["a person merges it"]);
    }

    #[test]
    fn a_person_who_asks_lands_the_head_that_they_saw_and_no_other() {
        let seen =
            |asked| Seen { branch_head: Some(id('c')), branch_is_ours: true, open: Some(7), asked, ..Seen::default() };
        let human = Environment { lands_by_itself: false, ..staging() };
        let decided = |asked| proposal(decide(&human, Some(&head("old")), &seen(asked), &release("new")));
        assert!(decided(Some(id('c'))).land);
        assert!(!decided(Some(id('b'))).land);
        let gated = Environment { unknown_gates: vec!["soak".into()], ..human.clone() };
        let held = proposal(decide(&gated, Some(&head("old")), &seen(Some(id('c'))), &release("new")));
        assert_eq!(held.waiting, ["the gate `soak` is not supported yet"]);
    }

    #[test]
    fn a_newer_release_replaces_our_own_promotion_with_a_lease() {
        let seen = Seen { branch_head: Some(id('b')), branch_is_ours: true, open: Some(7), ..Seen::default() };
        let proposal = proposal(decide(&staging(), Some(&head("old")), &seen, &release("new")));
        assert!(proposal.push);
        assert_eq!(proposal.expected, Some(id('b')));
    }

    #[test]
    fn a_promotion_that_a_person_edited_is_left_alone() {
        let seen = Seen { branch_head: Some(id('b')), branch_is_ours: false, open: Some(7), ..Seen::default() };
        let decision = decide(&staging(), Some(&head("old")), &seen, &release("new"));
        assert_eq!(decision, Decision::Blocked(Blocker::EditedPromotion));
    }

    #[test]
    fn a_closed_promotion_pull_request_rejects_that_release() {
        let seen = Seen { rejected: vec![id('c')], ..Seen::default() };
        let decision = decide(&staging(), Some(&head("old")), &seen, &release("new"));
        assert_eq!(decision, Decision::Blocked(Blocker::Rejected));
    }

    #[test]
    fn a_hand_made_head_blocks() {
        let edited = Head { attested: None, ..head("edited") };
        for environment in [dev(), staging()] {
            let decision = decide(&environment, Some(&edited), &Seen::default(), &release("new"));
            assert_eq!(decision, Decision::Blocked(Blocker::HumanEdit));
        }
    }

    #[test]
    fn a_release_that_changes_nothing_needs_no_pull_request_and_closes_a_stale_one() {
        let seen = Seen { open: Some(7), ..Seen::default() };
        let decision = decide(&staging(), Some(&head("same")), &seen, &release("same"));
        assert_eq!(decision, Decision::Covered { close: Some(7) });
    }

    #[test]
    fn a_gate_that_cannot_be_evaluated_holds_the_landing() {
        let gated = Environment { unknown_gates: vec!["soak".into()], ..staging() };
        let proposal = proposal(decide(&gated, Some(&head("old")), &Seen::default(), &release("new")));
        assert!(!proposal.land);
        assert_eq!(proposal.waiting, ["the gate `soak` is not supported yet"]);
    }

    #[test]
    fn a_unit_that_failed_to_render_holds_the_landing() {
        let candidate = Candidate { failed_units: vec!["web".into()], ..release("new") };
        let proposal = proposal(decide(&staging(), Some(&head("old")), &Seen::default(), &candidate));
        assert!(!proposal.land);
    }

    #[test]
    fn the_candidate_is_the_oldest_that_every_need_has_delivered() {
        let prod = Environment { needs: vec!["eu".into(), "us".into()], ..staging() };
        let upstream = |name: &str, delivered| Upstream { name: name.into(), delivered };
        let older = |a: &CommitId, b: &CommitId| a <= b;
        let both = [upstream("eu", Some(id('3'))), upstream("us", Some(id('2')))];
        assert_eq!(candidate(&prod, &id('9'), &both, older), Ok(id('2')));
        let one = [upstream("eu", Some(id('3'))), upstream("us", None)];
        assert_eq!(candidate(&prod, &id('9'), &one, older), Err("us has delivered nothing yet".into()));
        assert_eq!(candidate(&dev(), &id('9'), &[], older), Ok(id('9')));
        let apart = |a: &CommitId, b: &CommitId| a == b;
        assert!(candidate(&prod, &id('9'), &both, apart).is_err());
    }

    #[test]
    fn an_environment_that_has_the_candidate_already_has_delivered_it() {
        assert_eq!(delivered(Some(&head("same")), Some(&release("same"))), Some(id('2')));
        assert_eq!(delivered(Some(&head("old")), Some(&release("new"))), Some(id('1')));
        let pending = Head { delivered: false, ..head("same") };
        assert_eq!(delivered(Some(&pending), Some(&release("same"))), None);
    }
}
