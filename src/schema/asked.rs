//! What the server's validation code asks of its types and neither OpenAPI nor markers say: a table, read into markers.

use super::definition::{AdditionalProperties, Packed, Schema};
use super::lifecycle::Minor;
use super::markers::Markers;
use std::collections::HashMap;

/// One line for each definition and its fields.
const TABLE: &str = include_str!("asked.txt");

/// The packages that definitions stand in, by the group that the table names.
fn package(group: &str) -> String {
    match group {
        "meta" => "io.k8s.apimachinery.pkg.apis.meta".to_owned(),
        "apiextensions" => "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions".to_owned(),
        "apiregistration" => "io.k8s.kube-aggregator.pkg.apis.apiregistration".to_owned(),
        group => format!("io.k8s.api.{group}"),
    }
}

/// What a line asks of the objects of a version: all of it, or nothing before the version that it begins with.
fn of_version(asked: &str, minor: Minor) -> Option<&str> {
    let Some(rest) = asked.strip_prefix("since=") else { return Some(asked) };
    let (since, asked) = rest.split_once(' ')?;
    (Minor::parse(since)? <= minor).then_some(asked)
}

/// Adds what the table asks of objects of a version to the definitions of its bundle, as far as it has them.
pub(super) fn add(definitions: &mut HashMap<Box<str>, Packed>, minor: Minor) {
    for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (subject, asked) = line.split_once(": ").expect("because the table is tested");
        let Some(asked) = of_version(asked, minor) else { continue };
        let (definition, fields) = subject.split_once(' ').expect("because the table is tested");
        let mut parts = definition.splitn(3, '.');
        let (Some(group), Some(version), Some(name)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let package = package(group);
        if version == "*" {
            let (before, after) = (format!("{package}."), format!(".{name}"));
            let of = |key: &str| key.starts_with(&before) && key.ends_with(&after);
            definitions.iter_mut().filter(|(key, _)| of(key)).for_each(|(_, definition)| definition.ask(fields, asked));
        } else if let Some(definition) = definitions.get_mut(&*format!("{package}.{version}.{name}")) {
            definition.ask(fields, asked);
        }
    }
}

/// Adds what a line asks of these fields.
pub(super) fn add_to(definition: &mut Schema, fields: &str, asked: &str) {
    for name in fields.split(',') {
        if asked == "optional" {
            definition.required.retain(|required| &**required != name);
            continue;
        }
        let Some(field) = definition.properties.get_mut(name) else { continue };
        let markers = field.markers.get_or_insert_default();
        // A union of this line alone.
        let group = fields.split(',').next().unwrap_or_default();
        for ask in asked.split(' ') {
            ask_of(markers, ask, group);
        }
    }
    // Fields of maps are asked through their definition alone.
    debug_assert!(!matches!(definition.additional_properties, Some(AdditionalProperties::Allowed(_))));
}

fn ask_of(markers: &mut Markers, ask: &str, group: &str) {
    if let Some(rest) = ask.strip_prefix("key:") {
        return ask_of(markers.each_key.get_or_insert_default(), rest, group);
    }
    if let Some(rest) = ask.strip_prefix("each:").or_else(|| ask.strip_prefix("value:")) {
        return ask_of(markers.each_value.get_or_insert_default(), rest, group);
    }
    if let Some((field, rest)) = ask.strip_prefix("sub:").and_then(|rest| rest.split_once(':')) {
        return ask_of(markers.subfields.entry(field.into()).or_default(), rest, group);
    }
    let (what, value) = ask.split_once('=').unwrap_or((ask, ""));
    let number = || value.parse().ok();
    match what {
        "alpha" => markers.union_member = None,
        "required" => markers.required = true,
        "filled" => markers.filled = true,
        "pointer" => markers.pointer = true,
        "plain" => markers.plain = true,
        "one" => markers.union_member = Some(group.into()),
        "at-most-one" => markers.zero_or_one_of_member = Some(group.into()),
        "min" => markers.minimum = value.parse().ok(),
        "max" => markers.maximum = value.parse().ok(),
        "maxlen" => markers.max_length = number(),
        "maxitems" => markers.max_items = number(),
        "format" => markers.format = Some(value.into()),
        "enum" => markers.choices = value.split('|').map(Into::into).collect(),
        "without" => markers.dependent_forbidden = value.split(',').map(Into::into).collect(),
        "distinct" => markers.distinct.push(value.split('+').map(Into::into).collect()),
        "unique" => match value.strip_prefix("map(").and_then(|rest| rest.strip_suffix(')')) {
            Some(key) => {
                markers.unique = Some("map".into());
                markers.list_map_keys = key.split('+').map(Into::into).collect();
            }
            None => markers.unique = Some("set".into()),
        },
        _ => debug_assert!(false, "`{ask}` is no ask"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::TypeKey;
    use crate::schema::Catalog;

    #[test]
    fn a_line_may_begin_with_a_version() {
        let minor = |text| Minor::parse(text).expect(text);
        assert_eq!(of_version("since=1.34 min=1", minor("1.34")), Some("min=1"));
        assert_eq!(of_version("since=1.34 min=1", minor("1.33")), None);
        assert_eq!(of_version("min=1", minor("1.29")), Some("min=1"));
        for line in TABLE.lines().filter(|line| line.contains("since=")) {
            assert!(line.split_once(": ").and_then(|(_, asked)| of_version(asked, minor("1.99"))).is_some(), "{line}");
        }
    }

    /// The markers of a field in the bundle of a version.
    fn asks(version: &str, kind: (&str, &str), pointer: &str, asked: fn(&Markers) -> bool) -> bool {
        let catalog = Catalog::bundled(version).expect(version);
        let kind = catalog.kind(&TypeKey::new(kind.0, kind.1)).expect("known in that version");
        let node = kind.root().at(pointer).expect(pointer);
        node.markers().any(asked)
    }

    #[test]
    fn what_is_asked_depends_on_the_version() {
        let unique = |markers: &Markers| markers.unique.is_some();
        // By a line of the table that begins with a version.
        let pod = ("v1", "Pod");
        assert!(!asks("1.32", pod, "/spec/containers/0/resizePolicy", unique));
        assert!(asks("1.33", pod, "/spec/containers/0/resizePolicy", unique));
        // By the markers in the sources of each version.
        let replicas = |markers: &Markers| markers.minimum.is_some();
        assert!(!asks("1.32", ("v1", "ReplicationController"), "/spec/replicas", replicas));
        assert!(asks("1.33", ("v1", "ReplicationController"), "/spec/replicas", replicas));
        let claim = ("resource.k8s.io/v1beta1", "ResourceClaim");
        assert!(!asks("1.34", claim, "/spec/devices/requests", unique));
        assert!(asks("1.35", claim, "/spec/devices/requests", unique));
    }

    #[test]
    fn every_line_is_of_a_definition_and_fields_that_the_newest_bundle_or_an_older_one_has() {
        let bundles: Vec<_> = ["1.29", "1.34", "1.36"]
            .iter()
            .map(|version| super::super::bundle::find(version).expect("bundled").1)
            .collect();
        for line in TABLE.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (subject, _) = line.split_once(": ").expect(line);
            let (definition, fields) = subject.split_once(' ').expect(line);
            let mut parts = definition.splitn(3, '.');
            let (group, version, name) =
                (parts.next().expect(line), parts.next().expect(line), parts.next().expect(line));
            let (before, after) = (format!("{}.", package(group)), format!(".{name}"));
            let of = |key: &str| {
                key.starts_with(&before)
                    && key.ends_with(&after)
                    && (version == "*" || key[before.len()..] == format!("{version}{after}"))
            };
            for field in fields.split(',') {
                let known = bundles.iter().any(|bundle| {
                    bundle
                        .store
                        .definitions
                        .iter()
                        .any(|(key, definition)| of(key) && definition.schema().properties.contains_key(field))
                });
                assert!(known, "{definition} {field}");
            }
        }
        assert!(Catalog::bundled("1.36").is_ok());
    }
}
