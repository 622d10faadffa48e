//! Writing trees and commits into the object database, without index and checkout.
//!
//! Everything is a function of its arguments: the same edits on the same tree, with the same message, parents and time,
//! have the same name in every clone. Two runs make one commit, and the second push has nothing to do.

use super::id::{commit_id, object_id};
use super::repository::broken;
use super::{Repository, TreeId};
use crate::commit::CommitId;
use crate::failure::{Failure, Result};
use gix::objs::tree::EntryKind as Mode;
use gix::validate::path::component;
use jiff::Timestamp;

/// Who our commits are by, name and address. It never changes: the names of commits depend on it.
pub const IDENTITY: (&str, &str) = ("Mergeline", "mergeline@users.noreply.github.com");

/// One change of a tree. Paths are relative to its root, `/` between parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TreeEdit {
    /// Writes a file, not executable, over whatever is there.
    Put {
        /// Where.
        path: String,
        /// Its content.
        bytes: Vec<u8>,
    },
    /// Puts a whole directory, over whatever is there. The empty tree removes.
    PutTree {
        /// Where.
        path: String,
        /// What.
        tree: TreeId,
    },
    /// Removes a file, or a directory with everything in it. Nothing there is no error.
    Remove {
        /// Where.
        path: String,
    },
}

/// A commit to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitDraft {
    /// What it records.
    pub tree: TreeId,
    /// What it follows; nothing for a root commit.
    pub parents: Vec<CommitId>,
    /// The whole message. It is ended by one line feed if it is not yet.
    pub message: String,
    /// When: the seconds of it, in UTC.
    pub time: Timestamp,
}

impl Repository {
    /// Writes the tree that `edits`, one after the other, make of `base`, or of nothing. Directories without files are
    /// left out.
    ///
    /// # Errors
    /// When a path is one that Git forbids, a tree is not in this clone, or the object database fails.
    pub fn write_tree(&self, base: Option<&TreeId>, edits: &[TreeEdit]) -> Result<TreeId> {
        let start = base.cloned().unwrap_or_else(TreeId::empty).to_gix()?;
        self.with(|git| {
            let cannot = |error: gix::Error| broken("cannot write a tree", error);
            let root = git.find_tree(start).map_err(cannot)?;
            let root: gix::objs::Tree = root.decode().map_err(cannot)?.into();
            let mut editor = gix::objs::tree::Editor::new(root, &git.objects, git.object_hash());
            for edit in edits {
                match edit {
                    TreeEdit::Put { path, bytes } => {
                        let id = git.write_blob(bytes).map_err(cannot)?.detach();
                        editor.upsert(parts(path)?, Mode::Blob, id).map_err(cannot)?;
                    }
                    TreeEdit::PutTree { path, tree } if *tree != TreeId::empty() => {
                        let id = tree.to_gix()?;
                        git.find_tree(id).map_err(cannot)?;
                        editor.upsert(parts(path)?, Mode::Tree, id).map_err(cannot)?;
                    }
                    TreeEdit::PutTree { path, .. } | TreeEdit::Remove { path } => {
                        editor.remove(parts(path)?).map_err(cannot)?;
                    }
                }
            }
            let id = editor.write(|tree| git.write_object(tree).map(gix::Id::detach)).map_err(cannot)?;
            Ok(TreeId::from_gix(id))
        })
    }

    /// Writes a commit by [`IDENTITY`]. No branch is moved.
    ///
    /// # Errors
    /// When a parent or the tree is not in this clone, or the object database fails.
    pub fn write_commit(&self, draft: &CommitDraft) -> Result<CommitId> {
        let parents = draft.parents.iter().map(|id| object_id(id.as_str())).collect::<Result<Vec<_>>>()?;
        let tree = draft.tree.to_gix()?;
        let by = gix::actor::Signature {
            name: IDENTITY.0.into(),
            email: IDENTITY.1.into(),
            time: gix::date::Time::new(draft.time.as_second(), 0),
        };
        let message =
            if draft.message.ends_with('\n') { draft.message.clone() } else { format!("{}\n", draft.message) };
        if message.contains('\0') {
            return Err(Failure::bug("a commit message holds a NUL byte"));
        }
        self.with(|git| {
            let cannot = |error: gix::Error| broken("cannot write a commit", error);
            git.find_tree(tree).map_err(cannot)?;
            for parent in &parents {
                git.find_commit(*parent).map_err(cannot)?;
            }
            let commit = gix::objs::Commit {
                tree,
                parents: parents.into_iter().collect(),
                author: by.clone(),
                committer: by,
                encoding: None,
                message: message.into(),
                extra_headers: Vec::new(),
            };
            Ok(commit_id(git.write_object(&commit).map_err(cannot)?.detach()))
        })
    }

    /// Writes a commit without files and parents, which starts a branch. The same message makes the same commit, in
    /// every clone and at any time.
    ///
    /// # Errors
    /// When the object database fails.
    pub fn write_root_commit(&self, message: &str) -> Result<CommitId> {
        let tree = self.write_tree(None, &[])?;
        let message = message.to_owned();
        self.write_commit(&CommitDraft { tree, parents: Vec::new(), message, time: Timestamp::UNIX_EPOCH })
    }
}

/// The parts of a path, each one that Git allows on every system where it would harm.
fn parts(path: &str) -> Result<Vec<&gix::bstr::BStr>> {
    // Names that only Windows cannot write (`aux`, `a:b`) are as good as any: nothing is checked out.
    let options = component::Options { protect_windows: false, protect_hfs: true, protect_ntfs: true };
    let allowed = |part| {
        gix::validate::path::component(part, None, options)
            .map_err(|error| Failure::usage(format!("cannot commit a file at `{path}`")).because(error.to_string()))
    };
    path.split('/').map(|part| allowed(part.into())).collect()
}
