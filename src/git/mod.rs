//! Git: reading trees at commits, history, fetching what a shallow clone lacks, writing trees and commits, leased push.
//!
//! Reading and local writing go through gix; fetch and push run the machine's `git`, which has the job's credentials
//! and which gix cannot replace (it has no push). Refuses to push without a grant.

pub mod tree;

pub use tree::{Entry, EntryKind, MemoryTree, Tree};
