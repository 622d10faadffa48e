//! Durations and times (cel-spec, "Abstract Types"; Go's `time.ParseDuration` and, for formats, strfmt's).

use super::super::value::{Cel, Outcome, failed};

/// Nanoseconds by unit, the longer spelling first.
const UNITS: [(&str, i128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Reads a duration as Go does: `1h30m`, `-1.5s`, `0`.
pub(in super::super) fn duration(text: &str) -> Result<i128, String> {
    let wrong = || format!("invalid duration {text:?}");
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Ok(0);
    }
    let mut total = 0_i128;
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let (number, tail) = rest.split_at(end);
        let (unit, nanoseconds) = UNITS.iter().find(|(unit, _)| tail.starts_with(unit)).ok_or_else(wrong)?;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.len() + fraction.len() == 0 || whole.len() > 19 || fraction.contains('.') {
            return Err(wrong());
        }
        total += if whole.is_empty() { 0 } else { whole.parse::<i128>().map_err(|_| wrong())? } * nanoseconds;
        let digits = &fraction[..fraction.len().min(18)];
        if !digits.is_empty() {
            let scale = 10_i128.pow(u32::try_from(digits.len()).unwrap_or(18));
            total += digits.parse::<i128>().map_err(|_| wrong())? * nanoseconds / scale;
        }
        rest = &tail[unit.len()..];
    }
    let total = if negative { -total } else { total };
    i64::try_from(total).map(i128::from).map_err(|_| wrong())
}

/// A duration as CEL writes it: `5400s`.
pub(super) fn seconds(span: i128) -> String {
    #[allow(clippy::cast_precision_loss)]
    let seconds = span as f64 / 1e9;
    format!("{seconds}s")
}

/// A time after a span.
pub(in super::super) fn later<'a>(time: jiff::Timestamp, span: i128) -> Outcome<'a> {
    let moved = jiff::Timestamp::from_nanosecond(time.as_nanosecond() + span);
    moved.map(Cel::Time).or_else(|_| failed("timestamp overflow"))
}

/// A method of a time or duration; `None` when there is no such.
pub(super) fn method<'a>(receiver: &Cel<'a>, name: &str, arguments: &[Cel<'a>]) -> Option<Outcome<'a>> {
    let zone = match arguments {
        [] => jiff::tz::TimeZone::UTC,
        [Cel::Text(zone)] => match zone_of(zone) {
            Some(zone) => zone,
            None => {
                return Some(Err(super::super::value::Stop::Unknown(format!(
                    "the time zone `{zone}` is not known here"
                ))));
            }
        },
        _ => return None,
    };
    if let Cel::Duration(span) = receiver {
        let whole = |unit: i128| i64::try_from(span / unit).unwrap_or(i64::MAX);
        return Some(Ok(Cel::Int(match name {
            "getHours" => whole(3_600_000_000_000),
            "getMinutes" => whole(60_000_000_000),
            "getSeconds" => whole(1_000_000_000),
            "getMilliseconds" => whole(1_000_000) % 1000,
            _ => return None,
        })));
    }
    let Cel::Time(time) = receiver else { return None };
    let time = time.to_zoned(zone);
    Some(Ok(Cel::Int(match name {
        "getFullYear" => time.year().into(),
        "getMonth" => i64::from(time.month()) - 1,
        "getDate" => time.day().into(),
        "getDayOfMonth" => i64::from(time.day()) - 1,
        "getDayOfYear" => i64::from(time.day_of_year()) - 1,
        "getDayOfWeek" => time.weekday().to_sunday_zero_offset().into(),
        "getHours" => time.hour().into(),
        "getMinutes" => time.minute().into(),
        "getSeconds" => time.second().into(),
        "getMilliseconds" => time.millisecond().into(),
        _ => return None,
    })))
}

/// `UTC` or a fixed offset; names of places need a database that a check without one cannot have.
fn zone_of(text: &str) -> Option<jiff::tz::TimeZone> {
    if matches!(text, "UTC" | "Z" | "") {
        return Some(jiff::tz::TimeZone::UTC);
    }
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (hours, minutes) = rest.split_once(':')?;
    let minutes = hours.parse::<i32>().ok()? * 60 + minutes.parse::<i32>().ok()?;
    let seconds = if negative { -minutes * 60 } else { minutes * 60 };
    Some(jiff::tz::TimeZone::fixed(jiff::tz::Offset::from_seconds(seconds).ok()?))
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_are_what_go_reads() {
        assert_eq!(duration("1h30m"), Ok(5_400_000_000_000));
        assert_eq!(duration("-1.5s"), Ok(-1_500_000_000));
        assert_eq!(duration("0"), Ok(0));
        for wrong in ["", "1", "1d", "h", "1h-5m", ".s", "1 h", "99999999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }
}
