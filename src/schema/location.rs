//! Where schemas are that a configuration or a person names: patterns of files, and templates that a kind is put into, as
//! kubeconform's `-schema-location` takes them.

use super::lifecycle::Minor;
use crate::manifest::TypeKey;

/// Where schemas are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// `default`: the bundled schemas, which are always known.
    Bundled,
    /// Files of the repository: a path of a file or a folder, or a pattern with `*`.
    Files(String),
    /// A file of the repository or of a server for each kind.
    Template(Template),
    /// One file of a server.
    Remote(String),
}

/// A path or address with fields (`{{.Group}}`) that a kind fills in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// As written.
    pub text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Field(Field),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    NormalizedKubernetesVersion,
    StrictSuffix,
    ResourceKind,
    ResourceApiVersion,
    Group,
    KindSuffix,
}

/// What kubeconform puts after a location that names no file.
const IN_FOLDER: &str =
    "/{{ .NormalizedKubernetesVersion }}-standalone{{ .StrictSuffix }}/{{ .ResourceKind }}{{ .KindSuffix }}.json";

const FIELDS: [(&str, Field); 6] = [
    ("NormalizedKubernetesVersion", Field::NormalizedKubernetesVersion),
    ("StrictSuffix", Field::StrictSuffix),
    ("ResourceKind", Field::ResourceKind),
    ("ResourceAPIVersion", Field::ResourceApiVersion),
    ("Group", Field::Group),
    ("KindSuffix", Field::KindSuffix),
];

const ENDINGS: [&str; 3] = [".json", ".yaml", ".yml"];

impl Location {
    /// Reads a location. The error continues the sentence "the location `…`".
    ///
    /// # Errors
    /// When it is empty, leads out of the repository, holds a password, or has a field that is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let remote = is_remote(text);
        if text.is_empty() {
            return Err("is empty".to_owned());
        }
        if text == "default" {
            return Ok(Self::Bundled);
        }
        if remote {
            let rest = text.split_once("://").map_or("", |(_, rest)| rest);
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
            if authority.contains('@') {
                return Err("holds a user or password, which must not stand in a file".to_owned());
            }
            if authority.is_empty() || authority.contains("{{") {
                return Err("names no server".to_owned());
            }
        } else if text.contains("://") {
            return Err("is neither a path nor an address that begins with `https://` or `http://`".to_owned());
        } else if text.starts_with('/') || text.contains('\\') || text.split('/').any(|part| part == "..") {
            return Err("is no path from the root of the repository".to_owned());
        }
        if text.contains("{{") {
            return Template::parse(text).map(Self::Template);
        }
        let is_file = ENDINGS.iter().any(|ending| text.ends_with(ending));
        match (remote, is_file) {
            (true, true) => Ok(Self::Remote(text.to_owned())),
            (true, false) => Template::parse(&format!("{}{IN_FOLDER}", text.trim_end_matches('/'))).map(Self::Template),
            (false, _) => Ok(Self::Files(text.trim_start_matches("./").trim_end_matches('/').to_owned())),
        }
    }

    /// Says whether something must be downloaded for it.
    #[must_use]
    pub fn is_remote(&self) -> bool {
        match self {
            Self::Bundled | Self::Files(_) => false,
            Self::Template(template) => is_remote(&template.text),
            Self::Remote(_) => true,
        }
    }
}

fn is_remote(text: &str) -> bool {
    text.starts_with("https://") || text.starts_with("http://")
}

impl Template {
    fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (inside, after) = after.split_once("}}").ok_or("has a `{{` without its `}}`")?;
            let name = inside.trim_matches(['-', ' ']).strip_prefix('.').unwrap_or_default();
            let Some((_, field)) = FIELDS.iter().find(|(known, _)| *known == name) else {
                let known = FIELDS.map(|(known, _)| format!("`{{{{.{known}}}}}`"));
                return Err(format!("has `{{{{{inside}}}}}`; known are {}", known.join(", ")));
            };
            parts.extend([Part::Text(before.to_owned()), Part::Field(*field)]);
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        Ok(Self { text: text.to_owned(), parts })
    }

    /// The path or address for a kind; `None` when the kind has a name that no kind can have: what a manifest says never
    /// leads anywhere else.
    #[must_use]
    pub fn fill(&self, key: &TypeKey, version: Minor, strict: bool) -> Option<String> {
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
        let names = [&key.group, &key.version, &key.kind];
        if names.iter().any(|name| !plain(name) || name.contains("..")) || key.kind.is_empty() || key.version.is_empty()
        {
            return None;
        }
        // As kubeconform has it: of the core group, the version stands for the group as well.
        let group = if key.group.is_empty() { &key.version } else { &key.group };
        let first = group.split('.').next().unwrap_or_default().to_lowercase();
        let mut filled = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => filled.push_str(text),
                Part::Field(Field::NormalizedKubernetesVersion) => filled.push_str(&format!("v{version}.0")),
                Part::Field(Field::StrictSuffix) => filled.push_str(if strict { "-strict" } else { "" }),
                Part::Field(Field::ResourceKind) => filled.push_str(&key.kind.to_lowercase()),
                Part::Field(Field::ResourceApiVersion) => filled.push_str(&key.version),
                Part::Field(Field::Group) => filled.push_str(group),
                Part::Field(Field::KindSuffix) if key.group.is_empty() => filled.push_str(&format!("-{first}")),
                Part::Field(Field::KindSuffix) => filled.push_str(&format!("-{first}-{}", key.version.to_lowercase())),
            }
        }
        Some(filled)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn filled(text: &str, api_version: &str, kind: &str) -> Option<String> {
        let Location::Template(template) = Location::parse(text).unwrap() else { panic!("{text} is no template") };
        template.fill(&TypeKey::new(api_version, kind), Minor::parse("1.34").unwrap(), true)
    }

    #[test]
    fn templates_are_filled_as_kubeconform_does() {
        let catalog = "https://example.com/main/{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json";
        let wanted = "https://example.com/main/monitoring.coreos.com/servicemonitor_v1.json";
        assert_eq!(filled(catalog, "monitoring.coreos.com/v1", "ServiceMonitor").unwrap(), wanted);
        let own = "schemas/{{ .NormalizedKubernetesVersion }}-standalone{{ .StrictSuffix }}/{{ .ResourceKind }}{{ .KindSuffix }}.json";
        let wanted = "schemas/v1.34.0-standalone-strict/ingress-networking-v1.json";
        assert_eq!(filled(own, "networking.k8s.io/v1", "Ingress").unwrap(), wanted);
        assert_eq!(filled(own, "v1", "Pod").unwrap(), "schemas/v1.34.0-standalone-strict/pod-v1.json");
        assert_eq!(
            filled("https://example.com/schemas/", "v1", "Pod").unwrap(),
            "https://example.com/schemas/v1.34.0-standalone-strict/pod-v1.json"
        );
    }

    #[test]
    fn a_manifest_cannot_lead_elsewhere() {
        let template = "schemas/{{.Group}}/{{.ResourceKind}}.json";
        assert_eq!(filled(template, "../v1", "Pod"), None);
        assert_eq!(filled(template, "example.com/v1", "../../etc/passwd"), None);
        assert_eq!(filled(template, "example.com?x=/v1", "Pod"), None);
        assert_eq!(filled(template, "a..b/v1", "Pod"), None);
    }

    #[test]
    fn locations_are_read() {
        assert_eq!(Location::parse("default"), Ok(Location::Bundled));
        assert_eq!(Location::parse("./schemas/"), Ok(Location::Files("schemas".to_owned())));
        let remote = "https://example.com/crds.yaml";
        assert_eq!(Location::parse(remote), Ok(Location::Remote(remote.to_owned())));
        for (bad, why) in [
            ("", "is empty"),
            ("../x.json", "is no path from the root"),
            ("/x.json", "is no path from the root"),
            ("ftp://example.com/x", "is neither a path nor"),
            ("https://u:p@example.com/x.json", "holds a user or password"),
            ("https://{{.Group}}/x.json", "names no server"),
            ("x/{{.Grupp}}.json", "known are `{{.NormalizedKubernetesVersion}}`"),
            ("x/{{.Group.json", "without its `}}`"),
        ] {
            let error = Location::parse(bad).unwrap_err();
            assert!(error.contains(why), "{bad}: {error}");
        }
    }
}
