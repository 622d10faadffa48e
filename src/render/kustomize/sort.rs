//! The order of the output: as accumulated, or by kind.
//!
//! Decided by `SortOrderTransformer`.

use super::config::{FIRST, LAST, rank_of_kind};
use super::directives::Sort;
use super::ids::{Gvk, Id};
use super::resmap::ResMap;
use super::resource::Resource;
use super::schema::Schema;
use super::stop::{Built, Stop};
use std::cmp::Ordering;

/// Puts the resources in the order that `sortOptions` asks for; by kind where it is silent.
pub(super) fn sort(map: ResMap, options: Option<&Sort>, schema: &Schema) -> Built<ResMap> {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let default = (owned(&FIRST), owned(&LAST));
    let (first, last) = match options {
        None => default,
        Some(options) => {
            let refuse = |message: &str| Err(Stop::refused(message, options.origin.as_ref()));
            match (options.order.as_str(), &options.legacy) {
                ("fifo", None) => return Ok(map),
                ("fifo", Some(_)) => return refuse("`sortOptions.legacySortOptions` needs `order: legacy`"),
                ("legacy", legacy) => legacy.clone().unwrap_or(default),
                _ => return refuse("`sortOptions.order` must be `fifo` or `legacy`"),
            }
        }
    };
    let mut keyed: Vec<(Key, Resource)> = map
        .into_resources()
        .into_iter()
        .map(|resource| (Key::new(resource.id(schema), &first, &last), resource))
        .collect();
    keyed.sort_by(|(a, _), (b, _)| a.compare(b));
    let mut sorted = ResMap::default();
    for (_, resource) in keyed {
        let place = resource.origin().cloned();
        sorted.append(resource, schema).map_err(|fault| Stop::fault(fault, place.as_ref()))?;
    }
    Ok(sorted)
}

struct Key {
    gvk: Gvk,
    rank: isize,
    kind: String,
    name: String,
}

impl Key {
    fn new(id: Id, first: &[String], last: &[String]) -> Self {
        let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
        let name = format!("{}|{}|{}", id.gvk.written(), or(&id.namespace, "~X"), or(&id.name, "~N"));
        Self { rank: rank_of_kind(&id.gvk.kind, first, last), kind: id.gvk.sort_text(), gvk: id.gvk, name }
    }

    fn compare(&self, other: &Self) -> Ordering {
        if self.gvk == other.gvk {
            return self.name.cmp(&other.name);
        }
        self.rank.cmp(&other.rank).then_with(|| {
            let namespaces = self.gvk.kind == "Namespace" && other.gvk.kind == "Namespace";
            if namespaces && (self.gvk.group.is_empty() || other.gvk.group.is_empty()) {
                other.kind.cmp(&self.kind)
            } else {
                self.kind.cmp(&other.kind)
            }
        })
    }
}
