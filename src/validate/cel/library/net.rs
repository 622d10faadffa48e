//! Addresses, blocks of them and URLs (`k8s.io/apiserver/pkg/cel/library`: `ip.go`, `cidr.go`, `urls.go`).

use super::super::value::{Cel, Outcome, failed};
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

/// An IP address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Address(IpAddr);

/// A block of addresses, as it was written: host bits are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Block(IpAddr, u8);

/// A URL with a host, or an absolute path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Url {
    scheme: String,
    host: String,
    hostname: String,
    port: String,
    path: String,
    query: Vec<(String, Vec<String>)>,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.0, self.1)
    }
}

/// No zone, no IPv4 in IPv6, no leading zeros.
fn address(text: &str) -> Option<IpAddr> {
    let address: IpAddr = text.parse().ok()?;
    let mapped = matches!(address, IpAddr::V6(six) if six.to_ipv4_mapped().is_some());
    (!mapped).then_some(address)
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(four) => u128::from(four.to_bits()) << 96,
        IpAddr::V6(six) => six.to_bits(),
    }
}

impl Address {
    pub(super) fn method<'a>(self, name: &str) -> Option<Outcome<'a>> {
        let link_local = |six: std::net::Ipv6Addr| six.segments()[0] & 0xffc0 == 0xfe80;
        let is = match (name, self.0) {
            ("family", address) => return Some(Ok(Cel::Int(if address.is_ipv4() { 4 } else { 6 }))),
            ("isUnspecified", address) => address.is_unspecified(),
            ("isLoopback", address) => address.is_loopback(),
            ("isLinkLocalMulticast", IpAddr::V4(four)) => four.octets()[..3] == [224, 0, 0],
            ("isLinkLocalMulticast", IpAddr::V6(six)) => six.segments()[0] & 0xff0f == 0xff02,
            ("isLinkLocalUnicast", IpAddr::V4(four)) => four.is_link_local(),
            ("isLinkLocalUnicast", IpAddr::V6(six)) => link_local(six),
            ("isGlobalUnicast", IpAddr::V4(four)) => {
                !(four.is_unspecified()
                    || four.is_loopback()
                    || four.is_multicast()
                    || four.is_link_local()
                    || four.is_broadcast())
            }
            ("isGlobalUnicast", IpAddr::V6(six)) => {
                !(six.is_unspecified() || six.is_loopback() || six.is_multicast() || link_local(six))
            }
            _ => return None,
        };
        Some(Ok(Cel::Bool(is)))
    }
}

impl Block {
    fn parse(text: &str) -> Option<Self> {
        let (start, length) = text.split_once('/')?;
        let start = address(start)?;
        let plain = !length.is_empty()
            && length.bytes().all(|byte| byte.is_ascii_digit())
            && (length == "0" || !length.starts_with('0'));
        let length = length.parse::<u8>().ok().filter(|_| plain)?;
        (length <= if start.is_ipv4() { 32 } else { 128 }).then_some(Self(start, length))
    }

    fn contains(self, other: IpAddr) -> bool {
        let mask = if self.1 == 0 { 0 } else { u128::MAX << (128 - u32::from(self.1)) };
        self.0.is_ipv4() == other.is_ipv4() && bits(self.0) & mask == bits(other) & mask
    }

    pub(super) fn method<'a>(self, name: &str, arguments: &[Cel<'a>]) -> Option<Outcome<'a>> {
        let other = match arguments {
            [Cel::Text(text)] if name == "containsIP" => address(text).map(|address| (address, 128)),
            [Cel::Text(text)] => Block::parse(text).map(|block| (block.0, block.1)),
            [Cel::Address(address)] => Some((address.0, 128)),
            [Cel::Block(block)] => Some((block.0, block.1)),
            _ => None,
        };
        Some(match (name, arguments.len()) {
            ("containsIP", 1) => match other {
                Some((address, _)) => Ok(Cel::Bool(self.contains(address))),
                None => failed("a text is no IP address"),
            },
            ("containsCIDR", 1) => match other {
                Some((start, length)) => Ok(Cel::Bool(self.contains(start) && length >= self.1)),
                None => failed("a text is no CIDR block"),
            },
            ("ip", 0) => Ok(Cel::Address(Address(self.0))),
            ("prefixLength", 0) => Ok(Cel::Int(self.1.into())),
            ("masked", 0) => {
                let mask = if self.1 == 0 { 0 } else { u128::MAX << (128 - u32::from(self.1)) };
                let start = bits(self.0) & mask;
                #[allow(clippy::cast_possible_truncation)]
                let start = if self.0.is_ipv4() {
                    IpAddr::V4(std::net::Ipv4Addr::from_bits((start >> 96) as u32))
                } else {
                    IpAddr::V6(std::net::Ipv6Addr::from_bits(start))
                };
                Ok(Cel::Block(Self(start, self.1)))
            }
            _ => return None,
        })
    }
}

impl Url {
    /// Go's `url.ParseRequestURI`, as far as rules look at it.
    fn parse(text: &str) -> Option<Self> {
        if text.is_empty() || text.contains(|c: char| c.is_control() || c == ' ') {
            return None;
        }
        if text.starts_with('/') {
            let (path, query) = text.split_once('?').unwrap_or((text, ""));
            return Some(Self {
                scheme: String::new(),
                host: String::new(),
                hostname: String::new(),
                port: String::new(),
                path: path.to_owned(),
                query: pairs(query),
            });
        }
        let (scheme, rest) = text.split_once(':')?;
        let begins = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
        if !begins || !scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)) {
            return None;
        }
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let mut url = Self {
            scheme: scheme.to_ascii_lowercase(),
            host: String::new(),
            hostname: String::new(),
            port: String::new(),
            path: rest.to_owned(),
            query: pairs(query),
        };
        let Some(rest) = rest.strip_prefix("//") else {
            // Without a slash the rest is opaque, which a request cannot be.
            return rest.starts_with('/').then_some(url);
        };
        let slash = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(slash);
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (hostname, port) = match host.strip_prefix('[') {
            Some(inner) => {
                let (inner, after) = inner.split_once(']')?;
                (inner, after.strip_prefix(':').or(after.is_empty().then_some(""))?)
            }
            None => host.rsplit_once(':').unwrap_or((host, "")),
        };
        if !port.bytes().all(|byte| byte.is_ascii_digit()) || hostname.contains(|c: char| "<>\"{}|\\^`".contains(c)) {
            return None;
        }
        url.path = path.to_owned();
        (url.host, url.hostname, url.port) = (host.to_owned(), hostname.to_owned(), port.to_owned());
        Some(url)
    }

    pub(super) fn method<'a>(&self, name: &str) -> Option<Outcome<'a>> {
        Some(Ok(match name {
            "getScheme" => Cel::text(&*self.scheme),
            "getHost" => Cel::text(&*self.host),
            "getHostname" => Cel::text(&*self.hostname),
            "getPort" => Cel::text(&*self.port),
            "getEscapedPath" => Cel::text(&*self.path),
            "getQuery" => {
                let entries = self.query.iter().map(|(key, values)| {
                    let values = values.iter().map(|value| Cel::text(&**value)).collect();
                    (Cel::text(&**key), Cel::list(values))
                });
                Cel::Map(Rc::new(entries.collect()))
            }
            _ => return None,
        }))
    }
}

fn pairs(query: &str) -> Vec<(String, Vec<String>)> {
    let decode =
        |text: &str| percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    let mut found: Vec<(String, Vec<String>)> = Vec::new();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let (key, value) = (decode(key), decode(value));
        match found.iter_mut().find(|(known, _)| *known == key) {
            Some((_, values)) => values.push(value),
            None => found.push((key, vec![value])),
        }
    }
    found
}

pub(super) fn function<'a>(name: &str, arguments: &[Cel<'a>]) -> Option<Outcome<'a>> {
    let [Cel::Text(text)] = arguments else { return None };
    Some(match name {
        "isIP" => Ok(Cel::Bool(address(text).is_some())),
        "ip" => address(text).map_or_else(|| failed("a text is no IP address"), |a| Ok(Cel::Address(Address(a)))),
        "isCIDR" => Ok(Cel::Bool(Block::parse(text).is_some())),
        "cidr" => Block::parse(text).map_or_else(|| failed("a text is no CIDR block"), |block| Ok(Cel::Block(block))),
        "isURL" => Ok(Cel::Bool(Url::parse(text).is_some())),
        "url" => Url::parse(text).map_or_else(|| failed("a text is no URL"), |url| Ok(Cel::Url(Rc::new(url)))),
        _ => return None,
    })
}

/// `ip.isCanonical`.
pub(super) fn library<'a>(name: &str, arguments: &[Cel<'a>]) -> Option<Outcome<'a>> {
    match (name, arguments) {
        ("isCanonical", [Cel::Text(text)]) => Some(match address(text) {
            Some(address) => Ok(Cel::Bool(address.to_string() == **text)),
            None => failed("a text is no IP address"),
        }),
        _ => None,
    }
}
