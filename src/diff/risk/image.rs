//! The name of a container's image, and the version in its tag.

use crate::manifest::Value;

/// The name of an image in its parts.
pub(super) struct Image<'a> {
    /// Registry and name.
    pub(super) repository: &'a str,
    /// The tag, where it has one.
    pub(super) tag: Option<&'a str>,
    /// Named by a digest.
    pub(super) pinned: bool,
}

/// Splits `registry:5000/name:tag@digest` (OCI distribution specification, "reference").
pub(super) fn image(container: &Value) -> Option<Image<'_>> {
    let text = container.get("image")?.as_str()?;
    if text.is_empty() || text.contains("${") || text.contains("$(") {
        return None;
    }
    let (name, pinned) = text.split_once('@').map_or((text, false), |(name, _)| (name, true));
    // A colon before the last slash belongs to the registry's port.
    let (repository, tag) = match name.rsplit_once(':') {
        Some((repository, tag)) if !tag.contains('/') => (repository, Some(tag)),
        _ => (name, None),
    };
    Some(Image { repository, tag, pinned })
}

/// The numbers of `v1.2.3-debian`, `None` where the tag is no version: a bare number of a date or build is none either.
pub(super) fn version(tag: &str) -> Option<[u64; 3]> {
    let tag = tag.strip_prefix(['v', 'V']).unwrap_or(tag);
    let end = tag.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(tag.len());
    let (numbers, rest) = tag.split_at(end);
    if !(rest.is_empty() || rest.starts_with(['-', '+', '_'])) {
        return None;
    }
    let mut parts = numbers.trim_end_matches('.').split('.').map(str::parse::<u64>);
    let first = parts.next()?.ok().filter(|major| *major < 1000)?;
    let mut next = || parts.next().transpose().ok().map(|part| part.unwrap_or(0));
    Some([first, next()?, next()?])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn tags_are_versions_where_they_look_like_one() {
        assert_eq!(version("v1.2.3-alpine"), Some([1, 2, 3]));
        assert_eq!(version("13"), Some([13, 0, 0]));
        assert_eq!(version("1.27"), Some([1, 27, 0]));
        for tag in ["20240101", "latest", "sha256abc", "3f2c1ab", "1x"] {
            assert_eq!(version(tag), None, "{tag}");
        }
    }

    #[test]
    fn a_port_of_a_registry_is_no_tag() {
        let container = crate::manifest::value::map([("image", "registry:5000/web")]);
        let image = image(&container).unwrap();
        assert_eq!((image.repository, image.tag), ("registry:5000/web", None));
    }
}
