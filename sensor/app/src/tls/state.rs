//! Chunks and gaps → the session's transaction.

use sensor_flow::Direction;

use super::record::Records;
use super::session::{Message, Session, Shared};
use crate::frame::Frames;
use crate::parser::{Parser, Step};
use crate::transactions::Transactions;
use crate::{Body, Context, Limits, Transaction};

/// The parser of one flow.
#[derive(Debug, Default)]
pub struct State {
    transaction: Option<u64>,
    records: [Records; 2],
    messages: [Message; 2],
    shared: Shared,
    /// The last chunk did not complete the record that it belongs to.
    idle: bool,
}

impl State {
    fn begin<'t>(&mut self, transactions: &'t mut Transactions) -> Option<&'t mut Transaction> {
        match self.transaction {
            Some(id) => transactions.with_id(id),
            None => {
                let transaction = transactions.begin(Body::Tls(Box::default()))?;
                self.transaction = Some(transaction.id);
                Some(transaction)
            }
        }
    }

    fn records(
        &mut self,
        direction: Direction,
        data: &[u8],
        transactions: &mut Transactions,
        frames: &mut Frames,
    ) -> Step {
        // Retired: all was seen.
        let Some(tx) = self.begin(transactions) else {
            return Step::Finished;
        };
        let side = direction.index();
        let records = &mut self.records[side];
        let waited = records.is_waiting().then_some(count(tx));
        if records.is_between()
            && let Body::Tls(tls) = &mut tx.body
        {
            tls.messages = 0;
        }
        let mut session = Session {
            tx,
            direction,
            shared: &mut self.shared,
            message: &mut self.messages[side],
            frames,
        };
        if !records.push(data, &mut session) {
            return Step::Failed;
        }
        if !records.is_waiting() {
            session.settle();
        }
        let over = session.is_over();
        self.idle = !over && records.is_waiting() && waited == Some(count(session.tx));
        if over {
            return Step::Finished;
        }
        Step::More
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
        let mut frames = std::mem::take(&mut transactions.frames);
        let step = self.records(direction, data, transactions, &mut frames);
        transactions.frames = frames;
        step
    }

    fn gap(
        &mut self,
        direction: Direction,
        bytes: u64,
        _: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) -> Step {
        if self.records[direction.index()].pass(bytes) {
            Step::More
        } else {
            Step::Failed
        }
    }

    fn close(
        &mut self,
        direction: Direction,
        transactions: &mut Transactions,
        _: &Context,
        _: &Limits,
    ) {
        if let Some(tx) = self.transaction.and_then(|id| transactions.with_id(id)) {
            tx.advance(direction, Transaction::COMPLETE);
        }
    }

    fn is_idle(&self) -> bool {
        self.idle
    }

    fn is_encrypted(&self) -> bool {
        self.shared.is_encrypted()
    }
}

/// Records that were read.
fn count(tx: &Transaction) -> u64 {
    super::tls(tx).map_or(0, |tls| tls.records)
}

#[cfg(test)]
mod tests {
    use super::super::certificate::tests::der;
    use super::super::wire::tests::hello_for;
    use super::super::{events, stage};
    use super::*;
    use Direction::{ToClient, ToServer};
    use proptest::prelude::*;

    const CONTEXT: Context = Context {
        now_ns: 0,
        server_port: 443,
        client_port: 40_000,
    };

    fn record(content: u8, payload: &[u8]) -> Vec<u8> {
        let length = (payload.len() as u16).to_be_bytes();
        [&[content, 3, 3][..], &length, payload].concat()
    }

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = (body.len() as u32).to_be_bytes();
        [&[kind][..], &length[1..], body].concat()
    }

    fn server_hello() -> Vec<u8> {
        [&[3, 3][..], &[9; 32], &[0], &[0xc0, 0x2f], &[0], &[0, 0]].concat()
    }

    fn certificate() -> Vec<u8> {
        let der = der("a.test");
        let length = |count: usize| (count as u32).to_be_bytes()[1..].to_vec();
        [length(der.len() + 3), length(der.len()), der].concat()
    }

    /// The server's first flight, in records of so many bytes.
    fn flight(record_bytes: usize) -> Vec<u8> {
        let messages = [
            message(2, &server_hello()),
            message(11, &certificate()),
            message(14, &[]),
        ]
        .concat();
        messages
            .chunks(record_bytes)
            .flat_map(|part| record(22, part))
            .collect()
    }

    fn run(pieces: &[(Direction, &[u8])]) -> (Transactions, State, Step) {
        let mut transactions = Transactions::default();
        let mut state = State::default();
        let mut step = Step::More;
        for (direction, bytes) in pieces {
            step = state.chunk(
                *direction,
                bytes,
                &mut transactions,
                &CONTEXT,
                &Limits::default(),
            );
        }
        (transactions, state, step)
    }

    fn client_hello() -> Vec<u8> {
        record(22, &message(1, &hello_for(b"a.test")))
    }

    #[test]
    fn cipher_is_a_frame_in_each_chunk_and_a_record_that_goes_on_tells_nothing() {
        let mut frames = crate::WantedFrames::default();
        frames.add_all();
        let limits = Limits {
            frames,
            ..Limits::default()
        };
        let mut app = crate::AppLayer::default();
        let (hello, data) = (client_hello(), record(23, &[7; 300]));
        let mut push = |bytes: &[u8]| {
            app.chunk(ToServer, bytes, &CONTEXT, &limits);
            let news = app.frames_mut().take_news(ToServer, true);
            let data = news.iter().filter(|frame| frame.name == "data");
            let data: Vec<_> = data.map(|frame| (frame.offset, frame.length)).collect();
            (app.is_idle(), data)
        };
        let start = hello.len() as u64;
        assert_eq!(push(&hello[..40]), (false, vec![]));
        assert_eq!(push(&hello[40..60]), (true, vec![]));
        let whole = Some(start - 5);
        assert_eq!(push(&hello[60..]), (false, vec![(5, whole)]));
        assert_eq!(push(&data[..105]), (false, vec![(start + 5, Some(300))]));
        assert_eq!(push(&data[105..]), (false, vec![(start + 105, Some(300))]));
    }

    #[test]
    fn a_handshake_is_known_with_the_certificate() {
        for record_bytes in [1 << 14, 100, 3] {
            let (client, server) = (client_hello(), flight(record_bytes));
            let (transactions, ..) = run(&[(ToServer, &client), (ToClient, &server)]);
            let tx = &transactions.live()[0];
            assert_eq!(tx.progress, [stage::HANDSHAKE_DONE; 2]);
            let tls = super::super::tls(tx).expect("tls");
            let found = tls.server.certificate.as_ref().expect("a certificate");
            assert_eq!(found.subject, b"CN=a.test");
            assert_eq!(tls.server.chain.len(), 1);
            assert!(tls.is_recorded());
        }
    }

    #[test]
    fn nothing_is_read_once_both_speak_in_cipher() {
        let (client, server) = (client_hello(), flight(1 << 14));
        let cipher = [record(20, &[1]), record(22, &[7; 40]), record(23, &[7; 40])].concat();
        let (_, state, step) = run(&[
            (ToServer, &client),
            (ToClient, &server),
            (ToServer, &cipher),
            (ToClient, &cipher),
        ]);
        assert_eq!(step, Step::Finished);
        assert!(state.is_encrypted());
    }

    #[test]
    fn odd_sessions_raise_events() {
        let rows: &[(Vec<u8>, u16, Step)] = &[
            (record(30, &[1]), events::INVALID_RECORD_TYPE, Step::Failed),
            (record(22, &[]), events::INVALID_RECORD_LENGTH, Step::Failed),
            (
                vec![22, 9, 9, 0, 1],
                events::INVALID_RECORD_VERSION,
                Step::Failed,
            ),
            (
                record(21, &[1]),
                events::INVALID_ALERT_MESSAGE,
                Step::Failed,
            ),
            (
                record(22, &[99, 0, 0, 0]),
                events::INVALID_HANDSHAKE_MESSAGE,
                Step::More,
            ),
            (
                record(22, &[1, 0, 0]),
                events::INVALID_SSL_RECORD,
                Step::More,
            ),
            (
                record(24, &[9, 0, 0]),
                events::INVALID_HEARTBEAT_MESSAGE,
                Step::Failed,
            ),
            (
                record(24, &[1, 0x40, 0]),
                events::OVERFLOW_HEARTBEAT_MESSAGE,
                Step::Failed,
            ),
            (vec![0x80, 0], events::INVALID_SSLV2_HEADER, Step::Failed),
        ];
        for (bytes, event, expected) in rows {
            let (transactions, _, step) = run(&[(ToServer, bytes)]);
            assert_eq!(step, *expected, "{bytes:?}");
            assert!(transactions.live()[0].events.contains(event), "{bytes:?}");
        }
    }

    #[test]
    fn an_answer_longer_than_its_heartbeat_leaks() {
        let change = record(20, &[1]);
        let (small, large) = (record(24, &[1; 40]), record(24, &[2; 400]));
        let (transactions, ..) =
            run(&[(ToServer, &change), (ToServer, &small), (ToClient, &large)]);
        let events = &transactions.live()[0].events;
        assert_eq!(events, &[events::DATALEAK_HEARTBEAT_MISMATCH]);
    }

    #[test]
    fn a_fatal_alert_ends_the_session() {
        let (client, alert) = (client_hello(), record(21, &[2, 40]));
        let (transactions, ..) = run(&[(ToServer, &client), (ToClient, &alert)]);
        let tx = &transactions.live()[0];
        assert!(tx.is_complete(ToServer) && tx.is_complete(ToClient));
    }

    #[test]
    fn the_hello_of_ssl2_tells_a_version() {
        let hello = [0x80, 9, 1, 3, 1, 0, 0, 0, 0, 0, 0];
        let (transactions, ..) = run(&[(ToServer, &hello)]);
        let tls = super::super::tls(&transactions.live()[0]).expect("tls");
        assert_eq!(tls.client.version, super::super::Version::TLS10);
    }

    #[test]
    fn cipher_that_looks_like_ssl2_changes_no_version() {
        let client = client_hello();
        let server = [flight(1 << 14), vec![0x80, 9, 1, 3, 1, 0, 0, 0, 0, 0, 0]].concat();
        let (transactions, ..) = run(&[(ToServer, &client), (ToClient, &server)]);
        let tls = super::super::tls(&transactions.live()[0]).expect("tls");
        assert_eq!(tls.server.version, super::super::Version::TLS12);
    }

    #[test]
    fn records_behind_the_end_tell_nothing_in_any_cut() {
        let client = [client_hello(), record(23, b"cipher")].concat();
        let data = record(23, b"cipher");
        let ssl2 = [0x80, 9, 1, 3, 1, 0, 0, 0, 0, 0, 0];
        let together = [&data[..], &ssl2].concat();
        for server in [vec![&together[..]], vec![&data, &ssl2]] {
            let pieces = std::iter::once((ToServer, &client[..]))
                .chain(server.into_iter().map(|piece| (ToClient, piece)));
            let (transactions, ..) = run(&pieces.collect::<Vec<_>>());
            let tls = super::super::tls(&transactions.live()[0]).expect("tls");
            assert_eq!(tls.server.version, super::super::Version::TLS12);
        }
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_session(cuts in proptest::collection::vec(1usize..200, 1..20)) {
            let whole = flight(700);
            let mut pieces: Vec<(Direction, &[u8])> = Vec::new();
            let client = client_hello();
            pieces.push((ToServer, &client));
            let mut rest = whole.as_slice();
            let mut cuts = cuts.into_iter().cycle();
            while !rest.is_empty() {
                let (chunk, after) = rest.split_at(cuts.next().unwrap_or(1).min(rest.len()));
                pieces.push((ToClient, chunk));
                rest = after;
            }
            let (cut, ..) = run(&pieces);
            let (uncut, ..) = run(&[(ToServer, &client), (ToClient, &whole)]);
            let text = |transactions: &Transactions| {
                serde_json::to_string(&transactions.live()[0].record()).expect("a record serialises")
            };
            prop_assert_eq!(text(&cut), text(&uncut));
            prop_assert_eq!(cut.live()[0].progress, uncut.live()[0].progress);
        }

        #[test]
        fn no_bytes_panic(chunks in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 0..60)), 0..12), content in 20u8..25) {
            let mut transactions = Transactions::default();
            let mut state = State::default();
            for (client, bytes) in chunks {
                let direction = if client { ToServer } else { ToClient };
                let bytes = if bytes.len() % 2 == 0 { record(content, &bytes) } else { bytes };
                if state.chunk(direction, &bytes, &mut transactions, &CONTEXT, &Limits::default()) == Step::Failed {
                    break;
                }
            }
            for tx in transactions.live() {
                serde_json::to_string(&tx.record()).expect("a record serialises");
            }
        }
    }
}
