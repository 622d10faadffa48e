//! The one line of a commit status.

use super::Report;
use super::visible::cut;
use super::words::headline;
use crate::host::limits::Limits;

/// What the run came to, on one line within the host's limit: `1 error, 1 deletion · web, db change in dev, prod`.
#[must_use]
pub fn description(report: &Report, limits: &Limits) -> String {
    cut(&headline(report), limits.status_description)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::limits::LOCAL;
    use crate::report::sample;

    #[test]
    fn the_line_says_verdict_and_extent_within_the_limit() {
        let line = description(&sample::review(), &LOCAL);
        assert_eq!(line, "1 error, 1 warning, 1 deletion, 1 silenced finding · web, db change in dev, staging, prod");
        let short = description(&sample::review(), &Limits { status_description: 20, ..LOCAL });
        assert_eq!(short.chars().count(), 20);
        assert!(short.ends_with('…'));
    }
}
