//! GitLab CI. Not read yet: said loudly, so that nobody takes silence for a verdict.

use super::{Event, Surroundings};
use crate::failure::{Failure, Result};

/// Refuses: the GitLab component is not there yet.
pub(super) fn read(_surroundings: &Surroundings) -> Result<Event> {
    Err(Failure::usage("`mergeline run` does not support GitLab CI yet")
        .hint("`mergeline review --base origin/main` works in any job; the README's status table says what is coming"))
}
