//! `absent-secret`: a Secret that nothing makes, where one of the render was probably meant.
//!
//! Secrets are made by hand, by vaults and by controllers: an absent one alone says nothing.

use super::{Check, Rule};
use crate::finding::Severity;
use crate::manifest::{Object, Value};
use crate::validate::Verdict;
use crate::validate::whole::{Whole, absent_keys, list};

pub(super) const RULE: Rule = Rule {
    id: "absent-secret",
    severity: Severity::Warning,
    about: "a pod or Ingress names a Secret that nothing makes, and the render has one that was probably meant",
    check: Check::Whole(check),
};

fn check(whole: &Whole<'_>, verdict: &mut Verdict) {
    for pods in &whole.pods {
        for named in pods.names().into_iter().filter(|named| named.kind == "Secret") {
            match whole.find("Secret", named.name, pods.object.namespace()) {
                Some(made) => {
                    let maps = ["data", "stringData"];
                    absent_keys((RULE.id, RULE.severity), pods, &named, made, &maps, &mut verdict.findings);
                }
                None => look(whole, pods.object, &named.pointer, named.name, verdict),
            }
        }
    }
    let is_ingress = |object: &&&Object| object.kind() == "Ingress" && object.api_version() == "networking.k8s.io/v1";
    for ingress in whole.objects.iter().filter(is_ingress) {
        for (index, tls) in list(ingress.value().at("/spec/tls")).iter().enumerate() {
            let name = tls.get("secretName").and_then(Value::as_str).unwrap_or_default();
            if !name.is_empty() && whole.find("Secret", name, ingress.namespace()).is_none() {
                look(whole, ingress, &format!("/spec/tls/{index}/secretName"), name, verdict);
            }
        }
    }
}

fn look(whole: &Whole<'_>, object: &Object, pointer: &str, name: &str, verdict: &mut Verdict) {
    if whole.meant("Secret", name).is_some() && !whole.objects.iter().any(|maker| makes(maker, name)) {
        verdict.absent.push(whole.absent((RULE.id, RULE.severity), object, pointer, "Secret", name));
    }
}

/// Says whether a controller makes the Secret from this object: SealedSecret, ExternalSecret, Certificate and their like.
fn makes(maker: &Object, name: &str) -> bool {
    let text = |pointer: &str| maker.value().at(pointer).and_then(Value::as_str);
    let by_name = maker.kind() != "Secret" && maker.kind().ends_with("Secret") && maker.name() == Some(name);
    by_name
        || text("/spec/target/name") == Some(name)
        || (maker.kind() != "Ingress" && text("/spec/secretName") == Some(name))
}
