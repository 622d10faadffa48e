//! What kubectl and kustomize make of YAML: generated cases, and the oracle that answers them.
//!
//! The oracle is the part `yaml-oracle`: upstream's own packages in the versions of the lab's kubectl and kustomize, asked in
//! one process. The cases come from a seed alone, so that anyone can make them again.

mod cases;
mod documents;
mod random;
mod scalars;
mod trees;

use std::io::Write;
use std::process::{Command, Stdio};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::builder::Cache;
use crate::error::{Doing, LabError, LabResult};
use crate::parts::part;

pub use cases::{SEED, cases};

/// Whose reading is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tool {
    /// `kubectl -f FILE`.
    Kubectl,
    /// `kustomize build` of a kustomization with one resource.
    Kustomize,
}

/// One generated text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// What it is about: `scalar`, `key`, `documents`.
    pub group: String,
    /// The text of the file.
    pub text: String,
    /// Whether every document is an object that kustomize can build, so that both tools can be asked.
    pub object: bool,
}

/// What a tool makes of a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The documents that it read, without empty ones.
    pub documents: Vec<Value>,
    /// Why it stopped there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
}

/// A case with the answers of both tools.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Answered {
    /// The case.
    #[serde(flatten)]
    pub case: Case,
    /// What kubectl makes of it.
    pub kubectl: Answer,
    /// What kustomize makes of it; asked of objects only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kustomize: Option<Answer>,
}

/// Asks both tools about every case. Builds the oracle when it is not there yet.
///
/// # Errors
/// When the oracle cannot be built or does not answer.
pub fn answer(cases: Vec<Case>) -> LabResult<Vec<Answered>> {
    let questions = cases.iter().flat_map(|case| {
        let tools: &[Tool] = if case.object { &[Tool::Kubectl, Tool::Kustomize] } else { &[Tool::Kubectl] };
        tools.iter().map(|tool| (*tool, case.text.as_str()))
    });
    let mut answers = ask(&questions.collect::<Vec<_>>())?.into_iter();
    let mut next = || answers.next().ok_or_else(|| LabError::new("the oracle left a case without an answer"));
    let mut answered = Vec::with_capacity(cases.len());
    for case in cases {
        let kubectl = next()?;
        let kustomize = if case.object { Some(next()?) } else { None };
        answered.push(Answered { case, kubectl, kustomize });
    }
    Ok(answered)
}

/// Asks about every text, in one process; the answers come in the same order.
///
/// # Errors
/// When the oracle cannot be built or does not answer.
pub fn ask(questions: &[(Tool, &str)]) -> LabResult<Vec<Answer>> {
    let cache = Cache::open()?;
    let oracle = part("yaml-oracle").ok_or_else(|| LabError::new("the lab has no part `yaml-oracle`"))?;
    cache.build(&[oracle])?;
    let mut input = String::new();
    for (dialect, text) in questions {
        input.push_str(&serde_json::json!({"dialect": dialect, "text": text}).to_string());
        input.push('\n');
    }
    let program = cache.program(oracle);
    let mut child = Command::new(&program)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .doing(|| format!("start `{}`", program.display()))?;
    let mut stdin = child.stdin.take().ok_or_else(|| LabError::new("the oracle has no standard input"))?;
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().doing(|| "wait for the oracle".to_owned())?;
    if !output.status.success() || !matches!(writer.join(), Ok(Ok(()))) {
        return Err(LabError::new(format!("the oracle ended early: {}", output.status)));
    }
    let answers: Result<Vec<Answer>, _> =
        serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Answer>().collect();
    let answers = answers.doing(|| "read the oracle's answers".to_owned())?;
    if answers.len() != questions.len() {
        let (got, asked) = (answers.len(), questions.len());
        return Err(LabError::new(format!("the oracle gave {got} answers to {asked} questions")));
    }
    Ok(answers)
}
