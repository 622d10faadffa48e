//! Runs one program: bounded in time and output, together with everything that it starts.

use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How much a program may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub(super) time: Duration,
    /// Bytes of standard output; standard error may have 1 MB, and is cut there.
    pub(super) output: usize,
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    Well,
    Badly,
    OutOfTime,
    TooMuchOutput,
}

/// What it said.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) ended: Ended,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
}

const STDERR: usize = 1 << 20;

/// Runs `program ARGUMENTS` in `folder` with exactly the variables of `environment`.
pub(super) fn run(
    program: &Path,
    arguments: &[OsString],
    folder: &Path,
    environment: &[(&str, PathBuf)],
    limits: Limits,
) -> io::Result<Done> {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(folder).env_clear().envs(environment.iter().map(|(name, value)| (name, value)));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.spawn()?;
    let deadline = Instant::now() + limits.time;
    let stdout = child.stdout.take().map(|pipe| read_all(pipe, limits.output));
    let stderr = child.stderr.take().map(|pipe| read_all(pipe, STDERR));
    let (Some(stdout), Some(stderr)) = (stdout, stderr) else {
        stop(&mut child);
        return Err(io::Error::other("its output could not be taken"));
    };

    let stdout = match take(&stdout, deadline) {
        Taken::All(bytes) => bytes,
        Taken::TooMuch => return Ok(stopped(&mut child, Ended::TooMuchOutput)),
        Taken::Late => return Ok(stopped(&mut child, Ended::OutOfTime)),
    };
    let stderr = match take(&stderr, deadline) {
        Taken::All(bytes) => bytes,
        Taken::TooMuch => return Ok(stopped(&mut child, Ended::TooMuchOutput)),
        Taken::Late => return Ok(stopped(&mut child, Ended::OutOfTime)),
    };
    loop {
        if let Some(status) = child.try_wait()? {
            let ended = if status.success() { Ended::Well } else { Ended::Badly };
            // What it started may still be there.
            kill_group(&child);
            return Ok(Done { ended, stdout, stderr });
        }
        if Instant::now() >= deadline {
            return Ok(stopped(&mut child, Ended::OutOfTime));
        }
        thread::sleep(Duration::from_millis(1));
    }
}

enum Taken {
    All(Vec<u8>),
    TooMuch,
    Late,
}

fn take(from: &Receiver<Option<Vec<u8>>>, deadline: Instant) -> Taken {
    match from.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
        Ok(Some(bytes)) => Taken::All(bytes),
        Ok(None) => Taken::TooMuch,
        Err(RecvTimeoutError::Timeout) => Taken::Late,
        Err(RecvTimeoutError::Disconnected) => Taken::All(Vec::new()),
    }
}

/// Reads a pipe to its end in a thread of its own; `None` when there was more than `most`. A reader whose pipe is never
/// closed is left behind.
fn read_all(pipe: impl Read + Send + 'static, most: usize) -> Receiver<Option<Vec<u8>>> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = pipe.take(most as u64 + 1).read_to_end(&mut bytes);
        // Nobody listens any more when the time is over.
        drop(send.send((read.is_ok() && bytes.len() <= most).then_some(bytes)));
    });
    receive
}

fn stopped(child: &mut Child, ended: Ended) -> Done {
    stop(child);
    Done { ended, stdout: Vec::new(), stderr: Vec::new() }
}

fn stop(child: &mut Child) {
    kill_group(child);
    // Already gone is as good.
    drop(child.kill());
    drop(child.wait());
}

#[cfg(unix)]
fn kill_group(child: &Child) {
    // Fails when the whole group is gone already.
    let _ = rustix::process::kill_process_group(rustix::process::Pid::from_child(child), rustix::process::Signal::KILL);
}

#[cfg(not(unix))]
fn kill_group(_: &Child) {}

#[cfg(all(test, unix))]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn shell(script: &str, time: Duration, output: usize) -> Done {
        let environment = ["PATH", "HOME", "TMPDIR"].map(|variable| (variable, PathBuf::from("/nowhere")));
        run(Path::new("/bin/sh"), &["-c".into(), script.into()], Path::new("/"), &environment, Limits { time, output })
            .unwrap()
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn output_and_exit_are_told_apart() {
        let done = shell("echo out; echo err >&2; exit 3", LONG, 1000);
        assert_eq!((done.ended, done.stdout, done.stderr), (Ended::Badly, b"out\n".to_vec(), b"err\n".to_vec()));
        assert_eq!(shell("exit 0", LONG, 10).ended, Ended::Well);
    }

    #[test]
    fn a_program_that_never_ends_is_stopped_with_its_children() {
        let done = shell("while :; do :; done & while :; do :; done", Duration::from_millis(100), 10);
        assert_eq!(done.ended, Ended::OutOfTime);
    }

    #[test]
    fn a_program_that_prints_without_end_is_stopped() {
        assert_eq!(shell("while :; do echo yyyyyyyyyyyyyyyy; done", LONG, 10_000).ended, Ended::TooMuchOutput);
    }

    #[test]
    fn the_environment_holds_nothing_else() {
        let done = shell("export -p", LONG, 10_000);
        let text = String::from_utf8(done.stdout).unwrap();
        let mut names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("export ")).collect();
        names.retain(|line| !line.starts_with("PWD") && !line.starts_with("OLDPWD"));
        assert!(names.iter().all(|line| line.contains("/nowhere")), "{text}");
    }
}
