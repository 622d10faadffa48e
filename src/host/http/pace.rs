//! The pace of writes: hosts count how much content a token creates in a minute.

use tokio::sync::Mutex;
use tokio::time::{Duration, Instant};

/// How many writes may come at once, and one in how long after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::host) struct Pace {
    /// Writes that may come without a wait.
    pub burst: u32,
    /// The time that one write costs; zero: no limit.
    pub gap: Duration,
}

impl Pace {
    /// No limit.
    pub(in crate::host) const FREE: Self = Self { burst: 0, gap: Duration::ZERO };
}

/// Gives writes their turn: a bucket that holds `burst` and gains one every `gap`.
#[derive(Debug)]
pub(super) struct Turns {
    pace: Pace,
    /// When the bucket was or will be full again.
    full_at: Mutex<Option<Instant>>,
}

impl Turns {
    pub(super) fn new(pace: Pace) -> Self {
        Self { pace, full_at: Mutex::new(None) }
    }

    /// Waits for the next turn.
    pub(super) async fn next(&self) {
        let Pace { burst, gap } = self.pace;
        if gap.is_zero() {
            return;
        }
        let mut full_at = self.full_at.lock().await;
        let (full, turn) = turn(Pace { burst, gap }, *full_at, Instant::now());
        *full_at = Some(full);
        // Waiting under the lock keeps the turns in order.
        tokio::time::sleep_until(turn).await;
    }
}

/// When the bucket will be full after one more write, and when that write may come.
fn turn(pace: Pace, full_at: Option<Instant>, now: Instant) -> (Instant, Instant) {
    let full = full_at.unwrap_or(now).max(now) + pace.gap;
    (full, full.checked_sub(pace.gap * pace.burst.max(1)).unwrap_or(now).max(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_free_and_the_rest_is_slow() {
        let pace = Pace { burst: 3, gap: Duration::from_secs(1) };
        let now = Instant::now();
        let mut full = None;
        let mut waits = Vec::new();
        for _ in 0..5 {
            let (next, turn) = turn(pace, full, now);
            full = Some(next);
            waits.push((turn - now).as_secs());
        }
        assert_eq!(waits, [0, 0, 0, 1, 2]);
        let later = now + Duration::from_secs(60);
        assert_eq!(turn(pace, full, later).1, later, "the bucket fills again");
    }
}
