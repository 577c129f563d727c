//! NFS 2, 3 and 4 over UDP and TCP (RFC 1094, RFC 1813, RFC 7530, RFC 8881), carried by RPC (RFC 5531).
//!
//! Calls are joined with their replies by the call's number; files are put together from reads and writes as
//! they pass. Names and the flow's version are told as readers of EVE know them: those of NFS 2 are not, nor
//! are operations of NFS 4 other than those that create, remove, read and write. Left out: records in several
//! fragments, calls of the server to the client, NFS 4 over UDP, and what GSS encrypts.

mod buffers;
mod compound;
mod event;
mod files;
mod frames;
mod number;
mod rpc;
mod state;
#[cfg(test)]
mod tests;
mod transaction;
mod v2;
mod v3;
mod v4;
mod work;

use sensor_flow::Direction;

use crate::parser::{Prefix, Transport, Verdict};
use crate::{EventRow, Protocol, ProtocolRow};
use rpc::{Call, Record, Reply};

pub use transaction::NfsTransaction;

const PORT: u16 = 2049;
/// RFC 5531 §8.
const PROGRAM: u32 = 100_003;

const MALFORMED_DATA: u16 = 0;
const NON_EXISTING_VERSION: u16 = 1;
const UNSUPPORTED_VERSION: u16 = 2;
const TOO_MANY_TRANSACTIONS: u16 = 3;

const fn event(name: &'static str, number: u16) -> EventRow {
    EventRow { name, number }
}

/// Names of frames.
pub(crate) const FRAMES: &[&str] = &[
    "rpc.pdu",
    "rpc.hdr",
    "rpc.data",
    "rpc.creds",
    "nfs.pdu",
    "nfs.status",
    "nfs4.pdu",
    "nfs4.hdr",
    "nfs4.ops",
    "nfs4.status",
];

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Nfs,
    name: "nfs",
    synonyms: &[],
    buffers: buffers::BUFFERS,
    int_fields: buffers::INT_FIELDS,
    events: &[
        event("malformed_data", MALFORMED_DATA),
        event("non_existing_version", NON_EXISTING_VERSION),
        event("unsupported_version", UNSUPPORTED_VERSION),
        event("too_many_transactions", TOO_MANY_TRANSACTIONS),
    ],
    transports: &[Transport::Udp, Transport::Tcp],
    first: None,
    probe,
    parser: |transport| Box::new(state::State::new(transport)),
};

fn probe(prefix: &Prefix<'_>) -> Verdict {
    if !prefix.expects(Protocol::Nfs, &[PORT]) && !begins_call(prefix) {
        return Verdict::No;
    }
    if prefix.transport == Transport::Tcp {
        return begins_record(prefix.direction, prefix.data);
    }
    let sender = if is_call(prefix.data) {
        Direction::ToServer
    } else if is_reply(prefix.data) {
        Direction::ToClient
    } else {
        return Verdict::No;
    };
    if sender == prefix.direction {
        Verdict::Yes
    } else if prefix.server_port == PORT {
        Verdict::No
    } else {
        Verdict::Reversed
    }
}

/// A client that says which program it calls.
fn begins_call(prefix: &Prefix<'_>) -> bool {
    /// The last fragment of a record of less than 16 MiB.
    const RECORD: u8 = 0x80;
    /// That it is a call, the version of RPC, and the program.
    const CALL: &[u8] = b"\0\0\0\0\0\0\0\x02\0\x01\x86\xa3";
    let (record, call_at) = match prefix.transport {
        Transport::Tcp => (prefix.data.first().copied(), 8),
        Transport::Udp => (Some(RECORD), 4),
    };
    let call = prefix.data.get(call_at..).unwrap_or_default();
    let seen = call.len().min(CALL.len());
    prefix.opens() && record == Some(RECORD) && call[..seen] == CALL[..seen]
}

/// A datagram with a call.
fn is_call(message: &[u8]) -> bool {
    const MIN_BYTES: usize = 48;
    message.len() >= MIN_BYTES
        && Call::read(message)
            .is_ok_and(|call| call.program == PROGRAM && matches!(call.version, 2 | 3))
}

/// A datagram with a reply.
fn is_reply(message: &[u8]) -> bool {
    const MIN_BYTES: usize = 32;
    message.len() >= MIN_BYTES && Reply::read(message).is_ok_and(|reply| reply.is_success())
}

/// Whether a record of this side begins here.
fn begins_record(direction: Direction, data: &[u8]) -> Verdict {
    const MIN_CALL_BYTES: usize = 40;
    const REPLY_BYTES: std::ops::RangeInclusive<usize> = 24..=35_000;
    let record = match Record::read(data) {
        Ok(Some(record)) => record,
        Ok(None) => return Verdict::More,
        Err(_) => return Verdict::No,
    };
    let sound = match direction {
        Direction::ToServer => {
            if record.is_reply || record.bytes < MIN_CALL_BYTES {
                return Verdict::No;
            }
            match Call::read(record.here) {
                Ok(call) => {
                    call.rpc_version == 2
                        && call.program == PROGRAM
                        && matches!(call.version, 3 | 4)
                        && call.procedure <= number::v3::COMMIT
                        && call.auth.is_known()
                }
                Err(_) if record.is_whole() => false,
                Err(rpc::Malformed::Short) => return Verdict::More,
                Err(rpc::Malformed::Wrong) => false,
            }
        }
        Direction::ToClient => {
            record.is_reply
                && REPLY_BYTES.contains(&record.bytes)
                && match Reply::read(record.here) {
                    Ok(reply) => reply.is_success(),
                    Err(rpc::Malformed::Short) => !record.is_whole() && record.xid != 0,
                    Err(rpc::Malformed::Wrong) => false,
                }
        }
    };
    if sound { Verdict::Yes } else { Verdict::No }
}
