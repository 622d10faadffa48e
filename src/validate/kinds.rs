//! Judges the type that an object names.

use super::problem::{At, Problem};
use super::{Unknown, defaults, message, structure};
use crate::finding::{Finding, Fix, Severity};
use crate::manifest::{Object, TypeKey, Value};
use crate::schema::{Catalog, KindSource, Lifecycle, Lookup, Minor};
use std::collections::BTreeSet;

/// The findings on the object's `apiVersion` and `kind`; unknown groups are counted by the caller.
pub(super) fn judge(object: &Object, lookup: &Lookup<'_>, catalog: &Catalog) -> Vec<Finding> {
    let key = object.type_key();
    let life = Lifecycle::of(&key);
    let problem = match lookup {
        Lookup::Known(known) => {
            let problem = match known.source {
                KindSource::SwitchedOff => Some(switched_off(&key, catalog)),
                KindSource::Bundled => life.and_then(|life| going(&key, life, catalog)),
                KindSource::Definition | KindSource::Configured => None,
            };
            let problem = problem.map(|problem| problem.fix(renamed(object, &key, catalog)));
            return problem.map(|problem| problem.finding(object, Severity::Warning)).into_iter().collect();
        }
        Lookup::Unknown(_) => return Vec::new(),
        Lookup::OtherVersion(_) | Lookup::NoSuchKind(_) if life.is_some_and(|life| gone(life, catalog).is_some()) => {
            removed(&key, life.and_then(|life| gone(life, catalog)), catalog).fix(renamed(object, &key, catalog))
        }
        Lookup::OtherVersion(versions) => not_served(&key, versions, life, catalog),
        Lookup::NoSuchKind(_) if life.is_some_and(|life| to_come(life, catalog).is_some()) => {
            not_served(&key, &[], life, catalog)
        }
        Lookup::NoSuchKind(meant) => no_such_kind(&key, meant.as_ref(), catalog),
    };
    vec![problem.finding(object, Severity::Error)]
}

/// The API to use instead, where the object needs nothing else to be right under it.
fn renamed(object: &Object, key: &TypeKey, catalog: &Catalog) -> Option<Fix> {
    let other = catalog.replacement(key).filter(|other| other.kind == key.kind)?;
    let Lookup::Known(kind) = catalog.lookup(&other) else { return None };
    let mut value = object.value().clone();
    value.set("apiVersion", Value::from(other.api_version().as_str()));
    let moved = Object::new(value).ok()?;
    let value = defaults::filled(kind.root(), moved.value());
    structure::judge(&moved, &value, kind, true).is_empty().then(|| Fix::Word(other.api_version()))
}

fn said(key: &TypeKey) -> String {
    format!("`{}` {}", key.api_version(), key.kind)
}

fn switched_off(key: &TypeKey, catalog: &Catalog) -> Problem {
    let version = catalog.version();
    let message = format!("Kubernetes {version} serves {} only where the cluster switches it on", said(key));
    let hint = catalog.replacement(key).map(|other| format!("use {}", said(&other)));
    Problem::new("not-served", At::Value, "/apiVersion", message).hint(hint)
}

/// The version from which on an API is no longer there, when that is past.
fn gone(life: &Lifecycle, catalog: &Catalog) -> Option<Minor> {
    life.removed.filter(|removed| *removed <= catalog.minor())
}

/// The version that an API comes with, when that is still to come.
fn to_come(life: &Lifecycle, catalog: &Catalog) -> Option<Minor> {
    life.introduced.filter(|introduced| *introduced > catalog.minor())
}

/// The server warns of the API when it is used.
fn going(key: &TypeKey, life: &Lifecycle, catalog: &Catalog) -> Option<Problem> {
    let since = life.deprecated.filter(|deprecated| *deprecated <= catalog.minor())?;
    let goes = life.removed.map(|removed| format!(" and goes with {removed}")).unwrap_or_default();
    let message = format!("{} is deprecated since Kubernetes {since}{goes}", said(key));
    let hint = catalog.replacement(key).map(|other| format!("use {}", said(&other)));
    Some(Problem::new("deprecated-api", At::Value, "/apiVersion", message).hint(hint))
}

fn removed(key: &TypeKey, since: Option<Minor>, catalog: &Catalog) -> Problem {
    let since = since.map(|since| format!(": it went with {since}")).unwrap_or_default();
    let message = format!("Kubernetes {} no longer serves {}{since}", catalog.version(), said(key));
    let hint = catalog.replacement(key).map(|other| format!("use {}", said(&other)));
    Problem::new("removed-api", At::Value, "/apiVersion", message).hint(hint)
}

fn not_served(key: &TypeKey, versions: &[&str], life: Option<&Lifecycle>, catalog: &Catalog) -> Problem {
    let coming = life.and_then(|life| to_come(life, catalog));
    let not_yet = if coming.is_some() { " yet" } else { "" };
    let since = coming.map(|since| format!(": it comes with {since}")).unwrap_or_default();
    let message = format!("Kubernetes {} does not serve {}{not_yet}{since}", catalog.version(), said(key));
    let served: Vec<String> = versions
        .iter()
        .map(|version| TypeKey { version: (*version).to_owned(), ..key.clone() }.api_version())
        .collect();
    let hint =
        (!served.is_empty()).then(|| format!("it is served as {}", message::names(served.iter().map(String::as_str))));
    Problem::new("not-served", At::Value, "/apiVersion", message).hint(hint)
}

fn no_such_kind(key: &TypeKey, meant: Option<&TypeKey>, catalog: &Catalog) -> Problem {
    let message = format!("Kubernetes {} has no kind `{}` in `{}`", catalog.version(), key.kind, key.api_version());
    let hint = meant.map(|meant| format!("did you mean {}?", said(meant)));
    // The part that is wrong is the one that differs from what was meant.
    let wrong_kind = meant.is_none_or(|meant| meant.kind != key.kind);
    let pointer = if wrong_kind { "/kind" } else { "/apiVersion" };
    let fix = meant.and_then(|meant| match (meant.kind == key.kind, meant.api_version() == key.api_version()) {
        (false, true) => Some(Fix::Word(meant.kind.clone())),
        (true, false) => Some(Fix::Word(meant.api_version())),
        _ => None,
    });
    Problem::new("unknown-kind", At::Value, pointer, message).hint(hint).fix(fix)
}

/// One finding for all objects of a kind that nothing is known of, at the first.
pub(super) fn unknown(first: &Object, count: usize, catalog: &Catalog, weight: Unknown) -> Option<Finding> {
    let severity = weight.severity()?;
    let (api_version, kind) = (first.api_version(), first.kind());
    let objects = if count == 1 { "1 object was".to_owned() } else { format!("{count} objects were") };
    let message = format!("no schema is known for `{api_version}` {kind}: {objects} not checked");
    let meant = match catalog.lookup(&first.type_key()) {
        Lookup::Unknown(Some(key)) => format!("did you mean `{}` {}?", key.api_version(), key.kind),
        _ => "add its CustomResourceDefinition to the repository, or name a schema for it in the configuration"
            .to_owned(),
    };
    let problem = Problem::new("unknown-kind", At::Value, "/kind", message).hint(Some(meant));
    Some(problem.finding(first, severity))
}

/// One finding for all objects of a kind whose definition holds rules that were not evaluated on them.
pub(super) fn cel_not_evaluated(
    first: &Object,
    kind: &TypeKey,
    rules: &BTreeSet<(String, String)>,
    count: usize,
) -> Finding {
    let of = if rules.len() == 1 { "1 CEL rule".to_owned() } else { format!("{} CEL rules", rules.len()) };
    let were = if rules.len() == 1 { "was" } else { "were" };
    let objects = if count == 1 { "1 object".to_owned() } else { format!("{count} objects") };
    let mut message = format!("{of} of `{kind}` {were} not evaluated on {objects}");
    if let Some((rule, why)) = rules.first() {
        let rule = rule.split_whitespace().collect::<Vec<_>>().join(" ");
        let rule: String = rule.chars().take(160).collect();
        message.push_str(&format!(": `{rule}`: {why}"));
    }
    let problem = Problem::new("not-evaluated", At::Value, "/kind", message);
    problem
        .hint(Some("the API server evaluates them when the object is applied".to_owned()))
        .finding(first, Severity::Warning)
}
