//! Paths inside a tree: joining and resolving, never leaving the root.

/// `directory/name`; the root is the empty path.
pub(super) fn join(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// The folder that a path is in; the root for names without one.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// The last part.
pub(super) fn name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// Says whether `path` is `directory` or below it.
pub(super) fn is_within(path: &str, directory: &str) -> bool {
    directory.is_empty() || path == directory || path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

/// Resolves `relative` from `directory`, with `.` and `..`; `None` when it is absolute or leaves the tree.
pub(super) fn resolve(directory: &str, relative: &str) -> Option<String> {
    if relative.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = directory.split('/').filter(|part| !part.is_empty()).collect();
    for part in relative.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            _ => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// Says whether a file's name is one that manifests have.
pub(super) fn is_manifest_name(path: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|ending| path.len() > ending.len() && path.ends_with(ending))
}

/// Says whether a file is a manifest by its name, or a kustomization.
pub(super) fn is_manifest_or_kustomization(path: &str) -> bool {
    is_manifest_name(path) || super::kustomize::is_kustomization_name(name(path))
}

/// Says whether a part of `path` starts with a dot.
pub(super) fn is_hidden(path: &str) -> bool {
    path.split('/').any(|part| part.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_resolve_inside_the_tree_or_not_at_all() {
        assert_eq!(resolve("a/b", "../c/./d/").as_deref(), Some("a/c/d"));
        assert_eq!(resolve("a", "..").as_deref(), Some(""));
        assert_eq!(resolve("a", "../.."), None);
        assert_eq!(resolve("", "/etc/passwd"), None);
        assert!(is_within("a/b", "a") && is_within("a", "") && !is_within("ab", "a"));
        assert!(is_hidden("a/.github/x.yaml") && !is_hidden("a/b.c"));
    }
}
