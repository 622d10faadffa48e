//! Forms of single values in `mergeline.yaml`: one or many, durations, versions, maps in input order.

use super::model::{Kubeconfig, RuleLevel, RuleSetting};
use indexmap::IndexMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// A map by name that keeps the order in which it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputOrder<T>(pub IndexMap<String, T>);

impl<T> Default for InputOrder<T> {
    fn default() -> Self {
        Self(IndexMap::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for InputOrder<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = IndexMap<String, T>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map by name")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
                let mut entries = IndexMap::new();
                while let Some((name, value)) = access.next_entry()? {
                    entries.insert(name, value);
                }
                Ok(entries)
            }
        }
        deserializer.deserialize_map(Entries(PhantomData)).map(Self)
    }
}

/// One text, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OneOrMany {
    /// Written as a string.
    One(String),
    /// Written as a list.
    Many(Vec<String>),
}

impl OneOrMany {
    /// The texts, each with the JSON pointer to it from the value itself.
    pub fn entries(&self) -> impl Iterator<Item = (String, &str)> {
        let (one, many) = match self {
            Self::One(text) => (Some((String::new(), text.as_str())), &[][..]),
            Self::Many(texts) => (None, texts.as_slice()),
        };
        one.into_iter().chain(many.iter().enumerate().map(|(index, text)| (format!("/{index}"), text.as_str())))
    }
}

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Texts;
        impl<'de> Visitor<'de> for Texts {
            type Value = OneOrMany;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany::One(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<OneOrMany, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = access.next_element()? {
                    texts.push(text);
                }
                Ok(OneOrMany::Many(texts))
            }
        }
        deserializer.deserialize_any(Texts)
    }
}

impl JsonSchema for OneOrMany {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "OneOrMany".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]})
    }
}

impl<'de> Deserialize<'de> for Kubeconfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Variable {
            env: String,
        }
        struct Place;
        impl<'de> Visitor<'de> for Place {
            type Value = Kubeconfig;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`{env: NAME}` or a path")
            }
            fn visit_str<E: Error>(self, path: &str) -> Result<Kubeconfig, E> {
                Ok(Kubeconfig::Path(path.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<Kubeconfig, A::Error> {
                let variable = Variable::deserialize(serde::de::value::MapAccessDeserializer::new(access))?;
                Ok(Kubeconfig::Variable(variable.env))
            }
        }
        deserializer.deserialize_any(Place)
    }
}

impl JsonSchema for Kubeconfig {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "Kubeconfig".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"oneOf": [
            {"type": "string", "description": "An absolute path outside the checkout, or one that starts with `~/`.", "pattern": "^(/|~/)"},
            {"type": "object", "properties": {"env": {"type": "string", "description": "The environment variable."}}, "required": ["env"], "additionalProperties": false},
        ]})
    }
}

impl<'de> Deserialize<'de> for RuleLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Level;
        impl Visitor<'_> for Level {
            type Value = RuleLevel;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`off`, `warning` or `error`")
            }
            // YAML as Kubernetes reads it takes a bare `off` for false.
            fn visit_bool<E: Error>(self, on: bool) -> Result<RuleLevel, E> {
                match on {
                    false => Ok(RuleLevel::Off),
                    true => Err(E::invalid_value(serde::de::Unexpected::Bool(true), &self)),
                }
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<RuleLevel, E> {
                match text {
                    "off" => Ok(RuleLevel::Off),
                    "warning" => Ok(RuleLevel::Warning),
                    "error" => Ok(RuleLevel::Error),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                }
            }
        }
        deserializer.deserialize_any(Level)
    }
}

impl<'de> Deserialize<'de> for RuleSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            level: RuleLevel,
            #[serde(default)]
            reason: Option<String>,
        }
        struct Setting;
        impl<'de> Visitor<'de> for Setting {
            type Value = RuleSetting;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("`off`, `warning`, `error`, or `{level: …, reason: …}`")
            }
            fn visit_bool<E: Error>(self, on: bool) -> Result<RuleSetting, E> {
                let level = RuleLevel::deserialize(serde::de::value::BoolDeserializer::new(on))?;
                Ok(RuleSetting { level, reason: None })
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<RuleSetting, E> {
                let level = RuleLevel::deserialize(serde::de::value::StrDeserializer::new(text))?;
                Ok(RuleSetting { level, reason: None })
            }
            fn visit_map<A: MapAccess<'de>>(self, access: A) -> Result<RuleSetting, A::Error> {
                let written = Written::deserialize(serde::de::value::MapAccessDeserializer::new(access))?;
                let reason = written.reason.map(|reason| reason.trim().to_owned()).filter(|reason| !reason.is_empty());
                Ok(RuleSetting { level: written.level, reason })
            }
        }
        deserializer.deserialize_any(Setting)
    }
}

impl JsonSchema for RuleSetting {
    fn inline_schema() -> bool {
        true
    }
    fn schema_name() -> Cow<'static, str> {
        "RuleSetting".into()
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"oneOf": [
            {"enum": ["off", "warning", "error", false]},
            {"type": "object", "properties": {
                "level": {"enum": ["off", "warning", "error", false], "description": "What findings of the rule weigh."},
                "reason": {"type": "string", "description": "Why: reports tell it beside what was silenced."},
            }, "required": ["level"], "additionalProperties": false},
        ]})
    }
}

/// A text of a form that a function checks; what it was written as is kept.
macro_rules! text_form {
    ($name:ident, $expecting:literal, $pattern:literal, $parse:expr) => {
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expecting)
                    }
                    fn visit_str<E: Error>(self, text: &str) -> Result<$name, E> {
                        let parsed: Option<$name> = $parse(text);
                        parsed.ok_or_else(|| E::invalid_value(serde::de::Unexpected::Str(text), &self))
                    }
                }
                deserializer.deserialize_any(Text)
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "pattern": $pattern})
            }
        }
    };
}

/// A length of time, to the second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Duration {
    seconds: u64,
}

impl Duration {
    /// Seconds.
    #[must_use]
    pub fn as_secs(self) -> u64 {
        self.seconds
    }

    /// Reads `90s`, `30m`, `1h`, `2d`, and several in a row (`1h30m`).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut seconds: u64 = 0;
        let mut rest = text;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).filter(|at| *at > 0)?;
            let amount: u64 = rest[..digits].parse().ok()?;
            let unit = match rest.as_bytes()[digits] {
                b's' => 1,
                b'm' => 60,
                b'h' => 3600,
                b'd' => 86400,
                _ => return None,
            };
            seconds = seconds.checked_add(amount.checked_mul(unit)?)?;
            rest = &rest[digits + 1..];
        }
        (!text.is_empty()).then_some(Self { seconds })
    }
}

text_form!(Duration, "a duration such as `30m`, `1h` or `2d`", "^([0-9]+[smhd])+$", Duration::parse);

/// A Kubernetes version: major and minor, perhaps with a patch, which changes nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KubernetesVersion {
    /// 1.
    pub major: u16,
    /// 34.
    pub minor: u16,
}

impl KubernetesVersion {
    /// Reads `1.34` and `1.34.2`. A `v` is refused: one form is enough.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = |text: &str| {
            let plain =
                !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
            plain.then(|| text.parse::<u16>().ok()).flatten()
        };
        let numbers: Option<Vec<u16>> = text.split('.').map(number).collect();
        match numbers?[..] {
            [major, minor] | [major, minor, _] => Some(Self { major, minor }),
            _ => None,
        }
    }
}

impl fmt::Display for KubernetesVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

text_form!(
    KubernetesVersion,
    "a Kubernetes version in quotes, such as \"1.34\"",
    "^[0-9]+\\.[0-9]+(\\.[0-9]+)?$",
    KubernetesVersion::parse
);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn durations_add_their_parts_and_need_a_unit() {
        assert_eq!(Duration::parse("1h30m").unwrap().as_secs(), 5400);
        assert_eq!(Duration::parse("2d").unwrap().as_secs(), 172_800);
        for bad in ["", "1", "h", "1w", "-1h", "1 h", "99999999999999999999h", "9999999999999999999d"] {
            assert_eq!(Duration::parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn versions_are_major_and_minor_and_a_patch_changes_nothing() {
        assert_eq!(KubernetesVersion::parse("1.34").unwrap().to_string(), "1.34");
        assert_eq!(KubernetesVersion::parse("1.34.2").unwrap().to_string(), "1.34");
        for bad in ["v1.34", "1.34.2.1", "1", "1.", ".34", "1.034", "1.x", "1.34."] {
            assert_eq!(KubernetesVersion::parse(bad), None, "{bad}");
        }
    }
}
