//! Texts with a form of their own: quantities, times, base64, addresses.
//!
//! Each follows what kube-apiserver 1.36 answered, not the specification that its name suggests.

use super::names;
use std::sync::LazyLock;

/// Says whether `text` has the form called `format`; forms that are not known here are for the server to judge.
pub(super) fn matches(format: &str, text: &str, go_type: bool) -> bool {
    match format {
        "date-time" | "datetime" => text.parse::<jiff::Timestamp>().is_ok() && is_rfc3339(text),
        // A time of Kubernetes' own with exactly six digits of fraction (apimachinery, `RFC3339Micro`).
        "micro-time" => {
            text.parse::<jiff::Timestamp>().is_ok() && is_rfc3339(text) && text.get(19..).is_some_and(has_microseconds)
        }
        "date" => text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok(),
        // A Go byte slice may be empty; the format of a custom resource may not.
        "byte" => (go_type || !text.is_empty()) && is_base64(text),
        "ipv4" => is_ipv4(text),
        "ipv6" => is_ipv6(text),
        "cidr" => text.split_once('/').is_some_and(|(address, bits)| is_cidr(address, bits)),
        "uuid" => is_uuid(text),
        "uuid3" => is_uuid(text) && version_of(text) == Some('3'),
        "uuid4" => is_uuid(text) && version_of(text) == Some('4'),
        "uuid5" => is_uuid(text) && version_of(text) == Some('5'),
        "mac" => is_mac(text),
        "duration" => is_duration(text),
        "email" => is_email(text),
        "hostname" => is_hostname(text),
        "uri" => is_uri(text),
        "hexcolor" => {
            let digits = text.strip_prefix('#').unwrap_or(text);
            matches!(digits.len(), 3 | 6) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        }
        "rgbcolor" => is_rgb(text),
        "bsonobjectid" => text.len() == 24 && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "ssn" => is_ssn(text),
        "isbn10" => is_isbn(text, 10),
        "isbn13" => is_isbn(text, 13),
        "isbn" => is_isbn(text, 10) || is_isbn(text, 13),
        "creditcard" => is_card(text),
        "k8s-short-name" if !go_type => names::label(text).is_none(),
        "k8s-long-name" if !go_type => names::subdomain(text).is_none(),
        _ => true,
    }
}

/// What a text of this form looks like.
pub(super) fn example(format: &str) -> &'static str {
    match format {
        "date-time" | "datetime" => "a time such as `2026-01-31T12:00:00Z`",
        "micro-time" => "a time such as `2026-01-31T12:00:00.000000Z`",
        "date" => "a date such as `2026-01-31`",
        "byte" => "base64",
        "ipv4" => "an IPv4 address",
        "ipv6" => "an IPv6 address",
        "cidr" => "a CIDR block such as `10.0.0.0/8`",
        "uuid" => "a UUID",
        "mac" => "a MAC address",
        "uuid3" | "uuid4" | "uuid5" => "a UUID of its version",
        "duration" => "a duration such as `1h30m`",
        "email" => "an e-mail address",
        "hostname" => "a host name",
        "uri" => "a URI",
        "hexcolor" => "a colour such as `#ffffff`",
        "rgbcolor" => "a colour such as `rgb(255,255,255)`",
        "isbn" | "isbn10" | "isbn13" => "an ISBN",
        "creditcard" => "the number of a credit card",
        "ssn" => "a social security number",
        "bsonobjectid" => "24 hexadecimal digits",
        "k8s-short-name" => "a DNS label",
        "k8s-long-name" => "a DNS subdomain",
        _ => "of its format",
    }
}

/// Go reads exactly `YYYY-MM-DDTHH:MM:SS[.fraction](Z|±HH:MM)`.
fn is_rfc3339(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digits =
        |range: std::ops::Range<usize>| bytes.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    let head = marks.iter().all(|(at, mark)| bytes.get(*at) == Some(mark))
        && [0..4, 5..7, 8..10, 11..13, 14..16, 17..19].into_iter().all(digits);
    let Some(rest) = text.get(19..).filter(|_| head) else { return false };
    let zone = rest.strip_prefix('.').map_or(rest, |rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()));
    zone == "Z" || (zone.len() == 6 && zone.starts_with(['+', '-']) && zone.as_bytes()[3] == b':')
}

fn has_microseconds(after_seconds: &str) -> bool {
    let fraction = after_seconds.strip_prefix('.').map(|rest| rest.find(|c: char| !c.is_ascii_digit()));
    fraction == Some(Some(6))
}

/// Go's standard encoding: padded, line ends passed over, nothing else.
fn is_base64(text: &str) -> bool {
    let body: Vec<u8> = text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    let padding = body.iter().rev().take(2).take_while(|byte| **byte == b'=').count();
    let alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    body.len().is_multiple_of(4) && body[..body.len() - padding].iter().all(alphabet)
}

/// What base64 holds, when that is text.
pub(super) fn decoded(text: &str) -> Option<String> {
    let value = |byte: u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let (mut bytes, mut bits, mut count) = (Vec::with_capacity(text.len() / 4 * 3), 0_u32, 0);
    for byte in text.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r' | b'=')) {
        bits = (bits << 6) | u32::from(value(byte)?);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(((bits >> count) & 0xff) as u8);
        }
    }
    String::from_utf8(bytes).ok()
}

/// Leading zeros are taken, as the server still does.
fn is_ipv4(text: &str) -> bool {
    let parts: Vec<&str> = text.split('.').collect();
    let number = |part: &&str| {
        !part.is_empty() && part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit()) && part.parse::<u8>().is_ok()
    };
    parts.len() == 4 && parts.iter().all(number)
}

/// Eight groups of hexadecimal digits, `::` once for groups of zeros, the last two perhaps as an IPv4 address (RFC 4291
/// §2.2); no zone.
fn is_ipv6(text: &str) -> bool {
    let groups = |text: &str| -> Option<usize> {
        if text.is_empty() {
            return Some(0);
        }
        let parts: Vec<&str> = text.split(':').collect();
        let (last, before) = parts.split_last()?;
        let hex = |part: &&str| (1..=4).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        let tail = if hex(last) { 1 } else { usize::from(is_ipv4(last)) * 2 };
        (tail > 0 && before.iter().all(hex)).then_some(before.len() + tail)
    };
    match text.split_once("::") {
        None => groups(text) == Some(8),
        Some((head, tail)) => {
            // An IPv4 address may only end the whole.
            let plain = !head.contains('.');
            plain && matches!((groups(head), groups(tail)), (Some(head), Some(tail)) if head + tail < 8)
        }
    }
}

fn is_cidr(address: &str, bits: &str) -> bool {
    let most = if is_ipv4(address) {
        32
    } else if is_ipv6(address) {
        128
    } else {
        return false;
    };
    bits.parse::<u8>().is_ok_and(|bits| bits <= most)
}

/// What `strfmt` of go-openapi makes of a duration: Go's own form, else counts with units somewhere in the text.
fn is_duration(text: &str) -> bool {
    if super::cel::is_duration(text) {
        return true;
    }
    const UNITS: [&[&str]; 8] = [
        &["ns", "nano"],
        &["us", "µs", "micro"],
        &["ms", "milli"],
        &["s", "sec"],
        &["m", "min"],
        &["h", "hr", "hour"],
        &["d", "day"],
        &["w", "wk", "week"],
    ];
    let mut found = false;
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let after = rest[start..].trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
        let end = after.find(|c: char| !c.is_ascii_alphabetic() && c != 'µ').unwrap_or(after.len());
        let unit = after[..end].to_lowercase();
        found |= UNITS.iter().any(|names| {
            names.contains(&&*unit) || names.last().is_some_and(|longest| !unit.is_empty() && unit.starts_with(longest))
        });
        rest = &after[end..];
    }
    found
}

/// Go's `mail.ParseAddress`, as far as addresses alone go.
fn is_email(text: &str) -> bool {
    let address = match (text.find('<'), text.ends_with('>')) {
        (Some(start), true) => &text[start + 1..text.len() - 1],
        _ => text,
    };
    let Some((local, domain)) = address.rsplit_once('@') else { return false };
    let atom =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c));
    local.split('.').all(atom) && domain.split('.').all(atom)
}

/// `govalidator` by go-openapi: labels of letters, digits, `-` and `_`, at most 255 bytes.
fn is_hostname(text: &str) -> bool {
    // `strfmt.HostnamePattern` of kube-openapi, with its oddities: a label alone may end in a dash, and the last of
    // several is of letters.
    static PATTERN: LazyLock<Option<regex::Regex>> = LazyLock::new(|| {
        let one = r"[a-zA-Z0-9\p{S}\p{L}]";
        let label = format!(r"{one}(?:[a-zA-Z0-9\-\p{{S}}\p{{L}}]{{0,61}}{one})?");
        regex::Regex::new(&format!(r"^(?:{one}(?:-?{one}{{0,62}})?|(?:{label}\.)+[a-zA-Z\p{{L}}]{{2,63}})$")).ok()
    });
    let matches = PATTERN.as_ref().is_some_and(|pattern| pattern.is_match(text));
    matches && text.len() <= 255 && text.split('.').all(|part| part.len() <= 63)
}

/// Go's `url.ParseRequestURI`.
fn is_uri(text: &str) -> bool {
    if text == "*" {
        return true;
    }
    if text.is_empty() || text.bytes().any(|byte| byte < 0x20 || byte == 0x7f || byte == b' ') {
        return false;
    }
    let scheme = text.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
    });
    text.starts_with('/') || scheme
}

fn is_rgb(text: &str) -> bool {
    let inner = text.strip_prefix("rgb(").and_then(|rest| rest.strip_suffix(')'));
    let part = |text: &str| {
        let text = text.trim();
        (text == "0" || !text.starts_with('0'))
            && text.bytes().all(|byte| byte.is_ascii_digit())
            && text.parse::<u8>().is_ok()
    };
    inner.is_some_and(|inner| inner.split(',').count() == 3 && inner.split(',').all(part))
}

fn is_ssn(text: &str) -> bool {
    let parts: Vec<&str> = text.split([' ', '-']).collect();
    let digits = |part: &str, count: usize| part.len() == count && part.bytes().all(|byte| byte.is_ascii_digit());
    matches!(&parts[..], [a, b, c] if digits(a, 3) && digits(b, 2) && digits(c, 4))
}

fn is_isbn(text: &str, count: usize) -> bool {
    let plain: Vec<u32> = text
        .chars()
        .filter(|c| !matches!(c, ' ' | '-'))
        .map(|c| if matches!(c, 'X' | 'x') { 10 } else { c.to_digit(10).unwrap_or(99) })
        .collect();
    if plain.len() != count || plain.contains(&99) || plain[..count - 1].contains(&10) {
        return false;
    }
    if count == 10 {
        return plain.iter().zip((1..=10).rev()).map(|(digit, weight)| digit * weight).sum::<u32>() % 11 == 0;
    }
    plain.iter().enumerate().map(|(at, digit)| digit * if at % 2 == 0 { 1 } else { 3 }).sum::<u32>() % 10 == 0
}

/// The digits end in a check digit (Luhn).
fn is_card(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let plain = text.chars().all(|c| c.is_ascii_digit() || matches!(c, ' ' | '-'));
    let sum = digits.iter().rev().enumerate().map(|(at, digit)| match (at % 2, digit * 2) {
        (0, _) => *digit,
        (_, double) if double > 9 => double - 9,
        (_, double) => double,
    });
    plain && (13..=16).contains(&digits.len()) && sum.sum::<u32>() % 10 == 0
}

fn version_of(text: &str) -> Option<char> {
    text.chars().filter(|c| *c != '-').nth(12)
}

fn is_uuid(text: &str) -> bool {
    let hex = text.bytes().filter(|byte| *byte != b'-').collect::<Vec<_>>();
    hex.len() == 32 && hex.iter().all(u8::is_ascii_hexdigit)
}

fn is_mac(text: &str) -> bool {
    // Go's `net.ParseMAC`: 6, 8 or 20 bytes, in pairs behind one separator or in fours behind dots.
    let groups = |separator: char, size: usize| {
        let parts: Vec<&str> = text.split(separator).collect();
        let hex = |part: &&str| part.len() == size && part.bytes().all(|byte| byte.is_ascii_hexdigit());
        parts.iter().all(hex) && matches!(parts.len() * size / 2, 6 | 8 | 20)
    };
    groups(':', 2) || groups('-', 2) || groups('.', 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each was put to kube-apiserver 1.36.3, as a field of a custom resource.
    #[test]
    fn formats_are_what_the_server_takes() {
        let taken = [
            ("date-time", "2020-01-01T00:00:00Z"),
            ("byte", "aGk="),
            ("ipv4", "1.2.3.4"),
            ("ipv4", "01.2.3.4"),
            ("ipv6", "::1"),
            ("date", "2020-01-01"),
            ("uuid", "123e4567-e89b-12d3-a456-426614174000"),
            ("cidr", "1.2.3.0/24"),
            ("mac", "01:23:45:67:89:ab"),
            ("mac", "0123.4567.89ab"),
            ("hostname", "shop.example"),
            ("hostname", "a-"),
            ("hostname", "äöü"),
            ("uri", "*"),
            ("uri", "/x"),
            ("password", "x"),
        ];
        let refused = [
            ("date-time", ""),
            ("date-time", "2020-01-01"),
            ("date-time", "2020-01-01 00:00:00Z"),
            ("byte", "x"),
            ("byte", ""),
            ("ipv4", "1.2.3"),
            ("ipv4", "::1"),
            ("ipv6", "1.2.3.4"),
            ("ipv6", "::1%eth0"),
            ("date", "2020-1-1"),
            ("uuid", "x"),
            ("cidr", "1.2.3.4"),
            ("mac", "x"),
            ("mac", "10.0.0.1"),
            ("mac", "2026-01-01"),
            ("hostname", "a_b"),
            ("hostname", "a.b"),
            ("hostname", "10.0.0.1"),
            ("uri", "x"),
        ];
        assert_eq!(taken.iter().filter(|(form, text)| !matches(form, text, false)).collect::<Vec<_>>(), [&("", ""); 0]);
        assert_eq!(
            refused.iter().filter(|(form, text)| matches(form, text, false)).collect::<Vec<_>>(),
            [&("", ""); 0]
        );
    }

    #[test]
    fn ipv6_addresses_are_read_by_their_groups() {
        for text in ["::", "::1", "1::", "fe80::1:2", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "1:2:3:4:5:6:1.2.3.4"] {
            assert!(is_ipv6(text), "{text}");
        }
        for text in
            ["", ":", "1", ":::", "1::2::3", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1.2.3.4::", "g::", "12345::"]
        {
            assert!(!is_ipv6(text), "{text}");
        }
    }

    #[test]
    fn a_byte_slice_is_padded_standard_base64_with_line_ends() {
        assert!(matches("byte", "", true) && matches("byte", "aGVs\nbG8=", true));
        for text in ["not base64!", "aGVsbG8", "_-8=", "aGVs bG8="] {
            assert!(!matches("byte", text, true), "{text}");
        }
    }
}
