//! SMB 1, 2 and 3 over NetBIOS sessions and TCP (MS-CIFS, MS-SMB, MS-SMB2, RFC 1002 §4.3).
//!
//! Requests are joined with their responses; files are put together from reads and writes as they pass;
//! calls through pipes are read as DCE/RPC. Left out: what is encrypted (SMB 3 transforms), compression,
//! searches and locks beyond their command and status, and signatures.

mod auth;
mod buffers;
mod event;
mod events;
mod frames;
mod number;
mod pipe;
mod session;
mod smb1;
mod smb2;
mod state;
#[cfg(test)]
mod tests;
mod text;
mod transaction;
mod wire1;
mod wire2;
#[cfg(test)]
mod wire_tests;

use sensor_flow::Direction;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{Protocol, ProtocolRow};
use transaction::{Create, Handle};

pub use transaction::SmbTransaction;

/// SMB over TCP.
const PORT: u16 = 445;
/// Bytes of a message that tell what it is, and who sends it.
const TELLING_BYTES: usize = 36;
/// A NetBIOS session's own message is shorter than this.
const MAX_SESSION_MESSAGE_BYTES: usize = 256;

/// Stages of the client's side before it is complete.
mod stage {
    /// A tree connect has named its share.
    pub const NAMED: u8 = 1;
}

/// Names of frames.
pub(crate) const FRAMES: &[&str] = &[
    "nbss.pdu",
    "nbss.hdr",
    "nbss.data",
    "smb1.pdu",
    "smb1.hdr",
    "smb1.data",
    "smb2.pdu",
    "smb2.hdr",
    "smb2.data",
    "smb3.pdu",
    "smb3.hdr",
    "smb3.data",
];

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Smb,
    name: "smb",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: buffers::INT_FIELDS,
    events: events::EVENTS,
    transports: &[Transport::Tcp],
    first: None,
    probe,
    parser: |_| Box::new(state::State::default()),
};

impl Create {
    fn new(name: Vec<u8>, disposition: u32, options: u32) -> Self {
        const DIRECTORY: u32 = 0x1;
        const DELETE_ON_CLOSE: u32 = 0x1000;
        Create {
            name,
            disposition,
            delete_on_close: options & DELETE_ON_CLOSE != 0,
            is_directory: options & DIRECTORY != 0,
            times: [0; 4],
            size: 0,
            handle: Handle::None,
        }
    }
}

/// Seconds since the epoch of a number of 100 ns since 1601; 0 for what lies before it.
fn seconds(file_time: u64) -> u32 {
    const EPOCH: u64 = 11_644_473_600;
    u32::try_from((file_time / 10_000_000).saturating_sub(EPOCH)).unwrap_or(u32::MAX)
}

fn probe(prefix: &Prefix<'_>) -> Verdict {
    let data = prefix.data;
    let expected = prefix.is_at(&[PORT]);
    if data.len() < TELLING_BYTES {
        let tells = data.first().is_none_or(|kind| match kind {
            0 => data.len() < 8 || state::begins_message(data),
            0x81..=0x85 => true,
            _ => false,
        });
        return if tells || expected {
            Verdict::More
        } else {
            Verdict::No
        };
    }
    if state::begins_message(data) {
        return sided(prefix, &data[4..]);
    }
    // The session is set up first.
    if let [0x81..=0x85, _, high, low, rest @ ..] = data {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        return match rest.get(length..) {
            Some(next) if next.len() >= 8 => {
                if state::begins_message(next) {
                    Verdict::Yes
                } else {
                    Verdict::No
                }
            }
            _ if length < MAX_SESSION_MESSAGE_BYTES => Verdict::More,
            _ => Verdict::No,
        };
    }
    // The beginning was missed: a message may begin within.
    match state::find_message(data) {
        Some(at) if expected => sided(prefix, &data[at + 4..]),
        _ => Verdict::No,
    }
}

/// Tells by the message itself, else by the ports, whether it goes the way that it should.
fn sided(prefix: &Prefix<'_>, message: &[u8]) -> Verdict {
    let from_server = match message {
        [0xff, _, _, _, _, _, _, _, _, flags, ..] => flags & 0x80 != 0,
        [0xfe, _, _, _, header @ ..] => header.get(12).is_some_and(|flags| flags & 1 != 0),
        _ => {
            return if prefix.client_port == PORT && prefix.server_port != PORT {
                Verdict::Reversed
            } else {
                Verdict::Yes
            };
        }
    };
    if from_server == (prefix.direction == Direction::ToClient) {
        Verdict::Yes
    } else {
        Verdict::Reversed
    }
}
