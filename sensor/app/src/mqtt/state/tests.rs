//! Tests of messages that become transactions.

use super::*;
use Direction::{ToClient, ToServer};
use proptest::prelude::*;

const CONTEXT: Context = Context {
    now_ns: 0,
    server_port: 1883,
    client_port: 40_000,
};
const CONNECT: &[u8] = b"\x10\x0d\x00\x04MQTT\x04\x02\x00\x3c\x00\x01c";
const CONNACK: &[u8] = b"\x20\x02\x00\x00";
const PUBLISH_1: &[u8] = b"\x32\x08\x00\x01t\x00\x07abc";
const PUBACK_7: &[u8] = b"\x40\x02\x00\x07";
const DISCONNECT: &[u8] = b"\xe0\x00";

fn run(pieces: &[(Direction, &[u8])]) -> (Transactions, Step) {
    let mut state = State::default();
    let mut transactions = Transactions::default();
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
    (transactions, step)
}

/// Types of messages, whether complete, and events of each transaction.
fn shape(transactions: &Transactions) -> Vec<(Vec<u8>, bool, Vec<u16>)> {
    transactions
        .live()
        .iter()
        .map(|transaction| {
            let Body::Mqtt(mqtt) = &transaction.body else {
                return Default::default();
            };
            let kinds = mqtt.messages.iter().map(|one| one.header.kind.0).collect();
            let complete = Direction::BOTH
                .iter()
                .all(|side| transaction.is_complete(*side));
            (kinds, complete, transaction.events.clone())
        })
        .collect()
}

#[test]
fn answers_find_their_messages() {
    let rows: &[(&[(Direction, &[u8])], &[(&[u8], bool, &[u16])])] = &[
        (
            &[
                (ToServer, CONNECT),
                (ToClient, CONNACK),
                (ToServer, PUBLISH_1),
                (ToClient, PUBACK_7),
                (ToServer, DISCONNECT),
            ],
            &[
                (&[1, 2], true, &[]),
                (&[3, 4], true, &[]),
                (&[14], true, &[]),
            ],
        ),
        (
            &[(ToServer, CONNECT), (ToServer, PUBLISH_1)],
            &[
                (&[1], false, &[]),
                (&[3], false, &[events::UNINTRODUCED_MESSAGE]),
            ],
        ),
        (
            &[(ToClient, CONNACK), (ToClient, PUBACK_7)],
            &[
                (&[2], true, &[events::MISSING_CONNECT]),
                (
                    &[4],
                    true,
                    &[events::MISSING_PUBLISH, events::UNINTRODUCED_MESSAGE],
                ),
            ],
        ),
        (
            &[(ToServer, b"\x10\x02\x00\x09")],
            &[(&[], true, &[events::MALFORMED_TRAFFIC])],
        ),
    ];
    for (pieces, expected) in rows {
        let found = shape(&run(pieces).0);
        let expected: Vec<_> = expected
            .iter()
            .map(|(kinds, complete, events)| (kinds.to_vec(), *complete, events.to_vec()))
            .collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn a_long_message_is_passed_over() {
    // 2 MiB of a PUBLISH, then a DISCONNECT.
    let mut bytes = vec![0x30, 0x80, 0x80, 0x80, 0x01];
    bytes.extend(vec![0; 2 * 1024 * 1024]);
    bytes.extend(DISCONNECT);
    let pieces: Vec<_> = bytes
        .chunks(100_000)
        .map(|chunk| (ToServer, chunk))
        .collect();
    let (transactions, step) = run(&pieces);
    assert_eq!(step, Step::More);
    let kinds: Vec<_> = shape(&transactions).into_iter().map(|one| one.0).collect();
    assert_eq!(kinds, [vec![3], vec![14]]);
    assert_eq!(transactions.live()[0].only, Some(ToClient));
}

#[test]
fn what_waits_for_an_answer_has_a_limit() {
    let mut pieces = vec![(ToServer, CONNECT), (ToClient, CONNACK)];
    let publishes: Vec<Vec<u8>> = (0..300u16)
        .map(|id| {
            let mut bytes = PUBLISH_1.to_vec();
            bytes[5..7].copy_from_slice(&id.to_be_bytes());
            bytes
        })
        .collect();
    pieces.extend(publishes.iter().map(|bytes| (ToServer, bytes.as_slice())));
    let (transactions, _) = run(&pieces);
    let open = shape(&transactions).iter().filter(|one| !one.1).count();
    assert_eq!(open, MAX_OPEN);
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_transactions(cuts in proptest::collection::vec(1usize..9, 1..20)) {
        let stream = [CONNECT, PUBLISH_1, DISCONNECT].concat();
        let whole = shape(&run(&[(ToServer, &stream)]).0);
        let mut pieces = Vec::new();
        let mut rest = stream.as_slice();
        for cut in cuts.into_iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, after) = rest.split_at(cut.min(rest.len()));
            pieces.push((ToServer, chunk));
            rest = after;
        }
        prop_assert_eq!(shape(&run(&pieces).0), whole);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let (transactions, _) = run(&[(ToServer, CONNECT), (ToClient, &bytes), (ToServer, &bytes)]);
        for transaction in transactions.live() {
            serde_json::to_string(&transaction.record()).expect("a record serialises");
        }
    }
}
