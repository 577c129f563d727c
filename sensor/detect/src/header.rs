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

    /// Whether a set names addresses rather than only exceptions.
    pub fn includes(&self, id: SetId) -> bool {
        !self.included(id).is_empty()
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
        let mut open = std::collections::BTreeSet::new();
        let mut edges = edges.into_iter().peekable();
        while let Some((at, opens, rule)) = edges.next() {
            if opens {
                open.insert(rule);
            } else {
                open.remove(&rule);
            }
            if edges.peek().is_none_or(|next| next.0 != at) {
                sections.push((at, open.iter().copied().collect()));
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

/// What there is for a port: the line of all ports, cut where a rule's range begins or ends.
#[derive(Debug)]
pub(crate) struct PortLine<T> {
    /// Start of a section, and what there is for it; sections run to the next start.
    sections: Vec<(u16, T)>,
}

impl<T> Default for PortLine<T> {
    fn default() -> Self {
        PortLine {
            sections: Vec::new(),
        }
    }
}

impl<T> PortLine<T> {
    pub fn at(&self, port: u16) -> Option<&T> {
        let after = self.sections.partition_point(|section| section.0 <= port);
        let (_, here) = self.sections.get(after.checked_sub(1)?)?;
        Some(here)
    }

    pub fn sections(&self) -> impl Iterator<Item = &T> {
        self.sections.iter().map(|(_, here)| here)
    }

    pub fn map<U>(self, mut to: impl FnMut(T) -> U) -> PortLine<U> {
        let sections = self.sections.into_iter();
        PortLine {
            sections: sections.map(|(from, here)| (from, to(here))).collect(),
        }
    }
}

/// The rules that name a port.
impl PortLine<Box<[u32]>> {
    pub fn build(rules: &[(u32, &PortSet)]) -> Self {
        let mut edges: Vec<(u16, bool, u32)> = Vec::new();
        for (rule, ports) in rules {
            for &(first, last) in &ports.ranges {
                edges.push((first, true, *rule));
                if let Some(after) = last.checked_add(1) {
                    edges.push((after, false, *rule));
                }
            }
        }
        edges.sort_unstable();
        let mut sections = Vec::new();
        let mut open = std::collections::BTreeSet::new();
        let mut edges = edges.into_iter().peekable();
        while let Some((at, opens, rule)) = edges.next() {
            if opens {
                open.insert(rule);
            } else {
                open.remove(&rule);
            }
            if edges.peek().is_none_or(|next| next.0 != at) {
                sections.push((at, open.iter().copied().collect()));
            }
        }
        PortLine { sections }
    }

    fn rules(&self, port: u16) -> &[u32] {
        self.at(port).map_or(&[], |rules| rules)
    }
}

/// Rules that no pattern calls, by the port that they name.
#[derive(Debug, Default)]
pub(crate) struct PortIndex {
    any: Vec<u32>,
    by_source: PortLine<Box<[u32]>>,
    by_destination: PortLine<Box<[u32]>>,
}

impl PortIndex {
    pub fn build(rules: &[(u32, &crate::compile::Compiled)]) -> Self {
        let (mut any, mut by_source, mut by_destination) = (Vec::new(), Vec::new(), Vec::new());
        for (rule, one) in rules {
            let (source, destination) = ports_of(one);
            if !destination.ranges.is_empty() {
                by_destination.push((*rule, destination));
            } else if !source.ranges.is_empty() {
                by_source.push((*rule, source));
            } else {
                any.push(*rule);
            }
        }
        PortIndex {
            any,
            by_source: PortLine::build(&by_source),
            by_destination: PortLine::build(&by_destination),
        }
    }

    /// Rules that these ports may concern.
    pub fn rules(&self, ports: Option<(u16, u16)>) -> impl Iterator<Item = &u32> {
        let (source, destination): (&[u32], &[u32]) = match ports {
            Some((source, destination)) => (
                self.by_source.rules(source),
                self.by_destination.rules(destination),
            ),
            None => (&[], &[]),
        };
        self.any.iter().chain(source).chain(destination)
    }
}

/// Source and destination ports of a rule, in the direction in which it was compiled.
pub(crate) fn ports_of(one: &crate::compile::Compiled) -> (&PortSet, &PortSet) {
    let signature = &one.signature;
    if one.swapped {
        (&signature.destination_ports, &signature.source_ports)
    } else {
        (&signature.source_ports, &signature.destination_ports)
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
            negated: !exclude.is_empty(),
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
    fn rules_are_found_by_port() {
        let web = PortSet {
            ranges: vec![(80, 80), (8000, 9000)],
        };
        let high = PortSet {
            ranges: vec![(8080, 65_535)],
        };
        let line = PortLine::build(&[(1, &web), (2, &high)]);
        for (port, expected) in [
            (79, &[][..]),
            (80, &[1][..]),
            (8080, &[1, 2][..]),
            (9001, &[2][..]),
            (65_535, &[2][..]),
        ] {
            assert_eq!(line.rules(port), expected, "{port}");
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
