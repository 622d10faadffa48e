//! The resources of a build in order, found by identity without looking at all of them.
//!
//! Decided by `api/resmap/reswrangler.go`; where kustomize looks through the list for each resource, an index stands here.

use super::ids::Id;
use super::node::{COPIES, Fault};
use super::resource::{Behavior, Resource};
use super::schema::Schema;
use super::selector::Selector;
use rayon::prelude::*;
use std::collections::HashMap;

/// Resources in order.
#[derive(Debug, Clone)]
pub(super) struct ResMap {
    resources: Vec<Resource>,
    /// Where a resource is by its current identity; `None` after changes that nobody followed.
    current: Option<HashMap<String, Vec<usize>>>,
    /// Where resources are that have or had a name.
    names: Option<HashMap<String, Vec<usize>>>,
    /// How much replacements may still copy.
    pub(super) copies: usize,
}

impl Default for ResMap {
    fn default() -> Self {
        Self { resources: Vec::new(), current: None, names: None, copies: COPIES }
    }
}

impl ResMap {
    pub(super) fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// All resources, to change anything about them.
    pub(super) fn resources_mut(&mut self) -> &mut [Resource] {
        self.forget();
        &mut self.resources
    }

    /// All resources, to change what is no part of their identity.
    pub(super) fn contents_mut(&mut self) -> &mut [Resource] {
        &mut self.resources
    }

    pub(super) fn into_resources(self) -> Vec<Resource> {
        self.resources
    }

    /// How many fields the resources had when they were read.
    pub(super) fn size(&self) -> usize {
        self.resources.iter().map(|resource| resource.size).sum()
    }

    fn forget(&mut self) {
        self.current = None;
        self.names = None;
    }

    fn current(&mut self, schema: &Schema) -> &mut HashMap<String, Vec<usize>> {
        let resources = &self.resources;
        self.current.get_or_insert_with(|| {
            let mut index: HashMap<String, Vec<usize>> = HashMap::with_capacity(resources.len());
            for (at, resource) in resources.iter().enumerate() {
                index.entry(resource.id(schema).key()).or_default().push(at);
            }
            index
        })
    }

    /// Notes all identities as they are now, for [`ResMap::moved`].
    pub(super) fn know(&mut self, schema: &Schema) {
        self.current(schema);
    }

    /// Adds a resource.
    ///
    /// # Errors
    /// When one with the same identity is there.
    pub(super) fn append(&mut self, resource: Resource, schema: &Schema) -> Result<(), Fault> {
        let id = resource.id(schema);
        let at = self.resources.len();
        let places = self.current(schema).entry(id.key()).or_default();
        if !places.is_empty() {
            return Err(format!("`{}` is there twice", id.named()));
        }
        places.push(at);
        self.names = None;
        self.resources.push(resource);
        Ok(())
    }

    pub(super) fn append_all(&mut self, other: ResMap, schema: &Schema) -> Result<(), Fault> {
        if self.resources.is_empty() && self.current.is_none() {
            // Nothing to compare with; but the others may have become equal to each other.
            let mut other = other;
            let twice =
                other.current(schema).values().find(|places| places.len() > 1).and_then(|places| places.first());
            if let Some(twice) = twice.copied().and_then(|at| other.resources.get(at)) {
                return Err(format!("`{}` is there twice", twice.id(schema).named()));
            }
            *self = other;
            return Ok(());
        }
        other.resources.into_iter().try_for_each(|resource| self.append(resource, schema))
    }

    /// Removes the resources that `keep` refuses.
    pub(super) fn retain(&mut self, keep: impl FnMut(&Resource) -> bool) {
        let before = self.resources.len();
        self.resources.retain(keep);
        if self.resources.len() != before {
            self.forget();
        }
    }

    /// Removes what patches have emptied.
    pub(super) fn drop_empty(&mut self) {
        self.retain(|resource| !resource.node.is_empty());
    }

    /// How many resources have an identity now.
    pub(super) fn count(&mut self, id: &Id, schema: &Schema) -> usize {
        self.current(schema).get(&id.key()).map_or(0, Vec::len)
    }

    /// Says that the resource at `at` had another identity until now.
    pub(super) fn moved(&mut self, at: usize, from: &Id, to: &Id) {
        self.names = None;
        let Some(index) = &mut self.current else { return };
        if let Some(places) = index.get_mut(&from.key()) {
            places.retain(|place| *place != at);
        }
        index.entry(to.key()).or_default().push(at);
    }

    /// The resources that have, or once had, an identity, in order.
    pub(super) fn by_any_id(&mut self, id: &Id, schema: &Schema) -> Vec<usize> {
        let matches = |resource: &Resource| {
            !resource.node.is_empty()
                && (resource.previous_ids().any(|old| id.equals(&old)) || id.equals(&resource.id(schema)))
        };
        let candidates = self.by_name(&id.name).to_vec();
        candidates.into_iter().filter(|at| self.resources.get(*at).is_some_and(matches)).collect()
    }

    /// The resources that have or had a name.
    pub(super) fn by_name(&mut self, name: &str) -> &[usize] {
        let resources = &self.resources;
        let names = self.names.get_or_insert_with(|| {
            let mut names: HashMap<String, Vec<usize>> = HashMap::with_capacity(resources.len());
            for (at, resource) in resources.iter().enumerate() {
                let old = resource.previous.iter().map(|previous| previous.name.as_str());
                for name in old.chain([resource.name()]) {
                    let places = names.entry(name.to_owned()).or_default();
                    if places.last() != Some(&at) {
                        places.push(at);
                    }
                }
            }
            names
        });
        names.get(name).map_or(&[], Vec::as_slice)
    }

    /// The one resource that has or had an identity.
    ///
    /// # Errors
    /// When there is none, or more than one.
    pub(super) fn only(&mut self, id: &Id, schema: &Schema) -> Result<usize, Fault> {
        match self.by_any_id(id, schema).as_slice() {
            [at] => Ok(*at),
            [] => Err(format!("no resource is `{}`", id.named())),
            _ => Err(format!("more than one resource is `{}`", id.named())),
        }
    }

    /// The resources that a selector names, in order.
    pub(super) fn select(&self, selector: &Selector, schema: &Schema) -> Vec<usize> {
        let matches = |(at, resource): (usize, &Resource)| selector.selects(resource, schema).then_some(at);
        if self.resources.len() < FEW {
            return self.resources.iter().enumerate().filter_map(matches).collect();
        }
        self.resources.par_iter().with_min_len(FEW / 4).enumerate().filter_map(matches).collect()
    }

    /// Adds a generated resource, or replaces or merges it into the one that it names.
    pub(super) fn absorb(&mut self, mut resource: Resource, schema: &Schema) -> Result<(), Fault> {
        let id = resource.id(schema);
        let places = self.by_any_id(&id, schema);
        match (places.as_slice(), resource.behavior) {
            ([], Behavior::Merge | Behavior::Replace) => {
                Err(format!("`{}` is not there, so there is nothing to merge into or replace", id.named()))
            }
            ([], _) => self.append(resource, schema),
            ([at], behavior @ (Behavior::Merge | Behavior::Replace)) => {
                let Some(old) = self.resources.get(*at) else { return Ok(()) };
                let origin = old.annotation(super::metadata::ORIGIN).map(str::to_owned);
                resource.copy_metadata_from(old)?;
                if behavior == Behavior::Merge {
                    resource.merge_data_from(old, "data")?;
                    resource.merge_data_from(old, "binaryData")?;
                    if let Some(origin) = origin {
                        resource.annotate(super::metadata::ORIGIN, &origin)?;
                    }
                }
                let at = *at;
                let current = resource.id(schema);
                if self.count(&current, schema) != 1 || self.current(schema).get(&current.key()) != Some(&vec![at]) {
                    return Err(format!("more than one resource is `{}`", current.named()));
                }
                self.resources[at] = resource;
                self.names = None;
                Ok(())
            }
            ([_], _) => Err(format!(
                "`{}` is there already: its generator's `behavior` must be `merge` or `replace`",
                id.named()
            )),
            _ => Err(format!("more than one resource could be `{}`", id.named())),
        }
    }
}

/// Below so many resources, one thread is as fast.
const FEW: usize = 64;

/// Changes resources, some at a time.
///
/// # Errors
/// The first in the order of the resources.
pub(super) fn each<E: Send>(
    resources: &mut [Resource],
    change: impl Fn(usize, &mut Resource) -> Result<(), E> + Sync,
) -> Result<(), E> {
    if resources.len() < FEW {
        return resources.iter_mut().enumerate().try_for_each(|(at, resource)| change(at, resource));
    }
    let done = resources.par_iter_mut().with_min_len(FEW / 4).enumerate().map(|(at, resource)| change(at, resource));
    done.find_first(Result::is_err).unwrap_or(Ok(()))
}

impl FromIterator<Resource> for ResMap {
    fn from_iter<T: IntoIterator<Item = Resource>>(resources: T) -> Self {
        Self { resources: resources.into_iter().collect(), ..Self::default() }
    }
}
