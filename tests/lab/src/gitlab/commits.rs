//! What belongs to commits: statuses as jobs of pipelines, references, deployments.

use serde_json::{Value, json};

use super::Server;
use super::git;
use super::routes::{Answered, Asked, paged, refuse};
use super::state::{DEVELOPER, Deployment, Pipeline, REPORTER, State, Status, now};
use crate::stub::Answer;

impl Server {
    fn status_entity(&self, state: &State, pipeline: &Pipeline, status: &Status) -> Value {
        json!({
            "id": status.id, "sha": pipeline.sha, "ref": pipeline.reference, "status": status.state, "name": status.name,
            "target_url": status.target_url, "description": status.description, "created_at": status.created_at,
            "started_at": status.started_at, "finished_at": status.finished_at, "allow_failure": false,
            "coverage": null, "pipeline_id": pipeline.id, "author": self.user(state.account(status.author)),
        })
    }

    pub(super) fn list_statuses(&self, state: &mut State, asked: &Asked<'_>, sha: &str) -> Answered {
        asked.needs(REPORTER)?;
        let project = state.project(&asked.project);
        if !git::has(&project.folder, sha) {
            return Err(refuse(404, "404 Commit Not Found"));
        }
        let (pipelines, statuses) = (project.pipelines.clone(), project.statuses.clone());
        let mut found = Vec::new();
        for status in statuses.iter().filter(|status| !status.retried) {
            let pipeline = pipelines.iter().find(|pipeline| pipeline.id == status.pipeline && pipeline.sha == sha);
            found.extend(pipeline.map(|pipeline| self.status_entity(state, pipeline, status)));
        }
        Ok(paged(asked.request, &found, false))
    }

    pub(super) fn create_status(&self, state: &mut State, asked: &Asked<'_>, sha: &str) -> Answered {
        asked.needs(DEVELOPER)?;
        let body = asked.request.json();
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        let project = state.project(&asked.project);
        if !git::has(&project.folder, sha) {
            return Err(refuse(404, "404 Commit Not Found"));
        }
        let fits = |pipeline: &&Pipeline| {
            pipeline.sha == sha
                && text("ref").is_none_or(|reference| reference == pipeline.reference)
                && body["pipeline_id"].as_u64().is_none_or(|id| id == pipeline.id)
        };
        let known = project.pipelines.iter().filter(fits).max_by_key(|pipeline| pipeline.id).cloned();
        let first = || git::branches_with(&project.folder, sha).into_iter().next();
        let pipeline = match (known, body["pipeline_id"].is_u64(), text("ref").or_else(first)) {
            (Some(pipeline), ..) => pipeline,
            (None, true, _) => return Err(refuse(404, "404 Pipeline for pipeline_id, sha and ref Not Found")),
            (None, false, None) => return Err(refuse(404, "404 References for commit Not Found")),
            (None, false, Some(reference)) => {
                let made = Pipeline { id: state.number(), sha: sha.to_owned(), reference };
                state.project(&asked.project).pipelines.push(made.clone());
                made
            }
        };
        if asked.level < state.project(&asked.project).level_for(&pipeline.reference) {
            return Err(refuse(403, "403 Forbidden"));
        }
        let name = text("name").or_else(|| text("context")).unwrap_or_else(|| "default".to_owned());
        let wanted = text("state").unwrap_or_default();
        let (author, id) = (asked.account.id, state.number());
        let statuses = &mut state.project(&asked.project).statuses;
        let is_same = |status: &Status| {
            (status.pipeline, &status.name, status.author) == (pipeline.id, &name, author) && !status.is_job
        };
        let live = |status: &Status| is_same(status) && matches!(status.state.as_str(), "pending" | "running");
        let at = match statuses.iter().position(live) {
            Some(at) => {
                let from = statuses[at].state.clone();
                if from == wanted || (from == "running" && wanted == "pending") {
                    let event = match wanted.as_str() {
                        "pending" => "enqueue",
                        _ => "run",
                    };
                    let why = format!(
                        "Cannot transition status via :{event} from :{from} (Reason(s): Status cannot transition via \"{event}\")"
                    );
                    return Err(refuse(400, why));
                }
                at
            }
            None => {
                statuses
                    .iter_mut()
                    .filter(|status| status.pipeline == pipeline.id && status.name == name)
                    .for_each(|it| it.retried = true);
                statuses.push(Status {
                    id,
                    pipeline: pipeline.id,
                    name: name.clone(),
                    state: String::new(),
                    description: None,
                    target_url: None,
                    author,
                    created_at: now(),
                    started_at: None,
                    finished_at: None,
                    is_job: false,
                    retried: false,
                });
                statuses.len() - 1
            }
        };
        let status = &mut statuses[at];
        status.state.clone_from(&wanted);
        status.description = text("description").or(status.description.take());
        status.target_url = text("target_url").or(status.target_url.take());
        match wanted.as_str() {
            "running" => status.started_at = Some(now()),
            "pending" => {}
            _ => status.finished_at = Some(now()),
        }
        let status = status.clone();
        Ok(Answer::json(201, &self.status_entity(state, &pipeline, &status)))
    }

    pub(super) fn list_references(&self, state: &mut State, asked: &Asked<'_>, sha: &str) -> Answered {
        let project = state.project(&asked.project);
        if !git::has(&project.folder, sha) {
            return Err(refuse(404, "404 Commit Not Found"));
        }
        let names = git::branches_with(&project.folder, sha);
        let found: Vec<Value> = names.iter().map(|name| json!({"type": "branch", "name": name})).collect();
        Ok(paged(asked.request, &found, false))
    }

    fn deployment_entity(&self, state: &State, deployment: &Deployment) -> Value {
        json!({
            "id": deployment.id, "iid": deployment.id, "ref": deployment.reference, "sha": deployment.sha,
            "created_at": deployment.created_at, "updated_at": deployment.created_at, "status": deployment.state,
            "user": self.user(state.account(deployment.user)), "deployable": null,
            "environment": {"id": 1, "name": deployment.environment, "slug": deployment.environment, "external_url": null},
        })
    }

    pub(super) fn list_deployments(&self, state: &mut State, asked: &Asked<'_>) -> Answered {
        asked.needs(REPORTER)?;
        let wanted = asked.request.query("environment");
        let mut found = state.project(&asked.project).deployments.clone();
        found.retain(|deployment| wanted.is_none_or(|name| name == deployment.environment));
        // The oldest first, unless asked otherwise.
        if asked.request.query("sort") == Some("desc") {
            found.reverse();
        }
        let found: Vec<Value> = found.iter().map(|deployment| self.deployment_entity(state, deployment)).collect();
        Ok(paged(asked.request, &found, true))
    }

    pub(super) fn create_deployment(&self, state: &mut State, asked: &Asked<'_>) -> Answered {
        asked.needs(DEVELOPER)?;
        let body = asked.request.json();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        if !git::has(&state.project(&asked.project).folder, &text("sha")) {
            return Err(refuse(400, json!({"sha": ["does not exist"]})));
        }
        let deployment = Deployment {
            id: state.number(),
            environment: text("environment"),
            sha: text("sha"),
            reference: text("ref"),
            state: text("status"),
            user: asked.account.id,
            created_at: now(),
        };
        state.project(&asked.project).deployments.push(deployment.clone());
        Ok(Answer::json(201, &self.deployment_entity(state, &deployment)))
    }

    pub(super) fn update_deployment(&self, state: &mut State, asked: &Asked<'_>, id: u64) -> Answered {
        asked.needs(DEVELOPER)?;
        let wanted = asked.request.json()["status"].as_str().unwrap_or_default().to_owned();
        let deployments = &mut state.project(&asked.project).deployments;
        let found = deployments.iter_mut().find(|deployment| deployment.id == id);
        let deployment = found.ok_or_else(|| refuse(404, "404 Not found"))?;
        if deployment.state == wanted {
            return Err(refuse(400, json!({"status": ["cannot transition"]})));
        }
        deployment.state = wanted;
        let deployment = deployment.clone();
        Ok(Answer::json(200, &self.deployment_entity(state, &deployment)))
    }
}
