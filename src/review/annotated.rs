//! What objects say of themselves: `ignore.mergeline.dev/RULE: REASON` among their annotations.
//!
//! For what no comment can stand beside: an object that goes away, one that a generator makes. Of an object that goes away the
//! annotation was there before the change.

use super::silence::{with_newness, wrong};
use crate::finding::{Finding, ObjectRef, Place};
use crate::manifest::value::escape_token;
use crate::manifest::{Object, Origin, Value};
use std::collections::BTreeMap;

const PREFIX: &str = "ignore.mergeline.dev/";

/// The wishes of objects, by environment and object.
#[derive(Debug, Default)]
pub(super) struct Annotated {
    wishes: BTreeMap<(String, ObjectRef), Vec<(String, String)>>,
    wrong: Vec<Finding>,
}

impl Annotated {
    /// Takes note of a unit's objects before and after.
    pub(super) fn read(&mut self, environment: &str, before: &[Object], after: &[Object]) {
        let former: BTreeMap<ObjectRef, &Object> =
            before.iter().filter(|it| !wishes(it).is_empty()).map(|it| (it.reference(), it)).collect();
        for object in after {
            let reference = object.reference();
            for (rule, reason) in wishes(object) {
                let pointer = format!("/metadata/annotations/{}", escape_token(&format!("{PREFIX}{rule}")));
                let place = object.value().key_origin_at(&pointer).map(Origin::place_without_excerpt);
                let said = wrong(&[rule.to_owned()], reason, &place.unwrap_or_else(|| Place::file("")));
                if let Some(mut finding) = said {
                    finding.place = finding.place.filter(|place| !place.path.is_empty());
                    finding.environments.push(environment.to_owned());
                    self.wrong.push(finding.about(reference.clone()).pointer(pointer));
                    continue;
                }
                let known = former.get(&reference).is_some_and(|it| wishes(it).contains(&(rule, reason)));
                self.wish(environment, &reference, rule, with_newness(reason, !known));
            }
        }
        for (reference, object) in former {
            for (rule, reason) in wishes(object).into_iter().filter(|(_, reason)| !reason.is_empty()) {
                let gone = !after.iter().any(|it| it.reference() == reference);
                if gone {
                    self.wish(environment, &reference, rule, reason.to_owned());
                }
            }
        }
    }

    /// Adds what others say of themselves.
    pub(super) fn add(&mut self, other: Self) {
        for (object, wishes) in other.wishes {
            self.wishes.entry(object).or_default().extend(wishes);
        }
        self.wrong.extend(other.wrong);
    }

    fn wish(&mut self, environment: &str, object: &ObjectRef, rule: &str, reason: String) {
        self.wishes.entry((environment.to_owned(), object.clone())).or_default().push((rule.to_owned(), reason));
    }

    /// Why a finding is not wanted, where its object says so in every environment of the finding.
    pub(super) fn silences(&self, finding: &Finding) -> Option<String> {
        let object = finding.object.as_ref()?;
        let reason = |environment: &String| {
            let wishes = self.wishes.get(&(environment.clone(), object.clone()))?;
            wishes.iter().find(|(rule, _)| *rule == finding.rule).map(|(_, reason)| reason)
        };
        let reasons: Option<Vec<&String>> = finding.environments.iter().map(reason).collect();
        reasons?.first().map(|reason| (*reason).clone())
    }

    /// Wishes that do nothing.
    pub(super) fn wrong(&self) -> &[Finding] {
        &self.wrong
    }
}

fn wishes(object: &Object) -> Vec<(&str, &str)> {
    let annotations = object.value().path(&["metadata", "annotations"]).and_then(Value::as_map);
    annotations
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| {
            Some((key.as_str().strip_prefix(PREFIX)?, value.as_str().unwrap_or_default().trim()))
        })
        .collect()
}
