//! Which resources a directive names: anchored patterns for identities, and selectors of labels and annotations.
//!
//! Decided by `api/types/selector.go` and `labels.Parse` of k8s.io/apimachinery.

use super::ids::Gvk;
use super::node::Fault;
use super::resource::Resource;
use super::schema::Schema;
use regex::Regex;
use std::collections::HashMap;

/// A pattern that must match a whole text; an empty one matches everything.
#[derive(Debug, Clone)]
enum Pattern {
    Any,
    Text(String),
    Regex(Regex),
}

/// Patterns of an identity and selectors of labels and annotations.
#[derive(Debug, Clone)]
pub(super) struct Selector {
    group: Pattern,
    version: Pattern,
    kind: Pattern,
    name: Pattern,
    namespace: Pattern,
    labels: LabelSelector,
    annotations: LabelSelector,
    /// It names nothing of the identity.
    pub(super) is_open: bool,
    /// It names labels or annotations.
    pub(super) has_texts: bool,
}

/// The texts of a selector.
#[derive(Debug, Clone, Default)]
pub(super) struct SelectorTexts {
    pub(super) gvk: Gvk,
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) labels: String,
    pub(super) annotations: String,
}

impl Pattern {
    fn new(text: &str) -> Result<Self, Fault> {
        if text.is_empty() {
            return Ok(Self::Any);
        }
        if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'/' | b'_')) {
            return Ok(Self::Text(text.to_owned()));
        }
        let compiled = Regex::new(&format!("^(?:{text})$"));
        compiled.map(Self::Regex).map_err(|_| format!("`{text}` is no regular expression"))
    }

    fn matches(&self, text: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Text(wanted) => wanted == text,
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

impl Selector {
    /// # Errors
    /// When a pattern is no regular expression, or a selector has the wrong form.
    pub(super) fn new(texts: &SelectorTexts) -> Result<Self, Fault> {
        let SelectorTexts { gvk, name, namespace, labels, annotations } = texts;
        Ok(Self {
            group: Pattern::new(&gvk.group)?,
            version: Pattern::new(&gvk.version)?,
            kind: Pattern::new(&gvk.kind)?,
            name: Pattern::new(name)?,
            namespace: Pattern::new(namespace)?,
            labels: LabelSelector::parse(labels)?,
            annotations: LabelSelector::parse(annotations)?,
            is_open: *gvk == Gvk::default() && name.is_empty() && namespace.is_empty(),
            has_texts: !labels.is_empty() || !annotations.is_empty(),
        })
    }

    pub(super) fn selects(&self, resource: &Resource, schema: &Schema) -> bool {
        if !self.matches_gvk(&resource.gvk()) {
            return false;
        }
        let (current, original) = (resource.id(schema), resource.original_id(schema));
        (self.namespace.matches(original.effective_namespace())
            || self.namespace.matches(current.effective_namespace()))
            && (self.name.matches(&original.name) || self.name.matches(&current.name))
            && self.selects_texts(resource)
    }

    fn matches_gvk(&self, gvk: &Gvk) -> bool {
        self.group.matches(&gvk.group) && self.version.matches(&gvk.version) && self.kind.matches(&gvk.kind)
    }

    /// Says whether an identity is selected, with its namespace as it is written.
    pub(super) fn matches(&self, gvk: &Gvk, name: &str, namespace: &str) -> bool {
        self.matches_gvk(gvk) && self.name.matches(name) && self.namespace.matches(namespace)
    }

    /// Says whether labels and annotations are selected.
    pub(super) fn selects_texts(&self, resource: &Resource) -> bool {
        let of =
            |selector: &LabelSelector, field: &str| selector.0.is_empty() || selector.matches(&resource.texts(field));
        of(&self.labels, "labels") && of(&self.annotations, "annotations")
    }
}

/// A selector of labels, all of whose requirements must hold.
#[derive(Debug, Clone, Default)]
struct LabelSelector(Vec<Requirement>);

#[derive(Debug, Clone)]
struct Requirement {
    key: String,
    operator: Operator,
}

#[derive(Debug, Clone)]
enum Operator {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
    Above(i64),
    Below(i64),
}

impl LabelSelector {
    fn parse(text: &str) -> Result<Self, Fault> {
        let wrong = || format!("`{text}` is no label selector");
        let mut tokens = tokens(text).into_iter().peekable();
        let mut requirements = Vec::new();
        while let Some(first) = tokens.next() {
            let absent = first == "!";
            let key = if absent { tokens.next().ok_or_else(wrong)? } else { first };
            if !is_label_key(&key) {
                return Err(wrong());
            }
            let operator = match tokens.peek().map(String::as_str) {
                _ if absent => Operator::Absent,
                None | Some(",") => Operator::Exists,
                Some(operator @ ("=" | "==" | "!=" | ">" | "<")) => {
                    let operator = operator.to_owned();
                    tokens.next();
                    let value = match tokens.peek().map(String::as_str) {
                        None | Some(",") => String::new(),
                        Some(_) => tokens.next().unwrap_or_default(),
                    };
                    if !is_label_value(&value) {
                        return Err(wrong());
                    }
                    match operator.as_str() {
                        "!=" => Operator::NotIn(vec![value]),
                        ">" => Operator::Above(value.parse().map_err(|_| wrong())?),
                        "<" => Operator::Below(value.parse().map_err(|_| wrong())?),
                        _ => Operator::In(vec![value]),
                    }
                }
                Some(operator @ ("in" | "notin")) => {
                    let is_in = operator == "in";
                    tokens.next();
                    if tokens.next().as_deref() != Some("(") {
                        return Err(wrong());
                    }
                    let mut values = vec![String::new()];
                    loop {
                        match tokens.next().ok_or_else(wrong)?.as_str() {
                            ")" => break,
                            "," => values.push(String::new()),
                            value if is_label_value(value) && values.last().is_some_and(String::is_empty) => {
                                if let Some(last) = values.last_mut() {
                                    value.clone_into(last);
                                }
                            }
                            _ => return Err(wrong()),
                        }
                    }
                    if is_in { Operator::In(values) } else { Operator::NotIn(values) }
                }
                Some(_) => return Err(wrong()),
            };
            requirements.push(Requirement { key, operator });
            match tokens.next().as_deref() {
                None => break,
                Some(",") if tokens.peek().is_some() => {}
                Some(_) => return Err(wrong()),
            }
        }
        Ok(Self(requirements))
    }

    fn matches(&self, texts: &HashMap<&str, &str>) -> bool {
        self.0.iter().all(|Requirement { key, operator }| {
            let value = texts.get(key.as_str()).copied();
            let number = || value.and_then(|value| value.parse::<i64>().ok());
            match operator {
                Operator::Exists => value.is_some(),
                Operator::Absent => value.is_none(),
                Operator::In(values) => value.is_some_and(|value| values.iter().any(|wanted| wanted == value)),
                Operator::NotIn(values) => value.is_none_or(|value| values.iter().all(|refused| refused != value)),
                Operator::Above(limit) => number().is_some_and(|number| number > *limit),
                Operator::Below(limit) => number().is_some_and(|number| number < *limit),
            }
        })
    }
}

fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '=' | '!' if rest[1..].starts_with('=') => 2,
            '=' | '!' | ',' | '(' | ')' | '>' | '<' => 1,
            _ => rest.find(|c: char| c.is_whitespace() || "=!,()<>".contains(c)).unwrap_or(rest.len()),
        };
        tokens.push(rest[..length].to_owned());
        rest = rest[length..].trim_start();
    }
    tokens
}

fn is_label_value(text: &str) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric();
    text.is_empty()
        || (text.len() <= 63
            && text.starts_with(word)
            && text.ends_with(word)
            && text.chars().all(|c| word(c) || matches!(c, '-' | '_' | '.')))
}

fn is_label_key(text: &str) -> bool {
    let (prefix, name) = text.split_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let domain = |prefix: &str| {
        prefix.len() <= 253
            && prefix.split('.').all(|part| {
                part.starts_with(lower) && part.ends_with(lower) && part.chars().all(|c| lower(c) || c == '-')
            })
    };
    !name.is_empty() && is_label_value(name) && prefix.is_none_or(domain)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn label_selectors_mean_what_kubernetes_means() {
        let labels = HashMap::from([("app", "web"), ("n", "5")]);
        for (text, expected) in [
            ("", true),
            ("app", true),
            ("!app", false),
            ("app=web,n==5", true),
            ("app!=web", false),
            ("tier!=x", true),
            ("app in (web, db)", true),
            ("app notin (web)", false),
            ("n>4,n<6", true),
            ("gone in (a)", false),
        ] {
            assert_eq!(LabelSelector::parse(text).unwrap().matches(&labels), expected, "{text}");
        }
        for text in ["=x", "app=web db", "app in web", "a b", "app=,=", "-a=b", "app=web,"] {
            assert!(LabelSelector::parse(text).is_err(), "{text}");
        }
    }
}
