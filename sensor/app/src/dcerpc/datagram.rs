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
            Kind::RESPONSE => Direction::ToClient,
            _ => return None,
        };
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
            None => {
                let mut call = DcerpcTransaction::new(0, 0, Default::default());
                call.datagram = Some(identity);
                call.big_endian = header.order == super::wire::Order::Big;
                transactions.begin(Body::Dcerpc(Box::new(call)))?
            }
        };
        if let Body::Dcerpc(call) = &mut tx.body {
            let fragments = &mut call.fragments[direction.index()];
            *fragments = fragments.saturating_add(1);
            call.append(direction, stub);
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
