//! Datagrams → transactions; each stands for itself.

use sensor_flow::Direction;

use super::MALFORMED_PACKET;
use super::wire::Message;
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Transaction};

/// How datagrams of the table begin; others are passed over.
const BEGINNINGS: [&[u8]; 4] = [b"d1:ad", b"d1:rd", b"d2:ip", b"d1:el"];

/// One message.
#[derive(Debug, Default)]
pub struct BittorrentTransaction {
    pub message: Message,
}

#[derive(Debug)]
pub struct State;

impl Parser for State {
    fn chunk(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) -> Step {
        if data.len() <= 5
            || !BEGINNINGS
                .iter()
                .any(|beginning| data.starts_with(beginning))
        {
            return Step::More;
        }
        let read = Message::read(data);
        let malformed = read.is_err();
        let Some(transaction) =
            transactions.begin(Body::Bittorrent(Box::new(BittorrentTransaction {
                message: read.unwrap_or_default(),
            })))
        else {
            return Step::Failed;
        };
        transaction.only = Some(direction);
        if malformed {
            transaction.raise(MALFORMED_PACKET);
            return Step::Failed;
        }
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
    use crate::Protocol;
    use crate::parser::Transport;
    use crate::testing::{Piece, noise, run, run_owned};
    use Direction::{ToClient, ToServer};
    use proptest::prelude::*;

    const SESSION: &[Piece<'static>] = &[
        (
            ToServer,
            b"d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz1234564:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe",
        ),
        (
            ToClient,
            b"d1:rd2:id20:0123456789abcdefghij5:token8:aoeusnth6:valuesl6:axje.uee1:t2:aa1:y1:re",
        ),
        (ToClient, b"d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee"),
        (ToClient, b"d1:el"),
    ];

    #[test]
    fn messages_are_recorded() {
        let (records, step) = run(
            Protocol::Bittorrent,
            Transport::Udp,
            &SESSION[..3],
            usize::MAX,
        );
        assert_eq!(step, Step::More);
        assert_eq!(
            records,
            [
                r#"{"bittorrent_dht":{"transaction_id":"6161","request_type":"announce_peer","request":{"id":"6162636465666768696a30313233343536373839","info_hash":"6d6e6f707172737475767778797a313233343536","token":"616f6575736e7468","implied_port":1,"port":6881}}}"#,
                r#"{"bittorrent_dht":{"transaction_id":"6161","response":{"id":"303132333435363738396162636465666768696a","values":[{"ip":"97.120.106.101","port":11893}],"token":"616f6575736e7468"}}}"#,
                r#"{"bittorrent_dht":{"transaction_id":"6161","error":{"num":201,"msg":"A Generic Error Ocurred"}}}"#,
            ]
        );
    }

    #[test]
    fn malformed_ones_are_told() {
        let pieces: &[Piece<'_>] = &[(ToServer, b"d1:ad2:id20:short")];
        let (records, step) = run(Protocol::Bittorrent, Transport::Udp, pieces, usize::MAX);
        assert_eq!(step, Step::Failed);
        assert!(records[0].ends_with("[1]"));
    }

    proptest! {
        #[test]
        fn no_input_panics(pieces in noise(SESSION)) {
            run_owned(Protocol::Bittorrent, Transport::Udp, &pieces);
        }
    }
}
