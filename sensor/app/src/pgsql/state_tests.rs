use super::*;
use crate::MAX_LIVE_TRANSACTIONS;
use Direction::{ToClient, ToServer};
use proptest::prelude::*;

const CONTEXT: Context = Context {
    now_ns: 0,
    server_port: 5432,
    client_port: 1024,
};

const STARTUP: &[u8] = b"\0\0\0\x12\0\x03\0\0user\0me\0\0\0";
const TLS: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";

fn tagged(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend((body.len() as u32 + 4).to_be_bytes());
    bytes.extend(body);
    bytes
}

/// Feeds messages cut into pieces of the given lengths; the objects of all transactions, and the last step.
fn run(messages: &[(Direction, Vec<u8>)], cuts: &[usize]) -> (Vec<String>, Step) {
    let mut state = State::default();
    let mut transactions = Transactions::default();
    let mut cuts = cuts.iter().copied().cycle();
    let mut step = Step::More;
    for (direction, bytes) in messages {
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            let (chunk, after) = rest.split_at(cuts.next().unwrap_or(1).clamp(1, rest.len()));
            step = state.chunk(
                *direction,
                chunk,
                &mut transactions,
                &CONTEXT,
                &Limits::default(),
            );
            rest = after;
        }
    }
    let records = transactions
        .live()
        .iter()
        .map(|tx| serde_json::to_string(&tx.record()).expect("a record serialises"))
        .collect();
    (records, step)
}

fn conversation() -> Vec<(Direction, Vec<u8>)> {
    vec![
        (ToServer, TLS.to_vec()),
        (ToClient, b"N".to_vec()),
        (ToServer, STARTUP.to_vec()),
        (ToClient, tagged(b'R', b"\0\0\0\x05salt")),
        (ToServer, tagged(b'p', b"secret\0")),
        (ToClient, tagged(b'R', b"\0\0\0\0")),
        (ToClient, tagged(b'S', b"TimeZone\0UTC\0")),
        (ToClient, tagged(b'K', b"\0\0\0\x01\0\0\0\x02")),
        (ToClient, tagged(b'Z', b"I")),
        (ToServer, tagged(b'Q', b"select 1\0")),
        (ToClient, tagged(b'T', b"\0\x01name\0rest of it")),
        (ToClient, tagged(b'D', b"\0\x01\0\0\0\x01x")),
        (ToClient, tagged(b'N', b"SNOTICE\0Mx\0\0")),
        (ToClient, tagged(b'D', b"\0\x01\0\0\0\x03xyz")),
        (ToClient, tagged(b'C', b"SELECT 2\0")),
        (ToClient, tagged(b'Z', b"I")),
        (ToServer, tagged(b'Q', b"copy a from stdin\0")),
        (ToClient, tagged(b'G', b"\0\0\x01\0\0")),
        (ToServer, tagged(b'd', b"1234567")),
        (ToServer, tagged(b'd', b"12345678")),
        (ToServer, tagged(b'c', b"")),
        (ToClient, tagged(b'C', b"COPY 2\0")),
        (ToClient, tagged(b'Z', b"I")),
        (ToServer, tagged(b'X', b"")),
    ]
}

const RECORDS: &[&str] = &[
    r#"{"pgsql":{"tx_id":1,"request":{"message":"SSL Request"},"response":{"ssl_accepted":false}}}"#,
    concat!(
        r#"{"pgsql":{"tx_id":2,"request":{"protocol_version":"3.0","startup_parameters":{"user":"me"}},"#,
        r#""response":{"authentication_md5_password":"salt"}}}"#
    ),
    concat!(
        r#"{"pgsql":{"tx_id":3,"request":{"password_redacted":true},"response":{"message":"authentication_ok","#,
        r#""parameter_status":[{"time_zone":"UTC"}],"process_id":1,"secret_key":2}}}"#
    ),
    concat!(
        r#"{"pgsql":{"tx_id":4,"request":{"simple_query":"select 1"},"response":{"field_count":1,"#,
        r#""data_rows":2,"data_size":4,"command_completed":"SELECT 2"}}}"#
    ),
    concat!(
        r#"{"pgsql":{"tx_id":5,"request":{"simple_query":"copy a from stdin"},"#,
        r#""response":{"copy_in_response":{"columns":1}}}}"#
    ),
    concat!(
        r#"{"pgsql":{"tx_id":6,"request":{"message":"copy_done","copy_data_in":{"msg_count":2,"data_size":15}},"#,
        r#""response":{"data_rows":2,"data_size":15,"command_completed":"COPY 2"}}}"#
    ),
    r#"{"pgsql":{"tx_id":7,"request":{"message":"termination_message"}}}"#,
];

#[test]
fn a_conversation() {
    let (records, step) = run(&conversation(), &[usize::MAX]);
    assert_eq!(records, RECORDS);
    assert_eq!(step, Step::More);
}

#[test]
fn tls_follows_when_it_is_accepted() {
    let rows = [(ToServer, TLS.to_vec()), (ToClient, b"S\x16".to_vec())];
    let (records, step) = run(&rows, &[usize::MAX]);
    assert_eq!(records.len(), 1);
    assert!(
        matches!(
            step,
            Step::Change {
                rest: 1,
                expect: Some(Protocol::Tls),
                ..
            }
        ),
        "{step:?}"
    );
}

#[test]
fn an_impossible_length_ends_parsing() {
    let (records, step) = run(&[(ToServer, b"Q\0\0\0\x01".to_vec())], &[usize::MAX]);
    assert_eq!((records.len(), step), (1, Step::Failed));
}

#[test]
fn long_bodies_are_not_kept() {
    let mut state = State::default();
    let mut transactions = Transactions::default();
    let query = tagged(b'Q', &vec![b'a'; 3 * MAX_BODY_BYTES]);
    for chunk in query.chunks(1000) {
        state.chunk(
            ToServer,
            chunk,
            &mut transactions,
            &CONTEXT,
            &Limits::default(),
        );
        assert!(state.sides[0].held.len() <= MAX_BODY_BYTES);
    }
    assert_eq!(transactions.begun(), 1);
}

#[test]
fn questions_without_answers_have_a_limit() {
    let query = tagged(b'Q', b"q\0");
    let queries: Vec<_> = (0..2 * MAX_LIVE_TRANSACTIONS)
        .map(|_| (ToServer, query.clone()))
        .collect();
    let (records, step) = run(&queries, &[usize::MAX]);
    assert_eq!(records.len(), MAX_LIVE_TRANSACTIONS);
    assert_eq!(step, Step::Finished);
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_transactions(cuts in proptest::collection::vec(1usize..30, 1..20)) {
        prop_assert_eq!(run(&conversation(), &cuts).0, RECORDS);
    }

    #[test]
    fn no_bytes_panic(pieces in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 0..60)), 0..10)) {
        let messages: Vec<_> = pieces
            .into_iter()
            .map(|(client, bytes)| (if client { ToServer } else { ToClient }, bytes))
            .collect();
        run(&messages, &[7]);
    }
}
