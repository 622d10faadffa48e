//! A resource while it is built: its tree, the identities it had, and what kustomize notes about it.
//!
//! kustomize keeps these notes as annotations of the object. They are fields here, and become annotations only around
//! steps that can see annotations ([`Resource::expose`]). Decided by `api/resource/resource.go`.

use super::ids::{Gvk, Id, is_cluster_scoped};
use super::node::{Entry, Fault, Key, Node};
use super::scalar::{Scalar, Style, Tag};
use super::schema::Schema;
use crate::manifest::Origin;
use std::collections::HashMap;
use std::sync::Arc;

/// An identity that a resource had; group and version are always those it has now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Previous {
    pub(super) name: String,
    pub(super) namespace: String,
    pub(super) kind: String,
}

/// What a generated resource does with one that is there already.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Behavior {
    #[default]
    Unspecified,
    Create,
    Replace,
    Merge,
}

/// A resource.
#[derive(Debug, Clone)]
pub(super) struct Resource {
    pub(super) node: Node,
    pub(super) previous: Vec<Previous>,
    pub(super) prefixes: Vec<String>,
    pub(super) suffixes: Vec<String>,
    pub(super) behavior: Behavior,
    /// Made by a generator, of which kustomize keeps a note.
    pub(super) generated: bool,
    pub(super) needs_hash: bool,
    /// Of patches: they may change the name or kind of what they are merged into.
    pub(super) allow_name_change: bool,
    pub(super) allow_kind_change: bool,
    pub(super) variables: Vec<String>,
    /// How many fields it had when it was read.
    pub(super) size: usize,
    /// The text of each group of tied scalars as it was when all were equal.
    ties: HashMap<u32, Scalar>,
}

const PREVIOUS_NAMES: &str = "internal.config.kubernetes.io/previousNames";
const PREVIOUS_NAMESPACES: &str = "internal.config.kubernetes.io/previousNamespaces";
const PREVIOUS_KINDS: &str = "internal.config.kubernetes.io/previousKinds";
const PREFIXES: &str = "internal.config.kubernetes.io/prefixes";
const SUFFIXES: &str = "internal.config.kubernetes.io/suffixes";
const BEHAVIOR: &str = "internal.config.kubernetes.io/generatorBehavior";
const NEEDS_HASH: &str = "internal.config.kubernetes.io/needsHashSuffix";

/// Annotations that kustomize takes out of every object in the end.
const BUILD_ANNOTATIONS: &[&str] = &[
    PREVIOUS_KINDS,
    PREVIOUS_NAMES,
    PREFIXES,
    SUFFIXES,
    PREVIOUS_NAMESPACES,
    "internal.config.kubernetes.io/allowNameChange",
    "internal.config.kubernetes.io/allowKindChange",
    "internal.config.kubernetes.io/refBy",
    BEHAVIOR,
    NEEDS_HASH,
    "internal.config.kubernetes.io/path",
    "internal.config.kubernetes.io/index",
    "internal.config.kubernetes.io/seqindent",
    "internal.config.kubernetes.io/id",
    "internal.config.kubernetes.io/annotations-migration-resource-id",
    "config.kubernetes.io/path",
    "config.kubernetes.io/index",
    "config.k8s.io/id",
    "internal.config.kubernetes.io/helm-generated",
];

impl Resource {
    pub(super) fn new(node: Node) -> Self {
        let mut resource = Self::of(node);
        resource.take_notes();
        resource
    }

    fn of(node: Node) -> Self {
        Self {
            size: node.size(),
            node,
            previous: Vec::new(),
            prefixes: Vec::new(),
            suffixes: Vec::new(),
            behavior: Behavior::default(),
            generated: false,
            needs_hash: false,
            allow_name_change: false,
            allow_kind_change: false,
            variables: Vec::new(),
            ties: HashMap::new(),
        }
    }

    /// Takes notes that stand in the file itself, left behind by another tool that uses kustomize's libraries.
    fn take_notes(&mut self) {
        if self.annotation(PREVIOUS_NAMES).is_none() {
            return;
        }
        let list = |key: &str| -> Vec<String> {
            self.annotation(key).map(|text| text.split(',').map(str::to_owned).collect()).unwrap_or_default()
        };
        let (names, namespaces, kinds) = (list(PREVIOUS_NAMES), list(PREVIOUS_NAMESPACES), list(PREVIOUS_KINDS));
        if names.len() == namespaces.len() && names.len() == kinds.len() {
            let previous = names.into_iter().zip(namespaces).zip(kinds);
            self.previous = previous.map(|((name, namespace), kind)| Previous { name, namespace, kind }).collect();
            self.absorb(true);
        }
    }

    /// Where the object begins in its file.
    pub(super) fn origin(&self) -> Option<&Origin> {
        self.node.path(&["metadata", "name"]).and_then(|name| name.origin.as_ref()).or(self.node.origin.as_ref())
    }

    pub(super) fn kind(&self) -> &str {
        self.node.get("kind").map_or("", Node::text)
    }

    pub(super) fn api_version(&self) -> &str {
        self.node.get("apiVersion").map_or("", Node::text)
    }

    pub(super) fn gvk(&self) -> Gvk {
        Gvk::of(self.api_version(), self.kind())
    }

    fn metadata_text(&self, key: &str) -> &str {
        self.node.path(&["metadata", key]).filter(|node| !node.is_empty()).map_or("", Node::text)
    }

    pub(super) fn name(&self) -> &str {
        self.metadata_text("name")
    }

    pub(super) fn namespace(&self) -> &str {
        self.metadata_text("namespace")
    }

    pub(super) fn set_name(&mut self, name: &str, origin: Option<&Origin>) -> Result<(), Fault> {
        self.node.set_text(&["metadata", "name"], name, origin)
    }

    /// Sets the namespace; an empty one takes the field out.
    pub(super) fn set_namespace(&mut self, namespace: &str) -> Result<(), Fault> {
        let old = self.node.path(&["metadata", "namespace"]);
        if namespace.is_empty() {
            if old.is_some()
                && let Some(metadata) = self.node.get_mut("metadata")
            {
                metadata.clear("namespace");
            }
            return Ok(());
        }
        let origin = old.and_then(|node| node.origin.clone());
        self.node.set_text(&["metadata", "namespace"], namespace, origin.as_ref())
    }

    /// What identifies it now.
    pub(super) fn id(&self, schema: &Schema) -> Id {
        Id {
            gvk: self.gvk(),
            name: self.name().to_owned(),
            namespace: self.namespace().to_owned(),
            cluster_scoped: is_cluster_scoped(self.api_version(), self.kind(), schema),
        }
    }

    /// The identities that it had, the oldest first.
    pub(super) fn previous_ids(&self) -> impl Iterator<Item = Id> + '_ {
        self.previous.iter().map(|previous| Id {
            gvk: Gvk::of(self.api_version(), &previous.kind),
            name: previous.name.clone(),
            namespace: previous.namespace.clone(),
            cluster_scoped: false,
        })
    }

    /// What identified it first.
    pub(super) fn original_id(&self, schema: &Schema) -> Id {
        self.previous_ids().next().unwrap_or_else(|| self.id(schema))
    }

    /// Group, version and kind that it had first.
    pub(super) fn original_gvk(&self) -> Gvk {
        Gvk::of(self.api_version(), self.previous.first().map_or(self.kind(), |previous| previous.kind.as_str()))
    }

    /// Notes what identifies it now, because that is about to change.
    pub(super) fn store_previous(&mut self, schema: &Schema) {
        let id = self.id(schema);
        let namespace = id.effective_namespace().to_owned();
        self.previous.push(Previous { name: id.name, namespace, kind: id.gvk.kind });
    }

    /// The value of an annotation as text.
    pub(super) fn annotation(&self, key: &str) -> Option<&str> {
        self.node.path(&["metadata", "annotations", key]).map(Node::text)
    }

    /// Labels or annotations as kustomize reads them: every value is its text.
    pub(super) fn texts(&self, field: &str) -> HashMap<&str, &str> {
        let mut texts = HashMap::new();
        for (key, text) in self.node.path(&["metadata", field]).into_iter().flat_map(Node::texts) {
            texts.insert(&**key, text);
        }
        texts
    }

    /// Sets an annotation as a string.
    pub(super) fn annotate(&mut self, key: &str, text: &str) -> Result<(), Fault> {
        let metadata = self.node.map_at("metadata", None)?;
        metadata.map_at("annotations", None)?.set(key, Node::string(text, None), None)
    }

    /// Makes strings of all values of `metadata.FIELD`, and takes the field out when it is empty.
    pub(super) fn normalise_texts(&mut self, field: &str, drop: &[&str]) {
        let Some(node) = self.node.path(&["metadata", field]) else { return };
        let fine = |entry: &super::node::Entry| {
            !drop.contains(&&*entry.key.text)
                && entry.key.bare
                && entry.value.as_scalar().is_some_and(|scalar| scalar.tag == Tag::Str && scalar.tie == 0)
        };
        if node.is_map() && !node.entries().is_empty() && node.entries().iter().all(fine) {
            return;
        }
        let Some(metadata) = self.node.get_mut("metadata") else { return };
        let Some(node) = metadata.get_mut(field) else { return };
        if let Some(entries) = node.entries_mut() {
            entries.retain(|entry| !drop.contains(&&*entry.key.text));
            for entry in entries.iter_mut() {
                entry.key.bare = true;
                let text = entry.value.text().to_owned();
                let origin = entry.value.origin.clone();
                let style = if text.contains('\n') { Style::Literal } else { Style::Plain };
                entry.value = Node::scalar(Scalar::new(text, Tag::Str, style), origin);
            }
        }
        if node.entries().is_empty() {
            metadata.clear(field);
        }
    }

    /// Takes kustomize's own annotations out, as it does last of all.
    pub(super) fn remove_build_annotations(&mut self, keep_empty: bool) {
        let none = self.node.path(&["metadata", "annotations"]).is_none_or(|node| node.entries().is_empty());
        if none && keep_empty {
            return;
        }
        self.normalise_texts("annotations", BUILD_ANNOTATIONS);
    }

    /// Copies labels, annotations, name and notes of the resource that this one replaces or is merged into.
    pub(super) fn copy_metadata_from(&mut self, other: &Resource) -> Result<(), Fault> {
        for field in ["labels", "annotations"] {
            if other.node.path(&["metadata", field]).is_some_and(|node| !node.entries().is_empty()) {
                let mut merged =
                    other.node.path(&["metadata", field]).cloned().unwrap_or_else(|| Node::string("", None));
                let own = self.node.path(&["metadata", field]).cloned();
                for entry in own.iter().flat_map(Node::entries) {
                    merged.set(&entry.key.text, entry.value.clone(), entry.key.origin.as_ref())?;
                }
                let metadata = self.node.map_at("metadata", None)?;
                metadata.clear(field);
                metadata.set(field, merged, None)?;
            }
            self.normalise_texts(field, &[]);
        }
        let name_origin = other.node.path(&["metadata", "name"]).and_then(|node| node.origin.clone());
        self.set_name(other.name(), name_origin.as_ref())?;
        self.set_namespace(other.namespace())?;
        self.previous.clone_from(&other.previous);
        self.prefixes.clone_from(&other.prefixes);
        self.suffixes.clone_from(&other.suffixes);
        self.behavior = other.behavior;
        self.generated = other.generated;
        self.needs_hash &= other.needs_hash;
        self.variables.clone_from(&other.variables);
        Ok(())
    }

    /// The entries of `data` or `binaryData` of another resource, under those that this one has.
    pub(super) fn merge_data_from(&mut self, other: &Resource, field: &str) -> Result<(), Fault> {
        let mut merged: Vec<(Arc<str>, Node)> = Vec::new();
        let mut places: HashMap<Arc<str>, usize> = HashMap::new();
        for entry in other.node.get(field).into_iter().chain(self.node.get(field)).flat_map(Node::entries) {
            let text = if entry.value.is_null() { "" } else { entry.value.text() };
            let style = if text.contains('\n') { Style::Literal } else { Style::Plain };
            let value = Node::scalar(Scalar::new(text, Tag::Str, style), entry.value.origin.clone());
            match places.get(&entry.key.text).and_then(|at| merged.get_mut(*at)) {
                Some((_, old)) => *old = value,
                None => {
                    places.insert(Arc::clone(&entry.key.text), merged.len());
                    merged.push((Arc::clone(&entry.key.text), value));
                }
            }
        }
        self.node.clear(field);
        if merged.is_empty() {
            return Ok(());
        }
        let map = self.node.map_at(field, None)?;
        let entry = |(text, value): (Arc<str>, Node)| {
            let origin = value.origin.clone();
            Entry { key: Key { text, origin, bare: true }, value: value.quoted_if_needed() }
        };
        if let Some(entries) = map.entries_mut() {
            entries.extend(merged.into_iter().map(entry));
        }
        Ok(())
    }

    /// Writes the notes as annotations, for steps that see them: a JSON patch may add to annotations that are there only
    /// because of the notes, or remove all of them.
    pub(super) fn expose(&mut self) -> Result<(), Fault> {
        let join = |part: fn(&Previous) -> &str, list: &[Previous]| list.iter().map(part).collect::<Vec<_>>().join(",");
        let mut notes: Vec<(&str, String)> = Vec::new();
        if !self.previous.is_empty() {
            notes.push((PREVIOUS_NAMES, join(|previous| &previous.name, &self.previous)));
            notes.push((PREVIOUS_NAMESPACES, join(|previous| &previous.namespace, &self.previous)));
            notes.push((PREVIOUS_KINDS, join(|previous| &previous.kind, &self.previous)));
        }
        if !self.prefixes.is_empty() {
            notes.push((PREFIXES, self.prefixes.join(",")));
        }
        if !self.suffixes.is_empty() {
            notes.push((SUFFIXES, self.suffixes.join(",")));
        }
        if self.needs_hash {
            notes.push((NEEDS_HASH, "enabled".to_owned()));
        }
        if self.generated {
            notes.push((BEHAVIOR, "create".to_owned()));
        }
        for (key, text) in notes {
            self.annotate(key, &text)?;
        }
        Ok(())
    }

    /// Takes the notes back out of the annotations. Notes that a step removed are gone, as they are in kustomize, unless
    /// `restore` says that kustomize puts them back.
    pub(super) fn absorb(&mut self, restore: bool) {
        let has = |key: &str| restore || self.annotation(key).is_some();
        let (previous, prefixes, suffixes, hash) = (has(PREVIOUS_NAMES), has(PREFIXES), has(SUFFIXES), has(NEEDS_HASH));
        if !previous {
            self.previous.clear();
        }
        if !prefixes {
            self.prefixes.clear();
        }
        if !suffixes {
            self.suffixes.clear();
        }
        self.needs_hash &= hash;
        let Some(metadata) = self.node.get_mut("metadata") else { return };
        let Some(annotations) = metadata.get_mut("annotations") else { return };
        for key in [PREVIOUS_NAMES, PREVIOUS_NAMESPACES, PREVIOUS_KINDS, PREFIXES, SUFFIXES, BEHAVIOR, NEEDS_HASH] {
            annotations.clear(key);
        }
        if annotations.is_map() && annotations.entries().is_empty() {
            metadata.clear("annotations");
        }
    }

    /// A number for scalars that one directive writes into several places of this resource.
    pub(super) fn new_tie(&mut self, scalar: &Scalar) -> u32 {
        let tie = u32::try_from(self.ties.len()).unwrap_or(u32::MAX).saturating_add(1);
        self.ties.insert(tie, Scalar { tie, ..scalar.clone() });
        tie
    }

    /// Gives all tied scalars the value of the one that a step changed.
    pub(super) fn settle(&mut self) {
        if self.ties.is_empty() {
            return;
        }
        let mut changed: HashMap<u32, Node> = HashMap::new();
        let ties = &self.ties;
        self.node.scalars(&mut |scalar, node| {
            if scalar.tie != 0
                && ties.get(&scalar.tie).is_some_and(|known| known.text != scalar.text || known.tag != scalar.tag)
            {
                changed.insert(scalar.tie, node.clone());
            }
        });
        if changed.is_empty() {
            return;
        }
        self.node.scalars_mut(&mut |node| {
            let tie = node.as_scalar().map_or(0, |scalar| scalar.tie);
            if let Some(new) = changed.get(&tie) {
                *node = new.clone();
            }
        });
        for (tie, node) in changed {
            if let Some(scalar) = node.as_scalar() {
                self.ties.insert(tie, scalar.clone());
            }
        }
    }
}
