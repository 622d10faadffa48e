//! Versions (`k8s.io/apiserver/pkg/cel/library/semverlib.go`; semver.org 2.0.0).

use super::super::value::{Cel, Outcome, failed};
use std::cmp::Ordering;
use std::rc::Rc;

/// A version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Semver {
    core: [u64; 3],
    before: Vec<String>,
}

impl Semver {
    /// Reads a version; loosely: with a leading `v`, parts left out, leading zeros.
    fn parse(text: &str, loosely: bool) -> Option<Self> {
        let text = if loosely { text.trim_start_matches('v') } else { text };
        let (text, build) = text.split_once('+').map_or((text, None), |(text, build)| (text, Some(build)));
        let (core, before) = text.split_once('-').map_or((text, None), |(core, before)| (core, Some(before)));
        let number = |part: &str| {
            let plain = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            let zeros = part.len() > 1 && part.starts_with('0');
            (plain && (loosely || !zeros)).then(|| part.parse().ok()).flatten()
        };
        let mut parts = [0; 3];
        let given: Vec<&str> = core.split('.').collect();
        if given.len() > 3 || (given.len() < 3 && !loosely) {
            return None;
        }
        for (part, text) in parts.iter_mut().zip(given) {
            *part = number(text)?;
        }
        let word =
            |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let zeros =
            |part: &str| part.len() > 1 && part.starts_with('0') && part.bytes().all(|byte| byte.is_ascii_digit());
        let before: Vec<String> = before.map_or_else(Vec::new, |text| text.split('.').map(str::to_owned).collect());
        let build_is_right = build.is_none_or(|build| build.split('.').all(word));
        (build_is_right && before.iter().all(|part| word(part) && !zeros(part))).then_some(Self { core: parts, before })
    }

    /// Precedence: what follows `+` does not count.
    pub(in super::super) fn compare(&self, other: &Self) -> Ordering {
        let part = |a: &String, b: &String| match (a.parse::<u64>(), b.parse::<u64>()) {
            (Ok(a), Ok(b)) => a.cmp(&b),
            (Ok(_), Err(_)) => Ordering::Less,
            (Err(_), Ok(_)) => Ordering::Greater,
            (Err(_), Err(_)) => a.cmp(b),
        };
        let before = || match (self.before.is_empty(), other.before.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => {
                let parts = self.before.iter().zip(&other.before).map(|(a, b)| part(a, b));
                parts.fold(Ordering::Equal, Ordering::then).then(self.before.len().cmp(&other.before.len()))
            }
        };
        self.core.cmp(&other.core).then_with(before)
    }

    pub(super) fn method<'a>(&self, name: &str, arguments: &[Cel<'a>]) -> Option<Outcome<'a>> {
        let part = |at: usize| Some(Ok(Cel::Int(i64::try_from(self.core[at]).unwrap_or(i64::MAX))));
        match (name, arguments) {
            ("major", []) => part(0),
            ("minor", []) => part(1),
            ("patch", []) => part(2),
            ("isGreaterThan", [Cel::Semver(other)]) => Some(Ok(Cel::Bool(self.compare(other).is_gt()))),
            ("isLessThan", [Cel::Semver(other)]) => Some(Ok(Cel::Bool(self.compare(other).is_lt()))),
            ("compareTo", [Cel::Semver(other)]) => Some(Ok(Cel::Int(self.compare(other) as i64))),
            _ => None,
        }
    }
}

pub(super) fn function<'a>(name: &str, arguments: &[Cel<'a>]) -> Option<Outcome<'a>> {
    let (text, loosely) = match arguments {
        [Cel::Text(text)] => (text, false),
        [Cel::Text(text), Cel::Bool(loosely)] => (text, *loosely),
        _ => return None,
    };
    let version = Semver::parse(text, loosely);
    match name {
        "isSemver" => Some(Ok(Cel::Bool(version.is_some()))),
        "semver" => {
            Some(version.map_or_else(|| failed("a text is no version"), |version| Ok(Cel::Semver(Rc::new(version)))))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn versions_have_the_order_of_the_specification() {
        let ordered = [
            "1.0.0-alpha",
            "1.0.0-alpha.1",
            "1.0.0-alpha.beta",
            "1.0.0-beta.2",
            "1.0.0-beta.11",
            "1.0.0",
            "1.0.1",
            "1.10.0",
        ];
        let versions: Vec<Semver> = ordered.iter().map(|text| Semver::parse(text, false).unwrap()).collect();
        assert!(versions.windows(2).all(|pair| pair[0].compare(&pair[1]).is_lt()));
        assert!(Semver::parse("v1.0", false).is_none() && Semver::parse("v1.0", true).is_some());
        assert!(Semver::parse("01.0.0", false).is_none());
    }
}
