//! Frames of records of NetBIOS sessions and of the messages in them.

use sensor_flow::Direction;

use super::{wire1, wire2};
use crate::frame::Frames;

/// Bytes before a record's data.
const RECORD_HEADER_BYTES: u64 = 4;
/// Bytes before what a transformed message carries (MS-SMB2 §2.2.41).
const TRANSFORM_HEADER_BYTES: u64 = 52;
const TRANSFORM_MAGIC: &[u8] = b"\xfdSMB";

/// A record of so many bytes began `rest` bytes before the end.
pub fn record(frames: &mut Frames, direction: Direction, rest: usize, length: usize) {
    let length = length as u64;
    let behind = rest.saturating_sub(RECORD_HEADER_BYTES as usize);
    frames.add(
        direction,
        "nbss.pdu",
        rest,
        Some(length + RECORD_HEADER_BYTES),
    );
    frames.add(direction, "nbss.hdr", rest, Some(RECORD_HEADER_BYTES));
    frames.add(direction, "nbss.data", behind, Some(length));
}

/// A message of so many bytes, of which these are here, began `rest` bytes before the end.
pub fn message(
    frames: &mut Frames,
    direction: Direction,
    bytes: &[u8],
    rest: usize,
    length: usize,
) {
    let (pdu, hdr, data, header) = if bytes.starts_with(wire1::MAGIC) {
        (
            "smb1.pdu",
            "smb1.hdr",
            "smb1.data",
            wire1::HEADER_BYTES as u64,
        )
    } else if bytes.starts_with(wire2::MAGIC) {
        (
            "smb2.pdu",
            "smb2.hdr",
            "smb2.data",
            wire2::HEADER_BYTES as u64,
        )
    } else if bytes.starts_with(TRANSFORM_MAGIC) {
        ("smb3.pdu", "smb3.hdr", "smb3.data", TRANSFORM_HEADER_BYTES)
    } else {
        return;
    };
    let length = length as u64;
    frames.add(direction, pdu, rest, Some(length));
    frames.add(direction, hdr, rest, Some(header));
    if length > header {
        let behind = rest.saturating_sub(header as usize);
        frames.add(direction, data, behind, Some(length - header));
    }
}
