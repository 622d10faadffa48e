//! The only place that writes to standard output and standard error.

use crate::diff::Redactor;
use crate::failure::{Failure, Result};
use crate::report::annotations::break_commands;
use crate::report::visible::visible;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::LazyLock;

/// Knows what variables of the process hold that must not show: the last net below all that goes to a log.
static VARIABLES: LazyLock<Redactor> = LazyLock::new(|| {
    let mut redactor = Redactor::new();
    super::review::secret_variables().iter().for_each(|secret| redactor.learn_secret(secret));
    redactor
});

fn masked(text: &str) -> String {
    VARIABLES.text(text).to_string()
}

/// A failure without what variables of the process hold that must not show, for what is written elsewhere than to the log.
pub(crate) fn masked_failure(failure: &Failure) -> Failure {
    let told = Failure::new(failure.kind(), masked(&failure.to_string()));
    failure.hints().iter().fold(told, |told, hint| told.hint(masked(hint)))
}

/// Writes data to standard output. A reader that went away (`| head`) is no failure.
pub(crate) fn data(text: &str) -> Result<u8> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(0),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        Err(error) => Err(Failure::usage("cannot write to standard output").because(error)),
    }
}

/// Writes progress to standard error. What hosts and servers say drives no terminal and starts no workflow command.
pub(crate) fn note(text: &str) {
    // Nothing useful can be done when standard error is gone.
    let _ = writeln!(io::stderr().lock(), "{}", break_commands(&visible(&masked(text))));
}

/// Standard error for log events, which come whole.
pub(crate) struct Log {
    /// The events are coloured; what else would drive the terminal is escaped where they are made.
    pub(crate) colours: bool,
}

impl Write for Log {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = masked(&String::from_utf8_lossy(event));
        let text = if self.colours { break_commands(&text) } else { break_commands(&visible(&text)) };
        io::stderr().lock().write_all(text.as_bytes()).map(|()| event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().lock().flush()
    }
}

/// Writes a failure with its hints to standard error and gives its exit code.
pub(crate) fn failure(failure: &Failure) -> ExitCode {
    note(&format!("error: {failure}"));
    if !failure.hints().is_empty() {
        note("");
    }
    for hint in failure.hints() {
        note(&format!("hint: {hint}"));
    }
    ExitCode::from(failure.kind().exit_code())
}
