//! `duplicate-object`: two objects of one unit that are the same object in the cluster, where the last one applied wins.

use super::{Check, Rule};
use crate::finding::{Finding, ObjectRef, Place, Severity};
use crate::manifest::{Object, ObjectKey};
use crate::schema::Catalog;
use crate::validate::Subject;
use crate::validate::problem::place;
use std::collections::HashMap;

pub(super) const RULE: Rule = Rule {
    id: "duplicate-object",
    severity: Severity::Error,
    about: "two objects of one unit have the same group, kind, namespace and name",
    check: Check::Set(check),
};

/// Where an object's name stands.
const NAME: &str = "/metadata/name";

fn check(subjects: &[Subject<'_>], catalog: &Catalog, findings: &mut Vec<Finding>) {
    let mut seen: HashMap<ObjectKey, &Object> = HashMap::with_capacity(subjects.len());
    let mut scopes = Scopes::new(catalog);
    for object in subjects.iter().map(|subject| subject.object) {
        let Some(key) = scopes.key(object) else { continue };
        match seen.get(&key) {
            Some(first) => findings.push(twice(&key, object.reference(), name_place(object), name_place(first))),
            None => drop(seen.insert(key, object)),
        }
    }
}

/// The keys of objects as the server has them.
struct Scopes<'a> {
    catalog: &'a Catalog,
    /// By apiVersion and kind: asking the catalog means looking through it.
    cluster: HashMap<(&'a str, &'a str), bool>,
}

impl<'a> Scopes<'a> {
    fn new(catalog: &'a Catalog) -> Self {
        Self { catalog, cluster: HashMap::new() }
    }

    /// The key of an object that has a name.
    fn key(&mut self, object: &'a Object) -> Option<ObjectKey> {
        let mut key = object.key();
        if key.name.is_empty() {
            return None;
        }
        if key.namespace.is_some() {
            let is_cluster = || self.catalog.is_namespaced(&key.group, &key.kind) == Some(false);
            // The server clears the namespace of a cluster-scoped object.
            if *self.cluster.entry((object.api_version(), object.kind())).or_insert_with(is_cluster) {
                key.namespace = None;
            }
        }
        Some(key)
    }
}

fn name_place(object: &Object) -> Option<Place> {
    object.value().origin_at(NAME).map(|origin| place(object, origin))
}

fn twice(key: &ObjectKey, object: ObjectRef, at: Option<Place>, first: Option<Place>) -> Finding {
    let finding = Finding::new(RULE.id, RULE.severity, format!("{key} is defined twice in this unit"))
        .at(at)
        .pointer(NAME)
        .about(object)
        .hint("remove one of them, or give it another name or namespace");
    match first {
        Some(first) => finding.related(first, "first defined here"),
        None => finding,
    }
}

/// An object by its name, where the object itself is not kept.
#[derive(Debug)]
pub(in crate::validate) struct Named {
    key: ObjectKey,
    object: ObjectRef,
    place: Option<Place>,
}

/// The names of objects, in order.
pub(in crate::validate) fn named(objects: &[Object], catalog: &Catalog) -> Vec<Named> {
    let mut scopes = Scopes::new(catalog);
    let named = |object| {
        let key = scopes.key(object)?;
        Some(Named { key, object: object.reference(), place: name_place(object) })
    };
    objects.iter().filter_map(named).collect()
}

/// The names that were seen, each with its first place.
#[derive(Debug, Default)]
pub(in crate::validate) struct NamesSeen {
    first: HashMap<ObjectKey, Option<Place>>,
}

impl NamesSeen {
    /// Adds a name; the finding when it was seen before.
    pub(in crate::validate) fn add(&mut self, named: Named) -> Option<Finding> {
        let Named { key, object, place } = named;
        match self.first.get(&key) {
            Some(first) => Some(twice(&key, object, place, first.clone())),
            None => {
                self.first.insert(key, place);
                None
            }
        }
    }
}
