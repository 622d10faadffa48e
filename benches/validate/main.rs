//! How fast manifests are validated, beside kubeconform.
//!
//!     cargo xtask lab build --all && cargo xtask lab up       # in another terminal; prints the `export` line to use here
//!     cargo bench --bench validate                            # everything
//!     cargo bench --bench validate -- stream                  # measurements whose name holds this text
//!
//! Both read the same folders from a warm disk and their schemas from the local disk, in a new process each time, in turn. The
//! schemas of kubeconform are what the lab's API server serves at `/openapi/v2`, every reference resolved and every unknown field
//! refused, in the layout of its `-schema-location`. Nothing fails here; CI only compiles this. Linux only: processor time and
//! memory come from `/proc`.
#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod corpus;
mod schemas;

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const RUNS: usize = 5;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --all-targets` runs this too, to see that it compiles.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let wanted: Vec<&String> = arguments.iter().filter(|argument| !argument.starts_with("--")).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|text| name.contains(text.as_str()));
    let folder = tempfile::tempdir().unwrap();
    let binary = std::env::var_os("MERGELINE_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_mergeline").into());
    let validate = |target: &Path| {
        let mut command = Command::new(&binary);
        command.arg("validate").arg(target).args(["-o", "json"]).current_dir(folder.path());
        command
    };

    println!("{:44} {:>9} {:>9} {:>9} {:>14}", "", "wall", "processor", "memory", "objects/cpu-s");
    for (name, applications) in [("folders", 2_100), ("small", 420)] {
        if !is_wanted(name) {
            continue;
        }
        let target = folder.path().join(name);
        corpus::write(&target, applications);
        let objects = applications * corpus::PER_APPLICATION;
        let mut ours = Vec::new();
        let mut theirs = Vec::new();
        let peer = schemas::kubeconform(folder.path());
        for _ in 0..=RUNS {
            ours.push(run(&mut validate(&target), None));
            if let Some((program, location)) = &peer {
                let mut command = Command::new(program);
                command.args(["-strict", "-summary", "-schema-location", location.as_str()]).arg(&target);
                theirs.push(run(&mut command, None));
            }
        }
        let ours = shown(&format!("{name}: mergeline, {objects} objects"), &mut ours, objects);
        if theirs.is_empty() {
            println!("{name}: kubeconform skipped: no lab with it is running");
            continue;
        }
        let theirs = shown(&format!("{name}: kubeconform, {objects} objects"), &mut theirs, objects);
        let ratio = |a: Duration, b: Duration| a.as_secs_f64() / b.as_secs_f64();
        println!(
            "{name}: {:.1} times per processor second, {:.1} times in wall time",
            ratio(theirs.processor, ours.processor),
            ratio(theirs.wall, ours.wall)
        );
    }
    if is_wanted("stream") {
        let applications = 100_000_usize.div_ceil(corpus::PER_APPLICATION);
        let file = folder.path().join("stream.yaml");
        std::fs::write(&file, corpus::stream(applications)).unwrap();
        let objects = applications * corpus::PER_APPLICATION;
        let mut runs: Vec<Run> = (0..3).map(|_| run(&mut validate(Path::new("-")), Some(&file))).collect();
        let size = std::fs::metadata(&file).unwrap().len() >> 20;
        shown(&format!("stream: {objects} objects, {size} MiB on standard input"), &mut runs, objects);
    }
}

/// What a process took.
#[derive(Debug, Clone, Copy)]
struct Run {
    wall: Duration,
    processor: Duration,
    /// The most that was resident, in MiB.
    memory: u64,
}

/// Prints and gives the medians; the first run only warms up.
fn shown(name: &str, runs: &mut [Run], objects: usize) -> Run {
    let runs = if runs.len() > 3 { &mut runs[1..] } else { runs };
    let mut median = |key: fn(&Run) -> Duration| {
        runs.sort_by_key(key);
        key(&runs[runs.len() / 2])
    };
    let (wall, processor) = (median(|run| run.wall), median(|run| run.processor));
    let memory = runs.iter().map(|run| run.memory).max().unwrap_or_default();
    let rate = objects as f64 / processor.as_secs_f64();
    println!("{name:44} {:>7.2} s {:>7.2} s {memory:>5} MiB {rate:>14.0}", wall.as_secs_f64(), processor.as_secs_f64());
    Run { wall, processor, memory }
}

fn run(command: &mut Command, input: Option<&Path>) -> Run {
    let before = children_time();
    let started = Instant::now();
    let input = input.map_or_else(Stdio::null, |path| File::open(path).unwrap().into());
    let mut child = command.stdin(input).stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut memory = 0;
    let code = loop {
        // The high-water mark is the kernel's own: looking now and then is enough.
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with("VmHWM:"));
        let kilobytes =
            line.and_then(|line| line.split_whitespace().nth(1)).and_then(|number| number.parse::<u64>().ok());
        memory = memory.max(kilobytes.unwrap_or_default() >> 10);
        if let Some(code) = child.try_wait().unwrap() {
            break code;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let wall = started.elapsed();
    assert!(code.success(), "{command:?} ended with {code}");
    Run { wall, processor: children_time() - before, memory }
}

/// The processor time of all children that have ended.
fn children_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    // Fields 16 and 17 of proc(5), in hundredths of a second; the first two stand before the last parenthesis.
    let ticks: u64 = fields[13..15].iter().map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}
