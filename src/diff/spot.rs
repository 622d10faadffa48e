//! What is known of a place in an object: how its list is merged, whether it holds a quantity.
//!
//! The schema says it where there is one. Without one (a custom resource whose definition is not in the tree) the names
//! that Kubernetes' own types use are taken at their word, since custom resources embed those types.

use crate::manifest::{TypeKey, Value};
use crate::schema::{Catalog, Kind, ListType, Node};

/// How the items of two lists are matched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Matching {
    /// By the fields that identify an item.
    Keys {
        /// Their names.
        keys: Vec<String>,
        /// The order of the items says something too.
        ordered: bool,
    },
    /// By value; order says nothing.
    Set,
    /// In order.
    Ordered,
}

impl Matching {
    /// By `name`.
    pub(super) fn named() -> Self {
        Self::Keys { keys: vec!["name".to_owned()], ordered: false }
    }
}

/// A place in an object.
#[derive(Clone, Copy)]
pub(super) struct Spot<'a> {
    node: Option<Node<'a>>,
    key: &'a str,
    parent: &'a str,
}

impl<'a> Spot<'a> {
    /// A whole object of this type.
    pub(super) fn root(catalog: Option<&'a Catalog>, type_key: &TypeKey) -> Self {
        let node = catalog.and_then(|catalog| catalog.kind(type_key)).map(|kind| kind.root());
        Self { node, key: "", parent: "" }
    }

    /// The value of `key`.
    pub(super) fn field(self, key: &'a str) -> Self {
        let node = self.node.and_then(|node| node.field(key).or_else(|| node.values()));
        Self { node, key, parent: self.key }
    }

    /// An item of the list here.
    pub(super) fn item(self) -> Self {
        Self { node: self.node.and_then(Node::items), ..self }
    }

    /// How the two lists here are matched. Falls back to order where the keys do not identify the items.
    pub(super) fn matching(self, before: &[Value], after: &[Value]) -> Matching {
        let unique = |keys: &[String]| [before, after].iter().all(|items| identify(items, keys));
        let known = self.node.filter(|node| node.kind() == Kind::List);
        let keys = match known.map(Node::list_type) {
            Some(Some(ListType::Set)) => return Matching::Set,
            Some(Some(ListType::Map(keys))) => Some(keys.to_vec()),
            Some(_) => None,
            None if matches!(self.key, "finalizers" | "accessModes" | "loadBalancerSourceRanges") => {
                return Matching::Set;
            }
            None => self.known_keys(),
        };
        if let Some(keys) = keys.filter(|keys| unique(keys)) {
            // They merge by name and run in the order of the list.
            return Matching::Keys { keys, ordered: self.key == "initContainers" };
        }
        // A list of named things: of a kind that nobody described, its order is taken to say nothing; where the
        // schema says that the list is replaced as a whole, a new order is a change.
        for key in ["name", "id", "key", "job_name"] {
            let keys = [key.to_owned()];
            if unique(&keys) {
                return Matching::Keys { keys: keys.to_vec(), ordered: known.is_some() };
            }
        }
        Matching::Ordered
    }

    /// The merge keys that Kubernetes' own types have for a list of this name.
    fn known_keys(self) -> Option<Vec<String>> {
        let keys: &[&str] = match (self.key, self.parent) {
            ("containers" | "initContainers" | "ephemeralContainers" | "env" | "volumes" | "imagePullSecrets", _) => {
                &["name"]
            }
            ("volumeMounts", _) => &["mountPath"],
            ("volumeDevices", _) => &["devicePath"],
            ("ports", "containers" | "initContainers" | "ephemeralContainers") => &["containerPort", "protocol"],
            ("ports", "spec") => &["port", "protocol"],
            ("hostAliases", _) => &["ip"],
            ("topologySpreadConstraints", _) => &["topologyKey", "whenUnsatisfiable"],
            ("ownerReferences", _) => &["uid"],
            ("conditions", _) => &["type"],
            _ => return None,
        };
        Some(keys.iter().map(|key| (*key).to_owned()).collect())
    }

    /// Says whether the value here is a quantity.
    pub(super) fn is_quantity(self) -> bool {
        match self.node {
            Some(node) => node.is_quantity(),
            None => {
                matches!(self.parent, "limits" | "requests" | "capacity" | "hard" | "default" | "defaultRequest")
                    || matches!(self.key, "sizeLimit" | "divisor" | "averageValue" | "storage")
            }
        }
    }
}

/// The identity of an item: the values of `keys`, with the protocol that the API fills in. `None` when a key is missing.
pub(super) fn identity(item: &Value, keys: &[String]) -> Option<Vec<String>> {
    keys.iter()
        .map(|key| match item.get(key) {
            Some(value) if value.as_map().is_none() && value.as_list().is_none() => {
                Some(super::text::scalar(&value.data))
            }
            None if key == "protocol" => Some("TCP".to_owned()),
            _ => None,
        })
        .collect()
}

/// Says whether each item has its own identity.
fn identify(items: &[Value], keys: &[String]) -> bool {
    let mut seen = std::collections::HashSet::new();
    items.iter().all(|item| identity(item, keys).is_some_and(|identity| seen.insert(identity)))
}
