//! Timestamps as go-yaml recognises them: kustomize rewrites a plain `2001-1-1` to `"2001-01-01T00:00:00Z"`.
//!
//! Decided by the four layouts of `parseTimestamp` in go-yaml's `resolve.go`, read by Go's `time.Parse`.

use std::fmt::Write;

/// The RFC 3339 form of a timestamp, or `None` when `text` is none.
pub(super) fn normalise(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return None;
    }
    let mut rest = Rest(&text[5..]);
    let year: u32 = text[..4].parse().ok()?;
    let month = rest.number(2)?;
    rest.skip('-')?;
    let day = rest.number(2)?;
    if !(1..=12).contains(&month) || day == 0 || day > days_in(year, month) {
        return None;
    }
    let mut normal = format!("{year:04}-{month:02}-{day:02}T");
    if rest.0.is_empty() {
        normal.push_str("00:00:00Z");
        return Some(normal);
    }
    let zoned = rest.skip('T').or_else(|| rest.skip('t')).is_some();
    if !zoned {
        rest.skip(' ')?;
        rest.0 = rest.0.trim_start_matches(' ');
    }
    let hour = rest.number(2)?;
    rest.skip(':')?;
    let minute = rest.number(2)?;
    rest.skip(':')?;
    let second = rest.number(2)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    write!(normal, "{hour:02}:{minute:02}:{second:02}").ok()?;
    if let Some(fraction) = rest.fraction() {
        let fraction = fraction.get(..9).unwrap_or(fraction).trim_end_matches('0');
        if !fraction.is_empty() {
            write!(normal, ".{fraction}").ok()?;
        }
    }
    normal.push_str(&if zoned { rest.zone()? } else { "Z".into() });
    rest.0.is_empty().then_some(normal)
}

/// What is left to read.
struct Rest<'a>(&'a str);

impl<'a> Rest<'a> {
    fn skip(&mut self, c: char) -> Option<()> {
        self.0 = self.0.strip_prefix(c)?;
        Some(())
    }

    /// One to `most` digits.
    fn number(&mut self, most: usize) -> Option<u32> {
        let length = self.0.bytes().take(most).take_while(u8::is_ascii_digit).count();
        let (digits, rest) = self.0.split_at(length);
        self.0 = rest;
        digits.parse().ok()
    }

    /// The digits after a point or comma.
    fn fraction(&mut self) -> Option<&'a str> {
        let rest = self.0.strip_prefix(['.', ','])?;
        let length = rest.bytes().take_while(u8::is_ascii_digit).count();
        if length == 0 {
            return None;
        }
        let (digits, rest) = rest.split_at(length);
        self.0 = rest;
        Some(digits)
    }

    /// `Z` or `±hh:mm`.
    fn zone(&mut self) -> Option<String> {
        if self.skip('Z').is_some() {
            return Some("Z".into());
        }
        let zone = self.0.get(..6)?;
        let shaped = matches!(zone.as_bytes(), [b'+' | b'-', h1, h2, b':', m1, m2]
            if [h1, h2, m1, m2].iter().all(|byte| byte.is_ascii_digit()));
        let (hours, minutes): (u32, u32) = (zone.get(1..3)?.parse().ok()?, zone.get(4..6)?.parse().ok()?);
        if !shaped || hours > 24 || minutes > 60 {
            return None;
        }
        self.0 = &self.0[6..];
        Some(if hours == 0 && minutes == 0 { "Z".into() } else { zone.to_owned() })
    }
}

fn days_in(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_normalised_as_kustomize_prints_them() {
        for (text, normal) in [
            ("2001-01-01", "2001-01-01T00:00:00Z"),
            ("2001-1-1", "2001-01-01T00:00:00Z"),
            ("2001-01-01 10:00:00.5", "2001-01-01T10:00:00.5Z"),
            ("2001-01-01T10:02:03+01:00", "2001-01-01T10:02:03+01:00"),
            ("2001-01-01T10:02:03Z", "2001-01-01T10:02:03Z"),
            ("2001-01-01t10:02:03.120Z", "2001-01-01T10:02:03.12Z"),
        ] {
            assert_eq!(normalise(text).as_deref(), Some(normal), "{text}");
        }
        for text in ["2001-02-30", "2001-13-01", "12:30:45", "2001-01-01 10:00:00 Z", "2001-01-01T10:02:03", "20010101"]
        {
            assert_eq!(normalise(text), None, "{text}");
        }
    }
}
