//! `mergeline apply`

use super::arguments::{Apply, Global};
use super::output::Outputs;
use super::run::{options, session};
use crate::failure::{Failure, Result};
use crate::run::{DeliveryOptions, ReconcileOptions, apply as run_apply};
use std::time::Duration;

/// Applies an environment to its cluster.
pub(crate) async fn apply(global: &Global, command: Apply) -> Result<u8> {
    let outputs = Outputs::parse(&command.judging.outputs, &global.folder()?, global.colours())?;
    let timeout = duration(&command.timeout)?;
    let session = session(global, &command.host).await?;
    let options = ReconcileOptions {
        dry_run: command.dry_run,
        deliver: true,
        delivery: DeliveryOptions {
            timeout,
            allow_empty: command.allow_empty,
            allow_protected: command.allow_protected,
            dry_run: command.dry_run,
            post: !command.no_status,
        },
        ..options(&command.judging)
    };
    let report = run_apply(&session, &command.environment, &options).await?;
    outputs.write(&report)
}

/// `90s`, `5m`, `1h`.
fn duration(text: &str) -> Result<Duration> {
    let wrong =
        || Failure::usage(format!("`{text}` is no duration")).hint("write a number with its unit: `90s`, `5m`, `1h`");
    let unit = text.chars().last().ok_or_else(wrong)?;
    let number: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| wrong())?;
    let seconds = match unit {
        's' => number,
        'm' => number.saturating_mul(60),
        'h' => number.saturating_mul(3600),
        _ => return Err(wrong()),
    };
    Ok(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_a_unit() {
        assert_eq!(duration("90s").ok(), Some(Duration::from_secs(90)));
        assert_eq!(duration("5m").ok(), Some(Duration::from_secs(300)));
        assert!(duration("5").is_err() && duration("").is_err() && duration("-1s").is_err() && duration("5µ").is_err());
    }
}
