//! Quantities in expressions (`k8s.io/apiserver/pkg/cel/library/quantity.go`).

use super::super::value::{Cel, Outcome, failed};
use crate::schema::{Quantity, is_quantity};
use std::cmp::Ordering;

impl Quantity {
    fn is_integer(self) -> bool {
        self.amount() % Self::ONE == 0 && i64::try_from(self.amount() / Self::ONE).is_ok()
    }

    pub(super) fn method<'a>(self, name: &str, arguments: &[Cel<'a>]) -> Option<Outcome<'a>> {
        let other = match arguments {
            [Cel::Quantity(other)] => Some(*other),
            #[allow(clippy::cast_lossless)]
            [Cel::Int(n)] => Some(Self::of(*n as i128 * Self::ONE)),
            _ => None,
        };
        let order = |is: fn(Ordering) -> bool| other.map(|other| Ok(Cel::Bool(is(self.cmp(&other)))));
        match (name, arguments.len()) {
            ("isGreaterThan", 1) => order(Ordering::is_gt),
            ("isLessThan", 1) => order(Ordering::is_lt),
            ("compareTo", 1) => other.map(|other| Ok(Cel::Int(self.cmp(&other) as i64))),
            ("add", 1) => other.map(|other| Ok(Cel::Quantity(Self::of(self.amount().saturating_add(other.amount()))))),
            ("sub", 1) => other.map(|other| Ok(Cel::Quantity(Self::of(self.amount().saturating_sub(other.amount()))))),
            ("sign", 0) => Some(Ok(Cel::Int(i64::try_from(self.amount().signum()).unwrap_or(0)))),
            ("isInteger", 0) => Some(Ok(Cel::Bool(self.is_integer()))),
            ("asInteger", 0) if self.is_integer() => {
                Some(Ok(Cel::Int(i64::try_from(self.amount() / Self::ONE).unwrap_or(0))))
            }
            ("asInteger", 0) => Some(failed("cannot convert value to integer")),
            #[allow(clippy::cast_precision_loss)]
            ("asApproximateFloat", 0) => Some(Ok(Cel::Double(self.amount() as f64 / Self::ONE as f64))),
            _ => None,
        }
    }
}

pub(super) fn function<'a>(name: &str, arguments: &[Cel<'a>]) -> Option<Outcome<'a>> {
    let [Cel::Text(text)] = arguments else { return None };
    match name {
        "isQuantity" => Some(Ok(Cel::Bool(is_quantity(text)))),
        "quantity" => Some(Quantity::parse(text).map_or_else(
            || failed("quantities must match the regular expression"),
            |quantity| Ok(Cel::Quantity(quantity)),
        )),
        _ => None,
    }
}
