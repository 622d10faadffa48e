//! Patterns that a person names in place of paths: `k8s/**/*.yaml`.
//!
//! A path that is there is never a pattern. What ignore files name is left out, as it is below a folder that is named.

use crate::failure::{Failure, Result};
use globset::{GlobBuilder, GlobMatcher};
use ignore::WalkBuilder;
use std::path::{Component, Path, PathBuf};

/// The paths with each pattern replaced by the files that match it, in order and once each.
///
/// # Errors
/// Usage for what is no pattern, nothing there for one that matches nothing.
pub(crate) fn expand(folder: &Path, paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut expanded: Vec<PathBuf> = Vec::with_capacity(paths.len());
    for path in paths {
        let text = path.to_string_lossy();
        if !text.contains(['*', '?', '[', '{']) || folder.join(path).exists() {
            expanded.push(path.clone());
            continue;
        }
        let glob = GlobBuilder::new(&text).literal_separator(true).build();
        let glob = glob.map_err(|error| Failure::usage(format!("`{text}` is no pattern")).because(error))?;
        let found = matches(folder, path, &glob.compile_matcher());
        if found.is_empty() {
            let failure = Failure::nothing_there(format!("`{text}` matches no manifest"));
            return Err(failure.hint(
                "`*` stays within a folder, `**` goes through all of them; files that are ignored do not match",
            ));
        }
        expanded.extend(found);
    }
    let mut seen = std::collections::BTreeSet::new();
    expanded.retain(|path| seen.insert(path.clone()));
    Ok(expanded)
}

fn matches(folder: &Path, pattern: &Path, glob: &GlobMatcher) -> Vec<PathBuf> {
    let fixed = |part: &Component<'_>| !part.as_os_str().to_string_lossy().contains(['*', '?', '[', '{']);
    let base: PathBuf = pattern.components().take_while(fixed).collect();
    let root = folder.join(&base);
    let mut walk = WalkBuilder::new(&root);
    walk.ignore(false).add_custom_ignore_filename(".mergelineignore").sort_by_file_name(Ord::cmp);
    let files = walk.build().flatten().filter(|entry| entry.file_type().is_some_and(|kind| kind.is_file()));
    let shown = files.filter_map(|entry| Some(base.join(entry.path().strip_prefix(&root).ok()?)));
    let manifest = |path: &PathBuf| {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        matches!(ending.as_deref(), Some("yaml" | "yml" | "json"))
    };
    shown.filter(|path| manifest(path) && glob.is_match(path)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn patterns_match_manifests_that_are_not_ignored() {
        let folder = tempfile::tempdir().unwrap();
        for path in [
            "a.yaml",
            "k8s/b.yml",
            "k8s/deep/c.yaml",
            "k8s/deep/d.json",
            "k8s/notes.md",
            "k8s/drafts/e.yaml",
            "[x].yaml",
        ] {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "").unwrap();
        }
        std::fs::write(folder.path().join("k8s/.mergelineignore"), "drafts/\n").unwrap();
        let expanded = |patterns: &[&str]| {
            let paths: Vec<PathBuf> = patterns.iter().map(PathBuf::from).collect();
            expand(folder.path(), &paths)
                .map(|paths| paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" "))
        };
        assert_eq!(expanded(&["k8s/*"]).unwrap(), "k8s/b.yml");
        assert_eq!(expanded(&["k8s/**/*.yaml", "a.yaml"]).unwrap(), "k8s/deep/c.yaml a.yaml");
        assert_eq!(expanded(&["**/*.{yml,json}", "k8s/*.yml"]).unwrap(), "k8s/b.yml k8s/deep/d.json");
        assert_eq!(expanded(&["[x].yaml", "-"]).unwrap(), "[x].yaml -");
        assert!(expanded(&["k8s/*.toml"]).unwrap_err().message().contains("matches no manifest"));
        assert!(expanded(&["k8s/[.yaml"]).unwrap_err().message().contains("is no pattern"));
    }
}
