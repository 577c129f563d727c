//! Addresses and ports of rule headers.

use std::collections::HashMap;
use std::net::IpAddr;

use rules::signature::{AddressSet, PortSet};

/// An address as one number; IPv4 is mapped into IPv6, so that one order serves both.
fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => u128::from(v4.to_ipv6_mapped()),
        IpAddr::V6(v6) => u128::from(v6),
    }
}

/// An address set as sorted, disjoint ranges.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Ranges {
    include: Vec<(u128, u128)>,
    exclude: Vec<(u128, u128)>,
}

impl Ranges {
    fn new(set: &AddressSet) -> Self {
        let merge = |ranges: &[rules::signature::AddressRange]| {
            let mut numbers: Vec<(u128, u128)> = ranges
                .iter()
                .map(|range| (number(range.first), number(range.last)))
                .collect();
            numbers.sort_unstable();
            let mut merged: Vec<(u128, u128)> = Vec::with_capacity(numbers.len());
            for (first, last) in numbers {
                match merged.last_mut() {
                    Some(previous) if first <= previous.1.saturating_add(1) => {
                        previous.1 = previous.1.max(last)
                    }
                    _ => merged.push((first, last)),
                }
            }
            merged
        };
        Ranges {
            include: merge(&set.include),
            exclude: merge(&set.exclude),
        }
    }

    pub fn is_any(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty()
    }

    fn contains(&self, address: u128) -> bool {
        let within = |ranges: &[(u128, u128)]| {
            let after = ranges.partition_point(|range| range.0 <= address);
            after
                .checked_sub(1)
                .and_then(|at| ranges.get(at))
                .is_some_and(|range| address <= range.1)
        };
        (self.include.is_empty() || within(&self.include)) && !within(&self.exclude)
    }
}

/// Index of a distinct address set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SetId(u32);

/// The distinct address sets of a rule set: most rules share a handful.
#[derive(Debug, Default)]
pub(crate) struct AddressSets {
    sets: Vec<Ranges>,
    ids: HashMap<Ranges, u32>,
}

impl AddressSets {
    /// The id of a set; `None` for `any`.
    pub fn intern(&mut self, set: &AddressSet) -> Option<SetId> {
        let ranges = Ranges::new(set);
        if ranges.is_any() {
            return None;
        }
        let next = self.sets.len() as u32;
        let id = *self.ids.entry(ranges.clone()).or_insert_with(|| {
            self.sets.push(ranges);
            next
        });
        Some(SetId(id))
    }

    pub fn contains(&self, id: SetId, address: IpAddr) -> bool {
        self.sets[id.0 as usize].contains(number(address))
    }

    /// Ranges that a set includes; empty when it only excludes.
    fn included(&self, id: SetId) -> &[(u128, u128)] {
        &self.sets[id.0 as usize].include
    }
}

/// Whether a port set holds a port.
pub(crate) fn port_in(set: &PortSet, port: u16) -> bool {
    if set.ranges.is_empty() {
        return true;
    }
    let after = set.ranges.partition_point(|range| range.0 <= port);
    after
        .checked_sub(1)
        .and_then(|at| set.ranges.get(at))
        .is_some_and(|range| port <= range.1)
}

/// Which rules name an address: the line of all addresses, cut where a rule's range begins or ends.
#[derive(Debug, Default)]
pub(crate) struct AddressIndex {
    /// Start of a section, and the rules of the section; sections run to the next start.
    sections: Vec<(u128, Box<[u32]>)>,
}

impl AddressIndex {
    /// Builds the index of `(rule, its set)` pairs. Sets must include something.
    pub fn build(sets: &AddressSets, rules: &[(u32, SetId)]) -> Self {
        let mut edges: Vec<(u128, bool, u32)> = Vec::new();
        for &(rule, set) in rules {
            for &(first, last) in sets.included(set) {
                edges.push((first, true, rule));
                if let Some(after) = last.checked_add(1) {
                    edges.push((after, false, rule));
                }
            }
        }
        edges.sort_unstable();
        let mut sections = Vec::new();
        let mut open: Vec<u32> = Vec::new();
        let mut edges = edges.into_iter().peekable();
        while let Some((at, opens, rule)) = edges.next() {
            if opens {
                open.push(rule);
            } else if let Some(position) = open.iter().position(|&other| other == rule) {
                open.swap_remove(position);
            }
            if edges.peek().is_none_or(|next| next.0 != at) {
                let mut here = open.clone();
                here.sort_unstable();
                here.dedup();
                sections.push((at, here.into_boxed_slice()));
            }
        }
        AddressIndex { sections }
    }

    /// Rules whose set may hold the address (exclusions are not looked at).
    pub fn rules(&self, address: IpAddr) -> &[u32] {
        let address = number(address);
        let after = self
            .sections
            .partition_point(|section| section.0 <= address);
        after
            .checked_sub(1)
            .and_then(|at| self.sections.get(at))
            .map_or(&[], |section| &section.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rules::signature::AddressRange;

    fn set(include: &[(&str, &str)], exclude: &[(&str, &str)]) -> AddressSet {
        let ranges = |rows: &[(&str, &str)]| {
            rows.iter()
                .map(|(first, last)| AddressRange {
                    first: first.parse().expect("an address"),
                    last: last.parse().expect("an address"),
                })
                .collect()
        };
        AddressSet {
            include: ranges(include),
            exclude: ranges(exclude),
        }
    }

    #[test]
    fn addresses_are_found_in_sets_and_index() {
        let mut sets = AddressSets::default();
        let home = sets
            .intern(&set(
                &[
                    ("10.0.0.0", "10.255.255.255"),
                    ("192.168.0.0", "192.168.255.255"),
                ],
                &[],
            ))
            .expect("not any");
        let outside = sets
            .intern(&set(&[], &[("10.0.0.0", "10.255.255.255")]))
            .expect("not any");
        let one = sets
            .intern(&set(&[("10.1.1.1", "10.1.1.1")], &[]))
            .expect("not any");
        assert!(sets.intern(&set(&[], &[])).is_none());
        let rows = [
            ("10.1.1.1", true, false, &[1, 2][..]),
            ("192.168.7.7", true, true, &[1][..]),
            ("8.8.8.8", false, true, &[][..]),
            ("2001:db8::1", false, true, &[][..]),
        ];
        let index = AddressIndex::build(&sets, &[(1, home), (2, one)]);
        for (address, in_home, in_outside, rules) in rows {
            let address: IpAddr = address.parse().expect("an address");
            assert_eq!(sets.contains(home, address), in_home, "{address}");
            assert_eq!(sets.contains(outside, address), in_outside, "{address}");
            assert_eq!(index.rules(address), rules, "{address}");
        }
    }

    #[test]
    fn ports() {
        let set = PortSet {
            ranges: vec![(0, 79), (443, 443), (8000, 9000)],
        };
        for (port, expected) in [
            (0, true),
            (80, false),
            (443, true),
            (444, false),
            (8500, true),
            (65535, false),
        ] {
            assert_eq!(port_in(&set, port), expected, "{port}");
        }
    }
}
