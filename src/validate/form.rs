//! Forms of texts that the server's validation code asks for by name.
//!
//! The names beginning with `k8s-` are those of the `+k8s:format` markers; the others are the table's (`schema/asked.txt`).
//! Decided by `k8s.io/apimachinery/pkg/util/validation` and `pkg/apis/core/validation` of `k8s.io/kubernetes`.

use super::{format, names};
use std::net::IpAddr;

/// Why a text does not have the form, as the end of a sentence; nothing where it has, or the form is not known here.
pub(super) fn refuses(form: &str, text: &str) -> Option<String> {
    let must = |right: bool, what: &str| (!right).then(|| format!("must be {what}"));
    match form {
        "label" | "k8s-short-name" => names::label(text),
        "subdomain" | "k8s-long-name" => names::subdomain(text),
        "k8s-long-name-caseless" | "csi-driver" => names::subdomain(&text.to_lowercase()),
        // A name that something may follow.
        "subdomain-prefix" => names::subdomain(text.strip_suffix('-').filter(|rest| !rest.is_empty()).unwrap_or(text)),
        "label1035" => names::label_1035(text),
        "domain-name-or-path" => names::qualified(&text.to_lowercase()),
        "qualified" | "k8s-label-key" => names::qualified(text),
        "label-value" | "k8s-label-value" => names::label_value(text),
        "path-segment" | "k8s-path-segment-name" => names::path_segment(text),
        "k8s-uuid" => must(format::matches("uuid", text, true), "a UUID"),
        "k8s-resource-pool-name" => text.split('/').find_map(names::subdomain),
        "port-name" => port_name(text),
        // The port of the Service stands in for an absent one.
        "target-port" if text.is_empty() => None,
        "port" | "target-port" => port_name(text),
        "ip" => must(ip(text), "an IP address"),
        "cidr" => must(cidr(text), "a CIDR block such as `10.0.0.0/8`"),
        "env-name" => {
            let printable = text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && byte != b'=');
            must(printable, "made of printable ASCII characters without `=`")
        }
        "config-key" => {
            let right = text.len() <= 253
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
                && text != "."
                && !text.starts_with("..");
            must(right, "made of letters, digits, `-`, `_` and `.`, at most 253 of them, and not begin with `..`")
        }
        "absolute-path" => must(text.starts_with('/'), "an absolute path"),
        "no-dots" => must(!text.split('/').any(|part| part == ".."), "a path without `..`"),
        "path-within" => {
            let within = !text.starts_with('/') && !text.split('/').any(|part| part == "..");
            must(within, "a relative path without `..`")
        }
        "http-header" => {
            let right = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
            must(right, "the name of an HTTP header: letters, digits and `-`")
        }
        "count-or-percent" => {
            let digits = text.strip_suffix('%').unwrap_or_default();
            must(
                !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()),
                "a count or a percentage such as `25%`",
            )
        }
        "domain-path" => {
            let right =
                text.split_once('/').is_some_and(|(domain, path)| names::subdomain(domain).is_none() && is_path(path));
            must(right, "a path after a domain, such as `example.com/name`")
        }
        "domain" => names::subdomain(text).or_else(|| must(text.contains('.'), "a domain with at least one dot")),
        "host" => match text.starts_with("*.") {
            true => names::subdomain(&text[2..]),
            false => names::subdomain(text),
        },
        "host-no-ip" if ip(text) => Some("must be a DNS name, not an IP address".to_owned()),
        "host-no-ip" => refuses("host", text),
        "webhook-name" => {
            names::subdomain(text).or_else(|| must(text.split('.').count() >= 3, "a domain with at least three parts"))
        }
        "https-url" => https_url(text),
        "semver" => must(is_semver(text), "a version such as `1.2.3`"),
        "kind-name" => names::label_1035(&text.to_lowercase()),
        "column-path" => must(text.starts_with('.'), "a JSON path that begins with `.`"),
        "sysctl" => must(is_sysctl(text), "the name of a kernel parameter such as `net.ipv4.ip_forward`"),
        "cron" => cron(text),
        _ => None,
    }
}

/// The same of a number where a text would do as well.
pub(super) fn refuses_number(form: &str, number: i64) -> Option<String> {
    match form {
        "target-port" if number == 0 => None,
        "port" | "target-port" => {
            (!(1..=65_535).contains(&number)).then(|| "must be a port from 1 to 65535".to_owned())
        }
        "count-or-percent" => (number < 0).then(|| "must not be negative".to_owned()),
        _ => None,
    }
}

/// `IsValidPortName`.
fn port_name(text: &str) -> Option<String> {
    let lower = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let right = text.len() <= 15
        && text.bytes().all(|byte| lower(byte) || byte == b'-')
        && text.bytes().any(|byte| byte.is_ascii_lowercase())
        && !text.contains("--")
        && !text.starts_with('-')
        && !text.ends_with('-');
    let must = "must be the name of a port: at most 15 lower-case letters, digits and single `-`, a letter among them";
    (!right).then(|| must.to_owned())
}

/// The server still takes leading zeros in IPv4.
fn ip(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || format::matches("ipv4", text, true)
}

fn cidr(text: &str) -> bool {
    format::matches("cidr", text, true)
}

/// What follows the domain: Go's `IsDomainPrefixedPath`.
fn is_path(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._~!$&'()*+,;=:-".contains(&byte);
    !path.is_empty() && path.bytes().all(plain)
}

fn https_url(text: &str) -> Option<String> {
    let wrong = |why: &str| Some(format!("must be a URL such as `https://host/path`{why}"));
    let Ok(url) = url::Url::parse(text) else { return wrong("") };
    match url.scheme() {
        "https" if !url.username().is_empty() || url.password().is_some() => wrong(" without a user"),
        "https" if url.query().is_some() || url.fragment().is_some() => wrong(" without a query or fragment"),
        "https" if url.host_str().is_none_or(str::is_empty) => wrong(""),
        "https" => None,
        _ => wrong(""),
    }
}

fn is_semver(text: &str) -> bool {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let number = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()) && (part == "0" || !part.starts_with('0'))
    };
    core.split('.').count() == 3 && core.split('.').all(number)
}

/// `IsValidSysctlName`.
fn is_sysctl(text: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    let ends = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    text.len() <= 253
        && text.split(['.', '/']).all(|part| {
            let bytes = part.as_bytes();
            ends(bytes.first()) && ends(bytes.last()) && bytes.iter().all(|byte| inner(*byte))
        })
}

/// The five fields of `robfig/cron`'s standard parser, or one of its words: least, most, names.
const CRON: [(u32, u32, &[&str]); 5] = [
    (0, 59, &[]),
    (0, 23, &[]),
    (1, 31, &[]),
    (1, 12, &["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]),
    (0, 6, &["sun", "mon", "tue", "wed", "thu", "fri", "sat"]),
];

fn cron(text: &str) -> Option<String> {
    let wrong = |why: String| Some(format!("must be a schedule of five fields such as `0 3 * * 1`{why}"));
    if text.contains("TZ=") {
        return Some("must not name a time zone: `timeZone` does".to_owned());
    }
    if let Some(word) = text.strip_prefix('@') {
        let known = ["yearly", "annually", "monthly", "weekly", "daily", "midnight", "hourly"].contains(&word);
        let every = word.strip_prefix("every ").is_some_and(|span| format::matches("duration", span, true));
        return if known || every { None } else { wrong(String::new()) };
    }
    let fields: Vec<&str> = text.split_whitespace().collect();
    if fields.len() != 5 {
        return wrong(format!(", it has {}", fields.len()));
    }
    let bad = fields.iter().zip(CRON).find(|(field, (least, most, words))| {
        !field.split(',').filter(|part| !part.is_empty()).all(|part| cron_part(part, *least, *most, words))
    });
    bad.and_then(|(field, _)| wrong(format!(", not `{field}`")))
}

/// `*`, `a`, `a-b`, each perhaps with `/step`.
fn cron_part(part: &str, least: u32, most: u32, words: &[&str]) -> bool {
    let value = |text: &str| {
        let named = words.iter().position(|word| word.eq_ignore_ascii_case(text));
        let base = if words.len() == 12 { 1 } else { 0 };
        named.map(|at| at as u32 + base).or_else(|| text.parse().ok())
    };
    let (range, step) = part.split_once('/').map_or((part, None), |(range, step)| (range, Some(step)));
    let steps = step.is_none_or(|step| step.parse::<u32>().is_ok_and(|step| step > 0));
    let fits = match range.split_once('-') {
        _ if matches!(range, "*" | "?") => true,
        Some((from, to)) => match (value(from), value(to)) {
            (Some(from), Some(to)) => from >= least && to <= most && from <= to,
            _ => false,
        },
        None => value(range).is_some_and(|n| n >= least && n <= most),
    };
    steps && fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedules_are_what_the_server_takes() {
        for right in ["* * * * *", "*/5 0 1-5 jan,FEB mon-fri", "@hourly", "0 0 ? * 0", "5/15 * * * *"] {
            assert_eq!(refuses("cron", right), None, "{right}");
        }
        for wrong in
            ["", "* * * *", "61 * * * *", "* * * * 8", "@often", "TZ=UTC * * * * *", "*/0 * * * *", "5-1 * * * *"]
        {
            assert!(refuses("cron", wrong).is_some(), "{wrong}");
        }
    }

    #[test]
    fn names_of_ports_need_a_letter() {
        assert!(refuses("port-name", "8080").is_some() && refuses("port-name", "a--b").is_some());
        assert_eq!(refuses("port-name", "http-8080"), None);
        assert!(refuses_number("port", 0).is_some() && refuses_number("port", 80).is_none());
    }
}
