//! Messages → transactions.

use sensor_bytes::Reader;
use sensor_event::AppRecord;
use sensor_flow::Direction;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::event;
use super::wire::{self, Message};
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Transaction};

/// Records of TLS begin with their type; this one carries the handshake (RFC 8446 §5.1).
const HANDSHAKE_RECORD: u8 = 22;
/// Bytes in front of what a record carries.
const RECORD_HEADER_BYTES: usize = 5;
/// Bytes of one record (RFC 8446 §5.2), with room for old ciphers.
const MAX_RECORD_BYTES: usize = (1 << 14) + 2_048;
/// Certificates of one chain.
const MAX_CERTIFICATES: usize = 16;

/// One message.
#[derive(Debug)]
pub struct RdpTransaction {
    pub item: Item,
}

#[derive(Debug)]
pub enum Item {
    Message(Message),
    /// Serial numbers of the server's certificates.
    Certificates(Vec<String>),
}

impl RdpTransaction {
    pub fn record(&self, number: u64) -> AppRecord<'_> {
        AppRecord::Rdp(Box::new(event::record(self, number)))
    }
}

#[derive(Debug, Default)]
pub struct State {
    held: [Vec<u8>; 2],
    /// TLS has taken over.
    encrypted: bool,
    /// Nothing more is of interest.
    done: bool,
}

impl State {
    /// What is left after all whole messages are read; none when the bytes make no sense.
    fn read<'d>(
        &mut self,
        direction: Direction,
        data: &'d [u8],
        transactions: &mut Transactions,
    ) -> Option<&'d [u8]> {
        let mut rest = data;
        while !rest.is_empty() && !self.done {
            if !self.encrypted {
                match wire::message_bytes(rest) {
                    Ok(Some(bytes)) => {
                        let Some(message) = rest.get(..bytes) else {
                            return Some(rest);
                        };
                        rest = &rest[bytes..];
                        self.message(direction, wire::read(message), transactions)?;
                        continue;
                    }
                    Ok(None) => return Some(rest),
                    Err(_) if rest.first() == Some(&HANDSHAKE_RECORD) => self.encrypted = true,
                    Err(_) => return None,
                }
            }
            let [kind, _, _, high, low, ..] = rest else {
                return Some(rest);
            };
            let bytes = usize::from(u16::from_be_bytes([*high, *low]));
            if bytes > MAX_RECORD_BYTES {
                return None;
            }
            let Some(record) = rest.get(RECORD_HEADER_BYTES..RECORD_HEADER_BYTES + bytes) else {
                return Some(rest);
            };
            rest = &rest[RECORD_HEADER_BYTES + bytes..];
            if *kind == HANDSHAKE_RECORD
                && direction == Direction::ToClient
                && let Some(serials) = certificates(record)
            {
                begin(direction, Item::Certificates(serials), transactions)?;
                self.done = true;
            }
        }
        Some(&[])
    }

    fn message(
        &mut self,
        direction: Direction,
        message: Message,
        transactions: &mut Transactions,
    ) -> Option<()> {
        let from_client = match message {
            Message::Other => return Some(()),
            Message::ConnectionRequest(_) | Message::ConnectRequest { .. } => true,
            Message::ConnectionConfirm(_) | Message::ConnectResponse => false,
        };
        if from_client == (direction == Direction::ToServer) {
            self.done |= message == Message::ConnectResponse;
            begin(direction, Item::Message(message), transactions)?;
        }
        Some(())
    }
}

fn begin(direction: Direction, item: Item, transactions: &mut Transactions) -> Option<()> {
    let tx = transactions.begin(Body::Rdp(Box::new(RdpTransaction { item })))?;
    tx.only = Some(direction);
    for side in Direction::BOTH {
        tx.advance(side, Transaction::COMPLETE);
    }
    Some(())
}

/// Serial numbers in the Certificate message of a record, if it has one (RFC 5246 §7.4.2).
fn certificates(record: &[u8]) -> Option<Vec<String>> {
    const CERTIFICATE: u8 = 11;
    let mut reader = Reader::new(record);
    loop {
        let kind = reader.u8().ok()?;
        let bytes = reader.u24().ok()? as usize;
        let mut body = reader.sub(bytes).ok()?;
        if kind != CERTIFICATE {
            continue;
        }
        let mut list = body.u24().and_then(|bytes| body.sub(bytes as usize)).ok()?;
        let mut serials = Vec::new();
        while serials.len() < MAX_CERTIFICATES
            && let Ok(certificate) = list.u24().and_then(|bytes| list.take(bytes as usize))
        {
            if let Ok((_, certificate)) = X509Certificate::from_der(certificate) {
                serials.push(certificate.tbs_certificate.serial.to_str_radix(16));
            }
        }
        return Some(serials);
    }
}

impl Parser for State {
    fn chunk(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) -> Step {
        if self.done {
            return Step::Finished;
        }
        let side = direction.index();
        let mut held = std::mem::take(&mut self.held[side]);
        held.extend_from_slice(data);
        match self.read(direction, &held, transactions) {
            // At most one message of 64 KiB is held.
            Some(rest) => {
                self.held[side] = rest.to_vec();
                Step::More
            }
            None => Step::Failed,
        }
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Transactions, _: &Context, _: &Limits) -> Step {
        // The setup is short: with a part of it missing there is nothing left to read.
        Step::Failed
    }

    fn close(&mut self, direction: Direction, _: &mut Transactions, _: &Context, _: &Limits) {
        self.held[direction.index()] = Vec::new();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Direction::{ToClient, ToServer};
    use proptest::prelude::*;

    const CONTEXT: Context = Context {
        now_ns: 0,
        server_port: 3389,
        client_port: 1024,
    };

    fn tpkt(body: &[u8]) -> Vec<u8> {
        let mut bytes = vec![3, 0];
        bytes.extend(((body.len() + 4) as u16).to_be_bytes());
        bytes.extend(body);
        bytes
    }

    fn request() -> Vec<u8> {
        tpkt(b"\x22\xe0\0\0\0\0\0Cookie: mstshash=a\r\n\x01\x01\x08\0\x03\0\0\0")
    }

    fn confirm() -> Vec<u8> {
        tpkt(b"\x0e\xd0\0\0\0\0\0\x02\x01\x08\0\x02\0\0\0")
    }

    fn connect() -> Vec<u8> {
        let mut core = vec![0x01, 0xc0, 136, 0];
        core.extend(0x80004u32.to_le_bytes());
        core.extend([0x20, 3, 0x58, 2, 1, 0xca, 3, 0xaa]);
        core.extend(0x409u32.to_le_bytes());
        core.extend(2600u32.to_le_bytes());
        core.extend(b"P\0C\0");
        core.extend([0; 28]);
        core.extend([4, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0]);
        core.extend([0; 64]);
        core.extend([0; 4]);
        let net = b"\x03\xc0\x14\0\x01\0\0\0rdpdr\0\0\0\0\0\0\0";
        let mut body = b"\x02\xf0\x80\x7f\x65junkDuca".to_vec();
        body.push(0x80);
        body.push((core.len() + net.len()) as u8);
        body.extend(core);
        body.extend(net);
        tpkt(&body)
    }

    fn feed(
        state: &mut State,
        transactions: &mut Transactions,
        direction: Direction,
        data: &[u8],
    ) -> Step {
        state.chunk(direction, data, transactions, &CONTEXT, &Limits::default())
    }

    fn records(transactions: &Transactions) -> Vec<String> {
        transactions
            .live()
            .iter()
            .map(|tx| serde_json::to_string(&tx.record()).expect("a record serialises"))
            .collect()
    }

    #[test]
    fn a_connection_is_set_up() {
        let mut state = State::default();
        let mut transactions = Transactions::default();
        feed(&mut state, &mut transactions, ToServer, &request());
        feed(&mut state, &mut transactions, ToClient, &confirm());
        feed(&mut state, &mut transactions, ToServer, &connect());
        assert_eq!(
            records(&transactions),
            [
                r#"{"rdp":{"tx_id":1,"event_type":"initial_request","cookie":"a","flags":["restricted_admin_mode_required"]}}"#,
                r#"{"rdp":{"tx_id":2,"event_type":"initial_response","server_supports":["extended_client_data"],"protocol":"hybrid"}}"#,
                r#"{"rdp":{"tx_id":3,"event_type":"connect_request","client":{"version":"v5","desktop_width":800,"desktop_height":600,"color_depth":8,"keyboard_layout":"en-US","build":"Windows XP","client_name":"PC","keyboard_type":"enhanced","function_keys":12,"product_id":0},"channels":["rdpdr"]}}"#,
            ]
        );
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_transactions(cuts in proptest::collection::vec(1usize..40, 1..20)) {
            let stream = [request(), connect()].concat();
            let mut whole = Transactions::default();
            feed(&mut State::default(), &mut whole, ToServer, &stream);
            let mut state = State::default();
            let mut transactions = Transactions::default();
            let mut rest = stream.as_slice();
            let mut cuts = cuts.into_iter().cycle();
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
                feed(&mut state, &mut transactions, ToServer, chunk);
                rest = after;
            }
            prop_assert_eq!(records(&transactions), records(&whole));
        }

        #[test]
        fn no_bytes_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..100),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        ) {
            let mut changed = connect();
            for (at, value) in changes {
                let at = at.index(changed.len());
                changed[at] = value;
            }
            let mut tls = vec![22, 3, 3, 0, bytes.len() as u8 + 4, 11, 0, 0, bytes.len() as u8];
            tls.extend(&bytes);
            for data in [&bytes, &changed, &tpkt(&bytes), &tls] {
                for direction in Direction::BOTH {
                    let mut transactions = Transactions::default();
                    feed(&mut State::default(), &mut transactions, direction, data);
                    records(&transactions);
                }
            }
        }
    }
}
