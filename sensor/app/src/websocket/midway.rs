//! WebSocket whose upgrade was not seen: frames that keep the rules of RFC 6455 §5.2 and end where the data ends. A text
//! tells by itself; other frames do when the other side's keep them as well.

use sensor_flow::Direction;

use super::wire::{FIN, FrameHeader};
use crate::parser::{Prefix, Verdict};

const TEXT: u8 = 1;
const OPCODES: [u8; 6] = [0, 1, 2, 8, 9, 10];
/// Payload of a control frame (RFC 6455 §5.5).
const MAX_CONTROL_BYTES: u64 = 125;
/// The first two bits: the last frame of a message, compression.
const FLAGS: u8 = 0xc0;
/// A shorter text may come about by chance.
const MIN_TEXT_BYTES: usize = 8;

/// What whole frames hold.
#[derive(PartialEq, Eq, Clone, Copy)]
enum Holds {
    Frames,
    Text,
}

pub(super) fn probe(prefix: &Prefix<'_>) -> Verdict {
    let other = || frames(prefix.other_data, prefix.direction.opposite()).is_some();
    match frames(prefix.data, prefix.direction) {
        Some(Holds::Text) if prefix.other_data.is_empty() || other() => Verdict::Yes,
        Some(Holds::Frames) if other() => Verdict::Yes,
        _ => Verdict::No,
    }
}

/// Frames of a side, if there is nothing else: clients mask, servers do not (RFC 6455 §5.1).
fn frames(data: &[u8], direction: Direction) -> Option<Holds> {
    let mut rest = data;
    let mut holds = Holds::Frames;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let (header, bytes) = FrameHeader::read(rest).ok()?;
        let opcode = header.opcode.0;
        let sound = OPCODES.contains(&opcode)
            && header.flags & !FLAGS == 0
            && header.mask.is_some() == (direction == Direction::ToServer)
            && (!header.opcode.is_control()
                || header.flags == FIN && header.length <= MAX_CONTROL_BYTES);
        let payload = rest
            .get(bytes..)?
            .get(..usize::try_from(header.length).ok()?)?;
        if !sound {
            return None;
        }
        if opcode == TEXT && header.flags == FIN {
            let text = header.unmask(payload);
            let readable = std::str::from_utf8(&text).is_ok_and(|text| {
                let mut letters = text.chars();
                letters.all(|letter| !letter.is_control() || letter.is_whitespace())
            });
            if !readable {
                return None;
            }
            if text.len() >= MIN_TEXT_BYTES {
                holds = Holds::Text;
            }
        }
        rest = &rest[bytes + payload.len()..];
    }
    Some(holds)
}
