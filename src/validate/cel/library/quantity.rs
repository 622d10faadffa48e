//! Quantities (`k8s.io/apiserver/pkg/cel/library/quantity.go`, apimachinery `resource.Quantity`).

use super::super::value::{Cel, Outcome, failed};
use crate::validate::format;
use std::cmp::Ordering;

/// An amount, in units of 10⁻⁹: finer ones are rounded up, as the server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::validate) struct Quantity(i128);

const ONE: i128 = 1_000_000_000;

impl Quantity {
    /// Reads `500m`, `1Gi`, `2e3`; amounts too large to hold stop at the largest.
    pub(in crate::validate) fn parse(text: &str) -> Option<Self> {
        if !format::is_quantity(text) {
            return None;
        }
        let text = text.trim();
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, suffix) = text.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        let power = |exponent: i32| (10_i128.checked_pow(exponent.unsigned_abs()), exponent < 0);
        let (scale, divides) = match suffix {
            "" => (Some(1), false),
            "Ki" => (Some(1 << 10), false),
            "Mi" => (Some(1 << 20), false),
            "Gi" => (Some(1 << 30), false),
            "Ti" => (Some(1 << 40), false),
            "Pi" => (Some(1 << 50), false),
            "Ei" => (Some(1 << 60), false),
            "n" => power(-9),
            "u" => power(-6),
            "m" => power(-3),
            "k" => power(3),
            "M" => power(6),
            "G" => power(9),
            "T" => power(12),
            "P" => power(15),
            "E" => power(18),
            exponent => power(exponent[1..].parse().ok()?),
        };
        let Some(scale) = scale else { return Some(Self(if divides { 1 } else { i128::MAX })) };
        let digits = &fraction[..fraction.len().min(18)];
        let parse = |text: &str| if text.is_empty() { Some(0) } else { text.parse::<i128>().ok() };
        let whole = parse(whole).and_then(|whole| whole.checked_mul(ONE)).unwrap_or(i128::MAX);
        let below = 10_i128.pow(u32::try_from(digits.len()).ok()?);
        let apply = |amount: i128| if divides { round_up(amount, scale) } else { amount.saturating_mul(scale) };
        let fraction = round_up(apply(parse(digits)?.saturating_mul(ONE)), below);
        let amount = apply(whole).saturating_add(fraction);
        Some(Self(if negative { -amount } else { amount }))
    }

    pub(in crate::validate) fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Says whether nothing is left when it is counted in thousandths, as the server counts.
    pub(in crate::validate) fn is_whole_in_thousandths(self) -> bool {
        round_up(self.0, ONE / 1000) % 1000 == 0
    }

    fn is_integer(self) -> bool {
        self.0 % ONE == 0 && i64::try_from(self.0 / ONE).is_ok()
    }

    pub(super) fn method<'a>(self, name: &str, arguments: &[Cel<'a>]) -> Option<Outcome<'a>> {
        let other = match arguments {
            [Cel::Quantity(other)] => Some(*other),
            #[allow(clippy::cast_lossless)]
            [Cel::Int(n)] => Some(Self(*n as i128 * ONE)),
            _ => None,
        };
        let order = |is: fn(Ordering) -> bool| other.map(|other| Ok(Cel::Bool(is(self.cmp(&other)))));
        match (name, arguments.len()) {
            ("isGreaterThan", 1) => order(Ordering::is_gt),
            ("isLessThan", 1) => order(Ordering::is_lt),
            ("compareTo", 1) => other.map(|other| Ok(Cel::Int(self.cmp(&other) as i64))),
            ("add", 1) => other.map(|other| Ok(Cel::Quantity(Self(self.0.saturating_add(other.0))))),
            ("sub", 1) => other.map(|other| Ok(Cel::Quantity(Self(self.0.saturating_sub(other.0))))),
            ("sign", 0) => Some(Ok(Cel::Int(i64::try_from(self.0.signum()).unwrap_or(0)))),
            ("isInteger", 0) => Some(Ok(Cel::Bool(self.is_integer()))),
            ("asInteger", 0) if self.is_integer() => Some(Ok(Cel::Int(i64::try_from(self.0 / ONE).unwrap_or(0)))),
            ("asInteger", 0) => Some(failed("cannot convert value to integer")),
            #[allow(clippy::cast_precision_loss)]
            ("asApproximateFloat", 0) => Some(Ok(Cel::Double(self.0 as f64 / ONE as f64))),
            _ => None,
        }
    }
}

fn round_up(amount: i128, by: i128) -> i128 {
    amount / by + i128::from(amount % by != 0)
}

pub(super) fn function<'a>(name: &str, arguments: &[Cel<'a>]) -> Option<Outcome<'a>> {
    let [Cel::Text(text)] = arguments else { return None };
    match name {
        "isQuantity" => Some(Ok(Cel::Bool(format::is_quantity(text)))),
        "quantity" => Some(Quantity::parse(text).map_or_else(
            || failed("quantities must match the regular expression"),
            |quantity| Ok(Cel::Quantity(quantity)),
        )),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn amounts_are_compared_whatever_their_suffix() {
        let of = |text: &str| Quantity::parse(text).unwrap();
        assert_eq!(of("1"), of("1000m"));
        assert_eq!(of("1Ki"), of("1024"));
        assert_eq!(of("0.5Gi"), of("512Mi"));
        assert_eq!(of("1e3"), of("1k"));
        assert!(of("1500m") > of("1.4") && of("-1") < of("0") && of("1E") > of("1P"));
        assert!(Quantity::parse("1K").is_none());
    }
}
