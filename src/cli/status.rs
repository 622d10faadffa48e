//! `mergeline status`

use super::arguments::{Global, Status};
use super::output::Outputs;
use super::print;
use super::run::session;
use crate::failure::Result;
use crate::run::{ReconcileOptions, reconcile};

/// Shows the board of environments. Reads only.
pub(crate) async fn status(global: &Global, command: Status) -> Result<u8> {
    let outputs = Outputs::parse(&command.outputs, &global.folder()?, global.colours())?;
    let session = session(global, &command.host).await?;
    let options = ReconcileOptions { dry_run: true, ..ReconcileOptions::default() };
    let done = reconcile(&session, &options, &|_| {}).await?;
    outputs.write_board(&done.board, jiff::Timestamp::now())?;
    if let Some(failure) = done.failure {
        print::note(&format!("warning: {failure}"));
    }
    Ok(0)
}
