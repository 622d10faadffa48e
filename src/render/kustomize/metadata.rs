//! What `buildMetadata` asks for: where each object came from, what changed it, and which tool built it.
//!
//! Decided by `api/resource/origin.go` and `api/krusty/kustomizer.go`.

use super::node::Fault;
use super::resmap::ResMap;
use super::resource::Resource;

/// The annotation that says where an object came from.
pub(super) const ORIGIN: &str = "config.kubernetes.io/origin";
/// The annotation that lists what changed an object.
pub(super) const TRANSFORMATIONS: &str = "alpha.config.kubernetes.io/transformations";
/// The label that names the tool, and what it says: the version whose output this is.
pub(super) const MANAGED_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "kustomize-v5.8.1");

/// What configured a generator or transformer.
#[derive(Debug, Clone)]
pub(super) struct Configured {
    pub(super) file: String,
    pub(super) api_version: String,
    pub(super) kind: String,
    pub(super) name: String,
    pub(super) namespace: String,
}

impl Configured {
    /// By a field of the kustomization in `file`.
    pub(super) fn builtin(file: &str, kind: &str) -> Self {
        let none = String::new;
        Self {
            file: file.to_owned(),
            api_version: "builtin".to_owned(),
            kind: kind.to_owned(),
            name: none(),
            namespace: none(),
        }
    }

    /// By an object of `generators` or `transformers` that knows its own origin.
    pub(super) fn by(resource: &Resource) -> Option<Self> {
        let origin = resource.annotation(ORIGIN)?;
        let path = origin.lines().find_map(|line| line.strip_prefix("path: ")).unwrap_or_default();
        Some(Self {
            file: path.to_owned(),
            api_version: resource.api_version().to_owned(),
            kind: resource.kind().to_owned(),
            name: resource.name().to_owned(),
            namespace: resource.namespace().to_owned(),
        })
    }

    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if !self.file.is_empty() {
            lines.push(format!("configuredIn: {}", self.file));
        }
        lines.push("configuredBy:".to_owned());
        let parts = [
            ("apiVersion", &self.api_version),
            ("kind", &self.kind),
            ("name", &self.name),
            ("namespace", &self.namespace),
        ];
        lines.extend(parts.iter().filter(|(_, text)| !text.is_empty()).map(|(key, text)| format!("  {key}: {text}")));
        lines
    }

    /// Says of generated resources what configured them.
    pub(super) fn generated(&self, resource: &mut Resource) -> Result<(), Fault> {
        if resource.annotation(ORIGIN).is_some() {
            return Ok(());
        }
        resource.annotate(ORIGIN, &format!("{}\n", self.lines().join("\n")))
    }

    /// Notes on all resources what has just changed them.
    pub(super) fn transformed(&self, map: &mut ResMap) -> Result<(), Fault> {
        for resource in map.contents_mut().iter_mut().filter(|resource| !resource.node.is_empty()) {
            if resource.annotation(ORIGIN).is_none() {
                self.generated(resource)?;
                continue;
            }
            let mut text = resource.annotation(TRANSFORMATIONS).unwrap_or_default().to_owned();
            for (index, line) in self.lines().iter().enumerate() {
                text.push_str(if index == 0 { "- " } else { "  " });
                text.push_str(line);
                text.push('\n');
            }
            resource.annotate(TRANSFORMATIONS, &text)?;
        }
        Ok(())
    }
}

/// The annotation of a resource that was read from a file.
pub(super) fn path(file: &str) -> String {
    format!("path: {file}\n")
}

/// `directory/file` with `.` and `..` taken out, as Go's `filepath.Join` writes it.
pub(super) fn join(directory: &str, file: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in directory.split('/').chain(file.split('/')) {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    parts.join("/")
}
