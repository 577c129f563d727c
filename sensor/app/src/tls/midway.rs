//! TLS whose handshake was not seen: records one after another (RFC 8446 §5.1, RFC 5246 §6.2), of which nothing but the
//! headers can be read.

use sensor_bytes::{Reader, Short};

use crate::parser::{Prefix, Verdict};
use sensor_flow::Direction::{ToClient, ToServer};

const CHANGE_CIPHER_SPEC: u8 = 0x14;
const ALERT: u8 = 0x15;
const HANDSHAKE: u8 = 0x16;
const APPLICATION_DATA: u8 = 0x17;
/// A ciphertext may be so much longer than the longest plaintext (RFC 5246 §6.2.3).
const MAX_RECORD_BYTES: u16 = (1 << 14) + 2048;
const MAX_ALERT_BYTES: u16 = 64;

/// Handshake messages that only one side sends (RFC 8446 §4).
const OF_CLIENTS: [u8; 2] = [1, 16];
const OF_SERVERS: [u8; 5] = [2, 4, 11, 12, 14];

pub(super) fn probe(prefix: &Prefix<'_>) -> Verdict {
    match handshake_sender(prefix) {
        Some(verdict) => verdict,
        None => match records(prefix.data) {
            Ok(true) => prefix.of_either_side(),
            Ok(false) => Verdict::No,
            Err(_) => Verdict::More,
        },
    }
}

/// What a handshake message in the clear says of its sender.
fn handshake_sender(prefix: &Prefix<'_>) -> Option<Verdict> {
    let [HANDSHAKE, 3, 0..=3, _, _, message, 0, ..] = prefix.data else {
        return None;
    };
    let sender = match *message {
        message if OF_CLIENTS.contains(&message) => ToServer,
        message if OF_SERVERS.contains(&message) => ToClient,
        _ => return None,
    };
    Some(if sender == prefix.direction {
        Verdict::Yes
    } else {
        Verdict::Reversed
    })
}

/// Whether nothing but records comes, of which the first has its header, and any other that is there as well.
fn records(data: &[u8]) -> Result<bool, Short> {
    let mut reader = Reader::new(data);
    loop {
        let header: [u8; 5] = match reader.array() {
            Ok(header) => header,
            Err(short) if reader.position() == 0 => return Err(short),
            Err(_) => return Ok(true),
        };
        let [kind, 3, 1..=3, high, low] = header else {
            return Ok(false);
        };
        let length = u16::from_be_bytes([high, low]);
        let fits = match kind {
            CHANGE_CIPHER_SPEC => length == 1,
            ALERT => (2..=MAX_ALERT_BYTES).contains(&length),
            HANDSHAKE | APPLICATION_DATA => (1..=MAX_RECORD_BYTES).contains(&length),
            _ => false,
        };
        if !fits {
            return Ok(false);
        }
        if reader.skip(usize::from(length)).is_err() || reader.is_empty() {
            return Ok(true);
        }
    }
}
