//! Where a branch's head comes from: attested by rendering the release that it claims, or somebody's own work.
//!
//! Words of a commit are claims. A head counts when a release on the default branch renders to its very tree, or when our
//! own verdict stands on it. Decided by DESIGN §4 "Promoting".

use super::act::{Pass, in_environment};
use super::decide::{Environment, Head};
use super::message::promotion_branch;
use super::observe::{BareHead, bare_head, claim, is_ours};
use super::prepare::Prepared;
use crate::commit::CommitId;
use crate::failure::Result;
use crate::finding::{Finding, Place};
use crate::host::{PullRequestQuery, PullRequestState};

/// How far a branch is followed back to the last commit that is ours.
const STEPS: usize = 50;
/// How many releases are rendered to find the one that a delivered head without a name is.
const RELEASES: usize = 20;

impl Pass<'_> {
    /// Attests a head: its tree must be the render of a release on the default branch. Our own verdict on the very commit
    /// counts too: it was attested before it was given, perhaps by an older Mergeline that rendered differently.
    ///
    /// Fills in the claim where a merge button dropped the trailers.
    pub(super) async fn head(
        &mut self,
        environment: &Environment,
        bare: &mut BareHead,
        prepared: Option<&Prepared>,
    ) -> Result<Head> {
        let name = &environment.name;
        let mut head = Head::from(&*bare);
        head.delivered = self.observed.is_delivered(name, &bare.commit);
        let same = |prepared: &&Prepared| prepared.candidate.tree == head.tree;
        if let Some(prepared) = prepared.filter(same).filter(|prepared| prepared.candidate.failed_units.is_empty()) {
            head.attested = Some(prepared.candidate.release.clone());
            return Ok(head);
        }
        if bare.seed {
            return Ok(head);
        }
        if bare.claimed.is_none() {
            bare.claimed = self.claim_of_merge(environment, bare).await?;
        }
        head.attested = self.attest(name, bare)?;
        if head.attested.is_none()
            && let Some(before) = self.last_of_ours(name, bare)?
            && before.content == bare.content
        {
            // An edit that was taken back.
            head.attested = self.attest(name, &before)?;
            bare.claimed.clone_from(&before.claimed);
        }
        if head.attested.is_none() && self.observed.delivery(name, &bare.commit).is_some() {
            head.attested = self.adopted(name, bare)?;
        }
        Ok(head)
    }

    /// The release that a person's own commit turned out to be: brought into the default branch, it was delivered while
    /// it was the newest, and no words of the commit name it.
    fn adopted(&mut self, name: &str, bare: &BareHead) -> Result<Option<CommitId>> {
        let tip = self.observed.release.clone();
        for release in self.scene.repository.ensure_first_parents(self.scene.remote, &tip, RELEASES)? {
            let rendered = self.renderings.release(self.scene, name, &release.id, None, &tip)?;
            if rendered.failed.is_empty() && rendered.content == bare.content {
                return Ok(Some(release.id));
            }
        }
        Ok(None)
    }

    /// The release that a commit claims, if it is one on the default branch and renders to the commit's tree.
    fn attest(&mut self, name: &str, bare: &BareHead) -> Result<Option<CommitId>> {
        let Some(claimed) = &bare.claimed else { return Ok(None) };
        let release = self.observed.release.clone();
        if !self.scene.repository.ensure_ancestry(self.scene.remote, claimed, &release)? {
            return Ok(None);
        }
        if self.observed.delivery(name, &bare.commit).is_some() {
            return Ok(Some(claimed.clone()));
        }
        let rendered = self.renderings.release(self.scene, name, claimed, bare.parent.as_ref(), &release)?;
        if rendered.content != bare.content {
            return Ok(None);
        }
        if !rendered.failed.is_empty() {
            // What it kept is as good as the commit that it kept it from.
            let Some(parent) = &bare.parent else { return Ok(None) };
            let parent = bare_head(self.scene, name, parent)?;
            if !parent.seed && self.attest(name, &parent)?.is_none() {
                return Ok(None);
            }
        }
        Ok(Some(claimed.clone()))
    }

    /// The claim of the promotion whose merge made this head, for a button that drops the trailers.
    async fn claim_of_merge(&self, environment: &Environment, bare: &BareHead) -> Result<Option<CommitId>> {
        let query = PullRequestQuery {
            head_branch: Some(promotion_branch(&environment.name)),
            base_branch: Some(environment.branch.clone()),
            state: Some(PullRequestState::Merged),
        };
        let merged = self.scene.host.pull_requests(&query).await?;
        let made = merged.iter().find(|pull| !pull.from_fork && pull.merge_commit.as_ref() == Some(&bare.commit));
        let Some(pull) = made else { return Ok(None) };
        // Its branch may be gone, and the host need not give out a commit that no branch has.
        if self.scene.repository.fetch(self.scene.remote, std::slice::from_ref(&pull.head)).is_err() {
            return Ok(None);
        }
        Ok(claim(&environment.name, &self.scene.repository.commit(&pull.head)?.message))
    }

    /// The last commit below a head that is ours by its words.
    fn last_of_ours(&self, name: &str, bare: &BareHead) -> Result<Option<BareHead>> {
        let mut next = bare.parent.clone();
        for _ in 0..STEPS {
            let Some(commit) = next else { return Ok(None) };
            let below = bare_head(self.scene, name, &commit)?;
            if below.seed || (below.claimed.is_some() && self.made_by_us(&below)?) {
                return Ok(Some(below));
            }
            next = below.parent;
        }
        Ok(None)
    }

    /// A commit of ours, or the merge of one.
    fn made_by_us(&self, bare: &BareHead) -> Result<bool> {
        let info = self.scene.repository.commit(&bare.commit)?;
        let ours = |id: &CommitId| self.scene.repository.commit(id).map(|parent| is_ours(&parent));
        Ok(is_ours(&info) || info.parents.iter().skip(1).map(ours).collect::<Result<Vec<_>>>()?.contains(&true))
    }

    /// Names the paths that somebody changed by hand on an environment's branch.
    pub(super) fn edited(
        &self,
        environment: &Environment,
        head: &BareHead,
        prepared: Option<&Prepared>,
    ) -> Result<Finding> {
        let (name, branch) = (&environment.name, &environment.branch);
        let before = self.last_of_ours(name, head)?;
        let (tree, against) = match (&before, prepared) {
            (Some(before), _) if before.content != head.content => {
                (before.content.clone(), format!("what {} brought", before.commit.short()))
            }
            (_, Some(prepared)) => (prepared.rendered.content.clone(), "the newest one".to_owned()),
            (_, None) => (head.content.clone(), "the last one".to_owned()),
        };
        let paths = self.scene.repository.changed_paths(&tree, &head.content)?;
        let listed = paths.iter().take(10).map(|path| format!("`{path}`")).collect::<Vec<_>>().join(", ");
        let more = paths.len().saturating_sub(10);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        let differs =
            if paths.is_empty() { String::new() } else { format!("; against {against} it differs in {listed}{more}") };
        let message = format!("the head of `{branch}` is the render of no release{differs}");
        let finding = Finding::error("environment-edited", message)
            .hint(format!("bring the change into the default branch, or revert it on `{branch}`"));
        let finding = match paths.first() {
            Some(path) => finding.at(Place::file(path.as_str())),
            None => finding,
        };
        Ok(in_environment(finding, name))
    }
}
