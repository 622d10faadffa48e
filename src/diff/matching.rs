//! Which list item before is which one after.

use super::spot::{Matching, identity};
use super::text;
use crate::manifest::{Data, Value};
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// What a path calls an item.
pub(super) fn item_name(item: &Value, matching: &Matching, at: usize) -> String {
    match matching {
        Matching::Keys { keys, .. } => {
            let values = identity(item, keys).unwrap_or_default();
            let pairs: Vec<String> = keys
                .iter()
                .zip(values)
                .filter(|(key, value)| !(key.as_str() == "protocol" && value == "TCP"))
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            pairs.join(",")
        }
        Matching::Set => text::flow(&item.data),
        Matching::Ordered => at.to_string(),
    }
}

/// Positions before and after; one of them is missing for what comes or goes.
pub(super) type Pairs = Vec<(Option<usize>, Option<usize>)>;

/// Pairs items with one identity, in the order after; those that are gone stand where they stood.
pub(super) fn by_identity(
    before: &[Value],
    after: &[Value],
    identity: impl Fn(&Value) -> Option<Vec<String>>,
) -> Pairs {
    let mut old: std::collections::HashMap<_, std::collections::VecDeque<usize>> = std::collections::HashMap::new();
    for (at, item) in before.iter().enumerate() {
        old.entry(identity(item)).or_default().push_back(at);
    }
    let mut pairs: Pairs = after
        .iter()
        .enumerate()
        .map(|(at, item)| (old.get_mut(&identity(item)).and_then(std::collections::VecDeque::pop_front), Some(at)))
        .collect();
    let mut gone: Vec<usize> = old.into_values().flatten().collect();
    gone.sort_unstable();
    // A port that keeps its name and changes its number is one port to people, whatever the API merges by.
    let name = |item: &Value| item.get("name").and_then(Value::as_str).map(str::to_owned);
    for (old, new) in pairs.iter_mut().filter(|(old, _)| old.is_none()) {
        let wanted = new.and_then(|at| name(&after[at]));
        if wanted.is_some()
            && let Some(at) = gone.iter().position(|at| name(&before[*at]) == wanted)
        {
            *old = Some(gone.remove(at));
        }
    }
    interleave(pairs, gone)
}

/// Puts what is gone where it stood: before what is new there.
pub(super) fn interleave(pairs: Pairs, gone: Vec<usize>) -> Pairs {
    let mut placed: Pairs = Vec::with_capacity(pairs.len() + gone.len());
    let mut gone = gone.into_iter().peekable();
    // For each pair, where the next one that was there before stood.
    let mut next: Vec<Option<usize>> = pairs
        .iter()
        .rev()
        .scan(None, |next, (old, _)| {
            *next = old.or(*next);
            Some(*next)
        })
        .collect();
    next.reverse();
    for (pair, next) in pairs.into_iter().zip(next) {
        while let Some(at) = gone.next_if(|at| next.is_none_or(|next| *at < next)) {
            placed.push((Some(at), None));
        }
        placed.push(pair);
    }
    placed.extend(gone.map(|at| (Some(at), None)));
    placed
}

/// Aligns items in order; where a run of items is replaced by another run, items of one shape are compared one by one.
pub(super) fn in_order(before: &[Value], after: &[Value]) -> Pairs {
    let hash = |items: &[Value]| items.iter().map(fingerprint).collect::<Vec<u64>>();
    let mut pairs = Pairs::new();
    for op in similar::capture_diff_slices(similar::Algorithm::Myers, &hash(before), &hash(after)) {
        let (tag, mut old, mut new) = op.as_tag_tuple();
        if matches!(tag, similar::DiffTag::Equal | similar::DiffTag::Replace) {
            while !old.is_empty() && !new.is_empty() {
                let shape = |value: &Value| std::mem::discriminant(&value.data);
                let (b, a) = (old.start, new.start);
                let scalar = before[b].as_map().is_none() && before[b].as_list().is_none();
                if tag == similar::DiffTag::Replace && (scalar || shape(&before[b]) != shape(&after[a])) {
                    break;
                }
                pairs.push((Some(b), Some(a)));
                (old.start, new.start) = (b + 1, a + 1);
            }
        }
        pairs.extend(old.map(|at| (Some(at), None)));
        pairs.extend(new.map(|at| (None, Some(at))));
    }
    pairs
}

/// A hash that values which are equal share, whatever the order of their keys.
fn fingerprint(value: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    match &value.data {
        Data::Null => 0u8.hash(&mut hasher),
        Data::Bool(flag) => flag.hash(&mut hasher),
        Data::Number(number) => number.as_f64().to_bits().hash(&mut hasher),
        Data::String(text) => text.hash(&mut hasher),
        Data::List(items) => items.iter().for_each(|item| fingerprint(item).hash(&mut hasher)),
        Data::Map(map) => {
            let entry = |(key, value): (&crate::manifest::Key, &Value)| {
                let mut hasher = DefaultHasher::new();
                (key.as_str(), fingerprint(value)).hash(&mut hasher);
                hasher.finish()
            };
            map.iter().map(entry).fold(0u64, u64::wrapping_add).hash(&mut hasher);
        }
    }
    hasher.finish()
}
