//! HTTP/2 whose beginning was not seen: frames that keep all the rules of their kind (RFC 9113 §6), up to the end of what
//! is there.

use sensor_flow::Direction::{self, ToClient, ToServer};

use super::DEFAULT_FRAME_BYTES;
use super::wire::{FrameHeader, FrameType, HEADER_BYTES, flag, settings};
use crate::parser::{Prefix, Verdict};

const PING: FrameType = FrameType(6);
/// Reasons that are given end here (RFC 9113 §7).
const MAX_ERROR: u32 = 13;
/// Fields of the static table with which requests begin (RFC 7541 §A): method and path.
const BEGIN_REQUEST: std::ops::RangeInclusive<u8> = 0x82..=0x87;
/// As well, of responses: their status.
const BEGIN_RESPONSE: std::ops::RangeInclusive<u8> = 0x88..=0x8e;

pub(super) fn probe(prefix: &Prefix<'_>) -> Verdict {
    let mut rest = prefix.data;
    let mut found: Option<Found> = None;
    while let Ok(header) = FrameHeader::read(rest) {
        let behind = &rest[HEADER_BYTES..];
        let payload = behind.get(..header.length as usize);
        let Some(frame) = check(&header, payload) else {
            return Verdict::No;
        };
        let Some(payload) = payload else {
            // Its beginning is as it should be: enough behind another one.
            break;
        };
        let before = found.unwrap_or_default();
        found = Some(Found {
            telling: before.telling + u8::from(frame.tells),
            sender: before.sender.or(frame.sender),
        });
        rest = &behind[payload.len()..];
    }
    let Some(found) = found else {
        return if prefix.data.len() < HEADER_BYTES || FrameHeader::read(prefix.data).is_ok() {
            Verdict::More
        } else {
            Verdict::No
        };
    };
    // What remains is the beginning of a frame, or nothing; a frame alone has to be one that tells.
    let whole = rest.is_empty() || rest.len() >= HEADER_BYTES;
    match found.sender {
        _ if !whole => Verdict::More,
        _ if found.telling == 0 => Verdict::No,
        Some(sender) if sender == prefix.direction => Verdict::Yes,
        Some(_) => Verdict::Reversed,
        None => prefix.of_either_side(),
    }
}

/// What frames have said so far.
#[derive(Default, Clone, Copy)]
struct Found {
    /// Frames that can hardly be anything else.
    telling: u8,
    sender: Option<Direction>,
}

struct Frame {
    tells: bool,
    /// Who sends such a frame, if it is known.
    sender: Option<Direction>,
}

/// Whether a frame keeps the rules of its kind; its payload is looked at if it is there whole.
fn check(header: &FrameHeader, payload: Option<&[u8]>) -> Option<Frame> {
    let FrameHeader {
        length,
        kind,
        flags,
        stream,
        ..
    } = *header;
    if header.reserved || length > DEFAULT_FRAME_BYTES {
        return None;
    }
    let word = |at: usize| -> Option<u32> {
        let bytes = payload?.get(at..at + 4)?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    };
    let only = |allowed: u8| flags & !allowed == 0;
    let mut sender = None;
    let (holds, tells) = match kind {
        FrameType::DATA => (stream > 0 && only(flag::END_STREAM | flag::PADDED), false),
        FrameType::HEADERS => {
            let allowed = flag::END_STREAM | flag::END_HEADERS | flag::PADDED | flag::PRIORITY;
            let plain = !header.has(flag::PADDED) && !header.has(flag::PRIORITY);
            sender = match payload.and_then(<[u8]>::first) {
                _ if header.has(flag::PRIORITY) => Some(ToServer),
                Some(first) if plain && BEGIN_REQUEST.contains(first) => Some(ToServer),
                Some(first) if plain && BEGIN_RESPONSE.contains(first) => Some(ToClient),
                _ => None,
            };
            (
                stream % 2 == 1 && length > 0 && only(allowed),
                sender.is_some(),
            )
        }
        FrameType::PRIORITY => (stream > 0 && length == 5 && flags == 0, false),
        FrameType::RST_STREAM => {
            let known = word(0).is_none_or(|code| code <= MAX_ERROR);
            (stream > 0 && length == 4 && flags == 0 && known, true)
        }
        FrameType::SETTINGS if flags == 0 => {
            let whole = payload.is_none_or(|payload| settings(payload).len() * 6 == payload.len());
            (stream == 0 && length % 6 == 0 && whole, length > 0)
        }
        FrameType::SETTINGS => (stream == 0 && flags == 1 && length == 0, true),
        PING => (stream == 0 && length == 8 && flags <= 1, true),
        FrameType::GO_AWAY => {
            let known = word(4).is_none_or(|code| code <= MAX_ERROR);
            (stream == 0 && length >= 8 && flags == 0 && known, true)
        }
        FrameType::WINDOW_UPDATE => {
            let grows = word(0).is_none_or(|size| size > 0 && size >> 31 == 0);
            (length == 4 && flags == 0 && grows, true)
        }
        _ => (false, false),
    };
    holds.then_some(Frame { tells, sender })
}
