//! The name of a tree, and the way between our names and gix's.

use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use gix::ObjectId;
use std::fmt;

/// A full Git object name of a tree: the identity of all content below a directory.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TreeId(String);

impl TreeId {
    /// Reads a full object name; `None` for anything but 40 or 64 hexadecimal digits. Trailers carry such names.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        CommitId::parse(text).ok().map(|id| Self(id.as_str().to_owned()))
    }

    /// The tree without entries, which every repository knows.
    #[must_use]
    pub fn empty() -> Self {
        Self::from_gix(ObjectId::empty_tree(gix::hash::Kind::Sha1))
    }

    /// The full name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first seven digits, for people.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.0[..7]
    }

    pub(super) fn from_gix(id: ObjectId) -> Self {
        Self(id.to_string())
    }

    pub(super) fn to_gix(&self) -> Result<ObjectId> {
        object_id(&self.0)
    }
}

impl fmt::Display for TreeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TreeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TreeId({})", self.short())
    }
}

/// The commit name that gix means.
pub(super) fn commit_id(id: ObjectId) -> CommitId {
    CommitId::parse(&id.to_string()).expect("gix prints full names")
}

/// The name as gix wants it.
pub(super) fn object_id(name: &str) -> Result<ObjectId> {
    ObjectId::from_hex(name.as_bytes()).map_err(|_| {
        Failure::usage(format!("`{name}` is not the name of an object in a SHA-1 repository"))
            .hint("repositories in the SHA-256 object format are not supported")
    })
}
