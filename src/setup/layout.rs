//! Which folders of a repository are environments, by the layouts that people use.

use crate::failure::Result;
use crate::git::tree::{EntryKind, Tree};
use std::collections::{BTreeMap, BTreeSet};

/// An environment that a layout names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// Its name: the folder's.
    pub name: String,
    /// The pattern of its units.
    pub source: String,
}

/// Folders whose direct children are environments.
const PARENTS: [&str; 8] = ["overlays", "environments", "environment", "envs", "env", "clusters", "stages", "deploy"];

/// How far environments lie from the root at most: `team/area/apps/web/overlays/dev`.
const DEEPEST: usize = 6;

/// How far a release has come when it is there. What is in no row comes after testing and before production.
const STAGES: [&[&str]; 4] = [
    &["dev", "development", "develop", "sandbox", "local", "preview"],
    &["test", "testing", "qa", "uat", "integration", "int", "ci"],
    &["staging", "stage", "stg", "preprod", "preproduction", "acceptance", "acc"],
    &["prod", "production", "prd", "live"],
];

/// The stage of an environment by the words in its name, from 0; `prod-eu` is production.
fn stage(name: &str) -> usize {
    let mut words = name.split(['-', '_', '.']);
    let known = |word: &str| STAGES.iter().position(|stage| stage.contains(&word));
    // Twice the row, so that what is unknown has a place before production.
    words.find_map(known).map_or(5, |row| row * 2)
}

/// Finds the environments of a layout, in the order in which releases reach them: `apps/*/overlays/ENV`, `clusters/ENV`,
/// `envs/ENV` and the like. Where several layouts are found, the one with the most folders counts.
///
/// # Errors
/// When the tree cannot be read.
pub fn environments(tree: &dyn Tree) -> Result<Vec<Vec<Found>>> {
    let mut layouts: BTreeMap<String, BTreeMap<String, usize>> = BTreeMap::new();
    let folders: BTreeSet<String> = tree
        .walk("")?
        .into_iter()
        .filter(|entry| entry.kind == EntryKind::File && is_manifest(&entry.path))
        .filter_map(|entry| entry.path.rsplit_once('/').map(|(folder, _)| folder.to_owned()))
        .collect();
    for folder in &folders {
        if let Some((pattern, name)) = environment_folder(folder, &folders) {
            *layouts.entry(pattern).or_default().entry(name).or_default() += 1;
        }
    }
    let best = layouts.into_iter().max_by_key(|(pattern, names)| {
        (
            names.values().sum::<usize>(),
            std::cmp::Reverse(pattern.matches('/').count()),
            std::cmp::Reverse(pattern.clone()),
        )
    });
    let Some((pattern, names)) = best else { return Ok(Vec::new()) };
    let mut stages: BTreeMap<usize, Vec<Found>> = BTreeMap::new();
    for name in names.into_keys() {
        let found = Found { source: pattern.replace("{ENV}", &name), name };
        stages.entry(stage(&found.name)).or_default().push(found);
    }
    Ok(stages.into_values().collect())
}

/// The pattern of a folder that holds manifests of an environment, with `{ENV}` for its name, and the name.
///
/// Folders above the parent become stars from the second on: `apps/web/overlays/dev` is `apps/*/overlays/{ENV}`. A folder
/// of an environment that holds manifests in its children alone gets a star for those.
fn environment_folder(folder: &str, folders: &BTreeSet<String>) -> Option<(String, String)> {
    let parts: Vec<&str> = folder.split('/').collect();
    let at = parts.iter().position(|part| PARENTS.contains(part)).filter(|at| at + 1 < parts.len() && *at < DEEPEST)?;
    let name = parts[at + 1];
    if !is_name(name) || parts.iter().any(|part| part.starts_with('.')) {
        return None;
    }
    let own = parts[..at + 2].join("/");
    let below = parts.len() - at - 2;
    // Only the folder itself, or its direct children where it has no manifests of its own.
    if below > usize::from(!folders.contains(&own)) {
        return None;
    }
    let mut pattern: Vec<&str> = parts[..at].to_vec();
    let stars = usize::from(at > 1);
    pattern.iter_mut().skip(stars).for_each(|part| *part = "*");
    pattern.extend([parts[at], "{ENV}"]);
    if below == 1 {
        pattern.push("*");
    }
    Some((pattern.join("/"), name.to_owned()))
}

fn is_manifest(path: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|ending| path.ends_with(ending)) || path.ends_with("/Kustomization")
}

/// What may become part of a branch's name and a variable's name without further thought.
fn is_name(name: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !["base", "common", "components", "shared", "default"].contains(&name)
        && (1..=40).contains(&name.len())
        && name.bytes().all(plain)
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::git::MemoryTree;

    fn found(paths: &[&str]) -> Vec<Vec<(String, String)>> {
        let tree = paths.iter().fold(MemoryTree::new(), |tree, path| tree.with(*path, ""));
        let pair = |found: Found| (found.name, found.source);
        environments(&tree).unwrap().into_iter().map(|stage| stage.into_iter().map(pair).collect()).collect()
    }

    fn chain(paths: &[&str]) -> Vec<String> {
        found(paths).concat().into_iter().map(|(name, source)| format!("{name}={source}")).collect()
    }

    #[test]
    fn overlays_of_applications_are_environments_in_the_order_of_stages() {
        let paths = [
            "apps/web/base/deployment.yaml",
            "apps/web/overlays/prod/kustomization.yaml",
            "apps/web/overlays/staging/kustomization.yaml",
            "apps/api/overlays/dev/kustomization.yml",
            "apps/api/overlays/prod/kustomization.yaml",
        ];
        let stages = found(&paths);
        assert_eq!(stages.len(), 3);
        assert_eq!(
            chain(&paths),
            ["dev=apps/*/overlays/dev", "staging=apps/*/overlays/staging", "prod=apps/*/overlays/prod"]
        );
    }

    #[test]
    fn other_layouts_that_people_use_are_known() {
        assert_eq!(
            chain(&["clusters/prod/web.yaml", "clusters/dev/web.yaml"]),
            ["dev=clusters/dev", "prod=clusters/prod"]
        );
        assert_eq!(chain(&["envs/qa/web/a.yaml", "envs/qa/api/a.yaml"]), ["qa=envs/qa/*"]);
        assert_eq!(chain(&["overlays/dev/kustomization.yaml"]), ["dev=overlays/dev"]);
        assert_eq!(chain(&["web/overlays/dev/kustomization.yaml"]), ["dev=*/overlays/dev"]);
        assert_eq!(
            chain(&["k8s/web/overlays/dev/a.yaml", "k8s/web/overlays/dev/files/b.yaml"]),
            ["dev=k8s/*/overlays/dev"]
        );
        assert_eq!(chain(&["a/b/c/overlays/dev/a.yaml"]), ["dev=a/*/*/overlays/dev"]);
    }

    #[test]
    fn environments_of_one_stage_stand_side_by_side() {
        let stages = found(&["envs/dev/a.yaml", "envs/prod-eu/a.yaml", "envs/prod-us/a.yaml", "envs/canary/a.yaml"]);
        let names: Vec<Vec<&str>> =
            stages.iter().map(|stage| stage.iter().map(|(name, _)| name.as_str()).collect()).collect();
        assert_eq!(names, [vec!["dev"], vec!["canary"], vec!["prod-eu", "prod-us"]]);
    }

    #[test]
    fn what_is_no_environment_is_none() {
        assert!(found(&[]).is_empty());
        assert!(found(&["web/deployment.yaml", "README.md", "overlays/dev/README.md"]).is_empty());
        assert!(found(&["overlays/base/a.yaml", ".github/env/dev/a.yaml", "envs/Prod Old/a.yaml"]).is_empty());
    }

    #[test]
    fn the_layout_with_the_most_folders_counts() {
        let paths = ["apps/a/overlays/dev/a.yaml", "apps/b/overlays/dev/a.yaml", "clusters/dev/a.yaml"];
        assert_eq!(chain(&paths), ["dev=apps/*/overlays/dev"]);
    }
}
