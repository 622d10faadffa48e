//! A map as it stands in a manifest: entries in input order, found by the text of their key.
//!
//! Most maps of manifests hold a handful of entries, where looking at each is faster than hashing and takes no memory; a
//! long one keeps an index, so that a hostile one costs no more than its length.

use super::value::{Key, Value};
use std::collections::HashMap;
use std::fmt;
use std::ops::Index;

/// Up to this many entries are looked at one by one.
const FEW: usize = 16;

/// A map in input order. Two maps with the same entries in another order are equal, as JSON objects are.
#[derive(Clone, Default)]
pub struct Map {
    entries: Vec<(Key, Value)>,
    /// Where each key stands, once there are more than a few. Boxed: most maps are few, and carry one word for it.
    #[allow(clippy::box_collection)]
    places: Option<Box<HashMap<Box<str>, usize>>>,
}

impl Map {
    /// A map without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A map without entries and with room for some.
    #[must_use]
    pub fn with_capacity(entries: usize) -> Self {
        Self { entries: Vec::with_capacity(entries), places: None }
    }

    /// How many entries there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Says whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Where the entry of `key` stands.
    #[must_use]
    pub fn get_index_of(&self, key: &str) -> Option<usize> {
        match &self.places {
            Some(places) => places.get(key).copied(),
            None => self.entries.iter().position(|(known, _)| known.text == key),
        }
    }

    /// The entry at a place.
    #[must_use]
    pub fn get_index(&self, at: usize) -> Option<(&Key, &Value)> {
        self.entries.get(at).map(|(key, value)| (key, value))
    }

    /// The value of `key`.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.get_index_of(key).map(|at| &self.entries[at].1)
    }

    /// The value of `key`, to change it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Value> {
        self.get_index_of(key).map(|at| &mut self.entries[at].1)
    }

    /// The key as it is written, with its value.
    #[must_use]
    pub fn get_key_value(&self, key: &str) -> Option<(&Key, &Value)> {
        self.get_index_of(key).and_then(|at| self.get_index(at))
    }

    /// The key as it is written and its value, to change the value and the key's origin.
    pub(super) fn entry_at_mut(&mut self, at: usize) -> Option<&mut (Key, Value)> {
        self.entries.get_mut(at)
    }

    /// Says whether there is an entry of `key`.
    #[must_use]
    pub fn contains_key(&self, key: &str) -> bool {
        self.get_index_of(key).is_some()
    }

    /// Sets `key` to `value`: where it stands when it is there, with the key as it was; else at the end. Gives back the
    /// former value.
    pub fn insert(&mut self, key: Key, value: Value) -> Option<Value> {
        match self.get_index_of(&key.text) {
            Some(at) => Some(std::mem::replace(&mut self.entries[at].1, value)),
            None => {
                self.push(key, value);
                None
            }
        }
    }

    /// Adds an entry whose key is not there, at the end; gives back its place.
    pub(super) fn push(&mut self, key: Key, value: Value) -> usize {
        let at = self.entries.len();
        if let Some(places) = &mut self.places {
            places.insert(key.text.as_str().into(), at);
        }
        self.entries.push((key, value));
        if self.places.is_none() && self.entries.len() > FEW {
            self.find_places();
        }
        at
    }

    /// Removes `key`, keeping the order of the others.
    pub fn shift_remove(&mut self, key: &str) -> Option<Value> {
        let at = self.get_index_of(key)?;
        let (_, value) = self.entries.remove(at);
        if let Some(places) = &mut self.places {
            places.remove(key);
            places.values_mut().filter(|place| **place > at).for_each(|place| *place -= 1);
        }
        Some(value)
    }

    /// Keeps the entries that `keep` says, in order.
    pub fn retain(&mut self, mut keep: impl FnMut(&Key, &mut Value) -> bool) {
        self.entries.retain_mut(|(key, value)| keep(key, value));
        self.find_places();
    }

    /// Sorts the entries by their keys.
    pub fn sort_keys(&mut self) {
        self.entries.sort_by(|(a, _), (b, _)| a.text.cmp(&b.text));
        self.find_places();
    }

    fn find_places(&mut self) {
        self.places = (self.entries.len() > FEW).then(|| {
            let places = self.entries.iter().enumerate().map(|(at, (key, _))| (key.text.as_str().into(), at));
            Box::new(places.collect())
        });
    }

    /// The entries in order.
    pub fn iter(&self) -> Iter<'_> {
        Iter { entries: self.entries.iter() }
    }

    /// The entries in order, to change the values.
    pub fn iter_mut(&mut self) -> IterMut<'_> {
        IterMut { entries: self.entries.iter_mut() }
    }

    /// The keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &Key> + ExactSizeIterator + Clone {
        self.entries.iter().map(|(key, _)| key)
    }

    /// The values in order.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &Value> + ExactSizeIterator + Clone {
        self.entries.iter().map(|(_, value)| value)
    }

    /// The values in order, to change them.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut Value> + ExactSizeIterator {
        self.entries.iter_mut().map(|(_, value)| value)
    }
}

/// The entries of a [`Map`] in order.
#[derive(Clone)]
pub struct Iter<'a> {
    entries: std::slice::Iter<'a, (Key, Value)>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (&'a Key, &'a Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.entries.next().map(|(key, value)| (key, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.entries.next_back().map(|(key, value)| (key, value))
    }
}

impl ExactSizeIterator for Iter<'_> {}

/// The entries of a [`Map`] in order, with values to change.
pub struct IterMut<'a> {
    entries: std::slice::IterMut<'a, (Key, Value)>,
}

impl<'a> Iterator for IterMut<'a> {
    type Item = (&'a Key, &'a mut Value);

    fn next(&mut self) -> Option<Self::Item> {
        self.entries.next().map(|(key, value)| (&*key, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl ExactSizeIterator for IterMut<'_> {}

impl<'a> IntoIterator for &'a Map {
    type Item = (&'a Key, &'a Value);
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &'a mut Map {
    type Item = (&'a Key, &'a mut Value);
    type IntoIter = IterMut<'a>;

    fn into_iter(self) -> IterMut<'a> {
        self.iter_mut()
    }
}

impl IntoIterator for Map {
    type Item = (Key, Value);
    type IntoIter = std::vec::IntoIter<(Key, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl Extend<(Key, Value)> for Map {
    fn extend<I: IntoIterator<Item = (Key, Value)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

/// Of two entries with one key, the later value counts.
impl FromIterator<(Key, Value)> for Map {
    fn from_iter<I: IntoIterator<Item = (Key, Value)>>(entries: I) -> Self {
        let mut map = Self::new();
        map.extend(entries);
        map
    }
}

impl Index<&str> for Map {
    type Output = Value;

    /// # Panics
    /// When there is no entry of `key`.
    fn index(&self, key: &str) -> &Value {
        self.get(key).expect("because the caller knows that the key is there")
    }
}

impl Index<usize> for Map {
    type Output = Value;

    /// # Panics
    /// When there are not so many entries.
    fn index(&self, at: usize) -> &Value {
        &self.entries[at].1
    }
}

impl PartialEq for Map {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.iter().all(|(key, value)| other.get(&key.text) == Some(value))
    }
}

impl fmt::Debug for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(count: i64) -> Map {
        (0..count).map(|n| (Key::new(format!("key-{n}")), Value::from(n))).collect()
    }

    #[test]
    fn entries_are_found_whether_few_or_many_and_after_each_change() {
        for count in [3, 16, 17, 100] {
            let mut map = numbered(count);
            assert_eq!(map.insert("key-1".into(), 7.into()), Some(1.into()));
            assert_eq!(map.shift_remove("key-0"), Some(0.into()));
            assert_eq!(map.shift_remove("key-0"), None);
            map.insert("last".into(), "x".into());
            assert_eq!(map.get_index_of("last"), usize::try_from(count).ok().map(|count| count - 1));
            assert_eq!(map.get("key-1"), Some(&7.into()));
            let keys: Vec<&str> = map.keys().map(Key::as_str).collect();
            for (at, key) in keys.iter().enumerate() {
                assert_eq!(map.get_index_of(key), Some(at), "{key} of {count}");
            }
            map.retain(|key, _| key.as_str() != "key-1");
            assert!(!map.contains_key("key-1") && map.contains_key("key-2"));
        }
    }

    #[test]
    fn equality_does_not_look_at_the_order() {
        let backwards: Map = numbered(20).into_iter().rev().collect();
        assert_eq!(numbered(20), backwards);
        assert_ne!(numbered(20), numbered(19));
    }
}
