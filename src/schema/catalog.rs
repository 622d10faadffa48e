//! All kinds that one cluster version knows, with those of the repository's CustomResourceDefinitions.

use super::bundle::{self, UnknownVersion};
use super::custom;
use super::definition::Store;
use super::lifecycle::{Lifecycle, Minor};
use super::near::nearest;
use super::node::Node;
use crate::finding::Finding;
use crate::manifest::{Object, TypeKey};
use std::collections::HashMap;
use std::sync::Arc;

/// The kinds that are known: those of a Kubernetes version and those that were added. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Catalog {
    version: &'static str,
    base: Arc<Store>,
    kinds: HashMap<TypeKey, Arc<KindSchema>>,
}

/// A kind in one version.
#[derive(Debug)]
pub struct KindSchema {
    /// Group, version and kind.
    pub type_key: TypeKey,
    /// Name of its resource: `deployments`.
    pub plural: String,
    /// Short names of its resource: `deploy`.
    pub short_names: Vec<String>,
    /// Says whether its objects live in a namespace.
    pub namespaced: bool,
    /// Says whether [`Self::namespaced`] is known: a JSON Schema does not say it.
    pub(super) scope_known: bool,
    /// Where it is known from.
    pub source: KindSource,
    /// Says whether the server takes `status` only through its own request and drops it from a manifest.
    pub status_subresource: bool,
    /// How many `x-kubernetes-validations` rules its schema holds.
    pub cel_rules: usize,
    pub(super) store: Arc<Store>,
    pub(super) root: Box<str>,
}

/// Where a kind is known from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KindSource {
    /// Part of Kubernetes; served unless switched off.
    Bundled,
    /// Part of Kubernetes; served only where a cluster switches it on (`--runtime-config`): alpha and beta versions.
    SwitchedOff,
    /// A CustomResourceDefinition of the repository.
    Definition,
    /// A file of schemas that the configuration or a person names.
    Configured,
}

impl KindSource {
    /// Says whether the kind is a part of Kubernetes.
    #[must_use]
    pub fn is_own(self) -> bool {
        matches!(self, Self::Bundled | Self::SwitchedOff)
    }
}

/// What is known of a type that a manifest names.
#[derive(Debug)]
pub enum Lookup<'a> {
    /// The kind.
    Known(&'a Arc<KindSchema>),
    /// The kind exists in this group, not in this version. The versions that exist, the preferred first.
    OtherVersion(Vec<&'a str>),
    /// All kinds of this group are known and this is none of them. The type that was probably meant.
    NoSuchKind(Option<TypeKey>),
    /// The group is not known, or not all of its kinds are: nothing can be said. The kind that was probably meant.
    Unknown(Option<TypeKey>),
}

impl KindSchema {
    /// The schema of the whole object.
    #[must_use]
    pub fn root(&self) -> Node<'_> {
        let (store, schema) = self.store.find(&self.root).expect("because a kind is made together with its definition");
        Node::new(store, schema)
    }

    /// The name of its definition: `io.k8s.api.apps.v1.Deployment`.
    #[must_use]
    pub fn definition(&self) -> &str {
        &self.root
    }
}

impl Catalog {
    /// What Kubernetes `version` serves: `1.36`, `v1.36` or `1.36.2`.
    ///
    /// # Errors
    /// [`UnknownVersion`] names the versions that are bundled.
    pub fn bundled(version: &str) -> Result<Self, UnknownVersion> {
        let (version, bundle) = bundle::find(version)?;
        let kinds = bundle.kinds.iter().map(|kind| {
            let key = TypeKey { group: kind.group.clone(), version: kind.version.clone(), kind: kind.kind.clone() };
            let schema = KindSchema {
                type_key: key.clone(),
                plural: kind.plural.clone(),
                short_names: kind.short_names.clone(),
                namespaced: kind.namespaced,
                scope_known: true,
                source: if kind.served_by_default { KindSource::Bundled } else { KindSource::SwitchedOff },
                status_subresource: true,
                cel_rules: 0,
                store: Arc::clone(&bundle.store),
                root: kind.definition.clone(),
            };
            (key, Arc::new(schema))
        });
        Ok(Self { version, base: Arc::clone(&bundle.store), kinds: kinds.collect() })
    }

    /// The bundled minor versions, oldest first.
    #[must_use]
    pub fn versions() -> Vec<&'static str> {
        bundle::versions()
    }

    /// The newest bundled minor version.
    #[must_use]
    pub fn newest() -> &'static str {
        Self::versions().last().copied().expect("because at least one version is bundled")
    }

    /// The minor version this catalog is of: `1.36`.
    #[must_use]
    pub fn version(&self) -> &'static str {
        self.version
    }

    /// Adds the kinds of every CustomResourceDefinition (v1) among `objects`; the others are passed over. A definition
    /// that comes later replaces one of the same kind; none replaces a kind of Kubernetes itself.
    ///
    /// Gives an error for each definition whose schema cannot be read: nothing passes silently.
    pub fn add_definitions<'a>(&mut self, objects: impl IntoIterator<Item = &'a Object>) -> Vec<Finding> {
        let mut findings = Vec::new();
        for object in objects.into_iter().filter(|object| custom::is_definition(object)) {
            let (kinds, problems) = custom::kinds(object, &self.base);
            findings.extend(problems);
            for kind in kinds {
                let known = self.kinds.get(&kind.type_key).is_some_and(|known| known.source.is_own());
                if !known {
                    self.kinds.insert(kind.type_key.clone(), Arc::new(kind));
                }
            }
        }
        findings
    }

    /// Adds a kind of a configured file, where nothing is known of it yet.
    pub(super) fn add(&mut self, kind: KindSchema) {
        self.kinds.entry(kind.type_key.clone()).or_insert_with(|| Arc::new(kind));
    }

    /// The definitions of the server's own types.
    pub(super) fn base(&self) -> &Arc<Store> {
        &self.base
    }

    /// The kind, when it is known.
    #[must_use]
    pub fn kind(&self, key: &TypeKey) -> Option<&Arc<KindSchema>> {
        self.kinds.get(key)
    }

    /// Every kind, by type.
    #[must_use]
    pub fn kinds(&self) -> Vec<&Arc<KindSchema>> {
        let mut kinds: Vec<_> = self.kinds.values().collect();
        kinds.sort_by(|a, b| a.type_key.cmp(&b.type_key));
        kinds
    }

    /// Says whether objects of a group and kind live in a namespace, whatever the version; `None` when not known.
    #[must_use]
    pub fn is_namespaced(&self, group: &str, kind: &str) -> Option<bool> {
        let same = |key: &TypeKey| key.group == group && key.kind == kind;
        let known = |schema: &KindSchema| schema.scope_known.then_some(schema.namespaced);
        self.kinds.iter().filter(|(key, _)| same(key)).find_map(|(_, schema)| known(schema))
    }

    /// What is known of `key`.
    #[must_use]
    pub fn lookup(&self, key: &TypeKey) -> Lookup<'_> {
        if let Some(kind) = self.kinds.get(key) {
            return Lookup::Known(kind);
        }
        // A JSON Schema of one version says nothing of the others.
        let same = |kind: &&Arc<KindSchema>| {
            kind.type_key.group == key.group && kind.type_key.kind == key.kind && kind.scope_known
        };
        let mut same: Vec<&Arc<KindSchema>> = self.kinds.values().filter(same).collect();
        if same.iter().any(|kind| kind.source != KindSource::SwitchedOff) {
            same.retain(|kind| kind.source != KindSource::SwitchedOff);
        }
        let mut versions: Vec<&str> = same.iter().map(|kind| kind.type_key.version.as_str()).collect();
        if !versions.is_empty() {
            versions.sort_by_key(|version| std::cmp::Reverse(priority(version)));
            return Lookup::OtherVersion(versions);
        }
        let meant = self.meant(key);
        if self.is_closed(&key.group) { Lookup::NoSuchKind(meant) } else { Lookup::Unknown(meant) }
    }

    /// The minor version this catalog is of.
    #[must_use]
    pub fn minor(&self) -> Minor {
        Minor::parse(self.version).expect("because bundles are named by their minor version")
    }

    /// What to use in place of an API that is gone or going: the next one in its line that this version serves and does not
    /// warn of, else the same kind in another version.
    #[must_use]
    pub fn replacement(&self, key: &TypeKey) -> Option<TypeKey> {
        let mut next = Lifecycle::of(key).and_then(|life| life.replacement.as_ref());
        // No line of replacements is longer.
        for _ in 0..8 {
            let Some(found) = next else { break };
            let life = Lifecycle::of(found);
            let is_going = life.and_then(|life| life.deprecated).is_some_and(|since| since <= self.minor());
            if !is_going && self.kinds.get(found).is_some_and(|kind| kind.source == KindSource::Bundled) {
                return Some(found.clone());
            }
            next = life.and_then(|life| life.replacement.as_ref());
        }
        let served = self.kinds.values().filter(|kind| kind.source == KindSource::Bundled).map(|kind| &kind.type_key);
        let same = served.filter(|known| known.group == key.group && known.kind == key.kind && *known != key);
        same.max_by_key(|known| priority(&known.version)).cloned()
    }

    /// Says whether every kind of the group is known: it is one of Kubernetes' own, of any version. No other has a name
    /// without a dot: the server asks for one in the group of a CustomResourceDefinition.
    fn is_closed(&self, group: &str) -> bool {
        !group.contains('.')
            || Lifecycle::knows_group(group)
            || REMOVED_GROUPS.contains(&group)
            || self.kinds.values().any(|kind| kind.type_key.group == group && kind.source.is_own())
    }

    fn meant(&self, key: &TypeKey) -> Option<TypeKey> {
        let best = |same: &dyn Fn(&TypeKey) -> bool| {
            let mut found: Vec<&TypeKey> = self.kinds.keys().filter(|known| same(known)).collect();
            // Kubernetes' own groups first, then the preferred version.
            found.sort_by_key(|known| {
                (known.group.contains('.'), known.group.clone(), std::cmp::Reverse(priority(&known.version)))
            });
            found.first().map(|known| (*known).clone())
        };
        let in_group = self.kinds.keys().filter(|known| known.group == key.group).map(|known| known.kind.as_str());
        if let Some(kind) = nearest(&key.kind, in_group) {
            let kind = kind.to_owned();
            return best(&|known| known.group == key.group && known.kind == kind);
        }
        if self.is_closed(&key.group)
            && let Some(same) = best(&|known| known.kind == key.kind)
        {
            return Some(same);
        }
        // A slip in the group, where the kind is right: `app/v1`, `networking.k8s/v1`.
        let groups = self.kinds.keys().filter(|known| known.kind == key.kind).map(|known| known.group.as_str());
        let group = nearest(&key.group, groups)?.to_owned();
        best(&|known| known.group == group && known.kind == key.kind)
    }
}

/// Groups that Kubernetes served once and no longer: a manifest that names them is refused by every bundled version.
const REMOVED_GROUPS: [&str; 2] = ["settings.k8s.io", "auditregistration.k8s.io"];

/// The order in which Kubernetes prefers versions: `v2` before `v1` before `v1beta2` before `v1alpha1` before anything
/// else (apimachinery, `version.CompareKubeAwareVersionStrings`).
fn priority(version: &str) -> (u8, u32, u32) {
    let Some(rest) = version.strip_prefix('v') else { return (0, 0, 0) };
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    let (major, rest) = rest.split_at(digits);
    let Ok(major) = major.parse() else { return (0, 0, 0) };
    let (stage, minor) = match rest {
        "" => (3, "0"),
        _ => match (rest.strip_prefix("beta"), rest.strip_prefix("alpha")) {
            (Some(minor), _) => (2, minor),
            (_, Some(minor)) => (1, minor),
            _ => return (0, 0, 0),
        },
    };
    minor.parse().map_or((0, 0, 0), |minor| (stage, major, minor))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::node::{Kind, ListType};
    use super::*;

    fn catalog() -> Catalog {
        Catalog::bundled(Catalog::newest()).unwrap()
    }

    fn node<'a>(kind: &'a KindSchema, pointer: &str) -> Node<'a> {
        kind.root().at(pointer).unwrap()
    }

    #[test]
    fn a_deployment_is_known_down_to_its_lists() {
        let catalog = catalog();
        let deployment = catalog.kind(&TypeKey::new("apps/v1", "Deployment")).unwrap();
        assert!(deployment.namespaced);
        assert_eq!(deployment.plural, "deployments");
        let containers = node(deployment, "/spec/template/spec/containers");
        assert_eq!(containers.list_type(), Some(ListType::Map(&["name".to_owned()])));
        assert_eq!(containers.patch_merge_key(), Some("name"));
        assert_eq!(containers.items().unwrap().required().collect::<Vec<_>>(), ["name"]);
        let port = node(deployment, "/spec/template/spec/containers/0/ports/0/protocol");
        assert_eq!(port.default(), Some(&"TCP".into()));
        assert_eq!(port.choices(), ["SCTP".into(), "TCP".into(), "UDP".into()]);
        assert!(node(deployment, "/spec/template/spec/containers/0/resources/limits/cpu").is_quantity());
        assert!(node(deployment, "/spec/strategy/rollingUpdate/maxSurge").is_int_or_string());
        assert_eq!(node(deployment, "/metadata/labels/any").kind(), Kind::String);
        assert!(deployment.root().field("sepc").is_none());
    }

    #[test]
    fn recursive_schemas_are_followed_as_far_as_asked() {
        let catalog = catalog();
        let definition = catalog.kind(&TypeKey::new("apiextensions.k8s.io/v1", "CustomResourceDefinition")).unwrap();
        assert!(!definition.namespaced);
        let deep = "/spec/versions/0/schema/openAPIV3Schema/properties/a/properties/b/properties/c/type";
        assert_eq!(node(definition, deep).kind(), Kind::String);
    }

    #[test]
    fn a_lookup_tells_what_was_meant() {
        let catalog = catalog();
        let look = |api_version: &str, kind: &str| match catalog.lookup(&TypeKey::new(api_version, kind)) {
            Lookup::Known(_) => "known".to_owned(),
            Lookup::OtherVersion(versions) => versions.join(" "),
            Lookup::NoSuchKind(meant) => format!("none, {}", meant.map_or("?".into(), |key| key.to_string())),
            Lookup::Unknown(meant) => format!("unknown, {}", meant.map_or("?".into(), |key| key.to_string())),
        };
        assert_eq!(look("v1", "Pod"), "known");
        assert_eq!(look("apps/v1beta1", "Deployment"), "v1");
        assert_eq!(look("autoscaling/v2beta2", "HorizontalPodAutoscaler"), "v2 v1");
        assert_eq!(look("apps/v1", "Deploymnt"), "none, apps/v1 Deployment");
        assert_eq!(look("v1", "Deployment"), "none, apps/v1 Deployment");
        assert_eq!(look("extensions/v1beta1", "Ingress"), "none, networking.k8s.io/v1 Ingress");
        assert_eq!(look("example.com/v1", "Widget"), "unknown, ?");
        assert_eq!(look("gateway.networking.k8s.io/v1", "Gateway"), "unknown, ?");
    }
}
