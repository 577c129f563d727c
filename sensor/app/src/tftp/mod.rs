//! TFTP requests (RFC 1350 §5). Left out: the transfer, which runs between other ports, and options.

use sensor_bytes::{Reader, Short};
use sensor_event::{AppRecord, Text, Tftp};
use sensor_flow::Direction;

use crate::parser::{Parser, Prefix, Step, Transport, Verdict};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Protocol, ProtocolRow, Transaction};

/// Where servers listen.
const PORT: u16 = 69;
const MIN_BYTES: usize = 4;
/// How files may be transferred, in lower case.
const MODES: [&str; 3] = ["netascii", "mail", "octet"];

pub const PROTOCOL: ProtocolRow = ProtocolRow {
    protocol: Protocol::Tftp,
    name: "tftp",
    synonyms: &[],
    buffers: &[],
    int_fields: &[],
    events: &[],
    transports: &[Transport::Udp],
    first: None,
    probe: |prefix: &Prefix<'_>| {
        let sound = match prefix.is_at(&[PORT]) {
            true => prefix.data.len() >= MIN_BYTES && prefix.data.first() == Some(&0),
            false => prefix.opens() && is_request(prefix.data),
        };
        if sound { Verdict::Yes } else { Verdict::No }
    },
    parser: |_| Box::new(State),
};

/// A request that says how it wants a file whose name can be read.
fn is_request(data: &[u8]) -> bool {
    TftpTransaction::read(data).is_some_and(|request| {
        matches!(request.opcode.0, 1 | 2)
            && !request.file.is_empty()
            && !request.file.iter().any(u8::is_ascii_control)
    })
}

/// What a packet is (RFC 1350 §5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opcode(u16);

impl Opcode {
    fn name(self) -> &'static str {
        match self.0 {
            1 => "read",
            2 => "write",
            _ => "error",
        }
    }
}

/// A request for a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TftpTransaction {
    pub opcode: Opcode,
    pub file: Vec<u8>,
    pub mode: &'static str,
}

impl TftpTransaction {
    /// Reads a request; `None` for what is none.
    fn read(bytes: &[u8]) -> Option<TftpTransaction> {
        let mut reader = Reader::new(bytes);
        let opcode = reader.u16().ok()?;
        let file = text(&mut reader).ok()?;
        let mode = text(&mut reader).ok()?.to_ascii_lowercase();
        let mode = MODES.iter().find(|known| known.as_bytes() == mode)?;
        (1..=5).contains(&opcode).then(|| TftpTransaction {
            opcode: Opcode(opcode),
            file: file.to_vec(),
            mode,
        })
    }

    pub fn record(&self) -> AppRecord<'_> {
        AppRecord::Tftp(Tftp {
            packet: self.opcode.name(),
            file: Text(&self.file),
            mode: self.mode,
        })
    }
}

/// Bytes up to a zero.
fn text<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], Short> {
    let rest = reader.rest();
    let length = rest.iter().position(|&byte| byte == 0);
    let text = reader.take(length.unwrap_or(rest.len() + 1))?;
    reader.skip(1)?;
    Ok(text)
}

#[derive(Debug)]
struct State;

impl Parser for State {
    fn chunk(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) -> Step {
        if direction == Direction::ToClient {
            return Step::More;
        }
        let Some(request) = TftpTransaction::read(data) else {
            return Step::Failed;
        };
        let Some(transaction) = transactions.begin(Body::Tftp(Box::new(request))) else {
            return Step::Failed;
        };
        transaction.only = Some(direction);
        for side in Direction::BOTH {
            transaction.advance(side, Transaction::COMPLETE);
        }
        Step::More
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Transactions, _: &Context, _: &Limits) -> Step {
        Step::More
    }

    fn close(&mut self, _: Direction, _: &mut Transactions, _: &Context, _: &Limits) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn requests_are_read() {
        let rows: &[(&[u8], Option<&str>)] = &[
            (
                b"\0\x01a.txt\0OCTET\0",
                Some(r#"{"tftp":{"packet":"read","file":"a.txt","mode":"octet"}}"#),
            ),
            (
                b"\0\x02a\0netascii\0blksize\x001024\0",
                Some(r#"{"tftp":{"packet":"write","file":"a","mode":"netascii"}}"#),
            ),
            (b"\0\x01a.txt\0octet", None),
            (b"\0\x01a.txt\0other\0", None),
            (b"\0\x06a.txt\0octet\0", None),
            (b"\0\x03\0\x01data", None),
            (b"", None),
        ];
        for (bytes, record) in rows {
            let read = TftpTransaction::read(bytes);
            let read = read.map(|request| {
                serde_json::to_string(&request.record()).expect("a record serialises")
            });
            assert_eq!(read.as_deref(), *record);
        }
    }

    proptest! {
        #[test]
        fn no_packet_panics(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let _ = TftpTransaction::read(&bytes);
        }
    }
}
