//! GitHub's workflows, run as they are by `act`: on this machine, without containers, with actions from folders.
//!
//! `act` plays the runner: it evaluates the workflow and the actions' files, masks secrets, reads outputs, annotations and step
//! summaries, and passes to each step what GitHub's runner passes. What GitHub itself decides (whether an event starts the
//! workflow at all, from which commit its file is taken, what `GITHUB_SHA` is) is the caller's, in [`Job`].

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

use crate::error::{Doing, LabResult};
use crate::process::loopback_command;

/// The program.
#[derive(Debug, Clone)]
pub struct Act {
    program: PathBuf,
}

/// One event, and what GitHub decided about it.
#[derive(Debug, Clone)]
pub struct Job<'a> {
    /// The text of the workflow, from the commit that GitHub takes it from.
    pub workflow: &'a str,
    /// `push`, `pull_request`, …
    pub event: &'a str,
    /// The payload.
    pub payload: &'a Value,
    /// `GITHUB_SHA`.
    pub commit: &'a str,
    /// `GITHUB_REF`.
    pub reference: &'a str,
    /// `owner/name`.
    pub repository: &'a str,
    /// Who caused it.
    pub actor: &'a str,
    /// The root of the host's pages and of its git: `http://127.0.0.1:PORT`.
    pub server_url: &'a str,
    /// The root of its API.
    pub api_url: &'a str,
    /// The number of the run.
    pub run: u64,
    /// The job's token.
    pub token: &'a str,
    /// Secrets of the repository.
    pub secrets: &'a [(&'a str, &'a str)],
    /// Variables of the runner.
    pub variables: &'a [(&'a str, &'a str)],
    /// Actions as `owner/name@ref`, each with the folder that it is in.
    pub actions: &'a [(&'a str, &'a Path)],
}

/// An annotation that a step wrote into the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Annotation {
    /// `error`, `warning`, `notice`.
    pub level: String,
    /// Its text.
    pub message: String,
    /// `file`, `line`, `title`, ….
    pub properties: BTreeMap<String, String>,
}

/// What came of a job.
#[derive(Debug, Clone, Default)]
pub struct JobRun {
    /// Whether every step went well.
    pub success: bool,
    /// What its steps wrote, and what the runner said.
    pub log: String,
    /// Annotations.
    pub annotations: Vec<Annotation>,
    /// Outputs of the last step that had some.
    pub outputs: BTreeMap<String, String>,
    /// Step summaries, one after the other.
    pub summary: String,
}

impl Act {
    pub(crate) fn new(program: PathBuf) -> Self {
        Self { program }
    }

    /// Runs the jobs of a workflow that the event starts.
    ///
    /// # Errors
    /// When a folder cannot be written, or the program cannot be run.
    pub fn run(&self, job: &Job<'_>) -> LabResult<JobRun> {
        let folder = tempfile::tempdir().doing(|| "make a folder for a job".to_owned())?;
        let path = |name: &str| folder.path().join(name);
        let write = |name: &str, text: &str| {
            let place = path(name);
            fs::create_dir_all(place.parent().unwrap_or(folder.path()))
                .and_then(|()| fs::write(&place, text))
                .doing(|| format!("write `{}`", place.display()))
        };
        write("repository/.github/workflows/workflow.yml", job.workflow)?;
        write("event.json", &job.payload.to_string())?;
        write("home/.actrc", "")?;
        let secrets: String = job.secrets.iter().map(|(name, value)| assignment(name, value)).collect();
        write("secrets", &(assignment("GITHUB_TOKEN", job.token) + &secrets))?;

        let mut command = loopback_command(&self.program);
        command.arg(job.event).arg("--directory").arg(path("repository")).arg("--eventpath").arg(path("event.json"));
        command.args(["--platform", "ubuntu-latest=-self-hosted", "--no-skip-checkout", "--no-cache-server", "--json"]);
        command.args(["--actor", job.actor, "--secret-file"]).arg(path("secrets"));
        command.arg("--action-cache-path").arg(path("cache"));
        for (name, place) in job.actions {
            command.arg("--local-repository").arg(format!("{name}={}", place.display()));
        }
        let run = job.run.to_string();
        let facts = [
            ("GITHUB_API_URL", job.api_url),
            ("GITHUB_SERVER_URL", job.server_url),
            ("GITHUB_REPOSITORY", job.repository),
            ("GITHUB_REF", job.reference),
            // What `act` reads `GITHUB_SHA` from.
            ("SHA_REF", job.commit),
            ("GITHUB_RUN_ID", run.as_str()),
        ];
        for (name, value) in facts.iter().chain(job.variables) {
            command.arg("--env").arg(format!("{name}={value}"));
        }
        // Neither the developer's settings nor a CI's own: what a job sees is what is passed above.
        let kept = ["PATH", "TMPDIR", "LANG"].map(|name| (name, std::env::var_os(name)));
        command.env_clear().env("HOME", path("home")).stdin(Stdio::null());
        command.envs(kept.into_iter().filter_map(|(name, value)| Some((name, value?))));
        let output = command.output().doing(|| "run act".to_owned())?;
        let mut ran = read(&String::from_utf8_lossy(&output.stdout));
        ran.success = output.status.success();
        ran.log += &String::from_utf8_lossy(&output.stderr);
        Ok(ran)
    }
}

/// A line of a secrets file; values of several lines stand in quotes.
fn assignment(name: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$").replace('\n', "\\n");
    format!("{name}=\"{value}\"\n")
}

/// Reads what `act --json` says, one object a line.
fn read(text: &str) -> JobRun {
    let mut ran = JobRun::default();
    for line in text.lines() {
        let Ok(said) = serde_json::from_str::<Value>(line) else {
            ran.log += &format!("{line}\n");
            continue;
        };
        let text = |key: &str| said[key].as_str().unwrap_or_default().to_owned();
        ran.log += &format!("{}\n", text("msg").trim_end());
        match said["command"].as_str() {
            Some("summary") => ran.summary += &text("content"),
            // The action's own outputs come last, those of steps in it before.
            Some("set-output") => drop(ran.outputs.insert(text("name"), text("arg"))),
            Some(level @ ("error" | "warning" | "notice")) => {
                let properties = said["kvPairs"].as_object().into_iter().flatten();
                let properties = properties.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
                let (level, message) = (level.to_owned(), text("arg"));
                ran.annotations.push(Annotation { level, message, properties: properties.collect() });
            }
            _ => {}
        }
    }
    ran
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_runner_says_is_read() {
        let said = r####"{"command":"summary","content":"### hi\n","msg":"Summary"}
{"command":"error","arg":"wrong","kvPairs":{"file":"a","line":"1"},"msg":"::error"}
{"command":"set-output","name":"verdict","arg":"pass","msg":"output"}
not json
{"msg":"plain\n","raw_output":true}"####;
        let ran = read(said);
        assert_eq!((ran.summary.as_str(), ran.outputs["verdict"].as_str()), ("### hi\n", "pass"));
        assert_eq!(ran.annotations[0].properties["file"], "a");
        assert!(ran.log.contains("not json\nplain\n"), "{}", ran.log);
    }
}
