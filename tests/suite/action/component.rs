//! The bootstrap of GitLab's component: which binary it takes, and what it refuses.

use super::server::{Mood, Server};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const ARCHIVE: &str = "mergeline-9.8.7-x86_64-unknown-linux-musl.tar.gz";
/// Stands in for the binary: says what it was called with.
const PROGRAM: &str = "#!/bin/sh\necho \"ran in ${PWD##*/} with: $*\"\n";

struct Release {
    folder: tempfile::TempDir,
}

impl Release {
    /// An archive on a server, and the component of the commit that was released with it.
    fn make() -> Self {
        let release = Self { folder: tempfile::tempdir().unwrap() };
        let served = release.path("served/v9.8.7");
        fs::create_dir_all(&served).unwrap();
        fs::create_dir_all(release.path("work/shop")).unwrap();
        fs::write(release.path("mergeline"), PROGRAM).unwrap();
        release.shell(&format!("chmod 755 mergeline && tar -czf served/v9.8.7/{ARCHIVE} mergeline"));
        release.shell("(cd served/v9.8.7 && sha256sum *.tar.gz) >checksums.txt");
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        fs::copy(source.join("templates/mergeline.yml"), release.path("mergeline.yml")).unwrap();
        let script = source.join("release/component.sh");
        release.shell(&format!("{} checksums.txt mergeline.yml", script.display()));
        release
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn shell(&self, script: &str) {
        let done = Command::new("bash").args(["-euc", script]).current_dir(self.folder.path()).status().unwrap();
        assert!(done.success(), "{script}");
    }

    /// The component's script as a job runs it: exit code, and all that it said.
    fn run(&self, shell: &str, variables: &[(&str, &str)]) -> (i32, String) {
        let text = fs::read_to_string(self.path("mergeline.yml")).unwrap();
        let (_, script) = text.split_once("  script:\n    - |\n").unwrap();
        let (script, _) = script.split_once("\n  artifacts:").unwrap();
        let script: String =
            script.lines().map(|line| format!("{}\n", line.strip_prefix("      ").unwrap_or(line))).collect();
        fs::create_dir_all(self.path("temporary")).unwrap();
        let output = Command::new(shell)
            .args(["-c", &script])
            .current_dir(self.path("work"))
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("TMPDIR", self.path("temporary"))
            .envs([("MERGELINE_FAIL_ON", ""), ("MERGELINE_KUBERNETES", ""), ("MERGELINE_DRY_RUN", "false")])
            .envs([("MERGELINE_WORKING_DIRECTORY", "."), ("MERGELINE_RELEASES", "http://127.0.0.1:1")])
            .envs(variables.iter().copied())
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout) + &text(&output.stderr))
    }
}

fn is_linux_on_x86() -> bool {
    cfg!(all(target_os = "linux", target_arch = "x86_64"))
}

#[test]
fn the_component_downloads_its_own_release_and_calls_it() {
    if !is_linux_on_x86() {
        return;
    }
    let release = Release::make();
    let server = Server::start(&release.path("served"), Mood::Good);
    let inputs =
        [("MERGELINE_FAIL_ON", "warning"), ("MERGELINE_DRY_RUN", "true"), ("MERGELINE_WORKING_DIRECTORY", "shop")];
    for shell in ["bash", "sh"] {
        let (code, said) = release.run(shell, &[&[("MERGELINE_RELEASES", server.url.as_str())][..], &inputs].concat());
        assert_eq!(code, 0, "{said}");
        assert!(said.contains("ran in shop with: run --output text --output html="), "{said}");
        assert!(said.contains("--fail-on=warning --dry-run"), "{said}");
        assert_eq!(server.take_requests(), [format!("/v9.8.7/{ARCHIVE}")]);
    }
    assert!(release.path("work/mergeline-report").is_dir());
}

#[test]
fn a_flipped_byte_is_refused_before_anything_is_unpacked() {
    if !is_linux_on_x86() {
        return;
    }
    let release = Release::make();
    let place = release.path("served/v9.8.7").join(ARCHIVE);
    let mut bytes = fs::read(&place).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&place, bytes).unwrap();
    let server = Server::start(&release.path("served"), Mood::Good);
    let (code, said) = release.run("sh", &[("MERGELINE_RELEASES", &server.url)]);
    assert_eq!(code, 5, "{said}");
    assert!(said.contains("its SHA-256 differs") && !said.contains("ran in"), "{said}");
    let left = fs::read_dir(release.path("temporary")).unwrap().count();
    assert_eq!(left, 0, "something was left");
}

#[test]
fn a_binary_that_is_named_is_taken_and_what_is_missing_is_said() {
    let release = Release::make();
    let program = release.path("mergeline").display().to_string();
    let (code, said) = release.run("sh", &[("MERGELINE_BINARY", &program)]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = release.run("sh", &[("MERGELINE_BINARY", "/nowhere/mergeline")]);
    assert!(code == 2 && said.contains("MERGELINE_BINARY does not name an executable file"), "{said}");
    if !is_linux_on_x86() {
        return;
    }
    let (code, said) = release.run("sh", &[]);
    assert!(code == 4 && said.contains("cannot download"), "{said}");
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/mergeline.yml"), release.path("mergeline.yml"))
        .unwrap();
    let (code, said) = release.run("sh", &[]);
    assert!(code == 2 && said.contains("is no release"), "{said}");
}
