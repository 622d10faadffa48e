//! A host that counts what is asked of it, and a run that dies after a given number of outside writes.
//!
//! Writes are counted in one place, whether they go to the host (here) or to the repository (a hook of the bare one
//! counts and refuses): a dead run can do neither.

use async_trait::async_trait;
use mergeline::commit::CommitId;
use mergeline::failure::{Failure, Result};
use mergeline::host::{
    Check, Deployment, Ensured, Host, Landing, Limits, PostedStatus, PullRequest, PullRequestDraft, PullRequestQuery,
    Remark, RepositoryFacts, Rights, Status, StatusGrant,
};
use mergeline::trust::{ApplyGrant, CommentGrant, PromoteGrant};
use std::path::{Path, PathBuf};

/// Counts outside writes of runs, and ends them.
#[derive(Clone)]
pub(super) struct Ledger {
    folder: PathBuf,
}

impl Ledger {
    /// Keeps its counts in `folder`.
    pub(super) fn new(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).unwrap();
        Self { folder: folder.to_owned() }
    }

    /// Counts pushes to a bare repository too.
    pub(super) fn watch(&self, repository: &Path) {
        let folder = self.folder.display();
        let hooks = [
            (
                "pre-receive",
                format!("#!/bin/sh\ncat >/dev/null\n[ -n \"$LEDGER_PERSON\" ] || [ ! -e '{folder}/dead' ]\n"),
            ),
            (
                "post-receive",
                format!(
                    "#!/bin/sh\nref=$(cut -d' ' -f3 | tr '\\n' ' ')\n[ -n \"$LEDGER_PERSON\" ] && exit 0\n\
                     echo \"push $ref\" >> '{folder}/writes'\n\
                     if [ -e '{folder}/limit' ] && [ \"$(wc -l < '{folder}/writes')\" -ge \"$(cat '{folder}/limit')\" ]\n\
                     then : > '{folder}/dead'; fi\n"
                ),
            ),
        ];
        for (name, script) in hooks {
            let path = repository.join("hooks").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, script).unwrap();
            #[cfg(unix)]
            {
                use std::os::unix::fs::PermissionsExt;
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
            }
        }
    }

    /// The writes so far, one line each.
    pub(super) fn writes(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder.join("writes")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Lets a run die when it has written `count` times more.
    pub(super) fn die_after(&self, count: usize) {
        std::fs::write(self.folder.join("limit"), (self.writes().len() + count).to_string()).unwrap();
    }

    /// Lets runs live again.
    pub(super) fn revive(&self) {
        for name in ["limit", "dead"] {
            drop(std::fs::remove_file(self.folder.join(name)));
        }
    }

    fn alive(&self) -> Result<()> {
        match self.folder.join("dead").exists() {
            true => Err(Failure::remote("this run is dead")),
            false => Ok(()),
        }
    }

    /// Counts a write; the answer to the last one of a run never arrives.
    fn wrote(&self, what: &str) -> Result<()> {
        let mut writes = self.writes();
        writes.push(what.to_owned());
        std::fs::write(self.folder.join("writes"), writes.join("\n") + "\n").unwrap();
        let limit = std::fs::read_to_string(self.folder.join("limit")).ok().and_then(|text| text.parse().ok());
        if limit.is_some_and(|limit: usize| writes.len() >= limit) {
            std::fs::write(self.folder.join("dead"), "").unwrap();
            return Err(Failure::remote("this run is dead"));
        }
        Ok(())
    }
}

/// A host behind a ledger.
pub(super) struct Witness {
    pub(super) host: Box<dyn Host>,
    pub(super) ledger: Ledger,
}

impl Witness {
    fn note(&self, what: &str, ensured: Ensured) -> Result<Ensured> {
        if !matches!(ensured, Ensured::Unchanged | Ensured::Unsupported) {
            self.ledger.wrote(what)?;
        }
        Ok(ensured)
    }
}

#[async_trait]
impl Host for Witness {
    fn limits(&self) -> Limits {
        self.host.limits()
    }

    async fn identity(&self) -> Result<String> {
        self.ledger.alive()?;
        self.host.identity().await
    }

    async fn repository(&self) -> Result<RepositoryFacts> {
        self.ledger.alive()?;
        self.host.repository().await
    }

    async fn rights(&self, login: &str) -> Result<Rights> {
        self.ledger.alive()?;
        self.host.rights(login).await
    }

    async fn pull_request(&self, number: u64) -> Result<PullRequest> {
        self.ledger.alive()?;
        self.host.pull_request(number).await
    }

    async fn pull_requests(&self, query: &PullRequestQuery) -> Result<Vec<PullRequest>> {
        self.ledger.alive()?;
        self.host.pull_requests(query).await
    }

    async fn statuses(&self, commit: &CommitId) -> Result<Vec<PostedStatus>> {
        self.ledger.alive()?;
        self.host.statuses(commit).await
    }

    async fn ensure_remarks(&self, grant: &CommentGrant, remarks: &[Remark]) -> Result<Ensured> {
        self.ledger.alive()?;
        let ensured = self.host.ensure_remarks(grant, remarks).await?;
        self.note(&format!("remarks/{}", grant.pull_request()), ensured)
    }

    async fn ensure_comment(&self, grant: &CommentGrant, topic: &str, body: Option<&str>) -> Result<Ensured> {
        self.ledger.alive()?;
        let ensured = self.host.ensure_comment(grant, topic, body).await?;
        self.note(&format!("comment {}", grant.pull_request()), ensured)
    }

    async fn amend_comment(&self, grant: &CommentGrant, topic: &str, body: &str) -> Result<Ensured> {
        self.ledger.alive()?;
        let ensured = self.host.amend_comment(grant, topic, body).await?;
        self.note(&format!("comment {}", grant.pull_request()), ensured)
    }

    async fn ensure_status(&self, grant: &StatusGrant<'_>, status: &Status) -> Result<Ensured> {
        self.ledger.alive()?;
        let ensured = self.host.ensure_status(grant, status).await?;
        self.note(&format!("status {} {}", status.context, grant.commit().short()), ensured)
    }

    async fn ensure_check(&self, grant: &StatusGrant<'_>, check: &Check) -> Result<Ensured> {
        self.ledger.alive()?;
        let ensured = self.host.ensure_check(grant, check).await?;
        self.note(&format!("check {} {}", check.name, grant.commit().short()), ensured)
    }

    async fn ensure_pull_request(
        &self,
        grant: &PromoteGrant,
        draft: &PullRequestDraft,
    ) -> Result<(Ensured, PullRequest)> {
        self.ledger.alive()?;
        let (ensured, pull) = self.host.ensure_pull_request(grant, draft).await?;
        Ok((self.note(&format!("pull request {}", pull.number), ensured)?, pull))
    }

    async fn close_pull_request(&self, grant: &PromoteGrant, number: u64, reason: &str) -> Result<Ensured> {
        self.ledger.alive()?;
        let ensured = self.host.close_pull_request(grant, number, reason).await?;
        self.note(&format!("close {number}"), ensured)
    }

    async fn land(&self, grant: &PromoteGrant, number: u64, head: &CommitId) -> Result<Landing> {
        self.ledger.alive()?;
        let landing = self.host.land(grant, number, head).await?;
        if matches!(landing, Landing::Landed(_)) {
            self.ledger.wrote(&format!("land {number}"))?;
        }
        Ok(landing)
    }

    async fn ensure_deployment(&self, grant: &ApplyGrant, deployment: &Deployment) -> Result<Ensured> {
        self.ledger.alive()?;
        let ensured = self.host.ensure_deployment(grant, deployment).await?;
        self.note(&format!("deployment {}", deployment.environment), ensured)
    }
}
