//! Matchers of patterns by the ports of their rules.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::{Matcher, MatcherBuilder, Seen};
use crate::compile::{Compiled, Layer4};
use crate::header::{PortLine, ports_of};
use rules::signature::PortSet;

/// A rule on more ports than this is looked for on all of them.
const MAX_PORTS: u32 = 256;
/// A rule of several ports stands in several matchers. Above so many in the middle, ports are not told apart.
const MAX_COPIES: usize = 8;
/// So many patterns of a port are looked for on all ports: a second pass over the data costs more than what they find
/// in vain.
const FEW_OF_PORT: usize = 16;
/// Patterns of all ports are looked for together with those of a port, for the same reason, if they are at most so many
/// times as many; that bounds the memory.
const MAX_OF_ALL: usize = 32;

/// Patterns in the payloads of one layer-four group and side.
///
/// Most patterns belong to rules on a few ports. Where a port has many, they are looked for there alone: what is left for
/// all others is small, and fast.
#[derive(Debug, Default)]
pub(crate) struct PortMatchers {
    everywhere: Option<Matcher>,
    by_source: PortLine<Option<Arc<OfPort>>>,
    by_destination: PortLine<Option<Arc<OfPort>>>,
    /// All matchers by port, each once.
    by_port: Vec<Arc<OfPort>>,
}

#[derive(Debug)]
struct OfPort {
    matcher: Matcher,
    /// The patterns of all ports are among its own.
    has_everywhere: bool,
}

/// A rule, its pattern, and within how many bytes of the beginning it ends.
pub(crate) type Row<'a> = (u32, &'a [u8], Option<u64>);

impl PortMatchers {
    pub fn build(rows: &[Row<'_>], compiled: &[Compiled]) -> PortMatchers {
        let mut everywhere = Vec::new();
        let (mut by_source, mut by_destination) = (Vec::new(), Vec::new());
        for (at, (rule, ..)) in (0u32..).zip(rows) {
            let one = &compiled[*rule as usize];
            let (source, destination) = ports_of(one);
            if one.layer4 == Layer4::Header {
                everywhere.push(at);
            } else if is_few(destination) {
                by_destination.push((at, destination));
            } else if is_few(source) {
                by_source.push((at, source));
            } else {
                everywhere.push(at);
            }
        }
        let lines = [&by_source, &by_destination].map(|rules| PortLine::build(rules));
        let sections = lines.iter().flat_map(PortLine::sections);
        let of_few: HashSet<u32> = sections
            .filter(|section| section.len() <= FEW_OF_PORT)
            .flat_map(|section| section.iter().copied())
            .collect();
        for of_ports in [&mut by_source, &mut by_destination] {
            of_ports.retain(|(at, _)| !of_few.contains(at));
        }
        everywhere.extend(of_few);
        everywhere.sort_unstable();
        let mut lines = [&by_source, &by_destination].map(|rules| PortLine::build(rules));
        let copies: usize = lines
            .iter()
            .flat_map(PortLine::sections)
            .map(|section| section.len())
            .sum();
        if copies > rows.len() * MAX_COPIES {
            everywhere = (0..).take(rows.len()).collect();
            lines = Default::default();
        }
        let build = |of: &mut dyn Iterator<Item = &u32>| {
            let mut builder = MatcherBuilder::default();
            for &at in of {
                let (rule, pattern, reach) = rows[at as usize];
                builder.add_within(pattern, reach, rule);
            }
            Some(builder.build()).filter(|matcher| matcher.patterns() > 0)
        };
        let of_port = |of: &[u32]| {
            let has_everywhere = everywhere.len() <= of.len() * MAX_OF_ALL;
            let others = everywhere.iter().filter(|_| has_everywhere);
            let matcher = build(&mut of.iter().chain(others))?;
            Some(Arc::new(OfPort {
                matcher,
                has_everywhere,
            }))
        };
        let mut built: HashMap<Box<[u32]>, Option<Arc<OfPort>>> = HashMap::new();
        let [by_source, by_destination] = lines.map(|line| {
            line.map(|of: Box<[u32]>| {
                if of.is_empty() {
                    return None;
                }
                let known = built.get(&of).cloned();
                known.unwrap_or_else(|| {
                    let matcher = of_port(&of);
                    built.insert(of, matcher.clone());
                    matcher
                })
            })
        });
        PortMatchers {
            everywhere: build(&mut everywhere.iter()),
            by_source,
            by_destination,
            by_port: built.into_values().flatten().collect(),
        }
    }

    /// Appends to `candidates` each signature with a pattern in the data, a payload or a piece of a stream between
    /// these ports. One whose pattern belongs to both ports may come twice.
    pub fn scan(
        &self,
        data: &[u8],
        ports: Option<(u16, u16)>,
        patterns_seen: &mut Seen,
        candidates: &mut Vec<u32>,
    ) {
        let of_ports = ports.map(|(source, destination)| {
            [
                self.by_source.at(source),
                self.by_destination.at(destination),
            ]
        });
        let of_ports = || of_ports.into_iter().flatten().flatten().flatten();
        if let Some(matcher) = &self.everywhere
            && !of_ports().any(|of| of.has_everywhere)
        {
            matcher.scan(data, 0, patterns_seen, candidates);
        }
        for of in of_ports() {
            of.matcher.scan(data, 0, patterns_seen, candidates);
        }
    }

    /// The matcher of all ports, if there is one.
    pub fn everywhere(&self) -> Option<&Matcher> {
        self.everywhere.as_ref()
    }

    /// The matchers of single ports.
    pub fn by_port(&self) -> impl Iterator<Item = &Matcher> {
        self.by_port.iter().map(|of| &of.matcher)
    }

    /// All matchers.
    pub fn matchers(&self) -> impl Iterator<Item = &Matcher> {
        self.everywhere.iter().chain(self.by_port())
    }
}

fn is_few(ports: &PortSet) -> bool {
    let count: u32 = ports
        .ranges
        .iter()
        .map(|(first, last)| u32::from(*last) + 1 - u32::from(*first))
        .sum();
    (1..=MAX_PORTS).contains(&count)
}

#[cfg(test)]
mod tests {
    use rules::signature::{Environment, SourceFile, load};

    use super::*;
    use crate::engine::{Engine, Options};
    use crate::vocabulary::Names;

    fn engine(headers: &[&str]) -> Engine {
        let rule = |(sid, header): (u32, &&str)| {
            format!("alert tcp {header} (content:\"abcdef\"; flow:to_server; sid:{sid};)\n")
        };
        let names = Names::compiled_in();
        let file = SourceFile {
            name: "x.rules".to_owned(),
            text: (1..).zip(headers).map(rule).collect(),
        };
        let report = load(&[file], &names.vocabulary, &Environment::default());
        assert_eq!(report.failures, []);
        let (engine, faults) = Engine::new(names, report.signatures, Options::default());
        assert!(faults.is_empty(), "{faults:?}");
        engine
    }

    fn called(engine: &Engine, ports: Option<(u16, u16)>) -> Vec<u32> {
        let (mut seen, mut candidates) = (Seen::default(), Vec::new());
        let [to_server, _] = &engine.packet_groups[0];
        to_server
            .stream
            .scan(b".abcdef.", ports, &mut seen, &mut candidates);
        let sids = candidates.iter().map(|&index| engine.signature(index).sid);
        let mut sids: Vec<u32> = sids.collect();
        sids.sort_unstable();
        sids.dedup();
        sids
    }

    #[test]
    fn rules_are_called_on_their_ports() {
        let mut headers = vec![
            "any any -> any any",
            "any any -> any 445",
            "any any -> any [139,445,5000:5010]",
            "any 53 -> any any",
            "any 53 -> any 445",
            "any any -> any !25",
            "any any -> any 1024:",
        ];
        // Enough on these ports to be looked for there alone.
        headers.extend([headers[2]; FEW_OF_PORT]);
        headers.extend([headers[3]; FEW_OF_PORT]);
        let engine = engine(&headers);
        for (ports, sids) in [
            (None, &[1, 6, 7][..]),
            (Some((1, 2)), &[1, 6, 7]),
            (Some((1, 445)), &[1, 2, 3, 5, 6, 7]),
            (Some((53, 139)), &[1, 3, 4, 6, 7]),
            (Some((1, 5010)), &[1, 3, 6, 7]),
            (Some((1, 5011)), &[1, 6, 7]),
        ] {
            let mut called = called(&engine, ports);
            called.retain(|sid| *sid <= 7);
            assert_eq!(called, sids, "{ports:?}");
        }
        let stream = &engine.packet_groups[0][0].stream;
        assert_eq!(stream.by_port().count(), 3);
    }

    #[test]
    fn the_few_of_a_port_are_looked_for_on_all() {
        let engine = engine(&["any any -> any 445", "any 53 -> any any"]);
        let stream = &engine.packet_groups[0][0].stream;
        assert_eq!(stream.by_port().count(), 0);
        assert_eq!(called(&engine, Some((1, 2))), [1, 2]);
    }

    #[test]
    fn ranges_that_overlap_are_not_copied_without_end() {
        let headers: Vec<String> = (1000..1200)
            .map(|first| format!("any any -> any {first}:{}", first + 200))
            .collect();
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let engine = engine(&headers);
        let stream = &engine.packet_groups[0][0].stream;
        assert_eq!(stream.by_port().count(), 0);
        assert_eq!(called(&engine, Some((1, 1))).len(), 200);
    }
}
