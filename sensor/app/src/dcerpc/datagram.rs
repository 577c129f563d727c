//! Messages over UDP → transactions.

use sensor_bytes::Reader;
use sensor_flow::Direction;

use super::state::Datagram;
use super::wire::{DatagramHeader, Kind};
use super::{DcerpcTransaction, Interface};
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Transaction};

#[derive(Debug)]
pub struct State;

impl State {
    fn take(&self, data: &[u8], transactions: &mut Transactions) -> Option<()> {
        let mut reader = Reader::new(data);
        let header = DatagramHeader::read(&mut reader).ok()?;
        let stub = reader.take(usize::from(header.body_bytes)).ok()?;
        let direction = match header.kind {
            _ if header.version != 4 => return None,
            Kind::REQUEST => Direction::ToServer,
            Kind::RESPONSE | Kind::FAULT | Kind::REJECT => Direction::ToClient,
            _ => return None,
        };
        // A fault or a refusal has a status in place of results.
        let is_refused = matches!(header.kind, Kind::FAULT | Kind::REJECT);
        let identity = Datagram {
            activity: header.activity,
            sequence: header.sequence,
        };
        let waiting = transactions.live().iter().position(|tx| {
            matches!(&tx.body, Body::Dcerpc(call) if call.datagram == Some(identity))
                && !tx.is_complete(direction)
        });
        let tx = match waiting {
            Some(at) => transactions.live_mut().get_mut(at)?,
            None if is_refused => return None,
            None => {
                let mut call = DcerpcTransaction::new(0, 0, Default::default());
                call.datagram = Some(identity);
                call.big_endian = header.order == super::wire::Order::Big;
                transactions.begin(Body::Dcerpc(Box::new(call)))?
            }
        };
        if let Body::Dcerpc(call) = &mut tx.body {
            if is_refused {
                call.response = header.kind;
            } else {
                let fragments = &mut call.fragments[direction.index()];
                *fragments = fragments.saturating_add(1);
                call.append(direction, stub);
            }
            if header.kind == Kind::REQUEST && !call.request_seen {
                call.request_seen = true;
                call.operation = header.operation;
                // There is no bind: the call names its interface itself.
                call.interfaces = vec![Interface {
                    context: 0,
                    index: 0,
                    call_id: 0,
                    uuid: header.interface,
                    version: (header.interface_version & 0xffff) as u16,
                    minor: (header.interface_version >> 16) as u16,
                    first_fragment: true,
                    result: Some(0),
                }]
                .into();
            }
        }
        if header.is_last() {
            tx.advance(direction, Transaction::COMPLETE);
        }
        Some(())
    }
}

impl Parser for State {
    fn chunk(
        &mut self,
        _: Direction,
        data: &[u8],
        transactions: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) -> Step {
        // A datagram that makes no sense says nothing of the next one.
        let _ = self.take(data, transactions);
        Step::More
    }

    fn gap(&mut self, _: Direction, _: u64, _: &mut Transactions, _: &Context, _: &Limits) -> Step {
        Step::More
    }

    fn close(&mut self, _: Direction, _: &mut Transactions, _: &Context, _: &Limits) {}
}

#[cfg(test)]
mod tests {
    use crate::parser::Transport;
    use crate::{Protocol, testing};
    use proptest::prelude::*;
    use sensor_flow::Direction::{ToClient, ToServer};

    /// A message of this kind and call, little-endian, with a body of four bytes.
    const fn message(kind: u8, sequence: u8) -> [u8; 84] {
        let mut bytes = [0; 84];
        bytes[0] = 4;
        bytes[1] = kind;
        bytes[4] = 0x10;
        bytes[60] = 1;
        bytes[64] = sequence;
        bytes[68] = 3;
        bytes[74] = 4;
        bytes
    }
    const ASKED: [u8; 84] = message(0, 1);
    const ANSWERED: [u8; 84] = message(2, 1);
    const ASKED_AGAIN: [u8; 84] = message(0, 2);
    const FAULT: [u8; 84] = message(3, 2);
    const REJECTED: [u8; 84] = message(6, 7);
    const SESSION: &[testing::Piece<'static>] = &[
        (ToServer, &ASKED),
        (ToClient, &ANSWERED),
        (ToServer, &ASKED_AGAIN),
        (ToClient, &FAULT),
        (ToClient, &REJECTED),
    ];

    #[test]
    fn calls_are_answered_or_refused() {
        let (records, _) = testing::run(Protocol::Dcerpc, Transport::Udp, SESSION, usize::MAX);
        let tell = |response: &str, sequence: u8| {
            format!(
                concat!(
                    r#"{{"dcerpc":{{"request":"REQUEST","req":{{"opnum":0,"frag_cnt":1,"stub_data_size":4}},"#,
                    r#""response":{},"activityuuid":"00000000-0000-0000-0000-000000000000","#,
                    r#""seqnum":{},"rpc_version":"4.0"}}}}"#
                ),
                response, sequence
            )
        };
        // A refusal of what nobody has asked is no call.
        assert_eq!(
            records,
            [
                tell(r#""RESPONSE","res":{"frag_cnt":1,"stub_data_size":4}"#, 1),
                tell(r#""FAULT""#, 2),
            ]
        );
    }

    proptest! {
        #[test]
        fn no_input_panics(pieces in testing::noise(SESSION)) {
            testing::run_owned(Protocol::Dcerpc, Transport::Udp, &pieces);
        }
    }
}
