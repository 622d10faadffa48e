//! The transformers that set one thing in many places: namespace, names, labels, annotations, images, replicas.
//!
//! Pure functions over the resources. What they write carries the place of the directive. Decided by `api/filters` and
//! `api/internal/builtins`.

use super::fields::{Pair, Text};
use super::fieldspec::FieldSpec;
use super::ids::{Gvk, Id};
use super::node::{Fault, Kind, Make, Node};
use super::resmap::{ResMap, each};
use super::resource::Resource;
use super::scalar::{Scalar, Style, Tag};
use super::schema::Schema;
use std::collections::HashMap;
use std::sync::OnceLock;

/// Which subjects of role bindings get the namespace.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Subjects {
    #[default]
    Default,
    ServiceAccounts,
    None,
}

/// The namespace, and how it is set.
#[derive(Debug, Clone, Default)]
pub(super) struct Namespace {
    pub(super) namespace: Text,
    pub(super) specs: Vec<FieldSpec>,
    pub(super) unset_only: bool,
    pub(super) subjects: Subjects,
}

impl Namespace {
    /// Sets the namespace of all resources that may have one.
    ///
    /// # Errors
    /// When two become the same, or a field of another type stands in the way.
    pub(super) fn apply(&self, map: &mut ResMap, schema: &Schema) -> Result<(), Fault> {
        if self.namespace.is_empty() {
            return Ok(());
        }
        map.know(schema);
        let moves: Vec<OnceLock<(Id, Id)>> = vec![OnceLock::new(); map.resources().len()];
        each(map.contents_mut(), |at, resource| {
            if resource.node.is_empty()
                || resource.annotation("internal.config.kubernetes.io/helm-generated") == Some("true")
            {
                return Ok(());
            }
            let before = resource.id(schema);
            resource.store_previous(schema);
            self.set(resource, before.cluster_scoped)?;
            let ids = (before, resource.id(schema));
            if let Some(place) = moves.get(at) {
                drop(place.set(ids));
            }
            Ok::<(), Fault>(())
        })?;
        for (at, (before, after)) in
            moves.into_iter().map(OnceLock::into_inner).enumerate().filter_map(|(at, ids)| Some((at, ids?)))
        {
            map.moved(at, &before, &after);
            if map.count(&after, schema) != 1 {
                return Err(format!("with this namespace, more than one resource is `{}`", after.named()));
            }
        }
        Ok(())
    }

    /// Sets the namespace of one resource.
    pub(super) fn set(&self, resource: &mut Resource, cluster_scoped: bool) -> Result<(), Fault> {
        let gvk = resource.gvk();
        let v1 = resource.api_version() == "v1";
        let origin = self.namespace.origin.as_ref();
        let mut set = |node: &mut Node| {
            if self.unset_only && !node.is_empty() && !node.text().is_empty() {
                return Ok(());
            }
            node.set_scalar(Node::string(self.namespace.text.as_str(), origin.cloned()))
        };
        if !cluster_scoped {
            let spec = FieldSpec::new(Gvk::default(), "metadata/namespace", true);
            spec.visit(&mut resource.node, Some(Make::Untagged), origin, &mut set)?;
        }
        let binding = matches!(gvk.kind.as_str(), "RoleBinding" | "ClusterRoleBinding");
        if binding && let Some(subjects) = resource.node.get_mut("subjects") {
            self.set_subjects(subjects, &mut set)?;
        }
        for spec in &self.specs {
            let bound = matches!(spec.gvk.kind.as_str(), "RoleBinding" | "ClusterRoleBinding");
            let skip = spec.path == "metadata/namespace"
                || (!v1 && spec.path == "metadata/name")
                || (binding && bound && spec.path == "subjects/namespace");
            if !skip && spec.is_for(&gvk) {
                spec.visit(&mut resource.node, Some(Make::Scalar), origin, &mut set)?;
            }
        }
        Ok(())
    }

    fn set_subjects(
        &self,
        subjects: &mut Node,
        set: &mut dyn FnMut(&mut Node) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        let (field, wanted) = match self.subjects {
            Subjects::None => return Ok(()),
            Subjects::Default => ("name", "default"),
            Subjects::ServiceAccounts => ("kind", "ServiceAccount"),
        };
        if subjects.is_null() {
            return Ok(());
        }
        let Some(items) = subjects.items_mut() else { return Err("`subjects` must be a list".to_owned()) };
        for subject in items {
            if !subject.get(field).is_some_and(|value| value.text() == wanted && !value.is_null()) {
                continue;
            }
            if subject.get("namespace").is_none() {
                let origin = self.namespace.origin.clone();
                let key = super::node::Key::bare("namespace", origin.as_ref());
                let value = Node::empty(Make::Scalar, origin);
                if let Some(entries) = subject.entries_mut() {
                    entries.push(super::node::Entry { key, value });
                }
            }
            if let Some(namespace) = subject.get_mut("namespace") {
                set(namespace)?;
            }
        }
        Ok(())
    }
}

/// Kinds whose names never change.
fn keeps_its_name(gvk: &Gvk) -> bool {
    matches!(gvk.kind.as_str(), "CustomResourceDefinition" | "Namespace")
        || (gvk.kind == "APIService" && gvk.group == "apiregistration.k8s.io")
}

/// Puts a prefix before names, or a suffix behind them.
///
/// # Errors
/// When a list or map stands where a name should.
pub(super) fn rename(
    map: &mut ResMap,
    affix: &Text,
    is_prefix: bool,
    specs: &[FieldSpec],
    schema: &Schema,
) -> Result<(), Fault> {
    let origin = affix.origin.as_ref();
    each(map.resources_mut(), |_, resource| {
        let gvk = resource.original_gvk();
        if keeps_its_name(&gvk) {
            return Ok(());
        }
        for spec in specs.iter().filter(|spec| spec.is_for(&gvk)) {
            if spec.path == "metadata/name" && !affix.is_empty() {
                let affixes = if is_prefix { &mut resource.prefixes } else { &mut resource.suffixes };
                affixes.push(affix.text.clone());
                resource.store_previous(schema);
            }
            if !resource.gvk().is_selected(&spec.gvk) {
                continue;
            }
            spec.visit(&mut resource.node, Some(Make::Scalar), origin, &mut |node| {
                let old = node.text();
                let text = if is_prefix { format!("{}{old}", affix.text) } else { format!("{old}{}", affix.text) };
                // The text of a name is mostly the base's; what makes it differ is the directive.
                node.set_scalar(Node::untagged(text, origin.cloned()))
            })?;
        }
        Ok(())
    })
}

/// The specifications for each kind that is there.
fn by_kind<'a>(resources: &[Resource], specs: &'a [FieldSpec]) -> HashMap<Gvk, Vec<&'a FieldSpec>> {
    let mut found = HashMap::new();
    for resource in resources {
        let own = |gvk: &Gvk| specs.iter().filter(|spec| spec.is_for(gvk)).collect();
        found.entry(resource.gvk()).or_insert_with_key(own);
    }
    found
}

/// Sets labels or annotations.
///
/// # Errors
/// When a list or scalar stands where a map should.
pub(super) fn set_texts(map: &mut ResMap, pairs: &[Pair], specs: &[FieldSpec]) -> Result<(), Fault> {
    let by_kind = by_kind(map.resources(), specs);
    each(map.contents_mut(), |_, resource| {
        let specs = by_kind.get(&resource.gvk()).map_or(&[][..], Vec::as_slice);
        // Where nothing is made, annotations are there all the same when kustomize keeps notes in them.
        let noted = specs.iter().any(|spec| !spec.create && spec.path.starts_with("metadata/annotations"));
        if noted {
            resource.expose()?;
        }
        for pair in pairs {
            let mut scalar = Scalar::new(pair.value.text.as_str(), Tag::Str, Style::Plain);
            scalar.tie = resource.new_tie(&scalar);
            for spec in specs {
                spec.visit(&mut resource.node, Some(Make::Map), pair.key.origin.as_ref(), &mut |node| {
                    let value = Node::scalar(scalar.clone(), pair.value.origin.clone());
                    node.set(&pair.key.text, value, pair.key.origin.as_ref())
                })?;
            }
        }
        if noted {
            resource.absorb(false);
        }
        resource.settle();
        Ok(())
    })
}

/// A compiled replacement of images.
#[derive(Debug)]
pub(super) struct ImageFilter<'a> {
    image: &'a super::directives::Image,
    pattern: Option<regex::Regex>,
}

impl<'a> ImageFilter<'a> {
    /// # Errors
    /// When the name is no regular expression: kustomize ends with a panic there.
    pub(super) fn new(image: &'a super::directives::Image) -> Result<Self, Fault> {
        let pattern = format!("^{}(:[a-zA-Z0-9_.{{}}-]*)?(@sha256:[a-zA-Z0-9_.{{}}-]*)?$", image.name.text);
        let pattern =
            regex::Regex::new(&pattern).map_err(|_| format!("`{}` is no regular expression", image.name.text))?;
        Ok(Self { image, pattern: Some(pattern) })
    }

    /// Replaces the image wherever it is named.
    ///
    /// # Errors
    /// When a list or map stands where an image should.
    pub(super) fn apply(&self, map: &mut ResMap, specs: &[FieldSpec]) -> Result<(), Fault> {
        let by_kind = by_kind(map.resources(), specs);
        each(map.contents_mut(), |_, resource| {
            if resource.kind() == "CustomResourceDefinition" {
                return Ok(());
            }
            if has_containers(&resource.node) {
                self.containers(&mut resource.node)?;
            }
            let specs = by_kind.get(&resource.gvk()).into_iter().flatten();
            for spec in specs {
                spec.visit(&mut resource.node, None, None, &mut |node| self.set(node))?;
            }
            Ok(())
        })
    }

    /// Looks for `containers` and `initContainers` at any depth.
    fn containers(&self, node: &mut Node) -> Result<(), Fault> {
        match &mut node.kind {
            Kind::Scalar(_) => Ok(()),
            Kind::List(items) => {
                if items.iter().any(has_containers) {
                    std::sync::Arc::make_mut(items).iter_mut().try_for_each(|item| self.containers(item))?;
                }
                Ok(())
            }
            Kind::Map(entries) => {
                for at in 0..entries.len() {
                    let entry = &entries[at];
                    let named = matches!(&*entry.key.text, "containers" | "initContainers");
                    let below = has_containers(&entry.value);
                    let here =
                        named && entry.value.items().iter().any(|item| item.get("image").is_some() || !item.is_map());
                    if !below && !here {
                        continue;
                    }
                    let value = &mut std::sync::Arc::make_mut(entries)[at].value;
                    if below {
                        self.containers(value)?;
                    }
                    for item in value.items_mut().into_iter().flatten().filter(|_| named) {
                        if !item.is_map() && !item.is_null() {
                            return Err("a container must be a map".to_owned());
                        }
                        if let Some(image) = item.get_mut("image") {
                            self.set(image)?;
                        }
                    }
                }
                Ok(())
            }
        }
    }

    fn set(&self, node: &mut Node) -> Result<(), Fault> {
        if node.is_null() {
            return Ok(());
        }
        if !node.is_scalar() {
            return Err("an image must be a scalar".to_owned());
        }
        let text = node.text();
        if !self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(text)) {
            return Ok(());
        }
        let (name, mut tag, mut digest) = split_image(text);
        let image = self.image;
        let mut origin = &image.new_name.origin;
        let mut name = if image.new_name.is_empty() { name.to_owned() } else { image.new_name.text.clone() };
        if !image.new_tag.is_empty() {
            tag.clone_from(&image.new_tag.text);
            digest.clone_from(&image.digest.text);
            origin = &image.new_tag.origin;
        } else if !image.digest.is_empty() {
            tag.clear();
            digest.clone_from(&image.digest.text);
            origin = &image.digest.origin;
        } else if !image.tag_suffix.is_empty() {
            tag.push_str(&image.tag_suffix.text);
            digest.clear();
            origin = &image.tag_suffix.origin;
        }
        if !tag.is_empty() {
            name = format!("{name}:{tag}");
        }
        if !digest.is_empty() {
            name = format!("{name}@{digest}");
        }
        let origin = if name == text { node.origin.clone() } else { origin.clone().or_else(|| image.origin.clone()) };
        node.set_scalar(Node::untagged(name, origin))
    }
}

fn has_containers(node: &Node) -> bool {
    match &node.kind {
        Kind::Scalar(_) => false,
        Kind::List(items) => items.iter().any(has_containers),
        Kind::Map(entries) => entries.iter().any(|entry| {
            (matches!(&*entry.key.text, "containers" | "initContainers") && matches!(entry.value.kind, Kind::List(_)))
                || has_containers(&entry.value)
        }),
    }
}

/// Name, tag and digest of an image; a port of its registry is part of the name.
fn split_image(image: &str) -> (&str, String, String) {
    let start = image.find('/').filter(|at| *at > 0).unwrap_or(0);
    let find = |c: char| image[start..].find(c).map(|at| start + at);
    match (find('@'), find(':')) {
        (None, None) => (image, String::new(), String::new()),
        (Some(at), colon) if colon.is_none_or(|colon| at < colon) => {
            (&image[..at], String::new(), image[at..].trim_start_matches('@').to_owned())
        }
        (Some(at), Some(colon)) => (&image[..colon], image[colon + 1..at].to_owned(), image[at + 1..].to_owned()),
        (_, Some(colon)) => (&image[..colon], image[colon + 1..].to_owned(), String::new()),
        (Some(at), None) => (&image[..at], String::new(), image[at + 1..].to_owned()),
    }
}

/// Sets how many replicas the resources of a name have.
///
/// # Errors
/// When no resource of a kind with replicas has the name.
pub(super) fn replicas(
    map: &mut ResMap,
    replica: &super::directives::Replica,
    specs: &[FieldSpec],
) -> Result<(), Fault> {
    let name = replica.name.text.as_str();
    let candidates = map.by_name(name).to_vec();
    let mut found = false;
    for spec in specs {
        for at in &candidates {
            let Some(resource) = map.contents_mut().get_mut(*at) else { continue };
            let gvk = resource.gvk();
            let now = resource.name() == name && spec.is_for(&gvk);
            let before = |previous: &super::resource::Previous| {
                previous.name == name && Gvk { kind: previous.kind.clone(), ..gvk.clone() }.is_selected(&spec.gvk)
            };
            if resource.node.is_empty() || !(now || resource.previous.iter().any(before)) {
                continue;
            }
            found = true;
            if !gvk.is_selected(&spec.gvk) {
                continue;
            }
            let origin = replica.origin.as_ref();
            spec.visit(&mut resource.node, Some(Make::Scalar), origin, &mut |node| {
                let count = Scalar::new(replica.count.to_string(), Tag::Int, Style::Plain);
                node.set_scalar(Node::scalar(count, origin.cloned()))
            })?;
        }
    }
    if found {
        return Ok(());
    }
    let kinds: Vec<&str> = specs.iter().map(|spec| spec.gvk.kind.as_str()).collect();
    Err(format!("no resource of the name `{name}` has replicas (kinds that have: {})", kinds.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::split_image;

    #[test]
    fn images_are_split_with_the_port_of_their_registry() {
        for (image, name, tag, digest) in [
            ("nginx", "nginx", "", ""),
            ("nginx:1.2", "nginx", "1.2", ""),
            ("host:5000/a/b", "host:5000/a/b", "", ""),
            ("host:5000/a:1", "host:5000/a", "1", ""),
            ("a@sha256:ff", "a", "", "sha256:ff"),
            ("a:1@sha256:ff", "a", "1", "sha256:ff"),
        ] {
            assert_eq!(split_image(image), (name, tag.to_owned(), digest.to_owned()), "{image}");
        }
    }
}
