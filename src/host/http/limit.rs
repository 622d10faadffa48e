//! What a host says of its limits, in the three ways that hosts have.

use super::header;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// GitHub: "if the response does not have `Retry-After`, wait at least one minute".
const SECONDARY: Duration = Duration::from_secs(60);

/// How a request was refused for coming too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limited {
    /// How long the host asks to wait, if it says.
    pub wait: Option<Duration>,
}

/// Reads an answer that is not good: is it a limit, and until when? `said` are the host's own words.
///
/// `Retry-After` comes first, then the end of the primary limit (`X-RateLimit-Reset` on GitHub, `RateLimit-Reset` on
/// GitLab, seconds since 1970), then GitHub's minute for secondary limits, which it tells in words alone.
pub(super) fn limited(status: StatusCode, headers: &HeaderMap, said: &str, now: SystemTime) -> Option<Limited> {
    let retry_after = seconds(headers, RETRY_AFTER.as_str());
    let exhausted =
        ["x-ratelimit-remaining", "ratelimit-remaining"].iter().any(|name| header(headers, name) == Some("0"));
    let secondary = said.to_ascii_lowercase().contains("secondary rate limit");
    let forbidden = status == StatusCode::FORBIDDEN && (retry_after.is_some() || exhausted || secondary);
    if status != StatusCode::TOO_MANY_REQUESTS && !forbidden {
        return None;
    }
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let until_reset = ["x-ratelimit-reset", "ratelimit-reset"]
        .iter()
        .find_map(|name| seconds(headers, name))
        .filter(|_| exhausted)
        // A second more: clocks differ, and a request too early counts as one too many.
        .map(|reset| reset.saturating_sub(now) + Duration::from_secs(1));
    Some(Limited { wait: retry_after.or(until_reset).or(secondary.then_some(SECONDARY)) })
}

/// A header in whole seconds; `Retry-After` as a date is what no Git host sends.
fn seconds(headers: &HeaderMap, name: &str) -> Option<Duration> {
    header(headers, name)?.trim().parse().ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn wait(status: u16, headers: &[(&'static str, &str)], said: &str) -> Option<Option<u64>> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        let now = UNIX_EPOCH + Duration::from_secs(1000);
        let limited = limited(StatusCode::from_u16(status).unwrap(), &map, said, now);
        limited.map(|limited| limited.wait.map(|wait| wait.as_secs()))
    }

    #[test]
    fn each_way_of_saying_when_is_understood() {
        assert_eq!(wait(429, &[("retry-after", "7")], ""), Some(Some(7)));
        assert_eq!(wait(429, &[], ""), Some(None));
        assert_eq!(wait(403, &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1030")], ""), Some(Some(31)));
        assert_eq!(wait(429, &[("ratelimit-remaining", "0"), ("ratelimit-reset", "1005")], ""), Some(Some(6)));
        assert_eq!(wait(403, &[], "You have exceeded a secondary rate limit."), Some(Some(60)));
        assert_eq!(wait(403, &[("retry-after", "3")], "You have exceeded a secondary rate limit."), Some(Some(3)));
    }

    #[test]
    fn a_permission_that_lacks_is_no_limit() {
        assert_eq!(wait(403, &[("x-ratelimit-remaining", "4999"), ("x-ratelimit-reset", "1030")], "no"), None);
        assert_eq!(wait(500, &[("retry-after", "7")], ""), None);
    }
}
