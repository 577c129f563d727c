//! What an author of rules is told about rules that load: how each is called, and what costs or misleads.

use rules::signature::{BufferCondition, FastPattern, Signature};

use crate::compile::{Compiled, Kind, Reach};
use crate::engine::Engine;
use crate::pattern::{PatternHome, SHORT_PATTERN};

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

    /// What may be better about a signature that loads.
    pub fn advice(&self, index: u32) -> Vec<&'static str> {
        let one = &self.signatures[index as usize];
        let signature = &one.signature;
        let mut advice = Vec::new();
        if looks_into_bytes(one) {
            match &one.pattern {
                None => advice.push(
                    "no fast pattern: the rule is looked at with everything that its header lets through; add a content",
                ),
                Some(pattern) if pattern.bytes.len() < SHORT_PATTERN => advice.push(
                    "the fast pattern is shorter than 3 bytes and is met everywhere; add a longer content",
                ),
                Some(_) => {}
            }
            let has = |is: fn(&BufferCondition) -> bool| {
                signature
                    .buffers
                    .iter()
                    .flat_map(|buffer| &buffer.conditions)
                    .any(is)
            };
            let pattern = has(|condition| matches!(condition, BufferCondition::Pcre(_)));
            let content = has(
                |condition| matches!(condition, BufferCondition::Content(content) if !content.negated),
            );
            if pattern && !content {
                advice.push(
                    "a pcre without a content is run on everything; add a content that it implies",
                );
            }
        }
        if signature.rev == 0 {
            advice.push("rev is missing: an update of the rule cannot be told from the rule");
        }
        if signature.classtype.is_none() {
            advice.push("classtype is missing: the alert has neither class nor its priority");
        }
        if signature.msg.is_empty() {
            advice.push("msg is missing: the alert says nothing");
        }
        advice
    }
}

fn looks_into_bytes(one: &Compiled) -> bool {
    matches!(one.kind, Kind::Packet | Kind::Transaction)
        && one
            .signature
            .buffers
            .iter()
            .any(|buffer| !buffer.conditions.is_empty())
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
