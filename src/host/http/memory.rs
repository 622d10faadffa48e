//! What a host answered before, for conditional requests: `304 Not Modified` costs nothing of GitHub's limit.

use super::Answer;
use reqwest::header::ETAG;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// The longest answer that is kept, and how much all may come to.
const LONGEST: usize = 512 << 10;
const ALL: usize = 16 << 20;

/// Answers with an `ETag`, by address. It lives as long as one run.
#[derive(Debug, Default)]
pub(super) struct Memory {
    kept: Mutex<Kept>,
}

/// Tag and answer by address, and the bytes of all answers.
#[derive(Debug, Default)]
struct Kept {
    answers: HashMap<String, (String, Answer)>,
    bytes: usize,
}

impl Memory {
    /// The tag of what was answered at this address, and the answer.
    pub(super) fn recall(&self, address: &str) -> Option<(String, Answer)> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).answers.get(address).cloned()
    }

    /// Forgets an answer: a full page of a list stays the same when another page comes after it, and its tag with it.
    pub(super) fn forget(&self, address: &str) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, old)) = kept.answers.remove(address) {
            kept.bytes -= old.body.len();
        }
    }

    /// Keeps an answer, if the host gave it a tag and it is not too much.
    pub(super) fn keep(&self, address: String, answer: &Answer) {
        let Some(tag) = answer.headers.get(ETAG).and_then(|tag| tag.to_str().ok()) else { return };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let size = answer.body.len();
        if size > LONGEST || kept.bytes + size > ALL {
            return;
        }
        kept.bytes += size;
        if let Some((_, old)) = kept.answers.insert(address, (tag.to_owned(), answer.clone())) {
            kept.bytes -= old.body.len();
        }
    }
}
