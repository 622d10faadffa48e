//! Evaluates the rules of a schema on an object, with the object it replaces where there is one.

use super::evaluate::{Budget, Evaluation};
use super::parse::{Expr, parse};
use super::value::{Cel, Stop, view};
use crate::manifest::{Data, Value, value::escape_token};
use crate::schema::{ListType, Node, Validation};
use crate::validate::message::field;
use crate::validate::problem::{At, Problem};
use std::borrow::Cow;

/// The rule of CEL rules that do not hold.
const CEL: &str = "cel";
/// Steps for one rule at one place: the server stops at about as many (`PerCallLimit`, 1,000,000).
const STEPS_OF_A_RULE: u64 = 1_000_000;
/// Steps for all rules of an object (the server: `RuntimeCELCostBudget`, 10,000,000).
const STEPS_OF_AN_OBJECT: u64 = 10_000_000;
/// Steps for all objects of a unit, and the least that one of many gets: a repository of costly rules and many objects ends
/// as one of few does, in a time that does not depend on the clock.
const STEPS_OF_A_UNIT: u64 = 500_000_000;
const LEAST_STEPS_OF_AN_OBJECT: u64 = 20_000;

/// The steps that each of as many objects gets.
pub(in super::super) fn steps_each(objects: usize) -> u64 {
    let share = STEPS_OF_A_UNIT / u64::try_from(objects).unwrap_or(u64::MAX).max(1);
    share.clamp(LEAST_STEPS_OF_AN_OBJECT, STEPS_OF_AN_OBJECT)
}

/// A rule, read.
struct Program {
    rule: Result<Expr, String>,
    message: Option<Expr>,
    /// It speaks of the object that is replaced.
    uses_old: bool,
}

/// What came out for one object.
#[derive(Debug, Default)]
pub(in super::super) struct Judged {
    pub(in super::super) problems: Vec<Problem>,
    /// Rules that were not evaluated, with the reason.
    pub(in super::super) not_evaluated: Vec<(String, String)>,
}

/// Judges `value` (defaults filled in) by the rules of its schema in so many steps; `old` is what it replaces.
pub(in super::super) fn judge(node: Node<'_>, value: &Value, old: Option<&Value>, steps: u64) -> Judged {
    let mut walk = Walk { pointer: String::new(), judged: Judged::default(), left: steps };
    walk.value(node, value, old);
    walk.judged
}

struct Walk {
    pointer: String,
    judged: Judged,
    left: u64,
}

impl Walk {
    fn value(&mut self, node: Node<'_>, value: &Value, old: Option<&Value>) {
        if !node.has_rules() || value.is_null() {
            return;
        }
        for validation in node.validations() {
            self.rule(node, validation, value, old);
        }
        match &value.data {
            Data::Map(map) => {
                for (key, value) in map {
                    let name = key.as_str();
                    if let Some(below) = node.field(name).or_else(|| node.values()) {
                        let old = old.and_then(|old| old.get(name));
                        self.below(name, |walk| walk.value(below, value, old));
                    }
                }
            }
            Data::List(items) => {
                let Some(of) = node.items().filter(|of| of.has_rules()) else { return };
                for (index, item) in items.iter().enumerate() {
                    let old = old.and_then(|old| same_item(node, item, old));
                    self.below(&index.to_string(), |walk| walk.value(of, item, old));
                }
            }
            _ => {}
        }
    }

    fn below(&mut self, token: &str, go: impl FnOnce(&mut Self)) {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&escape_token(token));
        go(self);
        self.pointer.truncate(length);
    }

    fn rule(&mut self, node: Node<'_>, validation: &Validation, value: &Value, old: Option<&Value>) {
        let program = validation.prepared(prepare);
        let optional = validation.optional_old_self == Some(true);
        if program.uses_old && old.is_none() && !optional {
            return;
        }
        let rule = match &program.rule {
            Ok(rule) => rule,
            Err(why) => return self.skipped(validation, why),
        };
        let old = old.filter(|old| !old.is_null()).map(|old| view(node, old));
        let mut variables = vec![("self", view(node, value))];
        match old {
            _ if !program.uses_old => {}
            Some(old) if optional => variables.push(("oldSelf", Cel::some(old))),
            Some(old) => variables.push(("oldSelf", old)),
            None => variables.push(("oldSelf", Cel::NONE)),
        }
        let held = self.run(rule, &variables);
        let why = match held {
            Ok(Cel::Bool(true)) => return,
            Ok(Cel::Bool(false)) => None,
            Ok(other) => return self.skipped(validation, &format!("it gives {}", other.kind())),
            Err(Stop::Failed(why)) => Some(why),
            Err(Stop::Unknown(why)) => return self.skipped(validation, &why),
            Err(Stop::TooLong) => return self.skipped(validation, "it takes too many steps on this object"),
        };
        let said = program.message.as_ref().and_then(|message| match self.run(message, &variables) {
            Ok(Cel::Text(text)) => Some(text.trim().to_owned()),
            _ => None,
        });
        let said = said.filter(|text| !text.is_empty() && !text.contains('\n'));
        self.broken(validation, said, why);
    }

    fn run<'a>(&mut self, expr: &'a Expr, variables: &[(&'a str, Cel<'a>)]) -> Result<Cel<'a>, Stop> {
        let granted = STEPS_OF_A_RULE.min(self.left);
        let mut budget = Budget(granted);
        let outcome = Evaluation { variables: variables.to_vec(), budget: &mut budget }.run(expr);
        self.left -= granted - budget.0;
        outcome
    }

    fn skipped(&mut self, validation: &Validation, why: &str) {
        let entry = (validation.rule.trim().to_owned(), why.to_owned());
        if !self.judged.not_evaluated.contains(&entry) {
            self.judged.not_evaluated.push(entry);
        }
    }

    fn broken(&mut self, validation: &Validation, said: Option<String>, failure: Option<String>) {
        let rule = validation.rule.trim();
        let mut said = said
            .or_else(|| validation.message.clone().filter(|message| !message.is_empty()))
            .unwrap_or_else(|| format!("`{rule}` does not hold"));
        if let Some(failure) = failure {
            said = format!("{said} ({failure})");
        }
        let pointer =
            format!("{}{}", self.pointer, validation.field_path.as_deref().map(pointer_of).unwrap_or_default());
        let hint = format!("the rule is `{}`", short(rule));
        let problem = Problem::new(CEL, At::Value, &pointer, format!("{}: {said}", field(&pointer)));
        self.judged.problems.push(problem.hint(Some(hint)));
    }
}

/// Longest part of a rule that a hint quotes.
fn short(rule: &str) -> Cow<'_, str> {
    let line = rule.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= 160 {
        line.into()
    } else {
        format!("{}…", line.chars().take(160).collect::<String>()).into()
    }
}

fn prepare(validation: &Validation) -> Program {
    let rule = parse(&validation.rule);
    let message = validation.message_expression.as_deref().and_then(|text| parse(text).ok());
    let uses_old = rule.as_ref().is_ok_and(|rule| mentions(rule, "oldSelf"));
    Program { rule, message, uses_old }
}

/// The item of the old list that the item replaces: in a list whose items have keys, the one with the same key.
fn same_item<'v>(node: Node<'_>, item: &Value, old: &'v Value) -> Option<&'v Value> {
    let Some(ListType::Map(keys)) = node.list_type() else { return None };
    let same = |other: &&Value| keys.iter().all(|key| other.get(key) == item.get(key));
    old.as_list()?.iter().find(same)
}

/// `.spec.items['a/b']` as a JSON pointer.
fn pointer_of(path: &str) -> String {
    let mut pointer = String::new();
    let mut rest = path.trim();
    while !rest.is_empty() {
        let (token, after) = if let Some(inner) = rest.strip_prefix("['") {
            let Some((token, after)) = inner.split_once("']") else { break };
            (token.replace("\\'", "'"), after)
        } else {
            let inner = rest.strip_prefix('.').unwrap_or(rest);
            let end = inner.find(['.', '[']).unwrap_or(inner.len());
            if end == 0 {
                break;
            }
            (inner[..end].to_owned(), &inner[end..])
        };
        pointer.push('/');
        pointer.push_str(&escape_token(&token));
        rest = after;
    }
    pointer
}

/// The place below `node` that the `fieldPath` of a rule names.
pub(in super::super) fn place_of<'a>(node: Node<'a>, path: &str) -> Option<Node<'a>> {
    let pointer = pointer_of(path);
    let whole = path.starts_with(['.', '[']) && !pointer.is_empty() && !path.ends_with('.') && !path.contains("..");
    if whole { node.at(&pointer) } else { None }
}

/// Says whether an expression speaks of a variable.
pub(super) fn mentions(expr: &Expr, name: &str) -> bool {
    matches!(expr, Expr::Name(found) if found == name) || parts(expr).into_iter().any(|part| mentions(part, name))
}

/// The expressions that an expression is made of.
pub(super) fn parts(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Select { of, .. } | Expr::Has { of, .. } | Expr::Not(of) | Expr::Negative(of) => vec![of],
        Expr::Index { of, at, .. } => vec![of, at],
        Expr::Call { receiver, arguments, .. } => receiver.as_deref().into_iter().chain(arguments).collect(),
        Expr::List(items) => items.iter().map(|(item, _)| item).collect(),
        Expr::Map(entries) => entries.iter().flat_map(|(key, value, _)| [key, value]).collect(),
        Expr::Binary { left, right, .. } => vec![left, right],
        Expr::And(parts) | Expr::Or(parts) => parts.iter().collect(),
        Expr::Condition { test, yes, no } => vec![test, yes, no],
        Expr::Loop { over, filter, body, .. } => [&**over, &**body].into_iter().chain(filter.as_deref()).collect(),
        Expr::Optional { of, body, .. } => vec![of, body],
        Expr::Name(_)
        | Expr::Null
        | Expr::Bool(_)
        | Expr::Int(_)
        | Expr::Uint(_)
        | Expr::Double(_)
        | Expr::Text(_)
        | Expr::Bytes(_) => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_objects_share_the_steps_of_a_unit() {
        assert_eq!(steps_each(0), STEPS_OF_AN_OBJECT);
        assert_eq!(steps_each(50), STEPS_OF_AN_OBJECT);
        assert_eq!(steps_each(1_000), STEPS_OF_A_UNIT / 1_000);
        assert_eq!(steps_each(1_000_000), LEAST_STEPS_OF_AN_OBJECT);
    }
}
