//! `budget-selector`: a PodDisruptionBudget that protects no pods of the render, beside pods that were probably meant.

use super::{Check, Rule};
use crate::finding::Severity;
use crate::manifest::{Value, value::escape_token};
use crate::validate::Verdict;
use crate::validate::problem::{At, Problem, place};
use crate::validate::whole::{Whole, missed};

pub(super) const RULE: Rule = Rule {
    id: "budget-selector",
    severity: Severity::Warning,
    about: "a PodDisruptionBudget selects no pods of the render, and pods beside it were probably meant",
    check: Check::Whole(check),
};

fn check(whole: &Whole<'_>, verdict: &mut Verdict) {
    for budget in whole.objects.iter().filter(|object| object.kind() == "PodDisruptionBudget") {
        let Some(labels) = budget.value().at("/spec/selector/matchLabels").and_then(Value::as_map) else { continue };
        let Some((pods, key, has)) = missed(whole, budget, labels) else { continue };
        let pointer = format!("/spec/selector/matchLabels/{}", escape_token(&key));
        let pods_of = format!("{} `{}`", pods.object.kind(), pods.object.name().unwrap_or_default());
        let message = format!("the budget protects no pods here: the label `{key}` of {pods_of} is `{has}`");
        let problem = Problem::new(RULE.id, At::Value, &pointer, message).hint(Some(format!("did you mean `{has}`?")));
        let mut finding = problem.finding(budget, RULE.severity);
        let label = pods.labels.and_then(|labels| labels.get(key.as_str())).and_then(|label| label.origin.as_ref());
        if let Some(origin) = label {
            finding = finding.related(place(pods.object, origin), "the label of the pods");
        }
        verdict.findings.push(finding);
    }
}
