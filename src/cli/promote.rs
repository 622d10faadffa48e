//! `mergeline promote`

use super::arguments::{Global, Promote};
use super::output::Outputs;
use super::print;
use super::run::{options, session, teller};
use crate::failure::Result;
use crate::report::board;
use crate::run::{ReconcileOptions, reconcile};

/// Brings every environment branch as far as it may go now; applies nothing.
pub(crate) async fn promote(global: &Global, command: Promote) -> Result<u8> {
    let outputs = Outputs::parse(&command.judging.outputs, &global.folder()?, global.colours())?;
    let session = session(global, &command.host).await?;
    let options = ReconcileOptions {
        only: command.environments,
        dry_run: command.dry_run,
        deliver: false,
        ..options(&command.judging)
    };
    let mut done = reconcile(&session, &options, &teller(global)).await?;
    done.report.command = "promote".to_owned();
    let code = outputs.write(&done.report)?;
    print::note(&board::text(&done.board, jiff::Timestamp::now()));
    done.failure.map_or(Ok(code), Err)
}
