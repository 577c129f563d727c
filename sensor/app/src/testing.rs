//! What the tests of parsers share: one connection, its bytes cut as one likes.

use proptest::prelude::*;

use crate::parser::{Step, Transport};
use crate::transactions::Transactions;
use crate::{Context, Limits, Prefix, Protocol, Verdict};
use sensor_flow::Direction;

pub type Piece<'a> = (Direction, &'a [u8]);

const CONTEXT: Context = Context {
    now_ns: 0,
    server_port: 1,
    client_port: 40_000,
};

/// The records of a connection with what was odd about them, and the step at which its parser ended (or `More`).
pub fn run(
    protocol: Protocol,
    transport: Transport,
    pieces: &[Piece<'_>],
    chunk_bytes: usize,
) -> (Vec<String>, Step) {
    let row = protocol.row().expect("the protocol has a row");
    let mut parser = (row.parser)(transport);
    let mut transactions = Transactions::default();
    let limits = Limits::default();
    let mut last = Step::More;
    'all: for (direction, bytes) in pieces {
        for chunk in bytes.chunks(chunk_bytes) {
            last = parser.chunk(*direction, chunk, &mut transactions, &CONTEXT, &limits);
            if last != Step::More {
                break 'all;
            }
        }
    }
    for direction in Direction::BOTH {
        parser.close(direction, &mut transactions, &CONTEXT, &limits);
    }
    let records = transactions
        .live()
        .iter()
        .map(|transaction| {
            let mut text =
                serde_json::to_string(&transaction.record()).expect("a record serialises");
            if !transaction.events.is_empty() {
                text += &format!(" {:?}", transaction.events);
            }
            text
        })
        .collect();
    (records, last)
}

/// What the protocol's probe says of the first bytes of a side.
pub fn probe(
    protocol: Protocol,
    transport: Transport,
    direction: Direction,
    server_port: u16,
    data: &[u8],
) -> Verdict {
    let row = protocol.row().expect("the protocol has a row");
    (row.probe)(&Prefix {
        transport,
        direction,
        data,
        server_port,
        client_port: 40_000,
        midway: false,
        midstream: false,
        other: Protocol::Unknown,
        other_data: &[],
    })
}

/// Any cut of a connection gives the same records.
pub fn check_cuts(protocol: Protocol, pieces: &[Piece<'_>]) {
    let whole = run(protocol, Transport::Tcp, pieces, usize::MAX).0;
    for chunk_bytes in [1, 2, 3, 5, 8, 13, 40] {
        let cut = run(protocol, Transport::Tcp, pieces, chunk_bytes).0;
        assert_eq!(cut, whole, "in chunks of {chunk_bytes}");
    }
}

/// Bytes of both sides in turn: noise, and the connection given with some of its bytes replaced.
pub fn noise(
    pieces: &'static [Piece<'static>],
) -> impl Strategy<Value = Vec<(Direction, Vec<u8>)>> {
    let side = any::<bool>().prop_map(|server| {
        if server {
            Direction::ToClient
        } else {
            Direction::ToServer
        }
    });
    let random =
        proptest::collection::vec((side, proptest::collection::vec(any::<u8>(), 0..60)), 0..12);
    let altered = proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..12)
        .prop_map(move |changes| {
            let mut altered: Vec<(Direction, Vec<u8>)> = pieces
                .iter()
                .map(|(direction, bytes)| (*direction, bytes.to_vec()))
                .collect();
            for (at, value) in changes {
                let piece = at.index(altered.len());
                let bytes = &mut altered[piece].1;
                if !bytes.is_empty() {
                    let place = at.index(bytes.len());
                    bytes[place] = value;
                }
            }
            altered
        });
    prop_oneof![random, altered]
}

/// Runs a connection of owned bytes.
pub fn run_owned(protocol: Protocol, transport: Transport, pieces: &[(Direction, Vec<u8>)]) {
    let pieces: Vec<Piece<'_>> = pieces
        .iter()
        .map(|(direction, bytes)| (*direction, bytes.as_slice()))
        .collect();
    run(protocol, transport, &pieces, usize::MAX);
    run(protocol, transport, &pieces, 7);
}
