//! The remote side: which branches it has, and fetching what this clone lacks.

use super::command::{Git, without_credentials};
use super::history::{Answer, CommitInfo};
use super::{Repository, id::object_id};
use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use crate::secret::Secret;
use base64::Engine;
use std::collections::BTreeMap;

/// How many commits further back each attempt to find shared history goes; after the last, all of it is fetched.
const DEEPEN: [u32; 3] = [50, 250, 1_250];

/// A repository to fetch from and push to.
#[derive(Debug, Clone)]
pub struct Remote {
    /// A remote's name in the repository's configuration (`origin`), a URL, or the path of a repository on this machine.
    pub location: String,
    /// The user name that goes with `credential`; hosts that only look at the token take any.
    pub username: String,
    /// The token or password for HTTP. With none, what the checkout is configured with is used.
    pub credential: Option<Secret>,
}

impl Remote {
    /// A remote that is reached as the checkout is configured to.
    pub fn new(location: impl Into<String>) -> Self {
        Self { location: location.into(), username: "x-access-token".to_owned(), credential: None }
    }

    /// The same remote with a token of our own, which replaces any that the checkout was left with.
    #[must_use]
    pub fn with_credential(mut self, credential: impl Into<Option<Secret>>) -> Self {
        self.credential = credential.into().filter(|secret: &Secret| !secret.is_empty());
        self
    }

    /// The same remote with the user name that its host wants beside the token.
    #[must_use]
    pub fn with_username(mut self, username: impl Into<String>) -> Self {
        self.username = username.into();
        self
    }

    /// How to name it to a person.
    pub(super) fn shown(&self) -> String {
        without_credentials(&self.location)
    }
}

impl Repository {
    /// Every branch of the remote with the commit at its head, in one request.
    ///
    /// # Errors
    /// When the remote cannot be reached or refuses.
    pub fn remote_heads(&self, remote: &Remote) -> Result<BTreeMap<String, CommitId>> {
        let outcome = self.git_with(remote)?.args(["ls-remote", "--heads", "--refs", "--", &remote.location]).run()?;
        if !outcome.success {
            return Err(outcome.failure(format!("cannot list the branches of `{}`", remote.shown())).hint(REACH));
        }
        let head = |line: &str| {
            let (id, name) = line.split_once('\t')?;
            Some((name.strip_prefix("refs/heads/")?.to_owned(), CommitId::parse(id).ok()?))
        };
        Ok(outcome.stdout.lines().filter_map(head).collect())
    }

    /// Brings commits that this clone lacks; into a shallow clone without their history. No request when none is lacking.
    ///
    /// # Errors
    /// When the remote cannot be reached, or does not have them.
    pub fn fetch(&self, remote: &Remote, commits: &[CommitId]) -> Result<()> {
        let mut lacking = Vec::new();
        for commit in commits {
            if !self.has_commit(commit)? {
                lacking.push(commit.as_str());
            }
        }
        if lacking.is_empty() {
            return Ok(());
        }
        // A depth in a whole clone would make it shallow.
        let depth: &[&str] = if self.is_shallow()? { &["--depth=1"] } else { &[] };
        self.run_fetch(remote, depth, &lacking)
    }

    /// Brings the heads of branches, and says where they are; those that the remote does not have are left out.
    ///
    /// Local and remote-tracking branches stay as they are, except those that a configured remote updates by itself.
    ///
    /// # Errors
    /// When the remote cannot be reached.
    pub fn fetch_branches(&self, remote: &Remote, branches: &[&str]) -> Result<BTreeMap<String, CommitId>> {
        let mut heads = self.remote_heads(remote)?;
        heads.retain(|name, _| branches.contains(&name.as_str()));
        self.fetch(remote, &heads.values().cloned().collect::<Vec<_>>())?;
        Ok(heads)
    }

    /// Brings two commits and as much history as it takes to know where they parted; `None` when they share none.
    ///
    /// # Errors
    /// When the remote cannot be reached, or does not have them.
    pub fn ensure_history(&self, remote: &Remote, base: &CommitId, head: &CommitId) -> Result<Option<CommitId>> {
        self.fetch(remote, &[base.clone(), head.clone()])?;
        self.deepen_until(remote, &[base, head], || self.find_merge_base(base, head))
    }

    /// Brings `descendant` and as much history as it takes to say whether `ancestor` is one of its ancestors.
    ///
    /// # Errors
    /// When the remote cannot be reached, or does not have `descendant`.
    pub fn ensure_ancestry(&self, remote: &Remote, ancestor: &CommitId, descendant: &CommitId) -> Result<bool> {
        self.fetch(remote, std::slice::from_ref(descendant))?;
        self.deepen_until(remote, &[descendant], || self.find_ancestor(ancestor, descendant))
    }

    /// Brings `from` and its first parents, and gives `limit` of them at most, newest first.
    ///
    /// # Errors
    /// When the remote cannot be reached, or does not have `from`.
    pub fn ensure_first_parents(&self, remote: &Remote, from: &CommitId, limit: usize) -> Result<Vec<CommitInfo>> {
        self.fetch(remote, std::slice::from_ref(from))?;
        self.deepen_until(remote, &[from], || self.find_first_parents(from, limit))
    }

    /// Fetches history of `tips`, further each time, until the question has its answer.
    fn deepen_until<T>(
        &self,
        remote: &Remote,
        tips: &[&CommitId],
        question: impl Fn() -> Result<Answer<T>>,
    ) -> Result<T> {
        let tips: Vec<&str> = tips.iter().map(|tip| tip.as_str()).collect();
        let steps = DEEPEN.iter().map(|step| format!("--deepen={step}")).chain(["--unshallow".to_owned()]);
        for step in steps {
            if let Answer::Sure(answer) = question()? {
                return Ok(answer);
            }
            if !self.is_shallow()? {
                break;
            }
            self.run_fetch(remote, &[&step], &tips)?;
        }
        match question()? {
            Answer::Sure(answer) => Ok(answer),
            Answer::NeedsHistory => Err(Failure::remote(format!(
                "history of `{}` is still missing after all of it was fetched from `{}`",
                tips.join("`, `"),
                remote.shown()
            ))
            .hint("the remote may itself be a shallow clone")),
        }
    }

    fn run_fetch(&self, remote: &Remote, options: &[&str], what: &[&str]) -> Result<()> {
        let quiet =
            ["--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--no-auto-maintenance"];
        let command = self.git_with(remote)?.args(["fetch"]).args(quiet).args(options);
        let outcome = command.args(["--", &remote.location]).args(what).run()?;
        if outcome.success {
            return Ok(());
        }
        let shown: Vec<String> = what.iter().map(|id| format!("`{}`", id.get(..7).unwrap_or(id))).collect();
        let what = format!("cannot fetch {} from `{}`", shown.join(", "), remote.shown());
        Err(outcome.failure(what).hint(REACH))
    }

    /// `git` with the remote's credential where it may be seen by nobody else.
    pub(super) fn git_with(&self, remote: &Remote) -> Result<Git> {
        if remote.location.is_empty() || remote.location.starts_with('-') {
            return Err(Failure::usage(format!("`{}` is not the name or address of a remote", remote.shown())));
        }
        let git = Git::new(self);
        let Some(credential) = &remote.credential else { return Ok(git) };
        let Some(address) = self.address(remote)? else { return Ok(git) };
        let pair = format!("{}:{}", remote.username, credential.expose());
        let basic = base64::engine::general_purpose::STANDARD.encode(pair);
        // The narrowest key wins over what a checkout action left for the whole host, and the empty value drops that:
        // two Authorization headers are refused.
        let key = format!("http.{address}.extraHeader");
        Ok(git
            .setting(key.clone(), "")
            .setting(key, format!("Authorization: Basic {basic}"))
            .secret(credential.clone())
            .secret(Secret::new(basic)))
    }

    /// The HTTP address of a remote, without credentials; `None` for one that is reached otherwise.
    fn address(&self, remote: &Remote) -> Result<Option<String>> {
        let outcome = Git::new(self).args(["ls-remote", "--get-url", "--", &remote.location]).run()?;
        if !outcome.success {
            return Err(outcome.failure(format!("cannot tell the address of `{}`", remote.shown())));
        }
        let address = without_credentials(outcome.stdout.trim());
        Ok(["https://", "http://"].iter().any(|scheme| address.starts_with(scheme)).then_some(address))
    }

    /// Fails unless each name is one of this repository's format.
    pub(super) fn check_names<'a>(&self, commits: impl IntoIterator<Item = &'a CommitId>) -> Result<()> {
        commits.into_iter().try_for_each(|commit| object_id(commit.as_str()).map(drop))
    }
}

/// What to look at when a remote does not answer as hoped.
const REACH: &str = "check the remote's address, the network, and that the job's token may read the repository";
