//! Faults: what a network and a busy host do to a client, at a chosen request.

use super::http::Request;

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The connection is closed; nothing was done.
    DropBefore,
    /// All is done, and the connection is closed before the answer.
    DropAfter,
    /// All is done, and half of the answer arrives.
    Truncate,
    /// Nothing is done, and this is the answer.
    Status(u16),
    /// All is done, and the answer is a server error.
    StatusAfter(u16),
    /// 429 with `Retry-After` of so many seconds; nothing was done.
    TooMany(u64),
    /// 429 with `Retry-After` of so many seconds and plain text, as GitLab does; nothing was done.
    Busy(u64),
    /// 403 with a secondary limit's words and `Retry-After`, as GitHub does; nothing was done.
    Secondary(u64),
    /// 403 with `X-RateLimit-Remaining: 0` and `X-RateLimit-Reset` so many seconds from now, without `Retry-After`.
    Exhausted(u64),
}

impl Fault {
    /// Says whether the request is carried out.
    pub(super) fn is_done(&self) -> bool {
        matches!(self, Self::DropAfter | Self::Truncate | Self::StatusAfter(_))
    }
}

type Matching = Box<dyn Fn(&Request) -> bool + Send>;

/// A fault, and which of the requests that come from now on it befalls.
pub struct Injection {
    fault: Fault,
    matching: Matching,
    /// Matching requests to let pass first.
    skip: usize,
    /// How many it befalls then.
    left: usize,
}

impl std::fmt::Debug for Injection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} after {}, {} times", self.fault, self.skip, self.left)
    }
}

impl Injection {
    /// The next request of the API.
    #[must_use]
    pub fn next(fault: Fault) -> Self {
        Self { fault, matching: Box::new(|_| true), skip: 0, left: 1 }
    }

    /// The `n`-th write from now on, from 1.
    #[must_use]
    pub fn nth_write(n: usize, fault: Fault) -> Self {
        Self::next(fault).matching(Request::is_write).after(n - 1)
    }

    /// Narrows it to requests that `matching` is true of: those are counted.
    #[must_use]
    pub fn matching(mut self, matching: impl Fn(&Request) -> bool + Send + 'static) -> Self {
        let before = self.matching;
        self.matching = Box::new(move |request| before(request) && matching(request));
        self
    }

    /// Lets so many matching requests pass first.
    #[must_use]
    pub fn after(mut self, count: usize) -> Self {
        self.skip = count;
        self
    }

    /// Befalls so many, one after the other.
    #[must_use]
    pub fn times(mut self, count: usize) -> Self {
        self.left = count;
        self
    }

    /// Befalls every one.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    /// What it does to this request.
    pub(super) fn take(&mut self, request: &Request) -> Option<Fault> {
        if self.left == 0 || !(self.matching)(request) {
            return None;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return None;
        }
        self.left = self.left.saturating_sub(1);
        Some(self.fault.clone())
    }

    /// Says whether it still waits for its request.
    pub(super) fn is_armed(&self) -> bool {
        self.left > 0 && self.left < usize::MAX / 2
    }
}
