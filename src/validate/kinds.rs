//! Judges the type that an object names.

use super::problem::{At, Problem};
use super::{Unknown, message};
use crate::finding::{Finding, Severity};
use crate::manifest::Object;
use crate::schema::{Catalog, KindSchema, KindSource, Lookup};

/// The findings on the object's `apiVersion` and `kind`; unknown groups are counted by the caller.
pub(super) fn judge(object: &Object, lookup: &Lookup<'_>, catalog: &Catalog) -> Vec<Finding> {
    let version = catalog.version();
    let (api_version, kind) = (object.api_version(), object.kind());
    match lookup {
        Lookup::Known(known) if known.source == KindSource::SwitchedOff => {
            let message =
                format!("Kubernetes {version} serves `{api_version}` {kind} only where the cluster switches it on");
            vec![Problem::new("not-served", At::Value, "/apiVersion", message).finding(object, Severity::Warning)]
        }
        Lookup::Known(_) | Lookup::Unknown(_) => Vec::new(),
        Lookup::OtherVersion(versions) => {
            let group = object.type_key().group;
            let served: Vec<String> = versions
                .iter()
                .map(|version| if group.is_empty() { (*version).to_owned() } else { format!("{group}/{version}") })
                .collect();
            let message = format!("Kubernetes {version} does not serve `{api_version}` {kind}");
            let hint = format!("it is served as {}", message::names(served.iter().map(String::as_str)));
            let problem = Problem::new("not-served", At::Value, "/apiVersion", message).hint(Some(hint));
            vec![problem.finding(object, Severity::Error)]
        }
        Lookup::NoSuchKind(meant) => {
            let message = format!("Kubernetes {version} has no kind `{kind}` in `{api_version}`");
            let hint = meant.as_ref().map(|key| format!("did you mean `{}` {}?", key.api_version(), key.kind));
            // The part that is wrong is the one that differs from what was meant.
            let wrong_kind = meant.as_ref().is_none_or(|key| key.kind != kind);
            let pointer = if wrong_kind { "/kind" } else { "/apiVersion" };
            let problem = Problem::new("unknown-kind", At::Value, pointer, message).hint(hint);
            vec![problem.finding(object, Severity::Error)]
        }
    }
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

/// One finding for all objects of a kind whose definition holds rules that are not evaluated.
pub(super) fn cel_not_evaluated(first: &Object, kind: &KindSchema, count: usize) -> Finding {
    let rules = if kind.cel_rules == 1 {
        format!("1 CEL rule of `{}` was", kind.type_key)
    } else {
        format!("{} CEL rules of `{}` were", kind.cel_rules, kind.type_key)
    };
    let objects = if count == 1 { "1 object".to_owned() } else { format!("{count} objects") };
    let message = format!("{rules} not evaluated on {objects}");
    let problem = Problem::new("not-evaluated", At::Value, "/kind", message);
    problem
        .hint(Some("the API server evaluates them when the object is applied".to_owned()))
        .finding(first, Severity::Warning)
}
