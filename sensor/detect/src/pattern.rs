//! The content that shall call a signature.

use rules::signature::{BufferCondition, Content, FastPattern, Signature, Source, Transform};

use crate::compile::Kind;

/// Patterns shorter than this serve as fast pattern only when nothing longer is there.
pub(crate) const SHORT_PATTERN: usize = 3;

/// Where the fast pattern of a signature is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum PatternHome {
    Payload,
    Buffer(rules::BufferId),
}

#[derive(Debug, Clone)]
pub(crate) struct Pattern {
    pub home: PatternHome,
    pub only_to_server: Option<bool>,
    pub transforms: Vec<Transform>,
    pub bytes: Vec<u8>,
}

/// Chooses the fast pattern: the explicit one, else the longest; among equals one of a protocol's buffer
/// rather than of the payload, and then the rarest.
pub(crate) fn fast_pattern(signature: &Signature, kind: Kind) -> Option<Pattern> {
    let mut best: Option<((bool, usize, bool, u32), Pattern)> = None;
    for buffer in &signature.buffers {
        let home = match buffer.source {
            Source::Payload | Source::Packet => PatternHome::Payload,
            Source::Buffer(id) => PatternHome::Buffer(id),
        };
        // A transaction is called by its buffers; its payload part is looked at afterwards.
        if kind == Kind::Transaction && home == PatternHome::Payload {
            continue;
        }
        // A missing buffer satisfies the rule: nothing in it can call the rule.
        if buffer
            .conditions
            .iter()
            .any(|condition| matches!(condition, BufferCondition::Absent { .. }))
        {
            continue;
        }
        for condition in &buffer.conditions {
            let BufferCondition::Content(content) = condition else {
                continue;
            };
            if content.negated || content.bytes.is_empty() {
                continue;
            }
            let bytes = chosen_part(content);
            let score = (
                content.fast_pattern.is_some(),
                bytes.len(),
                home != PatternHome::Payload && bytes.len() >= SHORT_PATTERN,
                rarity(bytes),
            );
            if best.as_ref().is_none_or(|(other, _)| score > *other) {
                best = Some((
                    score,
                    Pattern {
                        home: home.clone(),
                        only_to_server: buffer.only_to_server,
                        transforms: buffer.transforms.clone(),
                        bytes: bytes.to_vec(),
                    },
                ));
            }
        }
    }
    best.map(|(_, pattern)| pattern)
}

/// Rarer bytes weigh more: letters and digits are everywhere, control bytes are not, zeros and ones are.
fn rarity(bytes: &[u8]) -> u32 {
    bytes
        .iter()
        .map(|byte| match byte {
            0x00 | 0x01 | 0xff | b' ' => 2,
            byte if byte.is_ascii_alphanumeric() => 3,
            byte if byte.is_ascii_graphic() => 4,
            _ => 6,
        })
        .sum()
}

fn chosen_part(content: &Content) -> &[u8] {
    match content.fast_pattern {
        Some(FastPattern::Chop { offset, length }) => {
            let start = usize::from(offset);
            content
                .bytes
                .get(start..start + usize::from(length))
                .unwrap_or(&content.bytes)
        }
        _ => &content.bytes,
    }
}
