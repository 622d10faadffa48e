//! How often one value may be judged: schemas that refer to each other could make it any number of times, or endless.
//!
//! The schema of a CustomResourceDefinition has no references and is as large as it is written. A JSON Schema or an OpenAPI
//! document with references is not: `allOf` twice the same, ten levels deep, judges a value a thousand times.

use super::definition::{AdditionalProperties, Schema, Store};
use std::collections::HashMap;

/// The most often that one value may be judged.
const MOST: u64 = 10_000;
/// The most references in a row.
const DEEPEST: usize = 400;

/// Refuses definitions that could judge a value too often.
///
/// # Errors
/// A sentence that continues "it …".
pub(super) fn check(store: &Store) -> Result<(), String> {
    let mut walk = Walk { store, known: HashMap::new(), open: Vec::new() };
    store.definitions.keys().try_for_each(|name| walk.definition(name, false).map(drop))
}

struct Walk<'a> {
    store: &'a Store,
    known: HashMap<&'a str, u64>,
    /// The definitions on the way here, and whether the step into each one stays at the same value.
    open: Vec<(&'a str, bool)>,
}

impl<'a> Walk<'a> {
    /// How often a value is judged by the definition called `name`; `same` says that this is asked for a value that
    /// another schema judges as well.
    fn definition(&mut self, name: &str, same: bool) -> Result<u64, String> {
        // What is not here is the server's own, which is sound.
        let Some((name, definition)) = self.store.definitions.get_key_value(name) else { return Ok(1) };
        if let Some(burden) = self.known.get(&**name) {
            return Ok(*burden);
        }
        if let Some(at) = self.open.iter().position(|(open, _)| *open == &**name) {
            let stays = same || self.open[at + 1..].iter().any(|(_, same)| *same);
            return if stays { Err(format!("refers to itself by `allOf` or its like at `{name}`")) } else { Ok(1) };
        }
        if self.open.len() >= DEEPEST {
            return Err(format!("has more than {DEEPEST} references in a row"));
        }
        self.open.push((name, same));
        let burden = self.schema(definition.schema(), false)?;
        self.open.pop();
        self.known.insert(name, burden);
        Ok(burden)
    }

    fn schema(&mut self, schema: &'a Schema, same: bool) -> Result<u64, String> {
        let mut below = 1;
        for part in schema.properties.values().chain(schema.items.as_deref()) {
            below = below.max(self.schema(part, same)?);
        }
        if let Some(AdditionalProperties::Schema(part)) = &schema.additional_properties {
            below = below.max(self.schema(part, same)?);
        }
        let parts = schema.all_of.iter().chain(&schema.any_of).chain(&schema.one_of).chain(schema.not.as_deref());
        for part in parts {
            below += self.schema(part, true)?;
        }
        if let Some(name) = schema.reference.as_deref() {
            below += self.definition(name, same)?;
        }
        if below > MOST { Err(format!("could judge one value more than {MOST} times")) } else { Ok(below) }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn checked(definitions: serde_json::Value) -> Result<(), String> {
        let definitions = serde_json::from_value(definitions).unwrap();
        check(&Store::custom(definitions, None))
    }

    #[test]
    fn types_that_hold_themselves_are_fine_and_those_that_are_themselves_are_not() {
        assert_eq!(
            checked(json!({"a": {"properties": {"a": {"$ref": "a"}, "list": {"items": {"$ref": "a"}}}}})),
            Ok(())
        );
        for endless in [
            json!({"a": {"allOf": [{"$ref": "a"}]}}),
            json!({"a": {"anyOf": [{"$ref": "b"}]}, "b": {"not": {"$ref": "a"}}}),
            json!({"a": {"allOf": [{"properties": {"x": {"$ref": "a"}}}, {"properties": {"x": {"$ref": "a"}}}]}}),
        ] {
            assert!(checked(endless.clone()).unwrap_err().contains("refers to itself"), "{endless}");
        }
    }

    #[test]
    fn what_doubles_with_each_level_is_refused() {
        let level = |n: u32| {
            (format!("a{n}"), json!({"allOf": [{"$ref": format!("a{}", n + 1)}, {"$ref": format!("a{}", n + 1)}]}))
        };
        let definitions: serde_json::Map<_, _> = (0..40).map(level).collect();
        assert!(checked(definitions.into()).unwrap_err().contains("more than 10000 times"));
        let chain = |n: u32| (format!("a{n}"), json!({"properties": {"x": {"$ref": format!("a{}", n + 1)}}}));
        let definitions: serde_json::Map<_, _> = (0..20_000).map(chain).collect();
        assert!(checked(definitions.into()).unwrap_err().contains("references in a row"));
    }
}
