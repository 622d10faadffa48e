//! Secrets and claims (`pkg/apis/core/validation`).

use super::super::format;
use super::super::structure::Walk;
use super::{holds, inner, text};
use crate::manifest::{Map, Value};

/// `ValidateSecret`: what a type must hold. `stringData` goes over `data` before the server looks.
pub(super) fn secret(walk: &mut Walk, map: &Map) {
    let kind = text(map, "type");
    let has = |key: &str| {
        ["data", "stringData"].iter().any(|part| inner(map, part).is_some_and(|part| part.contains_key(key)))
    };
    let lacks = |walk: &mut Walk, key: &str| {
        walk.refuse_all(&format!("must have the key `{key}` in `data` or `stringData`, as its type is `{kind}`"));
    };
    match kind {
        "kubernetes.io/service-account-token" => {
            let name = inner(map, "metadata").and_then(|metadata| inner(metadata, "annotations"));
            if name.is_none_or(|annotations| !holds(annotations, "kubernetes.io/service-account.name")) {
                walk.refuse_all(
                    "must have the annotation `kubernetes.io/service-account.name`, as its type is a token's",
                );
            }
        }
        "kubernetes.io/dockercfg" => configuration(walk, map, ".dockercfg", &lacks),
        "kubernetes.io/dockerconfigjson" => configuration(walk, map, ".dockerconfigjson", &lacks),
        "kubernetes.io/basic-auth" if !has("username") && !has("password") => lacks(walk, "username"),
        "kubernetes.io/ssh-auth" if !has("ssh-privatekey") => lacks(walk, "ssh-privatekey"),
        "kubernetes.io/tls" => {
            for key in ["tls.crt", "tls.key"].into_iter().filter(|key| !has(key)) {
                lacks(walk, key);
            }
        }
        _ => {}
    }
}

/// A key that holds a JSON object.
fn configuration(walk: &mut Walk, map: &Map, key: &str, lacks: &dyn Fn(&mut Walk, &str)) {
    let of = |part: &str| inner(map, part).and_then(|part| part.get(key)).filter(|value| !value.is_null());
    let plain = of("stringData").and_then(Value::as_str).map(str::to_owned);
    let encoded = of("data").and_then(Value::as_str);
    let (part, json) = match (plain, encoded) {
        (Some(plain), _) => ("stringData", Some(plain)),
        (None, Some(encoded)) => ("data", format::decoded(encoded)),
        (None, None) => return lacks(walk, key),
    };
    // Go takes `null` for a map.
    let right = json.is_none_or(|json| {
        serde_json::from_str::<serde_json::Value>(&json).is_ok_and(|json| json.is_object() || json.is_null())
    });
    if !right {
        walk.below(part, |walk| walk.refuse(key, "must hold a JSON object"));
    }
}

/// A claim asks for storage.
pub(super) fn claim(walk: &mut Walk, map: &Map) {
    let requests = inner(map, "resources").and_then(|resources| inner(resources, "requests"));
    if requests.is_none_or(|requests| !requests.contains_key("storage")) {
        walk.refuse_all("must ask for storage in `resources.requests.storage`");
    }
}
