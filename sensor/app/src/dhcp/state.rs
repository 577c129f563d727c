//! Datagrams → transactions, one each.

use sensor_event::AppRecord;
use sensor_flow::Direction;

use super::wire::Message;
use super::{TRUNCATED_OPTIONS, event};
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Transaction};

#[derive(Debug)]
pub struct DhcpTransaction {
    pub message: Message,
}

impl DhcpTransaction {
    pub fn record(&self) -> AppRecord<'_> {
        AppRecord::Dhcp(Box::new(event::record(&self.message)))
    }
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
        let Ok(message) = Message::read(data) else {
            return Step::More;
        };
        let truncated = message.truncated;
        let body = Body::Dhcp(Box::new(DhcpTransaction { message }));
        let Some(transaction) = transactions.begin(body) else {
            return Step::More;
        };
        transaction.only = Some(direction);
        if truncated {
            transaction.raise(TRUNCATED_OPTIONS);
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
    use super::super::wire::tests::request;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_datagram_is_a_transaction() {
        let context = Context {
            now_ns: 0,
            server_port: 67,
            client_port: 68,
        };
        let mut transactions = Transactions::default();
        let options = [
            53, 1, 3, 61, 3, 1, 2, 3, 55, 3, 1, 3, 200, 12, 2, b'a', 0, 6, 4, 192, 0, 2, 1, 12, 1,
            b'b',
        ];
        for bytes in [request(&options), vec![0; 10]] {
            let step = State.chunk(
                Direction::ToServer,
                &bytes,
                &mut transactions,
                &context,
                &Limits::default(),
            );
            assert_eq!(step, Step::More);
        }
        assert_eq!(transactions.live().len(), 1);
        assert_eq!(transactions.live()[0].events, [TRUNCATED_OPTIONS]);
        let record = transactions.live()[0].record();
        assert_eq!(
            serde_json::to_string(&record).expect("a record serialises"),
            concat!(
                r#"{"dhcp":{"type":"request","id":7,"client_mac":"02:00:00:00:00:01","#,
                r#""assigned_ip":"0.0.0.0","client_ip":"0.0.0.0","dhcp_type":"request","#,
                r#""client_id":"02:03","params":["subnet_mask","router"],"hostname":"a\u0000","#,
                r#""dns_servers":["192.0.2.1"]}}"#,
            )
        );
    }

    proptest! {
        #[test]
        fn no_bytes_panic(
            options in proptest::collection::vec(any::<u8>(), 0..120),
            at in any::<prop::sample::Index>(),
            to in any::<u8>(),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = request(&options);
            let at = at.index(bytes.len());
            bytes[at] = to;
            bytes.truncate(cut.index(bytes.len() + 1));
            let context = Context {
                now_ns: 0,
                server_port: 67,
                client_port: 68,
            };
            let mut transactions = Transactions::default();
            for direction in Direction::BOTH {
                // The next datagram may be sound, whatever this one is.
                let step = State.chunk(direction, &bytes, &mut transactions, &context, &Limits::default());
                prop_assert!(matches!(step, Step::More | Step::Failed));
            }
            prop_assert!(transactions.live().len() <= 2);
            for transaction in transactions.live() {
                serde_json::to_string(&transaction.record()).expect("a record serialises");
            }
        }
    }
}
