//! The machine's `git`, without anything of the machine's configuration.

use std::path::Path;
use std::process::Command;

use crate::process::loopback_command;

/// `git` in `folder`, as a person: no settings and no variables of the machine, no proxy, no prompt.
///
/// A caller who is somebody else says so with `-c user.name=…`, or with `GIT_AUTHOR_NAME` and its like.
#[must_use]
pub fn git(folder: &Path) -> Command {
    let mut command = loopback_command("git");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_")) {
        command.env_remove(name);
    }
    command
        .current_dir(folder)
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgSign=false"])
        .args(["-c", "protocol.file.allow=always"])
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_TERMINAL_PROMPT", "0");
    command
}
