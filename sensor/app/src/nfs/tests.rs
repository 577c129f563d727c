//! Conversations of a client and a server.

use proptest::prelude::*;
use sensor_flow::Direction::{self, ToClient, ToServer};

use super::number::{v3, v4};
use super::state::State;
use super::{MALFORMED_DATA, TOO_MANY_TRANSACTIONS};
use crate::parser::{Parser, Step, Transport};
use crate::transactions::Transactions;
use crate::{Body, Context, FileState, Limits};

const CONTEXT: Context = Context {
    now_ns: 0,
    server_port: 2049,
    client_port: 900,
};

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes()).collect()
}

fn opaque(bytes: &[u8]) -> Vec<u8> {
    let mut value = words(&[bytes.len() as u32]);
    value.extend(bytes);
    value.resize(value.len().next_multiple_of(4), 0);
    value
}

fn call(xid: u32, version: u32, procedure: u32, arguments: &[Vec<u8>]) -> Vec<u8> {
    let mut message = words(&[xid, 0, 2, super::PROGRAM, version, procedure, 1]);
    message.extend(opaque(
        &[words(&[0]), opaque(b"host"), words(&[1_000, 100])].concat(),
    ));
    message.extend(words(&[0, 0]));
    message.extend(arguments.concat());
    message
}

fn reply(xid: u32, results: &[Vec<u8>]) -> Vec<u8> {
    let mut message = words(&[xid, 1, 0, 0, 0, 0]);
    message.extend(results.concat());
    message
}

fn record(message: Vec<u8>) -> Vec<u8> {
    let mut record = words(&[0x8000_0000 | message.len() as u32]);
    record.extend(message);
    record
}

/// What transactions tell, but for how many parts their files came in.
fn told(transactions: &Transactions) -> Vec<String> {
    transactions
        .live()
        .iter()
        .map(|tx| {
            let mut record = serde_json::to_value(tx.record()).expect("plain values");
            for transfer in ["read", "write"] {
                if let Some(transfer) = record["nfs"].get_mut(transfer) {
                    transfer["chunks"].take();
                }
            }
            let files: Vec<_> = tx
                .files
                .iter()
                .map(|file| (file.state, file.size, file.window.data().to_vec()))
                .collect();
            format!("{:?} {:?} {record} {files:?}", tx.progress, tx.events)
        })
        .collect()
}

fn run(transport: Transport, parts: &[(Direction, &[u8])]) -> (Transactions, Step) {
    let mut state = State::new(transport);
    let mut transactions = Transactions::default();
    let mut step = Step::More;
    for (direction, bytes) in parts {
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

/// A file is looked up and read in two chunks, another one created, written and committed.
fn conversation() -> Vec<(Direction, Vec<u8>)> {
    let (directory, read, written) = (opaque(b"dir"), opaque(b"read"), opaque(b"writ"));
    let attributes = [words(&[1]), vec![0; 84]].concat();
    let of_read = |bytes: &[u8], eof: u32| {
        [
            words(&[0]),
            attributes.clone(),
            words(&[bytes.len() as u32, eof]),
            opaque(bytes),
        ]
    };
    let write = [
        written.clone(),
        words(&[0, 0, 701, 0]),
        opaque(&[b'w'; 701]),
    ];
    [
        (
            ToServer,
            call(1, 3, v3::LOOKUP, &[directory.clone(), opaque(b"a.txt")]),
        ),
        (ToClient, reply(1, &[words(&[0]), read.clone()])),
        (
            ToServer,
            call(2, 3, v3::READ, &[read.clone(), words(&[0, 0, 600])]),
        ),
        (ToClient, reply(2, &of_read(&[b'r'; 600], 0))),
        (
            ToServer,
            call(3, 3, v3::READ, &[read.clone(), words(&[0, 600, 600])]),
        ),
        (ToClient, reply(3, &of_read(b"end", 1))),
        (
            ToServer,
            call(
                4,
                3,
                v3::CREATE,
                &[directory.clone(), opaque(b"b"), words(&[0])],
            ),
        ),
        (ToClient, reply(4, &[words(&[0, 1]), written.clone()])),
        (ToServer, call(5, 3, v3::WRITE, &write)),
        (ToClient, reply(5, &[words(&[0])])),
        (
            ToServer,
            call(6, 3, v3::COMMIT, &[written, words(&[0, 0, 0])]),
        ),
        (ToClient, reply(6, &[words(&[0])])),
        (
            ToServer,
            call(
                7,
                3,
                v3::RENAME,
                &[directory.clone(), opaque(b"b"), directory, opaque(b"c")],
            ),
        ),
        (ToClient, reply(7, &[words(&[13])])),
    ]
    .map(|(direction, message)| (direction, record(message)))
    .into()
}

fn whole() -> Transactions {
    let conversation = conversation();
    let parts: Vec<_> = conversation
        .iter()
        .map(|(direction, bytes)| (*direction, bytes.as_slice()))
        .collect();
    run(Transport::Tcp, &parts).0
}

#[test]
fn files_and_names_are_followed() {
    let transactions = whole();
    let records: Vec<_> = transactions
        .live()
        .iter()
        .map(|tx| serde_json::to_value(tx.record()).expect("plain values"))
        .collect();
    let rows = [
        (1, "LOOKUP", "a.txt", "OK"),
        (2, "READ", "a.txt", "OK"),
        (4, "CREATE", "b", "OK"),
        (5, "WRITE", "b", "OK"),
        (7, "RENAME", "b", "ERR_ACCES"),
    ];
    assert_eq!(records.len(), rows.len());
    for (record, (xid, procedure, name, status)) in records.iter().zip(rows) {
        let nfs = &record["nfs"];
        assert_eq!(record["rpc"]["xid"], xid);
        assert_eq!(nfs["procedure"], procedure);
        assert_eq!(nfs["filename"], name);
        assert_eq!(nfs["status"], status);
    }
    assert_eq!(records[0]["rpc"]["creds"]["uid"], 1_000);
    assert_eq!(records[1]["nfs"]["read"]["last_xid"], 3);
    assert_eq!(records[3]["nfs"]["write"]["last_xid"], 6);
    assert_eq!(records[4]["nfs"]["rename"]["to"], "c");
    let files: Vec<_> = transactions
        .live()
        .iter()
        .flat_map(|tx| &tx.files)
        .map(|file| (file.state, file.size, file.gaps))
        .collect();
    assert_eq!(
        files,
        [
            (FileState::Closed, 603, false),
            (FileState::Closed, 701, false)
        ]
    );
}

#[test]
fn files_with_holes_are_cut() {
    let mut state = State::new(Transport::Tcp);
    let mut transactions = Transactions::default();
    let limits = Limits::default();
    for (direction, bytes) in conversation().iter().take(4) {
        let (bytes, lost) = match direction {
            ToClient if bytes.len() > 600 => bytes.split_at(bytes.len() - 100),
            _ => bytes.split_at(bytes.len()),
        };
        state.chunk(*direction, bytes, &mut transactions, &CONTEXT, &limits);
        state.gap(
            *direction,
            lost.len() as u64,
            &mut transactions,
            &CONTEXT,
            &limits,
        );
    }
    for (direction, bytes) in &conversation()[4..6] {
        state.chunk(*direction, bytes, &mut transactions, &CONTEXT, &limits);
    }
    let file = &transactions.live()[1].files[0];
    assert_eq!(
        (file.state, file.size, file.gaps),
        (FileState::Truncated, 603, true)
    );
}

#[test]
fn the_next_record_is_found_after_a_gap() {
    let mut state = State::new(Transport::Tcp);
    let mut transactions = Transactions::default();
    let limits = Limits::default();
    state.gap(ToServer, 9, &mut transactions, &CONTEXT, &limits);
    let [(_, lookup), ..] = &conversation()[..] else {
        panic!("there is one");
    };
    let bytes = [b"rest of something".as_slice(), lookup].concat();
    for byte in bytes {
        state.chunk(ToServer, &[byte], &mut transactions, &CONTEXT, &limits);
    }
    assert_eq!(transactions.live().len(), 1);
}

#[test]
fn version_2_is_read_from_datagrams() {
    let handle = vec![7; 32];
    let read = call(1, 2, 6, &[handle.clone(), words(&[0, 100, 100])]);
    let attributes = [words(&[1, 0, 0, 0, 0, 5]), vec![0; 44]].concat();
    let results = reply(1, &[words(&[0]), attributes, opaque(b"hello")]);
    let lookup = call(2, 2, 4, &[handle, opaque(b"x")]);
    let refusal = reply(2, &[words(&[2])]);
    let (transactions, _) = run(
        Transport::Udp,
        &[
            (ToServer, &read),
            (ToClient, &results),
            (ToServer, &lookup),
            (ToServer, &lookup),
            (ToClient, &refusal),
        ],
    );
    let told = told(&transactions);
    assert!(told[0].contains("(Closed, 5, [104, 101, 108, 108, 111])"));
    assert!(told[1].contains("\"procedure\":\"LOOKUP\"") && told[1].contains("ERR_NOENT"));
    // The call that was sent again has no answer.
    assert!(told[2].starts_with("[255, 0]"));
}

#[test]
fn compounds_carry_files() {
    let open = call(
        1,
        4,
        v4::COMPOUND,
        &[
            words(&[0, 0, 3, v4::PUTFH]),
            opaque(b"dir"),
            words(&[v4::OPEN, 0, 1, 0, 0, 0]),
            opaque(b"owner"),
            words(&[0, 0]),
            opaque(b"f"),
            words(&[v4::GETFH]),
        ],
    );
    let opened = reply(
        1,
        &[
            words(&[0, 0, 3, v4::PUTFH, 0, v4::OPEN, 0]),
            vec![0; 40],
            words(&[0, 0, v4::GETFH, 0]),
            opaque(b"file"),
        ],
    );
    let write = call(
        2,
        4,
        v4::COMPOUND,
        &[
            words(&[0, 0, 2, v4::PUTFH]),
            opaque(b"file"),
            words(&[v4::WRITE, 0, 0, 0, 0, 0, 0, 2]),
            opaque(b"data"),
        ],
    );
    let remove = call(
        3,
        4,
        v4::COMPOUND,
        &[
            words(&[0, 0, 2, v4::PUTFH]),
            opaque(b"dir"),
            words(&[v4::REMOVE]),
            opaque(b"f"),
        ],
    );
    let removed = reply(3, &[words(&[2, 0, 2, v4::PUTFH, 0, v4::REMOVE, 2])]);
    let unknown = call(4, 4, v4::COMPOUND, &[words(&[0, 0, 1, 99])]);
    let parts = [
        (ToServer, record(open)),
        (ToClient, record(opened)),
        (ToServer, record(write)),
        (ToServer, record(remove)),
        (ToClient, record(removed)),
        (ToServer, record(unknown)),
    ];
    let parts: Vec<_> = parts
        .iter()
        .map(|(direction, bytes)| (*direction, bytes.as_slice()))
        .collect();
    let (transactions, _) = run(Transport::Tcp, &parts);
    let records: Vec<_> = transactions
        .live()
        .iter()
        .map(|tx| serde_json::to_value(tx.record()).expect("plain values"))
        .collect();
    assert_eq!(records.len(), 2);
    assert_eq!(records[0]["nfs"]["procedure"], "WRITE");
    assert_eq!(records[0]["nfs"]["filename"], "f");
    assert_eq!(records[0]["nfs"]["write"]["last"], true);
    assert_eq!(records[1]["nfs"]["procedure"], "REMOVE");
    assert_eq!(records[1]["nfs"]["status"], "ERR_NOENT");
    assert_eq!(transactions.live()[1].events, [MALFORMED_DATA]);
}

#[test]
fn calls_without_reply_have_a_limit() {
    let mut state = State::new(Transport::Tcp);
    let mut transactions = Transactions::default();
    for xid in 0..2_000 {
        let message = record(call(xid, 3, 0, &[]));
        state.chunk(
            ToServer,
            &message,
            &mut transactions,
            &CONTEXT,
            &Limits::default(),
        );
    }
    assert!(transactions.live().len() <= crate::MAX_LIVE_TRANSACTIONS);
    assert_eq!(transactions.live()[0].events, [TOO_MANY_TRANSACTIONS]);
}

#[test]
fn what_is_no_record_ends_parsing() {
    let (_, step) = run(Transport::Tcp, &[(ToServer, b"GET / HTTP/1.1\r\n")]);
    assert_eq!(step, Step::Failed);
}

proptest! {
    #[test]
    fn chunks_make_no_difference(sizes in prop::collection::vec(1usize..400, 1..40)) {
        let mut state = State::new(Transport::Tcp);
        let mut transactions = Transactions::default();
        let mut sizes = sizes.into_iter().cycle();
        for (direction, bytes) in conversation() {
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let size = sizes.next().unwrap_or(1).min(rest.len());
                let (part, after) = rest.split_at(size);
                state.chunk(direction, part, &mut transactions, &CONTEXT, &Limits::default());
                rest = after;
            }
        }
        prop_assert_eq!(told(&transactions), told(&whole()));
    }

    #[test]
    fn nothing_panics(
        parts in prop::collection::vec((any::<bool>(), 0usize..14, any::<prop::sample::Index>(), any::<u8>(), 0u64..900), 1..30),
        is_stream: bool,
    ) {
        let transport = if is_stream { Transport::Tcp } else { Transport::Udp };
        let mut state = State::new(transport);
        let mut transactions = Transactions::default();
        let conversation = conversation();
        for (is_gap, nth, at, value, gap) in parts {
            let (direction, bytes) = &conversation[nth];
            let mut bytes = bytes.clone();
            let at = at.index(bytes.len());
            bytes[at] = value;
            let limits = Limits::default();
            state.chunk(*direction, &bytes, &mut transactions, &CONTEXT, &limits);
            if is_gap && is_stream {
                state.gap(*direction, gap, &mut transactions, &CONTEXT, &limits);
            }
        }
        let all_nfs = transactions.live().iter().all(|tx| matches!(tx.body, Body::Nfs(_)));
        prop_assert!(all_nfs);
    }
}
