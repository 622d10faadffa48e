//! Quantities by value: `1`, `"1"` and `1000m` are one and the same.
//!
//! Decided by apimachinery's `resource.Quantity`: decimal and binary suffixes, or an exponent; what is finer than 10⁻⁹ is
//! rounded up.

/// An amount, in units of 10⁻⁹: finer ones are rounded up, as the server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Quantity(i128);

impl Quantity {
    /// One, in these units.
    pub(crate) const ONE: i128 = 1_000_000_000;

    /// The quantity of so many units.
    pub(crate) fn of(amount: i128) -> Self {
        Self(amount)
    }

    /// Reads `500m`, `1Gi`, `2e3`; amounts too large to hold stop at the largest.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if !is_quantity(text) {
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
        let whole = parse(whole).and_then(|whole| whole.checked_mul(Self::ONE));
        let below = 10_i128.pow(u32::try_from(digits.len()).ok()?);
        let apply = |amount: i128| if divides { round_up(amount, scale) } else { amount.saturating_mul(scale) };
        let fraction = round_up(apply(parse(digits)?.saturating_mul(Self::ONE)), below);
        let amount = whole.map_or(i128::MAX, |whole| apply(whole).saturating_add(fraction));
        Some(Self(if negative { -amount } else { amount }))
    }

    /// The amount in units of 10⁻⁹; at the largest where it does not fit.
    pub(crate) fn amount(self) -> i128 {
        self.0
    }

    /// The amount in units of 10⁻⁹, where it fits.
    pub(crate) fn exact(self) -> Option<i128> {
        (self.0.unsigned_abs() != i128::MAX.unsigned_abs()).then_some(self.0)
    }

    /// Says whether it is below zero.
    pub(crate) fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Says whether nothing is left when it is counted in thousandths, as the server counts.
    pub(crate) fn is_whole_in_thousandths(self) -> bool {
        round_up(self.0, Self::ONE / 1000) % 1000 == 0
    }
}

fn round_up(amount: i128, by: i128) -> i128 {
    amount / by + i128::from(amount % by != 0)
}

/// Says whether the server reads `text` as a quantity (apimachinery, `resource.ParseQuantity`): digits, and a suffix that
/// is decimal (`m`, `k`), binary (`Ki`) or an exponent. It takes `1.`, `.`, `e3` and blanks around; so does this.
pub(crate) fn is_quantity(text: &str) -> bool {
    let text = text.trim();
    if text.is_empty() {
        return false;
    }
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let rest = &unsigned[digits(unsigned)..];
    let rest = rest.strip_prefix('.').map_or(rest, |rest| &rest[digits(rest)..]);
    match rest {
        "" | "n" | "u" | "m" | "k" | "M" | "G" | "T" | "P" | "E" => true,
        "Ki" | "Mi" | "Gi" | "Ti" | "Pi" | "Ei" => true,
        _ => rest.strip_prefix(['e', 'E']).is_some_and(|exponent| {
            let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            !exponent.is_empty() && exponent.bytes().all(|byte| byte.is_ascii_digit())
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Each pair was put to kube-apiserver 1.36.3, as a limit in a LimitRange.
    #[test]
    fn quantities_are_what_the_server_takes() {
        let taken =
            ["1.", ".5", "1e3", "1E3", "1E", "+1", "-1", "1k", "1Ki", "1e-3", "1e+3", "1n", "1u", " 1 ", ".", "e3"];
        let refused = ["1K", "1i", "1 Gi", "1e", "0x1", "1.5.1", "1mi", "1Zi", "12e3k", "", "1E+"];
        assert_eq!(taken.iter().filter(|text| !is_quantity(text)).collect::<Vec<_>>(), [&""; 0]);
        assert_eq!(refused.iter().filter(|text| is_quantity(text)).collect::<Vec<_>>(), [&""; 0]);
    }

    #[test]
    fn amounts_are_compared_whatever_their_suffix() {
        let of = |text: &str| Quantity::parse(text).unwrap();
        for (one, other) in [
            ("1", "1000m"),
            ("1Ki", "1024"),
            ("0.5Gi", "512Mi"),
            ("1Gi", "1024Mi"),
            ("1e3", "1k"),
            ("0.5", "500m"),
            ("1.0", "1"),
            ("-1", "-1000m"),
        ] {
            assert_eq!(of(one), of(other), "{one} {other}");
        }
        assert!(of("1500m") > of("1.4") && of("-1") < of("0") && of("1E") > of("1P"));
        assert_ne!(of("1G"), of("1Gi"));
        for text in ["1K", "", "x", "1x", "1.2.3", "1e"] {
            assert!(Quantity::parse(text).is_none(), "{text}");
        }
    }

    #[test]
    fn what_does_not_fit_is_large_and_equals_nothing() {
        for text in [
            "99999999999999999999999999999999999999999999",
            "-1e40",
            "99999999999999999999999999999999m",
            "170141183460469231731687303715E",
        ] {
            assert_eq!(Quantity::parse(text).unwrap().exact(), None, "{text}");
        }
        assert!(Quantity::parse("1e40").unwrap() > Quantity::parse("1E").unwrap());
        assert_eq!(Quantity::parse("2m").unwrap().exact(), Some(2_000_000));
    }
}
