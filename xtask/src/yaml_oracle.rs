//! `cargo xtask yaml-oracle`: asks kubectl's and kustomize's own packages what they make of generated YAML, and keeps the answers.
//!
//! The answers are `tests/cases/manifest/yaml-oracle/answers.jsonl.zst`, one case a line; the suite compares Mergeline with them. Look
//! at them with `zstd -dc`.

use std::fs;
use std::process::{Command, ExitCode};

use mergeline_lab::yaml;

use crate::{Outcome, root, say};

/// Which cases to ask about.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Another seed: writes the answers to standard output instead, as JSON lines
    #[arg(long)]
    seed: Option<u64>,
}

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let cases = yaml::cases(arguments.seed.unwrap_or(yaml::SEED));
    let answered = yaml::answer(cases).map_err(|error| error.to_string())?;
    let lines: Result<Vec<_>, _> = answered.iter().map(serde_json::to_string).collect();
    let text = lines.map_err(|error| format!("cannot write the answers: {error}"))?.join("\n");
    if arguments.seed.is_some() {
        crate::print(&text);
        return Ok(ExitCode::SUCCESS);
    }
    let folder = root().join("tests/cases/manifest/yaml-oracle");
    let (plain, packed) = (folder.join("answers.jsonl"), folder.join("answers.jsonl.zst"));
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&plain, text + "\n"))
        .map_err(|error| format!("cannot write `{}`: {error}", plain.display()))?;
    let zstd = Command::new("zstd").args(["-19", "--quiet", "--force", "--rm", "-o"]).arg(&packed).arg(&plain).status();
    if !zstd.is_ok_and(|status| status.success()) {
        return Err("cannot run `zstd`; install it".to_owned());
    }
    let size = fs::metadata(&packed).map_or(0, |metadata| metadata.len());
    let both = answered.iter().filter(|case| case.kustomize.is_some()).count();
    say(&format!("yaml-oracle: {} cases for kubectl, {both} of them for kustomize, in {size} bytes", answered.len()));
    Ok(ExitCode::SUCCESS)
}
