//! How long a review of a repository with a hundred applications takes, and how long the binary takes to start.
//!
//!     cargo bench --bench review              # everything; kustomize or kubectl must be on PATH for the overlays
//!     cargo bench --bench review -- plain     # measurements whose name holds this text
//!
//! `diff` compares a pair of manifests, beside the program dyff; `cut` writes a report of ten megabytes for people in this process.
//! Each other measurement runs the binary as a person would: a new process on a warm disk, the best and the median of some runs.
//! Nothing fails here: the budgets are those of the design, and figures depend on the machine. CI only compiles this.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod cut;
mod pair;
mod repository;

use repository::{Kind, Repository};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const APPLICATIONS: usize = 100;
const RUNS: usize = 7;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` runs this too, to see that it compiles.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|text| name.contains(text.as_str()));

    println!("{:48} {:>9} {:>9} {:>9}", "", "best", "median", "budget");
    let nowhere = tempfile::tempdir().unwrap();
    if is_wanted("start") {
        measure("start: mergeline --version", nowhere.path(), &["--version"], Some(10));
    }
    if is_wanted("diff") {
        pair::measure();
    }
    if is_wanted("cut") {
        cut::measure();
    }
    let kustomize = std::env::var_os("PATH").and_then(|path| mergeline::render::find_kustomize(&path));
    for kind in [Kind::Plain, Kind::Kustomize] {
        let name = |what: &str| format!("{}: {what}", kind.name());
        let what = ["review, everything changed", "review, one file changed", "review, nothing changed", "validate"];
        if !what.iter().any(|what| is_wanted(&name(what))) {
            continue;
        }
        if kind == Kind::Kustomize && kustomize.is_none() {
            println!("{:48} skipped: neither kustomize nor kubectl is on PATH", name("everything"));
            continue;
        }
        let repository = Repository::generate(kind, APPLICATIONS);
        let folder = repository.folder();
        let review = |head: &'static str| ["review", "--base", "main", "--head", head, "-o", "json"];
        let lines: [(&str, Vec<&str>, Option<u64>); 4] = [
            (what[0], review("everything").to_vec(), None),
            (what[1], review("one-file").to_vec(), Some(150)),
            (what[2], review("main").to_vec(), None),
            (what[3], vec!["validate", "-o", "json"], None),
        ];
        for (what, arguments, budget) in lines {
            if is_wanted(&name(what)) {
                measure(&name(what), folder, &arguments, budget);
            }
        }
    }
}

/// Runs the binary some times and prints the best and the median time beside the budget in milliseconds.
fn measure(name: &str, folder: &Path, arguments: &[&str], budget: Option<u64>) {
    let mut times: Vec<Duration> = (0..RUNS).map(|_| run(folder, arguments)).collect();
    times.sort();
    let shown = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1000.0);
    let budget = budget.map(|budget| format!("{budget} ms")).unwrap_or_default();
    println!("{name:48} {:>9} {:>9} {budget:>9}", shown(times[0]), shown(times[times.len() / 2]));
}

fn run(folder: &Path, arguments: &[&str]) -> Duration {
    let started = Instant::now();
    let status = Command::new(env!("CARGO_BIN_EXE_mergeline"))
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    let took = started.elapsed();
    assert!(status.success(), "`mergeline {}` failed", arguments.join(" "));
    took
}
