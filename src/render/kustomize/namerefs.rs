//! Names of other objects, followed when those are renamed.
//!
//! Each reference is looked up in an index of the names that resources had; kustomize looks at every resource for every
//! field instead. Decided by `api/filters/nameref`.

use super::config::{BackReference, Config};
use super::fieldspec::FieldSpec;
use super::ids::{Gvk, Id};
use super::node::{Fault, Kind, Node};
use super::resmap::{ResMap, each};
use super::resource::Resource;
use super::schema::Schema;
use crate::manifest::Origin;
use std::collections::{HashMap, HashSet};

/// A resource as others refer to it.
struct Candidate {
    id: Id,
    original_namespace: String,
    is_service_account: bool,
}

struct Index<'a> {
    resources: &'a [Resource],
    candidates: Vec<Candidate>,
    /// By every name that they had before.
    by_old_name: HashMap<String, Vec<usize>>,
}

/// Gives references the names that their objects have now.
///
/// # Errors
/// When more than one object could be meant.
pub(super) fn fix(map: &mut ResMap, config: &Config, schema: &Schema) -> Result<(), (Fault, Option<Origin>)> {
    let snapshot: Vec<Resource> = map.resources().to_vec();
    let mut index = Index { resources: &snapshot, candidates: Vec::new(), by_old_name: HashMap::new() };
    for (at, resource) in snapshot.iter().enumerate() {
        index.candidates.push(Candidate {
            id: resource.id(schema),
            original_namespace: resource.original_id(schema).effective_namespace().to_owned(),
            is_service_account: resource.kind() == "ServiceAccount",
        });
        for previous in &resource.previous {
            let places = index.by_old_name.entry(previous.name.clone()).or_default();
            if places.last() != Some(&at) {
                places.push(at);
            }
        }
    }
    let mut by_kind: HashMap<Gvk, Vec<(&Gvk, FieldSpec)>> = HashMap::new();
    for resource in &snapshot {
        by_kind.entry(resource.original_gvk()).or_insert_with_key(|gvk| specs_for(&config.name_reference, gvk));
    }
    each(map.contents_mut(), |at, resource| {
        let Some(specs) = by_kind.get(&resource.original_gvk()) else { return Ok(()) };
        let mut referrer: Option<Referrer<'_>> = None;
        for (target, spec) in specs {
            if !spec.leads_somewhere(&resource.node) {
                continue;
            }
            let referrer = match &mut referrer {
                Some(referrer) => referrer,
                None => referrer.insert(Referrer::new(at, &index).map_err(|fault| (fault, None))?),
            };
            let fixed = spec.visit(&mut resource.node, None, None, &mut |node| referrer.set(node, target, spec));
            fixed.map_err(|fault| (fault, resource.origin().cloned()))?;
        }
        Ok(())
    })
}

fn specs_for<'a>(references: &'a [BackReference], gvk: &Gvk) -> Vec<(&'a Gvk, FieldSpec)> {
    let mut specs = Vec::new();
    for reference in references {
        for spec in reference.referrers.iter().filter(|spec| spec.is_for(gvk)) {
            specs.push((&reference.gvk, FieldSpec::new(Gvk::default(), &spec.path, false)));
        }
    }
    specs
}

/// A resource that refers to others.
struct Referrer<'a> {
    index: &'a Index<'a>,
    resource: &'a Resource,
    id: &'a Id,
    /// Namespaces of service accounts that a role binding names.
    bound: HashSet<String>,
    role: Option<Gvk>,
}

impl<'a> Referrer<'a> {
    fn new(at: usize, index: &'a Index<'a>) -> Result<Self, Fault> {
        let resource = &index.resources[at];
        let mut bound = HashSet::new();
        if resource.kind() == "RoleBinding" {
            for subject in resource.node.get("subjects").map(Node::items).unwrap_or_default() {
                let text = |key| subject.get(key).map(Node::text);
                if let (Some(namespace), Some("ServiceAccount")) = (text("namespace"), text("kind")) {
                    bound.insert(namespace.to_owned());
                }
            }
        }
        let role = |key| resource.node.path(&["roleRef", key]).map(|node| node.text().to_owned());
        let role = match (role("apiGroup"), role("kind")) {
            (Some(group), Some(kind)) => Some(Gvk { group, version: String::new(), kind }),
            _ => None,
        };
        Ok(Self { index, resource, id: &index.candidates[at].id, bound, role })
    }

    fn set(&self, node: &mut Node, target: &Gvk, spec: &FieldSpec) -> Result<(), Fault> {
        if node.is_null() {
            return Ok(());
        }
        match &node.kind {
            Kind::Scalar(_) => self.scalar(node, target, spec),
            Kind::Map(_) => self.map(node, target, spec),
            Kind::List(_) => {
                for item in node.items_mut().into_iter().flatten() {
                    match &item.kind {
                        _ if item.is_null() => {}
                        Kind::Scalar(_) => self.scalar(item, target, spec)?,
                        Kind::Map(_) => self.map(item, target, spec)?,
                        Kind::List(_) => return Err("a reference must be a name or a map".to_owned()),
                    }
                }
                Ok(())
            }
        }
    }

    fn scalar(&self, node: &mut Node, target: &Gvk, spec: &FieldSpec) -> Result<(), Fault> {
        let Some(found) = self.referral(node.text(), target, spec, &|_| true, false)? else { return Ok(()) };
        let name = found.name();
        if name == node.text() {
            return Ok(());
        }
        let origin = node.origin.clone();
        node.set_scalar(Node::untagged(name, origin))
    }

    fn map(&self, node: &mut Node, target: &Gvk, spec: &FieldSpec) -> Result<(), Fault> {
        let Some(name) = node.get("name") else { return Err("a reference has no `name`".to_owned()) };
        let old = name.text().to_owned();
        let namespace = node.get("namespace").map(|node| node.text().to_owned());
        let by_namespace: Box<dyn Fn(usize) -> bool> = match &namespace {
            None => Box::new(|_| true),
            Some(namespace) => {
                // kustomize asks whether any candidate was in that namespace first; if none was, where they are now.
                let candidates = &self.index.candidates;
                let was = (0..candidates.len())
                    .any(|at| self.may_refer(at) && candidates[at].original_namespace == *namespace);
                Box::new(move |at: usize| {
                    let candidate = &candidates[at];
                    let namespaced = |own: &str| own == namespace && own != "_non_namespaceable_";
                    if was {
                        namespaced(&candidate.original_namespace)
                    } else {
                        namespaced(candidate.id.effective_namespace())
                    }
                })
            }
        };
        let Some(found) = self.referral(&old, target, spec, &*by_namespace, true)? else { return Ok(()) };
        let (name, namespace) = (found.name().to_owned(), found.namespace().to_owned());
        if name == old && namespace.is_empty() {
            return Ok(());
        }
        let place = |key: &str| node.get(key).and_then(|node| node.origin.clone());
        let (name_place, namespace_place) = (place("name"), place("namespace").or_else(|| node.origin.clone()));
        node.set("name", Node::untagged(name, name_place.clone()), name_place.as_ref())?;
        if namespace.is_empty() {
            return Ok(());
        }
        node.set("namespace", Node::untagged(namespace, namespace_place.clone()), namespace_place.as_ref())
    }

    /// Says whether namespaces let this resource refer to the one at `at`.
    fn may_refer(&self, at: usize) -> bool {
        let candidate = &self.index.candidates[at];
        self.id.cluster_scoped
            || candidate.id.cluster_scoped
            || candidate.id.same_namespace(self.id)
            || self.bound.contains(candidate.id.namespace.as_str())
    }

    /// The one resource that is meant by a name.
    fn referral(
        &self,
        old: &str,
        target: &Gvk,
        spec: &FieldSpec,
        extra: &dyn Fn(usize) -> bool,
        with_namespace: bool,
    ) -> Result<Option<&'a Resource>, Fault> {
        let Some(named) = self.index.by_old_name.get(old) else { return Ok(None) };
        let role = self.role.as_ref().filter(|_| spec.path.ends_with("roleRef/name"));
        let fits = |at: &usize| {
            let resource = &self.index.resources[*at];
            let candidate = &self.index.candidates[*at];
            let was = |selector: &Gvk| resource.previous_ids().any(|id| id.gvk.is_selected(selector));
            self.may_refer(*at)
                && extra(*at)
                && was(target)
                && role.is_none_or(was)
                && (self.id.cluster_scoped
                    || candidate.id.cluster_scoped
                    || candidate.is_service_account
                    || candidate.id.same_namespace(self.id))
        };
        let mut found: Vec<&Resource> =
            named.iter().filter(|at| fits(at)).map(|at| &self.index.resources[*at]).collect();
        if found.len() == 1 {
            return Ok(found.pop());
        }
        found.retain(|resource| same_affixes(self.resource, resource, true));
        if found.len() > 1 {
            found.retain(|resource| same_affixes(self.resource, resource, false));
        }
        let Some(first) = found.first().copied() else { return Ok(None) };
        let same = |other: &&Resource| {
            other.name() == first.name() && (!with_namespace || other.namespace() == first.namespace())
        };
        if found.iter().all(same) {
            return Ok(Some(first));
        }
        let names: Vec<String> =
            found.iter().map(|resource| format!("{} {}", resource.kind(), resource.name())).collect();
        Err(format!("`{old}` could be more than one object: {}", names.join(", ")))
    }
}

/// Says whether two resources got the same prefixes and suffixes, as far as both got any.
fn same_affixes(one: &Resource, other: &Resource, allow_empty: bool) -> bool {
    let same = |a: &[String], b: &[String]| {
        if allow_empty && (a.is_empty() || b.is_empty()) {
            return true;
        }
        let (short, long) = if a.len() > b.len() { (b, a) } else { (a, b) };
        if short.is_empty() { long.is_empty() } else { long.ends_with(short) }
    };
    same(&one.prefixes, &other.prefixes) && same(&one.suffixes, &other.suffixes)
}
