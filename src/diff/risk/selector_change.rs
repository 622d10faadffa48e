//! `selector-change`: a Service comes to send its traffic elsewhere, or nowhere.

use super::workload::{pod_labels, selects};
use super::{Check, Found, Risk, Scene};
use crate::finding::Severity;
use crate::manifest::Object;

pub(super) const RISK: Risk = Risk {
    id: "selector-change",
    severity: Severity::Warning,
    about: "the pods that a Service selects change",
    check: Check::Unit(check),
};

fn check(scene: &Scene<'_>, found: &mut Found<'_>) {
    let service = |object: &Object| object.kind() == "Service" && object.api_version() == "v1";
    for edit in &scene.edits {
        let Some((before, after)) = edit.kept().filter(|(_, after)| service(after)) else { continue };
        let selector = |object: &Object| object.value().path(&["spec", "selector"]).filter(|it| !it.is_null()).cloned();
        let (was, is) = (selector(before), selector(after));
        if was == is {
            continue;
        }
        let Some(is) = is else {
            found.at(after, "/spec", "the Service loses its selector: it keeps the endpoints that it has");
            continue;
        };
        let targets: Vec<&Object> = scene
            .after
            .iter()
            .filter(|object| object.namespace() == after.namespace() && selects(&is, pod_labels(object)))
            .collect();
        let message = match targets.as_slice() {
            [] => "the Service selects other pods, and nothing in this unit has these labels".to_owned(),
            [one] => format!("the Service selects other pods: those of `{}`", one.reference()),
            [one, rest @ ..] => {
                format!("the Service selects other pods: those of `{}` and {} more", one.reference(), rest.len())
            }
        };
        found.at(after, "/spec/selector", message);
    }
    // A label that a Service selects by may leave the pods while the Service stays as it is.
    for edit in &scene.edits {
        let Some((before, after)) = edit.kept() else { continue };
        let (was, is) = (pod_labels(before), pod_labels(after));
        if was.is_none() || was == is {
            continue;
        }
        let of_this = |object: &&Object| service(object) && object.namespace() == after.namespace();
        for selecting in scene.after.iter().filter(of_this) {
            let changed = scene.edits.iter().any(|it| it.after.is_some_and(|object| std::ptr::eq(object, selecting)));
            let Some(selector) = selecting.value().path(&["spec", "selector"]).filter(|_| !changed) else { continue };
            if selects(selector, was) && !selects(selector, is) {
                let name = selecting.name().unwrap_or_default();
                let message = format!("the Service `{name}` no longer selects these pods: their labels change");
                let pointer = super::workload::pod(after).map_or("", |(pointer, _)| pointer);
                let labels = format!("{}/metadata/labels", pointer.strip_suffix("/spec").unwrap_or_default());
                found.at(after, &labels, message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Value;

    #[test]
    fn an_empty_selector_selects_nothing() {
        let none = crate::manifest::value::map(Vec::<(&str, Value)>::new());
        assert!(!selects(&none, Some(&crate::manifest::value::map([("app", "web")]))));
    }
}
