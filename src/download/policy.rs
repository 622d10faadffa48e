//! Which addresses may be asked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use url::{Host, Url};

/// Judges an address that trusted configuration or a person named: any server, but only by HTTP and without a password.
pub(super) fn named(url: &Url) -> Result<(), &'static str> {
    match url.scheme() {
        "https" | "http" => {}
        _ => return Err("is no `https` or `http` address"),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user or password");
    }
    if url.host().is_none() { Err("names no server") } else { Ok(()) }
}

/// Judges where `current` leads, which nobody named: never to less security, and to no other server than the `first` one
/// unless it stands on the public network. Gives the addresses that were judged: no others may be gone to.
pub(super) async fn redirect(first: &Url, current: &Url, next: &Url) -> Result<Option<Vec<SocketAddr>>, String> {
    named(next).map_err(str::to_owned)?;
    if current.scheme() == "https" && next.scheme() != "https" {
        return Err("which is not encrypted".to_owned());
    }
    if first.host() == next.host() && first.port_or_known_default() == next.port_or_known_default() {
        return Ok(None);
    }
    let port = next.port_or_known_default().unwrap_or(443);
    let addresses: Vec<SocketAddr> = match next.host() {
        Some(Host::Ipv4(address)) => vec![SocketAddr::new(address.into(), port)],
        Some(Host::Ipv6(address)) => vec![SocketAddr::new(address.into(), port)],
        // The proxy looks the name up, and goes where it may.
        Some(Host::Domain(_)) if is_proxied() => return Ok(None),
        Some(Host::Domain(name)) => tokio::net::lookup_host((name, port))
            .await
            .map_err(|error| format!("which is not found: {error}"))?
            .collect(),
        None => Vec::new(),
    };
    match addresses.iter().find(|address| !is_public(address.ip())) {
        Some(private) => Err(format!("which is `{}` on a private network", private.ip())),
        None => Ok(Some(addresses)),
    }
}

fn is_proxied() -> bool {
    ["https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}

/// Says whether an address belongs to the public network (IANA special-purpose address registries).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let special = address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_broadcast()
        || address.is_multicast()
        || address.is_documentation()
        || a == 0
        || a >= 240
        // Shared address space (RFC 6598), protocol assignments (RFC 6890), benchmarking (RFC 2544).
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && (18..20).contains(&b));
    !special
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let [first, second, ..] = address.segments();
    // NAT64 (RFC 6052) and 6to4 (RFC 3056) hold an address of the other kind.
    if (first, second) == (0x64, 0xff9b) {
        let [.., high, low] = address.segments();
        return is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    }
    if first == 0x2002 {
        let [_, high, low, ..] = address.segments();
        return is_public_v4(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)));
    }
    // Global unicast is 2000::/3; documentation (RFC 3849) is a part of it.
    (first & 0xe000) == 0x2000 && (first, second) != (0x2001, 0x0db8)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn private_networks_are_known_in_every_spelling() {
        let private = [
            "127.0.0.1",
            "10.1.2.3",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "2001:db8::1",
        ];
        for address in private {
            assert!(!is_public(address.parse().unwrap()), "{address}");
        }
        for address in ["1.1.1.1", "140.82.112.3", "2606:4700::1111", "::ffff:1.1.1.1"] {
            assert!(is_public(address.parse().unwrap()), "{address}");
        }
    }

    #[tokio::test]
    async fn a_redirect_leads_neither_to_less_security_nor_inside() {
        let url = |text: &str| Url::parse(text).unwrap();
        let judged = async |first: &str, next: &str| redirect(&url(first), &url(first), &url(next)).await;
        let refused = async |first, next| judged(first, next).await.unwrap_err();
        assert!(refused("https://example.com/a", "http://example.com/b").await.contains("not encrypted"));
        assert!(refused("https://example.com/a", "https://169.254.169.254/").await.contains("private network"));
        assert!(refused("https://example.com/a", "https://[::1]/").await.contains("private network"));
        assert!(refused("https://example.com/a", "https://u@example.com/").await.contains("password"));
        assert!(refused("https://example.com/a", "file:///etc/passwd").await.contains("no `https`"));
        assert_eq!(judged("http://127.0.0.1:1/a", "http://127.0.0.1:1/b").await, Ok(None));
        assert!(refused("http://127.0.0.1:1/a", "http://127.0.0.1:2/b").await.contains("private network"));
        assert!(judged("https://example.com/a", "https://1.1.1.1/b").await.unwrap().is_some());
    }
}
