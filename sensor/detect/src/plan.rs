//! How each signature of an engine is looked at, for people who write rules.

use rules::signature::{BufferCondition, FastPattern, Signature};

use crate::compile::{Kind, Reach};
use crate::engine::Engine;
use crate::pattern::PatternHome;
use crate::prefilter::Matcher;

/// How a signature is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// `addresses`, `packets and streams`, `detection`, `transactions`, `waiting`.
    pub kind: &'static str,
    pub to_server: bool,
    pub to_client: bool,
    /// Protocols whose transactions or flows it is looked at in.
    pub protocols: Vec<&'static str>,
    /// Where the fast pattern is looked for, and its bytes.
    pub fast_pattern: Option<(&'static str, Vec<u8>)>,
    /// The rule names its fast pattern.
    pub explicit: bool,
    /// Looked at in stream data, in packets.
    pub in_stream: bool,
    pub in_packet: bool,
    /// `packet`, `flow`, or `flow if in the stream`: how far pass, drop and reject reach.
    pub reach: &'static str,
    /// Place among all signatures, from 0.
    pub order: u32,
}

impl Engine {
    /// Numbers of the signatures with this sid.
    pub fn find(&self, sid: u32) -> Vec<u32> {
        self.signatures
            .iter()
            .enumerate()
            .filter(|(_, one)| one.signature.sid == sid && !one.swapped)
            .map(|(index, _)| index as u32)
            .collect()
    }

    /// Numbers of all signatures, each once.
    pub fn indexes(&self) -> impl Iterator<Item = u32> {
        self.signatures
            .iter()
            .enumerate()
            .filter(|(_, one)| !one.swapped)
            .map(|(index, _)| index as u32)
    }

    /// The matchers of the prefilter: what each looks at, its patterns, and the bytes it takes.
    pub fn matchers(&self) -> Vec<(String, usize, usize)> {
        const SIDES: [&str; 2] = ["to server", "to client"];
        const LAYERS: [&str; 4] = ["tcp", "udp", "icmp", "other"];
        let mut rows = Vec::new();
        let mut add = |place: String, matcher: &Matcher| {
            rows.push((place, matcher.patterns(), matcher.memory_bytes()));
        };
        for (groups, layer) in self.packet_groups.iter().zip(LAYERS) {
            for (group, side) in groups.iter().zip(SIDES) {
                for (matchers, name) in [
                    (&group.every_payload, "payload of every packet"),
                    (&group.stream, "stream, payload outside of it"),
                ] {
                    if let Some(matcher) = matchers.everywhere() {
                        add(format!("{layer} {name} {side}"), matcher);
                    }
                    for matcher in matchers.by_port() {
                        add(format!("{layer} {name} {side}, some ports"), matcher);
                    }
                }
                for scanner in &group.headers {
                    add(
                        format!("{layer} {:?} {side}", scanner.buffer),
                        &scanner.matcher,
                    );
                }
            }
        }
        for (protocol, sides) in &self.transaction_groups {
            for (group, side) in sides.iter().zip(SIDES) {
                for scanner in &group.scanners {
                    add(
                        format!("{} {} {side}", protocol.name(), scanner.row.name),
                        &scanner.matcher,
                    );
                }
            }
        }
        rows
    }

    /// How a signature is looked at.
    pub fn plan(&self, index: u32) -> Plan {
        let one = &self.signatures[index as usize];
        let home = |home: &PatternHome| match home {
            PatternHome::Payload => "payload",
            PatternHome::Buffer(id) => self.names.vocabulary.buffer_spec(*id).name,
        };
        Plan {
            kind: match one.kind {
                Kind::IpOnly => "addresses",
                Kind::Packet => "packets and streams",
                Kind::Detection => "detection",
                Kind::Transaction => "transactions",
                Kind::Frame => "frames",
                Kind::Waiting => "waiting",
            },
            to_server: one.to_server,
            to_client: one.to_client,
            protocols: one
                .protocols
                .iter()
                .map(|protocol| protocol.name())
                .collect(),
            fast_pattern: one
                .pattern
                .as_ref()
                .map(|pattern| (home(&pattern.home), pattern.bytes.clone())),
            explicit: is_explicit(&one.signature),
            in_stream: one.wants_stream,
            in_packet: one.wants_packet,
            reach: match one.reach {
                Reach::Packet => "packet",
                Reach::Flow => "flow",
                Reach::FlowOfStream => "flow if in the stream",
            },
            order: index,
        }
    }
}

fn is_explicit(signature: &Signature) -> bool {
    signature
        .buffers
        .iter()
        .flat_map(|buffer| &buffer.conditions)
        .any(|condition| {
            matches!(
                condition,
                BufferCondition::Content(content)
                    if matches!(
                        content.fast_pattern,
                        Some(FastPattern::Whole | FastPattern::Only | FastPattern::Chop { .. })
                    )
            )
        })
}
