//! Reads the Go sources of API types: structs with their fields, tags and marker comments.
//!
//! The sources are formatted by gofmt, so lines are enough: no Go parser is needed.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// The types of a package by name.
#[derive(Default)]
pub(crate) struct Package {
    pub(crate) types: HashMap<String, Type>,
}

/// A named type.
#[derive(Default)]
pub(crate) struct Type {
    /// Marker comments (`+…`), without the slashes.
    pub(crate) markers: Vec<String>,
    /// The fields, when it is a struct.
    pub(crate) fields: Vec<Field>,
}

/// A field of a struct.
pub(crate) struct Field {
    /// Its name in JSON; empty for a struct whose fields stand here.
    pub(crate) json: String,
    /// Its Go type, without `*`, `[]` and package.
    pub(crate) of: String,
    /// Says whether its items are of that type, not the field itself.
    pub(crate) many: bool,
    /// Marker comments.
    pub(crate) markers: Vec<String>,
}

/// Reads the package in `folder`.
pub(crate) fn package(folder: &Path) -> Result<Package, String> {
    let mut package = Package::default();
    let entries = fs::read_dir(folder).map_err(|error| format!("cannot read `{}`: {error}", folder.display()))?;
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    for file in files.iter().filter(|file| file.extension().is_some_and(|extension| extension == "go")) {
        let text = fs::read_to_string(file).map_err(|error| format!("cannot read `{}`: {error}", file.display()))?;
        read(&text, &mut package);
    }
    Ok(package)
}

fn read(text: &str, package: &mut Package) {
    let mut comments: Vec<String> = Vec::new();
    let mut current: Option<(String, Type)> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if let Some(comment) = trimmed.strip_prefix("//") {
            let comment = comment.trim();
            if comment.starts_with('+') {
                comments.push(comment.to_owned());
            }
            continue;
        }
        if trimmed.is_empty() {
            // Markers belong to what follows, also over an empty line (`// +genclient`, then the text).
            if current.is_some() {
                comments.clear();
            }
            continue;
        }
        if let Some((name, mut found)) = current.take() {
            if line == "}" {
                package.types.insert(name, found);
            } else {
                found.fields.extend(field(trimmed, std::mem::take(&mut comments)));
                current = Some((name, found));
            }
            continue;
        }
        let markers = std::mem::take(&mut comments);
        let Some(rest) = line.strip_prefix("type ") else { continue };
        let mut words = rest.split_whitespace();
        let name = words.next().unwrap_or_default().to_owned();
        let found = Type { markers, fields: Vec::new() };
        if rest.ends_with("struct {") {
            current = Some((name, found));
        } else {
            package.types.insert(name, found);
        }
    }
}

fn field(line: &str, markers: Vec<String>) -> Option<Field> {
    let (before, tag) = line.split_once('`')?;
    let json = tag.split_once("json:\"")?.1.split('"').next()?;
    let mut parts = json.split(',');
    let name = parts.next().unwrap_or_default();
    let inline = parts.any(|part| part == "inline");
    let words: Vec<&str> = before.split_whitespace().collect();
    let of = words.last()?;
    let many = of.starts_with("[]") || of.starts_with("map[");
    let bare = of.rsplit([']', '*', '.']).next().unwrap_or_default();
    if name == "-" {
        return None;
    }
    let json = if inline { "" } else { name };
    Some(Field { json: json.to_owned(), of: bare.to_owned(), many, markers })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_their_names_types_and_markers() {
        let mut package = Package::default();
        read(
            "// Policy says how.\n// +enum\ntype Policy string\n\ntype Spec struct {\n\tMeta `json:\",inline\"`\n\n\t// How.\n\t// +optional\n\t// +k8s:maxItems=3\n\tHow []v1.Policy `json:\"how,omitempty\" protobuf:\"bytes,1\"`\n}\n",
            &mut package,
        );
        assert_eq!(package.types["Policy"].markers, ["+enum"]);
        let fields = &package.types["Spec"].fields;
        assert_eq!((fields[0].json.as_str(), fields[0].of.as_str()), ("", "Meta"));
        assert_eq!((fields[1].json.as_str(), fields[1].of.as_str(), fields[1].many), ("how", "Policy", true));
        assert_eq!(fields[1].markers, ["+optional", "+k8s:maxItems=3"]);
    }
}
