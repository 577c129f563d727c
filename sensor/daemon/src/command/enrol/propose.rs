//! What a new sensor could watch: the interfaces of this machine, and the networks that are ours.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use anyhow::{Context as _, bail};

/// Networks that nobody reaches from outside (RFC 1918).
const PRIVATE: &[(Ipv4Addr, u8)] = &[
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
];

/// An interface, as far as it matters here.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    pub name: String,
    pub has_link: bool,
    /// Frames that came in since it is there.
    pub received: u64,
    /// Address and length of its network's prefix.
    pub addresses: Vec<(IpAddr, u8)>,
}

/// The interfaces of this machine, but for loopback.
pub fn interfaces() -> Vec<Found> {
    let mut addresses: BTreeMap<String, Vec<(IpAddr, u8)>> = BTreeMap::new();
    for one in nix::ifaddrs::getifaddrs().into_iter().flatten() {
        let address = |storage: Option<&nix::sys::socket::SockaddrStorage>| {
            let storage = storage?;
            let four = storage.as_sockaddr_in().map(|four| IpAddr::from(four.ip()));
            four.or_else(|| storage.as_sockaddr_in6().map(|six| IpAddr::from(six.ip())))
        };
        let ip = address(one.address.as_ref());
        if let (Some(ip), Some(mask)) = (ip, address(one.netmask.as_ref())) {
            let ones = match mask {
                IpAddr::V4(mask) => mask.to_bits().count_ones(),
                IpAddr::V6(mask) => mask.to_bits().count_ones(),
            };
            let found = addresses.entry(one.interface_name).or_default();
            found.push((ip, u8::try_from(ones).unwrap_or(128)));
        }
    }
    let names = std::fs::read_dir("/sys/class/net").into_iter().flatten();
    let names = names.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut found: Vec<Found> = names
        .filter(|name| name != "lo")
        .map(|name| {
            let read = |what: &str| {
                std::fs::read_to_string(format!("/sys/class/net/{name}/{what}")).unwrap_or_default()
            };
            Found {
                has_link: read("carrier").trim() == "1",
                received: read("statistics/rx_packets").trim().parse().unwrap_or(0),
                addresses: addresses.remove(&name).unwrap_or_default(),
                name,
            }
        })
        .collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// The likely mirror port: one with a link; without an address of IPv4, as nobody talks to a mirror port; with the most
/// frames.
pub fn best(found: &[Found]) -> Option<&Found> {
    let silent = |one: &Found| !one.addresses.iter().any(|(address, _)| address.is_ipv4());
    found
        .iter()
        .filter(|one| one.has_link)
        .max_by_key(|one| (silent(one) && one.received > 0, one.received))
}

/// Our own networks: those of this machine's public addresses, and all private ones.
pub fn home_net(found: &[Found]) -> String {
    let mut networks: Vec<String> = PRIVATE
        .iter()
        .map(|(network, prefix)| format!("{network}/{prefix}"))
        .collect();
    for (address, prefix) in found.iter().flat_map(|one| &one.addresses) {
        let network = match address {
            IpAddr::V4(ip) if !ip.is_private() && !ip.is_link_local() && !ip.is_loopback() => {
                let mask = u32::MAX
                    .checked_shl(32 - u32::from(*prefix).min(32))
                    .unwrap_or(0);
                Ipv4Addr::from_bits(ip.to_bits() & mask).into()
            }
            IpAddr::V6(ip) if !ip.is_loopback() && !ip.is_unicast_link_local() => {
                let mask = u128::MAX
                    .checked_shl(128 - u32::from(*prefix).min(128))
                    .unwrap_or(0);
                IpAddr::from(std::net::Ipv6Addr::from_bits(ip.to_bits() & mask))
            }
            _ => continue,
        };
        let text = format!("{network}/{prefix}");
        if !networks.contains(&text) {
            networks.push(text);
        }
    }
    format!("[{}]", networks.join(","))
}

/// Writes interface and networks into a configuration; all else in it, comments too, stays as it is.
///
/// # Errors
/// When the file cannot be read or written, or is no TOML.
pub fn write(path: &Path, interface: &str, home_net: &str) -> anyhow::Result<()> {
    let place = || path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(place)?;
    let text = changed(&text, interface, home_net).with_context(place)?;
    std::fs::write(path, text).with_context(place)
}

fn changed(text: &str, interface: &str, home_net: &str) -> anyhow::Result<String> {
    let mut document: toml_edit::DocumentMut = text.parse()?;
    for (table, key, value) in [
        ("input", "interface", interface),
        ("set", "vars.address-groups.HOME_NET", home_net),
    ] {
        let table = document.entry(table).or_insert(toml_edit::table());
        let Some(table) = table.as_table_like_mut() else {
            bail!("{key}: what it should stand in is no table");
        };
        match table.get_mut(key).and_then(toml_edit::Item::as_value_mut) {
            Some(old) => {
                let decor = old.decor().clone();
                *old = value.into();
                *old.decor_mut() = decor;
            }
            None => {
                table.insert(key, toml_edit::value(value));
            }
        }
    }
    Ok(document.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, has_link: bool, received: u64, addresses: &[(&str, u8)]) -> Found {
        let addresses = addresses
            .iter()
            .map(|(address, prefix)| (address.parse().expect("an address"), *prefix));
        Found {
            name: name.to_owned(),
            has_link,
            received,
            addresses: addresses.collect(),
        }
    }

    #[test]
    fn the_mirror_port_is_proposed() {
        let managed = found("eth0", true, 900, &[("203.0.113.9", 29)]);
        let mirror = found("eth1", true, 500, &[("fe80::1", 64)]);
        let quiet = found("eth2", true, 0, &[]);
        let unplugged = found("eth3", false, 9_000, &[]);
        for (all, expected) in [
            (
                vec![managed.clone(), mirror, quiet.clone(), unplugged.clone()],
                Some("eth1"),
            ),
            (vec![managed, quiet, unplugged.clone()], Some("eth0")),
            (vec![unplugged], None),
        ] {
            assert_eq!(best(&all).map(|one| one.name.as_str()), expected);
        }
    }

    #[test]
    fn home_is_what_is_private_and_what_is_ours() {
        let all = [
            found(
                "a",
                true,
                1,
                &[("203.0.113.9", 29), ("192.168.1.5", 24), ("fe80::1", 64)],
            ),
            found("b", true, 1, &[("2001:db8:1::7", 48), ("203.0.113.10", 29)]),
        ];
        assert_eq!(
            home_net(&all),
            "[192.168.0.0/16,10.0.0.0/8,172.16.0.0/12,203.0.113.8/29,2001:db8:1::/48]"
        );
        let all = [found(
            "a",
            true,
            1,
            &[("203.0.113.9", 0), ("2001:db8::1", 0)],
        )];
        assert!(home_net(&all).ends_with("0.0.0.0/0,::/0]"));
    }

    #[test]
    fn a_configuration_keeps_all_else() {
        let packaged = include_str!("../../../package/sensor.toml");
        let text = changed(packaged, "ens\"5", "[10.0.0.0/8]").expect("it is TOML");
        let other: Vec<(&str, &str)> = packaged
            .lines()
            .zip(text.lines())
            .filter(|(before, after)| before != after)
            .collect();
        assert_eq!(other.len(), 2, "{other:?}");
        let read: toml::Table = text.parse().expect("it is TOML");
        assert_eq!(read["input"]["interface"].as_str(), Some("ens\"5"));
        let home = &read["set"]["vars.address-groups.HOME_NET"];
        assert_eq!(home.as_str(), Some("[10.0.0.0/8]"));
        let made = changed("state_dir = \"x\"\n", "eth0", "any").expect("it is TOML");
        assert!(made.contains("[input]\ninterface = \"eth0\""), "{made}");
        changed("input = 3", "eth0", "any").expect_err("no table");
    }
}
