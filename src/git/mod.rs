//! Git: reading trees at commits, history, fetching what a shallow clone lacks, writing trees and commits, leased push.
//!
//! Reading and local writing go through gix; fetch and push run the machine's `git`, which has the job's credentials
//! and which gix cannot replace (it has no push). Refuses to push without a grant. No gix type leaves this room.

mod changes;
mod command;
mod commit_tree;
mod directory_tree;
mod disk_tree;
mod history;
mod id;
mod push;
mod remembering_tree;
mod remote;
mod repository;
pub mod tree;
mod write;

pub use commit_tree::CommitTree;
pub use directory_tree::DirectoryTree;
pub use disk_tree::DiskTree;
pub use history::{CommitInfo, Person};
pub use id::TreeId;
pub use push::{BranchUpdate, Pushed};
pub use remembering_tree::RememberingTree;
pub use remote::Remote;
pub use repository::Repository;
pub use tree::{Entry, EntryKind, MemoryTree, Tree};
pub use write::{CommitDraft, IDENTITY, TreeEdit};
