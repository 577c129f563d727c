use super::*;
use crate::dnp3::wire::build::{MAX_FRAME_BYTES, frame};
use Direction::{ToClient, ToServer};
use proptest::prelude::*;

const CONTEXT: Context = Context {
    now_ns: 0,
    server_port: 20000,
    client_port: 1024,
};

fn feed(
    state: &mut State,
    transactions: &mut Transactions,
    bytes: &[(Direction, Vec<u8>)],
    cut: usize,
) -> Step {
    let mut step = Step::More;
    for (direction, bytes) in bytes {
        for chunk in bytes.chunks(cut.max(1)) {
            step = state.chunk(
                *direction,
                chunk,
                transactions,
                &CONTEXT,
                &Limits::default(),
            );
            for side in &state.sides {
                assert!(side.held.len() < MAX_FRAME_BYTES);
            }
        }
    }
    step
}

fn records(transactions: &Transactions) -> Vec<String> {
    transactions
        .live()
        .iter()
        .map(|tx| serde_json::to_string(&tx.record()).expect("a record serialises"))
        .collect()
}

/// A request for class data, and a response in two segments.
fn conversation() -> Vec<(Direction, Vec<u8>)> {
    let mut first = vec![0x41, 0xc0, 0x81, 0x80, 0x00, 1, 2, 0, 0, 9];
    let mut second = vec![0x82];
    first.extend([0x81; 5]);
    second.extend([0x01; 5]);
    vec![
        (ToServer, frame(0xc4, &[0xc0, 0xc0, 0x01, 60, 2, 6])),
        (ToClient, b"Welcome to a DNP3 station".to_vec()),
        (ToClient, frame(0x44, &first)),
        (ToClient, frame(0x44, &second)),
        (ToServer, frame(0xc4, &[0xc1, 0xc0, 0x00])),
    ]
}

#[test]
fn a_conversation() {
    let mut state = State::default();
    let mut transactions = Transactions::default();
    feed(&mut state, &mut transactions, &conversation(), usize::MAX);
    let seen = records(&transactions);
    assert_eq!(seen.len(), 2);
    assert_eq!(
        seen[0],
        concat!(
            r#"{"dnp3":{"type":"request","control":{"dir":true,"pri":true,"fcb":false,"fcv":false,"#,
            r#""function_code":4},"src":1,"dst":10,"application":{"control":{"fir":true,"fin":true,"#,
            r#""con":false,"uns":false,"sequence":0},"function_code":1,"objects":[{"group":60,"#,
            r#""variation":2,"qualifier":6,"prefix_code":0,"range_code":6,"start":0,"stop":0,"count":0}],"#,
            r#""complete":true}}}"#
        )
    );
    assert!(seen[1].contains(r#""stop":9,"count":10,"points":[{"prefix":0,"index":0,"online":1"#));
    assert!(seen[1].ends_with(r#""complete":true},"iin":{"indicators":["device_restart"]}}}"#));
}

#[test]
fn oddities_are_told() {
    let request = frame(0xc4, &[0xc0, 0xc0, 0x01, 60, 2, 6]);
    let mut link = request.clone();
    link[8] ^= 1;
    let mut body = request.clone();
    body[12] ^= 1;
    let rows = [
        (
            vec![request.clone(), link],
            events::BAD_LINK_CRC,
            Step::Failed,
        ),
        (
            vec![request.clone(), body],
            events::BAD_TRANSPORT_CRC,
            Step::More,
        ),
        (
            vec![request.clone(), frame(0xc4, &[0xc0])],
            events::LEN_TOO_SMALL,
            Step::More,
        ),
        (
            vec![frame(0xc4, &[0xc0, 0xc0, 0x01, 99, 9, 7, 1])],
            events::UNKNOWN_OBJECT,
            Step::More,
        ),
    ];
    for (frames, event, step) in rows {
        let mut state = State::default();
        let mut transactions = Transactions::default();
        let frames: Vec<_> = frames.into_iter().map(|frame| (ToServer, frame)).collect();
        let seen = feed(&mut state, &mut transactions, &frames, usize::MAX);
        assert_eq!(seen, step);
        assert_eq!(transactions.live()[0].events, [event]);
    }
}

#[test]
fn long_messages_end() {
    let mut state = State::default();
    let mut transactions = Transactions::default();
    let mut frames = vec![(ToServer, frame(0xc4, &[&[0x40][..], &[0xc0; 249]].concat()))];
    for sequence in 1..=70u8 {
        frames.push((
            ToServer,
            frame(0xc4, &[&[sequence & 0x3f][..], &[0xc0; 249]].concat()),
        ));
    }
    feed(&mut state, &mut transactions, &frames, usize::MAX);
    assert_eq!(transactions.begun(), 1);
    assert_eq!(transactions.live()[0].events, [events::TOO_LONG_REASSEMBLY]);
}

#[test]
fn a_flood_is_told_once() {
    let mut state = State::default();
    let mut transactions = Transactions::default();
    let frames = vec![(ToServer, frame(0xc4, &[0x40, 0xc0, 0x01])); 40];
    feed(&mut state, &mut transactions, &frames, usize::MAX);
    let told: Vec<_> = transactions
        .live()
        .iter()
        .filter(|tx| !tx.events.is_empty())
        .collect();
    assert_eq!(told.len(), 1);
    assert!(transactions.live()[0].is_complete(ToServer));
}

#[test]
fn after_a_gap_the_next_frame_is_found() {
    let mut state = State::default();
    let mut transactions = Transactions::default();
    state.gap(ToServer, 9, &mut transactions, &CONTEXT, &Limits::default());
    let mut bytes = b"\x05rest of a frame".to_vec();
    bytes.extend(frame(0xc4, &[0xc0, 0xc0, 0x01]));
    feed(
        &mut state,
        &mut transactions,
        &[(ToServer, bytes)],
        usize::MAX,
    );
    assert_eq!(transactions.begun(), 1);
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_transactions(cut in 1usize..40) {
        let run = |cut| {
            let mut transactions = Transactions::default();
            feed(&mut State::default(), &mut transactions, &conversation(), cut);
            records(&transactions)
        };
        prop_assert_eq!(run(cut), run(usize::MAX));
    }

    #[test]
    fn no_bytes_panic(users in proptest::collection::vec((any::<bool>(), proptest::collection::vec(any::<u8>(), 0..60)), 0..8), noise in proptest::collection::vec(any::<u8>(), 0..30)) {
        let mut frames: Vec<_> = users
            .into_iter()
            .map(|(client, user)| if client { (ToServer, frame(0xc4, &user)) } else { (ToClient, frame(0x44, &user)) })
            .collect();
        frames.push((ToServer, noise));
        let mut transactions = Transactions::default();
        feed(&mut State::default(), &mut transactions, &frames, 11);
        records(&transactions);
    }
}
