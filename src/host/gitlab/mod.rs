//! GitLab, REST API v4: gitlab.com and self-managed, also below a path and with projects in nested groups.
//!
//! What is particular: a status is a job of a pipeline (`statuses`), text is read for commands (`inert`), a merge request
//! can be merged only once the host has found out that it can (`landing`), and a job's own token may do next to nothing:
//! with it, and for forks, nothing is asked and nothing is written ([`super::address::ReportOnly`]). GitLab's
//! documentation (<https://docs.gitlab.com/api/rest/>), its source and the contract suite on a stub decide.

mod comments;
mod deployments;
mod drafts;
mod inert;
mod landing;
mod remarks;
mod statuses;
mod wire;

use super::http::{Call, Dialect, HttpClient, HttpError, Pace, create_once, segment};
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
use comments::NotesOf;
use inert::inert;
use remarks::RemarksOf;
use reqwest::header::HeaderName;
use serde_json::json;
use std::sync::atomic::AtomicBool;
use tokio::sync::OnceCell;
use wire::{Access, MergeRequest, Project, User};

const REQUESTS: &str = "the role Developer in the project and the scope `api`";

/// A project on a GitLab server.
#[derive(Debug)]
pub struct GitLabHost {
    http: HttpClient,
    address: Address,
    /// `/projects/GROUP%2FNAME`.
    root: String,
    identity: OnceCell<String>,
    project: OnceCell<Project>,
}

impl GitLabHost {
    /// The project at `address`, whose `api_url` ends in `/api/v4`.
    ///
    /// # Errors
    /// Usage when the address is no address.
    pub fn new(address: &Address) -> Result<Self> {
        let job = address.report_only().is_some();
        let dialect = Dialect {
            name: "GitLab",
            token_header: HeaderName::from_static(if job { "job-token" } else { "private-token" }),
            token_prefix: "",
            accept: "application/json",
            page_size: ("per_page", 100),
            // Notes are limited to 300 a minute, and no run writes a tenth of them.
            headers: &[],
            pace: Pace::FREE,
        };
        let parts: Vec<&str> = address.repository.split('/').collect();
        if parts.len() < 2 || parts.iter().any(|part| part.bytes().all(|byte| byte == b'.')) {
            return Err(Failure::usage(format!("`{}` is not `group/project`", address.repository)));
        }
        Ok(Self {
            http: HttpClient::new(&address.api_url, address.token.as_ref(), dialect)?,
            address: address.clone(),
            root: format!("/projects/{}", segment(&address.repository)),
            identity: OnceCell::new(),
            project: OnceCell::new(),
        })
    }

    /// The same host, asked for smaller pages than it would give.
    #[must_use]
    pub fn with_page_size(mut self, size: usize) -> Self {
        self.http.set_page_size(size);
        self
    }

    async fn facts(&self) -> Result<&Project> {
        let ask = || async { Ok(self.http.json(&Call::get(self.root.as_str())).await?) };
        self.project.get_or_try_init(ask).await
    }

    /// The running pipeline, when it is one of `commit`.
    fn pipeline_of(&self, commit: &CommitId) -> Option<u64> {
        let (of, id) = self.address.job.as_ref()?.pipeline.as_ref()?;
        (of == commit.as_str()).then_some(*id)
    }

    async fn raw_request(&self, number: u64) -> Result<MergeRequest> {
        let call = Call::get(format!("{}/merge_requests/{number}", self.root));
        let request: Option<MergeRequest> = self.http.find(&call).await?;
        request.ok_or_else(|| missing(&format!("merge request !{number}"), &self.address.repository))
    }

    async fn create_like(&self, draft: &PullRequestDraft) -> Result<PullRequest> {
        let body = json!({
            "source_branch": draft.head_branch, "target_branch": draft.base_branch, "title": draft.title,
            "description": inert(&draft.body), "labels": draft.labels.join(","),
        });
        let call = Call::create(format!("{}/merge_requests", self.root), body, REQUESTS);
        let create = || async { self.http.json::<MergeRequest>(&call).await?.read().map_err(HttpError::of) };
        let taken = |error: &HttpError| error.status() == Some(409);
        let made = create_once(create, taken, || open_like(self, draft)).await;
        made.map_err(|error| self.or_switched_off(error))
    }

    /// The failure, with the setting that forbids merge requests where it may be that.
    fn or_switched_off(&self, error: HttpError) -> Failure {
        match error.status() {
            Some(403) => error
                .hint(format!(
                    "or `{}` has merge requests (its pull requests) switched off: Settings > General > Visibility, \
                     project features, permissions",
                    self.address.repository
                ))
                .into(),
            _ => error.into(),
        }
    }

    fn links(&self, web: &str) -> LinkTemplates {
        LinkTemplates {
            file: Some(format!("{web}/-/blob/{{commit}}/{{path}}")),
            line: Some("#L{line}".to_owned()),
            commit: Some(format!("{web}/-/commit/{{commit}}")),
        }
    }

    /// What the job itself says, where its token may not ask.
    fn told(&self, default_branch: String) -> RepositoryFacts {
        let web_url = format!("{}/{}", self.address.web_url, self.address.repository);
        RepositoryFacts {
            name: self.address.repository.clone(),
            default_branch,
            links: self.links(&web_url),
            web_url,
            own_rights: Rights::Read,
            ci_paths: Vec::new(),
        }
    }
}

#[async_trait]
impl Host for GitLabHost {
    fn limits(&self) -> Limits {
        limits::GITLAB
    }

    async fn identity(&self) -> Result<String> {
        if let Some(report_only) = self.address.report_only() {
            return Err(Failure::usage(report_only.why.clone()).hint(report_only.hint.clone()));
        }
        let ask = || async {
            let user = self.http.json::<User>(&Call::get("/user")).await;
            user.map(|user| user.username).map_err(|error| match error.status() {
                // A personal token without that scope belongs to a person: guessing would make a second note.
                Some(403) => error.hint("give the token the scope `api`").into(),
                _ => Failure::from(error),
            })
        };
        self.identity.get_or_try_init(ask).await.cloned()
    }

    async fn repository(&self) -> Result<RepositoryFacts> {
        let known = self.address.report_only().and(self.address.job.as_ref());
        if let Some(default_branch) = known.and_then(|job| job.default_branch.clone()) {
            return Ok(self.told(default_branch));
        }
        let project = self.facts().await?;
        let web_url = project.web_url.trim_end_matches('/').to_owned();
        Ok(RepositoryFacts {
            name: project.path_with_namespace.clone(),
            default_branch: project.default_branch.clone().unwrap_or_else(|| "main".to_owned()),
            links: self.links(&web_url),
            web_url,
            own_rights: project.own_rights(),
            ci_paths: project.ci_file().map(str::to_owned).into_iter().collect(),
        })
    }

    async fn rights(&self, login: &str) -> Result<Rights> {
        let call = Call::get("/users").query("username", login);
        let users: Vec<User> = self.http.json(&call).await?;
        let Some(user) = users.into_iter().find(|user| user.username.eq_ignore_ascii_case(login)) else {
            return Ok(Rights::None);
        };
        // `/members/` alone leaves out who is a member of a group above.
        let call = Call::get(format!("{}/members/all/{}", self.root, user.id));
        Ok(self.http.find::<Access>(&call).await?.map_or(Rights::None, Access::rights))
    }

    async fn pull_request(&self, number: u64) -> Result<PullRequest> {
        self.raw_request(number).await?.read()
    }

    async fn pull_requests(&self, query: &PullRequestQuery) -> Result<Vec<PullRequest>> {
        let state = match query.state {
            None => "all",
            Some(PullRequestState::Open) => "opened",
            Some(PullRequestState::Closed) => "closed",
            Some(PullRequestState::Merged) => "merged",
        };
        let mut call = Call::get(format!("{}/merge_requests", self.root))
            .query("state", state)
            .query("order_by", "created_at")
            .query("sort", "desc");
        for (name, branch) in [("source_branch", &query.head_branch), ("target_branch", &query.base_branch)] {
            if let Some(branch) = branch {
                call = call.query(name, branch.as_str());
            }
        }
        let listed = self.http.list::<MergeRequest>(&call).await.map_err(|error| self.or_switched_off(error))?;
        Ok(query.choose(listed.into_iter().map(MergeRequest::read)))
    }

    async fn statuses(&self, commit: &CommitId) -> Result<Vec<PostedStatus>> {
        self.list_statuses(commit).await
    }

    async fn ensure_comment(&self, grant: &CommentGrant, topic: &str, body: Option<&str>) -> Result<Ensured> {
        let notes = NotesOf { host: self, number: grant.pull_request() };
        let body = body.map(inert);
        marker::ensure(&notes, &self.identity().await?, Some(grant.head()), topic, body.as_deref()).await
    }

    async fn amend_comment(&self, grant: &CommentGrant, topic: &str, body: &str) -> Result<Ensured> {
        let notes = NotesOf { host: self, number: grant.pull_request() };
        marker::amend(&notes, &self.identity().await?, Some(grant.head()), topic, &inert(body)).await
    }

    async fn ensure_remarks(&self, grant: &CommentGrant, remarks: &[Remark]) -> Result<Ensured> {
        let of_lines = RemarksOf { host: self, number: grant.pull_request(), drafts_fail: AtomicBool::new(false) };
        let ensured = lines::ensure(&of_lines, &self.identity().await?, grant.head(), remarks).await?;
        of_lines.tidy(grant.head()).await?;
        Ok(ensured)
    }

    async fn ensure_status(&self, grant: &StatusGrant<'_>, status: &Status) -> Result<Ensured> {
        self.post_status(grant.commit(), status).await
    }

    async fn ensure_pull_request(
        &self,
        _grant: &PromoteGrant,
        draft: &PullRequestDraft,
    ) -> Result<(Ensured, PullRequest)> {
        let (ensured, pull) = match open_like(self, draft).await? {
            Some(pull) => (Ensured::Unchanged, pull),
            None => (Ensured::Created, self.create_like(draft).await?),
        };
        let description = inert(&draft.body);
        let missing: Vec<&str> =
            draft.labels.iter().filter(|label| !pull.labels.contains(label)).map(String::as_str).collect();
        let mut changes = json!({});
        if pull.title != draft.title {
            changes["title"] = json!(draft.title);
        }
        if !marker::same_text(&pull.body, &description) {
            changes["description"] = json!(description);
        }
        if !missing.is_empty() {
            // Labels that the project does not have yet are made.
            changes["add_labels"] = json!(missing.join(","));
        }
        if changes == json!({}) {
            return Ok((ensured, pull));
        }
        let call = Call::replace(format!("{}/merge_requests/{}", self.root, pull.number), changes, REQUESTS);
        let pull = self.http.json::<MergeRequest>(&call).await?.read()?;
        Ok((ensured.changed(), pull))
    }

    async fn close_pull_request(&self, _grant: &PromoteGrant, number: u64, reason: &str) -> Result<Ensured> {
        if self.pull_request(number).await?.state != PullRequestState::Open {
            return Ok(Ensured::Unchanged);
        }
        let notes = NotesOf { host: self, number };
        marker::ensure(&notes, &self.identity().await?, None, marker::CLOSED, Some(&inert(reason))).await?;
        let path = format!("{}/merge_requests/{number}", self.root);
        // One that was merged in the meantime is left as it is.
        let closed: MergeRequest =
            self.http.json(&Call::replace(path, json!({"state_event": "close"}), REQUESTS)).await?;
        Ok(if closed.is_merged() { Ensured::Unchanged } else { Ensured::Updated })
    }

    async fn land(&self, _grant: &PromoteGrant, number: u64, head: &CommitId) -> Result<Landing> {
        self.merge(number, head).await
    }

    async fn ensure_check(&self, _grant: &StatusGrant<'_>, _check: &Check) -> Result<Ensured> {
        Ok(Ensured::Unsupported)
    }

    async fn ensure_deployment(&self, _grant: &ApplyGrant, deployment: &Deployment) -> Result<Ensured> {
        self.record(deployment).await
    }
}
