//! The content that shall call a signature.

use rules::signature::{
    BufferCondition, Condition, Content, FastPattern, IntMatch, Number, Signature, Source,
    Transform,
};

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
    /// The pattern ends within so many bytes of the beginning of its buffer, or the rule does not match.
    pub reach: Option<u64>,
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
        let largest = match home {
            PatternHome::Payload => payload_size(signature),
            PatternHome::Buffer(_) => None,
        };
        for (content, end) in contents_with_ends(&buffer.conditions) {
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
                        reach: end.into_iter().chain(largest).min(),
                    },
                ));
            }
        }
    }
    best.map(|(_, pattern)| pattern)
}

/// Contents, and within how many bytes of the buffer's beginning each ends at most, as far as the rule says so.
fn contents_with_ends(
    conditions: &[BufferCondition],
) -> impl Iterator<Item = (&Content, Option<u64>)> {
    let mut position = Some(0);
    conditions.iter().filter_map(move |condition| {
        match condition {
            BufferCondition::Content(content) => {
                let end = end_of(content, position);
                if !content.negated {
                    position = end;
                }
                return Some((content, end.map(|end| u64::try_from(end).unwrap_or(0))));
            }
            // What moves the position to a place that the rule does not tell.
            BufferCondition::Pcre(_)
            | BufferCondition::ByteJump(_)
            | BufferCondition::ByteExtract(_)
            | BufferCondition::ByteMath(_)
            | BufferCondition::Base64Decode(_) => position = None,
            _ => {}
        }
        None
    })
}

/// Where a content ends at most, if the one before it ends at `position` at most.
fn end_of(content: &Content, position: Option<i64>) -> Option<i64> {
    let number = |number: Option<Number>| match number {
        None => Some(0),
        Some(Number::Literal(value)) => Some(value),
        Some(Number::Variable(_)) => None,
    };
    let (from, length) = if content.distance.is_some() || content.within.is_some() {
        content.within?;
        let distance = number(content.distance)?;
        (position?.saturating_add(distance), number(content.within)?)
    } else if content.startswith {
        (number(content.offset)?, content.bytes.len() as i64)
    } else {
        content.depth?;
        (number(content.offset)?, number(content.depth)?)
    };
    Some(from.saturating_add(length))
}

/// The largest payload that a rule allows.
fn payload_size(signature: &Signature) -> Option<u64> {
    let largest = |condition: &Condition| match condition {
        Condition::PayloadSize(
            IntMatch::Equal(size)
            | IntMatch::Less(size)
            | IntMatch::LessEqual(size)
            | IntMatch::Between(_, size)
            | IntMatch::Inclusive(_, size),
        ) => Some(*size),
        _ => None,
    };
    signature.conditions.iter().filter_map(largest).min()
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

#[cfg(test)]
mod tests {
    use rules::signature::{Environment, SourceFile, load};

    use super::*;
    use crate::vocabulary::Names;

    #[test]
    fn the_rule_tells_how_far_a_pattern_reaches() {
        let names = Names::compiled_in();
        let rows = [
            ("content:\"abcd\";", None),
            ("content:\"abcd\"; depth:10;", Some(10)),
            ("content:\"abcd\"; offset:5; depth:10;", Some(15)),
            ("content:\"abcd\"; offset:5;", None),
            ("content:\"abcd\"; startswith;", Some(4)),
            ("content:\"abcd\"; within:20;", Some(20)),
            (
                "content:\"ab\"; depth:2; content:\"abcd\"; distance:3; within:9;",
                Some(14),
            ),
            (
                "content:\"ab\"; depth:2; content:\"abcd\"; distance:3;",
                None,
            ),
            ("content:\"ab\"; content:\"abcd\"; within:9;", None),
            (
                "content:\"ab\"; depth:2; pcre:\"/x/\"; content:\"abcd\"; within:9;",
                None,
            ),
            (
                "content:\"ab\"; depth:2; byte_jump:1,0,relative; content:\"abcd\"; within:9;",
                None,
            ),
            (
                "content:\"ab\"; depth:2; content:!\"xy\"; content:\"abcd\"; within:9;",
                Some(11),
            ),
            (
                "content:\"ab\"; depth:2; byte_test:1,>,1,0,relative; content:\"abcd\"; within:9;",
                Some(11),
            ),
            ("byte_extract:1,0,n; content:\"abcd\"; depth:n;", None),
            ("dsize:<40; content:\"abcd\";", Some(40)),
            ("dsize:>40; content:\"abcd\";", None),
            ("dsize:30<>40; content:\"abcd\"; depth:50;", Some(40)),
            ("http.uri; content:\"abcd\"; depth:7;", Some(7)),
        ];
        for (body, reach) in rows {
            let text = format!("alert tcp any any -> any any ({body} sid:1;)");
            let file = SourceFile {
                name: "x.rules".to_owned(),
                text,
            };
            let report = load(&[file], &names.vocabulary, &Environment::default());
            assert_eq!(report.failures, []);
            let found = fast_pattern(&report.signatures[0], Kind::Packet).expect("a pattern");
            assert_eq!(
                (&*found.bytes, found.reach),
                (&b"abcd"[..], reach),
                "{body}"
            );
        }
    }
}
