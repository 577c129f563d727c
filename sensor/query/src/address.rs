//! Addresses and networks as they are written in queries.

use std::net::{IpAddr, Ipv6Addr};

/// A range of addresses, IPv4 mapped into IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    pub first: Ipv6Addr,
    pub last: Ipv6Addr,
}

impl Network {
    /// `10.0.0.1`, `10.0.0.0/8`, `2001:db8::/32`.
    pub fn parse(text: &str) -> Option<Network> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse::<u32>().ok()?)),
            None => (text, None),
        };
        let (address, width) = match address.parse::<IpAddr>().ok()? {
            IpAddr::V4(v4) => (v4.to_ipv6_mapped(), 32),
            IpAddr::V6(v6) => (v6, 128),
        };
        let host_bits = width - bits.unwrap_or(width).min(width);
        if bits.is_some_and(|bits| bits > width) {
            return None;
        }
        let mask = 1_u128
            .checked_shl(host_bits)
            .map_or(u128::MAX, |bit| bit - 1);
        let number = u128::from(address);
        Some(Network {
            first: Ipv6Addr::from(number & !mask),
            last: Ipv6Addr::from(number | mask),
        })
    }

    pub fn is_single(self) -> bool {
        self.first == self.last
    }
}

#[cfg(test)]
mod tests {
    use super::Network;

    #[test]
    fn networks_are_ranges() {
        for (text, range) in [
            ("10.0.0.1", Some(("::ffff:10.0.0.1", "::ffff:10.0.0.1"))),
            (
                "10.1.2.3/8",
                Some(("::ffff:10.0.0.0", "::ffff:10.255.255.255")),
            ),
            (
                "0.0.0.0/0",
                Some(("::ffff:0.0.0.0", "::ffff:255.255.255.255")),
            ),
            (
                "::/0",
                Some(("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff")),
            ),
            ("10.0.0.0/33", None),
            ("abc", None),
        ] {
            let found = Network::parse(text).map(|n| (n.first.to_string(), n.last.to_string()));
            let expected = range.map(|(a, b)| (a.to_owned(), b.to_owned()));
            assert_eq!(found, expected, "{text}");
        }
    }
}
