//! What a schema allows beside the type: enumerations, bounds of numbers, texts and counts, patterns.

use super::items::identity;
use super::{SCHEMA, Walk};
use crate::finding::Fix;
use crate::manifest::value::NumberKind;
use crate::manifest::{Data, Value};
use crate::schema::{Kind, Node, Schema, nearest};
use crate::validate::message::{expected, field, quote};
use crate::validate::problem::At;

impl Walk {
    /// Enumerations, bounds, patterns and alternatives of one schema.
    pub(super) fn limits(&mut self, node: Node<'_>, schema: &Schema, value: &Value) {
        let choices = &schema.choices;
        let absent = node.is_go_type() && value.as_str() == Some("");
        if !choices.is_empty() && !absent && !choices.contains(value) {
            self.not_among(choices, value);
        }
        match &value.data {
            Data::Number(number) => self.number(schema, number.as_f64(), value),
            Data::String(text) => self.text(node, schema, text, value),
            Data::List(items) => self.count(items.len(), schema.min_items, schema.max_items, "items"),
            Data::Map(map) => self.count(map.len(), schema.min_properties, schema.max_properties, "entries"),
            Data::Null | Data::Bool(_) => {}
        }
        if let (Data::List(items), true) = (&value.data, schema.unique_items) {
            self.duplicates(items, |item| Some(identity(item)), false);
        }
        self.alternatives(node, schema, value);
    }

    pub(in crate::validate) fn not_among(&mut self, choices: &[Value], value: &Value) {
        let texts: Vec<&str> = choices.iter().filter_map(Value::as_str).collect();
        let said: Vec<String> = choices.iter().map(identity).collect();
        let must = if said.len() == 1 { said[0].clone() } else { format!("one of {}", said.join(", ")) };
        let meant = value.as_str().filter(|_| !self.secret).and_then(|text| nearest(text, texts));
        self.wrong(&must, value);
        if let (Some(problem), Some(meant)) = (self.problems.last_mut(), meant) {
            problem.hint = Some(format!("did you mean {}?", quote(meant)));
            problem.fix = Some(Fix::Word(meant.to_owned()));
        }
    }

    fn number(&mut self, schema: &Schema, number: f64, value: &Value) {
        let low = schema.minimum.filter(|least| number < *least || (schema.exclusive_minimum && number <= *least));
        if let Some(least) = low {
            let word = if schema.exclusive_minimum { "greater than" } else { "at least" };
            self.wrong(&format!("{word} {least}"), value);
        }
        let high = schema.maximum.filter(|most| number > *most || (schema.exclusive_maximum && number >= *most));
        if let Some(most) = high {
            let word = if schema.exclusive_maximum { "less than" } else { "at most" };
            self.wrong(&format!("{word} {most}"), value);
        }
        if let Some(step) = schema.multiple_of {
            // The server compares whole numbers with the whole part of the step, and refuses them where that is zero.
            let whole = matches!(&value.data, Data::Number(number) if !matches!(number.kind(), NumberKind::Float(_)));
            let right = if whole {
                step.trunc() > 0.0 && (number / step.trunc()).fract() == 0.0
            } else {
                is_multiple(number, step)
            };
            if !right {
                self.wrong(&format!("a multiple of {step}"), value);
            }
        }
    }

    fn text(&mut self, node: Node<'_>, schema: &Schema, text: &str, value: &Value) {
        if schema.min_length.is_some() || schema.max_length.is_some() {
            let length = text.chars().count() as u64;
            if let Some(least) = schema.min_length.filter(|least| length < *least) {
                self.wrong(&format!("at least {least} characters long"), value);
            }
            if let Some(most) = schema.max_length.filter(|most| length > *most) {
                self.wrong(&format!("at most {most} characters long"), value);
            }
        }
        let pattern = schema.pattern.as_ref();
        if let Some(pattern) = pattern.filter(|p| p.regex().is_some_and(|regex| !regex.is_match(text))) {
            let must = format!("a string that matches `{}`", pattern.text);
            self.wrong(if node.is_quantity() { expected(Kind::Quantity) } else { &must }, value);
        }
    }

    pub(in crate::validate) fn count(&mut self, count: usize, least: Option<u64>, most: Option<u64>, what: &str) {
        let count = count as u64;
        let bound = match (least.filter(|least| count < *least), most.filter(|most| count > *most)) {
            (Some(1), _) if what == "items" => "an item".to_owned(),
            (Some(1), _) => "an entry".to_owned(),
            (Some(least), _) => format!("at least {least} {what}"),
            (_, Some(most)) => format!("at most {most} {what}"),
            _ => return,
        };
        let message = format!("{} must have {bound}, got {count}", field(&self.pointer));
        self.problem(SCHEMA, At::Value, message, None);
    }
}

/// `IsFloat64AJSONInteger` of what a number divided by a step comes to: whole but for an error of rounding, and no more than
/// JSON's numbers hold exactly.
fn is_multiple(number: f64, step: f64) -> bool {
    const MOST: f64 = 9_007_199_254_740_991.0;
    let count = if step < 1.0 { 1.0 / step * number } else { number / step };
    let off = (count - count.trunc()).abs();
    step > 0.0
        && count.is_finite()
        && count.abs() <= MOST
        && (off == 0.0 || off / (count.abs() + count.trunc().abs()) < 1e-9)
}
