//! Which object before is which one after.
//!
//! By identity first; then groups that Kubernetes renamed, names that carry a generated hash, and last objects that
//! keep their name while their kind, group or namespace changes, or their content while their name does: those are
//! replaced, never quietly edited.

use super::redact::generated_name;
use crate::manifest::{Data, Object, ObjectKey, Value};
use std::collections::{BTreeMap, HashMap};

/// What became of an object.
pub(super) enum Pair<'a> {
    Created(&'a Object),
    Deleted(&'a Object),
    /// The same object.
    Kept(&'a Object, &'a Object),
    /// Another object in its place.
    Replaced(&'a Object, &'a Object),
}

/// How much two objects must have in common to be told as a replacement when their kinds are not of one family.
const ALIKE: f64 = 0.6;

/// The same for objects of one kind under two names.
const RENAMED: f64 = 0.75;
/// Smaller objects are alike by chance: kind, version and namespace are three fields already.
const FEWEST_LEAVES: usize = 7;
/// More pairs than this of one kind are not looked at.
const MOST_PAIRS: usize = 2_500;

/// Pairs objects: in the order after, then those that are gone in the order before.
pub(super) fn pair<'a>(before: &'a [Object], after: &'a [Object]) -> Vec<Pair<'a>> {
    let mut old: HashMap<ObjectKey, Vec<&Object>> = HashMap::new();
    for object in before.iter().rev() {
        old.entry(key(object)).or_default().push(object);
    }
    let mut partners: Vec<Option<(&Object, bool)>> =
        after.iter().map(|object| old.get_mut(&key(object)).and_then(Vec::pop).map(|found| (found, false))).collect();
    let mut gone: Vec<&Object> = before
        .iter()
        .filter(|object| old.get(&key(object)).is_some_and(|left| left.iter().any(|it| std::ptr::eq(*it, *object))))
        .collect();
    pair_generated(after, &mut partners, &mut gone);
    pair_replaced(after, &mut partners, &mut gone);
    pair_renamed(after, &mut partners, &mut gone);
    let kept = after.iter().zip(partners).map(|(object, partner)| match partner {
        None => Pair::Created(object),
        Some((former, false)) => Pair::Kept(former, object),
        Some((former, true)) => Pair::Replaced(former, object),
    });
    kept.chain(gone.into_iter().map(Pair::Deleted)).collect()
}

/// The identity, with groups that Kubernetes moved kinds out of told as the new one: the server stores both as one.
fn key(object: &Object) -> ObjectKey {
    let mut key = object.key();
    key.group = match (key.group.as_str(), key.kind.as_str()) {
        ("extensions", "Deployment" | "DaemonSet" | "ReplicaSet") => "apps".to_owned(),
        ("extensions", "Ingress" | "NetworkPolicy") => "networking.k8s.io".to_owned(),
        _ => key.group,
    };
    if key.name.is_empty() {
        key.name = object.generate_name().map(|prefix| format!("{prefix}*")).unwrap_or_default();
    }
    key
}

/// ConfigMaps and Secrets whose names differ in their generated hash alone.
fn pair_generated<'a>(after: &[Object], partners: &mut [Option<(&'a Object, bool)>], gone: &mut Vec<&'a Object>) {
    let base = |object: &Object| -> Option<(String, Option<String>, String)> {
        let generated = matches!((object.api_version(), object.kind()), ("v1", "ConfigMap" | "Secret"));
        let name = object.name().filter(|_| generated)?;
        Some((object.kind().to_owned(), object.namespace().map(str::to_owned), generated_name(name)?.0.to_owned()))
    };
    for (object, partner) in after.iter().zip(partners).filter(|(_, partner)| partner.is_none()) {
        if let Some(wanted) = base(object)
            && let Some(at) = gone.iter().position(|former| base(former).as_ref() == Some(&wanted))
        {
            *partner = Some((gone.remove(at), false));
        }
    }
}

/// Objects of one kind and namespace that go away under one name and come under another, with like content.
fn pair_renamed<'a>(after: &[Object], partners: &mut [Option<(&'a Object, bool)>], gone: &mut Vec<&'a Object>) {
    let place = |object: &Object| {
        let key = key(object);
        (key.group, key.kind, key.namespace)
    };
    let mut new: BTreeMap<_, Vec<usize>> = BTreeMap::new();
    for (at, object) in after.iter().enumerate().filter(|(at, _)| partners[*at].is_none()) {
        new.entry(place(object)).or_default().push(at);
    }
    for (place_of, new) in new {
        let old: Vec<&Object> = gone.iter().copied().filter(|former| place(former) == place_of).collect();
        // Where everything moves at once, nobody is helped by guesses, and all pairs are too many to look at.
        if old.is_empty() || old.len() * new.len() > MOST_PAIRS {
            continue;
        }
        let mut pairs = Vec::new();
        for (nth, former) in old.iter().enumerate() {
            for at in &new {
                let (alike, leaves) = content(former, &after[*at]);
                if alike >= RENAMED && leaves >= FEWEST_LEAVES {
                    pairs.push((alike, *at, nth));
                }
            }
        }
        pairs.sort_by(|one, other| other.0.total_cmp(&one.0).then((one.1, one.2).cmp(&(other.1, other.2))));
        let mut taken = vec![false; old.len()];
        for (_, at, nth) in pairs {
            if partners[at].is_none() && !taken[nth] {
                taken[nth] = true;
                partners[at] = Some((old[nth], true));
                gone.retain(|object| !std::ptr::eq(*object, old[nth]));
            }
        }
    }
}

/// Objects that are created under the name of one that goes away.
fn pair_replaced<'a>(after: &[Object], partners: &mut [Option<(&'a Object, bool)>], gone: &mut Vec<&'a Object>) {
    let mut by_name: BTreeMap<String, Vec<&'a Object>> = BTreeMap::new();
    for object in gone.iter() {
        by_name.entry(key(object).name).or_default().push(object);
    }
    for (object, partner) in after.iter().zip(partners).filter(|(_, partner)| partner.is_none()) {
        let Some(candidates) = by_name.get_mut(&key(object).name) else { continue };
        let best = candidates
            .iter()
            .enumerate()
            .map(|(at, former)| (at, likeness(former, object)))
            .filter(|(_, likeness)| *likeness >= ALIKE)
            .max_by(|(_, one), (_, other)| one.total_cmp(other));
        if let Some((at, _)) = best {
            let former = candidates.remove(at);
            gone.retain(|object| !std::ptr::eq(*object, former));
            *partner = Some((former, true));
        }
    }
}

/// How alike two objects of one name are: 1 for kinds of one family or the same kind elsewhere.
fn likeness(before: &Object, after: &Object) -> f64 {
    let same_kind = before.kind() == after.kind();
    let same_place = before.namespace() == after.namespace();
    if same_place && (same_kind || family(before.kind()).is_some_and(|of| family(after.kind()) == Some(of))) {
        return 1.0;
    }
    if !same_kind && !same_place {
        return 0.0;
    }
    content(before, after).0
}

/// The share of fields that two objects have in common, and how many the smaller one has.
fn content(before: &Object, after: &Object) -> (f64, usize) {
    let (mut one, mut other) = (Vec::new(), Vec::new());
    leaves(before.value(), "", &mut one);
    leaves(after.value(), "", &mut other);
    let (total, fewer) = (one.len() + other.len(), one.len().min(other.len()));
    let mut counts: HashMap<String, usize> = HashMap::new();
    one.into_iter().for_each(|leaf| *counts.entry(leaf).or_default() += 1);
    let common = other
        .into_iter()
        .filter(|leaf| counts.get_mut(leaf).is_some_and(|left| std::mem::replace(left, left.saturating_sub(1)) > 0))
        .count();
    #[allow(clippy::cast_precision_loss)]
    let share = 2.0 * common as f64 / total.max(1) as f64;
    (share, fewer)
}

/// Kinds that people move an application between.
fn family(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "Deployment" | "StatefulSet" | "DaemonSet" | "ReplicaSet" | "Rollout" | "Pod" => "workload",
        "Job" | "CronJob" => "job",
        "Role" | "ClusterRole" => "role",
        "RoleBinding" | "ClusterRoleBinding" => "binding",
        "Issuer" | "ClusterIssuer" => "issuer",
        "ConfigMap" | "Secret" | "SealedSecret" | "ExternalSecret" => "configuration",
        "Ingress" | "HTTPRoute" | "Route" => "route",
        _ => return None,
    })
}

fn leaves(value: &Value, path: &str, into: &mut Vec<String>) {
    match &value.data {
        Data::Map(map) => map.iter().for_each(|(key, child)| leaves(child, &format!("{path}/{}", key.text), into)),
        Data::List(items) => items.iter().for_each(|item| leaves(item, path, into)),
        scalar => into.push(format!("{path}={}", super::text::scalar(scalar))),
    }
}
