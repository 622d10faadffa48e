//! Evaluates expressions (cel-spec, "Evaluation"), within a number of steps.

use super::library;
use super::parse::{Expr, Loop, Operator};
use super::value::{Cel, Outcome, Stop, failed, no_overload};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::rc::Rc;

/// Steps that an evaluation may still take: a bound that gives the same answer on every machine.
#[derive(Debug)]
pub(super) struct Budget(pub(super) u64);

impl Budget {
    /// Takes steps away.
    pub(super) fn spend(&mut self, steps: usize) -> Result<(), Stop> {
        self.0 = self.0.checked_sub(steps as u64).ok_or(Stop::TooLong)?;
        Ok(())
    }
}

/// An evaluation under way.
pub(super) struct Evaluation<'a, 'b> {
    /// Variables, the innermost last.
    pub(super) variables: Vec<(&'a str, Cel<'a>)>,
    pub(super) budget: &'b mut Budget,
}

impl<'a> Evaluation<'a, '_> {
    pub(super) fn run(&mut self, expr: &'a Expr) -> Outcome<'a> {
        self.budget.spend(1)?;
        match expr {
            Expr::Null => Ok(Cel::Null),
            Expr::Bool(flag) => Ok(Cel::Bool(*flag)),
            Expr::Int(n) => Ok(Cel::Int(*n)),
            Expr::Uint(n) => Ok(Cel::Uint(*n)),
            Expr::Double(n) => Ok(Cel::Double(*n)),
            Expr::Text(text) => Ok(Cel::Text(Cow::Borrowed(text))),
            Expr::Bytes(bytes) => Ok(Cel::Bytes(bytes.as_slice().into())),
            Expr::Name(name) => self.name(name),
            Expr::Select { of, field, optional } => self.select(of, field, *optional),
            Expr::Has { of, field } => match self.run(of)? {
                Cel::Optional(None) => Ok(Cel::Bool(false)),
                Cel::Optional(Some(value)) => Ok(Cel::Bool(value.field(field)?.is_some())),
                value => Ok(Cel::Bool(value.field(field)?.is_some())),
            },
            Expr::Index { of, at, optional } => self.index(of, at, *optional),
            Expr::Call { name, receiver, arguments } => self.call(name, receiver.as_deref(), arguments),
            Expr::List(items) => {
                let mut list = Vec::with_capacity(items.len());
                for (item, optional) in items {
                    match (self.run(item)?, optional) {
                        (Cel::Optional(value), true) => list.extend(value.map(|value| value.as_ref().clone())),
                        (value, _) => list.push(value),
                    }
                }
                Ok(Cel::list(list))
            }
            Expr::Map(entries) => {
                let mut map = Vec::with_capacity(entries.len());
                for (key, value, optional) in entries {
                    let key = self.run(key)?;
                    match (self.run(value)?, optional) {
                        (Cel::Optional(value), true) => map.extend(value.map(|value| (key, value.as_ref().clone()))),
                        (value, _) => map.push((key, value)),
                    }
                }
                Ok(Cel::Map(Rc::new(map)))
            }
            Expr::Not(of) => match self.run(of)? {
                Cel::Bool(flag) => Ok(Cel::Bool(!flag)),
                other => no_overload(&format!("!{}", other.kind())),
            },
            Expr::Negative(of) => match self.run(of)? {
                Cel::Int(n) => n.checked_neg().map(Cel::Int).ok_or_else(overflow),
                Cel::Double(n) => Ok(Cel::Double(-n)),
                other => no_overload(&format!("-{}", other.kind())),
            },
            Expr::Binary { operator, left, right } => {
                let (left, right) = (self.run(left)?, self.run(right)?);
                self.binary(*operator, &left, &right)
            }
            Expr::And(parts) => self.chain(parts, false),
            Expr::Or(parts) => self.chain(parts, true),
            Expr::Condition { test, yes, no } => match self.run(test)? {
                Cel::Bool(true) => self.run(yes),
                Cel::Bool(false) => self.run(no),
                other => no_overload(&format!("{} ? :", other.kind())),
            },
            Expr::Loop { what, over, names, filter, body } => {
                let over = self.run(over)?;
                self.go_through(*what, &over, names, filter.as_deref(), body)
            }
            Expr::Optional { of, name, body, flat } => match self.run(of)? {
                Cel::Optional(None) => Ok(Cel::NONE),
                Cel::Optional(Some(value)) => {
                    let result = self.with(name, value.as_ref().clone(), |this| this.run(body))?;
                    Ok(if *flat { result } else { Cel::some(result) })
                }
                other => no_overload(&format!("{}.optMap", other.kind())),
            },
        }
    }

    fn name(&self, name: &str) -> Outcome<'a> {
        if let Some((_, value)) = self.variables.iter().rev().find(|(known, _)| *known == name) {
            return Ok(value.clone());
        }
        const TYPES: [&str; 10] =
            ["bool", "int", "uint", "double", "string", "bytes", "list", "map", "null_type", "type"];
        match TYPES.iter().find(|known| **known == name) {
            Some(known) => Ok(Cel::Type(known)),
            None => Err(Stop::Unknown(format!("`{name}` is not declared"))),
        }
    }

    fn with<T>(&mut self, name: &'a str, value: Cel<'a>, go: impl FnOnce(&mut Self) -> T) -> T {
        self.variables.push((name, value));
        let result = go(self);
        self.variables.pop();
        result
    }

    fn select(&mut self, of: &'a Expr, field: &'a str, optional: bool) -> Outcome<'a> {
        // A type by its qualified name.
        if let (Expr::Select { field: package, .. }, "Duration" | "Timestamp") = (of, field)
            && package == "protobuf"
        {
            let whole = if field == "Duration" { "google.protobuf.Duration" } else { "google.protobuf.Timestamp" };
            return Ok(Cel::Type(whole));
        }
        match self.run(of)? {
            Cel::Optional(None) => Ok(Cel::NONE),
            Cel::Optional(Some(value)) => Ok(Cel::Optional(value.field(field)?.map(Rc::new))),
            value if optional => Ok(Cel::Optional(value.field(field)?.map(Rc::new))),
            value => value.field(field)?.ok_or_else(|| Stop::Failed(format!("no such key: {field}"))),
        }
    }

    fn index(&mut self, of: &'a Expr, at: &'a Expr, optional: bool) -> Outcome<'a> {
        let (of, at) = (self.run(of)?, self.run(at)?);
        match of {
            Cel::Optional(None) => Ok(Cel::NONE),
            Cel::Optional(Some(value)) => Ok(Cel::Optional(value.at(&at)?.map(Rc::new))),
            value if optional => Ok(Cel::Optional(value.at(&at)?.map(Rc::new))),
            value => match (value.at(&at)?, at) {
                (Some(found), _) => Ok(found),
                (None, Cel::Text(key)) => failed(format!("no such key: {key}")),
                (None, Cel::Int(n)) => failed(format!("index out of bounds: {n}")),
                (None, _) => failed("no such key"),
            },
        }
    }

    /// `&&` and `||` go past a failure when another part decides.
    fn chain(&mut self, parts: &'a [Expr], decides: bool) -> Outcome<'a> {
        let mut failure = None;
        for part in parts {
            match self.run(part) {
                Ok(Cel::Bool(flag)) if flag == decides => return Ok(Cel::Bool(decides)),
                Ok(Cel::Bool(_)) => {}
                Ok(other) => failure = Some(Stop::Failed(format!("no such overload: {} in a condition", other.kind()))),
                Err(Stop::TooLong) => return Err(Stop::TooLong),
                Err(stop) => failure = failure.or(Some(stop)),
            }
        }
        failure.map_or(Ok(Cel::Bool(!decides)), Err)
    }

    fn call(&mut self, name: &'a str, receiver: Option<&'a Expr>, arguments: &'a [Expr]) -> Outcome<'a> {
        // A function of a library is spelt as a method of a name: `sets.contains(…)`, `optional.of(…)`.
        if let Some(Expr::Name(library)) = receiver
            && library::LIBRARIES.contains(&library.as_str())
            && !self.variables.iter().any(|(known, _)| known == library)
        {
            let arguments = arguments.iter().map(|argument| self.run(argument)).collect::<Result<Vec<_>, _>>()?;
            return library::of_library(library, name, &arguments, self.budget);
        }
        let receiver = receiver.map(|receiver| self.run(receiver)).transpose()?;
        // What is not needed is not evaluated.
        if let (Some(Cel::Optional(value)), [other], "or" | "orValue") = (&receiver, arguments, name) {
            return match value {
                Some(value) if name == "orValue" => Ok(value.as_ref().clone()),
                Some(value) => Ok(Cel::Optional(Some(Rc::clone(value)))),
                None => self.run(other),
            };
        }
        let arguments = arguments.iter().map(|argument| self.run(argument)).collect::<Result<Vec<_>, _>>()?;
        match receiver {
            Some(receiver) => library::method(&receiver, name, &arguments, self.budget),
            None => library::function(name, &arguments, self.budget),
        }
    }

    fn binary(&mut self, operator: Operator, left: &Cel<'a>, right: &Cel<'a>) -> Outcome<'a> {
        let wrong = || no_overload(&format!("{} {operator:?} {}", left.kind(), right.kind()));
        let ordered = |is: fn(Ordering) -> bool| match left.compare(right) {
            Some(ordering) => Ok(Cel::Bool(is(ordering))),
            None => wrong(),
        };
        // Equality and membership look at every part.
        let weight = |value: &Cel<'a>| match value {
            Cel::Text(text) => text.len() / 16,
            other => other.size().unwrap_or(0),
        };
        self.budget.spend(weight(left).min(weight(right)))?;
        match operator {
            Operator::Equal => Ok(Cel::Bool(left.equals(right))),
            Operator::NotEqual => Ok(Cel::Bool(!left.equals(right))),
            Operator::Less => ordered(Ordering::is_lt),
            Operator::LessOrEqual => ordered(Ordering::is_le),
            Operator::Greater => ordered(Ordering::is_gt),
            Operator::GreaterOrEqual => ordered(Ordering::is_ge),
            Operator::In => self.contains(left, right),
            _ => self.calculate(operator, left, right),
        }
    }

    fn contains(&mut self, item: &Cel<'a>, within: &Cel<'a>) -> Outcome<'a> {
        self.budget.spend(within.size().unwrap_or(0))?;
        if let Some(items) = within.items() {
            return Ok(Cel::Bool(items.iter().any(|other| other.equals(item))));
        }
        match (within, item) {
            (Cel::Object(..), Cel::Text(_)) | (Cel::Entries(..) | Cel::Map(_), _) => {
                Ok(Cel::Bool(within.at(item)?.is_some()))
            }
            _ => no_overload(&format!("{} in {}", item.kind(), within.kind())),
        }
    }

    fn calculate(&mut self, operator: Operator, left: &Cel<'a>, right: &Cel<'a>) -> Outcome<'a> {
        use Operator::{Add, Divide, Multiply, Remainder, Subtract};
        let checked = |result: Option<i64>| result.map(Cel::Int).ok_or_else(overflow);
        let checked_unsigned = |result: Option<u64>| result.map(Cel::Uint).ok_or_else(overflow);
        Ok(match (operator, left, right) {
            (Divide | Remainder, Cel::Int(_), Cel::Int(0)) | (Divide | Remainder, Cel::Uint(_), Cel::Uint(0)) => {
                return failed(if operator == Divide { "division by zero" } else { "modulus by zero" });
            }
            (Add, Cel::Int(a), Cel::Int(b)) => checked(a.checked_add(*b))?,
            (Subtract, Cel::Int(a), Cel::Int(b)) => checked(a.checked_sub(*b))?,
            (Multiply, Cel::Int(a), Cel::Int(b)) => checked(a.checked_mul(*b))?,
            (Divide, Cel::Int(a), Cel::Int(b)) => checked(a.checked_div(*b))?,
            (Remainder, Cel::Int(a), Cel::Int(b)) => checked(a.checked_rem(*b))?,
            (Add, Cel::Uint(a), Cel::Uint(b)) => checked_unsigned(a.checked_add(*b))?,
            (Subtract, Cel::Uint(a), Cel::Uint(b)) => checked_unsigned(a.checked_sub(*b))?,
            (Multiply, Cel::Uint(a), Cel::Uint(b)) => checked_unsigned(a.checked_mul(*b))?,
            (Divide, Cel::Uint(a), Cel::Uint(b)) => checked_unsigned(a.checked_div(*b))?,
            (Remainder, Cel::Uint(a), Cel::Uint(b)) => checked_unsigned(a.checked_rem(*b))?,
            (Add, Cel::Double(a), Cel::Double(b)) => Cel::Double(a + b),
            (Subtract, Cel::Double(a), Cel::Double(b)) => Cel::Double(a - b),
            (Multiply, Cel::Double(a), Cel::Double(b)) => Cel::Double(a * b),
            (Divide, Cel::Double(a), Cel::Double(b)) => Cel::Double(a / b),
            (Add, Cel::Duration(a), Cel::Duration(b)) => Cel::Duration(a + b),
            (Subtract, Cel::Duration(a), Cel::Duration(b)) => Cel::Duration(a - b),
            (Add, Cel::Time(time), Cel::Duration(span)) | (Add, Cel::Duration(span), Cel::Time(time)) => {
                library::later(*time, *span)?
            }
            (Subtract, Cel::Time(time), Cel::Duration(span)) => library::later(*time, -*span)?,
            (Subtract, Cel::Time(a), Cel::Time(b)) => Cel::Duration(a.as_nanosecond() - b.as_nanosecond()),
            (Add, Cel::Text(a), Cel::Text(b)) => {
                self.budget.spend((a.len() + b.len()) / 8)?;
                Cel::text(format!("{a}{b}"))
            }
            (Add, Cel::Bytes(a), Cel::Bytes(b)) => {
                self.budget.spend((a.len() + b.len()) / 8)?;
                Cel::Bytes([&a[..], &b[..]].concat().into())
            }
            (Add, Cel::Items(..) | Cel::List(_), Cel::Items(..) | Cel::List(_)) => {
                let (mut items, more) = (left.items().unwrap_or_default(), right.items().unwrap_or_default());
                self.budget.spend(items.len() + more.len())?;
                items.extend(more);
                Cel::list(items)
            }
            _ => return no_overload(&format!("{} {operator:?} {}", left.kind(), right.kind())),
        })
    }

    fn go_through(
        &mut self,
        what: Loop,
        over: &Cel<'a>,
        names: &'a (String, Option<String>),
        filter: Option<&'a Expr>,
        body: &'a Expr,
    ) -> Outcome<'a> {
        let Some(pairs) = over.pairs() else { return no_overload(&format!("a loop over {}", over.kind())) };
        let is_list = matches!(over, Cel::Items(..) | Cel::List(_));
        self.budget.spend(pairs.len())?;
        let (mut list, mut map, mut count, mut failure) = (Vec::new(), Vec::new(), 0, None);
        for (key, value) in pairs {
            let bound = self.variables.len();
            match &names.1 {
                Some(second) => {
                    self.variables.push((&names.0, key.clone()));
                    self.variables.push((second, value.clone()));
                }
                // One name is the item of a list and the key of a map.
                None => self.variables.push((&names.0, if is_list { value.clone() } else { key.clone() })),
            }
            let kept = filter.map_or(Ok(Cel::Bool(true)), |filter| self.run(filter));
            let result = match kept {
                Ok(Cel::Bool(true)) => self.run(body).map(Some),
                Ok(Cel::Bool(false)) => Ok(None),
                Ok(other) => no_overload(&format!("a filter that gives {}", other.kind())),
                Err(stop) => Err(stop),
            };
            self.variables.truncate(bound);
            match (what, result) {
                (_, Err(Stop::TooLong)) => return Err(Stop::TooLong),
                // A later item may still decide.
                (Loop::All | Loop::Exists, Err(stop)) => failure = failure.or(Some(stop)),
                (_, Err(stop)) => return Err(stop),
                (_, Ok(None)) => {}
                (Loop::List, Ok(Some(result))) => list.push(result),
                (Loop::Map, Ok(Some(result))) => map.push((key, result)),
                (Loop::Entries, Ok(Some(result))) => match result.entries() {
                    Some(entries) => {
                        if entries
                            .iter()
                            .any(|(key, _)| map.iter().any(|(known, _): &(Cel<'a>, Cel<'a>)| known.equals(key)))
                        {
                            return failed("insert failed: key already exists");
                        }
                        self.budget.spend(map.len() + entries.len())?;
                        map.extend(entries);
                    }
                    None => return no_overload(&format!("transformMapEntry to {}", result.kind())),
                },
                (Loop::All, Ok(Some(Cel::Bool(false)))) => return Ok(Cel::Bool(false)),
                (Loop::Exists, Ok(Some(Cel::Bool(true)))) => return Ok(Cel::Bool(true)),
                (Loop::ExistsOne, Ok(Some(Cel::Bool(true)))) => count += 1,
                (Loop::Filter, Ok(Some(Cel::Bool(true)))) => list.push(if is_list { value } else { key }),
                (_, Ok(Some(Cel::Bool(_)))) => {}
                (_, Ok(Some(other))) => {
                    failure = Some(Stop::Failed(format!("no such overload: {} as a condition", other.kind())));
                }
            }
        }
        if let Some(failure) = failure {
            return Err(failure);
        }
        Ok(match what {
            Loop::All => Cel::Bool(true),
            Loop::Exists => Cel::Bool(false),
            Loop::ExistsOne => Cel::Bool(count == 1),
            Loop::List | Loop::Filter => Cel::list(list),
            Loop::Map | Loop::Entries => Cel::Map(Rc::new(map)),
        })
    }
}

fn overflow() -> Stop {
    Stop::Failed("integer overflow".to_owned())
}
