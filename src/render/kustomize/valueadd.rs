//! `ValueAddTransformer`: a value put into fields, or into a part of a path in them.

use super::fields::Fields;
use super::fields::Text;
use super::filters::Namespace;
use super::loader::Loader;
use super::node::{DEEPEST, Fault, Make, Node};
use super::resmap::ResMap;
use super::schema::Schema;
use super::selector::Selector;
use super::stop::{Built, Stop};
use crate::manifest::yaml::{self, Budget, Dialect};
use crate::manifest::{Origin, Value};

/// A configured `ValueAddTransformer`.
#[derive(Debug)]
pub(super) struct ValueAdd {
    value: String,
    targets: Vec<Target>,
    origin: Option<Origin>,
}

#[derive(Debug)]
struct Target {
    selector: Option<Selector>,
    path: String,
    position: i64,
}

impl ValueAdd {
    /// Reads its configuration.
    pub(super) fn of(fields: &Fields<'_>, loader: &Loader<'_>) -> Built<Self> {
        let mut value = fields.text("value")?.text.trim().to_owned();
        if value.is_empty() {
            loader.root.rsplit('/').next().unwrap_or_default().clone_into(&mut value);
        }
        let mut targets = fields.list("targets")?.iter().map(Target::of).collect::<Built<Vec<_>>>()?;
        let file = fields.text("targetFilePath")?;
        if !file.is_empty() {
            let (path, bytes) = loader.load(&file.text, file.origin.as_ref())?;
            let reading = yaml::read_bytes(&path, &bytes, Dialect::Kubectl, &Budget::default());
            if let Some(document) = reading.documents.first() {
                let more = Fields::new(document, "", None)?;
                for target in more.list("targets")? {
                    targets.push(Target::of(target)?);
                }
            }
        }
        if targets.is_empty() {
            return Err(Stop::refused("a `ValueAddTransformer` needs at least one target", fields.origin().as_ref()));
        }
        Ok(Self { value, targets, origin: fields.origin() })
    }

    /// How often it looks at all resources.
    pub(super) fn directives(&self) -> usize {
        self.targets.len()
    }

    /// Sets the value in all targets.
    pub(super) fn apply(&self, map: &mut ResMap, schema: &Schema) -> Result<(), Fault> {
        for target in &self.targets {
            let selected = match &target.selector {
                None => (0..map.resources().len()).collect(),
                Some(selector) => map.select(selector, schema),
            };
            for at in selected {
                let resource = &mut map.resources_mut()[at];
                if target.path == "metadata/namespace" {
                    let text = Text { text: self.value.clone(), origin: self.origin.clone() };
                    let scoped = resource.id(schema).cluster_scoped;
                    Namespace { namespace: text, ..Namespace::default() }.set(resource, scoped)?;
                    continue;
                }
                let mut node = &mut resource.node;
                let parts = split(&target.path);
                let Some((last, parents)) = parts.split_last().filter(|_| parts.len() <= DEEPEST) else {
                    return Err(format!("a path must have at most {DEEPEST} parts"));
                };
                for part in parents {
                    node = node.map_at(part, self.origin.as_ref())?;
                }
                if node.get(last).is_none() {
                    node.set(last, Node::empty(Make::Scalar, self.origin.clone()), self.origin.as_ref())?;
                }
                let Some(field) = node.get_mut(last) else { continue };
                let value = match usize::try_from(target.position) {
                    Ok(position) if position > 0 => insert_part(field.text(), position - 1, &self.value),
                    _ => self.value.clone(),
                };
                field.set_scalar(Node::untagged(value, self.origin.clone()))?;
            }
        }
        Ok(())
    }
}

impl Target {
    fn of(value: &Value) -> Built<Self> {
        let fields = Fields::new(value, "targets", None)?;
        let selector = match fields.get("selector") {
            None => None,
            Some(selector) => {
                let texts = super::directives::selector_of(selector, "selector", false)?;
                Some(Selector::new(&texts).map_err(|fault| Stop::fault(fault, fields.origin().as_ref()))?)
            }
        };
        let target =
            Self { selector, path: fields.text("fieldPath")?.text, position: fields.integer("filePathPosition")? };
        if target.path.is_empty() {
            return Err(Stop::refused("a target needs `fieldPath`", fields.origin().as_ref()));
        }
        if target.position < 0 {
            return Err(Stop::refused("`filePathPosition` must not be negative", fields.origin().as_ref()));
        }
        Ok(target)
    }
}

/// Parts of a path; `\/` is no end of one.
fn split(path: &str) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for part in path.split('/') {
        match parts.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push('/');
                last.push_str(part);
            }
            _ => parts.push(part.to_owned()),
        }
    }
    parts
}

/// A path with one more part, as `filesys.InsertPathPart` makes it.
fn insert_part(path: &str, position: usize, part: &str) -> String {
    if part.is_empty() {
        return path.to_owned();
    }
    let absolute = path.starts_with('/');
    let mut parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    parts.insert(position.min(parts.len()), part);
    format!("{}{}", if absolute { "/" } else { "" }, parts.join("/"))
}
