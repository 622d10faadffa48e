//! Forms of names that Kubernetes' own validation asks for (apimachinery, `k8s.io/apimachinery/pkg/util/validation`).
//!
//! Each function says what is wrong with a text, as the end of a sentence, or nothing.

const NAME_PART: &str = "must hold only letters, digits, `-`, `_` and `.`, and begin and end with a letter or digit";

/// `IsDNS1123Label`: at most 63 lower-case letters, digits and `-`.
pub(super) fn label(text: &str) -> Option<String> {
    if text.len() > 63 {
        return Some("must be at most 63 bytes long".to_owned());
    }
    (!is_label(text)).then(|| {
        "must hold only lower-case letters, digits and `-`, and begin and end with a letter or digit".to_owned()
    })
}

/// `IsDNS1035Label`: a label that begins with a letter.
pub(super) fn label_1035(text: &str) -> Option<String> {
    if text.len() > 63 {
        return Some("must be at most 63 bytes long".to_owned());
    }
    (!is_label(text) || !text.starts_with(|c: char| c.is_ascii_lowercase())).then(|| {
        "must hold only lower-case letters, digits and `-`, begin with a letter, and end with a letter or digit"
            .to_owned()
    })
}

/// `IsDNS1123Subdomain`: labels joined by dots, at most 253 bytes.
pub(super) fn subdomain(text: &str) -> Option<String> {
    if text.len() > 253 {
        return Some("must be at most 253 bytes long".to_owned());
    }
    (!is_subdomain(text)).then(|| {
        "must hold only lower-case letters, digits, `-` and `.`, and begin and end with a letter or digit".to_owned()
    })
}

/// `IsQualifiedName`: `[prefix/]name`.
pub(super) fn qualified(key: &str) -> Option<String> {
    let (prefix, name) = match key.split_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, key),
    };
    if name.contains('/') {
        return Some("must have at most one `/`".to_owned());
    }
    if let Some(prefix) = prefix
        && (prefix.is_empty() || prefix.len() > 253 || !is_subdomain(prefix))
    {
        return Some("must have a DNS subdomain before the `/`".to_owned());
    }
    if name.len() > 63 {
        return Some("must have a name of at most 63 bytes".to_owned());
    }
    (!is_name_part(name)).then(|| NAME_PART.to_owned())
}

/// `IsValidLabelValue`.
pub(super) fn label_value(text: &str) -> Option<String> {
    if text.len() > 63 {
        return Some("is longer than 63 bytes".to_owned());
    }
    (!text.is_empty() && !is_name_part(text)).then(|| NAME_PART.to_owned())
}

/// `IsValidPathSegmentName`: anything that fits into a URL path.
pub(super) fn path_segment(text: &str) -> Option<String> {
    let wrong = text.contains(['/', '%']) || text == "." || text == "..";
    wrong.then(|| "must fit into a URL path: no `/`, no `%`".to_owned())
}

/// `IsValidPathSegmentPrefix`: what such a name may begin with.
pub(super) fn path_prefix(text: &str) -> Option<String> {
    text.contains(['/', '%']).then(|| "must fit into a URL path: no `/`, no `%`".to_owned())
}

fn is_name_part(text: &str) -> bool {
    let ends = |c: u8| c.is_ascii_alphanumeric();
    let inner = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.');
    is_made_of(text, ends, inner)
}

fn is_label(text: &str) -> bool {
    let lower = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    is_made_of(text, lower, |c| lower(c) || c == b'-')
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(is_label)
}

fn is_made_of(text: &str, ends: impl Fn(u8) -> bool, inner: impl Fn(u8) -> bool) -> bool {
    let bytes = text.as_bytes();
    let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
    ends(*first) && ends(*last) && bytes.iter().all(|byte| inner(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each was put to kube-apiserver 1.36.3.
    #[test]
    fn keys_and_names_are_what_the_server_takes() {
        assert!(qualified("a.b/x").is_none() && qualified("A").is_none());
        for key in ["a b", "", "a/b/c", "A_b.c/x", "/x", "a/"] {
            assert!(qualified(key).is_some(), "{key}");
        }
        for (name, taken) in
            [("Bad_Name", false), ("a.b", true), ("1a", true), ("a..b", false), ("a:b", false), ("-a", false)]
        {
            assert_eq!(subdomain(name).is_none(), taken, "{name}");
        }
        assert!(label("a.b").is_some() && label_1035("1a").is_some());
        assert!(path_segment("a:b").is_none() && path_segment("a/b").is_some());
    }
}
