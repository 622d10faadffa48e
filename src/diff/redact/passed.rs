//! Secret values that a chart is given: passwords and tokens among the values of a release.
//!
//! Which of them are secret is told by their keys (`auth.password`, `clientSecret`); what only names a Secret
//! (`existingSecret`, `passwordKey`) is not. Fields: Flux `HelmRelease`, Argo CD `Application` and `ApplicationSet`, and the
//! `HelmChart` of k3s.

use crate::manifest::yaml::{self, Budget, Dialect};
use crate::manifest::{Data, Object, Value};

/// Where each kind keeps what its chart is given; `*` is any key or index.
const ROOTS: [(&str, &[&[&str]]); 5] = [
    ("HelmRelease", &[&["spec", "values"]]),
    ("Application", &[&["spec", "source", "helm"], &["spec", "sources", "*", "helm"]]),
    (
        "ApplicationSet",
        &[&["spec", "template", "spec", "source", "helm"], &["spec", "template", "spec", "sources", "*", "helm"]],
    ),
    ("HelmChart", &[&["spec", "set"], &["spec", "valuesContent"]]),
    ("HelmChartConfig", &[&["spec", "set"], &["spec", "valuesContent"]]),
];

fn roots(kind: &str) -> &'static [&'static [&'static str]] {
    ROOTS.iter().find(|(known, _)| *known == kind).map_or(&[], |(_, roots)| roots)
}

/// The kinds that charts are given values by.
pub(super) fn kinds() -> impl Iterator<Item = &'static str> {
    ROOTS.iter().map(|(kind, _)| *kind)
}

/// The secret values among what charts are given by this object.
pub(super) fn values(object: &Object) -> Vec<&Value> {
    let mut found = Vec::new();
    for root in below(object) {
        collect(root, &mut found);
    }
    found
}

/// The secret values in texts that hold such values as YAML.
pub(super) fn written(object: &Object) -> Vec<String> {
    let mut texts = Vec::new();
    for root in below(object) {
        for text in [Some(root), root.get("values")].into_iter().flatten().filter_map(Value::as_str) {
            texts.extend(in_yaml(text));
        }
    }
    texts
}

/// Says whether the field at these keys is a secret value, or a text that may hold some.
pub(super) fn is_secret_place(kind: &str, keys: &[&str]) -> bool {
    let inside = |root: &[&str]| {
        keys.len() > root.len() && root.iter().zip(keys).all(|(known, key)| *known == "*" || known == key)
    };
    roots(kind).iter().any(|root| inside(root)) && keys.iter().any(|key| is_secret(key))
}

fn below(object: &Object) -> Vec<&Value> {
    fn step<'v>(value: &'v Value, keys: &[&str], found: &mut Vec<&'v Value>) {
        match keys.split_first() {
            None => found.push(value),
            Some((&"*", rest)) => {
                value.as_list().unwrap_or_default().iter().for_each(|item| step(item, rest, found));
            }
            Some((key, rest)) => {
                if let Some(child) = value.get(key) {
                    step(child, rest, found);
                }
            }
        }
    }
    let mut found = Vec::new();
    roots(object.kind()).iter().for_each(|root| step(object.value(), root, &mut found));
    found
}

fn in_yaml(text: &str) -> Vec<String> {
    let reading = yaml::read_bytes("values", text.as_bytes(), Dialect::Kubectl, &Budget::default());
    let mut found = Vec::new();
    for document in &reading.documents {
        let mut values = Vec::new();
        collect(document, &mut values);
        found.extend(values.into_iter().filter_map(Value::as_str).map(str::to_owned));
    }
    found.retain(|value| !is_word(value));
    found
}

/// Scalars below keys that say that they are secret; a list's `{name: …, value: …}` is such a key and value.
fn collect<'v>(value: &'v Value, found: &mut Vec<&'v Value>) {
    match &value.data {
        Data::Map(map) => {
            let named = value.get("name").and_then(Value::as_str).is_some_and(is_secret);
            for (key, child) in map {
                let scalar = matches!(&child.data, Data::String(text) if !text.is_empty())
                    || matches!(child.data, Data::Number(_));
                if scalar && (is_secret(key.as_str()) || (named && key.as_str() == "value")) {
                    found.push(child);
                } else {
                    collect(child, found);
                }
            }
        }
        Data::List(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

/// A word of the language is no value to look for everywhere.
pub(super) fn is_word(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-')
}

/// Says whether a key names a secret value, and not where one is.
fn is_secret(key: &str) -> bool {
    const WORDS: [&str; 13] = [
        "password",
        "passwd",
        "passphrase",
        "secret",
        "token",
        "apikey",
        "accesskey",
        "privatekey",
        "signingkey",
        "encryptionkey",
        "masterkey",
        "credential",
        "connectionstring",
    ];
    const PLACES: [&str; 20] = [
        "name",
        "names",
        "ref",
        "refs",
        "enabled",
        "path",
        "file",
        "namespace",
        "ttl",
        "length",
        "type",
        "audience",
        "mount",
        "issuer",
        "url",
        "expiration",
        "annotations",
        "labels",
        "policy",
        "class",
    ];
    let last = key.rsplit('.').next().unwrap_or(key);
    let last: String = last.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    let places =
        PLACES.iter().any(|place| last.ends_with(place)) || last.ends_with("passwordkey") || last.ends_with("tokenkey");
    let asks = ["existing", "create", "use", "generate", "automount"].iter().any(|word| last.starts_with(word));
    WORDS.iter().any(|word| last.contains(word)) && !places && !asks
}

#[cfg(test)]
mod tests {
    use super::is_secret;

    #[test]
    fn keys_say_what_is_secret() {
        for key in
            ["password", "auth.postgresPassword", "clientSecret", "API_TOKEN", "secretKey", "aws-secret-access-key"]
        {
            assert!(is_secret(key), "{key}");
        }
        for key in [
            "existingSecret",
            "secretName",
            "passwordKey",
            "imagePullSecretsEnabled",
            "replicas",
            "tokenTTL",
            "secretRef",
        ] {
            assert!(!is_secret(key), "{key}");
        }
    }
}
