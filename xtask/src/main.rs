//! Developer tasks: `cargo xtask TASK`.
//!
//! It owns what a developer or CI does around cargo: bring up the lab and run the tests in it, keep a lab up, check workflows and
//! dependencies. One file a task; how parts are built and started belongs to `tests/lab`.

mod lab;
mod lint;
mod schemas;
mod test;
mod yaml_oracle;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Developer tasks of Mergeline.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run all tests with all their real parts: builds what is missing (about 12 minutes the first time), starts the lab, stops it again
    Test(test::Arguments),
    /// Build, keep up or look at the lab: the real parts for the tests
    #[command(subcommand)]
    Lab(lab::Task),
    /// Check workflows, the action, and the dependencies' licences, bans and sources
    Lint,
    /// Make the bundled Kubernetes schemas, or compare them with what the lab's API server serves
    #[command(subcommand)]
    Schemas(schemas::Task),
    /// Ask kubectl's and kustomize's own packages what they make of generated YAML, and keep the answers for the tests; needs `zstd`
    YamlOracle(yaml_oracle::Arguments),
}

/// What a task comes to: the exit code, or a sentence for standard error.
type Outcome = Result<ExitCode, String>;

fn main() -> ExitCode {
    let outcome = match Arguments::parse().task {
        Task::Test(arguments) => test::run(&arguments),
        Task::Lab(task) => lab::run(&task),
        Task::Lint => lint::run(),
        Task::Schemas(task) => schemas::run(&task),
        Task::YamlOracle(arguments) => yaml_oracle::run(&arguments),
    };
    outcome.unwrap_or_else(|error| {
        say(&format!("error: {error}"));
        ExitCode::FAILURE
    })
}

/// A line on standard error.
#[allow(clippy::print_stderr, reason = "this is a program for a terminal")]
fn say(line: &str) {
    eprintln!("{line}");
}

/// A line on standard output: what another program may read.
#[allow(clippy::print_stdout, reason = "this is a program for a terminal")]
fn print(line: &str) {
    println!("{line}");
}

/// The repository's root.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
