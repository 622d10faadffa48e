//! What promotion sees: branches, open promotions, statuses. Read-only.

use super::decide::{Candidate, Head, Seen};
use super::message::{Trailers, promotion_branch};
use crate::commit::CommitId;
use crate::config::Config;
use crate::diff::Redactor;
use crate::failure::Result;
use crate::git::{CommitInfo, IDENTITY, Remote, Repository, TreeEdit, TreeId};
use crate::host::{Host, PostedStatus, PullRequest, PullRequestQuery, PullRequestState, RepositoryFacts, StatusState};
use crate::render::RenderOptions;
use crate::report::Links;
use crate::schema::Catalogs;
use crate::trust::Grants;
use std::collections::BTreeMap;

/// Everything that promotion works with.
pub struct Scene<'a> {
    /// The repository at hand; commits and trees are read from it and written to it.
    pub repository: &'a Repository,
    /// Where its branches are.
    pub remote: &'a Remote,
    /// The heads of its branches, as seen just now.
    pub heads: &'a BTreeMap<String, CommitId>,
    /// Where its pull requests are.
    pub host: &'a dyn Host,
    /// Facts of the repository there.
    pub facts: &'a RepositoryFacts,
    /// The configuration at the tip of the default branch.
    pub config: &'a Config,
    /// The default branch.
    pub default_branch: &'a str,
    /// How sources are rendered.
    pub render: &'a RenderOptions,
    /// What is known of kinds in each environment.
    pub catalogs: &'a Catalogs,
    /// What this run may do.
    pub grants: &'a Grants,
    /// The environments that this run may act on; empty for all.
    pub only: &'a [String],
    /// The pull request, at a head, that a person who may merge it asked to land.
    pub asked: Option<&'a (u64, CommitId)>,
    /// Decide and say, write nothing.
    pub dry_run: bool,
    /// Where the host shows files and commits.
    pub links: &'a Links,
    /// What masks in all that is said: it knows the configured paths and what the job's variables hold.
    pub redactor: &'a Redactor,
}

impl Scene<'_> {
    /// Says whether this run may act on an environment.
    #[must_use]
    pub fn acts_on(&self, environment: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == environment)
    }
}

/// What was seen of branches, pull requests and statuses.
pub struct Observed {
    /// The head of the default branch: the newest release.
    pub release: CommitId,
    /// Our own login.
    pub identity: String,
    /// Open promotion pull requests.
    pub open: Vec<PullRequest>,
    /// Statuses on the heads of environment branches (and of the default branch, where an environment has none).
    pub statuses: BTreeMap<CommitId, Vec<PostedStatus>>,
}

impl Observed {
    /// Our own verdict on an environment's delivery of `commit`.
    #[must_use]
    pub fn delivery(&self, environment: &str, commit: &CommitId) -> Option<&PostedStatus> {
        let context = delivery_context(environment);
        let mut statuses = self.statuses.get(commit)?.iter();
        statuses.find(|posted| posted.status.context == context && self.is_own(posted))
    }

    /// Says whether a status is by our own identity; anybody else's is no evidence.
    pub(super) fn is_own(&self, posted: &PostedStatus) -> bool {
        posted.author.eq_ignore_ascii_case(&self.identity)
    }

    /// Says whether our own identity said that `commit` is delivered to the environment.
    #[must_use]
    pub fn is_delivered(&self, environment: &str, commit: &CommitId) -> bool {
        self.delivery(environment, commit).is_some_and(|posted| posted.status.state == StatusState::Success)
    }

    /// The open promotion pull request of an environment.
    #[must_use]
    pub fn open_promotion(&self, environment: &str, branch: &str) -> Option<&PullRequest> {
        let from = promotion_branch(environment);
        self.open.iter().find(|pull| pull.head_branch == from && pull.base_branch == branch && !pull.from_fork)
    }
}

/// The context of the status that is the evidence of delivery: `mergeline/ENV`.
#[must_use]
pub fn delivery_context(environment: &str) -> String {
    format!("mergeline/{environment}")
}

/// Looks at everything once: one fetch of what is missing, and for the host one call for our own name, one page of open
/// pull requests, and one call for each environment's head.
///
/// # Errors
/// When the remote or the host fails.
pub async fn observe(scene: &Scene<'_>) -> Result<Observed> {
    let Some(release) = scene.heads.get(scene.default_branch).cloned() else {
        return Err(crate::failure::Failure::usage(format!("the remote has no branch `{}`", scene.default_branch))
            .hint("push the default branch first"));
    };
    fetch(scene)?;
    let identity = scene.host.identity().await?;
    let query = PullRequestQuery { state: Some(PullRequestState::Open), ..PullRequestQuery::default() };
    let mut open = scene.host.pull_requests(&query).await?;
    open.retain(|pull| super::message::environment_of(&pull.head_branch).is_some() && !pull.from_fork);
    let mut statuses = BTreeMap::new();
    for (name, environment) in scene.config.environments() {
        let commit = match &environment.branch {
            Some(branch) => scene.heads.get(branch),
            None if environment.cluster.is_some() => Some(&release),
            None => None,
        };
        let Some(commit) = commit.filter(|commit| !statuses.contains_key(*commit)) else { continue };
        tracing::debug!(environment = name, commit = commit.short(), "asks for the statuses of the environment's head");
        statuses.insert(commit.clone(), scene.host.statuses(commit).await?);
    }
    Ok(Observed { release, identity, open, statuses })
}

/// Fetches the heads that matter, as far as they are not here yet, in one request.
fn fetch(scene: &Scene<'_>) -> Result<()> {
    let promotions = scene.config.environments().map(|(name, _)| promotion_branch(name));
    let environments = scene.config.environments().filter_map(|(_, environment)| environment.branch.clone());
    let branches = std::iter::once(scene.default_branch.to_owned()).chain(environments).chain(promotions);
    let commits: Vec<CommitId> = branches.filter_map(|branch| scene.heads.get(&branch).cloned()).collect();
    scene.repository.fetch(scene.remote, &commits)
}

/// How many objects are healthy and of how many, as our own delivery status says it (`12/12 healthy`).
pub(super) fn healthy(description: &str) -> Option<(usize, usize)> {
    let (count, _) = description.split_once(" healthy")?;
    let (healthy, all) = count.rsplit(' ').next()?.split_once('/')?;
    Some((healthy.parse().ok()?, all.parse().ok()?))
}

/// What is known of a commit of an environment branch before anything is rendered.
pub(super) struct BareHead {
    pub(super) commit: CommitId,
    /// The tree without the CI files that it carries: what is compared, shown and applied.
    pub(super) content: TreeId,
    pub(super) parent: Option<CommitId>,
    /// The release that its own words, or those of the commit it merged, name. A claim, not evidence.
    pub(super) claimed: Option<CommitId>,
    pub(super) seed: bool,
}

pub(super) fn bare_head(scene: &Scene<'_>, environment: &str, commit: &CommitId) -> Result<BareHead> {
    // A shallow clone has the head alone: the commits that it names are fetched when they are asked for.
    scene.repository.fetch(scene.remote, std::slice::from_ref(commit))?;
    let info = scene.repository.commit(commit)?;
    scene.repository.fetch(scene.remote, &info.parents)?;
    let mut claimed = claim(environment, &info.message);
    for parent in info.parents.iter().skip(1) {
        if claimed.is_none() {
            claimed = claim(environment, &scene.repository.commit(parent)?.message);
        }
    }
    let seed = info.parents.is_empty() && info.tree == TreeId::empty();
    let parent = info.parents.first().cloned();
    let content = content(scene, &info.tree)?;
    Ok(BareHead { commit: commit.clone(), content, parent, claimed, seed })
}

/// A tree without the CI files that environment branches carry: they are neither change nor content (DESIGN §4 "Waking").
pub(super) fn content(scene: &Scene<'_>, tree: &TreeId) -> Result<TreeId> {
    let edits: Vec<TreeEdit> =
        scene.facts.ci_paths.iter().map(|folder| TreeEdit::Remove { path: folder.clone() }).collect();
    if edits.is_empty() { Ok(tree.clone()) } else { scene.repository.write_tree(Some(tree), &edits) }
}

pub(super) fn claim(environment: &str, message: &str) -> Option<CommitId> {
    Trailers::parse(message).filter(|trailers| trailers.environment == environment).map(|trailers| trailers.release)
}

/// Says whether a commit is one that Mergeline made, as the commit itself says: enough to leave people's commits alone,
/// and never taken for evidence of anything.
pub(super) fn is_ours(commit: &CommitInfo) -> bool {
    (commit.author.name.as_str(), commit.author.email.as_str()) == IDENTITY
        && Trailers::parse(&commit.message).is_some()
}

/// What is known of an environment's promotion. Closed pull requests are asked for only where it matters: when a
/// proposal would be made and none is open.
pub(super) async fn seen(
    scene: &Scene<'_>,
    observed: &Observed,
    environment: &str,
    branch: &str,
    head: Option<&BareHead>,
    candidate: &Candidate,
) -> Result<Seen> {
    let from = promotion_branch(environment);
    let open = observed.open_promotion(environment, branch).map(|pull| pull.number);
    let mut done = Vec::new();
    if open.is_none() {
        let query =
            PullRequestQuery { head_branch: Some(from.clone()), base_branch: Some(branch.to_owned()), state: None };
        done = scene.host.pull_requests(&query).await?;
        done.retain(|pull| !pull.from_fork);
    }
    let heads = |state: PullRequestState| done.iter().filter(move |pull| pull.state == state).map(|pull| &pull.head);
    let asked = scene.asked.filter(|(number, _)| Some(*number) == open).map(|(_, head)| head.clone());
    let mut seen =
        Seen { open, asked, rejected: heads(PullRequestState::Closed).cloned().collect(), ..Seen::default() };
    if let Some(at) = scene.heads.get(&from) {
        let info = scene.repository.commit(at)?;
        // What a person added to a promotion that is merged by now is in the environment's branch.
        seen.branch_is_ours = is_ours(&info) || heads(PullRequestState::Merged).any(|merged| merged == at);
        seen.holds_candidate = is_ours(&info)
            && info.parents.first() == head.map(|head| &head.commit)
            && content(scene, &info.tree)?.as_str() == candidate.tree;
        seen.branch_head = Some(at.clone());
    }
    Ok(seen)
}

impl From<&BareHead> for Head {
    fn from(bare: &BareHead) -> Self {
        Self {
            commit: bare.commit.clone(),
            tree: bare.content.as_str().to_owned(),
            attested: None,
            seed: bare.seed,
            delivered: false,
        }
    }
}
