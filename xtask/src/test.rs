//! `cargo xtask test`: every test with every real part.

use std::ffi::OsString;
use std::process::{Command, ExitCode};
use std::time::Instant;

use mergeline_lab::{CURRENT, Cache, REQUIRED, RunningLab, Selection};

use crate::{Outcome, root, say};

/// What `cargo xtask test` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Passed to `cargo test --workspace`: a filter, `--test NAME`, `-- --nocapture`, …
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    cargo: Vec<OsString>,
}

/// Builds the parts, starts the lab, runs `cargo test --workspace` in it and gives cargo's exit code.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let start = Instant::now();
    let cache = Cache::open().map_err(|error| error.to_string())?;
    cache.build(&Selection::ALL.parts()).map_err(|error| error.to_string())?;
    let mut lab = RunningLab::start(&cache, Selection::ALL).map_err(|error| error.to_string())?;
    say(&format!("lab: cluster and Git host ready after {:.1} s", lab.started_in().as_secs_f64()));

    let tests = Instant::now();
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["test", "--workspace"])
        .args(&arguments.cargo)
        .current_dir(root())
        .env(CURRENT, lab.description())
        .env(REQUIRED, "1")
        .status()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    let took = tests.elapsed().as_secs_f64();
    // A part that died half-way explains the failed tests better than they do.
    let alive = lab.still_runs();
    if !status.success() || alive.is_err() {
        let logs = lab.keep_folder();
        say(&format!("lab: the logs of its parts are kept in {} until the next lab starts", logs.display()));
    }
    drop(lab);
    say(&format!("tests: {took:.1} s; with the lab: {:.1} s", start.elapsed().as_secs_f64()));
    alive.map_err(|error| error.to_string())?;
    Ok(ExitCode::from(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1)))
}
