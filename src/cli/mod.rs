//! The command line: arguments in, exit code out. One file a subcommand; no logic.
//!
//! Data goes to standard output, progress and logs to standard error. Everything is readable without colour.

mod apply;
mod arguments;
mod demo;
mod diff;
mod hiding;
mod init;
mod kubeconform;
mod output;
mod patterns;
mod places;
mod print;
mod promote;
mod render;
mod review;
mod run;
mod schema;
mod status;
mod validate;

use crate::failure::{Failure, Result};
use arguments::{Arguments, Color, Command, Global};
use clap::{CommandFactory, Parser};
use std::io::IsTerminal;
use std::process::ExitCode;

/// Runs the command line of the process.
#[must_use]
pub fn main() -> ExitCode {
    exit_on_panic();
    let arguments = Arguments::parse_from(kubeconform::translate(std::env::args_os()));
    start_log(&arguments.global);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return print::failure(&Failure::bug("cannot start").because(error)),
    };
    match runtime.block_on(dispatch(arguments)) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => print::failure(&failure),
    }
}

async fn dispatch(arguments: Arguments) -> Result<u8> {
    let global = arguments.global;
    match arguments.command {
        Command::Run(command) => run::run(&global, command).await,
        Command::Review(command) => review::review(&global, &command),
        Command::Validate(command) => validate::validate(&global, &command),
        Command::Render(command) => render::render(&global, &command),
        Command::Diff(command) => diff::diff(&global, &command),
        Command::Apply(command) => apply::apply(&global, command).await,
        Command::Promote(command) => promote::promote(&global, command).await,
        Command::Status(command) => status::status(&global, command).await,
        Command::Init(command) => init::init(&global, &command),
        Command::Demo(command) => demo::demo(&global, command).await,
        Command::Schema(command) => schema::schema(&global, command).await,
        Command::Completions(command) => {
            let mut script = Vec::new();
            clap_complete::generate(command.shell, &mut Arguments::command(), "mergeline", &mut script);
            print::data(&String::from_utf8_lossy(&script))
        }
        Command::Drift(_) => not_yet("drift"),
        Command::Rollback(_) => not_yet("rollback"),
        Command::Why(_) => not_yet("why"),
        Command::Log(_) => not_yet("log"),
    }
}

fn not_yet(command: &str) -> Result<u8> {
    Err(Failure::usage(format!("`mergeline {command}` is not supported yet"))
        .hint("the status table in the README says what is there"))
}

impl Global {
    /// The folder to work in.
    pub(crate) fn folder(&self) -> Result<std::path::PathBuf> {
        let folder = self.directory.clone().unwrap_or_else(|| std::path::PathBuf::from("."));
        folder
            .canonicalize()
            .map_err(|error| Failure::nothing_there(format!("cannot work in `{}`", folder.display())).because(error))
    }

    /// Whether what goes to standard output is coloured.
    pub(crate) fn colours(&self) -> bool {
        match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => {
                let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
                std::io::stdout().is_terminal() && !refused
            }
        }
    }

    /// Whether progress is shown: on a terminal, unless quiet.
    pub(crate) fn progress(&self) -> bool {
        !self.quiet && std::io::stderr().is_terminal()
    }
}

/// A panic is a defect of ours: it says so and exits with the code of a defect, whatever the build does on panics.
fn exit_on_panic() {
    let standard = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        standard(info);
        let failure = Failure::bug("mergeline stopped on a defect of its own")
            .hint("please report it with the command and the lines above");
        print::failure(&failure);
        std::process::exit(i32::from(crate::failure::FailureKind::Bug.exit_code()));
    }));
}

/// Logs go to standard error. Dependencies are heard only at the second `-v`; none of them is given a token to log.
fn start_log(global: &Global) {
    let filter = match (global.quiet, global.verbose) {
        (true, _) => "error",
        (_, 0) => "mergeline=warn",
        (_, 1) => "mergeline=info",
        (_, 2) => "mergeline=debug,warn",
        _ => "mergeline=trace,debug",
    };
    let filter = tracing_subscriber::EnvFilter::try_from_env("MERGELINE_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new(filter));
    let colours = std::io::stderr().is_terminal() && global.color != Color::Never;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || print::Log { colours })
        .with_ansi(colours);
    log.without_time().with_target(false).init();
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHILD: &str = "MERGELINE_TEST_PANICS";

    /// The test calls itself as a child process: the hook ends the process that panics.
    #[test]
    #[allow(clippy::unwrap_used, clippy::panic)]
    fn a_panic_says_that_it_is_a_defect_and_exits_with_seventy() {
        if std::env::var_os(CHILD).is_some() {
            exit_on_panic();
            panic!("on purpose");
        }
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "cli::tests::a_panic_says_that_it_is_a_defect_and_exits_with_seventy", "--nocapture"])
            .env(CHILD, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(70), "{said}");
        assert!(said.contains("on purpose"), "{said}");
        assert!(said.contains("error: mergeline stopped on a defect of its own"), "{said}");
        assert!(said.contains("hint: please report it"), "{said}");
    }
}
