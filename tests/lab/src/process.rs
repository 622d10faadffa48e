//! Processes of the lab that cannot outlive the process that started them.
//!
//! Each part is started by a small shell script that first leaves a *watcher* behind and then becomes the part. The watcher
//! reads a pipe whose only writer is the starting process. Whatever ends that process (return, panic, Ctrl-C, `kill -9`), the
//! kernel closes the pipe, and the watcher ends the part's whole process group. Nothing has to be cleaned up at the next start,
//! no process id is ever read from a file, and it needs neither `unsafe` nor anything that only Linux has.
//!
//! Parts run in process groups of their own, so a Ctrl-C reaches them only through the watcher, in one order, once.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::error::{Doing, LabError, LabResult};

/// `$1` marks what the part may leave outside its process group; the rest is the part's command line.
/// `$$` is the shell's own id, which the part keeps over `exec`; it leads the process group.
///
/// Data folders are private and thrown away, so nothing is asked politely. The part is stopped before its leftovers are
/// looked for, else it could start more of them meanwhile; once it is gone, so are they.
const WATCHER: &str = r#"marker=$1; shift
exec 3<&0
(
  trap '' TERM INT HUP
  exec >/dev/null 2>&1
  while read -r line; do :; done <&3
  if [ -n "$marker" ]; then
    kill -STOP $$
    for round in 1 2 3 4 5 6 7 8 9 10; do
      found=$(grep -lzxsF "$marker" /proc/[0-9]*/environ)
      [ -n "$found" ] || break
      for place in $found; do place=${place#/proc/}; kill -KILL "${place%/environ}"; done
    done
  fi
  kill -KILL -$$
) &
exec 3<&-
exec "$@" </dev/null
"#;

/// A running part; dropping it ends it and all that it started in its process group.
#[derive(Debug)]
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` as part `name`, its output going to `LOGS/NAME.log`.
    ///
    /// `leftovers` is an assignment `NAME=VALUE` in the environment of those processes that the part puts into process groups of their
    /// own (the runner's job steps): they end with it. Found through `/proc`, so only on Linux.
    ///
    /// # Errors
    /// When the log file cannot be made or the shell cannot be started.
    pub(crate) fn start(name: &str, command: &Command, logs: &Path, leftovers: Option<&str>) -> LabResult<Self> {
        let log = logs.join(format!("{name}.log"));
        let output = File::create(&log).doing(|| format!("write `{}`", log.display()))?;
        let errors = output.try_clone().doing(|| format!("write `{}`", log.display()))?;
        let mut shell = Command::new("sh");
        shell
            .arg("-c")
            .arg(WATCHER)
            .arg("lab")
            .arg(leftovers.unwrap_or_default())
            .arg(command.get_program())
            .args(command.get_args());
        for (key, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(key, value),
                None => shell.env_remove(key),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            shell.current_dir(folder);
        }
        let child = shell
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .doing(|| format!("start `{name}`"))?;
        Ok(Self { name: name.to_owned(), child, log })
    }

    /// Asks `ready` every 25 ms until it says yes.
    ///
    /// # Errors
    /// When the part ends before it is ready, or is not ready after `limit`: with the end of its log.
    pub(crate) fn wait_until(&mut self, limit: Duration, mut ready: impl FnMut() -> bool) -> LabResult<()> {
        let start = Instant::now();
        loop {
            self.still_runs()?;
            if ready() {
                return Ok(());
            }
            if start.elapsed() > limit {
                return Err(self.failed(&format!("is not ready after {} s", limit.as_secs())));
            }
            std::thread::sleep(Duration::from_millis(25));
        }
    }

    /// Checks that the part has not ended by itself.
    ///
    /// # Errors
    /// When it has, with the end of its log.
    pub(crate) fn still_runs(&mut self) -> LabResult<()> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => Err(self.failed(&format!("ended by itself ({status})"))),
            Err(error) => Err(self.failed(&format!("cannot be watched: {error}"))),
        }
    }

    fn failed(&self, what: &str) -> LabError {
        LabError::new(format!(
            "the lab's {} {what}; the end of `{}`:\n{}",
            self.name,
            self.log.display(),
            log_tail(&self.log)
        ))
    }

    /// Asks the part to end, without waiting for it.
    pub(crate) fn ask_to_end(&mut self) {
        drop(self.child.stdin.take());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.ask_to_end();
        let patience = Duration::from_secs(5);
        let start = Instant::now();
        while start.elapsed() < patience {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // The watcher itself was killed by somebody: end at least the part.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The last two kilobytes of a log, indented; says so when there is nothing.
fn log_tail(path: &Path) -> String {
    let mut bytes = Vec::new();
    if let Ok(mut file) = File::open(path) {
        let length = file.metadata().map_or(0, |metadata| metadata.len());
        if file.seek(SeekFrom::Start(length.saturating_sub(2048))).is_ok() {
            drop(file.read_to_end(&mut bytes));
        }
    }
    if bytes.is_empty() {
        return "    (nothing written)".to_owned();
    }
    String::from_utf8_lossy(&bytes).lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

/// A command that speaks to loopback only: no proxy of the developer's environment gets in between.
pub(crate) fn loopback_command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for variable in ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "KUBECONFIG"] {
        command.env_remove(variable);
    }
    command
}

/// Runs a command to its end and gives its standard output.
///
/// # Errors
/// When it cannot be started or does not succeed; with what it wrote.
pub(crate) fn run(command: &mut Command, what: &str) -> LabResult<String> {
    let output = command.stdin(Stdio::null()).output().doing(|| what.to_owned())?;
    if !output.status.success() {
        return Err(LabError::new(format!(
            "cannot {what}: {} {}\n{}{}",
            command.get_program().to_string_lossy(),
            output.status,
            String::from_utf8_lossy(&output.stderr),
            String::from_utf8_lossy(&output.stdout),
        )));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// `count` different free TCP ports on loopback.
///
/// They lie below the range from which the kernel takes ports of outgoing connections, else a client could take one
/// between this look and the part's start.
///
/// # Errors
/// When no free port is found.
pub(crate) fn free_ports(count: usize) -> LabResult<Vec<u16>> {
    let mut held = Vec::new();
    for _ in 0..2000 {
        if held.len() == count {
            break;
        }
        let port = 20_000 + u16::from_be_bytes(random_bytes::<2>()?) % 10_000;
        if let Ok(listener) = std::net::TcpListener::bind(("127.0.0.1", port)) {
            held.push((port, listener));
        }
    }
    if held.len() < count {
        return Err(LabError::new("cannot find a free port between 20000 and 30000 on 127.0.0.1"));
    }
    Ok(held.into_iter().map(|(port, _)| port).collect())
}

/// A fresh secret for one lab's life: 40 hexadecimal digits.
pub(crate) fn random_token() -> LabResult<String> {
    Ok(random_bytes::<20>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn random_bytes<const N: usize>() -> LabResult<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")
        .and_then(|mut file| file.read_exact(&mut bytes))
        .doing(|| "read /dev/urandom".to_owned())?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn gone(id: &str) -> bool {
        // A zombie whose parent is gone is not running either.
        std::fs::read_to_string(format!("/proc/{id}/stat")).map_or(true, |stat| stat.contains(") Z "))
    }

    fn wait_for(mut condition: impl FnMut() -> bool) -> bool {
        (0..500).any(|_| {
            std::thread::sleep(Duration::from_millis(20));
            condition()
        })
    }

    #[test]
    fn dropping_a_part_ends_its_children_too() {
        let folder = tempfile::tempdir().unwrap();
        let note = folder.path().join("child");
        let mut command = Command::new("sh");
        command.args(["-c", "sleep 1000 & echo $! > child; wait"]).current_dir(folder.path());
        let part = Process::start("sleeper", &command, folder.path(), None).unwrap();
        assert!(wait_for(|| std::fs::read_to_string(&note).is_ok_and(|text| text.ends_with('\n'))));
        let child = std::fs::read_to_string(&note).unwrap().trim().to_owned();
        assert!(!gone(&child));
        drop(part);
        assert!(wait_for(|| gone(&child)), "process {child} was left behind");
    }

    #[test]
    fn what_a_part_put_into_another_process_group_ends_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let note = folder.path().join("child");
        // An interactive-style shell gives each background job a process group of its own, as the runner does with steps.
        let script = "set -m; JOB_OF=\"$PWD\" sleep 1000 & echo $! > child; wait";
        let mut command = Command::new("sh");
        command.args(["-c", script]).current_dir(folder.path());
        let marker = format!("JOB_OF={}", folder.path().display());
        let part = Process::start("runner", &command, folder.path(), Some(&marker)).unwrap();
        assert!(wait_for(|| std::fs::read_to_string(&note).is_ok_and(|text| text.ends_with('\n'))));
        let child = std::fs::read_to_string(&note).unwrap().trim().to_owned();
        assert!(wait_for(|| std::fs::read(format!("/proc/{child}/environ"))
            .is_ok_and(|text| text.windows(7).any(|part| part == b"JOB_OF="))));
        drop(part);
        assert!(wait_for(|| gone(&child)), "process {child} was left behind");
    }

    #[test]
    fn a_part_that_fails_is_reported_with_the_end_of_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo the port is taken >&2; exit 3"]);
        let mut part = Process::start("broken", &command, folder.path(), None).unwrap();
        let error = part.wait_until(Duration::from_secs(10), || false).unwrap_err().to_string();
        assert!(error.contains("broken ended by itself"), "{error}");
        assert!(error.contains("the port is taken"), "{error}");
    }

    #[test]
    fn a_part_that_does_not_answer_is_reported_after_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sleep");
        command.arg("1000");
        let mut part = Process::start("silent", &command, folder.path(), None).unwrap();
        let error = part.wait_until(Duration::ZERO, || false).unwrap_err().to_string();
        assert!(error.contains("silent is not ready after 0 s"), "{error}");
    }

    #[test]
    fn free_ports_are_different() {
        let mut ports = free_ports(20).unwrap();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 20);
    }

    const NOTE: &str = "MERGELINE_LAB_TEST_NOTE";

    /// Not a test: what the next one starts and kills.
    #[test]
    #[ignore = "started by killing_the_starter_ends_its_parts"]
    fn starts_a_part_and_waits() {
        let Some(folder) = std::env::var_os(NOTE).map(PathBuf::from) else { return };
        let mut command = Command::new("sh");
        command.args(["-c", "echo $$ > part; exec sleep 1000"]).current_dir(&folder);
        let _part = Process::start("sleeper", &command, &folder, None).unwrap();
        std::thread::sleep(Duration::from_secs(1000));
    }

    #[test]
    fn killing_the_starter_ends_its_parts() {
        let folder = tempfile::tempdir().unwrap();
        let note = folder.path().join("part");
        let mut starter = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "process::tests::starts_a_part_and_waits", "--ignored"])
            .env(NOTE, folder.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        assert!(wait_for(|| std::fs::read_to_string(&note).is_ok_and(|text| text.ends_with('\n'))));
        let part = std::fs::read_to_string(&note).unwrap().trim().to_owned();
        assert!(!gone(&part));
        starter.kill().unwrap();
        starter.wait().unwrap();
        assert!(wait_for(|| gone(&part)), "process {part} was left behind");
    }
}
