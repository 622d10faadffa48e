//! Deployments and their statuses: the mirror of our own commit status, for the host's own pages.
//!
//! A deployment merges the default branch into its ref and waits for every other status unless it is told not to.
//! <https://docs.github.com/rest/deployments/deployments>

use super::wire::{DeploymentRecord, DeploymentStatus};
use super::{DEPLOYMENTS, GitHubHost};
use crate::failure::{Failure, Result};
use crate::host::http::{CREATE_ATTEMPTS, Call, HttpError};
use crate::host::{Deployment, Ensured, Host, Status, StatusState};
use serde_json::json;

/// How many of the newest records are looked at: ours is among the first of an environment.
const NEWEST: &str = "10";

impl GitHubHost {
    /// Makes the newest deployment of the environment be of this commit, and its newest status say this.
    pub(super) async fn record(&self, deployment: &Deployment) -> Result<Ensured> {
        let own = self.identity().await?;
        let mut outcome = Ensured::Unchanged;
        let mut lost = 0;
        // Each turn looks, and writes one thing at most.
        loop {
            let newest = self.newest_deployment(&deployment.environment, &own).await?;
            let written = match newest.filter(|record| record.sha == deployment.commit.as_str()) {
                None => {
                    outcome = Ensured::Created;
                    match self.create_deployment(deployment).await {
                        Ok(record) => self.add_status(record.id, deployment).await,
                        Err(error) => Err(error),
                    }
                }
                Some(record) if self.newest_status(record.id).await?.is_some_and(|it| it.says(deployment)) => {
                    return Ok(outcome);
                }
                Some(record) => {
                    outcome = outcome.changed();
                    self.add_status(record.id, deployment).await
                }
            };
            match written {
                Ok(()) => return Ok(outcome),
                Err(error) if error.maybe_done() && lost < CREATE_ATTEMPTS => lost += 1,
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// The newest deployment of the environment, if it is ours.
    async fn newest_deployment(&self, environment: &str, own: &str) -> Result<Option<DeploymentRecord>> {
        let call =
            Call::get(format!("{}/deployments", self.root)).query("environment", environment).query("per_page", NEWEST);
        let records: Vec<DeploymentRecord> = self.http.json(&call).await.map_err(Failure::from)?;
        Ok(records.into_iter().max_by_key(|record| record.id).filter(|record| record.is_by(own)))
    }

    async fn newest_status(&self, deployment: u64) -> Result<Option<DeploymentStatus>> {
        let path = format!("{}/deployments/{deployment}/statuses", self.root);
        let statuses: Vec<DeploymentStatus> = self.http.json(&Call::get(path).query("per_page", NEWEST)).await?;
        Ok(statuses.into_iter().max_by_key(|status| status.id))
    }

    async fn create_deployment(&self, deployment: &Deployment) -> std::result::Result<DeploymentRecord, HttpError> {
        let body = json!({
            "ref": deployment.commit.as_str(), "environment": deployment.environment,
            "auto_merge": false, "required_contexts": [], "description": "Delivered by Mergeline",
        });
        self.http.json(&Call::create(format!("{}/deployments", self.root), body, DEPLOYMENTS)).await
    }

    async fn add_status(&self, id: u64, deployment: &Deployment) -> std::result::Result<(), HttpError> {
        let body = json!({
            "state": word(deployment.state), "description": description(deployment),
            "environment": deployment.environment, "auto_inactive": true,
        });
        let path = format!("{}/deployments/{id}/statuses", self.root);
        self.http.send(&Call::create(path, body, DEPLOYMENTS)).await
    }
}

impl DeploymentStatus {
    /// Says whether it is what the deployment shall say.
    fn says(&self, deployment: &Deployment) -> bool {
        self.state == word(deployment.state) && self.description == description(deployment)
    }
}

fn word(state: StatusState) -> &'static str {
    match state {
        StatusState::Pending => "in_progress",
        StatusState::Success => "success",
        StatusState::Failure => "failure",
        StatusState::Error => "error",
    }
}

/// Descriptions end where those of commit statuses do.
fn description(deployment: &Deployment) -> String {
    let status = Status {
        context: String::new(),
        state: deployment.state,
        description: deployment.description.clone(),
        url: None,
    };
    status.within(&crate::host::limits::GITHUB).description
}
