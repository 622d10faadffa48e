//! Makes objects that may be wrong from objects that are right.

use super::random::Random;
use mergeline::schema::{Kind, Node};
use serde_json::{Map, Value as Json, json};

/// Texts that some field takes and another does not.
const TEXTS: [&str; 46] = [
    "web",
    "Web",
    "a_b",
    "a.b",
    "-a",
    "a-",
    "",
    " ",
    "a b",
    "8080",
    "0",
    "-1",
    "1Gi",
    "1gi",
    "100m",
    "1.5",
    "50%",
    "150%",
    "-5%",
    "1K",
    "e3",
    "TCP",
    "tcp",
    "Always",
    "always",
    "true",
    "null",
    "/",
    "/a/../b",
    "../x",
    "a/b",
    "a/b/c",
    "10.0.0.1",
    "10.0.0.0/8",
    "300.1.1.1",
    "::1",
    "2026-01-01T00:00:00Z",
    "2026-01-01",
    "1h",
    "https://x.example/y",
    "*.example.com",
    "*",
    "0 0 * * *",
    "61 * * * *",
    "äöü",
    "http",
];

/// Keys of labels and annotations, and their values.
const KEYS: [&str; 14] =
    ["app", "a.b/c", "A.b/c", "a b", "/x", "x/", "a/b/c", "", "-a", "_a", "a..b/c", "a_b", "ä", "example.com/a.b_c-d"];

/// Numbers at the edges of what fields take.
const NUMBERS: [f64; 14] =
    [0.0, 1.0, -1.0, 2.0, 65_535.0, 65_536.0, 100.0, 101.0, 1.5, 2_147_483_648.0, 1e12, 1e19, 420.0, 511.0];

/// Says whether a value is one to change.
type Fits = fn(&Json) -> bool;

/// The ways to spoil an object, with how often each is taken.
const WAYS: [(&str, usize); 19] = [
    ("unknown field", 7),
    ("misspelt field", 7),
    ("field left out", 12),
    ("value of another type", 12),
    ("another text", 12),
    ("another number", 8),
    ("list item twice", 6),
    ("emptied", 6),
    ("field added", 16),
    ("null", 4),
    ("swapped", 3),
    ("name", 4),
    ("labels", 4),
    ("annotations", 2),
    ("other metadata", 5),
    ("version", 2),
    ("kind", 2),
    ("scope", 2),
    ("too big", 1),
];

/// What is put to the server of every template, whatever the seed: each list with each of its items twice, each number as
/// zero, each text empty, and names that are to be made.
pub(super) fn sweep(object: &Json) -> Vec<(String, Json)> {
    let mut made = Vec::new();
    let mut lists = Vec::new();
    collect(object, String::new(), &|value: &Json| value.as_array().is_some_and(|list| !list.is_empty()), &mut lists);
    for place in lists {
        let items = object.pointer(&place).and_then(Json::as_array).unwrap();
        for (index, item) in items.iter().enumerate() {
            let mut other = object.clone();
            other.pointer_mut(&place).and_then(Json::as_array_mut).unwrap().push(item.clone());
            made.push((format!("list item {index} twice {place}"), other));
        }
    }
    let zeros: [(&str, Fits, Json); 3] = [
        ("zero", Json::is_number, json!(0)),
        ("negative", Json::is_number, json!(-1)),
        ("emptied", Json::is_string, json!("")),
    ];
    for (how, fits, zero) in zeros {
        let mut places = Vec::new();
        collect(object, String::new(), &fits, &mut places);
        places.retain(|place| !matches!(&**place, "/apiVersion" | "/kind" | "/metadata/name"));
        for place in places {
            let mut other = object.clone();
            *other.pointer_mut(&place).unwrap() = zero.clone();
            made.push((format!("{how} {place}"), other));
        }
    }
    for prefix in ["web-", "Web-", "*", "a.b-"] {
        let mut other = object.clone();
        other["metadata"]["generateName"] = json!(prefix);
        made.push((format!("generateName {prefix} beside a name"), other.clone()));
        other["metadata"].as_object_mut().unwrap().shift_remove("name");
        made.push((format!("generateName {prefix}"), other));
    }
    made
}

/// The wide sweep: each place of a template with every text or number in it, and without it.
pub(super) fn wide_sweep(object: &Json) -> Vec<(String, Json)> {
    let mut made = Vec::new();
    let mut places = Vec::new();
    collect(object, String::new(), &|_: &Json| true, &mut places);
    places.retain(|place| !place.is_empty() && !matches!(&**place, "/apiVersion" | "/kind"));
    let numbers = NUMBERS.map(whole);
    for place in places {
        let values: Vec<Json> = match object.pointer(&place).unwrap() {
            Json::String(_) => TEXTS.iter().map(|text| json!(text)).collect(),
            Json::Number(_) => numbers.to_vec(),
            _ => Vec::new(),
        };
        for value in values.into_iter().chain([Json::Null]) {
            let mut other = object.clone();
            *other.pointer_mut(&place).unwrap() = value.clone();
            made.push((format!("{value} at {place}"), other));
        }
        let (above, token) = place.rsplit_once('/').unwrap();
        let mut other = object.clone();
        if let Some(map) = other.pointer_mut(above).and_then(Json::as_object_mut) {
            map.shift_remove(&token.replace("~1", "/").replace("~0", "~"));
            made.push((format!("without {place}"), other));
        }
    }
    made
}

/// Spoils `object`, which `schema` describes, in one way; gives the way and the place.
pub(super) fn mutate(object: &mut Json, schema: Option<Node<'_>>, random: &mut Random) -> String {
    let total: usize = WAYS.iter().map(|(_, weight)| weight).sum();
    let mut at = random.below(total);
    let (way, _) = WAYS
        .iter()
        .find(|(_, weight)| {
            at < *weight || {
                at -= weight;
                false
            }
        })
        .unwrap();
    let place = spoil(way, object, schema, random).unwrap_or_default();
    format!("{way} {place}")
}

fn spoil(way: &str, object: &mut Json, schema: Option<Node<'_>>, random: &mut Random) -> Option<String> {
    let is = |pick: fn(&Json) -> bool| move |value: &Json| pick(value);
    match way {
        "unknown field" => {
            let place = some(object, random, is(Json::is_object))?;
            let name = *random.pick(&["zzUnknown", "spec", "name", "replica"]);
            let value = random.pick(&[json!(1), json!("x"), json!({}), json!([])]).clone();
            object.pointer_mut(&place)?.as_object_mut()?.entry(name).or_insert(value);
            Some(place)
        }
        "misspelt field" => {
            let place = some(object, random, |value| value.as_object().is_some_and(|map| !map.is_empty()))?;
            let map = object.pointer_mut(&place)?.as_object_mut()?;
            let key = random.pick(&map.keys().cloned().collect::<Vec<_>>()).clone();
            let value = map.shift_remove(&key)?;
            let wrong = match random.below(4) {
                0 => key.to_lowercase() + "s",
                1 => key.chars().skip(1).collect(),
                2 => key.to_uppercase(),
                _ => format!("{key}{}", key.chars().last().unwrap_or('x')),
            };
            map.insert(wrong, value);
            Some(format!("{place}/{key}"))
        }
        "field left out" => {
            let place = some(object, random, |value| value.as_object().is_some_and(|map| !map.is_empty()))?;
            let map = object.pointer_mut(&place)?.as_object_mut()?;
            let key = random.pick(&map.keys().cloned().collect::<Vec<_>>()).clone();
            map.shift_remove(&key)?;
            Some(format!("{place}/{key}"))
        }
        "value of another type" => {
            let place = some(object, random, |_| true)?;
            let others = [
                json!("text"),
                json!(7),
                json!(1.5),
                json!(true),
                json!([]),
                json!({}),
                json!(["x"]),
                json!({"a": "b"}),
                json!("5"),
            ];
            *object.pointer_mut(&place)? = random.pick(&others).clone();
            Some(place)
        }
        "another text" => {
            let place = some(object, random, is(Json::is_string))?;
            *object.pointer_mut(&place)? = text(random);
            Some(place)
        }
        "another number" => {
            let place = some(object, random, is(Json::is_number))?;
            *object.pointer_mut(&place)? = number(random);
            Some(place)
        }
        "list item twice" => {
            let place = some(object, random, |value| value.as_array().is_some_and(|list| !list.is_empty()))?;
            let list = object.pointer_mut(&place)?.as_array_mut()?;
            let mut item = random.pick(list).clone();
            if let (Some(map), true) = (item.as_object_mut(), random.chance(30))
                && map.len() > 1
            {
                let key = random.pick(&map.keys().cloned().collect::<Vec<_>>()).clone();
                map.shift_remove(&key);
            }
            list.push(item);
            Some(place)
        }
        "emptied" => {
            let place = some(object, random, |value| match value {
                Json::Object(map) => !map.is_empty(),
                Json::Array(list) => !list.is_empty(),
                Json::String(text) => !text.is_empty(),
                _ => false,
            })?;
            match object.pointer_mut(&place)? {
                Json::Object(map) => map.clear(),
                Json::Array(list) => list.clear(),
                Json::String(text) => text.clear(),
                _ => {}
            }
            Some(place)
        }
        "null" => {
            let place = some(object, random, |_| true)?;
            *object.pointer_mut(&place)? = Json::Null;
            Some(place)
        }
        "swapped" => {
            let (one, two) = (some(object, random, is(Json::is_string))?, some(object, random, is(Json::is_string))?);
            let (first, second) = (object.pointer(&one)?.clone(), object.pointer(&two)?.clone());
            *object.pointer_mut(&one)? = second;
            *object.pointer_mut(&two)? = first;
            Some(format!("{one} {two}"))
        }
        "field added" => {
            let schema = schema?;
            // Several tries: not every map has a field left to add.
            (0..8).find_map(|_| {
                let place = some(object, random, Json::is_object)?;
                let node = schema.at(&place)?;
                let map = object.pointer_mut(&place)?.as_object_mut()?;
                let free: Vec<(&str, Node<'_>)> = node.fields().filter(|(name, _)| !map.contains_key(*name)).collect();
                let free: Vec<_> =
                    free.into_iter().filter(|(name, _)| !(place.is_empty() && *name == "status")).collect();
                if free.is_empty() {
                    return None;
                }
                let (name, field) = random.pick(&free);
                map.insert((*name).to_owned(), made(*field, random, 3));
                Some(format!("{place}/{name}"))
            })
        }
        _ => head(way, object, random),
    }
}

/// Spoils what every object has: its type and its metadata.
fn head(way: &str, object: &mut Json, random: &mut Random) -> Option<String> {
    let long = |count: usize| "x".repeat(count);
    let metadata = object.as_object_mut()?.entry("metadata").or_insert_with(|| json!({}));
    // Spoiled before.
    if !metadata.is_object() {
        *metadata = json!({});
    }
    let entry = |random: &mut Random| {
        let key = random.pick(&KEYS).to_string();
        let value = match random.below(4) {
            0 => json!(random.pick(&[json!(1), json!(true), Json::Null, json!(["a"])]).clone()),
            1 => json!(long(64)),
            _ => text(random),
        };
        (key, value)
    };
    match way {
        "name" => {
            let name = match random.below(6) {
                0 => json!(long(64)),
                1 => json!(long(254)),
                2 => random
                    .pick(&[
                        json!(5),
                        Json::Null,
                        json!("a%b"),
                        json!("."),
                        json!(".."),
                        json!("a:b"),
                        json!("10.0.0.1"),
                    ])
                    .clone(),
                _ => text(random),
            };
            metadata["name"] = name;
        }
        "labels" | "annotations" => {
            let (key, value) = entry(random);
            let map = metadata.as_object_mut()?.entry(way).or_insert_with(|| json!({}));
            map.as_object_mut()?.insert(key, value);
        }
        "other metadata" => {
            let owner = json!({"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "abc"});
            let without = |field: &str| {
                let mut owner = owner.clone();
                owner.as_object_mut().unwrap().shift_remove(field);
                owner
            };
            let with = |field: &str, value: Json| {
                let mut owner = owner.clone();
                owner[field] = value;
                owner
            };
            let owners = [
                json!([owner]),
                json!([without("uid")]),
                json!([without("name")]),
                json!([without("kind")]),
                json!([without("apiVersion")]),
                json!([with("controller", json!(true)), with("controller", json!(true))]),
                json!([with("apiVersion", json!("v1/x/y"))]),
                json!([with("uid", json!(""))]),
                json!([with("kind", json!("Event")), with("apiVersion", json!("v1"))]),
                json!([owner, owner]),
            ];
            let (field, value) = match random.below(9) {
                0 => ("finalizers", json!([text(random)])),
                1 => (
                    "finalizers",
                    json!([random.pick(&["a.b/c", "orphan", "foregroundDeletion", "kubernetes", "a b/c", "plain"])]),
                ),
                2 | 3 => ("ownerReferences", random.pick(&owners).clone()),
                4 => ("generateName", text(random)),
                5 => ("namespace", text(random)),
                6 => (
                    "creationTimestamp",
                    random.pick(&[Json::Null, json!("2026-01-01T00:00:00Z"), json!("x"), json!(1)]).clone(),
                ),
                7 => ("generation", random.pick(&[json!(1), json!(-1), json!("1")]).clone()),
                _ => (
                    *random.pick(&[
                        "resourceVersion",
                        "uid",
                        "selfLink",
                        "deletionGracePeriodSeconds",
                        "managedFields",
                        "clusterName",
                    ]),
                    random.pick(&[json!(""), json!("x"), json!(5), json!([])]).clone(),
                ),
            };
            metadata[field] = value;
        }
        "scope" => match random.below(3) {
            0 => metadata["namespace"] = json!("default"),
            1 => drop(metadata.as_object_mut()?.shift_remove("name")),
            _ => drop(object.as_object_mut()?.shift_remove("metadata")),
        },
        "too big" => {
            let size = *random.pick(&[1000, 262_000, 263_000]);
            metadata.as_object_mut()?.entry("annotations").or_insert_with(|| json!({}))["big"] = json!(long(size));
        }
        "version" => {
            let version = object["apiVersion"].as_str()?.to_owned();
            let group = version.rsplit_once('/').map(|(group, _)| format!("{group}/")).unwrap_or_default();
            let wrong = random.pick(&["v1beta1", "v1alpha1", "v2", "v1", "V1", "v3", ""]);
            object["apiVersion"] = match random.below(6) {
                0 => json!(version.replacen('a', "", 1)),
                1 => random
                    .pick(&[Json::Null, json!(1), json!("x"), json!("apps/v1"), json!("v1"), json!("batch/v1")])
                    .clone(),
                _ => json!(format!("{group}{wrong}")),
            };
        }
        "kind" => {
            let kind = object["kind"].as_str()?.to_owned();
            object["kind"] = match random.below(5) {
                0 => json!(kind.to_lowercase()),
                1 => json!(format!("{kind}s")),
                2 => json!(format!("{kind}List")),
                3 => json!(kind.replacen('e', "", 1)),
                _ => random.pick(&[Json::Null, json!(1), json!(""), json!("Deployment"), json!("Thing")]).clone(),
            };
        }
        _ => unreachable!("{way}"),
    }
    Some(String::new())
}

/// A value for a field that is absent, by its schema; plausible, not always right.
fn made(node: Node<'_>, random: &mut Random, depth: usize) -> Json {
    if !node.choices().is_empty() && random.chance(80) {
        let texts: Vec<Json> =
            node.choices().iter().filter_map(|choice| choice.as_str()).map(|text| json!(text)).collect();
        if !texts.is_empty() {
            return random.pick(&texts).clone();
        }
    }
    match node.kind() {
        Kind::Map => {
            let mut map = Map::new();
            let fields: Vec<(&str, Node<'_>)> = node.fields().collect();
            if depth > 0 {
                let required: Vec<&str> = node.required().collect();
                for (name, field) in &fields {
                    if (required.contains(name) && random.chance(90)) || random.chance(25) {
                        map.insert((*name).to_owned(), made(*field, random, depth - 1));
                    }
                }
                if let Some(values) = node.values() {
                    map.insert(random.pick(&KEYS).to_string(), made(values, random, depth - 1));
                }
            }
            Json::Object(map)
        }
        Kind::List => {
            let count = random.below(3);
            let Some(items) = node.items().filter(|_| depth > 0) else { return json!([]) };
            (0..count).map(|_| made(items, random, depth - 1)).collect()
        }
        Kind::String => match node.format() {
            Some("date-time") if random.chance(80) => json!("2026-01-01T00:00:00Z"),
            Some("byte") if random.chance(80) => json!("aGVsbG8="),
            _ => text(random),
        },
        Kind::Integer => random.pick(&[json!(0), json!(1), json!(5), json!(80), json!(-1), json!(70_000)]).clone(),
        Kind::Number => number(random),
        Kind::Boolean => json!(random.chance(50)),
        Kind::IntOrString => random.pick(&[json!(1), json!("http"), json!("25%"), json!(0), json!("")]).clone(),
        Kind::Quantity => random
            .pick(&[json!("1"), json!(1), json!("500m"), json!("1Gi"), json!("-1"), json!("1K"), json!(0.5)])
            .clone(),
        Kind::Any => random.pick(&[json!({"a": 1}), json!("x"), json!([1]), json!(null)]).clone(),
    }
}

fn text(random: &mut Random) -> Json {
    json!(random.pick(&TEXTS))
}

fn number(random: &mut Random) -> Json {
    whole(*random.pick(&NUMBERS))
}

/// A number as JSON writes it: without a fraction where there is none.
fn whole(number: f64) -> Json {
    #[allow(clippy::cast_possible_truncation)]
    if number.fract() == 0.0 && number.abs() < 1e18 { json!(number as i64) } else { json!(number) }
}

/// The pointer of a random node that `fits`.
fn some(object: &Json, random: &mut Random, fits: impl Fn(&Json) -> bool) -> Option<String> {
    let mut places = Vec::new();
    collect(object, String::new(), &fits, &mut places);
    // `apiVersion`, `kind` and `metadata` have ways of their own.
    places.retain(|place| !matches!(&**place, "/apiVersion" | "/kind" | "/metadata/name"));
    (!places.is_empty()).then(|| random.pick(&places).clone())
}

fn collect(value: &Json, place: String, fits: &impl Fn(&Json) -> bool, places: &mut Vec<String>) {
    match value {
        Json::Object(map) => map.iter().for_each(|(key, value)| {
            let key = key.replace('~', "~0").replace('/', "~1");
            collect(value, format!("{place}/{key}"), fits, places);
        }),
        Json::Array(list) => {
            list.iter().enumerate().for_each(|(index, value)| collect(value, format!("{place}/{index}"), fits, places));
        }
        _ => {}
    }
    if fits(value) {
        places.push(place);
    }
}
