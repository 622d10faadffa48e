//! GitHub and GitHub Enterprise Server, REST API of 2022-11-28.
//!
//! What is particular: a job's token has no account of its own to ask for, and GraphQL alone tells which bot a token
//! acts as; check runs belong to Apps, so that a person's token has none; a deployment merges the default branch into its
//! ref unless it is told not to; landing is a story of its own (`landing`). GitHub's OpenAPI description and the contract
//! suite on a stub that is judged by it decide. The client is the shared one: see `docs/hosts.md` for why it is not octocrab.

mod checks;
mod deployments;
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
use std::time::Duration;
use tokio::sync::OnceCell;
use wire::{CollaboratorPermission, Pull, Repository, Viewer};

/// Where the CI files are that the host reads from the pushed branch.
const CI_FOLDER: &str = ".github/workflows";
/// The account that a job's own token acts as.
const JOB_ACCOUNT: &str = "github-actions[bot]";

const PULLS: &str = "write access to pull requests (in a job: `permissions: pull-requests: write`)";
const CODE: &str = "write access to the repository's code (in a job: `permissions: contents: write`)";
const STATUSES: &str = "write access to commit statuses (in a job: `permissions: statuses: write`)";
const CHECKS: &str = "write access to checks (in a job: `permissions: checks: write`)";
const DEPLOYMENTS: &str = "write access to deployments (in a job: `permissions: deployments: write`)";

/// A repository on GitHub or a GitHub Enterprise Server.
#[derive(Debug)]
pub struct GitHubHost {
    http: HttpClient,
    /// `owner/name`, as it was named.
    repository: String,
    owner: String,
    /// `/repos/OWNER/NAME`.
    root: String,
    /// Where GraphQL is.
    graphql: String,
    identity: OnceCell<String>,
    facts: OnceCell<Repository>,
}

impl GitHubHost {
    /// The repository at `address`, whose `api_url` is the REST root: `https://api.github.com`, or
    /// `https://HOST/api/v3` of an Enterprise Server.
    ///
    /// # Errors
    /// Usage when the address is no address.
    pub fn new(address: &Address) -> Result<Self> {
        let dialect = Dialect {
            name: "GitHub",
            token_header: AUTHORIZATION,
            token_prefix: "Bearer ",
            accept: "application/vnd.github+json",
            page_size: ("per_page", 100),
            headers: &[("x-github-api-version", "2022-11-28")],
            // No more than 80 requests a minute may create content.
            // <https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api>
            pace: Pace { burst: 20, gap: Duration::from_secs(1) },
        };
        let named = address.repository.split_once('/').filter(|(owner, name)| is_segment(owner) && is_segment(name));
        let Some((owner, name)) = named else {
            return Err(Failure::usage(format!("`{}` is not `owner/name`", address.repository)));
        };
        let api = address.api_url.trim_end_matches('/');
        Ok(Self {
            http: HttpClient::new(api, address.token.as_ref(), dialect)?,
            repository: address.repository.clone(),
            owner: owner.to_owned(),
            root: format!("/repos/{}/{}", segment(owner), segment(name)),
            // An Enterprise Server has it beside the REST API, not below.
            graphql: format!("{}/graphql", api.strip_suffix("/v3").unwrap_or(api)),
            identity: OnceCell::new(),
            facts: OnceCell::new(),
        })
    }

    /// The same host, asked for smaller pages than it would give.
    #[must_use]
    pub fn with_page_size(mut self, size: usize) -> Self {
        self.http.set_page_size(size);
        self
    }

    async fn facts(&self) -> Result<&Repository> {
        let ask = || async { Ok(self.http.json(&Call::get(self.root.as_str())).await?) };
        self.facts.get_or_try_init(ask).await
    }

    async fn raw_pull(&self, number: u64) -> Result<Pull> {
        let pull: Option<Pull> = self.http.find(&Call::get(format!("{}/pulls/{number}", self.root))).await?;
        pull.ok_or_else(|| missing(&format!("pull request #{number}"), &self.repository))
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
        let taken = |error: &HttpError| error.said().contains("already exists");
        create_once(create, taken, || open_like(self, draft)).await.map_err(|error| {
            let forbidden = error.said().contains("not permitted to create or approve pull requests");
            match forbidden {
                true => error.hint(format!(
                    "a setting forbids it: switch on \"Allow GitHub Actions to create and approve pull requests\" under \
                     Settings, Actions, General of `{}` (or of its organisation), or give the token of an App or a person \
                     in `MERGELINE_TOKEN`",
                    self.repository
                )),
                false => error,
            }
            .into()
        })
    }
}

#[async_trait]
impl Host for GitHubHost {
    fn limits(&self) -> Limits {
        limits::GITHUB
    }

    async fn identity(&self) -> Result<String> {
        let ask = || async {
            let viewer = Call::ask_at(self.graphql.as_str(), json!({"query": "query { viewer { login } }"}));
            match self.http.json::<Viewer>(&viewer).await.map(Viewer::login) {
                Ok(Some(login)) => return Ok(login),
                // A token that may not ask GraphQL, or an answer without a name: the REST API knows people.
                Ok(None) => {}
                Err(error) if matches!(error.status(), Some(400 | 403 | 404)) => {}
                Err(error) => return Err(error.into()),
            }
            match self.http.json::<User>(&Call::get("/user")).await {
                Ok(user) => Ok(user.login),
                Err(error) if matches!(error.status(), Some(403 | 404)) => Ok(JOB_ACCOUNT.to_owned()),
                Err(error) => Err(error.into()),
            }
        };
        self.identity.get_or_try_init(ask).await.cloned()
    }

    async fn repository(&self) -> Result<RepositoryFacts> {
        let facts = self.facts().await?;
        let web = facts.html_url.trim_end_matches('/').to_owned();
        // A job's own token may not push workflows, whatever its permissions; asked without one, nothing is pushed.
        let by_job = !self.http.has_token() || self.identity().await? == JOB_ACCOUNT;
        Ok(RepositoryFacts {
            name: facts.full_name.clone(),
            own_rights: facts.own_rights(),
            default_branch: facts.default_branch.clone(),
            web_url: web.clone(),
            ci_paths: if by_job { Vec::new() } else { vec![CI_FOLDER.to_owned()] },
            links: LinkTemplates {
                file: Some(format!("{web}/blob/{{commit}}/{{path}}")),
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
        let answer: Option<CollaboratorPermission> = self.http.find(&Call::get(path)).await?;
        Ok(answer.map_or(Rights::None, |answer| answer.rights()))
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
            call = call.query("base", base.as_str());
        }
        if let Some(head) = &query.head_branch {
            // A branch of a fork is asked for by its owner, and no caller asks for those.
            call = call.query("head", format!("{}:{head}", self.owner));
        }
        Ok(query.choose(self.http.list::<Pull>(&call).await?.into_iter().map(Pull::read)))
    }

    async fn statuses(&self, commit: &CommitId) -> Result<Vec<PostedStatus>> {
        commit_statuses::list(&self.http, format!("{}/commits/{commit}/statuses", self.root), "").await
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
        let mut body = json!({
            "context": status.context, "state": state_word(status.state), "description": status.description,
        });
        if let Some(url) = &status.url {
            body["target_url"] = json!(url);
        }
        let post = Call::create(format!("{}/statuses/{commit}", self.root), body, STATUSES);
        commit_statuses::ensure(self, &self.http, commit, &status, &post).await
    }

    async fn ensure_check(&self, grant: &StatusGrant<'_>, check: &Check) -> Result<Ensured> {
        self.write_check(grant.commit(), check).await
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
            // Labels that the repository does not have are made; those that are there already stay.
            let path = format!("{}/issues/{}/labels", self.root, pull.number);
            self.http.send(&Call::create(path, json!({"labels": missing}), PULLS).repeatable()).await?;
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
        let path = format!("{}/pulls/{number}", self.root);
        // One that was merged in the meantime is left as it is.
        let closed: Pull = self.http.json(&Call::change(path, json!({"state": "closed"}), PULLS)).await?;
        Ok(if closed.read()?.state == PullRequestState::Merged { Ensured::Unchanged } else { Ensured::Updated })
    }

    async fn land(&self, _grant: &PromoteGrant, number: u64, head: &CommitId) -> Result<Landing> {
        self.merge(number, head).await
    }

    async fn ensure_deployment(&self, _grant: &ApplyGrant, deployment: &Deployment) -> Result<Ensured> {
        self.record(deployment).await
    }
}

/// Says whether the host refused because a person's token asked for what only Apps and jobs have.
fn is_for_apps_only(error: &HttpError) -> bool {
    let said = error.said().to_ascii_lowercase();
    error.status() == Some(403) && (said.contains("via a github app") || said.contains("personal access token"))
}
