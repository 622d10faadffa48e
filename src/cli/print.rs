//! The only place that writes to standard output and standard error.

use crate::failure::{Failure, Result};
use std::io::{self, Write};
use std::process::ExitCode;

/// Writes data to standard output. A reader that went away (`| head`) is no failure.
pub(crate) fn data(text: &str) -> Result<u8> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(0),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        Err(error) => Err(Failure::usage("cannot write to standard output").because(error)),
    }
}

/// Writes one line of progress to standard error.
pub(crate) fn note(text: &str) {
    // Nothing useful can be done when standard error is gone.
    let _ = writeln!(io::stderr().lock(), "{text}");
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
