//! `mergeline demo` on a machine that has git and nothing else.

use std::path::PathBuf;
use std::process::Command;

/// The machine's git, found on the path of the tests.
fn git() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    std::env::split_paths(&path).map(|folder| folder.join("git")).find(|program| program.is_file()).unwrap()
}

#[cfg(unix)]
#[test]
fn the_demo_needs_git_alone_and_says_what_it_leaves_out() {
    let folder = tempfile::tempdir().unwrap();
    let programs = folder.path().join("programs");
    std::fs::create_dir(&programs).unwrap();
    std::os::unix::fs::symlink(git(), programs.join("git")).unwrap();
    let demo = folder.path().join("demo");
    let output = Command::new(env!("CARGO_BIN_EXE_mergeline"))
        .args(["demo", "--in"])
        .arg(&demo)
        .env_clear()
        .env("PATH", &programs)
        .env("HOME", folder.path())
        .output()
        .unwrap();
    let (shown, told) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{told}");
    assert!(shown.contains("**platform**") && shown.contains("**web**"), "{shown}");
    assert!(!shown.contains("another-password-prod"), "{shown}");
    assert!(shown.contains("a person merges it"), "{shown}");
    assert!(demo.join("shop/mergeline.yaml").is_file());
}
