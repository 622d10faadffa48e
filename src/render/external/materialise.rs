//! The private folder in which the external renderer works: exactly the files it needs, under their own paths.

use crate::failure::{Failure, Result};
use crate::manifest::yaml::{self, Budget, Dialect};
use crate::manifest::{Data, Source, Value};
use crate::render::Allowed;
use crate::render::kustomize::{Closure, Kustomization};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A private folder; it goes away with this value.
pub(super) struct Workshop {
    /// Without symbolic links on the way to it, as programs print it.
    root: PathBuf,
    _folder: TempDir,
}

impl Workshop {
    /// Writes the files of `closure`; the root kustomization asks for origins unless it does already.
    pub(super) fn set_up(closure: &Closure, root: &Kustomization, asked: bool, allowed: Allowed) -> Result<Self> {
        let failed = |error: io::Error| {
            Failure::usage("cannot write the files to render into a temporary folder").because(error)
        };
        let workshop = Self::create().map_err(failed)?;
        for (file, bytes) in &closure.files {
            let path = workshop.folder(file);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(failed)?;
            }
            if *file == root.file && !asked {
                fs::write(&path, with_origins(root, bytes)).map_err(failed)?;
            } else {
                fs::write(&path, bytes).map_err(failed)?;
            }
            // Git's executable bit is not in the tree; a plugin that is allowed to run must be able to.
            #[cfg(unix)]
            if allowed.plugins {
                let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
                fs::set_permissions(&path, mode).map_err(failed)?;
            }
        }
        Ok(workshop)
    }

    fn create() -> io::Result<Self> {
        let mut builder = tempfile::Builder::new();
        builder.prefix("mergeline-render-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let folder = builder.tempdir()?;
        let root = folder.path().canonicalize()?;
        for name in ["tree", "home", "bin", "tmp"] {
            fs::create_dir(root.join(name))?;
        }
        Ok(Self { root, _folder: folder })
    }

    /// Where a path of the repository is here.
    pub(super) fn folder(&self, path: &str) -> PathBuf {
        path.split('/').filter(|part| !part.is_empty()).fold(self.root.join("tree"), |folder, part| folder.join(part))
    }

    /// The folder itself.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Variables that lead to empty folders: no program is found, no configuration is read.
    pub(super) fn environment(&self) -> [(&'static str, PathBuf); 3] {
        [("PATH", "bin"), ("HOME", "home"), ("TMPDIR", "tmp")]
            .map(|(variable, folder)| (variable, self.root.join(folder)))
    }
}

/// The text of a kustomization that asks for `config.kubernetes.io/origin` on each object.
fn with_origins(kustomization: &Kustomization, bytes: &[u8]) -> Vec<u8> {
    let mut wanted = kustomization.value.clone();
    let mut metadata = wanted.get("buildMetadata").and_then(Value::as_list).map(<[Value]>::to_vec).unwrap_or_default();
    metadata.push(Value::from("originAnnotations"));
    wanted.set("buildMetadata", metadata);

    // Appended, so that lines in kustomize's own messages stay right; written anew where that does not read back.
    let mut appended = String::from_utf8_lossy(bytes).into_owned();
    if !appended.ends_with('\n') {
        appended.push('\n');
    }
    appended.push_str("buildMetadata: [originAnnotations]\n");
    let reading =
        yaml::read(&Source::new(kustomization.file.as_str(), appended.as_str()), Dialect::Kubectl, &Budget::default());
    if reading.findings.is_empty() && reading.documents.len() == 1 && reading.documents[0] == wanted {
        return appended.into_bytes();
    }
    let mut text = String::new();
    write_json(&wanted, &mut text);
    text.into_bytes()
}

/// JSON is YAML, and every reader agrees on what it means.
fn write_json(value: &Value, text: &mut String) {
    match &value.data {
        Data::Null => text.push_str("null"),
        Data::Bool(flag) => text.push_str(if *flag { "true" } else { "false" }),
        Data::Number(number) => match number.as_i64() {
            Some(n) => text.push_str(&n.to_string()),
            None => text.push_str(&number.as_f64().to_string()),
        },
        Data::String(string) => text.push_str(&serde_json::Value::from(string.as_str()).to_string()),
        Data::List(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_json(item, text);
            }
            text.push(']');
        }
        Data::Map(map) => {
            text.push('{');
            for (index, (key, item)) in map.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&serde_json::Value::from(key.as_str()).to_string());
                text.push(':');
                write_json(item, text);
            }
            text.push('}');
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn asked(text: &str) -> String {
        let kustomization = Kustomization::read("kustomization.yaml", text.as_bytes());
        String::from_utf8(with_origins(&kustomization, text.as_bytes())).unwrap()
    }

    #[test]
    fn the_request_is_appended_where_that_reads_back() {
        assert_eq!(asked("resources: [a.yaml]"), "resources: [a.yaml]\nbuildMetadata: [originAnnotations]\n");
        assert_eq!(
            asked("{resources: [a.yaml]}\n"),
            r#"{"resources":["a.yaml"],"buildMetadata":["originAnnotations"]}"#
        );
        assert_eq!(asked("  namePrefix: x-\n"), r#"{"namePrefix":"x-","buildMetadata":["originAnnotations"]}"#);
        let both = asked("buildMetadata: [managedByLabel]\n");
        assert_eq!(both, r#"{"buildMetadata":["managedByLabel","originAnnotations"]}"#);
    }

    #[test]
    #[cfg(unix)]
    fn nobody_else_can_look_into_the_folder() {
        use std::os::unix::fs::PermissionsExt;
        let workshop = Workshop::create().unwrap();
        assert_eq!(fs::metadata(workshop.root()).unwrap().permissions().mode() & 0o777, 0o700);
    }
}
