//! Items of lists that are merged by key: finding, setting and appending them as kyaml does.
//!
//! Written after `ElementSetter`, `ElementMatcher` and `associative_sequence.go` of kyaml, with what they do to items that
//! lack a key. An empty key stands for lists of scalars.

use super::node::{Fault, Node};

/// Says whether an item has these keys with these texts.
pub(super) fn matches(item: &Node, keys: &[String], texts: &[String]) -> bool {
    match keys.first() {
        None => item.text() == texts.first().map_or("", String::as_str) && !item.is_map(),
        Some(first) if first.is_empty() => item.text() == texts.first().map_or("", String::as_str),
        Some(_) => {
            item.is_map()
                && keys.len() == texts.len()
                && keys.iter().zip(texts).all(|(key, text)| item.get(key).is_some_and(|value| value.text() == text))
        }
    }
}

/// Sets the item that has these keys, or appends it; without an item, removes those that have the keys.
///
/// Null and empty items go, and where no text is given, so does everything that does not match.
pub(super) fn set(items: &mut Vec<Node>, element: Option<Node>, keys: &[String], texts: &[String]) {
    let one = [String::new()];
    let keys = if keys.is_empty() { &one[..] } else { keys };
    let by_map = keys.first().is_some_and(|key| !key.is_empty()) && texts.first().is_some_and(|text| !text.is_empty());
    let mut matched = false;
    let mut kept = Vec::with_capacity(items.len() + 1);
    for item in items.drain(..) {
        if item.is_null() || (item.is_map() && item.entries().is_empty()) {
            continue;
        }
        if !item.is_map() && by_map {
            kept.push(item);
            continue;
        }
        let mut last = false;
        let mut found = true;
        for (at, key) in keys.iter().enumerate() {
            if let Some(text) = texts.get(at) {
                last = if key.is_empty() {
                    item.text() == text
                } else {
                    item.get(key).is_some_and(|value| text.is_empty() || value.text() == text)
                };
            }
            if !last {
                found = false;
                break;
            }
        }
        if !found {
            if !texts.is_empty() {
                kept.push(item);
            }
            continue;
        }
        matched = true;
        kept.extend(element.clone());
    }
    if !matched {
        kept.extend(element);
    }
    *items = kept;
}

/// Appends the items of a target behind those that were merged, where they are not among them already.
pub(super) fn append(merged: &mut Vec<Node>, items: Vec<Node>, keys: &[String]) -> Result<(), Fault> {
    for item in items {
        if keys.first().is_none_or(String::is_empty) {
            let text = [item.text().to_owned()];
            set(merged, Some(item), &[String::new()], &text);
            continue;
        }
        if !item.is_map() && !item.is_null() {
            return Err("a list that is merged by key holds an item that is no map".to_owned());
        }
        let mut texts = Vec::new();
        for key in keys {
            match item.get(key) {
                None => merged.push(item.clone()),
                Some(value) => texts.push(value.text().to_owned()),
            }
        }
        if keys.len() > 1 {
            set(merged, None, keys, &texts);
        }
        set(merged, Some(item), keys, &texts);
    }
    Ok(())
}

/// Leaves out the keys that no item of the list has.
pub(super) fn valid(all: &[Vec<String>], texts: &[String], keys: &[String]) -> (Vec<String>, Vec<String>) {
    let used = |at: usize| all.iter().any(|texts| texts.get(at).is_some_and(|text| !text.is_empty()));
    let used: Vec<bool> = (0..keys.len()).map(used).collect();
    if !used.contains(&true) {
        return (keys.to_vec(), texts.to_vec());
    }
    let keep = |at: usize| used.get(at).copied().unwrap_or(false);
    let keys: Vec<String> = keys.iter().enumerate().filter(|(at, _)| keep(*at)).map(|(_, key)| key.clone()).collect();
    let texts = texts.iter().enumerate().filter(|(at, text)| !text.is_empty() || keep(*at));
    (keys, texts.map(|(_, text)| text.clone()).collect())
}

/// Takes items for the same that agree in one key and do not contradict each other in the others.
pub(super) fn join_values(values: &mut [Vec<String>]) {
    for at in 0..values.len() {
        let one = values[at].clone();
        for other in 0..values.len() {
            if let Some(joined) = joined(&one, &values[other]) {
                values[at].clone_from(&joined);
                values[other] = joined;
            }
        }
    }
}

fn joined(one: &[String], other: &[String]) -> Option<Vec<String>> {
    if one.len() != other.len() {
        return None;
    }
    let mut common = false;
    let mut joined = Vec::with_capacity(one.len());
    for (a, b) in one.iter().zip(other) {
        if a == b {
            common = true;
            joined.push(a.clone());
        } else if !a.is_empty() && !b.is_empty() {
            return None;
        } else {
            joined.push(if a.is_empty() { b.clone() } else { a.clone() });
        }
    }
    common.then_some(joined)
}
