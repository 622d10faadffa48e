//! Which files differ between two trees, told by object names alone.

use super::commit_tree::join;
use super::repository::{absent, broken};
use super::{Repository, TreeId};
use crate::failure::Result;
use gix::ObjectId;
use gix::objs::tree::EntryMode;
use std::collections::BTreeMap;

impl Repository {
    /// The paths of all files that were added, removed or changed (content, mode or kind) between two trees, in byte
    /// order. A rename is two paths.
    ///
    /// # Errors
    /// When a tree is not in this clone, or the object database fails.
    pub fn changed_paths(&self, from: &TreeId, to: &TreeId) -> Result<Vec<String>> {
        let (from, to) = (from.to_gix()?, to.to_gix()?);
        let mut changed = Vec::new();
        self.with(|git| compare(git, "", Some(from), Some(to), &mut changed))?;
        changed.sort();
        Ok(changed)
    }
}

fn compare(
    git: &gix::Repository,
    directory: &str,
    from: Option<ObjectId>,
    to: Option<ObjectId>,
    changed: &mut Vec<String>,
) -> Result<()> {
    if from == to {
        return Ok(());
    }
    let mut names: BTreeMap<Vec<u8>, [Option<(EntryMode, ObjectId)>; 2]> = BTreeMap::new();
    for (side, tree) in [from, to].into_iter().enumerate() {
        for (name, mode, id) in entries(git, directory, tree)? {
            names.entry(name).or_default()[side] = Some((mode, id));
        }
    }
    for (name, [before, after]) in names {
        if before == after {
            continue;
        }
        let path = join(directory, &String::from_utf8_lossy(&name));
        let tree = |side: Option<(EntryMode, ObjectId)>| side.filter(|(mode, _)| mode.is_tree()).map(|(_, id)| id);
        let file = |side: Option<(EntryMode, ObjectId)>| side.filter(|(mode, _)| !mode.is_tree());
        if file(before) != file(after) {
            changed.push(path.clone());
        }
        compare(git, &path, tree(before), tree(after), changed)?;
    }
    Ok(())
}

type Named = (Vec<u8>, EntryMode, ObjectId);

fn entries(git: &gix::Repository, directory: &str, tree: Option<ObjectId>) -> Result<Vec<Named>> {
    let Some(id) = tree else { return Ok(Vec::new()) };
    let what = || format!("cannot read directory `{}`", if directory.is_empty() { "." } else { directory });
    let object = git.try_find_object(id).map_err(|error| broken(what(), error))?;
    let tree = object.ok_or_else(|| absent("tree", id))?.try_into_tree().map_err(|error| broken(what(), error))?;
    let entry = |entry: gix::Result<gix::object::tree::EntryRef<'_, '_>>| {
        let entry = entry.map_err(|error| broken(what(), error))?;
        Ok((entry.filename().to_vec(), entry.mode(), entry.object_id()))
    };
    tree.iter().map(entry).collect()
}
