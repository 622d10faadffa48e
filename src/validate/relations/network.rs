//! Services, endpoints, ingresses and network policies (`pkg/apis/{core,discovery,networking}/validation`).

use super::super::names;
use super::super::structure::Walk;
use super::{holds, inner, is_there, items, text};
use crate::manifest::{Data, Map, Value};
use std::net::IpAddr;

/// `ValidateService`.
pub(super) fn service(walk: &mut Walk, map: &Map) {
    let kind = if text(map, "type").is_empty() { "ClusterIP" } else { text(map, "type") };
    let of = format!("for a Service of type `{kind}`");
    let headless = text(map, "clusterIP") == "None";
    if kind == "ExternalName" {
        walk.refuse_unset(map, &["externalName"], &of);
        let name = text(map, "externalName");
        if let Some(why) = names::subdomain(name.strip_suffix('.').unwrap_or(name)).filter(|_| !name.is_empty()) {
            walk.refuse("externalName", &why);
        }
        let set: Vec<&str> =
            ["clusterIP", "clusterIPs", "ipFamilies"].into_iter().filter(|name| holds(map, name)).collect();
        walk.refuse_set(map, &set, &of);
        walk.refuse_set(map, &["ipFamilyPolicy"], &of);
    } else {
        if !headless {
            walk.refuse_unset(map, &["ports"], &of);
        }
        addresses(walk, map);
    }
    if headless && matches!(kind, "NodePort" | "LoadBalancer") {
        walk.refuse("clusterIP", &format!("must not be `None` {of}"));
    }
    let ports = items(map, "ports");
    walk.each(map, "ports", |walk, port| {
        if ports.len() > 1 && !holds(port, "name") {
            walk.refuse_all("must have a `name`, as there is more than one port");
        }
        if kind == "ClusterIP" && holds(port, "nodePort") {
            walk.refuse("nodePort", &format!("must not be set {of}"));
        }
    });
    if kind != "LoadBalancer" {
        if holds(map, "loadBalancerSourceRanges") {
            walk.refuse("loadBalancerSourceRanges", &format!("must not be set {of}"));
        }
        walk.refuse_set(map, &["allocateLoadBalancerNodePorts", "loadBalancerClass"], &of);
    }
}

/// `ValidateServiceClusterIPsRelatedFields`, as far as it asks nothing of the cluster.
fn addresses(walk: &mut Walk, map: &Map) {
    let is_address = |text: &str| text.is_empty() || text == "None" || legacy_address(text);
    if !is_address(text(map, "clusterIP")) {
        walk.refuse("clusterIP", "must be an IP address, or `None`");
    }
    let all = items(map, "clusterIPs");
    if let Some(first) = all.first().and_then(Value::as_str)
        && first != text(map, "clusterIP")
    {
        walk.refuse("clusterIPs", "must begin with the address in `clusterIP`");
    }
    walk.below("clusterIPs", |walk| {
        for (index, address) in all.iter().enumerate().filter_map(|(index, value)| Some((index, value.as_str()?))) {
            let right = if address == "None" { index == 0 && all.len() == 1 } else { legacy_address(address) };
            if !right {
                walk.refuse(&index.to_string(), "must be an IP address");
            }
        }
    });
}

/// `ParseIPSloppy`: zeros may lead.
fn legacy_address(text: &str) -> bool {
    let plain = text.split('.').map(|part| match part.trim_start_matches('0') {
        "" if !part.is_empty() => "0",
        rest => rest,
    });
    text.parse::<IpAddr>().is_ok() || plain.collect::<Vec<_>>().join(".").parse::<std::net::Ipv4Addr>().is_ok()
}

/// `validateEndpointSubsets`.
pub(super) fn subset(walk: &mut Walk, map: &Map) {
    if !holds(map, "addresses") && !holds(map, "notReadyAddresses") {
        walk.refuse_all("must have `addresses` or `notReadyAddresses`");
    }
}

/// Addresses are of the slice's type.
pub(super) fn endpoint_slice(walk: &mut Walk, map: &Map) {
    let kind = text(map, "addressType");
    walk.each(map, "endpoints", |walk, endpoint| {
        walk.below("addresses", |walk| {
            let addresses = items(endpoint, "addresses").iter().enumerate();
            for (index, address) in addresses.filter_map(|(index, value)| Some((index, value.as_str()?))) {
                let parsed = address.parse::<IpAddr>();
                let right = match kind {
                    // Addresses of the other family in an older form are left to the server.
                    "IPv4" => legacy_address(address) && !parsed.is_ok_and(|address| address.is_ipv6()),
                    "IPv6" => parsed.is_ok_and(|address| address.is_ipv6()),
                    "FQDN" => names::subdomain(address.strip_suffix('.').unwrap_or(address)).is_none(),
                    _ => true,
                };
                if !right {
                    walk.refuse(&index.to_string(), &format!("must be an address of type `{kind}`"));
                }
            }
        });
    });
}

/// `ValidateIngressSpec`.
pub(super) fn ingress(walk: &mut Walk, map: &Map) {
    if !holds(map, "rules") && !is_there(map, "defaultBackend") {
        walk.refuse_all("must have `rules` or a `defaultBackend`");
    }
}

/// `validateHTTPIngressPath`.
pub(super) fn ingress_path(walk: &mut Walk, map: &Map) {
    let (kind, path) = (text(map, "pathType"), text(map, "path"));
    let exact = matches!(kind, "Exact" | "Prefix");
    if !path.starts_with('/') && (exact || (kind == "ImplementationSpecific" && !path.is_empty())) {
        return match path {
            "" => walk.refuse_unset(map, &["path"], &format!("where `pathType` is `{kind}`")),
            _ => walk.refuse("path", "must be absolute: begin with `/`"),
        };
    }
    if !exact {
        return;
    }
    if let Some(part) = ["//", "/./", "/../", "%2f", "%2F"].iter().find(|part| path.contains(**part)) {
        walk.refuse("path", &format!("must not contain `{part}`"));
    }
    if let Some(end) = ["/..", "/."].iter().find(|end| path.ends_with(**end)) {
        walk.refuse("path", &format!("must not end with `{end}`"));
    }
}

/// `validateIngressClassParametersReference`.
pub(super) fn class_parameters(walk: &mut Walk, map: &Map) {
    if is_there(map, "apiGroup")
        && let Some(why) = names::subdomain(text(map, "apiGroup"))
    {
        walk.refuse("apiGroup", &why);
    }
    match text(map, "scope") {
        "Namespace" if !is_there(map, "namespace") => {
            walk.refuse_unset(map, &["namespace"], "where `scope` is `Namespace`");
        }
        "Namespace" => {
            if let Some(why) = names::label(text(map, "namespace")) {
                walk.refuse("namespace", &why);
            }
        }
        // An absent scope is filled in.
        "Cluster" => walk.refuse_set(map, &["namespace"], "where `scope` is `Cluster`"),
        "" if !is_there(map, "scope") => walk.refuse_set(map, &["namespace"], "where `scope` is `Cluster`"),
        _ => walk.refuse("scope", "must be `Cluster` or `Namespace`"),
    }
}

/// `ValidateNetworkPolicyPort`.
pub(super) fn policy_port(walk: &mut Walk, map: &Map) {
    let Some(end) = map.get("endPort").and_then(Value::as_i64) else { return };
    match map.get("port").map(|port| &port.data) {
        Some(Data::Number(port)) => {
            if port.as_i64().is_some_and(|port| end < port) {
                walk.refuse("endPort", "must be greater than or equal to `port`");
            } else if !(1..=65_535).contains(&end) {
                walk.refuse("endPort", "must be a port: between 1 and 65535");
            }
        }
        Some(Data::String(_)) => walk.refuse("endPort", "must not be set where `port` is a name"),
        _ => walk.refuse("endPort", "must not be set without a `port`"),
    }
}

/// `ValidateNetworkPolicyPeer`.
pub(super) fn policy_peer(walk: &mut Walk, map: &Map) {
    if !["podSelector", "namespaceSelector", "ipBlock"].iter().any(|name| is_there(map, name)) {
        walk.refuse_all("must have a `podSelector`, a `namespaceSelector` or an `ipBlock`");
    }
    let Some(block) = inner(map, "ipBlock") else { return };
    let Some((within, length)) = prefix(text(block, "cidr")) else { return };
    walk.below("ipBlock", |walk| {
        walk.below("except", |walk| {
            for (index, value) in items(block, "except").iter().enumerate() {
                let Some((address, longer)) = value.as_str().and_then(prefix) else { continue };
                if longer <= length || !same_start(within, address, length) {
                    walk.refuse(&index.to_string(), "must be a part of `cidr`");
                }
            }
        });
    });
}

/// One block of each family at most.
pub(super) fn service_cidr(walk: &mut Walk, map: &Map) {
    let blocks: Vec<_> = items(map, "cidrs").iter().filter_map(|value| prefix(value.as_str()?)).collect();
    if let [(one, _), (two, _)] = blocks[..]
        && one.is_ipv4() == two.is_ipv4()
    {
        walk.refuse("cidrs", "must hold one block of each IP family at most");
    }
}

fn prefix(text: &str) -> Option<(IpAddr, u32)> {
    let (address, length) = text.split_once('/')?;
    Some((address.parse().ok()?, length.parse().ok()?))
}

fn same_start(one: IpAddr, two: IpAddr, length: u32) -> bool {
    match (one, two) {
        (IpAddr::V4(one), IpAddr::V4(two)) => {
            (one.to_bits() ^ two.to_bits()).checked_shr(32 - length.min(32)).unwrap_or(0) == 0
        }
        (IpAddr::V6(one), IpAddr::V6(two)) => {
            (one.to_bits() ^ two.to_bits()).checked_shr(128 - length.min(128)).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_compared_by_their_first_bits() {
        let (outer, length) = prefix("10.0.0.0/8").unwrap_or_else(|| panic!("a block"));
        let inside = |text: &str| prefix(text).is_some_and(|(address, _)| same_start(outer, address, length));
        assert!(inside("10.1.0.0/16") && !inside("11.0.0.0/16") && !inside("::/16"));
        assert!(same_start(outer, "255.0.0.0".parse().unwrap_or(outer), 0));
    }

    #[test]
    fn addresses_with_leading_zeros_are_read_as_the_server_reads_them() {
        assert!(legacy_address("010.0.0.01") && legacy_address("::1") && legacy_address("0.0.0.0"));
        assert!(!legacy_address("300.1.1.1") && !legacy_address("10.0.0") && !legacy_address(""));
    }
}
