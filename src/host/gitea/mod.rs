//! Gitea and Forgejo, API v1.
//!
//! What is particular: no check runs and no deployments; a job's token acts as the account `gitea-actions`; a status is
//! written with `state` and read with `status`; labels are set by number; landing is a story of its own (`landing`).
//! Its swagger, its source and the contract suite on a real server decide.

mod landing;
mod remarks;
mod wire;

use super::commit_statuses::{self, state_word};
use super::http::{Call, Dialect, HttpClient, HttpError, Pace, create_once, is_segment, segment};
use super::issue_comments::CommentsOf;
use super::wire::User;
use super::{
    Address, Check, Deployment, Ensured, Host, Landing, Limits, LinkTemplates, PostedStatus, PullRequest,
    PullRequestDraft, PullRequestQuery, PullRequestState, Remark, RepositoryFacts, Rights, Status, StatusGrant, limits,
    missing, open_like,
};
use super::{marker, remarks as lines};
use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use crate::trust::{ApplyGrant, CommentGrant, PromoteGrant};
use async_trait::async_trait;
use remarks::RemarksOf;
use reqwest::header::AUTHORIZATION;
use serde_json::json;
use tokio::sync::OnceCell;
use wire::{CollaboratorPermission, Label, Pull, Repository};

/// Where CI files are that the host reads from the pushed branch. Its job tokens may push them.
const CI_FOLDERS: [&str; 3] = [".gitea/workflows", ".forgejo/workflows", ".github/workflows"];
/// The account that a job's token acts as.
const JOB_ACCOUNT: &str = "gitea-actions";

const PULLS: &str = "write access to pull requests (in a job: `permissions: pull-requests: write`)";
const CODE: &str = "write access to the repository's code (in a job: `permissions: contents: write`)";
const STATUSES: &str = "write access to commit statuses (in a job: `permissions: statuses: write`)";

/// A repository on a Gitea or Forgejo server.
#[derive(Debug)]
pub struct GiteaHost {
    http: HttpClient,
    /// `owner/name`, for messages.
    repository: String,
    /// `/repos/OWNER/NAME`.
    root: String,
    identity: OnceCell<String>,
}

impl GiteaHost {
    /// The repository at `address`, whose `api_url` ends in `/api/v1`.
    ///
    /// # Errors
    /// Usage when the address is no address.
    pub fn new(address: &Address) -> Result<Self> {
        let dialect = Dialect {
            name: "Gitea",
            token_header: AUTHORIZATION,
            token_prefix: "token ",
            accept: "application/json",
            page_size: ("limit", 50),
            // It has no limit of its own.
            headers: &[],
            pace: Pace::FREE,
        };
        let named = address.repository.split_once('/').filter(|(owner, name)| is_segment(owner) && is_segment(name));
        let Some((owner, name)) = named else {
            return Err(Failure::usage(format!("`{}` is not `owner/name`", address.repository)));
        };
        Ok(Self {
            http: HttpClient::new(&address.api_url, address.token.as_ref(), dialect)?,
            repository: address.repository.clone(),
            root: format!("/repos/{}/{}", segment(owner), segment(name)),
            identity: OnceCell::new(),
        })
    }

    /// The same host, asked for smaller pages than it would give.
    #[must_use]
    pub fn with_page_size(mut self, size: usize) -> Self {
        self.http.set_page_size(size);
        self
    }

    async fn facts(&self) -> Result<Repository> {
        Ok(self.http.json(&Call::get(self.root.as_str())).await?)
    }

    async fn raw_pull(&self, number: u64) -> Result<Pull> {
        let pull: Option<Pull> = self.http.find(&Call::get(format!("{}/pulls/{number}", self.root))).await?;
        pull.ok_or_else(|| missing(&format!("pull request #{number}"), &self.repository))
    }

    /// Closes a pull request; one that was merged in the meantime is left.
    async fn set_closed(&self, number: u64) -> Result<Ensured> {
        let path = format!("{}/pulls/{number}", self.root);
        match self.http.send(&Call::change(path, json!({"state": "closed"}), PULLS)).await {
            Err(error) if error.status() == Some(412) => Ok(Ensured::Unchanged),
            sent => sent.map(|()| Ensured::Updated).map_err(Failure::from),
        }
    }

    /// The comments of a pull request, which are those of the issue with its number.
    fn comments(&self, number: u64) -> CommentsOf<'_> {
        CommentsOf { host: self, http: &self.http, root: &self.root, number, needs: PULLS }
    }

    async fn create_like(&self, draft: &PullRequestDraft) -> Result<PullRequest> {
        let body = json!({
            "head": draft.head_branch, "base": draft.base_branch, "title": draft.title, "body": draft.body,
        });
        let call = Call::create(format!("{}/pulls", self.root), body, PULLS);
        let create = || async { self.http.json::<Pull>(&call).await?.read().map_err(HttpError::of) };
        let taken = |error: &HttpError| error.status() == Some(409);
        create_once(create, taken, || open_like(self, draft)).await.map_err(|error| match error.status() {
            Some(403) => error
                .hint(format!(
                    "if it is a job's token: see the permissions of Actions in the settings of `{}`, and whether it accepts \
                     pull requests at all",
                    self.repository
                ))
                .into(),
            _ => error.into(),
        })
    }

    /// Adds labels to a pull request, making those that the repository does not have.
    async fn add_labels(&self, number: u64, names: &[String]) -> Result<()> {
        let path = format!("{}/labels", self.root);
        let known: Vec<Label> = self.http.list(&Call::get(path.as_str())).await?;
        let mut ids = Vec::new();
        for name in names {
            let id = match known.iter().find(|label| label.name == *name) {
                Some(label) => label.id,
                None => {
                    let body = json!({"name": name, "color": "#6e7781", "description": "Set by Mergeline"});
                    self.http.json::<Label>(&Call::create(path.as_str(), body, PULLS)).await?.id
                }
            };
            ids.push(id);
        }
        // Adding a label that is there already changes nothing, so the answer's loss is no harm.
        let call = Call::create(format!("{}/issues/{number}/labels", self.root), json!({"labels": ids}), PULLS);
        match self.http.send(&call).await {
            Err(error) if error.maybe_done() => Ok(self.http.send(&call).await?),
            sent => Ok(sent?),
        }
    }
}

#[async_trait]
impl Host for GiteaHost {
    fn limits(&self) -> Limits {
        limits::GITEA
    }

    async fn identity(&self) -> Result<String> {
        let ask = || async {
            match self.http.json::<User>(&Call::get("/user")).await {
                Ok(user) => Ok(user.login),
                // A personal token without that scope belongs to a person: guessing would make a second comment.
                Err(error) if error.said().contains("scope") => {
                    Err(error.hint("give the token the scope `read:user`").into())
                }
                Err(error) if matches!(error.status(), Some(403 | 404)) => Ok(JOB_ACCOUNT.to_owned()),
                Err(error) => Err(error.into()),
            }
        };
        self.identity.get_or_try_init(ask).await.cloned()
    }

    async fn repository(&self) -> Result<RepositoryFacts> {
        let facts = self.facts().await?;
        let web = facts.html_url.trim_end_matches('/').to_owned();
        Ok(RepositoryFacts {
            name: facts.full_name.clone(),
            own_rights: facts.own_rights(),
            default_branch: facts.default_branch,
            web_url: web.clone(),
            ci_paths: CI_FOLDERS.map(str::to_owned).to_vec(),
            links: LinkTemplates {
                file: Some(format!("{web}/src/commit/{{commit}}/{{path}}")),
                line: Some("#L{line}".to_owned()),
                commit: Some(format!("{web}/commit/{{commit}}")),
            },
        })
    }

    async fn rights(&self, login: &str) -> Result<Rights> {
        if !is_segment(login) {
            return Ok(Rights::None);
        }
        let path = format!("{}/collaborators/{}/permission", self.root, segment(login));
        match self.http.find::<CollaboratorPermission>(&Call::get(path)).await {
            Ok(answer) => Ok(answer.map_or(Rights::None, |answer| answer.rights())),
            // Only administrators may ask about others. Whoever can be assigned may write.
            Err(error) if error.status() == Some(403) => {
                let writers: Vec<User> = self.http.json(&Call::get(format!("{}/assignees", self.root))).await?;
                let writes = writers.iter().any(|user| user.login.eq_ignore_ascii_case(login));
                Ok(if writes { Rights::Write } else { Rights::None })
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn pull_request(&self, number: u64) -> Result<PullRequest> {
        self.raw_pull(number).await?.read()
    }

    async fn pull_requests(&self, query: &PullRequestQuery) -> Result<Vec<PullRequest>> {
        let state = match query.state {
            None => "all",
            Some(PullRequestState::Open) => "open",
            Some(PullRequestState::Closed | PullRequestState::Merged) => "closed",
        };
        let mut call = Call::get(format!("{}/pulls", self.root)).query("state", state);
        if let Some(base) = &query.base_branch {
            // Older servers do not know this filter and list all; the rest is sorted out below.
            call = call.query("base_branch", base.as_str());
        }
        let listed = self.http.list::<Pull>(&call).await.map_err(|error| match error.status() {
            Some(404) => {
                error.hint(format!("or pull requests are switched off in the settings of `{}`", self.repository))
            }
            _ => error,
        });
        Ok(query.choose(listed?.into_iter().map(Pull::read)))
    }

    async fn statuses(&self, commit: &CommitId) -> Result<Vec<PostedStatus>> {
        // The server does not find the account of its own jobs when it looks for the creator, and leaves it out.
        commit_statuses::list(&self.http, format!("{}/statuses/{commit}", self.root), JOB_ACCOUNT).await
    }

    async fn ensure_comment(&self, grant: &CommentGrant, topic: &str, body: Option<&str>) -> Result<Ensured> {
        let comments = self.comments(grant.pull_request());
        marker::ensure(&comments, &self.identity().await?, Some(grant.head()), topic, body).await
    }

    async fn amend_comment(&self, grant: &CommentGrant, topic: &str, body: &str) -> Result<Ensured> {
        let comments = self.comments(grant.pull_request());
        marker::amend(&comments, &self.identity().await?, Some(grant.head()), topic, body).await
    }

    async fn ensure_remarks(&self, grant: &CommentGrant, remarks: &[Remark]) -> Result<Ensured> {
        let of_lines = RemarksOf { host: self, number: grant.pull_request() };
        lines::ensure(&of_lines, &self.identity().await?, grant.head(), remarks).await
    }

    async fn ensure_status(&self, grant: &StatusGrant<'_>, status: &Status) -> Result<Ensured> {
        let (status, commit) = (status.within(&self.limits()), grant.commit());
        let body = json!({
            "context": status.context, "state": state_word(status.state), "description": status.description,
            "target_url": status.url.as_deref().unwrap_or_default(),
        });
        let post = Call::create(format!("{}/statuses/{commit}", self.root), body, STATUSES);
        commit_statuses::ensure(self, &self.http, commit, &status, &post).await
    }

    async fn ensure_pull_request(
        &self,
        _grant: &PromoteGrant,
        draft: &PullRequestDraft,
    ) -> Result<(Ensured, PullRequest)> {
        let (mut ensured, mut pull) = match open_like(self, draft).await? {
            Some(pull) => (Ensured::Unchanged, pull),
            None => (Ensured::Created, self.create_like(draft).await?),
        };
        if pull.title != draft.title || !marker::same_text(&pull.body, &draft.body) {
            let body = json!({"title": draft.title, "body": draft.body});
            let call = Call::change(format!("{}/pulls/{}", self.root, pull.number), body, PULLS);
            pull = self.http.json::<Pull>(&call).await?.read()?;
            ensured = ensured.changed();
        }
        let missing: Vec<String> = draft.labels.iter().filter(|l| !pull.labels.contains(l)).cloned().collect();
        if !missing.is_empty() {
            self.add_labels(pull.number, &missing).await?;
            pull.labels.extend(missing);
            ensured = ensured.changed();
        }
        Ok((ensured, pull))
    }

    async fn close_pull_request(&self, _grant: &PromoteGrant, number: u64, reason: &str) -> Result<Ensured> {
        if self.pull_request(number).await?.state != PullRequestState::Open {
            return Ok(Ensured::Unchanged);
        }
        let comments = self.comments(number);
        marker::ensure(&comments, &self.identity().await?, None, marker::CLOSED, Some(reason)).await?;
        self.set_closed(number).await
    }

    async fn land(&self, _grant: &PromoteGrant, number: u64, head: &CommitId) -> Result<Landing> {
        self.merge(number, head).await
    }

    async fn ensure_check(&self, _grant: &StatusGrant<'_>, _check: &Check) -> Result<Ensured> {
        Ok(Ensured::Unsupported)
    }

    async fn ensure_deployment(&self, _grant: &ApplyGrant, _deployment: &Deployment) -> Result<Ensured> {
        Ok(Ensured::Unsupported)
    }
}
