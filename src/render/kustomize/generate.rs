//! ConfigMaps and Secrets made from literals, files and files of variables, and the hashes of their names.
//!
//! A key of an environment file without a value is empty: kustomize has no access to variables either. Decided by
//! `api/internal/generators`, `api/kv` and `api/hasher`.

use super::directives::Generator;
use super::fields::{Pair, Text};
use super::loader::Loader;
use super::node::{Fault, Node};
use super::resource::{Behavior, Resource};
use super::scalar::{Scalar, Style, Tag};
use super::stop::{Built, Stop};
use crate::finding::Finding;
use crate::manifest::{Origin, Source};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// A key with its bytes and the place of both.
struct Entry {
    key: String,
    value: Vec<u8>,
    origin: Option<Origin>,
}

/// Makes the resource of a generator.
pub(super) fn generate(generator: &Generator, is_secret: bool, loader: &Loader<'_>) -> Built<Resource> {
    let place = generator.origin.as_ref().map(Origin::place_without_excerpt);
    let refuse = |fault: Fault| Stop::because(Finding::error("kustomize", fault).at(place.clone()));
    if generator.name.is_empty() {
        return Err(refuse("a generator needs a `name`".to_owned()));
    }
    let mut entries = entries(generator, loader)?;
    loader.meter.generate(entries.iter().map(|entry| entry.key.len()).sum(), generator.origin.as_ref())?;
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    if let Some(twice) = entries.windows(2).find(|pair| pair[0].key == pair[1].key) {
        let message = format!("the key `{}` of `{}` is there twice", twice[0].key, generator.name.text);
        return Err(refuse(message));
    }
    make(generator, is_secret, &entries).map_err(refuse)
}

fn make(generator: &Generator, is_secret: bool, entries: &[Entry]) -> Result<Resource, Fault> {
    let origin = generator.origin.as_ref();
    let plain = |text: &str| Node::untagged(text, origin.cloned());
    let mut node = Node::map(Vec::new(), origin.cloned());
    node.set("apiVersion", Node::string("v1", origin.cloned()), origin)?;
    node.set("kind", plain(if is_secret { "Secret" } else { "ConfigMap" }), origin)?;
    let metadata = node.map_at("metadata", origin)?;
    let placed = |text: &Text| Node::string(text.text.as_str(), text.origin.clone());
    metadata.set("name", placed(&generator.name), generator.name.origin.as_ref())?;
    if !generator.namespace.is_empty() {
        metadata.set("namespace", placed(&generator.namespace), generator.namespace.origin.as_ref())?;
    }
    if is_secret {
        let kind = &generator.secret_type;
        let value = if kind.is_empty() { Node::string("Opaque", origin.cloned()) } else { placed(kind) };
        node.set("type", value, kind.origin.as_ref().or(origin))?;
        node.map_at("data", origin)?;
    }
    let mut fields: [Vec<super::node::Entry>; 2] = [Vec::new(), Vec::new()];
    for entry in entries {
        let text = std::str::from_utf8(&entry.value).ok().filter(|_| !is_secret).map(str::to_owned);
        let binary = usize::from(text.is_none() && !is_secret);
        let text = text.unwrap_or_else(|| encoded(&entry.value));
        let style = if text.contains('\n') { Style::Literal } else { Style::Plain };
        let value = Node::scalar(Scalar::new(text, Tag::Str, style), entry.origin.clone()).quoted_if_needed();
        // Keys are known to differ; a search for each would take the square of their number.
        fields[binary]
            .push(super::node::Entry { key: super::node::Key::bare(&entry.key, entry.origin.as_ref()), value });
    }
    for (name, made) in ["data", "binaryData"].into_iter().zip(fields).filter(|(_, made)| !made.is_empty()) {
        if let Some(entries) = node.map_at(name, origin)?.entries_mut() {
            entries.extend(made);
        }
    }
    let mut set_all = |field: &str, pairs: &[Pair]| -> Result<(), Fault> {
        for pair in pairs {
            let value = Scalar::new(pair.value.text.as_str(), Tag::Str, Style::Single);
            let value = Node::scalar(value, pair.value.origin.clone());
            let map = node.map_at("metadata", origin)?.map_at(field, origin)?;
            map.set(&pair.key.text, value, pair.key.origin.as_ref())?;
        }
        Ok(())
    };
    set_all("labels", &generator.options.labels)?;
    set_all("annotations", &generator.options.annotations)?;
    if generator.options.immutable {
        node.set("immutable", Node::scalar(Scalar::new("true", Tag::Bool, Style::Plain), origin.cloned()), origin)?;
    }
    let mut resource = Resource::new(node);
    resource.generated = true;
    resource.needs_hash = !generator.options.no_hash;
    resource.behavior = match generator.behavior.text.as_str() {
        "create" => Behavior::Create,
        "replace" => Behavior::Replace,
        "merge" => Behavior::Merge,
        _ => Behavior::Unspecified,
    };
    Ok(resource)
}

fn entries(generator: &Generator, loader: &Loader<'_>) -> Built<Vec<Entry>> {
    let mut entries = Vec::new();
    for file in &generator.envs {
        let (path, bytes) = loader.load(&file.text, file.origin.as_ref())?;
        loader.meter.generate(bytes.len(), file.origin.as_ref())?;
        variables(&path, &bytes, file, &mut entries)?;
    }
    for literal in &generator.literals {
        let wrong = || {
            let message = "a literal must be written `key=value`";
            Stop::because(
                Finding::error("kustomize", message).at(literal.origin.as_ref().map(Origin::place_without_excerpt)),
            )
        };
        let (key, value) = literal.text.split_once('=').filter(|(key, _)| !key.is_empty()).ok_or_else(wrong)?;
        entries.push(Entry {
            key: key.to_owned(),
            value: without_quotes(value).as_bytes().to_vec(),
            origin: literal.origin.clone(),
        });
    }
    for file in &generator.files {
        let (key, path) = match file.text.split('=').collect::<Vec<_>>().as_slice() {
            [path] => (path.trim_end_matches('/').rsplit('/').next().unwrap_or(path).to_owned(), (*path).to_owned()),
            [key, path] if !key.is_empty() && !path.is_empty() => ((*key).to_owned(), (*path).to_owned()),
            _ => {
                let message = format!("`{}` must be written `path` or `key=path`", file.text);
                return Err(Stop::refused(message, file.origin.as_ref()));
            }
        };
        let (path, bytes) = loader.load(&path, file.origin.as_ref())?;
        loader.meter.generate(bytes.len(), file.origin.as_ref())?;
        // A value of a file is all of it, so its place is where the file begins.
        let source = Source::new(path, std::str::from_utf8(&bytes).unwrap_or_default());
        let end = u32::try_from(source.text().len()).unwrap_or(u32::MAX);
        entries.push(Entry { key, value: bytes.to_vec(), origin: Some(Origin::new(source, 0, end)) });
    }
    Ok(entries)
}

/// The variables of an environment file, one a line.
fn variables(path: &str, bytes: &Arc<[u8]>, file: &Text, entries: &mut Vec<Entry>) -> Built<()> {
    let wrong = |message: &str| Stop::refused(format!("{message} (`{path}`)"), file.origin.as_ref());
    let text = std::str::from_utf8(bytes).map_err(|_| wrong("a file of variables is no UTF-8 text"))?;
    let source = Source::new(path, text);
    let mut start = 0;
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let from = start;
        start += line.len();
        let content = line.strip_suffix('\n').unwrap_or(line);
        if content.len() >= 64 * 1024 {
            // Go's scanner stops at such a line without a word.
            break;
        }
        let content = content.strip_suffix('\r').unwrap_or(content);
        let content = if index == 0 { content.strip_prefix('\u{feff}').unwrap_or(content) } else { content };
        let content = content.trim_start_matches(|c: char| c.is_whitespace());
        if content.is_empty() || content.starts_with('#') {
            continue;
        }
        let (key, value) = content.split_once('=').unwrap_or((content, ""));
        if key.is_empty() {
            continue;
        }
        let offset = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let at = from + line.find(content).unwrap_or_default();
        let origin = Origin::new(Arc::clone(&source), offset(at), offset(at + content.len()));
        entries.push(Entry { key: key.to_owned(), value: value.as_bytes().to_vec(), origin: Some(origin) });
    }
    Ok(())
}

fn without_quotes(text: &str) -> &str {
    let quoted = |quote: char| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
    if quoted('"') || quoted('\'') { &text[1..text.len() - 1] } else { text }
}

/// Base64 in lines of 70, as kyaml writes it.
fn encoded(bytes: &[u8]) -> String {
    let text = STANDARD.encode(bytes);
    if text.len() / 70 + 1 == 1 {
        return text;
    }
    let mut lines = String::with_capacity(text.len() + text.len() / 70 + 1);
    let mut rest = text.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(70));
        lines.push_str(line);
        lines.push('\n');
        rest = after;
    }
    lines
}

/// The hash that kustomize puts behind the name of a generated resource.
///
/// # Errors
/// When a value of it is no JSON.
pub(super) fn hash(resource: &Resource) -> Result<String, Fault> {
    let node = &resource.node;
    let mut json = String::from("{");
    let mut member = |key: &str, node: Option<&Node>| -> Result<(), Fault> {
        if json.len() > 1 {
            json.push(',');
        }
        super::gojson::string(key, &mut json);
        json.push(':');
        match node {
            Some(node) if node.is_map() => super::gojson::value(node, &mut json),
            Some(node) => {
                super::gojson::string(node.text(), &mut json);
                Ok(())
            }
            None => {
                super::gojson::string("", &mut json);
                Ok(())
            }
        }
    };
    let map = |key: &str| node.get(key).filter(|node| node.is_map());
    match resource.kind() {
        "ConfigMap" => {
            if let Some(binary) = map("binaryData") {
                member("binaryData", Some(binary))?;
            }
            member("data", node.get("data"))?;
            member("kind", Some(&Node::untagged("ConfigMap", None)))?;
            member("name", None)?;
        }
        "Secret" => {
            member("data", node.get("data"))?;
            member("kind", Some(&Node::untagged("Secret", None)))?;
            member("name", None)?;
            if let Some(strings) = map("stringData") {
                member("stringData", Some(strings))?;
            }
            member("type", node.get("type"))?;
        }
        other => return Err(format!("no hash is known for the kind `{other}`")),
    }
    json.push('}');
    let digest = Sha256::digest(json.as_bytes());
    let hex: String = digest.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    Ok(hex
        .chars()
        .map(|c| match c {
            '0' => 'g',
            '1' => 'h',
            '3' => 'k',
            'a' => 'm',
            'e' => 't',
            other => other,
        })
        .collect())
}
