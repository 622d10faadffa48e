//! Generated ConfigMaps and Secrets: their entry in the kustomization, and the file or literal of each key.

use super::beginning;
use crate::manifest::{Data, Object, Origin, Source, Value};
use crate::render::kustomize::Closure;
use crate::render::path;

/// Points `object` at the generator's entry in the kustomization `file`, and its keys at literals, files and lines.
pub(super) fn attach(object: &mut Object, file: &str, closure: &Closure) {
    let Some(kustomization) = closure.kustomizations.iter().find(|kustomization| kustomization.file == file) else {
        return;
    };
    let field = if object.is_secret() { "secretGenerator" } else { "configMapGenerator" };
    let generators = kustomization.value.get(field).and_then(Value::as_list).unwrap_or_default();
    let name = object.name().unwrap_or_default();
    let own_name =
        |generator: &Value| generator.get("name").and_then(Value::as_str).map(str::to_owned).unwrap_or_default();
    let fits = |generator: &&Value| !own_name(generator).is_empty() && name.contains(&own_name(generator));
    let Some(generator) = generators.iter().filter(fits).max_by_key(|generator| own_name(generator).len()) else {
        return;
    };

    let value = object.value_mut();
    value.origin.clone_from(&generator.origin);
    let entry_name = generator.get("name").and_then(|name| name.origin.clone());
    if let Some(name) = value.get_mut("metadata").and_then(|metadata| metadata.get_mut("name")) {
        name.origin = entry_name;
    }
    for part in ["data", "binaryData", "stringData"] {
        let Some(Data::Map(map)) = value.get_mut(part).map(|value| &mut value.data) else { continue };
        let entries = std::mem::take(map);
        *map = entries
            .into_iter()
            .map(|(mut key, mut item)| {
                if let Some((key_origin, value_origin)) =
                    place_of(&key.text, generator, &kustomization.directory, closure)
                {
                    key.origin = key_origin;
                    item.origin = value_origin;
                }
                (key, item)
            })
            .collect();
    }
}

/// Where a key of the data is written, and where its value is.
fn place_of(
    key: &str,
    generator: &Value,
    directory: &str,
    closure: &Closure,
) -> Option<(Option<Origin>, Option<Origin>)> {
    let list = |field: &str| generator.get(field).and_then(Value::as_list).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    if let Some(literal) = list("literals").iter().find(|literal| text(literal).split('=').next() == Some(key)) {
        return Some((literal.origin.clone(), literal.origin.clone()));
    }
    for entry in list("files") {
        let entry_text = text(entry);
        let (name, file) = entry_text.split_once('=').unwrap_or((path::name(&entry_text), &entry_text));
        if name == key {
            let target = path::resolve(directory, file)?;
            return Some((entry.origin.clone(), beginning(&target, closure)));
        }
    }
    let one = generator.get("env");
    for entry in list("envs").iter().chain(one) {
        let target = path::resolve(directory, &text(entry))?;
        let content = String::from_utf8_lossy(closure.files.get(&target)?).into_owned();
        let mut start = 0;
        for line in content.split_inclusive('\n') {
            let bare = line.trim();
            if bare == key || bare.split('=').next().is_some_and(|name| name.trim() == key && bare.contains('=')) {
                let at = u32::try_from(start).ok()?;
                let end = at + u32::try_from(line.trim_end().len()).ok()?;
                let origin = Origin::new(Source::new(target.as_str(), content.as_str()), at, end);
                return Some((Some(origin.clone()), Some(origin)));
            }
            start += line.len();
        }
    }
    None
}
