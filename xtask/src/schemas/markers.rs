//! The `+k8s:` validation markers in the sources of API types, written into the definitions they are about.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use super::golang::{self, Package, Type};
use super::sources::{Release, Sources};

/// The keyword that they are written under.
const KEYWORD: &str = "x-mergeline-markers";

/// Modules with API types, and what the names of their definitions begin with.
const MODULES: [(&str, &str); 2] =
    [("k8s.io/api", "io.k8s.api."), ("k8s.io/apimachinery", "io.k8s.apimachinery.pkg.apis.")];

/// Markers that say nothing about a single object that is created, or that another keyword says already.
const SILENT: [&str; 18] = [
    "optional",
    "listType",
    "opaqueType",
    "supportsSubresource",
    "isSubresource",
    "customValidation",
    "validation-gen-nolint",
    "conversion-gen",
    "deepcopy-gen",
    "openapi-gen",
    "openapi-model-package",
    "deprecated",
    "prerelease-lifecycle-gen",
    "monotonic",
    // By hand-written code, or by the mode of another field.
    "modeDiscriminator",
    "ifMode",
    "discriminator",
    "member",
];

/// Markers behind a condition on the server's feature gates.
const GATED: [&str; 4] = ["ifEnabled", "ifDisabled", "ifOptionEnabled", "ifOptionDisabled"];

/// Writes the markers of `release` into `definitions`.
pub(crate) fn write(
    sources: &Sources,
    release: &Release,
    definitions: &mut std::collections::BTreeMap<String, Value>,
) -> Result<(), String> {
    let mut packages: HashMap<String, Package> = HashMap::new();
    for (name, schema) in definitions.iter_mut() {
        let Some((module, rest)) =
            MODULES.iter().find_map(|(module, prefix)| Some((*module, name.strip_prefix(prefix)?)))
        else {
            continue;
        };
        let Some((package, type_name)) = rest.rsplit_once('.') else { continue };
        let key = format!("{module}/{package}");
        if !packages.contains_key(&key) {
            let mut folder = sources.types(module, release.staging)?;
            if module == "k8s.io/apimachinery" {
                folder.push("pkg/apis");
            }
            folder.push(package.replace('.', "/"));
            packages.insert(key.clone(), golang::package(&folder)?);
        }
        let package = &packages[&key];
        let Some(found) = package.types.get(type_name) else { continue };
        of_struct(name, package, found, schema)?;
    }
    Ok(())
}

/// Takes every marker out again: a server does not tell them.
pub(crate) fn strip(definition: &mut Value) {
    if let Some(properties) = definition.get_mut("properties").and_then(Value::as_object_mut) {
        for field in properties.values_mut().filter_map(Value::as_object_mut) {
            field.shift_remove(KEYWORD);
        }
    }
}

fn of_struct(place: &str, package: &Package, found: &Type, schema: &mut Value) -> Result<(), String> {
    for field in &found.fields {
        if field.json.is_empty() {
            if let Some(inlined) = package.types.get(&field.of) {
                of_struct(place, package, inlined, schema)?;
            }
            continue;
        }
        let mut markers = Map::new();
        // What is said of a named type holds wherever it is used.
        if let Some(named) = package.types.get(&field.of).filter(|named| named.fields.is_empty()) {
            let into = if field.many { part(&mut markers, "eachVal") } else { &mut markers };
            for marker in &named.markers {
                add(place, marker, into)?;
            }
        }
        for marker in &field.markers {
            add(&format!("{place}.{}", field.json), marker, &mut markers)?;
        }
        if markers.shift_remove("customUnique").is_some() {
            markers.shift_remove("unique");
        }
        tidy(&mut markers);
        let property = schema.get_mut("properties").and_then(|properties| properties.get_mut(&field.json));
        if let (false, Some(property)) = (markers.is_empty(), property) {
            property[KEYWORD] = markers.into();
        }
    }
    Ok(())
}

/// Drops parts that came out empty, and list keys that nothing uses.
fn tidy(markers: &mut Map<String, Value>) {
    if markers.get("unique").and_then(Value::as_str) != Some("map") {
        markers.shift_remove("listMapKeys");
    }
    for part in ["eachVal", "eachKey"] {
        if markers.get(part).and_then(Value::as_object).is_some_and(Map::is_empty) {
            markers.shift_remove(part);
        }
    }
    if let Some(subfields) = markers.get_mut("subfields").and_then(Value::as_object_mut) {
        subfields.retain(|_, part| part.as_object().is_some_and(|part| !part.is_empty()));
        if subfields.is_empty() {
            markers.shift_remove("subfields");
        }
    }
}

fn part<'a>(markers: &'a mut Map<String, Value>, name: &str) -> &'a mut Map<String, Value> {
    let entry = markers.entry(name).or_insert_with(|| json!({}));
    entry.as_object_mut().expect("because only this function makes it")
}

fn push(markers: &mut Map<String, Value>, name: &str, value: &str) {
    let entry = markers.entry(name).or_insert_with(|| json!([]));
    if let Some(list) = entry.as_array_mut() {
        list.push(value.into());
    }
}

/// Adds what `marker` says. One that is not known here is an error: nothing gets lost unseen.
fn add(place: &str, marker: &str, markers: &mut Map<String, Value>) -> Result<(), String> {
    let Some(marker) = marker.strip_prefix("+k8s:") else { return Ok(()) };
    let (name, rest) = marker.split_at(marker.find(['(', '=', ':']).unwrap_or(marker.len()));
    let name = name.split_whitespace().next().unwrap_or_default();
    let (argument, rest) = match rest.strip_prefix('(') {
        Some(rest) => rest.split_once(')').ok_or_else(|| format!("`{place}`: `{marker}` is not closed"))?,
        None => ("", rest),
    };
    let argument = argument.trim().trim_matches(['"', '`']);
    let value = rest.strip_prefix('=').unwrap_or_default();
    let text = value.split(" #").next().unwrap_or_default().split(" //").next().unwrap_or_default();
    let text = text.trim().trim_matches(['"', '`']);
    let number = || text.parse::<i64>().map_err(|_| format!("`{place}`: `{marker}` has no number"));
    match name {
        _ if SILENT.contains(&name) || GATED.contains(&name) => {}
        // The same was checked by code that was written by hand before.
        "alpha" | "beta" => add(place, value, markers)?,
        "required" | "immutable" | "customUnique" => drop(markers.insert(name.to_owned(), true.into())),
        "minimum" | "maximum" | "maxItems" | "minItems" | "maxLength" | "minLength" | "maxBytes" | "maxProperties" => {
            markers.insert(name.to_owned(), number()?.into());
        }
        "format" | "unique" => drop(markers.insert(name.to_owned(), text.into())),
        "update" => push(markers, "update", text),
        "listMapKey" => push(markers, "listMapKeys", text),
        "dependentRequired" => push(markers, "dependentRequired", argument),
        "dependentForbidden" => push(markers, "dependentForbidden", argument),
        "eachVal" | "eachKey" => add(place, value, part(markers, name))?,
        "subfield" => add(place, value, part(part(markers, "subfields"), argument))?,
        "neq" => {
            let value: Value = serde_json::from_str(value).unwrap_or_else(|_| text.into());
            markers.insert("notEqual".to_owned(), value);
        }
        "unionMember" | "zeroOrOneOfMember" | "unionDiscriminator" => {
            let union = argument.split(',').find_map(|part| part.trim().strip_prefix("union:"));
            let union = union.unwrap_or_default().trim().trim_matches('"');
            markers.insert(name.to_owned(), union.into());
        }
        // Of a single item of a list; a condition of a status in every case so far.
        "item" => {}
        // The values are in the field's `enum` already.
        "enum" | "enumExclude" => {}
        other => return Err(format!("`{place}` has the marker `+k8s:{other}`, which the generator does not know")),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &[&str]) -> Value {
        let mut markers = Map::new();
        lines.iter().for_each(|line| add("here", line, &mut markers).expect("known"));
        tidy(&mut markers);
        markers.into()
    }

    #[test]
    fn markers_are_read_through_their_wrappers() {
        let lines = [
            "+optional",
            "+k8s:alpha(since: \"1.36\")=+k8s:maxItems=32",
            "+k8s:beta(since:\"1.37\")=+k8s:eachKey=+k8s:format=\"k8s-short-name\"",
            "+k8s:alpha(since: \"1.36\")=+k8s:subfield(name)=+k8s:format=k8s-long-name",
            "+k8s:alpha(since: \"1.36\")=+k8s:subfield(name)=+k8s:optional",
            "+k8s:maximum=1000000000 # HighestUserDefinablePriority",
            "+k8s:ifEnabled(\"Gate\")=+k8s:minimum=7",
            "+k8s:dependentRequired(\"other\")",
        ];
        let wanted = json!({"maxItems": 32, "eachKey": {"format": "k8s-short-name"},
            "subfields": {"name": {"format": "k8s-long-name"}}, "maximum": 1_000_000_000, "dependentRequired": ["other"]});
        assert_eq!(read(&lines), wanted);
        assert_eq!(read(&["+k8s:eachVal=+k8s:opaqueType", "+k8s:listMapKey=name"]), json!({}));
    }

    #[test]
    fn an_unknown_marker_is_an_error() {
        assert!(add("here", "+k8s:brandNew=1", &mut Map::new()).is_err());
    }
}
