//! Label selectors in the API's syntax: `a=b,c!=d,e in (f,g),h notin (i),j,!k`.
//!
//! Decided by the Kubernetes documentation on labels; used where no server evaluates them.

use crate::manifest::Object;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Absent(String),
}

/// A parsed selector; empty selects everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Selector(Vec<Requirement>);

impl Selector {
    /// Reads a selector.
    ///
    /// # Errors
    /// A sentence that quotes the requirement that cannot be read.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut requirements = Vec::new();
        let mut depth = 0;
        let split = |c: char| {
            depth += i32::from(c == '(') - i32::from(c == ')');
            c == ',' && depth == 0
        };
        for part in text.split(split).map(str::trim).filter(|part| !part.is_empty()) {
            requirements.push(requirement(part).ok_or_else(|| format!("cannot read the label selector `{part}`"))?);
        }
        Ok(Self(requirements))
    }

    /// Says whether an object's labels satisfy every requirement.
    pub(super) fn matches(&self, object: &Object) -> bool {
        self.0.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => object.label(key).is_some_and(|have| values.iter().any(|v| v == have)),
            Requirement::NotIn(key, values) => !object.label(key).is_some_and(|have| values.iter().any(|v| v == have)),
            Requirement::Exists(key) => object.label(key).is_some(),
            Requirement::Absent(key) => object.label(key).is_none(),
        })
    }
}

fn requirement(part: &str) -> Option<Requirement> {
    let key = |text: &str| {
        let text = text.trim();
        let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
        (!text.is_empty() && text.chars().all(fine)).then(|| text.to_owned())
    };
    if let Some(rest) = part.strip_prefix('!') {
        return Some(Requirement::Absent(key(rest)?));
    }
    if let Some(list) = part.strip_suffix(')') {
        let (head, values) = list.split_once('(')?;
        let values = values.split(',').map(|value| value.trim().to_owned()).collect();
        let (name, word) = head.trim_end().rsplit_once(char::is_whitespace)?;
        return match word {
            "in" => Some(Requirement::In(key(name)?, values)),
            "notin" => Some(Requirement::NotIn(key(name)?, values)),
            _ => None,
        };
    }
    if let Some((name, value)) = part.split_once("!=") {
        return Some(Requirement::NotIn(key(name)?, vec![value.trim().to_owned()]));
    }
    if let Some((name, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Some(Requirement::In(key(name)?, vec![value.trim().to_owned()]));
    }
    Some(Requirement::Exists(key(part)?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::manifest::Value;
    use crate::manifest::value::map;

    fn labelled(labels: &[(&str, &str)]) -> Object {
        let labels = map(labels.iter().map(|(key, value)| (*key, *value)));
        let metadata = map([("name", Value::from("x")), ("labels", labels)]);
        Object::new(map([("apiVersion", Value::from("v1")), ("kind", "ConfigMap".into()), ("metadata", metadata)]))
            .unwrap()
    }

    #[test]
    fn every_requirement_must_hold() {
        let object = labelled(&[("app", "web"), ("tier", "front")]);
        let holds = |text: &str| Selector::parse(text).unwrap().matches(&object);
        assert!(holds(""));
        assert!(holds("app=web,tier==front,!gone,app"));
        assert!(holds("app in (db, web),tier notin (back),other!=x"));
        assert!(!holds("app=web,tier=back"));
        assert!(!holds("app notin (web)"));
        assert!(!holds("gone"));
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        assert_eq!(Selector::parse("app~web").unwrap_err(), "cannot read the label selector `app~web`");
    }
}
