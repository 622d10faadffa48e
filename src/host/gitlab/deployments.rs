//! Deployment records, which need a branch to be named.
//!
//! A record that a job of GitLab CI made by its `environment:` belongs to that job and is left alone.
//! <https://docs.gitlab.com/api/deployments/>

use super::GitLabHost;
use super::wire::{DeploymentRecord, Reference, deployment_word};
use crate::commit::CommitId;
use crate::failure::Result;
use crate::host::http::{Call, create_once};
use crate::host::{Deployment, Ensured, Host};
use serde_json::json;

const DEPLOYMENTS: &str =
    "the role Developer and the scope `api`; for a protected environment, being allowed to deploy to it";

impl GitLabHost {
    /// Makes the newest record of the environment that is ours say this.
    pub(super) async fn record(&self, deployment: &Deployment) -> Result<Ensured> {
        let state = deployment_word(deployment.state);
        let Some(newest) = self.newest_record(&deployment.environment).await? else {
            return self.make_record(deployment, state).await;
        };
        if newest.is_of(&deployment.commit, state) {
            return Ok(Ensured::Unchanged);
        }
        // What has ended cannot be running again: that is another deployment.
        if newest.is_of_commit(&deployment.commit) && state != "running" {
            let path = format!("{}/deployments/{}", self.root, newest.id);
            let sent = self.http.send(&Call::replace(path, json!({"status": state}), DEPLOYMENTS)).await;
            if let Err(error) = sent {
                // Repeated after a lost answer, the change is refused as made already.
                let now = self.newest_record(&deployment.environment).await?;
                if !now.is_some_and(|now| now.is_of(&deployment.commit, state)) {
                    return Err(error.into());
                }
            }
            return Ok(Ensured::Updated);
        }
        self.make_record(deployment, state).await
    }

    async fn make_record(&self, deployment: &Deployment, state: &str) -> Result<Ensured> {
        let branch = self.branch_of(&deployment.commit).await?;
        let body = json!({
            "environment": deployment.environment, "sha": deployment.commit.as_str(),
            "ref": branch.unwrap_or_else(|| deployment.commit.to_string()), "tag": false, "status": state,
        });
        let call = Call::create(format!("{}/deployments", self.root), body, DEPLOYMENTS);
        let stands = || async {
            let newest = self.newest_record(&deployment.environment).await?;
            Ok(newest.filter(|now| now.is_of(&deployment.commit, state)).map(drop))
        };
        create_once(|| self.http.send(&call), |_| false, stands).await?;
        Ok(Ensured::Created)
    }

    /// The newest record of ours that no job of the CI owns.
    async fn newest_record(&self, environment: &str) -> Result<Option<DeploymentRecord>> {
        let call = Call::get(format!("{}/deployments", self.root))
            .query("environment", environment)
            .query("order_by", "id")
            .query("sort", "desc")
            .query("per_page", "20");
        let records: Vec<DeploymentRecord> = self.http.json(&call).await?;
        let own = self.identity().await?;
        Ok(records.into_iter().find(|record| record.is_by(&own)))
    }

    /// A branch that has the commit: the default branch, else one that is no promotion.
    pub(super) async fn branch_of(&self, commit: &CommitId) -> Result<Option<String>> {
        let path = format!("{}/repository/commits/{commit}/refs", self.root);
        let found: Vec<Reference> = self.http.list(&Call::get(path).query("type", "branch")).await?;
        let default = &self.facts().await?.default_branch;
        let mut names: Vec<String> = found.into_iter().map(|reference| reference.name).collect();
        names.sort_by_key(|name| (default.as_ref() != Some(name), name.starts_with("mergeline/")));
        Ok(names.into_iter().next())
    }
}
