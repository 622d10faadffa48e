//! Values that must never be printed. Vocabulary: imported by every room.
//!
//! A [`Secret`] has no `Display`, its `Debug` says nothing about it, and it cannot be serialised: the only way to
//! its text is [`Secret::expose`], which is easy to find in a review.

use std::fmt;

/// A token, password or credential.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Secret(String);

impl Secret {
    /// Wraps `text`.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one call that needs it (a header, a file that a child process reads).
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Says whether nothing is wrapped; CI systems set absent secrets to the empty text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

/// The values of environment variables whose names say that they are secret: what a CI masks in its own log.
pub fn of_variables<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<Secret> {
    const WORDS: [&str; 12] = [
        "TOKEN",
        "PASSWORD",
        "PASSWD",
        "PASSPHRASE",
        "SECRET",
        "CREDENTIAL",
        "KUBECONFIG",
        "PRIVATE_KEY",
        "API_KEY",
        "ACCESS_KEY",
        "AUTH_CONFIG",
        "_JWT",
    ];
    let is_secret = |name: &str| WORDS.iter().any(|word| name.contains(word)) || name.ends_with("_PAT");
    // A path names a file and tells nothing of what is in it.
    let is_path = |value: &str| value.starts_with(['/', '~', '.']) && !value.contains(char::is_whitespace);
    variables
        .into_iter()
        .filter(|(name, value)| is_secret(&name.to_ascii_uppercase()) && !value.is_empty() && !is_path(value))
        .map(|(_, value)| Secret::new(value))
        .collect()
}

/// Where secret values stand that nobody would know by their kind: `KIND:/path/of/keys`.
///
/// In the path, `*` stands for one key or index, or for a part of a key, and `**` for any number of keys. Everything below
/// is secret. The kind may be `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretPath {
    kind: Option<String>,
    keys: Vec<String>,
}

impl SecretPath {
    /// Reads `KIND:/path` and `*:/path`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, path) = text.split_once(':')?;
        let path = path.strip_prefix('/')?;
        let named = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let keys: Vec<String> = path.split('/').map(|key| key.replace("~1", "/").replace("~0", "~")).collect();
        let sound = (named || kind == "*") && keys.iter().all(|key| !key.is_empty());
        let several = keys.iter().filter(|key| *key == "**").count() > 2;
        (sound && !several).then(|| Self { kind: (kind != "*").then(|| kind.to_owned()), keys })
    }

    /// Says whether it is about objects of this kind.
    #[must_use]
    pub fn is_about(&self, kind: &str) -> bool {
        self.kind.as_deref().is_none_or(|known| known == kind)
    }

    /// The keys of the path.
    #[must_use]
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Says whether what is at these keys stands in a secret place.
    #[must_use]
    pub fn covers(&self, at: &[&str]) -> bool {
        covers(&self.keys, at)
    }
}

fn covers(keys: &[String], at: &[&str]) -> bool {
    match keys.split_first() {
        None => true,
        Some((key, rest)) if key == "**" => (0..=at.len()).any(|skipped| covers(rest, &at[skipped..])),
        Some((key, rest)) => at.split_first().is_some_and(|(first, at)| fits(key, first) && covers(rest, at)),
    }
}

/// Says whether `text` is what `pattern` stands for, where a star stands for any text.
#[must_use]
pub fn fits(pattern: &str, text: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(start) else { return false };
    let Some((middle, end)) = rest.rsplit_once('*') else { return text.ends_with(rest) };
    let Some(text) = text.strip_suffix(end) else { return false };
    let mut text = text;
    middle.split('*').all(|part| text.find(part).map(|at| text = &text[at + part.len()..]).is_some())
}

/// What stands in every output where a secret value was.
pub const MASK: &str = "••••••";

/// Replaces every occurrence of each of `secrets` in `text` by [`MASK`].
///
/// Values shorter than 6 bytes are left: masking `no` or `1` would destroy the text and hide nothing (DESIGN §4,
/// by-value masking).
#[must_use]
pub fn mask<'a>(text: &str, secrets: impl IntoIterator<Item = &'a Secret>) -> String {
    let mut values: Vec<&str> = secrets.into_iter().map(Secret::expose).filter(|v| v.len() >= 6).collect();
    // Longest first: a secret that contains another one must go whole.
    values.sort_by_key(|v| std::cmp::Reverse(v.len()));
    values.iter().fold(text.to_owned(), |text, value| text.replace(value, MASK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_tells_nothing() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(…)");
    }

    #[test]
    fn the_longer_of_two_overlapping_secrets_goes_whole() {
        let secrets = [Secret::new("hunter2"), Secret::new("hunter2-and-more")];
        assert_eq!(mask("a hunter2-and-more b hunter2", &secrets), format!("a {MASK} b {MASK}"));
    }

    #[test]
    fn paths_say_where_secret_values_stand() {
        let covers = |path: &str, at: &str| {
            SecretPath::parse(path).is_some_and(|path| path.covers(&at.split('/').collect::<Vec<_>>()))
        };
        assert!(covers("Vault:/spec/unseal", "spec/unseal/0") && !covers("Vault:/spec/unseal", "spec/other"));
        assert!(covers("*:/spec/**/pass*", "spec/a/b/password/x") && covers("*:/spec/**/pass*", "spec/pass"));
        assert!(covers("*:/data/*_KEY*", "data/A_KEY_B") && !covers("*:/data/*_KEY", "data/A_KEY_B"));
        assert!(covers("*:/a/*/c", "a/3/c") && covers("*:/a~1b", "a/b") == covers("*:/a", "b"));
        for wrong in ["", "Vault", "Vault:spec", ":/spec", "a b:/spec", "*:/", "*:/a//b", "*:/**/**/**"] {
            assert_eq!(SecretPath::parse(wrong), None, "{wrong}");
        }
        assert!(SecretPath::parse("Vault:/a").is_some_and(|path| path.is_about("Vault") && !path.is_about("Secret")));
    }

    #[test]
    fn variables_are_secret_by_their_names() {
        let variables = [
            ("REGISTRY_PASSWORD", "a"),
            ("ci_job_token", "b"),
            ("HOME", "c"),
            ("KUBECONFIG", "/etc/kube/config"),
            ("GITLAB_PAT", "d"),
            ("NPM_TOKEN", ""),
        ];
        let values: Vec<_> = of_variables(variables).iter().map(|it| it.expose().to_owned()).collect();
        assert_eq!(values, ["a", "b", "d"]);
    }

    #[test]
    fn short_values_are_left_alone() {
        assert_eq!(mask("replicas: 1", &[Secret::new("1")]), "replicas: 1");
    }
}
