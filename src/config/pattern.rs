//! Source patterns: paths in which `*` stands for a folder name or a part of one.

use crate::failure;
use crate::git::tree::{EntryKind, Tree};

/// A path from the root of the repository in which each part may have one `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pattern {
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Literal(String),
    /// What stands before and after the star.
    Star(String, String),
}

/// A path that a pattern matched, and what its stars stood for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Match {
    pub(super) path: String,
    pub(super) stars: Vec<String>,
}

const MANIFEST_ENDINGS: [&str; 3] = [".yaml", ".yml", ".json"];

impl Pattern {
    /// Reads a pattern; the error continues the sentence "the source `…`".
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("is empty; the root of the repository is `.`".to_owned());
        }
        if text.starts_with('/') || text.contains('\\') || text.contains("://") {
            return Err("is no path from the root of the repository".to_owned());
        }
        if let Some(found) = text.chars().find(|c| matches!(c, '?' | '[' | ']' | '{' | '}' | '!')) {
            return Err(format!("has `{found}`; `*` is the only wildcard"));
        }
        let mut parts = Vec::new();
        for part in text.split('/').filter(|part| !part.is_empty() && *part != ".") {
            if part == ".." {
                return Err("leads out of the repository by `..`".to_owned());
            }
            parts.push(match part.split_once('*') {
                None => Part::Literal(part.to_owned()),
                Some((_, after)) if after.contains('*') => {
                    return Err("has more than one `*` between two `/`".to_owned());
                }
                Some((before, after)) => Part::Star(before.to_owned(), after.to_owned()),
            });
        }
        Ok(Self { parts })
    }

    /// Says whether there is no star in it.
    pub(super) fn is_literal(&self) -> bool {
        self.parts.iter().all(|part| matches!(part, Part::Literal(_)))
    }

    /// What matches in `tree`, by path. A star stands for at least one character and never for a leading dot; it finds
    /// folders, and files where the pattern itself ends like a manifest.
    pub(super) fn matches(&self, tree: &dyn Tree) -> failure::Result<Vec<Match>> {
        let mut found = vec![Match { path: String::new(), stars: Vec::new() }];
        for (index, part) in self.parts.iter().enumerate() {
            let last = index + 1 == self.parts.len();
            let mut next = Vec::new();
            for Match { path, stars } in found {
                match part {
                    Part::Literal(name) => next.push(Match { path: join(&path, name), stars }),
                    Part::Star(before, after) => {
                        let files = last && MANIFEST_ENDINGS.iter().any(|ending| after.ends_with(ending));
                        for entry in tree.list(&path)? {
                            let name = entry.path.rsplit('/').next().unwrap_or_default();
                            let inner =
                                name.strip_prefix(before.as_str()).and_then(|rest| rest.strip_suffix(after.as_str()));
                            let Some(inner) = inner.filter(|inner| !inner.is_empty()) else { continue };
                            let wanted = if files { EntryKind::File } else { EntryKind::Directory };
                            if entry.kind == wanted && !(before.is_empty() && inner.starts_with('.')) {
                                let stars = stars.iter().cloned().chain([inner.to_owned()]).collect();
                                next.push(Match { path: join(&path, name), stars });
                            }
                        }
                    }
                }
            }
            found = next;
        }
        let mut there = Vec::new();
        for matched in found {
            if tree.kind(&matched.path)?.is_some() {
                there.push(matched);
            }
        }
        Ok(there)
    }
}

fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// The name of a unit at `path` whose pattern had no star: its last folder, or its file without the ending.
pub(super) fn last_name(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or_default();
    MANIFEST_ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::git::tree::MemoryTree;

    fn found(pattern: &str, files: &[&str]) -> Vec<(String, String)> {
        let tree = files.iter().fold(MemoryTree::new(), |tree, path| tree.with(*path, "x"));
        let matches = Pattern::parse(pattern).unwrap().matches(&tree).unwrap();
        matches.into_iter().map(|found| (found.path, found.stars.join("-"))).collect()
    }

    #[test]
    fn stars_stand_for_folders_and_are_kept() {
        let files = [
            "apps/web/overlays/dev/a.yaml",
            "apps/db/overlays/dev/a.yaml",
            "apps/db/overlays/prod/a.yaml",
            "apps/README.md",
        ];
        let pairs = [("apps/db/overlays/dev".into(), "db".into()), ("apps/web/overlays/dev".into(), "web".into())];
        assert_eq!(found("apps/*/overlays/dev", &files), pairs);
        assert_eq!(found("./apps//*/overlays/de*/", &files).len(), 2);
        assert_eq!(found("apps/*", &files).len(), 2, "a file is no match of a bare star");
        assert_eq!(found("*/*/overlays/prod", &files), [("apps/db/overlays/prod".into(), "apps-db".into())]);
    }

    #[test]
    fn stars_leave_hidden_folders_alone_and_match_files_by_their_ending() {
        let files = [".github/workflows/ci.yaml", "web/x.yaml", "a.yaml", "b.json"];
        assert_eq!(found("*", &files), [("web".into(), "web".into())]);
        assert_eq!(found("*.yaml", &files), [("a.yaml".into(), "a".into())]);
        assert_eq!(found("nothing", &files), []);
        assert_eq!(found(".", &files), [(String::new(), String::new())]);
    }

    #[test]
    fn patterns_stay_inside_the_repository() {
        for bad in ["", "/abs", "a/../b", "..", "a/**/b", "a/[bc]", "a/{b,c}", "https://example.com/x", "!a", "a\\b"] {
            assert!(Pattern::parse(bad).is_err(), "{bad}");
        }
    }
}
