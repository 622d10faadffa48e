//! How values and places in objects are said.

use crate::manifest::{Data, Value};
use crate::schema::Kind;

/// Longest part of a value that a message quotes, in characters.
const LONGEST_QUOTE: usize = 60;

/// A JSON pointer as people and the API server write it: `spec.containers[0].image`, `metadata.labels["a/b"]`.
pub(super) fn path(pointer: &str) -> String {
    let mut path = String::new();
    for token in pointer.split('/').skip(1) {
        let token = token.replace("~1", "/").replace("~0", "~");
        let is_index = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_digit());
        let is_plain =
            !token.is_empty() && token.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_' || c == '$');
        if is_index && !path.is_empty() {
            path.push_str(&format!("[{token}]"));
        } else if is_plain {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&token);
        } else {
            path.push_str(&format!("[{token:?}]"));
        }
    }
    path
}

/// A field as the subject of a sentence; the root is the object itself.
pub(super) fn field(pointer: &str) -> String {
    if pointer.is_empty() { "the object".to_owned() } else { format!("`{}`", path(pointer)) }
}

/// What a value is, quoted when it is short and no secret: `string "three"`, `a list`.
pub(super) fn got(value: &Value, secret: bool) -> String {
    match &value.data {
        Data::Null => "null".to_owned(),
        Data::List(_) => "a list".to_owned(),
        Data::Map(_) => "a map".to_owned(),
        Data::Bool(_) if secret => "a boolean".to_owned(),
        Data::Number(_) if secret => "a number".to_owned(),
        Data::String(_) if secret => "a string".to_owned(),
        Data::Bool(flag) => format!("boolean {flag}"),
        Data::Number(number) => format!("number {}", number.literal()),
        Data::String(text) => format!("string {}", quote(text)),
    }
}

/// A short text in double quotes on one line.
pub(super) fn quote(text: &str) -> String {
    let mut short: String = text.chars().take(LONGEST_QUOTE).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("{short:?}")
}

/// What a place must hold: `an integer`.
pub(super) fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Map => "a map",
        Kind::List => "a list",
        Kind::String => "a string",
        Kind::Integer => "an integer",
        Kind::Number => "a number",
        Kind::Boolean => "true or false",
        Kind::IntOrString => "an integer or a string",
        Kind::Quantity => "a quantity such as `500m` or `1Gi`",
        Kind::Any => "anything",
    }
}

/// Names joined as in a sentence: "`a`, `b`".
pub(super) fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    names.into_iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read_as_the_server_writes_them() {
        assert_eq!(path("/spec/containers/0/image"), "spec.containers[0].image");
        assert_eq!(path("/metadata/labels/app.kubernetes.io~1name"), "metadata.labels[\"app.kubernetes.io/name\"]");
        assert_eq!(field(""), "the object");
    }

    #[test]
    fn secrets_are_named_by_type_alone() {
        assert_eq!(got(&"hunter2".into(), true), "a string");
        assert_eq!(got(&"three".into(), false), "string \"three\"");
        assert_eq!(got(&42.into(), true), "a number");
    }
}
