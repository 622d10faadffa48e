//! `service-selector`: a Service that selects no pods of the render, beside pods that were probably meant.
//!
//! The server takes it, and it has no endpoints.

use super::{Check, Rule};
use crate::finding::Severity;
use crate::manifest::{Value, value::escape_token};
use crate::validate::Verdict;
use crate::validate::problem::{At, Problem, place};
use crate::validate::whole::{Whole, missed};

pub(super) const RULE: Rule = Rule {
    id: "service-selector",
    severity: Severity::Warning,
    about: "a Service selects no pods of the render, and pods beside it were probably meant",
    check: Check::Whole(check),
};

fn check(whole: &Whole<'_>, verdict: &mut Verdict) {
    for service in whole.objects.iter().filter(|object| object.kind() == "Service" && object.api_version() == "v1") {
        let Some(selector) = service.value().at("/spec/selector").and_then(Value::as_map) else { continue };
        let Some((pods, key, has)) = missed(whole, service, selector) else { continue };
        let pointer = format!("/spec/selector/{}", escape_token(&key));
        let pods_of = format!("{} `{}`", pods.object.kind(), pods.object.name().unwrap_or_default());
        let message = format!("the Service selects no pods here: the label `{key}` of {pods_of} is `{has}`");
        let problem = Problem::new(RULE.id, At::Value, &pointer, message).hint(Some(format!("did you mean `{has}`?")));
        let mut finding = problem.finding(service, RULE.severity);
        let label = pods.labels.and_then(|labels| labels.get(key.as_str())).and_then(|label| label.origin.as_ref());
        if let Some(origin) = label {
            finding = finding.related(place(pods.object, origin), "the label of the pods");
        }
        verdict.findings.push(finding);
    }
}
