//! Mergeline.

use std::process::ExitCode;

fn main() -> ExitCode {
    mergeline::cli::main()
}
