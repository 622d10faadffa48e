//! Replacements: a value of one resource copied into fields of others.
//!
//! Decided by `api/filters/replacement`. A value that replaces a scalar lends its text alone: the type stays that of the
//! field, so that a number stays a number.

use super::directives::{gvk_of, selector_of};
use super::fields::{Fields, Text};
use super::fieldspec::split_with_brackets;
use super::ids::{Gvk, Id};
use super::loader::Loader;
use super::matcher;
use super::node::{Fault, Kind, Make, Node};
use super::resmap::ResMap;
use super::resource::Resource;
use super::selector::{Selector, SelectorTexts};
use super::stop::{Built, Stop};
use super::structured;
use crate::manifest::yaml::{self, Budget, Dialect};
use crate::manifest::{Data, Origin, Value};

/// An entry of `replacements`.
#[derive(Debug, Clone, Default)]
pub(super) struct Replacement {
    source: Option<Source>,
    source_value: Option<Text>,
    targets: Option<Vec<Target>>,
    path: Text,
    origin: Option<Origin>,
}

#[derive(Debug, Clone, Default)]
struct Source {
    gvk: Gvk,
    name: String,
    namespace: String,
    field_path: String,
    options: FieldOptions,
}

#[derive(Debug, Clone, Default)]
struct Target {
    select: Option<SelectorTexts>,
    reject: Vec<SelectorTexts>,
    field_paths: Vec<String>,
    options: FieldOptions,
    origin: Option<Origin>,
}

#[derive(Debug, Clone, Default)]
struct FieldOptions {
    delimiter: String,
    index: i64,
    create: bool,
}

impl Replacement {
    pub(super) fn of(value: &Value, strict: bool) -> Built<Self> {
        let known = ["source", "targets", "sourceValue", "path"];
        let fields = Fields::new(value, "replacements", strict.then_some(&known[..]))?;
        let source_value = fields.get("sourceValue").map(|_| fields.text("sourceValue")).transpose()?;
        let targets = fields.get("targets").map(|_| fields.list("targets")).transpose()?;
        let targets = targets.map(|list| list.iter().map(|target| Target::of(target, strict)).collect());
        Ok(Self {
            source: fields.get("source").map(|source| Source::of(source, strict)).transpose()?,
            source_value,
            targets: targets.transpose()?,
            path: fields.text("path")?,
            origin: fields.origin(),
        })
    }

    /// Itself, or the replacements of the file that it names.
    pub(super) fn loaded(self, loader: &Loader<'_>) -> Built<Vec<Self>> {
        if self.path.is_empty() {
            return Ok(vec![self]);
        }
        let origin = self.path.origin.as_ref();
        if self.source.is_some() || self.targets.as_ref().is_some_and(|targets| !targets.is_empty()) {
            return Err(Stop::refused("a replacement has both `path` and its own source or targets", origin));
        }
        let (file, bytes) = loader.load(&self.path.text, origin)?;
        let reading = yaml::read_bytes(&file, &bytes, Dialect::Kubectl, &Budget::default());
        let syntax = reading.findings.iter().find(|finding| finding.rule == "yaml-syntax").cloned();
        if let Some(finding) = syntax {
            return Err(Stop::because(finding));
        }
        let document = reading.documents.into_iter().next();
        match document.as_ref().map(|document| (document, &document.data)) {
            Some((_, Data::List(items))) => items.iter().map(|item| Self::of(item, false)).collect(),
            Some((document, Data::Map(_))) => Ok(vec![Self::of(document, false)?]),
            _ => Err(Stop::refused(format!("`{file}` holds no replacement"), origin)),
        }
    }

    /// How often it looks at all resources.
    pub(super) fn directives(&self) -> usize {
        let paths = |target: &Target| 1 + target.field_paths.len() + target.reject.len();
        1 + self.targets.iter().flatten().map(paths).sum::<usize>()
    }

    /// Copies the value into all targets.
    pub(super) fn apply(&self, map: &mut ResMap) -> Built<()> {
        let origin = self.origin.as_ref();
        let fault = |fault| Stop::fault(fault, origin);
        let Some(targets) = self.targets.as_ref().filter(|_| self.source.is_some() || self.source_value.is_some())
        else {
            return Err(fault("a replacement needs a source and at least one target".to_owned()));
        };
        let value = self.value(map.resources()).map_err(fault)?;
        let mut budget = map.copies;
        for target in targets {
            let place = target.origin.as_ref().or(origin);
            target.apply(map, &value, &mut budget).map_err(|fault| Stop::fault(fault, place))?;
        }
        map.copies = budget;
        Ok(())
    }

    fn value(&self, resources: &[Resource]) -> Result<Node, Fault> {
        let source = match (&self.source, &self.source_value) {
            (Some(_), Some(_)) => return Err("a replacement has both `source` and `sourceValue`".to_owned()),
            (None, value) => {
                let value = value.clone().unwrap_or_default();
                return Ok(Node::untagged(value.text, value.origin));
            }
            (Some(source), None) => source,
        };
        let mut found: Option<&Resource> = None;
        for resource in resources.iter().filter(|resource| identities(resource).iter().any(|id| source.selects(id))) {
            if found.is_some() {
                return Err(format!("more than one resource is the source `{}`", source.named()));
            }
            found = Some(resource);
        }
        let found = found.ok_or_else(|| format!("no resource is the source `{}`", source.named()))?;
        let path = if source.field_path.is_empty() { "metadata.name" } else { &source.field_path };
        let node = matcher::lookup(&found.node, &split_with_brackets(path))?;
        let node = node.filter(|node| !node.is_empty());
        let node = node.ok_or_else(|| format!("the source `{}` has no field `{path}`", source.named()))?;
        source.options.refined(node)
    }
}

/// The identities that a resource has and had, with namespaces as they are written.
fn identities(resource: &Resource) -> Vec<Id> {
    let now = Id {
        gvk: resource.gvk(),
        name: resource.name().to_owned(),
        namespace: resource.namespace().to_owned(),
        cluster_scoped: false,
    };
    std::iter::once(now).chain(resource.previous_ids()).collect()
}

impl Source {
    fn of(value: &Value, strict: bool) -> Built<Self> {
        let known = ["group", "version", "kind", "name", "namespace", "fieldPath", "options"];
        let fields = Fields::new(value, "replacements.source", strict.then_some(&known[..]))?;
        Ok(Self {
            gvk: gvk_of(&fields)?,
            name: fields.text("name")?.text,
            namespace: fields.text("namespace")?.text,
            field_path: fields.text("fieldPath")?.text,
            options: FieldOptions::of(&fields, strict)?,
        })
    }

    fn named(&self) -> String {
        format!("{} {}", self.gvk.kind, self.name).trim().to_owned()
    }

    fn selects(&self, id: &Id) -> bool {
        let default = |namespace: &str| if namespace.is_empty() { "default".to_owned() } else { namespace.to_owned() };
        (self.name.is_empty() || self.name == id.name)
            && (self.namespace.is_empty() || default(&self.namespace) == default(&id.namespace))
            && id.gvk.is_selected(&self.gvk)
    }
}

impl FieldOptions {
    fn of(fields: &Fields<'_>, strict: bool) -> Built<Self> {
        let Some(options) = fields.get("options") else { return Ok(Self::default()) };
        let known = ["delimiter", "index", "encoding", "create"];
        let options = Fields::new(options, "replacements.options", strict.then_some(&known[..]))?;
        options.text("encoding")?;
        Ok(Self {
            delimiter: options.text("delimiter")?.text,
            index: options.integer("index")?,
            create: options.flag("create")?,
        })
    }

    /// The part of a source that is wanted.
    fn refined(&self, node: &Node) -> Result<Node, Fault> {
        if self.delimiter.is_empty() {
            return Ok(node.clone());
        }
        let mut part = node.clone();
        let Kind::Scalar(scalar) = &mut part.kind else { return Err("`delimiter` needs a scalar".to_owned()) };
        let parts: Vec<&str> = scalar.text.split(self.delimiter.as_str()).collect();
        let at = usize::try_from(self.index).ok().and_then(|at| parts.get(at));
        scalar.text = (*at.ok_or_else(|| format!("the source has no part {}", self.index))?).to_owned();
        Ok(part)
    }
}

impl Target {
    fn of(value: &Value, strict: bool) -> Built<Self> {
        let known = ["select", "reject", "fieldPaths", "options"];
        let fields = Fields::new(value, "replacements.targets", strict.then_some(&known[..]))?;
        let select = fields.get("select").map(|select| selector_of(select, "replacements.targets.select", strict));
        let reject =
            fields.list("reject")?.iter().map(|reject| selector_of(reject, "replacements.targets.reject", strict));
        Ok(Self {
            select: select.transpose()?,
            reject: reject.collect::<Built<_>>()?,
            field_paths: fields.texts("fieldPaths")?.into_iter().map(|path| path.text).collect(),
            options: FieldOptions::of(&fields, strict)?,
            origin: fields.origin(),
        })
    }

    fn apply(&self, map: &mut ResMap, value: &Node, budget: &mut usize) -> Result<(), Fault> {
        let Some(select) = &self.select else { return Err("a target needs `select`".to_owned()) };
        let select = Selector::new(select)?;
        let reject = self.reject.iter().map(Selector::new).collect::<Result<Vec<_>, _>>()?;
        let default = ["metadata.name".to_owned()];
        let paths = if self.field_paths.is_empty() { &default[..] } else { &self.field_paths };
        for resource in map.resources_mut() {
            let ids = identities(resource);
            let rejected = |reject: &Selector| {
                (reject.has_texts && reject.selects_texts(resource))
                    || (!reject.is_open && ids.iter().any(|id| reject.matches(&id.gvk, &id.name, &id.namespace)))
            };
            let selected = select.selects_texts(resource)
                && !reject.iter().any(rejected)
                && ids.iter().any(|id| select.matches(&id.gvk, &id.name, &id.namespace));
            if !selected {
                continue;
            }
            let sees_notes = paths.iter().any(|path| path.starts_with("metadata"));
            if sees_notes {
                resource.expose()?;
            }
            for path in paths {
                let named = || format!("`{path}` of `{} {}`", resource.kind(), resource.name());
                let named = named();
                self.set(&mut resource.node, value, path, budget).map_err(|fault| format!("{fault}: {named}"))?;
            }
            if sees_notes {
                resource.absorb(false);
            }
            resource.settle();
        }
        Ok(())
    }

    fn set(&self, node: &mut Node, value: &Node, path: &str, budget: &mut usize) -> Result<(), Fault> {
        let create = self.options.create.then_some(match value.kind {
            Kind::Scalar(_) => Make::Scalar,
            Kind::List(_) => Make::List,
            Kind::Map(_) => Make::Map,
        });
        let parts = split_with_brackets(path);
        if structured::set(node, value, &parts, create).is_ok() {
            return Ok(());
        }
        let origin = value.origin.as_ref();
        let found = matcher::find(node, &parts, create, origin)?;
        if found.places.is_empty() && !found.detached {
            let what = if create.is_some() { "found nor made" } else { "found" };
            return Err(format!("a field of a replacement cannot be {what}"));
        }
        for place in &found.places {
            if let Some(target) = matcher::at(node, place) {
                value.pay(place.len(), budget)?;
                target.pay(0, budget)?;
                self.set_field(target, value)?;
            }
        }
        Ok(())
    }

    fn set_field(&self, target: &mut Node, value: &Node) -> Result<(), Fault> {
        let mut text = value.text().to_owned();
        if !self.options.delimiter.is_empty() {
            if !target.is_scalar() {
                return Err("`delimiter` needs a scalar".to_owned());
            }
            let delimiter = self.options.delimiter.as_str();
            let own = if value.is_null() { "" } else { value.text() };
            let mut parts: Vec<&str> = target.text().split(delimiter).collect();
            match usize::try_from(self.options.index) {
                Err(_) => parts.insert(0, own),
                Ok(at) if at >= parts.len() => parts.push(own),
                Ok(at) => parts[at] = own,
            }
            text = parts.join(delimiter);
        }
        lend(target, value, &text);
        Ok(())
    }
}

/// Gives a scalar the text of a value, and anything else the whole value.
pub(super) fn lend(target: &mut Node, value: &Node, text: &str) {
    let origin = value.origin.clone();
    match &mut target.kind {
        Kind::Scalar(scalar) => {
            if scalar.text != text {
                text.clone_into(&mut scalar.text);
                target.origin = origin.or_else(|| target.origin.take());
            }
        }
        _ => {
            let mut value = value.clone();
            if let Kind::Scalar(scalar) = &mut value.kind {
                scalar.tie = 0;
            }
            *target = value;
        }
    }
}
