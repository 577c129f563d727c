//! Names that led to addresses, from answers of DNS.

use std::net::IpAddr;

use crate::recent::Recent;

/// Addresses of which names are kept.
pub const MAX_ADDRESSES: usize = 65_536;
/// Names kept of one address.
pub const MAX_NAMES: usize = 4;
const SECOND_NS: i64 = 1_000_000_000;
/// A name holds as long as its answer says, within these bounds: programs keep addresses longer than they should.
const SHORTEST_NS: i64 = 3_600 * SECOND_NS;
const LONGEST_NS: i64 = 86_400 * SECOND_NS;

#[derive(Debug)]
pub struct Names {
    /// Newest first.
    addresses: Recent<IpAddr, Vec<(Vec<u8>, i64)>>,
}

impl Default for Names {
    fn default() -> Self {
        Names {
            addresses: Recent::new(MAX_ADDRESSES),
        }
    }
}

impl Names {
    pub fn add(&mut self, ip: IpAddr, name: &[u8], ttl_seconds: u32, now_ns: i64) {
        let holds = (i64::from(ttl_seconds) * SECOND_NS).clamp(SHORTEST_NS, LONGEST_NS);
        let mut names = self.addresses.remove(&ip).unwrap_or_default();
        names.retain(|(known, until)| known != name && *until >= now_ns);
        names.insert(0, (name.to_vec(), now_ns.saturating_add(holds)));
        names.truncate(MAX_NAMES);
        self.addresses.set(ip, names);
    }

    /// Newest first.
    pub fn of(&self, ip: IpAddr, now_ns: i64) -> Vec<String> {
        let names = self.addresses.get(&ip).map_or(&[][..], Vec::as_slice);
        names
            .iter()
            .filter(|(_, until)| *until >= now_ns)
            .map(|(name, _)| String::from_utf8_lossy(name).into_owned())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_for_a_while() {
        let ip = IpAddr::from([192, 0, 2, 1]);
        let mut names = Names::default();
        for name in ["a", "b", "c", "d", "e", "b"] {
            names.add(ip, name.as_bytes(), 60, 0);
        }
        assert_eq!(names.of(ip, SHORTEST_NS), ["b", "e", "d", "c"]);
        assert!(names.of(ip, SHORTEST_NS + 1).is_empty());
        names.add(ip, b"f", 0, LONGEST_NS);
        assert_eq!(names.of(ip, LONGEST_NS), ["f"]);
    }
}
