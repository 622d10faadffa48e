//! Running the machine's `git`: never through a shell, never with a question, never with a secret in its arguments or
//! in what is told about it.

use super::Repository;
use crate::failure::{Failure, Result};
use crate::secret::{Secret, mask};
use std::path::Path;
use std::process::{Command, Stdio};

/// Variables that would make `git` look at another repository than the one we stand in, or print what it sends.
const SCRUBBED: [&str; 22] = [
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CURL_VERBOSE",
    "GIT_DIR",
    "GIT_GRAFT_FILE",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_INTERNAL_SUPER_PREFIX",
    "GIT_NAMESPACE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_TRACE",
    "GIT_TRACE2",
    "GIT_TRACE_CURL",
    "GIT_TRACE_PACKET",
    "GIT_TRACE_REDACT",
    "GIT_WORK_TREE",
];

/// Settings for every call: no hooks of the checkout, no tidying in the background, no transfer that hangs for ever.
const SETTINGS: [&str; 5] =
    ["core.hooksPath=/dev/null", "gc.auto=0", "maintenance.auto=false", "http.lowSpeedLimit=1", "http.lowSpeedTime=60"];

/// A call of `git` that is being put together.
pub(super) struct Git {
    command: Command,
    secrets: Vec<Secret>,
    /// Settings that only the environment may carry, because arguments show in every process list.
    private: Vec<(String, String)>,
    foreign: Option<String>,
}

/// What a call of `git` came to.
pub(super) struct Outcome {
    pub(super) success: bool,
    pub(super) stdout: String,
    /// What it said, without secrets and control characters, in one line.
    pub(super) said: String,
    foreign: Option<String>,
}

impl Outcome {
    /// The failure of a call that had to succeed.
    pub(super) fn failure(&self, what: impl Into<String>) -> Failure {
        let said = if self.said.is_empty() { "git said nothing" } else { &self.said };
        let failure = Failure::remote(what).because(said.to_owned());
        match &self.foreign {
            Some(place) => failure.hint(format!(
                "`{place}` belongs to another user: `git config --global --add safe.directory {place}` makes git trust it"
            )),
            None => failure,
        }
    }
}

impl Git {
    /// `git` in a repository.
    pub(super) fn new(repository: &Repository) -> Self {
        let directory = repository.command_directory();
        let foreign = repository.is_foreign().then(|| directory.display().to_string());
        Self { foreign, ..Self::in_directory(&directory) }
    }

    fn in_directory(directory: &Path) -> Self {
        let mut command = Command::new("git");
        command.current_dir(directory).stdin(Stdio::null());
        for name in SCRUBBED {
            command.env_remove(name);
        }
        command.env("GIT_TERMINAL_PROMPT", "0").env("LC_ALL", "C");
        for setting in SETTINGS {
            command.args(["-c", setting]);
        }
        Self { command, secrets: Vec::new(), private: Vec::new(), foreign: None }
    }

    /// Adds arguments.
    pub(super) fn args<T: AsRef<str>>(mut self, arguments: impl IntoIterator<Item = T>) -> Self {
        self.command.args(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    /// Adds a setting through the environment; later ones override earlier ones.
    pub(super) fn setting(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.private.push((key.into(), value.into()));
        self
    }

    /// Adds a value that must not appear in what is told.
    pub(super) fn secret(mut self, secret: Secret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// Runs it to its end.
    pub(super) fn run(mut self) -> Result<Outcome> {
        if !self.private.is_empty() {
            // Settings that the job already passes this way come first and are kept.
            let given =
                std::env::var("GIT_CONFIG_COUNT").ok().and_then(|count| count.parse::<usize>().ok()).unwrap_or(0);
            for (index, (key, value)) in self.private.iter().enumerate() {
                self.command.env(format!("GIT_CONFIG_KEY_{}", given + index), key);
                self.command.env(format!("GIT_CONFIG_VALUE_{}", given + index), value);
            }
            self.command.env("GIT_CONFIG_COUNT", (given + self.private.len()).to_string());
        }
        let output = self.command.output().map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Failure::usage("cannot find `git` on PATH")
                .hint("install git 2.31 or newer; Mergeline fetches and pushes with it"),
            _ => Failure::usage("cannot run `git`").because(error),
        })?;
        let said = told(&String::from_utf8_lossy(&output.stderr), &self.secrets);
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(Outcome { success: output.status.success(), stdout, said, foreign: self.foreign })
    }
}

/// What may be told of a message of `git` or of a server: one line, without advice about git's own commands, control
/// characters, secrets and the credentials in addresses.
fn told(message: &str, secrets: &[Secret]) -> String {
    let masked = without_credentials(&mask(message, secrets));
    let line = |line: &str| line.chars().filter(|character| !character.is_control()).collect::<String>();
    let lines = masked.split(['\n', '\r']).map(|text| line(text).trim().to_owned());
    let worth = |line: &String| {
        let bare = line.strip_prefix("remote:").unwrap_or(line).trim();
        !bare.is_empty() && !line.starts_with("hint:")
    };
    lines.filter(worth).collect::<Vec<_>>().join("; ")
}

/// Removes user name and password from every address in a text.
pub(super) fn without_credentials(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        result.push_str(before);
        // Up to the last `@` of the authority: a password may hold an unescaped one.
        let end =
            after.find(|c: char| c == '/' || c.is_whitespace() || matches!(c, '\'' | '"' | '`')).unwrap_or(after.len());
        let user = after[..end].rfind('@').map_or(0, |at| at + 1);
        rest = &after[user..];
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_in_addresses_are_removed() {
        for (text, expected) in [
            ("fatal: https://bob:hunter2@git.example.com/x.git", "fatal: https://git.example.com/x.git"),
            ("'https://hunter2@h/x' and ssh://git@h:22/y", "'https://h/x' and ssh://h:22/y"),
            ("https://b:p@ss@h/x", "https://h/x"),
            ("no address, mail a@b.c", "no address, mail a@b.c"),
            ("https://h/path@v1", "https://h/path@v1"),
        ] {
            assert_eq!(without_credentials(text), expected);
        }
    }

    #[test]
    fn what_a_server_says_becomes_one_line_without_control_characters_and_secrets() {
        let secret = Secret::new("hunter2-token");
        let text =
            "remote: \u{1b}[31mno hunter2-token\r\nremote: \n::set-output name=x::y\nhint: pull first\nfatal: end\n";
        let said = told(text, &[secret]);
        assert_eq!(said, format!("remote: [31mno {}; ::set-output name=x::y; fatal: end", crate::secret::MASK));
    }
}
