//! Frames of an encapsulated message: header, data, the whole, and its items.

use sensor_bytes::{Reader, Short};
use sensor_flow::Direction;

use super::wire::{Command, HEADER_BYTES, Header};
use crate::transactions::Transactions;

/// Items of one message that are announced.
const MAX_ITEMS: u16 = 32;
/// Types of items that carry a service (CIP volume 2, 2-6.2).
const CONNECTED_DATA: u16 = 0xb1;
const UNCONNECTED_DATA: u16 = 0xb2;

/// Announces the frames of the message at the start of `bytes`, which reach to the end of what has arrived.
pub fn announce(
    direction: Direction,
    bytes: &[u8],
    transaction: Option<u64>,
    transactions: &mut Transactions,
) {
    let mut note = |name, at: usize, length: u64| {
        let rest = bytes.len().saturating_sub(at);
        let frame = transactions.frames.add(direction, name, rest, Some(length));
        if let Some(id) = transaction {
            transactions.assign_frame(direction, frame, id);
        }
    };
    let mut reader = Reader::new(bytes);
    let Ok(header) = Header::read(&mut reader) else {
        return;
    };
    let (head, data) = (HEADER_BYTES as u64, u64::from(header.length));
    note("hdr", 0, head);
    note("data", HEADER_BYTES, data);
    note("pdu", 0, head + data);
    let _ = items(&header, reader, &mut note);
}

fn items(
    header: &Header,
    mut reader: Reader<'_>,
    note: &mut impl FnMut(&'static str, usize, u64),
) -> Result<(), Short> {
    if matches!(
        header.command,
        Command::SEND_RR_DATA | Command::SEND_UNIT_DATA
    ) {
        // Interface handle and time-out.
        reader.skip(6)?;
    } else if !matches!(
        header.command,
        Command::LIST_IDENTITY | Command::LIST_INTERFACES | Command::LIST_SERVICES
    ) {
        return Ok(());
    }
    for _ in 0..reader.u16_le()?.min(MAX_ITEMS) {
        let at = reader.position();
        let (kind, length) = (reader.u16_le()?, reader.u16_le()?);
        let data = reader.position();
        reader.skip(usize::from(length))?;
        let length = u64::from(length);
        note("enip.item", at, 4 + length);
        match kind {
            // A sequence number stands before the service.
            CONNECTED_DATA => note("cip", data + 2, length.saturating_sub(2)),
            UNCONNECTED_DATA => note("cip", data, length),
            _ => {}
        }
    }
    Ok(())
}
