//! `action.sh` as a job runs it: which binary it takes, and what it refuses.

use super::server::{Mood, Server};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const VERSION: &str = "9.8.7";
const LINUX: &str = "x86_64-unknown-linux-musl";
/// Stands in for the binary: says what it was called with.
const PROGRAM: &str = "#!/bin/sh\necho \"ran in ${PWD##*/} with: $* and ${MERGELINE_TOKEN:-no token}\"\n";

/// A release as `release/` makes it, and the action of its commit.
struct Release {
    folder: tempfile::TempDir,
    variables: BTreeMap<&'static str, OsString>,
}

/// What a job's step said.
struct Step {
    code: i32,
    out: String,
    err: String,
}

impl Step {
    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    fn says(self, text: &str) -> Self {
        assert!(self.out.contains(text), "no `{text}` in:\n{}\n{}", self.out, self.err);
        self
    }
}

impl Release {
    fn make() -> Self {
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for target in targets() {
            let place = path("binaries").join(&target);
            fs::create_dir_all(&place).unwrap();
            let program = if target.contains("windows") { "mergeline.exe" } else { "mergeline" };
            fs::write(place.join(program), PROGRAM).unwrap();
        }
        for name in ["action/release", "temporary", "cache", "work", "tools"] {
            fs::create_dir_all(path(name)).unwrap();
        }
        for file in ["action.sh", "release/checksums.txt"] {
            fs::copy(source.join(file), path("action").join(file)).unwrap();
        }
        let place = path(&format!("served/v{VERSION}"));
        let script = |name: &str, arguments: &[&Path]| {
            let mut command = Command::new(source.join("release").join(name));
            let ran = command.arg(arguments[0]).arg(VERSION).args(&arguments[1..]).output().unwrap();
            assert!(ran.status.success(), "{name}: {}", String::from_utf8_lossy(&ran.stderr));
        };
        script("package.sh", &[&path("binaries"), &place]);
        script("checksums.sh", &[&place, &path("action/release/checksums.txt")]);
        let mut release = Self { folder, variables: BTreeMap::new() };
        release.set("PATH", format!("{}:{}", release.path("tools").display(), std::env::var("PATH").unwrap()));
        release.set("RUNNER_TEMP", release.path("temporary"));
        release.set("RUNNER_TOOL_CACHE", release.path("cache"));
        release.pretend("Linux", "x86_64");
        release
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn set(&mut self, name: &'static str, value: impl Into<OsString>) {
        self.variables.insert(name, value.into());
    }

    /// Makes `uname` say so.
    fn pretend(&self, system: &str, machine: &str) {
        let script = format!("#!/bin/sh\ncase $1 in -s) echo '{system}' ;; *) echo '{machine}' ;; esac\n");
        let place = self.path("tools/uname");
        fs::write(&place, script).unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn serve(&mut self, mood: Mood) -> Server {
        let server = Server::start(&self.path("served"), mood);
        self.set("MERGELINE_DOWNLOAD_URL", format!("{}/", server.url));
        server
    }

    fn archive(&self, target: &str) -> PathBuf {
        self.path(&format!("served/v{VERSION}/mergeline-{VERSION}-{target}.tar.gz"))
    }

    /// One step of a job, with the inputs as action.yml passes them.
    fn step(&self, inputs: &[(&str, &str)]) -> Step {
        let mut command = Command::new("bash");
        command.arg(self.path("action/action.sh")).current_dir(self.path("work")).env_clear();
        command.envs([("INPUT_COMMAND", "run"), ("INPUT_FAIL_ON", ""), ("INPUT_KUBERNETES", "")]);
        command.envs([("INPUT_DRY_RUN", "false"), ("INPUT_WORKING_DIRECTORY", ".")]);
        let ran = command.envs(&self.variables).envs(inputs.iter().copied()).output().unwrap();
        Step {
            code: ran.status.code().unwrap(),
            out: String::from_utf8(ran.stdout).unwrap(),
            err: String::from_utf8(ran.stderr).unwrap(),
        }
    }

    /// Files of the job that can be run: nothing that was not checked may be among them.
    fn executables(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        executables(&self.path("temporary"), &mut found);
        executables(&self.path("cache"), &mut found);
        found
    }
}

fn executables(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            executables(&path, found);
        } else if path.metadata().unwrap().permissions().mode() & 0o111 != 0 {
            found.push(path);
        }
    }
}

fn targets() -> Vec<String> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("release/targets.txt")).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn the_release_of_its_own_version_is_downloaded_once_and_then_taken_from_the_tool_cache() {
    let mut release = Release::make();
    let server = release.serve(Mood::Good);
    let ran = "ran in work with: run and no token";
    release.step(&[]).exits(0).says(ran);
    assert_eq!(server.take_requests(), [format!("/v{VERSION}/mergeline-{VERSION}-{LINUX}.tar.gz")]);
    release.step(&[]).exits(0).says(ran);
    assert!(server.take_requests().is_empty());
}

#[test]
fn every_platform_gets_its_own_archive() {
    let mut release = Release::make();
    let server = release.serve(Mood::Good);
    let machines = [
        ("Linux", "x86_64", LINUX),
        ("Linux", "aarch64", "aarch64-unknown-linux-musl"),
        ("Darwin", "x86_64", "x86_64-apple-darwin"),
        ("Darwin", "arm64", "aarch64-apple-darwin"),
        ("MINGW64_NT-10.0-26100", "x86_64", "x86_64-pc-windows-msvc"),
    ];
    assert_eq!(machines.map(|(_, _, target)| target.to_owned()).as_slice(), targets());
    for (system, machine, target) in machines {
        release.pretend(system, machine);
        release.step(&[]).exits(0).says("ran in work");
        assert!(server.take_requests().concat().contains(target), "{target}");
    }
    release.pretend("FreeBSD", "riscv64");
    release.step(&[]).exits(2).says("there is no Mergeline binary for FreeBSD on riscv64; set MERGELINE_BINARY");
}

#[test]
fn a_flipped_byte_is_refused_before_anything_is_executable() {
    let mut release = Release::make();
    let server = release.serve(Mood::Good);
    let archive = release.archive(LINUX);
    let good = fs::read(&archive).unwrap();
    for at in [10, good.len() / 2, good.len() - 1] {
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        fs::write(&archive, flipped).unwrap();
        let step = release.step(&[]).exits(5).says("::error title=mergeline::").says("SHA-256 differs");
        assert!(!step.out.contains("ran in"));
        assert_eq!(release.executables(), Vec::<PathBuf>::new());
    }
    assert_eq!(server.take_requests().len(), 3, "what is wrong is not asked for again");
    fs::write(&archive, good).unwrap();
    release.step(&[]).exits(0).says("ran in work");
}

#[test]
fn an_archive_that_was_changed_in_the_tool_cache_is_downloaded_anew() {
    let mut release = Release::make();
    let server = release.serve(Mood::Good);
    release.step(&[]).exits(0);
    let cached = format!("cache/mergeline/{VERSION}/{LINUX}/mergeline-{VERSION}-{LINUX}.tar.gz");
    fs::write(release.path(&cached), "planted by an earlier job").unwrap();
    release.step(&[]).exits(0).says("ran in work");
    assert_eq!(server.take_requests().len(), 2);
    assert_eq!(fs::read(release.path(&cached)).unwrap(), fs::read(release.archive(LINUX)).unwrap());
}

#[test]
fn an_answer_that_breaks_off_or_fails_is_asked_for_again() {
    for mood in [Mood::Truncating(1), Mood::Failing(1)] {
        let mut release = Release::make();
        let server = release.serve(mood);
        release.step(&[]).exits(0).says("ran in work");
        assert_eq!(server.take_requests().len(), 2, "{mood:?}");
    }
}

#[test]
fn a_server_that_never_answers_whole_is_a_failure_that_names_the_way_out() {
    let mut release = Release::make();
    let server = release.serve(Mood::Truncating(usize::MAX));
    release.step(&[]).exits(4).says("cannot download").says("\"download-url\"");
    assert_eq!(server.take_requests().len(), 4);
    assert_eq!(release.executables(), Vec::<PathBuf>::new());
}

#[test]
fn a_release_that_is_not_there_is_asked_for_once() {
    let mut release = Release::make();
    fs::remove_file(release.archive(LINUX)).unwrap();
    let server = release.serve(Mood::Good);
    let step = release.step(&[]).exits(4).says(&format!("of release v{VERSION}"));
    assert!(step.err.contains("404"), "{}", step.err);
    assert_eq!(server.take_requests().len(), 1);
}

#[test]
fn the_proxy_of_the_environment_is_used() {
    let mut release = Release::make();
    let proxy = release.serve(Mood::Good);
    release.set("http_proxy", proxy.url.clone());
    release.set("MERGELINE_DOWNLOAD_URL", "http://release.example.com");
    release.step(&[]).exits(0).says("ran in work");
    let asked = format!("http://release.example.com/v{VERSION}/mergeline-{VERSION}-{LINUX}.tar.gz");
    assert_eq!(proxy.take_requests(), [asked]);
}

#[test]
fn a_named_binary_goes_before_everything() {
    let mut release = Release::make();
    let server = release.serve(Mood::Good);
    let own = release.path("own");
    fs::write(&own, PROGRAM).unwrap();
    release.set("MERGELINE_BINARY", &own);
    release.step(&[]).exits(2).says("MERGELINE_BINARY does not name an executable file");
    fs::set_permissions(&own, fs::Permissions::from_mode(0o755)).unwrap();
    release.step(&[]).exits(0).says("ran in work");
    assert!(server.take_requests().is_empty());
}

#[test]
fn inputs_become_arguments_and_a_wrong_one_is_named() {
    let mut release = Release::make();
    let server = release.serve(Mood::Good);
    fs::create_dir(release.path("work/-dash")).unwrap();
    let inputs = [
        ("INPUT_COMMAND", "run"),
        ("INPUT_ENVIRONMENT", "prod"),
        ("INPUT_FAIL_ON", "warning"),
        ("INPUT_KUBERNETES", "1.36"),
        ("INPUT_DRY_RUN", "true"),
        ("INPUT_WORKING_DIRECTORY", "-dash"),
    ];
    release
        .step(&inputs)
        .exits(0)
        .says("ran in -dash with: run --fail-on=warning --kubernetes=1.36 --dry-run --environment=prod and");
    let promote = [("INPUT_COMMAND", "promote"), ("INPUT_ENVIRONMENT", "--all")];
    release.step(&promote).exits(0).says("with: promote -- --all and");
    release
        .step(&[("INPUT_COMMAND", "status"), ("INPUT_FAIL_ON", "error")])
        .exits(2)
        .says("\"fail-on\" is not for the command status");
    server.take_requests();
    for (name, input) in [("INPUT_COMMAND", "command"), ("INPUT_FAIL_ON", "fail-on"), ("INPUT_DRY_RUN", "dry-run")] {
        release.step(&[(name, "$(touch planted); rm")]).exits(2).says(&format!("the input \"{input}\" must be one of"));
    }
    assert!(server.take_requests().is_empty());
    assert!(!release.path("work/planted").exists());
}

#[test]
fn a_commit_that_is_no_release_says_so() {
    let release = Release::make();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("release/checksums.txt");
    let comments: String = fs::read_to_string(source)
        .unwrap()
        .lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(release.path("action/release/checksums.txt"), comments).unwrap();
    release.step(&[]).exits(2).says("this commit of the action is no release");
}

#[test]
fn the_same_binaries_make_the_same_release() {
    let (one, two) = (Release::make(), Release::make());
    let checksums = |release: &Release| fs::read_to_string(release.path("action/release/checksums.txt")).unwrap();
    assert_eq!(checksums(&one), checksums(&two));
    assert_eq!(checksums(&one).lines().filter(|line| !line.starts_with('#')).count(), targets().len());

    // A target without an archive: nothing is written.
    fs::remove_file(one.archive(LINUX)).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("release/checksums.sh");
    let file = one.path("action/release/checksums.txt");
    let ran = Command::new(script).arg(one.archive(LINUX).parent().unwrap()).arg(VERSION).arg(&file).output().unwrap();
    assert!(!ran.status.success());
    assert_eq!(checksums(&one), checksums(&two));
}
